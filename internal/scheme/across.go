package scheme

import "quorate/sigagg"

// Claim is a certificate and the group that is said to have made it.
type Claim struct {
	Group Group
	sigagg.CertItem
}

// VerifyAll reports whether all of claims, of groups of one cluster, are good;
// its verdict is that of Verify on each. In the two BLS schemes all share a product
// of pairings; Ed25519 has nothing to share, and verifies those of one group
// together.
func VerifyAll(claims []Claim) bool {
	if len(claims) == 0 {
		return true
	}
	switch claims[0].Group.(type) {
	case sigagg.ThresholdGroup:
		across := make([]sigagg.Claim, len(claims))
		for i := range claims {
			across[i] = sigagg.Claim{Group: claims[i].Group.(sigagg.ThresholdGroup).Group, Item: claims[i].PointItem()}
		}
		return sigagg.VerifyAcross(across)
	case *sigagg.MultiGroup:
		across := make([]sigagg.MultiClaim, len(claims))
		for i := range claims {
			across[i] = sigagg.MultiClaim{Group: claims[i].Group.(*sigagg.MultiGroup), CertItem: claims[i].CertItem}
		}
		return sigagg.MultiVerifyAcross(across)
	}
	return byGroup(claims)
}

// byGroup verifies the claims of each group together.
func byGroup(claims []Claim) bool {
	of := map[Group][]sigagg.CertItem{}
	for i := range claims {
		of[claims[i].Group] = append(of[claims[i].Group], claims[i].CertItem)
	}
	for g, items := range of {
		if g.VerifyMany(items) != nil {
			return false
		}
	}
	return true
}

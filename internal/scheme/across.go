package scheme

import "quorate/sigagg"

// Claim is a certificate and the group that is said to have made it.
type Claim struct {
	Group Group
	sigagg.CertItem
}

// VerifyAll reports whether all of claims, of groups of one cluster, are good;
// its verdict is that of Verify on each. In the two BLS schemes all share a product
// of pairings, with Ed25519 a batch.
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
	across := make([]sigagg.EdClaim, len(claims))
	for i := range claims {
		across[i] = sigagg.EdClaim{Group: claims[i].Group.(*sigagg.EdGroup), CertItem: claims[i].CertItem}
	}
	return sigagg.EdVerifyAcross(across)
}

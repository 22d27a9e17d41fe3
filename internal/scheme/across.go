package scheme

import "quorate/sigagg"

// Claim is a certificate and the group that is said to have made it.
type Claim struct {
	Group Group
	sigagg.CertItem
}

// VerifyAll reports whether all of claims, of groups of one cluster, are good;
// its verdict is that of Verify on each. With threshold BLS certificates of
// several groups share a product of pairings; in the other schemes those of one
// group are verified together.
func VerifyAll(claims []Claim) bool {
	across := make([]sigagg.Claim, 0, len(claims))
	for i := range claims {
		g, ok := claims[i].Group.(sigagg.ThresholdGroup)
		if !ok {
			return byGroup(claims)
		}
		across = append(across, sigagg.Claim{Group: g.Group, Item: claims[i].PointItem()})
	}
	return sigagg.VerifyAcross(across)
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

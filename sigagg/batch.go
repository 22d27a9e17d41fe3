package sigagg

import (
	"crypto/rand"

	"github.com/herumi/bls-eth-go-binary/bls"
)

// Item is one certificate to verify: the group's signature over a digest in a
// domain.
type Item struct {
	Domain Domain
	Digest [32]byte
	Sig    Signature
}

// randomWeights returns count scalars in [1, 2¹²⁸) from the system's randomness.
// They are chosen after the signatures they weigh and never shown to anybody, so
// no peer can choose signatures whose errors cancel.
func randomWeights(count int) []bls.Fr {
	weights := make([]bls.Fr, count)
	var buf [16]byte
	for i := range weights {
		// crypto/rand.Read never fails: it ends the process instead.
		_, _ = rand.Read(buf[:])
		if weights[i].SetBigEndianMod(buf[:]) != nil || weights[i].IsZero() {
			weights[i].SetInt64(1)
		}
	}
	return weights
}

// Claim is an Item and the group that is said to have signed it.
type Claim struct {
	Group *Group
	Item
}

// VerifyAcross reports whether all of claims are good, certificates of several
// groups together; its verdict is that of Verify on each, but for a chance of
// 2⁻¹²⁸. No claims are good.
//
// N claims of k groups cost 2N short multiplications in G1 and one product of
// k+1 pairings,
//
//	e(Σ rᵢσᵢ, G2) = Π over groups of e(Σ rᵢHᵢ, key),
//
// for random rᵢ (Bellare, Garay and Rabin, EUROCRYPT 1998, small exponents test),
// where N verifications cost 2N pairings and N final exponentiations. It does
// not say which one is bad: who needs that asks Verify for each.
func VerifyAcross(claims []Claim) bool {
	if len(claims) == 0 {
		return true
	}
	sigs := make([]bls.G1, len(claims))
	for i := range claims {
		// Invariant I2: each subgroup is checked by itself. The cofactor of G1
		// has the factor 3, so a random combination would miss every third
		// forgery.
		if !claims[i].Domain.Valid() || claims[i].Sig.decode(&sigs[i]) != nil {
			return false
		}
	}
	weights := randomWeights(len(claims))
	left, right := make([]bls.G1, 1, 4), make([]bls.G2, 1, 4)
	left[0], right[0] = weighted(sigs, weights), negG2
	done := make([]bool, len(claims))
	for i := range claims {
		if done[i] {
			continue
		}
		var hashes []bls.G1
		var of []bls.Fr
		for j := i; j < len(claims); j++ {
			if claims[j].Group == claims[i].Group {
				done[j] = true
				hashes = append(hashes, messages.point(claims[j].Domain, claims[j].Digest))
				of = append(of, weights[j])
			}
		}
		left, right = append(left, weighted(hashes, of)), append(right, claims[i].Group.key.point)
	}
	var e bls.GT
	bls.MillerLoopVec(&e, left, right)
	bls.FinalExp(&e, &e)
	return e.IsOne()
}

// weighted is Σ weights[i]·points[i].
func weighted(points []bls.G1, weights []bls.Fr) (sum bls.G1) {
	bls.G1MulVec(&sum, points, weights)
	return sum
}

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

// VerifyMany verifies certificates of this group together and returns the
// indices of the bad ones, ascending, or nil if all are good. Its verdict on
// each item is that of Verify, but for a chance of 2⁻¹²⁸ that a bad one passes;
// an item it calls bad is bad for certain. No items give nil.
//
// N items cost two multi-scalar multiplications and one product of pairings,
// e(Σ rᵢσᵢ, G2) = e(Σ rᵢHᵢ, key) for random rᵢ (Bellare, Garay and Rabin,
// EUROCRYPT 1998, small exponents test), and about 2b·log₂N pairings more if b
// items are bad.
func (g *Group) VerifyMany(items []Item) (bad []int) {
	index := make([]int, 0, len(items)) // of each decoded item in items
	sigs, hashes := make([]bls.G1, 0, len(items)), make([]bls.G1, 0, len(items))
	for i := range items {
		var p bls.G1
		// Invariant I2: each subgroup is checked by itself. The cofactor of G1
		// has the factor 3, so a random combination would miss every third
		// forgery.
		if !items[i].Domain.Valid() || items[i].Sig.decode(&p) != nil {
			continue
		}
		index = append(index, i)
		sigs = append(sigs, p)
		hashes = append(hashes, messages.point(items[i].Domain, items[i].Digest))
	}
	weights := randomWeights(len(sigs))
	failed := failing(len(sigs), func(lo, hi int) bool {
		sig, hash := sigs[lo], hashes[lo]
		if hi-lo > 1 {
			bls.G1MulVec(&sig, sigs[lo:hi], weights[lo:hi])
			bls.G1MulVec(&hash, hashes[lo:hi], weights[lo:hi])
		}
		return pairingHolds(&sig, &hash, &g.key.point)
	})
	return badItems(len(items), index, failed)
}

// badItems returns which of 0 … count−1 are not in index at all, or are in it at
// one of the positions failed. Both lists are ascending, and so is the result.
func badItems(count int, index, failed []int) (bad []int) {
	at := 0 // position in index
	for i := range count {
		if at == len(index) || index[at] != i {
			bad = append(bad, i)
			continue
		}
		if len(failed) > 0 && failed[0] == at {
			failed, bad = failed[1:], append(bad, i)
		}
		at++
	}
	return bad
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

// failing returns, ascending, which of the claims 0 … count−1 are false. holds
// judges the claims of one range together and must do so with one fixed weight
// per claim: then the equation of a range is the product of those of its halves,
// and a false range with a true half has its fault in the other one.
func failing(count int, holds func(lo, hi int) bool) []int {
	if count == 0 || holds(0, count) {
		return nil
	}
	return bisect(0, count, holds, nil)
}

// bisect appends to bad the false claims of [lo, hi), of which there is at least
// one. Its depth is log₂ of the range.
func bisect(lo, hi int, holds func(lo, hi int) bool, bad []int) []int {
	if hi-lo == 1 {
		return append(bad, lo)
	}
	mid := lo + (hi-lo)/2
	if holds(lo, mid) {
		return bisect(mid, hi, holds, bad)
	}
	bad = bisect(lo, mid, holds, bad)
	if holds(mid, hi) {
		return bad
	}
	return bisect(mid, hi, holds, bad)
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
// where N verifications cost 2N pairings and N final exponentiations. It does
// not say which one is bad: who needs that asks Verify for each.
func VerifyAcross(claims []Claim) bool {
	if len(claims) == 0 {
		return true
	}
	sigs := make([]bls.G1, len(claims))
	for i := range claims {
		// Invariant I2, as in VerifyMany.
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

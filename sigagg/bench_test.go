package sigagg

import (
	"crypto/rand"
	"fmt"
	"testing"

	"github.com/herumi/bls-eth-go-binary/bls"
)

// Aim: the figures of doc.go and of decision 0001. Run:
//
//	go test ./sigagg -run '^$' -bench . -benchtime 100ms -count 10

// BenchmarkSign measures a share with a new message and with one whose hash is
// in the memo.
func BenchmarkSign(b *testing.B) {
	c := newCluster(b, 1, 1)
	b.Run("min-sig/new", func(b *testing.B) {
		for i := 0; b.Loop(); i++ {
			c.signers[0].Sign(Prepare, digestOf(i))
		}
	})
	b.Run("min-sig/cached", func(b *testing.B) {
		for b.Loop() {
			c.signers[0].Sign(Prepare, digestOf(0))
		}
	})
	b.Run("min-pk/new", func(b *testing.B) {
		k := newMinPK(b, 1)
		for i := 0; b.Loop(); i++ {
			k.sign(i, 0)
		}
	})
	b.Run("min-pk/cached", func(b *testing.B) {
		k := newMinPK(b, 1)
		h := k.hash(0)
		var sig bls.G2
		for b.Loop() {
			bls.G2Mul(&sig, &h, &k.shares[0])
			_ = sig.Serialize()
		}
	})
}

// BenchmarkVerify measures one certificate: decompression, subgroup, pairing.
func BenchmarkVerify(b *testing.B) {
	c := newCluster(b, 1, 1)
	b.Run("min-sig/new", func(b *testing.B) {
		fresh := make([]Signature, 4*hashMemoMax) // more than the memo keeps
		for i := range fresh {
			fresh[i] = c.signers[0].Sign(Prepare, digestOf(i))
		}
		for i := 0; b.Loop(); i++ {
			if err := c.Verify(Prepare, digestOf(i%len(fresh)), fresh[i%len(fresh)]); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("min-sig/cached", func(b *testing.B) {
		sig := c.signers[0].Sign(Prepare, digestOf(0))
		for b.Loop() {
			if err := c.Verify(Prepare, digestOf(0), sig); err != nil {
				b.Fatal(err)
			}
		}
	})
	for _, cached := range []bool{false, true} {
		b.Run(map[bool]string{false: "min-pk/new", true: "min-pk/cached"}[cached], func(b *testing.B) {
			k := newMinPK(b, 1)
			h, raw := k.hash(0), k.sign(0, 0)
			for b.Loop() {
				if !cached {
					h = k.hash(0)
				}
				if !k.verify(b, raw, &h) {
					b.Fatal("does not verify")
				}
			}
		})
	}
}

// BenchmarkCombine measures decoding threshold shares, combining, verifying and
// encoding, with the plan and the hash known; the signer set is 0 … k−1.
func BenchmarkCombine(b *testing.B) {
	for _, size := range [][2]int{{3, 4}, {4, 4}, {5, 7}, {22, 31}, {67, 100}} {
		c := newCluster(b, size[0], size[1])
		b.Run(fmt.Sprintf("min-sig/k=%d", size[0]), func(b *testing.B) {
			shares := c.sign(Prepare, digestOf(0), firstOf(size[0])...)
			for b.Loop() {
				if _, culprits, err := c.Combine(Prepare, digestOf(0), shares); err != nil || culprits != nil {
					b.Fatal(culprits, err)
				}
			}
		})
		b.Run(fmt.Sprintf("min-pk/k=%d", size[0]), func(b *testing.B) {
			k := newMinPK(b, size[0])
			var raw [][]byte
			for i := range size[0] {
				raw = append(raw, k.sign(0, i))
			}
			h := k.hash(0)
			for b.Loop() {
				if !k.verify(b, k.combine(b, raw), &h) {
					b.Fatal("does not verify")
				}
			}
		})
	}
}

// BenchmarkInterpolate measures the plan alone: known and new signer sets, and
// the library's interpolation.
func BenchmarkInterpolate(b *testing.B) {
	for _, set := range [][]int{{0, 1, 2}, {0, 1, 3}, firstOf(4), firstOf(5), firstOf(22), firstOf(32), firstOf(67), firstOf(134)} {
		name := fmt.Sprintf("k=%d,last=%d", len(set), set[len(set)-1])
		points, xs := make([]bls.G1, len(set)), make([]bls.Fr, len(set))
		for i, s := range set {
			points[i] = hashed(name, fmt.Sprint("TEST", i))
			xs[i].SetInt64(int64(s + 1))
		}
		var out bls.G1
		p := newPlan(set)
		b.Run("apply/"+name, func(b *testing.B) {
			for b.Loop() {
				p.apply(&out, points)
			}
		})
		b.Run("plan/"+name, func(b *testing.B) {
			for b.Loop() {
				newPlan(set)
			}
		})
		b.Run("scalars/"+name, func(b *testing.B) {
			p := &plan{scalar: scalarLagrange(set)}
			for b.Loop() {
				p.apply(&out, points)
			}
		})
		b.Run("library/"+name, func(b *testing.B) {
			for b.Loop() {
				if err := bls.G1LagrangeInterpolation(&out, xs, points); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkCombineWithLiar measures the fallback with one bad share and a spare.
func BenchmarkCombineWithLiar(b *testing.B) {
	for _, size := range [][2]int{{3, 4}, {22, 31}, {67, 100}} {
		c := newCluster(b, size[0], size[1])
		b.Run(fmt.Sprintf("k=%d", size[0]), func(b *testing.B) {
			shares := c.sign(Prepare, digestOf(0), firstOf(size[0]+1)...)
			shares[1].Sig = c.signers[1].Sign(Prepare, digestOf(1))
			for b.Loop() {
				if _, culprits, err := c.Combine(Prepare, digestOf(0), shares); err != nil || len(culprits) != 1 {
					b.Fatal(culprits, err)
				}
			}
		})
	}
}

// BenchmarkVerifyAcrossOneKey reports the cost of N certificates of one key; divide
// by N.
func BenchmarkVerifyAcrossOneKey(b *testing.B) {
	c := newCluster(b, 1, 1)
	for _, n := range []int{2, 4, 16, 64} {
		claims := make([]Claim, n)
		for i := range claims {
			claims[i] = Claim{c.Group, Item{ExecState, digestOf(i), c.signers[0].Sign(ExecState, digestOf(i))}}
		}
		b.Run(fmt.Sprintf("N=%d", n), func(b *testing.B) {
			for b.Loop() {
				if !VerifyAcross(claims) {
					b.Fatal("refused")
				}
			}
			b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N*n), "µs/item")
		})
	}
}

// BenchmarkVerifyAcross is what a backup pays for its proofs: one commit proof,
// and with it the execution proofs that came since the last one.
func BenchmarkVerifyAcross(b *testing.B) {
	sigma, pi := newCluster(b, 1, 1), anotherCluster(b, 1, 1, 1)
	claims := []Claim{{sigma.Group, Item{FastCommit, digestOf(0), sigma.signers[0].Sign(FastCommit, digestOf(0))}}}
	for i := range 8 {
		claims = append(claims, Claim{pi.Group, Item{ExecState, digestOf(i), pi.signers[0].Sign(ExecState, digestOf(i))}})
	}
	for _, n := range []int{1, 2, 3, 5, 9} {
		b.Run(fmt.Sprintf("1+%d", n-1), func(b *testing.B) {
			for b.Loop() {
				if !VerifyAcross(claims[:n]) {
					b.Fatal("refused")
				}
			}
		})
	}
}

// minPK is the scheme not chosen, public keys in G1 and signatures in G2, in its
// fastest form with this library, so that the comparison is fair: hash and
// subgroup checks of the library, its interpolation, the same pairing.
type minPK struct {
	shares []bls.Fr
	group  bls.G1 // public key
	negG1  bls.G1 // the base point negated
}

// newMinPK deals a k-of-k key over an arbitrary base point of G1.
func newMinPK(b *testing.B, k int) *minPK {
	b.Helper()
	m := &minPK{shares: make([]bls.Fr, k)}
	poly := make([]bls.Fr, k)
	for i := range poly {
		if err := drawScalar(&poly[i], rand.Reader); err != nil {
			b.Fatal(err)
		}
	}
	for i := range m.shares {
		if err := bls.FrEvaluatePolynomial(&m.shares[i], poly, new(scalarOf(int64(i+1)))); err != nil {
			b.Fatal(err)
		}
	}
	base := hashed("base", "TEST")
	bls.G1Mul(&m.group, &base, &poly[0])
	bls.G1Normalize(&m.group, &m.group)
	bls.G1Neg(&m.negG1, &base)
	return m
}

// hash returns H(message i) in G2.
func (m *minPK) hash(i int) (h bls.G2) {
	digest := digestOf(i)
	if err := h.HashAndMapTo(digest[:]); err != nil {
		panic(err)
	}
	return h
}

// sign returns the encoded share of a signer for message i. The binding has no
// constant-time multiplication in G2, so this favours min-pk.
func (m *minPK) sign(i, signer int) []byte {
	h := m.hash(i)
	bls.G2Mul(&h, &h, &m.shares[signer])
	return h.Serialize()
}

// combine interpolates encoded shares of signers 0 … k−1 and encodes the result.
func (m *minPK) combine(b *testing.B, raw [][]byte) []byte {
	points, xs := make([]bls.G2, len(raw)), make([]bls.Fr, len(raw))
	for i := range raw {
		xs[i].SetInt64(int64(i + 1))
		if err := points[i].Deserialize(raw[i]); err != nil {
			b.Fatal(err)
		}
	}
	var sum bls.G2
	if err := bls.G2LagrangeInterpolation(&sum, xs, points); err != nil {
		b.Fatal(err)
	}
	return sum.Serialize()
}

// verify decodes and verifies a signature on hash h.
func (m *minPK) verify(b *testing.B, raw []byte, h *bls.G2) bool {
	var sig bls.G2
	if err := sig.Deserialize(raw); err != nil {
		b.Fatal(err)
	}
	var e bls.GT
	bls.MillerLoopVec(&e, []bls.G1{m.negG1, m.group}, []bls.G2{sig, *h})
	bls.FinalExp(&e, &e)
	return e.IsOne()
}

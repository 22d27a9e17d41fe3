package sigagg

import (
	"testing"

	"github.com/herumi/bls-eth-go-binary/bls"
)

// Aim: the prices that choices in this package rest on, each beside the way not
// taken: shared against precomputed Miller loops, constant-time against faster
// multiplication, our hash against the library's, decoding with and without the
// subgroup check.

func BenchmarkPrimitives(b *testing.B) {
	p, q := hashed("p", "TEST"), hashed("q", "TEST")
	key := publicOf(new(scalarOf(1 << 60)))
	lines := [2][]uint64{make([]uint64, bls.GetUint64NumToPrecompute()), make([]uint64, bls.GetUint64NumToPrecompute())}
	bls.PrecomputeG2(lines[0], &negG2)
	bls.PrecomputeG2(lines[1], &key.point)
	var secret bls.Fr
	if err := secret.SetBigEndianMod([]byte("a secret of full length, reduced to 255 bits")); err != nil {
		b.Fatal(err)
	}
	digest, dst, sig := digestOf(0), []byte(Prepare.DST()), encodeG1(&p)
	var e, f bls.GT
	var out bls.G1
	for _, c := range []struct {
		name string
		run  func()
	}{
		{"miller/shared", func() { bls.MillerLoopVec(&e, []bls.G1{p, q}, []bls.G2{negG2, key.point}) }},
		{"miller/precomputed", func() {
			bls.PrecomputedMillerLoop(&e, &p, lines[0])
			bls.PrecomputedMillerLoop(&f, &q, lines[1])
			bls.GTMul(&e, &e, &f)
		}},
		// Computes the wrong product, in the time that the right one would take.
		{"miller/precomputed pair", func() { bls.PrecomputedMillerLoop2(&e, &p, lines[0], &q, lines[1]) }},
		{"final exponentiation", func() { bls.FinalExp(&f, &e) }},
		{"multiply/constant time", func() { bls.G1MulCT(&out, &p, &secret) }},
		{"multiply/faster", func() { bls.G1Mul(&out, &p, &secret) }},
		{"hash/ours", func() { hashToG1(&out, digest[:], dst) }},
		{"hash/library", func() { _ = out.HashAndMapTo(digest[:]) }},
		{"decode/curve only", func() { _ = decodeG1(&out, sig[:]) }},
		{"decode/with subgroup", func() { _ = sig.decode(&out) }},
		{"decode/library", func() { _ = out.Deserialize(sig[:]) }},
	} {
		b.Run(c.name, func(b *testing.B) {
			for b.Loop() {
				c.run()
			}
		})
	}
}

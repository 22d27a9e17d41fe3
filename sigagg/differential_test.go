package sigagg

import (
	"crypto/rand"
	"math/big"
	"testing"

	curve "github.com/consensys/gnark-crypto/ecc/bls12-381"
)

// Aim: an independent implementation, pure Go, agrees on every value. Method:
// the same keys and messages through gnark-crypto, with textbook formulas.

func TestHashDifferential(t *testing.T) {
	for d := FastCommit; d < domainEnd; d++ {
		for i := range 20 {
			digest := digestOf(i)
			want, err := curve.HashToG1(digest[:], []byte(d.DST()))
			if err != nil {
				t.Fatal(err)
			}
			if got := messages.point(d, digest); g1Affine(got) != want.RawBytes() {
				t.Fatalf("%v, digest %d: another point", d, i)
			}
		}
	}
}

// TestSignDifferential deals with fresh randomness and compares public keys,
// shares, the combined signature and the verdict with gnark-crypto's.
func TestSignDifferential(t *testing.T) {
	const k, n = 5, 7
	d, err := Deal(k, n, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	g, err := NewGroup(k, d.Group, d.SharePublics)
	if err != nil {
		t.Fatal(err)
	}
	digest := digestOf(42)
	hash, err := curve.HashToG1(digest[:], []byte(SlowCommit.DST()))
	if err != nil {
		t.Fatal(err)
	}
	_, _, _, g2 := curve.Generators()
	var shares []Share
	for i, secret := range d.Shares {
		var key curve.G2Affine
		key.ScalarMultiplication(&g2, bigOf(secret))
		if key.Bytes() != d.SharePublics[i].Bytes() {
			t.Fatalf("another public key of signer %d", i)
		}
		signer, err := NewSigner(secret, i)
		if err != nil {
			t.Fatal(err)
		}
		var want curve.G1Affine
		want.ScalarMultiplication(&hash, bigOf(secret))
		share := Share{i, signer.Sign(SlowCommit, digest)}
		if Signature(want.Bytes()) != share.Sig {
			t.Fatalf("another share of signer %d", i)
		}
		shares = append(shares, share)
	}
	picked := []Share{shares[6], shares[0], shares[3], shares[2], shares[5]}
	sig, culprits, err := g.Combine(SlowCommit, digest, picked)
	if err != nil || culprits != nil {
		t.Fatal(culprits, err)
	}
	if want := gnarkCombine(t, picked); sig != want {
		t.Fatal("another combined signature")
	}
	checkGnarkVerdict(t, g, digest, hash, sig)
}

// gnarkCombine interpolates shares at zero with gnark-crypto.
func gnarkCombine(t *testing.T, shares []Share) Signature {
	t.Helper()
	signers := make([]int, len(shares))
	for i, s := range shares {
		signers[i] = s.Signer
	}
	var sum curve.G1Affine
	sum.SetInfinity()
	for i, l := range textbookLagrange(signers) {
		term := gnarkG1(t, shares[i].Sig)
		term.ScalarMultiplication(&term, l)
		sum.Add(&sum, &term)
	}
	return sum.Bytes()
}

// checkGnarkVerdict compares Verify with gnark-crypto's pairing for the right
// digest and a wrong one.
func checkGnarkVerdict(t *testing.T, g *Group, digest [32]byte, hash curve.G1Affine, sig Signature) {
	t.Helper()
	var key curve.G2Affine
	raw := g.Key().Bytes()
	if _, err := key.SetBytes(raw[:]); err != nil {
		t.Fatal(err)
	}
	_, _, _, g2 := curve.Generators()
	g2.Neg(&g2)
	for _, wrong := range []bool{false, true} {
		if wrong {
			hash.ScalarMultiplication(&hash, big.NewInt(2))
			digest[0] ^= 1
		}
		want, err := curve.PairingCheck([]curve.G1Affine{gnarkG1(t, sig), hash}, []curve.G2Affine{g2, key})
		if err != nil {
			t.Fatal(err)
		}
		if got := g.Verify(SlowCommit, digest, sig) == nil; got != want || got == wrong {
			t.Fatalf("wrong message: %v, we say %v, gnark says %v", wrong, got, want)
		}
	}
}

package sigagg

import (
	"bytes"
	"errors"
	"slices"
	"testing"

	curve "github.com/consensys/gnark-crypto/ecc/bls12-381"
)

// Aim: no bytes of a peer panic, and what is accepted is canonical and accepted
// by gnark-crypto too. Method: Go fuzzing from valid and hostile seeds; the seeds
// also run as plain tests.

func FuzzParsePublicKey(f *testing.F) {
	key := newCluster(f, 1, 1).Key().Bytes()
	f.Add(key[:])
	for _, c := range encodingCases(PublicKeyBytes) {
		f.Add(c.edit(slices.Clone(key[:])))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		k, err := ParsePublicKey(b)
		var want curve.G2Affine
		_, wantErr := want.SetBytes(b)
		wantOK := wantErr == nil && len(b) == PublicKeyBytes && !want.IsInfinity()
		if (err == nil) != wantOK {
			t.Fatalf("got %v, gnark says %v", err, wantErr)
		}
		if err != nil {
			if !errors.Is(err, ErrPoint) && !errors.Is(err, ErrInfinity) && !errors.Is(err, ErrSubgroup) {
				t.Fatalf("untyped error %v", err)
			}
			return
		}
		if back := k.Bytes(); !bytes.Equal(back[:], b) {
			t.Fatalf("%x encodes back to %x", b, back)
		}
	})
}

func FuzzSignature(f *testing.F) {
	c := newCluster(f, 1, 1)
	sig := c.signers[0].Sign(Prepare, digestOf(0))
	f.Add(sig[:])
	_, small := orderThree(f)
	f.Add(small[:])
	for _, e := range encodingCases(SigBytes) {
		f.Add(e.edit(slices.Clone(sig[:])))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) != SigBytes {
			return
		}
		got := Signature(b)
		err := got.Check()
		var want curve.G1Affine
		_, wantErr := want.SetBytes(b)
		if (err == nil) != (wantErr == nil && !want.IsInfinity()) {
			t.Fatalf("got %v, gnark says %v", err, wantErr)
		}
		if (c.Verify(Prepare, digestOf(0), got) == nil) != (got == sig) {
			t.Fatalf("%x: only the one valid signature may verify", b)
		}
	})
}

// FuzzCombine feeds junk to up to two of five signers of a 3-of-5 group; the
// honest three must always win and no honest signer may be named.
func FuzzCombine(f *testing.F) {
	c := newCluster(f, 3, 5)
	digest := digestOf(0)
	honest := c.sign(Prepare, digest, 2, 3, 4)
	want, _, err := c.Combine(Prepare, digest, honest)
	if err != nil {
		f.Fatal(err)
	}
	good := c.signers[0].Sign(Prepare, digest)
	small, smallEnc := orderThree(f)
	f.Add(good[:], good[:])
	f.Add(smallEnc[:], good[:])
	moved := plus(f, good, small)
	f.Add(moved[:], smallEnc[:])
	for _, e := range encodingCases(SigBytes) {
		f.Add(e.edit(slices.Clone(good[:])), []byte{1, 2, 3})
	}
	f.Fuzz(func(t *testing.T, a, b []byte) {
		var shares [2]Share
		for i, junk := range [][]byte{a, b} {
			shares[i].Signer = i
			copy(shares[i].Sig[:], junk)
		}
		sig, culprits, err := c.Combine(Prepare, digest, append(shares[:], honest...))
		if err != nil || sig != want {
			t.Fatalf("culprits %v, error %v", culprits, err)
		}
		for _, s := range culprits {
			if s > 1 {
				t.Fatalf("honest signer %d was named", s)
			}
			if c.VerifyShare(Prepare, digest, shares[s]) == nil {
				t.Fatalf("signer %d was named for a good share", s)
			}
		}
	})
}

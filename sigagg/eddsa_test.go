package sigagg

import (
	"crypto/ed25519"
	"encoding/hex"
	"errors"
	"slices"
	"testing"

	"quorate/internal/edbatch"
)

// Aim: Ed25519 certificates hold the same signatures that every other
// implementation makes, under keys and rules on which no two verifiers differ.
// Method: the standard library as the other implementation; the small-order keys
// and signatures of Chalkias et al., "Taming the many EdDSAs", 2020; batches on
// both sides of the bound between one by one and together.

func TestEdSignerIsRFC8032(t *testing.T) {
	seed := digestOf(11)
	signer, err := NewEdSigner(seed[:])
	if err != nil {
		t.Fatal(err)
	}
	other := ed25519.NewKeyFromSeed(seed[:])
	if !slices.Equal(signer.Public(), other.Public().(ed25519.PublicKey)) {
		t.Error("another public key than the standard library's")
	}
	seen := map[string]bool{}
	for d := Domain(1); d < domainEnd; d++ {
		digest := digestOf(12)
		sig := signer.Sign(d, digest)
		message := append([]byte("QUORATE-V1-"+d.String()+"-ED25519"), digest[:]...)
		if !slices.Equal(sig, ed25519.Sign(other, message)) {
			t.Errorf("%s: not the signature of tag and digest", d)
		}
		seen[string(sig)] = true
	}
	if len(seen) != int(domainEnd)-1 {
		t.Errorf("%d domains share signatures: %d different ones", domainEnd-1, len(seen))
	}
	if _, err := NewEdSigner(seed[:31]); !errors.Is(err, ErrSecret) {
		t.Errorf("a seed of 31 bytes: %v", err)
	}
}

func TestEdKeysRefused(t *testing.T) {
	key := func(i int) []byte {
		seed := digestOf(i)
		s, err := NewEdSigner(seed[:])
		if err != nil {
			t.Fatal(err)
		}
		return s.Public()
	}
	raw := func(s string) []byte {
		b, err := hex.DecodeString(s)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	for name, c := range map[string]struct {
		keys [][]byte
		want error
	}{
		"none":          {nil, ErrThreshold},
		"short":         {[][]byte{key(0)[:31]}, ErrPoint},
		"order 1":       {[][]byte{raw("0100000000000000000000000000000000000000000000000000000000000000")}, ErrSubgroup},
		"order 8":       {[][]byte{raw("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a")}, ErrSubgroup},
		"not canonical": {[][]byte{raw("f0ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f")}, ErrPoint},
		"off the curve": {[][]byte{raw("0200000000000000000000000000000000000000000000000000000000000000")}, ErrPoint},
		"twice":         {[][]byte{key(0), key(1), key(0)}, ErrKeySet},
	} {
		if _, err := NewEdKeys(c.keys); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
}

// TestEdBatchIsSingle: on both sides of edSingles and of eight lanes, with one signature bad at each
// place, together and one by one agree; the bad ones include the forms that
// other rules accept.
func TestEdBatchIsSingle(t *testing.T) {
	digest := digestOf(1)
	for _, count := range []int{1, edSingles, edSingles + 1, 9, edbatch.Worthwhile, 67} {
		n := max(9, count)
		s := edScheme(t, count, n)
		cert := s.certificate(t, Prepare, digest, firstOf(count)...)
		if err := s.group.Verify(Prepare, digest, cert); err != nil {
			t.Errorf("%d signatures: %v", count, err)
		}
		for i := range count {
			at := bitmapBytes(n) + i*EdSigBytes
			for name, change := range map[string]func(sig []byte){
				"R":         func(sig []byte) { sig[0] ^= 1 },
				"S":         func(sig []byte) { sig[32] ^= 1 },
				"S plus L":  addOrder,
				"zeros":     func(sig []byte) { clear(sig) },
				"R of zero": func(sig []byte) { clear(sig[:32]); sig[0] = 1 },
			} {
				bad := slices.Clone(cert)
				change(bad[at : at+EdSigBytes])
				if err := s.group.Verify(Prepare, digest, bad); !errors.Is(err, ErrVerify) {
					t.Errorf("%d signatures, %s of signature %d: %v", count, name, i, err)
				}
			}
		}
	}
}

// addOrder adds the order of the group to S: a second form of the same signature
// that lax verifiers accept.
func addOrder(sig []byte) {
	order, err := hex.DecodeString("edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010")
	if err != nil {
		panic(err)
	}
	carry := 0
	for i, b := range order {
		sum := int(sig[32+i]) + int(b) + carry
		sig[32+i], carry = byte(sum), sum>>8
	}
}

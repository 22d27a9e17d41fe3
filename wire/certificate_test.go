package wire

import (
	"bytes"
	"errors"
	"testing"

	"pgregory.net/rapid"
)

// Aim: shares and certificates are values: what goes in comes out, equal bytes
// are == and unequal ones are not, and those of the default scheme cost no
// memory to decode.
// Method: every length around the places where the form changes, random bytes,
// and allocations counted.

func TestCertificateForms(t *testing.T) {
	seen := map[Certificate]int{}
	for _, n := range []int{0, 1, 47, 48, 49, 64, 96, CertificateBytesMax} {
		raw := bytes.Repeat([]byte{9}, n)
		c, err := NewCertificate(raw)
		if err != nil {
			t.Fatal(err)
		}
		if other, ok := seen[c]; ok {
			t.Errorf("%d bytes equal %d bytes", n, other)
		}
		seen[c] = n
		clear(raw)
		if got := c.Bytes(); !bytes.Equal(got, bytes.Repeat([]byte{9}, n)) {
			t.Errorf("%d bytes come back as %d, %x…", n, len(got), got[:min(4, len(got))])
		}
	}
	if (Certificate{}) != func() Certificate { c, _ := NewCertificate(nil); return c }() {
		t.Error("a certificate of no bytes is not the zero value")
	}
	if _, err := NewCertificate(make([]byte, CertificateBytesMax+1)); !errors.Is(err, ErrMalformed) {
		t.Errorf("one byte too many: %v", err)
	}
	if _, err := NewShare(make([]byte, ShareBytesMax+1)); !errors.Is(err, ErrMalformed) {
		t.Errorf("a share of one byte too many: %v", err)
	}
}

func TestCertificatesCompareAsBytes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := drawBytes(t, 70), drawBytes(t, 70)
		if rapid.Bool().Draw(t, "same") {
			b = bytes.Clone(a)
		}
		ca, _ := NewCertificate(a)
		cb, _ := NewCertificate(b)
		if (ca == cb) != bytes.Equal(a, b) {
			t.Fatalf("certificates of %x and %x: equal %v", a, b, ca == cb)
		}
		if len(a) > ShareBytesMax || len(b) > ShareBytesMax {
			return
		}
		sa, _ := NewShare(a)
		sb, _ := NewShare(b)
		if (sa == sb) != bytes.Equal(a, b) || !bytes.Equal(sa.Bytes(), a) {
			t.Fatalf("shares of %x and %x: equal %v, bytes %x", a, b, sa == sb, sa.Bytes())
		}
	})
}

// TestDefaultSchemeDecodesInPlace: a message is one allocation, its struct, as
// long as certificates are those of the default scheme and shares are any.
func TestDefaultSchemeDecodesInPlace(t *testing.T) {
	bls, _ := NewCertificate(make([]byte, certificateHeadBytes))
	long, _ := NewShare(make([]byte, ShareBytesMax))
	for _, m := range []Message{
		&FullCommitProof{Sigma: bls}, &Prepare{Tau: bls}, &SlowCommitProof{TauTau: bls}, &ExecuteProof{Pi: bls}, &Stable{Tau: bls},
		&SignShare{Sigma: long, HasTau: true, Tau: long}, &Commit{Share: long}, &SignState{Share: long},
	} {
		raw := m.Append(nil)
		if n := testing.AllocsPerRun(100, func() { _, _ = DecodeMessage(m.Kind(), raw) }); n != 1 {
			t.Errorf("decoding %T takes %v allocations, want 1", m, n)
		}
	}
}

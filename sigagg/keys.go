package sigagg

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"

	"github.com/herumi/bls-eth-go-binary/bls"
)

// Sizes of the canonical encodings, in bytes.
const (
	// SigBytes is the length of a signature or share: a compressed G1 point.
	SigBytes = 48
	// PublicKeyBytes is the length of a public key: a compressed G2 point.
	PublicKeyBytes = 96
	// SecretBytes is the length of a secret share: a big-endian scalar.
	SecretBytes = 32
)

// SignersMax bounds n: five times the largest cluster that the project plans to
// measure (about 200), small enough that a signer set is a short bitmap.
const SignersMax = 1024

// PublicKey is a verified public key, of the group or of one signer: a finite
// point of the subgroup G2. The zero value is no key; make one with
// ParsePublicKey, Deal or SecretShare.Public. It is a plain value, free to copy
// and to share between goroutines.
type PublicKey struct {
	point bls.G2 // affine (Z = 1), so that == compares keys
}

// ParsePublicKey decodes the PublicKeyBytes canonical bytes of a key. It
// returns ErrPoint for anything that is not the compressed encoding of a curve
// point, ErrInfinity for the neutral element and ErrSubgroup for a point of
// another order. It keeps no reference to b.
func ParsePublicKey(b []byte) (PublicKey, error) {
	var k PublicKey
	if err := decodeG2(&k.point, b); err != nil {
		return PublicKey{}, err
	}
	return k, nil
}

// Bytes returns the canonical compressed encoding. The zero PublicKey gives the
// encoding of infinity, which ParsePublicKey refuses.
func (k PublicKey) Bytes() [PublicKeyBytes]byte {
	return [PublicKeyBytes]byte(k.point.Serialize())
}

// Equal says whether both keys are the same point.
func (k PublicKey) Equal(other PublicKey) bool { return k == other }

// valid says whether k was made by one of the constructors.
func (k PublicKey) valid() bool { return k != PublicKey{} }

// publicOf returns the public key of scalar s, which must not be zero.
func publicOf(s *bls.Fr) PublicKey {
	var k PublicKey
	bls.G2Mul(&k.point, &baseG2, s)
	bls.G2Normalize(&k.point, &k.point)
	return k
}

// SecretShare is one signer's secret scalar, in [1, r). The zero value is no
// share; make one with ParseSecretShare or Deal. Printing it never shows the
// scalar.
type SecretShare struct {
	scalar bls.Fr
}

// ParseSecretShare decodes SecretBytes big-endian bytes and returns ErrSecret
// unless they are an integer in [1, r). The error never quotes the bytes. It
// keeps no reference to b; the caller may erase it.
func ParseSecretShare(b []byte) (SecretShare, error) {
	if len(b) != SecretBytes {
		return SecretShare{}, fmt.Errorf("%w: %d bytes, want %d", ErrSecret, len(b), SecretBytes)
	}
	var s SecretShare
	if bytes.Compare(b, scalarModulus) >= 0 || s.scalar.SetBigEndianMod(b) != nil || s.scalar.IsZero() {
		return SecretShare{}, fmt.Errorf("%w: not in [1, r)", ErrSecret)
	}
	return s, nil
}

// Bytes returns the canonical big-endian encoding, for the key file. The caller
// owns it and keeps it secret.
func (s SecretShare) Bytes() [SecretBytes]byte {
	return [SecretBytes]byte(s.scalar.Serialize())
}

// Public returns the public key of the share, so that a replica can check at
// start that its key file is the one the genesis lists for it. It returns
// ErrSecret for the zero value.
func (s SecretShare) Public() (PublicKey, error) {
	if s.scalar.IsZero() {
		return PublicKey{}, fmt.Errorf("%w: zero value", ErrSecret)
	}
	return publicOf(&s.scalar), nil
}

// Format implements fmt.Formatter and prints a placeholder for every verb, so
// that no log line can carry the secret.
func (s SecretShare) Format(w fmt.State, _ rune) {
	_, _ = io.WriteString(w, "sigagg.SecretShare(redacted)")
}

// MarshalJSON keeps the secret out of structured logs, which ask no Format.
func (s SecretShare) MarshalJSON() ([]byte, error) { return json.Marshal(fmt.Sprint(s)) }

// Dealing is one group's key material as made by a trusted dealer. Shares and
// SharePublics have length n and are indexed by signer. The group's own secret
// is not in it and exists nowhere after Deal has returned.
type Dealing struct {
	Group        PublicKey
	Shares       []SecretShare
	SharePublics []PublicKey
}

// Deal makes the keys of a new group of n signers of which any threshold can
// sign, by Shamir's sharing: signer i holds q(i+1) of a random polynomial q of
// degree threshold−1 whose q(0) is the group's secret. It reads 64·threshold
// bytes of rand, which must be a cryptographic source (crypto/rand.Reader)
// outside tests. It returns ErrThreshold unless 1 ≤ threshold ≤ n ≤ SignersMax,
// or the error of rand. It is meant for `init`, run by one trusted operator.
func Deal(threshold, n int, rand io.Reader) (*Dealing, error) {
	if err := checkThreshold(threshold, n); err != nil {
		return nil, err
	}
	poly := make([]bls.Fr, threshold)
	defer clear(poly)
	for i := range poly {
		if err := drawScalar(&poly[i], rand); err != nil {
			return nil, err
		}
	}
	d := &Dealing{
		Group:        publicOf(&poly[0]),
		Shares:       make([]SecretShare, n),
		SharePublics: make([]PublicKey, n),
	}
	for i := range d.Shares {
		var x bls.Fr
		x.SetInt64(int64(i + 1))
		if err := bls.FrEvaluatePolynomial(&d.Shares[i].scalar, poly, &x); err != nil {
			return nil, fmt.Errorf("sigagg: deal share %d: %w", i, err)
		}
		public, err := d.Shares[i].Public()
		if err != nil { // a root of q at i+1: probability 2⁻²⁵⁵ per share
			return nil, fmt.Errorf("sigagg: deal share %d: %w", i, err)
		}
		d.SharePublics[i] = public
	}
	return d, nil
}

// drawScalar sets x to a scalar in [1, r) from 64 bytes of rand, whose
// reduction has a bias below 2⁻²⁵⁶.
func drawScalar(x *bls.Fr, rand io.Reader) error {
	var buf [64]byte
	defer clear(buf[:])
	if _, err := io.ReadFull(rand, buf[:]); err != nil {
		return fmt.Errorf("sigagg: deal: read randomness: %w", err)
	}
	if err := x.SetBigEndianMod(buf[:]); err != nil || x.IsZero() {
		return fmt.Errorf("sigagg: deal: %w", ErrSecret)
	}
	return nil
}

// checkThreshold returns ErrThreshold unless 1 ≤ threshold ≤ n ≤ SignersMax.
func checkThreshold(threshold, n int) error {
	if threshold < 1 || threshold > n || n > SignersMax {
		return fmt.Errorf("%w: %d of %d", ErrThreshold, threshold, n)
	}
	return nil
}

package sigagg

import (
	"fmt"
	"io"

	"github.com/herumi/bls-eth-go-binary/bls"
)

// Signature is a compressed G1 point: one signer's share or a group's combined
// signature. The bytes are unchecked; Verify, VerifyShare and Combine judge
// them. BLS signatures are unique: one key, domain and digest have exactly one
// valid value, so valid signatures may be compared with ==.
type Signature [SigBytes]byte

// Check says whether s encodes a finite point of the subgroup G1, without any
// key: ErrPoint, ErrInfinity, ErrSubgroup or nil.
func (s Signature) Check() error {
	var p bls.G1
	return s.decode(&p)
}

// decode sets p to the affine point of s, subgroup checked. It returns ErrPoint,
// ErrInfinity or ErrSubgroup.
func (s *Signature) decode(p *bls.G1) error {
	if err := decodeG1(p, s[:]); err != nil {
		return err
	}
	if !p.IsValidOrder() {
		return ErrSubgroup
	}
	return nil
}

// Share is one signer's signature. Signer is the zero-based replica index, which
// must come from the authenticated link and never from the peer's message; its
// x-coordinate in the sharing is Signer+1.
type Share struct {
	Signer int
	Sig    Signature
}

// Signer makes one replica's shares. It is immutable and safe for concurrent
// use.
type Signer struct {
	secret SecretShare
	index  int
}

// NewSigner returns the signer of a secret share at a zero-based replica index.
// It returns ErrSigner for an index outside [0, SignersMax) and ErrSecret for
// the zero SecretShare.
func NewSigner(secret SecretShare, index int) (*Signer, error) {
	if index < 0 || index >= SignersMax {
		return nil, fmt.Errorf("%w: %d", ErrSigner, index)
	}
	if secret.scalar.IsZero() {
		return nil, fmt.Errorf("%w: zero value", ErrSecret)
	}
	return &Signer{secret: secret, index: index}, nil
}

// Format prints no secret, whatever the verb: inside another struct's private
// field the share's own Format is not asked.
func (s Signer) Format(w fmt.State, _ rune) { _, _ = io.WriteString(w, "sigagg.Signer(redacted)") }

// Index returns the zero-based replica index.
func (s *Signer) Index() int { return s.index }

// Public returns the public key of this signer's shares.
func (s *Signer) Public() PublicKey { return publicOf(&s.secret.scalar) }

// Sign returns this signer's share over digest, secret·H(domain, digest). It is
// deterministic. The domain is chosen by our own code, so an unknown one panics.
//
// The multiplication is the library's constant-time one: peers choose when we
// sign and can time the answer, and the faster one (81 instead of 88 µs at best)
// branches on the secret.
func (s *Signer) Sign(domain Domain, digest [32]byte) Signature {
	if !domain.Valid() {
		panic("sigagg: sign under " + domain.String())
	}
	p := messages.point(domain, digest)
	bls.G1MulCT(&p, &p, &s.secret.scalar)
	return encodeG1(&p)
}

// encodeG1 returns the compressed encoding of p.
func encodeG1(p *bls.G1) Signature { return Signature(p.Serialize()) }

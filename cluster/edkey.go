package cluster

import (
	"crypto/ed25519"
	"errors"
	"fmt"

	"github.com/oasisprotocol/curve25519-voi/curve"

	"quorate/internal/plant"
)

// ErrKey says that 32 bytes are no acceptable Ed25519 public key.
var ErrKey = errors.New("cluster: unacceptable Ed25519 key")

// CheckKey refuses a public key on which two correct verifiers could differ:
// a wrong length, a y coordinate or a sign in non-canonical form, a point that
// is not on the curve, one of small order (any message has a signature under
// it), and one with a small-order component (a batch verifier and a single
// verifier may disagree about its signatures). No honestly made key is
// refused. Source: Chalkias et al., "Taming the many EdDSAs", 2020.
func CheckKey(key ed25519.PublicKey) error {
	if len(key) != ed25519.PublicKeySize {
		return fmt.Errorf("%w: %d bytes, want %d", ErrKey, len(key), ed25519.PublicKeySize)
	}
	var y curve.CompressedEdwardsY
	copy(y[:], key)
	var p curve.EdwardsPoint
	switch _, err := p.SetCompressedY(&y); {
	case !y.IsCanonicalVartime():
		return fmt.Errorf("%w: its encoding is not canonical", ErrKey)
	case err != nil:
		return fmt.Errorf("%w: it is not a point of the curve", ErrKey)
	case plant.On(plant.SmallOrderKeys) && p.IsSmallOrder():
		return nil
	case p.IsSmallOrder():
		return fmt.Errorf("%w: it is a point of small order", ErrKey)
	case !p.IsTorsionFree():
		return fmt.Errorf("%w: it has a component of small order", ErrKey)
	}
	return nil
}

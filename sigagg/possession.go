package sigagg

import (
	"fmt"
	"io"

	"github.com/herumi/bls-eth-go-binary/bls"

	"quorate/internal/plant"
)

// possessionDST is the tag under which a signer signs its own public key. It is
// that of no Domain, so a proof of possession is never a share, and no share is
// a proof.
const possessionDST = dstHead + "POSSESSION-BLS_POP_BLS12381G1_XMD:SHA-256_SSWU_RO_POP_"

// DrawSecret makes the secret of one signer of a multi-signature from 64 bytes
// of rand, which must be a cryptographic source outside tests. No dealer is
// needed: each replica may draw its own.
func DrawSecret(rand io.Reader) (SecretShare, error) {
	var s SecretShare
	err := drawScalar(&s.scalar, rand)
	return s, err
}

// Possession proves that whoever publishes the public key of this secret knows
// the secret. It returns ErrSecret for the zero value.
func (s SecretShare) Possession() (Signature, error) {
	public, err := s.Public()
	if err != nil {
		return Signature{}, err
	}
	p := possessionPoint(public)
	bls.G1MulCT(&p, &p, &s.scalar)
	return encodeG1(&p), nil
}

// CheckPossession returns nil if proof is the proof of possession of this key,
// and otherwise ErrPoint, ErrInfinity, ErrSubgroup or ErrPossession. Without it
// a signer could publish the key K − ΣKᵢ and sign for all others alone (the
// rogue key attack: Ristenpart and Yilek, EUROCRYPT 2007).
func (k PublicKey) CheckPossession(proof Signature) error {
	if plant.On(plant.PossessionUnchecked) {
		return nil
	}
	var p bls.G1
	if err := proof.decode(&p); err != nil {
		return err
	}
	hash := possessionPoint(k)
	if !pairingHolds(&p, &hash, &k.point) {
		return ErrPossession
	}
	return nil
}

func possessionPoint(k PublicKey) (p bls.G1) {
	bytes := k.Bytes()
	hashToG1(&p, bytes[:], []byte(possessionDST))
	return p
}

// MultiKeys are the public keys of the signers of a multi-signature, each proven
// to belong to somebody who knows its secret. Groups of several thresholds share
// them.
type MultiKeys struct{ keys []PublicKey }

// NewMultiKeys checks each key against its proof; both are indexed by signer. It
// returns ErrThreshold for other than 1 to SignersMax signers, ErrInfinity for a
// zero PublicKey, ErrKeySet for a key of two signers or another number of
// proofs, and an error of CheckPossession. It costs a pairing a signer.
func NewMultiKeys(keys []PublicKey, proofs []Signature) (*MultiKeys, error) {
	if err := checkThreshold(1, len(keys)); err != nil {
		return nil, err
	}
	if len(proofs) != len(keys) {
		return nil, fmt.Errorf("%w: %d proofs of possession for %d keys", ErrKeySet, len(proofs), len(keys))
	}
	m := &MultiKeys{keys: make([]PublicKey, len(keys))}
	first := make(map[PublicKey]int, len(keys))
	for i, k := range keys {
		if !k.valid() {
			return nil, fmt.Errorf("%w: key of signer %d", ErrInfinity, i)
		}
		// A copied key comes with a copied proof, and with copied shares: one
		// signer would count as two.
		if j, twice := first[k]; twice {
			return nil, fmt.Errorf("%w: signers %d and %d have the same key", ErrKeySet, j, i)
		}
		first[k] = i
		if err := k.CheckPossession(proofs[i]); err != nil {
			return nil, fmt.Errorf("%w: signer %d", err, i)
		}
		m.keys[i] = k
	}
	return m, nil
}

// Public returns the key of one signer, or ErrSigner.
func (m *MultiKeys) Public(signer int) (PublicKey, error) {
	if signer < 0 || signer >= len(m.keys) {
		return PublicKey{}, fmt.Errorf("%w: %d of %d", ErrSigner, signer, len(m.keys))
	}
	return m.keys[signer], nil
}

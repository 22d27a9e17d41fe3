package wire

import "quorate/internal/plant"

// Domains of what replicas sign. No two message types sign the same bytes.
const (
	domainSlot       Domain = "quorate/v1/slot"
	domainSlowCommit Domain = "quorate/v1/slow-commit"
	domainAuthor     Domain = "quorate/v1/pre-prepare"
	domainCheckpoint Domain = "quorate/v1/checkpoint"
	domainViewChange Domain = "quorate/v1/view-change"
	domainNewView    Domain = "quorate/v1/new-view"
)

// Scope is what every signed digest is bound to, so that nothing signed for one
// cluster or epoch means anything in another.
type Scope struct {
	Cluster Digest // hash of the genesis
	Epoch   Epoch
}

func (s Scope) bytes(extra []byte) []byte {
	b := make([]byte, 0, DigestBytes+8+len(extra))
	b = append(b, s.Cluster[:]...)
	if !plant.On(plant.EpochNotSigned) {
		b = appendU64(b, uint64(s.Epoch))
	}
	return append(b, extra...)
}

// SlotHash is h of the protocol: what shares of σ and τ sign. The two keys'
// signatures cannot be taken for each other: keys and hash-to-curve tags differ.
func (s Scope) SlotHash(slot SlotID) Digest {
	return Sum(domainSlot, s.bytes(slot.append(nil)))
}

// SlowCommitHash is what a commit share signs: h once more, under another domain.
// The share says that its signer holds a τ(h) durably. Which one, it does not
// say: where certificates are not unique replicas hold different ones, and their
// shares must still add up (docs/decisions/0013-signature-schemes.md).
func (s Scope) SlowCommitHash(slot SlotID) Digest {
	h := s.SlotHash(slot)
	return Sum(domainSlowCommit, s.bytes(h[:]))
}

// AuthorBytes is what the primary's Ed25519 key signs in a pre-prepare.
func (s Scope) AuthorBytes(slot SlotID) []byte {
	d := Sum(domainAuthor, s.bytes(slot.append(nil)))
	return d[:]
}

// CheckpointHash is what a checkpoint share signs.
func (s Scope) CheckpointHash(c CheckpointState) Digest {
	return Sum(domainCheckpoint, s.bytes(c.append(nil)))
}

// ViewChangeDigest names a view change and is what its signer signs: it covers
// everything but the signature.
func (s Scope) ViewChangeDigest(m *ViewChange) Digest {
	return Sum(domainViewChange, s.bytes(m.appendUnsigned(nil)))
}

// NewViewDigest is what the new primary signs.
func (s Scope) NewViewDigest(m *NewView) Digest {
	return Sum(domainNewView, s.bytes(m.appendUnsigned(nil)))
}

package wire

import (
	"bytes"
	"fmt"
)

// Head is a proposal without its batch: what its primary signed. Whoever holds
// one shows it to those who speak of another value for the same slot.
type Head struct {
	Slot   SlotID
	Author Signature
}

// Kind is KindHead.
func (m *Head) Kind() Kind { return KindHead }

// Append appends the canonical encoding to b.
func (m *Head) Append(b []byte) []byte { return append(m.Slot.append(b), m.Author[:]...) }

// Evidence is proof that a primary equivocated: its signatures under two values
// for one (view, seq). Who it is against follows from the view. Anyone who knows
// the cluster's genesis can check it; nobody but that primary can make it.
type Evidence struct {
	View    View
	Seq     SeqNum
	Digests [2]Digest // ascending, so that one equivocation has one encoding
	Authors [2]Signature
}

// EvidenceBytes is the length of the encoding.
const EvidenceBytes = 8 + 8 + 2*(DigestBytes+SignatureBytes)

// NewEvidence joins two heads of one slot and view with different digests, which
// the caller has checked.
func NewEvidence(a, b Head) Evidence {
	if bytes.Compare(a.Slot.Digest[:], b.Slot.Digest[:]) > 0 {
		a, b = b, a
	}
	return Evidence{View: a.Slot.View, Seq: a.Slot.Seq,
		Digests: [2]Digest{a.Slot.Digest, b.Slot.Digest}, Authors: [2]Signature{a.Author, b.Author}}
}

// Head gives one of the two heads, 0 or 1.
func (e *Evidence) Head(i int) Head {
	return Head{Slot: SlotID{View: e.View, Seq: e.Seq, Digest: e.Digests[i]}, Author: e.Authors[i]}
}

// Append appends the canonical encoding to b.
func (e *Evidence) Append(b []byte) []byte {
	b = appendU64(b, uint64(e.View))
	b = appendU64(b, uint64(e.Seq))
	for i := range e.Digests {
		b = append(b, e.Digests[i][:]...)
		b = append(b, e.Authors[i][:]...)
	}
	return b
}

// DecodeEvidence reads one piece of evidence; it checks no signature.
func DecodeEvidence(b []byte) (Evidence, error) {
	r := reader{rest: b}
	e := Evidence{View: View(r.u64("view")), Seq: SeqNum(r.u64("seq"))}
	for i := range e.Digests {
		e.Digests[i], e.Authors[i] = r.digest("digest"), r.signature("author")
	}
	if r.err == nil && bytes.Compare(e.Digests[0][:], e.Digests[1][:]) >= 0 {
		r.fail("digests of evidence are not ascending")
	}
	if err := r.end(); err != nil {
		return Evidence{}, fmt.Errorf("evidence: %w", err)
	}
	return e, nil
}

package disks

import (
	"fmt"

	"quorate/consensus"
	"quorate/wire"
)

const purposePi = consensus.PurposePi

// claim is something that a replica can say once: a second, different digest
// under the same claim is equivocation.
type claim struct {
	kind wire.Kind
	view wire.View
	seq  wire.SeqNum
}

// word is a claim as it was made.
type word struct {
	claim
	digest wire.Digest
}

// record is what one replica said in all its lives, in order.
type record struct {
	id      wire.ReplicaID
	words   []word
	last    map[claim]wire.Digest
	changes int // own view changes that left, repetitions counted
}

func newRecord(id wire.ReplicaID) *record { return &record{id: id, last: map[claim]wire.Digest{}} }

// upTo is the record as it stood after so many words.
func (r *record) upTo(n int) *record {
	old := newRecord(r.id)
	for _, w := range r.words[:n] {
		old.words = append(old.words, w)
		old.last[w.claim] = w.digest
	}
	return old
}

// note takes a frame that leaves the replica and says what it contradicts (D2).
func (r *record) note(s *Setup, kind wire.Kind, body []byte) (problem string) {
	switch kind {
	case wire.KindPrePrepare, wire.KindSignShare, wire.KindCommit, wire.KindViewChange, wire.KindNewView, wire.KindCheckpoint, wire.KindSignState:
	default:
		return ""
	}
	m, err := wire.DecodeMessage(kind, body)
	if err != nil {
		return fmt.Sprintf("kind %d does not decode: %v", kind, err)
	}
	switch m := m.(type) {
	case *wire.PrePrepare:
		return r.say(claim{wire.KindSignShare, m.Slot.View, m.Slot.Seq}, m.Slot.Digest)
	case *wire.SignShare:
		return r.say(claim{wire.KindSignShare, m.Slot.View, m.Slot.Seq}, m.Slot.Digest)
	case *wire.Commit:
		return r.say(claim{wire.KindCommit, m.Slot.View, m.Slot.Seq}, m.Slot.Digest)
	case *wire.ViewChange:
		if m.Replica != r.id {
			return "" // passed on
		}
		r.changes++
		if problem := r.omits(m); problem != "" {
			return problem
		}
		return r.say(claim{kind: kind, view: m.To}, s.scope().ViewChangeDigest(m))
	case *wire.NewView:
		if s.Quorums.Primary(m.To) == r.id {
			return r.say(claim{kind: kind, view: m.To}, s.scope().NewViewDigest(m))
		}
	case *wire.Checkpoint:
		return r.say(claim{kind: kind, seq: m.State.Seq}, s.scope().CheckpointHash(m.State))
	case *wire.SignState:
		return r.say(claim{kind: kind, seq: m.Seq}, m.Digest)
	}
	return ""
}

func (r *record) say(c claim, d wire.Digest) string {
	old, known := r.last[c]
	if known && old != d {
		return fmt.Sprintf("says %v and %v under kind %d view %d seq %d", old, d, c.kind, c.view, c.seq)
	}
	if !known {
		r.last[c] = d
		r.words = append(r.words, word{c, d})
	}
	return ""
}

// omits compares a view change with the votes and locks that this replica sent
// out: each of a lower view above the checkpoint must be in it, or a later one
// of its slot.
func (r *record) omits(m *wire.ViewChange) string {
	for _, w := range r.words {
		if w.view >= m.To || w.seq <= m.Stable.State.Seq || w.kind != wire.KindSignShare && w.kind != wire.KindCommit {
			continue
		}
		ok := false
		for i := range m.Slots {
			e := &m.Slots[i]
			switch {
			case e.Seq != w.seq:
			case w.kind == wire.KindSignShare:
				ok = e.HasVote && (e.Vote.View > w.view || e.Vote.View == w.view && e.Vote.Digest == w.digest)
			default:
				ok = e.HasLock && (e.Lock.View > w.view || e.Lock.View == w.view && e.Lock.Digest == w.digest)
			}
		}
		if !ok {
			return fmt.Sprintf("its view change to %d leaves out kind %d of view %d seq %d", m.To, w.kind, w.view, w.seq)
		}
	}
	return ""
}

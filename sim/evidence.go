package sim

import (
	"quorate/pipeline"
	"quorate/wire"
)

// Evidence (C11): no proof names a replica that did not lie, and an equivocation
// that two honest replicas fell for is proven by one of them.

// evidenceLog is a replica's file of evidence. What was appended is there after
// any crash.
type evidenceLog struct {
	n       *node
	records [][]byte
}

var _ pipeline.EvidenceLog = (*evidenceLog)(nil)

// Load implements pipeline.EvidenceLog.
func (l *evidenceLog) Load(fn func(record []byte)) error {
	for _, r := range l.records {
		fn(append([]byte(nil), r...))
	}
	return nil
}

// Append implements pipeline.EvidenceLog.
func (l *evidenceLog) Append(record []byte) error {
	l.n.effect()
	l.records = append(l.records, append([]byte(nil), record...))
	l.n.w.check.accused(l.n, record)
	return nil
}

// Close implements pipeline.EvidenceLog.
func (l *evidenceLog) Close() error { return nil }

// accused checks that a proof holds, and that whom it names has lied: signed
// twice, or lost what it signed and cannot know.
func (k *checker) accused(n *node, record []byte) {
	if n.liar != nil {
		return
	}
	e, err := wire.DecodeEvidence(record)
	if err != nil {
		k.w.fail("C11: replica %d: %v", n.id, err)
		return
	}
	id, err := pipeline.CheckEvidence(k.w.scope, k.w.q, k.w.keys.verifier, &e)
	switch {
	case err != nil:
		k.w.fail("C11: replica %d keeps evidence of view %d: %v", n.id, e.View, err)
	case k.w.nodes[id].liar == nil && !k.w.nodes[id].blind:
		k.w.fail("C11: replica %d proves that honest replica %d equivocated in view %d seq %d", n.id, id, e.View, e.Seq)
	default:
		k.w.result.Proofs++
		k.w.say("replica %d proves that replica %d equivocated in view %d seq %d", n.id, id, e.View, e.Seq)
	}
}

// fallen is an honest replica that voted for what a lying primary proposed to it.
type fallen struct {
	n      *node
	life   uint32
	at     uint64
	digest wire.Digest
}

// proposed notes that a liar's own proposal has reached an honest replica; its
// vote follows, or not.
func (k *checker) proposed(n *node, from wire.ReplicaID, body []byte) {
	m, err := wire.DecodeMessage(wire.KindPrePrepare, body)
	if err != nil {
		return
	}
	p := m.(*wire.PrePrepare)
	if k.w.q.Primary(p.Slot.View) != from || !k.w.keys.verifier.VerifyIdentity(from, k.w.scope.AuthorBytes(p.Slot), p.Author) {
		return
	}
	key := proposalKey{n.id, n.life, p.Slot.View, p.Slot.Seq}
	k.proposals[key] = append(k.proposals[key], p.Slot.Digest)
}

// proposalKey is for one life: a restart sends a vote again whose proposal's head
// it no longer has.
type proposalKey struct {
	to   wire.ReplicaID
	life uint32
	view wire.View
	seq  wire.SeqNum
}

// fell notes that an honest replica votes for what it was proposed, in calm
// times: else the heads of two proposals may never meet.
func (k *checker) fell(n *node, id wire.SlotID) {
	if !k.w.calm || k.w.nodes[k.w.q.Primary(id.View)].liar == nil {
		return
	}
	for _, d := range k.proposals[proposalKey{n.id, n.life, id.View, id.Seq}] {
		if d != id.Digest {
			continue
		}
		key := slotKey{id.View, id.Seq}
		for _, f := range k.victims[key] {
			if f.n == n {
				return
			}
		}
		if len(k.victims[key]) == 1 && k.victims[key][0].digest != d {
			k.split = append(k.split, key)
		}
		k.victims[key] = append(k.victims[key], fallen{n, n.life, k.w.now, d})
		return
	}
}

// proofMicros is how long the heads of two proposals may take to meet in calm
// times: until shares go to everyone, and once more.
const proofMicros = 4_000_000

// convicted looks for equivocations that nobody can prove.
func (k *checker) convicted() {
	for _, key := range k.split {
		var first, second *fallen
		for i := range k.victims[key] {
			f := &k.victims[key][i]
			if !f.n.up || f.n.life != f.life || k.w.now-f.at < proofMicros {
				continue // heads are lost in a restart
			}
			if first == nil {
				first = f
			} else if f.digest != first.digest {
				second = f
			}
		}
		if second != nil && !k.proven(key.view) {
			k.w.fail("C11: replicas %d and %d voted for two values of view %d seq %d, and nobody can prove it", first.n.id, second.n.id, key.view, key.seq)
			return
		}
	}
}

// proven reports whether an honest replica holds proof against the primary of a
// view: in that view, or as much as it keeps.
func (k *checker) proven(v wire.View) bool {
	for _, n := range k.w.nodes {
		if n.liar != nil || !n.up {
			continue
		}
		against := 0
		for _, e := range n.replica.Evidence() {
			if e.View == v {
				return true
			}
			if k.w.q.Primary(e.View) == k.w.q.Primary(v) {
				against++
			}
		}
		if against >= evidenceKept {
			return true
		}
	}
	return false
}

// evidenceKept is how many proofs a replica keeps against one other.
const evidenceKept = 8

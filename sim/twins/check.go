package twins

import (
	"quorate/consensus"
	"quorate/wire"
)

// The checkers: what must hold in every scenario, watched from outside.

// saying is something that an honest replica may say once.
type saying struct {
	kind  wire.Kind
	view  wire.View
	seq   wire.SeqNum
	value wire.Digest
}

// says checks that an honest replica says one thing per (view, seq, kind).
func (w *world) says(in *instance, m wire.Message) {
	s := saying{kind: m.Kind()}
	switch m := m.(type) {
	case *wire.PrePrepare:
		s.view, s.seq, s.value = m.Slot.View, m.Slot.Seq, m.Slot.Digest
	case *wire.SignShare:
		s.kind = wire.KindPrePrepare // a share votes for the same as a proposal
		s.view, s.seq, s.value = m.Slot.View, m.Slot.Seq, m.Slot.Digest
	case *wire.Commit:
		s.view, s.seq, s.value = m.Slot.View, m.Slot.Seq, m.Slot.Digest
	case *wire.SignState:
		s.seq, s.value = m.Seq, m.Digest
	case *wire.Checkpoint:
		s.seq, s.value = m.State.Seq, m.State.Execute
	case *wire.ViewChange:
		if m.Replica != in.id {
			return // forwarded
		}
		s.view, s.value = m.To, bodyDigest(m.Signature[8:])
	case *wire.NewView:
		if w.q.Primary(m.To) != in.id {
			return
		}
		s.view, s.value = m.To, bodyDigest(m.Signature[8:])
	default:
		return
	}
	for i := len(in.said) - 1; i >= 0; i-- {
		o := &in.said[i]
		if o.kind != s.kind || o.view != s.view || o.seq != s.seq {
			continue
		}
		if o.value != s.value {
			w.unsafe("equivocation: replica %d says %v and %v for %v view %d seq %d", in.id, o.value, s.value, s.kind, s.view, s.seq)
		}
		return
	}
	in.said = append(in.said, s)
}

// agree checks that honest replicas commit one value per seq.
func (w *world) agree(in *instance, p wire.CommitProof) {
	if !in.honest {
		return
	}
	seq := int(p.Slot.Seq)
	if !w.proofOK(p) {
		w.unsafe("certificates: replica %d commits %d without a proof", in.id, seq)
	}
	for len(w.values) <= seq {
		w.values, w.known = append(w.values, wire.Digest{}), append(w.known, false)
	}
	if w.known[seq] && w.values[seq] != p.Slot.Digest {
		w.unsafe("agreement: seq %d is %s at replica %d and %s elsewhere", seq, batchName(p.Slot.Digest), in.id, batchName(w.values[seq]))
	}
	w.values[seq], w.known[seq] = p.Slot.Digest, true
}

// executes checks order, agreement, proof and body of what is executed.
func (w *world) executes(in *instance, p wire.CommitProof) {
	w.agree(in, p)
	if want := len(in.ledger) + len(in.executing) + 1; int(p.Slot.Seq) != want {
		w.unsafe("agreement: instance %d executes %d, not %d", in.index, p.Slot.Seq, want)
	}
	if d := p.Slot.Digest; !d.IsNull() && !in.holds(d) {
		w.unsafe("bodies: instance %d executes %d without its body", in.index, p.Slot.Seq)
	}
}

// observe checks that nobody honest is blamed.
func (w *world) observe(in *instance, o consensus.Observe) {
	if w.trace != nil {
		w.tell("%c %s view %d seq %d", instanceNames[in.index], topicNames[o.Topic], o.View, o.Seq)
	}
	switch {
	case !in.honest:
	case o.Topic == consensus.ObserveFastCommit:
		w.fast++
	case o.Topic == consensus.ObserveSlowCommit:
		w.slow++
	}
	blames := o.Topic == consensus.ObserveBanned || o.Topic == consensus.ObserveEvidence
	if blames && in.honest && !w.setup.twin(o.Replica) {
		w.unsafe("blame: replica %d %s %d", in.id, topicNames[o.Topic], o.Replica)
	}
}

var topicNames = [...]string{"leaves", "enters", "commits fast", "commits slowly", "stabilizes", "bans", "accuses", "complains", "remembers"}

// batchName tells who proposed a batch and when.
func batchName(d wire.Digest) string {
	switch {
	case d.IsNull():
		return "null"
	case d[1] == 255:
		return "last"
	}
	return string([]byte{instanceNames[d[1]], '@', 'v', '0' + d[8]%10, '#', '0' + d[2]%10})
}

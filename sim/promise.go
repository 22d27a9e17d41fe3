package sim

import "quorate/wire"

// said checks what leaves an honest replica (C7): over its life one value per
// (kind, view, seq), and nothing before its record is durable.
func (k *checker) said(n *node, to wire.ReplicaID, kind wire.Kind, body []byte) {
	switch kind {
	case wire.KindPrePrepare, wire.KindSignShare, wire.KindCommit, wire.KindViewChange, wire.KindNewView,
		wire.KindCheckpoint, wire.KindSignState, wire.KindExecuteProof:
	default:
		return
	}
	m, err := wire.DecodeMessage(kind, body)
	if err != nil {
		k.w.fail("replica %d sends kind %d that does not decode: %v", n.id, kind, err)
		return
	}
	switch m := m.(type) {
	case *wire.PrePrepare:
		k.voted(n, kind, m.Slot)
	case *wire.SignShare:
		k.voted(n, kind, m.Slot)
		k.fell(n, m.Slot)
	case *wire.Commit:
		k.promise(n, claim{kind, m.Slot.View, m.Slot.Seq}, m.Slot.Digest)
		k.needs(n, kind, fact{wire.RecordLock, m.Slot.View, m.Slot.Seq, m.Slot.Digest})
		newest(n.past.locks, m.Slot)
	case *wire.ViewChange:
		if d := k.w.scope.ViewChangeDigest(m); m.Replica == n.id && !n.faulty {
			k.promise(n, claim{kind: kind, view: m.To}, d)
			k.needs(n, kind, fact{kind: wire.RecordViewChange, view: m.To, digest: d})
			k.reports(n, m)
		}
	case *wire.NewView:
		if d := k.w.scope.NewViewDigest(m); k.w.q.Primary(m.To) == n.id && !n.faulty {
			k.promise(n, claim{kind: kind, view: m.To}, d)
			k.needs(n, kind, fact{kind: wire.RecordEntered, view: m.To, digest: d})
			if want := 2*k.w.opt.F + 2*k.w.opt.C + 1; len(m.Chosen) != want {
				k.w.fail("C8: replica %d opens view %d with %d view changes, not %d", n.id, m.To, len(m.Chosen), want)
			}
		}
	case *wire.Checkpoint:
		k.promise(n, claim{kind: kind, seq: m.State.Seq}, k.w.scope.CheckpointHash(m.State))
		k.covered(n, m.State.Seq)
		if old, ok := k.states[m.State.Seq]; ok && old != m.State {
			k.w.fail("C2: replica %d signs checkpoint %+v, another signed %+v", n.id, m.State, old)
		}
		k.states[m.State.Seq] = m.State
	case *wire.SignState:
		k.state(n, m.Seq, m.Digest)
	case *wire.ExecuteProof:
		k.state(n, m.Seq, m.Digest)
	}
}

// voted checks a proposal or a share: both vote for a value.
func (k *checker) voted(n *node, kind wire.Kind, id wire.SlotID) {
	k.promise(n, claim{wire.KindSignShare, id.View, id.Seq}, id.Digest)
	k.needs(n, kind, fact{wire.RecordVote, id.View, id.Seq, id.Digest})
	if !id.Digest.IsNull() {
		k.needs(n, kind, fact{kind: wire.RecordBody, digest: id.Digest})
	}
	newest(n.past.votes, id)
	k.views = max(k.views, id.View)
}

func (k *checker) promise(n *node, c claim, d wire.Digest) {
	if old, ok := n.past.said[c]; ok && old != d && !n.blind {
		k.w.fail("C7: replica %d says %v and %v under kind %d view %d seq %d", n.id, old, d, c.kind, c.view, c.seq)
	}
	n.past.said[c] = d
}

func (k *checker) needs(n *node, kind wire.Kind, f fact) {
	if !n.past.durable[f] {
		k.w.fail("C7: replica %d sends kind %d of view %d seq %d before record %d of it is durable", n.id, kind, f.view, f.seq, f.kind)
	}
}

// state checks that honest replicas certify one result per seq.
func (k *checker) state(n *node, seq wire.SeqNum, d wire.Digest) {
	if old, ok := k.results[seq]; ok && old != d {
		k.w.fail("C2: replica %d signs result %v of block %d, another signed %v", n.id, d, seq, old)
	}
	k.results[seq] = d
}

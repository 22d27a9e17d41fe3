package twins

import (
	"quorate/consensus"
	"quorate/wire"
)

// This file stands for the pipeline: what each effect leads to.

// do carries one effect out.
func (w *world) do(in *instance, e consensus.Effect) {
	switch e := e.(type) {
	case consensus.Persist:
		w.persist(in, e)
	case consensus.Send:
		w.send(in, e.To, e.Msg)
	case consensus.Sign:
		if e.Purpose == consensus.PurposeNewView && e.Slot.View < w.goal && w.round != nil {
			return // the leaders of views that the round skips stay silent
		}
		w.push(in, w.signed(in, e))
	case consensus.Combine:
		w.push(in, w.combined(in, e))
	case consensus.Verify:
		w.push(in, w.verified(in, e))
	case consensus.Execute:
		w.executes(in, e.Proof)
		in.executing = append(in.executing, e.Proof)
		w.push(in, nil)
	case consensus.Serve:
		w.serve(in, e)
	case consensus.Forget:
		in.forget(e.Digest)
	case consensus.Observe:
		w.observe(in, e)
	case consensus.Relapse:
		in.relapsed = !in.honest
		if in.honest {
			w.unsafe("blame: replica %d distrusts its own journal: %s", in.id, e.Reason)
		}
	case consensus.Halt:
		in.halted = true
		w.tell("%c halts: %s", instanceNames[in.index], e.Reason)
		if in.honest {
			w.unsafe("halt: instance %d: %s", in.index, e.Reason)
		}
	}
}

// persist appends to the journal, durably at once.
func (w *world) persist(in *instance, e consensus.Persist) {
	if !e.Body.IsNull() && !in.holds(e.Body) {
		w.unsafe("bodies: instance %d records %T without its body", in.index, e.Record)
	}
	in.journal = append(in.journal, entry{record: e.Record, body: e.Body})
	if r, ok := e.Record.(*wire.CommittedRecord); ok {
		w.agree(in, r.Proof)
	}
}

// send gives a message to every instance of its receivers that is in the same
// set. Twins do not hear each other: each takes itself for the only one.
func (w *world) send(in *instance, to []wire.ReplicaID, m wire.Message) {
	if p, ok := m.(*wire.PrePrepare); ok {
		if !in.holds(p.Slot.Digest) {
			w.unsafe("bodies: instance %d proposes seq %d without its body", in.index, p.Slot.Seq)
		}
		m = &wire.PrePrepare{Slot: p.Slot, Author: p.Author, Batch: append([]byte(nil), p.Slot.Digest[:]...)}
	}
	if w.plant.bend != nil {
		m = w.plant.bend(w, in, m)
	}
	if in.honest {
		w.says(in, m)
	}
	var ev consensus.Event = consensus.Received{From: in.id, Msg: m}
	for _, id := range to {
		if id == in.id {
			if !w.muted(in.id, m.Kind()) {
				w.push(in, ev)
			}
			continue
		}
		for _, dst := range w.byID[id] {
			if w.hears(dst, in, m.Kind()) && !reminds(dst, m) {
				w.push(dst, ev)
			}
		}
	}
}

// hears reports whether a message passes from src to dst in this round.
func (w *world) hears(dst, src *instance, k wire.Kind) bool {
	r := w.round
	switch {
	case r == nil:
		return !w.cut || dst.honest && src.honest
	case r.sets[dst.index] != r.sets[src.index] || w.muted(src.id, k):
		return false
	}
	switch r.Path {
	case PathLocks:
		return k != wire.KindCommit
	case PathVotes:
		return k != wire.KindSignShare && k != wire.KindCommit
	case PathQuiet:
		return k != wire.KindFullCommitProof && k != wire.KindSlowCommitProof && k != wire.KindBlocks
	}
	return true
}

// reminds reports whether a message would only show a twin what the other one
// said. A core that finds a vote of its own that it does not know takes its disk
// for an old one, and votes no more; twins would be tame after that.
func reminds(dst *instance, m wire.Message) bool {
	if dst.honest {
		return false
	}
	switch m := m.(type) {
	case *wire.Reminder:
		return true
	case *wire.ViewChange:
		v, _, _ := dst.core.View()
		return m.Replica == dst.id && m.To > v
	}
	return false
}

// muted reports whether shares of id are lost, also those to itself: its signer
// is slow.
func (w *world) muted(id wire.ReplicaID, k wire.Kind) bool {
	return w.round != nil && w.round.Mute&(1<<id) != 0 && k == wire.KindSignShare
}

// executeNext runs the next slot that was handed out: the replicated state is a
// chain over values.
func (w *world) executeNext(in *instance) {
	p := in.executing[0]
	in.executing = in.executing[1:]
	var parent wire.Digest
	if k := len(in.ledger); k > 0 {
		parent = in.ledger[k-1].digest
	}
	b := block{proof: p, digest: w.chain(parent, p.Slot.Digest)}
	if p.Slot.Seq%(window/2) == 0 {
		b.root = b.digest
	}
	in.ledger = append(in.ledger, b)
	if p.Slot.Digest == w.last {
		in.done = true
	}
	w.step(in, consensus.Executed{Seq: p.Slot.Seq, Digest: b.digest, StateRoot: b.root})
	if in.done && !in.halted {
		w.step(in, consensus.Waiting{})
	}
}

// chain is the digest of a state: parent and value, mixed. It need not resist
// anybody.
func (w *world) chain(parent, value wire.Digest) (d wire.Digest) {
	h := digest(parent[:])
	for i := range 4 {
		h = mix(h + digest(value[:]) + uint64(i))
		for k := range 8 {
			d[8*i+k] = byte(h >> (8 * k))
		}
	}
	return d
}

// blocksMax bounds the blocks of one answer.
const blocksMax = 12

// serve answers a laggard with blocks, a body, or what there is of π.
func (w *world) serve(in *instance, e consensus.Serve) {
	to := []wire.ReplicaID{e.To}
	switch {
	case !e.Body.IsNull():
		if !in.holds(e.Body) {
			w.unsafe("bodies: instance %d serves one that it does not hold", in.index)
		}
		w.send(in, to, &wire.Body{Batch: append([]byte(nil), e.Body[:]...)})
	case e.State != 0:
		if int(e.State) <= len(in.ledger) {
			d := in.ledger[e.State-1].digest
			w.send(in, to, &wire.SignState{Seq: e.State, Digest: d, Share: shareTag(consensus.PurposePi, in.id, d)})
		}
	default:
		m := &wire.Blocks{}
		for s := e.From; s <= e.Up && len(m.Blocks) < blocksMax; s++ {
			if s == 0 || int(s) > len(in.ledger) {
				w.unsafe("bodies: instance %d serves block %d of %d", in.index, s, len(in.ledger))
				return
			}
			p := in.ledger[s-1].proof
			var body []byte
			if d := p.Slot.Digest; !d.IsNull() {
				body = append(body, d[:]...)
			}
			m.Blocks = append(m.Blocks, wire.CommittedSlot{Proof: p, Batch: body})
		}
		w.send(in, to, m)
	}
}

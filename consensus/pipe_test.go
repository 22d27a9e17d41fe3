package consensus

// This file imitates the pipeline: what each effect leads to.

import "quorate/wire"

// do carries one effect out.
func (w *world) do(nd *node, e Effect) {
	switch e := e.(type) {
	case Persist:
		w.persist(nd, e)
	case Send:
		w.sendWhenDurable(nd, e)
	case Sign:
		w.after(w.delay(w.job), nd, func() { w.step(nd, w.signed(nd, e)) })
	case Combine:
		w.after(w.delay(w.job), nd, func() { w.step(nd, w.combined(e)) })
	case Verify:
		w.after(w.delay(w.job), nd, func() { w.verified(nd, e) })
	case Execute:
		w.execute(nd, e)
	case Certify:
		w.check.certify(nd, e)
	case Serve:
		w.serve(nd, e)
	case Forget:
		delete(nd.bodies, e.Digest)
	case Stabilize:
		nd.gcStable, nd.gcAnchor = e.Stable.State.Seq, e.Anchor
		w.check.stabilize(nd, e)
	case Accuse:
		w.check.accuse(nd, e)
	case Return:
		delete(nd.offered, e.Digest)
	case Observe:
		w.check.observe(nd, e)
	case Relapse:
		// Unless the test has rolled the journal back, nobody has such a proof.
		nd.distrusted = true
		w.check.relapse(nd, e)
	case Halt:
		nd.halted = e.Reason
		w.check.halt(nd, e)
	case Reject:
		nd.counts["reject"]++
	default:
		w.check.fail("unknown effect %T", e)
	}
}

// persist appends to the journal; an fsync makes it durable later.
func (w *world) persist(nd *node, e Persist) {
	if e.Token != nd.lastToken+1 {
		w.check.fail("replica %d: token %d after %d", nd.id, e.Token, nd.lastToken)
	}
	nd.lastToken = e.Token
	body := nd.bodies[e.Body]
	if !e.Body.IsNull() && body == nil {
		w.check.fail("replica %d: record %T needs a body that is not held", nd.id, e.Record)
	}
	nd.journal = append(nd.journal, entry{token: e.Token, record: e.Record, body: e.Body, bytes: body})
	w.after(w.delay(w.sync), nd, func() { w.synced(nd, e.Token) })
}

// synced marks records up to token durable and lets go what waited for them.
func (w *world) synced(nd *node, token Token) {
	if token <= nd.token {
		return
	}
	nd.token = token
	for nd.durable < len(nd.journal) && nd.journal[nd.durable].token <= token {
		w.check.durable(nd, nd.journal[nd.durable])
		nd.durable++
	}
	kept := nd.outbox[:0]
	var ready []Send
	for _, s := range nd.outbox {
		if s.After <= token {
			ready = append(ready, s)
		} else {
			kept = append(kept, s)
		}
	}
	nd.outbox = kept
	for _, s := range ready {
		w.leave(nd, s)
	}
	w.collectGarbage(nd)
}

// collectGarbage drops what the anchor restated, once it and the ledger are
// durable.
func (w *world) collectGarbage(nd *node) {
	if nd.gcAnchor == 0 || nd.token < nd.gcAnchor || len(nd.ledger) < int(nd.gcStable) {
		return
	}
	nd.ledgerDurable = max(nd.ledgerDurable, int(nd.gcStable))
	kept, durable := nd.journal[:0:0], 0
	for i, e := range nd.journal {
		s := e.record.RecordSeq()
		if e.token < nd.gcAnchor && (s == 0 || s <= nd.gcStable) || e.token != 0 && s != 0 && s <= nd.gcStable && e.token < nd.gcAnchor {
			continue
		}
		if i < nd.durable {
			durable++
		}
		kept = append(kept, e)
	}
	nd.journal, nd.durable, nd.gcAnchor = kept, durable, 0
}

func (w *world) sendWhenDurable(nd *node, s Send) {
	if p, ok := s.Msg.(*wire.PrePrepare); ok {
		body := nd.bodies[p.Slot.Digest]
		if body == nil {
			w.check.fail("replica %d: sends a pre-prepare of seq %d without its body", nd.id, p.Slot.Seq)
			return
		}
		s.Msg = &wire.PrePrepare{Slot: p.Slot, Author: p.Author, Batch: body}
	}
	if s.After > nd.token {
		nd.outbox = append(nd.outbox, s)
		return
	}
	w.leave(nd, s)
}

// leave puts a message on the links. From here on it counts as said.
func (w *world) leave(nd *node, s Send) {
	m := s.Msg
	if nd.liar != nil {
		nd.liar.send(nd, s.To, m)
		return
	}
	w.check.said(nd, m)
	for _, to := range s.To {
		w.post(nd, to, m)
	}
}

// post sends one copy to one replica.
func (w *world) post(nd *node, to wire.ReplicaID, m wire.Message) {
	if to == nd.id {
		w.after(1, nd, func() { w.step(nd, Received{From: nd.id, Msg: m}) })
		return
	}
	w.remember(nd.id, to, m)
	if w.filter != nil && !w.filter(nd.id, to, m) || w.rnd.chance(w.loss) {
		return
	}
	copies := 1
	if w.rnd.chance(w.dup) {
		copies = 2
	}
	if w.rnd.chance(w.codec) {
		decoded, err := wire.DecodeMessage(m.Kind(), m.Append(nil))
		if err != nil {
			w.check.fail("replica %d sends %T that does not decode: %v", nd.id, m, err)
			return
		}
		m = decoded
	}
	for range copies {
		w.deliver(nd.id, to, m)
	}
}

func (w *world) deliver(from, to wire.ReplicaID, m wire.Message) {
	dst := w.nodes[to]
	if !dst.up || w.cut[int(from)*w.q.N+int(to)] {
		return
	}
	w.after(w.delay(w.net), dst, func() {
		if !w.cut[int(from)*w.q.N+int(to)] {
			w.trace("%d>%d %s", from, to, describe(m))
			w.step(dst, Received{From: from, Msg: m})
		}
	})
}

// remember keeps a bounded archive of messages for liars to replay.
func (w *world) remember(from, to wire.ReplicaID, m wire.Message) {
	const archiveMax = 512
	if len(w.archive) < archiveMax {
		w.archive = append(w.archive, letter{from, to, m})
	} else if w.rnd.chance(100) {
		w.archive[w.rnd.below(archiveMax)] = letter{from, to, m}
	}
}

// execute runs a slot; answers come in order.
func (w *world) execute(nd *node, e Execute) {
	seq := e.Proof.Slot.Seq
	if want := wire.SeqNum(len(nd.ledger) + nd.executing + 1); seq != want {
		w.check.fail("replica %d: executes %d, not %d", nd.id, seq, want)
		return
	}
	var body []byte
	if d := e.Proof.Slot.Digest; !d.IsNull() {
		if body = nd.bodies[d]; body == nil {
			w.check.fail("replica %d: executes %d without its body", nd.id, seq)
			return
		}
	}
	nd.executing++
	w.check.executes(nd, e.Proof)
	w.executeNext(nd, e.Proof, body)
}

func (w *world) executeNext(nd *node, p wire.CommitProof, body []byte) {
	w.after(1+w.delay(w.job)*uint64(nd.executing), nd, func() {
		if wire.SeqNum(len(nd.ledger)+1) != p.Slot.Seq {
			w.executeNext(nd, p, body) // an earlier one is still running
			return
		}
		nd.executing--
		b := w.apply(nd.ledger, p, body)
		nd.ledger = append(nd.ledger, b)
		if w.rnd.chance(w.ledgerSync) {
			nd.ledgerDurable = len(nd.ledger)
		}
		w.collectGarbage(nd)
		w.step(nd, Executed{Seq: p.Slot.Seq, Digest: b.digest, StateRoot: b.root})
		if nd.up {
			w.wants(nd)
		}
	})
}

// apply is the replicated state machine: a chain over values.
func (w *world) apply(ledger []block, p wire.CommitProof, body []byte) block {
	var parent wire.Digest
	if k := len(ledger); k > 0 {
		parent = ledger[k-1].digest
	}
	b := block{proof: p, body: body}
	b.digest = wire.Sum("test/execute", parent[:], p.Slot.Digest[:])
	if p.Slot.Seq%(w.cfg.Window/2) == 0 {
		b.root = wire.Sum("test/root", b.digest[:])
	}
	return b
}

// serveState sends π of an executed slot, or this replica's share of it.
func (w *world) serveState(nd *node, e Serve) {
	if int(e.State) > len(nd.ledger) {
		return
	}
	d := nd.ledger[e.State-1].digest
	var m wire.Message = &wire.SignState{Seq: e.State, Digest: d, Share: shareTag(PurposePi, nd.id, d)}
	if nd.certified[e.State] {
		m = &wire.ExecuteProof{Seq: e.State, Digest: d, Pi: combinedTag(PurposePi, d)}
	}
	w.leave(nd, Send{To: []wire.ReplicaID{e.To}, Msg: m})
}

// serve answers a laggard with a bounded number of blocks, or with a body.
func (w *world) serve(nd *node, e Serve) {
	if !e.Body.IsNull() {
		body := nd.bodies[e.Body]
		if body == nil {
			w.check.fail("replica %d: serves a body that it does not hold", nd.id)
			return
		}
		w.leave(nd, Send{To: []wire.ReplicaID{e.To}, Msg: &wire.Body{Batch: body}})
		return
	}
	if e.State != 0 {
		w.serveState(nd, e)
		return
	}
	m := &wire.Blocks{}
	for s := e.From; s <= e.Up && len(m.Blocks) < 12; s++ {
		if s == 0 || int(s) > len(nd.ledger) {
			w.check.fail("replica %d: serves %d, executed %d", nd.id, s, len(nd.ledger))
			return
		}
		b := nd.ledger[s-1]
		m.Blocks = append(m.Blocks, wire.CommittedSlot{Proof: b.proof, Batch: b.body})
	}
	w.leave(nd, Send{To: []wire.ReplicaID{e.To}, Msg: m})
}

package pipeline

import (
	"fmt"
	"log/slog"
	"slices"

	"quorate/consensus"
	"quorate/internal/mark"
	"quorate/wire"
)

// carryOut puts one effect of the core on its way. It runs on the order thread.
func (r *Replica) carryOut(e consensus.Effect) {
	switch e := e.(type) {
	case consensus.Persist:
		r.persist(e)
	case consensus.Send:
		// Invariant L1: the short way is for what is known to be durable.
		if uint64(e.After) <= r.durable.Load() {
			r.send(&e)
			return
		}
		r.sendLater(e)
	case consensus.Sign, consensus.Combine:
		r.crypto.urgent.put(e)
	case consensus.Verify:
		r.crypto.verify(e)
	case consensus.Execute:
		r.dispatch(e)
	case consensus.Certify:
		r.execute.items.put(executeItem{certify: &e})
	case consensus.Serve:
		if !r.serve.items.offer(e) {
			mark.Hit(mark.ServeFull)
			r.stats.ServeDropped.Add(1)
		}
	case consensus.Forget:
		r.bodies.forget(e.Digest)
	case consensus.Stabilize:
		r.stabilized(e)
	case consensus.Accuse:
		r.accuse(e)
	case consensus.Return:
		r.order.returned(e.Digest)
	case consensus.Reject:
		r.stats.PeerRejects[e.Reason].Add(1)
	case consensus.Observe:
		r.observe(e)
	case consensus.Relapse:
		r.log.Error("amnesia: this replica's disk is an old image; it will not vote until the cluster has moved on", "reason", e.Reason)
		r.journal.items.put(journalItem{distrust: e.Reason})
	case consensus.Halt:
		r.fail(fmt.Errorf("%w: %s", ErrHalted, e.Reason))
	}
}

// persist hands a record to the journal, with the body that must be there
// before it.
func (r *Replica) persist(e consensus.Persist) {
	item := journalItem{record: e.Record, token: e.Token}
	if !e.Body.IsNull() {
		b, err := r.bodies.get(e.Body)
		if err != nil {
			r.fail(fmt.Errorf("pipeline: body of a vote: %w", err))
			return
		}
		item.body = b
	}
	r.journal.items.put(item)
}

// dispatch gives a committed slot and its body to execution.
func (r *Replica) dispatch(e consensus.Execute) {
	item := executeItem{proof: &e.Proof}
	if d := e.Proof.Slot.Digest; !d.IsNull() {
		b, err := r.bodies.get(d)
		if err != nil {
			r.fail(fmt.Errorf("pipeline: body of slot %d: %w", e.Proof.Slot.Seq, err))
			return
		}
		r.payers.start(b) // unless it was; one from the ledger was not
		r.stats.SlotCommitted.since(b.born)
		r.cfg.Trace.committed(b, e.Proof.Slot)
		item.body = b
	}
	r.execute.items.put(item)
}

func (r *Replica) stabilized(e consensus.Stabilize) {
	r.stable.Store(&e.Stable)
	r.journal.items.put(journalItem{stabilize: &e})
}

// sendLater lets a message wait behind its record. When the disk is so slow that
// the journal's ring is full, only what this replica tells itself still waits:
// the core repeats the rest for as long as it lasts, and would fill memory.
func (r *Replica) sendLater(e consensus.Send) {
	if r.journal.items.len() >= r.journal.items.max && !slices.Contains(e.To, r.cfg.Self) {
		mark.Hit(mark.SendDropped)
		r.stats.SendFailed.Add(1)
		return
	}
	if p, ok := e.Msg.(*wire.PrePrepare); ok {
		// The core may forget the body before the record is durable.
		full, err := r.filled(p)
		if err != nil {
			r.log.Error("message not sent", "kind", p.Kind(), "error", err)
			return
		}
		e.Msg = full
	}
	r.journal.items.put(journalItem{send: &e})
}

// send encodes a message once and gives it to each receiver. What names this
// replica itself goes back to the core.
func (r *Replica) send(s *consensus.Send) {
	if p, ok := s.Msg.(*wire.PrePrepare); ok {
		r.cfg.Trace.proposed(p.Slot.Digest)
	}
	var frame []byte
	lane := wire.LaneConsensus
	for _, to := range s.To {
		if to == r.cfg.Self {
			r.order.events.put(consensus.Received{From: to, Msg: s.Msg})
			continue
		}
		if frame == nil {
			var err error
			if frame, err = r.encode(s.Msg); err != nil {
				r.log.Error("message not sent", "kind", s.Msg.Kind(), "error", err)
				return
			}
		}
		if err := r.transport.Send(to, lane, s.Msg.Kind(), frame); err != nil {
			r.stats.SendFailed.Add(1) // links heal by themselves, the protocol sends again
		}
	}
}

// encode gives a message's bytes; a pre-prepare gets the body that its digest
// names.
func (r *Replica) encode(m wire.Message) ([]byte, error) {
	p, ok := m.(*wire.PrePrepare)
	if !ok {
		return m.Append(nil), nil
	}
	full, err := r.filled(p)
	if err != nil {
		return nil, err
	}
	return full.Append(make([]byte, 0, len(full.Batch)+256)), nil
}

// filled is a pre-prepare with its body.
func (r *Replica) filled(p *wire.PrePrepare) (*wire.PrePrepare, error) {
	if p.Batch != nil {
		return p, nil
	}
	b, err := r.bodies.get(p.Slot.Digest)
	if err != nil {
		return nil, err
	}
	return &wire.PrePrepare{Slot: p.Slot, Author: p.Author, Batch: b.raw}, nil
}

// observe logs and counts what the core tells the operator: one line per change
// of state, none per slot.
func (r *Replica) observe(o consensus.Observe) {
	switch o.Topic {
	case consensus.ObserveFastCommit:
		r.stats.FastCommits.Add(1)
		r.slotTook(o.Ticks)
	case consensus.ObserveSlowCommit:
		r.stats.SlowCommits.Add(1)
		r.slotTook(o.Ticks)
	case consensus.ObserveStable:
		r.stats.Checkpoints.Add(1)
		r.log.Debug("checkpoint stable", "seq", o.Seq)
	case consensus.ObserveViewEntered:
		r.stats.ViewsEntered.Add(1)
		r.log.Info("view entered", "view", o.View, "primary", r.quorums.Primary(o.View))
	case consensus.ObserveViewLeft:
		r.log.Info("view left", "view", o.View)
	case consensus.ObserveComplaint:
		r.stats.Complaints.Add(1)
		r.log.Info("complaint about primary", "view", o.View, "primary", r.quorums.Primary(o.View))
	case consensus.ObserveBanned:
		r.stats.Banned.Add(1)
		r.log.Warn("bad share: replica banned from collecting", "peer", o.Replica, "seq", o.Seq)
	case consensus.ObserveEvidence:
		r.stats.Evidence.Add(1)
		r.log.Warn("primary is provably faulty", "peer", o.Replica, "view", o.View, "seq", o.Seq)
	case consensus.ObserveAmnesiaEnd:
		r.log.Info("amnesia ended: this replica votes again", slog.Uint64("seq", uint64(o.Seq)))
		r.journal.items.put(journalItem{healed: true})
	}
}

// slotTook notes how long a slot took; the batcher goes by it.
func (r *Replica) slotTook(ticks uint64) {
	r.stats.CommitTicks.Add(ticks)
	r.order.batcher.slotTook(ticks)
}

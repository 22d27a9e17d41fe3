package consensus

import "quorate/wire"

// This file brings a core back from its journal, and keeps one that has lost
// its journal from voting.

// Past is what a restarted replica knows.
type Past struct {
	// Records are the journal's, oldest first, bodies left out.
	Records []wire.Record
	// Bodies are the digests whose bodies the pipeline read back.
	Bodies []wire.Digest
	// Executed is the last slot that the ledger holds, and Digest its execution
	// digest.
	Executed wire.SeqNum
	Digest   wire.Digest
	// Amnesia says that the journal is not provably complete (I8).
	Amnesia bool
}

// Recover makes a core that goes on where the journal ends. The effects that
// this leads to come from its first Tick.
func Recover(cfg Config, past Past) (*Core, error) {
	c, err := New(cfg)
	if err != nil {
		return nil, err
	}
	c.executed, c.dispatched = past.Executed, past.Executed
	for _, r := range past.Records {
		c.replayAnchor(r)
	}
	for _, r := range past.Records {
		c.replay(r, past.Bodies)
	}
	c.out = nil
	c.next = max(c.next, c.executed+1)
	for s := c.low() + 1; s <= c.high(); s++ {
		if sl := c.slot(s); sl.hasVote && sl.vote.View == c.view || sl.committed {
			c.next = max(c.next, s+1)
		}
	}
	c.amnesia.on = past.Amnesia
	c.amnesia.reports = make([]bool, c.q.N)
	c.restart = true
	return c, nil
}

// replayAnchor moves the window first, so that votes find their slots whatever
// the order of records.
func (c *Core) replayAnchor(r wire.Record) {
	a, ok := r.(*wire.AnchorRecord)
	if !ok || a.Stable.State.Seq <= c.low() {
		return
	}
	oldHigh := c.high()
	c.stable = a.Stable
	for s := max(oldHigh, c.low()) + 1; s <= c.high(); s++ {
		c.renew(s)
	}
}

// replay applies one record to the state that it left behind.
func (c *Core) replay(r wire.Record, bodies []wire.Digest) {
	switch r := r.(type) {
	case *wire.VoteRecord:
		s := c.slot(r.Slot.Seq)
		if s == nil || s.hasVote && s.vote.View > r.Slot.View {
			return
		}
		s.hasVote, s.vote = true, wire.Vote{View: r.Slot.View, Digest: r.Slot.Digest}
		replayBody(s, r.Slot.Digest, bodies)
	case *wire.LockRecord:
		s := c.slot(r.Slot.Seq)
		if s == nil || s.hasLock && s.lock.View > r.Slot.View {
			return
		}
		s.hasLock, s.lock = true, wire.Lock{View: r.Slot.View, Digest: r.Slot.Digest, Tau: r.Tau}
		replayBody(s, r.Slot.Digest, bodies)
	case *wire.CommittedRecord:
		s := c.slot(r.Proof.Slot.Seq)
		if s == nil || s.committed {
			return
		}
		s.committed, s.proof = true, r.Proof
		s.dispatched = s.seq <= c.executed
		replayBody(s, r.Proof.Slot.Digest, bodies)
	case *wire.ViewChangeRecord:
		if r.Message.To > c.view {
			c.view, c.active, c.leaving = r.Message.To, false, r.Message
		}
	case *wire.EnteredRecord:
		c.replayEntered(r)
	case *wire.AnchorRecord:
		if r.Entered != nil {
			c.replayEntered(r.Entered)
		}
		if r.View > c.view || r.View == c.view && r.Active && !c.active {
			c.view, c.active, c.leaving = r.View, r.Active, r.Leaving
		}
	}
}

func replayBody(s *slot, d wire.Digest, bodies []wire.Digest) {
	for i := range bodies {
		if bodies[i] == d && !s.holds(d) && len(s.held) < heldMax {
			s.held = append(s.held, d)
			return
		}
	}
}

// replayEntered takes up a view that was entered before the restart.
func (c *Core) replayEntered(r *wire.EnteredRecord) {
	if r.NewView.To < c.view || r.NewView.To == c.view && c.active {
		return
	}
	c.view, c.active, c.leaving, c.entered = r.NewView.To, true, nil, r
}

// resume emits what a restart has to do again, at the first tick: the records
// are durable, so nothing waits for a token.
func (c *Core) resume() {
	c.restart = false
	c.progressTick = c.now
	c.executeTick = c.now
	if !c.active && c.leaving != nil {
		c.resumeChange()
	}
	if c.active && c.entered != nil && c.entered.NewView.To == c.view {
		base, values := SafeValues(c.q, c.cfg.Window, c.entered.Chosen)
		c.nvTop = base + wire.SeqNum(len(values))
		c.next = max(c.next, c.nvTop+1)
		c.decide(base, values)
	}
	for s := c.low() + 1; s <= c.high(); s++ {
		sl := c.slot(s)
		if sl.hasVote || sl.committed {
			c.touch(sl)
		}
		sl.executed = sl.executed || s < c.executed
		if !c.active || !sl.accepted(c.view) || sl.committed || c.amnesia.on {
			continue
		}
		c.sign(sl)
		if c.isPrimary() && s > c.nvTop {
			c.emit(Sign{Purpose: PurposeAuthor, Slot: sl.id(c.view)})
		}
	}
	c.acceptDecided()
	c.release()
	c.reportStatus()
}

// resumeChange goes on with a view change that a crash interrupted: the very
// message that was made before is sent again.
func (c *Core) resumeChange() {
	c.change.leftTick = c.now
	c.change.announced = true
	c.change.sentTick = c.now
	c.broadcast(c.leaving, 0)
	c.send(c.cfg.Self, c.leaving, 0)
}

// amnesiaState keeps a replica that lost its votes from voting until every slot
// that it can have voted for is behind a stable checkpoint (I8).
//
// Its own last stable checkpoint ls was signed by 2f+c+1 replicas that had
// executed it. Of n−f−1 others that report, at least one honest one is among
// those signers, so some report's executed slot is at or above ls; a report's
// certified checkpoint is at most one window below its executed slot; and this
// replica voted at most one window above ls. So nothing was voted above the
// highest certified report plus two windows.
type amnesiaState struct {
	on      bool
	reports []bool // replicas whose certified checkpoint was seen since the restart
	count   int
	highest wire.SeqNum
	bound   wire.SeqNum // 0 until enough replicas reported
}

// noteReport counts a report of where a peer's stable checkpoint stands. seq is
// certified: its own certificate was verified, or this replica holds one at or
// above it.
func (c *Core) noteReport(from wire.ReplicaID, seq wire.SeqNum) {
	a := &c.amnesia
	if !a.on || a.bound != 0 || int(from) >= c.q.N || from == c.cfg.Self {
		return
	}
	a.highest = max(a.highest, seq)
	if !a.reports[from] {
		a.reports[from] = true
		a.count++
	}
	if a.count >= c.q.N-c.q.F-1 {
		a.bound = a.highest + 2*c.cfg.Window
	}
}

// endAmnesia lets the replica vote again once the bound is stable.
func (c *Core) endAmnesia() {
	if !c.amnesia.on || c.amnesia.bound == 0 || c.low() < c.amnesia.bound {
		return
	}
	c.amnesia.on = false
	c.observe(Observe{Topic: ObserveAmnesiaEnd, View: c.view, Seq: c.low()})
}

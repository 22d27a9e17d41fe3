package consensus

import (
	"cmp"
	"slices"

	"quorate/internal/mark"
	"quorate/internal/plant"
	"quorate/wire"
)

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
	// Outcomes are those of executed slots that the ledger still knows, ascending,
	// as Executed once told them; at least those above the stable checkpoint.
	// Without them a replica cannot sign anew what it executed: when all restart
	// with a full window, no checkpoint would ever become stable.
	Outcomes []Executed
	// Proofs are the commit proofs of the newest executed slots: some hold votes of
	// this replica, which its journal must know.
	Proofs []wire.CommitProof
	// Amnesia says that the journal is not provably complete (I8).
	Amnesia bool
}

// Recover makes a core that goes on where the journal ends. The effects that
// this leads to come from its first Step, whatever the event.
func Recover(cfg Config, past Past) (*Core, error) {
	c, err := New(cfg)
	if err != nil {
		return nil, err
	}
	c.executed, c.dispatched = past.Executed, past.Executed
	for _, r := range past.Records {
		c.replayAnchor(r)
	}
	c.memory.from = c.low()
	for _, r := range past.Records {
		c.replay(r)
	}
	c.replayCommitted(past)
	c.replayBodies(past.Bodies)
	c.next = max(c.next, c.low()+1, c.executed+1)
	for s := c.low() + 1; s <= c.high(); s++ {
		if sl := c.slot(s); sl.hasVote && sl.vote.View == c.view || sl.committed {
			c.next = max(c.next, s+1)
		}
	}
	c.amnesia.on = past.Amnesia && !plant.On(plant.AmnesiaIgnored)
	c.amnesia.reports = make([]bool, c.q.N)
	c.past, c.proofs = past.Outcomes, past.Proofs
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
	mark.Hit(mark.RecoverAnchor)
	oldHigh := c.high()
	c.stable = a.Stable
	for s := max(oldHigh, c.low()) + 1; s <= c.high(); s++ {
		c.renew(s)
	}
}

// replay applies one record to the state that it left behind.
func (c *Core) replay(r wire.Record) {
	switch r := r.(type) {
	case *wire.VoteRecord:
		c.memory.note(r.Slot.Seq)
		s := c.slot(r.Slot.Seq)
		if s == nil || s.hasVote && s.vote.View > r.Slot.View {
			return
		}
		mark.Hit(mark.RecoverVote)
		s.hasVote, s.vote = true, wire.Vote{View: r.Slot.View, Digest: r.Slot.Digest}
	case *wire.LockRecord:
		s := c.slot(r.Slot.Seq)
		if s == nil || s.hasLock && s.lock.View > r.Slot.View {
			return
		}
		mark.Hit(mark.RecoverLock)
		s.hasLock, s.lock = true, wire.Lock{View: r.Slot.View, Digest: r.Slot.Digest, Tau: r.Tau}
	case *wire.CommittedRecord:
		s := c.slot(r.Proof.Slot.Seq)
		if s == nil || s.committed {
			return
		}
		s.committed, s.proof = true, r.Proof
		s.dispatched = s.seq <= c.executed
	case *wire.ViewChangeRecord:
		if r.Message.To > c.view {
			mark.Hit(mark.RecoverLeaving)
			c.view, c.active, c.leaving = r.Message.To, false, r.Message
		}
	case *wire.EnteredRecord:
		c.replayEntered(r)
	case *wire.AnchorRecord:
		if r.Entered != nil {
			c.replayEntered(r.Entered)
		}
		if r.View > c.view || r.View == c.view && r.Active && !c.active {
			mark.Hit(mark.RecoverAnchorView)
			c.view, c.active, c.leaving = r.View, r.Active, r.Leaving
		}
	}
}

// replayCommitted lists the committed slots that the ledger has lost and the
// stable checkpoint has passed: the window has no place for them any more. When
// all crash at once, perhaps nobody else has them.
func (c *Core) replayCommitted(past Past) {
	held := make(map[wire.Digest]bool, len(past.Bodies))
	for _, d := range past.Bodies {
		held[d] = true
	}
	for _, r := range past.Records {
		k, ok := r.(*wire.CommittedRecord)
		if plant.On(plant.CommittedBelowStableLost) || !ok || k.Proof.Slot.Seq <= c.executed || k.Proof.Slot.Seq > c.low() {
			continue
		}
		if d := k.Proof.Slot.Digest; held[d] || d.IsNull() {
			mark.Hit(mark.RecoverBelowStable)
			c.recovered = append(c.recovered, k.Proof)
		}
	}
	slices.SortStableFunc(c.recovered, func(a, b wire.CommitProof) int { return cmp.Compare(a.Slot.Seq, b.Slot.Seq) })
}

// useRecovered moves the next slot from the recovered ones to the catch-up list.
func (c *Core) useRecovered(next wire.SeqNum) {
	for len(c.recovered) > 0 && c.recovered[0].Slot.Seq < next {
		mark.Hit(mark.RecoveredOvertaken)
		d := c.recovered[0].Slot.Digest
		c.recovered = c.recovered[1:]
		c.forget(d)
	}
	if len(c.recovered) > 0 && len(c.catchup) == 0 && c.recovered[0].Slot.Seq == next {
		mark.Hit(mark.RecoveredUsed)
		c.catchup = append(c.catchup, wire.CommittedSlot{Proof: c.recovered[0]})
		c.recovered = c.recovered[1:]
	}
}

// replayBodies gives each body to the slots that need it. The rest is given back
// at the first step.
func (c *Core) replayBodies(bodies []wire.Digest) {
	for _, d := range bodies {
		used := c.catchupHolds(d)
		for s := c.low() + 1; s <= c.high(); s++ {
			if sl := c.slot(s); sl.needs(d) {
				c.hold(sl, d)
				used = true
			}
		}
		if !used && !d.IsNull() {
			mark.Hit(mark.RecoverSpareBody)
			c.spare = append(c.spare, d)
		}
	}
}

// replayEntered takes up a view that was entered before the restart.
func (c *Core) replayEntered(r *wire.EnteredRecord) {
	if r.NewView.To < c.view || r.NewView.To == c.view && c.active {
		return
	}
	mark.Hit(mark.RecoverEntered)
	c.view, c.active, c.leaving, c.entered = r.NewView.To, true, nil, r
}

// resume emits what a restart has to do again, at the first step: the records
// are durable, so nothing waits for a token.
func (c *Core) resume() {
	c.restart = false
	for _, d := range c.spare {
		c.emit(Forget{Digest: d})
	}
	c.spare = nil
	for i := range c.proofs {
		c.convicted(&c.proofs[i])
	}
	c.proofs = nil
	if !c.active && c.leaving != nil && !plant.On(plant.ViewChangeNotResumed) {
		c.resumeChange()
	}
	if c.active && c.entered != nil && c.entered.NewView.To == c.view {
		base, values := SafeValues(c.q, c.cfg.Window, c.entered.Chosen)
		c.nvTop = base + wire.SeqNum(len(values))
		mark.Hit(mark.ResumeDecides)
		c.next = max(c.next, c.nvTop+1)
		c.decide(base, values)
	}
	for s := c.low() + 1; s <= c.high(); s++ {
		c.resumeSlot(c.slot(s))
	}
	c.resumeExecuted()
	c.acceptDecided()
	c.release()
	c.reportStatus()
}

// resumeSlot signs again what this replica had signed in its view.
func (c *Core) resumeSlot(s *slot) {
	if s.hasVote || s.committed {
		c.touch(s)
	}
	if s.seq <= c.executed {
		// Done; what it led to is signed anew only if the ledger knows it.
		s.dispatched, s.executed, s.certified = true, true, true
	}
	if !c.active || !s.accepted(c.view) || s.committed || c.amnesia.on {
		return
	}
	mark.Hit(mark.ResumeSigns)
	c.sign(s)
	if s.hasLock && s.lock.View == c.view && s.lock.Digest == s.vote.Digest {
		mark.Hit(mark.ResumeSignsTwo)
		c.signTwo(s)
	}
	if c.isPrimary() && s.seq > c.nvTop {
		mark.Hit(mark.ResumeProposes)
		c.emit(Sign{Purpose: PurposeAuthor, Slot: s.id(c.view)})
	}
}

// resumeExecuted signs the outcomes of slots in the window again, so that they
// can be certified and checkpoints become stable.
func (c *Core) resumeExecuted() {
	for _, e := range c.past {
		s := c.slot(e.Seq)
		if plant.On(plant.OutcomesNotSignedAgain) || s == nil || e.Seq > c.executed {
			continue
		}
		c.touch(s)
		s.exec, s.certified = e.Digest, false
		c.emit(Sign{Purpose: PurposePi, Slot: wire.SlotID{Seq: e.Seq}, Hash: e.Digest})
		if e.Seq%c.interval == 0 {
			mark.Hit(mark.ResumeCheckpoint)
			c.checkpointReached(e)
		}
	}
	c.past = nil
}

// resumeChange goes on with a view change that a crash interrupted: the very
// message that was made before is sent again. An anchor may hold one that was
// not signed yet.
func (c *Core) resumeChange() {
	if c.leaving.Signature == (wire.Signature{}) {
		mark.Hit(mark.ResumeChangeUnsigned)
		c.emit(Sign{Purpose: PurposeViewChange, Slot: wire.SlotID{View: c.view}, Hash: c.cfg.Scope.ViewChangeDigest(c.leaving)})
		return
	}
	mark.Hit(mark.ResumeChange)
	c.change.announced = true
	c.change.sentTick = c.now
	c.broadcast(c.leaving, 0)
	c.send(c.cfg.Self, c.leaving, 0)
}

// amnesiaState keeps a replica that lost its votes from voting until every slot
// that it can have voted for is behind a stable checkpoint (I8).
//
// Its own last stable checkpoint ls was signed by 2f+c+1 replicas that had
// executed it: f+c of them at least are honest others. Of the n−1 others, n−f
// report, so f−1 do not, and at least c+1 of those honest signers are among the
// reports. (n−f−1 reports would not do for c = 0: all f honest signers may be
// the ones that are silent. That n−f others answer takes that this replica is
// one of the f faulty ones, which a lost journal makes it.) A replica signs a
// checkpoint only when its own durable stable checkpoint is at most one window
// below, so the highest certified report is at least ls minus one window; and
// this replica voted at most one window above ls. So nothing was voted above
// the highest certified report plus two windows.
//
// It may also have left its view before it forgot: peers show it the view
// changes that it signed, and it keeps to them (recall).
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
	if a.count >= c.q.N-c.q.F {
		mark.Hit(mark.AmnesiaBound)
		a.bound = a.highest + 2*c.cfg.Window
	}
	if plant.On(plant.AmnesiaEndsEarly) {
		a.bound = max(a.highest, 1)
	}
}

// endAmnesia lets the replica vote again once the bound is stable.
func (c *Core) endAmnesia() {
	if !c.amnesia.on || c.amnesia.bound == 0 || c.low() < c.amnesia.bound {
		return
	}
	mark.Hit(mark.AmnesiaLeft)
	c.amnesia.on = false
	c.memory.from = c.low()
	c.observe(Observe{Topic: ObserveAmnesiaEnd, View: c.view, Seq: c.low()})
	c.acceptDecided()
}

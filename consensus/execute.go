package consensus

import (
	"quorate/internal/mark"
	"quorate/internal/plant"
	"quorate/wire"
)

// This file releases committed slots in order, and collects π over what they
// led to.

// A slot is executed only inside the window, also when its block was fetched: so
// a replica's stable checkpoint is never more than a window below what it has
// executed, which the bound of amnesia (recover.go) builds on.

// executeAheadMax bounds the slots handed to execution and not yet executed.
const executeAheadMax = 32

// release hands committed slots to execution, in order, each once (I6). A core
// that finds two committed values on the way has halted, and executes neither.
func (c *Core) release() {
	for !c.halted && c.dispatched < min(c.executed+executeAheadMax, c.high()) {
		next := c.dispatched + 1
		c.useRecovered(next)
		if c.releaseCatchup(next) || c.halted {
			continue
		}
		s := c.slot(next)
		if s == nil || !s.committed || !s.holds(s.proof.Slot.Digest) {
			return
		}
		s.dispatched = true
		c.dispatched = next
		c.keep(s)
		c.emit(Execute{Proof: s.proof})
	}
}

// keep makes sure that the journal has proof and body of a slot that is handed
// to execution. A vote brought the body, and commit the proof; what was fetched
// has neither. Invariant I13: what a signed checkpoint covers can be had again
// from its signer after a crash; otherwise all who executed a slot could lose it
// while one who knows only the certificate keeps the others from agreeing on it
// anew.
func (c *Core) keep(s *slot) {
	if plant.On(plant.FetchedBlockNotJournaled) {
		return
	}
	if !s.hasVote || s.vote.Digest != s.proof.Slot.Digest {
		mark.Hit(mark.ExecuteKept)
		c.persist(&wire.CommittedRecord{Proof: s.proof}, s.proof.Slot.Digest)
	}
}

// onExecuted notes that a slot was executed, and signs its outcome.
func (c *Core) onExecuted(e Executed) {
	if e.Seq != c.executed+1 {
		c.halt("execution out of order")
		return
	}
	c.executed = e.Seq
	c.executeTick = c.now
	c.progress()
	c.next = max(c.next, e.Seq+1)
	if s := c.slot(e.Seq); s != nil {
		s.executed, s.exec = true, e.Digest
		if !c.useEarlyPi(s) {
			c.emit(Sign{Purpose: PurposePi, Slot: wire.SlotID{Seq: e.Seq}, Hash: e.Digest})
			c.collectExec(s)
		}
	}
	if e.Seq%c.interval == 0 {
		c.checkpointReached(e)
	}
	c.release()
	c.moreCatchup()
}

// useEarlyPi certifies a slot whose proof was faster than its execution here. A
// digest that differs proves nothing: it is opaque, so a liar can send π of one
// slot under the number of another. Divergence shows at the next checkpoint,
// whose certificate names its seq.
func (c *Core) useEarlyPi(s *slot) bool {
	if s.earlyPi.has && s.earlyPi.digest != s.exec && plant.On(plant.ForeignPiHalts) {
		c.halt("diverged: another result was certified")
	}
	if !s.earlyPi.has || s.earlyPi.digest != s.exec {
		mark.If(s.earlyPi.has, mark.EarlyPiDiffers)
		return false
	}
	mark.Hit(mark.EarlyPiUsed)
	c.certify(s, s.earlyPi.pi)
	return true
}

// stateSigned sends this replica's share of π to the execution collectors.
func (c *Core) stateSigned(e Signed) {
	s := c.slot(e.Job.Slot.Seq)
	if s == nil || !s.executed || s.exec != e.Job.Hash {
		c.lateSigned(e)
		return
	}
	s.own.sentTick = c.now
	m := &wire.SignState{Seq: s.seq, Digest: s.exec, Share: e.Share}
	c.emit(Send{To: c.q.ExecCollectors(nil, s.seq, c.view), Msg: m})
	if r := &s.execShares[c.cfg.Self]; !r.has {
		// Kept also where this replica is no collector: it may have to become one.
		*r = execShare{has: true, digest: s.exec, share: e.Share}
	}
	c.collectExec(s)
}

func (c *Core) onSignState(from wire.ReplicaID, m *wire.SignState) {
	s := c.slot(m.Seq)
	switch {
	case s == nil || s.forgotten():
		c.lateState(from, m)
		return
	case c.banned[from]:
		c.reject(from, m.Kind(), RejectBanned)
		return
	case s.certified:
		c.answerState(from, s)
		return
	}
	if r := &s.execShares[from]; !r.has {
		*r = execShare{has: true, digest: m.Digest, share: m.Share}
	}
	c.collectExec(s)
}

// answerState shows π to a replica that still sends its share of it, like
// answerShare.
func (c *Core) answerState(from wire.ReplicaID, s *slot) {
	r, pause := &s.execShares[from], c.cfg.Timing.Resend/2
	if from == c.cfg.Self || s.pi == (wire.Certificate{}) || c.now-s.certifyTick < pause ||
		r.answered != 0 && c.now-r.answered < pause {
		return
	}
	mark.Hit(mark.PiAnswered)
	r.answered = max(c.now, 1)
	c.send(from, &wire.ExecuteProof{Seq: s.seq, Digest: s.exec, Pi: s.pi}, 0)
}

// collectExec combines π once f+1 replicas report what this one computed too.
// A collector that has not executed waits: it cannot tell a lie from the truth
// before.
func (c *Core) collectExec(s *slot) {
	if !s.executed || s.forgotten() || s.certified || s.execState != phaseIdle || !c.execCollects(s) {
		return
	}
	agree := func(i int) bool {
		r := &s.execShares[i]
		return r.has && r.digest == s.exec && !c.banned[i]
	}
	n := 0
	for i := range s.execShares {
		if agree(i) {
			n++
		}
	}
	if n < c.q.Pi {
		return
	}
	shares := make([]ShareOf, 0, n)
	for i := range s.execShares {
		if agree(i) {
			shares = append(shares, ShareOf{Replica: wire.ReplicaID(i), Share: s.execShares[i].share})
		}
	}
	s.execState = phaseBusy
	c.emit(Combine{Purpose: PurposePi, Slot: wire.SlotID{Seq: s.seq}, Hash: s.exec, Shares: shares})
}

// execCollects reports whether it is this replica's turn to collect π: the
// primary at once, because clients wait there; the others staggered.
func (c *Core) execCollects(s *slot) bool {
	if c.isPrimary() {
		return true
	}
	c.scratch = c.q.ExecCollectors(c.scratch[:0], s.seq, c.view)
	for i, id := range c.scratch {
		if id == c.cfg.Self {
			return c.age(s) >= uint64(len(c.scratch)-i)*c.cfg.Timing.Stagger
		}
	}
	if c.age(s) >= c.cfg.Timing.Fallback {
		mark.Hit(mark.PiFallback)
		return true
	}
	return false
}

func (c *Core) execCombined(e Combined) {
	s := c.slot(e.Job.Slot.Seq)
	if s == nil || s.certified || s.exec != e.Job.Hash {
		c.lateCombined(e)
		return
	}
	if !e.OK {
		mark.Hit(mark.PiBadShare)
		s.execState = phaseIdle
		for _, r := range e.Culprits {
			if int(r) < c.q.N {
				s.execShares[r] = execShare{}
			}
		}
		if len(e.Culprits) > 0 {
			c.collectExec(s)
		}
		return
	}
	c.broadcast(&wire.ExecuteProof{Seq: s.seq, Digest: s.exec, Pi: e.Signature}, 0)
	c.certify(s, e.Signature)
}

func (c *Core) certify(s *slot, pi wire.Certificate) {
	s.certified, s.execState, s.certifyTick, s.pi = true, phaseDone, c.now, pi
	c.emit(Certify{Seq: s.seq, Digest: s.exec, Pi: pi})
	if plant.On(plant.StableOnPi) && s.seq%c.interval == 0 {
		if o := c.checkpoint.at(s.seq); o != nil && o.mine {
			c.stabilize(wire.Stable{State: o.own, Tau: pi})
		}
	}
}

// onExecuteProof takes π(d) from a collector. One that comes before this
// replica executed the slot is kept.
func (c *Core) onExecuteProof(from wire.ReplicaID, m *wire.ExecuteProof) {
	s := c.slot(m.Seq)
	switch {
	case s == nil || s.forgotten() || c.lateAt(m.Seq) != nil:
		c.lateProof(from, m)
	case s.certified:
	case c.banned[from]:
		c.reject(from, m.Kind(), RejectBanned)
	case s.executed && s.exec != m.Digest:
		c.reject(from, m.Kind(), RejectConflict)
	case s.verifying&verifyExec != 0:
		c.reject(from, m.Kind(), RejectBusy)
	default:
		s.verifying |= verifyExec
		c.emit(Verify{From: from, Msg: m})
	}
}

func (c *Core) executeProofVerified(e Verified, m *wire.ExecuteProof) {
	s := c.slot(m.Seq)
	if s != nil {
		s.verifying &^= verifyExec
	}
	if s == nil || s.forgotten() || c.lateAt(m.Seq) != nil {
		c.lateProofVerified(e, m)
		return
	}
	switch {
	case e.Verdict != VerdictOK:
		c.refuted(e, s.seq)
	case s.executed && s.exec != m.Digest:
		c.reject(e.From, m.Kind(), RejectConflict) // as in useEarlyPi
	case s.executed && !s.certified:
		c.certify(s, m.Pi)
	case !s.executed && !s.earlyPi.has:
		s.earlyPi = earlyPi{has: true, digest: m.Digest, pi: m.Pi}
	}
}

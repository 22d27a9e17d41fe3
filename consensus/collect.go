package consensus

import (
	"quorate/internal/mark"
	"quorate/internal/plant"
	"quorate/wire"
)

// This file is the collector: shares to proofs, and proofs to commits.

// fastMissesMax caps the memory of slots that missed the fast path; half of it
// is where the switch turns.
const fastMissesMax = 8

// fastHealthy reports whether σ has been coming in time lately. While it has,
// τ shares are saved and collectors wait δ for σ; while it has not, the slow
// path starts as soon as τ is there, and σ is still combined when it completes,
// so the fast path is found again by itself.
func (c *Core) fastHealthy() bool { return c.fastMisses < fastMissesMax/2 }

func (c *Core) notePath(fast bool) {
	if fast {
		mark.If(c.fastMisses == fastMissesMax/2, mark.FastRecovers)
		c.fastMisses = max(0, c.fastMisses-1)
	} else {
		mark.If(c.fastMisses == fastMissesMax/2-1, mark.FastGivenUp)
		c.fastMisses = min(fastMissesMax, c.fastMisses+1)
	}
}

// rank is this replica's place among the slot's collectors, −1 for none. When a
// slot is old, everyone collects.
func (c *Core) rank(s *slot) int {
	c.scratch = c.q.CommitCollectors(c.scratch[:0], s.seq, c.view)
	for i, id := range c.scratch {
		if id == c.cfg.Self {
			return i
		}
	}
	if c.age(s) >= c.cfg.Timing.Fallback {
		mark.Hit(mark.CollectFallback)
		return 0
	}
	return -1
}

// collect makes what can be made of the slot's shares. It is called whenever a
// share came, and on ticks.
func (c *Core) collect(s *slot) {
	if s.committed || !c.active || s.born == 0 {
		return
	}
	rank := c.rank(s)
	if rank < 0 || c.age(s) < uint64(rank)*c.cfg.Timing.Stagger {
		mark.If(rank >= 0, mark.CollectWaitsItsTurn)
		return
	}
	d := s.vote.Digest
	if !s.accepted(c.view) {
		var n int
		if d, n = s.leading(c.view, c.banned); n < c.q.Tau {
			return
		}
		mark.Hit(mark.CollectWithoutProposal)
	}
	id := wire.SlotID{View: c.view, Seq: s.seq, Digest: d}
	c.collectSigma(s, id)
	c.collectTau(s, id)
	c.collectTwo(s, id)
}

func (c *Core) collectSigma(s *slot, id wire.SlotID) {
	if s.collect.sigma != phaseIdle || s.count(hasSigma, id.View, id.Digest, c.banned) < c.q.Sigma {
		return
	}
	s.collect.sigma = phaseBusy
	c.emit(Combine{Purpose: PurposeSigma, Slot: id, Hash: c.cfg.Scope.SlotHash(id),
		Shares: s.gather(hasSigma, id.View, id.Digest, c.banned)})
}

// collectTau starts the slow path δ after τ is there and σ is not.
func (c *Core) collectTau(s *slot, id wire.SlotID) {
	if s.collect.tau != phaseIdle || s.collect.sigma == phaseBusy {
		return
	}
	if s.count(hasTau, id.View, id.Digest, c.banned) < c.q.Tau {
		return
	}
	if s.collect.tauTick == 0 {
		s.collect.tauTick = max(c.now, 1)
	}
	if c.fastHealthy() && c.now-s.collect.tauTick < c.fastWait {
		mark.Hit(mark.SlowWaitsForSigma)
		return
	}
	mark.Hit(mark.SlowStarts)
	s.collect.tau = phaseBusy
	c.emit(Combine{Purpose: PurposeTau, Slot: id, Hash: c.cfg.Scope.SlotHash(id),
		Shares: s.gather(hasTau, id.View, id.Digest, c.banned)})
}

func (c *Core) collectTwo(s *slot, id wire.SlotID) {
	if s.collect.tau != phaseDone || s.collect.two != phaseIdle || s.collect.tauDigest != id.Digest {
		return
	}
	if s.count(hasTwo, id.View, id.Digest, c.banned) < c.q.Tau {
		return
	}
	s.collect.two = phaseBusy
	c.emit(Combine{Purpose: PurposeTauTau, Slot: id, Hash: c.cfg.Scope.SlowCommitHash(id),
		Shares: s.gather(hasTwo, id.View, id.Digest, c.banned)})
}

// slotCombined takes a combined signature back and publishes the proof.
func (c *Core) slotCombined(e Combined) {
	s := c.slot(e.Job.Slot.Seq)
	if s == nil || e.Job.Slot.View != c.view {
		mark.Hit(mark.CombineStale)
		return
	}
	if !e.OK {
		c.combineFailed(s, e)
		return
	}
	if s.committed {
		mark.Hit(mark.CombineMeanwhile)
		return // meanwhile; whoever made that proof sent it to all
	}
	id := e.Job.Slot
	switch e.Job.Purpose {
	case PurposeSigma:
		s.collect.sigma = phaseDone
		m := &wire.FullCommitProof{Slot: id, Sigma: e.Signature}
		c.broadcast(m, 0)
		c.commit(s, wire.CommitProof{Slot: id, Fast: true, Sigma: e.Signature}, c.cfg.Self)
	case PurposeTau:
		s.collect.tauSent = c.now
		m := &wire.Prepare{Slot: id, Tau: e.Signature}
		c.broadcast(m, 0)
		c.prepared(s, m)
	case PurposeTauTau:
		s.collect.two = phaseDone
		m := &wire.SlowCommitProof{Slot: id, TauTau: e.Signature}
		c.broadcast(m, 0)
		c.commit(s, wire.CommitProof{Slot: id, TauTau: m.TauTau}, c.cfg.Self)
	}
}

// combineFailed drops the culprits' shares and tries again with what is left,
// now or when more come.
func (c *Core) combineFailed(s *slot, e Combined) {
	bit, ph := uint8(hasSigma), &s.collect.sigma
	mark.If(e.Job.Purpose == PurposeSigma, mark.CombineBadSigma)
	switch e.Job.Purpose {
	case PurposeTau:
		mark.Hit(mark.CombineBadTau)
		bit, ph = hasTau, &s.collect.tau
	case PurposeTauTau:
		mark.Hit(mark.CombineBadTauTau)
		bit, ph = hasTwo, &s.collect.two
	}
	if *ph == phaseBusy {
		*ph = phaseIdle
	}
	for _, r := range e.Culprits {
		if int(r) < c.q.N {
			s.drop(bit, r)
		}
	}
	if len(e.Culprits) > 0 {
		c.collect(s)
	}
}

// onProof takes a proof from a collector: cheap checks, then one verification
// per slot and kind at a time.
func (c *Core) onProof(from wire.ReplicaID, m wire.Message, id wire.SlotID, bit uint8) {
	c.disagrees(id)
	s := c.slot(id.Seq)
	switch {
	case s == nil:
		c.reject(from, m.Kind(), RejectWindow)
	case s.committed:
		// Late, and of no use any more.
		mark.Hit(mark.ProofLate)
	case plant.On(plant.EarlyProofDropped) && !s.accepted(id.View):
	case c.banned[from]:
		c.reject(from, m.Kind(), RejectBanned)
	case s.verifying&bit != 0:
		c.reject(from, m.Kind(), RejectBusy)
	case bit == verifyPrepare && (id.View != c.view || !c.active):
		c.reject(from, m.Kind(), RejectView)
	case bit == verifyPrepare && s.hasLock && s.lock.View == id.View:
		mark.Hit(mark.PrepareAlreadyLocked)
		if p, ok := m.(*wire.Prepare); ok && plant.On(plant.SecondCertificateBanned) && p.Tau != s.lock.Tau {
			c.ban(from, id.Seq)
		}
		// Locked in this view already: a second certificate says the same, be it
		// of other bytes (I5).
	default:
		s.verifying |= bit
		c.emit(Verify{From: from, Msg: m})
	}
}

func (c *Core) proofVerified(e Verified, id wire.SlotID, bit uint8) {
	s := c.slot(id.Seq)
	if s == nil {
		mark.Hit(mark.ProofWindowMoved)
		return
	}
	s.verifying &^= bit
	trusted := plant.On(plant.ForgedProofCommits) && bit != verifyPrepare || plant.On(plant.ForgedPrepareLocks) && bit == verifyPrepare
	if e.Verdict != VerdictOK && !trusted {
		c.refuted(e, s.seq)
		return
	}
	switch m := e.Msg.(type) {
	case *wire.FullCommitProof:
		p := wire.CommitProof{Slot: id, Fast: true, Sigma: m.Sigma}
		c.convicted(&p)
		c.commit(s, p, e.From)
	case *wire.SlowCommitProof:
		c.commit(s, wire.CommitProof{Slot: id, TauTau: m.TauTau}, e.From)
	case *wire.Prepare:
		c.prepared(s, m)
	}
}

// refuted notes a proof that did not verify.
func (c *Core) refuted(e Verified, seq wire.SeqNum) {
	c.reject(e.From, e.Msg.Kind(), RejectForged)
	mark.If(e.Verdict == VerdictCancelled, mark.ProofUnchecked)
	if e.Verdict == VerdictForged {
		mark.Hit(mark.ProofForged)
		c.ban(e.From, seq)
	}
}

// prepared takes a verified τ(h): it becomes this replica's lock, durably, and
// the share of τ(τ(h)) goes to the collectors.
func (c *Core) prepared(s *slot, m *wire.Prepare) {
	id := m.Slot
	if id.View != c.view || !c.active || s.committed {
		mark.Hit(mark.PrepareStale)
		return
	}
	// Whoever made the certificate: this replica, if it collects, goes on with it.
	s.collect.tau, s.collect.tauCert, s.collect.tauDigest = phaseDone, m.Tau, id.Digest
	if plant.On(plant.PrepareCommits) {
		c.commit(s, wire.CommitProof{Slot: id, TauTau: m.Tau}, c.cfg.Self)
		return
	}
	c.lock(s, m)
	c.collect(s)
}

func (c *Core) lock(s *slot, m *wire.Prepare) {
	id := m.Slot
	if c.amnesia.on || s.hasLock && s.lock.View >= id.View {
		mark.If(c.amnesia.on, mark.LockInAmnesia)
		return
	}
	if s.accepted(c.view) && s.vote.Digest != id.Digest {
		// Invariant I1 of others: 2f+c+1 replicas accepted another value in this
		// very view. This replica was told otherwise by an equivocating primary.
		mark.Hit(mark.EvidenceByPrepare)
		c.evidence(s, c.q.Primary(c.view))
		return
	}
	mark.If(s.hasLock, mark.LockReplacesOlder)
	s.hasLock = true
	s.lock = wire.Lock{View: id.View, Digest: id.Digest, Tau: m.Tau}
	s.lockToken = c.persist(&wire.LockRecord{Slot: id, Tau: m.Tau}, wire.NullDigest)
	if !s.accepted(c.view) {
		mark.Hit(mark.LockBeforeProposal)
		return // it votes once it has the proposal itself
	}
	c.signTwo(s)
}

func (c *Core) signTwo(s *slot) {
	id := s.id(c.view)
	c.emit(Sign{Purpose: PurposeTauTau, Slot: id, Hash: c.cfg.Scope.SlowCommitHash(id)})
}

// commit makes the slot final (I5). from is who to ask for the body first, if
// the pre-prepare does not bring it soon.
func (c *Core) commit(s *slot, p wire.CommitProof, from wire.ReplicaID) {
	if s.committed {
		mark.Hit(mark.CommitMeanwhile)
		return
	}
	if !s.accepted(p.Slot.View) {
		mark.Hit(mark.LateProofBeforeProposal)
	}
	mark.If(p.Slot.View < c.view, mark.CommitOfLowerView)
	mark.If(p.Slot.View > c.view, mark.CommitOfHigherView)
	mark.If(!c.active, mark.CommitWhileLeaving)
	if mark.Enabled {
		mark.If(p.Slot.Digest == wire.NullDigest, mark.CommitNull)
	}
	ticks := c.age(s)
	s.committed, s.proof, s.commitTick = true, p, c.now
	s.bodyFrom, s.fetchTick = from, 0
	c.touch(s)
	c.persist(&wire.CommittedRecord{Proof: p}, wire.NullDigest)
	c.notePath(p.Fast)
	topic := ObserveSlowCommit
	if p.Fast {
		topic = ObserveFastCommit
		c.adaptFastWait(ticks)
	}
	c.observe(Observe{Topic: topic, View: p.Slot.View, Seq: s.seq, Ticks: ticks})
	c.release()
}

// adaptFastWait moves δ towards twice the measured time of fast slots.
func (c *Core) adaptFastWait(ticks uint64) {
	t := c.cfg.Timing
	mark.If((7*c.fastWait+2*ticks)/8 > t.FastWaitMax, mark.FastWaitCapped)
	c.fastWait = min(max((7*c.fastWait+2*ticks)/8, t.FastWait), t.FastWaitMax)
}

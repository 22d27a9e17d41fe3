package consensus

import (
	"quorate/internal/mark"
	"quorate/internal/plant"
	"quorate/wire"
)

// This file is the normal case of one slot up to the shares: propose, accept,
// sign, send. Collecting is in collect.go.

// propose opens the next slot with a batch of this primary.
func (c *Core) propose(d wire.Digest) {
	if c.Proposable() == 0 || d.IsNull() {
		c.emit(Return{Digest: d})
		return
	}
	s := c.slot(c.next)
	c.next++
	c.hold(s, d)
	c.accept(s, d)
	c.emit(Sign{Purpose: PurposeAuthor, Slot: s.id(c.view)})
}

// onPrePrepare does the cheap checks of a proposal; its signatures and content
// are verified before it is accepted.
func (c *Core) onPrePrepare(from wire.ReplicaID, m *wire.PrePrepare) {
	s, why, ok := c.admitPrePrepare(from, m)
	if !ok {
		c.reject(from, m.Kind(), why)
		return
	}
	if s.accepted(c.view) && s.vote.Digest == m.Slot.Digest {
		c.reject(from, m.Kind(), RejectDuplicate)
		return
	}
	// A second, different value is verified too: signed by the primary, it is
	// proof of equivocation. Once per slot, so that it costs a liar more than us.
	again := s.accepted(c.view) && s.provenFault && !plant.On(plant.SecondProposalAccepted)
	if s.verifying&verifyPropose != 0 || again {
		c.reject(from, m.Kind(), RejectBusy)
		return
	}
	if s.accepted(c.view) {
		mark.Hit(mark.PrePrepareSecondValue)
	}
	s.verifying |= verifyPropose
	c.emit(Verify{From: from, Msg: m})
}

// admitPrePrepare checks view, sender, window and the new-view rule (I4).
func (c *Core) admitPrePrepare(from wire.ReplicaID, m *wire.PrePrepare) (*slot, RejectReason, bool) {
	stale := plant.On(plant.StaleProposalAccepted) && c.active && m.Slot.View < c.view && from == c.q.Primary(m.Slot.View)
	switch {
	case stale:
	case m.Slot.View != c.view || !c.active:
		return nil, c.deferOrRefuse(from, m), false
	case from != c.q.Primary(c.view) || from == c.cfg.Self:
		return nil, RejectSender, false
	case c.amnesia.on:
		return nil, RejectAmnesia, false
	case m.Slot.Digest.IsNull():
		// Invariant I4: only a new view makes null slots.
		return nil, RejectConflict, false
	}
	s := c.slot(m.Slot.Seq)
	if s == nil {
		return nil, RejectWindow, false
	}
	if m.Slot.Seq <= c.nvTop {
		return nil, RejectConflict, false
	}
	return s, 0, true
}

// prePrepareVerified accepts a proposal whose author, digest, client signatures
// and time are good.
func (c *Core) prePrepareVerified(from wire.ReplicaID, m *wire.PrePrepare, v Verdict) {
	if s := c.slot(m.Slot.Seq); s != nil && m.Slot.View == c.view {
		s.verifying &^= verifyPropose
	}
	if v == VerdictOK {
		c.noteHead(m)
	}
	s, why, ok := c.admitPrePrepare(from, m)
	used := false
	switch {
	case !ok:
		mark.Hit(mark.PrePrepareStale)
		c.reject(from, m.Kind(), why)
	case plant.On(plant.SecondProposalAccepted) && v == VerdictOK && s.accepted(c.view):
		used = true
		c.hold(s, m.Slot.Digest)
		c.accept(s, m.Slot.Digest)
	case v == VerdictBadBatch || v == VerdictOK && c.contradicts(s, m.Slot.Digest):
		mark.If(v == VerdictBadBatch, mark.PrePrepareBadBatch)
		mark.If(v == VerdictOK, mark.PrePrepareContradicts)
		c.evidence(s, from)
	case plant.On(plant.ClockBlamed) && v == VerdictBadTime:
		c.evidence(s, from)
	case v == VerdictBadTime:
		c.reject(from, m.Kind(), RejectTime)
	case v != VerdictOK:
		c.reject(from, m.Kind(), RejectForged)
	case s.accepted(c.view):
		c.reject(from, m.Kind(), RejectDuplicate)
	default:
		used = true
		c.hold(s, m.Slot.Digest)
		c.accept(s, m.Slot.Digest)
	}
	if v == VerdictOK && !used {
		mark.Hit(mark.PrePrepareBodyBack)
		c.forget(m.Slot.Digest)
	}
}

// contradicts reports whether d, proposed in this view, proves that the primary
// proposed something else too: this replica accepted it, or 2f+c+1 did.
func (c *Core) contradicts(s *slot, d wire.Digest) bool {
	return s.committed && s.proof.Slot.View == c.view && s.proof.Slot.Digest != d ||
		s.accepted(c.view) && s.vote.Digest != d ||
		s.hasLock && s.lock.View == c.view && s.lock.Digest != d
}

// evidence is proof that the primary of the slot's view is faulty: its own
// signature under two values, or under an invalid batch.
func (c *Core) evidence(s *slot, primary wire.ReplicaID) {
	if s.provenFault || plant.On(plant.EquivocationExcused) {
		mark.Hit(mark.EvidenceAgain)
		return
	}
	s.provenFault = true
	mark.Hit(mark.EvidenceNoted)
	c.change.proven = true
	c.observe(Observe{Topic: ObserveEvidence, View: c.view, Seq: s.seq, Replica: primary})
	c.complain()
}

// accept makes d the slot's value in this view and votes for it (I1, I2, I3).
// The body is held, or d is null.
func (c *Core) accept(s *slot, d wire.Digest) {
	c.touch(s)
	if mark.Enabled {
		mark.If(d == wire.NullDigest, mark.NVNullSlot)
		mark.If(s.hasVote && s.vote.Digest == d, mark.VoteMoved)
		mark.If(s.hasVote && s.vote.Digest != d, mark.VoteChanged)
	}
	s.hasVote = true
	s.vote = wire.Vote{View: c.view, Digest: d}
	c.memory.note(s.seq)
	s.own = ownShares{}
	s.tally.known = false
	s.voteToken = c.persist(&wire.VoteRecord{Slot: s.id(c.view)}, d)
	c.sign(s)
	if s.hasLock && s.lock.View == c.view && s.lock.Digest == d {
		mark.Hit(mark.LockBeforeProposalUsed)
		c.signTwo(s) // the certificate came before the proposal
	}
	c.collect(s) // shares may have come before it too
	c.release()
}

// sign asks for this replica's shares for its vote.
func (c *Core) sign(s *slot) {
	id := s.id(c.view)
	h := c.cfg.Scope.SlotHash(id)
	s.own.sentTick = c.now
	c.emit(Sign{Purpose: PurposeSigma, Slot: id, Hash: h})
	if !c.fastHealthy() {
		mark.Hit(mark.SlowTauAtOnce)
		c.signTau(s)
	}
}

// signTau asks for the τ share too. While the fast path is healthy it is saved
// until the slot is late.
func (c *Core) signTau(s *slot) {
	if s.own.wantTau {
		return
	}
	s.own.wantTau = true
	id := s.id(c.view)
	c.emit(Sign{Purpose: PurposeTau, Slot: id, Hash: c.cfg.Scope.SlotHash(id)})
}

// slotSigned takes a share or the author's signature back from the signer.
func (c *Core) slotSigned(e Signed) {
	s := c.slot(e.Job.Slot.Seq)
	if s == nil || !c.active || !s.accepted(c.view) || e.Job.Slot != s.id(c.view) {
		mark.Hit(mark.SignStale)
		return // the view or the window moved on
	}
	switch e.Job.Purpose {
	case PurposeAuthor:
		s.own.author, s.own.authored = e.Author, true
		c.sendPrePrepare(s, c.others)
	case PurposeSigma:
		s.own.sigma, s.own.hasSigma = e.Share, true
		mark.If(s.own.wantTau && !s.own.hasTau, mark.SigmaWaitsForTau)
		if !s.own.wantTau || s.own.hasTau {
			c.sendShare(s, c.collectors(s))
		}
	case PurposeTau:
		s.own.tau, s.own.hasTau = e.Share, true
		if s.own.hasSigma {
			c.sendShare(s, c.collectors(s))
		}
	case PurposeTauTau:
		s.own.two, s.own.hasTwo = e.Share, true
		c.sendCommit(s, c.collectors(s))
	}
}

func (c *Core) sendPrePrepare(s *slot, to []wire.ReplicaID) {
	m := &wire.PrePrepare{Slot: s.id(c.view), Author: s.own.author}
	after := s.voteToken
	if plant.On(plant.ProposalBeforeSync) {
		after = 0
	}
	c.emit(Send{To: to, Msg: m, After: after})
}

func (c *Core) sendShare(s *slot, to []wire.ReplicaID) {
	m := &wire.SignShare{Slot: s.id(c.view), Sigma: s.own.sigma, HasTau: s.own.hasTau}
	if s.own.hasTau {
		m.Tau = s.own.tau
	}
	after := s.voteToken
	if plant.On(plant.VoteBeforeSync) {
		after = 0
	}
	c.emit(Send{To: to, Msg: m, After: after})
}

func (c *Core) sendCommit(s *slot, to []wire.ReplicaID) {
	// Invariant I2: the lock is on disk before the share of τ(τ(h)) leaves.
	after := max(s.voteToken, s.lockToken)
	if plant.On(plant.CommitShareBeforeLock) {
		after = s.voteToken
	}
	c.emit(Send{To: to, Msg: &wire.Commit{Slot: s.id(c.view), Share: s.own.two}, After: after})
}

func (c *Core) collectors(s *slot) []wire.ReplicaID {
	return c.q.CommitCollectors(nil, s.seq, c.view)
}

// onSignShare stores a vote's shares, if its sender has not voted otherwise.
func (c *Core) onSignShare(from wire.ReplicaID, m *wire.SignShare) {
	c.disagrees(m.Slot)
	s, ok := c.admitShare(from, m.Kind(), m.Slot)
	if !ok {
		return
	}
	bits := uint8(hasSigma)
	if m.HasTau {
		bits |= hasTau
	}
	r, ok := s.put(from, m.Slot, bits)
	if !ok {
		c.reject(from, m.Kind(), RejectConflict)
		return
	}
	r.sigma = m.Sigma
	if m.HasTau {
		r.tau = m.Tau
	}
	c.touch(s)
	c.collect(s)
}

// onCommitShare stores a share of τ(τ(h)).
func (c *Core) onCommitShare(from wire.ReplicaID, m *wire.Commit) {
	c.disagrees(m.Slot)
	s, ok := c.admitShare(from, m.Kind(), m.Slot)
	if !ok {
		return
	}
	r, ok := s.put(from, m.Slot, hasTwo)
	if !ok {
		c.reject(from, m.Kind(), RejectConflict)
		return
	}
	r.two = m.Share
	c.touch(s)
	c.collect(s)
}

// admitShare bounds what shares are kept: one per sender and slot, for this
// view or one that is near (shares of a view that this replica is about to
// enter come early).
func (c *Core) admitShare(from wire.ReplicaID, k wire.Kind, id wire.SlotID) (*slot, bool) {
	s := c.slot(id.Seq)
	switch {
	case s == nil:
		c.reject(from, k, RejectWindow)
	case id.View < c.view || id.View > c.view+viewsAhead:
		c.reject(from, k, RejectView)
	case c.banned[from]:
		c.reject(from, k, RejectBanned)
	case s.committed:
		c.answerShare(from, s)
	default:
		mark.If(id.View > c.view, mark.ShareOfFutureView)
		return s, true
	}
	return nil, false
}

// answerShare shows the proof of a final slot to a replica that still sends
// shares for it: the proof that it was sent was lost. Shares that were only a
// little late are not answered, nor is anyone twice in a row.
func (c *Core) answerShare(from wire.ReplicaID, s *slot) {
	if plant.On(plant.LateSharesUnanswered) {
		return
	}
	r, pause := &s.shares[from], c.cfg.Timing.Resend/2
	if from == c.cfg.Self || c.now-s.commitTick < pause || r.answered != 0 && c.now-r.answered < pause {
		mark.Hit(mark.ShareLittleLate)
		return
	}
	r.answered = max(c.now, 1)
	if s.proof.Fast {
		mark.Hit(mark.ShareAnsweredFast)
		c.send(from, &wire.FullCommitProof{Slot: s.proof.Slot, Sigma: s.proof.Sigma}, 0)
	} else {
		mark.Hit(mark.ShareAnsweredSlow)
		c.send(from, &wire.SlowCommitProof{Slot: s.proof.Slot, TauTau: s.proof.TauTau}, 0)
	}
}

// viewsAhead is how many views ahead a share may be and still be kept.
const viewsAhead = 2

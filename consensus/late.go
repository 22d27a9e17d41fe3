package consensus

import (
	"quorate/internal/mark"
	"quorate/internal/plant"
	"quorate/wire"
)

// This file certifies slots that no longer are, or after a restart not yet
// again, under the window's care: a client asks for a result whose π was never
// made, because view changes or a restart of all replicas came between. It is
// driven by demand, so a slot that nobody asks for costs nothing.

// lateMax bounds the slots that are being certified late; the oldest gives way.
const lateMax = 64

// lateSlot collects π for one executed slot.
type lateSlot struct {
	seq      wire.SeqNum
	digest   wire.Digest
	shares   []execShare
	state    phase
	checking bool
	left     bool // the window left it behind: others may wait for this replica's proof
	sent     uint64
}

// Uncertified asks for π of an executed slot, whose execution digest the
// pipeline knows from its ledger.
type Uncertified struct {
	Seq    wire.SeqNum
	Digest wire.Digest
}

func (Uncertified) isEvent() {}

func (c *Core) onUncertified(e Uncertified) {
	if e.Seq > c.executed {
		return
	}
	if s := c.slot(e.Seq); s != nil && s.executed && s.exec == e.Digest {
		if s.certified {
			mark.Hit(mark.LateCertifiedNow)
			c.emit(Certify{Seq: s.seq, Digest: s.exec, Pi: s.pi})
		}
		return // the window's own repetition brings it
	}
	l := c.lateAt(e.Seq)
	if l == nil {
		mark.Hit(mark.LateStarts)
		l = c.addLate(e.Seq, e.Digest)
	} else if l.sent != 0 && c.now-l.sent < c.cfg.Timing.Resend {
		mark.Hit(mark.LateTooSoon)
		return
	}
	l.sent = max(c.now, 1)
	c.emit(Sign{Purpose: PurposePi, Slot: wire.SlotID{Seq: e.Seq}, Hash: e.Digest})
}

func (c *Core) addLate(seq wire.SeqNum, d wire.Digest) *lateSlot {
	if len(c.late) >= lateMax {
		c.late = append(c.late[:0], c.late[1:]...)
	}
	c.late = append(c.late, lateSlot{seq: seq, digest: d, shares: make([]execShare, c.q.N)})
	return &c.late[len(c.late)-1]
}

// keepUncertified takes over a slot that the window is about to leave while its
// π is still on the way. A checkpoint is often stable before the slots right
// below it are certified, and their clients wait.
func (c *Core) keepUncertified(s *slot) {
	if plant.On(plant.UncertifiedDropped) || !s.executed || s.forgotten() || s.certified || c.lateAt(s.seq) != nil {
		return
	}
	mark.Hit(mark.LateKept)
	l := c.addLate(s.seq, s.exec)
	copy(l.shares, s.execShares)
	l.state, l.left = s.execState, true
}

func (c *Core) lateAt(seq wire.SeqNum) *lateSlot {
	for i := range c.late {
		if c.late[i].seq == seq {
			return &c.late[i]
		}
	}
	return nil
}

// lateSigned sends this replica's share to all: each of them answers with its
// own, or with π.
func (c *Core) lateSigned(e Signed) {
	l := c.lateAt(e.Job.Slot.Seq)
	if l == nil || l.digest != e.Job.Hash {
		return
	}
	l.shares[c.cfg.Self] = execShare{has: true, digest: l.digest, share: e.Share}
	c.broadcast(&wire.SignState{Seq: l.seq, Digest: l.digest, Share: e.Share}, 0)
	c.collectLate(l)
}

// lateAnswer says that a peer was sent what this replica has of a slot's π.
type lateAnswer struct {
	to   wire.ReplicaID
	seq  wire.SeqNum
	tick uint64
}

// lateAnswered notes an answer, and reports whether there was one lately. A share
// that answers looks like one that asks: without this, two replicas that both
// have no π for an old slot would answer each other's answers for ever.
func (c *Core) lateAnswered(to wire.ReplicaID, seq wire.SeqNum) bool {
	for i := range c.lateAnswers {
		if a := &c.lateAnswers[i]; a.to == to && a.seq == seq && c.now-a.tick < 4*c.cfg.Timing.Resend {
			mark.Hit(mark.LateAnswerPaced)
			return true
		}
	}
	a := lateAnswer{to: to, seq: seq, tick: c.now}
	if len(c.lateAnswers) < 2*lateMax {
		c.lateAnswers = append(c.lateAnswers, a)
		return false
	}
	c.lateAnswers[c.lateNext%len(c.lateAnswers)] = a
	c.lateNext++
	return false
}

// lateState takes a share for a slot outside the window's care: one that is
// being collected here, or one that its sender is collecting.
func (c *Core) lateState(from wire.ReplicaID, m *wire.SignState) {
	l := c.lateAt(m.Seq)
	switch {
	case from == c.cfg.Self || m.Seq > c.executed:
		c.reject(from, m.Kind(), RejectWindow)
	case c.banned[from]:
		c.reject(from, m.Kind(), RejectBanned)
	case l == nil || l.shares[from].has:
		// It asks. The pipeline answers from the ledger, at its own pace.
		if m.Seq > 0 && c.mayServe(from, m.Kind()) && !c.lateAnswered(from, m.Seq) {
			mark.Hit(mark.LateServed)
			c.emit(Serve{To: from, State: m.Seq})
		}
	default:
		l.shares[from] = execShare{has: true, digest: m.Digest, share: m.Share}
		mark.Hit(mark.LateShare)
		c.collectLate(l)
	}
}

func (c *Core) collectLate(l *lateSlot) {
	if l.state != phaseIdle {
		return
	}
	var shares []ShareOf
	for i := range l.shares {
		if r := &l.shares[i]; r.has && r.digest == l.digest && !c.banned[i] {
			shares = append(shares, ShareOf{Replica: wire.ReplicaID(i), Share: r.share})
		}
	}
	if len(shares) < c.q.Pi {
		return
	}
	mark.Hit(mark.LateCombines)
	l.state = phaseBusy
	c.emit(Combine{Purpose: PurposePi, Slot: wire.SlotID{Seq: l.seq}, Hash: l.digest, Shares: shares})
}

func (c *Core) lateCombined(e Combined) {
	l := c.lateAt(e.Job.Slot.Seq)
	if l == nil || l.digest != e.Job.Hash {
		return
	}
	if e.OK {
		if l.left {
			mark.Hit(mark.LateProofSent)
			c.broadcast(&wire.ExecuteProof{Seq: l.seq, Digest: l.digest, Pi: e.Signature}, 0)
		}
		c.lateCertified(l, e.Signature)
		return
	}
	mark.Hit(mark.LateBadShare)
	l.state = phaseIdle
	for _, r := range e.Culprits {
		if int(r) < c.q.N {
			l.shares[r] = execShare{}
		}
	}
	if len(e.Culprits) > 0 {
		c.collectLate(l)
	}
}

// lateProof takes π for a slot that is being certified late.
func (c *Core) lateProof(from wire.ReplicaID, m *wire.ExecuteProof) {
	l := c.lateAt(m.Seq)
	switch {
	case l == nil:
		c.reject(from, m.Kind(), RejectWindow)
	case c.banned[from]:
		c.reject(from, m.Kind(), RejectBanned)
	case l.digest != m.Digest:
		c.reject(from, m.Kind(), RejectConflict)
	case l.checking:
		c.reject(from, m.Kind(), RejectBusy)
	default:
		l.checking = true
		c.emit(Verify{From: from, Msg: m})
	}
}

func (c *Core) lateProofVerified(e Verified, m *wire.ExecuteProof) {
	l := c.lateAt(m.Seq)
	if l == nil || l.digest != m.Digest {
		return
	}
	l.checking = false
	if e.Verdict != VerdictOK {
		c.refuted(e, m.Seq)
		return
	}
	mark.Hit(mark.LateProofTaken)
	c.lateCertified(l, m.Pi)
}

// lateCertified hands π out and forgets the slot.
func (c *Core) lateCertified(l *lateSlot, pi wire.Certificate) {
	c.emit(Certify{Seq: l.seq, Digest: l.digest, Pi: pi})
	for i := range c.late {
		if c.late[i].seq == l.seq {
			c.late = append(c.late[:i], c.late[i+1:]...)
			return
		}
	}
}

package consensus

import "quorate/wire"

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
			c.emit(Certify{Seq: s.seq, Digest: s.exec, Pi: s.pi})
		}
		return // the window's own repetition brings it
	}
	l := c.lateAt(e.Seq)
	if l == nil {
		if len(c.late) >= lateMax {
			c.late = append(c.late[:0], c.late[1:]...)
		}
		c.late = append(c.late, lateSlot{seq: e.Seq, digest: e.Digest, shares: make([]execShare, c.q.N)})
		l = &c.late[len(c.late)-1]
	} else if c.now-l.sent < c.cfg.Timing.Resend {
		return
	}
	l.sent = c.now
	c.emit(Sign{Purpose: PurposePi, Slot: wire.SlotID{Seq: e.Seq}, Hash: e.Digest})
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
		c.emit(Serve{To: from, State: m.Seq})
	default:
		l.shares[from] = execShare{has: true, digest: m.Digest, share: m.Share}
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
	l.state = phaseBusy
	c.emit(Combine{Purpose: PurposePi, Slot: wire.SlotID{Seq: l.seq}, Hash: l.digest, Shares: shares})
}

func (c *Core) lateCombined(e Combined) {
	l := c.lateAt(e.Job.Slot.Seq)
	if l == nil || l.digest != e.Job.Hash {
		return
	}
	if e.OK {
		c.lateCertified(l, e.Signature)
		return
	}
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
	c.lateCertified(l, m.Pi)
}

// lateCertified hands π out and forgets the slot.
func (c *Core) lateCertified(l *lateSlot, pi wire.BLSSignature) {
	c.emit(Certify{Seq: l.seq, Digest: l.digest, Pi: pi})
	for i := range c.late {
		if c.late[i].seq == l.seq {
			c.late = append(c.late[:i], c.late[i+1:]...)
			return
		}
	}
}

package consensus

import (
	"quorate/internal/mark"
	"quorate/wire"
)

// This file proves equivocation. A replica keeps the heads of the proposals that
// it verified: what their primary signed, without the batch. When anyone speaks
// of another value for one of these slots in the same view, it shows its head to
// all; and whoever holds another one then has two signatures of one primary
// under two values, which is proof to anyone who knows the genesis.
//
// Heads are kept for two windows of slots, so that one can still be shown when
// the window has moved on. They are lost in a restart: no promise depends on
// them.

// head is a verified proposal, and when it was last shown.
type head struct {
	wire.Head
	known bool
	shown uint64 // tick, 0: never
}

// headState is what this replica knows of equivocation.
type headState struct {
	ring      []head      // ring by seq, two windows long
	proven    []wire.View // by primary: the last view for which there is proof, plus one
	verifying []bool      // by sender: a head of it is being verified
	paced     []pace      // by sender: heads of it that were verified lately
}

func (p *headState) init(n int, window wire.SeqNum) {
	p.ring = make([]head, 2*window)
	p.proven = make([]wire.View, n)
	p.verifying = make([]bool, n)
	p.paced = make([]pace, n)
}

// isProven reports whether there is proof against the primary of view v, in that
// view. More of it would prove nothing new.
func (c *Core) isProven(v wire.View) bool { return c.heads.proven[c.q.Primary(v)] == v+1 }

// headOf is the head for a slot and view, or nil.
func (c *Core) headOf(id wire.SlotID) *head {
	h := &c.heads.ring[id.Seq%wire.SeqNum(len(c.heads.ring))]
	if !h.known || h.Slot.Seq != id.Seq || h.Slot.View != id.View {
		return nil
	}
	return h
}

// noteHead keeps a verified proposal's head, or finds that it contradicts the
// one at hand.
func (c *Core) noteHead(m *wire.PrePrepare) {
	h := c.headOf(m.Slot)
	if h == nil {
		c.heads.ring[m.Slot.Seq%wire.SeqNum(len(c.heads.ring))] = head{Head: wire.Head{Slot: m.Slot, Author: m.Author}, known: true}
		return
	}
	c.accuse(h, wire.Head{Slot: m.Slot, Author: m.Author})
}

// accuse hands out the proof that two heads of one slot and view are.
func (c *Core) accuse(h *head, other wire.Head) {
	v := h.Slot.View
	if h.Slot.Digest == other.Slot.Digest || c.isProven(v) {
		return
	}
	mark.Hit(mark.EvidenceByHeads)
	mark.If(v != c.view, mark.EvidenceOfOldView)
	c.heads.proven[c.q.Primary(v)] = v + 1
	c.emit(Accuse{Evidence: wire.NewEvidence(h.Head, other), Primary: c.q.Primary(v)})
	if v == c.view && c.active {
		c.change.proven = true
		c.complain()
	}
}

// disagrees takes note that someone speaks of value id: if this replica holds a
// head for another value, it shows that to everyone, now and then. What is
// claimed may be a lie; then nobody has the other head, and nothing comes of it.
func (c *Core) disagrees(id wire.SlotID) {
	h := c.headOf(id)
	if h == nil || h.Slot.Digest == id.Digest || id.Digest.IsNull() || c.isProven(id.View) {
		return
	}
	if h.shown != 0 && c.now-h.shown < c.cfg.Timing.Resend {
		return
	}
	mark.Hit(mark.HeadShown)
	h.shown = max(c.now, 1)
	m := h.Head
	c.broadcast(&m, 0)
}

// onHead admits a head that contradicts the one at hand, and has it verified.
func (c *Core) onHead(from wire.ReplicaID, m *wire.Head) {
	p := &c.heads
	h := c.headOf(m.Slot)
	switch {
	case from == c.cfg.Self:
	case h == nil:
		c.reject(from, m.Kind(), RejectWindow)
	case h.Slot.Digest == m.Slot.Digest || c.isProven(m.Slot.View):
		c.reject(from, m.Kind(), RejectDuplicate)
	case m.Slot.Digest.IsNull():
		c.reject(from, m.Kind(), RejectConflict)
	case p.verifying[from] || !p.paced[from].allows(c.now, c.cfg.Timing.Resend):
		c.reject(from, m.Kind(), RejectBusy)
	default:
		p.verifying[from] = true
		p.paced[from].n++
		c.emit(Verify{From: from, Msg: m})
	}
}

func (c *Core) headVerified(e Verified, m *wire.Head) {
	if int(e.From) < len(c.heads.verifying) {
		c.heads.verifying[e.From] = false
	}
	if e.Verdict != VerdictOK {
		c.reject(e.From, m.Kind(), RejectForged)
		return
	}
	if h := c.headOf(m.Slot); h != nil {
		c.accuse(h, *m)
	}
}

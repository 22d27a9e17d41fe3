package consensus

import (
	"quorate/internal/mark"
	"quorate/internal/plant"
	"quorate/wire"
)

// This file makes checkpoints stable and collects what is behind them (I7).

// checkpointsKept is how many checkpoint slots can be open at once: a window
// holds two, and others may be one window ahead.
const checkpointsKept = 4

// checkpointState collects shares over checkpoints above the stable one.
type checkpointState struct {
	open      []openCheckpoint // at most checkpointsKept, any order
	n         int
	verifying []bool // by sender: a Stable message of it is being verified
}

type openCheckpoint struct {
	seq    wire.SeqNum
	own    wire.CheckpointState // zero until this replica reached it
	mine   bool
	share  wire.Share // own
	signed bool
	shares []checkpointShare // by replica
	state  phase
	sent   uint64
	after  Token // the newest record when it was signed
}

type checkpointShare struct {
	has   bool
	state wire.CheckpointState
	share wire.Share
}

func (k *checkpointState) init(n int) { k.n, k.verifying = n, make([]bool, n) }

// at gives the open checkpoint of seq, making room if there is any.
func (k *checkpointState) at(seq wire.SeqNum) *openCheckpoint {
	for i := range k.open {
		if k.open[i].seq == seq {
			return &k.open[i]
		}
	}
	if len(k.open) >= checkpointsKept {
		return nil
	}
	k.open = append(k.open, openCheckpoint{seq: seq, shares: make([]checkpointShare, k.n)})
	return &k.open[len(k.open)-1]
}

// drop forgets checkpoints at or below seq.
func (k *checkpointState) drop(seq wire.SeqNum) {
	kept := k.open[:0]
	for _, o := range k.open {
		if o.seq > seq {
			kept = append(kept, o)
		}
	}
	clear(k.open[len(kept):])
	k.open = kept
}

// checkpointReached signs the state after a checkpoint slot.
func (c *Core) checkpointReached(e Executed) {
	state := wire.CheckpointState{Seq: e.Seq, Execute: e.Digest, StateRoot: e.StateRoot}
	if e.Seq <= c.low() {
		mark.Hit(mark.CheckpointOvertaken)
		if e.Seq == c.low() && c.stable.State != state {
			c.halt("diverged: the stable checkpoint differs from this replica's own state")
		}
		return
	}
	o := c.checkpoint.at(e.Seq)
	if o == nil {
		return
	}
	o.mine, o.own = true, state
	c.emit(Sign{Purpose: PurposeCheckpoint, Slot: wire.SlotID{Seq: e.Seq}, Hash: c.cfg.Scope.CheckpointHash(state)})
}

func (c *Core) checkpointSigned(e Signed) {
	for i := range c.checkpoint.open {
		o := &c.checkpoint.open[i]
		if o.seq != e.Job.Slot.Seq || !o.mine || o.signed {
			continue
		}
		// Behind everything so far. The anchor: a replica's durable checkpoint is
		// never more than a window below one that it signed (recover.go builds on
		// it). And the commits of all slots that it covers (I13).
		o.signed, o.share, o.sent, o.after = true, e.Share, c.now, c.token
		if plant.On(plant.CheckpointBeforeSync) {
			o.after = 0
		}
		m := &wire.Checkpoint{State: o.own, Share: e.Share}
		c.broadcast(m, o.after)
		o.shares[c.cfg.Self] = checkpointShare{has: true, state: o.own, share: e.Share}
		c.collectCheckpoint(o, o.own)
		return
	}
}

func (c *Core) onCheckpoint(from wire.ReplicaID, m *wire.Checkpoint) {
	s := m.State.Seq
	switch {
	case s <= c.low() || s > c.high()+c.cfg.Window || s%c.interval != 0:
		c.reject(from, m.Kind(), RejectWindow)
		return
	case c.banned[from]:
		c.reject(from, m.Kind(), RejectBanned)
		return
	}
	o := c.checkpoint.at(s)
	if o == nil {
		c.reject(from, m.Kind(), RejectBusy)
		return
	}
	if o.shares[from].has {
		c.reject(from, m.Kind(), RejectDuplicate)
		return
	}
	o.shares[from] = checkpointShare{has: true, state: m.State, share: m.Share}
	c.collectCheckpoint(o, m.State)
}

// collectCheckpoint combines a certificate once 2f+c+1 replicas signed state,
// whether or not this replica has reached it.
func (c *Core) collectCheckpoint(o *openCheckpoint, state wire.CheckpointState) {
	if o.state != phaseIdle {
		return
	}
	var shares []ShareOf
	for i := range o.shares {
		if o.shares[i].has && o.shares[i].state == state && !c.banned[i] {
			shares = append(shares, ShareOf{Replica: wire.ReplicaID(i), Share: o.shares[i].share})
		}
	}
	if len(shares) < c.q.Tau {
		return
	}
	mark.If(!o.mine, mark.CheckpointBeforeReached)
	o.state = phaseBusy
	c.emit(Combine{Purpose: PurposeCheckpoint, Slot: wire.SlotID{Seq: o.seq},
		Hash: c.cfg.Scope.CheckpointHash(state), State: state, Shares: shares})
}

func (c *Core) checkpointCombined(e Combined) {
	if e.OK {
		c.stabilize(wire.Stable{State: e.Job.State, Tau: e.Signature})
		return
	}
	for i := range c.checkpoint.open {
		o := &c.checkpoint.open[i]
		if o.seq != e.Job.Slot.Seq {
			continue
		}
		mark.Hit(mark.CheckpointBadShare)
		o.state = phaseIdle
		for _, r := range e.Culprits {
			if int(r) < c.q.N {
				o.shares[r] = checkpointShare{}
			}
		}
		if len(e.Culprits) > 0 {
			c.collectCheckpoint(o, e.Job.State)
		}
		return
	}
}

// onStable takes a finished certificate from whoever is ahead.
func (c *Core) onStable(from wire.ReplicaID, m *wire.Stable) {
	switch {
	case m.State.Seq <= c.low():
	case c.banned[from]:
		c.reject(from, m.Kind(), RejectBanned)
	case m.State.Seq%c.interval != 0 || m.State.Seq > seqMax:
		c.reject(from, m.Kind(), RejectConflict)
	case c.checkpoint.verifying[from]:
		c.reject(from, m.Kind(), RejectBusy)
	default:
		c.checkpoint.verifying[from] = true
		c.emit(Verify{From: from, Msg: m})
	}
}

func (c *Core) stableVerified(e Verified, m *wire.Stable) {
	c.checkpoint.verifying[e.From] = false
	if e.Verdict != VerdictOK {
		c.refuted(e, m.State.Seq)
		return
	}
	mark.If(m.State.Seq > c.stable.State.Seq, mark.CheckpointCertificate)
	c.noteReport(e.From, m.State.Seq)
	c.stabilize(*m)
}

// stabilize moves the window up to a certified checkpoint and collects what is
// behind it. A replica that has not executed so far goes on by fetching blocks.
func (c *Core) stabilize(st wire.Stable) {
	if st.State.Seq <= c.low() {
		return
	}
	for i := range c.checkpoint.open {
		o := &c.checkpoint.open[i]
		if o.seq == st.State.Seq && o.mine && o.own != st.State {
			c.halt("diverged: the stable checkpoint differs from this replica's own state")
			return
		}
	}
	mark.If(st.State.Seq > c.stable.State.Seq+c.interval, mark.CheckpointJumps)
	mark.If(st.State.Seq > c.stable.State.Seq+c.cfg.Window, mark.CheckpointBeyondWindow)
	mark.If(st.State.Seq > c.executed, mark.CheckpointBeyondExecuted)
	mark.If(!c.active, mark.CheckpointWhileLeaving)
	c.keepUnexecuted(st.State.Seq)
	oldLow, oldHigh := c.low(), c.high()
	c.stable = st
	var gone []wire.Digest
	for s := oldLow + 1; s <= min(oldHigh, st.State.Seq); s++ {
		sl := &c.slots[s%c.cfg.Window]
		c.keepUncertified(sl)
		gone = append(gone, sl.held...)
		sl.held = sl.held[:0]
	}
	for _, d := range gone {
		c.forget(d)
	}
	for s := max(oldHigh, st.State.Seq) + 1; s <= c.high(); s++ {
		c.renew(s)
	}
	c.checkpoint.drop(st.State.Seq)
	c.next = max(c.next, st.State.Seq+1)
	c.anchorToken = c.persist(c.anchor(), wire.NullDigest)
	c.emit(Stabilize{Stable: st, Anchor: c.anchorToken})
	c.observe(Observe{Topic: ObserveStable, View: c.view, Seq: st.State.Seq})
	c.endAmnesia()
	c.release()
}

// anchor restates where this replica stands.
func (c *Core) anchor() *wire.AnchorRecord {
	return &wire.AnchorRecord{View: c.view, Active: c.active, Stable: c.stable, Leaving: c.leaving, Entered: c.entered}
}

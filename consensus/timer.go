package consensus

import (
	"quorate/internal/mark"
	"quorate/internal/plant"
	"quorate/wire"
)

// This file is the core's patience: what ticks start, and when a primary is
// given up.

func (c *Core) tick() {
	c.now++
	if c.restart {
		c.resume()
	}
	for s := c.low() + 1; s <= c.high(); s++ {
		sl := &c.slots[s%c.cfg.Window]
		if sl.born == 0 {
			continue
		}
		c.collect(sl)
		if sl.executed && !sl.certified {
			c.collectExec(sl)
		}
		c.resend(sl)
	}
	c.fetchDecided()
	c.checkPrimary()
	c.checkChange()
	c.checkBehind()
	c.resendCheckpoints()
	if c.now-c.statusTick >= c.cfg.Timing.Status {
		c.statusTick = c.now
		c.reportStatus()
	}
	c.release()
}

// working reports whether this replica has reason to expect progress.
func (c *Core) working() bool {
	if c.waiting {
		return true
	}
	for s := max(c.executed, c.low()) + 1; s <= c.high(); s++ {
		if sl := c.slot(s); sl != nil && (sl.accepted(c.view) || sl.committed) {
			return true
		}
	}
	return false
}

// calmSlots is how many slots must be executed before the patience that a view
// change doubled is halved again. Taking it back at the first slot would leave
// one primary after the other on a host that is merely slow.
const calmSlots = 64

// progress notes that the primary brings work along.
func (c *Core) progress() {
	c.progressTick = c.now
	if c.calm++; c.calm >= calmSlots {
		c.calm = 0
		mark.If(c.timeout > c.cfg.Timing.Progress, mark.TimeoutHalved)
		c.timeout = max(c.timeout/2, c.cfg.Timing.Progress)
	}
}

func (c *Core) setWaiting(on bool) {
	if on && !c.waiting && !c.working() {
		c.progressTick = c.now // the primary's time starts now
	}
	c.waiting = on
}

// primaryDelivered reports whether what waits does not wait for the primary: for
// this replica's own execution (a long query must not cost an honest primary its
// view), or for a body that others hold. Slots that are final above a hole do
// not count: a primary that never fills the hole could hold everyone up for a
// whole window, one slot per timeout.
func (c *Core) primaryDelivered() bool {
	if c.dispatched > c.executed {
		mark.Hit(mark.WaitsForExecution)
		return true
	}
	if plant.On(plant.AnyCommitIsProgress) {
		for s := c.dispatched + 1; s <= c.high(); s++ {
			if sl := c.slot(s); sl != nil && sl.committed && sl.commitTick > c.progressTick {
				return true
			}
		}
	}
	s := c.slot(c.dispatched + 1)
	mark.If(s != nil && s.committed, mark.WaitsForBody)
	return s != nil && s.committed
}

// checkPrimary complains when work waits and nothing was executed for too long,
// or when the link to the primary has been down for long.
func (c *Core) checkPrimary() {
	if !c.active || c.isPrimary() {
		return
	}
	if !c.working() || c.primaryDelivered() {
		c.progressTick = c.now
	}
	p := &c.peers[c.q.Primary(c.view)]
	switch {
	case c.change.proven:
		mark.Hit(mark.ComplainsOfProven)
		c.complain() // again and again: it may have been lost
	case c.now-c.progressTick >= c.timeout:
		mark.Hit(mark.ComplainsOfTimeout)
		c.complain()
	case p.everUp && !p.up && c.now-p.downTick >= c.cfg.Timing.LinkDown && c.now-c.progressTick >= c.cfg.Timing.LinkDown:
		mark.Hit(mark.ComplainsOfLink)
		c.complain()
	}
}

func (c *Core) link(e Link) {
	if int(e.Peer) >= c.q.N || e.Peer == c.cfg.Self {
		return
	}
	p := &c.peers[e.Peer]
	if p.up && !e.Up {
		p.downTick = c.now
	}
	p.up = e.Up
	p.everUp = p.everUp || e.Up
}

// resendCheckpoints repeats this replica's checkpoint shares until the
// checkpoint is stable.
func (c *Core) resendCheckpoints() {
	for i := range c.checkpoint.open {
		o := &c.checkpoint.open[i]
		if o.signed && c.now-o.sent >= c.cfg.Timing.Resend {
			o.sent = c.now
			mark.Hit(mark.CheckpointResent)
			c.broadcast(&wire.Checkpoint{State: o.own, Share: o.share}, o.after)
			c.collectCheckpoint(o, o.own)
		}
	}
}

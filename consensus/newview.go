package consensus

import (
	"quorate/internal/mark"
	"quorate/internal/plant"
	"quorate/wire"
)

// This file enters a view: the new primary's choice, everyone's check of it,
// and the slots that it decides.

// pendingNewView is a verified NewView whose view changes are still being
// gathered.
type pendingNewView struct {
	msg      *wire.NewView
	from     wire.ReplicaID
	chosen   []*wire.ViewChange // same order as msg.Chosen; nil until at hand
	askTick  uint64
	askRound int
}

// tryNewView lets the primary of the view being entered choose its set.
func (c *Core) tryNewView() {
	if c.active || !c.isPrimary() || c.change.ownNewView || c.amnesia.on {
		return
	}
	need := c.q.ViewChange
	if plant.On(plant.NewViewSetSmall) {
		need--
	}
	if n, _ := c.changesTo(c.view); n < need {
		return
	}
	m := &wire.NewView{To: c.view}
	p := &pendingNewView{msg: m, from: c.cfg.Self}
	for i := range c.change.seen {
		k := &c.change.seen[i]
		if k.msg != nil && k.msg.To == c.view && len(m.Chosen) < need {
			m.Chosen = append(m.Chosen, wire.ChosenViewChange{Replica: wire.ReplicaID(i), Digest: k.digest})
			p.chosen = append(p.chosen, k.msg)
		}
	}
	mark.Hit(mark.NewViewMade)
	c.change.ownNewView = true
	c.change.pending[c.cfg.Self] = p
	c.emit(Sign{Purpose: PurposeNewView, Slot: wire.SlotID{View: c.view}, Hash: c.cfg.Scope.NewViewDigest(m)})
}

// newViewSigned sends the new view, behind the record of the chosen set, and
// enters it.
func (c *Core) newViewSigned(e Signed) {
	p := c.change.pending[c.cfg.Self]
	if c.active || p == nil || p.from != c.cfg.Self || e.Job.Slot.View != c.view || p.msg.To != c.view || c.cfg.Scope.NewViewDigest(p.msg) != e.Job.Hash {
		mark.Hit(mark.NewViewSignedStale)
		return
	}
	signed := *p.msg
	signed.Signature = e.Author
	p.msg = &signed
	c.enter(p)
}

// onNewView admits a new view, from its primary or forwarded.
func (c *Core) onNewView(from wire.ReplicaID, m *wire.NewView) {
	signer := c.q.Primary(m.To)
	switch {
	case m.To < c.view || m.To == c.view && c.active:
		c.reject(from, m.Kind(), RejectView)
	case len(m.Chosen) != c.q.ViewChange && !plant.On(plant.NewViewSetSmall) || int(m.Chosen[len(m.Chosen)-1].Replica) >= c.q.N:
		c.reject(from, m.Kind(), RejectConflict)
	case c.change.pending[signer] != nil && c.change.pending[signer].msg.To >= m.To:
		c.reject(from, m.Kind(), RejectDuplicate)
	case c.change.newViewing[signer]:
		c.reject(from, m.Kind(), RejectBusy)
	default:
		mark.If(from != signer, mark.NewViewForwarded)
		c.change.newViewing[signer] = true
		c.emit(Verify{From: from, Msg: m})
	}
}

// newViewVerified gathers the view changes that a well-signed new view names.
func (c *Core) newViewVerified(e Verified, m *wire.NewView) {
	signer := c.q.Primary(m.To)
	pending := &c.change.pending[signer]
	c.change.newViewing[signer] = false
	switch {
	case e.Verdict != VerdictOK:
		c.reject(e.From, m.Kind(), RejectForged)
		return
	case m.To < c.view || m.To == c.view && c.active:
		mark.Hit(mark.NewViewPassed)
		c.reject(e.From, m.Kind(), RejectView)
		return
	case *pending != nil && (*pending).msg.To >= m.To:
		return
	}
	p := &pendingNewView{msg: m, from: e.From, chosen: make([]*wire.ViewChange, len(m.Chosen))}
	*pending = p
	for i, ch := range m.Chosen {
		if k := &c.change.seen[ch.Replica]; k.msg != nil && k.digest == ch.Digest {
			p.chosen[i] = k.msg
		}
	}
	c.continuePending(p)
}

// pendingWants reports whether a pending new view may be waiting for m. Its
// digest is compared once it is verified.
func (c *Core) pendingWants(m *wire.ViewChange) bool {
	p := c.change.pending[c.q.Primary(m.To)]
	if p == nil || m.To != p.msg.To {
		return false
	}
	for i, ch := range p.msg.Chosen {
		if ch.Replica == m.Replica {
			return p.chosen[i] == nil
		}
	}
	return false
}

// pendingTake gives a verified view change to the new view that named it.
func (c *Core) pendingTake(m *wire.ViewChange, digest wire.Digest) {
	p := c.change.pending[c.q.Primary(m.To)]
	if p == nil || m.To != p.msg.To {
		return
	}
	for i, ch := range p.msg.Chosen {
		if ch.Replica == m.Replica && ch.Digest == digest {
			mark.If(p.chosen[i] == nil, mark.NewViewChangeCame)
			p.chosen[i] = m
		}
	}
	c.continuePending(p)
}

// continuePending enters the view once every chosen view change is at hand, and
// asks for what is missing.
func (c *Core) continuePending(p *pendingNewView) {
	if p.from == c.cfg.Self {
		return
	}
	for _, m := range p.chosen {
		if m == nil {
			if p.askTick == 0 {
				mark.Hit(mark.NewViewWaits)
				c.chasePending(p)
			}
			return
		}
	}
	c.enter(p)
}

// chasePending asks for the view changes that a pending new view still lacks:
// first who sent the new view, then everyone in turn.
func (c *Core) chasePending(p *pendingNewView) {
	if p == nil || p.from == c.cfg.Self || p.askTick != 0 && c.now-p.askTick < c.cfg.Timing.Fetch {
		return
	}
	p.askTick = max(c.now, 1)
	to := p.from
	if p.askRound > 0 {
		mark.Hit(mark.NewViewAsksAround)
		to = c.others[p.askRound%len(c.others)]
	}
	p.askRound++
	for i, ch := range p.msg.Chosen {
		if p.chosen[i] == nil {
			c.send(to, &wire.FetchViewChange{View: p.msg.To, Replica: ch.Replica, Digest: ch.Digest}, 0)
		}
	}
}

func (c *Core) onFetchViewChange(from wire.ReplicaID, m *wire.FetchViewChange) {
	if from == c.cfg.Self || int(m.Replica) >= c.q.N || !c.mayShowChange(from) {
		return
	}
	if e := c.entered; e != nil && e.NewView.To == m.View {
		for i, ch := range e.NewView.Chosen {
			if ch.Replica == m.Replica && ch.Digest == m.Digest {
				mark.Hit(mark.ChangeServedEntered)
				c.send(from, e.Chosen[i], 0)
				return
			}
		}
	}
	if k := &c.change.seen[m.Replica]; k.msg != nil && k.digest == m.Digest {
		mark.Hit(mark.ChangeServedSeen)
		c.send(from, k.msg, 0)
	}
}

// mayShowChange bounds the view changes that one peer is shown within a Resend
// interval: whole sets of two new views, which is what an honest one can lack. A
// question is 42 bytes, an answer a window of certificates (RES-03).
func (c *Core) mayShowChange(to wire.ReplicaID) bool {
	p := &c.peers[to].changes
	if c.now-p.tick >= c.cfg.Timing.Resend {
		*p = pace{tick: c.now}
	}
	if p.n >= 2*c.q.N {
		c.reject(to, wire.KindFetchViewChange, RejectBusy)
		return false
	}
	p.n++
	return true
}

// helpView shows a replica that is in a lower view, or not yet in this one, how
// this view began.
func (c *Core) helpView(to wire.ReplicaID, m *wire.Status) {
	if c.active && c.entered != nil && (m.View < c.view || m.View == c.view && !m.Active) {
		mark.Hit(mark.NewViewShown)
		c.send(to, c.entered.NewView, c.change.enterToken)
	}
}

// enter starts view p.msg.To: durably first, then every slot that the chosen
// set decides takes its value (I4).
func (c *Core) enter(p *pendingNewView) {
	base, values := SafeValues(c.q, c.cfg.Window, p.chosen)
	if plant.On(plant.NewViewNotRecomputed) {
		values = nil
	}
	for _, m := range p.chosen {
		if m.Stable.State.Seq > c.low() {
			mark.Hit(mark.NewViewMovesWindow)
			c.stabilize(m.Stable)
		}
	}
	if c.halted {
		return
	}
	c.setView(p.msg.To, true)
	c.entered = &wire.EnteredRecord{NewView: p.msg, Chosen: p.chosen}
	c.change.enterToken = c.persist(c.entered, wire.NullDigest)
	if plant.On(plant.NewViewBeforeSync) {
		c.change.enterToken = 0
	}
	if p.from == c.cfg.Self {
		c.broadcast(p.msg, c.change.enterToken)
	}
	c.nvTop = base + wire.SeqNum(len(values))
	c.next = max(c.nvTop, c.executed, c.dispatched, c.low()) + 1
	c.observe(Observe{Topic: ObserveViewEntered, View: c.view})
	c.decide(base, values)
	c.acceptDecided()
	c.fetchDecided()
	c.replayDeferred()
}

// decide notes the values of the slots that the new view decided. A slot that was
// committed in a lower view has that value (I4); one committed in this view or
// above may have another.
func (c *Core) decide(base wire.SeqNum, values []wire.Digest) {
	for i, d := range values {
		s := c.slot(base + 1 + wire.SeqNum(i))
		if s == nil {
			mark.Hit(mark.DecidesBehindWindow)
			continue
		}
		if s.committed && s.proof.Slot.Digest != d {
			if s.proof.Slot.View < c.view {
				c.halt("a new view contradicts a committed slot")
				return
			}
			if s.proof.Slot.View == c.view {
				// Those who committed it here entered with another set: the primary
				// signed two new views. This replica goes along by proofs.
				mark.Hit(mark.TwoNewViews)
				c.evidence(s, c.q.Primary(c.view))
			}
			continue
		}
		mark.If(s.committed, mark.DecidesCommitted)
		s.hasDecided, s.decided = true, d
		c.touch(s)
	}
}

// acceptDecided votes for decided slots whose body is at hand.
func (c *Core) acceptDecided() {
	if !c.active || c.amnesia.on {
		return
	}
	for s := c.low() + 1; s <= min(c.nvTop, c.high()); s++ {
		sl := c.slot(s)
		if sl.hasDecided && !sl.accepted(c.view) && sl.holds(sl.decided) {
			c.accept(sl, sl.decided)
		}
	}
}

// fetchDecided asks around for the bodies of decided slots.
func (c *Core) fetchDecided() {
	if !c.active || c.nvTop <= c.low() {
		return
	}
	for s := c.low() + 1; s <= min(c.nvTop, c.high()); s++ {
		sl := c.slot(s)
		if !sl.hasDecided || sl.committed || sl.holds(sl.decided) {
			continue
		}
		if sl.fetchTick == 0 || c.now-sl.fetchTick >= c.cfg.Timing.Fetch {
			mark.Hit(mark.NewViewFetchesBody)
			c.fetchBody(sl, c.inTurn(sl))
		}
	}
}

// rejectNone stands for a message that is neither taken nor refused yet.
const rejectNone RejectReason = 255

// deferredMax bounds the proposals kept for a view that is about to start.
const deferredMax = 8

// deferOrRefuse keeps a proposal that overtook its new view. Its sender must be
// the primary of that view.
func (c *Core) deferOrRefuse(from wire.ReplicaID, m *wire.PrePrepare) RejectReason {
	ahead := m.Slot.View > c.view || m.Slot.View == c.view && !c.active
	if !ahead || m.Slot.View > c.view+viewsAhead || from != c.q.Primary(m.Slot.View) {
		return RejectView
	}
	if len(c.deferred) >= deferredMax {
		return RejectBusy
	}
	mark.Hit(mark.ProposalDeferred)
	c.deferred = append(c.deferred, m)
	return rejectNone
}

// replayDeferred takes up the proposals that came early.
func (c *Core) replayDeferred() {
	deferred := c.deferred
	c.deferred = nil
	for _, m := range deferred {
		if m.Slot.View == c.view {
			mark.Hit(mark.DeferredTaken)
			c.onPrePrepare(c.q.Primary(c.view), m)
		}
	}
}

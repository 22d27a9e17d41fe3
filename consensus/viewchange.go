package consensus

import (
	"quorate/internal/mark"
	"quorate/internal/plant"
	"quorate/wire"
)

// This file leaves a view: complaints, and this replica's view change. Entering
// the next one is in newview.go, the choice of values in safevalue.go.

// changeState is what is known of views that may come.
type changeState struct {
	complaints []complaint       // by replica: the newest
	seen       []knownChange     // by replica: its verified view change with the highest target
	verifying  []uint8           // by replica: view changes of it that are being verified
	paced      []pace            // by replica: view changes of it that were verified lately
	pending    []*pendingNewView // by the primary that signed it, so that a liar blocks its own views only
	newViewing []bool            // by the same: a NewView of it is being verified
	started    uint64            // tick at which 2f+2c+1 view changes to the current view or above were in, 0: not yet
	sentTick   uint64
	sentTimes  int    // own view change, to this view
	enterTick  uint64 // tick at which the view was entered
	ownNewView bool   // this replica's NewView for this view was made
	proven     bool   // there is proof that this view's primary is faulty
	announced  bool   // own view change was made durable and sent
	leaveToken Token  // its record; 0 after a restart: durable already
	enterToken Token  // record of the entered view
}

type complaint struct {
	has  bool
	view wire.View
	tick uint64
}

// knownChange is a verified view change and its digest.
type knownChange struct {
	msg      *wire.ViewChange
	digest   wire.Digest
	tick     uint64 // when it came
	patience uint64 // how long its signer may stay outside this replica's view
}

func (k *changeState) init(n int, patience uint64) {
	k.complaints = make([]complaint, n)
	k.seen = make([]knownChange, n)
	for i := range k.seen {
		k.seen[i].patience = patience
	}
	k.verifying = make([]uint8, n)
	k.paced = make([]pace, n)
	k.pending = make([]*pendingNewView, n)
	k.newViewing = make([]bool, n)
}

// pace counts since a tick.
type pace struct {
	tick uint64
	n    int
}

// complain tells everyone that this replica wants to leave the view. It goes on
// voting: one complainer changes nothing.
func (c *Core) complain() {
	if !c.active || c.amnesia.on {
		return
	}
	own := &c.change.complaints[c.cfg.Self]
	if own.has && own.view == c.view && c.now-own.tick < c.cfg.Timing.Resend {
		return
	}
	if !own.has || own.view != c.view {
		mark.Hit(mark.ComplainFirst)
		c.observe(Observe{Topic: ObserveComplaint, View: c.view})
	}
	mark.If(own.has && own.view == c.view, mark.ComplainAgain)
	*own = complaint{has: true, view: c.view, tick: c.now}
	c.broadcast(&wire.Complaint{View: c.view}, 0)
	c.countComplaints()
}

func (c *Core) onComplaint(from wire.ReplicaID, m *wire.Complaint) {
	if m.View < c.view {
		c.reject(from, m.Kind(), RejectView)
		return
	}
	mark.If(m.View > c.view, mark.ComplaintOfHigherView)
	if k := &c.change.complaints[from]; plant.On(plant.ComplaintCountedTwice) && k.has && k.view == m.View && m.View == c.view && c.active {
		c.leave(c.view + 1)
		return
	}
	if k := &c.change.complaints[from]; !k.has || m.View >= k.view {
		*k = complaint{has: true, view: m.View, tick: c.now}
	}
	c.countComplaints()
}

// countComplaints leaves the view once f+1 replicas want to: one of them is
// honest. A view change to a higher view is a complaint too. Complaints are
// repeated while their reason lasts, and expire when they are not, so that
// those of different days do not add up.
func (c *Core) countComplaints() {
	if !c.active {
		return
	}
	n := 0
	for i := range c.change.complaints {
		k := &c.change.complaints[i]
		fresh := k.has && k.view == c.view && c.now-k.tick <= complaintLife*c.cfg.Timing.Resend
		mark.If(k.has && k.view == c.view && !fresh, mark.ComplaintExpired)
		left := c.change.seen[i].msg != nil && c.change.seen[i].msg.To > c.view
		mark.If(left && !fresh, mark.ComplaintByChange)
		if fresh || left {
			n++
		}
	}
	if n >= c.q.Complain || plant.On(plant.ComplaintJoinAtF) && n >= c.q.Complain-1 && n > 0 {
		mark.Hit(mark.ViewLeftByComplaints)
		c.leave(c.view + 1)
	}
}

// complaintLife is how many of its repetitions may be lost before a complaint
// expires.
const complaintLife = 4

// leave stops voting below view to, and says durably what was accepted and
// prepared so far (I2, I3).
func (c *Core) leave(to wire.View) {
	if to <= c.view || c.amnesia.on {
		mark.If(to > c.view, mark.LeaveInAmnesia)
		return
	}
	mark.If(!c.active, mark.ViewSkipped)
	c.observe(Observe{Topic: ObserveViewLeft, View: c.view})
	c.forgiveStranded()
	c.setView(to, false)
	mark.If(2*c.timeout >= c.cfg.Timing.ProgressMax, mark.TimeoutCapped)
	if !plant.On(plant.TimerNeverDoubles) {
		c.timeout = min(2*c.timeout, c.cfg.Timing.ProgressMax)
	}
	c.calm = 0
	m := &wire.ViewChange{Replica: c.cfg.Self, To: to, Stable: c.stable, Slots: c.gatherEvidence()}
	c.leaving, c.change.announced, c.change.sentTimes = m, false, 0
	c.emit(Sign{Purpose: PurposeViewChange, Slot: wire.SlotID{View: to}, Hash: c.cfg.Scope.ViewChangeDigest(m)})
}

// setView moves to a view, active or on the way into it. Promises stay (I3).
func (c *Core) setView(v wire.View, active bool) {
	if v != c.view {
		for i := range c.slots {
			c.slots[i].newView()
		}
		c.change.ownNewView, c.change.started, c.change.proven = false, 0, false
		c.nvTop = 0
	}
	for i, p := range c.change.pending {
		if p != nil && (p.msg.To < v || p.msg.To == v && active) {
			if p.msg.To < v {
				mark.Hit(mark.PendingNewViewDropped)
			}
			c.change.pending[i] = nil
		}
	}
	c.view, c.active = v, active
	c.progressTick = c.now
	if active {
		c.leaving, c.change.announced, c.change.enterTick = nil, false, c.now
	}
}

// gatherEvidence lists votes and locks above the stable checkpoint, in order.
func (c *Core) gatherEvidence() []wire.SlotEvidence {
	var out []wire.SlotEvidence
	for s := c.low() + 1; s <= c.high(); s++ {
		sl := c.slot(s)
		if sl.hasVote || sl.hasLock {
			out = append(out, wire.SlotEvidence{Seq: s, HasVote: sl.hasVote, Vote: sl.vote, HasLock: sl.hasLock, Lock: sl.lock})
		}
	}
	return out
}

// viewChangeSigned makes the view change durable and sends it to all.
func (c *Core) viewChangeSigned(e Signed) {
	if c.active || c.leaving == nil || e.Job.Slot.View != c.view || c.cfg.Scope.ViewChangeDigest(c.leaving) != e.Job.Hash {
		mark.Hit(mark.ChangeSignedStale)
		return
	}
	signed := *c.leaving
	signed.Signature = e.Author
	c.leaving = &signed
	c.change.announced = true
	if !plant.On(plant.ViewChangeNotRecorded) {
		c.change.leaveToken = c.persist(&wire.ViewChangeRecord{Message: c.leaving}, wire.NullDigest)
	}
	if plant.On(plant.ViewChangeBeforeSync) {
		c.change.leaveToken = 0
	}
	c.change.sentTick = c.now
	c.broadcast(c.leaving, c.change.leaveToken)
	// Its own copy comes back behind the record, like everyone's.
	c.send(c.cfg.Self, c.leaving, c.change.leaveToken)
}

// onViewChange admits one view change per sender and target view, or the very
// one that a pending new view names; forwarded ones are welcome.
func (c *Core) onViewChange(from wire.ReplicaID, m *wire.ViewChange) {
	switch {
	case int(m.Replica) >= c.q.N:
		c.reject(from, m.Kind(), RejectSender)
		return
	case c.pendingWants(m):
		mark.Hit(mark.ChangeWanted)
	case m.To < c.view || m.To == c.view && c.active:
		c.reject(from, m.Kind(), RejectView)
		return
	case c.change.seen[m.Replica].msg != nil && c.change.seen[m.Replica].msg.To >= m.To:
		c.reject(from, m.Kind(), RejectDuplicate)
		return
	}
	switch {
	case !c.wellFormed(m):
		c.reject(from, m.Kind(), RejectConflict)
	case c.change.verifying[m.Replica] >= 2 || !c.change.paced[m.Replica].allows(c.now, c.cfg.Timing.Resend):
		c.reject(from, m.Kind(), RejectBusy)
	default:
		c.change.verifying[m.Replica]++
		c.emit(Verify{From: from, Msg: m})
	}
}

// changesPaceMax bounds the view changes of one signer that were verified within
// one Resend interval: each may hold a window of certificates (VC-01). Honest
// replicas pass a few views at once when many fail together.
const changesPaceMax = 8

func (p *pace) allows(now, interval uint64) bool {
	if now-p.tick >= interval {
		*p = pace{tick: now}
	}
	return p.n < changesPaceMax
}

// wellFormed checks what needs no signature: votes and locks are of lower views
// and within this cluster's window.
func (c *Core) wellFormed(m *wire.ViewChange) bool {
	base := m.Stable.State.Seq
	if base == 0 && m.Stable != (wire.Stable{}) || base%c.interval != 0 || base > seqMax {
		return false
	}
	for i := range m.Slots {
		e := &m.Slots[i]
		if e.Seq > base+c.cfg.Window || e.HasVote && e.Vote.View >= m.To || e.HasLock && e.Lock.View >= m.To {
			return false
		}
	}
	return true
}

// viewChangeVerified keeps a view change whose signature and certificates all
// verify: one bad certificate refuses the whole message, so that an invalid one
// can never shadow a valid one.
func (c *Core) viewChangeVerified(e Verified, m *wire.ViewChange) {
	if n := &c.change.verifying[m.Replica]; *n > 0 {
		*n--
	}
	if e.Verdict != VerdictOK {
		c.reject(e.From, m.Kind(), RejectForged)
		return
	}
	c.change.paced[m.Replica].n++
	for i := range m.Slots {
		if e := &m.Slots[i]; e.HasVote {
			c.disagrees(wire.SlotID{View: e.Vote.View, Seq: e.Seq, Digest: e.Vote.Digest})
		}
	}
	c.pendingTake(m, e.Digest)
	known := &c.change.seen[m.Replica]
	if known.msg == nil || m.To > known.msg.To {
		known.msg, known.digest, known.tick = m, e.Digest, c.now
	}
	if m.Replica == c.cfg.Self {
		c.recall(m)
	}
	if m.Stable.State.Seq > c.low() {
		mark.Hit(mark.ChangeMovesWindow)
		stable := m.Stable // its certificate was verified with the message
		c.stabilize(stable)
	}
	c.joinHigher()
	c.countComplaints()
	c.tryNewView()
}

// recall takes up a view change that this replica signed before it lost its
// journal: it promised not to vote below that view (I8). To a replica that does
// not know that it lost anything it is the proof.
func (c *Core) recall(m *wire.ViewChange) {
	if m.To <= c.view {
		return
	}
	mark.Hit(mark.AmnesiaRecalled)
	if !c.amnesia.on {
		c.relapse("a peer holds a view change of this replica that its journal does not know")
	}
	c.setView(m.To, false)
	c.leaving, c.change.announced = m, true
	c.change.leaveToken = c.persist(&wire.ViewChangeRecord{Message: m}, wire.NullDigest)
}

// joinHigher follows f+1 replicas that are on the way into higher views, to the
// smallest of them.
func (c *Core) joinHigher() {
	n, smallest := 0, wire.View(0)
	for i := range c.change.seen {
		if m := c.change.seen[i].msg; m != nil && m.To > c.view {
			n++
			if smallest == 0 || m.To < smallest {
				smallest = m.To
			}
		}
	}
	if n >= c.q.Complain && !plant.On(plant.HigherViewNotJoined) {
		mark.Hit(mark.JoinedHigher)
		mark.If(smallest > c.view+1, mark.JoinedFar)
		c.leave(smallest)
	}
}

// changesTo counts the replicas on their way to view v, and those on their way
// to v or above. (Only the latter is sure to grow: a replica that gave v up
// does not come back to it, and its newer view change may overtake.)
func (c *Core) changesTo(v wire.View) (exactly, atLeast int) {
	for i := range c.change.seen {
		m := c.change.seen[i].msg
		if m != nil && m.To == v {
			exactly++
		}
		if m != nil && m.To >= v {
			atLeast++
		}
	}
	return exactly, atLeast
}

// secondChange complains for the sake of a replica that has left the view alone:
// it promised not to vote here any more, and until the view changes the fast
// path has to do without it. A replica that has complained in this view repeats
// that, since it may be the reason; the others wait, each time twice as long, so
// that a liar who leaves again and again is soon let alone.
func (c *Core) secondChange() {
	if plant.On(plant.LoneLeaverIgnored) {
		return
	}
	own := &c.change.complaints[c.cfg.Self]
	complained := own.has && own.view == c.view
	for i := range c.change.seen {
		if k := &c.change.seen[i]; k.msg != nil && k.msg.To > c.view && (complained || c.stranded(k)) {
			mark.Hit(mark.SecondChange)
			c.complain()
			return
		}
	}
}

// stranded reports whether the signer of k has been outside this view for longer
// than this replica's patience with it.
func (c *Core) stranded(k *knownChange) bool {
	return k.msg != nil && k.msg.To > c.view && c.now-max(k.tick, c.change.enterTick) >= k.patience
}

// strandedPatience is how often the patience with one replica can double.
const strandedPatience = 6

func (c *Core) forgiveStranded() {
	for i := range c.change.seen {
		if k := &c.change.seen[i]; c.active && c.stranded(k) {
			mark.Hit(mark.StrandedPatience)
			k.patience = min(2*k.patience, c.cfg.Timing.ProgressMax<<strandedPatience)
		}
	}
}

// nextPrimaryPatience is short when the link to the next primary is down.
func (c *Core) nextPrimaryPatience() uint64 {
	p := &c.peers[c.q.Primary(c.view)]
	if p.everUp && !p.up && c.now-p.downTick >= c.cfg.Timing.LinkDown {
		mark.Hit(mark.NextPrimaryDown)
		return c.cfg.Timing.LinkDown
	}
	return c.timeout
}

// resendDoublings bounds the time between repetitions of a view change: it is
// large, and nobody may answer for long.
const resendDoublings = 3

// checkChange repeats this replica's view change while the next view does not
// start, and gives the next primary up after a timeout that doubles up to a
// cap. The timeout starts when 2f+2c+1 view changes are in.
func (c *Core) checkChange() {
	for _, p := range c.change.pending {
		c.chasePending(p)
	}
	if c.active {
		c.secondChange()
		return
	}
	if c.change.announced && c.now-c.change.sentTick >= c.cfg.Timing.Resend<<min(c.change.sentTimes, resendDoublings) {
		c.change.sentTick = c.now
		c.change.sentTimes++
		mark.Hit(mark.ChangeResent)
		c.broadcast(c.leaving, c.change.leaveToken)
	}
	if _, n := c.changesTo(c.view); c.change.started == 0 && n >= c.q.ViewChange && !plant.On(plant.NextViewTimerNeverStarts) {
		c.change.started = max(c.now, 1)
	}
	if c.change.started != 0 && c.now-c.change.started >= min(c.timeout, c.nextPrimaryPatience()) {
		mark.Hit(mark.NextPrimaryTimeout)
		c.leave(c.view + 1)
	}
}

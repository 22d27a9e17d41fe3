package pipeline

import (
	"cmp"
	"slices"
	"sync/atomic"
	"time"

	"quorate/consensus"
	"quorate/internal/mark"
	"quorate/wire"
)

// orderStage owns the core and the batcher: one event in, effects out.
type orderStage struct {
	r        *Replica
	core     *consensus.Core
	events   *ring[consensus.Event]
	requests *ring[pendingRequest]
	executed *ring[[]requestKey]
	batcher  *batcher
	tick     uint64

	opened     []uint64               // ticks at which the slots in flight were proposed here, oldest first
	relay      map[requestKey]relayed // requests that wait for another primary
	relayBytes int
	primary    wire.ReplicaID
	view       wire.View
	active     bool
	waiting    bool

	eventBuf    []consensus.Event
	requestBuf  []pendingRequest
	keyBuf      [][]requestKey
	effects     []consensus.Effect
	queued      atomic.Int64 // batcher and relay, for ingress
	queuedBytes atomic.Int64 // of the same
	ticking     atomic.Bool  // a tick waits among the events
}

// relayed is a client's request that this replica passed to the primary.
type relayed struct {
	request pendingRequest
	due     uint64 // tick from which it is to be passed on
	since   uint64
	times   int // that it was passed on
}

// relayMax bounds the requests that a backup keeps for a primary, beside their
// bytes; the oldest claims of clients count, the rest is refused and the client
// tries again.
const relayMax = 4096

// relayTicks is how often requests are passed on, relayRoundBytes how much at
// once, and relayDoublings how often the pause between two times doubles, from
// againTicks on. All backups may hold the same requests of a mebibyte, and each
// copy costs the primary a look at all of it: without bounds, waiting requests
// alone kept a primary under overload from serving any.
const (
	relayTicks      = 16
	relayRoundBytes = 2 << 20
	relayDoublings  = 5
)

// overdueTicks is how long a relayed request may stay unexecuted, while others
// are executed, before this replica takes the primary for a censor. It is long:
// a primary under overload has a queue of seconds, and leaving it for that made
// the overload worse. One that does nothing at all is noticed by the core.
const overdueTicks = 2000

func (o *orderStage) backlog() int { return o.requests.len() + int(o.queued.Load()) }

// behind reports whether the disk or the signers have more to do than a window's
// worth. The core then waits: others move the window on without this replica, so
// what it emits would otherwise grow for as long as the disk hangs.
func (o *orderStage) behind() bool {
	j, u := o.r.journal.items, o.r.crypto.urgent
	return j.len() > j.max || u.len() > u.max
}

// Step does everything that waits, unless the stages below are behind; they
// wake this one.
func (o *orderStage) Step() bool {
	if o.behind() {
		mark.Hit(mark.OrderPauses)
		return false
	}
	o.eventBuf = o.events.take(o.eventBuf)
	o.keyBuf = o.executed.take(o.keyBuf)
	o.requestBuf = o.requests.take(o.requestBuf)
	if len(o.eventBuf)+len(o.keyBuf)+len(o.requestBuf) == 0 {
		return false
	}
	for _, ev := range o.eventBuf {
		o.event(ev)
	}
	for _, keys := range o.keyBuf {
		for _, k := range keys {
			o.batcher.executed(k)
			o.unrelay(k)
		}
	}
	o.watchView()
	arrived := 0
	for i := range o.requestBuf {
		arrived += len(o.requestBuf[i].request.Body)
		o.request(o.requestBuf[i])
	}
	if len(o.requestBuf) > 0 {
		o.r.verify.requests.to.wake() // it may have paused
	}
	o.propose()
	o.queued.Store(int64(o.batcher.len() + len(o.relay)))
	o.queuedBytes.Store(int64(o.batcher.bytes + o.relayBytes))
	o.r.arriving.Add(-int64(arrived))
	o.publish()
	return true
}

func (o *orderStage) event(ev consensus.Event) {
	switch e := ev.(type) {
	case consensus.Tick:
		o.ticking.Store(false)
		o.onTick()
	case checked:
		for _, b := range e.bodies {
			if o.r.bodies.put(b) {
				o.r.cfg.Trace.batched(b)
				o.r.payers.start(b)
			}
		}
		ev = e.Verified
	}
	o.effects = o.core.Step(ev, o.effects[:0])
	for _, e := range o.effects {
		o.r.carryOut(e)
	}
	clear(o.effects)
}

// congestedTicks is the age of the oldest slot in flight from which no more are
// opened than an idle cluster may have. What is proposed waits where nothing can
// pass it by, and its time is judged by other clocks when it comes out: with a
// window full of large blocks on a slow host that was after their patience, and
// view change followed view change. It waits in the batcher instead.
const congestedTicks = 200

// propose closes batches while the core takes them.
func (o *orderStage) propose() {
	for o.core.Proposable() > 0 && !o.congested(o.core.InFlight()) && o.batcher.ready(o.core.InFlight(), o.tick) {
		o.opened = append(o.opened, o.tick)
		b := o.batcher.close(o.r.cfg.Clock(), o.r.cfg.Cluster)
		b.born = time.Now() // for statistics alone
		if o.r.bodies.put(b) {
			o.r.cfg.Trace.batched(b)
			o.r.payers.start(b)
		}
		o.r.stats.SizeRequests.size(len(b.requests))
		o.r.stats.SizeEvents.size(b.events())
		o.r.stats.Batches.Add(1)
		o.r.stats.BatchRequests.Add(uint64(len(b.requests)))
		o.event(consensus.BatchReady{Digest: b.digest})
	}
}

// congested reports whether the slots in flight take too long for one more. Slots
// are executed in order, so the youngest are those that are left.
func (o *orderStage) congested(inFlight int) bool {
	if n := len(o.opened); n > inFlight {
		o.opened = append(o.opened[:0], o.opened[n-inFlight:]...)
	}
	return inFlight >= o.batcher.policy.EagerSlots && len(o.opened) > 0 && o.tick-o.opened[0] > congestedTicks
}

// returned takes a batch back that the core could not propose.
func (o *orderStage) returned(d wire.Digest) {
	if b, err := o.r.bodies.get(d); err == nil {
		o.r.bodies.forget(d)
		o.batcher.giveBack(b, o.tick)
	}
}

// request takes a verified request: into a batch here, or on to the primary.
func (o *orderStage) request(p pendingRequest) {
	if o.active && o.primary == o.r.cfg.Self {
		o.batcher.add(p, o.tick)
		return
	}
	if p.forwarded {
		mark.Hit(mark.ForwardNotPrimary)
		return // the sender keeps it and sends it again
	}
	o.tellView(p.key())
	if _, there := o.relay[p.key()]; there {
		mark.Hit(mark.RelayKnown)
		return
	}
	if limit := o.r.cfg.RequestQueueBytes; len(o.relay) >= relayMax || limit > 0 && o.relayBytes >= limit {
		o.r.stats.RelayDropped.Add(1)
		return
	}
	mark.Hit(mark.RelayKept)
	// It is passed on a little later, if it is still not executed then: a client
	// that waits for a busy primary asks everyone, and each copy of a full request
	// is another mebibyte for that primary.
	o.relay[p.key()] = relayed{request: p, due: o.tick + againTicks, since: o.tick}
	o.relayBytes += len(p.request.Body)
}

// tellView tells the client of a request that waits here in which view this
// replica is: when it asked a replica that does not lead, and when a view begins. A
// request stays here for a while before it is passed on, too short a while for the
// client to see that it asks the wrong replica: without a word it goes on so for
// ever. One replica's word moves no client; it makes it ask the others.
func (o *orderStage) tellView(k requestKey) {
	e := o.r.clients.get(k.client)
	if !o.active || e == nil {
		return
	}
	if conn := e.connOf(k.seq); conn != 0 && e.mayTell(o.view, o.tick) {
		mark.Hit(mark.ViewTold)
		o.r.reply(conn, wire.KindStatusReply, o.r.Status().Append(nil))
	}
}

// unrelay forgets a request that need not be passed on any more, if it is there.
func (o *orderStage) unrelay(k requestKey) {
	if w, there := o.relay[k]; there {
		o.relayBytes -= len(w.request.request.Body)
		delete(o.relay, k)
	}
}

// passOn forwards what is due, as much as goes in one round; the rest stays due.
func (o *orderStage) passOn() {
	if !o.active || o.primary == o.r.cfg.Self {
		return
	}
	bytes := 0
	for _, k := range o.relayKeys(func(w relayed) bool { return o.tick >= w.due }) {
		w := o.relay[k]
		size := w.request.request.EncodedBytes()
		if bytes > 0 && bytes+size > relayRoundBytes {
			return
		}
		bytes += size
		mark.Hit(mark.RelaySent)
		w.due = o.tick + againTicks<<min(w.times, relayDoublings)
		w.times++
		o.relay[k] = w
		// A link that is down loses it; it is sent again.
		_ = o.r.transport.Send(o.primary, wire.LaneReply, wire.KindForward, w.request.request.Append(nil))
	}
}

// watchView moves waiting requests when the primary changes.
func (o *orderStage) watchView() {
	view, active, primary := o.core.View()
	if view == o.view && active == o.active {
		return
	}
	o.view, o.active, o.primary = view, active, primary
	o.batcher.viewChanged(o.tick)
	o.opened = o.opened[:0]
	o.publish() // clients are told of it below
	if !active {
		return
	}
	for _, p := range o.batcher.drain() {
		mark.Hit(mark.Drained)
		o.request(p)
	}
	for _, k := range o.relayKeys(func(relayed) bool { return true }) {
		o.tellView(k)
		w := o.relay[k]
		if primary == o.r.cfg.Self {
			mark.Hit(mark.RelayMine)
			o.unrelay(k)
			o.batcher.add(w.request, o.tick)
			continue
		}
		mark.Hit(mark.RelayMoved)
		w.due, w.since, w.times = o.tick, o.tick, 0
		o.relay[k] = w
	}
	o.passOn()
}

// relayKeys lists the relayed requests that fn picks, by client and seq: older
// requests of a client go first, and a simulated run can be repeated.
func (o *orderStage) relayKeys(fn func(relayed) bool) []requestKey {
	var keys []requestKey
	for k, w := range o.relay { //tidy:sorted below
		if fn(w) {
			keys = append(keys, k)
		}
	}
	slices.SortFunc(keys, func(a, b requestKey) int {
		return cmp.Or(cmp.Compare(a.client, b.client), cmp.Compare(a.seq, b.seq))
	})
	return keys
}

// onTick sends relayed requests again and tells the core of those that wait for
// too long.
func (o *orderStage) onTick() {
	o.tick++
	o.r.ticks.Store(o.tick)
	if o.r.crypto.due() {
		o.r.crypto.patient.to.wake()
	}
	waiting := len(o.relay) > 0
	if waiting != o.waiting {
		o.waiting = waiting
		o.effectsOf(consensus.Waiting{Requests: waiting})
	}
	if o.tick%relayTicks != 0 || !waiting {
		return
	}
	overdue := false
	for _, w := range o.relay { //tidy:sorted one word for all
		overdue = overdue || o.tick-w.since >= overdueTicks
	}
	o.passOn()
	if overdue {
		mark.Hit(mark.RelayOverdue)
		o.effectsOf(consensus.Overdue{})
	}
}

// effectsOf steps the core with an event of this stage's own making.
func (o *orderStage) effectsOf(ev consensus.Event) {
	for _, e := range o.core.Step(ev, nil) {
		o.r.carryOut(e)
	}
}

// publish copies what status reports and metrics read from other threads.
func (o *orderStage) publish() {
	o.r.view.Store(uint64(o.view))
	o.r.viewActive.Store(o.active)
	o.r.inFlight.Store(int64(o.core.InFlight()))
	o.r.amnesia.Store(o.core.Amnesia())
	o.r.hint.Store(uint32(min(hintMilliMost, o.batcher.halfTicks()*uint64(o.r.cfg.Tick.Milliseconds()))))
}

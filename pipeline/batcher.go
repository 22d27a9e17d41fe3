package pipeline

import (
	"quorate/internal/mark"
	"quorate/wire"
)

// BatchPolicy says when a batch is closed. A lone request goes at once; under
// load batches fill, because new ones wait while enough slots are in flight.
type BatchPolicy struct {
	EventsMax  int // events of 128 bytes
	BytesMax   int // encoded bytes, at most wire.BatchBytesMax
	EagerSlots int // with fewer slots in flight, whatever waits is proposed at once, unless the last batch was crowded
	SlotsMax   int // with as many in flight, nothing is proposed
	DelayTicks int // the oldest request waits at most so long, or as long as a slot takes if that is more
}

// pendingRequest is a verified request that waits for a batch.
type pendingRequest struct {
	request   wire.Request
	digest    wire.Digest
	forwarded bool
	tick      uint64 // when it came to the order stage
}

// requestKey names a request within the cluster.
type requestKey struct {
	client wire.ClientID
	seq    uint64
}

func (p *pendingRequest) key() requestKey {
	return requestKey{p.request.Client, p.request.Seq}
}

// batcher collects verified requests on the order thread.
type batcher struct {
	policy BatchPolicy
	turns  turns
	bytes  int // of all that waits
	events int
	slot   uint64                // time of a slot, smoothed, in eighths of a tick
	last   int                   // requests of the last batch, 0 once the crowd is gone
	came   uint64                // tick of the last request
	known  map[requestKey]uint64 // queued or proposed here and not executed: since when it may be lost (ticks), or stands
}

func newBatcher(p BatchPolicy) *batcher {
	return &batcher{policy: p, turns: newTurns(), known: make(map[requestKey]uint64)}
}

func (b *batcher) len() int { return b.turns.len() }

// forgetTicks is how long after a view change a request that was proposed before
// it may be proposed again: its slot may have become another's.
const forgetTicks = 400

// stands marks a request that cannot be lost: it waits here, or its slot is of
// the view that this replica is in. However long that takes, and under overload
// it takes many seconds, a repeat must not be ordered beside it: two copies of
// all that waits make the wait twice as long, until nothing else is ordered.
const stands = ^uint64(0)

// add queues a request, unless it is under way already.
func (b *batcher) add(p pendingRequest, tick uint64) {
	if since, there := b.known[p.key()]; there && (since == stands || tick-since < forgetTicks) {
		mark.Hit(mark.BatchKnown)
		return
	}
	if _, there := b.known[p.key()]; there {
		mark.Hit(mark.BatchOnceMore)
	}
	if tick-b.came >= 2*b.delay() {
		b.last = 0
	}
	p.tick, b.came = tick, tick
	b.known[p.key()] = stands
	b.turns.push(p)
	b.weigh(&p, 1)
}

// weigh counts a request in or, with sign −1, out.
func (b *batcher) weigh(p *pendingRequest, sign int) {
	b.bytes += sign * p.request.EncodedBytes()
	b.events += sign * eventsOf(&p.request)
}

// events is the number of events in a batch, as the policy counts them.
func (b *body) events() (n int) {
	for i := range b.batch.Requests {
		n += eventsOf(&b.batch.Requests[i])
	}
	return n
}

func eventsOf(q *wire.Request) int { return max(1, q.Op.Events(len(q.Body))) }

// ready reports whether a batch should be closed now.
func (b *batcher) ready(inFlight int, tick uint64) bool {
	switch {
	case b.len() == 0 || inFlight >= b.policy.SlotsMax:
		return false
	case inFlight < b.policy.EagerSlots && b.last < crowdedRequests:
		return true
	case b.events >= b.policy.EventsMax || b.bytes >= b.policy.BytesMax:
		return true
	}
	waits := tick-b.turns.oldest() < b.delay()
	mark.If(waits, mark.BatchWaits)
	return !waits
}

// delay is how long a request may wait for company, ticks.
func (b *batcher) delay() uint64 { return max(uint64(b.policy.DelayTicks), b.slot/8) }

// crowdedRequests is how many requests make a batch crowded. A block's signatures
// cost all replicas together about what a hundred single requests cost. So while
// batches are crowded, the next one waits as long as a slot takes although slots are
// free: fewer blocks leave the processors to requests. The crowd is gone when nobody
// came for twice as long: a lone request behind it waits for nothing.
const crowdedRequests = 128

// slotTicksMost bounds what a slot's time adds to the wait: a second of ticks. A
// slot that a dead collector held up says nothing about the next ones.
const slotTicksMost = 200

// slotTook tells how many ticks a slot took. On a busy host slots take longer
// than any fixed wait: batches that closed by the clock were small, each cost the
// same signatures, and the slots took longer still.
func (b *batcher) slotTook(ticks uint64) {
	b.slot = b.slot - b.slot/8 + min(ticks, slotTicksMost)
}

// halfTicks is about how long half of what waits will take: one slot's time for
// each batch of as many as are under way at once.
func (b *batcher) halfTicks() uint64 {
	batches := uint64(max(b.bytes/max(1, b.policy.BytesMax), b.events/max(1, b.policy.EventsMax)))
	return batches * (b.slot / 8) / uint64(2*max(1, b.policy.EagerSlots))
}

// close takes requests in turn up to the policy's size, at least one.
func (b *batcher) close(time uint64, cluster wire.Digest) *body {
	out := &body{batch: wire.Batch{Time: time}}
	bytes, events := wire.BatchFixedBytes, 0
	for b.len() > 0 && len(out.requests) < wire.RequestsMax {
		p := b.turns.next()
		n, e := p.request.EncodedBytes(), eventsOf(&p.request)
		if len(out.requests) > 0 && (bytes+n > b.policy.BytesMax || events+e > b.policy.EventsMax) {
			mark.Hit(mark.BatchFull)
			break
		}
		bytes, events = bytes+n, events+e
		out.batch.Requests = append(out.batch.Requests, p.request)
		out.requests = append(out.requests, p.digest)
		b.weigh(p, -1)
		b.turns.pop()
	}
	b.last = len(out.requests)
	out.raw = out.batch.Append(make([]byte, 0, bytes))
	scratch := append([]wire.Digest(nil), out.requests...)
	out.digest = wire.BatchDigest(time, scratch)
	return out
}

// giveBack queues a batch's requests again, in front.
func (b *batcher) giveBack(body *body, tick uint64) {
	all := make([]pendingRequest, len(body.requests))
	for i := range all {
		all[i] = pendingRequest{request: body.batch.Requests[i], digest: body.requests[i], tick: tick}
		b.weigh(&all[i], 1)
	}
	b.turns.pushFront(all)
}

// drain takes everything that waits: the new primary gets it.
func (b *batcher) drain() []pendingRequest {
	out := b.turns.drain()
	b.bytes, b.events = 0, 0
	for i := range out {
		delete(b.known, out[i].key())
	}
	return out
}

// viewChanged says that what was proposed may be lost from now on.
func (b *batcher) viewChanged(tick uint64) {
	for k, since := range b.known { //tidy:sorted every entry alike
		if since == stands {
			b.known[k] = tick
		}
	}
}

// executed forgets a request that the ledger has.
func (b *batcher) executed(k requestKey) { delete(b.known, k) }

package netio

import (
	"sync"
	"sync/atomic"

	"quorate/wire"
)

const lanes = 3

// itemCost is what a queued frame costs beside its body, bytes: its place in
// the queue and its header, rounded up. It bounds queues of empty frames.
const itemCost = 64

// outbox holds what waits for one connection, in lanes. Any goroutine pushes;
// the connection's loop takes. Bodies are shared and never written.
type outbox struct {
	chunks bool       // cut large bodies into chunks (replicas), or send them whole
	limits [lanes]int // bytes per lane
	queued *atomic.Int64

	mu     sync.Mutex
	lanes  [lanes]laneQueue
	shut   bool // the connection is gone
	marked bool // the loop knows that there is something to do
	ending bool // close when all is sent
	kill   bool // close now
	cause  Cause
}

type item struct {
	kind wire.Kind
	body []byte
}

type laneQueue struct {
	items []item
	head  int // items[head:] wait
	sent  int // bytes of the head's body that are already taken
	bytes int
}

// segment is one piece of what is sealed next: a header or none, and bytes.
type segment struct {
	header    wire.FrameHeader
	hasHeader bool
	part      []byte
}

// push queues a frame. full means that the lane had no room; down that the
// connection is gone or going. mark means that the caller must wake the loop.
func (o *outbox) push(lane wire.Lane, kind wire.Kind, body []byte) (full, down, mark bool) {
	cost := len(body) + itemCost
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.shut || o.ending || o.kill {
		return false, true, false
	}
	q := &o.lanes[lane]
	// One frame always fits an empty lane, however small the limit.
	if q.bytes > 0 && q.bytes+cost > o.limits[lane] {
		return true, false, false
	}
	q.push(item{kind, body})
	q.bytes += cost
	o.queued.Add(int64(cost))
	return false, false, o.mark()
}

// mark must be called with mu held.
func (o *outbox) mark() bool {
	was := o.marked
	o.marked = true
	return !was
}

// poke asks for a turn of the loop; it reports whether to wake it.
func (o *outbox) poke() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return !o.shut && o.mark()
}

// end asks for the connection to be closed, now or when all is sent.
func (o *outbox) end(cause Cause, now bool) (mark bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.shut || o.kill {
		return false
	}
	if now {
		o.kill, o.cause = true, cause
	}
	o.ending = true
	return o.mark()
}

// begin opens a turn of the loop: what is pushed from now on marks again.
func (o *outbox) begin() (kill bool, cause Cause) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.marked = false
	return o.kill, o.cause
}

// take appends to dst the next pieces to send, the lowest lane first, until
// they hold bytesMax or nothing waits.
func (o *outbox) take(dst []segment, bytesMax int) []segment {
	o.mu.Lock()
	defer o.mu.Unlock()
	freed := 0
	for size := 0; size < bytesMax; {
		lane := o.first()
		if lane < 0 {
			break
		}
		s, cost := o.cut(lane)
		dst = append(dst, s)
		size += wire.FrameHeaderBytes + len(s.part)
		freed += cost
	}
	if freed > 0 {
		o.queued.Add(-int64(freed))
	}
	return dst
}

func (o *outbox) first() int {
	for i := range o.lanes {
		if o.lanes[i].head < len(o.lanes[i].items) {
			return i
		}
	}
	return -1
}

// cut takes the next piece of a lane's head: all of it, a chunk, or, where
// chunks are not spoken, the next part of the whole frame. cost is what the
// queue shrank by.
func (o *outbox) cut(lane int) (s segment, cost int) {
	q := &o.lanes[lane]
	it := q.items[q.head]
	rest := len(it.body) - q.sent
	n := min(rest, chunkBytes)
	s.part = it.body[q.sent : q.sent+n]
	switch {
	case len(it.body) <= chunkBytes:
		s.header = wire.FrameHeader{BodyBytes: uint32(rest), Kind: it.kind, Lane: wire.Lane(lane)}
		s.hasHeader = true
	case o.chunks:
		s.header = wire.FrameHeader{BodyBytes: uint32(rest), Kind: it.kind, Lane: wire.Lane(lane), Stream: uint16(lane + 1)}
		s.hasHeader = true
	case q.sent == 0:
		s.header = wire.FrameHeader{BodyBytes: uint32(rest), Kind: it.kind, Lane: wire.Lane(lane)}
		s.hasHeader = true
	}
	q.sent += n
	if n == rest {
		cost = len(it.body) + itemCost
		q.pop()
		q.bytes -= cost
	}
	return s, cost
}

// state reports whether something waits, and whether the connection is to be
// closed when nothing does.
func (o *outbox) state() (more, ending bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.first() >= 0, o.ending
}

// close drops all that waits. What comes later is refused.
func (o *outbox) close() {
	o.mu.Lock()
	defer o.mu.Unlock()
	freed := 0
	for i := range o.lanes {
		freed += o.lanes[i].bytes
		o.lanes[i] = laneQueue{}
	}
	o.queued.Add(-int64(freed))
	o.shut = true
}

func (q *laneQueue) push(it item) {
	// Move what waits to the front when half of the space is spent, so that a
	// queue that never empties does not grow for ever.
	if q.head >= 64 && q.head >= len(q.items)/2 {
		n := copy(q.items, q.items[q.head:])
		clear(q.items[n:])
		q.items, q.head = q.items[:n], 0
	}
	q.items = append(q.items, it)
}

func (q *laneQueue) pop() {
	q.items[q.head] = item{}
	q.head++
	q.sent = 0
	if q.head == len(q.items) {
		q.items, q.head = q.items[:0], 0
		if cap(q.items) > 4096 {
			q.items = nil // a burst is over: give its memory back
		}
	}
}

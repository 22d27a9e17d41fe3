package pipeline

import (
	"encoding/binary"
	"slices"
	"sync"

	"quorate/wire"
)

// TracePoint is a moment in a request's way through one replica.
type TracePoint int

// The points, in the order in which an honest run takes them. A backup that no
// client asked knows a request from the proposal on.
const (
	TraceArrived   TracePoint = iota // its frame was admitted
	TraceTaken                       // a verify worker took it
	TraceVerified                    // its client's signature was good
	TraceBatched                     // its batch was closed here; a backup: the proposal was opened
	TraceProposed                    // the proposal left the primary; a backup: was found good
	TraceCommitted                   // its slot was committed
	TraceExecuted                    // its block was executed
	TraceHanded                      // its block was handed to the ledger, which may keep a small one in memory for now
	TraceCertified                   // the execution certificate came
	TraceReplied                     // the reply was handed to the transport
	TraceSettled                     // whoever waited here for a certified result has it
	tracePoints
)

// traceSpans are the stages of a request's way: from one point to another.
var traceSpans = []struct {
	name     string
	from, to TracePoint
	primary  bool // on the primary alone
}{
	{"ingress", TraceArrived, TraceTaken, false},
	{"verify", TraceTaken, TraceVerified, false},
	{"batch", TraceVerified, TraceBatched, true},
	{"propose", TraceBatched, TraceProposed, false},
	{"commit", TraceProposed, TraceCommitted, false},
	{"execute", TraceCommitted, TraceExecuted, false},
	{"ledger", TraceExecuted, TraceHanded, false},
	{"certify", TraceExecuted, TraceCertified, false},
	{"reply", TraceCertified, TraceReplied, false},
}

// Trace is one request's way through one replica.
type Trace struct {
	Request  wire.Digest
	Slot     wire.SlotID
	Replica  wire.ReplicaID
	Primary  wire.ReplicaID      // of the view in which its slot was committed
	At       [tracePoints]uint64 // nanoseconds since 1970 UTC by this replica's clock; 0: not passed
	Finished bool                // nothing more will come
}

// TraceSpan is one stage of a trace.
type TraceSpan struct {
	Name       string
	Start, End uint64 // nanoseconds since 1970 UTC
}

// Spans gives the stages that the request has passed, in the order of their
// starts as the points have it. A clock that was set back leaves one out.
func (t *Trace) Spans() []TraceSpan {
	var out []TraceSpan
	for _, s := range traceSpans {
		from, to := t.At[s.from], t.At[s.to]
		if from == 0 || to < from || s.primary && t.Replica != t.Primary {
			continue
		}
		out = append(out, TraceSpan{s.name, from, to})
	}
	return out
}

// Whole gives the first and the last moment of the trace.
func (t *Trace) Whole() (start, end uint64) {
	for _, at := range t.At {
		if at != 0 && (start == 0 || at < start) {
			start = at
		}
		end = max(end, at)
	}
	return start, end
}

// Bounds of what a tracer keeps: what is under way, what is finished, and what of
// one batch is traced.
const (
	tracesLiveMax  = 256
	tracesKeptMax  = 128
	tracesBatchMax = 16
)

// traceAgeMax is how long a trace waits for its end, in nanoseconds: a replica that
// never hears of a certificate has seen all it will.
const traceAgeMax uint64 = 10e9

// Tracer takes the times of one request in so many. The choice follows from the
// request's digest, so that all replicas of a cluster choose the same ones. Nil
// traces nothing and costs nothing; a simulation has none, because its clock is
// another's.
//
// Its methods may be called from any goroutine. A traced request costs a lock and
// a clock per point, the others a clock at their arrival and a comparison.
type Tracer struct {
	every   uint64
	clock   Clock
	replica wire.ReplicaID
	primary func(wire.View) wire.ReplicaID
	sink    func(Trace)

	mu   sync.Mutex
	live map[wire.Digest]*Trace
	kept []Trace // a ring once it is full
	next int
}

// NewTracer traces one request in every. sink, if not nil, is given each finished
// trace, from any goroutine; it must neither block nor call the tracer. every 0
// gives nil.
func NewTracer(every int, clock Clock, replica wire.ReplicaID, primary func(wire.View) wire.ReplicaID, sink func(Trace)) *Tracer {
	if every <= 0 {
		return nil
	}
	return &Tracer{every: uint64(every), clock: clock, replica: replica, primary: primary, sink: sink, live: make(map[wire.Digest]*Trace)}
}

// now is the clock, or 0 without a tracer.
func (t *Tracer) now() uint64 {
	if t == nil {
		return 0
	}
	return t.clock()
}

// wants reports whether a request is traced.
func (t *Tracer) wants(request wire.Digest) bool {
	return t != nil && binary.LittleEndian.Uint64(request[wire.DigestBytes-8:])%t.every == 0
}

// verified notes a request whose client's signature is good.
func (t *Tracer) verified(request wire.Digest, arrived, taken uint64) {
	if !t.wants(request) {
		return
	}
	now := t.clock()
	t.mu.Lock()
	defer t.mu.Unlock()
	l := t.open(request, now)
	l.note(TraceArrived, arrived)
	l.note(TraceTaken, taken)
	l.note(TraceVerified, now)
}

// batched notes the traced requests of a batch on the order thread, before any
// other sees it: one that was closed here now, or one that was proposed to this
// replica and opened at b.opened.
func (t *Tracer) batched(b *body) {
	if t == nil {
		return
	}
	for _, d := range b.requests {
		if t.wants(d) && len(b.traced) < tracesBatchMax {
			b.traced = append(b.traced, d)
		}
	}
	if b.traced == nil {
		return
	}
	now := t.clock()
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, d := range b.traced {
		l := t.open(d, now)
		l.Slot.Digest = b.digest
		if b.opened == 0 {
			l.note(TraceBatched, now)
			continue
		}
		l.note(TraceBatched, b.opened)
		l.note(TraceProposed, now)
	}
}

// proposed notes that a proposal has left.
func (t *Tracer) proposed(batch wire.Digest) {
	if t == nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	now := uint64(0)
	for _, l := range t.live { // few; per slot and not per request
		if l.Slot.Digest != batch {
			continue
		}
		if now == 0 {
			now = t.clock()
		}
		l.note(TraceProposed, now)
	}
}

// committed notes the slot of a batch.
func (t *Tracer) committed(b *body, slot wire.SlotID) {
	if t == nil || b.traced == nil {
		return
	}
	now := t.clock()
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, d := range b.traced {
		if l := t.live[d]; l != nil {
			l.Slot, l.Primary = slot, t.primary(slot.View)
			l.note(TraceCommitted, now)
		}
	}
}

// pass notes that requests have passed a point; those that are not traced are
// passed over.
func (t *Tracer) pass(p TracePoint, requests ...wire.Digest) {
	if t == nil || len(requests) == 0 {
		return
	}
	now := t.clock()
	var over []Trace
	t.mu.Lock()
	for _, d := range requests {
		l := t.live[d]
		if l == nil {
			continue
		}
		l.note(p, now)
		if l.At[TraceHanded] != 0 && l.At[TraceSettled] != 0 {
			over = append(over, t.finish(d, l))
		}
	}
	t.mu.Unlock()
	t.give(over)
}

// open gives the trace of a request that is under way. What is too old, and the
// oldest of too many, has seen all that is kept of it. The lock is held.
func (t *Tracer) open(request wire.Digest, now uint64) *Trace {
	if l := t.live[request]; l != nil {
		return l
	}
	var oldest wire.Digest
	first := ^uint64(0)
	var over []Trace
	for d, l := range t.live {
		start, _ := l.Whole()
		switch {
		case now > start && now-start > traceAgeMax:
			over = append(over, t.finish(d, l))
		case start < first:
			oldest, first = d, start
		}
	}
	if len(t.live) >= tracesLiveMax {
		over = append(over, t.finish(oldest, t.live[oldest]))
	}
	t.give(over)
	l := &Trace{Request: request, Replica: t.replica}
	t.live[request] = l
	return l
}

// finish moves a trace to those that are kept. One that no block holds tells
// nothing of its way. The lock is held.
func (t *Tracer) finish(request wire.Digest, l *Trace) Trace {
	delete(t.live, request)
	l.Finished = true
	if l.At[TraceCommitted] == 0 {
		return *l
	}
	if len(t.kept) < tracesKeptMax {
		t.kept = append(t.kept, *l)
	} else {
		t.kept[t.next] = *l
	}
	t.next = (t.next + 1) % tracesKeptMax
	return *l
}

// give hands finished traces to the sink.
func (t *Tracer) give(over []Trace) {
	for i := range over {
		if t.sink != nil && over[i].At[TraceCommitted] != 0 {
			t.sink(over[i])
		}
	}
}

// note keeps the first time of a point: a batch that is proposed again in a later
// view has its first proposal's.
func (l *Trace) note(p TracePoint, at uint64) {
	if l.At[p] == 0 {
		l.At[p] = at
	}
}

// Recent gives the traces that are kept and those under way, oldest first.
func (t *Tracer) Recent() []Trace {
	if t == nil {
		return nil
	}
	t.mu.Lock()
	out := slices.Clone(t.kept)
	for _, l := range t.live {
		out = append(out, *l)
	}
	t.mu.Unlock()
	slices.SortFunc(out, func(a, b Trace) int {
		x, _ := a.Whole()
		y, _ := b.Whole()
		return slices.Compare([]uint64{x, binary.BigEndian.Uint64(a.Request[:])}, []uint64{y, binary.BigEndian.Uint64(b.Request[:])})
	})
	return out
}

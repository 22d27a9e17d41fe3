package pipeline

import (
	"sync"
	"time"

	"quorate/internal/mark"
	"quorate/payments"
	"quorate/wire"
)

// clientTable is what this replica knows of clients outside the replicated
// state: prepared keys, a copy of each session's window, and who waits for what
// on which connection. It is shared: ingress and verify workers read, the
// execute thread writes what execution changed.
type clientTable struct {
	suite Suite
	mu    sync.RWMutex
	byID  map[wire.ClientID]*clientEntry
}

// clientEntry is one client.
type clientEntry struct {
	id  wire.ClientID
	key ClientKey
	raw [32]byte

	mu      sync.Mutex
	high    uint64 // session window, as of the last executed block
	bitmap  uint64
	waiting []waiter // at most payments.WindowSeqs
	bucket  bucket
	told    told
}

// quota is what one client may have here at once and send in a second. Each
// client's is its own, so that no client can use up another's.
type quota struct {
	queueMax   int    // requests under way, 1 to payments.WindowSeqs
	rate       uint64 // requests per second; 0: unlimited
	tickMicros uint64
	full       uint64 // what a bucket holds
}

func newQuota(c *Config) quota {
	q := quota{queueMax: payments.WindowSeqs, rate: uint64(max(0, c.ClientRate)), tickMicros: uint64(max(1, c.Tick.Microseconds()))}
	if c.ClientQueueMax > 0 {
		q.queueMax = min(q.queueMax, c.ClientQueueMax)
	}
	q.full = max(burst*requestCost, q.rate*q.tickMicros) // what a tick brings must find room
	return q
}

// requestCost is one request in the unit of a bucket: so that a rate of requests
// per second is as many units per microsecond.
const requestCost = 1_000_000

// burst is how many requests a client that was quiet may send at once: what its
// session window holds.
const burst = payments.WindowSeqs

// bucket is a token bucket on ticks, in units of requestCost. Its zero value is
// full.
type bucket struct {
	spent uint64 // at most quota.full
	tick  uint64 // as of when
}

// spend takes one request out, or gives the microseconds until there is one.
// The rate is limited.
func (b *bucket) spend(tick uint64, q *quota) (waitMicros uint64) {
	// A full bucket is full: the refill of a long rest would overflow.
	rested := min(tick-b.tick, q.full/(q.rate*q.tickMicros)+1)
	b.spent -= min(b.spent, rested*q.rate*q.tickMicros)
	b.tick = tick
	if over := b.spent + requestCost; over > q.full {
		return (over-q.full)/q.rate + 1
	}
	b.spent += requestCost
	return 0
}

// spend charges the client for one frame, or gives the milliseconds after which
// it may come again. Every frame counts, repeats too: each costs a look at the
// session, and one that was executed a read of the ledger.
func (e *clientEntry) spend(tick uint64, q *quota) (waitMilli uint32) {
	if q.rate == 0 {
		return 0
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	wait := e.bucket.spend(tick, q)
	return uint32((wait + 999) / 1000)
}

// told is when a client was last told the view of this replica.
type told struct {
	ever bool
	view wire.View
	tick uint64
}

// tellTicks is the least time between two times that a client is told the same
// view: one with a window of requests is told once, and again soon if that was
// lost or did not help.
const tellTicks = 20

// mayTell reports whether the client may be told this view now, and notes it.
func (e *clientEntry) mayTell(view wire.View, tick uint64) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if t := e.told; t.ever && t.view == view && tick-t.tick < tellTicks {
		return false
	}
	e.told = told{ever: true, view: view, tick: tick}
	return true
}

// connOf is the connection on which seq is waited for, 0 for none.
func (e *clientEntry) connOf(seq uint64) ConnID {
	e.mu.Lock()
	defer e.mu.Unlock()
	for i := range e.waiting {
		if e.waiting[i].seq == seq {
			return e.waiting[i].conn
		}
	}
	return 0
}

// waiter is a request that was admitted here and not answered yet.
type waiter struct {
	seq  uint64
	conn ConnID // 0: its connection is gone, or it was forwarded by a replica
	tick uint64 // when it was last passed on

	since time.Time // when its first copy came
}

func newClientTable(suite Suite) *clientTable {
	return &clientTable{suite: suite, byID: make(map[wire.ClientID]*clientEntry)}
}

func (t *clientTable) get(id wire.ClientID) *clientEntry {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.byID[id]
}

// register adds a client, or leaves one that is there.
func (t *clientTable) register(id wire.ClientID, raw [32]byte) error {
	key, err := t.suite.NewClientKey(raw)
	if err != nil {
		return err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.byID[id] == nil {
		t.byID[id] = &clientEntry{id: id, key: key, raw: raw}
	}
	return nil
}

// setWindow copies a session's window from the replicated state.
func (t *clientTable) setWindow(id wire.ClientID, high, bitmap uint64) {
	if e := t.get(id); e != nil {
		e.mu.Lock()
		e.high, e.bitmap = high, bitmap
		e.mu.Unlock()
	}
}

// admission is what ingress does with a request.
type admission uint8

const (
	admitNew  admission = iota // verify and order it
	admitWait                  // it is under way; its answer will find the connection
	admitDone                  // executed: ask the execute stage for its answer
	admitRefuse
)

// againTicks is how long a repeated request counts as under way before it is
// passed on again: whatever carried it may be lost.
const againTicks = 60

// admit judges a request's seq against the session's window, and notes who
// waits for it.
func (e *clientEntry) admit(seq uint64, conn ConnID, tick uint64, queueMax int) (admission, wire.RejectCode) {
	e.mu.Lock()
	defer e.mu.Unlock()
	switch {
	case seq == 0:
		return admitRefuse, wire.RejectMalformed
	case e.high >= payments.WindowSeqs && seq <= e.high-payments.WindowSeqs:
		return admitRefuse, wire.RejectSeqTooOld
	case seq > e.high && seq-e.high > payments.SessionJumpMax:
		return admitRefuse, wire.RejectSeqTooFar
	}
	executed := seq <= e.high && e.bitmap&(1<<(e.high-seq)) != 0
	for i := range e.waiting {
		w := &e.waiting[i]
		if w.seq != seq {
			continue
		}
		if conn != 0 {
			w.conn = conn
		}
		if executed {
			return admitDone, 0
		}
		if tick-w.tick < againTicks {
			mark.Hit(mark.RepeatUnderWay)
			return admitWait, 0
		}
		mark.Hit(mark.RepeatPassedOn)
		w.tick = tick
		return admitNew, 0
	}
	if len(e.waiting) >= queueMax && !e.dropStale() {
		mark.Hit(mark.WaitersFull)
		return admitRefuse, wire.RejectOverload
	}
	e.waiting = append(e.waiting, waiter{seq: seq, conn: conn, tick: tick, since: time.Now()})
	if executed {
		mark.Hit(mark.RepeatDone)
		return admitDone, 0
	}
	return admitNew, 0
}

// open reports whether executing seq could still have an effect.
func (e *clientEntry) open(seq uint64) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	switch {
	case seq == 0:
		return false
	case seq > e.high:
		return seq-e.high <= payments.SessionJumpMax
	}
	return e.high-seq < payments.WindowSeqs && e.bitmap&(1<<(e.high-seq)) == 0
}

// dropStale makes room by forgetting a waiter that nobody waits for or whose
// seq left the window.
func (e *clientEntry) dropStale() bool {
	for i := range e.waiting {
		w := &e.waiting[i]
		if w.conn == 0 || e.high >= payments.WindowSeqs && w.seq <= e.high-payments.WindowSeqs {
			mark.Hit(mark.WaiterStale)
			e.waiting = append(e.waiting[:i], e.waiting[i+1:]...)
			return true
		}
	}
	return false
}

// answer removes the waiter of seq and gives its connection, 0 for none.
func (e *clientEntry) answer(seq uint64) ConnID {
	conn, _ := e.take(seq)
	return conn
}

// take is answer with the time at which the request first came.
func (e *clientEntry) take(seq uint64) (conn ConnID, since time.Time) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for i := range e.waiting {
		if w := e.waiting[i]; w.seq == seq {
			e.waiting = append(e.waiting[:i], e.waiting[i+1:]...)
			return w.conn, w.since
		}
	}
	return 0, since
}

// gone forgets a connection.
func (e *clientEntry) gone(conn ConnID) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for i := range e.waiting {
		if e.waiting[i].conn == conn {
			e.waiting[i].conn = 0
		}
	}
}

package main

import (
	"maps"
	"sync"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"quorate/cmd/loadgen/outcome"
)

const (
	latencyMax = outcome.LatencyEnd
	// lateAfter is when a request that was not sent yet counts as late: more
	// than what timers and two busy cores do by themselves.
	lateAfter = 20 * time.Millisecond
	// codesKept bounds the error codes that are told apart: all that wire and
	// payments have a name for. Names of later versions are counted as others.
	codesKept = 128
	codeOther = "other"
)

// counts are payments.
type counts = outcome.Counts

// latencyBounds are the upper ends, in seconds, of the buckets that Prometheus
// sees; result.json has the histogram itself.
var latencyBounds = [...]float64{.001, .002, .005, .01, .02, .05, .1, .2, .5, 1, 2, 5, 10, 30, 60}

// meter counts what was offered and what came back. Any goroutine may call it.
// Its size does not depend on how long a run is.
type meter struct {
	mu       sync.Mutex
	now      func() time.Time
	total    *hdrhistogram.Histogram // µs, per payment, after the warm-up
	interval *hdrhistogram.Histogram // the same of the running second
	buckets  [len(latencyBounds) + 1]uint64
	seconds  float64           // sum of all latencies, per payment
	counts   counts            // since the start, warm-up included
	measured counts            // after the warm-up
	seen     counts            // counts at the last row
	codes    map[string]uint64 // payments of counts.Errors and counts.Unknown by code
	fresh    map[string]uint64 // those of the running second
	warm     bool              // the warm-up is over
	ended    bool              // the load is over: what comes is the rest
	inTime   uint64            // payments of measured.Achieved that came before the end
	begun    time.Time         // when measuring began
	span     time.Duration     // from there to the end
	last     time.Time         // the last answer, or when measuring began
	silence  time.Duration     // the longest time without an answer while measuring
	silentAt time.Time         // when it began
	due      queue
	cpu      float64 // seconds of this process: when measuring began, then while it did
	worst    string  // first unexpected error, for the report
}

// queue is how many requests are due and not answered, over time.
type queue struct {
	now   int
	since time.Time // when now became so
	row   float64   // request-seconds of the running second
	whole float64   // request-seconds while measuring
}

func newMeter() *meter {
	return &meter{now: time.Now, total: outcome.NewHistogram(), interval: outcome.NewHistogram(),
		codes: map[string]uint64{}, fresh: map[string]uint64{}}
}

// add changes the counters.
func (m *meter) add(change func(c *counts)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.both(change)
}

// both changes the counters of the whole run, and of the measured part if it
// has begun. mu is held.
func (m *meter) both(change func(c *counts)) {
	change(&m.counts)
	if m.warm {
		change(&m.measured)
	}
}

// offered notes that a request of n payments is due.
func (m *meter) offered(n int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.both(func(c *counts) { c.Offered += uint64(n) })
	m.weigh(m.now(), +1)
}

// dropped notes that a request of n payments that was due never left.
func (m *meter) dropped(n int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.both(func(c *counts) { c.Dropped += uint64(n) })
	m.weigh(m.now(), -1)
}

// weigh brings the request-seconds up to now and changes how many are due. mu
// is held.
func (m *meter) weigh(now time.Time, change int) {
	if !m.due.since.IsZero() {
		area := float64(m.due.now) * now.Sub(m.due.since).Seconds()
		m.due.row += area
		if m.warm && !m.ended {
			m.due.whole += area
		}
	}
	m.due.since = now
	m.due.now += change
}

// answered records a request of n payments that took latency, of which wrong
// were answered in an unexpected way; blame takes the codes of those.
func (m *meter) answered(n, wrong int, latency time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := m.now()
	m.weigh(now, -1)
	us := min(max(latency.Microseconds(), 1), latencyMax.Microseconds())
	_ = m.interval.RecordValues(us, int64(n)) // in range: cannot fail
	bucket := 0
	for bucket < len(latencyBounds) && latency.Seconds() > latencyBounds[bucket] {
		bucket++
	}
	m.buckets[bucket] += uint64(n)
	m.seconds += latency.Seconds() * float64(n)
	m.both(func(c *counts) { c.Achieved += uint64(n - wrong); c.Errors += uint64(wrong) })
	if !m.warm {
		return
	}
	_ = m.total.RecordValues(us, int64(n))
	if !m.ended {
		m.inTime += uint64(n - wrong)
		m.heard(now)
	}
}

// blame counts unexpected answers by code.
func (m *meter) blame(codes map[string]int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for code, n := range codes {
		m.code(code, n)
	}
}

// code counts payments under a code. mu is held.
func (m *meter) code(code string, n int) {
	if _, known := m.codes[code]; !known && len(m.codes) >= codesKept {
		code = codeOther
	}
	m.codes[code] += uint64(n)
	m.fresh[code] += uint64(n)
}

// heard ends a time without answers.
func (m *meter) heard(now time.Time) {
	if d := now.Sub(m.last); d > m.silence {
		m.silence, m.silentAt = d, m.last
	}
	m.last = now
}

// failed records a request of n payments that ended in err.
func (m *meter) failed(n int, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.worst == "" {
		m.worst = err.Error()
	}
	m.both(func(c *counts) { c.Errors += uint64(n) })
	m.code(codeOf(err), n)
	m.weigh(m.now(), -1)
}

// unknown records a request of n payments that may or may not be executed.
func (m *meter) unknown(n int, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.both(func(c *counts) { c.Unknown += uint64(n) })
	m.code(codeOf(err), n)
	m.weigh(m.now(), -1)
}

// beginMeasuring ends the warm-up.
func (m *meter) beginMeasuring() {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := m.now()
	m.weigh(now, 0)
	m.warm, m.last, m.begun, m.cpu = true, now, now, cpuSeconds()
}

// endMeasuring ends the load. Latencies of what is still under way count; the
// rate that was achieved is that of what came in time: at five times the peak a
// window of each client is answered after the end, and was not achieved in it.
func (m *meter) endMeasuring() {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := m.now()
	m.weigh(now, 0)
	m.ended = true
	if m.warm {
		m.span, m.cpu = now.Sub(m.begun), cpuSeconds()-m.cpu
		m.heard(now)
	}
}

// pace gives what was achieved before the load ended, and the longest time
// without an answer and when it began.
func (m *meter) pace() (inTime uint64, silence time.Duration, silentAt time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.inTime, m.silence, m.silentAt
}

// queued gives the mean number of requests that were due and not answered while
// it measured, for how long it did, and the CPU seconds of this process in it.
func (m *meter) queued() (mean float64, span time.Duration, cpu float64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.span <= 0 {
		return 0, 0, 0
	}
	return m.due.whole / m.span.Seconds(), m.span, m.cpu
}

// second closes second number n, which lasted span, and gives its row.
func (m *meter) second(n int, span time.Duration, fastPath float64) outcome.Row {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.weigh(m.now(), 0)
	perSecond := func(count uint64) uint64 { return uint64(float64(count)/span.Seconds() + 0.5) }
	h, c, s := m.interval, &m.counts, &m.seen
	r := outcome.Row{
		Second: n, Offered: perSecond(c.Offered - s.Offered), Achieved: perSecond(c.Achieved - s.Achieved),
		Late: c.Late - s.Late, Dropped: c.Dropped - s.Dropped, Errors: c.Errors - s.Errors, Unknown: c.Unknown - s.Unknown, ErrorsTotal: c.Errors,
		P50: outcome.Millis(h, 50), P90: outcome.Millis(h, 90), P99: outcome.Millis(h, 99), P999: outcome.Millis(h, 99.9), Most: float64(h.Max()) / 1000,
		Outstanding: m.due.row / span.Seconds(), FastPath: fastPath,
	}
	if len(m.fresh) > 0 {
		r.Codes = maps.Clone(m.fresh)
		clear(m.fresh)
	}
	m.seen, m.due.row = m.counts, 0
	m.interval.Reset()
	return r
}

// snapshot gives the counters.
func (m *meter) snapshot() (all, measured counts, worst string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.counts, m.measured, m.worst
}

// byCode gives the payments of errors and unknown outcomes by code.
func (m *meter) byCode() map[string]uint64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return maps.Clone(m.codes)
}

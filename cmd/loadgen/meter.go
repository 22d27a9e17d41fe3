package main

import (
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

const (
	// latencyMax is the largest latency that histograms tell apart, and
	// latencyDigits how finely: 2 × 200 KiB per run.
	latencyMax    = 120 * time.Second
	latencyDigits = 3
	// lateAfter is when a request that was not sent yet counts as late: more
	// than what timers and two busy cores do by themselves.
	lateAfter = 20 * time.Millisecond
	// sparkSeconds is the width of the sparkline.
	sparkSeconds = 12
)

// meter counts what was offered and what came back. Any goroutine may call it.
type meter struct {
	mu       sync.Mutex
	total    *hdrhistogram.Histogram // µs, per payment, after the warm-up
	interval *hdrhistogram.Histogram // the same of the running second
	counts   counts                  // since the start, warm-up included
	measured counts                  // after the warm-up
	seen     counts                  // counts at the last row
	warm     bool                    // the warm-up is over
	ended    bool                    // the load is over: what comes is the rest
	inTime   uint64                  // payments of measured.Achieved that came before the end
	last     time.Time               // the last answer, or when measuring began
	silence  time.Duration           // the longest time without an answer while measuring
	silentAt time.Time               // when it began
	rows     []row
	worst    string // first unexpected error, for the report
}

// counts are payments.
type counts struct {
	Offered  uint64 `json:"offered"`
	Achieved uint64 `json:"achieved"` // answered with proof, as expected
	Late     uint64 `json:"late"`     // left more than lateAfter behind their time
	Dropped  uint64 `json:"dropped"`  // never left
	Errors   uint64 `json:"errors"`   // refused, or answered in an unexpected way
	Unknown  uint64 `json:"unknown"`  // no answer
}

// row is one second of the time series; offered and achieved are rates.
type row struct {
	Second   int
	Offered  uint64
	Achieved uint64
	Late     uint64
	Errors   uint64
	P50      float64 // ms
	P99      float64
	P999     float64
	FastPath float64 // share of slots, −1: not known
}

func newMeter() *meter {
	h := func() *hdrhistogram.Histogram {
		return hdrhistogram.New(1, latencyMax.Microseconds(), latencyDigits)
	}
	return &meter{total: h(), interval: h()}
}

// add changes the counters.
func (m *meter) add(change func(c *counts)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	change(&m.counts)
	if m.warm {
		change(&m.measured)
	}
}

// answered records n payments that took latency each, of which wrong were
// answered in an unexpected way.
func (m *meter) answered(n, wrong int, latency time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	us := min(max(latency.Microseconds(), 1), latencyMax.Microseconds())
	_ = m.interval.RecordValues(us, int64(n)) // in range: cannot fail
	m.counts.Achieved += uint64(n - wrong)
	m.counts.Errors += uint64(wrong)
	if !m.warm {
		return
	}
	_ = m.total.RecordValues(us, int64(n))
	m.measured.Achieved += uint64(n - wrong)
	m.measured.Errors += uint64(wrong)
	if !m.ended {
		m.inTime += uint64(n - wrong)
		m.heard(time.Now())
	}
}

// heard ends a time without answers.
func (m *meter) heard(now time.Time) {
	if d := now.Sub(m.last); d > m.silence {
		m.silence, m.silentAt = d, m.last
	}
	m.last = now
}

// failed records n payments that ended in err.
func (m *meter) failed(n int, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.worst == "" {
		m.worst = err.Error()
	}
	m.counts.Errors += uint64(n)
	if m.warm {
		m.measured.Errors += uint64(n)
	}
}

// beginMeasuring ends the warm-up.
func (m *meter) beginMeasuring() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.warm, m.last = true, time.Now()
}

// endMeasuring ends the load. Latencies of what is still under way count; the
// rate that was achieved is that of what came in time: at five times the peak a
// window of each client is answered after the end, and was not achieved in it.
func (m *meter) endMeasuring() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.ended = true
	if m.warm {
		m.heard(time.Now())
	}
}

// pace gives what was achieved before the load ended, and the longest time
// without an answer and when it began.
func (m *meter) pace() (inTime uint64, silence time.Duration, silentAt time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.inTime, m.silence, m.silentAt
}

// second closes second number n, which lasted span, and gives its line.
func (m *meter) second(n int, span time.Duration, fastPath float64) string {
	m.mu.Lock()
	defer m.mu.Unlock()
	perSecond := func(count uint64) uint64 { return uint64(float64(count)/span.Seconds() + 0.5) }
	r := row{
		Second: n, Offered: perSecond(m.counts.Offered - m.seen.Offered), Achieved: perSecond(m.counts.Achieved - m.seen.Achieved),
		Late: m.counts.Late - m.seen.Late, Errors: m.counts.Errors,
		P50: millis(m.interval, 50), P99: millis(m.interval, 99), P999: millis(m.interval, 99.9), FastPath: fastPath,
	}
	m.seen = m.counts
	m.interval.Reset()
	m.rows = append(m.rows, r)
	return m.line(r)
}

// line shows one second in the look of the manual.
func (m *meter) line(r row) string {
	path := "fast path ?"
	if r.FastPath >= 0 {
		path = fmt.Sprintf("fast path %.0f%%", 100*r.FastPath)
	}
	return fmt.Sprintf("%d:%02d offered %d/s achieved %d/s late %d | p50 %.1f p99 %.1f p99.9 %.0f ms | %s | errors %d | %s",
		r.Second/60, r.Second%60, r.Offered, r.Achieved, r.Late, r.P50, r.P99, r.P999, path, r.Errors, m.spark())
}

// spark draws the last seconds' achieved rates, relative to the highest.
func (m *meter) spark() string {
	rows := m.rows[max(len(m.rows)-sparkSeconds, 0):]
	high := uint64(1)
	for _, r := range rows {
		high = max(high, r.Achieved)
	}
	levels := []rune("▁▂▃▄▅▆▇█")
	var b strings.Builder
	for _, r := range rows {
		b.WriteRune(levels[int(r.Achieved*uint64(len(levels)-1)/high)])
	}
	return b.String()
}

// millis gives a percentile in milliseconds.
func millis(h *hdrhistogram.Histogram, percentile float64) float64 {
	if h.TotalCount() == 0 {
		return 0
	}
	return float64(h.ValueAtPercentile(percentile)) / 1000
}

// snapshot gives the counters.
func (m *meter) snapshot() (all, measured counts, worst string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.counts, m.measured, m.worst
}

// Package meter counts what a load client was told is done, and what that cost,
// in a window between its warm-up and its end.
//
// It sends nothing and checks nothing.
//
// Thread: Done may be called from any goroutine; the rest belongs to one.
//
// Invariants:
//
//	W1  A payment counts when its acknowledgement arrives inside the window,
//	    whenever it was sent.
//	W2  Costs of servers and of the client are read at both ends of the same
//	    window.
package meter

import (
	"context"
	"os"
	"sync"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"quorate/bench/peers/child"
	"quorate/bench/peers/rows"
)

const (
	latencyMax    = 10 * time.Minute
	latencyDigits = 3
)

// Meter is the count of one run.
type Meter struct {
	mu       sync.Mutex
	open     bool
	latency  *hdrhistogram.Histogram // µs, per payment
	measured uint64
	acked    uint64
}

// New makes a meter whose window is closed.
func New() *Meter {
	return &Meter{latency: hdrhistogram.New(1, latencyMax.Microseconds(), latencyDigits)}
}

// Done counts n payments that were acknowledged together after a time.
func (m *Meter) Done(n int, after time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.acked += uint64(n)
	if !m.open {
		return
	}
	m.measured += uint64(n)
	_ = m.latency.RecordValues(min(max(after.Microseconds(), 1), latencyMax.Microseconds()), int64(n)) // in range
}

// Acked is what was acknowledged since the start.
func (m *Meter) Acked() uint64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.acked
}

func (m *Meter) setOpen(open bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.open = open
}

// edge is one end of the window.
type edge struct {
	servers, client float64 // CPU seconds
	written         int64   // to the device
	at              time.Time
}

func edgeNow(servers []int, dir string) (e edge, err error) {
	if e.servers, err = child.CPUOf(servers); err != nil {
		return e, err
	}
	e.client, err = child.CPU(os.Getpid())
	e.written, e.at = child.Written(dir), time.Now()
	return e, err
}

// Window lets the warm-up pass, measures for a time, and gives the figures but
// for what is held on disk. This process is the client; dir lies on the device
// that the servers write to.
func (m *Meter) Window(ctx context.Context, warmup, length time.Duration, servers []int, dir string) (f rows.Figures, err error) {
	if err := pause(ctx, warmup); err != nil {
		return f, err
	}
	m.setOpen(true)
	begun, err := edgeNow(servers, dir)
	if err != nil {
		return f, err
	}
	if err := pause(ctx, length); err != nil {
		return f, err
	}
	m.setOpen(false)
	ended, err := edgeNow(servers, dir)
	if err != nil {
		return f, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	return rows.Figures{
		Payments: m.measured, Seconds: ended.at.Sub(begun.at).Seconds(), Acked: m.acked,
		P50: millis(m.latency, 50), P99: millis(m.latency, 99),
		ServerCPU: ended.servers - begun.servers, ClientCPU: ended.client - begun.client,
		Written: float64(ended.written-begun.written) / float64(max(m.measured, 1)),
	}, nil
}

func millis(h *hdrhistogram.Histogram, percentile float64) float64 {
	return float64(h.ValueAtPercentile(percentile)) / 1000
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(d):
		return nil
	}
}

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

// edge reads all costs at one end of the window.
func edge(servers []int) (server, client child.Costs, at time.Time, err error) {
	if server, err = child.CostsOf(servers); err != nil {
		return server, client, at, err
	}
	client, err = child.CostsOf([]int{os.Getpid()})
	return server, client, time.Now(), err
}

// Window lets the warm-up pass, measures for a time, and gives the figures but
// for what is held on disk. This process is the client.
func (m *Meter) Window(ctx context.Context, warmup, length time.Duration, servers []int) (f rows.Figures, err error) {
	if err := pause(ctx, warmup); err != nil {
		return f, err
	}
	m.setOpen(true)
	server, client, begun, err := edge(servers)
	if err != nil {
		return f, err
	}
	if err := pause(ctx, length); err != nil {
		return f, err
	}
	m.setOpen(false)
	serverEnd, clientEnd, ended, err := edge(servers)
	if err != nil {
		return f, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	f = rows.Figures{
		Payments: m.measured, Seconds: ended.Sub(begun).Seconds(), Acked: m.acked,
		P50: millis(m.latency, 50), P99: millis(m.latency, 99),
		ServerCPU: serverEnd.CPU - server.CPU, ClientCPU: clientEnd.CPU - client.CPU,
		Written: float64(serverEnd.Written-server.Written) / float64(max(m.measured, 1)),
	}
	return f, nil
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

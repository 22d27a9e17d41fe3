package meter

// Aim: a span holds the CPU of its own work and nobody else's, and costs little.
// Method: work that spins, work that sleeps, and both side by side, judged by
// bounds that hold however slow the machine is.

import (
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// burn spins until this thread has used d of CPU.
func burn(d time.Duration) {
	for end := threadCPU() + int64(d); threadCPU() < end; {
	}
}

func TestSpan(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("no clock of a thread's CPU here (ME2)")
	}
	const work = 20 * time.Millisecond
	var m Meter
	s := m.Begin()
	burn(work)
	s.End(3)
	got := m.Read()
	if got.CPU < work || got.CPU > got.Busy+time.Millisecond || got.Steps != 3 {
		t.Errorf("after %v of work: %+v", work, got)
	}

	// A wait costs wall time and next to no CPU.
	m = Meter{}
	s = m.Begin()
	time.Sleep(work)
	s.Lap(time.Now(), 1)
	s.End(1)
	if got := m.Read(); got.Busy < work || got.CPU > work/2 || got.Steps != 2 {
		t.Errorf("after %v of sleep: %+v", work, got)
	}
}

// TestSpanIsItsOwn: goroutines that spin beside a span that waits do not add to
// it, though there are more of them than processors (ME1).
func TestSpanIsItsOwn(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("no clock of a thread's CPU here (ME2)")
	}
	var stop atomic.Bool
	var wg sync.WaitGroup
	for range 2 * runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			for !stop.Load() {
				runtime.Gosched()
			}
		})
	}
	var m Meter
	s := m.Begin()
	for range 20 {
		time.Sleep(time.Millisecond)
	}
	s.End(1)
	stop.Store(true)
	wg.Wait()
	if got := m.Read(); got.CPU > got.Busy/4 {
		t.Errorf("%v of CPU in a span of %v that only waited", got.CPU, got.Busy)
	}
}

// BenchmarkSpan is the price of one span: two readings of each clock.
func BenchmarkSpan(b *testing.B) {
	var m Meter
	for b.Loop() {
		s := m.Begin()
		s.End(1)
	}
}

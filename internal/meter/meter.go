package meter

import (
	"runtime"
	"sync/atomic"
	"time"
)

// Meter sums the spans of one kind of work. The zero Meter is ready.
type Meter struct {
	cpu, busy atomic.Int64 // nanoseconds
	steps     atomic.Uint64
}

// Reading is what a Meter has summed. Its fields are read one after another.
type Reading struct {
	CPU   time.Duration // on the threads that worked; 0 where it cannot be had
	Busy  time.Duration // of the wall clock, added up over workers
	Steps uint64        // pieces of work
}

// Read gives the sums so far. Any thread.
func (m *Meter) Read() Reading {
	return Reading{CPU: time.Duration(m.cpu.Load()), Busy: time.Duration(m.busy.Load()), Steps: m.steps.Load()}
}

// Span is a stretch of work that has begun. It is used by one goroutine.
type Span struct {
	m    *Meter
	cpu  int64
	wall time.Time
}

// Begin ties the goroutine to its thread until End. A goroutine that waits while
// it is tied costs a switch of threads, so a span should not hold long waits.
func (m *Meter) Begin() Span {
	runtime.LockOSThread()
	return Span{m: m, cpu: threadCPU(), wall: time.Now()}
}

// Lap adds the work since Begin, or since the last Lap, and how many pieces it
// was. The span goes on.
func (s *Span) Lap(now time.Time, steps uint64) {
	cpu := threadCPU()
	s.m.cpu.Add(cpu - s.cpu)
	s.m.busy.Add(int64(now.Sub(s.wall)))
	s.m.steps.Add(steps)
	s.cpu, s.wall = cpu, now
}

// Drop ends a span in which there was nothing to do; nothing is added, and the
// second reading of the clocks is saved.
func (s *Span) Drop() { runtime.UnlockOSThread() }

// Since is the wall time since Begin or the last Lap.
func (s *Span) Since(now time.Time) time.Duration { return now.Sub(s.wall) }

// End is a last Lap; the goroutine may change its thread again.
func (s *Span) End(steps uint64) {
	s.Lap(time.Now(), steps)
	runtime.UnlockOSThread()
}

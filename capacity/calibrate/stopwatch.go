package calibrate

import (
	"math"
	"runtime"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"quorate/capacity"
)

// clocks are readings of a thread's or the process's CPU time and of wall time.
type clocks struct {
	cpu  time.Duration
	wall time.Time
}

// now reads a CPU clock: unix.CLOCK_THREAD_CPUTIME_ID or CLOCK_PROCESS_CPUTIME_ID.
func now(clock int32) clocks {
	var ts unix.Timespec
	_ = unix.ClockGettime(clock, &ts) // both exist on every Linux; without them CPU stays 0
	return clocks{time.Duration(ts.Nano()), time.Now()}
}

// since gives µs of CPU and of wall time.
func (c clocks) since(clock int32) (cpu, wall float64) {
	d := now(clock)
	return micros(d.cpu - c.cpu), micros(d.wall.Sub(c.wall))
}

func micros(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1e3 }

// Repetitions of a unit: as many as fit the time, within these bounds.
const (
	repeatsLeast = 5
	repeatsMost  = 2000
	unitTime     = 120 * time.Millisecond
)

// timed runs do again and again on one thread and gives the medians of its cost,
// each divided by how many things one run does. The first run warms up and is left
// out. The first error ends it.
// What prepare does before each run is not counted.
func timed(things int, do func(i int) error, prepare ...func(i int)) (cpu, wall float64, err error) {
	return timedBy(unix.CLOCK_THREAD_CPUTIME_ID, things, do, prepare...)
}

func timedBy(clock int32, things int, do func(i int) error, prepare ...func(i int)) (cpu, wall float64, err error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	ready := func(i int) {
		for _, p := range prepare {
			p(i)
		}
	}
	ready(0)
	if err := do(0); err != nil {
		return 0, 0, err
	}
	var cpus, walls []float64
	begun := time.Now()
	for i := 1; i <= repeatsMost && (i <= repeatsLeast || time.Since(begun) < unitTime); i++ {
		ready(i)
		c := now(clock)
		if err := do(i); err != nil {
			return 0, 0, err
		}
		cpu, wall := c.since(clock)
		cpus, walls = append(cpus, cpu), append(walls, wall)
	}
	return quantile(cpus, 0.5) / float64(things), quantile(walls, 0.5) / float64(things), nil
}

// quantile sorts v.
func quantile(v []float64, q float64) float64 {
	slices.Sort(v)
	return v[min(int(math.Ceil(q*float64(len(v)))), len(v))-1]
}

// units collects unit costs until the first error.
type units struct {
	all []capacity.Unit
	err error
}

// add measures one on this thread.
func (u *units) add(name, per string, things int, do func(i int) error, prepare ...func(i int)) {
	if u.err != nil {
		return
	}
	cpu, wall, err := timed(things, do, prepare...)
	u.keep(name, per, cpu, wall, err)
}

func (u *units) keep(name, per string, cpu, wall float64, err error) {
	if u.err == nil {
		u.err = err
	}
	if u.err == nil {
		u.all = append(u.all, capacity.Unit{Name: name, Per: per, CPU: cpu, Wall: wall})
	}
}

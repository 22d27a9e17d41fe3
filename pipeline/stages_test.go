package pipeline

// Aim: each stage's CPU, wall time and steps are its own, and what is not
// measured is not claimed. Method: replicas that run, beside the kernel's count
// for the process; a stage of known work; a replica that nobody runs.

import (
	"context"
	"runtime"
	"syscall"
	"testing"
	"time"

	"quorate/internal/meter"
	"quorate/wire"
)

// processCPU is what the kernel counted for this process, all threads.
func processCPU(t *testing.T) float64 {
	t.Helper()
	var u syscall.Rusage
	must(t, syscall.Getrusage(syscall.RUSAGE_SELF, &u))
	return time.Duration(u.Utime.Nano() + u.Stime.Nano()).Seconds()
}

func TestStageCPUIsWithinTheProcess(t *testing.T) {
	before := processCPU(t)
	c := newTestCluster(t, 1)
	codesAllZero(t, c.do(0, wire.OpCreateAccounts, accountsBody(1, 100), 0), 100)
	for i := range 10 {
		codesAllZero(t, c.do(0, wire.OpCreateTransfers, transfersBody(uint64(1000*i+1), 1000, 100), 0), 1000)
	}
	c.settle()
	for i := range c.nodes {
		c.kill(i) // all spans have ended
	}
	after, sum := processCPU(t), 0.0
	for i, n := range c.nodes {
		for _, s := range n.replica.StageStats() {
			sum += s.CPUSeconds
			// The two clocks are not read at one instant, and each ticks in steps.
			if slack := 0.001 + float64(s.Steps)*1e-5; s.CPUSeconds > s.BusySeconds+slack {
				t.Errorf("replica %d: %+v: more CPU than time", i, s)
			}
			if s.Name == "serve" || s.Name == "payers" || s.Name == "commit" || s.Name == "verify" && i != 0 {
				continue // nothing to do here, or only later
			}
			if s.Steps == 0 || s.BusySeconds <= 0 || runtime.GOOS == "linux" && s.CPUSeconds <= 0 {
				t.Errorf("replica %d: %+v after load", i, s)
			}
		}
	}
	if sum > after-before {
		t.Errorf("stages used %.3f s of CPU, the process %.3f s", sum, after-before)
	}
	t.Logf("stages %.3f s of CPU, process %.3f s", sum, after-before)
}

// TestStageBeforeItRests: what a stage without rest uses is seen on the way, and
// its steps are counted once.
func TestStageBeforeItRests(t *testing.T) {
	var m meter.Meter
	steps, seen := 0, false
	s := Stage{meter: &m, took: &histogram{}, wake: newWaker(), Step: func() bool {
		for end := time.Now().Add(time.Millisecond); time.Now().Before(end); {
		}
		steps++
		seen = seen || m.Read().Busy >= lapEvery
		return steps < 1000 && !seen
	}}
	if !s.drain(context.Background(), nil) || !seen {
		t.Errorf("%d steps and %v seen", steps, m.Read().Busy)
	}
	if got := m.Read().Steps; got != uint64(steps-1) { // the last found nothing
		t.Errorf("%d steps counted, want %d", got, steps-1)
	}
}

func TestStagesThatNobodyRuns(t *testing.T) {
	c := newTestCluster(t, 1)
	for i := range c.nodes {
		c.kill(i)
	}
	r := c.nodes[0].replica
	before := r.StageStats()
	for _, s := range r.Stages() {
		for s.Step() {
		}
	}
	for i, s := range r.StageStats() {
		if s.CPUSeconds != before[i].CPUSeconds || s.BusySeconds != before[i].BusySeconds || s.Steps != before[i].Steps {
			t.Errorf("%s: stepping measured: %+v, was %+v", s.Name, s, before[i])
		}
		if s.Workers < 1 || s.Bound < 1 || s.Waiting > s.Bound {
			t.Errorf("%+v", s)
		}
	}
}

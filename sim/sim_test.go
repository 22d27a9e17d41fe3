package sim

// Aim: no seed breaks a promise of the cluster. Method: run seeds; the checkers
// watch each; a seed that fails is run again with its timeline.

import (
	"bufio"
	"bytes"
	"flag"
	"fmt"
	"os"
	"runtime/debug"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

var (
	seedsFlag = flag.Int("sim.seeds", 0, "seeds to run; 0: the default number")
	startFlag = flag.Uint64("sim.start", 1, "first seed")
	traceFlag = flag.Bool("sim.trace", false, "print the whole timeline of each seed")
	failsFlag = flag.Int("sim.fails", 3, "stop after so many seeds that fail")
	tailFlag  = flag.Int("sim.tail", 120, "lines of a failing seed's timeline to print")
)

// seedsDefault takes some 25 s on one core of the machine this was written on.
const seedsDefault = 220

// tail keeps the last lines written to it.
type tail struct {
	lines [][]byte
	max   int
}

func (t *tail) Write(p []byte) (int, error) {
	t.lines = append(t.lines, bytes.Clone(p))
	if len(t.lines) > 2*t.max {
		t.lines = append(t.lines[:0], t.lines[t.max:]...)
	}
	return len(p), nil
}

func (t *tail) String() string {
	return string(bytes.Join(t.lines[max(0, len(t.lines)-t.max):], nil))
}

// cpuTime is what this process has used: other processes share the machine.
func cpuTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// check runs a seed, and again with its timeline when it fails.
func check(t *testing.T, seed uint64) Result {
	opt := Draw(seed)
	if *traceFlag {
		fmt.Println(opt)
		r := Run(opt, os.Stdout)
		if r.Problem != "" {
			t.Errorf("seed %d: %s", seed, r.Problem)
		}
		return r
	}
	r := Run(opt, nil)
	if r.Problem != "" {
		lines := &tail{max: *tailFlag}
		again := Run(opt, lines)
		same := ""
		if again.Trace != r.Trace {
			same = "  (NOT REPEATABLE: the second run differs)\n"
		}
		t.Errorf("seed %d: %s\n%v\n%s%s  replay: go test ./sim -run TestSeeds -sim.seeds=1 -sim.start=%d -sim.trace", seed, r.Problem, opt, lines, same, seed)
	}
	return r
}

func TestSeeds(t *testing.T) {
	n := *seedsFlag
	if n == 0 {
		n = seedsDefault
	}
	defer debug.SetGCPercent(debug.SetGCPercent(400))
	start, startCPU := time.Now(), cpuTime()
	var sum Result
	var faults uint64
	failed := 0
	for i := range uint64(n) {
		r := check(t, *startFlag+i)
		sum.Events += r.Events
		sum.Micros += r.Micros
		sum.Slots += r.Slots
		sum.Answered += r.Answered
		sum.Restarts += r.Restarts
		sum.Views += r.Views
		sum.Unseen += r.Unseen
		sum.Settle = max(sum.Settle, r.Settle)
		for k := range r.Faults {
			sum.Faults[k] += r.Faults[k]
			faults += r.Faults[k]
		}
		if r.Problem != "" {
			if failed++; failed >= *failsFlag {
				t.Fatalf("%d of %d seeds failed", failed, i+1)
			}
		}
	}
	cpu := (cpuTime() - startCPU).Seconds()
	t.Logf("%d seeds in %v, %.1f s of CPU: per CPU second %.1f seeds, %.0f events, %.0f s of virtual time", n,
		time.Since(start).Round(time.Millisecond), cpu, float64(n)/cpu, float64(sum.Events)/cpu, float64(sum.Micros)/1e6/cpu)
	t.Logf("%d events, %d slots, %d requests answered, %d starts of replicas, slowest rest %d ticks", sum.Events, sum.Slots, sum.Answered, sum.Restarts, sum.Settle)
	var list []string
	for k, name := range faultNames {
		list = append(list, fmt.Sprintf("%s %d", name, sum.Faults[k]))
	}
	t.Logf("%d faults: %s; %d losses that no disk can see alone", faults, strings.Join(list, ", "), sum.Unseen)
	reportMarks(t)
}

func TestEqualSeedsGiveEqualRuns(t *testing.T) {
	for seed := uint64(1000); seed < 1020; seed++ {
		a, b := Run(Draw(seed), nil), Run(Draw(seed), &tail{max: 1})
		if a != b {
			t.Errorf("seed %d: two runs differ:\n%+v\n%+v", seed, a, b)
		}
	}
}

// One seed in a hundred has real signatures; this one has them for sure.
func TestRealSignatures(t *testing.T) {
	opt := Draw(7)
	opt.Real, opt.F, opt.C, opt.Phases, opt.Final = true, 1, 0, 1, false
	opt.Faults |= FaultCrash | FaultByzantine
	opt.Load.Clients, opt.Load.Ops, opt.Load.Open = 2, 10, 0
	if r := Run(opt, nil); r.Problem != "" || r.Answered == 0 {
		t.Errorf("%d answered: %s\n%v", r.Answered, r.Problem, opt)
	}
}

// TestRegress runs the seeds that once failed, with what they found.
func TestRegress(t *testing.T) {
	f, err := os.Open("testdata/regress/seeds")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	s := bufio.NewScanner(f)
	for s.Scan() {
		number, _, _ := strings.Cut(s.Text(), " ")
		if number == "" || number[0] == '#' {
			continue
		}
		seed, err := strconv.ParseUint(number, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		check(t, seed)
	}
}

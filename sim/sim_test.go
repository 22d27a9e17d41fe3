package sim

// Aim: no seed breaks a promise of the cluster. Method: run seeds, one worker per
// processor, since worlds share nothing; the checkers watch each; a seed that
// fails is run again with its timeline, and on demand is written down and shrunk.

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"quorate/cluster"
	"quorate/consensus"
	"quorate/wire"
)

var (
	seedsFlag  = flag.Int("sim.seeds", 0, "seeds to run; 0: the default number")
	startFlag  = flag.Uint64("sim.start", 1, "first seed")
	traceFlag  = flag.Bool("sim.trace", false, "print the whole timeline of each seed")
	failsFlag  = flag.Int("sim.fails", 3, "stop after so many seeds that fail")
	tailFlag   = flag.Int("sim.tail", 80, "frames of a failing run's timeline to print; 0: do not run it again")
	wantFlag   = flag.String("sim.want", "", "run only seeds with these faults, joined by +")
	shrinkFlag = flag.Bool("sim.shrink", false, "write failing seeds down as scenarios, and shrink them")
	outFlag    = flag.String("sim.out", "", "folder for scenarios of failing seeds; empty: that of temporary files")
	budgetFlag = flag.Duration("sim.budget", time.Minute, "CPU time for shrinking one scenario")
)

// seedsDefault takes some 25 s of CPU on the machine this was written on.
const seedsDefault = 220

// cpuTime is what this process has used: other processes share the machine.
func cpuTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// report is a failing seed: its options, what it did, and its timeline.
func report(t *testing.T, opt Options, r Result) {
	if *tailFlag == 0 {
		t.Errorf("seed %d: %s", opt.Seed, r.Problem)
		return
	}
	lines := &Digest{Frames: *tailFlag}
	again := Run(opt, lines)
	same := ""
	if again.Trace != r.Trace {
		same = "  (NOT REPEATABLE: the second run differs)\n"
	}
	t.Errorf("seed %d: %s\n%v\n%s%s  replay: make sim SEED=%d TRACE=1; smaller: make sim SEED=%d SHRINK=1", opt.Seed, r.Problem, opt, lines, same, opt.Seed, opt.Seed)
	if *shrinkFlag && again.Trace == r.Trace {
		save(t, opt)
	}
}

// save writes a failing seed down, shrinks it, and prints what is left.
func save(t *testing.T, opt Options) {
	r, whole := Record(opt, nil)
	small, runs, spent := shrunk(whole)
	small.Note = fmt.Sprintf("seed %d: %s", opt.Seed, strings.SplitN(r.Problem, "\n", 2)[0])
	dir := *outFlag
	if dir == "" {
		dir = os.TempDir()
	}
	name := filepath.Join(dir, fmt.Sprintf("seed-%d.scn", opt.Seed))
	err := os.MkdirAll(dir, 0o755)
	if err == nil {
		err = os.WriteFile(name, small.Text(), 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
	lines := &Digest{Frames: *tailFlag}
	small.Run(lines)
	t.Logf("%s\n%s%s\nseed %d: %d choices shrunk to %d in %d runs and %v of CPU: %s", lines, small.Text(), small.Found, opt.Seed, whole.Len(), small.Len(), runs, spent, name)
}

// shrunk is Shrink within the budget.
func shrunk(s *Scenario) (small *Scenario, runs int, spent time.Duration) {
	start := cpuTime()
	small, runs = Shrink(s, func() bool { return cpuTime()-start > *budgetFlag })
	return small, runs, (cpuTime() - start).Round(time.Millisecond)
}

// outcome is what one seed gave.
type outcome struct {
	opt Options
	r   Result
}

// drawn gives the options of n seeds from start on that have all wanted faults.
func drawn(start uint64, n int, wanted Faults) []outcome {
	list := make([]outcome, 0, n)
	for seed := start; len(list) < n; seed++ {
		if opt := Draw(seed); opt.Faults&wanted == wanted {
			list = append(list, outcome{opt: opt})
		}
	}
	return list
}

// faultsNamed is the inverse of Faults.String.
func faultsNamed(t *testing.T, list string) (f Faults) {
	for _, name := range strings.FieldsFunc(list, func(r rune) bool { return r == '+' }) {
		i := slices.Index(faultNames[:], name)
		if i < 0 {
			t.Fatalf("no fault is called %q: there are %v", name, Faults(faultsAll))
		}
		f |= 1 << i
	}
	return f
}

// runSeeds runs seeds on every processor, until enough of them have failed;
// outcomes come in the order of seeds.
func runSeeds(list []outcome, failsMax int) []outcome {
	n := len(list)
	var next, failed atomic.Int64
	var group sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		group.Go(func() {
			for failed.Load() < int64(failsMax) {
				i := int(next.Add(1)) - 1
				if i >= n {
					return
				}
				o := &list[i]
				o.r = Run(o.opt, nil)
				if o.r.Problem != "" {
					failed.Add(1)
				}
			}
		})
	}
	group.Wait()
	return slices.DeleteFunc(list, func(o outcome) bool { return o.r.Events == 0 })
}

func TestSeeds(t *testing.T) {
	n := *seedsFlag
	if n == 0 {
		n = seedsDefault
	}
	if *traceFlag {
		for i := range uint64(n) {
			opt := Draw(*startFlag + i)
			fmt.Println(opt)
			r := Run(opt, os.Stdout)
			fmt.Printf("seed %d: trace %#016x %s\n", opt.Seed, r.Trace, r.Problem)
			if r.Problem != "" {
				t.Errorf("seed %d: %s", opt.Seed, r.Problem)
			}
		}
		return
	}
	defer debug.SetGCPercent(debug.SetGCPercent(400))
	start, startCPU := time.Now(), cpuTime()
	list := runSeeds(drawn(*startFlag, n, faultsNamed(t, *wantFlag)), *failsFlag)
	wall, cpu := time.Since(start), (cpuTime() - startCPU).Seconds()
	for _, o := range list {
		if o.r.Problem != "" {
			report(t, o.opt, o.r)
		}
		if n <= 10 {
			t.Logf("seed %d: trace %#016x, %d events, %d answered\n%v", o.opt.Seed, o.r.Trace, o.r.Events, o.r.Answered, o.opt)
		}
	}
	figures(t, list, wall, cpu)
}

// figures is the end of the report.
func figures(t *testing.T, list []outcome, wall time.Duration, cpu float64) {
	var sum Result
	var each []uint64
	var faults uint64
	var runs [strategyCount]uint64 // in which a strategy acted
	violations := 0
	for _, o := range list {
		r := &o.r
		sum.Events += r.Events
		sum.Micros += r.Micros
		sum.Slots += r.Slots
		sum.Answered += r.Answered
		sum.Restarts += r.Restarts
		sum.Unseen += r.Unseen
		sum.Proofs += r.Proofs
		sum.Linear += r.Linear
		sum.Contended += r.Contended
		sum.Replayed += r.Replayed
		sum.Settle = max(sum.Settle, r.Settle)
		for k := range r.Strategies {
			if n := r.Strategies[k]; n > 0 {
				sum.Strategies[k] += n
				runs[k]++
			}
		}
		sum.Phases.add(&r.Phases)
		mine := uint64(0)
		for k := range r.Faults {
			sum.Faults[k] += r.Faults[k]
			mine += r.Faults[k]
		}
		each = append(each, mine)
		faults += mine
		if r.Problem != "" {
			violations++
		}
	}
	slices.Sort(each)
	var kinds []string
	for k, name := range faultNames {
		kinds = append(kinds, fmt.Sprintf("%s %d", name, sum.Faults[k]))
	}
	reportPhases(t, &sum.Phases)
	t.Logf("%d slots, %d requests answered, %d starts of replicas, slowest rest %d ticks, %d losses that no disk can see alone", sum.Slots, sum.Answered, sum.Restarts, sum.Settle, sum.Unseen)
	t.Logf("faults: %s", strings.Join(kinds, ", "))
	t.Logf("%d blocks replayed by the model, %d requests put in order by Porcupine, %d of them beside another to the same account", sum.Replayed, sum.Linear, sum.Contended)
	t.Logf("%d proofs of equivocation; strategies of liars (times, in runs): %s", sum.Proofs, strategyList(&sum.Strategies, &runs))
	reportMarks(t)
	t.Logf("%d seeds in %v and %.1f s of CPU, %d events (%.0f per CPU second), %.2f virtual hours (%.0f times real time per core), %d faults of %d kinds, median %d per seed, violations %d",
		len(list), wall.Round(time.Millisecond), cpu, sum.Events, float64(sum.Events)/cpu, float64(sum.Micros)/3.6e9, float64(sum.Micros)/1e6/cpu,
		faults, faultKinds, each[len(each)/2], violations)
}

func strategyList(times, runs *[strategyCount]uint64) string {
	var list []string
	for k := range strategies {
		list = append(list, fmt.Sprintf("%d %s %d in %d", strategies[k].number, strategies[k].name, times[k], runs[k]))
	}
	return strings.Join(list, ", ")
}

func TestEqualSeedsGiveEqualRuns(t *testing.T) {
	for seed := uint64(1000); seed < 1020; seed++ {
		a, b := Run(Draw(seed), nil), Run(Draw(seed), &Digest{})
		if a != b {
			t.Errorf("seed %d: two runs differ:\n%+v\n%+v", seed, a, b)
		}
	}
}

// What Porcupine looks at has something in it that only an order explains: requests
// of several clients that were under way together and used one account.
func TestLinearWindowsAreContended(t *testing.T) {
	var seen, beside uint64
	for seed, runs := uint64(1), 0; runs < 5; seed++ {
		if isLinear(seed) {
			runs++
			r := Run(Draw(seed), nil)
			seen, beside = seen+r.Linear, beside+r.Contended
		}
	}
	if seen < 1000 || beside < seen/4 {
		t.Errorf("%d requests put in order, %d of them beside another to the same account", seen, beside)
	}
}

// One seed in a hundred has real signatures; these have them for sure, in every
// scheme.
func TestRealSignatures(t *testing.T) {
	for scheme := range cluster.Schemes() {
		opt := Draw(7)
		opt.Real, opt.Scheme, opt.F, opt.C, opt.Phases, opt.Final = true, scheme, 1, 0, 1, false
		opt.Faults |= FaultCrash | FaultByzantine
		opt.Load.Clients, opt.Load.Ops, opt.Load.Open = 2, 10, 0
		if r := Run(opt, nil); r.Problem != "" || r.Answered == 0 {
			t.Errorf("%d answered: %s\n%v", r.Answered, r.Problem, opt)
		}
	}
}

// TestCertificatesThatTell: the ideal certificates of a scheme with a bitmap are
// as many as there are sets of signers, and no other bytes verify.
func TestCertificatesThatTell(t *testing.T) {
	q, err := cluster.NewQuorums(4, 1, 0)
	if err != nil {
		t.Fatal(err)
	}
	keys := idealKeys(1, q, true)
	h := wire.Digest{1}
	seen := map[wire.Certificate]bool{}
	for out := range q.N {
		var shares []consensus.ShareOf
		for i := range q.N {
			if i != out {
				shares = append(shares, consensus.ShareOf{Replica: wire.ReplicaID(i), Share: keys.suites[i].SignShare(consensus.PurposeTau, h)})
			}
		}
		c, culprits, ok := keys.verifier.Combine(consensus.PurposeTau, h, shares)
		if !ok || culprits != nil || !keys.verifier.VerifyGroup(consensus.PurposeTau, h, c) {
			t.Fatalf("without replica %d: culprits %v", out, culprits)
		}
		for i := range c.Bytes() {
			b := bytes.Clone(c.Bytes())
			b[i] ^= 1
			if keys.verifier.VerifyGroup(consensus.PurposeTau, h, certificateOf(b)) {
				t.Errorf("without replica %d: byte %d does not matter", out, i)
			}
		}
		seen[c] = true
	}
	if len(seen) != q.N {
		t.Errorf("%d sets of signers make %d certificates", q.N, len(seen))
	}
}

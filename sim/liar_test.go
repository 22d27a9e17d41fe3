package sim

// Aim: every strategy of liars acts, and none of them breaks a promise of the
// cluster. Method: seeds with liars in each, first one strategy at a time, then
// as they are drawn.

import (
	"flag"
	"testing"
)

var liarsFlag = flag.Int("sim.liars", 0, "seeds with liars per row of the table of strategies; 0: two")

// liarOptions is a seed in which only liars are faulty, and as many as can be.
func liarOptions(seed uint64) Options {
	o := Draw(seed)
	o.Faults = o.Faults&^(FaultAmnesia|FaultClock|FaultRot) | FaultByzantine
	o.Load.Ops = min(o.Load.Ops, 40)
	return o
}

func TestLiars(t *testing.T) {
	n := max(uint64(*liarsFlag), 2)
	var times, runs [strategyCount]uint64
	seed := *startFlag
	failed := 0
	for row := range strategies {
		// A strategy of a primary needs a liar that becomes one: try on.
		for i := uint64(0); i < n || times[row] == 0 && i < 20*n; i++ {
			opt := liarOptions(seed)
			opt.Lies = 1 << row
			if i%2 == 1 {
				opt.Lies = 0
			}
			r := Run(opt, nil)
			for k := range r.Strategies {
				times[k] += r.Strategies[k]
				if r.Strategies[k] > 0 {
					runs[k]++
				}
			}
			if r.Problem != "" {
				t.Logf("options of TestLiars, lies %#x", opt.Lies)
				report(t, opt, r)
				if failed++; failed >= *failsFlag {
					t.FailNow()
				}
			}
			seed++
		}
		if times[row] == 0 {
			t.Errorf("strategy %d %s never acts", strategies[row].number, strategies[row].name)
		}
	}
	t.Logf("%d seeds: %s", seed-*startFlag, strategyList(&times, &runs))
}

package capacity

// Aim: each way of waiting has its own tail, longer on busier cores, and noise does not
// turn that around. Method: tables; loads with tails put in; random points.

import (
	"testing"

	"pgregory.net/rapid"

	"quorate/tuning"
)

func TestTailsByTheWayOfWaiting(t *testing.T) {
	c := known(t)
	c.Loads = loads(c)
	for i := range c.Loads {
		l := &c.Loads[i]
		switch {
		case l.Payments == 0:
		case l.Offered == 0:
			l.P99 = 1.5 * l.P50
		case l.Offered == 2000:
			l.P99 = 3 * l.P50
		case l.Requests > 1.25*l.Blocks:
			l.P99 = 4 * l.P50
		default:
			l.P99 = 8 * l.P50
		}
	}
	if err := c.Learn(); err != nil {
		t.Fatal(err)
	}
	m := &c.Model
	if len(m.Tails) != 2 || !near(m.Tails[0].Times, 3, 1e-9) || !near(m.Tails[1].Times, 8, 1e-9) || m.Tails[0].Busy >= m.Tails[1].Busy {
		t.Errorf("tails %v", m.Tails)
	}
	if !near(m.TailFull, 4, 1e-9) || !near(m.TailClosed, 1.5, 1e-9) {
		t.Errorf("waiting %v, fixed number %v", m.TailFull, m.TailClosed)
	}
	for _, r := range []struct {
		rate        float64
		events, way int
		low, high   float64
	}{{1000, 200, 0, 3, 3.2}, {50_000, 1000, 0, 6, 8}, {0, 400, 64, 1.5, 1.5}, {120_000, 200, 0, 4, 4}} {
		q := Question{Profile: tuning.Balanced, Replicas: 4, Events: r.events, Rate: r.rate, Outstanding: r.way, Cores: 2, Together: true, Disk: 1}
		rate := r.rate
		if rate == 0 {
			rate, _ = c.highest(&q)
		}
		s := c.at(&q, rate)
		if got := s.p99 / s.p50; got < r.low*0.999 || got > r.high*1.001 {
			t.Errorf("requests of %d at %v/s, %d under way, %.2f busy: p99 is %v times p50, not %v to %v", r.events, r.rate, r.way, s.busy, got, r.low, r.high)
		}
	}
}

func TestTailsRise(t *testing.T) {
	noisy := risingTails([]Tail{{0.8, 2}, {0.2, 8}})
	if len(noisy) != 1 || !near(noisy[0].Times, 4, 1e-9) || !near(tailAt(noisy, 0.1), 4, 1e-9) || !near(tailAt(noisy, 0.9), 4, 1e-9) {
		t.Errorf("a busier host with a shorter tail: %v", noisy)
	}
	rapid.Check(t, func(t *rapid.T) {
		var all []Tail
		for range rapid.IntRange(1, 6).Draw(t, "points") {
			all = append(all, Tail{rapid.Float64Range(0, 1).Draw(t, "busy"), rapid.Float64Range(1, 20).Draw(t, "times")})
		}
		low, high := all[0].Times, all[0].Times
		for _, p := range all {
			low, high = min(low, p.Times), max(high, p.Times)
		}
		tails := risingTails(all)
		if err := checkTails(tails); err != nil {
			t.Fatalf("%v: %v", tails, err)
		}
		last := 0.0
		for busy := -0.1; busy < 1.5; busy += 0.05 {
			tail := tailAt(tails, busy)
			if tail < last*(1-1e-9) || tail < low*(1-1e-9) || tail > high*(1+1e-9) {
				t.Fatalf("%v busy: %v after %v, of %v", busy, tail, last, tails)
			}
			last = tail
		}
	})
	for what, tails := range map[string][]Tail{"none": nil, "below one": {{0.1, 0.5}}, "falling": {{0.1, 3}, {0.5, 2}}, "twice": {{0.1, 3}, {0.1, 3}}} {
		if checkTails(tails) == nil {
			t.Errorf("%s is taken", what)
		}
	}
}

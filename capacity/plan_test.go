package capacity

// Aim: a plan carries its goal for its months with one server down and within its
// objectives, says when what grows is full, and writes rules with its numbers.
// Method: random goals for a known calibration; hand-made sums.

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"quorate/tuning"
)

func goal() Goal {
	return Goal{Target: 20_000, Average: 8_000, Growth: 1.08, Months: 12, Share: 0.7, Profiles: []string{tuning.Balanced, tuning.Throughput},
		Objectives: []Objective{{"p99", 1e5}}, Question: Question{Replicas: 4, Events: 1000, RoundTrip: 200, Disk: 1, LinkBits: 1e9}}
}

func TestPlansCarryTheirGoal(t *testing.T) {
	c := known(t)
	rapid.Check(t, func(t *rapid.T) {
		g := goal()
		g.Target = rapid.Float64Range(10, 500_000).Draw(t, "target")
		g.Average = g.Target * rapid.Float64Range(0.01, 1).Draw(t, "average")
		g.Growth = rapid.Float64Range(1, 1.3).Draw(t, "growth")
		g.Months = rapid.IntRange(1, 60).Draw(t, "months")
		g.Question.Events = rapid.IntRange(1, EventsOfRequest).Draw(t, "events")
		g.Objectives = []Objective{{"p99", rapid.Float64Range(1e3, 1e6).Draw(t, "p99")}}
		p, err := c.Plan(g)
		if errors.Is(err, ErrPlan) {
			if !strings.Contains(err.Error(), "raise") {
				t.Fatalf("no next step: %v", err)
			}
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		if p.Usable < g.Target || p.OneDown < p.Usable*(1-1e-9) || p.Usable > g.Share*p.Prediction.Highest*(1+1e-9) {
			t.Fatalf("usable %v, target %v, one down %v, highest %v", p.Usable, g.Target, p.OneDown, p.Prediction.Highest)
		}
		if p.Prediction.At.P99 >= g.Objectives[0].Micros*1.05 {
			t.Fatalf("p99 %v at the target, objective %v", p.Prediction.At.P99, g.Objectives[0].Micros)
		}
		if p.Headroom != Never && !near(g.Target*math.Pow(g.Growth, p.Headroom), p.Usable, 1e-6) {
			t.Fatalf("headroom %v months, usable %v", p.Headroom, p.Usable)
		}
		short := p.Usable < p.LaterPeak*(1-1e-9)
		if said := strings.Contains(strings.Join(p.Notes, "\n"), "no servers asked for carry"); short != said {
			t.Fatalf("usable %v, later %v, notes %v", p.Usable, p.LaterPeak, p.Notes)
		}
	})
}

func TestPlanRefuses(t *testing.T) {
	c := known(t)
	for what, bend := range map[string]func(*Goal){
		"no target": func(g *Goal) { g.Target = 0 }, "an average above the peak": func(g *Goal) { g.Average = g.Target + 1 },
		"shrinking": func(g *Goal) { g.Growth = 0.9 }, "no months": func(g *Goal) { g.Months = 0 }, "a century": func(g *Goal) { g.Months = 1200 },
		"all of it": func(g *Goal) { g.Share = 1 }, "no profile": func(g *Goal) { g.Profiles = nil }, "five replicas": func(g *Goal) { g.Question.Replicas = 5 },
	} {
		g := goal()
		bend(&g)
		if _, err := c.Plan(g); !errors.Is(err, ErrQuestion) {
			t.Errorf("%s: %v", what, err)
		}
	}
	g := goal()
	g.Objectives = []Objective{{"p99", 1}}
	if _, err := c.Plan(g); !errors.Is(err, ErrPlan) || !strings.Contains(err.Error(), "the objective") {
		t.Errorf("a microsecond: %v", err)
	}
}

// What grows, by hand: month after month.
func TestMonthsToFill(t *testing.T) {
	for _, growth := range []float64{1, 1.08, 1.5} {
		const first, room = 100.0, 1234.0
		filled, month := 0.0, 0
		for flow := first; filled+flow <= room; flow *= growth {
			filled, month = filled+flow, month+1
		}
		if got := monthsToFill(room, first, growth, true); got < float64(month) || got > float64(month+1) {
			t.Errorf("growth %v: %v months, by hand between %d and %d", growth, got, month, month+1)
		}
		if sum := first * grownMonths(growth, float64(month)); !near(sum, filled, 1e-9) {
			t.Errorf("growth %v: %v in %d months, by hand %v", growth, sum, month, filled)
		}
	}
	if monthsToFill(1e30, 1, 1, true) != Never || monthsToFill(5, 1, 1, false) != NotGiven || monthsToFill(0, 1, 1, true) != 0 || monthsToFill(-1, 1, 1.1, true) != 0 || monthsToFill(5, 0, 1, true) != Never || monthsUntil(2, 1) != Never || monthsUntil(0.5, 1.1) != 0 {
		t.Error("never and now are mixed up")
	}
}

// The index in memory is the first thing to end a plan of a busy ledger, and a plan
// must say so.
func TestPlanTellsOfMemory(t *testing.T) {
	c, g := known(t), goal()
	g.Memory, g.Disk = 64e9, 2e12
	p, err := c.Plan(g)
	if err != nil {
		t.Fatal(err)
	}
	month := 8_000 * 86_400 * 30.44
	if !near(p.MemoryMonth, 13*month, 1e-6) || p.MemoryFull <= 0 || p.MemoryFull > 0.3 || p.DiskFull < 0.4 || p.DiskFull > 1 {
		t.Errorf("%+v", p)
	}
	if !strings.Contains(strings.Join(p.Notes, "\n"), "index of payments lives in memory") {
		t.Errorf("notes %v", p.Notes)
	}
}

// A disk that is too small is not one that was not given, and is told of.
func TestPlanTellsOfTheDisk(t *testing.T) {
	c := known(t)
	for _, r := range []struct {
		disk, memory float64
		full         func(disk, memory float64) bool
		words        []string
	}{
		{0, 0, func(d, m float64) bool { return d == NotGiven && m == NotGiven }, nil},
		{1e9, 1e9, func(d, m float64) bool { return d == 0 && m == 0 }, []string{"less than the vote journal", "less than a replica without payments"}},
		{2e12, 64e9, func(d, m float64) bool { return d > 0.4 && d < 1 && m > 0 && m < 0.3 }, []string{"the disk given is full in 0.", "memory, not CPU"}},
		{1e18, 1e17, func(d, m float64) bool { return d == Never && m == Never }, nil},
	} {
		g := goal()
		g.Disk, g.Memory = r.disk, r.memory
		p, err := c.Plan(g)
		if err != nil || !r.full(p.DiskFull, p.MemoryFull) {
			t.Errorf("disk %v, memory %v: full after %v and %v months, %v", r.disk, r.memory, p.DiskFull, p.MemoryFull, err)
			continue
		}
		notes := strings.Join(p.Notes, "\n")
		for _, word := range r.words {
			if !strings.Contains(notes, word) {
				t.Errorf("disk %v, memory %v: no %q in %s", r.disk, r.memory, word, notes)
			}
		}
		if r.words == nil && strings.Contains(notes, "disk given") {
			t.Errorf("disk %v: %s", r.disk, notes)
		}
	}
}

// The plan's own figures must not fire the alert on costs at any rate that it judges,
// from half of the target on; with the cost at the target as its base they did.
func TestCostAlertKnowsSmallRates(t *testing.T) {
	c := known(t)
	before := 0
	for _, r := range []struct{ target, average float64 }{{20_000, 5_000}, {2_000, 500}, {100_000, 50_000}, {200_000, 50_000}} {
		g := goal() // the example of docs/capacity.md, and other targets
		g.Target, g.Average, g.Months, g.Objectives = r.target, r.average, 1, nil
		g.Question.Cores, g.Question.LinkBits = 16, 1e10
		p, err := c.Plan(g)
		if err != nil {
			t.Fatal(err)
		}
		_, rest, _ := strings.Cut(string(p.Alerts()), "quorate:event_cpu:seconds5m > ")
		var most, from float64
		if _, err := fmt.Sscanf(rest, "%g and on (job) quorate:events_executed:rate1m > %g", &most, &from); err != nil {
			t.Fatalf("%v in %.100s", err, rest)
		}
		q := p.Prediction.Question
		for q.Rate = from; q.Rate <= p.Usable; q.Rate *= 1.05 {
			s := c.at(&q, q.Rate)
			if s.replicas/1e6 > most {
				t.Errorf("target %v: at %.0f/s the model's own %.3g µs are over %.3g", r.target, q.Rate, s.replicas, 1e6*most)
			}
			if s.replicas > 1.3*p.Prediction.Replicas {
				before++
			}
		}
		if limit := 1.3 * p.CostHalf / 1e6; !near(most, limit, 0.01) {
			t.Errorf("target %v: fires at %v, not %v", r.target, most, limit)
		}
	}
	if before == 0 {
		t.Error("the old base would have passed too: these targets show nothing")
	}
}

func TestAlertsHaveTheNumbers(t *testing.T) {
	c := known(t)
	p, err := c.Plan(goal())
	if err != nil {
		t.Fatal(err)
	}
	text := string(p.Alerts())
	for _, want := range []string{fmt.Sprintf("rate1m > %.0f", p.Usable), fmt.Sprintf("> %.0f", 0.8*p.Usable), fmt.Sprintf("> %.0f", p.OneDown), "> 8000"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
}

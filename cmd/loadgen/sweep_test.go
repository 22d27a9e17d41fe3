package main

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"quorate/client/clienttest"
	"quorate/cmd/loadgen/outcome"
)

// Aim: a sweep finds the highest rate of a cluster whose limit is known, marks
// what is not steady, and refuses what cannot be a sweep.
// Method: the choice of rates, the objective and the judgement of rows alone;
// one short sweep against clienttest's cluster.

func TestSearchFindsTheLimit(t *testing.T) {
	for _, limit := range []float64{1, 1500, 4096, 70_000, 999_000} {
		s := &search{from: 1000, to: 1_000_000, factor: 2, precision: 0.05}
		steps := 0
		for {
			rate, more := s.next()
			if !more {
				break
			}
			if steps++; steps > 40 || rate < 1 || rate > 1_000_000 {
				t.Fatalf("limit %v: step %d at %v", limit, steps, rate)
			}
			s.note(rate, rate <= limit)
		}
		if s.good > limit || s.good*1.0501 < limit && limit < 999_000 {
			t.Errorf("limit %v: found %v in %d steps", limit, s.good, steps)
		}
	}
	s := &search{from: 1000, to: 16_000, factor: 4, precision: 0.05}
	for rate, more := s.next(); more; rate, more = s.next() {
		s.note(rate, true)
	}
	if s.good != 16_000 {
		t.Errorf("a cluster without a limit: %v", s.good)
	}
}

func TestObjective(t *testing.T) {
	o, err := parseObjective("p99<100ms, errors<0.1%")
	if err != nil || len(o.terms) != 3 {
		t.Fatalf("%+v, %v", o, err)
	}
	good := outcome.Step{Offered: 1000, Achieved: 995, P99: 99.9, Errors: 0.0009, Seconds: 10}
	for says, change := range map[string]func(s *outcome.Step){
		"":                  func(*outcome.Step) {},
		"p99 is 100.0 ms":   func(s *outcome.Step) { s.P99 = 100 },
		"errors is 0.10%":   func(s *outcome.Step) { s.Errors = 0.001 },
		"achieved is 98.9%": func(s *outcome.Step) { s.Achieved = 989.4 },
		"achieved is 98.8%": func(s *outcome.Step) { s.Achieved, s.Outstanding = 978, 99 }, // those under way are not missing
	} {
		s := good
		change(&s)
		if got := o.broken(&s, 1); (got == "") != (says == "") || !strings.HasPrefix(got, strings.TrimSuffix(says, "%")) {
			t.Errorf("%q, want %q", got, says)
		}
	}
	for _, bad := range []string{"p99", "p99<", "p99>5ms", "p99<5", "p99<-5ms", "p42<5ms", "errors<5", "errors>1%", "errors<x%", "achieved<9%", "p99=5ms", "errors<NaN"} {
		if _, err := parseObjective(bad); err == nil || !strings.Contains(err.Error(), "--slo") {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func TestSteady(t *testing.T) {
	rows := func(change func(i int, r *outcome.Row)) (out []outcome.Row) {
		for i := range 10 {
			r := outcome.Row{Second: i + 1, Achieved: 5000 + uint64(i%2)*100, P50: 20 + float64(i%3), Outstanding: 8,
				Replicas: []outcome.ReplicaRow{{Up: true}, {Up: true}}}
			change(i, &r)
			out = append(out, r)
		}
		return out
	}
	for says, change := range map[string]func(i int, r *outcome.Row){
		"":               func(int, *outcome.Row) {},
		"rate drifts":    func(i int, r *outcome.Row) { r.Achieved -= uint64(200 * i) },
		"p50 drifts":     func(i int, r *outcome.Row) { r.P50 *= 1 + 0.5*float64(i) },
		"backlog grows":  func(i int, r *outcome.Row) { r.Outstanding *= 1 + 0.2*float64(i) },
		"view 0 to 1":    func(i int, r *outcome.Row) { r.Replicas[1].View = uint64(i / 7) },
		"stopped answer": func(i int, r *outcome.Row) { r.Replicas[0].Up = i != 5 },
	} {
		r := rows(change)
		why := unsteady(r, 1, true)
		if why == "" {
			why = restless(r)
		}
		if (why == "") != (says == "") || !strings.Contains(why, says) {
			t.Errorf("%q, want %q", why, says)
		}
	}
	if why := unsteady(rows(func(i int, r *outcome.Row) { r.Achieved -= uint64(200 * i) }), 5000, true); why != "" {
		t.Errorf("a request more or less in a half: %q", why)
	}
	noisy := rows(func(i int, r *outcome.Row) {
		r.Achieved = []uint64{1000, 9000, 2000, 8000, 5000, 9000, 1000, 9500, 3000, 6000}[i]
	})
	if why := unsteady(noisy, 1, true); why != "" {
		t.Errorf("noise without a trend: %q", why)
	}
	if why := unsteady(rows(func(i int, r *outcome.Row) { r.Outstanding *= 1 + 0.2*float64(i) }), 1, false); why != "" {
		t.Errorf("a closed loop has a backlog: %q", why)
	}
	if unsteady(make([]outcome.Row, steadyRows-1), 1, true) == "" {
		t.Error("three seconds are a steady state")
	}
}

func TestSweepRefuses(t *testing.T) {
	c := clienttest.New(t, 2)
	dir := clusterDir(t, c)
	used := t.TempDir()
	if err := os.WriteFile(filepath.Join(used, "sweep.json"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args []string
		code int
		says string
	}{
		{[]string{"--slo", "p99"}, exitUsage, "--slo"},
		{[]string{"--by", "cores"}, exitUsage, "--by"},
		{[]string{"--from", "1000", "--to", "3999"}, exitUsage, "fewer than 3 rates"},
		{[]string{"--from", "max"}, exitUsage, "closed loop"},
		{[]string{"--from", "x"}, exitUsage, "--from"},
		{[]string{"--factor", "1"}, exitUsage, "--factor"},
		{[]string{"--precision", "0"}, exitUsage, "--precision"},
		{[]string{"--steps", "2"}, exitUsage, "--steps"},
		{[]string{"--step", "1s"}, exitUsage, "--step"},
		{[]string{"--arrivals", "bursts"}, exitUsage, "--arrivals"},
		{[]string{"--arrivals", "trace"}, exitUsage, "loadgen run"},
		{[]string{"--profile", "fast"}, exitUsage, "balanced"},
		{[]string{"--by", "outstanding", "--max-outstanding", "16"}, exitUsage, "needs 6 at least"},
		{[]string{"--by", "outstanding", "--max-outstanding", "129"}, exitUsage, "more --clients"},
		{[]string{"--workload", "chaos"}, exitUsage, "--workload"},
		{[]string{"--out", used}, exitUsage, "not empty"},
		{[]string{"--clients", "3"}, exitConfig, "replica init --clients"},
	} {
		code, _, stderr := loadgen(t, append([]string{"sweep", "--dir", dir, "--clients", "2", "--out", "none"}, c.args...)...)
		if code != c.code || !strings.Contains(stderr, c.says) {
			t.Errorf("%v: exit %d, want %d; %q", c.args, code, c.code, stderr)
		}
	}
}

// TestSweep: three rates, of which the last cannot be reached, since it asks for
// more requests than clients have windows for.
func TestSweep(t *testing.T) {
	t.Parallel()
	c := clienttest.New(t, 2)
	out := filepath.Join(t.TempDir(), "sweep")
	code, stdout, stderr := loadgen(t, "sweep", "--dir", clusterDir(t, c), "--clients", "2", "--accounts", "20", "--batch", "1", "--slo", "errors<1%",
		"--from", "20", "--to", "200000", "--factor", "10", "--steps", "3", "--step", "4s", "--warmup", "0s", "--drain", "1s", "--profile", "dev", "--out", out)
	if code != exitOK && code != exitShortfall {
		t.Fatalf("exit %d\n%s%s", code, stdout, stderr)
	}
	text, err := os.ReadFile(filepath.Join(out, "sweep.json"))
	if err != nil {
		t.Fatal(err)
	}
	var s outcome.Sweep
	if err := json.Unmarshal(text, &s); err != nil {
		t.Fatal(err)
	}
	if s.Schema != 1 || s.Kind != "sweep" || s.Profile != "dev" || s.By != "rate" || len(s.Steps) != 3 || s.Batch != 1 || s.Objective != "errors<1%" {
		t.Errorf("%s", text)
	}
	for i, step := range s.Steps {
		if step.Offered < 1 || step.Achieved <= 0 || step.P50 <= 0 || step.P50 > step.P99 || step.Clients != 2 || step.InFlight != 0 || step.CPU <= 0 || math.Abs(step.Seconds-4) > 0.5 {
			t.Errorf("step %d: %+v", i, step)
		}
		if step.OK != (step.Why == "") || step.OK && !step.Steady {
			t.Errorf("step %d: %+v", i, step)
		}
	}
	if s.Best != nil && !s.Best.OK {
		t.Errorf("best %+v", s.Best)
	}
}

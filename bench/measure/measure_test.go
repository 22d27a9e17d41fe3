package main

import (
	"bytes"
	"context"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"quorate/bench/record"
)

// Aim: the list of experiments is sound, command lines that make no sense are
// refused, and counters become the right figures. Method: readings made by hand;
// e2e_test.go runs a real experiment.

func TestExperiments(t *testing.T) {
	seen, signed, schemes := map[string]bool{}, 0, 0
	for _, e := range experiments() {
		p := e.param
		if seen[e.name] || e.answers == "" {
			t.Errorf("%q twice, or without a question", e.name)
		}
		seen[e.name] = true
		if p.Replicas != 3*p.F+2*p.C+1 {
			t.Errorf("%s: n=%d f=%d c=%d", e.name, p.Replicas, p.F, p.C)
		}
		if p.Blocks == 0 && (p.Rate == "") != (p.OfPeak > 0) || p.OfPeak > 0 && !e.peak {
			t.Errorf("%s: rate %q, of peak %v", e.name, p.Rate, p.OfPeak)
		}
		if p.Seconds != math.Trunc(p.Seconds) || p.Warmup != math.Trunc(p.Warmup) || p.Blocks == 0 && p.Warmup < 1 {
			t.Errorf("%s: readings are taken at whole seconds from 1 on", e.name)
		}
		if e.goal != nil {
			if f, ok := record.FigureOf(e.goal.figure); !ok || f.Better == record.Neither {
				t.Errorf("%s: goal for %q", e.name, e.goal.figure)
			}
		}
		if p.Signed {
			signed++
		}
		if p.Scheme != "" {
			schemes++
		}
	}
	if signed == 0 || schemes < 3 || len(seen) < 30 {
		t.Errorf("%d experiments, %d signed, %d schemes", len(seen), signed, schemes)
	}
}

func TestWrongCommandLines(t *testing.T) {
	for _, args := range [][]string{
		{"run", "--set", "huge"}, {"run", "--only", "("}, {"run", "--only", "nothing-has-this-name"},
		{"run", "--repeat", "0"}, {"run", "--seconds", "-1"}, {"run", "peak"}, {"dance"},
	} {
		var out, errs bytes.Buffer
		if code := execute(context.Background(), args, &out, &errs); code != exitUsage || errs.Len() == 0 {
			t.Errorf("%v: exit %d, %q", args, code, errs.String())
		}
	}
	var out, errs bytes.Buffer
	args := []string{"run", "--only", "^peak$", "--bin", t.TempDir(), "--dir", t.TempDir()}
	if code := execute(context.Background(), args, &out, &errs); code != exitFailure || !strings.Contains(errs.String(), "make build") {
		t.Errorf("without binaries: exit %d, %q", code, errs.String())
	}
	out.Reset()
	if code := execute(context.Background(), []string{"list"}, &out, &errs); code != 0 || !strings.Contains(out.String(), "overload-5x") {
		t.Errorf("list: exit %d\n%s", code, out.String())
	}
}

// TestCannot: what this build does not know is skipped with a line.
func TestCannot(t *testing.T) {
	m := &runner{dir: t.TempDir(), help: map[string]string{"replica": "--profile", "loadgen": "--rate"}}
	signed, scheme := vary(func(p *record.Parameters) { p.Signed = true }), vary(func(p *record.Parameters) { p.Scheme = "ed25519" })
	for _, p := range []record.Parameters{signed, scheme, vary(func(p *record.Parameters) { p.Preload = 1e15 })} {
		e := experiment{name: "x", param: p}
		r, err := m.run(context.Background(), &e, 1)
		if err != nil || r.Outcome != record.Skipped || r.Check() != nil || !strings.Contains(line(r), "SKIPPED: ") {
			t.Errorf("%+v: %+v, %v", p, r, err)
		}
	}
	m.help = map[string]string{"replica": "--scheme", "loadgen": "--signed"}
	for _, p := range []record.Parameters{signed, scheme} {
		if why := m.cannot(&experiment{param: p}); why != "" && !strings.Contains(why, "free disk") {
			t.Errorf("%+v: %s", p, why)
		}
	}
}

// at makes a replica's reading after some thousand events in blocks of 100.
func at(cpu, thousands float64) reading {
	return reading{usage{cpu: cpu, memoryMax: uint64(1000 * thousands), written: uint64(200_000 * thousands)}, map[string]float64{
		"quorate_events_executed_total": 1000 * thousands, "quorate_blocks_executed_total": 10 * thousands,
		"quorate_link_bytes_total{out}": 50_000 * thousands, "quorate_link_frames_total{out}": 40 * thousands,
		"quorate_journal_sync_seconds_count": 20 * thousands, "quorate_journal_sync_seconds_sum": thousands,
		"quorate_commits_total": 10 * thousands, "quorate_commits_total{slow}": 1 * thousands, "quorate_view_changes_total": 1,
	}}
}

func TestWindow(t *testing.T) {
	now := time.Now()
	begin := moment{now, map[int]reading{0: at(1, 1), 1: at(1, 1), 2: at(5, 1)}, usage{cpu: 1}}
	end := moment{now.Add(2 * time.Second), map[int]reading{0: at(1.5, 11), 1: at(1.3, 11)}, usage{cpu: 1.2, memoryMax: 77}}
	out := map[string]float64{}
	w := newWindow(begin, end)
	w.figures(2, out)
	for name, want := range map[string]float64{ // of the two replicas that ran throughout
		"replica_cpu_us_per_payment": 80, "loadgen_cpu_us_per_payment": 20, "cpu_busy_ratio": 0.25,
		"payments_per_block": 100, "blocks_per_second": 50, "sent_bytes_per_payment": 100, "sent_bytes_per_block": 10_000,
		"sent_frames_per_block": 8, "syncs_per_block": 4, "syncs_per_second": 200, "sync_ms": 50, "slow_path_share": 0.1,
		"view_changes": 0, "written_bytes_per_payment": 400, "replica_memory_max_bytes": 11_000, "loadgen_memory_max_bytes": 77,
	} {
		if math.Abs(out[name]-want) > 1e-6*want {
			t.Errorf("%s = %v, want %v", name, out[name], want)
		}
	}
	for name := range out {
		if _, ok := record.FigureOf(name); !ok {
			t.Errorf("%s is not in the table", name)
		}
	}
	idle := map[string]float64{}
	w = newWindow(end, end)
	w.figures(2, idle)
	if len(idle) != 0 {
		t.Errorf("nothing happened, and the figures are %v", idle)
	}
}

func TestDiskBytes(t *testing.T) {
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "a", "b"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "a", "b", "c"), make([]byte, 1<<20), 0o644); err != nil {
		t.Fatal(err)
	}
	f, err := os.Create(filepath.Join(dir, "hole"))
	if err != nil || f.Truncate(1<<30) != nil || f.Close() != nil {
		t.Fatal("cannot make a file with a hole")
	}
	got, err := diskBytes(dir)
	if err != nil || got < 1<<20 || got > 2<<20 {
		t.Errorf("%v bytes, %v", got, err)
	}
}

func TestGoals(t *testing.T) {
	list := []experiment{{name: "a", goal: &goal{"payments_per_second", 10}}, {name: "b", goal: &goal{"outage_seconds", 1}}, {name: "c", goal: &goal{"goodput_ratio", 1}}}
	var runs []record.Run
	for i, v := range []float64{9, 12, 11} {
		runs = append(runs, record.Run{Experiment: "a", Repetition: i + 1, Figures: map[string]float64{"payments_per_second": v}},
			record.Run{Experiment: "b", Repetition: i + 1, Figures: map[string]float64{"outage_seconds": v}})
	}
	var out strings.Builder
	printGoals(&out, list, runs)
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if len(lines) != 2 || !strings.HasSuffix(lines[0], ": 11, met") || !strings.HasSuffix(lines[1], ": 11, not met") {
		t.Errorf("%s", out.String())
	}
}

// TestCompare: two results on the command line, good and bad.
func TestCompare(t *testing.T) {
	dir := t.TempDir()
	write := func(name string, batch int, values ...float64) string {
		var text bytes.Buffer
		for i, v := range values {
			r := record.Run{Schema: record.Schema, Experiment: "peak", Repetition: i + 1, At: time.Unix(1, 0), Outcome: record.OK,
				Parameters: record.Parameters{Batch: batch}, Figures: map[string]float64{"payments_per_second": v, "payments_per_block": 1}}
			if err := record.Write(&text, &r); err != nil {
				t.Fatal(err)
			}
		}
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, text.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	a, b, other := write("a", 1, 100, 101, 102, 103), write("b", 1, 50, 51, 52, 53), write("c", 2, 1)
	for _, c := range []struct {
		args []string
		code int
		says string
	}{
		{[]string{"compare", a, b}, 0, "bench-compare: 0 better, 1 worse, 0 the same"},
		{[]string{"compare", "--all", a, b}, 0, "payments_per_block"},
		{[]string{"compare", a, a}, 0, "1 the same"},
		{[]string{"compare", a, other}, exitFailure, "nothing to compare"},
		{[]string{"compare", a, filepath.Join(dir, "none")}, exitFailure, "none"},
		{[]string{"compare", a}, exitUsage, "accepts 2 arg"},
	} {
		var out, errs bytes.Buffer
		if code := execute(context.Background(), c.args, &out, &errs); code != c.code || !strings.Contains(out.String()+errs.String(), c.says) {
			t.Errorf("%v: exit %d\n%s%s", c.args, code, out.String(), errs.String())
		}
	}
}

func TestArgs(t *testing.T) {
	l := load{param: vary(func(p *record.Parameters) { p.Signed, p.Arrivals = true, "poisson" }), expect: 3}
	got := strings.Join(l.args("dir", "out"), " ")
	for _, want := range []string{"--rate max", "--in-flight 2", "--duration 12s", "--warmup 2s", "--expect-replicas 3", "--signed", "--arrivals poisson"} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in %s", want, got)
		}
	}
	l.param.Rate = "500"
	if slices.Contains(l.args("dir", "out"), "--in-flight") {
		t.Error("--in-flight with a rate")
	}
}

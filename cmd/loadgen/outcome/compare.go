package outcome

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
)

// ErrCompare is wrapped by every reason for which results are not compared.
var ErrCompare = errors.New("compare refused")

// chance is the highest probability of being chance with which a difference is
// called one; below fewRuns runs a side no difference can reach it.
const (
	chance  = 0.05
	fewRuns = 4
)

// Line is one figure of two sets of runs.
type Line struct {
	Figure string
	A, B   float64 // medians
	Ratio  float64 // B/A, NaN when A is 0
	P      float64 // chance that such a difference is none; NaN with too few runs
}

// Verdict says what P says.
func (l *Line) Verdict() string {
	switch {
	case l.A == l.B:
		return "="
	case math.IsNaN(l.P):
		return "?"
	case l.P < chance:
		return fmt.Sprintf("p=%.3f", l.P)
	}
	return "~"
}

// Compare holds two sets of runs against each other (Invariant O4). notes say
// what to keep in mind.
func Compare(a, b []*Run) (lines []Line, notes []string, err error) {
	seen := map[string]bool{}
	for _, r := range slices.Concat(a, b) {
		if r.Audit.Failed() {
			return nil, nil, fmt.Errorf("%w: run %s failed its audit; its figures mean nothing", ErrCompare, r.RunID)
		}
		if differ := differences(a[0], r); len(differ) > 0 {
			return nil, nil, fmt.Errorf("%w: runs %s and %s were asked for different things: %s", ErrCompare, a[0].RunID, r.RunID, strings.Join(differ, ", "))
		}
		if seen[r.RunID] {
			return nil, nil, fmt.Errorf("%w: run %s is in it twice", ErrCompare, r.RunID)
		}
		seen[r.RunID] = true
	}
	if a[0].Host != b[0].Host {
		notes = append(notes, fmt.Sprintf("different hosts: %+v and %+v", a[0].Host, b[0].Host))
	}
	if min(len(a), len(b)) < fewRuns {
		notes = append(notes, fmt.Sprintf("?: %d and %d runs are too few to tell a difference from chance; make %d a side, each into its own directory below one", len(a), len(b), fewRuns))
	}
	for _, f := range []struct {
		name string
		of   func(r *Run) float64
	}{
		{"achieved/s", func(r *Run) float64 { return r.Achieved }},
		{"p50 ms", func(r *Run) float64 { return r.LatencyMS["p50"] }},
		{"p90 ms", func(r *Run) float64 { return r.LatencyMS["p90"] }},
		{"p99 ms", func(r *Run) float64 { return r.LatencyMS["p99"] }},
		{"p99.9 ms", func(r *Run) float64 { return r.LatencyMS["p99.9"] }},
		{"mean ms", func(r *Run) float64 { return r.LatencyMS["mean"] }},
		{"max ms", func(r *Run) float64 { return r.LatencyMS["max"] }},
		{"silence s", func(r *Run) float64 { return r.Silence.Seconds }},
		{"outstanding", func(r *Run) float64 { return r.Outstanding }},
		{"late", func(r *Run) float64 { return float64(r.Measured.Late) }},
		{"dropped", func(r *Run) float64 { return float64(r.Measured.Dropped) }},
		{"errors", func(r *Run) float64 { return float64(r.Measured.Errors + r.Measured.Unknown) }},
		{"loadgen CPU s", func(r *Run) float64 { return r.CPU }},
	} {
		lines = append(lines, newLine(f.name, values(a, f.of), values(b, f.of)))
	}
	return lines, notes, nil
}

// CompareSweeps holds the best steps of two sweeps against each other.
func CompareSweeps(a, b *Sweep) ([]Line, error) {
	var differ []string
	for _, p := range [][3]any{
		{"replicas", a.Replicas, b.Replicas}, {"f", a.F, b.F}, {"c", a.C, b.C}, {"workload", a.Workload, b.Workload}, {"batch", a.Batch, b.Batch},
		{"accounts", a.Accounts, b.Accounts}, {"arrivals", a.Arrivals, b.Arrivals}, {"by", a.By, b.By}, {"objective", a.Objective, b.Objective},
		{"step_seconds", a.Seconds, b.Seconds}, {"step_warmup_seconds", a.Warmup, b.Warmup},
	} {
		if p[1] != p[2] {
			differ = append(differ, fmt.Sprintf("%s %v and %v", p[0], p[1], p[2]))
		}
	}
	switch {
	case len(differ) > 0:
		return nil, fmt.Errorf("%w: the sweeps were asked for different things: %s", ErrCompare, strings.Join(differ, ", "))
	case a.Best == nil || b.Best == nil:
		return nil, fmt.Errorf("%w: a sweep in which no step held the objective has no best", ErrCompare)
	}
	var lines []Line
	for _, f := range []struct {
		name string
		a, b float64
	}{
		{"best achieved/s", a.Best.Achieved, b.Best.Achieved}, {"its p50 ms", a.Best.P50, b.Best.P50}, {"its p99 ms", a.Best.P99, b.Best.P99},
		{"its p99.9 ms", a.Best.P999, b.Best.P999}, {"its outstanding", a.Best.Outstanding, b.Best.Outstanding},
	} {
		lines = append(lines, newLine(f.name, []float64{f.a}, []float64{f.b}))
	}
	return lines, nil
}

// differences names the parameters in which two runs differ, but for some.
func differences(a, b *Run, but ...string) (out []string) {
	for _, p := range [][3]any{
		{"kind", kindOf(a), kindOf(b)}, {"replicas", a.Replicas, b.Replicas}, {"f", a.F, b.F}, {"c", a.C, b.C}, {"workload", a.Workload, b.Workload},
		{"rate", a.Rate, b.Rate}, {"arrivals", a.Arrivals, b.Arrivals}, {"batch", a.Batch, b.Batch}, {"clients", a.Clients, b.Clients},
		{"in_flight", a.InFlight, b.InFlight}, {"accounts", a.Accounts, b.Accounts}, {"duration_seconds", a.Duration, b.Duration},
		{"warmup_seconds", a.Warmup, b.Warmup}, {"signed", a.Signed != nil, b.Signed != nil},
	} {
		if p[1] != p[2] && !slices.Contains(but, p[0].(string)) {
			out = append(out, fmt.Sprintf("%s %v and %v", p[0], p[1], p[2]))
		}
	}
	return out
}

// kindOf takes a merged run for a run: what was asked for is the same.
func kindOf(r *Run) string {
	if r.Kind == KindMerged {
		return KindRun
	}
	return r.Kind
}

func values(runs []*Run, of func(*Run) float64) (out []float64) {
	for _, r := range runs {
		out = append(out, of(r))
	}
	return out
}

func newLine(name string, a, b []float64) Line {
	l := Line{Figure: name, A: middle(a), B: middle(b), P: math.NaN()}
	l.Ratio = l.B / l.A
	if l.A == 0 {
		l.Ratio = math.NaN()
	}
	if min(len(a), len(b)) >= fewRuns {
		l.P = rankTest(a, b)
	}
	return l
}

func middle(values []float64) float64 {
	v := slices.Sorted(slices.Values(values))
	return (v[(len(v)-1)/2] + v[len(v)/2]) / 2
}

// Package compare holds two sets of results against each other: median, spread
// and ratio of each figure, and whether the difference is more than chance.
//
// It is pure: records in, rows out. It knows nothing about what is good enough;
// nothing here fails a build.
//
// Invariants:
//
//	D1  Only runs that are OK and were asked to do the same are compared.
//	D2  A difference is called one when a two-sided Mann-Whitney test gives it
//	    less than one chance in twenty; below four runs a side it never can, and
//	    ratio and spread stand alone.
package compare

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"quorate/bench/record"
)

// ErrNothing says that two results have nothing to be compared.
var ErrNothing = errors.New("compare: nothing to compare")

// chance is the highest probability of being chance with which a difference is
// called one.
const chance = 0.05

// Sample is what several runs gave for one figure.
type Sample struct {
	Runs    int
	Median  float64
	Lowest  float64
	Highest float64
}

// Spread is the distance of the furthest run from the median, as a part of it.
func (s *Sample) Spread() float64 {
	if s.Median == 0 {
		return 0
	}
	return max(s.Highest-s.Median, s.Median-s.Lowest) / math.Abs(s.Median)
}

// NewSample sums values up; there is at least one.
func NewSample(values []float64) Sample {
	v := slices.Sorted(slices.Values(values))
	n := len(v)
	return Sample{Runs: n, Median: (v[(n-1)/2] + v[n/2]) / 2, Lowest: v[0], Highest: v[n-1]}
}

// Verdict is what a row says about the second result.
type Verdict string

// The verdicts.
const (
	Same    Verdict = "~" // no more than chance
	Few     Verdict = "?" // too few runs to say
	Better  Verdict = "better"
	Worse   Verdict = "WORSE"
	Differs Verdict = "differs" // of a figure that is neither good nor bad
)

// Row compares one figure of one experiment.
type Row struct {
	Experiment string
	Figure     record.Figure
	A, B       Sample
	Ratio      float64 // of medians, B over A; NaN if A's is 0 and B's is not
	P          float64 // probability that chance alone does as much
	Verdict    Verdict
}

// Report is a whole comparison.
type Report struct {
	Rows  []Row
	Notes []string // what the reader must know: other hosts, failed runs, what is on one side alone
}

// Compare holds b against a.
func Compare(a, b []record.Run) (*Report, error) {
	left, right := group(a), group(b)
	r := &Report{Notes: hosts(a, b)}
	for _, name := range names(a, b) {
		x, y := left[name], right[name]
		for side, g := range map[string]*runs{"A": x, "B": y} {
			if g != nil && g.failed > 0 {
				r.note("%s: %d runs of %s failed and do not count", name, g.failed, side)
			}
		}
		switch {
		case x == nil || len(x.ok) == 0 || y == nil || len(y.ok) == 0:
			r.note("%s: no good run on one side", name)
		case !sameParameters(x.ok[0], y.ok[0]):
			r.note("%s: parameters differ, not compared", name)
		default:
			r.rows(name, x.ok, y.ok)
		}
	}
	slices.Sort(r.Notes)
	if len(r.Rows) == 0 {
		return nil, fmt.Errorf("%w: no experiment has good runs with the same parameters on both sides", ErrNothing)
	}
	return r, nil
}

func (r *Report) note(format string, args ...any) {
	r.Notes = append(r.Notes, fmt.Sprintf(format, args...))
}

// rows compares every figure that both sides have.
func (r *Report) rows(name string, a, b []*record.Run) {
	for _, f := range record.Figures() {
		x, y := values(a, f.Name), values(b, f.Name)
		if x == nil || y == nil {
			continue
		}
		row := Row{Experiment: name, Figure: f, A: NewSample(x), B: NewSample(y), P: mannWhitney(x, y)}
		switch {
		case row.A.Median != 0:
			row.Ratio = row.B.Median / row.A.Median
		case row.B.Median == 0:
			row.Ratio = 1
		default:
			row.Ratio = math.NaN()
		}
		row.Verdict = row.verdict()
		r.Rows = append(r.Rows, row)
	}
}

func (r *Row) verdict() Verdict {
	switch {
	case smallestP(r.A.Runs, r.B.Runs) >= chance:
		return Few
	case r.P >= chance || r.A.Median == r.B.Median:
		return Same
	case r.Figure.Better == record.Neither:
		return Differs
	case (r.B.Median > r.A.Median) == (r.Figure.Better == record.Higher):
		return Better
	}
	return Worse
}

// runs are those of one experiment.
type runs struct {
	ok     []*record.Run
	failed int
}

func group(all []record.Run) map[string]*runs {
	out := map[string]*runs{}
	for i := range all {
		r := &all[i]
		if out[r.Experiment] == nil {
			out[r.Experiment] = &runs{}
		}
		switch g := out[r.Experiment]; r.Outcome {
		case record.OK:
			g.ok = append(g.ok, r)
		case record.Failed:
			g.failed++
		}
	}
	return out
}

// names lists experiments in the order in which they came.
func names(sets ...[]record.Run) (list []string) {
	for _, set := range sets {
		for i := range set {
			if !slices.Contains(list, set[i].Experiment) {
				list = append(list, set[i].Experiment)
			}
		}
	}
	return list
}

// sameParameters ignores the rate of a load that is a part of its run's peak.
func sameParameters(a, b *record.Run) bool {
	p, q := a.Parameters, b.Parameters
	if p.OfPeak > 0 {
		p.Rate, q.Rate = "", ""
	}
	return p == q
}

func values(of []*record.Run, figure string) (list []float64) {
	for _, r := range of {
		if v, ok := r.Figures[figure]; ok {
			list = append(list, v)
		}
	}
	return list
}

// hosts tells what differs between the machines of two results, and whether they
// were busy.
func hosts(a, b []record.Run) (notes []string) {
	x, y := a[0].Host, b[0].Host
	if x.CPU != y.CPU || x.Cores != y.Cores || x.MemoryBytes != y.MemoryBytes || x.Kernel != y.Kernel {
		notes = append(notes, fmt.Sprintf("hosts differ: A %s with %d processors, kernel %s; B %s with %d, kernel %s", x.CPU, x.Cores, x.Kernel, y.CPU, y.Cores, y.Kernel))
	}
	for _, side := range []struct {
		name string
		all  []record.Run
	}{{"A", a}, {"B", b}} {
		busiest := 0.0
		for i := range side.all {
			busiest = max(busiest, side.all[i].Host.LoadBefore/float64(max(side.all[i].Host.Cores, 1)))
		}
		// A run leaves a load average of about its own behind for the next.
		if busiest > 2 {
			notes = append(notes, fmt.Sprintf("%s ran on a busy host: up to %.1f threads wanted each processor before a run", side.name, busiest))
		}
		if side.all[0].Dirty {
			notes = append(notes, side.name+" was built from a work tree with changes")
		}
	}
	return notes
}

// smallestP is what the test gives for samples that do not overlap at all.
func smallestP(n, m int) float64 {
	ways := 1.0
	for i := 1; i <= m; i++ {
		ways *= float64(n+i) / float64(i)
	}
	return min(1, 2/ways)
}

// mannWhitney gives the two-sided probability that two samples of one
// distribution are as far apart as these, exactly. A tie counts as half, rounded
// to the side of chance.
func mannWhitney(a, b []float64) float64 {
	below := 0.0
	for _, x := range a {
		for _, y := range b {
			switch {
			case x < y:
				below++
			case x == y:
				below += 0.5
			}
		}
	}
	n, m := len(a), len(b)
	u := int(math.Ceil(min(below, float64(n*m)-below)))
	// ways[j][s] is the number of orders of i of the one and j of the other kind in
	// which s pairs are turned round; i grows.
	ways := make([][]float64, m+1)
	for j := range ways {
		ways[j] = make([]float64, n*m+1)
		ways[j][0] = 1 // i = 0
	}
	for i := 1; i <= n; i++ {
		for j := 1; j <= m; j++ {
			// The largest is of the first kind, over all j of the second, or of the
			// second.
			next := make([]float64, n*m+1)
			for s := range next {
				next[s] = ways[j-1][s]
				if s >= j {
					next[s] += ways[j][s-j]
				}
			}
			ways[j] = next
		}
	}
	all, far := 0.0, 0.0
	for s, w := range ways[m] {
		all += w
		if s <= u {
			far += w
		}
	}
	return min(1, 2*far/all)
}

package compare

import (
	"errors"
	"fmt"
	"math"
	"math/bits"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"quorate/bench/record"
)

// Aim: a difference is called one when it is, and only what can be compared is
// (D1, D2). Method: the test against its slow twin, which looks at every split;
// then small results made by hand.

// slowMannWhitney tries every way to call len(a) of the values the first sample.
func slowMannWhitney(a, b []float64) float64 {
	all := append(slices.Clone(a), b...)
	count := func(first uint) (below int) {
		for i, x := range all {
			for j, y := range all {
				if first>>i&1 == 1 && first>>j&1 == 0 && x < y {
					below++
				}
			}
		}
		return below
	}
	pairs := len(a) * len(b)
	got := count(1<<len(a) - 1)
	u := min(got, pairs-got)
	far, ways := 0, 0
	for first := uint(0); first < 1<<len(all); first++ {
		if bits.OnesCount(first) != len(a) {
			continue
		}
		ways++
		if count(first) <= u {
			far++
		}
	}
	return min(1, 2*float64(far)/float64(ways))
}

func TestMannWhitney(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		a, b := make([]float64, 1+rnd.IntN(6)), make([]float64, 1+rnd.IntN(6))
		for i := range a {
			a[i] = rnd.Float64()
		}
		for i := range b {
			b[i] = rnd.Float64() + 0.4*float64(rnd.IntN(2))
		}
		if fast, slow := mannWhitney(a, b), slowMannWhitney(a, b); math.Abs(fast-slow) > 1e-12 {
			t.Fatalf("%v and %v: %v, want %v", a, b, fast, slow)
		}
	}
	if p := mannWhitney([]float64{1, 1, 1, 1, 1}, []float64{1, 1, 1, 1, 1}); p != 1 {
		t.Errorf("all equal: %v", p)
	}
	for _, n := range [][2]int{{1, 1}, {3, 3}, {4, 4}, {10, 10}, {2, 8}} {
		low, high := make([]float64, n[0]), make([]float64, n[1])
		for i := range low {
			low[i] = -1 - float64(i)
		}
		for i := range high {
			high[i] = float64(i)
		}
		if want, got := smallestP(n[0], n[1]), mannWhitney(low, high); math.Abs(want-got) > 1e-12 {
			t.Errorf("%v: %v, want %v", n, got, want)
		}
	}
}

// result makes runs of one experiment.
func result(name, figure string, values ...float64) (all []record.Run) {
	for i, v := range values {
		all = append(all, record.Run{Schema: record.Schema, Experiment: name, Repetition: i + 1, At: time.Unix(1, 0), Outcome: record.OK,
			Host: record.Host{CPU: "x", Cores: 2}, Figures: map[string]float64{figure: v}})
	}
	return all
}

func TestVerdicts(t *testing.T) {
	low, high := []float64{10, 11, 12, 13}, []float64{20, 21, 22, 23}
	for _, c := range []struct {
		figure string
		a, b   []float64
		want   Verdict
	}{
		{"payments_per_second", low, high, Better},
		{"payments_per_second", high, low, Worse},
		{"latency_p50_ms", low, high, Worse},
		{"latency_p50_ms", high, low, Better},
		{"payments_per_block", low, high, Differs},
		{"payments_per_second", low, []float64{9, 12.5, 11.5, 14}, Same},
		{"payments_per_second", low, low, Same},
		{"payments_per_second", low[:3], high[:3], Few},
		{"payments_per_second", low[:1], high[:1], Few},
	} {
		r, err := Compare(result("x", c.figure, c.a...), result("x", c.figure, c.b...))
		if err != nil || len(r.Rows) != 1 || r.Rows[0].Verdict != c.want {
			t.Errorf("%s %v → %v: %+v, %v; want %s", c.figure, c.a, c.b, r, err, c.want)
		}
	}
	r, err := Compare(result("x", "payments_per_second", 10, 12, 8), result("x", "payments_per_second", 20, 30))
	if err != nil {
		t.Fatal(err)
	}
	if row := r.Rows[0]; row.A.Median != 10 || row.B.Median != 25 || row.Ratio != 2.5 || row.A.Spread() != 0.2 || row.B.Spread() != 0.2 {
		t.Errorf("%+v", row)
	}
	r, err = Compare(result("x", "view_changes", 0), result("x", "view_changes", 0))
	if err != nil || r.Rows[0].Ratio != 1 {
		t.Errorf("nothing and nothing: %+v, %v", r, err)
	}
	if r, err = Compare(result("x", "view_changes", 0), result("x", "view_changes", 2)); err != nil || !math.IsNaN(r.Rows[0].Ratio) {
		t.Errorf("something and nothing: %+v, %v", r, err)
	}
}

func TestWhatIsNotCompared(t *testing.T) {
	base := func() []record.Run { return result("x", "payments_per_second", 1, 2, 3, 4) }
	for name, change := range map[string]func(all []record.Run){
		"parameters": func(all []record.Run) {
			for i := range all {
				all[i].Parameters.Batch = 7
			}
		},
		"failed": func(all []record.Run) {
			for i := range all {
				all[i].Outcome, all[i].Figures = record.Failed, nil
			}
		},
		"another experiment": func(all []record.Run) {
			for i := range all {
				all[i].Experiment = "y"
			}
		},
	} {
		other := base()
		change(other)
		if r, err := Compare(base(), other); !errors.Is(err, ErrNothing) {
			t.Errorf("%s: %+v, %v", name, r, err)
		}
	}
	// The rate of a part of the peak is another in every run, and the same load.
	a, b := base(), base()
	for i := range a {
		a[i].Parameters.OfPeak, b[i].Parameters.OfPeak = 0.5, 0.5
		a[i].Parameters.Rate, b[i].Parameters.Rate = fmt.Sprint(i), fmt.Sprint(10*i)
	}
	if _, err := Compare(a, b); err != nil {
		t.Error(err)
	}
	// One failed run beside good ones is told of.
	b[0].Outcome, b[0].Figures = record.Failed, nil
	b[1].Host.LoadBefore, b[0].Dirty, b[0].Host.Cores = 30, true, 4
	r, err := Compare(a, append(b, result("only-b", "payments_per_second", 1)...))
	if err != nil {
		t.Fatal(err)
	}
	text := strings.Join(r.Notes, "\n")
	for _, want := range []string{"1 runs of B failed", "hosts differ", "busy host", "work tree with changes", "only-b: no good run"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	if r.Rows[0].B.Runs != 3 {
		t.Errorf("%d runs of B", r.Rows[0].B.Runs)
	}
}

package outcome

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/bits"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// Aim: O1 to O4: a merge loses nothing, files come back as they were written,
// what does not belong together is refused, and a difference is called one when
// it is.
// Method: properties with a slow twin each; one bad file of each kind.

// TestMergedHistogramIsThatOfTheUnion goes through files, as users do.
func TestMergedHistogramIsThatOfTheUnion(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		union := NewHistogram()
		var parts []Part
		for i := range rapid.IntRange(2, 4).Draw(t, "parts") {
			h := NewHistogram()
			for range rapid.IntRange(0, 50).Draw(t, "latencies") {
				us := rapid.Int64Range(1, LatencyEnd.Microseconds()).Draw(t, "us")
				n := rapid.Int64Range(1, 1000).Draw(t, "payments")
				if h.RecordValues(us, n) != nil || union.RecordValues(us, n) != nil {
					t.Fatal("out of range")
				}
			}
			text, err := EncodeHistogram(h)
			if err != nil {
				t.Fatal(err)
			}
			r := aRun(fmt.Sprintf("%016x", i))
			r.Histogram = text
			parts = append(parts, Part{Run: r})
		}
		r, _, h, err := Merge(parts, false)
		if err != nil {
			t.Fatal(err)
		}
		again, err := DecodeHistogram(r.Histogram)
		if err != nil || !h.Equals(union) || !again.Equals(union) {
			t.Fatalf("the merge holds %d latencies, the union %d: %v", h.TotalCount(), union.TotalCount(), err)
		}
		if !reflect.DeepEqual(r.LatencyMS, Latencies(union)) {
			t.Fatalf("%v, want %v", r.LatencyMS, Latencies(union))
		}
	})
}

// aRun is a run of 100 payments per second for 10 seconds.
func aRun(id string) *Run {
	text, err := EncodeHistogram(NewHistogram())
	if err != nil {
		panic(err)
	}
	return &Run{
		Schema: Schema, Kind: KindRun, RunID: id, Started: time.Unix(1000, 0), Cluster: "c", Replicas: 4, F: 1, Workload: "zipf", Rate: "100", Arrivals: "constant",
		Batch: 10, Clients: 2, Accounts: 50, Duration: 10, Seconds: 10, Measured: Counts{Offered: 1000, Achieved: 1000}, Whole: Counts{Offered: 1000, Achieved: 1000},
		Errors: map[string]uint64{"overload": 1}, Achieved: 100, Outstanding: 1.5, Silence: Silence{Seconds: 2, At: 3}, Histogram: text, CPU: 1,
		Audit: &Audit{Acked: 1000, FoundOnce: 1000, Balanced: true, DigestsEqual: 4, Replicas: 4, Before: 500, After: 2500},
	}
}

func TestMergeSums(t *testing.T) {
	a, b := aRun("a"), aRun("b")
	b.Started = b.Started.Add(2 * time.Second)
	b.Silence.Seconds = 1
	b.Events = []Event{{At: 1, Kind: "view", Text: "seen by all"}, {At: 2, Kind: "chaos", Text: "kill"}}
	rowsA := []Row{{Second: 3, Offered: 100, P99: 5, Outstanding: 1, ErrorsTotal: 1, Replicas: []ReplicaRow{{Up: true, Fast: 7}}}}
	rowsB := []Row{{Second: 1, Offered: 50, P99: 9, Outstanding: 2, ErrorsTotal: 2, Replicas: []ReplicaRow{{Up: true, Fast: 8}}}, {Second: 2, Offered: 60}}
	r, rows, _, err := Merge([]Part{{b, rowsB}, {a, rowsA}}, true)
	if err != nil {
		t.Fatal(err)
	}
	if r.Kind != KindMerged || r.Rate != "200" || r.Clients != 4 || r.Achieved != 200 || r.Outstanding != 3 || r.Measured.Offered != 2000 ||
		r.Errors["overload"] != 2 || r.Silence.Seconds != 1 || r.Silence.At != 5 || !r.Started.Equal(a.Started) || len(r.Parts) != 2 {
		t.Errorf("%+v", r)
	}
	if len(r.Events) != 1 || r.Events[0].At != 4 {
		t.Errorf("events %+v", r.Events)
	}
	if r.Audit.Failed() || r.Audit.Acked != 2000 || r.Audit.FoundOnce != 2000 || r.Audit.Before != 500 || r.Audit.After != 2500 {
		t.Errorf("audit %+v", r.Audit)
	}
	if len(rows) != 2 || rows[0].Second != 3 || rows[0].Offered != 150 || rows[0].P99 != 9 || rows[0].Outstanding != 3 || rows[0].ErrorsTotal != 3 || rows[0].Replicas[0].Fast != 7 || rows[1].Second != 4 {
		t.Errorf("rows %+v", rows)
	}
	b.Audit.After = 2600
	if r, _, _, err := Merge([]Part{{a, nil}, {b, nil}}, true); err != nil || !r.Audit.Failed() {
		t.Errorf("a hundred transfers of nobody: %v", err)
	}
	if r, _, _, err := Merge([]Part{{a, nil}, {b, nil}}, false); err != nil || r.Audit.Failed() {
		t.Errorf("others paid: %v", err)
	}
}

func TestMergeRefuses(t *testing.T) {
	for says, change := range map[string]func(parts []Part) []Part{
		"one run is no merge":  func(p []Part) []Part { return p[:1] },
		"twice":                func(p []Part) []Part { p[1].Run.RunID = "a"; return p },
		"run a is in it twice": func(p []Part) []Part { p[1].Run.Parts = []string{"x", "a"}; return p },
		"only loads":           func(p []Part) []Part { p[1].Run.Kind = KindReplay; return p },
		"batch 10 and 20":      func(p []Part) []Part { p[1].Run.Batch = 20; return p },
		"workload":             func(p []Part) []Part { p[1].Run.Workload = "hot"; return p },
		"different clusters":   func(p []Part) []Part { p[1].Run.Cluster = "d"; return p },
		"began 6s apart":       func(p []Part) []Part { p[1].Run.Started = p[0].Run.Started.Add(6 * time.Second); return p },
		"latency_histogram":    func(p []Part) []Part { p[1].Run.Histogram = "x"; return p },
	} {
		_, _, _, err := Merge(change([]Part{{Run: aRun("a")}, {Run: aRun("b")}}), true)
		if !errors.Is(err, ErrMerge) || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v", says, err)
		}
	}
}

func TestFilesComeBack(t *testing.T) {
	dir := t.TempDir()
	write := func(name string, v any) string {
		text, err := json.Marshal(v)
		if s, ok := v.(string); ok {
			text, err = []byte(s), nil
		}
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	want := aRun("a")
	if r, _, err := Load(filepath.Dir(write("one/result.json", want))); err != nil || r.RunID != "a" || !reflect.DeepEqual(r.Errors, want.Errors) {
		t.Errorf("%+v, %v", r, err)
	}
	write("many/2/result.json", aRun("b"))
	write("many/1/result.json", want)
	if runs, _, err := LoadRuns(filepath.Join(dir, "many")); err != nil || len(runs) != 2 || runs[0].RunID != "a" {
		t.Errorf("%v, %v", runs, err)
	}
	if _, s, err := Load(write("sweep.json", &Sweep{Schema: 1, Kind: KindSweep})); err != nil || s == nil {
		t.Errorf("%v", err)
	}
	next := aRun("a")
	next.Schema = 2
	for says, v := range map[string]any{"no JSON": "{", "its kind is": &Run{Schema: 1}, "its schema is 2": next, "no audit": &Run{Schema: 1, Kind: KindRun}} {
		if _, _, err := Load(write("bad.json", v)); !errors.Is(err, ErrFile) || !strings.Contains(err.Error(), says) || !strings.Contains(err.Error(), "bad.json") {
			t.Errorf("%s: %v", says, err)
		}
	}
	for _, path := range []string{filepath.Join(dir, "none"), t.TempDir()} {
		if _, _, err := LoadRuns(path); !errors.Is(err, ErrFile) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v", path, err)
		}
	}
}

func TestTableComesBack(t *testing.T) {
	rows := []Row{
		{Second: 1, Offered: 5, Achieved: 4, Late: 1, FastPath: 0.5, P50: 1.5, P90: 2, P99: 3, P999: 4, Most: 5, Outstanding: 2.25, Replicas: []ReplicaRow{{Up: true, View: 3, Primary: 2, Fast: 9, Slow: 1}, {}}},
		{Second: 2, FastPath: -1, Dropped: 7, Unknown: 2, Errors: 3, ErrorsTotal: 3, Codes: map[string]uint64{"outcome_unknown": 2, "overload": 3},
			Replicas: []ReplicaRow{{}, {Up: true}}, Events: []Event{{At: 2, Text: `kill, "now"`}}},
	}
	var b bytes.Buffer
	table := NewTable(&b, 2)
	for i := range rows {
		if err := table.Write(&rows[i]); err != nil {
			t.Fatal(err)
		}
	}
	path := filepath.Join(t.TempDir(), "t.csv")
	if err := os.WriteFile(path, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	got, err := ReadTable(path)
	if err != nil || !reflect.DeepEqual(got, rows) {
		t.Errorf("%v\n%+v\nwant\n%+v", err, got, rows)
	}
	for text, says := range map[string]string{"": "EOF", "second\n1\n": "no column", strings.Replace(b.String(), "1.500", "x", 1): "row 2", b.String() + "1,2\n": "fields"} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := ReadTable(path); !errors.Is(err, ErrFile) || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v", says, err)
		}
	}
}

// TestSeries: however long, no payment and no stall is lost, and memory is not
// taken.
func TestSeries(t *testing.T) {
	var s Series
	const seconds = 5*rowsKept + 1
	for i := 1; i <= seconds; i++ {
		r := Row{Second: i, Offered: 100, Late: 1, P99: 5, FastPath: 1, Replicas: []ReplicaRow{{Up: true, Fast: 2}}}
		if i == 7000 {
			r.P99, r.FastPath, r.Events = 900, 0.25, []Event{{At: 7000, Text: "kill"}}
		}
		s.Add(r)
	}
	rows, each := s.Rows()
	late, fast, worst, events, slowest := uint64(0), uint64(0), 0.0, 0, 1.0
	for _, r := range rows {
		late, fast, worst, events, slowest = late+r.Late, fast+r.Replicas[0].Fast, max(worst, r.P99), events+len(r.Events), min(slowest, r.FastPath)
		if r.Offered != 100 && r.Second != seconds {
			t.Fatalf("a row of %d seconds offers %d/s", each, r.Offered)
		}
	}
	if len(rows) > rowsKept || each != 8 || late != seconds || fast != 2*seconds || worst != 900 || events != 1 || slowest != 0.25 {
		t.Errorf("%d rows of %d: late %d, fast %d, worst %v, %d events, path %v", len(rows), each, late, fast, worst, events, slowest)
	}
}

func TestCompare(t *testing.T) {
	set := func(name string, achieved ...float64) (out []*Run) {
		for i, v := range achieved {
			r := aRun(fmt.Sprintf("%s%d", name, i))
			r.Achieved = v
			out = append(out, r)
		}
		return out
	}
	for _, c := range []struct {
		a, b    []*Run
		verdict string
	}{
		{set("a", 100, 101, 102, 103), set("b", 200, 201, 202, 203), "p=0.029"},
		{set("a", 100, 101, 102, 103), set("b", 100.5, 101.5, 102.5, 103.5), "~"},
		{set("a", 100), set("b", 200), "?"},
		{set("a", 100), set("b", 100), "="},
	} {
		lines, notes, err := Compare(c.a, c.b)
		if err != nil || lines[0].Figure != "achieved/s" || lines[0].Verdict() != c.verdict {
			t.Errorf("%+v, want %s: %v", lines, c.verdict, err)
		}
		if (len(notes) > 0) != (len(c.a) < fewRuns) {
			t.Errorf("notes %v", notes)
		}
	}
	for says, change := range map[string]func(r *Run){
		"rate 100 and 50": func(r *Run) { r.Rate = "50" }, "failed its audit": func(r *Run) { r.Audit.Faults = []string{"x"} },
		"twice": func(r *Run) { r.RunID = "a0" }, "signed false and true": func(r *Run) { r.Signed = &Signed{} }, "replicas 4 and 7": func(r *Run) { r.Replicas = 7 },
	} {
		b := set("b", 1)
		change(b[0])
		if _, _, err := Compare(set("a", 1), b); !errors.Is(err, ErrCompare) || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v", says, err)
		}
	}
	x, y := &Sweep{Batch: 1, Best: &Step{Achieved: 10}}, &Sweep{Batch: 1, Best: &Step{Achieved: 20}}
	if lines, err := CompareSweeps(x, y); err != nil || lines[0].Ratio != 2 {
		t.Errorf("%+v, %v", lines, err)
	}
	y.Batch = 2
	if _, err := CompareSweeps(x, y); !errors.Is(err, ErrCompare) || !strings.Contains(err.Error(), "batch 1 and 2") {
		t.Errorf("%v", err)
	}
	if _, err := CompareSweeps(x, &Sweep{Batch: 1}); !errors.Is(err, ErrCompare) {
		t.Errorf("%v", err)
	}
}

// TestRankTest holds the count of deals against dealing them all.
func TestRankTest(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		value := rapid.IntRange(0, 6) // few values: ties
		a := rapid.SliceOfN(value, 1, 6).Draw(t, "a")
		b := rapid.SliceOfN(value, 1, 6).Draw(t, "b")
		float := func(v []int) (out []float64) {
			for _, x := range v {
				out = append(out, float64(x))
			}
			return out
		}
		x, y := float(a), float(b)
		all := append(float(a), y...)
		rank := func(v float64) (r float64) {
			for _, o := range all {
				if o < v {
					r++
				} else if o == v {
					r += 0.5
				}
			}
			return r
		}
		far := func(mask uint) float64 {
			sum, mean := 0.0, 0.0
			for i, v := range all {
				if mask>>i&1 == 1 {
					sum += rank(v)
				}
				mean += rank(v)
			}
			return math.Abs(sum - mean*float64(len(x))/float64(len(all)))
		}
		extreme, every := 0, 0
		for mask := uint(0); mask < 1<<len(all); mask++ {
			if bits.OnesCount(mask) != len(x) {
				continue
			}
			every++
			if far(mask) >= far(1<<len(x)-1)-1e-9 {
				extreme++
			}
		}
		if got, want := rankTest(x, y), float64(extreme)/float64(every); math.Abs(got-want) > 1e-9 {
			t.Fatalf("%v and %v: p = %v, want %v", a, b, got, want)
		}
	})
}

// TestRankTestOfManyRuns: a comparison of as many runs as are taken ends, and says
// what it says of few. The exact test is the slow twin of the approximation.
func TestRankTestOfManyRuns(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 20 {
		values, shift := 3+rng.IntN(100), rng.Float64()
		var a, b []float64
		for range exactRuns / 2 {
			a = append(a, float64(rng.IntN(values)))
			b = append(b, math.Floor(float64(rng.IntN(values))+shift*float64(values)/3))
		}
		ranks, sum := doubledRanks(a, b)
		if got, want := rankNormal(ranks, len(a), sum), rankExact(ranks, len(a), sum); math.Abs(got-want) > 0.02 {
			t.Errorf("%v and %v: p = %v, exactly %v", a, b, got, want)
		}
	}
	var even, odd, more []float64
	for i := range runsMax {
		even, odd, more = append(even, float64(2*i)), append(odd, float64(2*i+1)), append(more, float64(2*i+runsMax))
	}
	if p := rankTest(even, odd); p < 0.9 || p > 1 {
		t.Errorf("the same: p = %v", p)
	}
	if p := rankTest(even, more); !(p < 1e-6) {
		t.Errorf("half of all shifted: p = %v", p)
	}
	if p := rankTest(even[:100], make([]float64, runsMax)); !(p < 1e-6) {
		t.Errorf("one value on one side: p = %v", p)
	}
	if p := rankTest(make([]float64, 100), make([]float64, runsMax)); p != 1 {
		t.Errorf("one value alone: p = %v", p)
	}
}

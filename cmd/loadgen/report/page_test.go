package report

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"quorate/cmd/loadgen/outcome"
)

// Aim: P1 to P3: one file that needs nothing else, says every figure without a
// script, takes nothing for markup, and shows a stall as a gap.
// Method: a made-up run with a stall and hostile texts; its bytes, and where
// Debian's chromium is there, what it draws of them.

// example is a run of 30 seconds with a stall from 10 to 13.
func example() (*outcome.Run, []outcome.Row) {
	hostile := "</script><script>document.title='hurt'</script><b>"
	run := &outcome.Run{
		Schema: outcome.Schema, Kind: outcome.KindRun, RunID: "4000000000000001", Workload: "zipf", Rate: "5000", Arrivals: "constant",
		Replicas: 4, F: 1, Batch: 100, Clients: 4, Duration: 30, Seconds: 30, Achieved: 4321,
		Measured: outcome.Counts{Offered: 150_000, Achieved: 129_630}, Whole: outcome.Counts{Offered: 150_000, Achieved: 129_630, Errors: 77},
		Errors: map[string]uint64{"overload" + hostile: 77}, LatencyMS: map[string]float64{"p50": 5.5, "p99": 3333.3},
		Events: []outcome.Event{{At: 10.2, Kind: "chaos", Text: "kill -9 replica 0" + hostile}, {At: 12.8, Kind: "view", Text: "view 0→1, primary 1"}},
		Audit:  &outcome.Audit{Acked: 129_630, FoundOnce: 129_630, Balanced: true, DigestsEqual: 4, Replicas: 4, Faults: nil},
	}
	var rows []outcome.Row
	for s := 1; s <= 30; s++ {
		r := outcome.Row{Second: s, Offered: 5000, Achieved: 5000, P50: 5, P90: 7, P99: 9, P999: 11, Most: 12, FastPath: 1, Outstanding: 3}
		for k := range 4 {
			r.Replicas = append(r.Replicas, outcome.ReplicaRow{Up: k > 0 || s < 10, View: uint64(s / 13), Primary: uint16(s / 13), Fast: 50})
		}
		if s > 10 && s <= 13 {
			r.Achieved, r.P50, r.P90, r.P99, r.P999, r.Most = 0, 0, 0, 0, 0, 0
			r.Codes = map[string]uint64{"overload" + hostile: 7}
		}
		rows = append(rows, r)
	}
	return run, rows
}

func page0(t *testing.T) string {
	t.Helper()
	run, rows := example()
	h := outcome.NewHistogram()
	for i := range int64(10_000) {
		_ = h.RecordValue(5000 + i)
	}
	text, err := Page(run, rows, 1, h)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestPageNeedsNothingElse(t *testing.T) {
	text := page0(t)
	if found := regexp.MustCompile(`(?i)(\ssrc=|<link|\shref=|@import|url\(|fetch\(|XMLHttpRequest|import\()`).FindString(text); found != "" {
		t.Errorf("the page reaches out of itself: %q", found)
	}
	if !strings.Contains(text, "default-src 'none'") {
		t.Error("a browser would let the page reach out")
	}
	if !strings.Contains(text, "Permission is hereby granted") {
		t.Error("the library's license is not in the page")
	}
	if !strings.Contains(text, "prefers-color-scheme: dark") {
		t.Error("there is no dark page")
	}
}

// TestPageWithoutScript: every figure stands in the markup itself.
func TestPageWithoutScript(t *testing.T) {
	text := page0(t)
	plain := text[:strings.Index(text, "<script>")]
	for _, want := range []string{"4321/s", "3333 ms", "5.5 ms", "150000", "129630", "view 0→1, primary 1", "0:10.2", "4 of 4", "nothing lost, nothing twice", "5.0", "n=4 f=1 c=0", "100 %"} {
		if !strings.Contains(plain, want) {
			t.Errorf("no %q before the first script", want)
		}
	}
	if strings.Contains(text, "<script>document.title") || strings.Contains(plain, "hurt'</script>") {
		t.Error("a text of the run became markup")
	}
}

func TestGapsAndLanes(t *testing.T) {
	run, rows := example()
	d := series(run, rows)
	for i, v := range d.P50 {
		if stalled := i >= 10 && i < 13; (v == nil) != stalled {
			t.Errorf("second %d: latency %v", i+1, v)
		}
		if *d.Achieved[i] == 0 != (v == nil) {
			t.Errorf("second %d: achieved %v", i+1, *d.Achieved[i])
		}
	}
	if d.Replicas[0].State[3] != laneFast || d.Replicas[0].State[20] != laneDown || d.Replicas[0].View[20] != nil {
		t.Errorf("lane of the killed replica: %+v", d.Replicas[0])
	}
	if d.Replicas[0].Lead[3] != 1 || d.Replicas[0].Lead[20] != 0 || d.Replicas[1].Lead[20] != 1 {
		t.Errorf("who led: %v, %v", d.Replicas[0].Lead, d.Replicas[1].Lead)
	}
	for want, p := range map[int]outcome.ReplicaRow{laneDown: {}, laneIdle: {Up: true}, laneFast: {Up: true, Fast: 1}, laneMixed: {Up: true, Fast: 1, Slow: 1}, laneSlow: {Up: true, Slow: 1}} {
		if got := state(&p); got != want {
			t.Errorf("%+v is state %d, want %d", p, got, want)
		}
	}
}

// TestEmptyRun: a run that a signal ended at once, and one that nothing answered.
func TestEmptyRun(t *testing.T) {
	text, err := Page(&outcome.Run{RunID: "x", Started: time.Now()}, nil, 1, outcome.NewHistogram())
	if err != nil || !strings.Contains(string(text), "not audited") {
		t.Errorf("%v", err)
	}
}

// TestBrowserDraws lets a real browser run the page.
func TestBrowserDraws(t *testing.T) {
	browser, err := exec.LookPath("chromium")
	if err != nil {
		t.Skip("no chromium; install it with: apt-get install chromium")
	}
	path := filepath.Join(t.TempDir(), "report.html")
	if err := os.WriteFile(path, []byte(page0(t)), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(browser, "--headless", "--no-sandbox", "--disable-gpu", "--user-data-dir="+t.TempDir(),
		"--timeout=20000", "--dump-dom", "file://"+path).CombinedOutput()
	if err != nil {
		t.Skipf("chromium does not run here: %v: %.300s", err, out)
	}
	dom := string(out)
	if n := strings.Count(dom, "<canvas"); n != 7 {
		t.Errorf("%d canvases, want one for each of seven plots", n)
	}
	if strings.Contains(dom, "<title>hurt") {
		t.Error("a text of the run ran as script")
	}
	for _, want := range []string{"achieved", "replica 3", "p99.9"} {
		if !strings.Contains(dom, want) {
			t.Errorf("no legend with %q", want)
		}
	}
}

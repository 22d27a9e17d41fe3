package record

import (
	"bytes"
	"errors"
	"math"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
)

// Aim: what is written is read back the same, and nothing else is read (R1 to
// R3). Method: one good record, and one change of it per row.

func good() Run {
	return Run{Schema: Schema, Experiment: "peak", Repetition: 1, At: time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC),
		Parameters: Parameters{Replicas: 4, F: 1, Rate: "max", Batch: 8189, Seconds: 10},
		Host:       Host{CPU: "x", Cores: 2, LoadBefore: 0.25}, Commit: "abc", Command: "measure run", Outcome: OK,
		Audit: "audit: all well", Figures: map[string]float64{"payments_per_second": 1000.5}}
}

func TestRoundTrip(t *testing.T) {
	bad := good()
	bad.Repetition, bad.Outcome, bad.Why, bad.Figures = 2, Failed, "audit: 1 fault", nil
	want := []Run{good(), bad}
	var text bytes.Buffer
	for i := range want {
		if err := Write(&text, &want[i]); err != nil {
			t.Fatal(err)
		}
	}
	if n := strings.Count(text.String(), "\n"); n != len(want) {
		t.Fatalf("%d lines for %d records", n, len(want))
	}
	got, err := Read(&text)
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%v\ngot  %+v\nwant %+v", err, got, want)
	}
}

func TestWhatIsNoRecord(t *testing.T) {
	for name, change := range map[string]func(r *Run){
		"another schema":          func(r *Run) { r.Schema++ },
		"no name":                 func(r *Run) { r.Experiment = "" },
		"repetition 0":            func(r *Run) { r.Repetition = 0 },
		"no time":                 func(r *Run) { r.At = time.Time{} },
		"another outcome":         func(r *Run) { r.Outcome = "good" },
		"ok with a reason":        func(r *Run) { r.Why = "because" },
		"ok without figures":      func(r *Run) { r.Figures = nil },
		"failed without a reason": func(r *Run) { r.Outcome, r.Figures = Failed, nil },
		"failed with figures":     func(r *Run) { r.Outcome, r.Why = Failed, "audit" },
		"skipped with figures":    func(r *Run) { r.Outcome, r.Why = Skipped, "no flag" },
		"unknown figure":          func(r *Run) { r.Figures["beauty"] = 1 },
		"NaN":                     func(r *Run) { r.Figures["goodput_ratio"] = math.NaN() },
		"infinite":                func(r *Run) { r.Figures["goodput_ratio"] = math.Inf(1) },
	} {
		r := good()
		change(&r)
		if err := Write(&bytes.Buffer{}, &r); !errors.Is(err, ErrRecord) {
			t.Errorf("%s is written: %v", name, err)
		}
	}
	var line bytes.Buffer
	r := good()
	if err := Write(&line, &r); err != nil {
		t.Fatal(err)
	}
	one := strings.TrimSpace(line.String())
	for name, text := range map[string]string{
		"nothing":        "",
		"no JSON":        "figures\n",
		"an empty line":  one + "\n\n" + one,
		"two in a line":  one + one,
		"unknown field":  strings.Replace(one, `"commit"`, `"comit"`, 1),
		"another schema": strings.Replace(one, `"schema":1`, `"schema":2`, 1),
		"a list":         "[" + one + "]",
		"too long":       `{"experiment":"` + strings.Repeat("x", lineBytesMax) + `"}`,
	} {
		if got, err := Read(strings.NewReader(text)); !errors.Is(err, ErrRecord) {
			t.Errorf("%s is read as %v, %v", name, got, err)
		}
	}
	if _, err := ReadFile(filepath.Join(t.TempDir(), "none.jsonl")); err == nil {
		t.Error("a file that is not there is read")
	}
}

// TestFigures: names are unique, and every figure says what it is.
func TestFigures(t *testing.T) {
	seen := map[string]bool{}
	for _, f := range Figures() {
		if seen[f.Name] || f.Means == "" {
			t.Errorf("figure %q twice, or without meaning", f.Name)
		}
		seen[f.Name] = true
	}
}

func TestHostAndCommit(t *testing.T) {
	if h := DetectHost(t.TempDir()); h.Cores < 1 || h.Arch == "" || h.Go == "" {
		t.Errorf("host %+v", h)
	}
	dir := t.TempDir()
	if commit, dirty := Commit(dir); commit != "unknown" || dirty {
		t.Errorf("outside of git: %s, %v", commit, dirty)
	}
	git := func(args ...string) {
		t.Helper()
		args = append([]string{"-C", dir, "-c", "user.name=x", "-c", "user.email=x@example.org", "-c", "commit.gpgsign=false"}, args...)
		if out, err := exec.Command("git", args...).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
	git("init", "-q")
	git("commit", "-q", "--allow-empty", "-m", "x")
	if commit, dirty := Commit(dir); len(commit) != 40 || dirty {
		t.Errorf("a clean tree: %s, %v", commit, dirty)
	}
	if err := exec.Command("touch", filepath.Join(dir, "new")).Run(); err != nil {
		t.Fatal(err)
	}
	if _, dirty := Commit(dir); !dirty {
		t.Error("a new file leaves the tree clean")
	}
}

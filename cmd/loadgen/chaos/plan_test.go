package chaos

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"
)

// Aim: K1 and K3: a plan is read as it is written, what makes no sense is
// refused with what to write instead, and a seed gives one plan.

func TestPlans(t *testing.T) {
	for line, want := range map[string]Step{
		"20s kill primary":               {At: 20 * time.Second, Action: Kill, Target: Primary},
		"20s kill replica 3 for 1500ms":  {At: 20 * time.Second, Action: Kill, Target: 3, For: 1500 * time.Millisecond},
		"0s stop backup for 5s":          {Action: Stop, Target: Backup, For: 5 * time.Second},
		"1m  restart   any":              {At: time.Minute, Action: Restart, Target: Any},
		"50s start replica 0":            {At: 50 * time.Second, Action: Start},
		"5s exec ./cut.sh on for a  bit": {At: 5 * time.Second, Action: Exec, Command: "./cut.sh on for a  bit"},
	} {
		s, err := Parse(line)
		if err != nil || s != want {
			t.Errorf("%q: %+v, %v", line, s, err)
		}
		if again, err := Parse(s.String()); err != nil || again != s {
			t.Errorf("%q is written as %q", line, s.String())
		}
	}
	for line, says := range map[string]string{
		"":                            "needs a time",
		"kill primary now":            "begin with a time",
		"20 kill primary":             "begin with a time",
		"-1s kill primary":            "begin with a time",
		"20s hug primary":             "the actions are",
		"20s kill leader":             "the target is",
		"20s kill replica -1":         "the target is",
		"20s kill replica":            "the target is",
		"20s kill primary forever":    "for D",
		"20s kill primary for x":      "a duration",
		"20s stop primary":            "needs an end",
		"20s restart primary for 5s":  "takes no time",
		"20s start primary":           "names the replica",
		"20s kill primary for 5s now": "for D",
	} {
		if _, err := Parse(line); !errors.Is(err, ErrPlan) || !strings.Contains(err.Error(), says) || !strings.Contains(err.Error(), "20s kill primary for 10s") {
			t.Errorf("%q: %v", line, err)
		}
	}
	if steps, err := ParseFile("# plan\n\n1s kill primary for 2s\n  5s restart any\n"); err != nil || len(steps) != 2 {
		t.Errorf("%+v, %v", steps, err)
	}
	for text, says := range map[string]string{"# nothing\n": "no step", "1s kill primary\nx\n": "line 2", strings.Repeat("1s kill 0\n", stepsMax+1): "over 1000"} {
		if _, err := ParseFile(text); !errors.Is(err, ErrPlan) || !strings.Contains(err.Error(), says) {
			t.Errorf("%.20q: %v", text, err)
		}
	}
}

func TestChecks(t *testing.T) {
	for lines, says := range map[string]string{
		"9s restart any\n1s kill 0\n5s start 0":                            "",
		"1s kill replica 4":                                                "replicas 0 to 3",
		"10s kill 0":                                                       "the load at 10s",
		"6s stop 0 for 4s":                                                 "the load at 10s",
		"5s start 0\n6s kill 0":                                            "no step before it",
		"1s stop 2 for 5s\n2s stop 2 for 1s":                               "at 6s at the earliest",
		"1s kill 2 for 5s\n2s restart 2":                                   "overlap",
		"1s stop 2 for 5s\n2s kill 2":                                      "overlap",
		"1s kill 1\n2s stop 2 for 5s\n3s start 2":                          "overlap",
		"1s kill 2\n3s stop 2 for 1s":                                      "leaves it down",
		"1s stop 2 for 2s\n3s stop 2 for 1s":                               "",
		"1s kill 2\n3s start 2\n4s kill 2":                                 "",
		"1s kill 2 for 5s\n3s start 2\n4s stop 1 for 1s\n5s stop 2 for 1s": "",
		"1s stop primary for 5s\n2s stop primary for 1s":                   "",
	} {
		steps, err := ParseFile(lines)
		if err != nil {
			t.Fatal(err)
		}
		err = Check(steps, 10*time.Second, 4)
		if (err == nil) != (says == "") || err != nil && !strings.Contains(err.Error(), says) {
			t.Errorf("%q: %v", lines, err)
		}
		if err == nil && !slices.IsSortedFunc(steps, func(a, b Step) int { return int(a.At - b.At) }) {
			t.Errorf("%q: not in order", lines)
		}
	}
}

func TestRandom(t *testing.T) {
	seen := map[Action]bool{}
	for seed := range uint64(20) {
		a, err := Random(seed, 10*time.Second, time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		b, _ := Random(seed, 10*time.Second, time.Minute)
		if !slices.Equal(a, b) || len(a) != 5 {
			t.Errorf("seed %d: %v and %v", seed, a, b)
		}
		if err := Check(a, time.Minute, 4); err != nil {
			t.Error(err)
		}
		for i := range a {
			seen[a[i].Action] = true
			if a[i].For >= 10*time.Second || (a[i].Action == Kill) && a[i].For == 0 {
				t.Errorf("seed %d: %s is not undone before the next", seed, a[i].String())
			}
		}
	}
	if len(seen) != 3 {
		t.Errorf("20 seeds choose %v", seen)
	}
	for _, c := range [][2]time.Duration{{time.Second, time.Minute}, {20 * time.Second, 30 * time.Second}} {
		if _, err := Random(1, c[0], c[1]); !errors.Is(err, ErrPlan) {
			t.Errorf("every %v of %v: %v", c[0], c[1], err)
		}
	}
}

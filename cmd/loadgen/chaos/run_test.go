package chaos

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// Aim: K1 and K2 on real processes: the right one is hit and no other, it runs
// again as it did before, and nothing stays stopped when the load is cut short.
// Method: this test's own binary stands for a replica; it answers to `start --dir
// X` and waits.

func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "start" {
		fmt.Fprintln(os.Stderr, "up", os.Getenv("MARK"))
		time.Sleep(2 * time.Minute) // nobody's process outlives the tests by more
		return
	}
	os.Exit(m.Run())
}

// fakes starts n processes that look like replicas of a cluster and gives its
// directory.
func fakes(t *testing.T, n int) string {
	t.Helper()
	if _, err := os.Stat("/proc/self/cmdline"); err != nil {
		t.Skip("no /proc here")
	}
	dir := t.TempDir()
	for i := range n {
		node := filepath.Join(dir, fmt.Sprintf("node-%d", i))
		if err := os.Mkdir(node, 0o755); err != nil {
			t.Fatal(err)
		}
		log, err := os.Create(node + ".log")
		if err != nil {
			t.Fatal(err)
		}
		args := []string{"start", "--dir", "./" + filepath.Base(node)} // relative to its own directory
		if i%2 == 1 {
			args = []string{"start", "--dir=" + node}
		}
		cmd := exec.Command(os.Args[0], args...)
		cmd.Dir, cmd.Env, cmd.Stderr = dir, append(os.Environ(), "MARK=mine"), log
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		_ = log.Close()
		go func() { _ = cmd.Wait() }()
	}
	for i := range n {
		await(t, "replica to start", func() bool { _, err := find(dir, i); return err == nil })
	}
	t.Cleanup(func() {
		for i := range n {
			if p, err := find(dir, i); err == nil {
				_ = p.signal(9)
			}
		}
	})
	return dir
}

func await(t *testing.T, what string, done func() bool) {
	t.Helper()
	for range 1000 {
		if done() {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatalf("waited ten seconds for %s", what)
}

func runner(t *testing.T, dir, lines string) (*Runner, *[]string) {
	t.Helper()
	steps, err := ParseFile(lines)
	if err != nil {
		t.Fatal(err)
	}
	said := &[]string{}
	r := &Runner{Dir: dir, Replicas: 3, Steps: steps, Primary: func() int { return 1 }, Say: func(s string) { *said = append(*said, s) }}
	if err := r.Check(time.Minute); err != nil {
		t.Fatal(err)
	}
	return r, said
}

func pids(t *testing.T, dir string) (out [3]int) {
	t.Helper()
	for i := range out {
		p, err := find(dir, i)
		if err != nil {
			t.Fatal(err)
		}
		out[i] = p.pid
	}
	return out
}

// stateOf is the letter of a process's state, T when it is stopped.
func stateOf(pid int) string {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	_, after, _ := strings.Cut(string(text), ") ")
	return after[:min(len(after), 1)]
}

func TestRunnerDoesThePlan(t *testing.T) {
	t.Parallel()
	dir := fakes(t, 3)
	before := pids(t, dir)
	r, said := runner(t, dir, "0s kill primary for 100ms\n200ms restart replica 2\n300ms stop 0 for 50ms\n400ms exec test $QUORATE_PRIMARY = 1\n500ms exec echo no; exit 3\n")
	err := r.Run(t.Context(), time.Now())
	if err == nil || !strings.Contains(err.Error(), "exit status 3") || strings.Count(err.Error(), "chaos:") != 1 {
		t.Errorf("the failing command alone is an error: %v", err)
	}
	after := pids(t, dir)
	if after[0] != before[0] || after[1] == before[1] || after[2] == before[2] {
		t.Errorf("processes %v became %v", before, after)
	}
	if s := stateOf(after[0]); s == "T" {
		t.Error("replica 0 is still stopped")
	}
	log, _ := os.ReadFile(filepath.Join(dir, "node-1.log"))
	if got := string(log); got != "up mine\nup mine\n" {
		t.Errorf("it did not start as before, into the same log: %q", got)
	}
	want := []string{"kill -9 replica 1 (primary)", "start replica 1", "restart replica 2", "start replica 2", "stop replica 0", "resume replica 0",
		"exec test $QUORATE_PRIMARY = 1", "exec echo no; exit 3"}
	if len(*said) != len(want)+1 || !slices.Equal((*said)[:len(want)], want) || !strings.HasPrefix((*said)[len(want)], "FAILED") {
		t.Errorf("said %q", *said)
	}
	if len(r.Down()) != 0 {
		t.Errorf("down: %v", r.Down())
	}
}

// TestRunnerCutShort: a signal in the middle leaves nothing stopped, and runs
// what was killed for a time; what was killed for good stays down.
func TestRunnerCutShort(t *testing.T) {
	t.Parallel()
	dir := fakes(t, 3)
	before := pids(t, dir)
	r, _ := runner(t, dir, "0s stop 0 for 50s\n0s kill 1 for 50s\n0s kill 2\n55s restart 0\n")
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx, time.Now()) }()
	await(t, "the steps", func() bool {
		_, err := find(dir, 2)
		return stateOf(before[0]) == "T" && err != nil
	})
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if s := stateOf(before[0]); s == "T" || s == "" {
		t.Errorf("replica 0 is in state %q", s)
	}
	if p, err := find(dir, 1); err != nil || p.pid == before[1] {
		t.Errorf("replica 1 does not run again: %v", err)
	}
	if _, err := find(dir, 2); !errors.Is(err, ErrPlan) || !slices.Equal(r.Down(), []int{2}) {
		t.Errorf("replica 2: %v, down %v", err, r.Down())
	}
}

// TestCheckNeedsProcesses: a replica that is not of this host is refused before
// the load.
func TestCheckNeedsProcesses(t *testing.T) {
	t.Parallel()
	dir := fakes(t, 2)
	for line, says := range map[string]string{"1s kill replica 2": "replica 2", "1s kill primary": "replica 2", "1s kill replica 0": "", "1s exec true": ""} {
		_ = os.Mkdir(filepath.Join(dir, "node-2"), 0o755)
		steps, _ := ParseFile(line)
		r := &Runner{Dir: dir, Replicas: 3, Steps: steps}
		err := r.Check(time.Minute)
		if (err == nil) != (says == "") || err != nil && (!errors.Is(err, ErrPlan) || !strings.Contains(err.Error(), says)) {
			t.Errorf("%s: %v", line, err)
		}
	}
}

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

	"golang.org/x/sys/unix"
)

// Aim: K1 and K2 on real processes: the right one is hit and no other, it runs
// again as it did before, and nothing stays stopped when the load is cut short.
// Method: this test's own binary stands for a replica; it answers to `start --dir
// X`, locks X/data/lock as a replica does, and waits.

func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "start" {
		node := strings.TrimPrefix(os.Args[len(os.Args)-1], "--dir=")
		lock, err := os.OpenFile(filepath.Join(node, "data", "lock"), os.O_CREATE|os.O_RDWR, 0o600)
		if err != nil || unix.Flock(int(lock.Fd()), unix.LOCK_EX|unix.LOCK_NB) != nil {
			os.Exit(1)
		}
		defer lock.Close()
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
		if err := os.MkdirAll(filepath.Join(node, "data"), 0o755); err != nil {
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
	t.Cleanup(func() {
		for i := range n {
			if p, err := find(dir, i); err == nil {
				_ = p.signal(9)
			}
		}
	})
	for i := range n {
		await(t, "replica to say that it is up", func() bool {
			log, _ := os.ReadFile(filepath.Join(dir, fmt.Sprintf("node-%d.log", i)))
			return len(log) > 0
		})
	}
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

// TestStepsMeetInOneReplica: two steps that mean the same replica when they come
// share it: it goes on when the last of them ends, and one that was killed in
// between is not met again.
func TestStepsMeetInOneReplica(t *testing.T) {
	t.Parallel()
	dir := fakes(t, 3)
	before := pids(t, dir)
	r, said := runner(t, dir, "0s stop primary for 400ms\n100ms stop primary for 100ms\n500ms stop primary for 500ms\n600ms kill replica 1 for 100ms\n800ms stop primary for 50ms\n")
	if err := r.Run(t.Context(), time.Now()); err != nil {
		t.Error(err)
	}
	after := pids(t, dir)
	if s := stateOf(after[1]); after[1] == before[1] || s == "T" {
		t.Errorf("replica 1 is process %d, then %d in state %q", before[1], after[1], s)
	}
	want := []string{"stop replica 1 (primary)", "stop replica 1 (primary)", "resume replica 1", "stop replica 1 (primary)", "kill -9 replica 1", "start replica 1",
		"stop replica 1 (primary)", "resume replica 1"}
	if !slices.Equal(*said, want) {
		t.Errorf("said %q", *said)
	}
}

// TestTheHolderOfTheLockIsTheReplica: not a wrapper with its arguments, and not one
// that has the file open alone.
func TestTheHolderOfTheLockIsTheReplica(t *testing.T) {
	t.Parallel()
	dir := fakes(t, 1)
	node := filepath.Join(dir, "node-0")
	replica, err := find(dir, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(replica.signal(9), replica.ended(t.Context(), endPatience)); err != nil {
		t.Fatal(err)
	}
	wrapper := exec.Command("/bin/sh", "-c", "exec 9<"+node+"/data/lock; read nothing", "start", "--dir", node)
	hold, err := wrapper.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := wrapper.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = hold.Close(); _ = wrapper.Wait() }()
	await(t, "the wrapper to open the file", func() bool {
		_, err := os.Stat(fmt.Sprintf("/proc/%d/fd/9", wrapper.Process.Pid))
		return err == nil
	})
	if p, err := find(dir, 0); !errors.Is(err, ErrPlan) || !strings.Contains(err.Error(), "data/lock") {
		t.Fatalf("found %v, %v", p != nil, err)
	}
	if err := replica.start(); err != nil {
		t.Fatal(err)
	}
	if p, err := find(dir, 0); err != nil || p.pid == wrapper.Process.Pid || p.program != replica.program {
		t.Errorf("found %v, %v", p != nil, err)
	}
}

// TestRestartOfAStoppedReplica: it takes a SIGTERM only when it goes on. Who leads
// is not asked for a replica that is named, and a log that was deleted is made
// again.
func TestRestartOfAStoppedReplica(t *testing.T) {
	t.Parallel()
	dir := fakes(t, 3)
	before := pids(t, dir)
	log := filepath.Join(dir, "node-0.log")
	if err := errors.Join(unix.Kill(before[0], unix.SIGSTOP), os.Remove(log)); err != nil {
		t.Fatal(err)
	}
	r, said := runner(t, dir, "0s restart replica 0\n1ms stop any for 1ms\n")
	r.Primary = func() int { t.Error("who leads was asked"); return 0 }
	if err := r.Run(t.Context(), time.Now()); err != nil {
		t.Error(err)
	}
	if after := pids(t, dir); after[0] == before[0] || !slices.Equal((*said)[:2], []string{"restart replica 0", "start replica 0"}) {
		t.Errorf("processes %v became %v; said %q", before, after, *said)
	}
	await(t, "its line in the new log", func() bool { text, _ := os.ReadFile(log); return string(text) == "up mine\n" })
}

// TestRestartThatFails: a replica that did not start is tried again, and is never
// taken for one that is meant to be down.
func TestRestartThatFails(t *testing.T) {
	t.Parallel()
	for _, mended := range []bool{true, false} {
		dir := fakes(t, 3)
		log := filepath.Join(dir, "node-0.log")
		r, _ := runner(t, dir, "0s restart replica 0\n")
		r.Say = func(text string) {
			switch {
			case text == "restart replica 0": // a directory there cannot be opened as a log
				if err := errors.Join(os.Remove(log), os.Mkdir(log, 0o755)); err != nil {
					t.Error(err)
				}
			case strings.HasPrefix(text, "FAILED") && mended:
				if err := os.Remove(log); err != nil {
					t.Error(err)
				}
			}
		}
		if err := r.Run(t.Context(), time.Now()); err == nil || !strings.Contains(err.Error(), "node-0.log") {
			t.Errorf("mended %v: %v", mended, err)
		}
		if _, err := find(dir, 0); (err == nil) != mended {
			t.Errorf("mended %v: %v", mended, err)
		}
		if down := r.Down(); len(down) != 0 {
			t.Errorf("mended %v: %v down for good", mended, down)
		}
	}
}

// TestSomethingElseStartsIt: a supervisor that is faster is as good.
func TestSomethingElseStartsIt(t *testing.T) {
	t.Parallel()
	dir := fakes(t, 3)
	again := fmt.Sprintf("'%s' start --dir '%s/node-0' >'%s/node-0.log' 2>&1 & while ! grep -q up '%s/node-0.log'; do sleep 0.01; done", os.Args[0], dir, dir, dir)
	r, said := runner(t, dir, "0s kill 0\n1ms exec "+again+"\n2ms start 0\n3ms kill 2\n")
	if err := r.Run(t.Context(), time.Now()); err != nil {
		t.Error(err)
	}
	if len(*said) != 4 || !strings.Contains((*said)[2], "something else started it") {
		t.Errorf("said %q", *said)
	}
	if down := r.Down(); !slices.Equal(down, []int{2}) {
		t.Errorf("down %v", down)
	}
}

// TestALogThatIsAPipe: what could not be started with its log is not ended.
func TestALogThatIsAPipe(t *testing.T) {
	t.Parallel()
	dir := fakes(t, 1)
	p, err := find(dir, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(p.signal(9), p.ended(t.Context(), endPatience)); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(os.Args[0], "start", "--dir", filepath.Join(dir, "node-0"))
	pipe, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = cmd.Process.Kill(); _ = cmd.Wait() }()
	if _, err := pipe.Read(make([]byte, 3)); err != nil { // up
		t.Fatal(err)
	}
	for lines, refused := range map[string]bool{
		"1s restart 0": true, "1s kill any for 1s": true, "1s kill 0\n2s start 0": true, "1s stop 0 for 1s": false, "1s kill 0": false,
	} {
		steps, err := ParseFile(lines)
		if err != nil {
			t.Fatal(err)
		}
		r := &Runner{Dir: dir, Replicas: 1, Steps: steps}
		err = r.Check(time.Minute)
		if (err != nil) != refused || err != nil && (!errors.Is(err, ErrPlan) || !strings.Contains(err.Error(), "standard error of process")) {
			t.Errorf("%q: %v", lines, err)
		}
	}
	r := &Runner{Dir: dir, Replicas: 1, Steps: []Step{{Action: Restart}}, Say: func(string) {}}
	if err := r.Run(t.Context(), time.Now()); err == nil || stateOf(cmd.Process.Pid) == "Z" || r.killed[0] != nil {
		t.Errorf("it was ended: %v", err)
	}
}

// TestNoArgumentsIsNotEnded: a process loses its arguments before its files. A
// thread of the kernel stands for one in between.
func TestNoArgumentsIsNotEnded(t *testing.T) {
	t.Parallel()
	if text, err := os.ReadFile("/proc/2/cmdline"); err != nil || len(text) > 0 {
		t.Skip("no thread of the kernel to be seen here")
	}
	fd, err := unix.PidfdOpen(2, 0)
	if err != nil {
		t.Skip(err)
	}
	p := &process{pid: 2, handle: os.NewFile(uintptr(fd), "pidfd")}
	defer p.handle.Close()
	if err := p.ended(t.Context(), time.Millisecond); err == nil {
		t.Error("it is taken for ended")
	}
}

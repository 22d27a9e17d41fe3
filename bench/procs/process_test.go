package procs

import (
	"errors"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Aim: P1 to P3 with children that are no replicas; cmd/replica/e2e uses the
// rest with real ones.

func shell(t *testing.T, env []string, script string) *Process {
	t.Helper()
	p, err := Spawn(nil, env, "/bin/sh", "-c", script)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Kill)
	return p
}

func TestChildren(t *testing.T) {
	t.Setenv("QUORATE_TICK_MICROS", "1")
	p := shell(t, []string{"QUORATE_PROFILE=lan"}, "env; echo trouble >&2; exit 3")
	if code, err := p.Wait(time.Minute); code != 3 || err != nil {
		t.Errorf("exit code %d, %v", code, err)
	}
	out := p.Stdout.String()
	if strings.Contains(out, "QUORATE_TICK_MICROS") || !strings.Contains(out, "QUORATE_PROFILE=lan") {
		t.Errorf("the child's environment:\n%s", out)
	}
	if p.Alive() || !strings.Contains(p.State(), "3") || p.Stderr.String() != "trouble\n" {
		t.Errorf("%s, %q on standard error", p.State(), p.Stderr.String())
	}
	p.Signal(syscall.SIGKILL) // gone: nobody else may be hit

	paused := shell(t, nil, "exec sleep 600")
	paused.Signal(syscall.SIGSTOP)
	if !paused.Alive() {
		t.Error("a paused child is not alive")
	}
	paused.Kill()
	if paused.Alive() {
		t.Error("a killed child is alive")
	}

	if code, err := shell(t, nil, "exec sleep 600").Wait(10 * time.Millisecond); err == nil {
		t.Errorf("a child that does not end gives code %d", code)
	}
	if _, err := Run(time.Minute, "/bin/sh", "-c", "echo why >&2; exit 4"); err == nil || !strings.Contains(err.Error(), "why") {
		t.Errorf("a failed command gives %v", err)
	}
}

func TestFreePorts(t *testing.T) {
	base, err := FreePorts(5)
	if err != nil || base < 12_000 || base+5 > 32_000 {
		t.Errorf("ports from %d on, %v", base, err)
	}
}

func TestEventually(t *testing.T) {
	late, tries := errors.New("late"), 0
	if err := Eventually(time.Minute, "x", func() error {
		if tries++; tries < 3 {
			return late
		}
		return nil
	}); err != nil || tries != 3 {
		t.Errorf("%v after %d tries", err, tries)
	}
	if err := Eventually(0, "x", func() error { return late }); !errors.Is(err, late) {
		t.Errorf("the last error is %v", err)
	}
}

func TestTail(t *testing.T) {
	if got := Tail([]byte(strings.Repeat("a\n", 100))); strings.Count(got, "a") > 25 || got == "" {
		t.Errorf("%q", got)
	}
}

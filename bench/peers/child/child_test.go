package child

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Aim: K1 and K2, and that costs are those of the process named. Method: shells
// that end, hang, burn CPU and write.

func TestProcesses(t *testing.T) {
	log := filepath.Join(t.TempDir(), "log")
	t.Setenv("QUORATE_PROFILE", "lan")
	out, err := Run(time.Minute, log, "/bin/sh", "-c", "echo said; env | grep -c QUORATE_ || echo clean")
	if err != nil || out != "said\n0\nclean\n" {
		t.Errorf("%q, %v", out, err)
	}
	if _, err := Run(time.Minute, log, "/bin/sh", "-c", "echo why >&2; exit 3"); err == nil || !strings.Contains(err.Error(), "why") {
		t.Errorf("a failed command: %v", err)
	}
	if _, err := Run(10*time.Millisecond, log, "/bin/sh", "-c", "exec sleep 600"); err == nil {
		t.Error("a command that does not end is no error")
	}
	p, err := Start(log, "/bin/sh", "-c", "exec sleep 600")
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Alive(); err != nil {
		t.Error(err)
	}
	p.Stop(time.Minute)
	if err := p.Alive(); !errors.Is(err, ErrEnded) {
		t.Errorf("a stopped process: %v", err)
	}
	tries := 0
	if err := Eventually(time.Minute, "x", func() error { tries++; return p.Alive() }); !errors.Is(err, ErrEnded) || tries != 1 {
		t.Errorf("waiting for a process that ended: %d tries, %v", tries, err)
	}
}

func TestCosts(t *testing.T) {
	p, err := Start(filepath.Join(t.TempDir(), "log"), "/bin/sh", "-c", "while :; do :; done")
	if err != nil {
		t.Fatal(err)
	}
	defer p.Kill()
	var cpu float64
	if err := Eventually(time.Minute, "CPU time", func() (err error) {
		if cpu, err = CPUOf([]int{p.Pid()}); err == nil && cpu < 0.05 {
			err = errors.New("none yet")
		}
		return err
	}); err != nil {
		t.Error(err)
	}
	p.Kill()
	if _, err := CPU(p.Pid()); err == nil {
		t.Error("a process that ended has a CPU time")
	}
}

func TestHeld(t *testing.T) {
	dir := t.TempDir()
	before := Written(dir)
	if err := os.MkdirAll(filepath.Join(dir, "a", "b"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "a", "b", "f"), make([]byte, 1<<20), 0o644); err != nil {
		t.Fatal(err)
	}
	f, err := os.Create(filepath.Join(dir, "sparse"))
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(f.Truncate(1<<30), f.Sync(), f.Close()); err != nil {
		t.Fatal(err)
	}
	synced, err := os.Open(filepath.Join(dir, "a", "b", "f"))
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(synced.Sync(), synced.Close()); err != nil { // else blocks may not be counted yet
		t.Fatal(err)
	}
	if after := Written(dir); after > 0 && after-before < 1<<20 {
		t.Errorf("%d bytes written to the device, less than were synced", after-before)
	}
	n, err := Held(dir)
	if err != nil || n < 1<<20 || n > 2<<20 {
		t.Errorf("%d bytes, %v", n, err)
	}
}

func TestThisHost(t *testing.T) {
	if h := ThisHost(); h.CPUs < 1 || h.Model == "" || h.Kernel == "?" || h.Go == "" {
		t.Errorf("%+v", h)
	}
}

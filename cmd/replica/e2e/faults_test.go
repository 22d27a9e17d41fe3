package e2e

import (
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Aim: the two fault experiments run, and a few of their rounds pass. What they
// are for is many more rounds: make kill9, make netfaults.

func TestKill9(t *testing.T) {
	long(t)
	out := experiment(t, "kill9", "-cycles", "4", "-seed", "3")
	if !strings.Contains(out, "kill9: 4 cycles") || !strings.Contains(out, "lost 0, duplicated 0") {
		t.Error("it ended well without its figures")
	}
}

func TestNetFaults(t *testing.T) {
	long(t)
	out := experiment(t, "netfaults", "-rounds", "3", "-seed", "3")
	if strings.Contains(out, "skipped") {
		t.Skip(out)
	}
	if !strings.Contains(out, "netfaults: 3 rounds") || !strings.Contains(out, "lost 0, duplicated 0") {
		t.Error("it ended well without its figures")
	}
}

// experiment runs one of bench's commands to its end and gives its output.
func experiment(t *testing.T, name string, args ...string) string {
	t.Helper()
	p := spawn(t, nil, name, append(args, "-bin", binaries, "-dir", filepath.Join(t.TempDir(), "run"))...)
	code := p.wait(t, 10*time.Minute)
	t.Logf("%s%s", p.Stdout.String(), p.Stderr.String())
	if code != exitOK {
		t.Fatalf("exit code %d", code)
	}
	return p.Stdout.String()
}

package e2e

import (
	"context"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestBankReplay: 40,000 real transactions through four real replicas, and
// every final balance as awk computes it from the source. The script is what
// `make replay-bank` runs; it says where it looks for the data.
func TestBankReplay(t *testing.T) {
	long(t)
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "../../../bench/bank/replay.sh")
	cmd.Env = append(os.Environ(), "BIN="+binaries)
	if os.Getenv("QUORATE_BANK_CSV") == "" { // named as a user would, so that the variable is tested too
		cmd.Env = append(cmd.Env, "QUORATE_BANK_CSV=../shared/data/czech-bank-1993.csv")
	}
	// At the deadline the script itself must end its replicas.
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = stopMax
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if strings.Contains(string(out), "skipped") {
		t.Skip(string(out))
	}
	if !strings.Contains(string(out), "balances are as computed from the source") {
		t.Errorf("it ended well and compared nothing:\n%s", out)
	}
	t.Logf("%s", out)
}

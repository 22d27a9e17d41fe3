package main

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"quorate/bench/record"
)

// Aim: a whole experiment, from `replica init` to its record, on real processes.
// Method: two seconds of load each; what is measured has to be there and to fit
// together, and no value decides anything.

func TestTinyExperiments(t *testing.T) {
	if testing.Short() {
		t.Skip("starts real replicas")
	}
	bin, dir := t.TempDir(), t.TempDir()
	if out, err := exec.Command("go", "build", "-o", bin, "quorate/cmd/...").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	out := filepath.Join(dir, "out.jsonl")
	var stdout, stderr bytes.Buffer
	args := []string{"run", "--only", "^(peak|slow-path|primary-killed)$", "--seconds", "2", "--bin", bin, "--dir", dir, "--out", out, "--plots", filepath.Join(dir, "plots")}
	code := execute(context.Background(), args, &stdout, &stderr)
	if code != 0 {
		t.Fatalf("exit %d\n%s%s", code, stdout.String(), stderr.String())
	}
	runs, err := record.ReadFile(out)
	if err != nil || len(runs) != 3 {
		t.Fatalf("%d records, %v", len(runs), err)
	}
	for _, r := range runs {
		if r.Outcome != record.OK || !strings.Contains(r.Audit, "debits = credits") || r.Parameters.Seconds != 2 {
			t.Errorf("%+v", r)
		}
		for _, name := range []string{"payments_per_second", "replica_cpu_us_per_payment", "loadgen_cpu_us_per_payment", "sent_bytes_per_block",
			"sent_frames_per_block", "syncs_per_block", "replica_memory_max_bytes", "latency_p50_ms", "journal_bytes", "payments_per_block"} {
			if r.Figures[name] <= 0 {
				t.Errorf("%s: %s is %v", r.Experiment, name, r.Figures[name])
			}
		}
		_, disk := r.Figures["ledger_bytes_per_payment"]
		_, peak := r.Figures["goodput_ratio"]
		if disk != (r.Experiment == "peak") || peak != (r.Experiment != "peak") {
			t.Errorf("%s: disk %v, peak %v", r.Experiment, disk, peak)
		}
		if slow := r.Figures["slow_path_share"]; (slow == 1) != (r.Experiment == "slow-path") && r.Experiment != "primary-killed" {
			t.Errorf("%s: %v of the blocks on the slow path", r.Experiment, slow)
		}
	}
	if left, err := filepath.Glob(filepath.Join(dir, "run-*")); err != nil || len(left) != 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
	for _, name := range []string{"index.html", "faults.svg", "outage.png"} {
		if _, err := os.Stat(filepath.Join(dir, "plots", name)); err != nil {
			t.Error(err)
		}
	}
	if _, err := os.Stat(out); err != nil || !strings.Contains(stdout.String(), "bench: 3 runs ok, 0 skipped, 0 failed") {
		t.Errorf("%v\n%s", err, stdout.String())
	}
}

package main

import (
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"quorate/cmd/loadgen/outcome"
)

// Aim: what a user does with real replicas: the primary is killed in the middle
// of a load and started again, and report and result tell of it.
// Method: four processes of cmd/replica, built here, on ports that are free.

// realCluster builds replica, starts four and gives the cluster's directory.
func realCluster(t *testing.T) string {
	t.Helper()
	if testing.Short() {
		t.Skip("four real replicas")
	}
	dir := t.TempDir()
	binary := filepath.Join(dir, "replica")
	if out, err := exec.Command("go", "build", "-o", binary, "quorate/cmd/replica").CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	base := freePorts(t, 12)
	c4 := filepath.Join(dir, "c4")
	if out, err := exec.Command(binary, "init", "--dir", c4, "--replicas", "4", "--hosts", "127.0.0.1", "--profile", "dev", "--clients", "6",
		"--base-port", strconv.Itoa(base), "--metrics-port", strconv.Itoa(base+8)).CombinedOutput(); err != nil {
		t.Fatalf("init: %v\n%s", err, out)
	}
	for i := range 4 {
		log, err := os.Create(filepath.Join(c4, fmt.Sprintf("node-%d.log", i)))
		if err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command(binary, "start", "--dir", filepath.Join(c4, fmt.Sprintf("node-%d", i)))
		cmd.Stdout, cmd.Stderr = log, log
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		_ = log.Close()
		go func() { _ = cmd.Wait() }()
	}
	t.Cleanup(func() {
		// Those that chaos started are no children of this process's commands:
		// all are found by the binary that nobody else has.
		found, _ := filepath.Glob("/proc/[0-9]*/cmdline")
		for _, path := range found {
			if text, _ := os.ReadFile(path); strings.HasPrefix(string(text), binary+"\x00") {
				if pid, err := strconv.Atoi(strings.Split(path, "/")[2]); err == nil {
					if p, err := os.FindProcess(pid); err == nil {
						_ = p.Kill()
					}
				}
			}
		}
	})
	if out, err := exec.Command(binary, "status", "--dir", c4, "--wait", "ready", "--timeout", "2m").CombinedOutput(); err != nil {
		log, _ := os.ReadFile(filepath.Join(c4, "node-0.log"))
		t.Fatalf("status: %v\n%s\n%.2000s", err, out, log)
	}
	return c4
}

// freePorts finds n ports in a row that nobody listens on.
func freePorts(t *testing.T, n int) int {
	t.Helper()
	for base := 22_000 + os.Getpid()%5000; base < 32_000; base += n {
		free := 0
		for p := base; p < base+n; p++ {
			l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", p))
			if err != nil {
				break
			}
			_ = l.Close()
			free++
		}
		if free == n {
			return base
		}
	}
	t.Skip("no free ports")
	return 0
}

func TestPrimaryKilledDuringLoad(t *testing.T) {
	t.Parallel()
	dir, out := realCluster(t), filepath.Join(t.TempDir(), "out")
	code, stdout, stderr := loadgen(t, "run", "--dir", dir, "--rate", "400", "--batch", "20", "--clients", "2", "--accounts", "50", "--duration", "8s",
		"--at", "2s kill primary for 3s", "--receipts", "5", "--shortfall", "1", "--drain", "60s", "--out", out)
	if code != exitOK {
		t.Fatalf("exit %d\n%s%s", code, stdout, stderr)
	}
	for _, want := range []string{"kill -9 replica 0 (primary)", "start replica 0", "4/4 state digests equal", "report " + out} {
		if !strings.Contains(stdout, want) {
			t.Errorf("no %q in\n%s", want, stdout)
		}
	}
	var r outcome.Run
	text, err := os.ReadFile(filepath.Join(out, "result.json"))
	if err != nil || json.Unmarshal(text, &r) != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	at := map[string]float64{}
	for _, e := range r.Events {
		at[strings.Fields(e.Text)[0]] = e.At
	}
	if at["kill"] < 2 || at["start"] < 5 || at["view"] < at["kill"] {
		t.Errorf("events %+v", r.Events)
	}
	page, err := os.ReadFile(filepath.Join(out, "report.html"))
	if err != nil || !strings.Contains(string(page), "kill -9 replica 0 (primary)") {
		t.Errorf("the page does not tell of it: %v", err)
	}
	rows, err := os.ReadFile(filepath.Join(out, "timeseries.csv"))
	if err != nil || !strings.Contains(string(rows), "kill -9 replica 0 (primary)") {
		t.Errorf("the time series does not tell of it: %v\n%s", err, rows)
	}
}

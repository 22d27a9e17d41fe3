package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"quorate/client/clienttest"
	"quorate/cmd/loadgen/outcome"
)

// Aim: two loads of one cluster at once are one result, audited together; and two
// results are held against each other; what does not fit is refused.

func TestTwoProcessesMerged(t *testing.T) {
	t.Parallel()
	c := clienttest.New(t, 5)
	dir, out := clusterDir(t, c), t.TempDir()
	begin := time.Now().Add(2 * time.Second).UTC().Format(time.RFC3339)
	at := func(name string) string { return filepath.Join(out, name) }
	var both sync.WaitGroup
	for i := range 2 {
		both.Go(func() {
			args := small(dir, "--shared", "--begin", begin, "--first-client", fmt.Sprint(2*i), "--out", at(string(rune('a'+i))), "--duration", "2s", "--audit-timeout", "30s")
			if code, stdout, stderr := loadgen(t, args...); code != exitOK {
				t.Errorf("part %d: exit %d\n%s%s", i, code, stdout, stderr)
			}
		})
	}
	both.Wait()
	code, stdout, stderr := loadgen(t, "merge", "--out", at("both"), at("a"), filepath.Join(at("b"), "result.json"))
	if code != exitOK || !strings.Contains(stdout, "merged 2 runs") {
		t.Fatalf("exit %d\n%s%s", code, stdout, stderr)
	}
	var sum, most uint64
	for _, name := range []string{"a", "b"} {
		r, _, err := outcome.Load(at(name))
		if err != nil {
			t.Fatal(err)
		}
		sum, most = sum+r.Audit.Acked, most+r.Whole.Offered
	}
	r, _, err := outcome.Load(at("both"))
	if err != nil || r.Audit.Acked != sum || r.Audit.FoundOnce != sum || r.Audit.After-r.Audit.Before != sum || r.Whole.Offered != most || r.Clients != 4 {
		t.Errorf("%+v, audit %+v: %v", r, r.Audit, err)
	}
	h, err := outcome.DecodeHistogram(r.Histogram)
	if err != nil || uint64(h.TotalCount()) != r.Whole.Achieved {
		t.Errorf("%d latencies of %d payments: %v", h.TotalCount(), r.Whole.Achieved, err)
	}
	for _, name := range []string{"report.html", "timeseries.csv", "latency.hgrm"} {
		if text, err := os.ReadFile(filepath.Join(at("both"), name)); err != nil || len(text) == 0 {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := os.WriteFile(at("sweep.json"), []byte(`{"schema":1,"kind":"sweep"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(at("old.json"), []byte(`{"run_id":"1"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args []string
		code int
		says string
	}{
		{[]string{"merge", at("a"), at("b")}, exitUsage, "out"},
		{[]string{"merge", "--out", at("x"), at("a")}, exitUsage, "at least 2"},
		{[]string{"merge", "--out", at("x"), at("a"), at("a")}, exitInput, "twice"},
		{[]string{"merge", "--out", at("x"), at("a"), at("both")}, exitInput, "twice"},
		{[]string{"merge", "--out", at("x"), at("a"), at("none")}, exitInput, "none"},
		{[]string{"merge", "--out", at("x"), at("a"), at("sweep.json")}, exitInput, "only runs"},
		{[]string{"merge", "--out", at("x"), at("a"), at("old.json")}, exitInput, "older loadgen"},
		{[]string{"merge", "--out", at("both"), at("a"), at("b")}, exitUsage, "not empty"},
		{[]string{"compare", at("a")}, exitUsage, "2 arg"},
		{[]string{"compare", at("a"), at("a")}, exitInput, "twice"},
		{[]string{"compare", at("a"), at("both")}, exitInput, "clients 2 and 4"},
		{[]string{"compare", at("a"), at("sweep.json")}, exitInput, "two of a kind"},
		{[]string{"compare", at("a"), at("b")}, exitOK, ""},
	} {
		code, stdout, stderr := loadgen(t, c.args...)
		switch {
		case code != c.code || !strings.Contains(stderr, c.says):
			t.Errorf("%v: exit %d, want %d; %q", c.args, code, c.code, stderr)
		case c.code == exitOK && !strings.Contains(stdout, "achieved/s"):
			t.Errorf("%v: %s", c.args, stdout)
		}
	}
	if _, err := os.Stat(at("x")); err == nil {
		t.Error("a refused merge leaves a directory")
	}
	if left, _ := filepath.Glob(at("*partial*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

package main

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"quorate/client/clienttest"
)

// Aim: a trace is offered as it stands in its file, and a fault in it is found
// before anything is sent, with its line.

func writeTrace(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "trace.csv")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestTrace(t *testing.T) {
	tr, count, span, err := openTrace(writeTrace(t, "seconds,what\n0,a\n# pause\n0.25,b\n\n0.25,c\n1.5\n"))
	if err != nil {
		t.Fatal(err)
	}
	defer tr.close()
	if count != 4 || span != 1500*time.Millisecond {
		t.Errorf("%d times up to %v", count, span)
	}
	s := schedule{trace: tr}
	for _, want := range []time.Duration{0, 250 * time.Millisecond, 250 * time.Millisecond, 1500 * time.Millisecond, never, never} {
		if at := s.take(); at != want {
			t.Errorf("%v, want %v", at, want)
		}
	}
	for text, says := range map[string]string{
		"":                                  "no times",
		"seconds\n":                         "no times",
		"1\n2\nx\n":                         ":3:",
		"1\n0.5\n":                          "sort the file",
		"seconds\n-1\n":                     ":2:",
		"NaN\n":                             ":1:",
		"1\n1e300\n":                        ":2:",
		"1\n" + strings.Repeat("9", 10_000): ":2:",
	} {
		if _, _, _, err := openTrace(writeTrace(t, text)); !errors.Is(err, errTrace) || !strings.Contains(err.Error(), says) {
			t.Errorf("%.20q: %v", text, err)
		}
	}
}

func TestTraceRun(t *testing.T) {
	c := clienttest.New(t, 2)
	dir := clusterDir(t, c)
	file := writeTrace(t, "0\n0.1\n0.1\n0.3\n0.4\n")
	args := []string{"run", "--dir", dir, "--trace", file, "--batch", "10", "--clients", "2", "--accounts", "20", "--receipts", "2", "--out", "none", "--json"}
	code, stdout, stderr := loadgen(t, args...)
	if code != exitOK || !strings.Contains(stdout, `"arrivals": "trace"`) || !strings.Contains(stdout, `"offered": 50`) {
		t.Errorf("exit %d\n%s%s", code, stdout, stderr)
	}
	for _, bad := range []struct {
		more []string
		code int
		says string
	}{
		{[]string{"--rate", "5"}, exitUsage, "give one of them"},
		{[]string{"--arrivals", "poisson"}, exitUsage, "needs both"},
		{[]string{"--trace", file + "x"}, exitInput, "no such file"},
		{[]string{"--trace", writeTrace(t, "2\n1\n")}, exitInput, "sort the file"},
	} {
		if code, _, stderr := loadgen(t, append(args, bad.more...)...); code != bad.code || !strings.Contains(stderr, bad.says) {
			t.Errorf("%v: exit %d, %q", bad.more, code, stderr)
		}
	}
}

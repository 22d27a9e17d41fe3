package main

// Aim: the commands do with real files, modes and exit codes what they say.
// Method: the binary is built once and run as a process, as a user does.

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

var binary string // of this package, built by TestMain

func TestMain(m *testing.M) {
	os.Exit(buildAndRun(m))
}

func buildAndRun(m *testing.M) int {
	dir, err := os.MkdirTemp("", "replica-test-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	binary = filepath.Join(dir, "replica")
	if out, err := exec.Command("go", "build", "-o", binary, ".").CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "build: %v\n%s", err, out)
		return 1
	}
	return m.Run()
}

// result is how one process ended.
type result struct {
	code           int
	stdout, stderr string
}

// replica runs the binary without any QUORATE_ variable but those given.
func replica(t *testing.T, env []string, args ...string) result {
	t.Helper()
	var stdout, stderr bytes.Buffer
	cmd := exec.Command(binary, args...)
	for _, pair := range os.Environ() {
		if !strings.HasPrefix(pair, envPrefix) {
			cmd.Env = append(cmd.Env, pair)
		}
	}
	cmd.Env = append(cmd.Env, env...)
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return result{cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()}
}

// want fails the test unless r ended with code and its error output has all words.
func (r result) want(t *testing.T, code int, words ...string) {
	t.Helper()
	if r.code != code {
		t.Fatalf("exit code %d, want %d\n%s%s", r.code, code, r.stdout, r.stderr)
	}
	for _, w := range words {
		if !strings.Contains(r.stderr, w) {
			t.Errorf("no %q in: %s", w, r.stderr)
		}
	}
}

// newCluster makes the files of a cluster and gives its directory.
func newCluster(t *testing.T, args ...string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "c")
	replica(t, nil, append([]string{"init", "--dir", dir, "--clients", "2"}, args...)...).want(t, exitOK)
	return dir
}

func decode(t *testing.T, text string, v any) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), v); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
}

func TestVersion(t *testing.T) {
	r := replica(t, nil, "version")
	r.want(t, exitOK)
	if !strings.HasPrefix(r.stdout, "replica ") {
		t.Error(r.stdout)
	}
	var b build
	decode(t, replica(t, nil, "version", "-o", "json").stdout, &b)
	if b.Version == "" || b.Go == "" || b.Module != "quorate" {
		t.Errorf("%+v", b)
	}
}

func TestUsage(t *testing.T) {
	for _, args := range [][]string{{"no-such"}, {"init"}, {"init", "--replica", "4"}, {"version", "-o", "xml"}, {"check", "--dir", "x", "y"}} {
		replica(t, nil, args...).want(t, exitUsage, "replica: ", "--help")
	}
	r := replica(t, nil, "--help")
	r.want(t, exitOK)
	if !strings.Contains(r.stdout, "Exit codes") {
		t.Error(r.stdout)
	}
}

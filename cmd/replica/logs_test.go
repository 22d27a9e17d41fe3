package main

// Aim: the log of a real replica has the attributes that the operations page
// promises, its level changes while it runs, and its file is bounded. Method: one
// replica of four as a process; it cannot reach the others, and says so.

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// alone is one started replica of a cluster.
type alone struct {
	t    *testing.T
	node string // its directory
	peer string // its port for replicas
	web  string // of its metrics
	log  string // file with its log
	cmd  *exec.Cmd
}

// startAlone starts replica 0 with these flags and waits until it runs.
func startAlone(t *testing.T, flags ...string) *alone {
	t.Helper()
	base, err := freePorts(3 * 4)
	if err != nil {
		t.Fatal(err)
	}
	dir := newCluster(t, "--base-port", strconv.Itoa(base), "--metrics-port", strconv.Itoa(base+8))
	a := &alone{t: t, node: nodeDir(dir, 0), web: fmt.Sprintf("http://127.0.0.1:%d", base+8), log: filepath.Join(t.TempDir(), "log.jsonl")}
	n, err := loadNode(a.node, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	a.peer = n.member().PeerAddr
	a.start(flags...)
	return a
}

func (a *alone) start(flags ...string) {
	a.t.Helper()
	out, err := os.OpenFile(a.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		a.t.Fatal(err)
	}
	defer out.Close()
	a.cmd = exec.Command(binary, append([]string{"start", "--dir", a.node}, flags...)...)
	a.cmd.Stdout, a.cmd.Stderr = out, out
	if err := a.cmd.Start(); err != nil {
		a.t.Fatal(err)
	}
	a.t.Cleanup(func() { _ = a.cmd.Process.Kill(); _ = a.cmd.Wait() })
	a.await("started")
}

// lines are the log lines so far; all of them must be JSON.
func (a *alone) lines() (lines []map[string]any) {
	a.t.Helper()
	text, err := os.ReadFile(a.log)
	if err != nil {
		a.t.Fatal(err)
	}
	for line := range bytes.Lines(text) {
		m := map[string]any{}
		if !bytes.HasSuffix(line, []byte("\n")) {
			break // half of a line that is being written
		}
		if err := json.Unmarshal(line, &m); err != nil {
			a.t.Fatalf("%v: %s", err, line)
		}
		lines = append(lines, m)
	}
	return lines
}

// count counts lines with this message.
func (a *alone) count(msg string) (n int) {
	a.t.Helper()
	for _, l := range a.lines() {
		if l["msg"] == msg {
			n++
		}
	}
	return n
}

// await waits for a line with this message.
func (a *alone) await(msg string) {
	a.t.Helper()
	for range 2000 {
		if a.count(msg) > 0 {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	text, _ := os.ReadFile(a.log)
	a.t.Fatalf("no line %q in:\n%s", msg, text)
}

// knock opens a connection to the replicas' port and talks no TLS.
func (a *alone) knock() {
	a.t.Helper()
	c, err := net.Dial("tcp", a.peer)
	if err != nil {
		a.t.Fatal(err)
	}
	_, _ = c.Write([]byte("hello\n"))
	_ = c.SetReadDeadline(time.Now().Add(10 * time.Second))
	_, _ = c.Read(make([]byte, 64))
	_ = c.Close()
}

func TestLogAttributes(t *testing.T) {
	page, err := os.ReadFile(operations)
	if err != nil {
		t.Fatal(err)
	}
	a := startAlone(t, "--log-level", "debug")
	a.knock()
	a.await("connection refused")
	a.await("cannot reach replica")
	_ = a.cmd.Process.Signal(syscall.SIGTERM)
	if err := a.cmd.Wait(); err != nil {
		t.Error(err)
	}
	n, err := loadNode(a.node, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	rooms := map[any]bool{}
	for _, l := range a.lines() {
		at, err := time.Parse(time.RFC3339Nano, fmt.Sprint(l["time"]))
		if err != nil || time.Since(at) > time.Hour || l["level"] == nil || l["msg"] == nil {
			t.Errorf("%v: %v", err, l)
		}
		if l["replica"] != 0.0 || l["cluster"] != n.clusterID() {
			t.Errorf("whose line is it? %v", l)
		}
		rooms[l["room"]] = true
		for name := range l {
			if !bytes.Contains(page, []byte("\n| `"+name+"` |")) {
				t.Errorf("%s has no row in docs/OPERATIONS.md: %v", name, l)
			}
		}
	}
	if !rooms["replica"] || !rooms["netio"] || a.count("stopping") != 1 {
		t.Errorf("rooms %v", rooms)
	}
}

func TestLogLevelWhileRunning(t *testing.T) {
	a := startAlone(t)
	level := func(want string, args ...string) {
		t.Helper()
		r := replica(t, nil, append([]string{"log", "level", "--dir", a.node}, args...)...)
		r.want(t, exitOK)
		if strings.TrimSpace(r.stdout) != want {
			t.Errorf("%v: %q, want %s", args, r.stdout, want)
		}
	}
	level("info")
	a.knock()
	if a.count("connection refused") != 0 {
		t.Error("a debug line at info")
	}
	level("info,netio=debug", "netio=debug")
	a.knock()
	a.await("connection refused")
	level("warn", "warn")
	seen := a.count("connection refused")
	a.knock()
	if a.count("connection refused") != seen {
		t.Error("a debug line at warn")
	}
	if a.count("log levels changed") != 2 {
		t.Errorf("%d changes told, want 2", a.count("log levels changed"))
	}
	for _, bad := range []string{"loud", "disk=debug", strings.Repeat("warn,", 200) + "warn"} {
		replica(t, nil, "log", "level", "--dir", a.node, bad).want(t, exitUsage, "log level refused")
	}
	// What the command holds back, the replica refuses too.
	for _, bad := range []string{"loud", strings.Repeat("warn,", 200) + "warn", strings.Repeat("x", controlBodyBytesMax-1), strings.Repeat("x", controlBodyBytesMax), strings.Repeat("x", controlBodyBytesMax+1)} {
		if answer, err := askControl(t.Context(), a.node, "PUT", "/log/level", bad); err == nil {
			t.Errorf("%.20q: %s", bad, answer)
		}
	}
	level("warn")
	info, err := os.Stat(filepath.Join(a.node, dataDir, controlSocket))
	if err != nil || info.Mode() != os.ModeSocket|secretMode {
		t.Errorf("control socket: %v, %v", info.Mode(), err)
	}
	// The node's own directory keeps others out before that.
	if info, err := os.Stat(a.node); err != nil || info.Mode().Perm() != nodeMode {
		t.Errorf("%s: %v, %v", a.node, info.Mode(), err)
	}
	// A crash leaves the socket behind; the next start takes its place.
	_ = a.cmd.Process.Kill()
	_ = a.cmd.Wait()
	replica(t, nil, "log", "level", "--dir", a.node).want(t, exitFailure, "no replica answers", "start it")
	a.log += ".second"
	a.start("--log-level", "error,replica=info")
	level("error,replica=info")
	replica(t, nil, "log", "level", "--dir", t.TempDir()).want(t, exitFailure, "--dir names a node's directory")
}

func TestLogFlags(t *testing.T) {
	for _, bad := range [][]string{{"--log-level", "loud"}, {"--log-level", "info,store=debug"}, {"--log-file-mib", "0"}, {"--log-file-mib", "4097"},
		{"--log-files", "0"}, {"--log-files", "1001"}, {"--log-files", "1002"}} {
		replica(t, nil, append([]string{"start", "--dir", "x"}, bad...)...).want(t, exitUsage, bad[0])
	}
	dir := newCluster(t)
	replica(t, nil, "start", "--dir", nodeDir(dir, 0), "--log-files", strconv.Itoa(logFilesMax), "--log-file", filepath.Join(dir, "no", "such")).want(t, exitCreate, "--log-file", "no such")
}

// The log file of a replica is a secret's mode, bounded, and the only place where
// lines go.
func TestLogFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "replica.log")
	f := logFlags{level: "info", file: file, mib: 1, keep: 2}
	w, err := f.open(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	line := append(bytes.Repeat([]byte("x"), 64<<10-1), '\n')
	for range 16 * 5 { // five files' worth
		if _, err := w.Write(line); err != nil {
			t.Fatal(err)
		}
	}
	// Old ones are removed by a goroutine of the library's.
	var files []string
	for range 500 {
		if files, err = filepath.Glob(filepath.Join(filepath.Dir(file), "*")); err != nil {
			t.Fatal(err)
		}
		if len(files) <= f.keep+1 {
			break
		}
		time.Sleep(20 * time.Millisecond)
	}
	if len(files) != f.keep+1 {
		t.Errorf("%d files, want %d: %v", len(files), f.keep+1, files)
	}
	for _, name := range files {
		if info, err := os.Stat(name); err != nil || info.Size() > 1<<20 || info.Mode().Perm() != secretMode {
			t.Errorf("%s: %v, %v", name, info, err)
		}
	}
}

func TestLogFileOfReplica(t *testing.T) {
	base, err := freePorts(3 * 4)
	if err != nil {
		t.Fatal(err)
	}
	dir := newCluster(t, "--base-port", strconv.Itoa(base), "--metrics-port", strconv.Itoa(base+8))
	a := &alone{t: t, node: nodeDir(dir, 0), log: filepath.Join(t.TempDir(), "log.jsonl")}
	var other bytes.Buffer
	cmd := exec.Command(binary, "start", "--dir", a.node, "--log-file", a.log)
	cmd.Stdout, cmd.Stderr = &other, &other
	if err := os.WriteFile(a.log, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	a.await("started")
	_ = cmd.Process.Signal(syscall.SIGTERM)
	if err := cmd.Wait(); err != nil || other.Len() > 0 || a.count("stopping") != 1 {
		t.Errorf("%v, on standard error: %s", err, other.String())
	}
}

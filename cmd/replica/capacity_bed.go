package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"time"

	"quorate/capacity/calibrate"
	"quorate/cluster"
)

// bed is a demo's cluster, lent to package calibrate.
type bed struct {
	*demo
	runs int
}

// makeBed starts four replicas in dir, which is empty or an earlier bed's, and waits
// until they are ready.
func makeBed(ctx context.Context, dir, profile string, scheme cluster.Scheme) (*bed, error) {
	b := &bed{demo: &demo{fl: &demoFlags{dir: dir, profile: profile, scheme: scheme}, out: io.Discard}}
	var err error
	if b.exe, err = os.Executable(); err != nil {
		return nil, err
	}
	if _, err := os.Stat(b.loadgen()); err != nil {
		return nil, fmt.Errorf("%w; build both programs into one directory: make build", err)
	}
	if err := b.makeFiles(); err != nil {
		return nil, err
	}
	for i := range b.genesis.Members {
		if err := b.start(i); err != nil {
			b.stopAll()
			return nil, err
		}
	}
	if err := b.ready(ctx); err != nil {
		b.stopAll()
		return nil, err
	}
	return b, nil
}

// loadgen is expected beside this program.
func (b *bed) loadgen() string { return filepath.Join(filepath.Dir(b.exe), "loadgen") }

// Replicas implements calibrate.Bed.
func (b *bed) Replicas() (all []calibrate.Replica) {
	host, first, _ := net.SplitHostPort(b.metrics) // makeFiles joined them
	port, _ := strconv.Atoi(first)
	for i, p := range b.procs {
		all = append(all, calibrate.Replica{Pid: p.Process.Pid, Metrics: net.JoinHostPort(host, strconv.Itoa(port+i))})
	}
	return all
}

// Primary implements calibrate.Bed.
func (b *bed) Primary(ctx context.Context) (replica int, view uint64, err error) {
	s, err := b.status(ctx, 0)
	return int(s.Primary), uint64(s.View), err
}

// loadLine is how loadgen tells of a second.
var loadLine = regexp.MustCompile(`^(\d+):(\d\d) offered `)

// driveSlack is how long a load may take beyond its length: connecting, making
// accounts, draining and auditing on a busy host.
const driveSlack = 3 * time.Minute

// Drive implements calibrate.Bed.
func (b *bed) Drive(ctx context.Context, d calibrate.Drive, onSecond func(second, pid int) error) (calibrate.Driven, error) {
	b.runs++
	out := filepath.Join(b.fl.dir, fmt.Sprintf("load-%d", b.runs))
	length := time.Duration(d.Warmup+d.Seconds)*time.Second + time.Second/2 // the last second is told whole
	ctx, cancel := context.WithTimeout(ctx, length+driveSlack)
	defer cancel()
	cmd := exec.CommandContext(ctx, b.loadgen(), b.driveArgs(d, out, length)...)
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 10 * time.Second
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	lines, err := cmd.StdoutPipe()
	if err != nil {
		return calibrate.Driven{}, err
	}
	var trouble strings.Builder
	cmd.Stderr = &trouble
	if err := cmd.Start(); err != nil {
		return calibrate.Driven{}, err
	}
	failed := b.watch(lines, cmd, onSecond)
	if err := cmd.Wait(); err != nil {
		return calibrate.Driven{}, errors.Join(failed, fmt.Errorf("%w: loadgen: %w: %s", calibrate.ErrLoad, err, strings.TrimSpace(trouble.String())))
	}
	if failed != nil {
		return calibrate.Driven{}, failed
	}
	return readDriven(filepath.Join(out, "result.json"))
}

func (b *bed) driveArgs(d calibrate.Drive, out string, length time.Duration) []string {
	rate := "max"
	if d.Rate > 0 {
		rate = strconv.FormatFloat(d.Rate, 'f', -1, 64)
	}
	args := []string{"run", "--dir", b.fl.dir, "--out", out, "--rate", rate, "--batch", strconv.Itoa(d.Events), "--clients", strconv.Itoa(d.Clients),
		"--duration", length.String(), "--warmup", (time.Duration(d.Warmup) * time.Second).String(),
		"--audit-max", "2000", "--receipts", "5", "--shortfall", "1", "--expect-replicas", strconv.Itoa(len(b.procs))}
	if d.Rate == 0 {
		args = append(args, "--in-flight", strconv.Itoa(d.InFlight))
	}
	return args
}

// watch reads loadgen's lines until it closes them. The first error of onSecond ends
// the load.
func (b *bed) watch(lines io.Reader, cmd *exec.Cmd, onSecond func(second, pid int) error) (failed error) {
	in := bufio.NewScanner(lines)
	for in.Scan() {
		m := loadLine.FindStringSubmatch(in.Text())
		if m == nil || failed != nil {
			continue
		}
		minutes, _ := strconv.Atoi(m[1]) // digits: the expression says so
		seconds, _ := strconv.Atoi(m[2])
		if failed = onSecond(60*minutes+seconds, cmd.Process.Pid); failed != nil {
			_ = cmd.Process.Signal(syscall.SIGTERM)
		}
	}
	return errors.Join(failed, in.Err())
}

// readDriven takes from loadgen's result.json what is needed.
func readDriven(path string) (d calibrate.Driven, err error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return d, err
	}
	var r struct {
		Achieved float64            `json:"achieved_per_second"`
		Latency  map[string]float64 `json:"latency_ms"`
	}
	if err := json.Unmarshal(text, &r); err != nil {
		return d, fmt.Errorf("%s: %w", path, err)
	}
	return calibrate.Driven{P50: 1e3 * r.Latency["p50"], P99: 1e3 * r.Latency["p99"], Achieved: r.Achieved}, nil
}

package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"time"

	"quorate/bench/procs"
	"quorate/bench/record"
)

// loadgenSlack is what a run of loadgen may take beyond its load: connecting,
// making a million accounts, draining and auditing.
const loadgenSlack = 15 * time.Minute

// lookups is how many payments each audit looks up one by one; the ledgers' totals
// vouch for the rest.
const lookups = 20_000

// loadResult is what is read of loadgen's result.json.
type loadResult struct {
	Achieved float64 `json:"achieved_per_second"`
	Silence  struct {
		Seconds float64 `json:"seconds"`
	} `json:"longest_silence"`
	Measured struct {
		Offered uint64 `json:"offered"`
		Dropped uint64 `json:"dropped"`
	} `json:"measured"`
	Latency map[string]float64 `json:"latency_ms"`
	Client  struct {
		Resent    uint64
		Overloads uint64
	} `json:"client"`
	Audit struct {
		Acked      uint64 `json:"acked"`
		FoundOnce  uint64 `json:"found_once"`
		FoundLater uint64 `json:"found_later"`
	} `json:"audit"`
}

// load is one run of loadgen against a cluster.
type load struct {
	param    record.Parameters
	expect   int // replicas that must agree at the end
	lost     int // replicas that will be killed meanwhile
	onSecond func(second, pid int) error
}

// loadLine is how loadgen tells of a second.
var loadLine = regexp.MustCompile(`^(\d+):(\d\d) offered `)

// args is loadgen's command line.
func (l *load) args(dir, out string) []string {
	p := &l.param
	seconds := func(s float64) string { return time.Duration(s * float64(time.Second)).String() }
	args := []string{"run", "--dir", dir, "--out", out, "--workload", p.Workload, "--rate", p.Rate, "--batch", strconv.Itoa(p.Batch),
		"--clients", strconv.Itoa(p.Clients), "--accounts", strconv.FormatUint(p.Accounts, 10),
		"--duration", seconds(p.Warmup + p.Seconds), "--warmup", seconds(p.Warmup), "--audit-max", strconv.Itoa(lookups),
		"--connect-timeout", "2m", "--shortfall", "1", "--expect-replicas", strconv.Itoa(l.expect)}
	if p.Rate == "max" {
		args = append(args, "--in-flight", strconv.Itoa(p.InFlight))
	}
	if p.Arrivals != "" {
		args = append(args, "--arrivals", p.Arrivals)
	}
	if p.Signed {
		args = append(args, "--signed")
	}
	return args
}

// run drives the load, calls onSecond with each second's number as loadgen tells
// of it, and gives the result and the audit's line. A run that did not end well,
// its audit included, is an error.
func (l *load) run(ctx context.Context, bin, dir, out string) (*loadResult, string, error) {
	read, write, err := os.Pipe()
	if err != nil {
		return nil, "", err
	}
	defer read.Close()
	p, err := procs.Spawn(write, nil, filepath.Join(bin, "loadgen"), l.args(dir, out)...)
	_ = write.Close()
	if err != nil {
		return nil, "", err
	}
	defer p.Kill()
	stop := context.AfterFunc(ctx, func() { p.Signal(syscall.SIGTERM) })
	defer stop()
	tail, audit, watching := l.watch(read, p)
	code, err := p.Wait(time.Duration((l.param.Warmup+l.param.Seconds)*float64(time.Second)) + loadgenSlack)
	switch {
	case ctx.Err() != nil:
		return nil, "", context.Cause(ctx)
	case err != nil:
		return nil, "", err
	case code != 0:
		return nil, audit, fmt.Errorf("loadgen ends with code %d: %s", code, strings.Join(tail, " | "))
	case watching != nil:
		return nil, audit, watching
	case audit == "":
		return nil, "", errors.New("loadgen told of no audit")
	}
	text, err := os.ReadFile(filepath.Join(out, "result.json"))
	if err != nil {
		return nil, audit, err
	}
	var r loadResult
	if err := json.Unmarshal(text, &r); err != nil {
		return nil, audit, fmt.Errorf("result.json: %w", err)
	}
	if r.Audit.Acked == 0 || r.Audit.FoundOnce != r.Audit.Acked {
		return nil, audit, fmt.Errorf("of %d acknowledged payments %d were found once", r.Audit.Acked, r.Audit.FoundOnce)
	}
	return &r, audit, nil
}

// watch reads loadgen's lines until it ends. The first error of onSecond ends the
// load and is given back.
func (l *load) watch(read *os.File, p *procs.Process) (tail []string, audit string, err error) {
	const tailMax = 6
	lines := bufio.NewScanner(read)
	for lines.Scan() {
		line := lines.Text()
		if m := loadLine.FindStringSubmatch(line); m != nil {
			minutes, _ := strconv.Atoi(m[1]) // digits: the expression says so
			seconds, _ := strconv.Atoi(m[2])
			if l.onSecond != nil && err == nil {
				if err = l.onSecond(60*minutes+seconds, p.Pid()); err != nil {
					p.Signal(syscall.SIGTERM)
				}
			}
			continue
		}
		if strings.HasPrefix(line, "audit: ") {
			audit = line
		}
		if tail = append(tail, strings.TrimSpace(line)); len(tail) > tailMax {
			tail = tail[1:]
		}
	}
	return tail, audit, errors.Join(err, lines.Err())
}

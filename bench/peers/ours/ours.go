package ours

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"quorate/bench/peers/child"
	"quorate/bench/peers/rows"
	"quorate/bench/peers/trial"
)

// What ONLY= calls them.
const (
	Peer      = "ours"
	PeerUpper = "upper"
)

const replicas = 4

// setting is what differs between the variants.
type setting struct {
	profile  string
	batch    int
	clients  int
	inFlight int
	signed   bool // each payment by its own signer
	rate     int  // payments per second; 0: as many as go
}

// ErrUnknownFlag says that this build of loadgen cannot do what a variant asks.
var ErrUnknownFlag = errors.New("ours: skipped: this loadgen has no flag --signed")

// Variants lists the settings of docs/PERFORMANCE.md.
func Variants(version string) []trial.Variant {
	claims := rows.Row{
		System: rows.Ours, Version: version, Replicas: replicas,
		Faults:   "one lying replica of four",
		Durable:  "the votes with their batches in the journals of all four, fdatasync",
		TLS:      "TLS 1.3 on all links",
		ClientAt: "loadgen, a process beside, over loopback; it checks every certificate",
	}
	variant := func(name string, class rows.Class, signed string, s setting) trial.Variant {
		c := claims
		c.Variant, c.Class, c.Signed = name, class, signed
		c.Settings = fmt.Sprintf("profile %s, %d clients with %d requests each in flight", s.profile, s.clients, s.inFlight)
		if s.rate > 0 {
			c.Settings = fmt.Sprintf("profile %s, %d clients", s.profile, s.clients)
		}
		return trial.Variant{Peer: Peer, Claims: c, Run: func(ctx context.Context, t *trial.Trial) (rows.Figures, string, error) {
			return run(ctx, t, s)
		}}
	}
	const perRequest = "one Ed25519 per request, checked by all four"
	return []trial.Variant{
		variant("requests of 8,189 payments", rows.Batched, perRequest, setting{"throughput", 8189, 4, 2, false, 0}),
		variant("one payment per request", rows.Single, perRequest, setting{"balanced", 1, 64, 32, false, 0}),
		variant(fmt.Sprintf("one payment per request, %d/s", trial.PacedPerSecond), rows.Paced, perRequest, setting{"balanced", 1, 8, 0, false, trial.PacedPerSecond}),
		variant("every payment signed by its own signer", rows.Signed, "one Ed25519 per payment, signed before the clock starts, checked by all four",
			setting{"throughput", 4679, 4, 2, true, 0}),
	}
}

// run makes a cluster, drives it with loadgen and reads its result.
func run(ctx context.Context, t *trial.Trial, s setting) (f rows.Figures, checked string, err error) {
	loadgen, log := filepath.Join(t.Product, "loadgen"), filepath.Join(t.Dir, "client.log")
	if s.signed {
		help, err := child.Run(time.Minute, log, loadgen, "run", "--help")
		if err != nil {
			return f, "", err
		}
		if !strings.Contains(help, "--signed") {
			return f, "", trial.Skip(ErrUnknownFlag)
		}
	}
	servers, nodes, err := start(t, s)
	for _, p := range servers {
		defer p.Kill()
	}
	if err != nil {
		return f, "", err
	}
	before, err := trial.HeldBy(nodes)
	if err != nil {
		return f, "", err
	}
	// loadgen shows a line per second, and the window lies between two of them.
	warmup, end := wholeSeconds(t.Warmup), wholeSeconds(t.Warmup)+wholeSeconds(t.Length)
	out := filepath.Join(t.Dir, "report")
	args := []string{"run", "--dir", filepath.Join(t.Dir, "c"), "--json", "--out", out,
		"--batch", strconv.Itoa(s.batch), "--clients", strconv.Itoa(s.clients), "--warmup", fmt.Sprintf("%ds", warmup), "--duration", fmt.Sprintf("%ds", end)}
	if s.rate > 0 {
		// A rate that was not kept is seen in the row, as it is of the others.
		args = append(args, "--rate", strconv.Itoa(s.rate), "--shortfall", "1")
	} else {
		args = append(args, "--rate", "max", "--in-flight", strconv.Itoa(cmp.Or(t.InFlight, s.inFlight)))
	}
	if s.signed {
		ahead := signedAheadPerSecond * uint64(end)
		args = append(args, "--signed", "--signed-ahead", strconv.FormatUint(ahead, 10))
	}
	p, err := child.Start(log, loadgen, args...)
	if err != nil {
		return f, "", err
	}
	defer p.Kill()
	begun, ended, err := edges(ctx, p, t.Dir, log, servers, warmup, end)
	if err != nil {
		return f, "", err
	}
	if err := p.Wait(loadgenEndMax); err != nil {
		return f, "", err
	}
	if err := trial.Alive(servers); err != nil {
		return f, "", err
	}
	if f, checked, err = read(out, log, p.Stdout.Bytes(), warmup); err != nil {
		return f, "", err
	}
	f.Seconds = ended.at.Sub(begun.at).Seconds()
	f.ServerCPU, f.ClientCPU = ended.servers-begun.servers, ended.client-begun.client
	f.Written = float64(ended.written-begun.written) / float64(max(f.Payments, 1))
	f.Disk, err = trial.Grown(before, f.Acked, nodes)
	return f, checked, err
}

// loadgenEndMax is how long loadgen may take to drain and to audit.
const loadgenEndMax = 5 * time.Minute

func wholeSeconds(d time.Duration) int { return int((d + time.Second - 1) / time.Second) }

// start makes the files of a cluster, starts its replicas and waits until they
// serve.
func start(t *trial.Trial, s setting) (servers []*child.Process, nodes []string, err error) {
	binary, dir, log := filepath.Join(t.Product, "replica"), filepath.Join(t.Dir, "c"), filepath.Join(t.Dir, "setup.log")
	base, err := child.FreePorts(3 * replicas)
	if err != nil {
		return nil, nil, err
	}
	if _, err := child.Run(time.Minute, log, binary, "init", "--dir", dir, "--replicas", strconv.Itoa(replicas), "--clients", strconv.Itoa(s.clients),
		"--profile", s.profile, "--base-port", strconv.Itoa(base), "--metrics-port", strconv.Itoa(base+2*replicas)); err != nil {
		return nil, nil, err
	}
	for i := range replicas {
		node := filepath.Join(dir, "node-"+strconv.Itoa(i))
		p, err := child.Start(filepath.Join(t.Dir, fmt.Sprintf("replica-%d.log", i)), binary, "start", "--dir", node)
		if err != nil {
			return servers, nodes, err
		}
		servers, nodes = append(servers, p), append(nodes, node)
	}
	_, err = child.Run(2*time.Minute, log, binary, "status", "--dir", dir, "--wait", "ready", "--timeout", "110s")
	return servers, nodes, errors.Join(err, trial.Alive(servers))
}

// edge is one end of the window.
type edge struct {
	servers, client float64 // CPU seconds
	written         int64   // to the device
	at              time.Time
}

// edges reads the costs when loadgen shows the lines of two seconds.
func edges(ctx context.Context, p *child.Process, dir, log string, servers []*child.Process, first, last int) (begun, ended edge, err error) {
	for _, e := range []struct {
		to     *edge
		second int
	}{{&begun, first}, {&ended, last}} {
		if err = awaitSecond(ctx, p, log, e.second); err != nil {
			return begun, ended, err
		}
		if e.to.servers, err = child.CPUOf(trial.Pids(servers)); err != nil {
			return begun, ended, err
		}
		// loadgen ends long after its last line: it audits.
		if e.to.client, err = child.CPU(p.Pid()); err != nil {
			return begun, ended, err
		}
		e.to.written, e.to.at = child.Written(dir), time.Now()
	}
	return begun, ended, nil
}

// signedAheadPerSecond is how many payments per second of the run are signed
// before the clock starts: more than four replicas on two cores can verify.
const signedAheadPerSecond = 40_000

// secondMax is how long after its time a line may be shown on a starved machine,
// with the connections, accounts and signatures that come before the first.
const secondMax = 5 * time.Minute

// awaitSecond waits for the line of a second.
func awaitSecond(ctx context.Context, p *child.Process, log string, second int) error {
	want := fmt.Sprintf("\n%d:%02d offered", second/60, second%60)
	for deadline := time.Now().Add(time.Duration(second)*time.Second + secondMax); time.Now().Before(deadline); {
		text, err := os.ReadFile(log)
		if err != nil {
			return err
		}
		if strings.Contains("\n"+string(text), want) {
			return nil
		}
		if err := p.Alive(); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(10 * time.Millisecond):
		}
	}
	return fmt.Errorf("ours: loadgen shows no second %d\n%s", second, child.Tail(log))
}

// read takes what loadgen wrote. It ends with exit code 0 only when its audit
// found no fault.
func read(out, log string, result []byte, warmup int) (f rows.Figures, checked string, err error) {
	var r struct {
		Latency map[string]float64 `json:"latency_ms"`
		Audit   struct {
			Acked  uint64   `json:"acked"`
			Faults []string `json:"faults"`
		} `json:"audit"`
	}
	if err := json.Unmarshal(result, &r); err != nil {
		return f, "", fmt.Errorf("loadgen's result: %w", err)
	}
	if len(r.Audit.Faults) > 0 {
		return f, "", fmt.Errorf("ours: audit: %s", r.Audit.Faults[0])
	}
	series, err := os.ReadFile(filepath.Join(out, "timeseries.csv"))
	if err != nil {
		return f, "", err
	}
	f = rows.Figures{P50: r.Latency["p50"], P99: r.Latency["p99"], Acked: r.Audit.Acked}
	if f.Payments, err = achieved(string(series), warmup); err != nil {
		return f, "", err
	}
	text, err := os.ReadFile(log)
	if err != nil {
		return f, "", err
	}
	for line := range strings.Lines(string(text)) {
		if audit, ok := strings.CutPrefix(line, "audit: "); ok {
			checked = strings.TrimSpace(audit)
		}
	}
	return f, checked, nil
}

// achieved sums up the seconds after the warm-up: what came in the drain behind
// the last one is not in it.
func achieved(series string, warmup int) (n uint64, err error) {
	for i, line := range strings.Split(strings.TrimSpace(series), "\n") {
		fields := strings.Split(line, ",")
		if i == 0 {
			if len(fields) < 3 || fields[0] != "second" || fields[2] != "achieved" {
				return 0, fmt.Errorf("ours: a time series of %q", line)
			}
			continue
		}
		second, err := strconv.Atoi(fields[0])
		if err != nil {
			return 0, err
		}
		count, err := strconv.ParseUint(fields[2], 10, 64)
		if err != nil {
			return 0, err
		}
		if second > warmup {
			n += count
		}
	}
	return n, nil
}

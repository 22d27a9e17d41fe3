package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"quorate/client"
	"quorate/cluster"
	"quorate/wire"
)

const demoHelp = `Run a whole cluster on this machine: four replica processes on loopback, load
from cmd/loadgen, and an audit of what became of it. It ends by itself.

With --kill primary (or backup) that replica's process gets a SIGKILL in the
middle of the load and is started again a few seconds later.`

// demoFlags are the flags of demo.
type demoFlags struct {
	dir      string
	kill     string
	workload string
	rate     string
	batch    int
	duration time.Duration
	profile  string
	scheme   cluster.Scheme // empty: threshold BLS
	keep     bool
}

func newDemo() *cobra.Command {
	var fl demoFlags
	cmd := &cobra.Command{
		Use: "demo --dir DIR", Short: "Four replicas, load and an audit on this machine", Long: demoHelp, Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt, syscall.SIGTERM)
			defer stop()
			return runDemo(ctx, &fl, cmd.OutOrStdout())
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&fl.dir, "dir", "", "directory of the demo; an earlier demo there is removed, anything else is refused")
	flags.StringVar(&fl.kill, "kill", "", "primary or backup: that process is killed in the middle and started again")
	flags.StringVar(&fl.workload, "workload", "uniform", "workload of loadgen run")
	flags.StringVar(&fl.rate, "rate", "50000", "payments per second, or max")
	flags.IntVar(&fl.batch, "batch", 1000, "payments per request")
	flags.DurationVar(&fl.duration, "duration", 20*time.Second, "how long to offer load")
	flags.StringVar(&fl.profile, "profile", "balanced", "tuning profile of the replicas")
	flags.BoolVar(&fl.keep, "keep", false, "leave the replicas running until interrupted")
	_ = cmd.MarkFlagRequired("dir")
	return cmd
}

// demoMark is a file that says that a directory belongs to a demo.
const demoMark = ".quorate-demo"

// demo is a cluster of child processes.
type demo struct {
	fl      *demoFlags
	out     io.Writer
	exe     string
	genesis *cluster.Genesis
	admin   client.Keys
	procs   []*exec.Cmd
	begun   time.Time
	metrics string // address of replica 0's metrics
}

func runDemo(ctx context.Context, fl *demoFlags, out io.Writer) error {
	if fl.kill != "" && fl.kill != "primary" && fl.kill != "backup" {
		return fail(exitUsage, fmt.Errorf("--kill %q: choose primary or backup", fl.kill))
	}
	d := &demo{fl: fl, out: out}
	var err error
	if d.exe, err = os.Executable(); err != nil {
		return fail(exitFailure, err)
	}
	if err := d.makeFiles(); err != nil {
		return fail(exitCreate, err)
	}
	defer d.stopAll()
	fmt.Fprintf(out, "  dashboard http://%s/   metrics http://%s/metrics   stop: ctrl-c\n", d.metrics, d.metrics)
	for i := range d.genesis.Members {
		if err := d.start(i); err != nil {
			return fail(exitFailure, err)
		}
	}
	if err := d.ready(ctx); err != nil {
		return fail(exitFailure, err)
	}
	return fail(exitFailure, d.show(ctx))
}

// show loads the cluster, kills what was asked for, and looks at the results.
func (d *demo) show(ctx context.Context) error {
	killed := make(chan error, 1)
	go func() { killed <- d.killLater(ctx) }()
	if err := d.load(ctx); err != nil {
		return err
	}
	if err := <-killed; err != nil {
		return err
	}
	if err := d.checkReceipt(); err != nil {
		return err
	}
	if d.fl.keep {
		fmt.Fprintf(d.out, "  replicas go on; dashboard http://%s/; stop: ctrl-c\n", d.metrics)
		<-ctx.Done()
		return nil
	}
	d.stopAll()
	return d.verifyLedger(ctx)
}

// makeFiles removes an earlier demo and makes a new cluster on free ports.
func (d *demo) makeFiles() error {
	dir := d.fl.dir
	if entries, err := os.ReadDir(dir); err == nil && len(entries) > 0 {
		if _, err := os.Stat(filepath.Join(dir, demoMark)); err != nil {
			return fmt.Errorf("%s is not empty and is no demo's: choose another --dir", dir)
		}
		if err := os.RemoveAll(dir); err != nil {
			return err
		}
	}
	base, err := freePorts(3 * 4)
	if err != nil {
		return err
	}
	fl := initFlags{dir: dir, name: "demo", replicas: 4, hosts: []string{"127.0.0.1"}, basePort: base, metricsPort: base + 8,
		profile: d.fl.profile, scheme: string(cmp.Or(d.fl.scheme, cluster.ThresholdBLS)), ledgers: []string{"1:USD:2"}, clients: 64, window: 256, out: outputTable}
	if err := runInit(io.Discard, &fl); err != nil {
		return err
	}
	if err := writeFile(filepath.Join(dir, demoMark), nil, publicMode); err != nil {
		return err
	}
	if d.genesis, err = loadGenesis(filepath.Join(dir, genesisFile)); err != nil {
		return err
	}
	d.metrics = net.JoinHostPort("127.0.0.1", strconv.Itoa(base+8))
	d.admin, err = loadClientKeys(clientFile(dir, adminName))
	q := d.genesis.Quorums()
	fmt.Fprintf(d.out, "  cluster %s  n=%d f=%d c=%d  thresholds fast %d slow %d exec %d   TLS 1.3   data %s\n",
		d.genesis.Hash(), q.N, q.F, q.C, q.Sigma, q.Tau, q.Pi, dir)
	return err
}

// freePorts finds n ports in a row that nobody listens on.
func freePorts(n int) (int, error) {
	for base := 7400; base < 32000; base += 2 * n {
		free := 0
		for ; free < n; free++ {
			l, err := net.Listen("tcp", "127.0.0.1:"+strconv.Itoa(base+free))
			if err != nil {
				break
			}
			_ = l.Close()
		}
		if free == n {
			return base, nil
		}
	}
	return 0, fmt.Errorf("no %d free ports in a row on loopback below 32000", n)
}

// start starts replica i as a process of its own; its log is in its directory.
func (d *demo) start(i int) error {
	dir := nodeDir(d.fl.dir, wire.ReplicaID(i))
	log, err := os.OpenFile(filepath.Join(dir, "log.jsonl"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, secretMode)
	if err != nil {
		return err
	}
	defer log.Close()
	cmd := exec.Command(d.exe, "start", "--dir", dir)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		return err
	}
	if i < len(d.procs) {
		d.procs[i] = cmd
	} else {
		d.procs = append(d.procs, cmd)
	}
	return nil
}

// stopAll ends the processes that this demo started, and no others.
func (d *demo) stopAll() {
	for _, p := range d.procs {
		_ = p.Process.Signal(syscall.SIGTERM)
	}
	for _, p := range d.procs {
		timer := time.AfterFunc(10*time.Second, func() { _ = p.Process.Kill() })
		_ = p.Wait()
		timer.Stop()
	}
	d.procs = nil
}

// status asks replica i where it stands.
func (d *demo) status(ctx context.Context, i int) (wire.NodeStatus, error) {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	return client.FetchStatus(ctx, d.genesis, d.admin, wire.ReplicaID(i), false)
}

// ready waits until every replica has all links.
func (d *demo) ready(ctx context.Context) error {
	deadline := time.Now().Add(60 * time.Second)
	for i := range d.procs {
		for {
			s, err := d.status(ctx, i)
			if err == nil && int(s.PeersUp) == len(d.procs) {
				break
			}
			if time.Now().After(deadline) || ctx.Err() != nil {
				return fmt.Errorf("replica %d is not ready: %v; see %s", i, err, filepath.Join(nodeDir(d.fl.dir, wire.ReplicaID(i)), "log.jsonl"))
			}
			time.Sleep(50 * time.Millisecond)
		}
	}
	return nil
}

// load runs loadgen beside the replicas and passes its lines on.
func (d *demo) load(ctx context.Context) error {
	d.begun = time.Now()
	bin := filepath.Join(filepath.Dir(d.exe), "loadgen")
	args := []string{"run", "--dir", d.fl.dir, "--workload", d.fl.workload, "--rate", d.fl.rate, "--batch", strconv.Itoa(d.fl.batch),
		"--duration", d.fl.duration.String(), "--out", d.reportDir(), "--expect-replicas", strconv.Itoa(len(d.procs))}
	cmd := exec.CommandContext(ctx, bin, args...)
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.Stdout, cmd.Stderr = d.out, d.out
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("loadgen: %w", err)
	}
	fmt.Fprintf(d.out, "  report %s\n", d.reportDir())
	return nil
}

func (d *demo) reportDir() string { return filepath.Join(d.fl.dir, "report") }

// killLater kills a replica at a third of the load and starts it again at two
// thirds.
func (d *demo) killLater(ctx context.Context) error {
	if d.fl.kill == "" {
		return nil
	}
	if !sleep(ctx, d.fl.duration/3+2*time.Second) {
		return nil
	}
	before, err := d.status(ctx, 1)
	if err != nil {
		return fmt.Errorf("status before the kill: %w", err)
	}
	victim := int(before.Primary)
	if d.fl.kill == "backup" {
		victim = (victim + 1) % len(d.procs)
	}
	d.say("kill -9 replica %d (%s)", victim, d.fl.kill)
	killed := time.Now()
	if err := d.procs[victim].Process.Kill(); err != nil {
		return err
	}
	_ = d.procs[victim].Wait()
	if d.fl.kill == "primary" {
		d.watchViewChange(ctx, (victim+1)%len(d.procs), before.View, killed)
	}
	if !sleep(ctx, d.fl.duration/3) {
		return nil
	}
	d.say("start replica %d again", victim)
	return d.start(victim)
}

// watchViewChange reports how long the survivors took to enter the next view.
func (d *demo) watchViewChange(ctx context.Context, witness int, from wire.View, since time.Time) {
	for time.Since(since) < 30*time.Second && ctx.Err() == nil {
		if s, err := d.status(ctx, witness); err == nil && s.View > from && s.Active {
			d.say("view change %d→%d in %.1f s", from, s.View, time.Since(since).Seconds())
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	d.say("no view change seen")
}

func (d *demo) say(format string, args ...any) {
	at := time.Since(d.begun)
	fmt.Fprintf(d.out, "  %d:%02d %s\n", int(at.Minutes()), int(at.Seconds())%60, fmt.Sprintf(format, args...))
}

func sleep(ctx context.Context, t time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(t):
		return true
	}
}

// checkReceipt proves a receipt of the run with genesis.yaml alone, and that one
// changed byte anywhere refutes it.
func (d *demo) checkReceipt() error {
	path := filepath.Join(d.reportDir(), "receipt.json")
	file, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if _, err := client.VerifyReceipt(d.genesis, file); err != nil {
		return fmt.Errorf("receipt: %w", err)
	}
	for i := range file {
		file[i] ^= 1
		if _, err := client.VerifyReceipt(d.genesis, file); err == nil {
			return fmt.Errorf("receipt with byte %d changed still verifies", i)
		}
		file[i] ^= 1
	}
	fmt.Fprintf(d.out, "  receipt %s verifies with genesis.yaml alone; with any one of its %d bytes changed it does not\n", path, len(file))
	return nil
}

// verifyLedger checks every stopped replica's ledger offline.
func (d *demo) verifyLedger(ctx context.Context) error {
	for i := range d.genesis.Members {
		report, err := verifyNode(ctx, nodeDir(d.fl.dir, wire.ReplicaID(i)), nil)
		if err != nil {
			return fmt.Errorf("verify replica %d: %w", i, err)
		}
		fmt.Fprintf(d.out, "  ledger of replica %d: %s\n", i, report)
	}
	return nil
}

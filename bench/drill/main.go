// Command drill holds what deploy/ ships against a real Prometheus: it starts a
// cluster of four replicas as processes, loads it, lets Prometheus scrape it with
// the shipped configuration, and asks Prometheus over its HTTP interface.
//
//	drill -mode dashboards   every expression of every dashboard, rule and alert has data
//	drill -mode alerts       every alert fires in a fault that is staged, and clears after it
//
// It changes the shipped configuration in two places: addresses and the interval
// become those of the drill (1 s), and for alerts every duration of the rule files
// (ranges and "for") is divided by one number, so that a drill ends in minutes. Names,
// thresholds and expressions stay.
//
// All of it listens on loopback. Without Prometheus (Debian: prometheus) it says so
// and ends with 0; bench/drill/install.sh fetches it. What a fault needs beyond that
// (root, nft, strace) is looked for first, and an alert whose fault cannot be staged
// here is listed as such, never as passed.
//
// Exit code 0: all that could be staged held; 1: something did not; 2: wrong
// command line.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"quorate/bench/procs"
)

// options are what the command line says.
type options struct {
	mode, bin, dir, deploy string
	warm                   time.Duration
	only                   string
}

func main() {
	var o options
	flag.StringVar(&o.mode, "mode", "dashboards", "dashboards or alerts")
	flag.StringVar(&o.bin, "bin", "bin", "folder with the binaries replica and loadgen")
	flag.StringVar(&o.dir, "dir", "run/drill", "directory of the run; an earlier run there is removed")
	flag.StringVar(&o.deploy, "deploy", "deploy", "the folder that is held against Prometheus")
	flag.DurationVar(&o.warm, "warm", 25*time.Second, "how long load runs before expressions are evaluated")
	flag.StringVar(&o.only, "only", "", "with alerts: the one fault to stage, by name")
	flag.Parse()
	if flag.NArg() > 0 || o.mode != "dashboards" && o.mode != "alerts" {
		flag.Usage()
		os.Exit(2)
	}
	server, err := exec.LookPath("prometheus")
	if err != nil {
		fmt.Println("drill: skipped: there is no prometheus (Debian: prometheus; bench/drill/install.sh)")
		return
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err = o.run(ctx, server)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "drill:", err)
		os.Exit(1)
	}
}

// run makes cluster, Prometheus and load, and hands them to the mode.
func (o *options) run(ctx context.Context, server string) (err error) {
	b, err := o.bed()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.close()) }()
	if err := b.begin(server, o.deploy, o.mode == "alerts"); err != nil {
		return err
	}
	if err := b.startLoad(baseRate); err != nil {
		return err
	}
	if o.mode == "alerts" {
		return b.alerts(ctx, o)
	}
	fmt.Printf("drill: load for %v, then every expression of %s\n", o.warm, o.deploy)
	if err := sleep(ctx, o.warm); err != nil {
		return err
	}
	return b.dashboards(o.deploy)
}

// sleep waits, or until ctx ends.
func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

// bed makes an empty directory and a cluster in it that does not run yet.
func (o *options) bed() (*bed, error) {
	dir, err := filepath.Abs(o.dir)
	if err != nil {
		return nil, err
	}
	if err := os.RemoveAll(dir); err != nil {
		return nil, fmt.Errorf("%w; is a file system of an interrupted drill still mounted there?", err)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	c, err := procs.New(procs.Options{Binaries: o.bin, Dir: filepath.Join(dir, "cluster"), F: 1,
		InitArgs:  []string{"--scheme", "ed25519"}, // slots cost little then, and many are wanted
		StartArgs: []string{"--client-rate", strconv.Itoa(clientRate)}})
	if err != nil {
		return nil, err
	}
	return &bed{Cluster: c, dir: dir, bin: o.bin}, nil
}

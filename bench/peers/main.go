package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"
	"time"

	"quorate/bench/peers/comet"
	"quorate/bench/peers/etcd"
	"quorate/bench/peers/rows"
	"quorate/bench/peers/trial"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := dispatch(ctx, os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "peers:", err)
		os.Exit(1)
	}
}

var errUsage = errors.New("use: peers run [flags] | peers table FILE")

// dispatch does what the first argument says.
func dispatch(ctx context.Context, args []string, stdout io.Writer) error {
	if len(args) == 0 {
		return errUsage
	}
	switch kind, rest := args[0], args[1:]; kind {
	case "run":
		return run(ctx, rest, stdout)
	case "table":
		return table(rest, stdout)
	case comet.KindNode:
		return asChild(ctx, rest, comet.Serve)
	case comet.KindLoad:
		return asLoad(ctx, rest, stdout, comet.Load)
	case etcd.KindNode:
		return asChild(ctx, rest, etcd.Serve)
	case etcd.KindLoad:
		return asLoad(ctx, rest, stdout, etcd.Load)
	}
	return errUsage
}

// asChild reads a child's configuration and runs it.
func asChild[C any](ctx context.Context, args []string, serve func(context.Context, C) error) error {
	var c C
	if len(args) != 1 {
		return errUsage
	}
	if err := json.Unmarshal([]byte(args[0]), &c); err != nil {
		return err
	}
	return serve(ctx, c)
}

// asLoad runs a load client and prints its outcome.
func asLoad[C any](ctx context.Context, args []string, stdout io.Writer, load func(context.Context, C) (trial.Outcome, error)) error {
	return asChild(ctx, args, func(ctx context.Context, c C) error {
		out, err := load(ctx, c)
		if err != nil {
			return err
		}
		return json.NewEncoder(stdout).Encode(out)
	})
}

// table prints the table of a file of rows.
func table(args []string, stdout io.Writer) error {
	if len(args) != 1 {
		return errUsage
	}
	f, err := os.Open(args[0])
	if err != nil {
		return err
	}
	defer f.Close()
	all, err := rows.Read(f)
	if err != nil {
		return err
	}
	return rows.Table(stdout, all)
}

// options are the flags of run.
type options struct {
	product, out, dir, only, commit string
	variant                         string
	repeat, inFlight                int
	secs, warmup                    float64
}

func (o *options) parse(args []string) error {
	flags := flag.NewFlagSet("run", flag.ContinueOnError)
	flags.StringVar(&o.product, "product", "bin", "folder with the product's binaries replica, loadgen and upper")
	flags.StringVar(&o.out, "out", "run/peers/rows.jsonl", "file that rows are written to, from its beginning")
	flags.StringVar(&o.dir, "dir", "run/peers", "folder for the data of runs; what a failed run leaves stays there")
	flags.StringVar(&o.only, "only", "", "one of cometbft, etcd, ours, upper; empty: all")
	flags.StringVar(&o.variant, "variant", "", "only variants whose name contains this")
	flags.StringVar(&o.commit, "commit", "unknown", "commit of the product, for the rows")
	flags.IntVar(&o.repeat, "repeat", 1, "runs of each variant")
	flags.IntVar(&o.inFlight, "inflight", 0, "for sweeps: requests under way in every chosen variant, per client in ours; 0: the variant's own")
	flags.Float64Var(&o.secs, "secs", 10, "seconds of the measured window")
	flags.Float64Var(&o.warmup, "warmup", 10, "seconds of load before it")
	if err := flags.Parse(args); err != nil {
		return err
	}
	switch {
	case flags.NArg() > 0:
		return errUsage
	case o.repeat < 1 || o.repeat > 1000:
		return fmt.Errorf("-repeat %d is outside 1 to 1000", o.repeat)
	case o.inFlight < 0 || o.inFlight > 1_000_000:
		return fmt.Errorf("-inflight %d is outside 0 to 1000000", o.inFlight)
	case !(o.secs > 0) || !(o.warmup >= 0) || o.secs+o.warmup > 3600:
		return fmt.Errorf("-secs %v and -warmup %v make no run of at most an hour", o.secs, o.warmup)
	}
	return nil
}

// versionOf gives the pinned version of a module that this binary is built with.
func versionOf(module string) string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	for _, m := range info.Deps {
		if m.Path == module {
			return m.Version
		}
	}
	return ""
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"quorate/bench/peers/child"
	"quorate/bench/peers/comet"
	"quorate/bench/peers/etcd"
	"quorate/bench/peers/ours"
	"quorate/bench/peers/rows"
	"quorate/bench/peers/trial"
)

// variants lists what may be run, ours first: the ratios are to it.
func variants(o *options) (all []trial.Variant) {
	all = append(all, ours.Variants(o.commit)...)
	all = append(all, ours.UpperVariants(o.commit)...)
	all = append(all, comet.Variants(versionOf("github.com/cometbft/cometbft"))...)
	all = append(all, etcd.Variants(versionOf("go.etcd.io/etcd/server/v3"))...)
	var chosen []trial.Variant
	for _, v := range all {
		if (o.only == "" || o.only == v.Peer) && strings.Contains(v.Claims.Variant, o.variant) {
			chosen = append(chosen, v)
		}
	}
	return chosen
}

// run runs variants one at a time, writes a row after each, and ends with the
// table. A run that fails fails the command, after the others were run.
func run(ctx context.Context, args []string, stdout io.Writer) error {
	var o options
	if err := o.parse(args); err != nil {
		return err
	}
	chosen := variants(&o)
	if len(chosen) == 0 {
		return fmt.Errorf("no variant is chosen by -only %q -variant %q", o.only, o.variant)
	}
	if err := os.MkdirAll(filepath.Dir(o.out), 0o755); err != nil {
		return err
	}
	file, err := os.Create(o.out)
	if err != nil {
		return err
	}
	defer file.Close()
	var all []rows.Row
	failed := 0
	// Repeats go round all variants, so that a machine that changes in time
	// changes for all of them.
	for n := 1; n <= o.repeat; n++ {
		for i := range chosen {
			row, err := one(ctx, &o, &chosen[i], n)
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			if trial.Skipped(err) {
				fmt.Fprintf(os.Stderr, "%s, %s: %v\n", chosen[i].Claims.System, chosen[i].Claims.Variant, err)
				continue
			}
			if err == nil {
				err = rows.Write(file, row)
			}
			if err != nil {
				failed++
				fmt.Fprintf(os.Stderr, "FAILED %s, %s: %v\n", chosen[i].Claims.System, chosen[i].Claims.Variant, err)
				continue
			}
			all = append(all, *row)
			fmt.Fprintf(os.Stderr, "%s, %s: %.0f payments/s, p50 %.1f p99 %.1f ms, %.3f CPU s of servers per 1,000\n", row.System, row.Variant,
				row.PerSecond(), row.P50, row.P99, 1000*row.ServerCPU/float64(row.Payments))
		}
	}
	if len(all) > 0 {
		if err := rows.Table(stdout, all); err != nil {
			return err
		}
	}
	if failed > 0 {
		return fmt.Errorf("%d runs failed; their data is kept below %s", failed, o.dir)
	}
	return nil
}

// one runs one variant in a directory of its own, which stays if it fails.
func one(ctx context.Context, o *options, v *trial.Variant, n int) (*rows.Row, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(o.dir, 0o755); err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp(o.dir, v.Peer+"-")
	if err != nil {
		return nil, err
	}
	if dir, err = filepath.Abs(dir); err != nil {
		return nil, err
	}
	product, err := filepath.Abs(o.product)
	if err != nil {
		return nil, err
	}
	row := v.Claims
	row.Schema, row.Run, row.Commit, row.Host = rows.Schema, n, o.commit, child.ThisHost()
	if o.inFlight > 0 {
		row.Settings += fmt.Sprintf("; but %d in flight", o.inFlight)
	}
	row.Figures, row.CheckText, err = v.Run(ctx, &trial.Trial{Dir: dir, Self: self, Product: product, InFlight: o.inFlight, Warmup: seconds(o.warmup), Length: seconds(o.secs)})
	if trial.Skipped(err) {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	if err != nil {
		return nil, fmt.Errorf("%w (data in %s)", err, dir)
	}
	row.At = time.Now().UTC().Format(time.RFC3339)
	return &row, os.RemoveAll(dir)
}

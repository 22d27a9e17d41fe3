package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"quorate/client"
	"quorate/cmd/loadgen/chaos"
	"quorate/wire"
)

// chaosFlags are the flags that say what is done to the replicas meanwhile.
type chaosFlags struct {
	at    []string
	file  string
	seed  uint64
	every time.Duration
}

// chaosRandom is the value of --chaos for a plan from a seed.
const chaosRandom = "random"

func (fl *chaosFlags) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringArrayVar(&fl.at, "at", nil, "do something to a replica of this host: '20s kill primary for 10s'; may be given again")
	flags.StringVar(&fl.file, "chaos", "", "file of such lines, or random")
	flags.Uint64Var(&fl.seed, "chaos-seed", 1, "of --chaos random, and of what backup and any mean")
	flags.DurationVar(&fl.every, "chaos-every", 15*time.Second, "from one fault to the next, with --chaos random")
}

// steps reads the plan; none is nil.
func (fl *chaosFlags) steps(total time.Duration) (steps []chaos.Step, err error) {
	switch fl.file {
	case "":
	case chaosRandom:
		if steps, err = chaos.Random(fl.seed, fl.every, total); err != nil {
			return nil, fmt.Errorf("--chaos random: %w", err)
		}
	default:
		text, err := readSmall(fl.file, false)
		if err != nil {
			return nil, fmt.Errorf("--chaos: %w", err)
		}
		if steps, err = chaos.ParseFile(string(text)); err != nil {
			return nil, fmt.Errorf("--chaos %s: %w", fl.file, err)
		}
	}
	for _, line := range fl.at {
		s, err := chaos.Parse(line)
		if err != nil {
			return nil, fmt.Errorf("--at: %w", err)
		}
		steps = append(steps, s)
	}
	return steps, nil
}

// runner makes what does the plan, or nil without one. What cannot be done is
// refused.
func (fl *chaosFlags) runner(dir string, t *target, total time.Duration) (*chaos.Runner, error) {
	steps, err := fl.steps(total)
	if err != nil || steps == nil {
		return nil, err
	}
	r := &chaos.Runner{Dir: dir, Replicas: len(t.genesis.Members), Steps: steps, Seed: fl.seed}
	return r, r.Check(total)
}

// primaryNow asks the replicas which of them leads, or gives −1.
func (t *target) primaryNow() int {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	view, primary := wire.View(0), -1
	for i := range t.genesis.Members {
		one, end := context.WithTimeout(ctx, 500*time.Millisecond)
		s, err := client.FetchStatus(one, t.genesis, t.keys[0], wire.ReplicaID(i), t.options.Plaintext)
		end()
		if err == nil && s.Active && (primary < 0 || s.View > view) {
			view, primary = s.View, int(s.Primary)
		}
	}
	return primary
}

// newChaos is the plan without a load.
func newChaos() *cobra.Command {
	var fl chaosFlags
	var dir string
	var total time.Duration
	var plaintext bool
	cmd := &cobra.Command{
		Use:   "chaos --dir DIR",
		Short: "Kill, stop and start replicas of this host at given times, without a load",
		Long: `Kill, stop and start replicas of this host at given times, without a load. The same
flags of loadgen run do it during one, and its report shows what was done.

A step is a time, an action and a target. Actions: kill (SIGKILL; with 'for D' the
replica is started again after D), stop (SIGSTOP, for D), restart (SIGTERM, then
started), start (what a step before killed), exec (a command of yours, such as one
that cuts a network; it finds QUORATE_DIR and QUORATE_PRIMARY set). Targets:
primary, backup, any, replica N. A replica is found by the lock of its data
directory, DIR/node-N/data/lock, and starts again as it was started before; its
standard error must be a file for that, not a pipe.`,
		Example: `  loadgen chaos --dir ./c4 --duration 60s --at '20s kill primary for 10s' --at '40s stop replica 2 for 5s'
  loadgen run --dir ./c4 --rate 5000 --duration 60s --at '20s kill primary for 20s'
  loadgen run --dir ./c4 --rate 5000 --duration 10m --chaos random --chaos-seed 7 --chaos-every 30s`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return fl.alone(cmd.Context(), dir, total, plaintext, cmd.OutOrStdout())
		},
	}
	fl.add(cmd)
	cmd.Flags().StringVar(&dir, "dir", "", "directory of the cluster, as replica init made it")
	cmd.Flags().DurationVar(&total, "duration", time.Minute, "how long; every step ends within it")
	cmd.Flags().BoolVar(&plaintext, "plaintext", false, "the cluster runs without TLS, on loopback")
	_ = cmd.MarkFlagRequired("dir")
	return cmd
}

// alone does everything of the command chaos.
func (fl *chaosFlags) alone(ctx context.Context, dir string, total time.Duration, plaintext bool, out io.Writer) error {
	t, err := loadTarget(dir, 1, 0, plaintext)
	if err != nil {
		return fail(exitConfig, err)
	}
	r, err := fl.runner(dir, t, total)
	switch {
	case err != nil:
		return fail(exitUsage, err)
	case r == nil:
		return fail(exitUsage, fmt.Errorf("nothing to do; say what with --at '20s kill primary for 10s', or with --chaos"))
	}
	start := time.Now()
	r.Primary = t.primaryNow
	r.Say = func(text string) {
		fmt.Fprintf(out, "  %s %s\n", clock(time.Since(start).Seconds()), text)
	}
	for i := range r.Steps {
		fmt.Fprintf(out, "plan: %s\n", r.Steps[i].String())
	}
	if err := r.Run(ctx, start); err != nil {
		return fail(exitFailure, err)
	}
	if down := r.Down(); len(down) > 0 {
		fmt.Fprintf(out, "replicas %v are down; start them with: replica start --dir %s/node-N\n", down, dir)
	}
	return fail(exitFailure, ctx.Err())
}

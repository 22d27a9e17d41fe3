// Command measure runs the experiments of this project on real processes and
// keeps what they gave as JSON lines.
//
//	bin/measure run --set quick
//	bin/measure run --only 'overload|slow-path' --repeat 10 --out run/bench/mine.jsonl
//	bin/measure list
//	bin/measure compare OLD.jsonl NEW.jsonl
//	bin/measure plot --out run/bench/plots RESULT.jsonl
//
// Each run makes a cluster in a temporary folder, starts its replicas, loads it
// with loadgen, reads what kernel and replicas counted at the first and the last
// second that is measured, and ends with loadgen's audit. A run whose audit is not
// clean is a failed run and never a figure.
//
// It is no test: a slow figure fails nothing. Exit code 0 means that no run
// failed, 1 that one did or that results cannot be read or compared, 64 a wrong
// command line.
//
// experiments.go lists what runs, bed.go makes clusters, loadgen.go loads them,
// counters.go and figures.go measure, runner.go makes records.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"quorate/bench/record"
)

// Exit codes.
const (
	exitFailure = 1
	exitUsage   = 64
)

// errRun marks errors of a command that was understood.
var errRun = errors.New("measure")

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := execute(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// execute runs one command line and gives the exit code.
func execute(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	root := &cobra.Command{Use: "measure", Short: "Run experiments on real processes, compare and plot what they gave",
		SilenceErrors: true, SilenceUsage: true}
	root.AddCommand(newRun(), newList(), newCompare(), newPlot())
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return 0
	}
	fmt.Fprintln(stderr, err)
	if errors.Is(err, errRun) {
		return exitFailure
	}
	return exitUsage
}

// failed marks an error of a command that was understood.
func failed(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%w: %w", errRun, err)
}

// choice picks experiments.
type choice struct {
	set  string
	only string
}

func (c *choice) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&c.set, "set", "quick", "quick, full or long")
	cmd.Flags().StringVar(&c.only, "only", "", "expression that names must match; then of all sets, unless --set is given")
}

// pick gives the experiments that are meant, at least one.
func (c *choice) pick(given bool) ([]experiment, error) {
	sets := map[string]set{"quick": quick, "full": full, "long": long}
	most, ok := sets[c.set]
	if !ok {
		return nil, fmt.Errorf("--set %q is not quick, full or long", c.set)
	}
	if c.only != "" && !given {
		most = long
	}
	name, err := regexp.Compile(c.only)
	if err != nil {
		return nil, fmt.Errorf("--only: %w", err)
	}
	var list []experiment
	for _, e := range experiments() {
		if e.set <= most && name.MatchString(e.name) {
			list = append(list, e)
		}
	}
	if list == nil {
		return nil, fmt.Errorf("--only %q: no experiment of set %s has such a name; see: measure list", c.only, c.set)
	}
	return list, nil
}

func newList() *cobra.Command {
	return &cobra.Command{Use: "list", Short: "List all experiments and what each answers", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			tw := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 4, 2, ' ', 0)
			for _, e := range experiments() {
				fmt.Fprintf(tw, "%s\t%s\t%s\n", e.name, [...]string{"quick", "full", "long"}[e.set], e.answers)
			}
			return tw.Flush()
		}}
}

// runFlags are those of run.
type runFlags struct {
	choice
	repeat        int
	seconds       int
	bin, dir, out string
	plots         string
}

func newRun() *cobra.Command {
	var fl runFlags
	cmd := &cobra.Command{Use: "run", Short: "Run experiments and keep their results as JSON lines", Args: cobra.NoArgs}
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		list, err := fl.pick(cmd.Flags().Changed("set"))
		if err != nil {
			return err
		}
		if fl.repeat < 1 || fl.repeat > 100 {
			return fmt.Errorf("--repeat %d is outside 1 to 100", fl.repeat)
		}
		if fl.seconds < 0 || fl.seconds > 3600 {
			return fmt.Errorf("--seconds %d is outside 0 to 3600", fl.seconds)
		}
		for i := range list {
			if p := &list[i].param; fl.seconds > 0 && p.Seconds > 0 {
				p.Seconds = float64(fl.seconds)
			}
		}
		return failed(fl.run(cmd.Context(), list, cmd.OutOrStdout()))
	}
	fl.add(cmd)
	cmd.Flags().IntVar(&fl.repeat, "repeat", 1, "runs of each experiment; claims want ten")
	cmd.Flags().IntVar(&fl.seconds, "seconds", 0, "measure each load for so long; 0: for as long as its experiment says")
	cmd.Flags().StringVar(&fl.bin, "bin", "bin", "folder with the binaries")
	cmd.Flags().StringVar(&fl.dir, "dir", "run/bench", "directory for clusters and results; needs the disk that is to be measured")
	cmd.Flags().StringVar(&fl.out, "out", "", "file to append results to; empty: a new one in --dir")
	cmd.Flags().StringVar(&fl.plots, "plots", "", "directory to draw the results of this run into; empty: none")
	return cmd
}

// run does all experiments, one repetition of all after another: what drifts on
// the host touches all of them alike.
func (fl *runFlags) run(ctx context.Context, list []experiment, out io.Writer) error {
	begun := time.Now()
	m, err := newRunner(fl.bin, fl.dir, strings.Join(os.Args, " "))
	if err != nil {
		return err
	}
	path := fl.out
	if path == "" {
		path = filepath.Join(fl.dir, fmt.Sprintf("%s-%.8s.jsonl", begun.UTC().Format("20060102T150405"), m.commit))
	}
	file, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer file.Close()
	var runs []record.Run
	for repetition := 1; repetition <= fl.repeat; repetition++ {
		for i := range list {
			r, err := m.run(ctx, &list[i], repetition)
			if err == nil {
				err = record.Write(file, r)
			}
			if err != nil {
				return fmt.Errorf("%s: %w", list[i].name, err)
			}
			fmt.Fprintln(out, line(r))
			runs = append(runs, *r)
		}
	}
	printGoals(out, list, runs)
	if fl.plots != "" {
		if _, err := writePlots(fl.plots, runs); err != nil {
			return err
		}
		fmt.Fprintln(out, "plots in", filepath.Join(fl.plots, "index.html"))
	}
	count := map[string]int{}
	for i := range runs {
		count[runs[i].Outcome]++
	}
	fmt.Fprintf(out, "bench: %d runs ok, %d skipped, %d failed, %.1f min, results in %s\n",
		count[record.OK], count[record.Skipped], count[record.Failed], time.Since(begun).Minutes(), path)
	if count[record.Failed] > 0 {
		return fmt.Errorf("%d runs failed", count[record.Failed])
	}
	return nil
}

package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"quorate/capacity"
	"quorate/tuning"
)

func newFit() *cobra.Command {
	var out output
	cmd := &cobra.Command{
		Use: "fit SWEEP", Short: "Fit the Universal Scalability Law to a sweep of loadgen", Args: cobra.ExactArgs(1),
		Long: `Fit X(N) = λN / (1 + σ(N−1) + κN(N−1)) to the sweep.json of loadgen sweep, over the
requests under way, or to a file of kind cores. A sweep over replicas is refused: more
replicas raise f, not throughput.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			text, err := readBounded(args[0])
			if err != nil {
				return fail(exitConfig, fmt.Errorf("%w; make it with: loadgen sweep", err))
			}
			samples, over, left, err := capacity.DecodeCurve(text)
			if err != nil {
				return fail(exitConfig, fmt.Errorf("%s: %w", args[0], err))
			}
			law, err := capacity.FitLaw(samples)
			if err != nil {
				return fail(exitFailure, fmt.Errorf("%s: %w", args[0], err))
			}
			if out == outputJSON {
				return fail(exitFailure, json.NewEncoder(cmd.OutOrStdout()).Encode(law))
			}
			return fail(exitFailure, printLaw(cmd.OutOrStdout(), law, samples, over, left))
		},
	}
	addOutput(cmd, &out)
	return cmd
}

func printLaw(w io.Writer, l *capacity.Law, samples []capacity.Sample, over string, left int) error {
	fmt.Fprintf(w, "X(N) = λN / (1 + σ(N−1) + κN(N−1)) over %s, %d points, R² %.3f", over, len(samples), l.R2)
	if left > 0 {
		fmt.Fprintf(w, ", %d steps left out that were not steady", left)
	}
	fmt.Fprintln(w)
	tw := tabwriter.NewWriter(w, 0, 4, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(tw, "\tVALUE\t95 % FROM\tTO\t")
	for _, row := range []struct {
		name string
		capacity.Interval
	}{{"λ payments/s of one", l.Lambda}, {"σ contention", l.Sigma}, {"κ coherence", l.Kappa}} {
		fmt.Fprintf(tw, "%s\t%.4g\t%.4g\t%.4g\t\n", row.name, row.Value, row.Low, row.High)
	}
	fmt.Fprintln(tw, "\nN\tMEASURED\tFITTED\tRESIDUAL\t")
	for i, s := range samples {
		fmt.Fprintf(tw, "%.1f\t%.0f\t%.0f\t%+.1f %%\t\n", s.N, s.X, s.X/(1+l.Residuals[i]), 100*l.Residuals[i])
	}
	if err := tw.Flush(); err != nil {
		return err
	}
	switch {
	case l.PeakAt > l.Measured:
		fmt.Fprintf(w, "highest %.0f payments/s at N = %.0f, beyond the measured %.0f: sweep further before you believe it\n", l.Peak, l.PeakAt, l.Measured)
	case l.PeakAt > 0:
		fmt.Fprintf(w, "highest %.0f payments/s at N = %.0f; more only waits\n", l.Peak, l.PeakAt)
	case l.Ceiling > 0:
		fmt.Fprintf(w, "no peak: it nears %.0f payments/s, and reaches %.0f at the measured N = %.0f\n", l.Ceiling, l.Peak, l.Measured)
	default:
		fmt.Fprintf(w, "linear up to the measured N = %.0f: sweep further\n", l.Measured)
	}
	return nil
}

// planFlags are the flags of plan.
type planFlags struct {
	from                                       calibrationFlags
	ask                                        questionFlags
	target, average, growth, slo, disk, memory string
	months                                     int
	share                                      float64
	rules                                      string
	out                                        output
}

func newPlan() *cobra.Command {
	var fl planFlags
	cmd := &cobra.Command{
		Use: "plan --calibration FILE --target RATE", Short: "Servers, headroom and alerts for a target", Args: cobra.NoArgs,
		Example: `  replica capacity plan --calibration host.json --target 20000tps --growth 8%/month --slo 'p99<100ms' --rules capacity.yml`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return runPlan(&fl, cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	fl.from.add(cmd)
	fl.ask.add(cmd)
	flags := cmd.Flags()
	flags.StringVar(&fl.target, "target", "", "payments per second at the peak of the day, as 20000, 20k or 20ktps")
	flags.StringVar(&fl.average, "average", "", "payments per second over the whole day, which disk and memory grow by; without it the target")
	flags.StringVar(&fl.growth, "growth", "0%/month", "growth, as 8%/month or 150%/year")
	flags.StringVar(&fl.slo, "slo", "", "objective, as p99<100ms or p50<20ms,p99<100ms")
	flags.IntVar(&fl.months, "months", 12, "months for which the servers are to do")
	flags.Float64Var(&fl.share, "share", 0.7, "part of the highest rate that is planned with")
	flags.StringVar(&fl.disk, "disk", "", "a server's disk for this, as 2TB; says when it is full")
	flags.StringVar(&fl.memory, "memory", "", "a server's memory, as 64GiB; says when it is full")
	flags.StringVar(&fl.rules, "rules", "", "write alert rules for Prometheus into this file")
	_ = cmd.MarkFlagRequired("target")
	_ = flags.MarkHidden("outstanding")
	_ = flags.MarkHidden("down")
	addOutput(cmd, &fl.out)
	return cmd
}

// goal reads the flags.
func (fl *planFlags) goal(c *capacity.Calibration) (g capacity.Goal, err error) {
	if g.Target, err = capacity.ParseRate(fl.target); err != nil {
		return g, err
	}
	g.Average = g.Target
	if fl.average != "" {
		if g.Average, err = capacity.ParseRate(fl.average); err != nil {
			return g, err
		}
	}
	if g.Growth, err = capacity.ParseGrowth(fl.growth); err != nil {
		return g, err
	}
	if g.Objectives, err = capacity.ParseObjectives(fl.slo); err != nil {
		return g, err
	}
	for _, size := range []struct {
		text string
		to   *float64
	}{{fl.disk, &g.Disk}, {fl.memory, &g.Memory}} {
		if size.text != "" {
			if *size.to, err = capacity.ParseSize(size.text); err != nil {
				return g, err
			}
		}
	}
	g.Months, g.Share = fl.months, fl.share
	cores := fl.ask.q.Cores
	if g.Question, err = fl.ask.question(c); err != nil {
		return g, err
	}
	g.Question.Cores = cores // 0: the plan chooses
	g.Profiles = []string{g.Question.Profile}
	if fl.ask.profile == "" {
		g.Profiles = []string{tuning.Balanced, tuning.Latency, tuning.Throughput}
	}
	return g, nil
}

func runPlan(fl *planFlags, out, warn io.Writer) error {
	c, err := fl.from.load(warn)
	if err != nil {
		return err
	}
	g, err := fl.goal(c)
	if err != nil {
		return fail(exitUsage, err)
	}
	p, err := c.Plan(g)
	switch {
	case errors.Is(err, capacity.ErrPlan):
		return fail(exitFailure, err)
	case err != nil:
		return fail(exitUsage, err)
	}
	rules := ""
	if fl.rules != "" {
		if err := replaceFile(fl.rules, p.Alerts()); err != nil {
			return fail(exitCreate, err)
		}
		if rules, err = checkRules(fl.rules); err != nil {
			return fail(exitFailure, err)
		}
	}
	if fl.out == outputJSON {
		return fail(exitFailure, json.NewEncoder(out).Encode(p))
	}
	if err := printPlan(out, p); err != nil {
		return fail(exitFailure, err)
	}
	if fl.rules != "" {
		fmt.Fprintf(out, "alerts %s (%s); load them beside deploy/prometheus/rules.yml\n", fl.rules, rules)
	}
	return nil
}

// checkRules has promtool look at rules, where there is one.
func checkRules(path string) (said string, err error) {
	tool, err := exec.LookPath("promtool")
	if err != nil {
		return "not checked: there is no promtool here", nil
	}
	if text, err := exec.Command(tool, "check", "rules", path).CombinedOutput(); err != nil {
		return "", fmt.Errorf("promtool refuses %s: %s", path, strings.TrimSpace(string(text)))
	}
	return "checked by promtool", nil
}

// monthsText writes a number of months.
func monthsText(m float64) string {
	switch {
	case m == capacity.Never:
		return "not within ten years"
	case m == 0:
		return "0 days: too small from the start"
	case m < 2:
		return fmt.Sprintf("%.1f days", 30.44*m)
	}
	return fmt.Sprintf("%.1f months", m)
}

func printPlan(w io.Writer, p *capacity.Plan) error {
	g, at := &p.Goal, &p.Prediction.At
	fmt.Fprintf(w, "%d servers of %.3g cores for %.0f payments/s, growing by %.3g %% a month to %.0f/s in %d months\n\n",
		p.Servers, p.Cores, g.Target, 100*(g.Growth-1), p.LaterPeak, g.Months)
	tw := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	row := func(name, format string, args ...any) {
		fmt.Fprintf(tw, "%s\t%s\n", name, fmt.Sprintf(format, args...))
	}
	row("profile", "%s, %d payments per request, %.0f per block", p.Profile, p.Batch, at.Block)
	row("at the target", "p50 %.1f ms, p99 %.1f ms, %.0f %% of a server's cores busy", at.P50/1e3, at.P99/1e3, 100*at.Busy)
	row("highest rate", "%.0f payments/s, bound by %s", p.Prediction.Highest, p.Prediction.Limits[0].Name)
	row("planned with", "%.0f payments/s: %s", p.Usable, p.UsableBy)
	row("one server down", "%.0f payments/s by the slow path", p.OneDown)
	row("headroom", "%s", monthsText(p.Headroom))
	row("link", "%.3g Mbit/s sent by the primary at %.0f payments/s", p.LinkBits/1e6, p.Usable)
	row("disk", "%s in the first month, %s for %d months, on each server", bytesText(p.DiskMonth), bytesText(p.DiskNeeded), g.Months)
	if g.Disk > 0 {
		row("", "%s are full after %s", bytesText(g.Disk), monthsText(p.DiskFull))
	}
	row("memory", "%s in the first month, %s for %d months, on each server", bytesText(p.MemoryMonth), bytesText(p.MemoryNeeded), g.Months)
	if g.Memory > 0 {
		row("", "%s are full after %s", bytesText(g.Memory), monthsText(p.MemoryFull))
	}
	if err := tw.Flush(); err != nil {
		return err
	}
	for _, n := range p.Notes {
		fmt.Fprintln(w, "note:", n)
	}
	return nil
}

package main

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"quorate/capacity"
	"quorate/tuning"
)

// questionFlags are those that say what is asked.
type questionFlags struct {
	rate, profile, link string
	together            bool
	roundTrip           time.Duration
	q                   capacity.Question
}

func (fl *questionFlags) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.IntVar(&fl.q.Replicas, "replicas", 4, "replicas, 3f+1")
	flags.IntVar(&fl.q.Down, "down", 0, "backups that are down")
	flags.IntVar(&fl.q.Events, "batch", 1000, "payments per request")
	flags.StringVar(&fl.profile, "profile", "", "tuning profile; without it the calibration's")
	flags.IntVar(&fl.q.Outstanding, "outstanding", 0, "requests that clients keep under way, without --rate; 0: as many as go")
	flags.Float64Var(&fl.q.Cores, "cores", 0, "cores of a server; 0: as many as the calibration's")
	flags.BoolVar(&fl.together, "together", false, "all replicas and the load generator share one server, as on a test machine")
	flags.StringVar(&fl.link, "link", "", "a server's link, as 1Gbit or 10Gbit; without it no limit")
	flags.DurationVar(&fl.roundTrip, "rtt", 200*time.Microsecond, "round trip between servers; not used with --together")
	flags.Float64Var(&fl.q.Disk, "disk-speed", 1, "disk, times as fast as the calibration's")
}

// question completes the question from flags and calibration.
func (fl *questionFlags) question(c *capacity.Calibration) (q capacity.Question, err error) {
	q = fl.q
	if fl.rate != "" {
		if q.Rate, err = capacity.ParseRate(fl.rate); err != nil {
			return q, err
		}
	}
	if q.Profile = fl.profile; q.Profile == "" {
		q.Profile = c.Profile
	}
	if _, err := tuning.Named(q.Profile); err != nil {
		return q, err
	}
	if q.Cores == 0 {
		q.Cores = float64(c.Host.Cores)
	}
	if q.Together = fl.together; !q.Together {
		q.RoundTrip = float64(fl.roundTrip.Microseconds())
	}
	if fl.link != "" {
		if q.LinkBits, err = capacity.ParseLink(fl.link); err != nil {
			return q, err
		}
	}
	return q, nil
}

func newPredict() *cobra.Command {
	var from calibrationFlags
	var ask questionFlags
	var out output
	cmd := &cobra.Command{
		Use: "predict --calibration FILE", Short: "Predict rate, latency, bottleneck and disk of a load", Args: cobra.NoArgs,
		Example: `  replica capacity predict --calibration host.json --batch 1000 --cores 8 --link 10Gbit
  replica capacity predict --calibration host.json --batch 1 --rate 2k --replicas 7 -o json`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := from.load(cmd.ErrOrStderr())
			if err != nil {
				return err
			}
			q, err := ask.question(c)
			if err != nil {
				return fail(exitUsage, err)
			}
			p, err := c.Predict(q)
			if err != nil {
				return fail(exitUsage, err)
			}
			if out == outputJSON {
				return fail(exitFailure, json.NewEncoder(cmd.OutOrStdout()).Encode(p))
			}
			return fail(exitFailure, printPrediction(cmd.OutOrStdout(), p))
		},
	}
	from.add(cmd)
	ask.add(cmd)
	cmd.Flags().StringVar(&ask.rate, "rate", "", "payments per second, as 20000, 20k or 20ktps; without it the highest")
	addOutput(cmd, &out)
	return cmd
}

func printPrediction(w io.Writer, p *capacity.Prediction) error {
	q := &p.Question
	where := fmt.Sprintf("a server of %.3g cores each", q.Cores)
	if q.Together {
		where = fmt.Sprintf("all on one server of %.3g cores, load generator included", q.Cores)
	}
	fmt.Fprintf(w, "%d replicas (%d down), %s, profile %s, %d payments per request\n\n", q.Replicas, q.Down, where, q.Profile, q.Events)
	fmt.Fprintf(w, "highest rate  %.0f payments/s, bound by %s: %s\n", p.Highest, p.Limits[0].Name, p.Limits[0].Why)
	if len(p.Limits) > 1 {
		fmt.Fprintf(w, "next bound    %.0f payments/s, %s: %s\n", p.Limits[1].Rate, p.Limits[1].Name, p.Limits[1].Why)
	}
	tw := tabwriter.NewWriter(w, 0, 4, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(tw, "\nPAYMENTS/S\tOF HIGHEST\tPER BLOCK\tCORES BUSY\tP50 MS\tP99 MS\t")
	for _, at := range append([]capacity.Point{p.At}, p.Points...) {
		fmt.Fprintf(tw, "%.0f\t%.0f %%\t%.0f\t%.0f %%\t%.1f\t%.1f\t\n", at.Rate, 100*at.Rate/p.Highest, at.Block, 100*at.Busy, at.P50/1e3, at.P99/1e3)
	}
	fmt.Fprintf(tw, "\nSTAGE\tPRIMARY\tBACKUP\tALL\tOF ALL\t µs of CPU per payment at %.0f/s\n", p.At.Rate)
	whole := p.Replicas + p.Client
	for _, d := range p.Demands {
		if d.All > 0 {
			fmt.Fprintf(tw, "%s\t%.3f\t%.3f\t%.3f\t%.1f %%\t\n", d.Stage, d.Primary, d.Backup, d.All, 100*d.All/whole)
		}
	}
	fmt.Fprintf(tw, "%s\t\t\t%.3f\t%.1f %%\t\n", capacity.Client, p.Client, 100*p.Client/whole)
	fmt.Fprintf(tw, "all\t\t\t%.3f\t100.0 %%\t\n", whole)
	fmt.Fprintln(tw, "\nCHANGE\tHIGHEST\tP99 MS\t")
	for _, s := range p.Steps {
		fmt.Fprintf(tw, "%s\t%.0f\t%.1f\t\n", s.Change, s.Highest, s.P99/1e3)
	}
	if err := tw.Flush(); err != nil {
		return err
	}
	fmt.Fprintf(w, "\ndisk %s a day and replica; memory of the index %s a day and replica, which a restart does not give back\n", bytesText(p.DiskDay), bytesText(p.IndexDay))
	for _, n := range p.Notes {
		fmt.Fprintln(w, "note:", n)
	}
	return nil
}

// bytesText writes bytes with three digits.
func bytesText(b float64) string {
	units := []string{"B", "kB", "MB", "GB", "TB", "PB"}
	i := 0
	for ; b >= 1000 && i < len(units)-1; i++ {
		b /= 1000
	}
	return fmt.Sprintf("%.3g %s", b, units[i])
}

// printCalibration shows what a calibration found.
func printCalibration(w io.Writer, c *capacity.Calibration) {
	fmt.Fprintf(w, "\n%s, %d cores, kernel %s; build %s, scheme %s, profile %s\n", c.Host.Model, c.Host.Cores, c.Host.Kernel, c.Build.Version, c.Scheme, c.Profile)
	tw := tabwriter.NewWriter(w, 0, 4, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(tw, "STAGE\tPER PAYMENT\tPER REQUEST\tPER BLOCK\tPER SECOND\t µs of CPU of a backup")
	for _, s := range c.Model.Stages {
		b := s.Backup
		fmt.Fprintf(tw, "%s\t%.3f\t%.2f\t%.0f\t%.0f\t\n", s.Stage, b.PerPayment, b.PerRequest, b.PerBlock, b.PerSecond)
	}
	_ = tw.Flush()
	fmt.Fprintf(w, "fit: misses a load's CPU by at most %.0f %%; %.0f %% of the cores are used at full load\n", 100*c.Model.Residual, 100*c.Model.Busy)
	slow, fast := 0.0, math.Inf(1)
	for i := range c.Loads {
		l := &c.Loads[i]
		slow, fast = max(slow, l.RefBefore, l.RefAfter), min(fast, l.RefBefore, l.RefAfter)
		if l.Swing() > capacity.SwingMost {
			fmt.Fprintf(w, "note: the host's speed changed by %.0f %% around %s\n", 100*l.Swing(), l.Name)
		}
	}
	fmt.Fprintf(w, "reference work: %.2f ms of CPU, %.2f to %.2f around the loads; costs are for a host of that speed\n", c.Reference/1e3, fast/1e3, slow/1e3)
}

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"quorate/capacity"
	"quorate/capacity/calibrate"
	"quorate/cluster"
	"quorate/tuning"
)

// verifyFlags are the flags of verify.
type verifyFlags struct {
	from           calibrationFlags
	profile        string
	batch          int
	clients, way   int
	part           float64
	seconds        int
	dir            string
	save, measured string
	out            output
}

func newVerifyCapacity() *cobra.Command {
	var fl verifyFlags
	cmd := &cobra.Command{
		Use: "verify --calibration FILE", Short: "Run a load and hold the prediction against it", Args: cobra.NoArgs,
		Long: `Run four replicas and loadgen on this host, first with as much load as goes, then
at a part of what was predicted, and hold the prediction against both. It fails, and
names what is wrong, when throughput or the CPU of a stage is off by more than 15 %
or p99 at the steady rate by more than 30 %. Predicted CPU is scaled by the host's
speed, which is measured around each load; a load around which it changed is measured
again, up to three times.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt, syscall.SIGTERM)
			defer stop()
			return runVerifyCapacity(ctx, &fl, cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	fl.from.add(cmd)
	flags := cmd.Flags()
	flags.StringVar(&fl.profile, "profile", tuning.Balanced, "tuning profile of the replicas")
	flags.IntVar(&fl.batch, "batch", 1000, "payments per request")
	flags.IntVar(&fl.clients, "clients", 8, "clients of the load")
	flags.IntVar(&fl.way, "in-flight", 8, "requests of each client under way at the peak")
	flags.Float64Var(&fl.part, "load", 0.5, "steady rate, as a part of the predicted highest")
	flags.IntVar(&fl.seconds, "seconds", 10, "measured seconds of each of the two loads")
	flags.StringVar(&fl.dir, "dir", "", "empty or new directory for the cluster; without it one beside the calibration, removed afterwards")
	flags.StringVar(&fl.save, "save", "", "keep the measurement in this file")
	flags.StringVar(&fl.measured, "measured", "", "hold a kept measurement against the calibration; runs nothing")
	addOutput(cmd, &fl.out)
	return cmd
}

func (fl *verifyFlags) check() error {
	switch {
	case !(fl.part > 0 && fl.part <= 0.95):
		return fmt.Errorf("--load %v: choose a part of the highest rate up to 0.95", fl.part)
	case fl.clients < 1 || fl.clients > 64 || fl.way < 1 || fl.way > 64:
		return fmt.Errorf("--clients %d with --in-flight %d: choose 1 to 64 of each", fl.clients, fl.way)
	case fl.seconds < 2 || fl.seconds > 600:
		return fmt.Errorf("--seconds %d: choose 2 to 600", fl.seconds)
	case fl.batch < 1 || fl.batch > capacity.EventsOfRequest:
		return fmt.Errorf("--batch %d: choose 1 to %d", fl.batch, capacity.EventsOfRequest)
	}
	_, err := tuning.Named(fl.profile)
	return err
}

func runVerifyCapacity(ctx context.Context, fl *verifyFlags, out, warn io.Writer) error {
	if err := fl.check(); err != nil {
		return fail(exitUsage, err)
	}
	c, err := fl.from.load(warn)
	if err != nil {
		return err
	}
	var m *capacity.Measurement
	if fl.measured != "" {
		m, err = readMeasurement(fl.measured)
	} else {
		m, err = fl.measure(ctx, c, warn)
	}
	if err != nil {
		return err
	}
	if fl.save != "" {
		text, err := capacity.EncodeMeasurement(m)
		if err != nil {
			return fail(exitFailure, err)
		}
		if err := replaceFile(fl.save, text); err != nil {
			return fail(exitCreate, err)
		}
	}
	k, err := c.Hold(m)
	if err != nil {
		return fail(exitConfig, err)
	}
	if fl.out == outputJSON {
		err = json.NewEncoder(out).Encode(k)
	} else {
		err = printComparison(out, k, m)
	}
	if err != nil {
		return fail(exitFailure, err)
	}
	if off := k.Failures(); len(off) > 0 {
		return fail(exitFailure, fmt.Errorf("the prediction is off: %s; calibrate again on a quiet host, and if it stays so do not plan with it", strings.Join(off, ", ")))
	}
	return nil
}

func readMeasurement(path string) (*capacity.Measurement, error) {
	text, err := readBounded(path)
	if err != nil {
		return nil, fail(exitConfig, fmt.Errorf("%w; make it with: replica capacity verify --save %s", err, path))
	}
	m, err := capacity.DecodeMeasurement(text)
	if err != nil {
		return nil, fail(exitConfig, fmt.Errorf("%s: %w", path, err))
	}
	return m, nil
}

// verifyWarmup is how long a load runs before it is measured, seconds.
const verifyWarmup = 2

// measure runs both loads on a cluster of its own.
func (fl *verifyFlags) measure(ctx context.Context, c *capacity.Calibration, warn io.Writer) (*capacity.Measurement, error) {
	p, err := c.Predict(capacity.Question{Profile: fl.profile, Replicas: c.Replicas, Events: fl.batch, Outstanding: fl.clients * fl.way,
		Cores: float64(c.Host.Cores), Together: true, Disk: 1})
	if err != nil {
		return nil, fail(exitUsage, err)
	}
	dir, clean, err := workDir(fl.dir, filepath.Dir(fl.from.path))
	if err != nil {
		return nil, fail(exitCreate, err)
	}
	defer clean()
	reference, err := calibrate.NewReference()
	if err != nil {
		return nil, fail(exitFailure, err)
	}
	b, err := makeBed(ctx, filepath.Join(dir, "cluster"), fl.profile, schemeOf(c))
	if err != nil {
		return nil, fail(exitFailure, err)
	}
	defer b.stopAll()
	m := &capacity.Measurement{Schema: capacity.MeasurementSchema, Made: time.Now().UTC().Format(time.RFC3339), Build: calibratedBuild(), Host: tuning.DetectHost(),
		Scheme: c.Scheme, Profile: fl.profile, Replicas: c.Replicas}
	say := func(format string, args ...any) { fmt.Fprintf(warn, "replica: "+format+"\n", args...) }
	steady := func(d calibrate.Drive) (capacity.Load, error) {
		return calibrate.Steady(ctx, reference.Micros, say, func() (capacity.Load, error) { return calibrate.Measure(ctx, b, d) })
	}
	d := calibrate.Drive{Events: fl.batch, Clients: fl.clients, InFlight: fl.way, Warmup: verifyWarmup, Seconds: fl.seconds}
	if m.Peak, err = steady(d); err != nil {
		return nil, fail(exitFailure, fmt.Errorf("peak: %w", err))
	}
	d.Rate = float64(int(fl.part*p.Highest) + 1)
	if m.Steady, err = steady(d); err != nil {
		return nil, fail(exitFailure, fmt.Errorf("steady rate: %w", err))
	}
	m.Peak.Name, m.Steady.Name = "peak", "steady"
	return m, nil
}

func schemeOf(c *capacity.Calibration) cluster.Scheme { return cluster.Scheme(c.Scheme) }

func printComparison(w io.Writer, k *capacity.Comparison, m *capacity.Measurement) error {
	for _, part := range []struct {
		title  string
		checks []capacity.Check
	}{
		{fmt.Sprintf("profile %s, requests of %d, %d under way", k.Profile, k.Events, m.Peak.Outstanding), k.Peak},
		{fmt.Sprintf("the same at %.0f payments/s", m.Steady.Offered), k.Steady},
	} {
		fmt.Fprintln(w, part.title)
		tw := tabwriter.NewWriter(w, 0, 4, 2, ' ', tabwriter.AlignRight)
		fmt.Fprintln(tw, "\tPREDICTED\tMEASURED\tOFF\tALLOWED\t")
		for _, c := range part.checks {
			allowed, verdict := "", ""
			if c.Allowed > 0 {
				allowed = fmt.Sprintf("%.0f %%", 100*c.Allowed)
			}
			if c.Failed() {
				verdict = " FAILED"
			}
			fmt.Fprintf(tw, "%s\t%.4g\t%.4g\t%+.0f %%\t%s\t %s%s\n", c.Name, c.Predicted, c.Measured, 100*c.Off, allowed, c.Unit, verdict)
		}
		if err := tw.Flush(); err != nil {
			return err
		}
	}
	for _, n := range k.Notes {
		fmt.Fprintln(w, "note:", n)
	}
	return nil
}

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"quorate/capacity"
	"quorate/capacity/calibrate"
	"quorate/cluster"
	"quorate/tuning"
)

const capacityHelp = `Answer how many servers a load needs, and until when, with predictions that are
checked against measurements. docs/capacity.md has a worked example.

  calibrate   a minute on this host: what this build costs here
  predict     rate, latency, bottleneck and disk of a load, from a calibration
  verify      run a load and hold the prediction against it
  fit         the Universal Scalability Law through a sweep of loadgen
  plan        servers, headroom and alerts for a target, its growth and an objective`

// newCapacityCommand makes the commands of capacity planning.
func newCapacityCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "capacity", Short: "How many servers a load needs, and until when", Long: capacityHelp}
	cmd.AddCommand(newCalibrate(), newPredict(), newFit(), newVerifyCapacity(), newPlan())
	return cmd
}

// thisBuild names this program.
func calibratedBuild() capacity.Build {
	return capacity.Build{Version: version, Go: calibrate.GoVersion()}
}

// calibrateFlags are the flags of calibrate.
type calibrateFlags struct {
	dir, out, profile, scheme string
	busy                      bool
}

func newCalibrate() *cobra.Command {
	var fl calibrateFlags
	cmd := &cobra.Command{
		Use: "calibrate --out FILE", Short: "Measure for a minute what this build costs on this host", Args: cobra.NoArgs,
		Long: `Measure for about a minute what this build costs on this host: signatures, syncs,
commits, links and execution by themselves, then four replica processes and loadgen
on loopback at five loads. Nothing else should run on the host.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt, syscall.SIGTERM)
			defer stop()
			return runCalibrate(ctx, &fl, cmd.OutOrStdout())
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&fl.out, "out", "", "file for the calibration; replaced once it is whole")
	flags.StringVar(&fl.dir, "dir", "", "empty or new directory on the disk to measure; without it one beside FILE, removed afterwards")
	flags.StringVar(&fl.profile, "profile", tuning.Balanced, "tuning profile of the replicas")
	flags.StringVar(&fl.scheme, "scheme", string(cluster.ThresholdBLS), "signature scheme: "+schemeNames())
	flags.BoolVar(&fl.busy, "busy", false, "keep a calibration made while others used the host, to try things out")
	_ = cmd.MarkFlagRequired("out")
	return cmd
}

func runCalibrate(ctx context.Context, fl *calibrateFlags, out io.Writer) error {
	if err := checkSetup(fl.profile, fl.scheme); err != nil {
		return fail(exitUsage, err)
	}
	dir, clean, err := workDir(fl.dir, filepath.Dir(fl.out))
	if err != nil {
		return fail(exitCreate, err)
	}
	defer clean()
	begun := time.Now()
	say := func(format string, args ...any) {
		fmt.Fprintf(out, "  %4.0f s  %s\n", time.Since(begun).Seconds(), fmt.Sprintf(format, args...))
	}
	units := filepath.Join(dir, "units")
	if err := os.MkdirAll(units, 0o700); err != nil {
		return fail(exitCreate, err)
	}
	var lent *bed
	defer func() {
		if lent != nil {
			lent.stopAll()
		}
	}()
	c, err := calibrate.Run(ctx, &calibrate.Options{Dir: units, Scheme: cluster.Scheme(fl.scheme), Profile: fl.profile, Build: calibratedBuild(),
		Made: begun, Say: say}, func(ctx context.Context) (calibrate.Bed, error) {
		var err error
		lent, err = makeBed(ctx, filepath.Join(dir, "cluster"), fl.profile, cluster.Scheme(fl.scheme))
		return lent, err
	})
	if err != nil {
		return fail(exitFailure, fmt.Errorf("calibrate: %w", err))
	}
	printCalibration(out, c)
	if others := c.Disturbed(); others > 0 && !fl.busy {
		return fail(exitFailure, fmt.Errorf("calibrate: other processes used up to %.1f of %d cores: nothing was written; run it again on a quiet host, or keep it with --busy and do not plan with it", others, c.Host.Cores))
	}
	text, err := capacity.EncodeCalibration(c)
	if err != nil {
		return fail(exitFailure, err)
	}
	if err := replaceFile(fl.out, text); err != nil {
		return fail(exitCreate, err)
	}
	fmt.Fprintf(out, "%s written in %.0f s; next: replica capacity predict --calibration %s\n", fl.out, time.Since(begun).Seconds(), fl.out)
	return nil
}

// checkSetup refuses a profile or scheme that does not exist.
func checkSetup(profile, scheme string) error {
	if _, err := tuning.Named(profile); err != nil {
		return err
	}
	for _, s := range cluster.Schemes() {
		if string(s) == scheme {
			return nil
		}
	}
	return fmt.Errorf("--scheme %q: choose one of %s", scheme, schemeNames())
}

// workDir makes a directory for what is measured. One that the operator named must be
// new or empty and stays; one of our own is removed by clean.
func workDir(named, beside string) (dir string, clean func(), err error) {
	if named == "" {
		dir, err = os.MkdirTemp(beside, ".capacity-")
		return dir, func() { _ = os.RemoveAll(dir) }, err
	}
	if entries, err := os.ReadDir(named); err == nil && len(entries) > 0 {
		return "", nil, fmt.Errorf("%s is not empty: choose another --dir", named)
	}
	return named, func() {}, os.MkdirAll(named, 0o700)
}

// replaceFile puts a file there whole or not at all.
func replaceFile(path string, text []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".capacity-*")
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	err = errors.Join(err, f.Chmod(publicMode), f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		_ = os.Remove(f.Name())
	}
	return err
}

// calibrationBytesMost bounds a file of ours.
const calibrationBytesMost = 16 << 20

// readBounded reads a file of at most calibrationBytesMost.
func readBounded(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, calibrationBytesMost+1))
	if err == nil && len(text) > calibrationBytesMost {
		err = fmt.Errorf("%s is larger than %d MiB: it is no file of ours", path, calibrationBytesMost>>20)
	}
	return text, err
}

// calibrationFlags are those of commands that read a calibration.
type calibrationFlags struct {
	path   string
	scheme string
	other  bool
}

func (fl *calibrationFlags) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&fl.path, "calibration", "", "file of replica capacity calibrate")
	flags.StringVar(&fl.scheme, "scheme", "", "signature scheme; another than the calibration's is refused")
	flags.BoolVar(&fl.other, "other-host", false, "take a calibration of another host or build as it is")
	_ = cmd.MarkFlagRequired("calibration")
}

// load reads the calibration and holds it against this host and build.
func (fl *calibrationFlags) load(warn io.Writer) (*capacity.Calibration, error) {
	text, err := readBounded(fl.path)
	if err != nil {
		return nil, fail(exitConfig, fmt.Errorf("%w; make it with: replica capacity calibrate --out %s", err, fl.path))
	}
	c, err := capacity.DecodeCalibration(text)
	if err != nil {
		return nil, fail(exitConfig, fmt.Errorf("%s: %w", fl.path, err))
	}
	if fl.scheme != "" && fl.scheme != c.Scheme {
		return nil, fail(exitConfig, fmt.Errorf("%s: %w: it was made with scheme %s, not %s; calibrate with --scheme %s", fl.path, capacity.ErrOther, c.Scheme, fl.scheme, fl.scheme))
	}
	host := tuning.DetectHost()
	if err := c.Fits(&host, calibratedBuild(), ""); err != nil {
		if !fl.other {
			return nil, fail(exitConfig, fmt.Errorf("%s: %w", fl.path, err))
		}
		fmt.Fprintln(warn, "warning:", strings.SplitN(err.Error(), ";", 2)[0])
	}
	return c, nil
}

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"quorate/bench/procs"
	"quorate/bench/record"
	"quorate/tuning"
)

// runner makes records of experiments.
type runner struct {
	bin, dir string // of the binaries; below which clusters live
	commit   string
	dirty    bool
	command  string
	help     map[string]string // help texts of the binaries, to see which flags they know
}

// newRunner asks the binaries what they can do.
func newRunner(bin, dir, command string) (*runner, error) {
	m := &runner{bin: bin, dir: dir, command: command, help: map[string]string{}}
	m.commit, m.dirty = record.Commit(".")
	for name, sub := range map[string]string{"replica": "init", "loadgen": "run"} {
		text, err := procs.Run(time.Minute, filepath.Join(bin, name), sub, "--help")
		if err != nil {
			return nil, fmt.Errorf("%w; build the binaries with: make build", err)
		}
		m.help[name] = text
	}
	return m, os.MkdirAll(dir, 0o755)
}

// bytesPerPayment is what all four replicas' disks must have room for per payment
// that is to be in the ledger before a load; journals and the load need the rest.
const (
	bytesPerPayment = 700
	bytesBeside     = 4 << 30
)

// cannot says why this build or host cannot do an experiment, or nothing.
func (m *runner) cannot(e *experiment) string {
	p := &e.param
	switch {
	case p.Signed && !strings.Contains(m.help["loadgen"], "--signed"):
		return "this loadgen has no --signed"
	case p.Scheme != "" && !strings.Contains(m.help["replica"], "--scheme"):
		return "this replica has no init --scheme"
	}
	if p.Blocks > 0 {
		if _, err := os.Stat(filepath.Join(m.bin, "scaling")); err != nil {
			return "there is no command scaling beside the other binaries"
		}
		return ""
	}
	disk, err := tuning.DetectDisk(m.dir)
	if err != nil {
		return ""
	}
	if want := int64(p.Preload)*bytesPerPayment + bytesBeside; disk.FreeBytes < want {
		return fmt.Sprintf("needs %d GB of free disk, and there are %d", want/1e9, disk.FreeBytes/1e9)
	}
	return ""
}

// run does one experiment once. The error is that of the surroundings; a run that
// failed is a record.
func (m *runner) run(ctx context.Context, e *experiment, repetition int) (*record.Run, error) {
	r := &record.Run{Schema: record.Schema, Experiment: e.name, Repetition: repetition, At: time.Now().UTC().Truncate(time.Second),
		Parameters: e.param, Host: record.DetectHost(m.dir), Commit: m.commit, Dirty: m.dirty, Command: m.command, Outcome: record.OK}
	r.Parameters.Fault = string(e.fault)
	if r.Why = m.cannot(e); r.Why != "" {
		r.Outcome = record.Skipped
		return r, nil
	}
	dir := filepath.Join(m.dir, "run-"+strconv.Itoa(os.Getpid()))
	if err := os.RemoveAll(dir); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	figures, err := map[string]float64{}, error(nil)
	if e.param.Blocks > 0 {
		err = m.simulate(ctx, e, figures)
	} else {
		r.Audit, err = m.measure(ctx, e, dir, r, figures)
	}
	if ctx.Err() != nil {
		return nil, errors.Join(context.Cause(ctx), os.RemoveAll(dir))
	}
	if err != nil {
		// R1: its figures are no figures. What it left is kept, so that it can be
		// looked at, until this process comes to the next failure.
		kept := filepath.Join(m.dir, "failed-"+e.name)
		_ = os.RemoveAll(kept)
		r.Outcome, r.Why = record.Failed, brief(err)
		return r, os.Rename(dir, kept)
	}
	r.Figures = figures
	return r, os.RemoveAll(dir)
}

// measure runs an experiment on real processes.
func (m *runner) measure(ctx context.Context, e *experiment, dir string, r *record.Run, out map[string]float64) (audit string, err error) {
	b, err := makeBed(ctx, m.bin, dir, &e.param)
	if err != nil {
		return "", err
	}
	defer b.Close()
	if e.param.Preload > 0 {
		if err := b.grow(ctx, e.param); err != nil {
			return "", err
		}
	}
	p := e.param
	if e.peak {
		peak, err := b.peak(ctx, p)
		if err != nil {
			return "", err
		}
		out["peak_payments_per_second"] = peak
		if p.OfPeak > 0 {
			p.Rate = strconv.FormatFloat(max(peak*p.OfPeak, 1), 'f', 0, 64)
			r.Parameters.Rate = p.Rate
		}
	}
	if e.fault == backupDown {
		if err := b.endBackup(); err != nil {
			return "", err
		}
	}
	audit, err = b.figures(ctx, e, p, r.Host.Cores, out)
	if peak := out["peak_payments_per_second"]; peak > 0 {
		out["goodput_ratio"] = out["payments_per_second"] / peak
	}
	return audit, err
}

// figures runs the load that is measured.
func (b *bed) figures(ctx context.Context, e *experiment, p record.Parameters, cores int, out map[string]float64) (audit string, err error) {
	ledgersBefore, _, err := b.disk()
	if err != nil {
		return "", err
	}
	var begin, end moment
	measured := &load{param: p}
	measured.onSecond = func(second, pid int) error {
		switch second {
		case int(p.Warmup):
			return b.take(pid, &begin)
		case int(p.Warmup + p.Seconds/2):
			if e.fault == primaryKilled {
				return b.killPrimary()
			}
		case int(p.Warmup + p.Seconds):
			return b.take(pid, &end)
		}
		return nil
	}
	if e.fault == primaryKilled {
		measured.lost = 1
	}
	result, audit, err := b.drive(ctx, "load", measured)
	if err != nil {
		return audit, err
	}
	if begin.at.IsZero() || end.at.IsZero() {
		return audit, errors.New("loadgen did not tell of the first and the last second that are measured")
	}
	w := newWindow(begin, end)
	w.figures(cores, out)
	result.figures(&p, out)
	if err := b.stop(); err != nil {
		return audit, err
	}
	ledgers, journals, err := b.disk()
	if err != nil {
		return audit, err
	}
	out["journal_bytes"] = journals
	if n := result.Audit.Acked + result.Audit.FoundLater; e.fault == noFault {
		out["ledger_bytes_per_payment"] = (ledgers - ledgersBefore) / float64(n)
	}
	return audit, nil
}

// take fills a moment.
func (b *bed) take(loadgen int, m *moment) (err error) {
	m.at = time.Now()
	if m.loadgen, err = usageOf(loadgen); err != nil {
		return err
	}
	m.replicas, err = b.read()
	return err
}

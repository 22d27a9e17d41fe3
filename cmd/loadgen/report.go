package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"quorate/cmd/loadgen/outcome"
	"quorate/cmd/loadgen/report"
)

// version is set by the Makefile from the repository's state.
var version = "devel"

// result is the content of result.json, and the receipts that belong to it.
type result struct {
	outcome.Run
	receipts [][]byte
}

// result sums up a run.
func (d *driver) result(fl *runFlags, a *audit, receipts [][]byte) (*result, error) {
	whole, measured, worst := d.meter.snapshot()
	seconds := (fl.duration - fl.warmup).Seconds()
	outstanding, span, cpu := d.meter.queued()
	if span > 0 {
		seconds = min(seconds, span.Seconds()) // a signal ended it earlier
	}
	inTime, quiet, quietAt := d.meter.pace()
	histogram, err := outcome.EncodeHistogram(d.meter.total)
	if err != nil {
		return nil, err
	}
	g := d.target.genesis
	hash := g.Hash()
	r := &result{receipts: receipts, Run: outcome.Run{
		Schema: outcome.Schema, Kind: outcome.KindRun, RunID: fmt.Sprintf("%016x", d.gen.run), Started: d.began, Commit: version,
		Cluster: fmt.Sprintf("%x", hash[:]), Replicas: len(g.Members), F: g.F, C: g.C,
		Workload: fl.workload, Rate: fl.rate.String(), Batch: fl.batch, Clients: fl.clients, Accounts: fl.accounts, Seed: fl.seed,
		Duration: fl.duration.Seconds(), Warmup: fl.warmup.Seconds(), Seconds: seconds,
		Measured: measured, Whole: whole, Errors: d.meter.byCode(), Achieved: float64(inTime) / seconds, Outstanding: outstanding,
		Silence: outcome.Silence{Seconds: quiet.Seconds(), At: quietAt.Sub(d.start).Seconds()}, LatencyMS: outcome.Latencies(d.meter.total), Histogram: histogram,
		CPU: cpu, Memory: memoryPeak(), Host: outcome.ThisHost(), FirstErr: worst, Events: d.log.list(), Audit: &a.Audit,
	}}
	switch {
	case fl.trace != "":
		r.Rate, r.Arrivals = arriveTrace, arriveTrace
	case fl.rate.perSecond > 0:
		r.Arrivals = fl.arrivals
	default:
		r.InFlight = fl.inFlight
	}
	if d.gen.payers != nil {
		r.Signed = d.gen.payers.shown()
	}
	for _, c := range d.target.clients {
		s := c.Stats()
		r.Client.Submitted += s.Submitted
		r.Client.Completed += s.Completed
		r.Client.Resent += s.Resent
		r.Client.Overloads += s.Overloads
		r.Client.Rejects += s.Rejects
		r.Client.Duplicates += s.Duplicates
		r.Client.Lies += s.Lies
		r.Client.Malformed += s.Malformed
		r.Client.Failovers += s.Failovers
	}
	return r, nil
}

// write makes the files of --out, but for those that were written while it ran,
// and the JSON of --json. d is nil for a replay.
func (r *result) write(asJSON bool, out *outDir, d *driver, stdout io.Writer) error {
	text, err := json.MarshalIndent(&r.Run, "", "  ")
	if err != nil {
		return err
	}
	text = append(text, '\n')
	if asJSON {
		if _, err := stdout.Write(text); err != nil {
			return err
		}
	}
	if out == nil {
		return nil
	}
	files := map[string][]byte{"result.json": text}
	if d != nil {
		var hgrm bytes.Buffer
		// The scale turns microseconds into milliseconds.
		if _, err := d.meter.total.PercentilesPrint(&hgrm, 5, 1000); err != nil {
			return err
		}
		files["latency.hgrm"] = hgrm.Bytes()
		rows, each := d.series.Rows()
		if files["report.html"], err = report.Page(&r.Run, rows, each, d.meter.total); err != nil {
			return err
		}
	}
	if len(r.receipts) > 0 {
		files["receipt.json"] = r.receipts[0]
	}
	for name, text := range files {
		if err := out.write(name, text); err != nil {
			return err
		}
	}
	return out.commit()
}

// verdict is the error that the run's outcome makes (Invariant L4). What the
// audit found weighs more than a shortfall.
func (r *result) verdict(fl *runFlags) error {
	if r.Audit.Failed() {
		return fail(exitAudit, errors.New("the audit found faults; keep the data of all replicas and see result.json"))
	}
	if r.Measured.Errors > 0 {
		return fail(exitFailure, fmt.Errorf("%d payments were refused: %s", r.Measured.Errors, r.FirstErr))
	}
	if fl.rate.perSecond == 0 && fl.trace == "" {
		return nil
	}
	missing := 1 - float64(r.Measured.Achieved)/float64(max(r.Measured.Offered, 1))
	if missing > fl.shortfall {
		return fail(exitShortfall, fmt.Errorf("shortfall: %.1f %% of the offered payments were not achieved in %v (%d of %d, %d dropped); offer less, or see where the time goes with: replica status",
			100*missing, time.Duration(r.Seconds*float64(time.Second)), r.Measured.Achieved, r.Measured.Offered, r.Measured.Dropped))
	}
	return nil
}

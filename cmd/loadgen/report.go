package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"quorate/client"
)

// result is the content of result.json.
type result struct {
	RunID     string         `json:"run_id"`
	Cluster   string         `json:"cluster"`
	Replicas  int            `json:"replicas"`
	F         int            `json:"f"`
	C         int            `json:"c"`
	Workload  string         `json:"workload"`
	Rate      string         `json:"rate"`
	Arrivals  string         `json:"arrivals,omitempty"`
	Batch     int            `json:"batch"`
	Clients   int            `json:"clients"`
	Accounts  uint64         `json:"accounts"`
	Seconds   float64        `json:"measured_seconds"`
	Measured  counts         `json:"measured"`
	Whole     counts         `json:"whole_run"`
	Achieved  float64        `json:"achieved_per_second"`
	LatencyMS map[string]any `json:"latency_ms"`
	Client    client.Stats   `json:"client"`
	Host      host           `json:"host"`
	FirstErr  string         `json:"first_error,omitempty"`
	Signed    *signedShown   `json:"signed,omitempty"`
	Audit     *audit         `json:"audit"`

	receipts [][]byte
}

// host is where the load came from; without it no figure means anything.
type host struct {
	CPUs int    `json:"cpus"`
	OS   string `json:"os"`
	Arch string `json:"arch"`
	Go   string `json:"go"`
}

// result sums up a run.
func (d *driver) result(fl *runFlags, a *audit, receipts [][]byte) *result {
	whole, measured, worst := d.meter.snapshot()
	seconds := (fl.duration - fl.warmup).Seconds()
	g := d.target.genesis
	hash := g.Hash()
	h := d.meter.total
	r := &result{
		Cluster: fmt.Sprintf("%x", hash[:]), Replicas: len(g.Members), F: g.F, C: g.C,
		Workload: fl.workload, Rate: fl.rate.String(), Batch: fl.batch, Clients: fl.clients, Accounts: fl.accounts,
		Seconds: seconds, Measured: measured, Whole: whole, Achieved: float64(measured.Achieved) / seconds,
		LatencyMS: map[string]any{
			"p50": millis(h, 50), "p90": millis(h, 90), "p99": millis(h, 99), "p99.9": millis(h, 99.9),
			"max": float64(h.Max()) / 1000, "mean": h.Mean() / 1000,
		},
		Host:     host{runtime.NumCPU(), runtime.GOOS, runtime.GOARCH, runtime.Version()},
		FirstErr: worst, Audit: a, receipts: receipts,
	}
	if fl.rate.perSecond > 0 {
		r.Arrivals = fl.arrivals
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
	return r
}

// write makes the files of --out and the JSON of --json.
func (r *result) write(fl *commonFlags, m *meter, stdout io.Writer) error {
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	text = append(text, '\n')
	if fl.json {
		if _, err := stdout.Write(text); err != nil {
			return err
		}
	}
	if fl.out == "" {
		return nil
	}
	if err := os.MkdirAll(fl.out, 0o755); err != nil {
		return err
	}
	files := map[string][]byte{"result.json": text}
	if m != nil {
		var hgrm bytes.Buffer
		// The scale turns microseconds into milliseconds.
		if _, err := m.total.PercentilesPrint(&hgrm, 5, 1000); err != nil {
			return err
		}
		files["latency.hgrm"] = hgrm.Bytes()
		files["timeseries.csv"] = m.csv()
	}
	if len(r.receipts) > 0 {
		files["receipt.json"] = r.receipts[0]
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(fl.out, name), text, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// csv gives the time series.
func (m *meter) csv() []byte {
	m.mu.Lock()
	defer m.mu.Unlock()
	var b bytes.Buffer
	b.WriteString("second,offered,achieved,late,errors_total,p50_ms,p99_ms,p999_ms,fast_path\n")
	for _, r := range m.rows {
		fmt.Fprintf(&b, "%d,%d,%d,%d,%d,%.3f,%.3f,%.3f,%.4f\n", r.Second, r.Offered, r.Achieved, r.Late, r.Errors, r.P50, r.P99, r.P999, r.FastPath)
	}
	return b.Bytes()
}

// verdict is the error that the run's outcome makes (Invariant L4). What the
// audit found weighs more than a shortfall.
func (r *result) verdict(fl *runFlags) error {
	if r.Audit.failed() {
		return fail(exitAudit, errors.New("the audit found faults; keep the data of all replicas and see result.json"))
	}
	if r.Measured.Errors > 0 {
		return fail(exitFailure, fmt.Errorf("%d payments were refused: %s", r.Measured.Errors, r.FirstErr))
	}
	if fl.rate.perSecond == 0 {
		return nil
	}
	missing := 1 - float64(r.Measured.Achieved)/float64(max(r.Measured.Offered, 1))
	if missing > fl.shortfall {
		return fail(exitShortfall, fmt.Errorf("shortfall: %.1f %% of the offered payments were not achieved in %v (%d of %d, %d dropped); offer less, or see where the time goes with: replica status",
			100*missing, time.Duration(r.Seconds*float64(time.Second)), r.Measured.Achieved, r.Measured.Offered, r.Measured.Dropped))
	}
	return nil
}

package report

import (
	"bytes"
	_ "embed"
	"fmt"
	"html/template"
	"maps"
	"slices"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"quorate/cmd/loadgen/outcome"
	"quorate/internal/uplot"
)

//go:embed page.html
var pageText string

//go:embed page.js
var pageScript string

//go:embed page.css
var pageStyle string

var page = template.Must(template.New("page").Funcs(template.FuncMap{
	"ms":    func(v float64) string { return fmt.Sprintf("%.1f", v) },
	"share": func(v float64) string { return fmt.Sprintf("%.0f %%", 100*v) },
	"clock": func(s float64) string { return fmt.Sprintf("%d:%04.1f", int(s)/60, s-float64(int(s)/60*60)) },
}).Parse(pageText))

// tableRows is how many rows of the time series stand in the table: what a reader
// without a script can still look through. timeseries.csv has all.
const tableRows = 120

// pair is a line of a table.
type pair struct{ Name, Value string }

// view is what the template sees.
type view struct {
	Title   string
	Verdict string
	Good    bool
	Tiles   []pair // the figures that are looked at first
	Facts   []pair
	Errors  []pair
	Latency []pair
	Run     *outcome.Run
	Rows    []outcome.Row
	Skipped int // rows of the table that stand for more than one
	Data    data
	// Library and style are ours and the release's; nothing else is markup.
	Library, Script template.JS
	Style           template.CSS
	License         string
}

// data is what the script draws; times are seconds since the start.
type data struct {
	T           []float64             `json:"t"`
	Offered     []*float64            `json:"offered"`
	Achieved    []*float64            `json:"achieved"`
	P50         []*float64            `json:"p50"`
	P90         []*float64            `json:"p90"`
	P99         []*float64            `json:"p99"`
	P999        []*float64            `json:"p999"`
	Most        []*float64            `json:"most"`
	Outstanding []*float64            `json:"outstanding"`
	Codes       map[string][]*float64 `json:"codes"`
	Replicas    []lane                `json:"replicas"`
	Events      []outcome.Event       `json:"events"`
	Silence     outcome.Silence       `json:"silence"`
	Warmup      float64               `json:"warmup"`
	Odds        []float64             `json:"odds"` // 1/(1−share), the x of the percentile plot
	At          []float64             `json:"at"`   // ms
}

// lane is one replica over time.
type lane struct {
	View  []*float64 `json:"view"`
	State []int      `json:"state"` // see laneState
	Lead  []int      `json:"lead"`  // 1: it was the primary of its own view
}

// States of a lane, as the script colours them.
const (
	laneDown = iota
	laneIdle
	laneFast
	laneMixed
	laneSlow
)

// Page draws a run. rows are its time series, each standing for each seconds; h
// holds its latencies in microseconds and may be empty.
func Page(r *outcome.Run, rows []outcome.Row, each int, h *hdrhistogram.Histogram) ([]byte, error) {
	v := view{
		Title: "loadgen " + r.RunID, Run: r, Tiles: tiles(r), Facts: facts(r, each), Data: series(r, rows),
		Library: template.JS(uplot.JS), Script: template.JS(pageScript), Style: template.CSS(uplot.CSS + pageStyle), License: uplot.License,
	}
	v.Verdict, v.Good = verdict(r)
	v.Data.Odds, v.Data.At = percentiles(h)
	for _, p := range []float64{50, 75, 90, 95, 99, 99.5, 99.9, 99.99, 100} {
		v.Latency = append(v.Latency, pair{fmt.Sprintf("%g %%", p), fmt.Sprintf("%.1f", outcome.Millis(h, p))})
	}
	for _, code := range slices.Sorted(maps.Keys(r.Errors)) {
		v.Errors = append(v.Errors, pair{code, fmt.Sprint(r.Errors[code])})
	}
	step := (len(rows) + tableRows - 1) / tableRows
	for i := 0; i < len(rows); i += max(step, 1) {
		v.Rows = append(v.Rows, rows[i])
	}
	v.Skipped = len(rows) - len(v.Rows)
	var b bytes.Buffer
	if err := page.Execute(&b, &v); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// verdict is the run in a few words.
func verdict(r *outcome.Run) (string, bool) {
	switch {
	case r.Audit == nil:
		return "not audited", false
	case r.Audit.Failed():
		return fmt.Sprintf("the audit found %d faults", len(r.Audit.Faults)), false
	case r.Measured.Errors > 0:
		return fmt.Sprintf("audited; %d payments were refused", r.Measured.Errors), false
	}
	return "audited: nothing lost, nothing twice", true
}

// tiles are the figures that are looked at first.
func tiles(r *outcome.Run) []pair {
	return []pair{
		{"offered", fmt.Sprintf("%s/s", rate(float64(r.Measured.Offered)/max(r.Seconds, 1e-9)))},
		{"achieved", fmt.Sprintf("%s/s", rate(r.Achieved))},
		{"p50", millis(r.LatencyMS["p50"])},
		{"p99", millis(r.LatencyMS["p99"])},
		{"p99.9", millis(r.LatencyMS["p99.9"])},
		{"longest silence", fmt.Sprintf("%.2f s", r.Silence.Seconds)},
		{"errors", fmt.Sprint(r.Whole.Errors + r.Whole.Unknown)},
		{"late / dropped", fmt.Sprintf("%d / %d", r.Whole.Late, r.Whole.Dropped)},
	}
}

// millis shows as many digits as a tile has room for.
func millis(v float64) string {
	if v >= 100 {
		return fmt.Sprintf("%.0f ms", v)
	}
	return fmt.Sprintf("%.1f ms", v)
}

func rate(v float64) string { return fmt.Sprintf("%.0f", v) }

// facts are what was asked of whom, from where.
func facts(r *outcome.Run, each int) []pair {
	asked := r.Rate + " payments/s, " + r.Arrivals
	if r.Rate == "max" {
		asked = fmt.Sprintf("as fast as it goes, %d requests in flight per client", r.InFlight)
	}
	out := []pair{
		{"started", r.Started.UTC().Format(time.RFC3339)},
		{"load", fmt.Sprintf("%s, %s", r.Workload, asked)},
		{"requests", fmt.Sprintf("%d payments each, from %d clients, between %d accounts", r.Batch, r.Clients, r.Accounts)},
		{"length", fmt.Sprintf("%.0f s, of which %.1f s measured after %.0f s of warm-up", r.Duration, r.Seconds, r.Warmup)},
		{"cluster", fmt.Sprintf("%.16s, n=%d f=%d c=%d", r.Cluster, r.Replicas, r.F, r.C)},
		{"loadgen", fmt.Sprintf("%s on %d CPUs, %s/%s, %s; %.1f s of CPU", r.Commit, r.Host.CPUs, r.Host.OS, r.Host.Arch, r.Host.Go, r.CPU)},
		{"outstanding requests", fmt.Sprintf("%.2f, mean", r.Outstanding)},
	}
	if r.Signed != nil {
		out = append(out, pair{"signed", fmt.Sprintf("every payment, by %d payers; %d while the clock ran", r.Signed.Payers, r.Signed.Late)})
	}
	if len(r.Parts) > 0 {
		out = append(out, pair{"merged from", fmt.Sprint(r.Parts)})
	}
	if each > 1 {
		out = append(out, pair{"plots", fmt.Sprintf("one point is %d seconds: mean rate, worst latency", each)})
	}
	return out
}

// series turns rows into columns (Invariant P3).
func series(r *outcome.Run, rows []outcome.Row) data {
	d := data{Events: r.Events, Silence: r.Silence, Warmup: r.Warmup, Codes: map[string][]*float64{}, T: []float64{}, Replicas: []lane{}}
	number := func(v float64) *float64 { return &v }
	latency := func(row *outcome.Row, v float64) *float64 {
		if row.Most == 0 {
			return nil
		}
		return number(v)
	}
	for i := range rows {
		for code := range rows[i].Codes {
			d.Codes[code] = make([]*float64, len(rows))
		}
		for len(d.Replicas) < len(rows[i].Replicas) {
			d.Replicas = append(d.Replicas, lane{View: make([]*float64, len(rows)), State: make([]int, len(rows)), Lead: make([]int, len(rows))})
		}
	}
	for i := range rows {
		row := &rows[i]
		d.T = append(d.T, float64(row.Second))
		d.Offered = append(d.Offered, number(float64(row.Offered)))
		d.Achieved = append(d.Achieved, number(float64(row.Achieved)))
		d.P50 = append(d.P50, latency(row, row.P50))
		d.P90 = append(d.P90, latency(row, row.P90))
		d.P99 = append(d.P99, latency(row, row.P99))
		d.P999 = append(d.P999, latency(row, row.P999))
		d.Most = append(d.Most, latency(row, row.Most))
		d.Outstanding = append(d.Outstanding, number(row.Outstanding))
		for code, counts := range d.Codes {
			counts[i] = number(float64(row.Codes[code]))
		}
		for k := range row.Replicas {
			p := &row.Replicas[k]
			d.Replicas[k].State[i] = state(p)
			if p.Up {
				d.Replicas[k].View[i] = number(float64(p.View))
			}
			if p.Up && int(p.Primary) == k {
				d.Replicas[k].Lead[i] = 1
			}
		}
	}
	return d
}

// state says how a replica committed in a stretch.
func state(p *outcome.ReplicaRow) int {
	switch {
	case !p.Up:
		return laneDown
	case p.Fast+p.Slow == 0:
		return laneIdle
	case p.Slow == 0:
		return laneFast
	case p.Fast == 0:
		return laneSlow
	}
	return laneMixed
}

// percentiles gives the points of the percentile plot.
func percentiles(h *hdrhistogram.Histogram) (odds, at []float64) {
	odds, at = []float64{}, []float64{}
	if h.TotalCount() == 0 {
		return odds, at
	}
	for _, b := range h.CumulativeDistributionWithTicks(10) {
		if b.Quantile >= 100 {
			break // no place on a scale of 1/(1−share): the plot ends before it
		}
		odds, at = append(odds, 100/(100-b.Quantile)), append(at, float64(b.ValueAt)/1000)
	}
	return odds, at
}

package chart

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"image/png"
	"io"
	"math"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"quorate/bench/record"
)

// Aim: what is drawn is what was measured (G1, G2), and the pictures and the page
// are whole and load nothing (G3, G4). Method: results made by hand; pictures are
// decoded by the standard library's readers.

func run(name string, repetition int, p record.Parameters, figures map[string]float64) record.Run {
	return record.Run{Schema: record.Schema, Experiment: name, Repetition: repetition, At: time.Date(2026, 1, 2, 3, 4, repetition, 0, time.UTC),
		Outcome: record.OK, Parameters: p, Figures: figures, Commit: "abc", Host: record.Host{CPU: "<b>x</b>", Cores: 2}}
}

// results has something for every chart.
func results() (all []record.Run) {
	figures := func(v float64) map[string]float64 {
		out := map[string]float64{}
		for _, f := range record.Figures() {
			out[f.Name] = v
		}
		return out
	}
	for repetition := 1; repetition <= 3; repetition++ {
		v := float64(repetition)
		for i, name := range []string{"batch-1", "batch-8189", "rate-10%", "rate-90%", "replicas-4", "replicas-7", "clients-1", "clients-64", "ledger-1M",
			"ledger-10M", "overload-5x", "slow-path", "primary-killed", "workload-zipf", "profile-latency", "scheme-ed25519", "simulated-4", "simulated-100"} {
			x := 10 * (i%2*9 + 1)
			all = append(all, run(name, repetition, record.Parameters{Batch: x, Clients: x, OfPeak: float64(x), Preload: uint64(x), Replicas: x}, figures(v)))
		}
	}
	return all
}

func TestEveryChartIsDrawn(t *testing.T) {
	all := Charts(results())
	if len(all) != len(plans) {
		t.Fatalf("%d of %d charts", len(all), len(plans))
	}
	for i := range all {
		c := &all[i]
		picture, err := c.Draw("png")
		if err != nil {
			t.Fatal(err)
		}
		if img, err := png.Decode(bytes.NewReader(picture)); err != nil || img.Bounds().Dx() < 400 {
			t.Errorf("%s: %v", c.Name, err)
		}
		svg, err := c.Draw("svg")
		if err != nil {
			t.Fatal(err)
		}
		if err := wellFormed(svg); err != nil || regexp.MustCompile(`NaN|Inf|#-`).Match(svg) {
			t.Errorf("%s: %v\n%s", c.Name, err, svg)
		}
		if !bytes.Contains(svg, []byte(">"+c.Title+"<")) || !bytes.Contains(svg, []byte(">"+c.Y.Label+"<")) {
			t.Errorf("%s has no title or no label", c.Name)
		}
	}
	if _, err := all[0].Draw("gif89"); err == nil {
		t.Error("an unknown format is drawn")
	}
}

func wellFormed(text []byte) error {
	for d := xml.NewDecoder(bytes.NewReader(text)); ; {
		if _, err := d.Token(); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
	}
}

func TestPoints(t *testing.T) {
	var runs []record.Run
	for i, v := range []float64{30, 10, 20} {
		runs = append(runs, run("batch-100", i+1, record.Parameters{Batch: 100}, map[string]float64{"payments_per_second": v}),
			run("batch-1", i+1, record.Parameters{Batch: 1}, map[string]float64{"payments_per_second": v / 10}))
	}
	bad := run("batch-5", 1, record.Parameters{Batch: 5}, map[string]float64{"payments_per_second": 5})
	bad.Outcome = record.Failed
	zero := run("batch-7", 1, record.Parameters{Batch: 7}, map[string]float64{"payments_per_second": 0}) // no place on a logarithm
	all := Charts(append(runs, bad, zero))
	if len(all) != 1 || len(all[0].Series) != 1 {
		t.Fatalf("%+v", all)
	}
	p := all[0].Series[0].Points
	if len(p) != 2 || p[0].X != 1 || p[1].X != 100 || p[1].Sample.Median != 20 || p[1].Sample.Lowest != 10 || p[1].Sample.Highest != 30 {
		t.Errorf("%+v", p)
	}
	named := Charts([]record.Run{run("workload-zipf", 1, record.Parameters{}, map[string]float64{"payments_per_second": 2}),
		run("workload-hot", 1, record.Parameters{}, map[string]float64{"payments_per_second": 3})})
	if len(named) != 1 || !slices.Equal(named[0].Names, []string{"zipf", "hot"}) || named[0].Series[0].Points[1].Sample.Median != 3 {
		t.Errorf("%+v", named)
	}
	if c := Charts([]record.Run{bad}); c != nil {
		t.Errorf("a failed run makes %+v", c)
	}
}

func TestPage(t *testing.T) {
	runs := results()
	skipped := run("signed", 1, record.Parameters{}, nil)
	skipped.Outcome, skipped.Why = record.Skipped, "this loadgen has no --signed"
	text, err := Page(append(runs, skipped))
	if err != nil {
		t.Fatal(err)
	}
	s := string(text)
	if n := strings.Count(s, "<svg "); n != len(plans) {
		t.Errorf("%d pictures", n)
	}
	for _, want := range []string{"skipped: this loadgen has no --signed", "&lt;b&gt;x", "var(--ink)", "var(--series-1)", "prefers-color-scheme: dark", "replica_cpu_us_per_payment"} {
		if !strings.Contains(s, want) {
			t.Errorf("no %q", want)
		}
	}
	// G4, and no colour that a dark page would not see.
	for _, bad := range []string{"<script", "<link", "@import", "url(", "src=", "href=", "<?xml", "#1F2328", `pt" `} {
		if strings.Contains(s, bad) {
			t.Errorf("%q in the page", bad)
		}
	}
	if _, err := Page([]record.Run{skipped}); err != nil {
		t.Errorf("a result without a figure: %v", err)
	}
}

func TestLabels(t *testing.T) {
	for v, want := range map[float64]string{0: "0", 1: "1", 0.25: "0.25", 999: "999", 1000: "1k", 1500: "1.5k", 2e6: "2M", 3e9: "3G", 8189: "8.19k"} {
		if got := short(v); got != want {
			t.Errorf("%v is written %s, want %s", v, got, want)
		}
	}
	for _, span := range [][2]float64{{0, 1}, {0, 0.07}, {0, 250_000}, {0, 7.3}, {3, 9}} {
		ticks := linearTicks{}.Ticks(span[0], span[1])
		if len(ticks) < 3 || len(ticks) > 9 {
			t.Errorf("%v: %d ticks", span, len(ticks))
		}
	}
	for _, span := range [][2]float64{{1, 10_000}, {5, 90}, {3, 4000}, {900_000, 11e6}} {
		labels := 0
		for _, tick := range (logTicks{}).Ticks(span[0], span[1]) {
			if tick.Value < span[0] || tick.Value > span[1] || math.IsNaN(tick.Value) {
				t.Errorf("%v: tick at %v", span, tick.Value)
			}
			if tick.Label != "" {
				labels++
			}
		}
		if labels < 3 {
			t.Errorf("%v: %d labels", span, labels)
		}
	}
	for v, want := range map[float64]string{0: "0", 12345.6: "12346", 0.98765: "0.988", 5.5: "5.5"} {
		if got := significant(v); got != want {
			t.Errorf("%v is written %s, want %s", fmt.Sprint(v), got, want)
		}
	}
}

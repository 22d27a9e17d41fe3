package main

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"quorate/bench/record"
)

// shown are the figures of a run's line, in order, where it has them.
var shown = []struct {
	figure, format string
	scale          float64
}{
	{"payments_per_second", "%.0f payments/s", 1},
	{"latency_p50_ms", "p50 %.1f ms", 1},
	{"latency_p99_ms", "p99 %.1f ms", 1},
	{"replica_cpu_us_per_payment", "%.2f µs CPU", 1},
	{"ledger_bytes_per_payment", "%.0f B disk", 1},
	{"replica_memory_max_bytes", "%.0f MiB", 1.0 / (1 << 20)},
	{"goodput_ratio", "%.2f of peak", 1},
	{"slow_path_share", "slow path %.0f%%", 100},
	{"view_changes", "%.0f view changes", 1},
	{"cpu_busy_ratio", "host busy %.0f%%", 100},
	{"messages_per_block", "%.0f messages/block", 1},
	{"message_bytes_per_block", "%.0f B/block", 1},
	{"crypto_us_per_block", "%.0f µs crypto/block", 1},
}

// line tells of a run.
func line(r *record.Run) string {
	head := fmt.Sprintf("%-20s", r.Experiment)
	if r.Outcome != record.OK {
		return head + " " + strings.ToUpper(r.Outcome) + ": " + r.Why
	}
	var parts []string
	for _, s := range shown {
		if v, ok := r.Figures[s.figure]; ok {
			parts = append(parts, fmt.Sprintf(s.format, v*s.scale))
		}
	}
	if v := r.Figures["outage_seconds"]; r.Parameters.Fault == string(primaryKilled) {
		parts = append(parts, fmt.Sprintf("outage %.2f s", v))
	}
	return head + " " + strings.Join(parts, ", ")
}

// printGoals holds medians against what was asked. It decides nothing.
func printGoals(out io.Writer, list []experiment, runs []record.Run) {
	for _, e := range list {
		if e.goal == nil {
			continue
		}
		var values []float64
		for i := range runs {
			if v, ok := runs[i].Figures[e.goal.figure]; ok && runs[i].Experiment == e.name {
				values = append(values, v)
			}
		}
		if values == nil {
			continue
		}
		slices.Sort(values)
		median := values[len(values)/2]
		f, _ := record.FigureOf(e.goal.figure)
		met, sign := median >= e.goal.bound, "≥"
		if f.Better == record.Lower {
			met, sign = median <= e.goal.bound, "≤"
		}
		verdict := "met"
		if !met {
			verdict = "not met"
		}
		fmt.Fprintf(out, "goal %-18s %s %s %.7g %s: %.7g, %s\n", e.name, f.Name, sign, e.goal.bound, f.Unit, median, verdict)
	}
}

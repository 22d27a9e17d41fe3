package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"path/filepath"

	"github.com/spf13/cobra"

	"quorate/cmd/loadgen/outcome"
	"quorate/cmd/loadgen/report"
)

// newMerge adds up runs that loaded one cluster together.
func newMerge() *cobra.Command {
	var out string
	var shared bool
	cmd := &cobra.Command{
		Use:   "merge --out DIR A B …",
		Short: "Add up runs of several processes that loaded one cluster at once",
		Long: `Add up runs of several processes or hosts that loaded one cluster at once: counts,
rates and histograms without loss, the time series by the second, and the audits,
with the growth of the ledgers held against all of them together. A latency of a
second is the worst of the parts'.

Run each with its own keys and --shared, and begin them at one time.`,
		Example: `  T=$(date -u -d '+20 seconds' +%FT%TZ)
  loadgen run --dir ./c4 --rate 5000 --shared --begin $T --out runs/a &
  loadgen run --dir ./c4 --rate 5000 --shared --begin $T --first-client 4 --out runs/b; wait
  loadgen merge --out runs/both runs/a runs/b`,
		Args: cobra.MinimumNArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			return merge(args, out, !shared, cmd.OutOrStdout())
		},
	}
	cmd.Flags().StringVar(&out, "out", "", "directory for the merged result, which must be new or empty")
	cmd.Flags().BoolVar(&shared, "shared", false, "others paid meanwhile, too: do not compare the ledgers' growth with our count")
	_ = cmd.MarkFlagRequired("out")
	return cmd
}

// merge does everything of the command merge.
func merge(paths []string, out string, alone bool, stdout io.Writer) error {
	var parts []outcome.Part
	for _, path := range paths {
		r, s, err := outcome.Load(path)
		if err != nil {
			return fail(exitInput, err)
		}
		if s != nil {
			return fail(exitInput, fmt.Errorf("%s is a sweep; only runs are merged", path))
		}
		if filepath.Base(path) == "result.json" {
			path = filepath.Dir(path)
		}
		rows, err := outcome.ReadTable(filepath.Join(path, "timeseries.csv"))
		if err != nil {
			return fail(exitInput, err)
		}
		parts = append(parts, outcome.Part{Run: r, Rows: rows})
	}
	r, rows, h, err := outcome.Merge(parts, alone)
	if err != nil {
		return fail(exitInput, err)
	}
	files, err := newOutDir(out)
	if err != nil {
		return fail(exitUsage, err)
	}
	all := map[string][]byte{}
	var series outcome.Series
	var table, hgrm bytes.Buffer
	t := outcome.NewTable(&table, r.Replicas)
	for i := range rows {
		series.Add(rows[i])
		if err := t.Write(&rows[i]); err != nil {
			return fail(exitFailure, err)
		}
	}
	if _, err := h.PercentilesPrint(&hgrm, 5, 1000); err != nil {
		return fail(exitFailure, err)
	}
	kept, each := series.Rows()
	all["timeseries.csv"], all["latency.hgrm"] = table.Bytes(), hgrm.Bytes()
	if all["report.html"], err = report.Page(r, kept, each, h); err == nil {
		all["result.json"], err = json.MarshalIndent(r, "", "  ")
		all["result.json"] = append(all["result.json"], 0x0a)
	}
	for name, text := range all {
		if err == nil {
			err = files.write(name, text)
		}
	}
	if err == nil {
		err = files.commit()
	}
	if err != nil {
		files.remove()
		return fail(exitFailure, err)
	}
	fmt.Fprintf(stdout, "merged %d runs: %.0f payments/s achieved, p50 %.1f p99 %.1f p99.9 %.1f ms, errors %d\n%s\nreport %s\n", len(r.Parts), r.Achieved,
		r.LatencyMS["p50"], r.LatencyMS["p99"], r.LatencyMS["p99.9"], r.Whole.Errors+r.Whole.Unknown, auditLine(r.Audit), filepath.Join(out, "report.html"))
	if r.Audit.Failed() {
		return fail(exitAudit, fmt.Errorf("the audit of all parts together found faults; keep the data of all replicas, or say --shared if others paid, too"))
	}
	return nil
}

// newCompare holds two results against each other.
func newCompare() *cobra.Command {
	return &cobra.Command{
		Use:   "compare A B",
		Short: "Hold two runs, two sets of runs, or two sweeps against each other",
		Long: `Hold two runs, two sets of runs, or two sweeps against each other: the medians of
each figure, their ratio, and from four runs a side on whether the difference is
more than chance (Mann-Whitney, exact, p < 0.05; ~ is no more than chance, ? too
few runs). A and B are files, directories of a run, or directories of such
directories. Runs that were asked for different things are refused.`,
		Example: `  loadgen compare runs/before runs/after`,
		Args:    cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			return compare(args[0], args[1], cmd.OutOrStdout())
		},
	}
}

// compare does everything of the command compare.
func compare(pathA, pathB string, stdout io.Writer) error {
	a, sweepA, err := outcome.LoadRuns(pathA)
	if err != nil {
		return fail(exitInput, err)
	}
	b, sweepB, err := outcome.LoadRuns(pathB)
	if err != nil {
		return fail(exitInput, err)
	}
	var lines []outcome.Line
	var notes []string
	switch {
	case (sweepA == nil) != (sweepB == nil):
		return fail(exitInput, fmt.Errorf("%w: a run and a sweep have nothing in common; name two of a kind", outcome.ErrCompare))
	case sweepA != nil:
		lines, err = outcome.CompareSweeps(sweepA, sweepB)
	default:
		lines, notes, err = outcome.Compare(a, b)
	}
	if err != nil {
		return fail(exitInput, err)
	}
	fmt.Fprintf(stdout, "%-16s %12s %12s %8s\n", "", "A", "B", "B/A")
	for _, l := range lines {
		ratio := "-"
		if !math.IsNaN(l.Ratio) {
			ratio = fmt.Sprintf("%.3f", l.Ratio)
		}
		fmt.Fprintf(stdout, "%-16s %12.2f %12.2f %8s  %s\n", l.Figure, l.A, l.B, ratio, l.Verdict())
	}
	for _, n := range notes {
		fmt.Fprintln(stdout, n)
	}
	return nil
}

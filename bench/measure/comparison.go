package main

import (
	"fmt"
	"io"
	"math"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"quorate/bench/compare"
	"quorate/bench/record"
)

func newCompare() *cobra.Command {
	var all bool
	cmd := &cobra.Command{Use: "compare A.jsonl B.jsonl", Short: "Hold result B against result A",
		Long: `Hold result B against result A.

Each row has the medians, how far the furthest run is from them, and the ratio
B/A. A difference is marked better or WORSE when a two-sided Mann-Whitney test
gives it less than one chance in twenty; with fewer than four runs on each side
it cannot, and the mark is a question mark. Claims want ten: --repeat 10.`,
		Args: cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			a, err := record.ReadFile(args[0])
			if err != nil {
				return failed(err)
			}
			b, err := record.ReadFile(args[1])
			if err != nil {
				return failed(err)
			}
			r, err := compare.Compare(a, b)
			if err != nil {
				return failed(err)
			}
			return failed(printComparison(cmd.OutOrStdout(), r, all))
		}}
	cmd.Flags().BoolVar(&all, "all", false, "show also figures that are neither good nor bad")
	return cmd
}

// printComparison ends with one line of figures.
func printComparison(w io.Writer, r *compare.Report, all bool) error {
	for _, n := range r.Notes {
		fmt.Fprintln(w, "note:", n)
	}
	tw := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	fmt.Fprintln(tw, "EXPERIMENT\tFIGURE\tUNIT\tA\t\tB\t\tB/A\tVERDICT")
	count := map[compare.Verdict]int{}
	for i := range r.Rows {
		row := &r.Rows[i]
		if row.Figure.Better == record.Neither && !all {
			continue
		}
		count[row.Verdict]++
		ratio := "–"
		if !math.IsNaN(row.Ratio) {
			ratio = fmt.Sprintf("%.3f", row.Ratio)
		}
		verdict := string(row.Verdict)
		if row.Verdict != compare.Few {
			verdict = fmt.Sprintf("%s (p=%.3f, %d+%d runs)", row.Verdict, row.P, row.A.Runs, row.B.Runs)
		}
		fmt.Fprintf(tw, "%s\t%s\t%s\t%.4g\t±%.0f%%\t%.4g\t±%.0f%%\t%s\t%s\n", row.Experiment, row.Figure.Name, row.Figure.Unit,
			row.A.Median, 100*row.A.Spread(), row.B.Median, 100*row.B.Spread(), ratio, verdict)
	}
	if err := tw.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintf(w, "bench-compare: %d better, %d worse, %d the same, %d with too few runs to say\n",
		count[compare.Better], count[compare.Worse], count[compare.Same], count[compare.Few])
	return err
}

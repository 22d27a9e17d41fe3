package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"quorate/bench/chart"
	"quorate/bench/record"
)

func newPlot() *cobra.Command {
	var dir string
	cmd := &cobra.Command{Use: "plot RESULT.jsonl...", Short: "Draw results: one offline HTML page, and an SVG and a PNG per chart",
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			var runs []record.Run
			for _, path := range args {
				some, err := record.ReadFile(path)
				if err != nil {
					return failed(err)
				}
				runs = append(runs, some...)
			}
			n, err := writePlots(dir, runs)
			if err == nil {
				fmt.Fprintf(cmd.OutOrStdout(), "bench-plot: %d charts of %d runs in %s\n", n, len(runs), filepath.Join(dir, "index.html"))
			}
			return failed(err)
		}}
	cmd.Flags().StringVar(&dir, "out", "run/bench/plots", "directory for index.html and the pictures")
	return cmd
}

// writePlots draws everything into dir.
func writePlots(dir string, runs []record.Run) (charts int, err error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return 0, err
	}
	text, err := chart.Page(runs)
	if err != nil {
		return 0, err
	}
	files := map[string][]byte{"index.html": text}
	all := chart.Charts(runs)
	for i := range all {
		for _, format := range []string{"svg", "png"} {
			if files[all[i].Name+"."+format], err = all[i].Draw(format); err != nil {
				return 0, err
			}
		}
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o644); err != nil {
			return 0, err
		}
	}
	return len(all), nil
}

package main

import (
	"encoding/json"
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"quorate/tuning"
)

// configRow is one setting with its origin, for -o json.
type configRow struct {
	tuning.Setting
	Origin string `json:"origin"`
}

func newConfig() *cobra.Command {
	var dir string
	var showOrigin, explain bool
	var out output
	cmd := &cobra.Command{
		Use:   "config [--dir NODE]",
		Short: "Show every soft setting with its value, unit and range",
		Long: `Show every soft setting with its value, unit and range.

A flag goes before a QUORATE_ variable, that before config.yaml, that before the
profile. As a flag tick_micros is --tick-micros, as a variable
QUORATE_TICK_MICROS.`,
		Args: cobra.NoArgs,
	}
	cmd.Flags().StringVar(&dir, "dir", "", "directory of the node; without it no file is read")
	cmd.Flags().BoolVar(&showOrigin, "show-origin", false, "show where each value comes from")
	cmd.Flags().BoolVar(&explain, "explain", false, "show what each setting does and why its default is what it is")
	flags := settingFlags(cmd)
	addOutput(cmd, &out)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		s, err := loadSettingsAt(dir, flags())
		if err != nil {
			return fail(exitConfig, err)
		}
		if out == outputJSON {
			return fail(exitFailure, json.NewEncoder(cmd.OutOrStdout()).Encode(configRows(s)))
		}
		return fail(exitFailure, printConfig(cmd.OutOrStdout(), s, showOrigin, explain))
	}
	return cmd
}

// loadSettingsAt is loadSettings with this process's environment, and without a
// file when dir is empty.
func loadSettingsAt(dir string, flags []given) (*settings, error) {
	if dir == "" {
		return mergeSettings(nil, environ(), flags)
	}
	return loadSettings(dir, environ(), flags)
}

func configRows(s *settings) []configRow {
	rows := []configRow{{tuning.Setting{Key: profileKey, Value: s.profileName, Unit: "name", Reason: "Where every other setting starts."}, s.origins[profileKey]}}
	for _, r := range s.profile.Explain() {
		rows = append(rows, configRow{r, s.origins[r.Key]})
	}
	return rows
}

func printConfig(w io.Writer, s *settings, showOrigin, explain bool) error {
	tw := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	header := "SETTING\tVALUE\tUNIT\tRANGE"
	if showOrigin {
		header += "\tORIGIN"
	}
	fmt.Fprintln(tw, header)
	for _, r := range configRows(s) {
		span := ""
		if r.Min != "" {
			span = r.Min + " to " + r.Max
		}
		fmt.Fprintf(tw, "%s\t%s\t%s\t%s", r.Key, r.Value, r.Unit, span)
		if showOrigin {
			fmt.Fprintf(tw, "\t%s", r.Origin)
		}
		fmt.Fprintln(tw)
		if explain {
			fmt.Fprintf(tw, "  %s\n", r.Reason)
		}
	}
	return tw.Flush()
}

package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"quorate/tuning"
)

func newTuning() *cobra.Command {
	cmd := &cobra.Command{Use: "tuning", Short: "Show profiles, what each setting does, and what this host is"}
	cmd.AddCommand(newTuningShow(), newTuningExplain(), newTuningDetect())
	return cmd
}

// newTuningShow holds the profiles beside each other.
func newTuningShow() *cobra.Command {
	var out output
	cmd := &cobra.Command{
		Use: "show [PROFILE]...", Short: "Show the profiles beside each other",
		Args: cobra.MaximumNArgs(len(tuning.Names())),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				args = tuning.Names()
			}
			profiles := make([]tuning.Profile, len(args))
			for i, name := range args {
				p, err := tuning.Named(name)
				if err != nil {
					return fail(exitUsage, err)
				}
				profiles[i] = p
			}
			return fail(exitFailure, printProfiles(cmd.OutOrStdout(), args, profiles, out))
		},
	}
	addOutput(cmd, &out)
	return cmd
}

func printProfiles(w io.Writer, names []string, profiles []tuning.Profile, out output) error {
	if out == outputJSON {
		shown := map[string]map[string]string{}
		for i, name := range names {
			shown[name] = map[string]string{}
			for _, s := range profiles[i].Explain() {
				shown[name][s.Key] = s.Value
			}
		}
		return json.NewEncoder(w).Encode(shown)
	}
	tw := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	fmt.Fprintf(tw, "SETTING\tUNIT\t%s\n", strings.ToUpper(strings.Join(names, "\t")))
	for i, s := range profiles[0].Explain() {
		fmt.Fprintf(tw, "%s\t%s", s.Key, s.Unit)
		for _, p := range profiles {
			fmt.Fprintf(tw, "\t%s", p.Explain()[i].Value)
		}
		fmt.Fprintln(tw)
	}
	return tw.Flush()
}

// newTuningExplain tells what settings do, from the table in package tuning.
func newTuningExplain() *cobra.Command {
	return &cobra.Command{
		Use: "explain [SETTING]...", Short: "Say what settings do and why their defaults are what they are",
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				args = tuning.Keys()
			}
			rows, err := explained(args)
			if err != nil {
				return fail(exitUsage, err)
			}
			w := cmd.OutOrStdout()
			for _, r := range rows {
				span := ""
				if r.Min != "" {
					span = fmt.Sprintf(", %s to %s", r.Min, r.Max)
				}
				fmt.Fprintf(w, "%s (%s%s; %s in profile %s)\n  %s\n", r.Key, r.Unit, span, r.Value, tuning.Balanced, r.Reason)
			}
			return nil
		},
	}
}

func explained(keys []string) ([]tuning.Setting, error) {
	p, err := tuning.Named(tuning.Balanced)
	if err != nil {
		return nil, err
	}
	var rows []tuning.Setting
next:
	for _, key := range keys {
		for _, s := range p.Explain() {
			if s.Key == key {
				rows = append(rows, s)
				continue next
			}
		}
		return nil, fmt.Errorf("%q is not a setting; one of: %s", key, strings.Join(tuning.Keys(), ", "))
	}
	return rows, nil
}

// detected is what tuning detect finds.
type detected struct {
	Host   tuning.Host   `json:"host"`
	Disk   *tuning.Disk  `json:"disk,omitempty"`
	Pinned bool          `json:"pinned"` // with the settings given
	Seats  []tuning.Seat `json:"seats"`  // where threads would sit if they were pinned
}

func newTuningDetect() *cobra.Command {
	var dir, disk string
	var out output
	cmd := &cobra.Command{
		Use: "detect", Short: "Look at this host, and say which thread would run where",
		Args: cobra.NoArgs,
	}
	cmd.Flags().StringVar(&dir, "dir", "", "directory of a node, whose settings count; without it the profile balanced")
	cmd.Flags().StringVar(&disk, "disk", "", "directory on the disk to look at; without it that of --dir")
	flags := settingFlags(cmd)
	addOutput(cmd, &out)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		s, err := loadSettingsAt(dir, flags())
		if err != nil {
			return fail(exitConfig, err)
		}
		d := detected{Host: tuning.DetectHost()}
		if disk == "" {
			disk = dir
		}
		if disk != "" {
			found, err := tuning.DetectDisk(disk)
			if err != nil {
				return fail(exitUsage, err)
			}
			d.Disk = &found
		}
		d.Pinned = s.profile.Pins(&d.Host)
		d.Seats = tuning.Place(&d.Host, s.profile.Threads(d.Host.Cores, eventLoops))
		if out == outputJSON {
			return fail(exitFailure, json.NewEncoder(cmd.OutOrStdout()).Encode(&d))
		}
		return fail(exitFailure, d.print(cmd.OutOrStdout(), s))
	}
	return cmd
}

func (d *detected) print(w io.Writer, s *settings) error {
	h := &d.Host
	fmt.Fprintf(w, "host    %s %s, %d processors on %d cores, %d MiB, kernel %s\n", h.Model, h.Arch, h.Cores, h.PhysicalCores(), h.MemoryBytes>>20, h.Kernel)
	if h.QuotaCores > 0 {
		fmt.Fprintf(w, "quota   %.2g cores by the control group\n", h.QuotaCores)
	}
	fmt.Fprintf(w, "has     %s\n", strings.Join(h.Features, " "))
	if k := d.Disk; k != nil {
		fmt.Fprintf(w, "disk    %s on %s, scheduler %s, cache %s, O_DIRECT by %d bytes, %d MiB free\n",
			k.FileSystem, k.Device, k.Scheduler, k.WriteCache, k.DirectAlign, k.FreeBytes>>20)
	}
	if d.Pinned {
		fmt.Fprintf(w, "pinning on: pin_threads %d\n", s.profile.PinThreads)
	} else {
		fmt.Fprintf(w, "pinning off: pin_threads %d on %d cores; this is where threads would sit:\n", s.profile.PinThreads, h.PhysicalCores())
	}
	tw := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	fmt.Fprintln(tw, "THREAD\tPROCESSOR\tNODE\tON-THIS-CORE")
	nodes := map[int]int{}
	for _, c := range h.CPUs {
		nodes[c.ID] = c.Node
	}
	for _, seat := range d.Seats {
		fmt.Fprintf(tw, "%s %d\t%d\t%d\t%d\n", seat.Role, seat.Index, seat.CPU, nodes[seat.CPU], seat.Shared)
	}
	return tw.Flush()
}

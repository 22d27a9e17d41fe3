package main

import (
	"encoding/json"
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

// version is set by the Makefile from the repository's state.
var version = "devel"

// build names this binary.
type build struct {
	Version string `json:"version"`
	Module  string `json:"module"`
	Go      string `json:"go"`
	OS      string `json:"os"`
	Arch    string `json:"arch"`
}

func thisBuild() build {
	b := build{Version: version, Go: runtime.Version(), OS: runtime.GOOS, Arch: runtime.GOARCH}
	if info, ok := debug.ReadBuildInfo(); ok {
		b.Module = info.Main.Path
	}
	return b
}

func newVersion() *cobra.Command {
	var out output
	cmd := &cobra.Command{
		Use:   "version",
		Short: "Show the version of this binary",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			b := thisBuild()
			if out == outputJSON {
				return fail(exitFailure, json.NewEncoder(cmd.OutOrStdout()).Encode(b))
			}
			_, err := fmt.Fprintf(cmd.OutOrStdout(), "replica %s (%s %s/%s)\n", b.Version, b.Go, b.OS, b.Arch)
			return fail(exitFailure, err)
		},
	}
	addOutput(cmd, &out)
	return cmd
}

// Command replica runs and looks after one replica of a Quorate cluster: it
// makes the files of a new cluster, starts a replica, and inspects what one
// left on disk.
//
// It turns flags and files into objects and joins the rooms; it decides nothing
// about agreement or money. Each command is a file: init.go makes a cluster's
// files, check.go and config.go look at one node's. What they share: files.go
// knows the layout on disk, settings.go the order flag > environment > file >
// profile, node.go loads one node, exit.go the exit codes.
//
// Thread: commands run on the main goroutine.
//
// Invariants:
//
//	R1  A secret is written with mode 0600 and read only from a file that its
//	    owner alone can read (KEY-02).
//	R2  Every error names its cause and the next step, and ends the process
//	    with a stable code (exit.go).
//	R3  init leaves a whole cluster or nothing.
package main

import (
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"
)

func main() {
	os.Exit(execute(os.Args[1:], os.Stdout, os.Stderr))
}

// execute runs one command line and gives the exit code.
func execute(args []string, stdout, stderr io.Writer) int {
	root := newRoot()
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := root.Execute()
	if err != nil {
		fmt.Fprintln(stderr, "replica:", err)
	}
	code := exitCode(err)
	if code == exitUsage {
		fmt.Fprintln(stderr, "for help: replica --help, or replica COMMAND --help")
	}
	return code
}

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:   "replica",
		Short: "Run and look after one replica of a Quorate payment ledger",
		Long: `Run and look after one replica of a Quorate payment ledger.

A cluster has n = 3f+2c+1 replicas and loses neither money nor order while at
most f of them lie and c more are slow or down.

` + exitCodesHelp,
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.AddCommand(newInit(), newCheck(), newConfig(), newTuning(), newStart(), newDemo(), newVerify(), newInspect(), newVersion())
	root.AddCommand(newStatusCommand(), newAccountCommand(), newTransferCommand(), newReceiptCommand(), newPayerCommand(), newLog())
	root.AddCommand(newCapacityCommand())
	return root
}

// output is the flag -o: how a command shows its result.
type output string

const (
	outputTable output = "table"
	outputJSON  output = "json"
)

// addOutput gives cmd the flag -o.
func addOutput(cmd *cobra.Command, o *output) {
	*o = outputTable
	cmd.Flags().VarP(o, "output", "o", "how to show the result: table or json")
}

// String, Set and Type make output a flag value.
func (o *output) String() string { return string(*o) }

// Set takes table or json.
func (o *output) Set(s string) error {
	if s != string(outputTable) && s != string(outputJSON) {
		return fmt.Errorf("use %s or %s", outputTable, outputJSON)
	}
	*o = output(s)
	return nil
}

// Type names the value in help texts.
func (o *output) Type() string { return "table|json" }

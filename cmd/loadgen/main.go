// Command loadgen loads a Quorate cluster at an honest rate, measures what its
// users feel, and audits afterwards that nothing was lost and nothing came
// twice.
//
// It is a client like any other: it holds no key but clients' keys, and trusts
// no replica. It decides nothing about the cluster; it starts and stops replicas
// only where a plan of faults says so.
//
// run.go drives a synthetic load (workload.go makes the events, arrivals.go and
// trace.go the times, drive.go sends, meter.go measures, watch.go asks replicas
// where they stand, live.go shows it), replay.go sends a CSV (csv.go reads it).
// Both end in audit.go. sweep.go drives one load after the other (objective.go
// says what a step has to hold, steady.go whether it is one), chaos.go does things
// to replicas meanwhile, combine.go merges and compares results. report.go writes
// the files, whose content is in outcome and whose page is in report;
// docs/loadgen.md is for who reads them.
//
// Thread: one goroutine schedules, one per client sends, results arrive on the
// clients' loops and go through the meter's and the book's locks. One goroutine
// per replica asks it where it stands, one closes a row each second.
//
// Invariants:
//
//	L1  Open loop: a latency starts when the request was meant to leave, not
//	    when it could; what could not leave is counted as dropped.
//	L2  The same seed and run id give the same bytes, so an audit can compare
//	    every field of what it finds.
//	L3  No transfer id is used twice in a run, nor, by the random run id, in two.
//	L4  A run that fell short, or whose audit found anything, exits non-zero.
//	L5  What a run keeps does not grow with its length: counters, histograms,
//	    a sample of batches, and an hour of rows. Every second is on disk.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
)

// Exit codes. Scripts rely on them: none is ever given another meaning.
const (
	exitOK        = 0
	exitFailure   = 1  // it failed while it ran
	exitShortfall = 3  // the cluster did not take the offered rate
	exitAudit     = 4  // the audit found something wrong
	exitUsage     = 64 // the command line makes no sense
	exitInput     = 65 // the CSV is refused
	exitConfig    = 78 // genesis or keys are refused
)

// failure is an error with its exit code.
type failure struct {
	code int
	err  error
}

func fail(code int, err error) error {
	var f *failure
	if err == nil || errors.As(err, &f) {
		return err
	}
	return &failure{code, err}
}

// Error gives the cause.
func (f *failure) Error() string { return f.err.Error() }

// Unwrap gives the error without the code.
func (f *failure) Unwrap() error { return f.err }

// exitCode is the code of an error. One without a code comes from the parser of
// the command line.
func exitCode(err error) int {
	var f *failure
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &f):
		return f.code
	}
	return exitUsage
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	// The first signal ends the load and begins the audit, the second kills.
	context.AfterFunc(ctx, stop)
	code := execute(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// execute runs one command line and gives the exit code.
func execute(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	root := &cobra.Command{
		Use:   "loadgen",
		Short: "Load a Quorate cluster at an honest rate and audit what became of it",
		Long: `Load a Quorate cluster at an honest rate and audit what became of it.

Exit codes: 0 done and audited, 1 failed while running, 3 the offered rate was
not reached, 4 the audit found something wrong, 64 wrong command line, 65 the
CSV is refused, 78 genesis or keys refused.`,
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.AddCommand(newRun(), newReplay(), newSweep(), newChaos(), newMerge(), newCompare())
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := root.ExecuteContext(ctx)
	if err != nil {
		fmt.Fprintln(stderr, "loadgen:", err)
	}
	return exitCode(err)
}

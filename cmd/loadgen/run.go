package main

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"quorate/payments"
	"quorate/wire"
)

// runFlags are the flags of run.
type runFlags struct {
	dir       string
	workload  string
	rate      rate
	arrivals  string
	batch     int
	clients   int
	inFlight  int
	accounts  uint64
	ledger    uint32
	duration  time.Duration
	warmup    time.Duration
	drain     time.Duration
	seed      uint64
	auditMax  uint64
	signed    bool
	ahead     uint64
	shortfall float64
	common    commonFlags
}

// commonFlags are those of run and replay.
type commonFlags struct {
	out       string
	json      bool
	expect    int
	receipts  int
	shared    bool
	plaintext bool
	connect   time.Duration
	patience  time.Duration
	deadline  time.Duration
}

func (fl *commonFlags) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&fl.out, "out", "", "directory for result.json, timeseries.csv, latency.hgrm and receipt.json; made if missing")
	flags.BoolVar(&fl.json, "json", false, "print the result as JSON on standard output, all else on standard error")
	flags.IntVar(&fl.expect, "expect-replicas", 0, "replicas that must agree at the end; 0 means all of genesis")
	flags.IntVar(&fl.receipts, "receipts", 100, "receipts to build and verify")
	flags.BoolVar(&fl.shared, "shared", false, "others use the ledger too: do not compare its growth with our count")
	flags.BoolVar(&fl.plaintext, "plaintext", false, "the cluster runs without TLS, on loopback")
	flags.DurationVar(&fl.connect, "connect-timeout", 30*time.Second, "how long to wait for the cluster")
	flags.DurationVar(&fl.patience, "audit-timeout", 60*time.Second, "how long replicas may take to reach the same state")
	flags.DurationVar(&fl.deadline, "audit-deadline", 10*time.Minute, "how long the whole audit may take")
}

func newRun() *cobra.Command {
	fl := runFlags{rate: rate{perSecond: 10_000}}
	cmd := &cobra.Command{
		Use:   "run --dir DIR",
		Short: "Drive a synthetic load, then audit",
		Long: `Drive a synthetic load, then audit.

A latency counts from when the payment was meant to leave. With --rate max a
bounded number of requests is kept in flight instead, and the rate is what comes
of it.`,
		Example: `  loadgen run --dir ./c4 --workload zipf --rate 50000 --duration 60s --out runs/first
  loadgen run --dir ./c4 --rate max --batch 8189 --clients 4
  loadgen run --dir ./c4 --rate max --batch 4679 --clients 4 --signed`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return run(cmd.Context(), &fl, cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&fl.dir, "dir", "", "directory of the cluster, as replica init made it")
	flags.StringVar(&fl.workload, "workload", workUniform, "one of "+strings.Join(workloads, ", "))
	flags.Var(&fl.rate, "rate", "payments per second, or max")
	flags.StringVar(&fl.arrivals, "arrivals", arriveConstant, "constant or poisson")
	flags.IntVar(&fl.batch, "batch", 1000, "payments per request")
	flags.IntVar(&fl.clients, "clients", 4, "clients, each with its own key and connections")
	flags.IntVar(&fl.inFlight, "in-flight", 2, "requests in flight per client, with --rate max")
	flags.Uint64Var(&fl.accounts, "accounts", 10_000, "accounts to pay between; made if missing")
	flags.Uint32Var(&fl.ledger, "ledger", 0, "ledger of the accounts; 0 takes the first of genesis")
	flags.DurationVar(&fl.duration, "duration", 60*time.Second, "how long to offer, warm-up included")
	flags.DurationVar(&fl.warmup, "warmup", 0, "beginning that is audited and not measured")
	flags.DurationVar(&fl.drain, "drain", 30*time.Second, "how long to wait for the last answers")
	flags.Uint64Var(&fl.seed, "seed", 1, "of accounts, amounts and arrivals")
	flags.Uint64Var(&fl.auditMax, "audit-max", 100_000, "payments to look up one by one; more are sampled by request, and counted by the totals")
	flags.BoolVar(&fl.signed, "signed", false, "each payment is signed by the key that owns its account")
	flags.Uint64Var(&fl.ahead, "signed-ahead", 0, "with --signed: payments to sign before the clock starts; 0 means what --rate and --duration ask for, and 2000000 with --rate max")
	flags.Float64Var(&fl.shortfall, "shortfall", 0.01, "share of the offered payments that may be missing without failing")
	fl.common.add(cmd)
	_ = cmd.MarkFlagRequired("dir")
	return cmd
}

// check refuses flags that make no sense, before anything is opened.
func (fl *runFlags) check() error {
	switch {
	case fl.duration <= 0 || fl.warmup < 0 || fl.warmup >= fl.duration:
		return fmt.Errorf("--duration %v must be longer than --warmup %v", fl.duration, fl.warmup)
	case fl.inFlight < 1 || fl.inFlight > 64:
		return fmt.Errorf("--in-flight %d is outside 1 to 64", fl.inFlight)
	case fl.shortfall < 0 || fl.shortfall > 1:
		return fmt.Errorf("--shortfall %v is outside 0 to 1", fl.shortfall)
	case fl.common.receipts < 0 || fl.common.receipts > 100_000:
		return fmt.Errorf("--receipts %d is outside 0 to 100000", fl.common.receipts)
	}
	return nil
}

// run does everything of the command run.
func run(ctx context.Context, fl *runFlags, stdout, stderr io.Writer) error {
	if err := fl.check(); err != nil {
		return fail(exitUsage, err)
	}
	t, err := loadTarget(fl.dir, fl.clients, fl.common.plaintext)
	if err != nil {
		return fail(exitConfig, err)
	}
	if fl.ledger == 0 && len(t.genesis.Ledgers) > 0 {
		fl.ledger = t.genesis.Ledgers[0].Number
	}
	runID := randomRunID()
	gen, err := newGenerator(fl.workload, fl.accounts, fl.batch, runID, fl.seed, fl.ledger)
	if err != nil {
		return fail(exitUsage, err)
	}
	if fl.signed {
		if err := gen.signBy(newPayers(fl.accounts, t.genesis.Hash())); err != nil {
			return fail(exitUsage, err)
		}
	}
	var plan *schedule
	if fl.rate.perSecond > 0 {
		if plan, err = newSchedule(fl.rate.perSecond, fl.batch, fl.arrivals, fl.seed); err != nil {
			return fail(exitUsage, err)
		}
	}
	live := stdout
	if fl.common.json {
		live = stderr
	}
	fl.signAhead(gen, live)
	d, before, err := prepare(ctx, fl, t, gen)
	defer t.close()
	if err != nil {
		return fail(exitFailure, err)
	}
	d.measure(ctx, fl, plan, live)
	// A signal ends the load and not the audit.
	concluding, stop := context.WithTimeout(context.WithoutCancel(ctx), fl.common.deadline)
	defer stop()
	res, err := d.conclude(concluding, fl, before)
	if err != nil {
		return fail(exitFailure, fmt.Errorf("nothing is known to be wrong, but the audit did not end: %w", err))
	}
	res.RunID = fmt.Sprintf("%016x", runID)
	fmt.Fprintln(live, res.Audit.line())
	if err := res.write(&fl.common, d.meter, stdout); err != nil {
		return fail(exitFailure, err)
	}
	return res.verdict(fl)
}

// randomRunID makes the high half of all transfer ids of a run. The top bit
// keeps them apart from small hand-made ids and from the largest id.
func randomRunID() uint64 {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails: since Go 1.24 it ends the process instead
	return binary.LittleEndian.Uint64(b[:])>>1 | 1<<62
}

// prepare connects, makes the accounts and reads the totals before the load.
func prepare(ctx context.Context, fl *runFlags, t *target, gen *generator) (*driver, []payments.LedgerTotals, error) {
	ctx, cancel := context.WithTimeout(ctx, fl.common.connect)
	defer cancel()
	if err := t.dial(ctx); err != nil {
		return nil, nil, err
	}
	if err := t.makeAccounts(ctx, gen, fl.accounts, fl.ledger); err != nil {
		return nil, nil, err
	}
	before, err := t.clients[0].LedgerTotals(ctx)
	if err != nil {
		return nil, nil, err
	}
	scope := wire.Scope{Cluster: t.genesis.Hash(), Epoch: t.genesis.Epoch}
	return &driver{
		target: t, gen: gen, meter: newMeter(), book: newBook(),
		receipts: newReceiptBox(scope, fl.common.receipts),
	}, before, nil
}

// measure offers the load and shows a line each second.
func (d *driver) measure(ctx context.Context, fl *runFlags, plan *schedule, live io.Writer) {
	aside, stop := context.WithCancel(ctx)
	defer stop()
	d.start = time.Now()
	var beside sync.WaitGroup
	beside.Go(func() { d.target.watch(aside) })
	beside.Go(func() { d.show(aside, fl.warmup, live) })
	if plan != nil {
		d.open(ctx, plan, fl.duration)
	} else {
		d.closed(ctx, fl.inFlight, fl.duration)
	}
	stop()
	beside.Wait()
}

// show prints a line each second until ctx ends; on a terminal each over the
// last.
func (d *driver) show(ctx context.Context, warmup time.Duration, live io.Writer) {
	end := "\n"
	if f, ok := live.(*os.File); ok {
		if info, err := f.Stat(); err == nil && info.Mode()&os.ModeCharDevice != 0 {
			end = "\033[K\r"
			defer fmt.Fprintln(live)
		}
	}
	if warmup == 0 {
		d.meter.beginMeasuring()
	} else {
		t := time.AfterFunc(time.Until(d.start.Add(warmup)), d.meter.beginMeasuring)
		defer t.Stop()
	}
	last := d.start
	for second := 1; ; second++ {
		on := sleepUntil(ctx, d.start.Add(time.Duration(second)*time.Second))
		// The end of the run cuts the last second; a sliver of one says nothing.
		span := time.Since(last)
		if last = time.Now(); on || span > time.Second/2 {
			fmt.Fprint(live, d.meter.second(second, span, d.target.fastPath()), end)
		}
		if !on {
			return
		}
	}
}

// conclude drains, audits and sums up.
func (d *driver) conclude(ctx context.Context, fl *runFlags, before []payments.LedgerTotals) (*result, error) {
	if err := d.drain(ctx, fl.drain, fl.common.connect); err != nil {
		return nil, fmt.Errorf("resolve requests without an answer: %w", err)
	}
	files, err := d.receipts.close()
	if err != nil {
		return nil, fmt.Errorf("receipt: %w", err)
	}
	acked, unexpected := d.book.sums()
	later := uint64(0)
	found := d.book.with(fateFound)
	for _, b := range found {
		later += uint64(len(d.wanted(b)))
	}
	in := &auditInput{
		target: d.target, executed: acked + later, acked: acked, before: before, alone: !fl.common.shared,
		receipts: files, expect: fl.common.expect, patience: fl.common.patience,
		expected: func(yield batches) { d.sample(fl.auditMax, yield) },
	}
	if in.expect == 0 {
		in.expect = len(d.target.genesis.Members)
	}
	a, err := runAudit(ctx, in)
	if err != nil {
		return nil, err
	}
	a.Unanswered, a.FoundLater = len(found)+len(d.book.with(fateAbsent)), later
	if unexpected > 0 {
		a.Faults = slices.Insert(a.Faults, 0, fmt.Sprintf("%d payments were answered with another code than they must", unexpected))
	}
	return d.result(fl, a, files), nil
}

// sample gives acknowledged batches to look up: all of them, or evenly as many
// as make most payments.
func (d *driver) sample(most uint64, yield batches) {
	all := d.book.with(fateAcked)
	keep := max(most/uint64(d.gen.events), 1)
	step := max((uint64(len(all))+keep-1)/keep, 1)
	var events []payments.Transfer
	for i := uint64(0); i < uint64(len(all)); i += step {
		// Small batches are gathered into full lookups.
		events = append(events, d.wanted(all[i])...)
		if len(events) < lookupMax {
			continue
		}
		if !yield(events) {
			return
		}
		events = events[:0]
	}
	if len(events) > 0 {
		yield(events)
	}
}

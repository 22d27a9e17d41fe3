package main

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"quorate/cmd/loadgen/chaos"
	"quorate/cmd/loadgen/outcome"
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
	trace     string
	begin     string
	metrics   string
	chaos     chaosFlags

	wholeTrace bool // --duration was not given with --trace
	common     commonFlags
}

// commonFlags are those of run and replay.
type commonFlags struct {
	out       string
	json      bool
	expect    int
	receipts  int
	shared    bool
	plaintext bool
	first     int
	connect   time.Duration
	patience  time.Duration
	deadline  time.Duration
}

func (fl *commonFlags) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&fl.out, "out", "", "directory for the results, which must be new or empty; none leaves no files")
	flags.BoolVar(&fl.json, "json", false, "print the result as JSON on standard output, all else on standard error")
	flags.IntVar(&fl.expect, "expect-replicas", 0, "replicas that must agree at the end; 0 means all of genesis")
	flags.IntVar(&fl.receipts, "receipts", 100, "receipts to build and verify")
	flags.BoolVar(&fl.shared, "shared", false, "others use the ledger too: do not compare its growth with our count")
	flags.IntVar(&fl.first, "first-client", 0, "keys to leave to other processes that load the same cluster: take those behind them")
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
of it. A trace gives the time of each request, in seconds from the start, in the
first column of a CSV.

Files: report.html (one page, works offline), result.json, timeseries.csv,
latency.hgrm, receipt.json, in --out or else in a new directory under runs/.

--at and --chaos kill, stop and start replicas of this host meanwhile; loadgen
chaos --help has the words. The report shows when.

Several processes can load one cluster: give each its own keys with
--first-client, begin them at one time with --begin, say --shared, and add their
results up with loadgen merge.`,
		Example: `  loadgen run --dir ./c4 --workload zipf --rate 50000 --duration 60s --out runs/first
  loadgen run --dir ./c4 --rate max --batch 8189 --clients 4
  loadgen run --dir ./c4 --rate max --batch 4679 --clients 4 --signed
  loadgen run --dir ./c4 --rate 5000 --at '20s kill primary for 20s'`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if fl.trace != "" && cmd.Flags().Changed("rate") {
				return fail(exitUsage, fmt.Errorf("--trace says when requests leave, so --rate %s cannot; give one of them", fl.rate.String()))
			}
			fl.wholeTrace = fl.trace != "" && !cmd.Flags().Changed("duration")
			return run(cmd.Context(), &fl, cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&fl.dir, "dir", "", "directory of the cluster, as replica init made it")
	flags.StringVar(&fl.workload, "workload", workUniform, "one of "+strings.Join(workloads, ", "))
	flags.Var(&fl.rate, "rate", "payments per second, or max")
	flags.StringVar(&fl.arrivals, "arrivals", arriveConstant, "constant, poisson, or trace with --trace")
	flags.StringVar(&fl.trace, "trace", "", "CSV of the times of requests; without --duration it is offered to its end")
	flags.StringVar(&fl.begin, "begin", "", "time at which the load begins, RFC 3339; for processes that load together")
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
	flags.StringVar(&fl.metrics, "metrics-addr", "", "address of a Prometheus endpoint, such as 127.0.0.1:9480; none if empty")
	fl.chaos.add(cmd)
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
	case (fl.trace != "") != (fl.arrivals == arriveTrace):
		return fmt.Errorf("--arrivals %s and --trace %q: a trace needs both, --arrivals trace and its file", fl.arrivals, fl.trace)
	case fl.ahead > signedAheadMax:
		return fmt.Errorf("--signed-ahead %d is over %d, which are 2 GB of signatures", fl.ahead, signedAheadMax)
	case fl.common.first < 0:
		return fmt.Errorf("--first-client %d is below 0", fl.common.first)
	case fl.common.receipts < 0 || fl.common.receipts > 100_000:
		return fmt.Errorf("--receipts %d is outside 0 to 100000", fl.common.receipts)
	}
	return nil
}

// run does everything of the command run.
func run(ctx context.Context, fl *runFlags, stdout, stderr io.Writer) error {
	if fl.trace != "" && fl.arrivals == arriveConstant {
		fl.arrivals = arriveTrace
	}
	if err := fl.check(); err != nil {
		return fail(exitUsage, err)
	}
	begin, err := fl.beginning(time.Now())
	if err != nil {
		return fail(exitUsage, err)
	}
	t, gen, err := fl.target()
	if err != nil {
		return err
	}
	plan, err := fl.plan()
	if err != nil {
		return err
	}
	if plan != nil && plan.trace != nil {
		defer plan.trace.close()
	}
	disturb, err := fl.chaos.runner(fl.dir, t, fl.duration)
	if err != nil {
		return fail(exitUsage, err)
	}
	live := stdout
	if fl.common.json {
		live = stderr
	}
	files, err := fl.common.files(outcome.KindRun)
	if err != nil {
		return fail(exitUsage, err)
	}
	fl.signAhead(gen, live)
	d, before, stop, err := prepare(ctx, fl, t, gen, files)
	defer t.close()
	defer stop()
	if err != nil {
		if files != nil {
			files.remove()
		}
		return fail(exitFailure, err)
	}
	d.disturb(disturb)
	if late := time.Since(begin); fl.begin != "" && late > time.Second {
		if files != nil {
			files.remove()
		}
		return fail(exitFailure, fmt.Errorf("everything was ready %v after --begin %s; choose a later time for all processes", late.Round(time.Second), fl.begin))
	}
	sleepUntil(ctx, begin)
	d.measure(ctx, &load{plan: plan, outstanding: fl.inFlight * fl.clients, duration: fl.duration, warmup: fl.warmup},
		newLive(live, fl.title(gen), fl.duration, fl.warmup))
	return fl.finish(ctx, d, before, files, live, stdout)
}

// finish audits a load that was driven, and writes its files.
func (fl *runFlags) finish(ctx context.Context, d *driver, before []payments.LedgerTotals, files *outDir, live, stdout io.Writer) error {
	// A signal ends the load and not the audit.
	concluding, stop := context.WithTimeout(context.WithoutCancel(ctx), fl.common.deadline)
	defer stop()
	res, err := d.conclude(concluding, fl, before)
	if err != nil {
		left := ""
		if files != nil {
			left = "; its time series is in " + files.partial
		}
		return fail(exitFailure, fmt.Errorf("nothing is known to be wrong, but the audit did not end: %w%s", err, left))
	}
	fmt.Fprintln(live, auditLine(res.Audit))
	if err := res.write(fl.common.json, files, d, stdout); err != nil {
		return fail(exitFailure, err)
	}
	if files != nil {
		fmt.Fprintf(live, "report %s\n", filepath.Join(files.path, "report.html"))
	}
	if err := res.verdict(fl); err != nil {
		return err
	}
	return fail(exitFailure, d.failed)
}

// title names a run on the screen.
func (fl *runFlags) title(gen *generator) string {
	rate := fl.rate.String() + " payments/s"
	if fl.trace != "" {
		rate = fl.trace
	}
	return fmt.Sprintf("loadgen run %016x  %s  %s  %d clients × %d payments", gen.run, fl.workload, rate, fl.clients, fl.batch)
}

// target reads the cluster's files and makes the generator for it.
func (fl *runFlags) target() (*target, *generator, error) {
	t, err := loadTarget(fl.dir, fl.clients, fl.common.first, fl.common.plaintext)
	if err != nil {
		return nil, nil, fail(exitConfig, err)
	}
	if fl.ledger == 0 && len(t.genesis.Ledgers) > 0 {
		fl.ledger = t.genesis.Ledgers[0].Number
	}
	gen, err := newGenerator(fl.workload, fl.accounts, fl.batch, randomRunID(), fl.seed, fl.ledger)
	if err != nil {
		return nil, nil, fail(exitUsage, err)
	}
	if fl.signed {
		if err := gen.signBy(newPayers(fl.accounts, t.genesis.Hash())); err != nil {
			return nil, nil, fail(exitUsage, err)
		}
	}
	return t, gen, nil
}

// plan makes the times of an open loop; nil is a closed one. Without --duration
// a trace gives its own.
func (fl *runFlags) plan() (*schedule, error) {
	if fl.trace != "" {
		t, _, span, err := openTrace(fl.trace)
		if err != nil {
			return nil, fail(exitInput, err)
		}
		if fl.wholeTrace {
			fl.duration = span + time.Second // the last request is offered, too
		}
		return &schedule{trace: t}, nil
	}
	if fl.rate.perSecond == 0 {
		return nil, nil
	}
	plan, err := newSchedule(fl.rate.perSecond, fl.batch, fl.arrivals, fl.seed)
	return plan, fail(exitUsage, err)
}

// beginning is when the load begins; what it reads lies ahead of now.
func (fl *runFlags) beginning(now time.Time) (time.Time, error) {
	if fl.begin == "" {
		return now, nil
	}
	at, err := time.Parse(time.RFC3339, fl.begin)
	switch {
	case err != nil:
		return at, fmt.Errorf("--begin %.45q is no time such as %s", fl.begin, now.UTC().Format(time.RFC3339))
	case at.Before(now) || at.Sub(now) > time.Hour:
		return at, fmt.Errorf("--begin %s is not within the next hour; it is %s now", fl.begin, now.UTC().Format(time.RFC3339))
	}
	return at, nil
}

// files makes the directory of the results, or nil when none is wanted.
func (fl *commonFlags) files(kind string) (*outDir, error) {
	switch fl.out {
	case outNone:
		return nil, nil
	case "":
		return newOutDir(defaultOut(kind, time.Now()))
	}
	return newOutDir(fl.out)
}

// randomRunID makes the high half of all transfer ids of a run. The top bit
// keeps them apart from small hand-made ids and from the largest id.
func randomRunID() uint64 {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails: since Go 1.24 it ends the process instead
	return binary.LittleEndian.Uint64(b[:])>>1 | 1<<62
}

// prepare connects, makes the accounts and reads the totals before the load.
// stop, never nil, ends what it began beside the load.
func prepare(ctx context.Context, fl *runFlags, t *target, gen *generator, files *outDir) (d *driver, before []payments.LedgerTotals, stop func(), err error) {
	show := &gauges{}
	if stop, err = serveMetrics(fl.metrics, show); err != nil {
		return nil, nil, func() {}, err
	}
	ctx, cancel := context.WithTimeout(ctx, fl.common.connect)
	defer cancel()
	if err := t.dial(ctx); err != nil {
		return nil, nil, stop, err
	}
	if err := t.makeAccounts(ctx, gen, fl.accounts, fl.ledger); err != nil {
		return nil, nil, stop, err
	}
	if before, err = t.clients[0].LedgerTotals(ctx); err != nil {
		return nil, nil, stop, err
	}
	d = newDriver(t, gen, fl)
	show.use(d.meter, fl.rate.perSecond)
	if files != nil {
		f, err := files.create("timeseries.csv")
		if err != nil {
			return nil, nil, stop, err
		}
		d.table = outcome.NewTable(f, len(t.genesis.Members))
		end := stop
		stop = func() { end(); _ = f.Close() }
	}
	return d, before, stop, nil
}

// newDriver makes a driver of one load.
func newDriver(t *target, gen *generator, fl *runFlags) *driver {
	scope := wire.Scope{Cluster: t.genesis.Hash(), Epoch: t.genesis.Epoch}
	log := &eventLog{}
	return &driver{
		target: t, gen: gen, meter: newMeter(), book: newBook(fl.auditMax / uint64(gen.events)),
		receipts: newReceiptBox(scope, fl.common.receipts), log: log, watch: newWatcher(t, log),
	}
}

// disturb takes what is to be done to replicas meanwhile.
func (d *driver) disturb(r *chaos.Runner) {
	if r == nil {
		return
	}
	d.chaos = r
	r.Primary = d.target.primaryNow
	r.Say = func(text string) { d.log.add(eventChaos, text) }
}

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"quorate/client"
	"quorate/cmd/loadgen/outcome"
	"quorate/tuning"
)

// Least points of a sweep: of fewer rates nothing can be bisected, and of fewer
// numbers of outstanding requests no law of scalability can be fitted.
const (
	ratePoints        = 3
	outstandingPoints = 6
)

// sweepFlags are the flags of sweep; load holds those that each step shares.
type sweepFlags struct {
	load        runFlags
	by          string
	from, to    rate
	factor      float64
	precision   float64
	steps       int
	outstanding int
	slo         string
	profile     string
	step        time.Duration
	objective   *objective
}

func newSweep() *cobra.Command {
	fl := sweepFlags{from: rate{1000}, to: rate{1_000_000}}
	cmd := &cobra.Command{
		Use:   "sweep --dir DIR",
		Short: "Find the highest rate that holds an objective, or how rate grows with outstanding requests",
		Long: `Find the highest rate that holds an objective, or how rate grows with outstanding
requests.

By rate, an open loop is driven at --from, and at --factor times that until a step
breaks the objective; then between the last that held and the first that broke,
until they are within --precision. A step whose rate, latency or backlog drifts,
or in which the cluster changes its view, is run again once, and is marked as not
steady when it drifts again. By outstanding, 1, 2, 4 … requests are kept in flight
up to --max-outstanding, for: replica capacity fit.

Each step is audited like a run. The result is sweep.json in --out; docs/loadgen.md
has its fields.`,
		Example: `  loadgen sweep --dir ./c4 --slo 'p99<100ms,errors<0.1%' --out runs/sweep
  loadgen sweep --dir ./c4 --by outstanding --batch 1000 --clients 4 --out runs/closed`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return fl.run(cmd.Context(), cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&fl.load.dir, "dir", "", "directory of the cluster, as replica init made it")
	flags.StringVar(&fl.by, "by", outcome.ByRate, "what steps differ in: rate or outstanding")
	flags.StringVar(&fl.slo, "slo", "", "what a step has to hold, such as 'p99<100ms,errors<0.1%'; "+shortfallTerm+" always, unless given otherwise")
	flags.Var(&fl.from, "from", "first rate, payments per second")
	flags.Var(&fl.to, "to", "highest rate")
	flags.Float64Var(&fl.factor, "factor", 2, "from one rate to the next until one breaks")
	flags.Float64Var(&fl.precision, "precision", 0.05, "how close the best and the first broken rate shall come")
	flags.IntVar(&fl.steps, "steps", 20, "most steps")
	flags.IntVar(&fl.outstanding, "max-outstanding", 64, "most requests in flight over all clients, by outstanding")
	flags.DurationVar(&fl.step, "step", 10*time.Second, "measured part of a step")
	flags.DurationVar(&fl.load.warmup, "warmup", 3*time.Second, "beginning of each step that is audited and not measured")
	flags.StringVar(&fl.profile, "profile", "", "profile of the replicas, for the record: "+strings.Join(tuning.Names(), ", "))
	flags.StringVar(&fl.load.workload, "workload", workUniform, "one of "+strings.Join(workloads, ", "))
	flags.StringVar(&fl.load.arrivals, "arrivals", arriveConstant, "constant or poisson, by rate")
	flags.IntVar(&fl.load.batch, "batch", 1000, "payments per request")
	flags.IntVar(&fl.load.clients, "clients", 4, "clients, each with its own key and connections")
	flags.Uint64Var(&fl.load.accounts, "accounts", 10_000, "accounts to pay between; made if missing")
	flags.Uint32Var(&fl.load.ledger, "ledger", 0, "ledger of the accounts; 0 takes the first of genesis")
	flags.DurationVar(&fl.load.drain, "drain", 30*time.Second, "how long each step waits for its last answers")
	flags.Uint64Var(&fl.load.seed, "seed", 1, "of accounts, amounts and arrivals")
	flags.Uint64Var(&fl.load.auditMax, "audit-max", 5_000, "payments to look up one by one after each step")
	flags.StringVar(&fl.load.metrics, "metrics-addr", "", "address of a Prometheus endpoint, such as 127.0.0.1:9480; none if empty")
	fl.load.common.add(cmd)
	flags.Lookup("receipts").DefValue = "4"
	fl.load.common.receipts = 4
	_ = cmd.MarkFlagRequired("dir")
	return cmd
}

// check refuses flags that make no sense or too few points, before anything is
// opened.
func (fl *sweepFlags) check() (err error) {
	if fl.objective, err = parseObjective(fl.slo); err != nil {
		return err
	}
	fl.load.duration = fl.load.warmup + fl.step
	switch {
	case fl.by != outcome.ByRate && fl.by != outcome.ByOutstanding:
		return fmt.Errorf("--by %.45q is not %s or %s", fl.by, outcome.ByRate, outcome.ByOutstanding)
	case fl.step < steadyRows*time.Second || fl.load.warmup < 0:
		return fmt.Errorf("--step %v is too short to tell a steady state; take %d s at least", fl.step, steadyRows)
	case fl.factor < 1.1 || fl.factor > 10:
		return fmt.Errorf("--factor %v is outside 1.1 to 10", fl.factor)
	case fl.precision < 0.005 || fl.precision > 1:
		return fmt.Errorf("--precision %v is outside 0.005 to 1", fl.precision)
	case fl.steps < ratePoints || fl.steps > 100:
		return fmt.Errorf("--steps %d is outside %d to 100", fl.steps, ratePoints)
	case fl.load.arrivals == arriveTrace:
		return errors.New("--arrivals trace has one rate only; use it with loadgen run")
	case fl.profile != "" && !known(fl.profile):
		return fmt.Errorf("--profile %.45q is not one of %s", fl.profile, strings.Join(tuning.Names(), ", "))
	case fl.load.common.first < 0:
		return fmt.Errorf("--first-client %d is below 0", fl.load.common.first)
	}
	if fl.by == outcome.ByRate {
		return fl.checkRates()
	}
	if most := client.WindowMax * fl.load.clients; fl.outstanding > most {
		return fmt.Errorf("--max-outstanding %d is over %d, %d for each of %d clients; take more --clients", fl.outstanding, most, client.WindowMax, fl.load.clients)
	}
	if n := len(fl.numbers()); n < outstandingPoints || n > fl.steps {
		return fmt.Errorf("--max-outstanding %d makes %d steps; a law of scalability needs %d at least, and --steps allows %d", fl.outstanding, n, outstandingPoints, fl.steps)
	}
	return nil
}

// checkRates refuses ranges of too few rates.
func (fl *sweepFlags) checkRates() error {
	switch {
	case fl.from.perSecond == 0 || fl.to.perSecond == 0:
		return errors.New("--from and --to are numbers; for a closed loop use --by outstanding")
	case fl.from.perSecond*fl.factor*fl.factor > fl.to.perSecond:
		return fmt.Errorf("--from %s to --to %s by %v are fewer than %d rates; widen them or take a smaller --factor", fl.from.String(), fl.to.String(), fl.factor, ratePoints)
	}
	_, err := newSchedule(fl.from.perSecond, fl.load.batch, fl.load.arrivals, 0)
	return err
}

func known(profile string) bool {
	_, err := tuning.Named(profile)
	return err == nil
}

// numbers are those of outstanding requests: powers of two, and the most.
func (fl *sweepFlags) numbers() (out []int) {
	for n := 1; n < fl.outstanding; n *= 2 {
		out = append(out, n)
	}
	return append(out, fl.outstanding)
}

// sweep is one that runs.
type sweep struct {
	fl     *sweepFlags
	target *target
	live   io.Writer
	show   *gauges
	out    outcome.Sweep
}

// run does everything of the command sweep.
func (fl *sweepFlags) run(ctx context.Context, stdout, stderr io.Writer) error {
	if err := fl.check(); err != nil {
		return fail(exitUsage, err)
	}
	t, gen, err := fl.load.target()
	if err != nil {
		return err
	}
	s := &sweep{fl: fl, target: t, live: stdout, show: &gauges{}}
	if fl.load.common.json {
		s.live = stderr
	}
	files, err := fl.load.common.files(outcome.KindSweep)
	if err != nil {
		return fail(exitUsage, err)
	}
	err = s.all(ctx, gen)
	t.close()
	if err == nil {
		err = s.write(files, stdout)
	}
	if err != nil && files != nil {
		files.remove() // it is one file, and it is not whole
	}
	return fail(exitFailure, err)
}

// all connects and runs every step.
func (s *sweep) all(ctx context.Context, gen *generator) error {
	fl := &s.fl.load
	stop, err := serveMetrics(fl.metrics, s.show)
	if err != nil {
		return err
	}
	defer stop()
	connecting, cancel := context.WithTimeout(ctx, fl.common.connect)
	defer cancel()
	if err := s.target.dial(connecting); err != nil {
		return err
	}
	if err := s.target.makeAccounts(connecting, gen, fl.accounts, fl.ledger); err != nil {
		return err
	}
	s.describe()
	if s.fl.by == outcome.ByOutstanding {
		return s.byOutstanding(ctx)
	}
	return s.byRate(ctx)
}

// describe fills in what all steps share.
func (s *sweep) describe() {
	g, fl := s.target.genesis, s.fl
	hash := g.Hash()
	s.out = outcome.Sweep{
		Schema: outcome.Schema, Kind: outcome.KindSweep, Started: time.Now(), Host: outcome.ThisHost(), Commit: version,
		Cluster: fmt.Sprintf("%x", hash[:]), Replicas: len(g.Members), F: g.F, C: g.C, Profile: fl.profile,
		Workload: fl.load.workload, Batch: fl.load.batch, Accounts: fl.load.accounts, Arrivals: fl.load.arrivals, By: fl.by,
		Seconds: fl.step.Seconds(), Warmup: fl.load.warmup.Seconds(), Objective: fl.slo, Steps: []outcome.Step{},
	}
	if fl.by == outcome.ByOutstanding {
		s.out.Arrivals = "closed"
	}
	fmt.Fprintln(s.live, "  offered/s achieved/s      p50      p99    p99.9 ms  outstanding  cpu/s  steady ok")
}

// byRate drives the open loop at the rates that search chooses.
func (s *sweep) byRate(ctx context.Context) error {
	fl := s.fl
	find := &search{from: fl.from.perSecond, to: fl.to.perSecond, factor: fl.factor, precision: fl.precision}
	for len(s.out.Steps) < fl.steps {
		rate, more := find.next()
		if !more {
			break
		}
		plan := func() (*load, error) {
			p, err := newSchedule(rate, fl.load.batch, fl.load.arrivals, fl.load.seed)
			return &load{plan: p, duration: fl.load.duration, warmup: fl.load.warmup}, err
		}
		step, err := s.step(ctx, rate, plan)
		if err != nil {
			return err
		}
		find.note(rate, step.OK)
	}
	if len(s.out.Steps) < ratePoints {
		return fmt.Errorf("%d steps are too few for a sweep: %s; choose another --from", len(s.out.Steps), s.out.Steps[0].Why)
	}
	return nil
}

// byOutstanding drives the closed loop with each number of requests in flight.
func (s *sweep) byOutstanding(ctx context.Context) error {
	for _, n := range s.fl.numbers() {
		plan := func() (*load, error) {
			return &load{outstanding: n, duration: s.fl.load.duration, warmup: s.fl.load.warmup}, nil
		}
		if _, err := s.step(ctx, 0, plan); err != nil {
			return err
		}
	}
	return nil
}

// step runs one step, twice if it is not steady at first though it held its
// rate, and keeps what came of it. rate is 0 in a closed loop.
func (s *sweep) step(ctx context.Context, rate float64, plan func() (*load, error)) (*outcome.Step, error) {
	var step *outcome.Step
	for attempt := 0; ; attempt++ {
		l, err := plan()
		if err != nil {
			return nil, err
		}
		if step, err = s.once(ctx, rate, l); err != nil {
			return nil, err
		}
		if short := l.plan != nil && step.Achieved < 0.9*step.Offered; step.Steady || short || attempt == 1 {
			break
		}
		fmt.Fprintf(s.live, "%s: again\n", stepLine(step))
	}
	fmt.Fprintln(s.live, stepLine(step))
	s.out.Steps = append(s.out.Steps, *step)
	if step.OK && (s.out.Best == nil || step.Achieved > s.out.Best.Achieved) {
		s.out.Best = step
	}
	return step, nil
}

// once drives one load, audits it, and judges it.
func (s *sweep) once(ctx context.Context, rate float64, l *load) (*outcome.Step, error) {
	fl := s.fl.load
	fl.rate.perSecond = rate
	gen, err := newGenerator(fl.workload, fl.accounts, fl.batch, randomRunID(), fl.seed, fl.ledger)
	if err != nil {
		return nil, err
	}
	before, err := s.target.clients[0].LedgerTotals(ctx)
	if err != nil {
		return nil, err
	}
	d := newDriver(s.target, gen, &fl)
	s.show.use(d.meter, rate)
	show := newLive(s.live, fl.title(gen), fl.duration, fl.warmup)
	if show.terminal == nil {
		show.out = io.Discard // a line each step is enough
	}
	d.measure(ctx, l, show)
	show.clear()
	if ctx.Err() != nil {
		return nil, errors.New("a signal ended the sweep; nothing is written")
	}
	concluding, stop := context.WithTimeout(ctx, fl.common.deadline)
	defer stop()
	res, err := d.conclude(concluding, &fl, before)
	if err != nil {
		return nil, err
	}
	if res.Audit.Failed() {
		return nil, fail(exitAudit, fmt.Errorf("the sweep ends: %s", auditLine(res.Audit)))
	}
	return s.judge(d, &res.Run, l, rate), nil
}

// judge makes a step of a run.
func (s *sweep) judge(d *driver, r *outcome.Run, l *load, rate float64) *outcome.Step {
	h, m := r.LatencyMS, &r.Measured
	step := &outcome.Step{
		Offered: float64(m.Offered) / r.Seconds, Achieved: r.Achieved,
		P50: h["p50"], P90: h["p90"], P99: h["p99"], P999: h["p99.9"], Mean: h["mean"], Most: h["max"],
		Outstanding: r.Outstanding, Clients: r.Clients, Seconds: r.Seconds, CPU: r.CPU,
		Errors: float64(m.Errors+m.Unknown) / float64(max(m.Offered, 1)),
	}
	if l.plan == nil {
		step.InFlight, step.Clients = l.outstanding, min(r.Clients, l.outstanding)
	} else {
		step.Offered = rate
	}
	all, _ := d.series.Rows()
	var rows []outcome.Row
	for i := range all {
		// The second that the warm-up ends in belongs to it.
		if float64(all[i].Second) > r.Warmup+0.5 {
			rows = append(rows, all[i])
		}
	}
	if step.Why = unsteady(rows, r.Batch, l.plan != nil); step.Why == "" {
		step.Why = restless(rows)
	}
	step.Steady = step.Why == ""
	if broken := s.fl.objective.broken(step, r.Batch); broken != "" && (l.plan != nil || s.fl.slo != "") {
		step.Why = strings.TrimPrefix(step.Why+"; "+broken, "; ")
	}
	step.OK = step.Why == ""
	return step
}

func stepLine(s *outcome.Step) string {
	yes := map[bool]string{true: "yes", false: "no"}
	line := fmt.Sprintf("%11.0f %10.0f %8.1f %8.1f %8.1f %14.2f %6.2f %7s %3s", s.Offered, s.Achieved, s.P50, s.P99, s.P999, s.Outstanding,
		s.CPU/max(s.Seconds, 1e-9), yes[s.Steady], yes[s.OK])
	if s.Why != "" {
		line += "  " + s.Why
	}
	return line
}

// write makes sweep.json and says what was found.
func (s *sweep) write(files *outDir, stdout io.Writer) error {
	text, err := json.MarshalIndent(&s.out, "", "  ")
	if err != nil {
		return err
	}
	text = append(text, '\n')
	if s.fl.load.common.json {
		if _, err := stdout.Write(text); err != nil {
			return err
		}
	}
	if files != nil {
		if err := files.write("sweep.json", text); err != nil {
			return err
		}
		if err := files.commit(); err != nil {
			return err
		}
		fmt.Fprintf(s.live, "sweep %s\n", filepath.Join(files.path, "sweep.json"))
	}
	if s.out.Best == nil {
		return fail(exitShortfall, fmt.Errorf("no step held the objective %q; see sweep.json for why", s.fl.slo))
	}
	fmt.Fprintf(s.live, "best: %.0f payments/s achieved, p50 %.1f p99 %.1f p99.9 %.1f ms, %.2f requests outstanding\n",
		s.out.Best.Achieved, s.out.Best.P50, s.out.Best.P99, s.out.Best.P999, s.out.Best.Outstanding)
	return nil
}

package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"quorate/bench/procs"
	"quorate/bench/teller"
	"quorate/bench/trial"
)

// flags are what the command line says.
type flags struct {
	cycles      int
	seed, first uint64
	replicas    int
	f, c        int
	plaintext   bool
	only        int
	perSecond   int
	batch       int
	bin, dir    string
}

func main() {
	var fl flags
	flag.IntVar(&fl.cycles, "cycles", 50, "how many faults")
	flag.Uint64Var(&fl.seed, "seed", uint64(time.Now().Unix()), "of all that is drawn")
	flag.Uint64Var(&fl.first, "first", 1, "number of the first cycle")
	flag.IntVar(&fl.replicas, "replicas", 4, "number of replicas n = 3f+2c+1")
	flag.IntVar(&fl.f, "f", 1, "replicas that may lie, and the most that are away at once")
	flag.IntVar(&fl.c, "c", 0, "replicas that may be slow without losing the fast path")
	flag.IntVar(&fl.only, "only", 0, "number of the one fault to make again and again, see plan.go; 0: all")
	flag.BoolVar(&fl.plaintext, "plaintext", false, "without TLS")
	flag.IntVar(&fl.perSecond, "requests-per-second", 25, "load of all clients together")
	flag.IntVar(&fl.batch, "batch", 20, "payments per request")
	flag.StringVar(&fl.bin, "bin", "bin", "folder with the binary replica")
	flag.StringVar(&fl.dir, "dir", "run/kill9", "directory of the run; an earlier run there is removed")
	flag.Parse()
	if flag.NArg() > 0 || fl.cycles < 1 || fl.f < 1 {
		flag.Usage()
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := cycles(ctx, &fl)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// repeat is the command that runs from a cycle on. A cycle by itself starts from
// an empty ledger, and the whole run repeats what it drew, not how the host
// scheduled it.
func (fl *flags) repeat(first uint64, count int) string {
	s := fmt.Sprintf("%s -seed %d -first %d -cycles %d -only %d -replicas %d -f %d -c %d -requests-per-second %d -batch %d", os.Args[0],
		fl.seed, first, count, fl.only, fl.replicas, fl.f, fl.c, fl.perSecond, fl.batch)
	if fl.plaintext {
		s += " -plaintext"
	}
	return s
}

// figures are what the last line says.
type figures struct {
	cycles, kills   int
	acked           uint64
	lost, duplicate uint64
	outage          trial.Times
	recovery        trial.Times
}

func (g *figures) line() string {
	return fmt.Sprintf("kill9: %d cycles (%d with kill -9), acked %d, lost %d, duplicated %d, recovery time %v, outage %v",
		g.cycles, g.kills, g.acked, g.lost, g.duplicate, g.recovery, g.outage)
}

// count takes the sums of an audit, if there is one.
func (g *figures) count(r *teller.Report) {
	if r != nil {
		g.acked, g.lost, g.duplicate = r.Acked, max(g.lost, r.Lost), max(g.duplicate, r.Duplicated)
	}
}

// cycles runs all cycles and the last check.
func cycles(ctx context.Context, fl *flags) (err error) {
	const payers = 3
	t, err := trial.Open(ctx, trial.Options{
		Name: "kill9", Dir: fl.dir, Repeat: fl.repeat(fl.first, fl.cycles), Out: os.Stdout,
		Cluster: procs.Options{Binaries: fl.bin, Replicas: fl.replicas, F: fl.f, C: fl.c, Clients: payers, Plaintext: fl.plaintext},
		Load:    teller.Options{Batch: fl.batch, PerSecond: fl.perSecond, Seed: fl.seed},
	})
	if err != nil {
		return err
	}
	defer t.Close()
	t.Printf("kill9: seed %d, n=%d f=%d c=%d, %d cycles in %s", fl.seed, fl.replicas, fl.f, fl.c, fl.cycles, fl.dir)
	var g figures
	defer func() { t.Printf("%s", g.line()) }()
	for k := range uint64(fl.cycles) {
		number := fl.first + k
		p := draw(fl.seed, number, fl.replicas, fl.f, payers, fault(fl.only))
		begun := time.Now()
		o, err := run(ctx, t, p)
		g.count(o.report)
		if err != nil {
			g.acked = t.Teller.Acked()
			return t.Failed(fmt.Sprintf("cycle %d", number), p.String(), err)
		}
		g.cycles++
		if p.fault.kills() {
			g.kills++
		}
		g.outage.Add(o.outage)
		g.recovery.Add(o.recovery)
		t.Printf("  cycle %d: %v: outage %s, recovery %s; %d payments audited, %s in all", number, p,
			trial.Seconds(o.outage), trial.Seconds(o.recovery), o.report.Checked, trial.Seconds(time.Since(begun)))
	}
	report, err := t.Finish(ctx)
	g.count(report)
	if err != nil {
		return t.Failed("the last check", "", err)
	}
	return nil
}

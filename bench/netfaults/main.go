package main

import (
	"context"
	"errors"
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

// insideFlag says that this process is the second one, in namespaces of its own.
const insideFlag = "-inside"

// flags are what the command line says.
type flags struct {
	inside      bool
	rounds      int
	seed, first uint64
	replicas    int
	f, c        int
	only        int
	bin, dir    string
}

func main() {
	var fl flags
	flag.BoolVar(&fl.inside, insideFlag[1:], false, "for this command's own use")
	flag.IntVar(&fl.rounds, "rounds", int(faults), "how many faults")
	flag.Uint64Var(&fl.seed, "seed", uint64(time.Now().Unix()), "of all that is drawn")
	flag.Uint64Var(&fl.first, "first", 0, "number of the first round")
	flag.IntVar(&fl.only, "only", -1, "number of the one fault to make again and again, see plan.go; −1: all")
	flag.IntVar(&fl.replicas, "replicas", 4, "number of replicas n = 3f+2c+1, at most 16")
	flag.IntVar(&fl.f, "f", 1, "replicas that may lie")
	flag.IntVar(&fl.c, "c", 0, "replicas that may be slow without losing the fast path")
	flag.StringVar(&fl.bin, "bin", "bin", "folder with the binary replica")
	flag.StringVar(&fl.dir, "dir", "run/netfaults", "directory of the run; an earlier run there is removed")
	flag.Parse()
	if flag.NArg() > 0 || fl.rounds < 1 || fl.replicas > 16 || fl.only >= int(faults) {
		flag.Usage()
		os.Exit(2)
	}
	os.Exit(start(&fl))
}

// start runs the rounds, in this process if it is inside, and gives the exit
// code.
func start(fl *flags) int {
	if fl.inside {
		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
		defer stop()
		if err := rounds(ctx, fl); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		return 0
	}
	if tool := missing(); tool != "" {
		fmt.Printf("netfaults: skipped: no %s here; install iproute2 and nftables\n", tool)
		return 0
	}
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	code, err := reenter(os.Args[1:], signals)
	if errors.Is(err, syscall.EPERM) {
		fmt.Println("netfaults: skipped: network namespaces need root")
		return 0
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "netfaults:", err)
		return 1
	}
	return code
}

// repeat is the command that runs from a round on.
func (fl *flags) repeat(first uint64, count int) string {
	return fmt.Sprintf("%s -seed %d -first %d -rounds %d -only %d -replicas %d -f %d -c %d", os.Args[0], fl.seed, first, count, fl.only, fl.replicas, fl.f, fl.c)
}

// figures are what the last line says.
type figures struct {
	rounds          int
	acked           uint64
	lost, duplicate uint64
	progress        trial.Times
	flows, caught   trial.Times
	rest            trial.Times
}

func (g *figures) line() string {
	return fmt.Sprintf("netfaults: %d rounds, acked %d, lost %d, duplicated %d, progress under a fault %v, after healing served again %v, all caught up %v, at rest %v",
		g.rounds, g.acked, g.lost, g.duplicate, g.progress, g.flows, g.caught, g.rest)
}

// count takes what a round measured.
func (g *figures) count(o *outcome) {
	g.sums(o.report)
	g.rounds++
	if o.demand == "progress" {
		g.progress.Add(o.progress)
	}
	g.flows.Add(o.flows)
	g.caught.Add(o.caught)
	g.rest.Add(o.rest)
}

// sums takes the sums of an audit, if there is one.
func (g *figures) sums(r *teller.Report) {
	if r != nil {
		g.acked, g.lost, g.duplicate = r.Acked, max(g.lost, r.Lost), max(g.duplicate, r.Duplicated)
	}
}

// rounds makes the network and the cluster and runs all rounds and the last
// check.
func rounds(ctx context.Context, fl *flags) error {
	space, err := makeSpace(fl.replicas)
	if err != nil {
		return err
	}
	t, err := trial.Open(ctx, trial.Options{
		Name: "netfaults", Dir: fl.dir, Repeat: fl.repeat(fl.first, fl.rounds), Out: os.Stdout,
		Cluster: procs.Options{Binaries: fl.bin, Replicas: fl.replicas, F: fl.f, C: fl.c, Clients: 3, Hosts: space.hosts(), Within: within},
		Load:    teller.Options{Batch: 20, PerSecond: 25, Seed: fl.seed},
	})
	if err != nil {
		return err
	}
	defer t.Close()
	n := &network{t, space}
	t.Printf("netfaults: seed %d, n=%d f=%d c=%d, %d rounds in %s", fl.seed, fl.replicas, fl.f, fl.c, fl.rounds, fl.dir)
	var g figures
	defer func() { t.Printf("%s", g.line()) }()
	for k := range uint64(fl.rounds) {
		number := fl.first + k
		p := draw(fl.seed, number, fl.replicas, fl.f)
		if fl.only >= 0 {
			p.fault = fault(fl.only)
		}
		begun := time.Now()
		primary, err := n.primary(ctx)
		if err != nil {
			return t.Failed(fmt.Sprintf("round %d", number), "", err)
		}
		o, err := n.round(ctx, &p, primary)
		if err != nil {
			g.sums(o.report)
			g.acked = t.Teller.Acked()
			return t.Failed(fmt.Sprintf("round %d", number), p.describe(fl.replicas, primary), err)
		}
		g.count(&o)
		t.Printf("  round %d: %s: %s demanded", number, p.describe(fl.replicas, primary), o.demand)
		t.Printf("    progress %s; after healing: served %s, caught up %s, at rest %s; %d payments audited, %s in all", trial.Seconds(o.progress),
			trial.Seconds(o.flows), trial.Seconds(o.caught), trial.Seconds(o.rest), o.report.Checked, trial.Seconds(time.Since(begun)))
	}
	report, err := t.Finish(ctx)
	g.sums(report)
	if err != nil {
		return t.Failed("the last check", "", err)
	}
	return nil
}

// primary waits until all agree who it is. The last audit's queries, which were
// ordered too, may still be on their way to some.
func (n *network) primary(ctx context.Context) (int, error) {
	states, err := n.Rest(ctx)
	if err != nil {
		return 0, err
	}
	return int(states[0].Primary), nil
}

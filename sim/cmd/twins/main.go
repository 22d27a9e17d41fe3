// Command twins plays Twins scenarios, all of them up to some depth or samples,
// and ends with one line of figures. It exits with 1 when any scenario was unsafe
// or stuck, and prints such scenarios so that -replay plays them again.
package main

import (
	"flag"
	"fmt"
	"os"
	"runtime/debug"
	"syscall"

	"quorate/sim/twins"
	"quorate/wire"
)

var (
	nFlag      = flag.Int("n", 0, "replicas: 4, 6 (c=1) or 7 (two twins); 0: all three in turn")
	viewsFlag  = flag.Int("views", 0, "views of a schedule; 0: as many as take about a minute")
	countFlag  = flag.Int("count", -1, "scenarios to sample; 0: none; below 0: the default number, or none with -n 4 or 6")
	seedFlag   = flag.Uint64("seed", 1, "first seed of the samples")
	replayFlag = flag.String("replay", "", "a scenario to play and tell, as a failure prints it")
	failsFlag  = flag.Int("fails", 5, "failures to print")
)

// size is one cluster size and what is played of it when nothing is asked.
type size struct {
	n, f, c int
	views   int // explored exhaustively
	samples int
}

var sizes = []size{
	{n: 4, f: 1, c: 0, views: 3, samples: 4000},
	{n: 6, f: 1, c: 1, views: 2, samples: 2000},
	{n: 7, f: 2, c: 0, views: 0, samples: 3000},
}

func main() {
	flag.Parse()
	debug.SetGCPercent(400) // a scenario's garbage is small, and all of it is garbage soon
	if *replayFlag != "" {
		os.Exit(replay(*replayFlag))
	}
	var all twins.Stats
	known := false
	for _, z := range sizes {
		if *nFlag == 0 || *nFlag == z.n {
			known = true
			all.Add(z.play())
		}
	}
	if !known {
		fmt.Fprintf(os.Stderr, "twins: no cluster of %d: 4, 6 or 7\n", *nFlag)
		os.Exit(2)
	}
	fmt.Println("twins:", line(all, cpuSeconds()))
	if all.Unsafe+all.Stuck > 0 {
		os.Exit(1)
	}
}

// replay plays one scenario and tells it.
func replay(text string) int {
	s, err := twins.Parse(text)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 2
	}
	o := twins.Play(s, twins.Plant{}, func(format string, args ...any) { fmt.Printf(format+"\n", args...) })
	fmt.Println(o)
	if o.Failed() {
		return 1
	}
	return 0
}

// play explores and samples one size.
func (z size) play() (all twins.Stats) {
	views, samples := z.views, z.samples
	if *countFlag >= 0 {
		samples = *countFlag
	}
	if *viewsFlag > 0 && z.views > 0 {
		views = *viewsFlag
	}
	if *countFlag > 0 {
		views = 0
	}
	if *nFlag != 0 && *countFlag < 0 && views > 0 {
		samples = 0
	}
	began := cpuSeconds()
	if views > 0 {
		sp := twins.Space{Setup: twins.Setup{F: z.f, C: z.c, Twins: []wire.ReplicaID{0}}, Rounds: views, Sets: 2,
			Paths: []twins.Path{twins.PathFast, twins.PathSlow, twins.PathVotes}}
		stats := twins.Explore(sp, twins.Plant{}, show)
		fmt.Printf("n=%d f=%d c=%d, every schedule of up to %d views (%.3g, %d sets of promises before the last view): %s\n",
			z.n, z.f, z.c, views, stats.Schedules, stats.Places, line(stats, cpuSeconds()-began))
		all.Add(stats)
	}
	if samples == 0 {
		return all
	}
	began = cpuSeconds()
	var stats twins.Stats
	for i := range uint64(samples) {
		seed := *seedFlag + i
		rounds := 4 + int(seed%5)
		if *viewsFlag > 0 {
			rounds = *viewsFlag
		}
		s := twins.Draw(twins.DrawTwins(z.f, z.c, seed), rounds, seed)
		o := twins.Play(s, twins.Plant{}, nil)
		if stats.Count(o); o.Failed() {
			show(s, o)
		}
	}
	fmt.Printf("n=%d f=%d c=%d, samples from seed %d: %s\n", z.n, z.f, z.c, *seedFlag, line(stats, cpuSeconds()-began))
	all.Add(stats)
	return all
}

// show prints a failure, shrunk.
func show(s twins.Scenario, o twins.Outcome) {
	if *failsFlag--; *failsFlag < 0 {
		return
	}
	fmt.Printf("FAILED: %s\n  make twins REPLAY='%s'\n", o, s)
	small := twins.Shrink(s, twins.Plant{})
	fmt.Printf("  smaller: make twins REPLAY='%s'\n", small)
}

func line(s twins.Stats, seconds float64) string {
	return fmt.Sprintf("%d scenarios, %.0f scenarios/s per CPU second, unsafe %d, stuck %d (%d fast and %d slow commits, rest within %d ticks of healing, %.0f CPU s)",
		s.Scenarios, float64(s.Scenarios)/seconds, s.Unsafe, s.Stuck, s.Fast, s.Slow, s.Ticks, seconds)
}

// cpuSeconds is the time that all threads of this process have worked: what is
// measured must not depend on who else uses the machine.
func cpuSeconds() float64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return float64(u.Utime.Nano()+u.Stime.Nano()) / 1e9
}

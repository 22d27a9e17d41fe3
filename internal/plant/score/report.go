package main

import (
	"fmt"
	"slices"
	"time"
)

// report prints the table, what is wrong, and the line of figures.
func (s *score) report(wall time.Duration) bool {
	fmt.Println("| bug | room | breaks | seeds | killed by | CPU s |")
	fmt.Println("|---|---|---|---|---|---|")
	killed, inSim := 0, 0
	var times []time.Duration
	var total time.Duration
	for i, e := range s.entries {
		r := &s.results[i]
		budget := "–"
		if e.Kill.Seeds > 0 {
			budget = fmt.Sprint(e.Kill.Seeds)
		}
		if e.Kill.Seeds > 0 && e.Kill.Want != "" {
			budget += " with " + e.Kill.Want
		}
		fmt.Printf("| %s | %s | %s | %s | %s | %.1f |\n", e.Name, e.Room, e.Breaks, budget, r.by, r.cpu.Seconds())
		total += r.cpu
		if r.killed {
			killed++
			times = append(times, r.cpu)
		}
		if r.seed != 0 {
			inSim++
		}
	}
	for _, t := range s.trouble {
		fmt.Println("\n" + t)
	}
	for i, e := range s.entries {
		if !s.results[i].killed {
			fmt.Printf("\n%s survives: it breaks %s of %s and nothing notices\n", e.Name, e.Breaks, e.Room)
		}
	}
	fmt.Printf("\nmutants: %d planted, %d killed, %d of them in the simulator, time to kill p50 %.2f p95 %.2f s of CPU; %.0f s of CPU and %.0f s in all\n",
		len(s.entries), killed, inSim, quantile(times, 50).Seconds(), quantile(times, 95).Seconds(), total.Seconds(), wall.Seconds())
	return killed == len(s.entries) && len(s.trouble) == 0
}

// quantile gives the q-th percentile of times, 0 for none.
func quantile(times []time.Duration, q int) time.Duration {
	if len(times) == 0 {
		return 0
	}
	slices.Sort(times)
	return times[min(len(times)-1, len(times)*q/100)]
}

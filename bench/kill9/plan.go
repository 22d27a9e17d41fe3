package main

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"
)

// fault is what a cycle does to its victims.
type fault uint8

const (
	faultKill     fault = iota + 1 // kill -9, start again
	faultAll                       // kill -9 of all at once, start again
	faultStarting                  // kill -9, start, kill -9 while it starts, start again
	faultPause                     // SIGSTOP, SIGCONT
	faultStop                      // SIGTERM, start again
)

var faultNames = map[fault]string{faultKill: "kill -9", faultAll: "kill -9 all", faultStarting: "kill -9 twice", faultPause: "pause", faultStop: "stop"}

// kills reports whether the fault is a kill -9.
func (f fault) kills() bool { return f == faultKill || f == faultAll || f == faultStarting }

// plan is one cycle. Victims are counted from the primary on, since who that is
// shows only when the cycle comes: 0 is the primary, 1 the next in line.
type plan struct {
	fault   fault
	victims []int
	lead    time.Duration // of load before the fault
	away    time.Duration // between fault and mending; 0: mended at once
	early   time.Duration // of faultStarting: how long the first start lives
	gap     time.Duration // between the starts of two victims
	payer   int           // the client that dies too; −1: none
}

// Bounds of what is drawn.
const (
	leadMin, leadMax = 100 * time.Millisecond, 1500 * time.Millisecond
	awayMax          = 4 * time.Second
	pauseMin         = 100 * time.Millisecond
	pauseMax         = 8 * time.Second
	earlyMax         = 700 * time.Millisecond
	gapMax           = 2 * time.Second
)

// draw makes cycle number of a seed for n replicas of which f may be away. only
// is the fault if it is not 0.
func draw(seed, number uint64, n, f, payers int, only fault) plan {
	r := rand.New(rand.NewPCG(seed, number))
	p := plan{fault: drawFault(r), lead: span(r, leadMin, leadMax), payer: -1}
	if only != 0 {
		p.fault = only
	}
	switch p.fault {
	case faultPause:
		// Short pauses harm differently from long ones: the logarithm is uniform.
		p.away = pauseMin << r.IntN(6)
		p.away = min(p.away+span(r, 0, p.away), pauseMax)
	case faultStarting:
		p.early = span(r, 0, earlyMax)
		p.away = span(r, 0, awayMax)
	default:
		if r.IntN(3) > 0 {
			p.away = span(r, 0, awayMax)
		}
	}
	if p.fault == faultAll {
		for i := range n {
			p.victims = append(p.victims, i)
		}
	} else {
		p.victims = drawVictims(r, n, 1+r.IntN(f))
	}
	if len(p.victims) > 1 && r.IntN(2) == 0 {
		p.gap = span(r, 0, gapMax)
	}
	if r.IntN(8) == 0 {
		p.payer = r.IntN(payers)
	}
	return p
}

// drawFault weighs the faults: the kinds of kill -9 make three of four.
func drawFault(r *rand.Rand) fault {
	switch x := r.IntN(20); {
	case x < 9:
		return faultKill
	case x < 11:
		return faultAll
	case x < 15:
		return faultStarting
	case x < 18:
		return faultPause
	}
	return faultStop
}

// drawVictims takes count of n; the primary is among them in four of ten.
func drawVictims(r *rand.Rand, n, count int) []int {
	order := r.Perm(n - 1)
	for i := range order {
		order[i]++
	}
	if r.IntN(10) < 4 {
		order = slices.Insert(order, 0, 0)
	}
	victims := order[:count]
	slices.Sort(victims)
	return victims
}

// span draws from [low, high].
func span(r *rand.Rand, low, high time.Duration) time.Duration {
	return low + time.Duration(r.Int64N(int64(high-low)+1))
}

// String tells what the cycle will do, without the replicas' numbers.
func (p plan) String() string {
	var b strings.Builder
	b.WriteString(faultNames[p.fault])
	if p.fault != faultAll {
		for i, v := range p.victims {
			switch {
			case v == 0:
				b.WriteString(" the primary")
			case i == 0 || p.victims[0] == 0 && i == 1:
				fmt.Fprintf(&b, " backup +%d", v)
			default:
				fmt.Fprintf(&b, " +%d", v)
			}
		}
	}
	if p.fault == faultStarting {
		fmt.Fprintf(&b, ", again after %v", p.early.Round(time.Millisecond))
	}
	fmt.Fprintf(&b, ", away %v", p.away.Round(time.Millisecond))
	if p.gap > 0 {
		fmt.Fprintf(&b, ", back one after another with %v between", p.gap.Round(time.Millisecond))
	}
	if p.payer >= 0 {
		fmt.Fprintf(&b, ", client %d dies", p.payer)
	}
	return b.String()
}

package capacity

import (
	"errors"
	"fmt"
	"math"
	"slices"
)

// Tail is p99 over p50 at one load of the cores.
type Tail struct {
	Busy  float64 `json:"busy"` // share of the cores
	Times float64 `json:"times"`
}

// tailsMost bounds the points of a file.
const tailsMost = 64

func checkTails(tails []Tail) error {
	if len(tails) == 0 || len(tails) > tailsMost {
		return fmt.Errorf("%d tails: 1 to %d are needed", len(tails), tailsMost)
	}
	for i, t := range tails {
		switch {
		case bad(t.Busy, t.Times) || t.Times < 1:
			return fmt.Errorf("a tail of %v times with %v of the cores busy", t.Times, t.Busy)
		case i > 0 && (t.Busy <= tails[i-1].Busy || t.Times < tails[i-1].Times):
			return errors.New("tails are not in order, or get shorter on busier cores")
		}
	}
	return nil
}

// learnTails takes p99 over p50 from three kinds of loads, because they wait in three
// ways. With a fixed number of requests under way none can pile up, and the tail is
// short. Requests that come at a rate pile up while something stalls: a sync, a
// collection, a neighbour; the busier the cores, the longer it takes to catch up, in
// queues as ρ ÷ (1−ρ), so that one factor for all loads is too long for idle hosts and
// too short for busy ones. Where they wait for slots anyway p50 has a part of it.
func (c *Calibration) learnTails() {
	var free []Tail
	var sum, n [2]float64 // waiting for slots, fixed number
	for i := range c.Loads {
		l := &c.Loads[i]
		if l.P50 <= 0 || l.Blocks == 0 {
			continue
		}
		kind := 1
		if l.Offered != 0 {
			if l.Requests < waiting*l.Blocks {
				free = append(free, Tail{math.Min(c.used(l)/l.coresLeft(c.Host.Cores), 1), math.Max(l.P99/l.P50, 1)})
				continue
			}
			kind = 0
		}
		sum[kind] += math.Log(l.P99 / l.P50)
		n[kind]++
	}
	m := &c.Model
	for kind, tail := range []*float64{&m.TailFull, &m.TailClosed} {
		if n[kind] > 0 {
			*tail = math.Max(math.Exp(sum[kind]/n[kind]), 1)
		}
	}
	if len(free) > 0 {
		m.Tails = risingTails(free)
	}
}

// waiting is how many requests a block holds where they wait for slots: some share a
// block by chance.
const waiting = 1.25

// risingTails puts tails in order and makes those one that get shorter on busier
// cores, or are for the same: that is noise, and their geometric mean has less of it
// (pool adjacent violators).
func risingTails(all []Tail) (out []Tail) {
	const apart = 0.01 // of the cores
	slices.SortFunc(all, func(a, b Tail) int {
		switch {
		case a.Busy < b.Busy:
			return -1
		case a.Busy > b.Busy:
			return 1
		}
		return 0
	})
	var weights []float64
	for _, t := range all {
		out, weights = append(out, t), append(weights, 1)
		for k := len(out) - 1; k > 0 && (out[k].Times < out[k-1].Times || out[k].Busy-out[k-1].Busy < apart); k-- {
			w, v := weights[k-1], weights[k]
			out[k-1] = Tail{(w*out[k-1].Busy + v*out[k].Busy) / (w + v), math.Exp((w*math.Log(out[k-1].Times) + v*math.Log(out[k].Times)) / (w + v))}
			weights[k-1] = w + v
			out, weights = out[:k], weights[:k]
		}
	}
	return out
}

// tailAt lies between the two nearest by their logarithms; beyond both ends it is the
// last that was measured.
func tailAt(tails []Tail, busy float64) float64 {
	x, y := make([]float64, len(tails)), make([]float64, len(tails))
	for i, t := range tails {
		x[i], y[i] = t.Busy, math.Log(t.Times)
	}
	return math.Exp(alongLines(x, y, math.Min(math.Max(busy, x[0]), x[len(x)-1])))
}

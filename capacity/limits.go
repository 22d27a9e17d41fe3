package capacity

import (
	"fmt"
	"math"
	"slices"
)

// highest is the rate that the tightest limit allows, and all limits in order.
func (c *Calibration) highest(q *Question) (float64, []Limit) {
	b := q.batching()
	full := *q
	s := state{block: b.most}
	if q.Outstanding > 0 {
		s.block = c.closedBlock(q, &b)
	}
	// The idle cost per second shrinks per payment as the rate grows: a few rounds
	// settle it.
	s.rate = 1e4
	for range 40 {
		c.demand(&full, &s)
		s.rate = (s.rate + c.Model.Busy*1e6*q.Cores/s.server) / 2
	}
	c.demand(&full, &s)
	where := "the busiest server"
	if q.Together {
		where = "the shared server, load generator included"
	}
	limits := []Limit{{"cores", s.rate, fmt.Sprintf("%.2f µs of CPU per payment on %s of %.3g cores, %.0f %% of which can be used", s.server, where, q.Cores, 100*c.Model.Busy)}}
	limits = append(limits, c.threadLimits(q, &b, &s)...)
	limits = append(limits, c.otherLimits(q, &b, &s)...)
	slices.SortStableFunc(limits, func(a, b Limit) int {
		switch {
		case a.Rate < b.Rate:
			return -1
		case a.Rate > b.Rate:
			return 1
		}
		return 0
	})
	return limits[0].Rate, limits
}

// threadLimits are those of stages that run on a fixed number of threads: more cores
// do not help them.
func (c *Calibration) threadLimits(q *Question, b *batching, s *state) (limits []Limit) {
	for _, d := range s.demands {
		threads := 1.0
		switch d.Stage {
		case Rest:
			continue // many threads
		case "crypto":
			threads = b.sign
		case "verify", "payers":
			threads = b.verify
		}
		if most := math.Max(d.Primary, d.Backup); most > 0 {
			limits = append(limits, Limit{"thread " + d.Stage, 1e6 * c.Model.Busy * math.Min(threads, q.Cores) / most,
				fmt.Sprintf("%.3f µs of CPU per payment on %.0f thread(s)", most, threads)})
		}
	}
	return limits
}

// groupBytes bounds what one sync of the journal makes durable (pipeline/journal.go).
const groupBytes = 12 << 20

// otherLimits are disk, link, window and what clients keep under way.
func (c *Calibration) otherLimits(q *Question, b *batching, s *state) (limits []Limit) {
	group := math.Min(groupBytes, b.slots*s.block*eventBytes)
	sync := c.sync(group).P50 / q.Disk
	if q.Together {
		sync *= float64(q.Replicas - q.Down)
	}
	limits = append(limits, Limit{"fsync groups", 1e6 * group / eventBytes / sync,
		fmt.Sprintf("groups of %.3g MiB take %.2g ms", group/(1<<20), sync/1e3)})
	per := mix{1 / float64(q.Events), 1 / s.block, 1 / math.Max(s.rate, 1)}
	if q.LinkBits > 0 && !q.Together {
		bytes := c.Model.Link.at(per) * float64(q.Replicas-1) / float64(c.Replicas-1)
		limits = append(limits, Limit{"links", q.LinkBits / 8 / math.Max(bytes, 1), fmt.Sprintf("the primary sends %.0f bytes per payment", bytes)})
	}
	way := c.path(q, s) // waiting for busy cores is not in it: that limit stands above
	limits = append(limits, Limit{"slots in flight", 1e6 * b.slots * s.block / (c.Model.Slot * way),
		fmt.Sprintf("%.0f slots of %.0f payments, %.3g ms each", b.slots, s.block, c.Model.Slot*way/1e3)})
	if q.Outstanding > 0 {
		limits = append(limits, Limit{"requests under way", 1e6 * float64(q.Outstanding*q.Events) / way,
			fmt.Sprintf("%d requests of %d payments, %.3g ms each", q.Outstanding, q.Events, way/1e3)})
	}
	return limits
}

package capacity

import (
	"math"
	"slices"

	"quorate/tuning"
)

// state is the model at one rate: the point at which block size, demand and slot
// time agree.
type state struct {
	rate, block, busy float64
	p50, p99          float64
	slot              float64 // µs from proposal to execution
	slots             float64 // in flight
	replicas, client  float64 // µs of CPU per payment
	server            float64 // µs of CPU per payment on the busiest server
	demands           []Demand
}

func (s *state) point() Point { return Point{s.rate, s.block, s.busy, s.p50, s.p99} }

// batching is how the profile forms blocks.
type batching struct {
	eager, slots float64
	most         float64 // payments per block at most
	sign, verify float64 // threads
}

func (q *Question) batching() batching {
	p, err := tuning.Named(q.Profile)
	if err != nil {
		p, _ = tuning.Named(tuning.Balanced) // a checked question names one that exists
	}
	e := float64(q.Events)
	requests := math.Min(math.Floor(float64(p.BatchEventsMax)/e), math.Floor(float64(p.BatchBytesMax)/(e*eventBytes+requestBytes)))
	requests = math.Min(math.Max(requests, 1), requestsOfBatch)
	cores := max(1, int(q.Cores))
	return batching{eager: math.Max(float64(p.BatchEagerSlots), 1), slots: float64(p.SlotsInFlightMax), most: requests * e,
		sign: float64(p.SignThreads(cores)), verify: float64(p.VerifyThreads(cores))}
}

// at finds the state at a rate by going round: a block size makes a demand, that a
// slot time, that a number of slots in flight, that a block size. Each round goes
// half of the way, which keeps it from swinging.
func (c *Calibration) at(q *Question, rate float64) state {
	s := state{rate: rate, block: float64(q.Events)}
	b := q.batching()
	closed := q.Outstanding > 0 && q.Rate == 0
	if closed {
		s.block = c.closedBlock(q, &b)
	}
	requests := rate / float64(q.Events) / 1e6 // per µs
	const rounds = 100
	for range rounds {
		c.demand(q, &s)
		way := c.slotAlone(q, &s)
		if s.slot == 0 {
			s.slot = way
		}
		// One request per block while slots are free; then as many slots as the
		// batcher opens eagerly, and what comes meanwhile in each; then full blocks.
		slots := requests * s.slot
		if !closed && slots <= b.eager {
			s.block = float64(q.Events)
		} else if full := rate / 1e6 * s.slot / b.most; full <= b.eager {
			slots = b.eager
			if !closed {
				s.block = math.Min(math.Max(rate/1e6*s.slot/b.eager, float64(q.Events)), b.most)
			}
		} else {
			slots = full
			s.block = b.most
		}
		before := s.slot
		s.slot = math.Sqrt(s.slot * math.Hypot(way, slots*c.slotWork(q, &s)))
		if !(s.slot < slotMost) {
			s.slot = slotMost
		}
		s.slots = slots
		if math.Abs(s.slot-before) < 1e-9*before {
			break
		}
	}
	c.demand(q, &s)
	c.latency(q, &b, &s)
	return s
}

// slotMost bounds a slot's time, µs: beyond ten minutes nothing is predicted but that
// the rate is too high.
const slotMost = 600e6

// closedBlock is the block size with a fixed number of requests under way: a part
// of them is in the slots in flight, the rest waits for a slot or is on its way.
func (c *Calibration) closedBlock(q *Question, b *batching) float64 {
	e := float64(q.Events)
	return math.Max(smoothMin(b.most, float64(q.Outstanding)*e/(1+b.eager/c.Model.Slot)), e)
}

// smoothMin is near the smaller of two: a bound that is met now and then costs
// something before it is always met.
func smoothMin(a, b float64) float64 {
	const sharp = 4
	return math.Pow(math.Pow(a, -sharp)+math.Pow(b, -sharp), -1.0/sharp)
}

// demand fills in what a payment costs at the state's rate and block size.
func (c *Calibration) demand(q *Question, s *state) {
	per := mix{1 / float64(q.Events), 1 / s.block, 1 / math.Max(s.rate, 1)}
	live := float64(q.Replicas - q.Down)
	s.demands, s.replicas, s.server = s.demands[:0], 0, 0
	primary, backup := 0.0, 0.0
	for i := range c.Model.Stages {
		at := c.scaled(&c.Model.Stages[i], q)
		d := Demand{Stage: at.Stage, Primary: at.Primary.at(per), Backup: at.Backup.at(per)}
		d.All = d.Primary + (live-1)*d.Backup
		primary, backup = primary+d.Primary, backup+d.Backup
		s.replicas += d.All
		s.demands = append(s.demands, d)
	}
	s.client = c.Model.Client.at(per)
	s.server = math.Max(primary, backup)
	if q.Together {
		s.server = s.replicas + s.client
	}
	s.busy = s.rate * s.server / (1e6 * q.Cores)
}

// scaled is a stage's cost in the cluster asked for: signature work by what it is at
// that size and path, other work per block by the messages that a replica sends and
// takes, and the primary's surplus by its number of links.
func (c *Calibration) scaled(s *StageCost, q *Question) StageCost {
	n, was := float64(q.Replicas), float64(c.Replicas)
	out := *s
	work := (n - 1) / n / ((was - 1) / was)
	if s.Stage == "crypto" {
		work = c.signing(q.Replicas, q.Down > 0) / c.signing(c.Replicas, false)
	}
	out.Primary.PerBlock *= work
	out.Backup.PerBlock *= work
	if surplus := s.Primary.PerPayment - s.Backup.PerPayment; s.Stage == Rest && surplus > 0 {
		out.Primary.PerPayment = s.Backup.PerPayment + surplus*(n-1)/(was-1)
	}
	return out
}

// signing is the signature work of an average replica on one block in a cluster of
// n, µs: by what was measured, in between and beyond along straight lines.
func (c *Calibration) signing(n int, slow bool) float64 {
	of := func(g *Group) float64 {
		sum := g.Each + g.Collector/float64(g.Replicas)
		if slow {
			sum += g.SlowEach + g.SlowCollector/float64(g.Replicas)
		}
		return sum
	}
	x, y := make([]float64, len(c.Groups)), make([]float64, len(c.Groups))
	for i := range c.Groups {
		x[i], y[i] = float64(c.Groups[i].Replicas), of(&c.Groups[i])
	}
	return alongLines(x, y, float64(n))
}

// alongLines interpolates, and goes on beyond both ends without becoming negative.
// Beyond the last point it does not fall: more voters or bytes are never cheaper, and
// the noise of two readings would end at nothing.
func alongLines(x, y []float64, at float64) float64 {
	if len(x) == 1 {
		return y[0]
	}
	i, _ := slices.BinarySearch(x, at)
	i = min(max(i, 1), len(x)-1)
	slope := (y[i] - y[i-1]) / (x[i] - x[i-1])
	if last := len(x) - 1; at > x[last] {
		return y[last] + math.Max(slope, 0)*(at-x[last])
	}
	return math.Max(y[i-1]+slope*(at-x[i-1]), 0)
}

// sync is a journal write of so many bytes by one writer alone.
func (c *Calibration) sync(bytes float64) Sync {
	x, p50, p99 := make([]float64, len(c.Syncs)), make([]float64, len(c.Syncs)), make([]float64, len(c.Syncs))
	for i, s := range c.Syncs {
		x[i], p50[i], p99[i] = float64(s.Bytes), s.P50, s.P99
	}
	bytes = math.Max(bytes, x[0])
	s := Sync{Bytes: int(bytes), P50: math.Max(alongLines(x, p50, bytes), 1)}
	s.P99 = math.Max(alongLines(x, p99, bytes), s.P50)
	return s
}

// slotWork is how long the cores of the busiest server work on one slot when they do
// nothing else, µs: with so many slots in flight, each waits for the others.
func (c *Calibration) slotWork(q *Question, s *state) float64 {
	cores := q.Cores - c.idle(q)
	return (s.server*s.block - 1e6*c.idle(q)*s.block/math.Max(s.rate, 1)) / math.Max(cores, 0.05*q.Cores)
}

// idle is what the busiest server uses without load, cores.
func (c *Calibration) idle(q *Question) float64 {
	primary, backup := 0.0, 0.0
	for i := range c.Model.Stages {
		primary += c.Model.Stages[i].Primary.PerSecond / 1e6
		backup += c.Model.Stages[i].Backup.PerSecond / 1e6
	}
	if q.Together {
		return primary + float64(q.Replicas-q.Down-1)*backup
	}
	return math.Max(primary, backup)
}

// slotAlone is how long a slot takes when no other is in flight, µs.
func (c *Calibration) slotAlone(q *Question, s *state) float64 { return c.Model.Slot * c.path(q, s) }

// path is the whole way of a block from its proposal to the answer, alone, µs: the
// part of the work that happens one after another, two syncs, and the ways between
// servers.
func (c *Calibration) path(q *Question, s *state) float64 {
	work := 0.0
	for i, d := range s.demands {
		work += d.Primary + d.Backup - (c.Model.Stages[i].Primary.PerSecond+c.Model.Stages[i].Backup.PerSecond)/math.Max(s.rate, 1)
	}
	crowd := 1.0
	if q.Together {
		crowd = math.Max(float64(q.Replicas-q.Down-1)/q.Cores, 1)
	}
	bytes := s.block * eventBytes
	sync := c.sync(bytes).P50
	if q.Together { // replicas that share a disk and its cores hold each other up
		sync = math.Max(c.Model.SyncBase+c.Model.SyncByte*bytes, sync)
	}
	const syncs, trips = 2, 3 // primary's and backup's votes; request, proposal, share, proof, share of the result, answer
	return c.Model.Path*work*s.block*crowd + syncs*sync/q.Disk + trips*q.RoundTrip
}

// latency fills in p50 and p99. With a fixed number of requests under way it is
// what Little's law leaves.
func (c *Calibration) latency(q *Question, b *batching, s *state) {
	wait, tail := 0.0, tailAt(c.Model.Tails, s.busy)
	if s.slots >= b.eager { // a request waits for half of the time between two slots
		wait, tail = s.slot/s.slots/2, c.Model.TailFull
	}
	s.p50 = wait + s.slot/c.Model.Slot
	if q.Outstanding > 0 && q.Rate == 0 {
		tail = c.Model.TailClosed
		s.p50 = 1e6 * float64(q.Outstanding*q.Events) / math.Max(s.rate, 1)
	}
	s.p99 = s.p50 * tail
	if q.Down > 0 {
		p, _ := tuning.Named(q.Profile)
		late := float64(p.FastPathWaitTicks*p.TickMicros) / 2
		s.p50, s.p99 = s.p50+late, s.p99+late
	}
}

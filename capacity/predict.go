package capacity

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"quorate/tuning"
)

// ErrQuestion says that a question makes no sense.
var ErrQuestion = errors.New("capacity: question refused")

// Bytes of a transfer on the wire and of a request and a batch around it, and
// what the wire format bounds. They are wire's; a test of cmd/replica compares them.
const (
	eventBytes      = 128
	requestBytes    = 120
	EventsOfRequest = 8189 // most payments of one request
	requestsOfBatch = 8192
)

// Question is what is asked of a calibration.
type Question struct {
	Profile     string  `json:"profile"`
	Replicas    int     `json:"replicas"`
	Down        int     `json:"down"`   // backups that are down: the slow path
	Events      int     `json:"events"` // payments per request
	Rate        float64 `json:"rate"`   // payments per second; 0: the highest
	Outstanding int     `json:"outstanding"`
	Cores       float64 `json:"cores"`      // of a server
	Together    bool    `json:"together"`   // all replicas and the load generator share one server
	LinkBits    float64 `json:"link_bits"`  // of a server, per second; 0: no limit
	RoundTrip   float64 `json:"round_trip"` // between servers, µs
	Disk        float64 `json:"disk"`       // times as fast as the one calibrated
}

// limits of a question.
const (
	replicasMost = 1000
	coresMost    = 4096
)

func (q *Question) check() error {
	switch {
	case q.Replicas < 4 || q.Replicas > replicasMost || (q.Replicas-1)%3 != 0:
		return fmt.Errorf("%w: %d replicas: choose 3f+1: 4, 7, 10, …", ErrQuestion, q.Replicas)
	case q.Down < 0 || q.Down > (q.Replicas-1)/3:
		return fmt.Errorf("%w: %d replicas down of %d: at most %d may be", ErrQuestion, q.Down, q.Replicas, (q.Replicas-1)/3)
	case q.Events < 1 || q.Events > EventsOfRequest:
		return fmt.Errorf("%w: %d payments per request: choose 1 to %d", ErrQuestion, q.Events, EventsOfRequest)
	case bad(q.Rate, q.LinkBits, q.RoundTrip) || q.Rate > rateMost || q.Outstanding < 0 || q.Outstanding > 1e6:
		return fmt.Errorf("%w: rate %v, %d requests under way, link %v, round trip %v", ErrQuestion, q.Rate, q.Outstanding, q.LinkBits, q.RoundTrip)
	case bad(q.Cores, q.Disk) || q.Cores < 0.1 || q.Cores > coresMost || q.Disk < 0.001:
		return fmt.Errorf("%w: %v cores, a disk %v times as fast: choose 0.1 to %d cores and a disk above 0.001", ErrQuestion, q.Cores, q.Disk, coresMost)
	}
	_, err := tuning.Named(q.Profile)
	return err
}

// Demand is the CPU that one payment costs in one stage, µs.
type Demand struct {
	Stage   string  `json:"stage"`
	Primary float64 `json:"primary_micros"`
	Backup  float64 `json:"backup_micros"`
	All     float64 `json:"all_micros"` // of all replicas that are up
}

// Limit is one bound on the rate.
type Limit struct {
	Name string  `json:"name"`
	Rate float64 `json:"rate"` // payments per second
	Why  string  `json:"why"`
}

// Point is the model at one rate.
type Point struct {
	Rate  float64 `json:"rate"`
	Block float64 `json:"block"` // payments per block
	Busy  float64 `json:"busy"`  // share of a server's cores
	P50   float64 `json:"p50_micros"`
	P99   float64 `json:"p99_micros"`
}

// Step is what a change buys.
type Step struct {
	Change  string  `json:"change"`
	Highest float64 `json:"highest"`
	P99     float64 `json:"p99_micros"` // at the same rate as before the change
}

// Prediction answers a question.
type Prediction struct {
	Question Question `json:"question"`
	Highest  float64  `json:"highest"`         // payments per second
	Limits   []Limit  `json:"limits"`          // the tightest first
	At       Point    `json:"at"`              // at the rate asked, or the highest
	Points   []Point  `json:"points"`          // at parts of the highest
	Demands  []Demand `json:"demands"`         // at At
	Replicas float64  `json:"replicas_micros"` // CPU of all replicas per payment: the sum of Demands but the client (C1)
	Client   float64  `json:"client_micros"`
	Steps    []Step   `json:"steps"`
	DiskDay  float64  `json:"disk_bytes_per_day"`   // of one replica
	IndexDay float64  `json:"memory_bytes_per_day"` // of one replica: what the index of payments grows by
	Notes    []string `json:"notes"`
}

// indexBytes is what a replica's index keeps in memory per payment (payments/index.go).
const indexBytes = 13

const secondsPerDay = 86_400

// Predict answers a question.
func (c *Calibration) Predict(q Question) (*Prediction, error) {
	if err := q.check(); err != nil {
		return nil, err
	}
	p := &Prediction{Question: q}
	p.Highest, p.Limits = c.highest(&q)
	rate := q.Rate
	if rate == 0 {
		rate = p.Highest
	}
	s := c.at(&q, rate)
	p.At = s.point()
	p.Demands, p.Replicas, p.Client = s.demands, s.replicas, s.client
	for _, part := range []float64{0.1, 0.5, 0.7, 0.9} {
		one := q
		one.Rate, one.Outstanding = part*p.Highest, 0
		at := c.at(&one, one.Rate)
		p.Points = append(p.Points, at.point())
	}
	p.Steps = c.steps(&q, rate)
	per := mix{1 / float64(q.Events), 1 / s.block, 0}
	p.DiskDay = secondsPerDay * rate * c.Model.Ledger.at(per)
	p.IndexDay = secondsPerDay * rate * indexBytes
	p.Notes = c.notes(&q, p)
	return p, nil
}

// notes says what a reader must know of this answer.
func (c *Calibration) notes(q *Question, p *Prediction) (notes []string) {
	note := func(format string, args ...any) { notes = append(notes, fmt.Sprintf(format, args...)) }
	if q.Rate > p.Highest {
		note("the rate asked is above the highest: queues grow and requests are refused")
	}
	if q.Replicas != c.Replicas {
		note("measured with %d replicas; signatures and messages are scaled to %d and were not verified there", c.Replicas, q.Replicas)
	}
	if !q.Together {
		note("measured with all replicas on one host; a server of its own per replica was not verified")
	}
	if q.Cores != float64(c.Host.Cores) {
		note("measured on %d cores", c.Host.Cores)
	}
	if q.Profile != c.Profile {
		note("measured with profile %s; of %s the batch settings are taken, its memory settings are not modelled", c.Profile, q.Profile)
	}
	if c.Model.Residual > 0.15 {
		note("the fit misses a load of the calibration by %.0f %%: it was made on a busy host, make it again on a quiet one", 100*c.Model.Residual)
	}
	return notes
}

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
func alongLines(x, y []float64, at float64) float64 {
	if len(x) == 1 {
		return y[0]
	}
	i, _ := slices.BinarySearch(x, at)
	i = min(max(i, 1), len(x)-1)
	slope := (y[i] - y[i-1]) / (x[i] - x[i-1])
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
	wait, tail := 0.0, c.Model.Tail
	if s.slots >= b.eager { // a request waits for half of the time between two slots
		wait, tail = s.slot/s.slots/2, c.Model.TailFull
	}
	s.p50 = wait + s.slot/c.Model.Slot
	if q.Outstanding > 0 && q.Rate == 0 {
		s.p50 = 1e6 * float64(q.Outstanding*q.Events) / math.Max(s.rate, 1)
	}
	s.p99 = s.p50 * tail
	if q.Down > 0 {
		p, _ := tuning.Named(q.Profile)
		late := float64(p.FastPathWaitTicks*p.TickMicros) / 2
		s.p50, s.p99 = s.p50+late, s.p99+late
	}
}

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

// steps says what the usual changes buy.
func (c *Calibration) steps(q *Question, rate float64) (steps []Step) {
	change := func(what string, do func(*Question)) {
		one := *q
		do(&one)
		highest, _ := c.highest(&one)
		one.Rate, one.Outstanding = rate, 0
		s := c.at(&one, rate)
		steps = append(steps, Step{what, highest, s.p99})
	}
	change("one more core per server", func(o *Question) { o.Cores++ })
	if q.Events < EventsOfRequest {
		change("twice as many payments per request", func(o *Question) { o.Events = min(2*o.Events, EventsOfRequest) })
	}
	if q.Profile != tuning.Throughput {
		change("profile "+tuning.Throughput, func(o *Question) { o.Profile = tuning.Throughput })
	}
	change("a disk twice as fast", func(o *Question) { o.Disk *= 2 })
	return steps
}

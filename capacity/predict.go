package capacity

import (
	"errors"
	"fmt"

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
	for i := range c.Loads {
		if l := &c.Loads[i]; l.Swing() > SwingMost {
			note("the host's speed changed by %.0f %% around a load of the calibration (%s): make it again when the host is quiet", 100*l.Swing(), l.Name)
		}
	}
	if c.Model.Residual > 0.15 {
		note("the fit misses a load of the calibration by %.0f %%: it was made on a busy host, make it again on a quiet one", 100*c.Model.Residual)
	}
	return notes
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

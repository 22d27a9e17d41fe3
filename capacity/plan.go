package capacity

import (
	"errors"
	"fmt"
	"math"

	"quorate/tuning"
)

// ErrPlan says that no servers within the model's reach carry the goal.
var ErrPlan = errors.New("capacity: no plan")

// Goal is what an operator wants carried.
type Goal struct {
	Target     float64     `json:"target"`  // payments per second, the peak of the day
	Average    float64     `json:"average"` // of the whole day; what disk and memory grow by
	Growth     float64     `json:"growth"`  // factor per month
	Months     int         `json:"months"`  // for which the servers are to do
	Objectives []Objective `json:"objectives"`
	Share      float64     `json:"share"`        // of the highest rate that is planned with
	Question   Question    `json:"question"`     // replicas, payments per request, link, round trip, disk; Cores 0: choose
	Profiles   []string    `json:"profiles"`     // to choose from, the first that does
	Disk       float64     `json:"disk_bytes"`   // of a server; 0: say what is needed
	Memory     float64     `json:"memory_bytes"` // of a server; 0: say what is needed
}

// monthsMost bounds a plan: growth further away is a guess of another kind.
const monthsMost = 120

func (g *Goal) check() error {
	switch {
	case bad(g.Target, g.Average, g.Growth, g.Share, g.Disk, g.Memory) || g.Target < 1 || g.Target > rateMost:
		return fmt.Errorf("%w: target %v payments/s", ErrQuestion, g.Target)
	case g.Average <= 0 || g.Average > g.Target:
		return fmt.Errorf("%w: an average of %v/s with a peak of %v/s", ErrQuestion, g.Average, g.Target)
	case g.Growth < 1 || g.Growth > growthMost || g.Months < 1 || g.Months > monthsMost:
		return fmt.Errorf("%w: growth by %v a month for %d months: 1 to %d months", ErrQuestion, g.Growth, g.Months, monthsMost)
	case g.Share < 0.1 || g.Share > 0.9:
		return fmt.Errorf("%w: planning with %v of the highest rate: choose 0.1 to 0.9", ErrQuestion, g.Share)
	case len(g.Profiles) == 0:
		return fmt.Errorf("%w: no profile to choose from", ErrQuestion)
	}
	return nil
}

// Plan is what carries a goal.
type Plan struct {
	Goal         Goal       `json:"goal"`
	Servers      int        `json:"servers"`
	Cores        float64    `json:"cores"` // of each
	Profile      string     `json:"profile"`
	Batch        int        `json:"batch"` // payments per request
	Prediction   Prediction `json:"prediction"`
	Usable       float64    `json:"usable"`                 // payments per second that it may carry
	UsableBy     string     `json:"usable_by"`              // what bounds that
	OneDown      float64    `json:"one_down"`               // highest rate with one replica down, by the slow path
	CostHalf     float64    `json:"half_target_micros"`     // CPU of all replicas per payment at half the target
	LaterPeak    float64    `json:"later_peak"`             // the target after the planned months
	Headroom     float64    `json:"headroom_months"`        // until the target is past usable; -1: never
	LinkBits     float64    `json:"link_bits"`              // of the primary at usable
	DiskMonth    float64    `json:"disk_bytes_first_month"` // of one replica
	DiskNeeded   float64    `json:"disk_bytes_needed"`      // for the planned months
	DiskFull     float64    `json:"disk_full_months"`       // with the disk given; -1: not within ten years, -2: none given, 0: it is too small from the start
	MemoryMonth  float64    `json:"memory_bytes_first_month"`
	MemoryNeeded float64    `json:"memory_bytes_needed"`
	MemoryFull   float64    `json:"memory_full_months"`
	EventsFull   float64    `json:"ordinals_full_months"` // until a ledger has its last event
	Notes        []string   `json:"notes"`

	journal float64 // bytes of the vote journal at most
}

// Never is how a plan says that something does not come within ten years.
const Never = -1

// NotGiven is how a plan says that it was not asked when something is full.
const NotGiven = -2

// Sizes of what a replica needs beside its ledger and index, bytes: measured with a
// million accounts (docs/PERFORMANCE.md), and a journal of its most segments.
const (
	memoryBase   = 1.5e9
	journalMost  = 64
	daysPerMonth = 30.44
	// ordinals is how many events a ledger numbers (payments/index.go).
	ordinals = 1 << 40
)

// coreSizes are the servers that a plan chooses from.
var coreSizes = []float64{2, 4, 8, 16, 32, 64}

// Plan finds the smallest servers that carry the goal for its months, with a share of
// the highest rate, with one replica down, and within the objectives.
func (c *Calibration) Plan(g Goal) (*Plan, error) {
	if err := g.check(); err != nil {
		return nil, err
	}
	sizes := coreSizes
	if g.Question.Cores != 0 {
		sizes = []float64{g.Question.Cores}
	}
	later := g.Target * math.Pow(g.Growth, float64(g.Months))
	var nearest *Plan
	for _, cores := range sizes {
		for _, profile := range g.Profiles {
			q := g.Question
			q.Cores, q.Profile, q.Rate, q.Outstanding, q.Down = cores, profile, g.Target, 0, 0
			p, err := c.plan(&g, q)
			if err != nil {
				return nil, err
			}
			if p.Usable >= later {
				return c.finish(p)
			}
			if nearest == nil || p.Usable > nearest.Usable {
				nearest = p
			}
		}
	}
	if nearest.Usable >= g.Target {
		nearest.Notes = append(nearest.Notes, fmt.Sprintf("no servers asked for carry %.0f/s, which the target grows to in %d months", later, g.Months))
		return c.finish(nearest)
	}
	return nil, fmt.Errorf("%w: at most %.0f payments/s of %.0f with %v cores and %d payments per request, bound by %s: "+
		"raise --batch, --cores or the link, loosen the objective, or split the ledger over two clusters",
		ErrPlan, nearest.Usable, g.Target, nearest.Cores, nearest.Batch, nearest.UsableBy)
}

// plan is the plan for one kind of server.
func (c *Calibration) plan(g *Goal, q Question) (*Plan, error) {
	prediction, err := c.Predict(q)
	if err != nil {
		return nil, err
	}
	down := q
	down.Down = 1
	p := &Plan{Goal: *g, Servers: q.Replicas, Cores: q.Cores, Profile: q.Profile, Batch: q.Events, Prediction: *prediction}
	p.OneDown, _ = c.highest(&down)
	p.Usable, p.UsableBy = g.Share*prediction.Highest, fmt.Sprintf("%.0f %% of the highest rate (%s)", 100*g.Share, prediction.Limits[0].Name)
	if p.OneDown < p.Usable {
		p.Usable, p.UsableBy = p.OneDown, "the rate with one replica down"
	}
	if within := c.within(&q, g.Objectives, p.Usable); within < p.Usable {
		p.Usable, p.UsableBy = within, "the objective"
	}
	return p, nil
}

// within is the highest rate up to most at which all objectives hold; 0 if none.
func (c *Calibration) within(q *Question, objectives []Objective, most float64) float64 {
	holds := func(rate float64) bool {
		s := c.at(q, rate)
		for _, o := range objectives {
			if o.Quantile == "p50" && s.p50 >= o.Micros || o.Quantile == "p99" && s.p99 >= o.Micros {
				return false
			}
		}
		return true
	}
	if holds(most) {
		return most
	}
	low, high := 0.0, most
	for range 40 {
		if mid := (low + high) / 2; mid >= 1 && holds(mid) {
			low = mid
		} else {
			high = mid
		}
	}
	return low
}

// finish fills in what grows.
func (c *Calibration) finish(p *Plan) (*Plan, error) {
	g := &p.Goal
	p.LaterPeak = g.Target * math.Pow(g.Growth, float64(g.Months))
	p.Headroom = monthsUntil(p.Usable/g.Target, g.Growth)
	s := c.at(&p.Prediction.Question, g.Target)
	half := p.Prediction.Question
	half.Rate = math.Max(g.Target/2, 1)
	low := c.at(&half, half.Rate)
	p.CostHalf = math.Max(low.replicas, p.Prediction.Replicas)
	per := mix{1 / float64(p.Batch), 1 / s.block, 0}
	links := float64(p.Servers-1) / c.backups()
	p.LinkBits = 8 * p.Usable * links * c.Model.Link.at(per)
	profile, err := tuning.Named(p.Profile)
	if err != nil {
		return nil, err
	}
	month := g.Average * secondsPerDay * daysPerMonth
	bytes := c.Model.Ledger.at(per)
	p.journal = float64(journalMost * profile.JournalSegmentBytes)
	p.DiskMonth, p.MemoryMonth = month*bytes, month*indexBytes
	grown := grownMonths(g.Growth, float64(g.Months))
	p.DiskNeeded, p.MemoryNeeded = p.DiskMonth*grown+p.journal, p.MemoryMonth*grown+memoryBase
	p.DiskFull = monthsToFill(g.Disk-p.journal, p.DiskMonth, g.Growth, g.Disk > 0)
	p.MemoryFull = monthsToFill(g.Memory-memoryBase, p.MemoryMonth, g.Growth, g.Memory > 0)
	p.EventsFull = monthsToFill(ordinals, month, g.Growth, true)
	p.note()
	return p, nil
}

func (p *Plan) note() {
	note := func(format string, args ...any) { p.Notes = append(p.Notes, fmt.Sprintf(format, args...)) }
	g := &p.Goal
	if p.Headroom != Never && p.Headroom < 3 {
		note("%.1f months of headroom: order the next servers now", p.Headroom)
	}
	if g.Memory > 0 && p.MemoryFull != Never && p.MemoryFull < float64(g.Months) || g.Memory == 0 && p.MemoryNeeded > 256e9 {
		note("the index of payments lives in memory, %d bytes each, and nothing is evicted: memory, not CPU, ends this plan; a second cluster with a ledger of its own takes over then", indexBytes)
	}
	if p.MemoryFull == 0 {
		note("the memory given holds less than a replica without payments needs, %.3g GB: choose more", memoryBase/1e9)
	}
	if p.DiskFull == 0 {
		note("the disk given holds less than the vote journal, %.3g GB: choose a larger one", p.journal/1e9)
	} else if g.Disk > 0 && p.DiskFull != Never && p.DiskFull < float64(g.Months) {
		note("the disk given is full in %.1f months of %d planned: order larger disks, nothing is deleted", p.DiskFull, g.Months)
	}
	if p.EventsFull != Never && p.EventsFull < float64(g.Months) {
		note("a ledger numbers 2^40 events: this one is full in %.1f months", p.EventsFull)
	}
	p.Notes = append(p.Notes, p.Prediction.Notes...)
}

// monthsUntil is when a growth reaches a factor; 0 if it is there already.
func monthsUntil(factor, growth float64) float64 {
	switch {
	case factor <= 1:
		return 0
	case growth <= 1:
		return Never
	}
	return math.Log(factor) / math.Log(growth)
}

// grownMonths is how many first months' worth come in so many months.
func grownMonths(growth, months float64) float64 {
	if growth == 1 {
		return months
	}
	return (math.Pow(growth, months) - 1) / (growth - 1)
}

// monthsToFill is when a growing flow has filled a room: 0 if there is none left,
// NotGiven without one.
func monthsToFill(room, firstMonth, growth float64, given bool) float64 {
	switch {
	case !given:
		return NotGiven
	case room <= 0:
		return 0
	case firstMonth <= 0:
		return Never
	}
	months := room / firstMonth
	if growth > 1 {
		months = math.Log(1+months*(growth-1)) / math.Log(growth)
	}
	if months > monthsMost {
		return Never
	}
	return months
}

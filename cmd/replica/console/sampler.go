package console

import (
	"log/slog"
	"time"

	"quorate/pipeline"
	"quorate/wire"
)

// sampleEvery is how often a replica is looked at, whoever watches; samplesMax
// looks are kept: five minutes in 300 × 80 bytes.
const (
	sampleEvery = time.Second
	samplesMax  = 300
)

// silentAfter is how long after its last word a replica counts as silent. It is
// asked each second.
const silentAfter = 5 * time.Second

// sample is one second of a replica. Durations are in milliseconds, rates per
// second; a quantile without observations is null.
type sample struct {
	At       int64    `json:"at"`      // milliseconds since 1970 UTC
	Events   float64  `json:"events"`  // executed, per second
	Blocks   float64  `json:"blocks"`  // executed, per second
	Replies  float64  `json:"replies"` // to this replica's clients, per second
	Refused  float64  `json:"refused"` // requests, per second
	P50      *float64 `json:"p50"`     // of requests, from arrival here to certified reply
	P99      *float64 `json:"p99"`
	Sync     *float64 `json:"sync"`      // p99 of the journal's syncs
	Fast     *float64 `json:"fast"`      // share of the commits on the fast path
	InFlight int      `json:"in_flight"` // slots
}

// stageNow is a stage as of the last sample.
type stageNow struct {
	Name    string  `json:"name"`
	Workers int     `json:"workers"`
	Waiting int     `json:"waiting"`
	Bound   int     `json:"bound"` // 0: it has no ring
	CPU     float64 `json:"cpu"`   // cores used in the last second
	Busy    float64 `json:"busy"`  // workers busy, likewise
	Steps   float64 `json:"steps"` // per second
}

// standing is what a replica says of itself, and when it said so.
type standing struct {
	status *wire.NodeStatus // nil: not heard of yet
	at     time.Time        // of it, or of the start
	silent bool             // was noted
}

// reading is what the next sample subtracts from.
type reading struct {
	at       time.Time
	progress pipeline.Progress
	stages   map[string]pipeline.StageStats
	self     *wire.NodeStatus
	ready    bool
}

// sample looks at the replica and asks the others.
func (c *Console) sample() {
	now, src := c.cfg.Now(), c.cfg.Source
	p, self := src.Progress(), src.Status()
	stages := src.StageStats()
	for _, more := range c.cfg.More {
		stages = append(stages, more())
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if span := now.Sub(c.last.at).Seconds(); c.last.ready && span > 0 {
		c.keep(sampleOf(now, span, &p, &c.last.progress))
		c.stages = stagesOf(stages, c.last.stages, span)
	} else if !c.last.ready {
		c.stages = stagesOf(stages, nil, 1)
	}
	if c.last.ready && self.Stable > c.last.self.Stable {
		c.cfg.Recent.note(slog.LevelInfo, "checkpoint stable", slog.Uint64("seq", uint64(self.Stable)))
	}
	asked := c.last
	if !asked.ready {
		asked.at, asked.self = now, self
	}
	c.last = reading{at: now, progress: p, stages: map[string]pipeline.StageStats{}, self: self, ready: true}
	for _, s := range stages {
		c.last.stages[s.Name] = s
	}
	// The others' answers are as old as the question: so is this replica's own row,
	// or all of them would seem to lag.
	c.hear(now, asked.self, asked.at)
	src.AskStandings()
}

// keep adds a sample, in place of the oldest when there are enough.
func (c *Console) keep(s sample) {
	if len(c.samples) >= samplesMax {
		c.samples = append(c.samples[:0], c.samples[1:]...)
	}
	c.samples = append(c.samples, s)
}

// hear takes what the others answered since the last look, and notes who fell
// silent and who is back.
func (c *Console) hear(now time.Time, self *wire.NodeStatus, asked time.Time) {
	c.cfg.Source.TakeStandings(func(s *wire.NodeStatus) {
		if at := &c.standings[s.Replica]; s.Replica != c.cfg.Self {
			at.status, at.at = s, now
		}
	})
	c.standings[c.cfg.Self] = standing{status: self, at: asked}
	for id := range c.standings {
		s := &c.standings[id]
		silent := now.Sub(s.at) > silentAfter
		if silent == s.silent {
			continue
		}
		s.silent = silent
		who := slog.Int("peer", id)
		if silent {
			c.cfg.Recent.note(slog.LevelWarn, "replica does not answer", who)
		} else {
			c.cfg.Recent.note(slog.LevelInfo, "replica answers again", who)
		}
	}
}

// sampleOf is what happened in span seconds.
func sampleOf(now time.Time, span float64, p, old *pipeline.Progress) sample {
	s := sample{At: now.UnixMilli(), Events: float64(p.Events-old.Events) / span, Blocks: float64(p.Blocks-old.Blocks) / span,
		Replies: float64(p.Replies-old.Replies) / span, Refused: float64(p.Refused-old.Refused) / span, InFlight: p.InFlight}
	reply, sync := p.Reply.Since(&old.Reply), p.Sync.Since(&old.Sync)
	s.P50, s.P99, s.Sync = millis(&reply, 0.5), millis(&reply, 0.99), millis(&sync, 0.99)
	fast, slow := p.Fast-old.Fast, p.Slow-old.Slow
	if fast+slow > 0 {
		share := float64(fast) / float64(fast+slow)
		s.Fast = &share
	}
	return s
}

// millis is a quantile in milliseconds, nil without observations.
func millis(d *pipeline.Durations, q float64) *float64 {
	if d.Count() == 0 {
		return nil
	}
	v := float64(d.Quantile(q)) / 1e6
	return &v
}

// stagesOf is what each stage did in span seconds since old.
func stagesOf(stages []pipeline.StageStats, old map[string]pipeline.StageStats, span float64) []stageNow {
	out := make([]stageNow, 0, len(stages))
	for _, s := range stages {
		was, known := old[s.Name]
		if !known {
			was = s // no rate without two readings
		}
		out = append(out, stageNow{Name: s.Name, Workers: s.Workers, Waiting: s.Waiting, Bound: s.Bound,
			CPU: (s.CPUSeconds - was.CPUSeconds) / span, Busy: (s.BusySeconds - was.BusySeconds) / span, Steps: float64(s.Steps-was.Steps) / span})
	}
	return out
}

package pipeline

import (
	"context"
	"runtime/pprof"
	"sync"
	"time"

	"quorate/consensus"
	"quorate/internal/meter"
)

// Stage is one step object and what wakes it.
type Stage struct {
	Name  string
	Step  func() bool
	wake  waker
	meter *meter.Meter
	took  *histogram // each step that found work
}

// stageCount is the number of stages of a replica.
const stageCount = 8

// Stages lists the replica's stages. Run steps them on goroutines of their own;
// a simulator steps them itself, in any order.
func (r *Replica) Stages() []Stage {
	stages := []Stage{
		{Name: "verify", Step: r.verify.Step, wake: r.verify.requests.to},
		{Name: "crypto", Step: r.crypto.Step, wake: r.crypto.urgent.to},
		{Name: "order", Step: r.order.Step, wake: r.order.events.to},
		{Name: "journal", Step: r.journal.Step, wake: r.journal.items.to},
		{Name: "execute", Step: r.execute.Step, wake: r.execute.items.to},
		{Name: "commit", Step: r.commit.Step, wake: r.commit.items.to},
		{Name: "serve", Step: r.serve.Step, wake: r.serve.items.to},
		{Name: "payers", Step: r.payers.Step, wake: r.payers.parts.to},
	}
	for i := range stages {
		stages[i].meter, stages[i].took = &r.meters[i], &r.took[i]
	}
	return stages
}

// workers is the number of goroutines that step a stage.
func (r *Replica) workers(stage string) int {
	switch stage {
	case "verify", "payers":
		return max(1, r.cfg.VerifyWorkers)
	case "crypto":
		return max(1, r.cfg.SignWorkers)
	default:
		return 1
	}
}

// StageStats is what one stage has done since the start, and what waits for it.
type StageStats struct {
	Name    string
	Workers int // goroutines that step it

	CPUSeconds  float64 // of the threads that stepped it; 0 where the system has no such clock
	BusySeconds float64 // of the wall clock, added up over the workers: waits for a disk or a processor included
	Steps       uint64  // steps that found something to do

	Waiting, Bound int // items in its rings, and how many they take (L4)
}

// StageStats tells of every stage, in the order of Stages. A simulator steps the
// stages without measuring: there all but the queues is 0. It may be called from
// any thread.
func (r *Replica) StageStats() []StageStats {
	stages := r.Stages()
	out := make([]StageStats, len(stages))
	at := make(map[string]*StageStats, len(stages))
	for i, s := range stages {
		m := s.meter.Read()
		out[i] = StageStats{Name: s.Name, Workers: r.workers(s.Name),
			CPUSeconds: m.CPU.Seconds(), BusySeconds: m.Busy.Seconds(), Steps: m.Steps}
		at[s.Name] = &out[i]
	}
	r.Queues(func(ring string, waiting, bound int) {
		s := at[stageOf(ring)]
		s.Waiting += waiting
		s.Bound += bound
	})
	return out
}

// stageOf names the stage that a ring of Queues leads to.
func stageOf(ring string) string {
	switch ring {
	case "urgent", "checks", "patient":
		return "crypto"
	case "events", "requests", "executed":
		return "order"
	case "repeats", "asks":
		return "execute"
	default:
		return ring
	}
}

// Run lends each stage its goroutines until ctx ends or the replica fails. It
// gives the failure, or nil.
func (r *Replica) Run(ctx context.Context) error { return r.lend(ctx, r.Stages()) }

// lend gives stages their goroutines until ctx ends or one of them fails.
func (r *Replica) lend(ctx context.Context, stages []Stage) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var wg sync.WaitGroup
	for _, s := range stages {
		for i := range r.workers(s.Name) {
			wg.Add(1)
			go func() {
				defer wg.Done()
				if r.cfg.Place != nil {
					r.cfg.Place(s.Name, i)
				}
				// CPU profiles say which stage a sample belongs to.
				pprof.Do(ctx, pprof.Labels("stage", s.Name), func(ctx context.Context) { s.run(ctx, r.failed) })
			}()
		}
	}
	wg.Add(1)
	go func() {
		defer wg.Done()
		r.clock(ctx)
	}()
	select {
	case <-ctx.Done():
	case <-r.failed:
	}
	r.stopping.Store(true)
	cancel()
	wg.Wait()
	return r.Err()
}

// run steps a stage until it has nothing to do, then waits to be woken.
func (s Stage) run(ctx context.Context, failed <-chan struct{}) {
	for s.drain(ctx, failed) {
		select {
		case <-ctx.Done():
			return
		case <-failed:
			return
		case <-s.wake:
		}
	}
}

// lapEvery bounds how long a busy stage may go on before what it used is seen: a
// stage without rest would else look idle to whoever scrapes.
const lapEvery = 20 * time.Millisecond

// drain steps a stage while it has something to do, and measures it. It reports
// whether the stage goes on. One span is begun for each time that the stage is
// woken, not for each step: the readings cost about 1 µs.
func (s Stage) drain(ctx context.Context, failed <-chan struct{}) bool {
	span, steps := s.meter.Begin(), uint64(0)
	begun := time.Now()
	if !s.Step() { // woken for what an earlier step took along
		span.Drop()
		return true
	}
	defer func() { span.End(steps) }()
	for more := true; more; more = s.Step() {
		now := time.Now()
		s.took.observe(now.Sub(begun))
		begun = now
		steps++
		select {
		case <-ctx.Done():
			return false
		case <-failed:
			return false
		default:
		}
		if span.Since(now) >= lapEvery {
			span.Lap(now, steps)
			steps = 0
		}
	}
	return true
}

// Tick tells the core that one tick has passed. Ticks do not pile up while the
// order stage is held up: then too a late tick is one tick.
func (r *Replica) Tick() {
	if r.order.ticking.CompareAndSwap(false, true) {
		r.order.events.put(consensus.Tick{})
	}
}

// clock gives ticks. A late tick is one tick: the core's patience may only grow
// when this process was held up.
func (r *Replica) clock(ctx context.Context) {
	t := time.NewTicker(r.cfg.Tick)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
			r.Tick()
		}
	}
}

package twins

import (
	"fmt"

	"quorate/consensus"
	"quorate/wire"
)

// Outcome is how a scenario ended.
type Outcome struct {
	Unsafe string // what was violated; "": nothing
	Stuck  string // what did not come to rest after healing; "": nothing
	Ticks  int    // after healing, until everything rested
	Views  wire.View
	Fast   int // slots that honest replicas committed fast
	Slow   int
}

// Failed reports whether anything went wrong.
func (o Outcome) Failed() bool { return o.Unsafe != "" || o.Stuck != "" }

func (o Outcome) String() string {
	switch {
	case o.Unsafe != "":
		return "unsafe: " + o.Unsafe
	case o.Stuck != "":
		return "stuck: " + o.Stuck
	}
	return fmt.Sprintf("safe and live: rested %d ticks after healing, in view %d; %d fast and %d slow commits", o.Ticks, o.Views, o.Fast, o.Slow)
}

// Play runs one scenario. trace, if not nil, is told what happens.
func Play(s Scenario, plant Plant, trace func(format string, args ...any)) Outcome {
	w := newWorld(s.Setup, s.Order, plant)
	w.trace = trace
	w.rounds(s.Rounds)
	return w.heal(s.Cut)
}

// rounds plays the schedule.
func (w *world) rounds(rounds []Round) {
	for i := range rounds {
		if w.problem != "" {
			return
		}
		r := &rounds[i]
		w.disk(i, r)
		w.round = r
		w.aim(i, r.Leader)
		if w.trace != nil {
			w.tell("-- %s, for view %d", r.text(w.setup.instances()), w.goal)
		}
		w.move()
		w.propose()
	}
}

// aim sets the view that the round is about: the next one of its leader.
func (w *world) aim(i int, leader wire.ReplicaID) {
	if i > 0 {
		w.goal++
	}
	for w.q.Primary(w.goal) != leader {
		w.goal++
	}
}

// disk does to a disk what the round says, and marks where all of them are.
func (w *world) disk(i int, r *Round) {
	for _, in := range w.instances {
		in.marks = append(in.marks, mark{len(in.journal), len(in.ledger)})
	}
	if r.Disk == DiskKept {
		return
	}
	in := w.instances[r.disk]
	switch r.Disk {
	case DiskAmnesia:
		in.journal, in.ledger = nil, nil
	case DiskRollback:
		m := in.marks[max(i-1, 0)]
		in.journal, in.ledger = in.journal[:m.journal:m.journal], in.ledger[:m.ledger:m.ledger]
	}
	w.tell("%c: disk %s", instanceNames[in.index], diskNames[r.Disk])
	w.start(in)
}

// hopMax bounds the ticks that moving by one view can take: the longest patience
// and a few exchanges.
const hopMax = 24

// move brings everyone whose set can change views into the round's view: all
// want to leave those below.
func (w *world) move() {
	for range int(w.goal+1) * hopMax {
		if w.moved() || w.problem != "" {
			return
		}
		for _, in := range w.instances {
			if v, active, _ := in.core.View(); active && v < w.goal {
				w.step(in, consensus.Overdue{})
			}
		}
		w.settle()
		w.tick()
	}
}

// moved reports whether each set is where it can get: one with the replicas that
// a new view takes is in the round's view; one with fewer is left alone after a
// tick.
func (w *world) moved() bool {
	var members [instancesMax]uint32 // identities of each set
	r := w.round
	for _, in := range w.instances {
		members[r.sets[in.index]] |= 1 << in.id
	}
	for _, in := range w.instances {
		set := members[r.sets[in.index]]
		v, active, _ := in.core.View()
		switch {
		case in.halted || v > w.goal || v == w.goal && active:
		case ones(set) < w.q.ViewChange:
			if v < w.goal && active && w.fresh(in) {
				return false
			}
		case v == w.goal && set&(1<<r.Leader) == 0: // nobody there to open it
		default:
			return false
		}
	}
	return true
}

// fresh reports whether an instance has not been asked to leave yet.
func (w *world) fresh(in *instance) bool {
	if in.asked == w.goal+1 {
		return false
	}
	in.asked = w.goal + 1
	return true
}

func ones(x uint32) (n int) {
	for ; x != 0; x &= x - 1 {
		n++
	}
	return n
}

// playTicks is long enough for a slow commit.
const playTicks = 7

// propose lets every primary of an active view propose one batch of its own, and
// the round's path decides what comes of it.
func (w *world) propose() {
	for _, in := range w.instances {
		if in.core.Proposable() == 0 || in.halted {
			continue
		}
		v, _, _ := in.core.View()
		in.proposed++
		d := batchOf(in.index, v, in.proposed)
		in.hold(d)
		w.step(in, consensus.BatchReady{Digest: d})
	}
	w.settle()
	for range playTicks {
		w.tick()
	}
}

// boundTicks is the patience after healing: f leaders in a row that bring
// nothing, at the longest timeout, several times over.
const boundTicks = 40 * 16

// heal ends all faults but the twins themselves, who may stay cut off from
// everybody, and waits for rest: the last batch executed by every honest
// replica, and all of them at one height.
func (w *world) heal(cut bool) Outcome {
	w.round, w.cut = nil, cut
	w.tell("-- healed")
	for _, in := range w.instances {
		w.step(in, consensus.Waiting{Requests: true})
	}
	healed := w.tickCount
	unrest := ""
	for w.problem == "" && w.tickCount-healed < boundTicks {
		w.offer()
		w.settle()
		if unrest = w.unrest(); unrest == "" {
			break
		}
		w.tick()
	}
	out := Outcome{Unsafe: w.problem, Ticks: w.tickCount - healed, Fast: w.fast, Slow: w.slow}
	if w.problem == "" {
		out.Stuck = unrest
	}
	for _, in := range w.instances {
		v, _, _ := in.core.View()
		out.Views = max(out.Views, v)
	}
	return out
}

// offer gives the last batch to every primary that has not executed it.
func (w *world) offer() {
	for _, in := range w.instances {
		if in.done || in.halted || in.core.Proposable() == 0 {
			continue
		}
		v, _, _ := in.core.View()
		if in.offered == v+1 {
			continue
		}
		in.offered = v + 1
		in.hold(w.last)
		w.step(in, consensus.BatchReady{Digest: w.last})
	}
}

// unrest says what is still unsettled.
func (w *world) unrest() string {
	height := -1
	for _, in := range w.instances {
		if !in.honest {
			continue
		}
		if !in.done {
			v, active, _ := in.core.View()
			return fmt.Sprintf("replica %d has not executed the last batch: view %d, active %v, executed %d", in.id, v, active, len(in.ledger))
		}
		if height >= 0 && len(in.ledger) != height {
			return fmt.Sprintf("replica %d executed %d slots, another %d", in.id, len(in.ledger), height)
		}
		height = len(in.ledger)
	}
	return ""
}

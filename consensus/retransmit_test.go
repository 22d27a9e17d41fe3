package consensus

// Aim: each kind of message may be lost twice on every link, and nothing but time
// is lost with it: no batch, and no view.
// Method: one workload that needs every kind (fast and slow slots, a missing
// body, a laggard, a view change with a missing view change), once per kind with
// that kind's first two messages from each sender to each receiver lost.

import (
	"fmt"
	"testing"

	"quorate/wire"
)

var kinds = []string{"pre-prepare", "sign-share", "full-commit-proof", "prepare", "commit", "slow-commit-proof",
	"sign-state", "execute-proof", "checkpoint", "stable", "complaint", "view-change", "new-view", "status",
	"fetch-body", "body", "fetch-view-change", "fetch-blocks", "blocks"}

func TestEachKindLost(t *testing.T) {
	for _, kind := range kinds {
		t.Run(kind, func(t *testing.T) {
			w := newWorld(1, 6, 1, 1, 4)
			lost, times := 0, 2
			if kind == "complaint" {
				times = 1 // the workload has a reason to complain twice only
			}
			seen := map[[2]wire.ReplicaID]int{}
			var block func(from, to wire.ReplicaID, m wire.Message) bool
			w.filter = func(from, to wire.ReplicaID, m wire.Message) bool {
				if block != nil && block(from, to, m) {
					return false
				}
				if pair := [2]wire.ReplicaID{from, to}; kindName(m) == kind && seen[pair] < times {
					seen[pair]++
					lost++
					return false
				}
				return true
			}
			workload(w, kind, &block)
			if w.check.failed() {
				t.Fatal(w.check.problem)
			}
			if p := w.peace(); p != "" {
				t.Errorf("%s\n%s", p, w)
			}
			if lost == 0 {
				t.Error("the workload does not need this kind")
			}
			if w.check.views != 1 {
				t.Errorf("it cost views: %d", w.check.views)
			}
		})
	}
}

// workload needs every kind of message. block is what the network loses for ever.
func workload(w *world, name string, block *func(from, to wire.ReplicaID, m wire.Message) bool) {
	want := func(n, ticks int) {
		for range n {
			w.want(fmt.Sprint(name, len(w.batches)))
		}
		w.ticks(ticks)
	}
	want(4, 100)

	// The proposal never reaches 4, the proof does.
	*block = func(_, to wire.ReplicaID, m wire.Message) bool { return to == 4 && kindName(m) == "pre-prepare" }
	want(1, 150)
	*block = nil

	// Four of six: the slow path.
	w.crash(w.nodes[4])
	w.crash(w.nodes[5])
	want(4, 150)
	w.start(w.nodes[4], false)
	w.start(w.nodes[5], false)

	// A laggard past the window.
	*block = func(from, to wire.ReplicaID, _ wire.Message) bool { return from == 3 || to == 3 }
	want(7, 200)
	*block = nil
	w.ticks(200)

	// A view change in which 3 lacks the view change of 0.
	*block = func(from, to wire.ReplicaID, m wire.Message) bool {
		v, ok := m.(*wire.ViewChange)
		return ok && from == 0 && to == 3 && v.Replica == 0
	}
	for range 2 { // the pipeline repeats it while requests wait
		for _, nd := range w.nodes[1:3] {
			if v, _, _ := nd.core.View(); v == 0 {
				w.step(nd, Overdue{})
			}
		}
		w.ticks(50)
	}
	want(2, 100)
	*block = nil
	want(2, 350)
	for range 3 { // clients ask again for results of collected slots
		w.ask()
		w.ticks(60)
	}
}

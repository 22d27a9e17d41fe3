package consensus

// Aim: a core that finds agreement broken stops there: it executes neither value,
// and does not go on to where its own lists contradict each other. Method: a slot
// that was committed meets a fetched block with another value, and more slots
// behind it are ready.

import (
	"testing"

	"quorate/wire"
)

func TestHaltedCoreExecutesNothing(t *testing.T) {
	w := newWorld(1, 4, 1, 0, 8)
	c := w.nodes[0].core
	for s := wire.SeqNum(1); s <= 2; s++ {
		d := bodyDigest([]byte{'a', byte(s)})
		sl := c.slot(s)
		sl.committed, sl.proof.Slot = true, wire.SlotID{Seq: s, Digest: d}
		sl.held = append(sl.held, d)
	}
	c.catchup = []wire.CommittedSlot{{Proof: wire.CommitProof{Slot: wire.SlotID{Seq: 1, Digest: bodyDigest([]byte("b"))}}}}
	halts := 0
	for _, e := range c.Step(Tick{}, nil) {
		switch e := e.(type) {
		case Halt:
			halts++
		case Execute:
			t.Errorf("executes seq %d", e.Proof.Slot.Seq)
		}
	}
	if halts != 1 {
		t.Errorf("%d halts", halts)
	}
	if out := c.Step(Tick{}, nil); len(out) != 0 {
		t.Errorf("goes on with %v", out)
	}
}

package consensus

import (
	"testing"

	"quorate/cluster"
	"quorate/wire"
)

// Aim: a true π under the wrong slot's number stops nobody. Method: one core,
// one proof before and one after it executed the slot.

func TestPiOfAnotherSlotIsNoDivergence(t *testing.T) {
	q, err := cluster.NewQuorums(4, 1, 0)
	if err != nil {
		t.Fatal(err)
	}
	core, err := New(Config{Quorums: q, Window: 8, Scope: wire.Scope{Epoch: 1}, Timing: DefaultTiming()})
	if err != nil {
		t.Fatal(err)
	}
	signs := 0
	step := func(ev Event) {
		for _, e := range core.Step(ev, nil) {
			switch e := e.(type) {
			case Halt:
				t.Fatalf("halts: %s", e.Reason)
			case Sign:
				if e.Purpose == PurposePi {
					signs++
				}
			}
		}
	}
	for seq := wire.SeqNum(1); seq <= 2; seq++ {
		lie := &wire.ExecuteProof{Seq: seq, Digest: wire.Digest{99}}
		step(Received{From: 1, Msg: lie})
		if seq == 1 {
			step(Verified{From: 1, Msg: lie})
		}
		step(Executed{Seq: seq, Digest: wire.Digest{byte(seq)}})
		step(Verified{From: 1, Msg: lie})
	}
	if signs != 2 {
		t.Errorf("signed the outcome of %d slots, want 2", signs)
	}
}

package consensus

import (
	"testing"

	"quorate/cluster"
	"quorate/wire"
)

// Aim: a restarted replica executes what its journal has below the stable
// checkpoint and its ledger has lost. Method: a past with a hole in the middle;
// the rest after the hole is not lost when the hole is filled.

func TestCommittedSlotsBelowTheStableCheckpointAreRecovered(t *testing.T) {
	q, err := cluster.NewQuorums(4, 1, 0)
	if err != nil {
		t.Fatal(err)
	}
	proof := func(seq wire.SeqNum) wire.CommitProof {
		return wire.CommitProof{Slot: wire.SlotID{Seq: seq, Digest: wire.Digest{byte(seq)}}, Fast: true}
	}
	past := Past{Executed: 4}
	past.Records = append(past.Records, &wire.AnchorRecord{Active: true, Stable: wire.Stable{State: wire.CheckpointState{Seq: 8}}})
	for _, seq := range []wire.SeqNum{8, 5, 6} { // 7 is missing
		past.Records = append(past.Records, &wire.CommittedRecord{Proof: proof(seq)})
		past.Bodies = append(past.Bodies, wire.Digest{byte(seq)})
	}
	core, err := Recover(Config{Quorums: q, Window: 8, Scope: wire.Scope{Epoch: 1}, Timing: DefaultTiming()}, past)
	if err != nil {
		t.Fatal(err)
	}
	var executed []wire.SeqNum
	step := func(ev Event) {
		for _, e := range core.Step(ev, nil) {
			switch e := e.(type) {
			case Execute:
				executed = append(executed, e.Proof.Slot.Seq)
			case Forget:
				if d := e.Digest[0]; len(executed) < 4 && d == 8 {
					t.Fatal("the body of slot 8 was given back")
				}
			}
		}
	}
	step(Tick{})
	if len(executed) != 2 || executed[0] != 5 || executed[1] != 6 {
		t.Fatalf("executed %v, want 5 and 6", executed)
	}
	// 7 comes from a peer, 8 from the journal.
	step(Received{From: 1, Msg: &wire.Status{Active: true, Stable: 8, Executed: 7}})
	for range 40 {
		step(Tick{})
	}
	blocks := &wire.Blocks{Blocks: []wire.CommittedSlot{{Proof: proof(7)}}}
	for from := range wire.ReplicaID(4) {
		step(Received{From: from, Msg: blocks})
	}
	step(Verified{From: 1, Msg: blocks})
	if len(executed) != 4 || executed[2] != 7 || executed[3] != 8 {
		t.Fatalf("executed %v, want 5 to 8", executed)
	}
}

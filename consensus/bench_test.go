package consensus

// What a step costs per slot, and what ticks cost, at n=4 and n=100. Jobs and
// the network are left out: these are the core's own steps at the primary, who
// collects.

import (
	"encoding/binary"
	"fmt"
	"testing"

	"quorate/cluster"
	"quorate/wire"
)

var sizes = [][3]int{{4, 1, 0}, {100, 33, 0}}

func benchCore(b *testing.B, size [3]int) *Core {
	q, err := cluster.NewQuorums(size[0], size[1], size[2])
	if err != nil {
		b.Fatal(err)
	}
	c, err := New(Config{Self: 0, Quorums: q, Window: 256, Scope: wire.Scope{Epoch: 1}, Timing: DefaultTiming()})
	if err != nil {
		b.Fatal(err)
	}
	return c
}

// BenchmarkSlot drives one slot from its batch to its execution certificate:
// n votes, a combination, n execution shares, a combination, and every 128 slots
// a checkpoint of n shares.
func BenchmarkSlot(b *testing.B) {
	for _, size := range sizes {
		b.Run(fmt.Sprintf("n=%d", size[0]), func(b *testing.B) {
			c := benchCore(b, size)
			var out []Effect
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				seq := wire.SeqNum(i + 1)
				var d wire.Digest
				binary.LittleEndian.PutUint64(d[:], uint64(seq))
				id := wire.SlotID{Seq: seq, Digest: d}
				out = c.Step(BatchReady{Digest: d}, out[:0])
				for r := range wire.ReplicaID(size[0]) {
					out = c.Step(Received{From: r, Msg: &wire.SignShare{Slot: id}}, out[:0])
				}
				out = c.Step(Combined{Job: Combine{Purpose: PurposeSigma, Slot: id}, OK: true}, out[:0])
				out = c.Step(Executed{Seq: seq, Digest: d}, out[:0])
				for r := range wire.ReplicaID(size[0]) {
					out = c.Step(Received{From: r, Msg: &wire.SignState{Seq: seq, Digest: d}}, out[:0])
				}
				out = c.Step(Combined{Job: Combine{Purpose: PurposePi, Slot: wire.SlotID{Seq: seq}, Hash: d}, OK: true}, out[:0])
				if seq%128 == 0 {
					state := wire.CheckpointState{Seq: seq, Execute: d}
					for r := range wire.ReplicaID(size[0]) {
						out = c.Step(Received{From: r, Msg: &wire.Checkpoint{State: state}}, out[:0])
					}
					out = c.Step(Combined{Job: Combine{Purpose: PurposeCheckpoint, Slot: wire.SlotID{Seq: seq}, State: state}, OK: true}, out[:0])
				}
			}
			if c.executed == 0 || c.halted {
				b.Fatal("nothing was measured")
			}
		})
	}
}

// BenchmarkTick has a window full of slots that wait for shares.
func BenchmarkTick(b *testing.B) {
	for _, size := range sizes {
		b.Run(fmt.Sprintf("n=%d", size[0]), func(b *testing.B) {
			c := benchCore(b, size)
			for i := range 256 {
				c.Step(BatchReady{Digest: wire.Digest{byte(i), 1}}, nil)
			}
			var out []Effect
			b.ReportAllocs()
			for b.Loop() {
				out = c.Step(Tick{}, out[:0])
			}
		})
	}
}

// BenchmarkSafeValues is a new view with a full window of locks and votes.
func BenchmarkSafeValues(b *testing.B) {
	for _, size := range sizes {
		b.Run(fmt.Sprintf("n=%d", size[0]), func(b *testing.B) {
			q, _ := cluster.NewQuorums(size[0], size[1], size[2])
			var vcs []*wire.ViewChange
			for i := range q.ViewChange {
				m := &wire.ViewChange{To: 9}
				for s := range wire.SeqNum(256) {
					m.Slots = append(m.Slots, wire.SlotEvidence{Seq: s + 1, HasVote: true, HasLock: true,
						Vote: wire.Vote{View: wire.View(i % 9), Digest: value(1)}, Lock: wire.Lock{View: 3, Digest: value(1)}})
				}
				vcs = append(vcs, m)
			}
			for b.Loop() {
				SafeValues(q, 256, vcs)
			}
		})
	}
}

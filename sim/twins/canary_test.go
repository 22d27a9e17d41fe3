package twins

// Aim: what finds nothing in broken rules is worth nothing. Method: each plant
// breaks one rule in every core; a small exploration, or else samples, must find
// a violation, and not by way of the harness's own count of shares.

import (
	"testing"

	"quorate/cluster"
	"quorate/consensus"
	"quorate/wire"
)

// bent gives an instance's own view change with other evidence, signed anew.
func bent(change func(*wire.SlotEvidence) bool) func(*world, *instance, wire.Message) wire.Message {
	return func(w *world, in *instance, m wire.Message) wire.Message {
		v, ok := m.(*wire.ViewChange)
		if !ok || v.Replica != in.id {
			return m
		}
		b := *v
		b.Slots = nil
		for _, e := range v.Slots {
			if change(&e) {
				b.Slots = append(b.Slots, e)
			}
		}
		b.Signature = edTag(consensus.PurposeViewChange, in.id, w.scope.ViewChangeDigest(&b))
		return &b
	}
}

var canaries = []struct {
	name     string
	f, c     int
	plant    Plant
	scenario string // for one that samples take long to find
}{
	{name: "fast claim f+c+2", f: 1, plant: Plant{Quorums: func(q *cluster.Quorums) { q.FastClaim++ }}},
	{name: "fast claim f+1 with c=1", f: 1, c: 1, plant: Plant{Quorums: func(q *cluster.Quorums) { q.FastClaim-- }}},
	{name: "sigma 3f+c", f: 1, plant: Plant{Quorums: func(q *cluster.Quorums) { q.Sigma-- }}},
	{name: "sigma 3f+c with c=1", f: 1, c: 1, plant: Plant{Quorums: func(q *cluster.Quorums) { q.Sigma-- }}},
	{name: "tau 2f+c", f: 1, plant: Plant{Quorums: func(q *cluster.Quorums) { q.Tau-- }}},
	{name: "tau 2f+c with c=1", f: 1, c: 1, plant: Plant{Quorums: func(q *cluster.Quorums) { q.Tau-- }}},
	{name: "view-change set of n-f-1", f: 1, plant: Plant{Quorums: func(q *cluster.Quorums) { q.ViewChange-- }}},
	{name: "view-change set of n-f-1 with c=1", f: 1, c: 1, plant: Plant{Quorums: func(q *cluster.Quorums) { q.ViewChange-- }}},
	{name: "complaints of 2f+2", f: 1, plant: Plant{Quorums: func(q *cluster.Quorums) { q.Complain = 2*q.F + 2 }}},
	{name: "view-change set of n-f+1", f: 1, plant: Plant{Quorums: func(q *cluster.Quorums) { q.ViewChange++ }}},
	{name: "votes are forgotten", f: 1, plant: Plant{bend: bent(func(e *wire.SlotEvidence) bool {
		e.HasVote = false
		return e.HasLock
	})}},
	{name: "locks are forgotten", f: 1, plant: Plant{bend: bent(func(e *wire.SlotEvidence) bool {
		e.HasLock = false
		return e.HasVote
	})}},
	{name: "the fast value always wins", f: 1, plant: Plant{bend: bent(func(e *wire.SlotEvidence) bool {
		e.HasLock = e.HasLock && !e.HasVote
		return true
	})}},
	{name: "the certificate always wins", f: 1, plant: Plant{bend: bent(func(e *wire.SlotEvidence) bool {
		e.HasVote = e.HasVote && !e.HasLock
		return true
	})}, scenario: "f=1 c=0 twins=0 order=245489 then=heal 0/01234/slow:0 0/01234/quiet 0/01234/quiet"},
}

// TestCanaries plants each bug and wants it found: in a known scenario, or in
// the first samples.
func TestCanaries(t *testing.T) {
	for _, k := range canaries {
		t.Run(k.name, func(t *testing.T) {
			s, found := Scenario{}, k.scenario != ""
			if found {
				s = parsed(t, k.scenario)
			}
			for seed := uint64(0); !found && seed < 1000; seed++ {
				s = Draw(Setup{F: k.f, C: k.c, Twins: []wire.ReplicaID{0}}, 4, seed)
				found = Play(s, k.plant, nil).Failed()
			}
			o := Play(s, k.plant, nil)
			if !o.Failed() {
				t.Fatal("not found")
			}
			t.Logf("%s\n%s", s, o)
			if o := Play(s, Plant{}, nil); o.Failed() {
				t.Errorf("it fails without the plant too: %s", o)
			}
		})
	}
}

// TestShrink: a shrunk scenario is no longer, fails in the same way, and cannot be
// shrunk again.
func TestShrink(t *testing.T) {
	plant := canaries[0].plant
	for seed := range uint64(1000) {
		s := Draw(Setup{F: 1, Twins: []wire.ReplicaID{0}}, 6, seed)
		if !Play(s, plant, nil).Failed() {
			continue
		}
		small := Shrink(s, plant)
		if o := Play(small, plant, nil); !o.Failed() || len(small.Rounds) > len(s.Rounds) || Shrink(small, plant).String() != small.String() {
			t.Errorf("from %s\nto %s: %s", s, small, o)
		}
		return
	}
	t.Fatal("nothing to shrink")
}

package twins

import (
	"quorate/wire"
)

// This file tells two places of a cluster apart by what binds it: what every
// instance has promised, committed and executed, and which view it is in. It
// leaves out what is in memory alone: shares, timers, what is known of others.

// promise is what one instance holds for one slot. Views and values are small
// numbers that mean nothing but their order, and their equality.
type promise struct {
	vote, lock           uint8 // 1 + view; 0: none
	voted, locked, final uint8 // value; 0: none, 1: null
	executed             bool
}

// standing is what one instance is bound to.
type standing struct {
	view     uint8
	active   bool
	stable   uint8
	promises []promise
}

// standings reads what every instance is bound to. Views are numbered by their
// rank: those between that nobody was in do not matter. Batches are numbered by
// the caller, who also chooses the order of instances.
func (w *world) standings() []standing {
	var views [256]bool
	note := func(v wire.View) uint8 {
		v = min(v, 254)
		views[v] = true
		return uint8(v) + 1
	}
	values := []wire.Digest{{}}
	number := func(d wire.Digest) uint8 {
		for i := range values {
			if values[i] == d {
				return uint8(i + 1)
			}
		}
		values = append(values, d)
		return uint8(len(values))
	}
	out := make([]standing, len(w.instances))
	for i, in := range w.instances {
		s := &out[i]
		v, active, _ := in.core.View()
		s.view, s.active, s.stable = note(v), active, uint8(in.core.Stable().State.Seq)
		at := func(seq wire.SeqNum) *promise {
			for len(s.promises) <= int(seq) {
				s.promises = append(s.promises, promise{})
			}
			return &s.promises[seq]
		}
		for _, e := range in.journal {
			switch r := e.record.(type) {
			case *wire.VoteRecord:
				p := at(r.Slot.Seq)
				p.vote, p.voted = note(r.Slot.View), number(r.Slot.Digest)
			case *wire.LockRecord:
				p := at(r.Slot.Seq)
				p.lock, p.locked = note(r.Slot.View), number(r.Slot.Digest)
			case *wire.CommittedRecord:
				at(r.Proof.Slot.Seq).final = number(r.Proof.Slot.Digest)
			}
		}
		for seq := range in.ledger {
			at(wire.SeqNum(seq + 1)).executed = true
		}
	}
	var rank [256]uint8
	n := uint8(0)
	for v, there := range views {
		if there {
			n++
			rank[v+1] = n
		}
	}
	for i := range out {
		out[i].view = rank[out[i].view]
		for k := range out[i].promises {
			p := &out[i].promises[k]
			p.vote, p.lock = rank[p.vote], rank[p.lock]
		}
	}
	return out
}

// bound digests the standings, in the order that a renaming gives them, with
// values renumbered in that order; the smallest over all renamings stands for
// all of them.
func (w *world) bound(symmetries [][]int) uint64 {
	standings := w.standings()
	least := ^uint64(0)
	inverse := make([]int, len(standings))
	for _, g := range symmetries {
		for i, to := range g {
			inverse[to] = i
		}
		var names [256]uint8
		names[1] = 1
		next := uint8(1)
		name := func(v uint8) uint64 {
			if v > 1 && names[v] == 0 {
				next++
				names[v] = next
			}
			return uint64(names[v])
		}
		h := uint64(0)
		for _, i := range inverse {
			s := &standings[i]
			h = mix(h*0x9e3779b97f4a7c15 + uint64(s.view)<<16 + uint64(s.stable)<<1)
			if s.active {
				h++
			}
			for _, p := range s.promises {
				x := uint64(p.vote) | uint64(p.lock)<<8 | name(p.voted)<<16 | name(p.locked)<<24 | name(p.final)<<32
				if p.executed {
					x |= 1 << 40
				}
				h = mix(h*0x9e3779b97f4a7c15 + x)
			}
		}
		least = min(least, h)
	}
	return least
}

package sim

import "quorate/wire"

// A primary that begins one view twice (strategy 15): with one set of view changes
// for some and another for others. The sets are true ones: of what honest replicas
// sent, and of the several versions that liars sign.

// ambush is a replica that waits for the last view change of its new view, which
// only the liar has, and meanwhile takes no other. It gets it as soon as the others
// have committed a slot that its new view decides to be empty.
type ambush struct {
	view   wire.View
	victim wire.ReplicaID
	seq    wire.SeqNum
	last   *wire.ViewChange
	fork   *wire.NewView
}

// springMicros is how long a certificate may be on its way.
const springMicros = 20_000

// newViewFork exchanges a new view for some, or lays an ambush.
func newViewFork(f *frame) bool {
	switch m := f.m.(type) {
	case *wire.FullCommitProof, *wire.SlowCommitProof:
		id, _ := slotOf(m)
		return f.l.spring(id, m)
	case *wire.NewView:
		a := f.l.ambush
		switch {
		case f.l.w.q.Primary(m.To) != f.l.n.id:
			return false
		case a != nil && a.view == m.To: // the others must get on
			return f.to == a.victim && f.become(a.fork)
		case !f.l.brain.second[f.to] && f.rnd.chance(500):
			return false
		}
		set := f.l.otherSet(m.To)
		if set == nil {
			return false
		}
		if f.rnd.chance(600) {
			seq := top(set) + 1
			f.l.ambush = &ambush{view: m.To, victim: f.to, seq: seq, last: f.l.ghost(m.To, set, seq)}
		}
		fork := f.l.fork(f.to, m.To, set)
		if a = f.l.ambush; a != nil && a.view == m.To {
			a.fork = fork
		} else if f.rnd.chance(100) { // one less than a set
			fork.Chosen = fork.Chosen[1:]
		}
		return f.become(fork)
	}
	return false
}

// commitHeard springs an ambush with a certificate of the others.
func commitHeard(l *liar, _ *stream, _ wire.ReplicaID, m wire.Message) bool {
	switch m.(type) {
	case *wire.FullCommitProof, *wire.SlowCommitProof:
		id, _ := slotOf(m)
		return l.spring(id, m)
	}
	return false
}

// spring shows the victim the certificate of a slot, and then how it can enter the
// view in which that slot is empty. It reports whether this is such a slot.
func (l *liar) spring(id wire.SlotID, proof wire.Message) bool {
	a := l.ambush
	if a == nil || id.View != a.view || id.Seq != a.seq || id.Digest.IsNull() {
		return false
	}
	l.ambush = nil
	l.tell(a.victim, proof)
	l.post(a.victim, a.last.Kind(), a.last.Append(nil), springMicros)
	return true
}

// otherSet is a set of view changes, newest versions first, so that it differs from
// the program's where it can. Nil: they are not enough.
func (l *liar) otherSet(to wire.View) (chosen []*wire.ViewChange) {
	q, list := l.w.q, l.brain.changes[to]
	taken := make([]bool, q.N)
	for i := range list {
		c := list[len(list)-1-i]
		if int(c.Replica) < q.N && !taken[c.Replica] && len(chosen) < q.ViewChange {
			taken[c.Replica] = true
			chosen = append(chosen, c)
		}
	}
	if len(chosen) < q.ViewChange {
		return nil
	}
	return chosen
}

// top is the highest slot that a set speaks of.
func top(set []*wire.ViewChange) (seq wire.SeqNum) {
	for _, c := range set {
		seq = max(seq, c.Stable.State.Seq)
		if n := len(c.Slots); n > 0 {
			seq = max(seq, c.Slots[n-1].Seq)
		}
	}
	return seq
}

// ghost puts the liar's own view change into a set, with a vote for a slot that
// nobody else in it speaks of: too few for a claim, so that the slot stays empty.
func (l *liar) ghost(to wire.View, set []*wire.ViewChange, seq wire.SeqNum) *wire.ViewChange {
	own, at := &wire.ViewChange{To: to, Stable: l.brain.stable}, len(set)-1
	for i, c := range set {
		if c.Replica == l.n.id {
			own, at = c, i
		}
	}
	g := *own
	vote := wire.Vote{View: to - 1}
	vote.Digest[0] = 1
	g.Slots = append(g.Slots[:len(g.Slots):len(g.Slots)], wire.SlotEvidence{Seq: seq, HasVote: true, Vote: vote})
	set[at] = l.signChange(&g)
	return set[at]
}

// fork signs a new view of this set, and shows its view changes to whoever is to
// get it, but for the one that an ambush keeps back.
func (l *liar) fork(to wire.ReplicaID, view wire.View, set []*wire.ViewChange) *wire.NewView {
	fork := &wire.NewView{To: view}
	for id := range wire.ReplicaID(l.w.q.N) {
		for _, c := range set {
			if c.Replica != id {
				continue
			}
			fork.Chosen = append(fork.Chosen, wire.ChosenViewChange{Replica: id, Digest: l.w.scope.ViewChangeDigest(c)})
			if l.ambush == nil || l.ambush.last != c {
				l.tell(to, c)
			}
		}
	}
	d := l.w.scope.NewViewDigest(fork)
	fork.Signature = l.w.keys.suites[l.n.id].SignIdentity(d[:])
	return fork
}

package sim

import "quorate/wire"

// Lies that look at the victim, and small ones. Sources: ByzzFuzz (small-scope
// mutations find most of what random bytes find, and more), LOKI (a mutation
// chosen by the receiver's state goes deeper).

// smallMutation changes one field by one, or repeats an earlier value
// (strategy 25).
func smallMutation(f *frame) bool {
	if f.rnd.chance(300) {
		return resendPrevious(f)
	}
	return f.m != nil && mutate(f)
}

// resendPrevious sends an earlier frame of the same kind in place of this one.
func resendPrevious(f *frame) bool {
	archive := f.l.brain.archive
	start := f.rnd.below(len(archive) + 1)
	for i := range archive {
		if old := archive[(start+i)%len(archive)]; old.kind == f.kind {
			m, err := wire.DecodeMessage(old.kind, old.body)
			return err == nil && f.become(m)
		}
	}
	return false
}

// mutate changes one field of a message by the smallest step.
func mutate(f *frame) bool {
	step := func(v uint64) uint64 {
		if f.rnd.chance(500) {
			return v + 1
		}
		return v - 1
	}
	slot := func(id *wire.SlotID) {
		switch f.rnd.below(3) {
		case 0:
			id.View = wire.View(step(uint64(id.View)))
		case 1:
			id.Seq = wire.SeqNum(step(uint64(id.Seq)))
		default:
			id.Digest[f.rnd.below(len(id.Digest))] ^= 1 << f.rnd.below(8)
		}
	}
	switch m := f.m.(type) {
	case *wire.PrePrepare:
		slot(&m.Slot)
		if f.rnd.chance(500) { // signed anew, for what it now says
			m.Author = f.l.w.keys.suites[f.l.n.id].SignIdentity(f.l.w.scope.AuthorBytes(m.Slot))
		}
	case *wire.SignShare:
		slot(&m.Slot)
		if f.rnd.chance(500) {
			return f.become(f.l.vote(m.Slot))
		}
	case *wire.FullCommitProof:
		slot(&m.Slot)
	case *wire.Prepare:
		slot(&m.Slot)
	case *wire.Commit:
		slot(&m.Slot)
	case *wire.SlowCommitProof:
		slot(&m.Slot)
	case *wire.SignState:
		m.Seq = wire.SeqNum(step(uint64(m.Seq)))
	case *wire.ExecuteProof:
		m.Seq = wire.SeqNum(step(uint64(m.Seq)))
	case *wire.Checkpoint:
		m.State.Seq = wire.SeqNum(step(uint64(m.State.Seq)))
	case *wire.Stable:
		m.State.Seq = wire.SeqNum(step(uint64(m.State.Seq)))
	case *wire.Complaint:
		m.View = wire.View(step(uint64(m.View)))
	case *wire.ViewChange:
		mutateChange(f, m, step)
		if m.Replica == f.l.n.id {
			f.l.signChange(m)
		}
	case *wire.NewView:
		last := len(m.Chosen) - 1
		switch f.rnd.below(4) {
		case 0: // one view change less, or one of nobody
			if m.Chosen[last].Replica++; f.rnd.chance(500) {
				m.Chosen = m.Chosen[:last]
			}
		case 1:
			m.To = wire.View(step(uint64(m.To)))
		default:
			m.Chosen[f.rnd.below(len(m.Chosen))].Digest[0] ^= 1
		}
		d := f.l.w.scope.NewViewDigest(m)
		m.Signature = f.l.w.keys.suites[f.l.n.id].SignIdentity(d[:])
	case *wire.Status:
		mutateStatus(f, m, step)
	case *wire.FetchBlocks:
		if m.From > 1 {
			m.From--
		}
	default:
		return false
	}
	return f.become(f.m)
}

func mutateChange(f *frame, m *wire.ViewChange, step func(uint64) uint64) {
	if len(m.Slots) == 0 || f.rnd.chance(200) {
		m.To = wire.View(step(uint64(m.To)))
		return
	}
	e := &m.Slots[f.rnd.below(len(m.Slots))]
	switch {
	case e.HasLock && f.rnd.chance(400):
		e.Lock.View = wire.View(step(uint64(e.Lock.View)))
	case e.HasVote && f.rnd.chance(700):
		e.Vote.View = wire.View(step(uint64(e.Vote.View)))
	case e.HasVote && e.HasLock:
		e.HasLock, e.Lock = false, wire.Lock{}
	default:
		m.Stable.State.Seq = wire.SeqNum(step(uint64(m.Stable.State.Seq)))
	}
}

func mutateStatus(f *frame, m *wire.Status, step func(uint64) uint64) {
	switch f.rnd.below(5) {
	case 0:
		m.View = wire.View(step(uint64(m.View)))
	case 1:
		m.Stable = wire.SeqNum(step(uint64(m.Stable)))
	case 2:
		m.Executed = wire.SeqNum(step(uint64(m.Executed)))
	case 3:
		m.Active = !m.Active
	default:
		m.Amnesia = !m.Amnesia
	}
}

// rawBytes flips a bit of the encoding.
func rawBytes(f *frame) bool {
	if f.body == nil {
		f.body = f.m.Append(nil)
	}
	if len(f.body) == 0 {
		return false
	}
	f.body = append([]byte(nil), f.body...)
	f.body[f.rnd.below(len(f.body))] ^= byte(1 << f.rnd.below(8))
	f.m, _ = wire.DecodeMessage(f.kind, f.body)
	return true
}

// momentMatters reports whether a victim is in one of the moments that matter for a
// message. Liars see into honest replicas: a true adversary guesses as much from
// what it hears.
func (f *frame) momentMatters() bool {
	victim := f.l.w.nodes[f.to]
	if !victim.up || victim.liar != nil {
		return false
	}
	s := victim.replica.Status()
	id, ok := slotOf(f.m)
	window := f.l.w.opt.Window
	switch {
	case !s.Active: // in the middle of a view change
		return true
	case !ok:
		return false
	case id.Seq == s.Stable+window || id.Seq == s.Stable+1: // at an edge of its window
		return true
	case id.Seq%(window/2) == 0: // at a checkpoint
		return true
	}
	// Just before its prepare quorum, or its fast one.
	if _, vote := f.m.(*wire.SignShare); vote {
		n := len(f.l.brain.pool(id).sigma)
		return n == f.l.w.q.Tau-1 || n == f.l.w.q.Sigma-1
	}
	_, prepared := f.m.(*wire.Commit)
	return prepared
}

// stateAware strikes only when the victim is in a moment that matters
// (strategy 26).
func stateAware(f *frame) bool {
	if f.m == nil || !f.momentMatters() {
		return false
	}
	switch f.rnd.below(6) {
	case 0:
		f.lost = true
	case 1:
		f.delay += uint64(f.rnd.between(1_000, 900_000))
	case 2:
		l := f.l
		l.tell(f.to, &wire.Complaint{View: l.w.check.views})
		l.tell(f.to, l.signChange(&wire.ViewChange{To: l.w.check.views + 1, Stable: l.brain.stable}))
	case 3:
		if id, ok := slotOf(f.m); ok {
			if second := f.l.brain.values[slotKey{id.View, id.Seq}]; second != nil {
				return f.become(f.l.vote(second.Slot))
			}
		}
		return mutate(f)
	default:
		return mutate(f)
	}
	return true
}

// legalButOdd does what no rule forbids and no honest replica does (strategy
// 27): in another order, twice, to those who did not ask.
func legalButOdd(f *frame) bool {
	switch f.rnd.below(4) {
	case 0:
		f.delay += uint64(f.rnd.below(50_000))
	case 1:
		for range f.rnd.between(1, 4) {
			f.l.post(f.to, f.kind, f.bytes(), uint64(f.rnd.below(20_000)))
		}
	case 2:
		if !isShare(f.m) && !isCertificate(f.m) {
			return false
		}
		for i := range f.l.w.q.N {
			if id := wire.ReplicaID(i); id != f.to {
				f.l.tell(id, f.m)
			}
		}
	default:
		f.l.tell(f.to, &wire.Status{View: f.l.w.check.views, Active: true, Stable: f.l.brain.stable.State.Seq, Executed: f.l.brain.stable.State.Seq})
	}
	return true
}

// bytes is the frame as it would go out now.
func (f *frame) bytes() []byte {
	if f.body != nil {
		return f.body
	}
	return f.m.Append(nil)
}

// oddTick asks for what is not needed, and complains where nothing is wrong.
func oddTick(l *liar, r *stream) bool {
	to := l.someone(r)
	switch r.below(3) {
	case 0:
		from := wire.SeqNum(1 + r.below(len(l.w.check.chain)+1))
		l.tell(to, &wire.FetchBlocks{From: from, To: from + wire.SeqNum(r.below(wire.FetchBlocksMax))})
	case 1:
		l.tellAll(&wire.Complaint{View: l.w.check.views})
	default:
		stable := l.brain.stable
		l.tell(to, &stable)
	}
	return true
}

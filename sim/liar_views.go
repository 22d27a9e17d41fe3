package sim

import (
	"math"

	"quorate/consensus"
	"quorate/wire"
)

// Lies about views and checkpoints.

// signChange signs a view change as the liar, whatever it says.
func (l *liar) signChange(m *wire.ViewChange) *wire.ViewChange {
	m.Replica = l.n.id
	d := l.w.scope.ViewChangeDigest(m)
	m.Signature = l.w.keys.suites[l.n.id].SignIdentity(d[:])
	return m
}

// viewChangeStorm leaves for many views at once, near and far (strategy 13).
func viewChangeStorm(l *liar, r *stream) bool {
	now := l.w.check.views
	for range r.between(1, 12) {
		m := &wire.ViewChange{Stable: l.brain.stable}
		switch r.below(4) {
		case 0:
			m.To = math.MaxUint64 - wire.View(r.below(3))
		case 1:
			m.To = now + wire.View(r.below(1000))
		default:
			m.To = now + wire.View(r.between(1, 4))
		}
		if r.chance(300) {
			m.Stable.State.Seq += wire.SeqNum(r.below(int(l.w.opt.Window)))
		}
		l.signChange(m)
		l.brain.change(m)
		if r.chance(500) {
			l.tell(l.someone(r), m)
		} else {
			l.tellAll(m)
		}
	}
	return true
}

// viewChangeLie reports low, or claims votes that were never cast (strategy 14).
// It may say something else to everyone.
func viewChangeLie(f *frame) bool {
	m, ok := f.m.(*wire.ViewChange)
	if !ok || m.Replica != f.l.n.id {
		return false
	}
	var slots []wire.SlotEvidence
	lie := func() int { return f.rnd.below(8) }
	if len(f.l.brain.values) > 0 && f.rnd.chance(500) {
		// For the second value in all slots: with those who were shown it, a claim.
		lie = func() int { return 5 }
	}
	for _, e := range m.Slots {
		switch lie() {
		case 0: // never heard of it
			continue
		case 1:
			if e.HasLock = false; !e.HasVote {
				continue
			}
		case 2:
			if e.HasVote && e.Vote.View > 0 {
				e.Vote.View--
			}
		case 3:
			if e.HasVote {
				e.Vote.View = m.To - 1
			}
		case 4:
			if e.HasVote {
				e.Vote.Digest[5] ^= 1
			}
		case 5: // the second value, as if it had been voted for last
			if second := f.l.brain.values[slotKey{e.Vote.View, e.Seq}]; second != nil {
				e.HasVote, e.Vote = true, wire.Vote{View: m.To - 1, Digest: second.Slot.Digest}
			}
		case 6: // a certificate of its own making
			e.HasLock = true
			e.Lock.View, e.Lock.Digest = m.To-1, e.Vote.Digest
			e.Lock.Digest[6] ^= 1
		}
		slots = append(slots, e)
	}
	m.Slots = slots
	f.l.brain.change(f.l.signChange(m))
	return f.become(m)
}

// checkpointLie signs another state, at this checkpoint or one far ahead, and
// shows certificates of checkpoints that do not exist (strategy 16).
func checkpointLie(f *frame) bool {
	switch m := f.m.(type) {
	case *wire.Checkpoint:
		switch f.rnd.below(4) {
		case 0:
			m.State.StateRoot[0] ^= 1
		case 1:
			m.State.Execute[0] ^= 1
		case 2:
			m.State.Seq += f.l.w.opt.Window / 2 * wire.SeqNum(f.rnd.between(1, 4))
		default:
			f.delay += uint64(f.rnd.below(3_000_000))
			return true
		}
		m.Share = f.l.w.keys.suites[f.l.n.id].SignShare(consensus.PurposeCheckpoint, f.l.w.scope.CheckpointHash(m.State))
	case *wire.Stable:
		if f.rnd.chance(500) {
			m.State.StateRoot[3] ^= 1
		} else {
			m.State.Seq += f.l.w.opt.Window / 2
		}
	case *wire.SignState:
		m.Digest[7] ^= 1
		m.Share = f.l.w.keys.suites[f.l.n.id].SignShare(consensus.PurposePi, m.Digest)
	default:
		return false
	}
	return f.become(f.m)
}

// complain wants to leave a view, any one.
func complain(l *liar, r *stream) bool {
	l.tellAll(&wire.Complaint{View: wire.View(r.below(int(l.w.check.views) + 3))})
	return true
}

// statusLie claims to be far ahead or behind.
func statusLie(f *frame) bool {
	m, ok := f.m.(*wire.Status)
	if !ok {
		return false
	}
	switch f.rnd.below(3) {
	case 0:
		m.Executed = m.Stable
	case 1:
		m.Executed = math.MaxUint64 - wire.SeqNum(f.rnd.below(3))
	default:
		m.Executed += wire.SeqNum(f.rnd.below(1000))
	}
	m.View += wire.View(f.rnd.below(3))
	m.Active = f.rnd.chance(500)
	m.Voted = nil
	return f.become(m)
}

// withhold lets any frame fall on the floor.
func withhold(f *frame) bool {
	f.lost = true
	return true
}

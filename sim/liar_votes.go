package sim

import (
	"quorate/consensus"
	"quorate/wire"
)

// Lies in votes: the shares of σ, τ, π and of checkpoints.

// vote is a liar's share for a value.
func (l *liar) vote(id wire.SlotID) *wire.SignShare {
	suite, h := l.w.keys.suites[l.n.id], l.w.scope.SlotHash(id)
	return &wire.SignShare{Slot: id, Sigma: suite.SignShare(consensus.PurposeSigma, h), HasTau: true, Tau: suite.SignShare(consensus.PurposeTau, h)}
}

// doubleVote votes for whatever somebody else voted for, in any view, beside
// what the liar's own program does (strategy 1).
func doubleVote(l *liar, _ *stream, _ wire.ReplicaID, m wire.Message) bool {
	switch m := m.(type) {
	case *wire.SignShare:
		l.tellAll(l.vote(m.Slot))
	case *wire.PrePrepare:
		l.tellAll(l.vote(m.Slot))
	case *wire.Prepare:
		share := l.w.keys.suites[l.n.id].SignShare(consensus.PurposeTauTau, l.w.scope.SlowCommitHash(m.Slot))
		l.tellAll(&wire.Commit{Slot: m.Slot, Share: share})
	default:
		return false
	}
	return true
}

// badShare sends a share that does not verify (strategy 5): broken bytes, none,
// or another replica's.
func badShare(f *frame) bool {
	spoil := func(s *wire.Share, pooled []consensus.ShareOf) {
		switch how := f.rnd.below(3); {
		case how == 0 && len(pooled) > 0:
			*s = pooled[f.rnd.below(len(pooled))].Share
		case how == 1:
			*s = wire.Share{}
		default:
			*s = brokenShare(*s)
		}
	}
	switch m := f.m.(type) {
	case *wire.SignShare:
		p := f.l.brain.pool(m.Slot)
		if f.rnd.chance(500) || !m.HasTau {
			spoil(&m.Sigma, p.sigma)
		} else {
			spoil(&m.Tau, p.tau)
		}
	case *wire.Commit:
		spoil(&m.Share, f.l.brain.pool(m.Slot).two)
	case *wire.SignState:
		spoil(&m.Share, nil)
	case *wire.Checkpoint:
		spoil(&m.Share, nil)
	default:
		return false
	}
	return f.become(f.m)
}

// brokenShare flips a bit of a share, or makes one up of none.
func brokenShare(s wire.Share) wire.Share {
	b := append([]byte(nil), s.Bytes()...)
	if len(b) < 10 {
		b = append(b, make([]byte, 10)...)
	}
	b[9] ^= 1
	return shareOf(b)
}

// isShare reports whether a message carries a share.
func isShare(m wire.Message) bool {
	switch m.(type) {
	case *wire.SignShare, *wire.Commit, *wire.SignState, *wire.Checkpoint:
		return true
	}
	return false
}

// lateShare holds a share back until it may be of no use any more (strategy 6).
func lateShare(f *frame) bool {
	if !isShare(f.m) {
		return false
	}
	f.delay += uint64(f.rnd.between(10_000, 10_000<<f.rnd.below(9)))
	return true
}

// selectiveShare lets the fast path work for some slots and some collectors only
// (strategy 7): others get no share, or the wrong half of one.
func selectiveShare(f *frame) bool {
	switch m := f.m.(type) {
	case *wire.SignShare:
		switch {
		case !f.slotChance(m.Slot, 500):
			return false
		case f.l.brain.second[f.to]:
			f.lost = true
		case m.HasTau && f.rnd.chance(500):
			m.HasTau, m.Tau = false, wire.Share{}
			return f.become(m)
		default:
			return false
		}
		return true
	case *wire.Commit:
		f.lost = f.slotChance(m.Slot, 500) && !f.l.brain.second[f.to]
		return f.lost
	}
	return false
}

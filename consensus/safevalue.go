package consensus

import (
	"quorate/cluster"
	"quorate/internal/mark"
	"quorate/internal/plant"
	"quorate/wire"
)

// SafeValues computes what a new view must propose from its chosen view
// changes. base is the highest stable checkpoint among them; values[i] is the
// only value that slot base+1+i may take in the new view, NullDigest for a slot
// that stays empty. Slots above are free.
//
// The rule, for one slot: let the lock of the highest view in the set be
// (lv, LD). For a digest D let fv(D) be the (f+c+1)-th largest view among the
// votes for D; the votes' views may differ. The fast claim FD with the largest
// fv wins only when fv > lv; otherwise the lock wins; a tie goes to the lock.
//
// Why it is safe: two certificates of one view share an honest replica. A slow
// commit leaves at least one honest lock in any set of n−f; a fast commit
// leaves at least f+c+1 honest votes with a view at or above its own; by
// induction every later value that honest replicas accept is the same one, and
// the strict comparison never lets a fast claim beat a certificate of its own
// view. Checked exhaustively for (f,c) = (1,0), (1,1), (2,0).
//
// vcs are valid (validViewChange) and have distinct signers; len(vcs) is
// q.ViewChange. Source: SBFT paper section V.G, with the exact rule of
// docs/protocol.md.
func SafeValues(q cluster.Quorums, window wire.SeqNum, vcs []*wire.ViewChange) (base wire.SeqNum, values []wire.Digest) {
	for _, m := range vcs {
		base = max(base, m.Stable.State.Seq)
	}
	top := base
	for _, m := range vcs {
		if n := len(m.Slots); n > 0 {
			top = max(top, m.Slots[n-1].Seq)
		}
	}
	top = min(top, base+window)
	cursors := make([]int, len(vcs))
	evidence := make([]*wire.SlotEvidence, 0, len(vcs))
	for s := base + 1; s <= top; s++ {
		evidence = evidence[:0]
		for i, m := range vcs {
			for cursors[i] < len(m.Slots) && m.Slots[cursors[i]].Seq < s {
				cursors[i]++
			}
			if cursors[i] < len(m.Slots) && m.Slots[cursors[i]].Seq == s {
				evidence = append(evidence, &m.Slots[cursors[i]])
			}
		}
		values = append(values, safeValue(q, evidence))
	}
	return base, values
}

// safeValue applies the rule to the evidence of one slot, at most one entry per
// signer.
func safeValue(q cluster.Quorums, evidence []*wire.SlotEvidence) wire.Digest {
	// Views are shifted by one so that 0 stands for "none" (−1 in the rule).
	var lockView, fastView uint64
	var lockDigest, fastDigest wire.Digest
	for _, e := range evidence {
		higher := uint64(e.Lock.View)+1 > lockView
		if plant.On(plant.LowestLockWins) {
			higher = lockView == 0 || uint64(e.Lock.View)+1 < lockView
		}
		if e.HasLock && higher {
			lockView, lockDigest = uint64(e.Lock.View)+1, e.Lock.Digest
		}
	}
	for i, e := range evidence {
		if !e.HasVote || votedBefore(evidence[:i], e.Vote.Digest) {
			continue
		}
		if v := fastClaim(q, evidence, e.Vote.Digest); v > fastView {
			fastView, fastDigest = v, e.Vote.Digest
		}
	}
	if fastView > 0 && (plant.On(plant.FastAlwaysWins) || plant.On(plant.TieToFast) && fastView == lockView) {
		return fastDigest
	}
	if lockView > 0 && plant.On(plant.LockAlwaysWins) {
		return lockDigest
	}
	switch {
	case fastView > lockView:
		mark.If(lockView > 0, mark.FastWins)
		mark.If(lockView == 0, mark.FastAlone)
		return fastDigest
	case lockView > 0: // a tie goes to the certificate
		mark.If(fastView == lockView, mark.TieToLock)
		mark.If(fastView == 0, mark.LockAlone)
		mark.If(fastView < lockView && fastView > 0, mark.LockWins)
		mark.If(fastView == lockView && fastDigest != lockDigest, mark.TieOfTwoValues)
		return lockDigest
	}
	mark.If(len(evidence) > 0, mark.SafeNull)
	mark.If(len(evidence) == 0, mark.SafeHole)
	return wire.NullDigest
}

// votedBefore reports whether d was looked at already: without it, the work for
// one slot would grow with the cube of n.
func votedBefore(evidence []*wire.SlotEvidence, d wire.Digest) bool {
	for _, e := range evidence {
		if e.HasVote && e.Vote.Digest == d {
			return true
		}
	}
	return false
}

// fastClaim is fv(d)+1: the view, plus one, that at least f+c+1 votes for d
// reach; 0 when fewer voted for d.
func fastClaim(q cluster.Quorums, evidence []*wire.SlotEvidence, d wire.Digest) uint64 {
	var best uint64
	need := q.FastClaim
	if plant.On(plant.FastClaimHigh) {
		need++
	}
	if plant.On(plant.FastClaimLow) {
		need = q.F + 1
	}
	for _, e := range evidence {
		if !e.HasVote || e.Vote.Digest != d || uint64(e.Vote.View)+1 <= best {
			continue
		}
		reached := 0
		for _, o := range evidence {
			if plant.On(plant.SameViewVotesOnly) && o.Vote.View != e.Vote.View {
				continue
			}
			if o.HasVote && o.Vote.Digest == d && o.Vote.View >= e.Vote.View {
				mark.If(o.Vote.View > e.Vote.View, mark.MixedViews)
				reached++
			}
		}
		if reached >= need {
			best = uint64(e.Vote.View) + 1
		}
	}
	return best
}

package sim

import (
	"context"
	"log/slog"

	"quorate/payments"
	"quorate/wire"
)

// blame listens to what a replica tells its operator about others (C11): nobody
// but a liar is called provably faulty, and nobody but a liar is banned.
type blame struct{ n *node }

// Enabled takes warnings only: that is what blame is.
func (b blame) Enabled(_ context.Context, level slog.Level) bool { return level >= slog.LevelWarn }

// WithAttrs and WithGroup keep nothing: the peer is in the record itself.
func (b blame) WithAttrs([]slog.Attr) slog.Handler { return b }

// WithGroup does as WithAttrs.
func (b blame) WithGroup(string) slog.Handler { return b }

// Handle implements slog.Handler.
func (b blame) Handle(_ context.Context, r slog.Record) error {
	w := b.n.w
	r.Attrs(func(a slog.Attr) bool {
		id, ok := a.Value.Any().(wire.ReplicaID)
		if a.Key != "peer" || !ok {
			return true
		}
		if of := w.nodes[id]; b.n.liar == nil && of.liar == nil && !of.blind {
			w.fail("C11: replica %d says of honest replica %d: %s", b.n.id, id, r.Message)
		}
		return false
	})
	return nil
}

// time checks the ledger's clock (C17): it never goes back, and no proposer can
// put it ahead of honest clocks by more than the genesis allows.
func (k *checker) time(h *wire.BlockHeader) {
	if n := len(k.chain); n > 0 && h.Time <= k.chain[n-1].header.Time {
		k.w.fail("C17: block %d has time %d, the one before %d", h.Seq, h.Time, k.chain[n-1].header.Time)
	}
	// Honest clocks are off by up to a sixth of the bound; every event takes a
	// nanosecond.
	latest := startOfTime + k.w.now*1000 + timeBound + timeBound/6 + uint64(len(k.chain)+1)*payments.PageBytes
	if h.Time > latest {
		k.w.fail("C17: block %d has time %d, at most %d is honest", h.Seq, h.Time, latest)
	}
}

// covered checks what a checkpoint share promises (C7, invariant I13 of
// consensus): each slot from the stable checkpoint up to it is in the signer's
// ledger or journal, durably.
func (k *checker) covered(n *node, seq wire.SeqNum) {
	for s := max(n.ledger.Applied(), n.past.anchored) + 1; s <= seq && int(s) <= len(k.chain); s++ {
		k.needs(n, wire.KindCheckpoint, fact{kind: wire.RecordCommitted, seq: s, digest: k.chain[s-1].header.BatchDigest})
	}
}

// best is the newest value that a replica promised for a slot.
type best struct {
	view   wire.View
	digest wire.Digest
}

// reports checks that a view change tells all that its signer promised in any
// view below and in any life (C7, invariant I3 of consensus): every vote and
// every lock above its stable checkpoint, or newer ones.
func (k *checker) reports(n *node, m *wire.ViewChange) {
	at := 0
	for s := m.Stable.State.Seq + 1; s <= m.Stable.State.Seq+k.w.opt.Window; s++ {
		var e wire.SlotEvidence
		for at < len(m.Slots) && m.Slots[at].Seq <= s {
			if m.Slots[at].Seq == s {
				e = m.Slots[at]
			}
			at++
		}
		if b, ok := n.past.votes[s]; ok && b.view < m.To && (!e.HasVote || e.Vote.View < b.view) {
			k.w.fail("C7: replica %d voted in view %d for slot %d, its view change to %d says %+v", n.id, b.view, s, m.To, e)
		}
		if b, ok := n.past.locks[s]; ok && b.view < m.To && (!e.HasLock || e.Lock.View < b.view) {
			k.w.fail("C7: replica %d locked slot %d in view %d, its view change to %d says %+v", n.id, s, b.view, m.To, e)
		}
	}
}

// newest keeps the value of the highest view.
func newest(of map[wire.SeqNum]best, id wire.SlotID) {
	if b, ok := of[id.Seq]; !ok || id.View >= b.view {
		of[id.Seq] = best{id.View, id.Digest}
	}
}

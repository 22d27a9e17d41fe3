package sim

import "quorate/wire"

// Lies of a primary about what it proposes.

// slotChance is true for p of 1000 slots: for all frames of such a slot, so that
// a lie about it is whole.
func (f *frame) slotChance(id wire.SlotID, p int) bool {
	return mix(f.l.brain.w.opt.Seed^uint64(id.Seq)<<20^uint64(id.View))%1000 < uint64(p)
}

// equivocate gives the second value to those who are to get it, and has all
// liars vote for both (strategy 1).
func equivocate(f *frame) bool {
	m, ok := f.m.(*wire.PrePrepare)
	if !ok || !f.l.brain.second[f.to] || !f.slotChance(m.Slot, 600) {
		return false
	}
	second := f.l.brain.secondValue(m)
	if second == nil || second.Slot == m.Slot {
		return false
	}
	for _, l := range f.l.brain.liars {
		l.voteFor(f.to, second.Slot)
	}
	if f.rnd.chance(300) { // both to one
		f.l.tell(f.to, m)
	}
	return f.become(second)
}

// voteFor sends a liar's shares for a value to those who collect for it, and to
// its victim.
func (l *liar) voteFor(victim wire.ReplicaID, id wire.SlotID) {
	m := l.vote(id)
	l.tell(victim, m)
	for _, c := range l.w.q.CommitCollectors(nil, id.Seq, id.View) {
		l.tell(c, m)
	}
}

// sameDigest sends other bytes under a digest that it keeps (strategy 2): the
// digest does not cover client signatures, so those can be exchanged; or the
// whole batch is another one, and only whoever computes the digest sees it.
func sameDigest(f *frame) bool {
	switch m := f.m.(type) {
	case *wire.PrePrepare:
		if !f.l.brain.second[f.to] && f.rnd.chance(700) {
			return false
		}
		raw := otherBytes(f, m.Batch)
		return raw != nil && f.become(&wire.PrePrepare{Slot: m.Slot, Author: m.Author, Batch: raw})
	case *wire.Body:
		raw := otherBytes(f, m.Batch)
		return raw != nil && f.become(&wire.Body{Batch: raw})
	case *wire.Blocks:
		b := &m.Blocks[f.rnd.below(len(m.Blocks))]
		raw := otherBytes(f, b.Batch)
		if raw == nil {
			return false
		}
		b.Batch = raw
		return f.become(m)
	}
	return false
}

// otherBytes changes a batch so that its digest stays, or lies about it.
func otherBytes(f *frame, raw []byte) []byte {
	batch, err := wire.DecodeBatch(raw)
	if err != nil {
		return nil
	}
	n := len(batch.Requests)
	q := &batch.Requests[f.rnd.below(n)]
	switch f.rnd.below(4) {
	case 0:
		q.Signature[f.rnd.below(len(q.Signature))] ^= 1
	case 1:
		q.Signature, batch.Requests[0].Signature = batch.Requests[0].Signature, q.Signature
		if n == 1 {
			q.Signature = wire.Signature{}
		}
	case 2:
		batch.Time++
	default:
		q.Seq++
	}
	return batch.Append(nil)
}

// unsignedRequest proposes what no client signed, under its true digest.
func unsignedRequest(f *frame) bool {
	m, ok := f.m.(*wire.PrePrepare)
	if !ok {
		return false
	}
	batch, err := wire.DecodeBatch(m.Batch)
	if err != nil {
		return false
	}
	q := &batch.Requests[f.rnd.below(len(batch.Requests))]
	switch {
	case f.rnd.chance(300):
		q.Client = f.l.brain.censored
	case len(q.Body) > 0:
		q.Body = append([]byte(nil), q.Body...)
		q.Body[f.rnd.below(len(q.Body))] ^= 1 << f.rnd.below(8)
	default:
		q.Seq++
	}
	bent := f.l.brain.author(m.Slot, batch)
	return bent != nil && f.become(bent)
}

// The progress timeout is 160 ticks: a primary that answers just before it is
// left alone.
const (
	dripMicrosLow  = 560_000
	dripMicrosHigh = 780_000
)

// slowDrip holds proposals back until just under the timeout (strategy 4). The
// delay is that of the slot, so that all receivers wait alike.
func slowDrip(f *frame) bool {
	m, ok := f.m.(*wire.PrePrepare)
	if !ok {
		return false
	}
	f.delay += dripMicrosLow + mix(uint64(m.Slot.Seq))%(dripMicrosHigh-dripMicrosLow)
	return true
}

package sim

import (
	"quorate/consensus"
	"quorate/wire"
)

// brain is what the liars of one run share: whom they hurt, the second value
// that they agree on, and all that each of them saw. It is as strong as the
// model allows: it reads the state of honest replicas too, and signs with the
// keys of all liars, but forges nothing.
type brain struct {
	w     *world
	liars []*liar

	// Agreed once per run.
	plan     [strategyCount]bool
	second   []bool // replicas that get the second value, or the other twin
	target   wire.ReplicaID
	censored wire.ClientID

	// Learned. Maps are looked up, never ranged, and emptied when they are full.
	values  map[slotKey]*wire.PrePrepare // the second value, by its author
	pools   map[wire.SlotID]*pool
	changes map[wire.View][]*wire.ViewChange
	heads   []*wire.PrePrepare // proposals of anyone, as they were authored, without bodies
	certs   []wire.Message     // certificates of any slot and view
	stable  wire.Stable        // the newest certified checkpoint
	archive []letter           // some frames of all lives
	kept    int
}

type slotKey struct {
	view wire.View
	seq  wire.SeqNum
}

// pool is the shares for one value that liars know.
type pool struct {
	sigma, tau, two []consensus.ShareOf
	tauCert         wire.Certificate
	hasTau, sent    bool
}

// What a brain remembers at most. Enough for several windows.
const (
	brainSlotsMax   = 512
	brainViewsMax   = 64
	brainChangesMax = 64 // per view
	brainRingMax    = 128
)

func newBrain(w *world) *brain {
	r := newStream(w.opt.Seed, "brain")
	b := &brain{w: w, plan: *drawPlan(&r, w.opt.Lies), second: make([]bool, w.q.N),
		values: map[slotKey]*wire.PrePrepare{}, pools: map[wire.SlotID]*pool{}, changes: map[wire.View][]*wire.ViewChange{}}
	// Halves, or few against many: each quorum has another size at which it hurts.
	part := []int{150, 300, 500, 700}[r.below(4)]
	for i := range b.second {
		b.second[i] = r.chance(part)
	}
	b.target = wire.ReplicaID(r.below(w.q.N))
	b.second[b.target] = true
	b.censored = wire.ClientID(1 + r.below(w.opt.Load.Clients))
	return b
}

// count is how many liars there are.
func (b *brain) count() int {
	if b == nil {
		return 0
	}
	return len(b.liars)
}

// keep remembers one in eight frames, old ones as long as new ones: those of
// earlier lives and views must be there to be replayed.
func (b *brain) keep(to, from wire.ReplicaID, kind wire.Kind, body []byte) {
	b.kept++
	if b.kept%8 != 0 || len(body) > 32<<10 {
		return
	}
	l := letter{from: from, to: to, kind: kind, body: append([]byte(nil), body...)}
	if len(b.archive) < brainRingMax {
		b.archive = append(b.archive, l)
		return
	}
	b.archive[mix(uint64(b.kept))%brainRingMax] = l
}

// learn takes a message that a liar received. m may alias the frame, which is
// never written again.
func (b *brain) learn(from wire.ReplicaID, m wire.Message) {
	switch m := m.(type) {
	case *wire.PrePrepare:
		b.heads = ringed(b.heads, &wire.PrePrepare{Slot: m.Slot, Author: m.Author}, b.kept)
	case *wire.SignShare:
		p := b.pool(m.Slot)
		p.sigma = append(p.sigma, consensus.ShareOf{Replica: from, Share: m.Sigma})
		if m.HasTau {
			p.tau = append(p.tau, consensus.ShareOf{Replica: from, Share: m.Tau})
		}
	case *wire.Commit:
		p := b.pool(m.Slot)
		p.two = append(p.two, consensus.ShareOf{Replica: from, Share: m.Share})
	case *wire.Prepare:
		p := b.pool(m.Slot)
		p.tauCert, p.hasTau = m.Tau, true
		b.certs = ringed[wire.Message](b.certs, m, b.kept)
	case *wire.FullCommitProof, *wire.SlowCommitProof, *wire.ExecuteProof:
		b.certs = ringed(b.certs, m, b.kept)
	case *wire.Stable:
		b.checkpoint(*m)
		b.certs = ringed[wire.Message](b.certs, m, b.kept)
	case *wire.ViewChange:
		b.change(m)
	}
}

func ringed[T any](ring []T, v T, at int) []T {
	if len(ring) < brainRingMax {
		return append(ring, v)
	}
	ring[mix(uint64(at))%brainRingMax] = v
	return ring
}

func (b *brain) pool(id wire.SlotID) *pool {
	p := b.pools[id]
	if p == nil {
		if len(b.pools) >= brainSlotsMax {
			clear(b.pools)
		}
		p = &pool{}
		b.pools[id] = p
	}
	return p
}

// change keeps a view change of anyone, each of a liar's versions beside the
// others.
func (b *brain) change(m *wire.ViewChange) {
	b.checkpoint(m.Stable)
	if len(b.changes) >= brainViewsMax && b.changes[m.To] == nil {
		clear(b.changes)
	}
	list := b.changes[m.To]
	for _, old := range list {
		if old.Replica == m.Replica && old.Signature == m.Signature {
			return
		}
	}
	if len(list) < brainChangesMax {
		b.changes[m.To] = append(list, m)
	}
}

// checkpoint keeps the newest certified checkpoint. Liars do not fool liars.
func (b *brain) checkpoint(s wire.Stable) {
	if s.State.Seq > b.stable.State.Seq && b.w.keys.verifier.VerifyGroup(consensus.PurposeCheckpoint, b.w.scope.CheckpointHash(s.State), s.Tau) {
		b.stable = s
	}
}

// colludes reports whether a replica is one of the liars.
func (b *brain) colludes(id wire.ReplicaID) bool { return b.w.nodes[id].liar != nil }

// secondValue is the other value for a slot of a lying primary, the same for all
// that get it. It is nil when there is none.
func (b *brain) secondValue(m *wire.PrePrepare) *wire.PrePrepare {
	key := slotKey{m.Slot.View, m.Slot.Seq}
	if v, ok := b.values[key]; ok {
		return v
	}
	if len(b.values) >= brainSlotsMax {
		clear(b.values)
	}
	v := b.invent(m)
	b.values[key] = v
	return v
}

// invent makes a valid second batch out of a first one: another time, another
// order, a request less.
func (b *brain) invent(m *wire.PrePrepare) *wire.PrePrepare {
	batch, err := wire.DecodeBatch(m.Batch)
	if err != nil {
		return nil
	}
	n := len(batch.Requests)
	switch how := mix(uint64(m.Slot.Seq)<<16^uint64(m.Slot.View)) % 3; {
	case how == 1 && n > 1:
		batch.Requests = batch.Requests[:n-1]
	case how == 2 && n > 1:
		batch.Requests[0], batch.Requests[n-1] = batch.Requests[n-1], batch.Requests[0]
	default:
		batch.Time++
	}
	return b.author(m.Slot, batch)
}

// author proposes a batch for a slot as its primary, which must be a liar.
func (b *brain) author(slot wire.SlotID, batch wire.Batch) *wire.PrePrepare {
	primary := b.w.q.Primary(slot.View)
	raw := batch.Append(nil)
	d, err := b.w.check.batchDigest(raw)
	if err != nil || !b.colludes(primary) {
		return nil
	}
	slot.Digest = d
	return &wire.PrePrepare{Slot: slot, Author: b.w.keys.suites[primary].SignIdentity(b.w.scope.AuthorBytes(slot)), Batch: raw}
}

// shares is what liars can sign for a value, in addition to a pool.
func (b *brain) shares(p consensus.Purpose, h wire.Digest, pooled []consensus.ShareOf) []consensus.ShareOf {
	out := append([]consensus.ShareOf(nil), pooled...)
	for _, l := range b.liars {
		out = append(out, consensus.ShareOf{Replica: l.n.id, Share: b.w.keys.suites[l.n.id].SignShare(p, h)})
	}
	return out
}

// combine makes a certificate out of pooled shares and those of all liars, if
// they are enough. Shares that do not verify are left out.
func (b *brain) combine(p consensus.Purpose, h wire.Digest, pooled []consensus.ShareOf) (wire.Certificate, bool) {
	seen := make([]bool, b.w.q.N)
	var distinct []consensus.ShareOf
	for _, s := range b.shares(p, h, pooled) {
		if int(s.Replica) < len(seen) && !seen[s.Replica] {
			seen[s.Replica] = true
			distinct = append(distinct, s)
		}
	}
	need := b.w.q.Tau
	if p == consensus.PurposeSigma {
		need = b.w.q.Sigma
	}
	if len(distinct) < need {
		return wire.Certificate{}, false
	}
	sig, culprits, ok := b.w.keys.verifier.Combine(p, h, distinct)
	if ok {
		return sig, true
	}
	bad := make([]bool, b.w.q.N)
	for _, c := range culprits {
		bad[c] = true
	}
	good := distinct[:0]
	for _, s := range distinct {
		if !bad[s.Replica] {
			good = append(good, s)
		}
	}
	if len(good) < need {
		return sig, false
	}
	sig, _, ok = b.w.keys.verifier.Combine(p, h, good)
	return sig, ok
}

package sim

import (
	"quorate/consensus"
	"quorate/wire"
)

// bend is a set of ways to lie.
type bend uint32

const (
	bendEquivocate bend = 1 << iota // two values for one slot, to two halves
	bendShares                      // bad shares
	bendWithhold                    // some frames do not go out
	bendProofs                      // certificates that do not verify
	bendStatus                      // claims to be far ahead or behind
	bendComplain                    // complains all the time
	bendNumbers                     // ±1 on view or seq
	bendBytes                       // any byte
	bendChanges                     // reports less in view changes than it knows
	bendBatches                     // proposes what no client signed
	bendDouble                      // votes for every value that it hears of
	bendAll        = 1<<iota - 1
)

// liar is a Byzantine replica: the real program, whose frames are bent on the
// way out, so that it stays plausible enough to hurt. It signs with its own keys
// only.
type liar struct {
	n    *node
	base uint64 // seed of what it does to each frame
	sent uint64 // frames so far
	rnd  stream // of the frame at hand
	lied bool   // about the frame at hand
	ways bend
	rate int // of 1000 frames
}

func newLiar(n *node, seed uint64) *liar {
	l := &liar{n: n, base: seed, rnd: newStream(seed, "ways")}
	l.ways = bend(l.rnd.next()) & bendAll
	l.rate = l.rnd.between(20, 600)
	n.w.say("liar %d: ways %b rate %d", n.id, l.ways, l.rate)
	return l
}

func (l *liar) does(b bend) bool {
	if l.ways&b == 0 || !l.rnd.chance(l.rate) {
		return false
	}
	l.lied = true
	return true
}

// about turns to the next frame: all that the liar decides about it comes from
// one seed. It reports false for a frame of which the script wants the truth;
// otherwise done must follow.
func (l *liar) about(k key) (seed uint64, lies bool) {
	l.sent++
	seed, lies = l.n.w.choice.bends(k, mix(l.base+l.sent))
	l.rnd, l.lied = stream(seed), false
	return seed, lies
}

// done writes down that the frame was lied about.
func (l *liar) done(k key, seed uint64) {
	if l.lied {
		l.n.w.choice.bent(k, seed)
	}
}

// reply bends a reply to a client, or withholds it.
func (l *liar) reply(k key, kind wire.Kind, body []byte) (wire.Kind, []byte, bool) {
	seed, lies := l.about(k)
	if !lies {
		return kind, body, true
	}
	defer l.done(k, seed)
	if l.withholds() {
		return kind, nil, false
	}
	kind, body = l.answer(kind, body)
	return kind, body, true
}

func (l *liar) withholds() bool { return l.does(bendWithhold) }

// send takes a frame for one receiver.
func (l *liar) send(to wire.ReplicaID, kind wire.Kind, body []byte) {
	w := l.n.w
	k := w.choice.frame(int(l.n.id)+liarEnd, int(to), kind, body)
	seed, lies := l.about(k)
	if !lies {
		w.net.post(l.n.id, to, kind, body)
		return
	}
	l.bend(to, kind, body)
	l.done(k, seed)
}

// liarEnd is added to a liar's id in the name of a frame that it may bend or has
// heard: what becomes of the frame on its way has the plain name.
const liarEnd = 100

// bend sends something in the place of a frame.
func (l *liar) bend(to wire.ReplicaID, kind wire.Kind, body []byte) {
	w := l.n.w
	if l.withholds() {
		w.count(FaultByzantine)
		return
	}
	if l.does(bendComplain) {
		w.net.post(l.n.id, to, wire.KindComplaint, (&wire.Complaint{View: wire.View(l.rnd.below(int(w.check.views) + 3))}).Append(nil))
	}
	if l.does(bendBytes) && len(body) > 0 {
		w.count(FaultByzantine)
		body = append([]byte(nil), body...)
		body[l.rnd.below(len(body))] ^= byte(1 << l.rnd.below(8))
		w.net.post(l.n.id, to, kind, body)
		return
	}
	m, err := wire.DecodeMessage(kind, body)
	if err != nil { // a forwarded request
		w.net.post(l.n.id, to, kind, body)
		return
	}
	if bent := l.bent(to, m); bent != nil {
		w.count(FaultByzantine)
		m = bent
	}
	w.net.post(l.n.id, to, m.Kind(), m.Append(nil))
}

// hears lets the liar vote for whatever somebody else voted for, in any view,
// beside what its own core does.
func (l *liar) hears(kind wire.Kind, body []byte) {
	if kind != wire.KindSignShare && kind != wire.KindPrePrepare && kind != wire.KindPrepare {
		return
	}
	k := l.n.w.choice.frame(int(l.n.id)+liarEnd, int(l.n.id), kind, body)
	seed, lies := l.about(k)
	if !lies || !l.does(bendDouble) {
		return
	}
	l.done(k, seed)
	m, err := wire.DecodeMessage(kind, body)
	if err != nil {
		return
	}
	w := l.n.w
	w.count(FaultByzantine)
	suite := w.keys.suites[l.n.id]
	var out wire.Message
	switch m := m.(type) {
	case *wire.SignShare:
		out = l.vote(m.Slot)
	case *wire.PrePrepare:
		out = l.vote(m.Slot)
	case *wire.Prepare:
		out = &wire.Commit{Slot: m.Slot, Share: suite.SignShare(consensus.PurposeTauTau, w.scope.SlowCommitHash(m.Slot, m.Tau))}
	}
	l.toAll(out)
}

func (l *liar) vote(id wire.SlotID) *wire.SignShare {
	w := l.n.w
	suite, h := w.keys.suites[l.n.id], w.scope.SlotHash(id)
	return &wire.SignShare{Slot: id, Sigma: suite.SignShare(consensus.PurposeSigma, h), HasTau: true, Tau: suite.SignShare(consensus.PurposeTau, h)}
}

func (l *liar) toAll(m wire.Message) {
	body := m.Append(nil)
	for i := range l.n.w.q.N {
		if to := wire.ReplicaID(i); to != l.n.id && l.n.linkUp[i] {
			l.n.w.net.post(l.n.id, to, m.Kind(), body)
		}
	}
}

// bent gives what one receiver gets instead, nil for the truth.
func (l *liar) bent(to wire.ReplicaID, m wire.Message) wire.Message {
	switch m := m.(type) {
	case *wire.PrePrepare:
		return l.proposal(to, m)
	case *wire.SignShare:
		return l.share(to, m)
	case *wire.Commit:
		if l.does(bendShares) {
			m.Share[9] ^= 1
			return m
		}
	case *wire.SignState:
		if l.does(bendShares) {
			m.Share[9] ^= 1
			return m
		}
	case *wire.Checkpoint:
		if l.does(bendShares) {
			m.Share[9] ^= 1
			return m
		}
	case *wire.FullCommitProof:
		if l.does(bendProofs) {
			m.Slot.Digest[0] ^= 1
			return m
		}
	case *wire.Prepare:
		if l.does(bendProofs) {
			m.Slot.Digest[0] ^= 1
			return m
		}
	case *wire.SlowCommitProof:
		if l.does(bendProofs) {
			m.TauTau[9] ^= 1
			return m
		}
	case *wire.ExecuteProof:
		if l.does(bendProofs) {
			m.Digest[0] ^= 1
			return m
		}
	case *wire.Status:
		if l.does(bendStatus) {
			m.Executed += wire.SeqNum(l.rnd.below(1000))
			m.View += wire.View(l.rnd.below(3))
			m.Active = l.rnd.chance(500)
			m.Voted = nil
			return m
		}
	case *wire.ViewChange:
		if m.Replica == l.n.id && l.does(bendChanges) {
			return l.change(m)
		}
	}
	return nil
}

// proposal gives half of the receivers another value, or one that no client
// signed.
func (l *liar) proposal(to wire.ReplicaID, m *wire.PrePrepare) wire.Message {
	w := l.n.w
	twofaced := l.ways&bendEquivocate != 0 && to%2 == 0 && mix(uint64(m.Slot.Seq))%1000 < uint64(l.rate)
	l.lied = l.lied || twofaced
	if !twofaced && !l.does(bendBatches) {
		return nil
	}
	batch, err := wire.DecodeBatch(m.Batch)
	if err != nil {
		return nil
	}
	if twofaced {
		batch.Time++
	} else if q := &batch.Requests[l.rnd.below(len(batch.Requests))]; len(q.Body) > 0 {
		q.Body = append([]byte(nil), q.Body...)
		q.Body[0] ^= 1
	}
	raw := batch.Append(nil)
	d, err := w.check.batchDigest(raw)
	if err != nil {
		return nil
	}
	id := wire.SlotID{View: m.Slot.View, Seq: m.Slot.Seq, Digest: d}
	if twofaced {
		l.toAll(l.vote(id))
		if l.rnd.chance(300) { // both to one
			w.net.post(l.n.id, to, m.Kind(), m.Append(nil))
		}
	}
	return &wire.PrePrepare{Slot: id, Author: w.keys.suites[l.n.id].SignIdentity(w.scope.AuthorBytes(id)), Batch: raw}
}

// share bends a vote: bad bytes, or a share for a neighbour's slot.
func (l *liar) share(to wire.ReplicaID, m *wire.SignShare) wire.Message {
	switch {
	case l.does(bendShares):
		m.Sigma[9] ^= 1
		m.Tau[9] ^= 1
		if !m.HasTau {
			m.Tau = wire.BLSSignature{}
		}
		return m
	case l.does(bendNumbers):
		if l.rnd.chance(500) {
			m.Slot.Seq++
		} else {
			m.Slot.View++
		}
		return m
	}
	return nil
}

// change reports low, or claims votes that were never cast.
func (l *liar) change(m *wire.ViewChange) wire.Message {
	w := l.n.w
	var slots []wire.SlotEvidence
	for _, e := range m.Slots {
		switch l.rnd.below(7) {
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
		case 5: // a certificate of its own making
			e.HasLock = true
			e.Lock.View, e.Lock.Digest = m.To-1, e.Vote.Digest
			e.Lock.Digest[6] ^= 1
		}
		slots = append(slots, e)
	}
	m.Slots = slots
	d := w.scope.ViewChangeDigest(m)
	m.Signature = w.keys.suites[l.n.id].SignIdentity(d[:])
	return m
}

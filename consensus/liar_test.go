package consensus

// Liars: Byzantine replicas. Each is a real core whose messages are bent on the
// way out, so that it stays plausible enough to hurt. It signs only with its
// own keys.

import "quorate/wire"

// bend is a set of ways to lie.
type bend uint

const (
	bendEquivocate bend = 1 << iota // two values for one slot, to two halves
	bendShares                      // bad shares
	bendWithhold                    // a random message does not go out
	bendViewChange                  // reports less than it knows, or votes it never cast, to each its own
	bendNewView                     // another chosen set to each, or a set that nobody can find
	bendReplay                      // sends what anyone once sent to anyone
	bendProofs                      // certificates that do not verify
	bendComplain                    // complains all the time
	bendBatches                     // proposes invalid batches
	bendStatus                      // claims to be far ahead, or far behind
	bendAll        = 1<<iota - 1
)

type liar struct {
	w    *world
	ways bend
	rate int // per 1000 messages
}

func (l *liar) does(b bend) bool { return l.ways&b != 0 && l.w.rnd.chance(l.rate) }

// send bends m for each receiver.
func (l *liar) send(nd *node, to []wire.ReplicaID, m wire.Message) {
	w := l.w
	var other wire.Message
	if p, ok := m.(*wire.PrePrepare); ok && len(to) > 1 {
		other = l.otherProposal(nd, p)
	}
	for i, r := range to {
		if r == nd.id {
			w.post(nd, r, m)
			continue
		}
		if l.does(bendWithhold) {
			continue
		}
		if other != nil && i%2 == 0 {
			w.post(nd, r, other)
			continue
		}
		w.post(nd, r, l.bent(nd, m))
		if l.does(bendReplay) && len(w.archive) > 0 {
			w.post(nd, r, w.archive[w.rnd.below(len(w.archive))].msg)
		}
		if l.does(bendComplain) {
			v := wire.View(w.rnd.below(int(w.check.views) + 3))
			w.post(nd, r, &wire.Complaint{View: v})
		}
	}
}

// otherProposal is a second signed value for the slot, with shares for it.
func (l *liar) otherProposal(nd *node, p *wire.PrePrepare) wire.Message {
	w := l.w
	var body []byte
	switch {
	case l.does(bendEquivocate):
		body = append([]byte("two-faced "), p.Batch...)
		if len(w.batches) > 0 && w.rnd.chance(300) {
			body = w.batches[w.rnd.below(len(w.batches))].body
		}
	case l.does(bendBatches):
		body = append([]byte{badBatch}, p.Batch...)
	default:
		return nil
	}
	id := p.Slot
	id.Digest = bodyDigest(body)
	h := w.cfg.Scope.SlotHash(id)
	share := &wire.SignShare{Slot: id, Sigma: shareTag(PurposeSigma, nd.id, h), HasTau: true, Tau: shareTag(PurposeTau, nd.id, h)}
	for _, r := range w.q.CommitCollectors(nil, id.Seq, id.View) {
		if r != nd.id {
			w.post(nd, r, share)
		}
	}
	return &wire.PrePrepare{Slot: id, Author: edTag(PurposeAuthor, nd.id, w.authorHash(id)), Batch: body}
}

// bentShare flips a bit of a share, or makes one up of none.
func bentShare(s wire.Share) wire.Share {
	b := append([]byte(nil), s.Bytes()...)
	if len(b) == 0 {
		b = []byte{0}
	}
	b[len(b)-1] ^= 1
	s, _ = wire.NewShare(b) // no longer than it was
	return s
}

// bent gives the message that one receiver gets.
func (l *liar) bent(nd *node, m wire.Message) wire.Message {
	w := l.w
	switch m := m.(type) {
	case *wire.SignShare:
		if l.does(bendShares) {
			b := *m
			b.Sigma, b.Tau = bentShare(b.Sigma), bentShare(b.Tau)
			return &b
		}
	case *wire.Commit:
		if l.does(bendShares) {
			b := *m
			b.Share = bentShare(b.Share)
			return &b
		}
	case *wire.SignState:
		if l.does(bendShares) {
			b := *m
			b.Share = bentShare(b.Share)
			return &b
		}
	case *wire.Checkpoint:
		if l.does(bendShares) {
			b := *m
			if w.rnd.chance(500) {
				b.State.StateRoot[0] ^= 1
				b.Share = shareTag(PurposeCheckpoint, nd.id, w.cfg.Scope.CheckpointHash(b.State))
			} else {
				b.Share = bentShare(b.Share)
			}
			return &b
		}
	case *wire.FullCommitProof:
		if l.does(bendProofs) {
			b := *m
			b.Slot.Digest[0] ^= 1
			return &b
		}
	case *wire.ExecuteProof:
		if l.does(bendProofs) { // a true certificate, of another slot
			b := *m
			b.Seq += wire.SeqNum(1 + w.rnd.below(2))
			return &b
		}
	case *wire.Prepare:
		if l.does(bendProofs) {
			b := *m
			b.Slot.Digest[0] ^= 1
			return &b
		}
	case *wire.Status:
		if l.does(bendStatus) {
			b := *m
			b.Executed += wire.SeqNum(w.rnd.below(1000))
			b.View += wire.View(w.rnd.below(3))
			b.Active = w.rnd.chance(500)
			b.Voted = nil
			return &b
		}
	case *wire.ViewChange:
		if m.Replica == nd.id && l.does(bendViewChange) {
			return l.viewChange(nd, m)
		}
	case *wire.NewView:
		if w.q.Primary(m.To) == nd.id && l.does(bendNewView) {
			return l.newView(nd, m)
		}
	}
	return m
}

// viewChange reports low, or claims votes that were never cast.
func (l *liar) viewChange(nd *node, m *wire.ViewChange) wire.Message {
	w := l.w
	b := *m
	b.Slots = nil
	for _, e := range m.Slots {
		switch w.rnd.below(6) {
		case 0: // never heard of it
			continue
		case 1:
			e.HasLock = false
			if !e.HasVote {
				continue
			}
		case 2:
			if e.HasVote && e.Vote.View > 0 {
				e.Vote.View--
			}
		case 3:
			if m.To > 0 {
				e.HasVote, e.Vote.View = true, m.To-1
			}
		case 4:
			e.HasVote = true
			e.Vote.Digest = bodyDigest([]byte("two-faced batch"))
		}
		b.Slots = append(b.Slots, e)
	}
	b.Signature = edTag(PurposeViewChange, nd.id, w.cfg.Scope.ViewChangeDigest(&b))
	return &b
}

// newView names another set: one built from any view changes that went over
// the network, or one with a digest that nobody has.
func (l *liar) newView(nd *node, m *wire.NewView) wire.Message {
	w := l.w
	b := wire.NewView{To: m.To}
	known := make([]wire.Digest, w.q.N)
	for _, x := range w.archive {
		if v, ok := x.msg.(*wire.ViewChange); ok && v.To == m.To {
			known[v.Replica] = w.cfg.Scope.ViewChangeDigest(v)
		}
	}
	skip := w.rnd.below(w.q.N)
	for i := range known {
		id := wire.ReplicaID((i + skip) % w.q.N)
		if !known[id].IsNull() && len(b.Chosen) < w.q.ViewChange {
			b.Chosen = append(b.Chosen, wire.ChosenViewChange{Replica: id, Digest: known[id]})
		}
	}
	if len(b.Chosen) < w.q.ViewChange || w.rnd.chance(300) {
		b.Chosen = append([]wire.ChosenViewChange(nil), m.Chosen...)
		b.Chosen[w.rnd.below(len(b.Chosen))].Digest[3] ^= 1
	}
	for i := 1; i < len(b.Chosen); i++ {
		for j := i; j > 0 && b.Chosen[j].Replica < b.Chosen[j-1].Replica; j-- {
			b.Chosen[j], b.Chosen[j-1] = b.Chosen[j-1], b.Chosen[j]
		}
	}
	b.Signature = edTag(PurposeNewView, nd.id, w.cfg.Scope.NewViewDigest(&b))
	return &b
}

// pastOutcomes tells what the ledger knows.
func (w *world) pastOutcomes(nd *node, past *Past) {
	for i, b := range nd.ledger {
		past.Outcomes = append(past.Outcomes, Executed{Seq: wire.SeqNum(i + 1), Digest: b.digest, StateRoot: b.root})
		past.Proofs = append(past.Proofs, b.proof)
	}
}

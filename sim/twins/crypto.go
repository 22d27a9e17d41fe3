package twins

import (
	"quorate/consensus"
	"quorate/wire"
)

// Ideal signatures: a tag that names purpose, signer and content. Only these
// functions make them, and twins sign with the one name that they share.

const (
	tagShare    = 1
	tagCombined = 2
	tagEd       = 3
)

func shareTag(p consensus.Purpose, r wire.ReplicaID, h wire.Digest) wire.Share {
	s, _ := wire.NewShare(append([]byte{tagShare, byte(p), byte(r)}, h[:]...)) // short enough
	return s
}

func combinedTag(p consensus.Purpose, h wire.Digest) wire.Certificate {
	c, _ := wire.NewCertificate(append([]byte{tagCombined, byte(p)}, h[:]...)) // short enough
	return c
}

func edTag(p consensus.Purpose, r wire.ReplicaID, h wire.Digest) (s wire.Signature) {
	s[0], s[1], s[2] = tagEd, byte(p), byte(r)
	copy(s[8:], h[:])
	return s
}

// signed answers a Sign effect.
func (w *world) signed(in *instance, job consensus.Sign) consensus.Signed {
	out := consensus.Signed{Job: job}
	switch job.Purpose {
	case consensus.PurposeAuthor:
		out.Author = edTag(consensus.PurposeAuthor, in.id, w.slotHash(job.Slot))
	case consensus.PurposeViewChange, consensus.PurposeNewView:
		out.Author = edTag(job.Purpose, in.id, job.Hash)
	default:
		out.Share = shareTag(job.Purpose, in.id, job.Hash)
	}
	return out
}

// combined answers a Combine effect.
func (w *world) combined(in *instance, job consensus.Combine) consensus.Combined {
	out := consensus.Combined{Job: job, OK: true}
	need := w.q.Tau
	switch job.Purpose {
	case consensus.PurposeSigma:
		need = w.q.Sigma
	case consensus.PurposePi:
		need = w.q.Pi
	}
	last := -1
	for _, s := range job.Shares {
		if int(s.Replica) <= last {
			w.unsafe("certificates: instance %d combines shares of %d twice or out of order", in.index, s.Replica)
		}
		last = int(s.Replica)
		if s.Share != shareTag(job.Purpose, s.Replica, job.Hash) {
			out.OK = false
			out.Culprits = append(out.Culprits, s.Replica)
		}
	}
	if len(job.Shares) < need {
		w.unsafe("certificates: instance %d combines %d shares for purpose %d", in.index, len(job.Shares), job.Purpose)
	}
	if out.OK {
		out.Signature = combinedTag(job.Purpose, job.Hash)
	}
	return out
}

// verified answers a Verify effect.
func (w *world) verified(in *instance, v consensus.Verify) consensus.Verified {
	out := consensus.Verified{From: v.From, Msg: v.Msg, Verdict: consensus.VerdictForged}
	sc, ok := w.scope, false
	switch m := v.Msg.(type) {
	case *wire.PrePrepare:
		ok = m.Author == edTag(consensus.PurposeAuthor, w.q.Primary(m.Slot.View), w.slotHash(m.Slot)) && bodyDigest(m.Batch) == m.Slot.Digest
	case *wire.FullCommitProof:
		ok = w.proofOK(wire.CommitProof{Slot: m.Slot, Fast: true, Sigma: m.Sigma})
	case *wire.SlowCommitProof:
		ok = w.proofOK(wire.CommitProof{Slot: m.Slot, TauTau: m.TauTau})
	case *wire.Prepare:
		ok = m.Tau == combinedTag(consensus.PurposeTau, w.slotHash(m.Slot))
	case *wire.ExecuteProof:
		ok = m.Pi == combinedTag(consensus.PurposePi, m.Digest)
	case *wire.Stable:
		ok = w.stableOK(*m)
	case *wire.ViewChange:
		c := w.judged(m)
		out.Digest, ok = c.digest, c.ok
	case *wire.NewView:
		ok = m.Signature == edTag(consensus.PurposeNewView, w.q.Primary(m.To), sc.NewViewDigest(m))
	case *wire.Reminder:
		ok = m.Sigma == shareTag(consensus.PurposeSigma, in.id, w.slotHash(m.Slot))
	case *wire.Body:
		out.Digest = bodyDigest(m.Batch)
		ok = true
	case *wire.Blocks:
		ok = true
		for i := range m.Blocks {
			b := &m.Blocks[i]
			d := b.Proof.Slot.Digest
			ok = ok && w.proofOK(b.Proof) && (d.IsNull() || bodyDigest(b.Batch) == d)
		}
	}
	if ok {
		out.Verdict = consensus.VerdictOK
	}
	return out
}

// judgedChange is what came of verifying a view change.
type judgedChange struct {
	msg    *wire.ViewChange
	digest wire.Digest
	ok     bool
}

// judgedMax bounds how many of them are remembered.
const judgedMax = 32

// judged verifies a view change, once for all its receivers.
func (w *world) judged(m *wire.ViewChange) judgedChange {
	for i := range w.changes {
		if w.changes[i].msg == m {
			return w.changes[i]
		}
	}
	c := judgedChange{msg: m, digest: w.scope.ViewChangeDigest(m)}
	c.ok = m.Signature == edTag(consensus.PurposeViewChange, m.Replica, c.digest) && w.evidenceOK(m)
	if len(w.changes) < judgedMax {
		w.changes = append(w.changes, c)
	} else {
		w.changes[w.nextChange%judgedMax] = c
		w.nextChange++
	}
	return c
}

func (w *world) proofOK(p wire.CommitProof) bool {
	if p.Fast {
		return p.Sigma == combinedTag(consensus.PurposeSigma, w.slotHash(p.Slot))
	}
	return p.TauTau == combinedTag(consensus.PurposeTauTau, w.scope.SlowCommitHash(p.Slot))
}

func (w *world) stableOK(s wire.Stable) bool {
	if s.State.Seq == 0 {
		return s == wire.Stable{}
	}
	return s.Tau == combinedTag(consensus.PurposeCheckpoint, w.scope.CheckpointHash(s.State))
}

func (w *world) evidenceOK(m *wire.ViewChange) bool {
	if !w.stableOK(m.Stable) {
		return false
	}
	for i := range m.Slots {
		e := &m.Slots[i]
		id := wire.SlotID{View: e.Lock.View, Seq: e.Seq, Digest: e.Lock.Digest}
		if e.HasLock && e.Lock.Tau != combinedTag(consensus.PurposeTau, w.slotHash(id)) {
			return false
		}
	}
	return true
}

// slotHash is wire's, remembered: the same few slots are hashed at every
// instance again and again.
func (w *world) slotHash(id wire.SlotID) wire.Digest {
	for i := range w.hashes {
		if w.hashes[i].slot == id {
			return w.hashes[i].hash
		}
	}
	h := w.scope.SlotHash(id)
	w.hashes = append(w.hashes, slotHash{id, h})
	return h
}

type slotHash struct {
	slot wire.SlotID
	hash wire.Digest
}

// A batch is its own digest, so that bodies need no store: 32 bytes that name
// who proposed it, in which view, as its how manieth.

func batchOf(instance int, v wire.View, k int) (d wire.Digest) {
	d[0], d[1], d[2], d[3] = 'b', byte(instance), byte(k), byte(k>>8)
	for i := range 8 {
		d[8+i] = byte(v >> (8 * i))
	}
	return d
}

func bodyDigest(body []byte) (d wire.Digest) {
	copy(d[:], body)
	return d
}

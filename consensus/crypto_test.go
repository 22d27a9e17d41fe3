package consensus

// Ideal signatures: a tag that names its purpose, signer and content. Honest
// code makes them only through these functions; liars only with their own id.

import "quorate/wire"

const (
	tagShare    = 1
	tagCombined = 2
	tagEd       = 3
)

func shareTag(p Purpose, r wire.ReplicaID, h wire.Digest) wire.Share {
	s, _ := wire.NewShare(append([]byte{tagShare, byte(p), byte(r), byte(r >> 8)}, h[:]...)) // short enough
	return s
}

func combinedTag(p Purpose, h wire.Digest) wire.Certificate {
	c, _ := wire.NewCertificate(append([]byte{tagCombined, byte(p)}, h[:]...)) // short enough
	return c
}

func edTag(p Purpose, r wire.ReplicaID, h wire.Digest) (s wire.Signature) {
	s[0], s[1], s[2], s[3] = tagEd, byte(p), byte(r), byte(r>>8)
	copy(s[8:], h[:])
	return s
}

func bodyDigest(body []byte) wire.Digest { return wire.Sum("test/batch", body) }

// badBatch is the first byte of a batch whose content is invalid.
const badBatch = 'X'

func (w *world) authorHash(slot wire.SlotID) (d wire.Digest) {
	copy(d[:], w.cfg.Scope.AuthorBytes(slot))
	return d
}

func (w *world) signed(nd *node, job Sign) Signed {
	out := Signed{Job: job}
	switch job.Purpose {
	case PurposeAuthor:
		out.Author = edTag(PurposeAuthor, nd.id, w.authorHash(job.Slot))
	case PurposeViewChange, PurposeNewView:
		out.Author = edTag(job.Purpose, nd.id, job.Hash)
	default:
		out.Share = shareTag(job.Purpose, nd.id, job.Hash)
	}
	return out
}

func (w *world) threshold(p Purpose) int {
	switch p {
	case PurposeSigma:
		return w.q.Sigma
	case PurposePi:
		return w.q.Pi
	}
	return w.q.Tau
}

func (w *world) combined(job Combine) Combined {
	out := Combined{Job: job, OK: true}
	last := -1
	for _, s := range job.Shares {
		if int(s.Replica) <= last {
			w.check.fail("combination with shares out of order or twice: %v", s.Replica)
		}
		last = int(s.Replica)
		if s.Share != shareTag(job.Purpose, s.Replica, job.Hash) {
			out.OK = false
			out.Culprits = append(out.Culprits, s.Replica)
		}
	}
	if len(job.Shares) < w.threshold(job.Purpose) {
		w.check.fail("combination of %d shares for purpose %d", len(job.Shares), job.Purpose)
	}
	if out.OK {
		out.Signature = combinedTag(job.Purpose, job.Hash)
	}
	return out
}

// verified answers a Verify effect; bodies that are good are kept.
func (w *world) verified(nd *node, v Verify) {
	out := Verified{From: v.From, Msg: v.Msg}
	out.Verdict = w.verdict(nd, v.Msg)
	switch m := v.Msg.(type) {
	case *wire.Body:
		out.Digest = bodyDigest(m.Batch)
	case *wire.ViewChange:
		out.Digest = w.cfg.Scope.ViewChangeDigest(m)
	}
	if out.Verdict == VerdictOK {
		switch m := v.Msg.(type) {
		case *wire.PrePrepare:
			nd.bodies[m.Slot.Digest] = m.Batch
		case *wire.Body:
			nd.bodies[out.Digest] = m.Batch
		case *wire.Blocks:
			for _, b := range m.Blocks {
				if !b.Proof.Slot.Digest.IsNull() {
					nd.bodies[b.Proof.Slot.Digest] = b.Batch
				}
			}
		}
	}
	w.step(nd, out)
}

func (w *world) verdict(nd *node, m wire.Message) Verdict {
	ok := false
	sc := w.cfg.Scope
	switch m := m.(type) {
	case *wire.PrePrepare:
		ok = m.Author == edTag(PurposeAuthor, w.q.Primary(m.Slot.View), w.authorHash(m.Slot)) && bodyDigest(m.Batch) == m.Slot.Digest
		if ok && m.Batch[0] == badBatch {
			return VerdictBadBatch
		}
	case *wire.Head:
		ok = m.Author == edTag(PurposeAuthor, w.q.Primary(m.Slot.View), w.authorHash(m.Slot))
	case *wire.FullCommitProof:
		ok = w.proofOK(wire.CommitProof{Slot: m.Slot, Fast: true, Sigma: m.Sigma})
	case *wire.SlowCommitProof:
		ok = w.proofOK(wire.CommitProof{Slot: m.Slot, TauTau: m.TauTau})
	case *wire.Prepare:
		ok = m.Tau == combinedTag(PurposeTau, sc.SlotHash(m.Slot))
	case *wire.ExecuteProof:
		ok = m.Pi == combinedTag(PurposePi, m.Digest)
	case *wire.Stable:
		ok = w.stableOK(*m)
	case *wire.ViewChange:
		ok = w.viewChangeOK(m)
	case *wire.Reminder:
		ok = m.Sigma == shareTag(PurposeSigma, nd.id, sc.SlotHash(m.Slot))
	case *wire.NewView:
		ok = m.Signature == edTag(PurposeNewView, w.q.Primary(m.To), sc.NewViewDigest(m))
	case *wire.Body:
		ok = len(m.Batch) > 0
	case *wire.Blocks:
		ok = true
		for _, b := range m.Blocks {
			d := b.Proof.Slot.Digest
			ok = ok && w.proofOK(b.Proof) && (d.IsNull() || bodyDigest(b.Batch) == d)
		}
	default:
		w.check.fail("verify of %T", m)
	}
	if ok {
		return VerdictOK
	}
	return VerdictForged
}

func (w *world) proofOK(p wire.CommitProof) bool {
	h := w.cfg.Scope.SlotHash(p.Slot)
	if p.Fast {
		return p.Sigma == combinedTag(PurposeSigma, h)
	}
	return p.TauTau == combinedTag(PurposeTauTau, w.cfg.Scope.SlowCommitHash(p.Slot))
}

func (w *world) stableOK(s wire.Stable) bool {
	if s.State.Seq == 0 {
		return s == wire.Stable{}
	}
	return s.Tau == combinedTag(PurposeCheckpoint, w.cfg.Scope.CheckpointHash(s.State))
}

func (w *world) viewChangeOK(m *wire.ViewChange) bool {
	if m.Signature != edTag(PurposeViewChange, m.Replica, w.cfg.Scope.ViewChangeDigest(m)) || !w.stableOK(m.Stable) {
		return false
	}
	for _, e := range m.Slots {
		id := wire.SlotID{View: e.Lock.View, Seq: e.Seq, Digest: e.Lock.Digest}
		if e.HasLock && e.Lock.Tau != combinedTag(PurposeTau, w.cfg.Scope.SlotHash(id)) {
			return false
		}
	}
	return true
}

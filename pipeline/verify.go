package pipeline

import (
	"time"

	"quorate/consensus"
	"quorate/internal/mark"
	"quorate/internal/plant"
	"quorate/wire"
)

// requestVerifier is the stage that checks client signatures of requests, many
// at a time. Several workers may step it at once.
type requestVerifier struct {
	r        *Replica
	requests *ring[inbound]
}

// verifyBatchMax bounds the signatures of one batch: above, the gain per
// signature is small and the latency grows.
const verifyBatchMax = 256

// verifyBytesMax bounds the body bytes of one batch, so that one worker does
// not hash for long while others idle.
const verifyBytesMax = 2 << 20

// offer queues a request unless the ring is full.
func (v *requestVerifier) offer(in inbound) bool {
	v.r.arriving.Add(int64(len(in.request.Body)))
	if v.requests.offer(in) {
		return true
	}
	v.r.arriving.Add(-int64(len(in.request.Body)))
	return false
}

// Step checks one batch, unless the order stage is behind; it wakes this one.
func (v *requestVerifier) Step() bool {
	if v.r.order.requests.len() >= v.r.order.requests.max {
		mark.Hit(mark.VerifyPauses)
		return false
	}
	var batch []inbound
	bytes := 0
	for len(batch) < verifyBatchMax && bytes < verifyBytesMax {
		in, ok := v.requests.takeOne()
		if !ok {
			break
		}
		batch = append(batch, in)
		bytes += len(in.request.Body)
	}
	if len(batch) == 0 {
		return false
	}
	trace := v.r.cfg.Trace
	taken := trace.now()
	keys := make([]ClientKey, len(batch))
	digests := make([]wire.Digest, len(batch))
	sigs := make([]wire.Signature, len(batch))
	good := make([]bool, len(batch))
	for i := range batch {
		keys[i] = batch[i].client.key
		digests[i] = batch[i].request.Digest(v.r.cfg.Cluster)
		sigs[i] = batch[i].request.Signature
	}
	v.r.suite.VerifyRequests(keys, digests, sigs, good)
	v.r.stats.RequestsVerified.Add(uint64(len(batch)))
	for i := range batch {
		in := &batch[i]
		if !good[i] {
			v.refuse(in)
			continue
		}
		trace.verified(digests[i], in.arrived, taken)
		v.r.order.requests.put(pendingRequest{request: in.request, digest: digests[i], forwarded: in.conn == 0})
	}
	return true
}

// refuse answers a bad signature. The connection is the client's own, so
// nothing can be learned or broken by sending bad ones.
func (v *requestVerifier) refuse(in *inbound) {
	v.r.arriving.Add(-int64(len(in.request.Body)))
	if in.conn == 0 {
		mark.Hit(mark.ForwardBadSignature)
		v.r.stats.PeerMalformed.Add(1)
		return
	}
	mark.Hit(mark.ClientBadSignature)
	in.client.answer(in.request.Seq)
	v.r.rejectClient(in.conn, in.request.Seq, wire.RejectSignature)
}

// cryptoStage does the core's jobs: shares and combinations first, because
// votes wait for them; verifications after. Several workers may step it.
type cryptoStage struct {
	r       *Replica
	urgent  *ring[consensus.Effect] // Sign, Combine
	checks  *ring[consensus.Verify]
	patient *ring[patient] // execution proofs, which wait for company
}

// Step does one job.
func (s *cryptoStage) Step() bool {
	if e, ok := s.urgent.takeOne(); ok {
		switch job := e.(type) {
		case consensus.Sign:
			s.r.order.events.put(s.sign(job))
		case consensus.Combine:
			sig, culprits, ok := s.r.suite.Combine(job.Purpose, job.Hash, job.Shares)
			if ok {
				s.r.certs.remember(Certificate{job.Purpose, job.Hash, sig})
			}
			s.r.order.events.put(consensus.Combined{Job: job, OK: ok, Signature: sig, Culprits: culprits})
		}
		s.r.order.events.to.wake() // it may have paused
		return true
	}
	if job, ok := s.checks.takeOne(); ok {
		if _, is := s.proof(job.Msg); is {
			s.proofs(job)
		} else {
			s.r.order.events.put(s.check(job))
		}
		return true
	}
	if s.due() {
		s.proofs()
		return true
	}
	return false
}

func (s *cryptoStage) sign(job consensus.Sign) consensus.Signed {
	out := consensus.Signed{Job: job}
	switch job.Purpose {
	case consensus.PurposeAuthor:
		out.Author = s.r.suite.SignIdentity(s.r.scope.AuthorBytes(job.Slot))
	case consensus.PurposeViewChange, consensus.PurposeNewView:
		out.Author = s.r.suite.SignIdentity(job.Hash[:])
	default:
		out.Share = s.r.suite.SignShare(job.Purpose, job.Hash)
	}
	return out
}

// checked is a Verified with the bodies that it speaks of. They go into the
// store when the core hears of them and not when they were verified: in between
// the core may forget a body of the same digest.
type checked struct {
	consensus.Verified
	bodies []*body
}

// check verifies everything in a message that is more than one proof.
func (s *cryptoStage) check(job consensus.Verify) checked {
	out := checked{Verified: consensus.Verified{From: job.From, Msg: job.Msg, Verdict: consensus.VerdictForged}}
	ok := false
	switch m := job.Msg.(type) {
	case *wire.PrePrepare:
		s.checkPrePrepare(m, &out)
		return out
	case *wire.Body:
		s.checkBody(m.Batch, &out)
		return out
	case *wire.Blocks:
		s.checkBlocks(m, &out)
		return out
	case *wire.Head:
		ok = s.r.suite.VerifyIdentity(s.r.quorums.Primary(m.Slot.View), s.r.scope.AuthorBytes(m.Slot), m.Author)
	case *wire.Stable:
		ok = s.stable(m)
	case *wire.ViewChange:
		out.Digest = s.r.scope.ViewChangeDigest(m)
		ok = job.From == s.r.cfg.Self || s.checkViewChange(m, out.Digest)
	case *wire.Reminder:
		// Signing is deterministic: this replica's share is the one that it makes.
		ok = m.Sigma == s.r.suite.SignShare(consensus.PurposeSigma, s.r.scope.SlotHash(m.Slot))
	case *wire.NewView:
		d := s.r.scope.NewViewDigest(m)
		ok = s.r.suite.VerifyIdentity(s.r.quorums.Primary(m.To), d[:], m.Signature)
	}
	if ok {
		out.Verdict = consensus.VerdictOK
	}
	return out
}

// slow is the certificate τ(τ(h)).
func (s *cryptoStage) slow(slot wire.SlotID, two wire.Certificate) Certificate {
	return Certificate{consensus.PurposeTauTau, s.r.scope.SlowCommitHash(slot), two}
}

// stable checks a checkpoint's certificate. The genesis state has none, and no
// other bytes in its place: what is not verified has no bound but the decoder's,
// and view changes are recorded whole.
func (s *cryptoStage) stable(m *wire.Stable) bool {
	if m.State.Seq == 0 {
		return *m == wire.Stable{}
	}
	return s.certified(Certificate{consensus.PurposeCheckpoint, s.r.scope.CheckpointHash(m.State), m.Tau})
}

// checkViewChange verifies the signature, the checkpoint certificate and every
// lock: one bad certificate refuses the whole message.
func (s *cryptoStage) checkViewChange(m *wire.ViewChange, digest wire.Digest) bool {
	if !s.r.suite.VerifyIdentity(m.Replica, digest[:], m.Signature) || !s.stable(&m.Stable) {
		mark.Hit(mark.ChangeSignatureInvalid)
		return false
	}
	var locks []Certificate
	for i := range m.Slots {
		e := &m.Slots[i]
		if e.HasLock && !plant.On(plant.LockCertificatesTrusted) {
			id := wire.SlotID{View: e.Lock.View, Seq: e.Seq, Digest: e.Lock.Digest}
			locks = append(locks, Certificate{consensus.PurposeTau, s.r.scope.SlotHash(id), e.Lock.Tau})
		}
	}
	if !s.certified(locks...) {
		mark.Hit(mark.ChangeCertInvalid)
		return false
	}
	return true
}

// checkPrePrepare verifies a proposal. What the author signed and is invalid is
// the primary's fault, provably; a time that only this replica's clock dislikes
// is not.
func (s *cryptoStage) checkPrePrepare(m *wire.PrePrepare, out *checked) {
	if !s.r.suite.VerifyIdentity(s.r.quorums.Primary(m.Slot.View), s.r.scope.AuthorBytes(m.Slot), m.Author) {
		mark.Hit(mark.AuthorInvalid)
		return
	}
	opened := s.r.cfg.Trace.now()
	b, err := newBody(s.r.cfg.Cluster, m.Batch)
	if err == nil {
		b.opened = opened
	}
	if err == nil && plant.On(plant.ProposalDigestTrusted) {
		b.digest = m.Slot.Digest
	}
	if err != nil || b.digest != m.Slot.Digest {
		mark.Hit(mark.ProposalBodyDiffers)
		// The author signed the digest, not these bytes: a middleman cannot exist
		// on a TLS link, but blame needs proof.
		return
	}
	if out.Verdict = s.checkRequests(b); out.Verdict != consensus.VerdictOK {
		return
	}
	now, t := s.r.cfg.Clock(), b.batch.Time
	if plant.On(plant.TimeBoundUnchecked) {
		t = now
	}
	if t > now && t-now > s.r.cfg.TimeBound || now > t && now-t > s.r.cfg.TimeBound {
		mark.Hit(mark.ProposalBadTime)
		out.Verdict = consensus.VerdictBadTime
		return
	}
	b.born = time.Now() // for statistics alone
	out.bodies = []*body{b}
}

// checkRequests verifies every client signature of a batch.
func (s *cryptoStage) checkRequests(b *body) consensus.Verdict {
	n := len(b.requests)
	keys, sigs, good := make([]ClientKey, n), make([]wire.Signature, n), make([]bool, n)
	for i := range b.batch.Requests {
		e := s.r.clients.get(b.batch.Requests[i].Client)
		if e == nil {
			mark.Hit(mark.BatchStranger)
			// Perhaps registered by a block that is not executed here yet.
			return consensus.VerdictCancelled
		}
		keys[i], sigs[i] = e.key, b.batch.Requests[i].Signature
	}
	s.r.suite.VerifyRequests(keys, b.requests, sigs, good)
	s.r.stats.RequestsVerified.Add(uint64(n))
	if plant.On(plant.FirstSignatureOnly) {
		good = good[:1]
	}
	for _, ok := range good {
		if !ok {
			return consensus.VerdictBadBatch
		}
	}
	return consensus.VerdictOK
}

// checkBody verifies a fetched body. Its digest names the requests, not their
// signatures: whoever serves it could put bad ones in, and this replica would
// keep, serve and propose them, and be blamed for it.
func (s *cryptoStage) checkBody(raw []byte, out *checked) {
	b, err := newBody(s.r.cfg.Cluster, raw)
	if err != nil {
		return
	}
	out.Digest = b.digest
	if plant.On(plant.FetchedSignaturesTrusted) {
		out.Verdict, out.bodies = consensus.VerdictOK, []*body{b}
		return
	}
	switch v := s.checkRequests(b); v {
	case consensus.VerdictOK:
		out.Verdict, out.bodies = v, []*body{b}
	case consensus.VerdictBadBatch:
		mark.Hit(mark.BodyBadSignature)
	case consensus.VerdictCancelled:
		out.Verdict = v
	}
}

// checkBlocks verifies fetched slots: the certificates of all together, which is
// most of the work of a laggard with small blocks, each batch against the digest
// that it certifies, and the signatures in it. Blocks from one on whose client is
// not known here are left out: an earlier block registers it.
func (s *cryptoStage) checkBlocks(m *wire.Blocks, out *checked) {
	certs := make([]Certificate, len(m.Blocks))
	for i := range m.Blocks {
		p := &m.Blocks[i].Proof
		if p.Fast {
			certs[i] = Certificate{consensus.PurposeSigma, s.r.scope.SlotHash(p.Slot), p.Sigma}
		} else {
			certs[i] = s.slow(p.Slot, p.TauTau)
		}
	}
	if !s.certified(certs...) && !plant.On(plant.FetchedCertificatesTrusted) {
		mark.Hit(mark.BlockForged)
		return
	}
	bodies := make([]*body, 0, len(m.Blocks))
	for i := range m.Blocks {
		b, v := s.checkBlock(&m.Blocks[i])
		if v == consensus.VerdictCancelled && i > 0 {
			m.Blocks = m.Blocks[:i]
			break
		}
		if v != consensus.VerdictOK {
			out.Verdict = v
			return
		}
		if b != nil {
			bodies = append(bodies, b)
		}
	}
	out.Verdict, out.bodies = consensus.VerdictOK, bodies
}

// checkBlock verifies one fetched slot whose certificate is good, and gives its
// body, nil for a null slot.
func (s *cryptoStage) checkBlock(c *wire.CommittedSlot) (*body, consensus.Verdict) {
	if c.Proof.Slot.Digest.IsNull() {
		return nil, consensus.VerdictOK
	}
	b, err := newBody(s.r.cfg.Cluster, c.Batch)
	if err != nil || b.digest != c.Proof.Slot.Digest {
		mark.Hit(mark.BlockBodyDiffers)
		return nil, consensus.VerdictForged
	}
	if v := s.checkRequests(b); v != consensus.VerdictOK && !plant.On(plant.FetchedSignaturesTrusted) {
		if v == consensus.VerdictBadBatch {
			mark.Hit(mark.BlockBadSignature)
			v = consensus.VerdictForged
		}
		return nil, v
	}
	return b, consensus.VerdictOK
}

package pipeline

import (
	"cmp"
	"encoding/binary"
	"slices"
	"sync/atomic"

	"quorate/internal/mark"
	"quorate/payments"
	"quorate/wire"
)

// PayerSignature is the signature of one signed transfer, with what it is over.
type PayerSignature struct {
	wire.Seal
	Digest wire.Digest // wire.TransferDigest
}

// payers are the signed transfers of one batch and what this replica found of
// their signatures. Bad ones are refused by payments, one by one, and do not make
// the batch a bad one: so a replica votes before it has verified them, and
// executes after. No verdict is ever taken from anyone else.
type payers struct {
	runs  []payerRun
	good  []bool // a verdict per signed transfer of the batch, in order
	parts atomic.Int32
}

// payerRun is the signed transfers of one request.
type payerRun struct {
	request       int // index in the batch
	first, n      int // where in payers.good
	events, seals []byte
}

// newPayers lists the signed transfers of a batch; nil if it has none. Bodies
// that are not whole have none: payments refuses them.
func newPayers(batch *wire.Batch) *payers {
	var p *payers
	for i := range batch.Requests {
		q := &batch.Requests[i]
		if q.Op != wire.OpCreateSignedTransfers || !payments.WholeBody(q.Op, len(q.Body)) {
			continue
		}
		if p == nil {
			p = &payers{}
		}
		events, seals := wire.SplitSigned(q.Body)
		n := q.Op.Events(len(q.Body))
		p.runs = append(p.runs, payerRun{request: i, first: len(p.good), n: n, events: events, seals: seals})
		p.good = append(p.good, make([]bool, n)...)
	}
	return p
}

// done reports whether every verdict is there. Nil is a batch without payers.
func (p *payers) done() bool { return p == nil || p.parts.Load() == 0 }

// verdicts gives those of request i of the batch, nil if it is not of signed
// transfers.
func (p *payers) verdicts(i int) []bool {
	if p == nil {
		return nil
	}
	at, there := slices.BinarySearchFunc(p.runs, i, func(run payerRun, i int) int { return cmp.Compare(run.request, i) })
	if !there {
		return nil
	}
	run := &p.runs[at]
	return p.good[run.first : run.first+run.n : run.first+run.n]
}

// signatures appends those from one place in p.good to another.
func (p *payers) signatures(dst []PayerSignature, cluster wire.Digest, from, to int) []PayerSignature {
	for r := range p.runs {
		run := &p.runs[r]
		for i := max(from, run.first); i < min(to, run.first+run.n); i++ {
			at := i - run.first
			dst = append(dst, PayerSignature{Seal: wire.SealAt(run.seals, at),
				Digest: wire.TransferDigest(cluster, run.events[at*wire.EventBytes:(at+1)*wire.EventBytes])})
		}
	}
	return dst
}

// verify finds all verdicts at once, on the caller's thread.
func (p *payers) verify(cluster wire.Digest, suite Suite) {
	if p == nil {
		return
	}
	suite.VerifyPayers(p.signatures(nil, cluster, 0, len(p.good)), p.good)
}

// recall takes the verdicts of a batch from the result codes that it led to here
// before. Executing it again at the same place gives the same codes: an event
// that was refused for its signature has that code, and on others a bad one had
// no influence, as their form or their chain had failed before. For any other use
// the signatures must be verified.
func (p *payers) recall(result func(request int) []byte) {
	if p == nil {
		return
	}
	for r := range p.runs {
		run := &p.runs[r]
		codes := result(run.request)
		for i := range run.n {
			p.good[run.first+i] = len(codes) < 4*(i+1) ||
				payments.TransferCode(binary.LittleEndian.Uint32(codes[4*i:])) != payments.TransferSignatureInvalid
			mark.If(!p.good[run.first+i], mark.PayersRecalled)
		}
	}
}

// payerPart is a piece of a batch's signatures.
type payerPart struct {
	p        *payers
	from, to int
}

// payerStage verifies payers' signatures, many at a time. Several workers may
// step it at once. It has workers of its own, because a part takes ten
// milliseconds, for which no vote should wait.
type payerStage struct {
	r     *Replica
	parts *ring[payerPart]

	waiting atomic.Int64 // signatures in parts
}

// payerPartMax bounds the signatures of a part, which takes a thread some twelve
// milliseconds. A full request is five parts, for as many threads.
const payerPartMax = 1024

// payerStepMax is how many signatures waiting are enough for one step: each still
// costs less the more there are (docs/decisions/0012), so a step takes its
// worker's share of what waits, in whole parts, and no more than makes a difference.
const payerStepMax = 2 * payerPartMax

// start sends a batch's signatures to be verified, unless they were before, in
// parts of equal size. It runs on the order thread, or before there are threads.
// What is under way is bounded by the batches that the core holds.
func (s *payerStage) start(b *body) {
	if b.judged {
		return
	}
	b.judged = true
	b.payers = newPayers(&b.batch)
	if b.payers == nil {
		return
	}
	n := len(b.payers.good)
	parts := (n + payerPartMax - 1) / payerPartMax
	b.payers.parts.Store(int32(parts))
	s.waiting.Add(int64(n))
	for i := range parts {
		s.parts.put(payerPart{b.payers, i * n / parts, (i + 1) * n / parts})
	}
}

// payerBacklogMax bounds the signatures that wait per worker when a client's
// request of signed transfers is taken: a third of a second's work. Blocks are
// executed in order, so all clients wait for what one of them had verified.
const payerBacklogMax = 32 << 10

// crowded reports whether no more signed transfers should be taken for now; other
// requests are.
func (s *payerStage) crowded() bool {
	return s.waiting.Load() > payerBacklogMax*int64(max(1, s.r.cfg.VerifyWorkers))
}

// Step verifies a worker's share of the parts that wait, small ones together.
func (s *payerStage) Step() bool {
	var parts []payerPart
	share := min(payerStepMax, int(s.waiting.Load())/max(1, s.r.cfg.VerifyWorkers))
	n := 0
	for n == 0 || n < share {
		part, ok := s.parts.takeOne()
		if !ok {
			break
		}
		parts = append(parts, part)
		n += part.to - part.from
	}
	if len(parts) == 0 {
		return false
	}
	mark.If(len(parts) > 1 && parts[0].p != parts[len(parts)-1].p, mark.PayersTogether)
	s.waiting.Add(-int64(n))
	signatures := make([]PayerSignature, 0, n)
	for _, part := range parts {
		signatures = part.p.signatures(signatures, s.r.cfg.Cluster, part.from, part.to)
	}
	good := make([]bool, n)
	s.r.suite.VerifyPayers(signatures, good)
	s.count(good)
	for _, part := range parts {
		copy(part.p.good[part.from:part.to], good)
		good = good[part.to-part.from:]
		if part.p.parts.Add(-1) == 0 {
			s.r.execute.items.to.wake() // it may wait for these
		}
	}
	return true
}

func (s *payerStage) count(good []bool) {
	bad := 0
	for _, ok := range good {
		if !ok {
			bad++
		}
	}
	s.r.stats.PayersVerified.Add(uint64(len(good)))
	s.r.stats.PayersBad.Add(uint64(bad))
}

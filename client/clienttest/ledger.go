package clienttest

import (
	"crypto/ed25519"
	"sync"
	"time"

	"quorate/payments"
	"quorate/wire"
)

const (
	// blockPause gathers requests into one block, so that paths have more than
	// one leaf.
	blockPause = time.Millisecond
	// blockMax bounds the requests of a block.
	blockMax = 16
)

// asked is one request that waits for its block, and who wants the answer.
type asked struct {
	request wire.Request
	digest  wire.Digest
	answer  func(wire.Reply)
}

// requestID names a request for deduplication.
type requestID struct {
	client wire.ClientID
	seq    uint64
	digest wire.Digest
}

// ledger executes requests in the order of arrival, in blocks.
type ledger struct {
	cluster *Cluster
	queue   chan asked
	done    chan struct{}
	ended   chan struct{}

	mu       sync.Mutex
	machine  *payments.Machine
	archive  *payments.MemoryArchive
	outcome  payments.Outcome
	parent   wire.Digest
	seq      wire.SeqNum
	execute  wire.Digest
	events   uint64
	executed int
	replies  map[requestID]wire.Reply
	sabotage func([]byte) []byte
}

func newLedger(c *Cluster) (*ledger, error) {
	m, err := payments.New(machineConfig(c.Genesis))
	if err != nil {
		return nil, err
	}
	l := &ledger{
		cluster: c, queue: make(chan asked, 1024), done: make(chan struct{}), ended: make(chan struct{}),
		machine: m, archive: payments.NewMemoryArchive(), parent: c.Genesis.Hash(), replies: map[requestID]wire.Reply{},
	}
	go l.run()
	return l, nil
}

func (l *ledger) stop() {
	close(l.done)
	<-l.ended
}

func (l *ledger) executedCount() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.executed
}

func (l *ledger) position() (wire.SeqNum, wire.Digest, uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.seq, l.execute, l.events
}

func (l *ledger) setSabotage(f func([]byte) []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.sabotage = f
}

// ask queues a request; answer is called from the ledger's goroutine.
func (l *ledger) ask(a asked) {
	select {
	case l.queue <- a:
	case <-l.done:
	}
}

func (l *ledger) run() {
	defer close(l.ended)
	for {
		select {
		case a := <-l.queue:
			l.block(l.gather([]asked{a}))
		case <-l.done:
			return
		}
	}
}

// gather waits a moment for more requests.
func (l *ledger) gather(batch []asked) []asked {
	pause := time.After(blockPause)
	for len(batch) < blockMax {
		select {
		case a := <-l.queue:
			batch = append(batch, a)
		case <-pause:
			return batch
		}
	}
	return batch
}

// block answers repeats from memory and executes the rest.
func (l *ledger) block(batch []asked) {
	l.mu.Lock()
	fresh := batch[:0:0]
	seen := map[requestID]bool{}
	var late []asked // repeats of what is in this very block
	answers := make([]func(), 0, len(batch))
	for _, a := range batch {
		id := requestID{a.request.Client, a.request.Seq, a.digest}
		if reply, ok := l.replies[id]; ok {
			answers = append(answers, func() { a.answer(reply) })
			continue
		}
		if seen[id] {
			late = append(late, a)
			continue
		}
		seen[id] = true
		fresh = append(fresh, a)
	}
	if len(fresh) > 0 {
		replies := l.execution(fresh)
		for i, a := range fresh {
			l.replies[requestID{a.request.Client, a.request.Seq, a.digest}] = replies[i]
		}
		for _, a := range append(fresh, late...) {
			reply := l.replies[requestID{a.request.Client, a.request.Seq, a.digest}]
			answers = append(answers, func() { a.answer(reply) })
		}
	}
	l.mu.Unlock()
	for _, answer := range answers {
		answer()
	}
}

// execution applies one block and certifies it. It is called with mu held.
func (l *ledger) execution(batch []asked) []wire.Reply {
	requests := make([]payments.Request, len(batch))
	digests := make([]wire.Digest, len(batch))
	for i, a := range batch {
		q := a.request
		requests[i] = payments.Request{Client: q.Client, Seq: q.Seq, Digest: a.digest, Op: q.Op, Body: q.Body,
			Verdicts: verdicts(l.cluster.Genesis.Hash(), &q)}
		if l.sabotage != nil && q.Op == wire.OpCreateTransfers {
			requests[i].Body = l.sabotage(append([]byte(nil), q.Body...))
		}
		digests[i] = a.digest
	}
	l.seq++
	proposed := uint64(time.Now().UnixNano())
	if err := l.machine.Apply(l.seq, proposed, requests, l.archive, &l.outcome); err != nil {
		panic("clienttest: apply: " + err.Error())
	}
	l.archive.Add(requests, &l.outcome)
	l.executed += len(batch)
	l.events += uint64(l.outcome.Events)

	replies := make([]wire.Reply, len(batch))
	leaves := make([]wire.Digest, len(batch))
	for i := range batch {
		ro := &l.outcome.Requests[i]
		replies[i] = wire.Reply{
			Client: batch[i].request.Client, Seq: batch[i].request.Seq, Status: uint16(ro.Status),
			Index: uint32(i), Count: uint32(len(batch)), FirstTimestamp: ro.FirstTimestamp,
			Result: append([]byte(nil), ro.Result...),
		}
		leaves[i] = wire.ResultDigest(batch[i].digest, uint32(i), uint16(ro.Status), ro.FirstTimestamp, len(ro.Result), wire.BodyRoot(ro.Result))
	}
	header := wire.BlockHeader{
		Seq: l.seq, Time: l.outcome.Time, Parent: l.parent, BatchDigest: wire.BatchDigest(proposed, digests),
		ResultRoot: wire.MerkleRoot(append([]wire.Digest(nil), leaves...)), DeltaDigest: l.outcome.DeltaDigest,
	}
	l.parent = header.Hash()
	l.execute = wire.Scope{Cluster: l.cluster.Genesis.Hash(), Epoch: l.cluster.Genesis.Epoch}.ExecuteHash(l.seq, l.parent)
	pi, err := l.cluster.Certify(&header)
	if err != nil {
		panic("clienttest: certify: " + err.Error())
	}
	for i := range replies {
		replies[i].Path = wire.MerklePath(append([]wire.Digest(nil), leaves...), i)
		replies[i].Header, replies[i].Pi = header, pi
	}
	return replies
}

// verdicts checks the payers' signatures of a request, one by one.
func verdicts(cluster wire.Digest, q *wire.Request) (out []bool) {
	if q.Op != wire.OpCreateSignedTransfers || !payments.WholeBody(q.Op, len(q.Body)) {
		return nil
	}
	events, seals := wire.SplitSigned(q.Body)
	for i := range q.Op.Events(len(q.Body)) {
		s := wire.SealAt(seals, i)
		d := wire.TransferDigest(cluster, events[i*wire.EventBytes:(i+1)*wire.EventBytes])
		out = append(out, ed25519.Verify(s.Key[:], d[:], s.Signature[:]))
	}
	return out
}

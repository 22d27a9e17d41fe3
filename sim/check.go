package sim

import (
	"bytes"
	"encoding/binary"

	"quorate/client"
	"quorate/consensus"
	"quorate/payments"
	"quorate/payments/paymentsmodel"
	"quorate/pipeline"
	"quorate/storage"
	"quorate/wire"
)

// checker watches a run from outside. Its maps are looked up and never ranged,
// or in order.
type checker struct {
	w       *world
	chain   []agreed // block of seq i+1
	checked []int    // blocks of each replica's ledger that were compared
	audited []wire.SeqNum
	states  map[wire.SeqNum]wire.CheckpointState
	results map[wire.SeqNum]wire.Digest // execution digests that honest replicas signed
	digests map[rawKey]wire.Digest

	signed   map[requestKey][]wire.Digest
	executed map[requestKey]place
	acked    map[requestKey]ack
	ackMax   wire.SeqNum
	posted   payments.U128 // moved, by the results

	// C4.
	model    *paymentsmodel.Model
	floor    map[requestKey]place // by request: the latest place answered before it was asked
	answered place
	linear   *linear // nil in most runs

	buckets []bucket // C10: of answers, by sender and receiver, see served

	// C11. Only what liars proposed is noted.
	proposals map[proposalKey][]wire.Digest
	victims   map[slotKey][]fallen
	split     []slotKey // two honest replicas voted for two values
	views     wire.View
}

// agreed is a block as the first replica staged it.
type agreed struct {
	header wire.BlockHeader
	bytes  []byte // header and requests, as stored
}

type requestKey struct {
	client wire.ClientID
	seq    uint64
}

type place struct {
	seq    wire.SeqNum
	index  int
	digest wire.Digest
	result uint64 // as in ack
}

// ack is what a client was told.
type ack struct {
	seq    wire.SeqNum
	index  uint32
	result uint64
}

// rawKey names bytes by two independent hashes: digests are computed once.
type rawKey struct{ a, b hash }

func newChecker(w *world) *checker {
	k := &checker{w: w, buckets: make([]bucket, w.q.N*w.q.N), model: newModel(&w.opt, &w.cfg),
		floor: map[requestKey]place{}, answered: place{index: -1}, checked: make([]int, w.q.N), audited: make([]wire.SeqNum, w.q.N),
		states: map[wire.SeqNum]wire.CheckpointState{}, results: map[wire.SeqNum]wire.Digest{}, digests: map[rawKey]wire.Digest{},
		signed: map[requestKey][]wire.Digest{}, executed: map[requestKey]place{}, acked: map[requestKey]ack{},
		proposals: map[proposalKey][]wire.Digest{}, victims: map[slotKey][]fallen{}}
	if w.opt.Load.Linear {
		k.linear = newLinear()
	}
	return k
}

// batchDigest computes a batch's digest from its bytes.
func (k *checker) batchDigest(raw []byte) (wire.Digest, error) {
	key := rawKey{a: 1, b: 2}
	key.a.bytes(raw)
	key.b.bytes(raw)
	if d, ok := k.digests[key]; ok {
		return d, nil
	}
	batch, err := wire.DecodeBatch(raw)
	if err != nil {
		return wire.Digest{}, err
	}
	requests := make([]wire.Digest, len(batch.Requests))
	for i := range batch.Requests {
		requests[i] = batch.Requests[i].Digest(k.w.keys.cluster)
	}
	d := wire.BatchDigest(batch.Time, requests)
	k.digests[key] = d
	return d, nil
}

// stepped looks at a replica after each step of a stage.
func (k *checker) stepped(n *node) {
	if n.liar != nil {
		return
	}
	for at := &k.checked[n.id]; *at < len(n.ledger.blocks) && !k.w.failed(); *at++ {
		k.block(n, n.ledger.blocks[*at])
	}
	m, interval := n.replica.Machine(), k.w.opt.Window/2
	if seq := m.Seq(); seq/interval > k.audited[n.id]/interval {
		k.audited[n.id] = seq
		if err := m.Audit(); err != nil {
			k.w.fail("C5: replica %d at %d: %v", n.id, seq, err)
		}
	}
}

// restarted notes that a crash cut a ledger's end off.
func (k *checker) restarted(n *node) {
	k.checked[n.id] = min(k.checked[n.id], len(n.ledger.blocks))
	k.audited[n.id] = 0
}

// bounds checks a replica's queues. What the core itself emits may go above a
// ring's bound that peers have filled (L4 of pipeline), by what a window emits.
func (k *checker) bounds(n *node) {
	n.replica.Queues(func(name string, waiting, bound int) {
		if name == "commit" {
			return // execution pauses on what is staged, not on this ring
		}
		if waiting > 2*bound+64 && n.liar == nil {
			k.w.fail("C10: replica %d: %d wait in queue %s of %d", n.id, waiting, name, bound)
		}
	})
}

// block checks agreement on one staged block (C1, C2), and its content when it
// is the first of its seq.
func (k *checker) block(n *node, sb *storage.Block) {
	seq := int(sb.Seq)
	if seq <= len(k.chain) {
		if old := &k.chain[seq-1]; !bytes.Equal(old.bytes, sb.Header) {
			k.differs(n, sb, old)
		}
		if !k.w.opt.Real {
			k.certificate(n, sb)
		}
		return
	}
	header, requests, err := pipeline.ReadRequests(k.w.keys.cluster, sb)
	if err != nil {
		k.w.fail("replica %d stages block %d: %v", n.id, seq, err)
		return
	}
	parent := k.w.keys.cluster
	if len(k.chain) > 0 {
		parent = k.chain[len(k.chain)-1].header.Hash()
	}
	if seq != len(k.chain)+1 || header.Parent != parent || int(header.Seq) != seq {
		k.w.fail("C2: replica %d stages block %d, the chain ends at %d", n.id, seq, len(k.chain))
		return
	}
	k.time(&header)
	k.chain = append(k.chain, agreed{header, sb.Header})
	k.certificate(n, sb)
	for i := range requests {
		k.request(sb, &requests[i], i)
		k.signature(n, sb, &requests[i])
	}
	k.replay(&header, sb, requests)
	k.w.trace.bytes(header.DeltaDigest[:8])
	if k.w.lines != nil {
		k.w.say("block %d agreed: batch %v, %d requests", seq, header.BatchDigest, len(requests))
	}
}

// differs looks at a block that is stored here with other bytes. Signatures may
// differ, since the digest does not cover them, but each must verify.
func (k *checker) differs(n *node, sb *storage.Block, old *agreed) {
	h, requests, err := pipeline.ReadRequests(k.w.keys.cluster, sb)
	if err != nil || h != old.header {
		k.w.fail("C1: replica %d has another block %d: batch %v delta %v, elsewhere batch %v delta %v (%v)", n.id, sb.Seq,
			h.BatchDigest, h.DeltaDigest, old.header.BatchDigest, old.header.DeltaDigest, err)
		return
	}
	for i := range requests {
		k.signature(n, sb, &requests[i])
	}
}

// signature verifies a stored request's signature (C3).
func (k *checker) signature(n *node, sb *storage.Block, q *pipeline.StoredRequest) {
	key, err := k.w.keys.verifier.NewClientKey(clientKey(int(q.Request.Client) - 1))
	if err != nil {
		k.w.fail("key of client %d: %v", q.Request.Client, err)
		return
	}
	var ok [1]bool
	k.w.keys.verifier.VerifyRequests([]pipeline.ClientKey{key}, []wire.Digest{q.Digest}, []wire.Signature{q.Request.Signature}, ok[:])
	if !ok[0] {
		k.w.fail("C3: replica %d keeps request %d/%d in block %d with a bad signature", n.id, q.Request.Client, q.Request.Seq, sb.Seq)
	}
}

// certificate verifies what committed a block, from cold (C8).
func (k *checker) certificate(n *node, sb *storage.Block) {
	p, err := wire.DecodeCommitProof(sb.Certificate)
	if err != nil {
		k.w.fail("C8: replica %d: certificate of block %d: %v", n.id, sb.Seq, err)
		return
	}
	s := k.w.scope
	ok := false
	if p.Fast {
		ok = k.w.keys.verifier.VerifyGroup(consensus.PurposeSigma, s.SlotHash(p.Slot), p.Sigma)
	} else {
		ok = k.w.keys.verifier.VerifyGroup(consensus.PurposeTauTau, s.SlowCommitHash(p.Slot), p.TauTau)
	}
	if want := k.chain[sb.Seq-1].header.BatchDigest; !ok || p.Slot.Digest != want || p.Slot.Seq != sb.Seq {
		k.w.fail("C8: replica %d: certificate of block %d is not for %v", n.id, sb.Seq, want)
	}
}

// request checks one request of a newly agreed block (C3).
func (k *checker) request(sb *storage.Block, q *pipeline.StoredRequest, index int) {
	key := requestKey{q.Request.Client, q.Request.Seq}
	known := false
	for _, d := range k.signed[key] {
		known = known || d == q.Digest
	}
	if d := q.Request.Digest(k.w.keys.cluster); !known || d != q.Digest {
		k.w.fail("C3: block %d has request %d/%d that its client did not sign", sb.Seq, key.client, key.seq)
		return
	}
	if q.Status != payments.StatusOK {
		return
	}
	if old, twice := k.executed[key]; twice {
		k.w.fail("C3: request %d/%d was executed in block %d and again in %d", key.client, key.seq, old.seq, sb.Seq)
		return
	}
	told := ackOf(&wire.Reply{Result: sb.Requests[index].Result, Status: uint16(q.Status)})
	k.executed[key] = place{sb.Seq, index, q.Digest, told.result}
	k.move(sb, q, index)
}

// move adds up what a request's results say was posted, independent of the
// machine's own sums.
func (k *checker) move(sb *storage.Block, q *pipeline.StoredRequest, index int) {
	if !q.Request.Op.CreatesTransfers() {
		return
	}
	r := &sb.Requests[index]
	for i := range r.Events {
		if binary.LittleEndian.Uint32(r.Result[4*i:]) != 0 {
			continue
		}
		rec := r.Body[i*wire.EventBytes : (i+1)*wire.EventBytes]
		for j := range sb.Derived {
			if sb.Derived[j].Ordinal == r.FirstOrdinal+uint64(i) {
				rec = sb.Derived[j].Rec[:]
			}
		}
		var t payments.Transfer
		if err := t.Decode(rec); err != nil {
			k.w.fail("block %d: %v", sb.Seq, err)
		}
		if t.Flags&(payments.TransferPending|payments.TransferVoidPending) == 0 {
			k.posted, _ = k.posted.Add(t.Amount)
		}
	}
}

// submitted notes what a client signed.
func (k *checker) submitted(u *user, seq uint64, op wire.Op, body []byte) {
	q := wire.Request{Client: wire.ClientID(u.id + 1), Seq: seq, Op: op, Body: body}
	key := requestKey{q.Client, seq}
	k.invoked(key)
	if k.linear != nil {
		k.linear.called(u, key, op, body)
	}
	k.signed[key] = append(k.signed[key], q.Digest(k.w.keys.cluster))
}

// done takes the outcome that a client believes.
func (k *checker) done(u *user, r *client.Result) {
	key := requestKey{r.Request.Client, r.Request.Seq}
	if !u.expect[key.seq].is(r.Err) {
		k.w.fail("client %d: request %d ends with: %v", key.client, key.seq, r.Err)
		return
	}
	if r.Err != nil {
		return
	}
	if k.w.lines != nil {
		k.w.say("client %d: request %d answered from block %d", key.client, key.seq, r.Reply.Header.Seq)
	}
	h := &r.Reply.Header
	if int(h.Seq) > len(k.chain) || k.chain[h.Seq-1].header != *h {
		k.w.fail("C6: client %d: reply to %d is from block %d, which nobody has", key.client, key.seq, h.Seq)
		return
	}
	if p, ok := k.executed[key]; !ok || p.seq != h.Seq || p.index != int(r.Reply.Index) {
		k.w.fail("C6: client %d: reply to %d is from block %d index %d, it was executed at %+v", key.client, key.seq, h.Seq, r.Reply.Index, p)
		return
	}
	k.told(key, &r.Reply)
	k.ordered(key, k.executed[key])
	if k.linear != nil {
		k.linear.ended(k.w.now, key, r.Reply.Result)
	}
	k.acked[key] = ackOf(&r.Reply)
	k.ackMax = max(k.ackMax, h.Seq)
}

func ackOf(r *wire.Reply) ack {
	var h hash
	h.bytes(r.Result)
	h.add(uint64(r.Status))
	return ack{r.Header.Seq, r.Index, uint64(h)}
}

// reply compares every reply to an answered request with the first (C15).
func (k *checker) reply(u *user, from wire.ReplicaID, kind wire.Kind, body []byte) {
	if kind != wire.KindReply || k.w.nodes[from].liar != nil {
		return
	}
	r, err := wire.DecodeReply(body)
	if err != nil {
		k.w.fail("replica %d sends a reply that does not decode: %v", from, err)
		return
	}
	if u.rogue {
		return
	}
	if payments.Status(r.Status) == payments.StatusSeqTooOld && u.session.NextSeq() > r.Seq+payments.WindowSeqs {
		return // ordered again when its place in the window was gone: proven, and true
	}
	if payments.Status(r.Status) == payments.StatusBlockBudget {
		return // no outcome: the request is ordered again
	}
	if old, ok := k.acked[requestKey{r.Client, r.Seq}]; ok && old != ackOf(&r) {
		k.w.fail("C15: replica %d answers %d/%d with %+v, the first answer was %+v", from, r.Client, r.Seq, ackOf(&r), old)
	}
}

package pipeline

import (
	"errors"
	"time"

	"quorate/consensus"
	"quorate/internal/mark"
	"quorate/internal/plant"
	"quorate/payments"
	"quorate/storage"
	"quorate/wire"
)

// doneBlock is an executed block as replies need it.
type doneBlock struct {
	seq       wire.SeqNum
	meta      blockMeta
	tree      *wire.MerkleTree
	requests  []storage.RequestBody // results; bodies are dropped once staged
	pi        wire.Certificate
	certified bool
	born      time.Time // see body
}

// doneBlocksMax bounds the executed blocks kept in memory for replies; older
// ones are read from the ledger.
const doneBlocksMax = 512

// lateBlocksMax bounds the older blocks that wait for a late certificate.
const lateBlocksMax = 64

// doneBlocks is a ring of the last executed blocks, by seq, and a few older ones
// whose certificate a client's question set going.
type doneBlocks struct {
	ring [doneBlocksMax]*doneBlock
	late []*doneBlock
}

// await keeps an older block until it is certified; the oldest gives way.
func (d *doneBlocks) await(b *doneBlock) {
	if d.get(b.seq) != nil {
		return
	}
	if len(d.late) >= lateBlocksMax {
		d.late = append(d.late[:0], d.late[1:]...)
	}
	mark.Hit(mark.ReplyAwaits)
	d.late = append(d.late, b)
}

func (d *doneBlocks) add(b *doneBlock) {
	// The bodies belong to the ledger now; replies need results alone.
	slim := make([]storage.RequestBody, len(b.requests))
	for i := range b.requests {
		slim[i].Result = b.requests[i].Result
	}
	b.requests = slim
	d.ring[b.seq%doneBlocksMax] = b
}

func (d *doneBlocks) get(seq wire.SeqNum) *doneBlock {
	if b := d.ring[seq%doneBlocksMax]; b != nil && b.seq == seq {
		return b
	}
	for _, b := range d.late {
		if b.seq == seq {
			return b
		}
	}
	return nil
}

// certified answers the clients of a block, now that π stands behind it (L3).
func (s *executeStage) certified(c *consensus.Certify) {
	b := s.done.get(c.Seq)
	if b == nil || b.certified || s.r.scope.ExecuteHash(b.seq, b.meta.header.Hash()) != c.Digest {
		return
	}
	b.certified, b.pi = true, c.Pi
	s.r.commit.items.put(commitItem{execCert: &execCert{seq: c.Seq, cert: c.Pi}})
	for i := range b.meta.requests {
		m := &b.meta.requests[i]
		if payments.Status(m.status) == payments.StatusDuplicate {
			s.duplicate(m)
			continue
		}
		s.trace(TraceCertified, m.digest)
		if e := s.r.clients.get(m.client); e != nil {
			if conn, since := e.take(m.seq); conn != 0 {
				s.r.stats.ReplySeconds.observe(time.Since(since))
				s.answer(conn, b, i)
				s.trace(TraceReplied, m.digest)
			}
		}
		s.trace(TraceSettled, m.digest)
	}
	s.r.stats.SlotReplied.since(b.born)
}

// trace notes a point of one request, if it is traced.
func (s *executeStage) trace(p TracePoint, request wire.Digest) {
	if s.r.cfg.Trace.wants(request) {
		s.r.cfg.Trace.pass(p, request)
	}
}

// duplicate answers a request that was ordered twice with its first result.
func (s *executeStage) duplicate(m *requestMeta) {
	e := s.r.clients.get(m.client)
	if e == nil {
		return
	}
	if conn := e.answer(m.seq); conn != 0 {
		mark.Hit(mark.ReplyDuplicate)
		s.answerFrom(conn, m.seq, m.dupSeq, m.dupIndex)
	}
}

// answer sends the reply of request i of a certified block.
func (s *executeStage) answer(conn ConnID, b *doneBlock, i int) {
	m := &b.meta.requests[i]
	reply := wire.Reply{
		Client: m.client, Seq: m.seq, Status: m.status,
		Index: uint32(i), Count: uint32(len(b.meta.requests)),
		FirstTimestamp: m.timestamp, Result: b.requests[i].Result,
		Path: b.tree.Path(i), Header: b.meta.header, Pi: b.pi,
	}
	s.r.stats.Replies.Add(1)
	s.r.reply(conn, wire.KindReply, reply.Append(make([]byte, 0, 512+len(reply.Result))))
}

// again answers a request that was executed before, or says that its outcome is
// not known here yet.
func (s *executeStage) again(q *repeat) {
	place, status := s.machine.Lookup(q.client.id, q.seq)
	switch {
	case status == payments.StatusDuplicate && place.Digest != q.digest:
		q.client.answer(q.seq)
		mark.Hit(mark.ReplyReused)
		s.r.rejectClient(q.conn, q.seq, wire.RejectIDReused)
	case status == payments.StatusDuplicate:
		mark.Hit(mark.ReplyAgain)
		s.answerFrom(q.conn, q.seq, place.Seq, place.Index)
	case status == payments.StatusSeqTooOld:
		q.client.answer(q.seq)
		s.r.rejectClient(q.conn, q.seq, wire.RejectSeqTooOld)
	}
}

// answerFrom replies from the block where the request was executed. If it is not
// certified here yet, the waiter stays and is answered when it is.
func (s *executeStage) answerFrom(conn ConnID, seq uint64, at wire.SeqNum, index uint32) {
	b := s.done.get(at)
	if b == nil {
		var err error
		mark.Hit(mark.ReplyFromLedger)
		if b, err = s.load(at); err != nil {
			s.r.log.Error("executed block not readable", "seq", at, "error", err)
			return
		}
	}
	if plant.On(plant.FirstOfBlockAnswered) {
		index = 0
	}
	if int(index) >= len(b.requests) {
		return
	}
	if !b.certified {
		// Its waiter stays: it is answered when π is there, and asks again if not.
		s.done.await(b)
		s.r.order.events.put(consensus.Uncertified{Seq: at, Digest: s.r.scope.ExecuteHash(at, b.meta.header.Hash())})
		return
	}
	if e := s.r.clients.get(b.meta.requests[index].client); e != nil {
		e.answer(seq)
	}
	s.answer(conn, b, int(index))
}

// load reads a block back for its replies.
func (s *executeStage) load(seq wire.SeqNum) (*doneBlock, error) {
	sb, err := s.r.ledger.Block(seq)
	if err != nil {
		return nil, err
	}
	meta, err := decodeBlockMeta(sb.Header)
	if err != nil {
		return nil, err
	}
	if len(meta.requests) != len(sb.Requests) {
		return nil, ErrBlock
	}
	b := &doneBlock{seq: seq, meta: meta, requests: sb.Requests}
	leaves := make([]wire.Digest, len(meta.requests))
	for i := range meta.requests {
		m, result := &meta.requests[i], sb.Requests[i].Result
		leaves[i] = wire.ResultDigest(m.digest, uint32(i), m.status, m.timestamp, len(result), wire.BodyRoot(result))
	}
	b.tree = wire.NewMerkleTree(leaves)
	if b.tree.Root() != meta.header.ResultRoot {
		return nil, errors.Join(ErrBlock, errors.New("result root differs"))
	}
	b.pi, b.certified = storedCert(sb.ExecCert)
	return b, nil
}

package pipeline

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"quorate/payments"
	"quorate/storage"
	"quorate/wire"
)

// ErrBlock says that a block read from the ledger is not one that was written.
var ErrBlock = errors.New("pipeline: malformed block")

// requestMeta is what a stored block says of one request beside its body and
// result.
type requestMeta struct {
	client    wire.ClientID
	seq       uint64
	op        wire.Op
	signature wire.Signature
	digest    wire.Digest
	status    uint16
	timestamp uint64 // of its first event
	dupSeq    wire.SeqNum
	dupIndex  uint32
}

const requestMetaBytes = 8 + 8 + 1 + wire.SignatureBytes + wire.DigestBytes + 2 + 8 + 8 + 4

// blockMeta is the opaque header that storage keeps for a block.
type blockMeta struct {
	header   wire.BlockHeader
	time     uint64 // proposed time of the batch
	requests []requestMeta
}

func (m *blockMeta) append(b []byte) []byte {
	le := binary.LittleEndian
	b = m.header.Append(b)
	b = le.AppendUint64(b, m.time)
	b = le.AppendUint32(b, uint32(len(m.requests)))
	for i := range m.requests {
		r := &m.requests[i]
		b = le.AppendUint64(b, uint64(r.client))
		b = le.AppendUint64(b, r.seq)
		b = append(b, byte(r.op))
		b = append(b, r.signature[:]...)
		b = append(b, r.digest[:]...)
		b = le.AppendUint16(b, r.status)
		b = le.AppendUint64(b, r.timestamp)
		b = le.AppendUint64(b, uint64(r.dupSeq))
		b = le.AppendUint32(b, r.dupIndex)
	}
	return b
}

func decodeBlockMeta(b []byte) (m blockMeta, err error) {
	le := binary.LittleEndian
	if len(b) < wire.BlockHeaderBytes+12 {
		return m, fmt.Errorf("%w: meta of %d bytes", ErrBlock, len(b))
	}
	if m.header, err = wire.DecodeBlockHeader(b[:wire.BlockHeaderBytes]); err != nil {
		return m, fmt.Errorf("%w: %v", ErrBlock, err)
	}
	b = b[wire.BlockHeaderBytes:]
	m.time = le.Uint64(b)
	n := le.Uint32(b[8:])
	b = b[12:]
	if n > wire.RequestsMax || len(b) != int(n)*requestMetaBytes {
		return m, fmt.Errorf("%w: meta of %d requests in %d bytes", ErrBlock, n, len(b))
	}
	m.requests = make([]requestMeta, n)
	for i := range m.requests {
		r, p := &m.requests[i], b[i*requestMetaBytes:]
		r.client, r.seq, r.op = wire.ClientID(le.Uint64(p)), le.Uint64(p[8:]), wire.Op(p[16])
		p = p[17:]
		p = p[copy(r.signature[:], p):]
		p = p[copy(r.digest[:], p):]
		r.status, r.timestamp = le.Uint16(p), le.Uint64(p[2:])
		r.dupSeq, r.dupIndex = wire.SeqNum(le.Uint64(p[10:])), le.Uint32(p[18:])
	}
	return m, nil
}

// blockBody rebuilds the batch of a stored block. A null block has none.
func blockBody(cluster wire.Digest, sb *storage.Block) (*body, blockMeta, error) {
	m, err := decodeBlockMeta(sb.Header)
	if err != nil {
		return nil, m, err
	}
	if m.header.BatchDigest.IsNull() {
		return nil, m, nil
	}
	if len(m.requests) != len(sb.Requests) {
		return nil, m, fmt.Errorf("%w: block %d has %d requests and %d bodies", ErrBlock, sb.Seq, len(m.requests), len(sb.Requests))
	}
	b := &body{digest: m.header.BatchDigest, batch: wire.Batch{Time: m.time, Requests: make([]wire.Request, len(m.requests))}}
	for i := range m.requests {
		r := &m.requests[i]
		b.batch.Requests[i] = wire.Request{Client: r.client, Seq: r.seq, Op: r.op, Body: sb.Requests[i].Body, Signature: r.signature}
		b.requests = append(b.requests, r.digest)
	}
	b.raw = b.batch.Append(nil)
	return b, m, nil
}

// paymentRequests lists a body's requests as payments takes them.
func paymentRequests(dst []payments.Request, b *body) []payments.Request {
	dst = dst[:0]
	if b == nil {
		return dst
	}
	for i := range b.batch.Requests {
		q := &b.batch.Requests[i]
		dst = append(dst, payments.Request{Client: q.Client, Seq: q.Seq, Digest: b.requests[i], Op: q.Op, Body: q.Body,
			Verdicts: b.payers.verdicts(i)})
	}
	return dst
}

// outcomeBlock turns an outcome into what storage keeps and what replies need.
// Nothing in it aliases the outcome, which the next block overwrites.
func outcomeBlock(parent wire.Digest, proof wire.CommitProof, b *body, out *payments.Outcome) (*storage.Block, *doneBlock) {
	m := blockMeta{header: wire.BlockHeader{Seq: out.Seq, Time: out.Time, Parent: parent,
		BatchDigest: proof.Slot.Digest, DeltaDigest: out.DeltaDigest}}
	sb := &storage.Block{Seq: out.Seq, Certificate: proof.Append(nil), FirstOrdinal: out.FirstOrdinal,
		Links: append([][2]uint64(nil), out.Links...), IDEntries: append([]uint64(nil), out.IDEntries...)}
	leaves := make([]wire.Digest, len(out.Requests))
	if b != nil {
		m.time = b.batch.Time
		m.requests = make([]requestMeta, len(out.Requests))
		sb.Requests = make([]storage.RequestBody, len(out.Requests))
	}
	for i := range out.Requests {
		o, q := &out.Requests[i], &b.batch.Requests[i]
		result := append([]byte(nil), o.Result...)
		m.requests[i] = requestMeta{client: q.Client, seq: q.Seq, op: q.Op, signature: q.Signature, digest: b.requests[i],
			status: uint16(o.Status), timestamp: o.FirstTimestamp, dupSeq: o.DuplicateSeq, dupIndex: o.DuplicateIndex}
		sb.Requests[i] = storage.RequestBody{Kind: uint8(q.Op), Body: q.Body, Events: int(o.Events), FirstOrdinal: o.FirstOrdinal,
			FirstTimestamp: o.FirstTimestamp, Result: result}
		leaves[i] = wire.ResultDigest(b.requests[i], uint32(i), uint16(o.Status), o.FirstTimestamp, len(result), wire.BodyRoot(result))
	}
	for i := range out.Derived {
		sb.Derived = append(sb.Derived, storage.DerivedRecord{Ordinal: out.Derived[i].Ordinal, Rec: out.Derived[i].Record})
	}
	for _, r := range out.Resolved {
		sb.Resolved = append(sb.Resolved, storage.ResolvedStatus{Ordinal: r.Ordinal, Status: uint8(r.Status)})
	}
	slices.SortFunc(sb.Resolved, func(a, b storage.ResolvedStatus) int { return cmp.Compare(a.Ordinal, b.Ordinal) })
	sb.Balances = balanceRecords(out.Balances)
	tree := wire.NewMerkleTree(leaves)
	m.header.ResultRoot = tree.Root()
	sb.Header = m.append(nil)
	return sb, &doneBlock{seq: out.Seq, meta: m, tree: tree, requests: sb.Requests}
}

// balanceRecords joins the one or two sides of each transfer: a side byte and
// the record of each.
func balanceRecords(in []payments.BalanceRecord) []storage.BalanceRecord {
	var out []storage.BalanceRecord
	for i := range in {
		enc := in[i].Balance.Append([]byte{byte(in[i].Side)})
		if n := len(out); n > 0 && out[n-1].Ordinal == in[i].Ordinal {
			out[n-1].Bytes = append(out[n-1].Bytes, enc...)
			continue
		}
		out = append(out, storage.BalanceRecord{Ordinal: in[i].Ordinal, Bytes: enc})
	}
	return out
}

package pipeline

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"time"

	"quorate/payments"
	"quorate/storage"
	"quorate/wire"
)

// BlockView is one block as an operator sees it; digests and certificates are
// hexadecimal.
type BlockView struct {
	Seq             uint64        `json:"seq"`
	Time            string        `json:"time"` // agreed execution time, RFC 3339
	Hash            string        `json:"hash"`
	Parent          string        `json:"parent"`
	Batch           string        `json:"batch"`
	ResultRoot      string        `json:"result_root"`
	DeltaDigest     string        `json:"delta_digest"`
	Path            string        `json:"path"` // fast, slow: how it committed
	CommitCert      string        `json:"commit_certificate"`
	Certified       bool          `json:"certified"` // an execution certificate is at hand
	ExecCertificate string        `json:"exec_certificate,omitempty"`
	Requests        []RequestView `json:"requests"`
}

// RequestView is one request of a block.
type RequestView struct {
	Client    uint64 `json:"client"`
	Seq       uint64 `json:"seq"`
	Op        string `json:"op"`
	Digest    string `json:"digest"`
	Bytes     int    `json:"bytes"`
	Status    string `json:"status"`
	Events    int    `json:"events"`
	Failed    int    `json:"failed"` // events with a result other than 0; not counted in an outline
	Timestamp uint64 `json:"timestamp"`
}

// ViewBlock reads one block of a ledger.
func ViewBlock(cluster wire.Digest, ledger Ledger, seq wire.SeqNum) (*BlockView, error) {
	sb, err := ledger.Block(seq)
	if err != nil {
		return nil, err
	}
	_, m, err := blockBody(cluster, sb)
	if err != nil {
		return nil, err
	}
	v, err := viewOf(sb, &m)
	if err != nil {
		return nil, err
	}
	for i := range v.Requests {
		q, b := &v.Requests[i], &sb.Requests[i]
		q.Bytes = len(b.Body)
		for e := 0; e < b.Events && 4*e+4 <= len(b.Result); e++ {
			if binary.LittleEndian.Uint32(b.Result[4*e:]) != 0 {
				q.Failed++
			}
		}
	}
	return v, nil
}

// ViewOutline reads what a list of blocks shows: no event is read, so Failed
// stays 0.
func ViewOutline(ledger Ledger, seq wire.SeqNum) (*BlockView, error) {
	sb, err := ledger.Outline(seq)
	if err != nil {
		return nil, err
	}
	m, err := decodeBlockMeta(sb.Header)
	if err != nil {
		return nil, err
	}
	if len(m.requests) != len(sb.Requests) {
		return nil, fmt.Errorf("%w: block %d has %d requests and %d bodies", ErrBlock, seq, len(m.requests), len(sb.Requests))
	}
	v, err := viewOf(sb, &m)
	if err != nil {
		return nil, err
	}
	for i := range v.Requests {
		v.Requests[i].Bytes = v.Requests[i].Events*storage.EventBytes + len(sb.Requests[i].Body)
	}
	return v, nil
}

// viewOf shows what a block and its outline have in common.
func viewOf(sb *storage.Block, m *blockMeta) (*BlockView, error) {
	proof, err := wire.DecodeCommitProof(sb.Certificate)
	if err != nil {
		return nil, fmt.Errorf("pipeline: certificate of block %d: %w", sb.Seq, err)
	}
	hash := m.header.Hash()
	v := &BlockView{Seq: uint64(sb.Seq), Time: time.Unix(0, int64(m.header.Time)).UTC().Format(time.RFC3339Nano),
		Hash: hex.EncodeToString(hash[:]), Parent: hex.EncodeToString(m.header.Parent[:]),
		Batch: hex.EncodeToString(m.header.BatchDigest[:]), ResultRoot: hex.EncodeToString(m.header.ResultRoot[:]),
		DeltaDigest: hex.EncodeToString(m.header.DeltaDigest[:]), Path: "slow", CommitCert: proof.TauTau.String(),
		Certified: len(sb.ExecCert) > 0, Requests: []RequestView{}}
	if proof.Fast {
		v.Path, v.CommitCert = "fast", proof.Sigma.String()
	}
	if pi, ok := storedCert(sb.ExecCert); ok {
		v.ExecCertificate = pi.String()
	}
	for i := range m.requests {
		r := &m.requests[i]
		v.Requests = append(v.Requests, RequestView{Client: uint64(r.client), Seq: r.seq, Op: r.op.String(), Digest: hex.EncodeToString(r.digest[:]),
			Status: payments.Status(r.status).String(), Events: sb.Requests[i].Events, Timestamp: r.timestamp})
	}
	return v, nil
}

// EventView is one event of a request: an account or a transfer, as it was sent
// or, if it was executed, as it became.
type EventView struct {
	Index    int
	Ordinal  uint64
	Result   string // stable name of its code; "ok"
	Account  *payments.Account
	Transfer *payments.Transfer
}

// ViewEvents reads up to limit events of a block's request, from the one with
// index from on, and tells how many there are. It is storage.ErrNotFound if
// there is no such block or request.
func ViewEvents(ledger Ledger, seq wire.SeqNum, request, from, limit int) (events []EventView, all int, err error) {
	sb, err := ledger.Outline(seq)
	if err != nil {
		return nil, 0, err
	}
	if request < 0 || request >= len(sb.Requests) || from < 0 {
		return nil, 0, fmt.Errorf("pipeline: block %d, request %d, event %d: %w", seq, request, from, storage.ErrNotFound)
	}
	r := &sb.Requests[request]
	if from >= r.Events {
		return nil, r.Events, nil
	}
	first := r.FirstOrdinal + uint64(from)
	var failed error
	err = ledger.ScanEvents(first, first+uint64(min(limit, r.Events-from)), false, func(e *storage.EventRecord) bool {
		var v EventView
		if v, failed = viewEvent(archive{ledger}, e); failed != nil {
			return false
		}
		v.Index = from + len(events)
		events = append(events, v)
		return true
	})
	if err == nil {
		err = failed
	}
	return events, r.Events, err
}

// viewEvent reads one event.
func viewEvent(a archive, e *storage.EventRecord) (v EventView, err error) {
	v.Ordinal = e.Ordinal
	if isTransfer(e) {
		var st payments.Stored
		v.Result = payments.TransferCode(e.Code).String()
		err, v.Transfer = a.fill(e, &st), &st.Transfer
		return v, err
	}
	v.Result, v.Account = payments.AccountCode(e.Code).String(), new(payments.Account)
	if err = v.Account.Decode(e.Bytes[:]); err == nil && payments.AccountCode(e.Code) == payments.AccountOK && v.Account.Flags&payments.AccountImported == 0 {
		v.Account.Timestamp = e.Timestamp
	}
	return v, err
}

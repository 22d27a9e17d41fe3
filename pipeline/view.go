package pipeline

import (
	"encoding/binary"
	"encoding/hex"
	"time"

	"quorate/payments"
	"quorate/wire"
)

// BlockView is one block as an operator sees it; digests are hexadecimal.
type BlockView struct {
	Seq       uint64        `json:"seq"`
	Time      string        `json:"time"` // agreed execution time, RFC 3339
	Hash      string        `json:"hash"`
	Parent    string        `json:"parent"`
	Batch     string        `json:"batch"`
	Path      string        `json:"path"`      // fast, slow: how it committed
	Certified bool          `json:"certified"` // an execution certificate is at hand
	Requests  []RequestView `json:"requests"`
}

// RequestView is one request of a block.
type RequestView struct {
	Client    uint64 `json:"client"`
	Seq       uint64 `json:"seq"`
	Op        string `json:"op"`
	Bytes     int    `json:"bytes"`
	Status    string `json:"status"`
	Events    int    `json:"events"`
	Failed    int    `json:"failed"` // events with a result other than 0
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
	proof, err := wire.DecodeCommitProof(sb.Certificate)
	if err != nil {
		return nil, err
	}
	hash := m.header.Hash()
	v := &BlockView{Seq: uint64(seq), Time: time.Unix(0, int64(m.header.Time)).UTC().Format(time.RFC3339Nano),
		Hash: hex.EncodeToString(hash[:]), Parent: hex.EncodeToString(m.header.Parent[:]),
		Batch: hex.EncodeToString(m.header.BatchDigest[:]), Path: "slow", Certified: len(sb.ExecCert) > 0}
	if proof.Fast {
		v.Path = "fast"
	}
	for i := range m.requests {
		r, b := &m.requests[i], &sb.Requests[i]
		q := RequestView{Client: uint64(r.client), Seq: r.seq, Op: r.op.String(), Bytes: len(b.Body),
			Status: payments.Status(r.status).String(), Events: b.Events, Timestamp: r.timestamp}
		for e := 0; e < b.Events && 4*e+4 <= len(b.Result); e++ {
			if binary.LittleEndian.Uint32(b.Result[4*e:]) != 0 {
				q.Failed++
			}
		}
		v.Requests = append(v.Requests, q)
	}
	return v, nil
}

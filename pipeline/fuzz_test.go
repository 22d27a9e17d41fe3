package pipeline

import (
	"bytes"
	"testing"

	"quorate/storage"
	"quorate/wire"
)

// FuzzBlockMeta: what the ledger gives back as a block's head decodes to what
// encodes to the same bytes, or is refused; its body is rebuilt or refused.
func FuzzBlockMeta(f *testing.F) {
	m := blockMeta{header: wire.BlockHeader{Seq: 3, Time: 4, BatchDigest: wire.Digest{1}}, time: 5,
		requests: []requestMeta{{client: 1, seq: 2, op: wire.OpCreateTransfers, status: 3, timestamp: 6, dupSeq: 1, dupIndex: 2}}}
	f.Add(m.append(nil), uint8(1))
	f.Add((&blockMeta{}).append(nil), uint8(0))
	f.Add([]byte{}, uint8(0))
	f.Fuzz(func(t *testing.T, head []byte, bodies uint8) {
		m, err := decodeBlockMeta(head)
		if err != nil {
			return
		}
		if !bytes.Equal(m.append(nil), head) {
			t.Fatalf("%x decodes and encodes to %x", head, m.append(nil))
		}
		sb := &storage.Block{Seq: m.header.Seq, Header: head, Requests: make([]storage.RequestBody, bodies)}
		b, _, err := blockBody(wire.Digest{}, sb)
		if err == nil && b != nil && len(b.batch.Requests) != len(m.requests) {
			t.Fatalf("%d requests of %d", len(b.batch.Requests), len(m.requests))
		}
	})
}

// FuzzRoots: the roots that are kept with a state image.
func FuzzRoots(f *testing.F) {
	f.Add(encodeRoots([]stateRoot{{8, wire.Digest{1}}, {16, wire.Digest{2}}}))
	f.Fuzz(func(t *testing.T, b []byte) {
		if roots, err := decodeRoots(b); err == nil && !bytes.Equal(encodeRoots(roots), b) {
			t.Fatalf("%x decodes and encodes to %x", b, encodeRoots(roots))
		}
	})
}

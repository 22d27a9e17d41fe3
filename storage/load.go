package storage

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2"

	"quorate/wire"
)

// holeBlocksMax is how many of the newest blocks are checked for holes at
// open; Verify checks all of them. More than a window of blocks, because what
// a crash or a lost table takes away is at the new end.
const holeBlocksMax = 2 * wire.WindowMax

// load finds the newest block and checks that those before it are there. A
// ledger that lost its newest blocks without a trace looks whole from here:
// only the journal knows (CheckApplied).
func (l *Ledger) load() error {
	if err := l.checkIdentity(); err != nil {
		return err
	}
	switch v, err := l.getMeta(metaBase); {
	case errors.Is(err, ErrNotFound):
	case err != nil:
		return err
	case len(v) != 8:
		return fmt.Errorf("storage: base of %d bytes: %w", len(v), ErrCorrupt)
	default:
		l.base = wire.SeqNum(binary.LittleEndian.Uint64(v))
	}
	tail, err := l.findTail()
	if err != nil {
		return err
	}
	if err := l.loadPageVersions(); err != nil {
		return err
	}
	if tail.dropFrom != nil {
		if err := l.dropBlocks(tail); err != nil {
			return err
		}
	}
	if l.base > 0 {
		l.nextSeq.Store(uint64(tail.seq) + 1)
	}
	l.nextOrdinal.Store(tail.next)
	l.applied.Store(uint64(tail.seq))
	l.committed = tail.seq
	if tail.seq < tail.newest {
		return &LedgerBehindError{From: tail.seq + 1, Have: tail.seq, Want: tail.newest}
	}
	return nil
}

// checkIdentity compares whose ledger this is, or writes it into a new one.
func (l *Ledger) checkIdentity() error {
	want := binary.LittleEndian.AppendUint16(l.opt.Cluster[:], uint16(l.opt.Replica))
	have, err := l.getMeta(metaIdentity)
	switch {
	case errors.Is(err, ErrNotFound):
		iter, err := l.db.NewIter(nil)
		if err != nil {
			return fmt.Errorf("storage: open ledger: %w", typed(err))
		}
		used := iter.First()
		if err := iter.Close(); err != nil {
			return fmt.Errorf("storage: open ledger: %w", typed(err))
		}
		if used {
			return fmt.Errorf("storage: ledger without an identity: %w", ErrCorrupt)
		}
		if err := l.putOne(metaKey(metaIdentity), want); err != nil {
			return err
		}
		return l.flush()
	case err != nil:
		return err
	case string(have) != string(want):
		return fmt.Errorf("storage: ledger: %w", ErrForeign)
	}
	return nil
}

// ledgerTail is the end of the run of blocks without a hole.
type ledgerTail struct {
	seq      wire.SeqNum // newest block of the run
	next     uint64      // next free ordinal after it
	newest   wire.SeqNum // newest block anywhere
	dropFrom []byte      // first key of the blocks behind a hole; nil: no hole
}

// findTail walks back from the newest block, one read per block, and remembers
// the oldest hole it meets.
func (l *Ledger) findTail() (t ledgerTail, err error) {
	iter, err := l.db.NewIter(&pebble.IterOptions{LowerBound: []byte{spaceBlocks}, UpperBound: []byte{spaceBlocks + 1}})
	if err != nil {
		return t, fmt.Errorf("storage: find newest block: %w", typed(err))
	}
	defer func() {
		if cerr := iter.Close(); err == nil && cerr != nil {
			err = fmt.Errorf("storage: find newest block: %w", typed(cerr))
		}
	}()
	ok := iter.Last()
	above := wire.SeqNum(0)
	for n := 0; ok && n < holeBlocksMax; n++ {
		first, seq, err := blockStart(iter)
		if err != nil {
			return t, err
		}
		key := blockKey(nil, first, seq, partHeader)
		head, err := l.readHeader(key, first)
		switch {
		case errors.Is(err, ErrNotFound): // chunks without a header: the block is not whole
			t.seq, t.next, t.dropFrom = 0, 0, blockKey(nil, first, seq, 0)
		case err != nil:
			return t, err
		case t.seq == 0 || seq+1 != above:
			if t.seq != 0 || t.dropFrom != nil {
				t.dropFrom = blockKey(nil, head.next, seq+1, 0)
			}
			t.seq, t.next = seq, head.next
		}
		t.newest = max(t.newest, seq)
		l.recent.put(seq, first)
		above = seq
		ok = iter.SeekLT(blockKey(nil, first, seq, 0))
	}
	if err := iter.Error(); err != nil {
		return t, fmt.Errorf("storage: find newest block: %w", typed(err))
	}
	switch {
	case ok: // older blocks are for Verify
	case l.base == 0 && t.newest > 0:
		return t, fmt.Errorf("storage: %d blocks and no base: %w", t.newest, ErrCorrupt)
	case l.base > 0 && (above != l.base || t.seq == 0): // the oldest are gone, or all
		t.seq, t.next, t.dropFrom = l.base-1, 0, []byte{spaceBlocks}
		t.newest = max(t.newest, l.base)
	}
	return t, nil
}

// blockStart gives the own ordinal of the block that the iterator is in, which
// must be at the block's last key.
func blockStart(iter *pebble.Iterator) (first uint64, seq wire.SeqNum, err error) {
	ordinal, seq, part, ok := splitBlockKey(iter.Key())
	if !ok {
		return 0, 0, fmt.Errorf("storage: key %x: %w", iter.Key(), ErrCorrupt)
	}
	if part != partChunk {
		return ordinal, seq, nil
	}
	c, err := readChunk(iter)
	return c.blockFirst, seq, err
}

// readChunk checks and decodes the chunk at the iterator; it aliases its value.
func readChunk(iter *pebble.Iterator) (chunk, error) {
	key := iter.Key()
	ordinal, seq, part, ok := splitBlockKey(key)
	if !ok || part != partChunk {
		return chunk{}, fmt.Errorf("storage: key %x is no chunk: %w", key, ErrCorrupt)
	}
	v, err := iter.ValueAndErr()
	if err != nil {
		return chunk{}, fmt.Errorf("storage: read key %x: %w", key, typed(err))
	}
	payload, err := openValue(key, v)
	if err != nil {
		return chunk{}, err
	}
	c, ok := decodeChunk(ordinal, seq, payload)
	if !ok {
		return chunk{}, fmt.Errorf("storage: chunk %d of block %d: %w", ordinal, seq, ErrCorrupt)
	}
	return c, nil
}

// dropBlocks deletes what is behind a hole, durably: it will be staged again.
func (l *Ledger) dropBlocks(t ledgerTail) error {
	batch := l.db.NewBatch()
	defer batch.Close()
	w := batchWriter{batch: batch}
	w.err = batch.DeleteRange(t.dropFrom, []byte{spaceBlocks + 1}, nil)
	if err := l.apply(&w); err != nil {
		return err
	}
	return l.flush()
}

// header is a block's decoded header value; slices alias it.
type header struct {
	header, cert, exec []byte
	next               uint64 // ordinal after the block's last event
}

func decodeHeader(first uint64, payload []byte) (h header, ok bool) {
	in := cursor{rest: payload}
	h.header, h.cert, h.exec = in.blob(), in.blob(), in.blob()
	h.next = first + in.uvarint()
	return h, !in.bad && len(in.rest) == 0
}

// readHeader reads a block's header by its key. Its slices are copies.
func (l *Ledger) readHeader(key []byte, first uint64) (header, error) {
	payload, done, err := l.get(key)
	if err != nil {
		return header{}, err
	}
	defer done.Close()
	h, ok := decodeHeader(first, append([]byte(nil), payload...))
	if !ok {
		return header{}, fmt.Errorf("storage: header %x: %w", key, ErrCorrupt)
	}
	return h, nil
}

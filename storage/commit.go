package storage

import (
	"encoding/binary"
	"fmt"

	"github.com/cockroachdb/pebble/v2"

	"quorate/wire"
)

// commitBytesMax bounds one Pebble batch.
const commitBytesMax = 8 << 20

// batchBytes is the size of one Pebble batch: below half a memtable, where Pebble
// would flush the memtable for it.
func (l *Ledger) batchBytes() int64 { return min(commitBytesMax, int64(l.opt.MemTableBytes)/4) }

// stagedFew is how many blocks may wait, staged, to become a table when they are
// small: a reader looks through the staged ones one by one.
const stagedFew = 64

// Commit moves staged blocks to Pebble: many bytes as a table, which is durable at
// once, few in batches of whole blocks. Without sync it leaves few blocks where
// they are, since more may come and make a table. With sync all that was ever
// staged is durable when it returns. Blocks become durable in their order, so a
// crash leaves a prefix (Invariant L2). On ErrDiskLow nothing is lost and readers
// go on; call it again when there is room. Any other error is fatal.
func (l *Ledger) Commit(sync bool) error {
	if err := l.dead(); err != nil {
		return err
	}
	if l.low.Load() {
		return errFlushFull // more would fill the memtables and block
	}
	if err := l.move(sync); err != nil {
		return err
	}
	if sync {
		return l.flush()
	}
	return nil
}

// move moves staged blocks to Pebble: all of them, or those that are worth it.
func (l *Ledger) move(all bool) error {
	for {
		o := l.overlay.Load()
		n, err := 0, error(nil)
		switch {
		case len(o.blocks) == 0:
		case l.base > 0 && o.bytes >= l.opt.TableBytes:
			n, err = l.commitTable(o)
		case all || l.base == 0 || len(o.blocks) >= stagedFew:
			n, err = l.commitBatch(o)
		}
		if n == 0 || err != nil {
			return err
		}
	}
}

// commitBatch writes as many staged blocks as fit one batch.
func (l *Ledger) commitBatch(o *overlay) (int, error) {
	n, size := 0, int64(0)
	for n < len(o.blocks) && (n == 0 || size+o.blocks[n].bytes <= l.batchBytes()) {
		size += o.blocks[n].bytes
		n++
	}
	batch := l.db.NewBatchWithSize(int(size+size/16) + 4096)
	defer batch.Close()
	w := batchWriter{batch: batch}
	var enc blockEncoder
	for _, s := range o.blocks[:n] {
		enc.block(s, w.put)
		enc.statuses(s, w.put)
	}
	if l.base == 0 {
		w.put(metaKey(metaBase), binary.LittleEndian.AppendUint64(nil, uint64(o.blocks[0].Seq)))
		l.base = o.blocks[0].Seq
	}
	if err := l.apply(&w); err != nil {
		return 0, err
	}
	l.moved(o.blocks[:n])
	return n, nil
}

// moved notes that the oldest staged blocks are in Pebble.
func (l *Ledger) moved(blocks []*stagedBlock) {
	for _, s := range blocks {
		l.recent.put(s.Seq, s.FirstOrdinal)
	}
	l.committed = blocks[len(blocks)-1].Seq
	l.unstage(blocks)
}

// advance notes that blocks up to seq are durable.
func (l *Ledger) advance(seq wire.SeqNum) {
	l.applied.Store(max(l.applied.Load(), uint64(seq)))
}

// unstage takes committed blocks, which stand first, out of the overlay.
func (l *Ledger) unstage(done []*stagedBlock) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.overlay.Load()
	rest := &overlay{blocks: append([]*stagedBlock(nil), now.blocks[len(done):]...), bytes: now.bytes}
	for _, s := range done {
		rest.bytes -= s.bytes
	}
	l.overlay.Store(rest)
}

// apply commits a batch without waiting for the disk.
func (l *Ledger) apply(w *batchWriter) error {
	if w.err != nil {
		return l.die(fmt.Errorf("storage: build batch: %w: %w", ErrCrash, w.err))
	}
	if err := l.db.Apply(w.batch, pebble.NoSync); err != nil {
		return l.die(fmt.Errorf("storage: apply batch: %w: %w", ErrCrash, err))
	}
	l.dirty = true
	return nil
}

// flush makes everything committed durable: without a write-ahead log that is
// the flush of the memtables to synced tables and a synced manifest.
func (l *Ledger) flush() error {
	for l.flushing != nil || l.dirty {
		if l.flushing == nil {
			select {
			case <-l.full: // an old report
			default:
			}
			done, err := l.db.AsyncFlush()
			if err != nil {
				return l.die(fmt.Errorf("storage: flush: %w: %w", ErrCrash, err))
			}
			l.flushing, l.flushSeq, l.dirty = done, l.committed, false
		}
		select {
		case <-l.flushing:
			l.flushing = nil
			l.advance(l.flushSeq)
		case <-l.full:
			return errFlushFull // the flush goes on; a later Commit waits for it
		case <-l.failed:
			return l.dead()
		}
	}
	return nil
}

var errFlushFull = fmt.Errorf("storage: flush ledger: %w", ErrDiskLow)

// batchWriter puts sealed values into a batch.
type batchWriter struct {
	batch *pebble.Batch
	err   error
}

// put stores the concatenation of parts under the key, copied once.
func (w *batchWriter) put(key []byte, parts ...[]byte) {
	n := 0
	for _, p := range parts {
		n += len(p)
	}
	op := w.batch.SetDeferred(len(key), n+sumBytes)
	copy(op.Key, key)
	at := 0
	for _, p := range parts {
		at += copy(op.Value[at:], p)
	}
	sealValue(key, op.Value)
	if err := op.Finish(); err != nil && w.err == nil {
		w.err = err
	}
}

// blockEncoder turns blocks into keys and values, in the order of the keys.
type blockEncoder struct {
	key   []byte
	buf   []byte
	parts [][]byte
}

// putFunc stores the concatenation of parts under the key, and keeps neither.
type putFunc func(key []byte, parts ...[]byte)

// block puts all keys of a block but its statuses.
func (w *blockEncoder) block(s *stagedBlock, put putFunc) {
	h := appendBlob(w.buf[:0], s.Header)
	h = appendBlob(h, s.certificate())
	h = appendBlob(h, s.execCert())
	h = binary.AppendUvarint(h, s.next-s.FirstOrdinal)
	w.key = blockKey(w.key, s.FirstOrdinal, s.Seq, partHeader)
	put(w.key, h)

	h = h[:0]
	for _, id := range s.IDEntries {
		h = binary.LittleEndian.AppendUint64(h, id)
	}
	w.key = blockKey(w.key, s.FirstOrdinal, s.Seq, partIDs)
	put(w.key, h)

	h = binary.AppendUvarint(h[:0], uint64(len(s.Requests)))
	for i := range s.Requests {
		h = appendRequest(h, s.FirstOrdinal, &s.Requests[i])
	}
	w.key = blockKey(w.key, s.FirstOrdinal, s.Seq, partRequests)
	put(w.key, h)
	w.buf = h

	chunks := chunkWriter{b: s.Block, emit: func(first uint64, head []byte, events [][]byte) {
		w.key = blockKey(w.key, first, s.Seq, partChunk)
		w.parts = append(append(w.parts[:0], head), events...)
		put(w.key, w.parts...)
	}}
	chunks.write()
}

// appendRequest encodes what chunks do not hold of a request:
//
//	kind u8 | uvarint events | uvarint first ordinal − block's | first timestamp u64
//	rest of body, blob | 1 if the result is the chunks' codes, else 0 and blob
func appendRequest(dst []byte, blockFirst uint64, r *RequestBody) []byte {
	dst = binary.AppendUvarint(append(dst, r.Kind), uint64(r.Events))
	offset := uint64(0)
	if r.Events > 0 {
		offset = r.FirstOrdinal - blockFirst
	}
	dst = binary.AppendUvarint(dst, offset)
	dst = binary.LittleEndian.AppendUint64(dst, r.FirstTimestamp)
	dst = appendBlob(dst, r.Body[r.Events*EventBytes:])
	if requestCodes(r) != nil {
		return append(dst, 1)
	}
	return appendBlob(append(dst, 0), r.Result)
}

// statuses puts resolved statuses, one key for each 1,024 ordinals touched:
// a list of (ordinal mod 1,024) u16 and status u8. An event is resolved once
// or seldom, so few keys exist per 1,024 ordinals; the newest seq wins.
func (w *blockEncoder) statuses(s *stagedBlock, put putFunc) {
	for i := 0; i < len(s.Resolved); {
		span := s.Resolved[i].Ordinal / statusSpan
		v := w.buf[:0]
		w.key = statusKey(w.key, s.Resolved[i].Ordinal, s.Seq)
		for ; i < len(s.Resolved) && s.Resolved[i].Ordinal/statusSpan == span; i++ {
			v = binary.LittleEndian.AppendUint16(v, uint16(s.Resolved[i].Ordinal%statusSpan))
			v = append(v, s.Resolved[i].Status)
		}
		put(w.key, v)
		w.buf = v
	}
}

// SetExecCert adds or replaces the execution certificate of a block.
func (l *Ledger) SetExecCert(seq wire.SeqNum, cert []byte) error {
	return l.setCert(seq, kindExecCert, cert)
}

// SetCertificate replaces the commit certificate of a block.
func (l *Ledger) SetCertificate(seq wire.SeqNum, cert []byte) error {
	return l.setCert(seq, kindCommitCert, cert)
}

// setCert attaches the certificate to a staged block, or writes a key of its
// own for one that is in Pebble. ErrNotFound: there is no such block.
func (l *Ledger) setCert(seq wire.SeqNum, kind uint8, cert []byte) error {
	if err := l.dead(); err != nil {
		return err
	}
	if s := l.overlay.Load().bySeq(seq); s != nil {
		if kind == kindExecCert {
			s.exec.Store(&cert)
		} else {
			s.cert.Store(&cert)
		}
		return nil
	}
	if head, _ := l.Head(); seq == 0 || seq > head {
		return fmt.Errorf("storage: certificate of block %d: %w", seq, ErrNotFound)
	}
	return l.putOne(certKey(nil, seq, kind), cert)
}

// putOne writes a single key.
func (l *Ledger) putOne(key, payload []byte) error {
	batch := l.db.NewBatch()
	defer batch.Close()
	w := batchWriter{batch: batch}
	w.put(key, payload)
	return l.apply(&w)
}

// PutMeta stores a small value; durable with the next Commit(true).
func (l *Ledger) PutMeta(key string, value []byte) error {
	if err := l.dead(); err != nil {
		return err
	}
	return l.putOne(metaKey(metaCaller+key), value)
}

// GetMeta gives a small value or ErrNotFound.
func (l *Ledger) GetMeta(key string) ([]byte, error) {
	return l.getMeta(metaCaller + key)
}

func (l *Ledger) getMeta(name string) ([]byte, error) {
	v, done, err := l.get(metaKey(name))
	if err != nil {
		return nil, err
	}
	defer done.Close()
	return append([]byte(nil), v...), nil
}

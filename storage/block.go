package storage

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/cockroachdb/pebble/v2"

	"quorate/wire"
)

// recentBlocks remembers the own ordinals of the newest committed blocks: what
// peers fetch and what certificates arrive for.
type recentBlocks struct {
	mu    sync.RWMutex
	slots [4 * wire.WindowMax]struct {
		seq   wire.SeqNum
		first uint64
	}
}

func (r *recentBlocks) put(seq wire.SeqNum, first uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := &r.slots[seq%wire.SeqNum(len(r.slots))]
	s.seq, s.first = seq, first
}

func (r *recentBlocks) get(seq wire.SeqNum) (first uint64, ok bool) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	s := &r.slots[seq%wire.SeqNum(len(r.slots))]
	return s.first, s.seq == seq
}

// Block gives a whole block for a peer that fetches it: header, certificates,
// requests and results as they were staged. Links, Derived, Resolved, Balances
// and IDEntries stay empty; whoever executes the block computes them. The block
// may share bytes with the one that was staged: do not write to it.
func (l *Ledger) Block(seq wire.SeqNum) (*Block, error) { return l.block(seq, true) }

// Outline gives a block as Block does, but for its events and their results:
// a request's Body and Result are what it has beside them, or empty. It costs a
// few small reads whatever the block holds.
func (l *Ledger) Outline(seq wire.SeqNum) (*Block, error) { return l.block(seq, false) }

func (l *Ledger) block(seq wire.SeqNum, whole bool) (*Block, error) {
	if s := l.overlay.Load().bySeq(seq); s != nil {
		b := &Block{
			Seq: s.Seq, Header: s.Header, Certificate: s.certificate(), ExecCert: s.execCert(),
			FirstOrdinal: s.FirstOrdinal, Requests: s.Requests,
		}
		if !whole {
			b.Requests = outlines(s.Requests)
		}
		return b, nil
	}
	if head, _ := l.Head(); seq == 0 || seq > head {
		return nil, fmt.Errorf("storage: block %d: %w", seq, ErrNotFound)
	}
	first, ok := l.recent.get(seq)
	if !ok {
		var err error
		if first, err = l.locate(seq); err != nil {
			return nil, err
		}
	}
	b, err := l.readBlock(first, seq, whole)
	if err != nil {
		return nil, err
	}
	for kind, cert := range map[uint8]*[]byte{kindCommitCert: &b.Certificate, kindExecCert: &b.ExecCert} {
		switch v, done, err := l.get(certKey(nil, seq, kind)); {
		case errors.Is(err, ErrNotFound):
		case err != nil:
			return nil, err
		default:
			*cert = append([]byte(nil), v...)
			_ = done.Close()
		}
	}
	return b, nil
}

// outlines gives requests without their events and their events' results.
func outlines(requests []RequestBody) []RequestBody {
	out := slices.Clone(requests)
	for i := range out {
		r := &out[i]
		if requestCodes(r) != nil {
			r.Result = nil
		}
		r.Body = r.Body[r.Events*EventBytes:]
	}
	return out
}

// locate finds a block's own ordinal by bisection: (ordinal, seq) grows, and
// the keys are sorted by ordinal. About 30 seeks, for old blocks only.
func (l *Ledger) locate(seq wire.SeqNum) (first uint64, err error) {
	iter, err := l.db.NewIter(&pebble.IterOptions{LowerBound: []byte{spaceBlocks}, UpperBound: []byte{spaceBlocks + 1}})
	if err != nil {
		return 0, fmt.Errorf("storage: locate block %d: %w", seq, typed(err))
	}
	defer func() {
		if cerr := iter.Close(); err == nil && cerr != nil {
			err = fmt.Errorf("storage: locate block %d: %w", seq, typed(cerr))
		}
	}()
	// lo is the lowest ordinal from which the first key has a seq of at least
	// the one looked for.
	key := make([]byte, 0, blockKeyBytes)
	lo, hi := uint64(0), l.nextOrdinal.Load()+1
	for lo < hi {
		mid := lo + (hi-lo)/2
		key = blockKey(key, mid, 0, 0)
		_, at, _, ok := splitBlockKey(seekKey(iter, key))
		if !ok || at >= seq {
			hi = mid
		} else {
			lo = mid + 1
		}
	}
	// The block starts there, or at the same ordinal as empty blocks before it.
	for _, from := range []uint64{lo, lo - 1} {
		key = blockKey(key, from, seq, 0)
		if first, at, part, ok := splitBlockKey(seekKey(iter, key)); ok && at == seq && part == partHeader {
			return first, nil
		}
	}
	if err := iter.Error(); err != nil {
		return 0, fmt.Errorf("storage: locate block %d: %w", seq, typed(err))
	}
	return 0, fmt.Errorf("storage: block %d: %w", seq, ErrNotFound)
}

func seekKey(iter *pebble.Iterator, key []byte) []byte {
	if !iter.SeekGE(key) {
		return nil
	}
	return iter.Key()
}

// readBlock puts a block together from its keys, with its events or without.
func (l *Ledger) readBlock(first uint64, seq wire.SeqNum, whole bool) (b *Block, err error) {
	h, err := l.readHeader(blockKey(nil, first, seq, partHeader), first)
	if err != nil {
		return nil, err
	}
	b = &Block{Seq: seq, Header: h.header, Certificate: h.cert, ExecCert: h.exec, FirstOrdinal: first}
	v, done, err := l.get(blockKey(nil, first, seq, partRequests))
	if err != nil {
		return nil, err
	}
	ok := b.decodeRequests(v, whole)
	_ = done.Close()
	if !ok {
		return nil, fmt.Errorf("storage: requests of block %d: %w", seq, ErrCorrupt)
	}
	if h.next == first || !whole {
		return b, nil
	}
	iter, err := l.db.NewIter(&pebble.IterOptions{
		LowerBound: blockKey(nil, first, seq, partChunk), UpperBound: blockKey(nil, h.next, 0, 0),
	})
	if err != nil {
		return nil, fmt.Errorf("storage: read block %d: %w", seq, typed(err))
	}
	defer func() {
		if cerr := iter.Close(); err == nil && cerr != nil {
			err = fmt.Errorf("storage: read block %d: %w", seq, typed(cerr))
		}
	}()
	fill := blockFiller{b: b}
	for ok := iter.First(); ok; ok = iter.Next() {
		c, err := readChunk(iter)
		if err != nil {
			return nil, err
		}
		if c.seq != seq || !fill.add(&c) {
			return nil, fmt.Errorf("storage: chunk %d of block %d: %w", c.first, seq, ErrCorrupt)
		}
	}
	if !fill.full() {
		return nil, fmt.Errorf("storage: block %d lacks events: %w", seq, ErrCorrupt)
	}
	return b, nil
}

// decodeRequests reads the request table and makes room for the events.
// Requests whose result is in the chunks get a Result of the right size. Not
// whole means without that room.
func (b *Block) decodeRequests(payload []byte, whole bool) bool {
	in := cursor{rest: payload}
	n := in.uvarint()
	if n > uint64(len(payload)) {
		return false
	}
	b.Requests = make([]RequestBody, n)
	for i := range b.Requests {
		r := &b.Requests[i]
		r.Kind = in.uint8()
		events := in.uvarint()
		if events > wire.BatchBytesMax {
			return false
		}
		r.Events = int(events)
		offset := in.uvarint()
		if r.Events > 0 {
			r.FirstOrdinal = b.FirstOrdinal + offset
		}
		r.FirstTimestamp = in.uint64()
		rest := in.blob()
		room := r.Events
		if !whole {
			room = 0
		}
		if size := room*EventBytes + len(rest); size > 0 {
			r.Body = make([]byte, room*EventBytes, size)
			r.Body = append(r.Body, rest...)
		}
		if in.uint8() == 1 {
			r.Result = make([]byte, 4*room)
		} else if p := in.blob(); p != nil {
			r.Result = append([]byte(nil), p...)
		}
	}
	return !in.bad && len(in.rest) == 0
}

// blockFiller copies chunks into the requests they belong to.
type blockFiller struct {
	b       *Block
	request int
	done    int // events of that request that are filled
}

// full steps over requests that have all their events; true if none is left.
func (f *blockFiller) full() bool {
	for f.request < len(f.b.Requests) && f.done == f.b.Requests[f.request].Events {
		f.request, f.done = f.request+1, 0
	}
	return f.request == len(f.b.Requests)
}

func (f *blockFiller) add(c *chunk) bool {
	for i := 0; i < c.count(); {
		if f.full() {
			return false
		}
		r := &f.b.Requests[f.request]
		if r.FirstOrdinal+uint64(f.done) != c.first+uint64(i) {
			return false
		}
		k := min(r.Events-f.done, c.count()-i)
		copy(r.Body[f.done*EventBytes:], c.events[i*EventBytes:(i+k)*EventBytes])
		if codes := requestCodes(r); codes != nil {
			for e := range k {
				binary.LittleEndian.PutUint32(codes[4*(f.done+e):], c.codes[i+e])
			}
		}
		f.done += k
		i += k
	}
	return true
}

// IDs gives the IDEntries of every block, oldest first; ids is valid until fn
// returns. It steps from block to block and reads no bodies. An error of fn
// ends it and is returned.
func (l *Ledger) IDs(fn func(seq wire.SeqNum, firstOrdinal uint64, ids []uint64) error) (err error) {
	o := l.overlay.Load()
	iter, err := l.db.NewIter(&pebble.IterOptions{LowerBound: []byte{spaceBlocks}, UpperBound: []byte{spaceBlocks + 1}})
	if err != nil {
		return fmt.Errorf("storage: ids: %w", typed(err))
	}
	defer func() {
		if cerr := iter.Close(); err == nil && cerr != nil {
			err = fmt.Errorf("storage: ids: %w", typed(cerr))
		}
	}()
	var ids []uint64
	for ok := iter.First(); ok; {
		first, seq, part, good := splitBlockKey(iter.Key())
		v, verr := iter.ValueAndErr()
		if verr != nil {
			return fmt.Errorf("storage: ids of block %d: %w", seq, typed(verr))
		}
		head, err := openValue(iter.Key(), v)
		if err != nil {
			return err
		}
		h, hok := decodeHeader(first, head)
		if !good || part != partHeader || !hok {
			return fmt.Errorf("storage: block %d does not start with a header: %w", seq, ErrCorrupt)
		}
		if len(o.blocks) > 0 && seq >= o.blocks[0].Seq {
			break // committed meanwhile; the overlay has it too
		}
		next := blockKey(nil, h.next, seq+1, 0)
		if ids, err = nextIDs(iter, ids[:0]); err != nil {
			return err
		}
		if err := fn(seq, first, ids); err != nil {
			return err
		}
		ok = iter.SeekGE(next)
	}
	for _, s := range o.blocks {
		if err := fn(s.Seq, s.FirstOrdinal, s.IDEntries); err != nil {
			return err
		}
	}
	return nil
}

// nextIDs reads the IDs that stand behind the header the iterator is at.
func nextIDs(iter *pebble.Iterator, dst []uint64) ([]uint64, error) {
	if !iter.Next() {
		return dst, fmt.Errorf("storage: a block without ids: %w", ErrCorrupt)
	}
	_, seq, part, ok := splitBlockKey(iter.Key())
	v, err := iter.ValueAndErr()
	if err != nil {
		return dst, fmt.Errorf("storage: ids of block %d: %w", seq, typed(err))
	}
	list, err := openValue(iter.Key(), v)
	if err != nil {
		return dst, err
	}
	if !ok || part != partIDs || len(list)%8 != 0 {
		return dst, fmt.Errorf("storage: ids of block %d: %w", seq, ErrCorrupt)
	}
	for ; len(list) > 0; list = list[8:] {
		dst = append(dst, binary.LittleEndian.Uint64(list))
	}
	return dst, nil
}

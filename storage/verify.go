package storage

import (
	"fmt"

	"github.com/cockroachdb/pebble/v2"

	"quorate/wire"
)

// Verify reads every key and checks its checksum and form, that blocks follow
// each other without a hole, and that each block has all its parts. progress,
// if not nil, is called after each block. It sees what was committed when it
// began and runs beside all other methods.
func (l *Ledger) Verify(progress func(blocks uint64)) (err error) {
	iter, err := l.db.NewIter(nil)
	if err != nil {
		return fmt.Errorf("storage: verify: %w", typed(err))
	}
	defer func() {
		if cerr := iter.Close(); err == nil && cerr != nil {
			err = fmt.Errorf("storage: verify: %w", typed(cerr))
		}
	}()
	v := verifier{progress: progress}
	for ok := iter.First(); ok; ok = iter.Next() {
		if err := v.key(iter); err != nil {
			return err
		}
	}
	return v.end()
}

// verifier is at one block at a time.
type verifier struct {
	progress func(uint64)
	blocks   uint64
	seq      wire.SeqNum // of the block it is in; 0: none yet
	next     uint64      // ordinal after that block, by its header
	fill     blockFiller
}

// key checks the key that the iterator is at.
func (v *verifier) key(iter *pebble.Iterator) error {
	key := iter.Key()
	value, err := iter.ValueAndErr()
	if err != nil {
		return fmt.Errorf("storage: verify key %x: %w", key, typed(err))
	}
	payload, err := openValue(key, value)
	if err != nil {
		return err
	}
	good := true
	switch key[0] {
	case spaceBlocks:
		return v.block(key, payload)
	case spaceCerts:
		good = len(key) == certKeyBytes
	case spaceMeta:
	case spacePages:
		good = len(key) == pageKeyBytes
	case spaceStatuses:
		good = len(key) == statusKeyBytes && len(payload)%3 == 0
	default:
		good = false
	}
	if !good {
		return fmt.Errorf("storage: verify key %x: %w", key, ErrCorrupt)
	}
	return nil
}

// block checks one key of a block against the state of the walk.
func (v *verifier) block(key, payload []byte) error {
	ordinal, seq, part, ok := splitBlockKey(key)
	bad := func(what string) error {
		return fmt.Errorf("storage: verify block %d: %s: %w", seq, what, ErrCorrupt)
	}
	switch {
	case !ok:
		return bad("key")
	case part == partHeader:
		if err := v.end(); err != nil {
			return err
		}
		h, ok := decodeHeader(ordinal, payload)
		if !ok || ordinal < v.next || v.seq != 0 && seq != v.seq+1 {
			return bad(fmt.Sprintf("header after block %d and ordinal %d", v.seq, v.next))
		}
		v.seq, v.next = seq, h.next
		v.fill = blockFiller{b: &Block{Seq: seq, FirstOrdinal: ordinal, Requests: make([]RequestBody, 1)}}
		v.fill.b.Requests[0].Events = -1 // until the request table was seen
	case seq != v.seq:
		return bad("no header")
	case part == partIDs:
		if len(payload)%8 != 0 {
			return bad("ids")
		}
	case part == partRequests:
		if !v.fill.b.decodeRequests(payload, true) {
			return bad("request table")
		}
	case part == partChunk:
		c, ok := decodeChunk(ordinal, seq, payload)
		if !ok || c.blockFirst != v.fill.b.FirstOrdinal || !v.fill.add(&c) {
			return bad(fmt.Sprintf("chunk %d", ordinal))
		}
	default:
		return bad("unknown part")
	}
	return nil
}

// end checks that the block which ends here is whole.
func (v *verifier) end() error {
	if v.seq == 0 {
		return nil
	}
	if !v.fill.full() {
		return fmt.Errorf("storage: verify block %d: parts are missing: %w", v.seq, ErrCorrupt)
	}
	v.blocks++
	if v.progress != nil {
		v.progress(v.blocks)
	}
	return nil
}

package storage

import (
	"encoding/binary"
	"fmt"
	"sort"

	"github.com/cockroachdb/pebble/v2"

	"quorate/wire"
)

// Event gives the event with the ordinal, or ErrNotFound.
func (l *Ledger) Event(ordinal uint64) (e EventRecord, err error) {
	if s := l.overlay.Load().byOrdinal(ordinal); s != nil {
		if !s.event(ordinal, &e) {
			return e, notFound(ordinal)
		}
		return e, nil
	}
	err = l.withChunk(ordinal, func(c *chunk) bool {
		c.record(int(ordinal-c.first), &e)
		return true
	})
	return e, err
}

// Derived gives the derived record of an event, or ErrNotFound.
func (l *Ledger) Derived(ordinal uint64) (rec [EventBytes]byte, err error) {
	pick := func(list []DerivedRecord) bool {
		i := sort.Search(len(list), func(i int) bool { return list[i].Ordinal >= ordinal })
		if i == len(list) || list[i].Ordinal != ordinal {
			return false
		}
		rec = list[i].Rec
		return true
	}
	if s := l.overlay.Load().byOrdinal(ordinal); s != nil {
		if !pick(s.Block.Derived) {
			return rec, notFound(ordinal)
		}
		return rec, nil
	}
	err = l.withChunk(ordinal, func(c *chunk) bool { return pick(c.derived) })
	return rec, err
}

// Balances gives the balance record of an event, or ErrNotFound. The bytes are
// the caller's.
func (l *Ledger) Balances(ordinal uint64) (p []byte, err error) {
	pick := func(list []BalanceRecord) bool {
		i := sort.Search(len(list), func(i int) bool { return list[i].Ordinal >= ordinal })
		if i == len(list) || list[i].Ordinal != ordinal {
			return false
		}
		p = append([]byte(nil), list[i].Bytes...)
		return true
	}
	if s := l.overlay.Load().byOrdinal(ordinal); s != nil {
		if !pick(s.Block.Balances) {
			return nil, notFound(ordinal)
		}
		return p, nil
	}
	err = l.withChunk(ordinal, func(c *chunk) bool { return pick(c.balances) })
	return p, err
}

func notFound(ordinal uint64) error {
	return fmt.Errorf("storage: ordinal %d: %w", ordinal, ErrNotFound)
}

// event fills e from a staged block.
func (s *stagedBlock) event(ordinal uint64, e *EventRecord) bool {
	r, i, number := s.request(ordinal)
	if r == nil {
		return false
	}
	*e = EventRecord{Ordinal: ordinal, Seq: s.Seq, Kind: r.Kind, Timestamp: r.FirstTimestamp + uint64(i)}
	if len(s.Links) > 0 {
		e.Links = s.Links[number]
	}
	if codes := requestCodes(r); codes != nil {
		e.Code = binary.LittleEndian.Uint32(codes[4*i:])
	}
	copy(e.Bytes[:], r.Body[i*EventBytes:])
	return true
}

// withChunk finds the ordinal's chunk in Pebble: the last block key before the
// next ordinal. It is ErrNotFound if there is none or fn says false.
//
// A reader loads the overlay before it looks here, and Commit takes a block
// out of the overlay after it is in Pebble, so a block is never in neither.
func (l *Ledger) withChunk(ordinal uint64, fn func(c *chunk) bool) (err error) {
	if ordinal >= l.nextOrdinal.Load() {
		return notFound(ordinal)
	}
	if c := l.chunks.find(ordinal); c != nil {
		if !fn(c) {
			return notFound(ordinal)
		}
		return nil
	}
	iter, err := l.db.NewIter(&pebble.IterOptions{LowerBound: []byte{spaceBlocks}, UpperBound: []byte{spaceBlocks + 1}})
	if err != nil {
		return fmt.Errorf("storage: ordinal %d: %w", ordinal, typed(err))
	}
	defer func() {
		if cerr := iter.Close(); err == nil && cerr != nil {
			err = fmt.Errorf("storage: ordinal %d: %w", ordinal, typed(cerr))
		}
	}()
	if !iter.SeekLT(blockKey(nil, ordinal+1, 0, 0)) {
		if iter.Error() != nil {
			return fmt.Errorf("storage: ordinal %d: %w", ordinal, typed(iter.Error()))
		}
		return notFound(ordinal)
	}
	if k := iter.Key(); k[len(k)-1] != partChunk {
		return notFound(ordinal)
	}
	c, err := readChunk(iter)
	if err != nil {
		return err
	}
	if ordinal-c.first >= uint64(c.count()) || !fn(l.chunks.keep(&c)) {
		return notFound(ordinal)
	}
	return nil
}

// Status gives the newest status noted for the ordinal, 0 if none.
func (l *Ledger) Status(ordinal uint64) (status uint8, err error) {
	o := l.overlay.Load()
	for i := len(o.blocks) - 1; i >= 0; i-- {
		if st, ok := o.blocks[i].status(ordinal); ok {
			return st, nil
		}
	}
	iter, err := l.db.NewIter(&pebble.IterOptions{
		LowerBound: statusKey(nil, ordinal, 0),
		UpperBound: statusKey(nil, ordinal-ordinal%statusSpan+statusSpan, 0),
	})
	if err != nil {
		return 0, fmt.Errorf("storage: status of %d: %w", ordinal, typed(err))
	}
	defer func() {
		if cerr := iter.Close(); err == nil && cerr != nil {
			err = fmt.Errorf("storage: status of %d: %w", ordinal, typed(cerr))
		}
	}()
	head, _ := l.Head()
	for ok := iter.Last(); ok; ok = iter.Prev() { // newest block first
		if k := iter.Key(); len(k) != statusKeyBytes || wire.SeqNum(binary.BigEndian.Uint64(k[9:])) > head {
			continue // of a block that was dropped behind a hole
		}
		v, err := iter.ValueAndErr()
		if err != nil {
			return 0, fmt.Errorf("storage: status of %d: %w", ordinal, typed(err))
		}
		list, err := openValue(iter.Key(), v)
		if err != nil {
			return 0, err
		}
		for at := len(list) - 3; at >= 0; at -= 3 { // later entries win
			if uint64(binary.LittleEndian.Uint16(list[at:])) == ordinal%statusSpan {
				return list[at+2], nil
			}
		}
	}
	return 0, nil
}

// ScanEvents calls fn for the events with from ≤ ordinal < to, in ascending
// order or, with reverse, descending, until fn says false. The record is
// reused between calls.
func (l *Ledger) ScanEvents(from, to uint64, reverse bool, fn func(e *EventRecord) bool) error {
	to = min(to, l.nextOrdinal.Load())
	if from >= to {
		return nil
	}
	o := l.overlay.Load()
	split := to // Pebble has what is below, the overlay the rest
	if len(o.blocks) > 0 {
		split = min(split, o.blocks[0].FirstOrdinal)
	}
	if reverse {
		if !o.scan(max(from, split), to, true, fn) || from >= split {
			return nil
		}
		_, err := l.scanPebble(from, split, true, fn)
		return err
	}
	if from < split {
		if more, err := l.scanPebble(from, split, false, fn); !more || err != nil {
			return err
		}
	}
	o.scan(max(from, split), to, false, fn)
	return nil
}

// scan gives the events of staged blocks; it reports false if fn ended it.
func (o *overlay) scan(from, to uint64, reverse bool, fn func(e *EventRecord) bool) bool {
	var e EventRecord
	for n := range o.blocks {
		s := o.blocks[n]
		if reverse {
			s = o.blocks[len(o.blocks)-1-n]
		}
		lo, hi := max(from, s.FirstOrdinal), min(to, s.next)
		for i := lo; i < hi; i++ {
			at := i
			if reverse {
				at = hi - 1 - (i - lo)
			}
			if s.event(at, &e) && !fn(&e) {
				return false
			}
		}
	}
	return true
}

// scanPebble gives the events of committed blocks.
func (l *Ledger) scanPebble(from, to uint64, reverse bool, fn func(e *EventRecord) bool) (more bool, err error) {
	iter, err := l.db.NewIter(&pebble.IterOptions{LowerBound: []byte{spaceBlocks}, UpperBound: blockKey(nil, to, 0, 0)})
	if err != nil {
		return false, fmt.Errorf("storage: scan from %d: %w", from, typed(err))
	}
	defer func() {
		if cerr := iter.Close(); err == nil && cerr != nil {
			err = fmt.Errorf("storage: scan from %d: %w", from, typed(cerr))
		}
	}()
	step, ok := iter.Next, false
	if reverse {
		step, ok = iter.Prev, iter.Last()
	} else if ok = iter.SeekLT(blockKey(nil, from+1, 0, 0)); !ok {
		ok = iter.First()
	}
	var e EventRecord
	for ; ok; ok = step() {
		if k := iter.Key(); k[len(k)-1] != partChunk {
			continue
		}
		c, err := readChunk(iter)
		if err != nil {
			return false, err
		}
		n := c.count()
		if reverse && c.first+uint64(n) <= from {
			return true, nil
		}
		for i := range n {
			if reverse {
				i = n - 1 - i
			}
			if at := c.first + uint64(i); at < from || at >= to {
				continue
			}
			c.record(i, &e)
			if !fn(&e) {
				return false, nil
			}
		}
	}
	return true, nil
}

package storage

import (
	"encoding/binary"

	"quorate/wire"
)

// A chunk is up to 64 events of one block with successive ordinals, and all
// that belongs to them, so that whatever is asked of an ordinal is one read of
// one value of about 8 KiB:
//
//	flags u8 | events u8 | uvarint ordinal−(block's first ordinal)
//	request runs: uvarint count, each: first event u8, kind u8, timestamp u64
//	codes (flag): uvarint per event
//	links (flag): two per event, see appendLink
//	derived (flag): uvarint count, each: event u8, 128 bytes
//	balances (flag): uvarint count, each: event u8, uvarint length, bytes
//	events×128 bytes
//
// A block of small requests fills chunks across requests; that is what the
// timestamp runs are for.
const (
	chunkEvents = 64

	chunkCodes    = 1
	chunkLinks    = 2
	chunkDerived  = 4
	chunkBalances = 8
)

// chunk is a decoded chunk; slices alias the value.
type chunk struct {
	first      uint64 // ordinal
	blockFirst uint64 // the block's own ordinal
	seq        wire.SeqNum
	runs       []tsRun
	codes      [chunkEvents]uint32
	links      [chunkEvents][2]uint64
	derived    []DerivedRecord
	balances   []BalanceRecord
	events     []byte
}

// tsRun says that events from number from on are of this kind and have
// timestamps from ts on.
type tsRun struct {
	from uint8
	kind uint8
	ts   uint64
}

func (c *chunk) count() int { return len(c.events) / EventBytes }

func (c *chunk) run(i int) (kind uint8, ts uint64) {
	for _, r := range c.runs {
		if int(r.from) <= i {
			kind, ts = r.kind, r.ts+uint64(i-int(r.from))
		}
	}
	return kind, ts
}

// record fills e with the event number i.
func (c *chunk) record(i int, e *EventRecord) {
	e.Ordinal, e.Seq = c.first+uint64(i), c.seq
	e.Kind, e.Timestamp = c.run(i)
	e.Links, e.Code = c.links[i], c.codes[i]
	copy(e.Bytes[:], c.events[i*EventBytes:])
}

// appendLink encodes the ordinal of an earlier event: 0 for none (zero), else
// the zigzag distance plus 2; a distance beyond 2^62 is 1 and eight bytes.
func appendLink(dst []byte, ordinal, link uint64) []byte {
	if link == 0 {
		return append(dst, 0)
	}
	d := int64(ordinal - link)
	z := uint64(d)<<1 ^ uint64(d>>63)
	if z >= 1<<62 {
		return binary.LittleEndian.AppendUint64(append(dst, 1), link)
	}
	return binary.AppendUvarint(dst, z+2)
}

func (c *cursor) link(ordinal uint64) uint64 {
	switch z := c.uvarint(); z {
	case 0:
		return 0
	case 1:
		return c.uint64()
	default:
		z -= 2
		return ordinal - (z>>1 ^ -(z & 1))
	}
}

// chunkWriter cuts a block into chunks.
type chunkWriter struct {
	b    *Block
	emit func(first uint64, head []byte, events [][]byte) // slices are reused

	head     []byte
	first    uint64
	n        int
	runs     []tsRun
	codes    []uint32
	hasCodes bool
	events   [][]byte
	event    int // index of the chunk's first event within the block
	derived  int // index of the next derived record
	balances int
}

// write calls emit for each chunk of the block, in order.
func (w *chunkWriter) write() {
	next := uint64(0)
	for i := range w.b.Requests {
		r := &w.b.Requests[i]
		if r.Events > 0 && w.n > 0 && r.FirstOrdinal != next {
			w.flush()
		}
		codes := requestCodes(r)
		for done := 0; done < r.Events; {
			if w.n == 0 {
				w.first = r.FirstOrdinal + uint64(done)
			}
			k := min(chunkEvents-w.n, r.Events-done)
			w.runs = append(w.runs, tsRun{uint8(w.n), r.Kind, r.FirstTimestamp + uint64(done)})
			w.events = append(w.events, r.Body[done*EventBytes:(done+k)*EventBytes])
			for e := range k {
				code := uint32(0)
				if codes != nil {
					code = binary.LittleEndian.Uint32(codes[(done+e)*4:])
				}
				w.hasCodes = w.hasCodes || code != 0
				w.codes = append(w.codes, code)
			}
			w.n += k
			done += k
			next = w.first + uint64(w.n)
			if w.n == chunkEvents {
				w.flush()
			}
		}
	}
	if w.n > 0 {
		w.flush()
	}
}

// requestCodes gives the result as codes, nil if it is not one per event.
func requestCodes(r *RequestBody) []byte {
	if r.Events > 0 && len(r.Result) == 4*r.Events {
		return r.Result
	}
	return nil
}

// flush encodes the gathered events.
func (w *chunkWriter) flush() {
	flags := uint8(0)
	h := append(w.head[:0], 0, uint8(w.n))
	h = binary.AppendUvarint(h, w.first-w.b.FirstOrdinal)
	h = binary.AppendUvarint(h, uint64(len(w.runs)))
	for _, r := range w.runs {
		h = binary.LittleEndian.AppendUint64(append(h, r.from, r.kind), r.ts)
	}
	if w.hasCodes {
		flags |= chunkCodes
		for _, c := range w.codes {
			h = binary.AppendUvarint(h, uint64(c))
		}
	}
	if len(w.b.Links) > 0 {
		flags |= chunkLinks
		for i := range w.n {
			for _, l := range w.b.Links[w.event+i] {
				h = appendLink(h, w.first+uint64(i), l)
			}
		}
	}
	if n := w.upTo(len(w.b.Derived), w.derived, func(i int) uint64 { return w.b.Derived[i].Ordinal }); n > 0 {
		flags |= chunkDerived
		h = binary.AppendUvarint(h, uint64(n))
		for _, d := range w.b.Derived[w.derived : w.derived+n] {
			h = append(append(h, uint8(d.Ordinal-w.first)), d.Rec[:]...)
		}
		w.derived += n
	}
	if n := w.upTo(len(w.b.Balances), w.balances, func(i int) uint64 { return w.b.Balances[i].Ordinal }); n > 0 {
		flags |= chunkBalances
		h = binary.AppendUvarint(h, uint64(n))
		for _, r := range w.b.Balances[w.balances : w.balances+n] {
			h = appendBlob(append(h, uint8(r.Ordinal-w.first)), r.Bytes)
		}
		w.balances += n
	}
	h[0] = flags
	w.emit(w.first, h, w.events)
	w.event += w.n
	w.head, w.n, w.hasCodes = h, 0, false
	w.runs, w.codes, w.events = w.runs[:0], w.codes[:0], w.events[:0]
}

// upTo counts the records from index from on that belong to this chunk.
func (w *chunkWriter) upTo(length, from int, ordinal func(int) uint64) int {
	n := 0
	for from+n < length && ordinal(from+n) < w.first+uint64(w.n) {
		n++
	}
	return n
}

// decodeChunk reads a chunk's payload; ok is false for bytes that no
// chunkWriter wrote. It never reads beyond the payload.
func decodeChunk(first uint64, seq wire.SeqNum, payload []byte) (c chunk, ok bool) {
	in := cursor{rest: payload}
	flags, n := in.uint8(), int(in.uint8())
	if n == 0 || n > chunkEvents || flags >= 16 {
		return c, false
	}
	c.first, c.seq = first, seq
	c.blockFirst = first - in.uvarint()
	for range min(in.uvarint(), chunkEvents) {
		c.runs = append(c.runs, tsRun{in.uint8(), in.uint8(), in.uint64()})
	}
	if flags&chunkCodes != 0 {
		for i := range n {
			c.codes[i] = uint32(in.uvarint())
		}
	}
	if flags&chunkLinks != 0 {
		for i := range n {
			c.links[i][0] = in.link(first + uint64(i))
			c.links[i][1] = in.link(first + uint64(i))
		}
	}
	if flags&chunkDerived != 0 {
		for range min(in.uvarint(), chunkEvents) {
			d := DerivedRecord{Ordinal: first + uint64(in.uint8())}
			copy(d.Rec[:], in.bytes(EventBytes))
			c.derived = append(c.derived, d)
		}
	}
	if flags&chunkBalances != 0 {
		for range min(in.uvarint(), chunkEvents) {
			c.balances = append(c.balances, BalanceRecord{Ordinal: first + uint64(in.uint8()), Bytes: in.blob()})
		}
	}
	c.events = in.bytes(n * EventBytes)
	return c, !in.bad && len(in.rest) == 0 && c.events != nil
}

package storage

import (
	"encoding/binary"
	"fmt"

	"quorate/internal/plant"
	"quorate/wire"
)

// The key space of the ledger. All numbers are big-endian, so byte order is
// number order.
//
//	'B' ordinal u64 | seq u64 | part u8   blocks: everything of a block stands
//	                                      together, blocks stand in order
//	'C' seq u64 | kind u8                 certificates that came after Commit
//	'M' name                              small values
//	'P' region u8 | index u32 | seq u64   checkpoint pages
//	'S' ordinal/1024 u64 | seq u64        statuses of resolved events
//
// Blocks are keyed by ordinal first because events are read by ordinal on the
// hot path and blocks by seq only for peers that fetch. A block's own ordinal
// is the first one of its events or, for a block without, the next free one;
// (ordinal, seq) grows strictly. So each flush of a memtable adds tables behind
// all others, and compactions move them instead of rewriting them. The way not
// taken is one prefix per kind (events, headers, ids): each flush then spans
// the whole space and its bytes are rewritten at each level. The small spaces
// are named to sort after 'B': a table with the tail of the blocks and the
// head of these overlaps no older block.
const (
	spaceBlocks   = 'B'
	spaceCerts    = 'C'
	spaceMeta     = 'M'
	spacePages    = 'P'
	spaceStatuses = 'S'
)

// Parts of a block, in key order. Chunks come last and carry their own first
// ordinal, so that the last key before ('B', ordinal+1) is the ordinal's chunk.
const (
	partHeader   = 1
	partIDs      = 2
	partRequests = 3
	partChunk    = 16
)

const (
	kindCommitCert = 1
	kindExecCert   = 2
)

const (
	blockKeyBytes  = 1 + 8 + 8 + 1
	certKeyBytes   = 1 + 8 + 1
	pageKeyBytes   = 1 + 1 + 4 + 8
	statusKeyBytes = 1 + 8 + 8
	statusSpan     = 1024 // ordinals per status key
)

func blockKey(k []byte, ordinal uint64, seq wire.SeqNum, part uint8) []byte {
	k = append(k[:0], spaceBlocks)
	k = binary.BigEndian.AppendUint64(k, ordinal)
	k = binary.BigEndian.AppendUint64(k, uint64(seq))
	return append(k, part)
}

func splitBlockKey(k []byte) (ordinal uint64, seq wire.SeqNum, part uint8, ok bool) {
	if len(k) != blockKeyBytes || k[0] != spaceBlocks {
		return 0, 0, 0, false
	}
	return binary.BigEndian.Uint64(k[1:]), wire.SeqNum(binary.BigEndian.Uint64(k[9:])), k[17], true
}

func certKey(k []byte, seq wire.SeqNum, kind uint8) []byte {
	k = append(k[:0], spaceCerts)
	k = binary.BigEndian.AppendUint64(k, uint64(seq))
	return append(k, kind)
}

func pageKey(k []byte, region uint8, index uint32, seq wire.SeqNum) []byte {
	k = append(k[:0], spacePages, region)
	k = binary.BigEndian.AppendUint32(k, index)
	return binary.BigEndian.AppendUint64(k, uint64(seq))
}

func splitPageKey(k []byte) (region uint8, index uint32, seq wire.SeqNum, ok bool) {
	if len(k) != pageKeyBytes || k[0] != spacePages {
		return 0, 0, 0, false
	}
	return k[1], binary.BigEndian.Uint32(k[2:]), wire.SeqNum(binary.BigEndian.Uint64(k[6:])), true
}

func statusKey(k []byte, ordinal uint64, seq wire.SeqNum) []byte {
	k = append(k[:0], spaceStatuses)
	k = binary.BigEndian.AppendUint64(k, ordinal/statusSpan)
	return binary.BigEndian.AppendUint64(k, uint64(seq))
}

func metaKey(name string) []byte { return append([]byte{spaceMeta}, name...) }

// Every value ends in a CRC32C over its key and itself: Pebble checks its
// blocks, but not that a block is the one that was asked for.
const sumBytes = 4

func valueSum(key, payload []byte) uint32 {
	return crcUpdate(checksum(key), payload)
}

// seal writes the checksum into the last bytes of value.
func sealValue(key, value []byte) {
	n := len(value) - sumBytes
	binary.LittleEndian.PutUint32(value[n:], valueSum(key, value[:n]))
}

// openValue checks a value and gives its payload, which aliases value.
func openValue(key, value []byte) ([]byte, error) {
	n := len(value) - sumBytes
	if n < 0 || binary.LittleEndian.Uint32(value[n:]) != valueSum(key, value[:n]) && !plant.On(plant.ValueSumUnchecked) {
		return nil, fmt.Errorf("storage: value of key %x: %w", key, ErrCorrupt)
	}
	return value[:n:n], nil
}

// cursor reads a payload front to back. After the first read beyond the end
// all reads give zero and bad stays set.
type cursor struct {
	rest []byte
	bad  bool
}

func (c *cursor) uvarint() uint64 {
	v, n := binary.Uvarint(c.rest)
	if n <= 0 {
		c.bad, c.rest = true, nil
		return 0
	}
	c.rest = c.rest[n:]
	return v
}

func (c *cursor) bytes(n int) []byte {
	if n < 0 || n > len(c.rest) {
		c.bad, c.rest = true, nil
		return nil
	}
	p := c.rest[:n:n]
	c.rest = c.rest[n:]
	return p
}

// blob reads a length and that many bytes; nil if there are none.
func (c *cursor) blob() []byte {
	n := c.uvarint()
	if n > uint64(len(c.rest)) {
		c.bad, c.rest = true, nil
		return nil
	}
	if n == 0 {
		return nil
	}
	return c.bytes(int(n))
}

func (c *cursor) uint64() uint64 {
	p := c.bytes(8)
	if p == nil {
		return 0
	}
	return binary.LittleEndian.Uint64(p)
}

func (c *cursor) uint8() uint8 {
	p := c.bytes(1)
	if p == nil {
		return 0
	}
	return p[0]
}

func appendBlob(dst, p []byte) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(p))), p...)
}

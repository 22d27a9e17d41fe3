package storage

import (
	"crypto/sha256"
	"encoding/binary"
	"hash/crc32"

	"quorate/wire"
)

// A group is what one Sync writes: a header and records, padded to blocks.
//
//	group header, 64 bytes:  magic u32 | superblock u32 | stream bytes u32 | records u32
//	                         first LSN u64 | segment index u64 | tag 16 | chain before 16
//	record header, 48 bytes: crc u32 of the rest | body bytes u32 | body crc u32
//	                         kind u8 | 0 u8×3 | LSN u64 | seq u64 | chain 16
//
// All little-endian. The superblock field is the low half of the sequence number
// of the newest superblock, which was durable before the group was written: an
// older superblock file beside the group was put there. The group header fits the first sector of its block, so
// it is found whole or not at all. A group is written only after the group
// before it was synced: one valid later group proves that an earlier break
// is damage and not tearing (Invariant J4).
const (
	groupMagic        = 0x50524751 // "QGRP"
	groupHeaderBytes  = 64
	recordHeaderBytes = 48
	groupBytesMax     = 16 << 20 // framed
	chainBytes        = 16
)

// chain is the running hash over all record headers of an incarnation; record
// headers contain the bodies' checksums. It is cut to 16 bytes of SHA-256: it
// stands against disks and mistakes, not against an enemy with write access,
// who could compute it anyway. Bodies are under CRC32C, not SHA-256, for the
// same reason (and are bound to votes by the batch digest above this room).
type chain [chainBytes]byte

func sumChain(parts ...[]byte) chain {
	h := sha256.New()
	for _, p := range parts {
		h.Write(p)
	}
	var full [sha256.Size]byte
	h.Sum(full[:0])
	return chain(full[:chainBytes])
}

// next extends the chain by one record header (without its crc and chain).
func (c chain) next(fixed []byte) chain {
	var in [chainBytes + recordHeaderBytes]byte
	n := copy(in[:], c[:])
	n += copy(in[n:], fixed)
	full := sha256.Sum256(in[:n])
	return chain(full[:chainBytes])
}

// groupBuffer gathers the records of one group in framed form. The first
// block of the buffer is room for a segment header, so that the first group of
// a segment goes out in one write with it.
type groupBuffer struct {
	framer
	first, last LSN
	count       uint32
	stream      int   // stream bytes, group header included
	before      chain // before the first record…
	after       chain // …and after the last
	maxSeq      wire.SeqNum
}

func (g *groupBuffer) start(first LSN, before chain) {
	f := g.framer
	*g = groupBuffer{framer: f, first: first, last: first - 1, before: before}
	g.reset(blockBytes)
	g.grow(64 << 10)
	var zero [groupHeaderBytes]byte
	g.write(zero[:])
	g.stream = groupHeaderBytes
}

// framed is the group's size on disk if a body of n more bytes is added.
func (g *groupBuffer) framedWith(n int) int {
	return framedBytes(g.stream + recordHeaderBytes + n)
}

// add appends one record and gives the chain after it.
func (g *groupBuffer) add(c chain, lsn LSN, kind uint8, seq wire.SeqNum, parts [][]byte) chain {
	var n int
	var crc uint32
	for _, p := range parts {
		n += len(p)
		crc = crc32.Update(crc, castagnoli, p)
	}
	var h [recordHeaderBytes]byte
	le := binary.LittleEndian
	le.PutUint32(h[4:], uint32(n))
	le.PutUint32(h[8:], crc)
	h[12] = kind
	le.PutUint64(h[16:], uint64(lsn))
	le.PutUint64(h[24:], uint64(seq))
	c = c.next(h[4:32])
	copy(h[32:], c[:])
	le.PutUint32(h[0:], checksum(h[4:]))
	g.grow(g.framedWith(n) + blockBytes + blockBytes - len(g.buf))
	g.write(h[:])
	for _, p := range parts {
		g.write(p)
	}
	g.stream += recordHeaderBytes + n
	g.count++
	g.last, g.after = lsn, c
	g.maxSeq = max(g.maxSeq, seq)
	return c
}

// close completes the header for the segment the group goes to and pads. The
// group's blocks are buf[blockBytes:].
func (g *groupBuffer) close(segment uint64, seed chain, super uint64) []byte {
	g.finish(blockBytes)
	h := g.buf[blockBytes : blockBytes+groupHeaderBytes]
	le := binary.LittleEndian
	le.PutUint32(h[0:], groupMagic)
	le.PutUint32(h[4:], uint32(super))
	le.PutUint32(h[8:], uint32(g.stream))
	le.PutUint32(h[12:], g.count)
	le.PutUint64(h[16:], uint64(g.first))
	le.PutUint64(h[24:], segment)
	tag := groupTag(seed, segment, g.first)
	copy(h[32:], tag[:])
	copy(h[48:], g.before[:])
	sealSector(g.buf[blockBytes : blockBytes+sectorBytes])
	return g.buf[blockBytes:]
}

// groupTag makes group headers unguessable: a client's body could otherwise
// imitate one, and a replica that crashed while writing it would be talked
// into amnesia. The seed contains the incarnation's secret nonce.
func groupTag(seed chain, segment uint64, first LSN) chain {
	var b [16]byte
	binary.LittleEndian.PutUint64(b[0:], segment)
	binary.LittleEndian.PutUint64(b[8:], uint64(first))
	return sumChain(seed[:], b[:])
}

// groupHeader is a decoded group header.
type groupHeader struct {
	super   uint32
	stream  int
	count   uint32
	first   LSN
	segment uint64
	before  chain
}

// framed is the group's length on disk, a multiple of blockBytes.
func (h groupHeader) framed() int { return framedBytes(h.stream) }

// decodeGroupHeader reads the group header in the first sector of a block; ok
// is false if there is none that was written in the incarnation of seed.
func decodeGroupHeader(sector []byte, seed chain) (h groupHeader, ok bool) {
	le := binary.LittleEndian
	if le.Uint32(sector) != groupMagic || !sectorIntact(sector[:sectorBytes]) {
		return h, false
	}
	h.super = le.Uint32(sector[4:])
	h.stream = int(le.Uint32(sector[8:]))
	h.count = le.Uint32(sector[12:])
	h.first = LSN(le.Uint64(sector[16:]))
	h.segment = le.Uint64(sector[24:])
	h.before = chain(sector[48:64])
	if h.stream < groupHeaderBytes || h.framed() > groupBytesMax || h.count == 0 {
		return h, false
	}
	return h, groupTag(seed, h.segment, h.first) == chain(sector[32:48])
}

// decodeRecords calls fn for each record of an unframed group. It reports the
// chain after the last one, and false if anything does not verify.
func decodeRecords(h groupHeader, stream []byte, fn func(Record, chain)) (chain, bool) {
	c, le := h.before, binary.LittleEndian
	if len(stream) < h.stream {
		return c, false
	}
	rest := stream[groupHeaderBytes:h.stream]
	for i := range h.count {
		if len(rest) < recordHeaderBytes {
			return c, false
		}
		head := rest[:recordHeaderBytes]
		n := int(le.Uint32(head[4:]))
		if le.Uint32(head) != checksum(head[4:]) || n > len(rest)-recordHeaderBytes {
			return c, false
		}
		c = c.next(head[4:32])
		rec := Record{
			LSN: LSN(le.Uint64(head[16:])), Kind: head[12], Seq: wire.SeqNum(le.Uint64(head[24:])),
			Body: rest[recordHeaderBytes : recordHeaderBytes+n : recordHeaderBytes+n],
		}
		if c != chain(head[32:48]) || rec.LSN != h.first+LSN(i) || le.Uint32(head[8:]) != checksum(rec.Body) {
			return c, false
		}
		if fn != nil {
			fn(rec, c)
		}
		rest = rest[recordHeaderBytes+n:]
	}
	return c, len(rest) == 0
}

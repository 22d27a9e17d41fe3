package storage

import (
	"encoding/binary"
	"hash/crc32"
)

// The journal's bytes are framed in sectors. Each sector of 512 bytes carries
// 508 bytes of the stream and their CRC32C. Why not one checksum per record
// alone: after a crash a record that does not verify may be torn (legal, it
// was never acknowledged) or damaged (amnesia). Disks write whole sectors, so
// a torn record consists of sectors that are each intact, new or old or never
// written, while a flipped bit leaves a sector that is none of these. The way
// not taken is etcd's, which takes a sector of zeros for the sign of tearing:
// it needs every segment zeroed before use, and we recycle.
const (
	sectorBytes   = 512
	sectorPayload = sectorBytes - 4
	blockBytes    = 4096 // groups start at blocks: a synced block is never written again
	blockSectors  = blockBytes / sectorBytes
	blockPayload  = blockSectors * sectorPayload
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func checksum(p []byte) uint32 { return crc32.Checksum(p, castagnoli) }

// sealSector puts the checksum at the end of a sector.
func sealSector(s []byte) {
	binary.LittleEndian.PutUint32(s[sectorPayload:], checksum(s[:sectorPayload]))
}

// sectorIntact reports whether the sector holds what was once written to it.
func sectorIntact(s []byte) bool {
	return binary.LittleEndian.Uint32(s[sectorPayload:]) == checksum(s[:sectorPayload])
}

// sectorBlank reports whether the sector was never written.
func sectorBlank(s []byte) bool {
	for _, b := range s {
		if b != 0 {
			return false
		}
	}
	return true
}

// framedBytes is the length of the blocks that hold a stream of n bytes.
func framedBytes(n int) int {
	return (n + blockPayload - 1) / blockPayload * blockBytes
}

// framer writes a stream into sectors. buf always ends inside or at the end
// of the sector that is being filled.
type framer struct {
	buf  []byte
	fill int // bytes of the stream in the last sector; sectorPayload: it is sealed
}

// reset empties the framer but keeps head bytes at the start of its buffer
// for the caller.
func (f *framer) reset(head int) {
	f.buf = f.buf[:0]
	f.grow(head)
	f.buf = f.buf[:head]
	f.fill = sectorPayload
}

// grow makes room for n more framed bytes, doubling.
func (f *framer) grow(n int) {
	if cap(f.buf)-len(f.buf) >= n {
		return
	}
	next := make([]byte, len(f.buf), max(2*cap(f.buf), len(f.buf)+n))
	copy(next, f.buf)
	f.buf = next
}

// write appends p to the stream: the one copy that a batch body goes through.
// The caller has called grow.
func (f *framer) write(p []byte) {
	for len(p) > 0 {
		if f.fill == sectorPayload {
			f.buf = f.buf[:len(f.buf)+sectorBytes]
			f.fill = 0
		}
		s := f.buf[len(f.buf)-sectorBytes:]
		n := copy(s[f.fill:sectorPayload], p)
		p = p[n:]
		if f.fill += n; f.fill == sectorPayload {
			sealSector(s)
		}
	}
}

// finish pads the stream with zeros to a whole block.
func (f *framer) finish(head int) {
	if f.fill < sectorPayload {
		s := f.buf[len(f.buf)-sectorBytes:]
		clear(s[f.fill:sectorPayload])
		sealSector(s)
		f.fill = sectorPayload
	}
	for (len(f.buf)-head)%blockBytes != 0 {
		f.buf = f.buf[:len(f.buf)+sectorBytes]
		s := f.buf[len(f.buf)-sectorBytes:]
		clear(s)
		sealSector(s)
	}
}

// unframe checks every sector of framed and appends its stream to dst. It
// reports false at the first sector that is not intact.
func unframe(dst, framed []byte) ([]byte, bool) {
	for ; len(framed) >= sectorBytes; framed = framed[sectorBytes:] {
		if !sectorIntact(framed[:sectorBytes]) {
			return dst, false
		}
		dst = append(dst, framed[:sectorPayload]...)
	}
	return dst, true
}

// crcUpdate continues a CRC32C over p.
func crcUpdate(crc uint32, p []byte) uint32 { return crc32.Update(crc, castagnoli, p) }

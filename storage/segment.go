package storage

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"quorate/wire"
)

// A segment file is a slot: its name is a number without meaning, its header
// says which stretch of the journal it holds now. Recycling a segment is
// writing a new header (in the same write as its first group): no rename and
// no sync of the directory. Block 0 is the header, groups follow.
const (
	segmentPrefix = "segment-"
	segmentTmp    = "segment.tmp"
)

var segmentMagic = [8]byte{'Q', 'R', 'T', 'S', 'E', 'G', '0', '1'}

// segmentHeader says whose segment it is and where in the chain it stands.
type segmentHeader struct {
	cluster     wire.Digest
	replica     wire.ReplicaID
	incarnation uint64
	nonce       [16]byte
	index       uint64 // 0, 1, 2… within an incarnation
	first       LSN    // of the first record in it
	before      chain  // before that record
	bytes       uint64 // of the file
}

func (h *segmentHeader) encode(block []byte) {
	clear(block[:blockBytes])
	le := binary.LittleEndian
	copy(block, segmentMagic[:])
	copy(block[8:], h.cluster[:])
	le.PutUint16(block[40:], uint16(h.replica))
	le.PutUint64(block[48:], h.incarnation)
	copy(block[56:], h.nonce[:])
	le.PutUint64(block[72:], h.index)
	le.PutUint64(block[80:], uint64(h.first))
	copy(block[88:], h.before[:])
	le.PutUint64(block[104:], h.bytes)
	sealSector(block[:sectorBytes])
}

func decodeSegmentHeader(block []byte) (h segmentHeader, ok bool) {
	if len(block) < blockBytes || [8]byte(block) != segmentMagic || !sectorIntact(block[:sectorBytes]) {
		return h, false
	}
	le := binary.LittleEndian
	h = segmentHeader{
		cluster: wire.Digest(block[8:40]), replica: wire.ReplicaID(le.Uint16(block[40:])),
		incarnation: le.Uint64(block[48:]), nonce: [16]byte(block[56:72]), index: le.Uint64(block[72:]),
		first: LSN(le.Uint64(block[80:])), before: chain(block[88:104]), bytes: le.Uint64(block[104:]),
	}
	var again [blockBytes]byte
	h.encode(again[:])
	return h, bytes.Equal(again[:sectorBytes], block[:sectorBytes])
}

// segment is an open slot.
type segment struct {
	file   FSFile
	slot   int
	size   int64
	head   segmentHeader
	valid  bool  // head was read or written
	end    int64 // where the next group goes
	last   LSN   // newest record in it; head.first−1 if none
	maxSeq wire.SeqNum
	tail   int64 // where the newest group starts; 0 if none
}

func (j *Journal) slotName(slot int) string {
	return j.path(fmt.Sprintf("%s%04d", segmentPrefix, slot))
}

// openSlots opens every segment file of the directory.
func (j *Journal) openSlots() error {
	names, err := j.fs.List(j.dir)
	if err != nil {
		return fmt.Errorf("storage: list %s: %w", j.dir, err)
	}
	slices.Sort(names)
	for _, name := range names {
		number, ok := strings.CutPrefix(name, segmentPrefix)
		if !ok {
			continue
		}
		slot, err := strconv.Atoi(number)
		if err != nil {
			continue
		}
		f, err := j.fs.OpenReadWrite(j.path(name), writeCategory)
		if err != nil {
			return fmt.Errorf("storage: open segment %d: %w", slot, err)
		}
		s := &segment{file: f, slot: slot}
		j.slots = append(j.slots, s)
		info, err := f.Stat()
		if err != nil {
			return fmt.Errorf("storage: stat segment %d: %w", slot, err)
		}
		s.size = info.Size()
		var block [blockBytes]byte
		if err := readFull(f, block[:], 0); err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
			return fmt.Errorf("storage: read segment %d: %w", slot, err)
		}
		s.head, s.valid = decodeSegmentHeader(block[:])
	}
	return nil
}

// newSlot makes one more segment file and adds it to the free list. With zero
// it is written once, which makes later syncs of it cheaper by a third
// (allocated extents need no conversion); without, it is only allocated.
func (j *Journal) newSlot(zero bool) error {
	if len(j.slots) >= j.opt.SegmentsMax {
		return fmt.Errorf("storage: all %d segments are live, truncate: %w", len(j.slots), ErrDiskLow)
	}
	slot := 0
	for _, s := range j.slots {
		slot = max(slot, s.slot+1)
	}
	size := int64(j.super.segmentBytes)
	err := j.allocate(j.path(segmentTmp), size, zero)
	if err == nil {
		err = j.fs.Rename(j.path(segmentTmp), j.slotName(slot))
	}
	if err == nil {
		err = syncDir(j.fs, j.dir)
	}
	var f FSFile
	if err == nil {
		f, err = j.fs.OpenReadWrite(j.slotName(slot), writeCategory)
	}
	if err != nil {
		if isDiskFull(err) {
			_ = j.fs.Remove(j.path(segmentTmp))
			return fmt.Errorf("storage: create segment %d: %w: %w", slot, ErrDiskLow, err)
		}
		return j.die(fmt.Sprintf("create segment %d", slot), err)
	}
	s := &segment{file: f, slot: slot, size: size}
	j.slots = append(j.slots, s)
	j.free = append(j.free, s)
	return nil
}

// allocate makes a file of the size with its blocks reserved and synced.
func (j *Journal) allocate(name string, size int64, zero bool) error {
	f, err := j.fs.Create(name, writeCategory)
	if err != nil {
		return err
	}
	defer f.Close()
	if fd := f.Fd(); fd != InvalidFd && !zero {
		switch err := unix.Fallocate(int(fd), 0, 0, size); {
		case err == nil:
			return f.Sync()
		case !errors.Is(err, unix.EOPNOTSUPP):
			return err
		} // a file system without it gets zeros
	}
	chunk := make([]byte, min(size, 1<<20))
	for left := size; left > 0; {
		n := min(left, int64(len(chunk)))
		clear(chunk) // Write may modify its argument
		if _, err := f.Write(chunk[:n]); err != nil {
			return err
		}
		left -= n
	}
	return f.Sync()
}

func isDiskFull(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT)
}

// readFull reads len(p) bytes at off, or says io.ErrUnexpectedEOF.
func readFull(f FSFile, p []byte, off int64) error {
	n, err := f.ReadAt(p, off)
	switch {
	case n == len(p):
		return nil
	case err == nil || errors.Is(err, io.EOF):
		return io.ErrUnexpectedEOF
	}
	return err
}

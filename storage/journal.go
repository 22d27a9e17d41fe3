package storage

import (
	"crypto/rand"
	"fmt"
	"io"

	"github.com/cockroachdb/pebble/v2/vfs"

	"quorate/internal/mark"
	"quorate/internal/plant"
	"quorate/wire"
)

// LSN numbers the records of a journal without gaps, from 1. LSN 0 is "before
// any record".
type LSN uint64

// Options says where a journal lives and how large its pieces are.
type Options struct {
	FS      FS             // nil: the operating system's files
	Dir     string         // a directory of its own; made if missing
	Cluster wire.Digest    // cluster id; in each segment header
	Replica wire.ReplicaID // whose votes these are; in each segment header

	// Create allows an empty directory to become a journal. Only `init` or a
	// first start sets it: without it a missing journal is amnesia. It does
	// nothing where a journal is found.
	Create bool

	// Sizes of an existing journal's segments are kept, whatever is said here.
	SegmentBytes     int // size of a segment file; 0: 64 MiB; a multiple of 4 KiB
	SegmentsMin      int // segments made in advance at creation; 0: 4
	SegmentsMax      int // bound on segment files; 0: 64
	SuperblockBytes  int // a superblock is written at least every so many bytes; 0: 16 MiB
	SuperblockGroups int // …and at least every so many groups; 0: 1,024

	// Nonce is 16 bytes that clients cannot guess, drawn once per incarnation.
	// Nil: from the operating system's random source. The simulator gives its own.
	Nonce func() [16]byte
}

// RecordBytesMax bounds the body of one record: a batch of wire.BatchBytesMax
// with the vote that goes with it. A smaller SegmentBytes lowers it to what
// fits one segment.
const RecordBytesMax = wire.FrameBytesMax

// The bounds of Options.SegmentBytes.
const (
	segmentBytesMin = 32 << 10
	segmentBytesMax = 1 << 30
)

func (o *Options) validate() error {
	if o.FS == nil {
		o.FS = vfs.Default
	}
	if o.Nonce == nil {
		o.Nonce = func() (n [16]byte) {
			rand.Read(n[:]) // never fails: Go 1.24 and later stop the process instead
			return n
		}
	}
	for _, d := range []struct {
		field *int
		value int
	}{
		{&o.SegmentBytes, 64 << 20}, {&o.SegmentsMin, 4}, {&o.SegmentsMax, 64},
		{&o.SuperblockBytes, 16 << 20}, {&o.SuperblockGroups, 1024},
	} {
		if *d.field == 0 {
			*d.field = d.value
		}
	}
	switch {
	case o.Dir == "":
		return fmt.Errorf("storage: journal without a directory: %w", ErrOptions)
	case o.SegmentBytes < segmentBytesMin || o.SegmentBytes > segmentBytesMax || o.SegmentBytes%blockBytes != 0:
		return fmt.Errorf("storage: segment of %d bytes: %w", o.SegmentBytes, ErrOptions)
	case o.SegmentsMin < 1 || o.SegmentsMax < max(2, o.SegmentsMin) || o.SegmentsMax > 9999:
		return fmt.Errorf("storage: segments from %d to %d: %w", o.SegmentsMin, o.SegmentsMax, ErrOptions)
	case o.SuperblockBytes < 0 || o.SuperblockGroups < 0:
		return fmt.Errorf("storage: negative superblock interval: %w", ErrOptions)
	}
	return nil
}

// JournalStats counts what a journal did since it was opened.
type JournalStats struct {
	Groups, Records, Superblocks, Rolls uint64
	Bytes                               uint64 // written to segments, padding included
	SegmentFiles, SegmentsFree          int
}

// Journal is the vote journal. One thread owns it: no method may be called
// while another runs.
type Journal struct {
	opt  Options
	fs   FS
	dir  string
	lock io.Closer

	super     superblock
	superFile FSFile
	superBuf  [superblockBytes]byte
	seed      chain

	slots     []*segment // every segment file
	live      []*segment // oldest first; the last one is written to
	free      []*segment
	tornRolls []*segment // free ones with a group that was to be their first; until settled

	next        LSN   // of the next record
	chain       chain // after record next−1
	synced      LSN
	syncedChain chain

	full  []*groupBuffer // closed to appends, not written
	open  *groupBuffer   // nil: nothing appended since
	spare *groupBuffer

	sinceSuperBytes, sinceSuperGroups int
	stats                             JournalStats
	dead                              error // Invariant J3: once set, for ever
}

func (j *Journal) path(name string) string { return j.fs.PathJoin(j.dir, name) }

// die ends the journal: after a failed write or sync nothing it says can be
// trusted (the kernel marks the pages clean and a retried fsync succeeds
// without having written them: DSK-04).
func (j *Journal) die(what string, err error) error {
	if j.dead == nil {
		j.dead = fmt.Errorf("storage: journal: %s: %w: %w", what, ErrCrash, err)
	}
	return j.dead
}

// groupRoom is the largest group that fits an empty segment.
func (j *Journal) groupRoom() int {
	return min(groupBytesMax, int(j.super.segmentBytes)-blockBytes)
}

// RecordMax is the largest body that Append takes, bytes.
func (j *Journal) RecordMax() int {
	room := j.groupRoom() / blockBytes * blockPayload
	return min(RecordBytesMax, room-groupHeaderBytes-recordHeaderBytes)
}

// Append buffers one record and gives its number; no I/O. The body is the
// concatenation of parts, which are copied once and remain the caller's. A
// body above RecordMax is our own mistake and panics. On a dead or closed
// journal Append does nothing and returns 0.
func (j *Journal) Append(kind uint8, seq wire.SeqNum, parts ...[]byte) LSN {
	if j.dead != nil {
		return 0
	}
	n := 0
	for _, p := range parts {
		n += len(p)
	}
	if n > j.RecordMax() {
		panic(fmt.Sprintf("storage: record of %d bytes, at most %d fit", n, j.RecordMax()))
	}
	if j.open != nil && j.open.framedWith(n) > j.groupRoom() {
		mark.Hit(mark.JournalGroupFull)
		j.full = append(j.full, j.open)
		j.open = nil
	}
	if j.open == nil {
		j.open, j.spare = j.spare, nil
		if j.open == nil {
			j.open = new(groupBuffer)
		}
		j.open.start(j.next, j.chain)
	}
	lsn := j.next
	j.chain = j.open.add(j.chain, lsn, kind, seq, parts)
	j.next++
	return lsn
}

// PendingBytes is the size of what was appended and not yet synced.
func (j *Journal) PendingBytes() int {
	n := 0
	if j.open != nil {
		n = j.open.stream
	}
	for _, g := range j.full {
		n += g.stream
	}
	return n
}

// Sync makes everything appended durable with one write and one fdatasync,
// and gives the newest durable LSN. (More than 16 MiB, or more than fits one
// segment, takes several of each.) On ErrDiskLow nothing was lost and Sync may
// be called again; on any other error the journal is dead.
func (j *Journal) Sync() (LSN, error) {
	if j.dead != nil {
		return 0, j.dead
	}
	for len(j.full) > 0 {
		if err := j.writeGroup(j.full[0]); err != nil {
			return j.synced, err
		}
		j.full = j.full[1:]
	}
	if j.open != nil {
		if err := j.writeGroup(j.open); err != nil {
			return j.synced, err
		}
		if cap(j.open.buf) <= 2*groupBytesMax {
			j.spare = j.open
		}
		j.open = nil
	}
	return j.synced, nil
}

// writeGroup writes and syncs one group. Invariant J2: the next group is not
// written before this one is synced.
func (j *Journal) writeGroup(g *groupBuffer) error {
	size := int64(framedBytes(g.stream))
	rolled, err := j.room(size, g)
	if err != nil {
		return err
	}
	s := j.live[len(j.live)-1]
	out, at := g.close(s.head.index, j.seed, j.super.sequence), s.end
	if rolled {
		s.head.encode(g.buf[:blockBytes])
		out, at = g.buf, 0
	}
	if _, err := s.file.WriteAt(out, at); err != nil {
		return j.die(fmt.Sprintf("write records %d to %d", g.first, g.last), err)
	}
	err = s.file.SyncData()
	if plant.On(plant.SyncErrorRetried) && err != nil {
		err = s.file.SyncData()
	}
	if err != nil {
		return j.die(fmt.Sprintf("sync records %d to %d", g.first, g.last), err)
	}
	s.tail, s.end = s.end, s.end+size
	s.last, s.maxSeq = g.last, max(s.maxSeq, g.maxSeq)
	j.synced, j.syncedChain = g.last, g.after
	j.stats.Groups++
	j.stats.Records += uint64(g.count)
	j.stats.Bytes += uint64(len(out))
	j.sinceSuperBytes += len(out)
	j.sinceSuperGroups++
	if rolled || j.sinceSuperBytes >= j.opt.SuperblockBytes || j.sinceSuperGroups >= j.opt.SuperblockGroups {
		return j.Seal()
	}
	return nil
}

// room makes the last live segment one with room for size more bytes. It
// reports true if that is a segment without a header yet.
func (j *Journal) room(size int64, g *groupBuffer) (rolled bool, err error) {
	index := j.super.firstIndex
	if n := len(j.live); n > 0 {
		s := j.live[n-1]
		if s.end+size <= s.size {
			return false, nil
		}
		index = s.head.index + 1
	}
	if len(j.free) == 0 {
		mark.Hit(mark.SegmentMade)
		if err := j.newSlot(false); err != nil {
			return false, err
		}
		// The new file must be missed if it vanishes: its number is noted first.
		j.super.slots = uint32(len(j.slots))
		if err := j.Seal(); err != nil {
			return false, err
		}
	}
	s := j.free[0]
	j.free = j.free[1:]
	mark.If(s.valid, mark.SegmentReused)
	*s = segment{file: s.file, slot: s.slot, size: s.size, valid: true, end: blockBytes, last: g.first - 1}
	s.head = segmentHeader{
		cluster: j.super.cluster, replica: j.super.replica, incarnation: j.super.incarnation,
		nonce: j.super.nonce, index: index, first: g.first, before: g.before, bytes: uint64(s.size),
	}
	j.live = append(j.live, s)
	j.stats.Rolls++
	return true, nil
}

// Seal writes a superblock that pins every synced record, so that even the
// newest group has a second witness. The journal does it at intervals by
// itself; call it when nothing is to be appended.
func (j *Journal) Seal() error {
	if j.dead != nil {
		return j.dead
	}
	j.super.synced, j.super.syncedChain = j.synced, j.syncedChain
	return j.writeSuperblock()
}

// Truncate frees, oldest first, the segments whose records all have seq ≤ keep
// and LSN < anchor. The anchor is the LSN of a synced record that restates
// everything still needed from before it; one that is not synced is refused
// with ErrOptions. The newest segment stays.
func (j *Journal) Truncate(keep wire.SeqNum, anchor LSN) error {
	if j.dead != nil {
		return j.dead
	}
	if anchor > j.synced {
		return fmt.Errorf("storage: truncate before record %d, synced are %d: %w", anchor, j.synced, ErrOptions)
	}
	n := 0
	for n < len(j.live)-1 && j.live[n].maxSeq <= keep && j.live[n].last < anchor {
		n++
	}
	if n == 0 {
		return nil
	}
	mark.Hit(mark.SegmentsFreed)
	first := j.live[n].head
	j.super.firstIndex, j.super.firstLSN, j.super.firstChain = first.index, first.first, first.before
	// The superblock first: a segment may be overwritten only when no start of
	// this journal will look for it.
	if !plant.On(plant.SegmentsFreedFirst) {
		if err := j.Seal(); err != nil {
			return err
		}
	}
	j.free = append(j.free, j.live[:n]...)
	j.live = append([]*segment(nil), j.live[n:]...)
	return nil
}

// MarkApplied notes in the superblock that the ledger is durable up to seq.
func (j *Journal) MarkApplied(seq wire.SeqNum) error {
	j.super.applied = seq
	return j.Seal()
}

// Distrust begins amnesia: someone has proof that this journal has forgotten
// records. From now on every open reports Amnesia, until Healed.
func (j *Journal) Distrust(reason string) error {
	if j.dead != nil {
		return j.dead
	}
	j.super.amnesia, j.super.reason = true, reason[:min(len(reason), reasonBytesMax)]
	return j.Seal()
}

// Healed ends amnesia: call it when a certified checkpoint is installed that
// is past anything this replica can have voted on. Until then every open
// reports Amnesia again.
func (j *Journal) Healed() error {
	j.super.amnesia, j.super.reason = false, ""
	return j.Seal()
}

// Stats counts what the journal did since it was opened.
func (j *Journal) Stats() JournalStats {
	s := j.stats
	s.SegmentFiles, s.SegmentsFree = len(j.slots), len(j.free)
	return s
}

// Close syncs what was appended and writes the mark of a clean shutdown. A
// dead journal is closed without a mark and its error returned.
func (j *Journal) Close() error {
	if j.dead != nil {
		err := j.dead
		j.release()
		return err
	}
	_, err := j.Sync()
	if err == nil {
		j.super.clean = true
		err = j.Seal()
	}
	j.release()
	j.dead = ErrClosed
	return err
}

// release closes the files and gives back the lock.
func (j *Journal) release() {
	for _, s := range j.slots {
		_ = s.file.Close() // nothing unsynced is in it
	}
	j.slots, j.live, j.free = nil, nil, nil
	if j.superFile != nil {
		_ = j.superFile.Close()
		j.superFile = nil
	}
	if j.lock != nil {
		_ = j.lock.Close()
		j.lock = nil
	}
}

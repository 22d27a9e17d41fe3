package storage

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"

	"quorate/internal/mark"
	"quorate/internal/plant"
	"quorate/wire"
)

// Recovery says what OpenJournal found.
type Recovery struct {
	Created     bool        // an empty directory was made a journal (Options.Create)
	Clean       bool        // the last user called Close
	Amnesia     bool        // this journal cannot prove that it holds every vote
	Reason      string      // why Amnesia, one line; else empty
	DiskApplied wire.SeqNum // what MarkApplied last said; 0 if unknown
	Incarnation uint64      // 1 and one more after every amnesia
	Records     uint64      // records that Replay will give
	Bytes       int64       // bytes of the groups that hold them
	Segments    int         // live segments
	LastLSN     LSN         // of the newest record; 0 if none
	TornBytes   int64       // bytes of an unsynced group that were cut
	Aside       string      // where the files of the lost journal were put; "" if none
}

// Record is one journal entry as Replay gives it.
type Record struct {
	LSN  LSN
	Kind uint8
	Seq  wire.SeqNum
	Body []byte // valid until fn returns
}

// OpenJournal opens a journal and reads and checks all of it, or makes one.
// What it can have forgotten without an error of the disk is cut silently:
// only groups that were never synced. All else is Recovery.Amnesia: the old
// files are put aside and the journal starts afresh in a new incarnation.
// Errors: ErrOptions, ErrForeign (nothing was touched), or of the disk.
func OpenJournal(opt Options) (*Journal, Recovery, error) {
	if err := opt.validate(); err != nil {
		return nil, Recovery{}, err
	}
	j := &Journal{opt: opt, fs: opt.FS, dir: opt.Dir}
	rec, err := j.openAll()
	if err != nil {
		j.release()
		return nil, rec, err
	}
	return j, rec, nil
}

func (j *Journal) openAll() (rec Recovery, err error) {
	if err := makeDir(j.fs, j.dir); err != nil {
		return rec, err
	}
	if j.lock, err = j.fs.Lock(j.path("LOCK")); err != nil {
		return rec, fmt.Errorf("storage: %s is in use: %w", j.dir, err)
	}
	if err := j.openSlots(); err != nil {
		return rec, err
	}
	state, err := j.readSuperblock()
	if err != nil {
		return rec, err
	}
	reason := ""
	switch {
	case state == superGood && (j.super.cluster != j.opt.Cluster || j.super.replica != j.opt.Replica):
		return rec, fmt.Errorf("storage: journal of replica %d in cluster %s: %w", j.super.replica, j.super.cluster, ErrForeign)
	case state == superGood:
		if reason, err = j.scan(&rec); err != nil {
			return rec, err
		}
		if reason == "" {
			return rec, j.resume(&rec)
		}
	case state == superBad:
		reason = "no two copies of the superblock agree"
	default:
		used, err := j.traces()
		if err != nil {
			return rec, err
		}
		if (j.opt.Create || plant.On(plant.MissingJournalFresh)) && !used {
			mark.Hit(mark.JournalCreated)
			rec = Recovery{Created: true, Incarnation: 1}
			return rec, j.begin(1, "", 0)
		}
		reason = "the superblock is missing"
		if !used {
			mark.Hit(mark.JournalMissing)
			reason = "the journal is missing"
		}
	}
	return j.startOver(reason)
}

// superState is what became of the superblock file.
type superState int

const (
	superMissing superState = iota
	superBad
	superGood
)

func (j *Journal) readSuperblock() (superState, error) {
	if _, err := j.fs.Stat(j.path(superblockName)); errors.Is(err, fs.ErrNotExist) {
		return superMissing, nil
	} else if err != nil {
		return superBad, fmt.Errorf("storage: stat superblock: %w", err)
	}
	f, err := j.fs.OpenReadWrite(j.path(superblockName), writeCategory)
	if err != nil {
		return superBad, fmt.Errorf("storage: open superblock: %w", err)
	}
	j.superFile = f
	n, err := f.ReadAt(j.superBuf[:], 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return superBad, fmt.Errorf("storage: read superblock: %w", err)
	}
	super, ok := chooseSuperblock(j.superBuf[:n])
	if !ok || super.segmentBytes < segmentBytesMin || super.segmentBytes > segmentBytesMax {
		return superBad, nil
	}
	j.super, j.seed = super, super.seed()
	return superGood, nil
}

// traces reports whether a journal without a superblock was ever used: a
// creation that was cut short leaves only segments without a header.
func (j *Journal) traces() (bool, error) {
	for _, s := range j.slots {
		if s.valid {
			return true, nil
		}
	}
	names, err := j.fs.List(j.dir)
	if err != nil {
		return false, fmt.Errorf("storage: list %s: %w", j.dir, err)
	}
	for _, name := range names {
		if strings.HasPrefix(name, asidePrefix) {
			return true, nil
		}
	}
	return false, nil
}

// scanner walks the chain from the superblock's first record on.
type scanner struct {
	j      *Journal
	want   LSN    // the next record
	chain  chain  // before it
	newest uint32 // highest superblock number that a group names
	framed []byte
	stream []byte
}

// scan finds the live segments and checks every record in them. A reason is
// why this journal cannot be trusted.
func (j *Journal) scan(rec *Recovery) (reason string, err error) {
	byIndex, reason := j.sortSlots()
	if reason != "" {
		return reason, nil
	}
	sc := scanner{j: j, want: j.super.firstLSN, chain: j.super.firstChain, newest: uint32(j.super.sequence)}
	pinned := j.super.synced < j.super.firstLSN // nothing left to compare
	check := func(r Record, c chain) {
		pinned = pinned || r.LSN == j.super.synced && c == j.super.syncedChain
		rec.Records++
	}
	index := j.super.firstIndex
	for ; byIndex[index] != nil; index++ {
		s := byIndex[index]
		if s.head.first != sc.want || s.head.before != sc.chain {
			return fmt.Sprintf("segment %d does not continue the chain at record %d", index, sc.want), nil
		}
		if err := sc.walk(s, check); err != nil {
			return "", err
		}
		rec.Bytes += s.end - blockBytes
		delete(byIndex, index)
		j.live = append(j.live, s)
	}
	for later := range byIndex {
		return fmt.Sprintf("the journal breaks at record %d but has a segment %d", sc.want, later), nil
	}
	last := sc.want - 1
	if plant.On(plant.TailLossSilent) && last < j.super.synced {
		j.synced, j.syncedChain = last, sc.chain
		return sc.judgeFree()
	}
	switch {
	case last < j.super.synced:
		return fmt.Sprintf("the journal ends at record %d, the superblock says %d", last, j.super.synced), nil
	case sc.newest != uint32(j.super.sequence):
		return fmt.Sprintf("the superblock is older than the journal: number %d, records know %d", j.super.sequence, sc.newest), nil
	case !pinned:
		return fmt.Sprintf("record %d is not the one that the superblock knows", j.super.synced), nil
	case j.super.clean && last != j.super.synced:
		return fmt.Sprintf("the superblock is older than the journal: clean at %d, found %d", j.super.synced, last), nil
	}
	if reason, err = sc.judgeTail(rec); reason != "" || err != nil {
		return reason, err
	}
	j.synced, j.syncedChain = sc.want-1, sc.chain
	return sc.judgeFree()
}

// sortSlots gives the segments that the superblock's incarnation still needs,
// by index.
func (j *Journal) sortSlots() (map[uint64]*segment, string) {
	byIndex := make(map[uint64]*segment)
	for _, s := range j.slots {
		h := &s.head
		switch {
		case s.size != int64(j.super.segmentBytes):
			return nil, fmt.Sprintf("segment file %d has %d bytes", s.slot, s.size)
		case !s.valid || h.incarnation != j.super.incarnation && h.cluster == j.super.cluster && h.replica == j.super.replica:
			continue
		case h.cluster != j.super.cluster || h.replica != j.super.replica || h.nonce != j.super.nonce:
			return nil, fmt.Sprintf("segment file %d belongs to replica %d of another journal", s.slot, h.replica)
		case h.index < j.super.firstIndex:
			mark.Hit(mark.JournalStaleSegment)
			continue
		case byIndex[h.index] != nil:
			return nil, fmt.Sprintf("segment %d exists twice", h.index)
		}
		byIndex[h.index] = s
	}
	if len(j.slots) < int(j.super.slots) {
		return nil, fmt.Sprintf("%d segment files, the superblock says %d", len(j.slots), j.super.slots)
	}
	return byIndex, ""
}

// walk checks the groups of one segment up to the first that is not the next.
func (sc *scanner) walk(s *segment, fn func(Record, chain)) error {
	s.end, s.last = blockBytes, s.head.first-1
	for s.end < s.size {
		h, ok, err := sc.group(s, s.end)
		if err != nil {
			return err
		}
		if !ok {
			return nil
		}
		after, ok := decodeRecords(h, sc.stream, nil)
		if !ok {
			return nil
		}
		decodeRecords(h, sc.stream, func(r Record, c chain) {
			s.maxSeq = max(s.maxSeq, r.Seq)
			fn(r, c)
		})
		if int32(h.super-sc.newest) > 0 {
			sc.newest = h.super
		}
		sc.chain, sc.want = after, sc.want+LSN(h.count)
		s.tail, s.last = s.end, sc.want-1
		s.end += int64(h.framed())
	}
	return nil
}

// group reads the group at the offset into sc.stream; ok is false if it is
// not the one that follows, or a sector is not intact.
func (sc *scanner) group(s *segment, at int64) (h groupHeader, ok bool, err error) {
	h, ok, err = sc.header(s, at)
	if err != nil || !ok || h.first != sc.want || h.segment != s.head.index || h.before != sc.chain ||
		at+int64(h.framed()) > s.size {
		return h, false, err
	}
	if sc.framed, err = sc.read(s, at, h.framed()); err != nil {
		return h, false, err
	}
	sc.stream, ok = unframe(sc.stream[:0], sc.framed)
	return h, ok, nil
}

// header reads the group header of the block at the offset, if there is one.
func (sc *scanner) header(s *segment, at int64) (groupHeader, bool, error) {
	block, err := sc.read(s, at, blockBytes)
	if err != nil {
		return groupHeader{}, false, err
	}
	h, ok := decodeGroupHeader(block, sc.j.seed)
	return h, ok, nil
}

func (sc *scanner) read(s *segment, at int64, n int) ([]byte, error) {
	if cap(sc.framed) < n {
		sc.framed = make([]byte, n)
	}
	sc.framed = sc.framed[:n]
	if err := readFull(s.file, sc.framed, at); err != nil {
		return nil, fmt.Errorf("storage: read segment %d at %d: %w", s.head.index, at, err)
	}
	return sc.framed, nil
}

// judgeTail decides whether the end of the newest segment is a group that was
// never synced (cut) or damage (a reason). Invariant J4.
func (sc *scanner) judgeTail(rec *Recovery) (string, error) {
	if len(sc.j.live) == 0 {
		return "", nil
	}
	s := sc.j.live[len(sc.j.live)-1]
	if later, err := sc.laterGroup(s, s.end); later != 0 || err != nil {
		return fmt.Sprintf("the journal breaks at record %d but has record %d", sc.want, later), err
	}
	if s.end >= s.size {
		return "", nil
	}
	h, ok, err := sc.header(s, s.end)
	if err != nil {
		return "", err
	}
	n := sectorBytes
	if ok && h.first == sc.want {
		n = h.framed()
		mark.Hit(mark.JournalTornTail)
		rec.TornBytes = int64(n)
		if s.end+int64(n) > s.size {
			return fmt.Sprintf("record %d leaves its segment", sc.want), nil
		}
	}
	tail, err := sc.read(s, s.end, n)
	if err != nil {
		return "", err
	}
	for ; len(tail) >= sectorBytes; tail = tail[sectorBytes:] {
		if !sectorIntact(tail[:sectorBytes]) && !sectorBlank(tail[:sectorBytes]) {
			return fmt.Sprintf("a damaged sector in the group of record %d", sc.want), nil
		}
	}
	return "", nil
}

// laterGroup looks for a group behind the break, at it or after it, that was
// written after the one that is missing. It gives its LSN, or 0.
func (sc *scanner) laterGroup(s *segment, from int64) (LSN, error) {
	const step = 1 << 20
	for at := from; at < s.size; at += step {
		n := min(step, s.size-at)
		chunk, err := sc.read(s, at, int(n))
		if err != nil {
			return 0, err
		}
		for off := int64(0); off < n; off += blockBytes {
			h, ok := decodeGroupHeader(chunk[off:], sc.j.seed)
			if ok && (h.first > sc.want || h.first == sc.want && at+off > from) {
				return h.first, nil
			}
		}
	}
	return 0, nil
}

// judgeFree makes all other slots free, after a look whether one of them is
// the newest segment with a damaged header.
func (sc *scanner) judgeFree() (string, error) {
	live := make(map[*segment]bool)
	for _, s := range sc.j.live {
		live[s] = true
	}
	for _, s := range sc.j.slots {
		if live[s] {
			continue
		}
		sc.j.free = append(sc.j.free, s)
		block, err := sc.read(s, 0, blockBytes)
		if err != nil {
			return "", err
		}
		damaged := !sectorIntact(block[:sectorBytes]) && !sectorBlank(block[:sectorBytes])
		h, ok, err := sc.header(s, blockBytes)
		if err != nil {
			return "", err
		}
		if !ok || h.first < sc.want {
			continue
		}
		if h.first > sc.want || damaged {
			return fmt.Sprintf("segment file %d has record %d but no header", s.slot, h.first), nil
		}
		mark.Hit(mark.JournalTornRoll)
		// Its header and first group went out in one write, and the header was
		// not written: torn, unless a second group follows.
		if later, err := sc.laterGroup(s, blockBytes); later != 0 || err != nil {
			return fmt.Sprintf("segment file %d has record %d but no header", s.slot, later), err
		}
		sc.j.tornRolls = append(sc.j.tornRolls, s)
	}
	return "", nil
}

// resume continues a journal that was found whole.
func (j *Journal) resume(rec *Recovery) error {
	rec.Clean, rec.Amnesia, rec.Reason = j.super.clean, j.super.amnesia, j.super.reason
	rec.DiskApplied, rec.Incarnation = j.super.applied, j.super.incarnation
	rec.Segments, rec.LastLSN = len(j.live), j.synced
	j.next, j.chain = j.synced+1, j.syncedChain
	mark.If(j.super.amnesia, mark.JournalStillAmnesia)
	if !j.super.clean {
		if err := j.settleTail(rec.TornBytes > 0); err != nil {
			return err
		}
	}
	j.super.clean = false
	j.super.slots = uint32(len(j.slots))
	return j.Seal()
}

// settleTail makes what was found durable. It writes the newest group again:
// after a failed fsync of the last process the kernel may hold its pages as
// clean although the disk never got them. And it wipes the header of a torn
// group, so that no later mixture of sectors can complete it: one that was to be
// the first of its segment waits for nothing but the segment's header, which the
// next use of the file writes again with the very same bytes.
func (j *Journal) settleTail(torn bool) error {
	for _, s := range j.tornRolls {
		if _, err := s.file.WriteAt(make([]byte, blockBytes), blockBytes); err != nil {
			return j.die("wipe torn group", err)
		}
		if err := s.file.SyncData(); err != nil {
			return j.die("sync segment", err)
		}
	}
	j.tornRolls = nil
	for i, s := range j.live {
		if i == len(j.live)-1 {
			from := s.tail
			if from == 0 {
				from = s.end
			}
			again := make([]byte, blockBytes+s.end-from)
			mark.Hit(mark.JournalTailRewritten)
			s.head.encode(again)
			if err := readFull(s.file, again[blockBytes:], from); err != nil {
				return fmt.Errorf("storage: read newest group: %w", err)
			}
			if torn {
				again = append(again, make([]byte, blockBytes)...)
			}
			if _, err := s.file.WriteAt(again[:blockBytes], 0); err != nil {
				return j.die("rewrite segment header", err)
			}
			if _, err := s.file.WriteAt(again[blockBytes:], from); err != nil {
				return j.die("rewrite newest group", err)
			}
		}
		if err := s.file.SyncData(); err != nil {
			return j.die("sync segment", err)
		}
	}
	return nil
}

// Replay gives every record that was found at open, oldest first, each checked
// again as it is read. An error of fn ends it and is returned; ErrCorrupt says
// that the disk gave other bytes than at open, and the journal is dead.
func (j *Journal) Replay(fn func(rec Record) error) error {
	if j.dead != nil {
		return j.dead
	}
	sc := scanner{j: j, want: j.super.firstLSN, chain: j.super.firstChain}
	for _, s := range j.live {
		for at := int64(blockBytes); at < s.end; {
			h, ok, err := sc.group(s, at)
			if err != nil {
				return j.die("replay", err)
			}
			after := sc.chain
			if ok {
				after, ok = decodeRecords(h, sc.stream, nil)
			}
			if !ok {
				return j.die(fmt.Sprintf("replay record %d", sc.want), ErrCorrupt)
			}
			var stop error
			decodeRecords(h, sc.stream, func(r Record, _ chain) {
				if plant.On(plant.LastRecordSkipped) && h.count > 1 && r.LSN == h.first+LSN(h.count)-1 {
					return
				}
				if stop == nil {
					stop = fn(r)
				}
			})
			if stop != nil {
				return stop
			}
			sc.chain, sc.want = after, sc.want+LSN(h.count)
			at += int64(h.framed())
		}
	}
	return nil
}

package storage

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"quorate/internal/mark"
	"quorate/wire"
)

const (
	asidePrefix = "aside-"
	asidesMax   = 2 // older ones are deleted: evidence, not a second journal
)

// startOver puts the files of a journal that cannot be trusted aside and
// begins a new incarnation with the amnesia mark set.
func (j *Journal) startOver(reason string) (rec Recovery, err error) {
	lost := j.super.incarnation
	for _, s := range j.slots {
		if s.valid && s.head.cluster == j.opt.Cluster && s.head.replica == j.opt.Replica {
			lost = max(lost, s.head.incarnation)
		}
	}
	applied := j.super.applied // 0 if the superblock was not readable
	lock := j.lock
	j.lock = nil
	j.release()
	j.lock = lock
	lost, aside, err := j.putAside(lost)
	if err != nil {
		return rec, err
	}
	rec = Recovery{Amnesia: true, Reason: reason, DiskApplied: applied, Incarnation: lost + 1, Aside: aside}
	return rec, j.begin(lost+1, reason, applied)
}

// putAside moves the files into a directory named after the lost incarnation.
// The superblock goes first: if this is cut short, the next start finds no
// superblock, and a directory of lost files, and is in amnesia again.
func (j *Journal) putAside(lost uint64) (uint64, string, error) {
	names, err := j.fs.List(j.dir)
	if err != nil {
		return 0, "", fmt.Errorf("storage: list %s: %w", j.dir, err)
	}
	var asides []uint64
	var files []string
	for _, name := range names {
		if number, ok := strings.CutPrefix(name, asidePrefix); ok {
			if n, err := strconv.ParseUint(number, 10, 64); err == nil {
				asides = append(asides, n)
				lost = max(lost, n)
			}
		}
		if name == superblockName || strings.HasPrefix(name, segmentPrefix) {
			files = append(files, name)
		}
	}
	slices.Sort(asides)
	slices.SortFunc(files, func(a, b string) int { return strings.Compare(b, a) }) // "superblock" > "segment-…"
	if len(files) == 0 {
		return lost, "", nil
	}
	aside := j.path(asidePrefix + strconv.FormatUint(lost, 10))
	for len(asides) >= asidesMax && asides[0] != lost {
		if err := j.fs.RemoveAll(j.path(asidePrefix + strconv.FormatUint(asides[0], 10))); err != nil {
			return 0, "", fmt.Errorf("storage: remove an old aside: %w", err)
		}
		asides = asides[1:]
	}
	if err := makeDir(j.fs, aside); err != nil {
		return 0, "", err
	}
	for _, name := range files {
		if err := j.moveAside(name, j.fs.PathJoin(aside, name)); err != nil {
			return 0, "", fmt.Errorf("storage: put %s aside: %w", name, err)
		}
	}
	for _, dir := range []string{aside, j.dir} {
		if err := syncDir(j.fs, dir); err != nil {
			return 0, "", err
		}
	}
	return lost, aside, nil
}

// moveAside moves one file. What an earlier attempt moved is not overwritten:
// a file of that name found now is an empty one of a start that was cut short.
func (j *Journal) moveAside(name, to string) error {
	if _, err := j.fs.Stat(to); err == nil {
		return j.fs.Remove(j.path(name))
	}
	if err := j.fs.Rename(j.path(name), to); err != nil {
		return err
	}
	if name == superblockName {
		return syncDir(j.fs, j.dir)
	}
	return nil
}

// begin makes an empty journal. The superblock comes last: until it is there
// the directory is as good as empty.
func (j *Journal) begin(incarnation uint64, reason string, applied wire.SeqNum) error {
	for _, s := range j.slots { // of a creation that was cut short
		mark.Hit(mark.JournalCreationCut)
		_ = s.file.Close()
		if err := j.fs.Remove(j.slotName(s.slot)); err != nil {
			return fmt.Errorf("storage: remove segment file %d: %w", s.slot, err)
		}
	}
	j.slots, j.live, j.free = nil, nil, nil
	j.super = superblock{
		cluster: j.opt.Cluster, replica: j.opt.Replica, incarnation: incarnation, nonce: j.opt.Nonce(),
		segmentBytes: uint32(j.opt.SegmentBytes), slots: uint32(j.opt.SegmentsMin),
		firstLSN: 1, applied: applied, amnesia: reason != "", reason: reason[:min(len(reason), reasonBytesMax)],
	}
	j.seed = j.super.seed()
	j.super.firstChain, j.super.syncedChain = j.seed, j.seed
	j.chain, j.syncedChain = j.seed, j.seed
	j.synced, j.next = 0, 1
	for range j.opt.SegmentsMin {
		if err := j.newSlot(true); err != nil {
			return err
		}
	}
	return j.createSuperblock()
}

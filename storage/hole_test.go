package storage

import (
	"errors"
	"math/rand/v2"
	"os"
	"testing"

	"github.com/cockroachdb/pebble/v2"

	"quorate/wire"
)

// Aim: blocks that vanish are missed, by number, and can be staged again.
// Method: keys are deleted behind the ledger's back.

func TestLedgerHole(t *testing.T) {
	for _, hole := range []struct{ from, to, have wire.SeqNum }{{12, 12, 11}, {5, 9, 4}, {1, 3, 0}, {20, 20, 19}, {1, 20, 0}} {
		for part := range 2 { // whole blocks, or their headers only
			fs := NewMemFS()
			l := mustLedger(t, testLedgerOptions(fs))
			m := &model{}
			r := rand.New(rand.NewPCG(1, 1))
			for n := range 20 {
				m.stage(t, l, r, shapes[n%len(shapes)])
			}
			if err := l.Commit(true); err != nil {
				t.Fatal(err)
			}
			for seq := hole.from; seq <= hole.to; seq++ {
				first, _ := l.recent.get(seq)
				if err := deleteBlock(l, first, seq, part == 1); err != nil {
					t.Fatal(err)
				}
			}
			l.dirty = true // what was deleted must reach the disk
			if err := l.Close(); err != nil {
				t.Fatal(err)
			}
			l, err := OpenLedger(testLedgerOptions(fs))
			var behind *LedgerBehindError
			switch {
			case part == 0 && hole.from == 20: // the newest are gone without a trace
				if err != nil || !errors.As(l.CheckApplied(20), &behind) {
					t.Fatal(err)
				}
			case !errors.As(err, &behind) || !errors.Is(err, ErrLedgerBehind):
				t.Fatalf("hole %v: %v", hole, err)
			}
			if head, _ := l.Head(); behind.Have != hole.have || behind.From != hole.have+1 || head != hole.have {
				t.Fatalf("hole %v: %+v, head %d", hole, behind, head)
			}
			for _, b := range m.blocks[hole.have:] {
				if err := l.Stage(cloneBlock(b)); err != nil {
					t.Fatal(err)
				}
			}
			if err := l.Close(); err != nil {
				t.Fatal(err)
			}
			l = mustLedger(t, testLedgerOptions(fs))
			if diff := m.check(l); diff != "" {
				t.Fatalf("hole %v: %s", hole, diff)
			}
		}
	}
}

// deleteBlock removes a block, or its header only.
func deleteBlock(l *Ledger, first uint64, seq wire.SeqNum, headerOnly bool) error {
	if headerOnly {
		return l.db.Delete(blockKey(nil, first, seq, partHeader), pebble.NoSync)
	}
	b, err := l.Block(seq)
	if err != nil {
		return err
	}
	next := first
	for _, r := range b.Requests {
		if r.Events > 0 {
			next = r.FirstOrdinal + uint64(r.Events)
		}
	}
	return l.db.DeleteRange(blockKey(nil, first, seq, 0), blockKey(nil, next, seq+1, 0), pebble.NoSync)
}

func TestSpace(t *testing.T) {
	dir := t.TempDir()
	free, total, err := Space(dir)
	if err != nil || free == 0 || total < free {
		t.Fatal(free, total, err)
	}
	if err := CheckSpace(dir, 0); err != nil {
		t.Fatal(err)
	}
	if err := CheckSpace(dir, 101); !errors.Is(err, ErrDiskLow) {
		t.Fatal(err)
	}
	if _, _, err := Space(dir + "/none"); err == nil {
		t.Fatal("no error for a directory that is not there")
	}
	for range 2 {
		if err := MakeBallast(dir, 1<<20); err != nil {
			t.Fatal(err)
		}
		if info, err := os.Stat(dir + "/" + ballastName); err != nil || info.Size() != 1<<20 {
			t.Fatal(err)
		}
	}
	for range 2 {
		if err := DropBallast(dir); err != nil {
			t.Fatal(err)
		}
	}
	if err := MakeBallast(dir, 1<<60); err == nil {
		t.Fatal("an exbibyte was reserved")
	}
}

// The journal on the operating system's files: fallocate, fdatasync, locks.
func TestJournalOnDisk(t *testing.T) {
	opt := Options{Dir: t.TempDir() + "/a/journal", Cluster: testCluster, Create: true, SegmentBytes: 1 << 20, SegmentsMin: 1}
	j, _ := mustOpen(t, opt)
	if _, _, err := OpenJournal(opt); err == nil {
		t.Fatal("opened twice")
	}
	var want []entry
	for n := range uint64(40) {
		want = append(want, feed(j, n, 100000, 10)...)
		mustSync(t, j)
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	j, rec := mustOpen(t, opt)
	if !rec.Clean || rec.Amnesia {
		t.Fatalf("%+v", rec)
	}
	if diff := sameEntries(replayAll(t, j), want); diff != "" {
		t.Fatal(diff)
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
}

package storage

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"quorate/wire"
)

// Aim: DSK-01 and DSK-04. The power goes at every operation of the file system,
// with any part of what was not synced on the disk: what was acknowledged is
// there, in order, and what was not is there only as a prefix. Method: at each
// operation that writes, the file system is cloned as a crash would leave it
// and the clone is opened and compared with what the workload knows.

// onWrite calls fn before every operation that can change the disk.
func onWrite(fs FS, fn func(op errorfs.Op) error) FS {
	return errorfs.Wrap(fs, errorfs.InjectorFunc(func(op errorfs.Op) error {
		if op.Kind.ReadOrWrite() == errorfs.OpIsWrite && op.Kind != errorfs.OpFileClose {
			return fn(op)
		}
		return nil
	}))
}

// journalFacts is what a workload knows about its journal at one moment.
type journalFacts struct {
	entries []entry // appended; entries[i].lsn == i+1
	acked   LSN     // Sync said so
	anchor  LSN     // Truncate was asked to forget what is before
	applied wire.SeqNum
	marking wire.SeqNum // MarkApplied under way
}

// check opens a crashed image and compares; what was opened is returned.
func (f *journalFacts) check(t *testing.T, opt Options) (*Journal, Recovery) {
	t.Helper()
	j, rec := mustOpen(t, opt)
	if rec.Amnesia {
		t.Fatalf("amnesia after a mere crash: %s", rec.Reason)
	}
	if rec.DiskApplied != f.applied && rec.DiskApplied != f.marking {
		t.Fatalf("applied %d, want %d or %d", rec.DiskApplied, f.applied, f.marking)
	}
	got := replayAll(t, j)
	first := LSN(1)
	if len(got) > 0 {
		first = got[0].lsn
	} else if f.acked > 0 && rec.LastLSN == 0 {
		t.Fatalf("nothing left of %d acknowledged records", f.acked)
	}
	if first > max(f.anchor, 1) {
		t.Fatalf("record %d is gone, truncated only before %d", first-1, f.anchor)
	}
	if rec.LastLSN < f.acked || int(rec.LastLSN) > len(f.entries) {
		t.Fatalf("last is %d, acknowledged %d, appended %d", rec.LastLSN, f.acked, len(f.entries))
	}
	if diff := sameEntries(got, f.entries[first-1:rec.LastLSN]); diff != "" {
		t.Fatal(diff)
	}
	return j, rec
}

// workload drives a journal through appends of all sizes, truncation, marks
// and seals, with a seed, and keeps the facts.
func (f *journalFacts) workload(t *testing.T, j *Journal, r *rand.Rand, groups int) {
	t.Helper()
	for range groups {
		for range 1 + r.IntN(3) {
			size := []int{r.IntN(50), r.IntN(9000), r.IntN(9000), r.IntN(15000)}[r.IntN(4)]
			n := uint64(len(f.entries))
			e := entry{lsn: LSN(n + 1), kind: uint8(n), seq: wire.SeqNum(n / 3), body: testBody(n, size)}
			f.entries = append(f.entries, e)
			if lsn := j.Append(e.kind, e.seq, e.body); lsn != e.lsn {
				t.Fatalf("record %d got number %d", e.lsn, lsn)
			}
		}
		f.acked = mustSync(t, j)
		switch r.IntN(6) {
		case 0:
			f.anchor = max(f.anchor, f.acked-LSN(r.IntN(int(min(f.acked, 9)))))
			if err := j.Truncate(wire.SeqNum(f.anchor/3), f.anchor); err != nil {
				t.Fatal(err)
			}
		case 1:
			f.marking = f.applied + 1
			if err := j.MarkApplied(f.marking); err != nil {
				t.Fatal(err)
			}
			f.applied = f.marking
		case 2:
			if err := j.Seal(); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func TestJournalCrashAnywhere(t *testing.T) {
	groups := 60
	if testing.Short() {
		groups = 25
	}
	crashes, torn := 0, 0
	for seed := range uint64(4) {
		r := rand.New(rand.NewPCG(seed, 1))
		chance := rand.New(rand.NewPCG(seed, 2))
		mem := NewMemFS()
		facts := &journalFacts{}
		fs := onWrite(mem, func(op errorfs.Op) error {
			for _, percent := range [][]int{{0, 50}, {20, 80}, {100, 50}}[chance.IntN(3)] {
				clone := mem.CrashClone(CrashCloneCfg{UnsyncedDataPercent: percent, RNG: chance})
				crashes++
				_, rec := facts.check(t, testOptions(clone))
				if rec.TornBytes > 0 {
					torn++
				}
				if !rec.Created && len(facts.entries) > 0 && crashes%17 == 0 {
					facts.crashAgain(t, clone, chance)
				}
			}
			return nil
		})
		j, _ := mustOpen(t, testOptions(fs))
		facts.workload(t, j, r, groups)
		if err := j.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if torn < groups/4 {
		t.Fatalf("only %d of %d crashes tore a group: the test does not test", torn, crashes)
	}
}

// crashAgain goes on with a recovered journal, and crashes during that too.
func (f *journalFacts) crashAgain(t *testing.T, image *MemFS, chance *rand.Rand) {
	t.Helper()
	mem := image.CrashClone(CrashCloneCfg{UnsyncedDataPercent: 100, RNG: chance})
	again := &journalFacts{entries: f.entries, acked: f.acked, anchor: f.anchor, applied: f.applied, marking: f.marking}
	fs := onWrite(mem, func(op errorfs.Op) error {
		clone := mem.CrashClone(CrashCloneCfg{UnsyncedDataPercent: 50, RNG: chance})
		again.check(t, testOptions(clone))
		return nil
	})
	j, rec := mustOpen(t, testOptions(fs))
	// From here on the recovered prefix is the history.
	*again = journalFacts{
		entries: append([]entry(nil), f.entries[:rec.LastLSN]...), acked: rec.LastLSN, anchor: f.anchor,
		applied: rec.DiskApplied, marking: rec.DiskApplied,
	}
	again.workload(t, j, rand.New(rand.NewPCG(uint64(rec.LastLSN), 5)), 3)
	if diff := sameEntries(replayAll(t, j), again.entries[len(again.entries)-len(replayAll(t, j)):]); diff != "" {
		t.Fatal(diff)
	}
}

// DSK-04: after one failed write or sync the journal is dead for ever: it
// never says a record is durable and never touches the disk again.
func TestJournalDeadAfterError(t *testing.T) {
	for _, kind := range []errorfs.OpKind{errorfs.OpFileWriteAt, errorfs.OpFileSyncData} {
		for nth := range 30 {
			armed, count, after := false, 0, 0
			mem := NewMemFS()
			fs := onWrite(mem, func(op errorfs.Op) error {
				if count > nth {
					after++
				}
				if armed && op.Kind == kind {
					if count++; count == nth+1 {
						return fmt.Errorf("injected: %w", syscall.EIO)
					}
				}
				return nil
			})
			j, _ := mustOpen(t, testOptions(fs))
			armed = true
			var acked LSN
			var err error
			var entries []entry
			for n := uint64(0); err == nil && n < 100; n++ {
				entries = append(entries, feed(j, n, 3000)...)
				var lsn LSN
				if lsn, err = j.Sync(); err == nil {
					acked = lsn
				}
			}
			if !errors.Is(err, ErrCrash) || !errors.Is(err, syscall.EIO) {
				t.Fatalf("op %d: %v", nth, err)
			}
			after = 0
			if j.Append(1, 1, []byte("x")) != 0 {
				t.Fatal("appended to a dead journal")
			}
			_, e1 := j.Sync()
			for _, e := range []error{e1, j.Seal(), j.Truncate(1, 1), j.MarkApplied(1), j.Healed(), j.Replay(nil), j.Close()} {
				if !errors.Is(e, ErrCrash) {
					t.Fatalf("a dead journal answered %v", e)
				}
			}
			if after != 0 {
				t.Fatalf("a dead journal wrote %d times", after)
			}
			facts := journalFacts{entries: entries, acked: acked}
			facts.check(t, testOptions(mem.CrashClone(CrashCloneCfg{})))
		}
	}
}

// DSK-05: a full disk hits a journal only when it needs one more segment. It
// says so, loses nothing, and goes on when there is room.
func TestJournalDiskFull(t *testing.T) {
	full := false
	mem := NewMemFS()
	fs := onWrite(mem, func(op errorfs.Op) error {
		if full && (op.Kind == errorfs.OpCreate || op.Kind == errorfs.OpFileWrite) {
			return fmt.Errorf("injected: %w", syscall.ENOSPC)
		}
		return nil
	})
	opt := testOptions(fs)
	opt.SegmentsMax = 6
	j, _ := mustOpen(t, opt)
	full = true
	var want []entry
	low := 0
	for n := range uint64(30) {
		want = append(want, feed(j, n, 10000)...)
		_, err := j.Sync()
		if errors.Is(err, ErrDiskLow) && !errors.Is(err, ErrCrash) {
			low++
			if full = false; len(j.slots) == opt.SegmentsMax {
				if err := j.Truncate(wire.SeqNum(n/2), j.synced); err != nil {
					t.Fatal(err)
				}
			}
			_, err = j.Sync()
			full = true
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if low < 4 {
		t.Fatalf("the disk was full %d times", low)
	}
	got := replayAll(t, j)
	if diff := sameEntries(got, want[len(want)-len(got):]); diff != "" {
		t.Fatal(diff)
	}
}

// The power goes at every operation of the ledger: a prefix of blocks is left,
// all that Applied named, each whole; the next blocks can be staged.
func TestLedgerCrashAnywhere(t *testing.T) {
	for _, tableBytes := range []int64{0, 20 << 10} { // most through memtables, most as tables
		t.Run(fmt.Sprint(tableBytes), func(t *testing.T) { ledgerCrashAnywhere(t, tableBytes) })
	}
}

func ledgerCrashAnywhere(t *testing.T, tableBytes int64) {
	mem := NewMemFS()
	chance := rand.New(rand.NewPCG(7, 7))
	var applied atomic.Uint64
	var staged atomic.Int64
	m := &model{}
	type image struct {
		fs      *MemFS
		applied wire.SeqNum
		staged  int
		pages   wire.SeqNum
	}
	var images []image
	var saved atomic.Uint64
	var busy atomic.Bool
	fs := onWrite(mem, func(op errorfs.Op) error {
		if !busy.CompareAndSwap(false, true) { // Pebble writes from several threads
			return nil
		}
		defer busy.Store(false)
		a, p := applied.Load(), saved.Load()
		percent := []int{0, 20, 60, 100}[chance.IntN(4)]
		clone := mem.CrashClone(CrashCloneCfg{UnsyncedDataPercent: percent, RNG: chance})
		images = append(images, image{clone, wire.SeqNum(a), int(staged.Load()), wire.SeqNum(p)})
		return nil
	})
	opt := testLedgerOptions(fs)
	opt.MemTableBytes, opt.TableBytes = 128<<10, tableBytes
	l := mustLedger(t, opt)
	r := rand.New(rand.NewPCG(8, 8))
	for n := range 90 {
		staged.Add(1)
		m.stage(t, l, r, shapes[r.IntN(len(shapes))])
		if n%11 == 0 {
			page := Page{Region: 1, Index: uint32(n % 3), Data: testBody(uint64(n), 500)}
			if err := l.SavePages(wire.SeqNum(n+1), []Page{page, {Region: 2, Data: []byte{byte(n)}}}, []byte{byte(n)}); err != nil {
				t.Fatal(err)
			}
		}
		if err := l.Commit(n%9 == 0); err != nil {
			t.Fatal(err)
		}
		if n%4 == 0 && n > 3 {
			if err := l.SetExecCert(wire.SeqNum(n-2), []byte("cert")); err != nil {
				t.Fatal(err)
			}
		}
		applied.Store(uint64(l.Applied()))
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if len(images) < 100 {
		t.Fatalf("only %d images", len(images))
	}
	for i, im := range images {
		if i%3 != 0 || testing.Short() && i%15 != 0 {
			continue
		}
		checkLedgerImage(t, fmt.Sprintf("image %d of %d", i, len(images)), im.fs, m, im.applied, im.staged)
	}
}

// checkLedgerImage opens a crashed ledger and compares what is left.
func checkLedgerImage(t *testing.T, name string, fs *MemFS, m *model, applied wire.SeqNum, staged int) {
	t.Helper()
	l, err := OpenLedger(testLedgerOptions(fs))
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	defer l.Close()
	have, _ := l.Head()
	if have < applied || int(have) > staged || l.CheckApplied(applied) != nil {
		t.Fatalf("%s: %d blocks, applied %d, staged %d", name, have, applied, staged)
	}
	part := &model{}
	for _, b := range m.blocks[:have] {
		c := *b
		if got, err := l.Block(b.Seq); err == nil && string(got.ExecCert) == "cert" {
			c.ExecCert = got.ExecCert // late certificates are checked elsewhere
		}
		part.blocks = append(part.blocks, &c)
	}
	if diff := part.check(l); diff != "" {
		t.Fatalf("%s: %s", name, diff)
	}
	if seq, meta, err := l.LoadPages(func(p Page) error {
		if p.Region == 2 && p.Data[0] != byte(0) && len(p.Data) != 1 {
			return errors.New("a page that was never saved")
		}
		return nil
	}); !errors.Is(err, ErrNotFound) && (err != nil || !bytes.Equal(meta, []byte{byte(seq - 1)})) {
		t.Fatalf("%s: pages: %v: checkpoint %d has meta %v", name, err, seq, meta)
	} else if seq > have {
		t.Fatalf("%s: an image at %d and only %d blocks", name, seq, have)
	}
	part.stage(t, l, rand.New(rand.NewPCG(1, 1)), shapes[7])
	if err := l.Commit(true); err != nil || l.Applied() != have+1 {
		t.Fatalf("%s: %v: applied %d after %d", name, err, l.Applied(), have)
	}
}

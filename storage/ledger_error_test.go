package storage

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"quorate/wire"
)

// Aim: DSK-04 and DSK-05 for the ledger. Method: an error injected into
// operations on files of one kind, and what Commit says to it.

// faultyLedger is a ledger whose disk fails as fail says; it is never closed,
// as a process that must stop does not close it either.
func faultyLedger(t *testing.T, tableBytes int64, fail func(op errorfs.Op) error) (*Ledger, *MemFS, chan error) {
	t.Helper()
	mem := NewMemFS()
	opt := testLedgerOptions(onWrite(mem, fail))
	opt.TableBytes = tableBytes
	fatal := make(chan error, 1)
	opt.Fatal = func(err error) {
		fatal <- err
		runtime.Goexit()
	}
	return mustLedger(t, opt), mem, fatal
}

func TestLedgerDeadAfterError(t *testing.T) {
	for _, kind := range []errorfs.OpKind{errorfs.OpFileWrite, errorfs.OpFileSync, errorfs.OpFileSyncData, errorfs.OpCreate} {
		for _, file := range []string{".sst", ".new", "MANIFEST"} {
			if file == "MANIFEST" && kind == errorfs.OpCreate {
				continue
			}
			for _, tableBytes := range []int64{0, 1} { // through a memtable, as a table
				ledgerDies(t, kind, file, tableBytes)
			}
		}
	}
}

// ledgerDies lets operations of one kind on files of one kind fail.
func ledgerDies(t *testing.T, kind errorfs.OpKind, file string, tableBytes int64) {
	var armed, hits atomic.Int64
	l, mem, fatal := faultyLedger(t, tableBytes, func(op errorfs.Op) error {
		if armed.Load() != 0 && op.Kind == kind && strings.Contains(op.Path, file) {
			hits.Add(1)
			return fmt.Errorf("injected: %w", syscall.EIO)
		}
		return nil
	})
	m := &model{}
	r := rand.New(rand.NewPCG(1, 1))
	m.stage(t, l, r, shapes[7])
	if err := l.Commit(true); err != nil {
		t.Fatal(err)
	}
	armed.Store(1)
	m.stage(t, l, r, shapes[8])
	err := within(t, func() error { return l.Commit(true) })
	if hits.Load() == 0 { // nothing does that to that file
		if err != nil {
			t.Fatal(err)
		}
		return
	}
	if errors.Is(err, errThreadGone) { // Fatal was called on it
		err = l.dead()
	}
	if !errors.Is(err, ErrCrash) {
		t.Fatalf("%s op %d, tables from %d: %v", file, kind, tableBytes, err)
	}
	if l.Applied() != 1 {
		t.Fatalf("applied %d", l.Applied())
	}
	armed.Store(0)
	if err := l.Commit(true); !errors.Is(err, ErrCrash) {
		t.Fatalf("a dead ledger answered %v", err)
	}
	if err := l.Stage(&Block{Seq: 3, FirstOrdinal: 1e6}); !errors.Is(err, ErrCrash) {
		t.Fatalf("a dead ledger answered %v", err)
	}
	select {
	case err := <-fatal:
		if !errors.Is(err, ErrCrash) {
			t.Fatal(err)
		}
	default:
	}
	checkLedgerImage(t, file, mem.CrashClone(CrashCloneCfg{}), m, 1, 2)
}

// errThreadGone is what within gives for a thread that ended inside.
var errThreadGone = errors.New("the thread ended")

// within fails the test if fn takes longer than anything here may.
func within(t *testing.T, fn func() error) error {
	t.Helper()
	done := make(chan error, 1)
	go func() {
		err := errThreadGone
		defer func() { done <- err }()
		err = fn()
	}()
	select {
	case err := <-done:
		return err
	case <-time.After(time.Minute):
		buf := make([]byte, 1<<16)
		t.Fatalf("stuck:\n%s", buf[:runtime.Stack(buf, true)])
		return nil
	}
}

// A full disk refuses commits with ErrDiskLow, keeps all that was staged
// readable, does not spin, and passes when there is room again.
func TestLedgerDiskFull(t *testing.T) {
	for _, tableBytes := range []int64{0, 1} { // through a memtable, as a table
		t.Run(fmt.Sprint(tableBytes), func(t *testing.T) { ledgerDiskFull(t, tableBytes) })
	}
}

func ledgerDiskFull(t *testing.T, tableBytes int64) {
	var full, tries atomic.Int64
	l, mem, _ := faultyLedger(t, tableBytes, func(op errorfs.Op) error {
		table := strings.Contains(op.Path, ".sst") || strings.Contains(op.Path, ".new")
		if full.Load() != 0 && table && (op.Kind == errorfs.OpFileWrite || op.Kind == errorfs.OpCreate) {
			tries.Add(1)
			return fmt.Errorf("injected: %w", syscall.ENOSPC)
		}
		return nil
	})
	m := &model{}
	r := rand.New(rand.NewPCG(1, 1))
	m.stage(t, l, r, shapes[7])
	if err := l.Commit(true); err != nil {
		t.Fatal(err)
	}
	full.Store(1)
	m.stage(t, l, r, shapes[8])
	for range 3 {
		if err := within(t, func() error { return l.Commit(true) }); !errors.Is(err, ErrDiskLow) || errors.Is(err, ErrCrash) {
			t.Fatal(err)
		}
		m.stage(t, l, r, shapes[7])
	}
	if diff := m.check(l); diff != "" {
		t.Fatal(diff)
	}
	before := tries.Load()
	time.Sleep(200 * time.Millisecond)
	if n := tries.Load() - before; n > 40 {
		t.Fatalf("%d tries in 200 ms", n)
	}
	full.Store(0)
	if err := within(t, func() error {
		for {
			if err := l.Commit(true); !errors.Is(err, ErrDiskLow) {
				return err
			}
			time.Sleep(time.Millisecond)
		}
	}); err != nil {
		t.Fatal(err)
	}
	if int(l.Applied()) != len(m.blocks) {
		t.Fatalf("applied %d of %d", l.Applied(), len(m.blocks))
	}
	checkLedgerImage(t, "after", mem.CrashClone(CrashCloneCfg{}), m, wire.SeqNum(len(m.blocks)), len(m.blocks))
}

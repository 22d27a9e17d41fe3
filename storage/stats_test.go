package storage

// Aim: what Pebble counts reaches LedgerStats, and a scrape that comes late finds
// nothing instead of a closed database. Method: a ledger that flushes, read from
// beside while it closes.

import (
	"sync"
	"testing"

	"github.com/cockroachdb/pebble/v2"
)

func TestLedgerStats(t *testing.T) {
	l, err := OpenLedger(LedgerOptions{FS: NewMemFS(), Dir: "ledger", MemTableBytes: 64 << 10})
	if err != nil {
		t.Fatal(err)
	}
	if err := l.PutMeta("x", make([]byte, 20<<10)); err != nil {
		t.Fatal(err)
	}
	if err := l.flush(); err != nil {
		t.Fatal(err)
	}
	if err := l.Commit(true); err != nil {
		t.Fatal(err)
	}
	if s := l.Stats(); s.Flushes == 0 || s.FlushedBytes < 20<<10 || s.TableBytes < 20<<10 || s.MemTableBytes == 0 {
		t.Errorf("%+v after a flush", s)
	}
	l.stalls.begin(pebble.WriteStallBeginInfo{})
	l.stalls.end()
	l.stalls.end() // without a beginning: nothing
	if s := l.Stats(); s.Stalls != 1 || s.StalledSeconds < 0 {
		t.Errorf("%d stalls, %v s", s.Stalls, s.StalledSeconds)
	}
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for l.Stats() != (LedgerStats{}) {
			}
		})
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	wg.Wait()
}

package storage

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"

	"quorate/wire"
)

// Aim: many staged bytes go to the disk as tables, few through a memtable, and
// both read the same. Method: what Pebble counted, against the model.

func TestLedgerTables(t *testing.T) {
	for c := CompressNone; c <= CompressSmall; c++ {
		t.Run(fmt.Sprint(c), func(t *testing.T) { ledgerTables(t, c) })
	}
}

// What is left staged for more stays below the size of a table, however large the
// memtable is: execution would pause for ever.
func TestLedgerTablesOfLargeMemtables(t *testing.T) {
	opt := testLedgerOptions(NewMemFS())
	opt.MemTableBytes = 256 << 20
	l := mustLedger(t, opt)
	m := &model{}
	r := rand.New(rand.NewPCG(3, 3))
	for {
		m.stage(t, l, r, shape{events: []int{8189, 8189, 8189}})
		if len(m.blocks) == 1 {
			if err := l.Commit(true); err != nil {
				t.Fatal(err)
			}
		}
		if _, staged := l.Staged(); staged >= TableBytesMax {
			break
		}
	}
	if err := l.Commit(false); err != nil {
		t.Fatal(err)
	}
	if blocks, staged := l.Staged(); staged >= TableBytesMax {
		t.Fatalf("%d blocks of %d bytes stay staged", blocks, staged)
	}
	opt.TableBytes = TableBytesMax + 1
	if _, err := OpenLedger(opt); !errors.Is(err, ErrOptions) {
		t.Fatalf("a table larger than the largest: %v", err)
	}
}

func ledgerTables(t *testing.T, c Compression) {
	mem := NewMemFS()
	opt := testLedgerOptions(mem)
	opt.TableBytes, opt.Compression = 64<<10, c
	l := mustLedger(t, opt)
	m := &model{}
	r := rand.New(rand.NewPCG(2, 2))

	m.stage(t, l, r, shapes[0])
	if err := l.Commit(true); err != nil {
		t.Fatal(err)
	}
	for _, load := range []struct {
		events []int // of each block
		bytes  int64 // staged before a commit
		tables uint64
	}{
		{[]int{60, 1, 80}, opt.TableBytes, 1},
		{[]int{8189, 8189, 8189}, TableBytesMax + 1, 2}, // more than one table holds
	} {
		if load.tables > 1 && c != CompressNone {
			continue // seconds each, and no difference
		}
		before := l.db.Metrics().Ingest.Count
		for _, staged := l.Staged(); staged < load.bytes; _, staged = l.Staged() {
			m.stage(t, l, r, shape{events: load.events, links: true, codes: 1})
		}
		head, _ := l.Head()
		if l.Applied() == head {
			t.Fatal("staged blocks count as durable")
		}
		if err := l.Commit(false); err != nil {
			t.Fatal(err)
		}
		if n := l.db.Metrics().Ingest.Count - before; n != load.tables {
			t.Fatalf("%d bytes became %d tables, expected %d", load.bytes, n, load.tables)
		}
		if blocks, size := l.Staged(); size >= opt.TableBytes || l.Applied() != head-wire.SeqNum(blocks) {
			t.Fatalf("%d blocks of %d bytes are left, applied %d of %d", blocks, size, l.Applied(), head)
		}
		m.stage(t, l, r, shapes[1])
		if err := l.Commit(false); err != nil {
			t.Fatal(err)
		}
		if blocks, _ := l.Staged(); blocks == 0 {
			t.Fatal("a small block did not wait for others")
		}
	}
	if err := l.Commit(true); err != nil {
		t.Fatal(err)
	}
	if diff := m.check(l); diff != "" {
		t.Fatal(diff)
	}
	checkLedgerImage(t, "after", mem.CrashClone(CrashCloneCfg{}), m, l.Applied(), len(m.blocks))
}

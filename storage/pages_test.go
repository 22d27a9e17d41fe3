package storage

import (
	"errors"
	"math/rand/v2"
	"reflect"
	"testing"

	"quorate/wire"
)

// Aim: the checkpoint image is always one that was saved, whole, whatever was
// cut short. Method: random saves beside a map, with crashes and saves that end
// before the switch.

// imageModel is a ledger and what its image should be.
type imageModel struct {
	fs    *MemFS
	l     *Ledger
	image map[pageID]string
}

func (m *imageModel) save(t *testing.T, seq int, pages []Page) {
	t.Helper()
	if err := m.l.SavePages(wire.SeqNum(seq), pages, []byte("meta")); err != nil {
		t.Fatal(err)
	}
	for _, p := range pages {
		m.image[pageID{p.Region, p.Index}] = string(p.Data)
	}
}

func (m *imageModel) crash(t *testing.T) {
	t.Helper()
	if err := m.l.Commit(true); err != nil {
		t.Fatal(err)
	}
	m.fs = m.fs.CrashClone(CrashCloneCfg{})
	m.l = mustLedger(t, testLedgerOptions(m.fs))
}

func (m *imageModel) check(t *testing.T, seq int) {
	t.Helper()
	got := make(map[pageID]string)
	_, meta, err := m.l.LoadPages(func(p Page) error {
		got[pageID{p.Region, p.Index}] = string(p.Data)
		return nil
	})
	if err != nil || string(meta) != "meta" || !reflect.DeepEqual(got, m.image) {
		t.Fatalf("image %d: %v: %d pages, want %d", seq, err, len(got), len(m.image))
	}
}

func TestLedgerPages(t *testing.T) {
	fs := NewMemFS()
	m := &imageModel{fs: fs, l: mustLedger(t, testLedgerOptions(fs)), image: make(map[pageID]string)}
	if _, _, err := m.l.LoadPages(nil); !errors.Is(err, ErrNotFound) {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(3, 3))
	for n := 1; n <= 40; n++ {
		var pages []Page
		for _, i := range r.Perm(12)[:r.IntN(12)] {
			pages = append(pages, Page{Region: uint8(i % 3), Index: uint32(i), Data: testBody(uint64(n), 1+r.IntN(3000))})
		}
		switch {
		case n%5 == 0: // a save that is cut short before the switch
			if err := m.l.writePages(wire.SeqNum(n), pages, 0); err != nil {
				t.Fatal(err)
			}
			m.crash(t)
			if n%10 == 0 { // the same checkpoint again, after the start
				m.save(t, n, pages[:len(pages)/2])
			}
		default:
			if m.save(t, n, pages); n%7 == 0 {
				m.crash(t)
			}
		}
		m.check(t, n)
	}
	if err := m.l.SavePages(40, nil, nil); !errors.Is(err, ErrOptions) {
		t.Fatal(err)
	}
	keys := 0
	count := func([]byte) { keys++ }
	if err := m.l.scanPages(1<<60, func(pageID, wire.SeqNum, *iterator) error { keys++; return nil }, count); err != nil {
		t.Fatal(err)
	}
	if keys > 2*len(m.image)+12 {
		t.Fatalf("%d page versions for %d pages: old ones are not deleted", keys, len(m.image))
	}
}

func TestLedgerMeta(t *testing.T) {
	fs := NewMemFS()
	l := mustLedger(t, testLedgerOptions(fs))
	if _, err := l.GetMeta("a"); !errors.Is(err, ErrNotFound) {
		t.Fatal(err)
	}
	if err := l.PutMeta("a", []byte("1")); err != nil {
		t.Fatal(err)
	}
	if err := l.Commit(true); err != nil {
		t.Fatal(err)
	}
	if err := l.PutMeta("a", []byte("2")); err != nil {
		t.Fatal(err)
	}
	l2 := mustLedger(t, testLedgerOptions(fs.CrashClone(CrashCloneCfg{})))
	if v, err := l2.GetMeta("a"); err != nil || string(v) != "1" {
		t.Fatal(err, v)
	}
	if v, err := l.GetMeta("a"); err != nil || string(v) != "2" {
		t.Fatal(err, v)
	}
}

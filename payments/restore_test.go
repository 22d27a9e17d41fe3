package payments

// Aim: a checkpoint that is not exactly the one that was written never becomes a
// running machine with the certified root. Method: damage one bit of one page,
// leave a page out, swap lists; either Finish refuses or the root differs.

import (
	"bytes"
	"errors"
	"testing"
)

// grown gives a harness after a good stretch of random life, checkpointed.
func grown(t *testing.T) *harness {
	s := splitmix(77)
	h := stream(t, func(n int) int { return int(s.next() % uint64(n)) }, 120)
	h.checkpoint()
	return h
}

// loadQuietly is load without failing.
func (h *harness) loadQuietly(disk map[pageKey][]byte) (*Machine, error) {
	m := h.machine(h.cfg)
	for r := Region(0); r < Regions; r++ {
		for p := uint32(0); disk[pageKey{r, p}] != nil; p++ {
			if err := m.LoadPage(r, p, disk[pageKey{r, p}]); err != nil {
				return m, err
			}
		}
	}
	return m, m.Finish()
}

func TestRestoreDamage(t *testing.T) {
	h := grown(t)
	root := h.m.StateRoot()
	if m, err := h.loadQuietly(h.disk); err != nil || m.StateRoot() != root {
		t.Fatalf("undamaged: %v", err)
	}
	s := splitmix(5)
	refused := 0
	for key, data := range h.disk {
		for n := 0; n < 60; n++ {
			bad := bytes.Clone(data)
			at := s.next() % PageBytes
			if n%2 == 0 {
				at %= 2048 // where the records are
			}
			bad[at] ^= 1 << (s.next() % 8)
			h.disk[key] = bad
			m, err := h.loadQuietly(h.disk)
			switch {
			case err != nil && !errors.Is(err, ErrState):
				t.Fatalf("region %d: %v", key.r, err)
			case err != nil:
				refused++
			case m.StateRoot() == root && !bytes.Equal(m.page(key), data):
				t.Fatalf("region %d page %d byte %d: the damage is loaded and the root is the same", key.r, key.p, at)
			}
		}
		h.disk[key] = nil
		if m, err := h.loadQuietly(h.disk); err == nil && m.StateRoot() == root {
			t.Fatalf("region %d page %d may be missing", key.r, key.p)
		}
		h.disk[key] = data
	}
	if refused == 0 {
		t.Fatal("no damage was refused")
	}
}

func (m *Machine) page(k pageKey) []byte {
	if k.r == RegionIDs && m.ids.pages[k.p] == nil {
		return nil
	}
	var b [PageBytes]byte
	m.encodePage(k.r, k.p, &b)
	return b[:]
}

func TestLoadRefuses(t *testing.T) {
	h := grown(t)
	page := make([]byte, PageBytes)
	for i, try := range []func(m *Machine) error{
		func(m *Machine) error { return m.Finish() },
		func(m *Machine) error { return m.LoadPage(RegionMeta, 0, page[1:]) },
		func(m *Machine) error { return m.LoadPage(Regions, 0, page) },
		func(m *Machine) error { return m.LoadPage(RegionAccounts, 1, page) },
		func(m *Machine) error {
			return errors.Join(m.LoadPage(RegionMeta, 0, page), m.LoadPage(RegionMeta, 1, page))
		},
		func(m *Machine) error { return errors.Join(m.LoadPage(RegionIDs, 0, page), m.LoadIDs(nil)) },
		func(m *Machine) error { return errors.Join(m.LoadPage(RegionMeta, 0, page), m.Finish()) },
		func(m *Machine) error {
			return errors.Join(m.LoadPage(RegionMeta, 0, page), m.Apply(1, 0, nil, nil, new(Outcome)))
		},
	} {
		if err := try(h.machine(h.cfg)); err == nil {
			t.Errorf("try %d was taken", i)
		}
	}
	if err := h.m.LoadPage(RegionMeta, 0, page); !errors.Is(err, ErrState) {
		t.Errorf("loading into a machine in use: %v", err)
	}
}

// TestExternalTree: a tree fed from Dirty gives the machine's root.
func TestExternalTree(t *testing.T) {
	h := grown(t)
	cfg := h.cfg
	cfg.ExternalTree = true
	m := h.load(cfg, true)
	tree := NewPageTree()
	for r := Region(0); r < Regions; r++ {
		for p := uint32(0); h.disk[pageKey{r, p}] != nil; p++ {
			tree.Put(r, p, PageHash(r, p, h.disk[pageKey{r, p}]))
		}
	}
	g := newGen(func(n int) int { return n / 2 }, h.model)
	for i := 0; i < 10; i++ {
		g.time += 1_000_000_000
		req := request(1, 5_000_000+uint64(i), 2, g.body(2))
		h.apply(g.time, req)
		h.run(m, &h.two, g.time, []Request{req})
		m.Dirty(func(r Region, p uint32, data []byte) { tree.Put(r, p, PageHash(r, p, data)) })
		m.MarkClean()
		if tree.Root() != h.m.StateRoot() {
			t.Fatalf("block %d: the external tree has another root", i)
		}
	}
}

// TestDirtyIsComplete: what Dirty gave so far is the whole state, after blocks
// that touch few of many pages.
func TestDirtyIsComplete(t *testing.T) {
	x := newBencher(t, 6000)
	disk := map[pageKey][]byte{}
	var last U128
	for block := 0; block < 40; block++ {
		x.m.Dirty(func(r Region, p uint32, data []byte) { disk[pageKey{r, p}] = bytes.Clone(data) })
		for r := Region(0); r < Regions; r++ {
			for p := uint32(0); p < x.m.pages(r); p++ {
				key := pageKey{r, p}
				if now := x.m.page(key); now != nil && !bytes.Equal(now, disk[key]) {
					t.Fatalf("block %d: page %d of region %d changed and was not dirty", block, p, r)
				}
			}
		}
		x.m.MarkClean()
		x.fill(func(i int, tr *Transfer) {
			switch (i + block) % 3 {
			case 0:
				tr.Flags, tr.Timeout = TransferPending, uint32(block)
			case 1:
				*tr = Transfer{ID: tr.ID, PendingID: last, Flags: TransferVoidPending}
			}
			last = tr.ID
		})
		x.body = x.body[:RecordBytes*(3+block%3)]
		x.apply(t, 2)
	}
}

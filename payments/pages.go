package payments

import (
	"encoding/binary"

	"quorate/internal/plant"
	"quorate/wire"
)

// Region names one table of the paged state.
type Region uint8

// The regions. Page p of a region holds its records from p·(records per page).
const (
	RegionMeta     Region = 0 // counters; one page
	RegionLedgers  Region = 1 // registry and totals
	RegionAccounts Region = 2 // accounts in order of creation, 128 bytes each
	RegionHeads    Region = 3 // per account the ordinal of the last transfer that touched it, u64
	RegionPendings Region = 4 // open pending transfers by slot
	RegionSessions Region = 5 // clients in order of registration
	RegionTimeline Region = 6 // samples (ordinal, timestamp) for searches by time
	RegionIDs      Region = 7 // per ordinal the hash of the transfer id it used up, or 0, u64

	Regions = 8
)

// PageBytes is the size of a page. 16 KiB: SHA-256 and Pebble both run at their
// bulk speed from there, and one touched account costs no more than needed.
const PageBytes = 16 << 10

// pageSet remembers which pages of a region changed, for two readers.
type pageSet struct {
	bits []uint8
}

const (
	forDirty uint8 = 1 << 0 // since MarkClean
	forTree  uint8 = 1 << 1 // since StateRoot
)

// mark notes that a page changes.
func (m *Machine) mark(r Region, page uint32) {
	s := &m.dirty[r]
	if uint64(page) < uint64(len(s.bits)) {
		s.bits[page] = forDirty | forTree
		return
	}
	s.grow(page)
}

func (s *pageSet) grow(page uint32) {
	s.bits = extend(s.bits, page+1-uint32(len(s.bits)))
	s.bits[page] = forDirty | forTree
}

// pages is the number of pages of a region.
func (m *Machine) pages(r Region) uint32 {
	records, perPage := uint64(1), uint64(1)
	switch r {
	case RegionLedgers:
		records, perPage = uint64(m.meta.ledgers), recordsPerPage
	case RegionAccounts:
		records, perPage = uint64(m.meta.accounts), recordsPerPage
	case RegionHeads:
		records, perPage = uint64(m.meta.accounts), wordsPerPage
	case RegionPendings:
		records, perPage = uint64(m.meta.pendingSlots), recordsPerPage
	case RegionSessions:
		records, perPage = uint64(m.meta.clients), sessionsPerPage
	case RegionTimeline:
		records, perPage = uint64(m.meta.samples), samplesPerPage
	case RegionIDs:
		records, perPage = m.meta.ordinalNext-1, wordsPerPage
	}
	return uint32((records + perPage - 1) / perPage)
}

// Dirty calls fn for each page that changed since the last MarkClean, region by
// region and page by page in ascending order. data has PageBytes bytes and is
// valid during the call; copy it to give it to another thread.
func (m *Machine) Dirty(fn func(region Region, page uint32, data []byte)) {
	m.each(forDirty, fn)
}

// DirtyPages is the number of pages that Dirty gives.
func (m *Machine) DirtyPages() (count int) {
	for r := Region(0); r < Regions; r++ {
		bits := m.dirty[r].bits
		for _, b := range bits[:min(m.pages(r), uint32(len(bits)))] {
			count += int(b & forDirty)
		}
	}
	return count
}

// each encodes the pages with a mark.
func (m *Machine) each(mark uint8, fn func(region Region, page uint32, data []byte)) {
	var buf [PageBytes]byte
	for r := Region(0); r < Regions; r++ {
		set, n := &m.dirty[r], m.pages(r)
		for p := uint32(0); p < min(n, uint32(len(set.bits))); p++ {
			if set.bits[p]&mark == 0 {
				continue
			}
			m.encodePage(r, p, &buf)
			fn(r, p, buf[:])
		}
	}
}

// MarkClean makes the current state the base of the next Dirty.
func (m *Machine) MarkClean() {
	m.ids.release(m)
	for r := range m.dirty {
		for p := range m.dirty[r].bits {
			m.dirty[r].bits[p] &^= forDirty
		}
	}
}

// StateRoot is the Merkle root over all pages (PageTree). Only pages that
// changed since the last call are hashed again. It panics if
// Config.ExternalTree is set.
func (m *Machine) StateRoot() wire.Digest {
	m.each(forTree, func(r Region, p uint32, data []byte) {
		m.tree.Put(r, p, PageHash(r, p, data))
		m.dirty[r].bits[p] &^= forTree
	})
	return m.tree.Root()
}

// encodePage writes one page.
func (m *Machine) encodePage(r Region, page uint32, b *[PageBytes]byte) {
	clear(b[:])
	switch r {
	case RegionMeta:
		m.meta.store(b)
	case RegionLedgers:
		first := page * recordsPerPage
		for i := first; i < min(m.meta.ledgers, first+recordsPerPage); i++ {
			m.ledgers[i].store(recordAt(b, i-first))
		}
	case RegionAccounts:
		first := page * recordsPerPage
		for i := first; i < min(m.meta.accounts, first+recordsPerPage); i++ {
			m.accounts.at(i).store(recordAt(b, i-first))
		}
	case RegionHeads:
		first := page * wordsPerPage
		for i := first; i < min(m.meta.accounts, first+wordsPerPage); i++ {
			binary.LittleEndian.PutUint64(b[8*(i-first):], *m.heads.at(i))
		}
	case RegionPendings:
		first := page * recordsPerPage
		for i := first; i < min(m.meta.pendingSlots, first+recordsPerPage); i++ {
			m.pendings.records.at(i).store(recordAt(b, i-first))
		}
	case RegionSessions:
		first := page * sessionsPerPage
		for i := first; i < min(m.meta.clients, first+sessionsPerPage); i++ {
			m.sessionAt(i).store(b[sessionBytes*(i-first):])
		}
	case RegionTimeline:
		first := page * samplesPerPage
		for i := first; i < min(m.meta.samples, first+samplesPerPage); i++ {
			binary.LittleEndian.PutUint64(b[16*(i-first):], m.timeline[i].ordinal)
			binary.LittleEndian.PutUint64(b[16*(i-first)+8:], m.timeline[i].time)
		}
	case RegionIDs:
		for i, h := range m.ids.pages[page] {
			binary.LittleEndian.PutUint64(b[8*i:], h)
		}
	}
}

func recordAt(b *[PageBytes]byte, i uint32) *[RecordBytes]byte {
	return (*[RecordBytes]byte)(b[i*RecordBytes:])
}

// metaVersion is the layout of all pages; another one cannot be loaded.
const metaVersion = 1

// store writes the meta page: version u64, then the fields in their order.
func (t *meta) store(b *[PageBytes]byte) {
	for i, v := range [...]uint64{metaVersion, uint64(t.seq), t.timestampLast, t.ordinalNext, t.transferTime} {
		binary.LittleEndian.PutUint64(b[8*i:], v)
	}
	for i, v := range [...]uint32{t.accounts, t.ledgers, t.clients, t.samples, t.pendingSlots, t.pendingOpen, t.pendingFree} {
		binary.LittleEndian.PutUint32(b[40+4*i:], v)
	}
}

// load is the inverse of store; it reports whether the version is known.
func (t *meta) load(b []byte) bool {
	u64 := func(i int) uint64 { return binary.LittleEndian.Uint64(b[8*i:]) }
	u32 := func(i int) uint32 { return binary.LittleEndian.Uint32(b[40+4*i:]) }
	*t = meta{
		seq: wire.SeqNum(u64(1)), timestampLast: u64(2), ordinalNext: u64(3), transferTime: u64(4),
		accounts: u32(0), ledgers: u32(1), clients: u32(2), samples: u32(3),
		pendingSlots: u32(4), pendingOpen: u32(5), pendingFree: u32(6),
	}
	return u64(0) == metaVersion
}

// store writes a session: client id u64, key 32 bytes, roles u32, 4 bytes of
// zero, high u64, bitmap u64; then per place of the ring slot u64, index u32, 4
// bytes of zero, digest 32 bytes.
func (s *session) store(b []byte) {
	binary.LittleEndian.PutUint64(b[0:], uint64(s.client.ID))
	copy(b[8:40], s.client.Key[:])
	binary.LittleEndian.PutUint32(b[40:], uint32(s.client.Roles))
	binary.LittleEndian.PutUint64(b[48:], s.high)
	binary.LittleEndian.PutUint64(b[56:], s.bitmap)
	for i := range s.ring {
		if plant.On(plant.SessionNotInImage) {
			break
		}
		e, r := &s.ring[i], b[64+48*i:]
		binary.LittleEndian.PutUint64(r, uint64(e.seq))
		binary.LittleEndian.PutUint32(r[8:], e.index)
		copy(r[16:48], e.digest[:])
	}
}

// load is the inverse of store.
func (s *session) load(b []byte) {
	s.client.ID = wire.ClientID(binary.LittleEndian.Uint64(b[0:]))
	copy(s.client.Key[:], b[8:40])
	s.client.Roles = Roles(binary.LittleEndian.Uint32(b[40:]))
	s.high = binary.LittleEndian.Uint64(b[48:])
	s.bitmap = binary.LittleEndian.Uint64(b[56:])
	for i := range s.ring {
		e, r := &s.ring[i], b[64+48*i:]
		e.seq = wire.SeqNum(binary.LittleEndian.Uint64(r))
		e.index = binary.LittleEndian.Uint32(r[8:])
		copy(e.digest[:], r[16:48])
	}
}

package payments

import (
	"encoding/binary"
	"fmt"

	"quorate/internal/mark"
)

// Building a machine from the pages of a checkpoint. The caller has checked each
// page against the certified tree, or compares StateRoot at the end; the checks
// here keep a damaged or foreign checkpoint from becoming a running machine.

// loading is what LoadPage keeps until Finish.
type loading struct {
	meta    meta
	pages   [Regions]uint32       // pages of each region so far
	lastIDs *[wordsPerPage]uint64 // the last page of RegionIDs, not yet appended
	listIDs bool                  // LoadIDs was used
}

// LoadPage puts one page of a checkpoint into a machine fresh from New, whose
// genesis it replaces. All pages of all regions must come, those of a region in
// ascending order (RegionIDs may come through LoadIDs instead). data is copied.
func (m *Machine) LoadPage(region Region, page uint32, data []byte) error {
	if err := m.beginLoad(); err != nil {
		return err
	}
	if len(data) != PageBytes || region >= Regions {
		return fmt.Errorf("%w: page of %d bytes in region %d", ErrState, len(data), region)
	}
	if page != m.load.pages[region] {
		return fmt.Errorf("%w: page %d of region %d after %d pages", ErrState, page, region, m.load.pages[region])
	}
	if page >= m.pagesMax(region) {
		return fmt.Errorf("%w: page %d of region %d is beyond the limits", ErrState, page, region)
	}
	m.load.pages[region]++
	m.mark(region, page)
	m.loadPage(region, page, data)
	return nil
}

// beginLoad empties a fresh machine on the first call.
func (m *Machine) beginLoad() error {
	switch {
	case m.load != nil:
		return nil
	case m.meta.seq != 0 || m.broken != nil:
		return fmt.Errorf("%w: loading into a machine that is in use", ErrState)
	}
	m.reset()
	m.load = &loading{}
	return nil
}

// pagesMax bounds the pages of a region by the limits.
func (m *Machine) pagesMax(r Region) uint32 {
	pages := func(records, perPage uint64) uint32 { return uint32((records + perPage - 1) / perPage) }
	switch r {
	case RegionLedgers:
		return pages(uint64(m.limits.LedgersMax), recordsPerPage)
	case RegionAccounts:
		return pages(uint64(m.limits.AccountsMax), recordsPerPage)
	case RegionHeads:
		return pages(uint64(m.limits.AccountsMax), wordsPerPage)
	case RegionPendings:
		// The slots of pendings that one block resolves are free only after it.
		block := uint64(m.limits.BlockEventsMax) + uint64(m.limits.ExpiriesMax)
		return pages(uint64(m.limits.PendingsMax)+block, recordsPerPage)
	case RegionSessions:
		return pages(uint64(m.limits.ClientsMax), sessionsPerPage)
	case RegionTimeline:
		return pages(valueMax/sampleOrdinals, samplesPerPage)
	case RegionIDs:
		return pages(valueMax, wordsPerPage)
	}
	return 1
}

// loadPage decodes a page into its table, records beyond the region's last one
// included; Finish clears those.
func (m *Machine) loadPage(r Region, page uint32, data []byte) {
	b := (*[PageBytes]byte)(data)
	u64 := func(i uint32) uint64 { return binary.LittleEndian.Uint64(b[8*i:]) }
	switch r {
	case RegionMeta:
		if !m.load.meta.load(data) {
			m.load.meta = meta{} // Finish refuses it: ordinalNext is 0
		}
	case RegionLedgers:
		for i := uint32(0); i < recordsPerPage; i++ {
			var l LedgerTotals
			_ = l.Decode(recordAt(b, i)[:]) // a fault leaves zeros, which Finish refuses
			m.ledgers = append(m.ledgers, l)
		}
	case RegionAccounts:
		first := page * recordsPerPage
		m.accounts.grow(first + recordsPerPage)
		for i := uint32(0); i < recordsPerPage; i++ {
			m.accounts.at(first + i).load(recordAt(b, i))
		}
	case RegionHeads:
		first := page * wordsPerPage
		m.heads.grow(first + wordsPerPage)
		for i := uint32(0); i < wordsPerPage; i++ {
			*m.heads.at(first + i) = u64(i)
		}
	case RegionPendings:
		first := page * recordsPerPage
		m.pendings.records.grow(first + recordsPerPage)
		m.pendings.aux.grow(first + recordsPerPage)
		for i := uint32(0); i < recordsPerPage; i++ {
			m.pendings.records.at(first + i).load(recordAt(b, i))
		}
	case RegionSessions:
		p := new(sessionPage)
		for i := range p {
			p[i].load(b[sessionBytes*i:])
		}
		m.sessions = append(m.sessions, p)
	case RegionTimeline:
		for i := uint32(0); i < samplesPerPage; i++ {
			m.timeline = append(m.timeline, sample{ordinal: u64(2 * i), time: u64(2*i + 1)})
		}
	case RegionIDs:
		m.flushIDs(wordsPerPage)
		p := new([wordsPerPage]uint64)
		for i := range p {
			p[i] = u64(uint32(i))
		}
		m.load.lastIDs = p
	}
}

// flushIDs appends the first n entries of the page of ids that came last.
func (m *Machine) flushIDs(n uint64) {
	if p := m.load.lastIDs; p != nil {
		m.load.lastIDs = nil
		m.addIDs(p[:n])
	}
}

// LoadIDs appends id entries in the order of ordinals, starting with ordinal 1:
// the concatenation of Outcome.IDEntries of all blocks up to the checkpoint.
// Calls may cut it anywhere. It is an alternative to the pages of RegionIDs.
func (m *Machine) LoadIDs(entries []uint64) error {
	if err := m.beginLoad(); err != nil {
		return err
	}
	if m.load.pages[RegionIDs] != 0 {
		return fmt.Errorf("%w: id entries both as pages and as lists", ErrState)
	}
	if m.ids.n+uint64(len(entries)) > valueMax {
		return fmt.Errorf("%w: more than 2^%d id entries", ErrState, valueBits)
	}
	m.load.listIDs = true
	m.addIDs(entries)
	return nil
}

// addIDs indexes entries and appends them to the log.
func (m *Machine) addIDs(entries []uint64) {
	for i, h := range entries {
		if h != 0 {
			m.byTransfer.insert(m.keys.entry(h), m.ids.n+1+uint64(i))
		}
	}
	m.ids.append(m.ids.n+1, entries, m)
	m.ids.release(m)
}

// Finish checks what was loaded and rebuilds the indexes. After nil the machine
// goes on exactly like the one that gave the pages, and Dirty starts from here;
// the caller compares StateRoot with the certified root. ErrState tells what is
// wrong; then the machine must be thrown away.
func (m *Machine) Finish() error {
	if m.load == nil {
		return fmt.Errorf("%w: nothing was loaded", ErrState)
	}
	if err := m.finish(); err != nil {
		m.broken = err
		return err
	}
	m.load = nil
	m.MarkClean()
	return nil
}

func (m *Machine) finish() error {
	m.meta = m.load.meta
	if m.meta.ordinalNext == 0 || m.meta.ordinalNext > valueMax+1 ||
		m.meta.timestampLast > TimestampMax || m.meta.transferTime > m.meta.timestampLast {
		return fmt.Errorf("%w: meta page is missing or damaged", ErrState)
	}
	for r := Region(0); r < Regions; r++ {
		if r == RegionIDs && m.load.listIDs {
			continue
		}
		if got, want := m.load.pages[r], m.pages(r); got != want {
			return fmt.Errorf("%w: %d pages of region %d, want %d", ErrState, got, r, want)
		}
	}
	if m.load.lastIDs != nil {
		m.flushIDs(m.meta.ordinalNext - 1 - m.ids.n)
	}
	if m.ids.n != m.meta.ordinalNext-1 {
		return fmt.Errorf("%w: %d id entries for %d ordinals", ErrState, m.ids.n, m.meta.ordinalNext-1)
	}
	mark.If(m.meta.samples > 0, mark.RestoreTimeline)
	mark.If(m.meta.pendingOpen > 0, mark.RestorePendings)
	mark.If(m.meta.pendingFree > 0, mark.RestoreFreeSlots)
	m.trim()
	for _, rebuild := range [...]func() error{
		m.rebuildLedgers, m.rebuildAccounts, m.rebuildPendings, m.rebuildSessions, m.checkTimeline, m.Audit,
	} {
		if err := rebuild(); err != nil {
			return err
		}
	}
	return nil
}

// trim clears what pages hold beyond the last record: new records expect zeros,
// and if a page had something else there its hash will differ (P7).
func (m *Machine) trim() {
	m.ledgers, m.timeline = m.ledgers[:m.meta.ledgers], m.timeline[:m.meta.samples]
	for i := m.meta.accounts; i%recordsPerPage != 0; i++ {
		*m.accounts.at(i) = Account{}
	}
	for i := m.meta.accounts; i%wordsPerPage != 0; i++ {
		*m.heads.at(i) = 0
	}
	for i := m.meta.pendingSlots; i%recordsPerPage != 0; i++ {
		*m.pendings.records.at(i) = Transfer{}
	}
	for i := m.meta.clients; i%sessionsPerPage != 0; i++ {
		*m.sessionAt(i) = session{}
	}
}

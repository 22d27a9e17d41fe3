package payments

import "quorate/internal/assert"

// idLog is the agreed list from which the transfer id index can be rebuilt
// without reading bodies: one word per ordinal, idHash of the id that the event
// used up, or 0. Full pages are only kept until MarkClean; they never change.
type idLog struct {
	pages []*[wordsPerPage]uint64 // nil when full and handed out
	spare *[wordsPerPage]uint64
	n     uint64 // entries: those of ordinals 1 to n
}

// append adds the entries of a block whose first ordinal is n+1.
func (l *idLog) append(first uint64, entries []uint64, m *Machine) {
	assert.That(first == l.n+1, "id entries from %d after %d", first, l.n)
	for len(entries) > 0 {
		page, at := uint32(l.n/wordsPerPage), l.n%wordsPerPage
		if at == 0 {
			l.pages = append(l.pages, l.take())
		}
		n := copy(l.pages[page][at:], entries)
		m.mark(RegionIDs, page)
		l.n += uint64(n)
		entries = entries[n:]
	}
}

// take gives an empty page.
func (l *idLog) take() *[wordsPerPage]uint64 {
	p := l.spare
	if l.spare = nil; p == nil {
		return new([wordsPerPage]uint64)
	}
	clear(p[:])
	return p
}

// release forgets full pages, after the tree knows them.
func (l *idLog) release(m *Machine) {
	full := int(l.n / wordsPerPage)
	for i := full - 1; i >= 0 && l.pages[i] != nil; i-- {
		if page := uint32(i); m.tree != nil && m.dirty[RegionIDs].bits[page]&forTree != 0 {
			m.hashIDsUpTo(page)
		}
		l.spare, l.pages[i] = l.pages[i], nil
	}
}

// hashIDsUpTo gives the tree all pages of ids that it does not know, up to page:
// it takes them in order.
func (m *Machine) hashIDsUpTo(last uint32) {
	var buf [PageBytes]byte
	set := &m.dirty[RegionIDs]
	for p := m.firstUnhashed(last); p <= last; p++ {
		m.encodePage(RegionIDs, p, &buf)
		m.tree.Put(RegionIDs, p, PageHash(RegionIDs, p, buf[:]))
		set.bits[p] &^= forTree
	}
}

// firstUnhashed gives the first page of the run that ends with last.
func (m *Machine) firstUnhashed(last uint32) uint32 {
	p := last
	for p > 0 && m.dirty[RegionIDs].bits[p-1]&forTree != 0 {
		p--
	}
	return p
}

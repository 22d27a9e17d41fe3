package payments

import "quorate/internal/mark"

import "quorate/internal/plant"

// pendingTable holds the open pending transfers. A slot that becomes free goes
// on a list threaded through the free records, so that which slot comes next is
// part of the pages (P7). A pending that is resolved keeps its slot until the end
// of the block: later events of the block see from it what became of it, since
// the archive does not know yet.
//
// A record is the transfer itself; a pending transfer's own PendingID is always
// 0, so that field carries its ordinal. A free record has ID 0 and the next free
// slot + 1 there.
type pendingTable struct {
	records  table[Transfer]
	aux      table[pendingAux]
	resolved []uint32 // slots, in step with Outcome.Resolved
}

// pendingAux is what a record does not say.
type pendingAux struct {
	heap   uint32 // position in the expiry heap + 1; 0 if it never expires
	status PendingStatus
}

// noSlot stands for no slot.
const noSlot = ^uint32(0)

// expiresAt is when an open pending transfer's time is up; 0 if never.
func (t *Transfer) expiresAt() uint64 {
	if t.Timeout == 0 {
		return 0
	}
	return t.Timestamp + uint64(t.Timeout)*nanosPerSecond
}

// expired reports whether t's time is up.
func (t *Transfer) expired(timestamp uint64) bool {
	at := t.expiresAt()
	return at != 0 && at <= timestamp
}

// openPending adds a pending transfer.
func (m *Machine) openPending(t *Transfer, ordinal uint64) {
	slot, kind := m.meta.pendingFree-1, openedFreed
	if m.meta.pendingFree == 0 {
		slot, kind = m.meta.pendingSlots, openedNew
		m.meta.pendingSlots++
		m.pendings.records.grow(slot + 1)
		m.pendings.aux.grow(slot + 1)
	}
	r := m.pendings.records.at(slot)
	if kind == openedFreed {
		mark.Hit(mark.PendingSlotReused)
		m.meta.pendingFree = uint32(r.PendingID.Lo)
	}
	m.savePending(slot, kind)
	*r = *t
	r.PendingID = U64(ordinal)
	m.indexPending(slot, r)
	m.meta.pendingOpen++
	m.mark(RegionPendings, slot/recordsPerPage)
}

// indexPending makes the open record r in slot known to index and heap.
func (m *Machine) indexPending(slot uint32, r *Transfer) {
	*m.pendings.aux.at(slot) = pendingAux{status: PendingOpen}
	m.byPending.insert(m.keys.number(r.PendingID.Lo), uint64(slot)+1)
	m.watch(slot, r)
}

// watch puts a pending transfer with a timeout on the heap.
func (m *Machine) watch(slot uint32, r *Transfer) {
	if at := r.expiresAt(); at != 0 {
		m.expiry.push(expiryEntry{at: at, ordinal: r.PendingID.Lo, slot: slot}, &m.pendings.aux)
	}
}

// pendingSlot finds the pending transfer with this ordinal and its status, or
// gives noSlot and PendingNone if it is not in the table.
func (m *Machine) pendingSlot(ordinal uint64) (uint32, PendingStatus) {
	p := m.byPending.seek(m.keys.number(ordinal))
	for {
		v, ok := p.next()
		if !ok {
			return noSlot, PendingNone
		}
		slot := uint32(v - 1)
		if m.pendings.records.at(slot).PendingID.Lo == ordinal {
			return slot, m.pendings.aux.at(slot).status
		}
	}
}

// resolvePending marks the open pending transfer in slot.
func (m *Machine) resolvePending(slot uint32, status PendingStatus) {
	out := m.block.out
	ordinal := m.pendings.records.at(slot).PendingID.Lo
	m.savePending(slot, resolved)
	aux := m.pendings.aux.at(slot)
	aux.status = status
	m.expiry.remove(aux.heap, &m.pendings.aux)
	m.meta.pendingOpen--
	out.Resolved = append(out.Resolved, Resolved{Ordinal: ordinal, Status: status})
	m.pendings.resolved = append(m.pendings.resolved, slot)
	m.block.delta.fold(ordinal, uint64(status), 0, 0)
}

// undoPending takes one step of a chain back.
func (m *Machine) undoPending(u *undoPending) {
	r := m.pendings.records.at(u.slot)
	aux := m.pendings.aux.at(u.slot)
	if u.kind == resolved {
		mark.Hit(mark.UndoResolved)
		aux.status = PendingOpen
		m.meta.pendingOpen++
		m.watch(u.slot, r)
		return
	}
	m.expiry.remove(aux.heap, &m.pendings.aux)
	m.dropPending(u.slot, r)
	m.meta.pendingOpen--
	if u.kind == openedFreed {
		mark.Hit(mark.UndoOpenedFreed)
		m.freePending(u.slot, r)
		return
	}
	mark.Hit(mark.UndoOpenedNew)
	m.meta.pendingSlots--
}

// dropPending empties a record and forgets it.
func (m *Machine) dropPending(slot uint32, r *Transfer) {
	m.byPending.remove(m.keys.number(r.PendingID.Lo), uint64(slot)+1)
	*r = Transfer{}
	*m.pendings.aux.at(slot) = pendingAux{}
}

// freePending puts an empty record on the free list.
func (m *Machine) freePending(slot uint32, r *Transfer) {
	r.PendingID = U64(uint64(m.meta.pendingFree))
	m.meta.pendingFree = slot + 1
}

// freeResolved frees the slots of the block's resolved pendings, in order.
func (m *Machine) freeResolved() {
	for _, slot := range m.pendings.resolved {
		r := m.pendings.records.at(slot)
		m.dropPending(slot, r)
		m.freePending(slot, r)
		if !plant.On(plant.PageNotMarked) {
			m.mark(RegionPendings, slot/recordsPerPage)
		}
	}
	m.pendings.resolved = m.pendings.resolved[:0]
}

// expiryHeap orders pendings with a timeout by (time, ordinal): a binary heap
// that can remove from its middle, so that it never holds more than the open
// ones. It is rebuilt from the records; its inner order is not state, its minimum
// is.
type expiryHeap struct {
	entries table[expiryEntry]
	n       uint32
}

type expiryEntry struct {
	at      uint64 // timestamp
	ordinal uint64
	slot    uint32
}

func (e *expiryEntry) before(f *expiryEntry) bool {
	return e.at < f.at || e.at == f.at && e.ordinal < f.ordinal
}

// due gives the slot of the first entry if its time is up.
func (h *expiryHeap) due(time uint64) (uint32, bool) {
	if h.n == 0 || h.entries.at(0).at > time {
		return 0, false
	}
	return h.entries.at(0).slot, true
}

// anyDue is the planted bug ExpiryInMapOrder: the slot of one entry whose time is
// up, the first of a map.
func (m *Machine) anyDue(time uint64) uint32 {
	due := map[uint32]bool{}
	for i := range m.expiry.n {
		if e := m.expiry.entries.at(i); e.at <= time {
			due[e.slot] = true
		}
	}
	for slot := range due { //tidy:sorted planted: that the order shows is the bug
		return slot
	}
	return noSlot
}

func (h *expiryHeap) push(e expiryEntry, aux *table[pendingAux]) {
	h.entries.grow(h.n + 1)
	h.n++
	h.up(h.n-1, e, aux)
}

// remove takes the entry at position pos1 − 1 out; 0 is no entry.
func (h *expiryHeap) remove(pos1 uint32, aux *table[pendingAux]) {
	if pos1 == 0 {
		return
	}
	i := pos1 - 1
	aux.at(h.entries.at(i).slot).heap = 0
	h.n--
	if last := *h.entries.at(h.n); i < h.n {
		mark.If(i > 0, mark.HeapMiddle)
		h.down(i, last, aux)
	}
}

// up places e at i or above.
func (h *expiryHeap) up(i uint32, e expiryEntry, aux *table[pendingAux]) {
	for i > 0 {
		parent := (i - 1) / 2
		p := h.entries.at(parent)
		if !e.before(p) {
			break
		}
		h.set(i, *p, aux)
		i = parent
	}
	h.set(i, e, aux)
}

// down places e at i or below, or above if it is smaller than i's parents.
func (h *expiryHeap) down(i uint32, e expiryEntry, aux *table[pendingAux]) {
	for {
		child := 2*i + 1
		if child >= h.n {
			break
		}
		if child+1 < h.n && h.entries.at(child+1).before(h.entries.at(child)) {
			child++
		}
		c := h.entries.at(child)
		if !c.before(&e) {
			break
		}
		h.set(i, *c, aux)
		i = child
	}
	h.up(i, e, aux)
}

func (h *expiryHeap) set(i uint32, e expiryEntry, aux *table[pendingAux]) {
	*h.entries.at(i) = e
	aux.at(e.slot).heap = i + 1
}

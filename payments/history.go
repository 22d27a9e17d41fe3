package payments

import (
	"fmt"

	"quorate/internal/mark"
)

// Looking events up by id and by ordinal: those of the block being executed in
// the block itself, open pendings in their table, all others in the archive.

// findTransfer finds the event that used up a transfer id, loads it into
// m.block.stored (without chain links) and gives its ordinal, or 0. place is
// transferPlace(id).
func (m *Machine) findTransfer(id U128, place uint64) (uint64, error) {
	m.block.probe = m.byTransfer.seek(place)
	for {
		ordinal, ok := m.block.probe.next()
		if !ok {
			return 0, nil
		}
		s := &m.block.stored
		if slot, status := m.pendingSlot(ordinal); status != PendingNone {
			*s = Stored{Transfer: *m.pendings.records.at(slot)}
			s.Transfer.PendingID = U128{}
		} else if err := m.loadTransfer(ordinal); err != nil {
			return 0, err
		}
		if s.Transfer.ID == id {
			return ordinal, nil
		}
	}
}

// loadTransfer loads a transfer event that must exist into m.block.stored.
func (m *Machine) loadTransfer(ordinal uint64) error {
	b := &m.block
	if ordinal >= b.out.FirstOrdinal {
		mark.Hit(mark.LookupInBlock)
		m.blockTransfer(ordinal)
		return nil
	}
	found, err := b.archive.Transfer(ordinal, &b.stored)
	if err != nil {
		return fmt.Errorf("%w: transfer %d: %w", ErrArchive, ordinal, err)
	}
	if !found {
		return fmt.Errorf("%w: transfer %d is not there", ErrArchive, ordinal)
	}
	return nil
}

// blockTransfer loads a transfer event of this block into m.block.stored.
func (m *Machine) blockTransfer(ordinal uint64) {
	b := &m.block
	at := uint32(ordinal - b.out.FirstOrdinal)
	raw, timestamp := m.blockEvent(ordinal)
	s := &b.stored
	*s = Stored{Code: TransferCode(b.codes[at]), PrevDebit: b.out.Links[at][0], PrevCredit: b.out.Links[at][1]}
	s.Transfer.load(raw)
	if s.Code != TransferOK {
		return
	}
	if s.Transfer.Flags&TransferImported == 0 {
		s.Transfer.Timestamp = timestamp
	}
	if d := findDerived(b.out.Derived, ordinal); d != nil {
		mark.Hit(mark.LookupDerivedInBlock)
		s.Transfer.load(&d.Record)
	}
}

// blockEvent gives the bytes and the given timestamp of an event of this block.
func (m *Machine) blockEvent(ordinal uint64) (*[RecordBytes]byte, uint64) {
	// The last request whose first ordinal is not above it: requests without
	// events have the first ordinal of their successor.
	rs := m.block.out.Requests
	lo, hi := 0, len(rs)-1
	for lo < hi {
		mid := lo + (hi-lo+1)/2
		if rs[mid].FirstOrdinal <= ordinal {
			lo = mid
		} else {
			hi = mid - 1
		}
	}
	i := ordinal - rs[lo].FirstOrdinal
	return (*[RecordBytes]byte)(m.block.reqs[lo].Body[i*RecordBytes:]), rs[lo].FirstTimestamp + i
}

// findDerived finds the record with this ordinal in an ascending list, or nil.
func findDerived(list []Derived, ordinal uint64) *Derived {
	lo, hi := 0, len(list)
	for lo < hi {
		mid := lo + (hi-lo)/2
		if list[mid].Ordinal < ordinal {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	if lo < len(list) && list[lo].Ordinal == ordinal {
		return &list[lo]
	}
	return nil
}

// useID records that event e used up a transfer id (P5).
func (m *Machine) useID(e *event) {
	m.byTransfer.insert(e.hint.place, e.ordinal)
	m.noteID(e)
}

func (m *Machine) noteID(e *event) {
	m.block.out.IDEntries[e.at] = e.hint.hash
	if m.undo.open {
		m.undo.ids = append(m.undo.ids, undoID{place: e.hint.place, ordinal: e.ordinal})
	}
}

// useIDHere is useID when the last findTransfer looked for this very id.
func (m *Machine) useIDHere(e *event) {
	m.byTransfer.insertAt(&m.block.probe, e.hint.place, e.ordinal)
	m.noteID(e)
}

// transferPlace gives an id's place in byTransfer.
func (m *Machine) transferPlace(id U128) uint64 { return m.keys.entry(idHash(id)) }

// sample says: every executed transfer with an ordinal below Ordinal has a
// timestamp of at most time, every other a greater one (P6).
type sample struct {
	ordinal uint64
	time    uint64
}

// sampleOrdinals is the distance of samples, so that a search by time looks at
// no more than these and one block's events, for 16 bytes per 8,192 events.
const (
	sampleOrdinals = 8192
	samplesPerPage = PageBytes / 16
)

// sampleTime adds a sample at a block's begin when the last one is far.
func (m *Machine) sampleTime() {
	last := uint64(1)
	if n := len(m.timeline); n > 0 {
		last = m.timeline[n-1].ordinal
	}
	if m.meta.ordinalNext-last < sampleOrdinals {
		return
	}
	mark.Hit(mark.TimelineSampled)
	m.mark(RegionTimeline, m.meta.samples/samplesPerPage)
	m.timeline = append(m.timeline, sample{ordinal: m.meta.ordinalNext, time: m.meta.transferTime})
	m.meta.samples++
}

// ordinalFrom gives an ordinal below which no executed transfer has a timestamp
// of from or more; ordinalTo one above which none has a timestamp of to or less.
func (m *Machine) ordinalFrom(from uint64) uint64 {
	if i := m.sampleAt(from); i > 0 {
		return m.timeline[i-1].ordinal
	}
	return 1
}

func (m *Machine) ordinalTo(to uint64) uint64 {
	if i := m.sampleAt(to); i < len(m.timeline) {
		return m.timeline[i].ordinal - 1
	}
	return m.meta.ordinalNext - 1
}

// sampleAt gives the index of the first sample with a time of at least time.
func (m *Machine) sampleAt(time uint64) int {
	lo, hi := 0, len(m.timeline)
	for lo < hi {
		mid := lo + (hi-lo)/2
		if m.timeline[mid].time < time {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return lo
}

// transferExists compares event t with the executed transfer of its id, which
// is in m.block.stored.
func (m *Machine) transferExists(t *Transfer) (TransferCode, error) {
	old := m.block.stored.Transfer
	switch {
	case t.Flags != old.Flags:
		return TransferExistsWithDifferentFlags, nil
	case t.PendingID != old.PendingID:
		return TransferExistsWithDifferentPendingID, nil
	case t.Timeout != old.Timeout:
		return TransferExistsWithDifferentTimeout, nil
	case t.Flags&transferResolves == 0:
		return t.compare(&old), nil
	}
	ordinal, err := m.findTransfer(t.PendingID, m.transferPlace(t.PendingID))
	if err != nil {
		return 0, err
	}
	if ordinal == 0 {
		return 0, fmt.Errorf("%w: transfer %v resolved a pending that is not there", ErrArchive, t.ID)
	}
	mark.Hit(mark.ExistsResolving)
	asked := *t
	asked.completeAs(&old, &m.block.stored.Transfer)
	return asked.compare(&old), nil
}

// completeAs fills in what t, which resolves the pending transfer p, leaves
// open: that p and the executed transfer old have in common, or what comes from
// p.
func (t *Transfer) completeAs(old, p *Transfer) {
	if t.DebitAccountID.IsZero() {
		t.DebitAccountID = old.DebitAccountID
	}
	if t.CreditAccountID.IsZero() {
		t.CreditAccountID = old.CreditAccountID
	}
	if t.Ledger == 0 {
		t.Ledger = old.Ledger
	}
	if t.Code == 0 {
		t.Code = old.Code
	}
	t.Amount = t.resolvedAmount(p)
	t.inheritData(p)
}

// compare compares the fields that a transfer has of its own.
func (t *Transfer) compare(old *Transfer) TransferCode {
	balancing := t.Flags&transferBalances != 0
	mark.If(balancing, mark.ExistsBalancing)
	switch {
	case t.DebitAccountID != old.DebitAccountID:
		return TransferExistsWithDifferentDebitAccountID
	case t.CreditAccountID != old.CreditAccountID:
		return TransferExistsWithDifferentCreditAccountID
	case balancing && t.Amount.Less(old.Amount): // the amount asked for is a bound
		return TransferExistsWithDifferentAmount
	case !balancing && t.Amount != old.Amount:
		return TransferExistsWithDifferentAmount
	case t.UserData128 != old.UserData128:
		return TransferExistsWithDifferentUserData128
	case t.UserData64 != old.UserData64:
		return TransferExistsWithDifferentUserData64
	case t.UserData32 != old.UserData32:
		return TransferExistsWithDifferentUserData32
	case t.Ledger != old.Ledger:
		return TransferExistsWithDifferentLedger
	case t.Code != old.Code:
		return TransferExistsWithDifferentCode
	}
	return TransferExists
}

package payments

import (
	"fmt"

	"quorate/internal/mark"
	"quorate/wire"
)

// historyWalk is one OpGetAccountTransfers or OpGetAccountBalances on its way:
// a walk down the chain of an account's transfers, from the newest. When much of
// the chain lies above the span, the walk leaves it and looks for a transfer of
// the account in the order of ordinals, from the span's end down; otherwise old
// history of a busy account would be out of every budget's reach.
//
// In chronological order the wanted records are the last ones of the walk; a
// ring keeps as many as the limit allows.
type historyWalk struct {
	m        *Machine
	filter   AccountFilter
	balances bool
	from, to uint64 // timestamps, inclusive
	limit    uint64
	found    uint64 // matches so far
	units    uint64 // left
	next     uint64 // where to go on when cut: a bound for all that was not seen
}

// accountHistory executes OpGetAccountTransfers and OpGetAccountBalances.
func (m *Machine) accountHistory(req *Request, ro *RequestOutcome) error {
	w := historyWalk{m: m, balances: req.Op == wire.OpGetAccountBalances}
	switch {
	case w.filter.Decode(req.Body) != nil:
		ro.Status = StatusMalformedBody
		return nil
	case !w.filter.valid():
		ro.Status = StatusInvalidFilter
		return nil
	}
	slot, a := m.findAccount(w.filter.AccountID)
	if a == nil || w.balances && a.Flags&AccountHistory == 0 {
		return nil
	}
	w.limit = uint64(limitOf(w.filter.Limit))
	w.from, w.to = span(w.filter.TimestampMin, w.filter.TimestampMax)
	w.units, w.next = uint64(m.limits.QueryUnits), w.to
	cut, err := w.walk(*m.heads.at(slot))
	m.block.units -= uint64(m.limits.QueryUnits) - w.units
	switch {
	case err != nil:
		return err
	case cut && w.next >= max(w.from, 1):
		// In chronological order nothing was emitted: what was found are the
		// newest, and the oldest were asked for.
		mark.Hit(mark.HistoryCut)
		m.cutAt(w.next)
	case w.filter.Flags&FilterReversed == 0:
		w.emitRing()
	}
	return nil
}

// walk follows the chain down from ordinal until the span or the limit ends, or
// reports that the query's units did.
func (w *historyWalk) walk(ordinal uint64) (cut bool, err error) {
	all := uint64(w.m.limits.QueryUnits)
	jumped := false
	for ordinal != 0 {
		if w.units < 2*UnitsPerLoad {
			return true, nil
		}
		w.units -= UnitsPerLoad
		if err := w.m.loadTransfer(ordinal); err != nil {
			return false, err
		}
		s := &w.m.block.stored
		t := &s.Transfer
		debit := t.DebitAccountID == w.filter.AccountID
		next := s.PrevCredit
		if debit {
			next = s.PrevDebit
		}
		switch {
		case s.Code != TransferOK || next >= ordinal:
			return false, fmt.Errorf("%w: transfer %d in a chain has result %v and leads to %d", ErrArchive, ordinal, s.Code, next)
		case t.Timestamp < w.from:
			return false, nil
		case t.Timestamp > w.to && !jumped && w.units < all-all/4:
			mark.Hit(mark.HistoryJumps)
			jumped = true
			if next, cut, err = w.jump(); cut || err != nil {
				return cut, err
			}
		case t.Timestamp <= w.to:
			w.next = t.Timestamp - 1
			if full, err := w.take(ordinal, t, debit); full || err != nil {
				return false, err
			}
		}
		ordinal = next
	}
	return false, nil
}

// jump finds the newest transfer of the account that is not above the span, with
// all units but a quarter. It gives 0 if there is none in the span.
func (w *historyWalk) jump() (ordinal uint64, cut bool, err error) {
	m := w.m
	first, last := m.ordinalFrom(w.from), m.ordinalTo(w.to)
	units := w.units - uint64(m.limits.QueryUnits)/4
	if last < first {
		return 0, false, nil
	}
	if last-first >= units {
		first, cut = last-units+1, true
	}
	w.units -= last - first + 1
	visited := uint64(0)
	err = m.scan(first, last, true, func(o uint64, t *Transfer) bool {
		visited = t.Timestamp
		if t.Timestamp <= w.to && (t.DebitAccountID == w.filter.AccountID || t.CreditAccountID == w.filter.AccountID) {
			ordinal = o
		}
		return ordinal == 0 && t.Timestamp >= w.from
	})
	if ordinal != 0 || err != nil {
		return ordinal, false, err
	}
	w.next = m.timeBelow(first, visited, w.to)
	return 0, cut, nil
}

// matches compares a transfer of the account with the filter.
func (w *historyWalk) matches(t *Transfer, debit bool) bool {
	f := &w.filter
	side := FilterCredits
	if debit {
		side = FilterDebits
	}
	return f.Flags&side != 0 &&
		(f.UserData128.IsZero() || f.UserData128 == t.UserData128) &&
		(f.UserData64 == 0 || f.UserData64 == t.UserData64) &&
		(f.UserData32 == 0 || f.UserData32 == t.UserData32) &&
		(f.Code == 0 || f.Code == t.Code)
}

// take keeps a transfer if it matches; it reports whether the limit is reached for good.
func (w *historyWalk) take(ordinal uint64, t *Transfer, debit bool) (bool, error) {
	b := &w.m.block
	var record [RecordBytes]byte
	if !w.matches(t, debit) {
		return false, nil
	}
	if w.balances {
		w.units -= UnitsPerLoad
		balance, err := w.m.balanceOf(ordinal, debit)
		if err != nil {
			return false, err
		}
		balance.store(&record)
	} else {
		t.store(&record)
	}
	w.found++
	if w.filter.Flags&FilterReversed != 0 {
		b.out.results = append(b.out.results, record[:]...)
		return w.found == w.limit, nil
	}
	if len(b.ring) < wire.EventsMax {
		b.ring = make([][RecordBytes]byte, wire.EventsMax)
	}
	b.ring[(w.found-1)%w.limit] = record
	return false, nil
}

// emitRing appends the matches that were found last, the last one first.
func (w *historyWalk) emitRing() {
	b := &w.m.block
	mark.If(w.found > w.limit, mark.HistoryRing)
	n := min(w.found, w.limit)
	for i := uint64(0); i < n; i++ {
		b.out.results = append(b.out.results, b.ring[(w.found-1-i)%w.limit][:]...)
	}
}

// balanceOf loads the balance of a history account after a transfer.
func (m *Machine) balanceOf(ordinal uint64, debit bool) (AccountBalance, error) {
	b := &m.block
	if ordinal >= b.out.FirstOrdinal {
		mark.Hit(mark.BalanceInBlock)
		side := SideCredit
		if debit {
			side = SideDebit
		}
		return findBalance(b.out.Balances, ordinal, side)
	}
	var dr, cr AccountBalance
	hasDr, hasCr, err := b.archive.Balances(ordinal, &dr, &cr)
	switch {
	case err != nil:
		return dr, fmt.Errorf("%w: balances of %d: %w", ErrArchive, ordinal, err)
	case debit && hasDr:
		return dr, nil
	case !debit && hasCr:
		return cr, nil
	}
	return dr, fmt.Errorf("%w: balance of %d is not there", ErrArchive, ordinal)
}

// findBalance finds one side's record in a list in ascending order.
func findBalance(list []BalanceRecord, ordinal uint64, side Side) (AccountBalance, error) {
	lo, hi := 0, len(list)
	for lo < hi {
		mid := lo + (hi-lo)/2
		if list[mid].Ordinal < ordinal {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	for ; lo < len(list) && list[lo].Ordinal == ordinal; lo++ {
		if list[lo].Side == side {
			return list[lo].Balance, nil
		}
	}
	return AccountBalance{}, fmt.Errorf("%w: balance of %d is not in its block", ErrArchive, ordinal)
}

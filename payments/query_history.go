package payments

import (
	"fmt"

	"quorate/wire"
)

// historyWalk is one OpGetAccountTransfers or OpGetAccountBalances on its way:
// a walk down the chain of an account's transfers, from the newest.
//
// In chronological order the wanted records are the last ones of the walk; a
// ring keeps as many as the limit allows.
type historyWalk struct {
	m        *Machine
	filter   AccountFilter
	balances bool
	from, to uint64 // timestamps, inclusive
	limit    int
	found    uint64 // matches so far
	visited  uint64 // timestamp of the transfer visited last, 0 before
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
	w.limit = limitOf(w.filter.Limit)
	w.from, w.to = span(w.filter.TimestampMin, w.filter.TimestampMax)
	cut, err := w.walk(*m.heads.at(slot))
	if err != nil {
		return err
	}
	reversed := w.filter.Flags&FilterReversed != 0
	switch {
	case cut:
		// In chronological order nothing was emitted: what was found are the
		// newest, and the oldest were asked for.
		m.cutAt(min(w.to, w.visited-1))
	case !reversed:
		w.emitRing()
	}
	return nil
}

// walk follows the chain down from ordinal until the span or the limit ends, or
// reports that the query's units did.
func (w *historyWalk) walk(ordinal uint64) (cut bool, err error) {
	b := &w.m.block
	cost := uint64(UnitsPerLoad)
	if w.balances {
		cost *= 2
	}
	steps := uint64(w.m.limits.QueryUnits) / cost
	for n := uint64(0); ordinal != 0; n++ {
		if n == steps {
			return w.visited > w.from, nil
		}
		b.units -= cost
		if err := w.m.loadTransfer(ordinal); err != nil {
			return false, err
		}
		t := &b.stored.Transfer
		if b.stored.Code != TransferOK {
			return false, fmt.Errorf("%w: transfer %d of a chain failed", ErrArchive, ordinal)
		}
		w.visited = t.Timestamp
		if t.Timestamp < w.from {
			return false, nil
		}
		debit := t.DebitAccountID == w.filter.AccountID
		next := b.stored.PrevCredit
		if debit {
			next = b.stored.PrevDebit
		}
		if next >= ordinal {
			return false, fmt.Errorf("%w: transfer %d links forward to %d", ErrArchive, ordinal, next)
		}
		if t.Timestamp <= w.to && w.matches(t, debit) {
			full, err := w.take(ordinal, t, debit)
			if full || err != nil {
				return false, err
			}
		}
		ordinal = next
	}
	return false, nil
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

// take keeps one match; it reports whether the limit is reached for good.
func (w *historyWalk) take(ordinal uint64, t *Transfer, debit bool) (bool, error) {
	b := &w.m.block
	var record [RecordBytes]byte
	if w.balances {
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
		return w.found == uint64(w.limit), nil
	}
	if len(b.ring) < wire.EventsMax {
		b.ring = make([][RecordBytes]byte, wire.EventsMax)
	}
	b.ring[(w.found-1)%uint64(w.limit)] = record
	return false, nil
}

// emitRing appends the matches that were found last, the last one first.
func (w *historyWalk) emitRing() {
	b := &w.m.block
	n := min(w.found, uint64(w.limit))
	for i := uint64(0); i < n; i++ {
		b.out.results = append(b.out.results, b.ring[(w.found-1-i)%uint64(w.limit)][:]...)
	}
}

// balanceOf loads the balance of a history account after a transfer.
func (m *Machine) balanceOf(ordinal uint64, debit bool) (AccountBalance, error) {
	b := &m.block
	if ordinal >= b.out.FirstOrdinal {
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

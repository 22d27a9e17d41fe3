package payments

import (
	"encoding/binary"

	"quorate/wire"
)

// Lookups and queries of accounts. All queries see the state between two
// requests, including what earlier requests of the block did.

// lookupAccounts appends the accounts found, in the order of the ids.
func (m *Machine) lookupAccounts(ids []byte) {
	out := m.block.out
	for ; len(ids) > 0; ids = ids[u128Bytes:] {
		if _, a := m.findAccount(getU128(ids)); a != nil {
			out.results = a.Append(out.results)
		}
	}
}

// lookupTransfers appends the executed transfers found, in the order of the ids.
func (m *Machine) lookupTransfers(ids []byte) error {
	b := &m.block
	b.units -= uint64(len(ids)) / u128Bytes * UnitsPerLoad // checkBody saw that they are there
	for ; len(ids) > 0; ids = ids[u128Bytes:] {
		id := getU128(ids)
		ordinal, err := m.findTransfer(id, m.transferPlace(id))
		if err != nil {
			return err
		}
		if ordinal != 0 && b.stored.Code == TransferOK {
			b.out.results = b.stored.Transfer.Append(b.out.results)
		}
	}
	return nil
}

// span gives the bounds of a filter with its zeros filled in.
func span(from, to uint64) (uint64, uint64) {
	if to == 0 {
		to = TimestampMax
	}
	return from, to
}

// limitOf bounds a filter's limit by what a result holds.
func limitOf(limit uint32) int { return int(min(limit, wire.EventsMax)) }

// cutAt ends the result of a query that used up its units, see
// DecodeQueryResult.
func (m *Machine) cutAt(next uint64) {
	m.block.out.results = binary.LittleEndian.AppendUint64(m.block.out.results, next)
}

// queryAccounts executes OpQueryAccounts: a walk over the slots, which are in
// the order of timestamps (P6).
func (m *Machine) queryAccounts(body []byte, ro *RequestOutcome) {
	var f QueryFilter
	if ro.Status = decodeFilter(&f, body); ro.Status != StatusOK {
		return
	}
	b := &m.block
	from, to := span(f.TimestampMin, f.TimestampMax)
	first, end := m.accountFrom(from), m.meta.accounts
	if to < TimestampMax {
		end = m.accountFrom(to + 1)
	}
	found, limit := 0, limitOf(f.Limit)
	for n := uint32(0); first+n < end; n++ {
		slot := first + n
		if f.Flags&QueryReversed != 0 {
			slot = end - 1 - n
		}
		a := m.accounts.at(slot)
		if n == m.limits.QueryUnits {
			m.cutAt(a.Timestamp)
			b.units -= uint64(n)
			return
		}
		if !f.matches(a.UserData128, a.UserData64, a.UserData32, a.Ledger, a.Code) {
			continue
		}
		b.out.results = a.Append(b.out.results)
		if found++; found == limit {
			b.units -= uint64(n)
			return
		}
	}
	b.units -= uint64(max(end, first) - first)
}

// decodeFilter reads a query filter.
func decodeFilter(f *QueryFilter, body []byte) Status {
	switch {
	case f.Decode(body) != nil:
		return StatusMalformedBody
	case !f.valid():
		return StatusInvalidFilter
	}
	return StatusOK
}

// matches compares the fields that a filter sets.
func (f *QueryFilter) matches(u128 U128, u64 uint64, u32, ledger uint32, code uint16) bool {
	return (f.UserData128.IsZero() || f.UserData128 == u128) &&
		(f.UserData64 == 0 || f.UserData64 == u64) &&
		(f.UserData32 == 0 || f.UserData32 == u32) &&
		(f.Ledger == 0 || f.Ledger == ledger) &&
		(f.Code == 0 || f.Code == code)
}

package payments

import (
	"encoding/binary"
	"fmt"
	"slices"

	"quorate/wire"
)

// allZero reports whether b holds zeros only.
func allZero(b []byte) bool {
	for _, v := range b {
		if v != 0 {
			return false
		}
	}
	return true
}

// Append appends the 128-byte encoding.
func (f *AccountFilter) Append(b []byte) []byte {
	var r [AccountFilterBytes]byte
	putU128(r[0:], f.AccountID)
	putU128(r[16:], f.UserData128)
	binary.LittleEndian.PutUint64(r[32:], f.UserData64)
	binary.LittleEndian.PutUint32(r[40:], f.UserData32)
	binary.LittleEndian.PutUint16(r[44:], f.Code)
	binary.LittleEndian.PutUint64(r[104:], f.TimestampMin)
	binary.LittleEndian.PutUint64(r[112:], f.TimestampMax)
	binary.LittleEndian.PutUint32(r[120:], f.Limit)
	binary.LittleEndian.PutUint32(r[124:], uint32(f.Flags))
	return append(b, r[:]...)
}

// Decode reads a filter from exactly AccountFilterBytes bytes; reserved bytes
// must be zero.
func (f *AccountFilter) Decode(b []byte) error {
	if len(b) != AccountFilterBytes || !allZero(b[46:104]) {
		return fmt.Errorf("%w: account filter of %d bytes", ErrMalformed, len(b))
	}
	*f = AccountFilter{
		AccountID:    getU128(b[0:]),
		UserData128:  getU128(b[16:]),
		UserData64:   binary.LittleEndian.Uint64(b[32:]),
		UserData32:   binary.LittleEndian.Uint32(b[40:]),
		Code:         binary.LittleEndian.Uint16(b[44:]),
		TimestampMin: binary.LittleEndian.Uint64(b[104:]),
		TimestampMax: binary.LittleEndian.Uint64(b[112:]),
		Limit:        binary.LittleEndian.Uint32(b[120:]),
		Flags:        AccountFilterFlags(binary.LittleEndian.Uint32(b[124:])),
	}
	return nil
}

// valid reports whether a machine takes the filter.
func (f *AccountFilter) valid() bool {
	return !f.AccountID.IsZero() && !f.AccountID.IsMax() &&
		validSpan(f.TimestampMin, f.TimestampMax) && f.Limit != 0 &&
		f.Flags&(FilterDebits|FilterCredits) != 0 &&
		f.Flags&^(FilterDebits|FilterCredits|FilterReversed) == 0
}

// validSpan checks timestamps of a filter, of which 0 means no bound.
func validSpan(from, to uint64) bool {
	return from <= TimestampMax && to <= TimestampMax && (to == 0 || from <= to)
}

// Append appends the 64-byte encoding.
func (f *QueryFilter) Append(b []byte) []byte {
	var r [QueryFilterBytes]byte
	putU128(r[0:], f.UserData128)
	binary.LittleEndian.PutUint64(r[16:], f.UserData64)
	binary.LittleEndian.PutUint32(r[24:], f.UserData32)
	binary.LittleEndian.PutUint32(r[28:], f.Ledger)
	binary.LittleEndian.PutUint16(r[32:], f.Code)
	binary.LittleEndian.PutUint64(r[40:], f.TimestampMin)
	binary.LittleEndian.PutUint64(r[48:], f.TimestampMax)
	binary.LittleEndian.PutUint32(r[56:], f.Limit)
	binary.LittleEndian.PutUint32(r[60:], uint32(f.Flags))
	return append(b, r[:]...)
}

// Decode reads a filter from exactly QueryFilterBytes bytes; reserved bytes
// must be zero.
func (f *QueryFilter) Decode(b []byte) error {
	if len(b) != QueryFilterBytes || !allZero(b[34:40]) {
		return fmt.Errorf("%w: query filter of %d bytes", ErrMalformed, len(b))
	}
	*f = QueryFilter{
		UserData128:  getU128(b[0:]),
		UserData64:   binary.LittleEndian.Uint64(b[16:]),
		UserData32:   binary.LittleEndian.Uint32(b[24:]),
		Ledger:       binary.LittleEndian.Uint32(b[28:]),
		Code:         binary.LittleEndian.Uint16(b[32:]),
		TimestampMin: binary.LittleEndian.Uint64(b[40:]),
		TimestampMax: binary.LittleEndian.Uint64(b[48:]),
		Limit:        binary.LittleEndian.Uint32(b[56:]),
		Flags:        QueryFilterFlags(binary.LittleEndian.Uint32(b[60:])),
	}
	return nil
}

// valid reports whether a machine takes the filter.
func (f *QueryFilter) valid() bool {
	return validSpan(f.TimestampMin, f.TimestampMax) && f.Limit != 0 && f.Flags&^QueryReversed == 0
}

// Append appends the 128-byte encoding.
func (v *AccountBalance) Append(b []byte) []byte {
	var r [RecordBytes]byte
	v.store(&r)
	return append(b, r[:]...)
}

// store writes all of r.
func (v *AccountBalance) store(r *[RecordBytes]byte) {
	putU128(r[0:], v.DebitsPending)
	putU128(r[16:], v.DebitsPosted)
	putU128(r[32:], v.CreditsPending)
	putU128(r[48:], v.CreditsPosted)
	binary.LittleEndian.PutUint64(r[64:], v.Timestamp)
	clear(r[72:])
}

// Decode reads a balance from exactly RecordBytes bytes; reserved bytes must be
// zero.
func (v *AccountBalance) Decode(b []byte) error {
	if len(b) != RecordBytes || !allZero(b[72:]) {
		return fmt.Errorf("%w: balance of %d bytes", ErrMalformed, len(b))
	}
	*v = AccountBalance{
		DebitsPending:  getU128(b[0:]),
		DebitsPosted:   getU128(b[16:]),
		CreditsPending: getU128(b[32:]),
		CreditsPosted:  getU128(b[48:]),
		Timestamp:      binary.LittleEndian.Uint64(b[64:]),
	}
	return nil
}

// Append appends the 64-byte encoding.
func (c *ClientRecord) Append(b []byte) []byte {
	var r [ClientRecordBytes]byte
	binary.LittleEndian.PutUint64(r[0:], uint64(c.ID))
	copy(r[8:40], c.Key[:])
	binary.LittleEndian.PutUint32(r[40:], uint32(c.Roles))
	return append(b, r[:]...)
}

// Decode reads a record from exactly ClientRecordBytes bytes; reserved bytes
// must be zero.
func (c *ClientRecord) Decode(b []byte) error {
	if len(b) != ClientRecordBytes || !allZero(b[44:]) {
		return fmt.Errorf("%w: client record of %d bytes", ErrMalformed, len(b))
	}
	c.ID = wire.ClientID(binary.LittleEndian.Uint64(b[0:]))
	copy(c.Key[:], b[8:40])
	c.Roles = Roles(binary.LittleEndian.Uint32(b[40:]))
	return nil
}

// Append appends the 128-byte encoding: ledger u32, scale u8, 3 bytes of zero,
// currency 8 bytes, accounts u64, transfers u64, then of debits pending, debits
// posted, credits pending and credits posted the sums (u128 each) and their
// parts above 2^128 (u64 each).
func (l *LedgerTotals) Append(b []byte) []byte {
	var r [RecordBytes]byte
	l.store(&r)
	return append(b, r[:]...)
}

func (l *LedgerTotals) store(r *[RecordBytes]byte) {
	binary.LittleEndian.PutUint32(r[0:], l.Number)
	r[4] = l.Scale
	copy(r[8:16], l.Currency[:])
	binary.LittleEndian.PutUint64(r[16:], l.Accounts)
	binary.LittleEndian.PutUint64(r[24:], l.Transfers)
	for i, t := range [...]*Total{&l.DebitsPending, &l.DebitsPosted, &l.CreditsPending, &l.CreditsPosted} {
		putU128(r[32+16*i:], t.Sum)
		binary.LittleEndian.PutUint64(r[96+8*i:], t.Over)
	}
}

// Decode reads totals from exactly RecordBytes bytes.
func (l *LedgerTotals) Decode(b []byte) error {
	if len(b) != RecordBytes || !allZero(b[5:8]) {
		return fmt.Errorf("%w: ledger totals of %d bytes", ErrMalformed, len(b))
	}
	l.Number = binary.LittleEndian.Uint32(b[0:])
	l.Scale = b[4]
	copy(l.Currency[:], b[8:16])
	l.Accounts = binary.LittleEndian.Uint64(b[16:])
	l.Transfers = binary.LittleEndian.Uint64(b[24:])
	for i, t := range [...]*Total{&l.DebitsPending, &l.DebitsPosted, &l.CreditsPending, &l.CreditsPosted} {
		t.Sum = getU128(b[32+16*i:])
		t.Over = binary.LittleEndian.Uint64(b[96+8*i:])
	}
	return nil
}

// AppendID appends an id to the body of a lookup.
func AppendID(b []byte, id U128) []byte {
	var r [u128Bytes]byte
	putU128(r[:], id)
	return append(b, r[:]...)
}

// DecodeCodes appends the codes of a create's result to dst: one per event, in
// order.
func DecodeCodes(dst []uint32, result []byte) ([]uint32, error) {
	if len(result)%4 != 0 || len(result)/4 > wire.EventsMax {
		return dst, fmt.Errorf("%w: result of %d bytes is not a list of codes", ErrMalformed, len(result))
	}
	dst = slices.Grow(dst, len(result)/4)
	for ; len(result) > 0; result = result[4:] {
		dst = append(dst, binary.LittleEndian.Uint32(result))
	}
	return dst, nil
}

// DecodeQueryResult splits the result of a lookup or query into its records of
// RecordBytes each, aliasing result. cut tells that the query reached its bound
// of work before its limit or its end; then go on with
//
//   - timestamp_max = next if the query was reversed,
//   - timestamp_min = next if it was not and was a query_accounts or
//     query_transfers,
//   - for a get_account_… in chronological order: there are no records, since
//     history is linked from the newest backwards. Everything up to next comes
//     first: ask again with timestamp_max = next until a result is not cut, then
//     for the spans above.
func DecodeQueryResult(result []byte) (records []byte, next uint64, cut bool, err error) {
	switch len(result) % RecordBytes {
	case 0:
		return result, 0, false, nil
	case 8:
		n := len(result) - 8
		return result[:n:n], binary.LittleEndian.Uint64(result[n:]), true, nil
	}
	return nil, 0, false, fmt.Errorf("%w: query result of %d bytes", ErrMalformed, len(result))
}

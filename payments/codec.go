package payments

import (
	"encoding/binary"
	"fmt"
)

// The codec works in place on fixed layouts: no reflection, no allocation.

// load reads an account from its 128 bytes. Every byte pattern is an account.
func (a *Account) load(b *[RecordBytes]byte) {
	a.ID = getU128(b[0:])
	a.DebitsPending = getU128(b[16:])
	a.DebitsPosted = getU128(b[32:])
	a.CreditsPending = getU128(b[48:])
	a.CreditsPosted = getU128(b[64:])
	a.UserData128 = getU128(b[80:])
	a.UserData64 = binary.LittleEndian.Uint64(b[96:])
	a.UserData32 = binary.LittleEndian.Uint32(b[104:])
	a.Reserved = binary.LittleEndian.Uint32(b[108:])
	a.Ledger = binary.LittleEndian.Uint32(b[112:])
	a.Code = binary.LittleEndian.Uint16(b[116:])
	a.Flags = AccountFlags(binary.LittleEndian.Uint16(b[118:]))
	a.Timestamp = binary.LittleEndian.Uint64(b[120:])
}

// store is the inverse of load.
func (a *Account) store(b *[RecordBytes]byte) {
	putU128(b[0:], a.ID)
	putU128(b[16:], a.DebitsPending)
	putU128(b[32:], a.DebitsPosted)
	putU128(b[48:], a.CreditsPending)
	putU128(b[64:], a.CreditsPosted)
	putU128(b[80:], a.UserData128)
	binary.LittleEndian.PutUint64(b[96:], a.UserData64)
	binary.LittleEndian.PutUint32(b[104:], a.UserData32)
	binary.LittleEndian.PutUint32(b[108:], a.Reserved)
	binary.LittleEndian.PutUint32(b[112:], a.Ledger)
	binary.LittleEndian.PutUint16(b[116:], a.Code)
	binary.LittleEndian.PutUint16(b[118:], uint16(a.Flags))
	binary.LittleEndian.PutUint64(b[120:], a.Timestamp)
}

// load reads a transfer from its 128 bytes. Every byte pattern is a transfer.
func (t *Transfer) load(b *[RecordBytes]byte) {
	t.ID = getU128(b[0:])
	t.DebitAccountID = getU128(b[16:])
	t.CreditAccountID = getU128(b[32:])
	t.Amount = getU128(b[48:])
	t.PendingID = getU128(b[64:])
	t.UserData128 = getU128(b[80:])
	t.UserData64 = binary.LittleEndian.Uint64(b[96:])
	t.UserData32 = binary.LittleEndian.Uint32(b[104:])
	t.Timeout = binary.LittleEndian.Uint32(b[108:])
	t.Ledger = binary.LittleEndian.Uint32(b[112:])
	t.Code = binary.LittleEndian.Uint16(b[116:])
	t.Flags = TransferFlags(binary.LittleEndian.Uint16(b[118:]))
	t.Timestamp = binary.LittleEndian.Uint64(b[120:])
}

// store is the inverse of load.
func (t *Transfer) store(b *[RecordBytes]byte) {
	putU128(b[0:], t.ID)
	putU128(b[16:], t.DebitAccountID)
	putU128(b[32:], t.CreditAccountID)
	putU128(b[48:], t.Amount)
	putU128(b[64:], t.PendingID)
	putU128(b[80:], t.UserData128)
	binary.LittleEndian.PutUint64(b[96:], t.UserData64)
	binary.LittleEndian.PutUint32(b[104:], t.UserData32)
	binary.LittleEndian.PutUint32(b[108:], t.Timeout)
	binary.LittleEndian.PutUint32(b[112:], t.Ledger)
	binary.LittleEndian.PutUint16(b[116:], t.Code)
	binary.LittleEndian.PutUint16(b[118:], uint16(t.Flags))
	binary.LittleEndian.PutUint64(b[120:], t.Timestamp)
}

// Append appends the 128-byte encoding.
func (a *Account) Append(b []byte) []byte {
	var r [RecordBytes]byte
	a.store(&r)
	return append(b, r[:]...)
}

// Append appends the 128-byte encoding.
func (t *Transfer) Append(b []byte) []byte {
	var r [RecordBytes]byte
	t.store(&r)
	return append(b, r[:]...)
}

// Decode reads an account from exactly RecordBytes bytes.
func (a *Account) Decode(b []byte) error {
	r, err := record(b, "account")
	if err == nil {
		a.load(r)
	}
	return err
}

// Decode reads a transfer from exactly RecordBytes bytes.
func (t *Transfer) Decode(b []byte) error {
	r, err := record(b, "transfer")
	if err == nil {
		t.load(r)
	}
	return err
}

// record checks a length.
func record(b []byte, what string) (*[RecordBytes]byte, error) {
	if len(b) != RecordBytes {
		return nil, fmt.Errorf("%w: %s of %d bytes, want %d", ErrMalformed, what, len(b), RecordBytes)
	}
	return (*[RecordBytes]byte)(b), nil
}

package paymentsmodel

import (
	"encoding/binary"

	"quorate/wire"
)

// U128 is an unsigned 128-bit number.
type U128 struct{ Lo, Hi uint64 }

// IsZero reports whether the number is 0.
func (a U128) IsZero() bool { return a == U128{} }

// IsMax reports whether the number is 2^128−1.
func (a U128) IsMax() bool { return a == U128{^uint64(0), ^uint64(0)} }

const (
	recordBytes = 128
	// timestampLast is the largest valid timestamp.
	timestampLast  = 1<<63 - 1
	nanosPerSecond = 1_000_000_000
)

// Flags of accounts and transfers that the rules name.
const (
	accountDebitsMustNotExceedCredits = 1 << 1
	accountCreditsMustNotExceedDebits = 1 << 2
	accountHistory                    = 1 << 3
	accountImported                   = 1 << 4
	accountClosed                     = 1 << 5
	accountDebitsMustBeSigned         = 1 << 6

	transferPending         = 1 << 1
	transferPostPending     = 1 << 2
	transferVoidPending     = 1 << 3
	transferBalancingDebit  = 1 << 4
	transferBalancingCredit = 1 << 5
	transferClosingDebit    = 1 << 6
	transferClosingCredit   = 1 << 7
	transferImported        = 1 << 8
)

// Status of a request as a whole, by its number on the wire.
const (
	StatusOK              = 0
	StatusDuplicate       = 1
	StatusRequestIDReused = 2
	StatusSeqTooOld       = 3
	StatusSeqTooFar       = 4
	StatusUnknownClient   = 5
	StatusMalformedBody   = 6
	StatusNotAuthorized   = 7
	StatusUnknownOp       = 8
	StatusBlockBudget     = 9
	StatusInvalidFilter   = 10
)

// Codes of a registration.
const (
	registerReservedField           = 1
	registerIDMustNotBeZero         = 2
	registerRolesMustNotBeZero      = 3
	registerReservedRole            = 4
	registerExistsWithDifferentKey  = 7
	registerExistsWithDifferentRole = 8
	registerExists                  = 9
	registerClientTableFull         = 10
)

// What became of a pending transfer.
const (
	PendingNone    = 0
	PendingOpen    = 1
	PendingPosted  = 2
	PendingVoided  = 3
	PendingExpired = 4
)

var le = binary.LittleEndian

func getU128(b []byte) U128 { return U128{le.Uint64(b), le.Uint64(b[8:])} }

func putU128(b []byte, v U128) {
	le.PutUint64(b, v.Lo)
	le.PutUint64(b[8:], v.Hi)
}

// Account is an account's record as it is on the wire.
type Account struct {
	ID                                                         U128
	DebitsPending, DebitsPosted, CreditsPending, CreditsPosted U128
	UserData128                                                U128
	UserData64                                                 uint64
	UserData32, Reserved, Ledger                               uint32
	Code, Flags                                                uint16
	Timestamp                                                  uint64
}

func decodeAccount(b []byte) Account {
	return Account{ID: getU128(b), DebitsPending: getU128(b[16:]), DebitsPosted: getU128(b[32:]), CreditsPending: getU128(b[48:]),
		CreditsPosted: getU128(b[64:]), UserData128: getU128(b[80:]), UserData64: le.Uint64(b[96:]), UserData32: le.Uint32(b[104:]),
		Reserved: le.Uint32(b[108:]), Ledger: le.Uint32(b[112:]), Code: le.Uint16(b[116:]), Flags: le.Uint16(b[118:]), Timestamp: le.Uint64(b[120:])}
}

// Append appends the 128-byte encoding.
func (a *Account) Append(b []byte) []byte {
	var r [recordBytes]byte
	for i, v := range [6]U128{a.ID, a.DebitsPending, a.DebitsPosted, a.CreditsPending, a.CreditsPosted, a.UserData128} {
		putU128(r[16*i:], v)
	}
	le.PutUint64(r[96:], a.UserData64)
	le.PutUint32(r[104:], a.UserData32)
	le.PutUint32(r[108:], a.Reserved)
	le.PutUint32(r[112:], a.Ledger)
	le.PutUint16(r[116:], a.Code)
	le.PutUint16(r[118:], a.Flags)
	le.PutUint64(r[120:], a.Timestamp)
	return append(b, r[:]...)
}

// Transfer is a transfer's record as it is on the wire.
type Transfer struct {
	ID, DebitAccountID, CreditAccountID, Amount, PendingID, UserData128 U128
	UserData64                                                          uint64
	UserData32, Timeout, Ledger                                         uint32
	Code, Flags                                                         uint16
	Timestamp                                                           uint64
}

func decodeTransfer(b []byte) Transfer {
	return Transfer{ID: getU128(b), DebitAccountID: getU128(b[16:]), CreditAccountID: getU128(b[32:]), Amount: getU128(b[48:]),
		PendingID: getU128(b[64:]), UserData128: getU128(b[80:]), UserData64: le.Uint64(b[96:]), UserData32: le.Uint32(b[104:]),
		Timeout: le.Uint32(b[108:]), Ledger: le.Uint32(b[112:]), Code: le.Uint16(b[116:]), Flags: le.Uint16(b[118:]), Timestamp: le.Uint64(b[120:])}
}

// Append appends the 128-byte encoding.
func (t *Transfer) Append(b []byte) []byte {
	var r [recordBytes]byte
	for i, v := range [6]U128{t.ID, t.DebitAccountID, t.CreditAccountID, t.Amount, t.PendingID, t.UserData128} {
		putU128(r[16*i:], v)
	}
	le.PutUint64(r[96:], t.UserData64)
	le.PutUint32(r[104:], t.UserData32)
	le.PutUint32(r[108:], t.Timeout)
	le.PutUint32(r[112:], t.Ledger)
	le.PutUint16(r[116:], t.Code)
	le.PutUint16(r[118:], t.Flags)
	le.PutUint64(r[120:], t.Timestamp)
	return append(b, r[:]...)
}

// balance is the balance record of an account after a transfer.
func (a *Account) balance(timestamp uint64) []byte {
	var r [recordBytes]byte
	for i, v := range [4]U128{a.DebitsPending, a.DebitsPosted, a.CreditsPending, a.CreditsPosted} {
		putU128(r[16*i:], v)
	}
	le.PutUint64(r[64:], timestamp)
	return r[:]
}

// filter is either filter of queries.
type filter struct {
	account, u128 U128
	u64, min, max uint64
	u32, ledger   uint32
	code          uint16
	limit, flags  uint32
}

func accountFilter(b []byte) filter {
	return filter{account: getU128(b), u128: getU128(b[16:]), u64: le.Uint64(b[32:]), u32: le.Uint32(b[40:]), code: le.Uint16(b[44:]),
		min: le.Uint64(b[104:]), max: le.Uint64(b[112:]), limit: le.Uint32(b[120:]), flags: le.Uint32(b[124:])}
}

func queryFilter(b []byte) filter {
	return filter{u128: getU128(b), u64: le.Uint64(b[16:]), u32: le.Uint32(b[24:]), ledger: le.Uint32(b[28:]), code: le.Uint16(b[32:]),
		min: le.Uint64(b[40:]), max: le.Uint64(b[48:]), limit: le.Uint32(b[56:]), flags: le.Uint32(b[60:])}
}

// takes reports whether the fields that the filter names are equal, and the time
// is within its span.
func (f *filter) takes(timestamp uint64, u128 U128, u64 uint64, u32, ledger uint32, code uint16) bool {
	return (f.u128.IsZero() || f.u128 == u128) && (f.u64 == 0 || f.u64 == u64) && (f.u32 == 0 || f.u32 == u32) &&
		(f.ledger == 0 || f.ledger == ledger) && (f.code == 0 || f.code == code) && timestamp >= f.min && (f.max == 0 || timestamp <= f.max)
}

// badSpan reports whether the filter's span of time is none.
func (f *filter) badSpan() bool {
	return f.min > timestampLast || f.max > timestampLast || f.max != 0 && f.min > f.max
}

// Ledger is one line of the registry.
type Ledger struct {
	Number   uint32
	Currency [8]byte
	Scale    uint8
}

// Client is a registered client.
type Client struct {
	ID    wire.ClientID
	Key   [32]byte
	Roles uint32
}

// Limits bounds the tables.
type Limits struct{ AccountsMax, PendingsMax, ClientsMax, LedgersMax uint32 }

// Config is the genesis.
type Config struct {
	Ledgers []Ledger // empty: any ledger
	Clients []Client
	Limits  Limits
	// KeyCode gives the code that refuses a client's key, 0 for a good one: the
	// arithmetic of curves is no part of the model.
	KeyCode func(key [32]byte) uint32
}

// Package transfer is the payload that every system here is given: the 128-byte
// record of a payment in the layout of the product's data model, of which id,
// accounts and amount are used.
//
// It is no codec of the product: the peers' module imports nothing of it. The
// bytes agree, and a test of the product's runner would notice if not, since the
// product's own generator makes its load.
package transfer

import (
	"encoding/binary"
	"errors"
	"math/rand/v2"
)

// Bytes is the size of a record.
const Bytes = 128

// AmountMax is the largest amount of the generated payments.
const AmountMax = 10_000

// offsets of the used fields.
const (
	offID     = 0
	offDebit  = 16
	offCredit = 32
	offAmount = 48
	offLedger = 112
	offCode   = 116
)

// ErrMalformed is a record of another length.
var ErrMalformed = errors.New("transfer: not 128 bytes")

// Transfer is a payment between two accounts, which are numbered from 0.
type Transfer struct {
	ID            uint64
	Debit, Credit uint64
	Amount        uint64
}

// Append appends the record.
func (t *Transfer) Append(b []byte) []byte {
	at := len(b)
	b = append(b, make([]byte, Bytes)...)
	r, le := b[at:], binary.LittleEndian
	le.PutUint64(r[offID:], t.ID)
	le.PutUint64(r[offDebit:], t.Debit)
	le.PutUint64(r[offCredit:], t.Credit)
	le.PutUint64(r[offAmount:], t.Amount)
	le.PutUint32(r[offLedger:], 1)
	le.PutUint16(r[offCode:], 1)
	return b
}

// Decode reads a record.
func Decode(b []byte) (t Transfer, err error) {
	if len(b) != Bytes {
		return t, ErrMalformed
	}
	le := binary.LittleEndian
	return Transfer{ID: le.Uint64(b[offID:]), Debit: le.Uint64(b[offDebit:]), Credit: le.Uint64(b[offCredit:]), Amount: le.Uint64(b[offAmount:])}, nil
}

// Nth makes payment n of a load between accounts, always the same one: uniform
// pairs, never an account with itself, so that a check needs no copies.
func Nth(n, accounts uint64) Transfer {
	rng := rand.New(rand.NewPCG(n, 0x7065657273))
	debit := rng.Uint64N(accounts)
	return Transfer{ID: n, Debit: debit, Credit: (debit + 1 + rng.Uint64N(accounts-1)) % accounts, Amount: 1 + rng.Uint64N(AmountMax)}
}

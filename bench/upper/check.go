package main

import (
	"encoding/binary"
	"errors"
	"fmt"

	"quorate/payments"
	"quorate/wire"
)

// errMissing says that what was answered is not on the disk.
var errMissing = errors.New("upper: acknowledged payments are missing")

// check opens the disk again and compares the balance of every account with what
// the acknowledged payments make: all that were sent, since all were answered.
func (b *bound) check() (string, error) {
	if err := b.open(); err != nil {
		return "", fmt.Errorf("open again: %w", err)
	}
	err := b.balances()
	if err = errors.Join(err, b.close()); err != nil {
		return "", err
	}
	return fmt.Sprintf("opened again from the disk; debits and credits of all %d accounts are those of the %d acknowledged payments", b.accounts, b.load.acked), nil
}

// sums are what one account was debited and credited.
type sums struct{ debits, credits uint64 }

// expected adds up the batches that were sent.
func (l *load) expected() []sums {
	all, le := make([]sums, l.accounts), binary.LittleEndian
	for n := range l.batches {
		body := l.fill(n)
		for e := body; len(e) > 0; e = e[payments.RecordBytes:] {
			amount := le.Uint64(e[offAmount:])
			all[le.Uint64(e[offDebit:])-1].debits += amount
			all[le.Uint64(e[offCredit:])-1].credits += amount
		}
	}
	return all
}

// lookupMax is how many accounts one request asks for.
const lookupMax = wire.EventsMax

func (b *bound) balances() error {
	if b.load.acked != b.load.batches*uint64(b.load.events) {
		return fmt.Errorf("%w: %d answered of %d batches", errMissing, b.load.acked, b.load.batches)
	}
	want := b.load.expected()
	for first := uint64(0); first < b.accounts; first += lookupMax {
		var ids []byte
		for i := first; i < min(first+lookupMax, b.accounts); i++ {
			ids = payments.AppendID(ids, payments.U128{Lo: i + 1})
		}
		result, err := b.ask(wire.OpLookupAccounts, ids)
		if err != nil {
			return err
		}
		records, _, cut, err := payments.DecodeQueryResult(result)
		if err != nil {
			return err
		}
		if n := len(records) / payments.RecordBytes; cut || uint64(n) != min(lookupMax, b.accounts-first) {
			return fmt.Errorf("%w: %d accounts from %d on", errMissing, n, first+1)
		}
		for ; len(records) > 0; records = records[payments.RecordBytes:] {
			var a payments.Account
			if err := a.Decode(records[:payments.RecordBytes]); err != nil {
				return err
			}
			if w := want[a.ID.Lo-1]; a.DebitsPosted != (payments.U128{Lo: w.debits}) || a.CreditsPosted != (payments.U128{Lo: w.credits}) {
				return fmt.Errorf("%w: account %d has debits %s and credits %s, not %d and %d", errMissing, a.ID.Lo, a.DebitsPosted, a.CreditsPosted, w.debits, w.credits)
			}
		}
	}
	return nil
}

package calibrate

import (
	"crypto/ed25519"
	"errors"
	"fmt"
	"math/rand/v2"

	"quorate/payments"
	"quorate/wire"
)

// noArchive is the archive of a machine that reads nothing back: a plain payment
// must not. A candidate of the index that is none, one in thousands, is told from
// the real one by another id.
type noArchive struct{}

var errArchive = errors.New("calibrate: a plain payment read the archive")

// Transfer implements payments.Archive.
func (noArchive) Transfer(ordinal uint64, out *payments.Stored) (bool, error) {
	*out = payments.Stored{Transfer: payments.Transfer{ID: payments.U128{Lo: ordinal, Hi: ^uint64(0)}}}
	return true, nil
}

// PendingStatus implements payments.Archive.
func (noArchive) PendingStatus(uint64) (payments.PendingStatus, error) { return 0, errArchive }

// Balances implements payments.Archive.
func (noArchive) Balances(uint64, *payments.AccountBalance, *payments.AccountBalance) (bool, bool, error) {
	return false, false, errArchive
}

// Scan implements payments.Archive.
func (noArchive) Scan(uint64, uint64, bool, func(uint64, *payments.Transfer) bool) error {
	return errArchive
}

// executor is a payments machine with accounts and a source of payments.
type executor struct {
	m    *payments.Machine
	out  payments.Outcome
	r    *rand.Rand
	seq  uint64
	body []byte
}

// accountsOf is loadgen's default number of accounts.
const accountsOf = 10_000

func newExecutor() (*executor, error) {
	clientKey := [32]byte(ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize)).Public().(ed25519.PublicKey))
	m, err := payments.New(payments.Config{Clients: []payments.ClientRecord{{ID: 1, Key: clientKey, Roles: payments.RolesAll}}, IndexSeed: 7})
	if err != nil {
		return nil, fmt.Errorf("calibrate: %w", err)
	}
	x := &executor{m: m, r: rand.New(rand.NewPCG(1, 2))}
	for made := uint64(0); made < accountsOf; {
		x.body = x.body[:0]
		for range min(wire.EventsMax, accountsOf-made) {
			made++
			x.body = (&payments.Account{ID: payments.U64(made), Ledger: 1, Code: 1}).Append(x.body)
		}
		if err := x.apply(wire.OpCreateAccounts); err != nil {
			return nil, err
		}
	}
	return x, nil
}

// fill makes a body of transfers between random accounts.
func (x *executor) fill(events int) []byte {
	x.body = x.body[:0]
	for range events {
		debit := x.r.Uint64N(accountsOf)
		t := payments.Transfer{ID: payments.U128{Lo: x.r.Uint64(), Hi: x.r.Uint64() >> 1}, DebitAccountID: payments.U64(1 + debit),
			CreditAccountID: payments.U64(1 + (debit+1+x.r.Uint64N(accountsOf-1))%accountsOf), Amount: payments.U64(1 + x.r.Uint64N(1000)), Ledger: 1, Code: 1}
		x.body = t.Append(x.body)
	}
	return x.body
}

func (x *executor) apply(op wire.Op) error {
	x.seq++
	request := [1]payments.Request{{Client: 1, Seq: x.seq, Digest: digestOf(7, int(x.seq)), Op: op, Body: x.body}}
	if err := x.m.Apply(x.m.Seq()+1, 0, request[:], noArchive{}, &x.out); err != nil {
		return fmt.Errorf("calibrate: %w", err)
	}
	if s := x.out.Requests[0].Status; s != payments.StatusOK {
		return fmt.Errorf("calibrate: a request of our own has status %v", s)
	}
	return nil
}

// state measures the execution of payments, and decoding and hashing of requests.
func state(u *units) {
	x, err := newExecutor()
	if err != nil {
		u.err = err
		return
	}
	for _, events := range []int{1, 1000, wire.EventsMax} {
		// A block is filled outside of what is timed.
		u.add(fmt.Sprintf("payments: execute, %d per block", events), "payment", events, func(int) error { return x.apply(wire.OpCreateTransfers) },
			func(int) { x.fill(events) })
	}
	for _, events := range []int{1, wire.EventsMax} {
		q := wire.Request{Client: 1, Seq: 1, Op: wire.OpCreateTransfers, Body: x.fill(events)}
		raw := q.Append(nil)
		u.add(fmt.Sprintf("wire: decode and hash a request of %d payments", events), "request", 1, func(int) error {
			got, err := wire.DecodeRequest(raw)
			if err == nil && got.Digest(wire.Digest{}) == (wire.Digest{}) {
				err = errRefused
			}
			return err
		})
	}
}

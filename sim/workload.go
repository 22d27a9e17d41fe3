package sim

import (
	"quorate/payments"
	"quorate/wire"
)

// pick starts a new request: what is in it depends on the client and on how many
// it made before, and on nothing that happened since.
func (u *user) pick() {
	u.asked++
	u.rnd = keyedStream(u.w.opt.Seed, "request", uint64(u.id), u.asked)
	u.odd = keyedStream(u.w.opt.Seed, "odd", uint64(u.id), u.asked)
}

// compose makes the next request of a client: accounts first, then mostly
// transfers between accounts of which few are hot.
func (u *user) compose() (wire.Op, []byte) {
	if u.serial > 0 {
		if op, body, ok := u.oddRequest(); ok {
			return op, body
		}
	}
	switch {
	case u.serial == 0:
		return wire.OpCreateAccounts, u.accounts()
	case u.w.opt.Load.Linear && u.rnd.chance(linearReads):
		return u.lookup(8)
	case u.rnd.chance(900):
		return wire.OpCreateTransfers, u.transfers(1 + u.rnd.below(u.w.opt.Load.Events))
	case u.rnd.chance(300):
		return wire.OpLedgerTotals, nil
	case u.rnd.chance(500) || u.w.opt.Load.Linear:
		return u.lookup(4)
	default:
		f := payments.AccountFilter{AccountID: u.account(), Limit: uint32(1 + u.rnd.below(20)), Flags: payments.FilterDebits | payments.FilterCredits}
		return wire.OpGetAccountTransfers, f.Append(nil)
	}
}

func (u *user) lookup(most int) (wire.Op, []byte) {
	var body []byte
	for range 1 + u.rnd.below(most) {
		body = payments.AppendID(body, u.account())
	}
	return wire.OpLookupAccounts, body
}

func (u *user) account() payments.U128 {
	return payments.U64(uint64(1 + u.rnd.zipf(u.w.opt.Load.Accounts)))
}

// accounts creates all accounts; every client tries, one wins.
func (u *user) accounts() []byte {
	var body []byte
	u.serial++
	for i := range u.w.opt.Load.Accounts {
		a := payments.Account{ID: payments.U64(uint64(i + 1)), Ledger: 1, Code: 1}
		switch i % 8 {
		case 3:
			a.Flags = payments.AccountHistory
		case 5:
			a.Flags = payments.AccountDebitsMustNotExceedCredits
		case 6:
			a.Flags = payments.AccountCreditsMustNotExceedDebits
		case 1:
			if i > 8 {
				a.Ledger = 2
			}
		}
		body = a.Append(body)
	}
	if u.w.opt.Load.Odd.Signed > 0 && !u.w.opt.Load.Odd.Tight {
		body = append(body, payersAccounts()...)
	}
	return body
}

func (u *user) transfers(n int) []byte {
	body := make([]byte, 0, n*payments.RecordBytes)
	for i := range n {
		t := u.transfer()
		if u.odd.chance(u.w.opt.Load.Odd.Events) {
			t = u.oddTransfer(t)
		}
		if u.odd.chance(u.w.opt.Load.Odd.Signed/8) && t.PendingID.IsZero() {
			t.DebitAccountID = payerAccount(u.odd.below(payersMax)) // without its signature
		}
		if i+1 < n && u.rnd.chance(100) || u.odd.chance(u.w.opt.Load.Odd.Events/20) {
			t.Flags |= payments.TransferLinked
		}
		body = t.Append(body)
	}
	return body
}

func (u *user) transfer() payments.Transfer {
	u.serial++
	t := payments.Transfer{ID: payments.U128{Lo: u.serial, Hi: uint64(u.id + 1)}, DebitAccountID: u.account(), CreditAccountID: u.account(),
		Amount: payments.U64(uint64(1 + u.rnd.below(1000))), Ledger: 1, Code: 1}
	switch {
	case u.rnd.chance(100): // two-phase
		t.Flags = payments.TransferPending
		t.Timeout = uint32(u.rnd.below(3))
		if u.w.opt.Load.Linear {
			t.Timeout = 0
		}
		u.made = append(u.made, t.ID)
	case len(u.made) > 0 && u.rnd.chance(100):
		t = payments.Transfer{ID: t.ID, PendingID: u.made[u.rnd.below(len(u.made))], Flags: payments.TransferVoidPending}
		if u.rnd.chance(600) {
			t.Flags, t.Amount = payments.TransferPostPending, payments.MaxU128
			if u.rnd.chance(300) { // a part of it, or more than there is
				t.Amount = payments.U64(uint64(u.rnd.below(1000)))
			}
		}
	case u.serial > 2 && u.rnd.chance(30): // an id that was used before
		t.ID.Lo = 1 + uint64(u.rnd.below(int(u.serial)))
	case u.rnd.chance(20):
		t.Flags = payments.TransferBalancingDebit
	}
	return t
}

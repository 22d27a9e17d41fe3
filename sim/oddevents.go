package sim

import "quorate/payments"

// accountTwists each make one field of an ordinary account wrong or unusual.
var accountTwists = [...]func(a *payments.Account){
	func(a *payments.Account) { a.Reserved = 1 },
	func(a *payments.Account) { a.Flags |= 1 << 15 },
	func(a *payments.Account) { a.ID = payments.U128{} },
	func(a *payments.Account) { a.ID = payments.MaxU128 },
	func(a *payments.Account) {
		a.Flags |= payments.AccountDebitsMustNotExceedCredits | payments.AccountCreditsMustNotExceedDebits
	},
	func(a *payments.Account) { a.DebitsPending = payments.U64(1) },
	func(a *payments.Account) { a.DebitsPosted = payments.U64(1) },
	func(a *payments.Account) { a.CreditsPending = payments.U64(1) },
	func(a *payments.Account) { a.CreditsPosted = payments.U64(1) },
	func(a *payments.Account) { a.Ledger = 0 },
	func(a *payments.Account) { a.Code = 0 },
	func(a *payments.Account) { a.Code = 2 },
	func(a *payments.Account) { a.Ledger = 2 },
	func(a *payments.Account) { a.Ledger = 3 },
	func(a *payments.Account) { a.Ledger = 99 },
	func(a *payments.Account) { a.Timestamp = 1 },
	func(a *payments.Account) { a.UserData128 = payments.U64(1) },
	func(a *payments.Account) { a.UserData64 = 1 },
	func(a *payments.Account) { a.UserData32 = 1 },
	func(a *payments.Account) { a.Flags |= payments.AccountHistory },
	func(a *payments.Account) { a.Flags ^= payments.AccountImported },
	func(*payments.Account) {},
	func(*payments.Account) {},
}

// oddAccounts makes a request of accounts that are twisted, linked or imported.
func (u *user) oddAccounts() (body []byte) {
	r := &u.odd
	imported := r.chance(300)
	n := 1 + r.below(5)
	for i := range n {
		a := payments.Account{ID: u.oddID(), Ledger: 1, Code: 1}
		if r.chance(300) {
			a.ID = u.vault()
		}
		u.fresh = a.ID
		if imported {
			a.Flags, a.Timestamp = payments.AccountImported, u.importTime(i)
			u.freshAt = a.Timestamp
		}
		if r.chance(500) {
			accountTwists[r.below(len(accountTwists))](&a)
		}
		if i+1 < n && r.chance(300) || r.chance(30) {
			a.Flags |= payments.AccountLinked
		}
		body = a.Append(body)
	}
	return body
}

// importTime is the time of event i of an imported request: mostly between the
// last transfer and the block that will execute it, which is a guess.
func (u *user) importTime(i int) uint64 {
	switch u.odd.below(20) {
	case 0:
		return 0
	case 1:
		return 1
	case 2:
		return 1 << 63
	case 3:
		return u.clock() + 60_000_000_000
	}
	// Replies tell a client when the last block was.
	last := u.clock()
	if chain := u.w.check.chain; len(chain) > 0 {
		last = chain[len(chain)-1].header.Time
	}
	return last + uint64(u.odd.below(40_000_000)) + uint64(i)
}

// imported makes a request of imported transfers.
func (u *user) imported() (body []byte) {
	r := &u.odd
	base := u.importTime(0)
	for i := range 1 + r.below(4) {
		t := u.transfer()
		if r.chance(200) {
			t.DebitAccountID = u.oddID()
		}
		if r.chance(200) {
			t.CreditAccountID = u.oddID()
		} else if r.chance(300) {
			t.CreditAccountID = u.fresh // perhaps in this very block
		}
		if len(u.made) > 0 && r.chance(250) {
			t = payments.Transfer{ID: t.ID, PendingID: u.made[len(u.made)-1], Flags: payments.TransferPostPending, Amount: payments.MaxU128}
		}
		t.Flags |= payments.TransferImported
		t.Timestamp = base + uint64(i)
		switch {
		case r.chance(50):
			t.Flags &^= payments.TransferImported
		case r.chance(50):
			t.Timestamp = u.importTime(i)
		case r.chance(100) && t.Flags&payments.TransferPending != 0:
			t.Timeout = 1
		case t.Flags&payments.TransferPending != 0:
			t.Timeout = 0
		}
		body = t.Append(body)
	}
	return body
}

// predated pays into the account that was imported last as if that had been before
// the account was there. It must follow before any transfer is executed, whose
// time would be in the way.
func (u *user) predated() []byte {
	t := payments.Transfer{ID: u.transfer().ID, DebitAccountID: payments.U64(1), CreditAccountID: u.fresh, Amount: payments.U64(1),
		Ledger: 1, Code: 1, Flags: payments.TransferImported, Timestamp: u.freshAt - uint64(u.odd.below(2))}
	u.freshAt = 0
	return t.Append(nil)
}

// transferTwists each make one field of a transfer wrong or unusual.
var transferTwists = [...]func(u *user, t *payments.Transfer){
	func(_ *user, t *payments.Transfer) { t.Timestamp = 1 },
	func(_ *user, t *payments.Transfer) { t.Flags |= 1 << 15 },
	func(_ *user, t *payments.Transfer) { t.ID = payments.U128{} },
	func(_ *user, t *payments.Transfer) { t.ID = payments.MaxU128 },
	func(_ *user, t *payments.Transfer) {
		t.Flags |= payments.TransferPostPending | payments.TransferVoidPending
	},
	func(_ *user, t *payments.Transfer) { t.DebitAccountID = payments.U128{} },
	func(_ *user, t *payments.Transfer) { t.DebitAccountID = payments.MaxU128 },
	func(_ *user, t *payments.Transfer) { t.CreditAccountID = payments.U128{} },
	func(_ *user, t *payments.Transfer) { t.CreditAccountID = payments.MaxU128 },
	func(u *user, t *payments.Transfer) { t.DebitAccountID = u.oddID() },
	func(u *user, t *payments.Transfer) { t.CreditAccountID = u.oddID() },
	func(u *user, t *payments.Transfer) { t.CreditAccountID = payments.U64(10) }, // of ledger 2, if there are so many
	func(_ *user, t *payments.Transfer) { t.PendingID = payments.U64(1) },
	func(_ *user, t *payments.Transfer) { t.PendingID = payments.U128{} },
	func(_ *user, t *payments.Transfer) { t.PendingID = payments.MaxU128 },
	func(_ *user, t *payments.Transfer) { t.PendingID = t.ID },
	func(u *user, t *payments.Transfer) {
		t.PendingID = payments.U128{Lo: 1 + uint64(u.odd.below(int(u.serial))), Hi: uint64(u.id + 1)}
	},
	func(_ *user, t *payments.Transfer) { t.Timeout = 7 },
	func(_ *user, t *payments.Transfer) { t.Ledger = 0 },
	func(_ *user, t *payments.Transfer) { t.Ledger = 2 },
	func(_ *user, t *payments.Transfer) { t.Code = 0 },
	func(_ *user, t *payments.Transfer) { t.Code = 2 },
	func(_ *user, t *payments.Transfer) { t.Amount = payments.U64(500) },
	func(_ *user, t *payments.Transfer) { t.Amount = payments.U64(1 << 40) },
	func(_ *user, t *payments.Transfer) { t.UserData128 = payments.U64(1) },
	func(_ *user, t *payments.Transfer) { t.UserData64 = 1 },
	func(_ *user, t *payments.Transfer) { t.UserData32 = 1 },
	func(_ *user, t *payments.Transfer) { t.Flags ^= payments.TransferImported },
	func(_ *user, t *payments.Transfer) { t.Flags |= payments.TransferClosingDebit },
	func(_ *user, t *payments.Transfer) { t.Flags |= payments.TransferBalancingDebit },
	func(_ *user, t *payments.Transfer) { t.Flags |= payments.TransferBalancingCredit },
	func(_ *user, t *payments.Transfer) { t.Flags ^= payments.TransferPending },
	func(*user, *payments.Transfer) {},
}

// oddTransfer makes a transfer odd: one field is twisted, an earlier one comes
// again, or odd accounts are closed, opened and filled up.
func (u *user) oddTransfer(t payments.Transfer) payments.Transfer {
	r := &u.odd
	switch k := r.below(10); {
	case k < 3 && len(u.sent) > 0: // again, whole or with one field changed
		t = u.sent[r.below(len(u.sent))]
		if r.chance(700) {
			transferTwists[r.below(len(transferTwists))](u, &t)
		}
	case k < 5:
		t = u.oddMove(t)
	case k == 5 && len(u.made) > 0:
		t = payments.Transfer{ID: t.ID, PendingID: u.made[r.below(len(u.made))], Flags: payments.TransferPostPending, Amount: payments.U64(uint64(r.below(100)))}
		transferTwists[r.below(len(transferTwists))](u, &t)
	case k == 6 && len(u.made) > 0:
		t = payments.Transfer{ID: t.ID, PendingID: u.made[r.below(len(u.made))], Flags: payments.TransferVoidPending}
		transferTwists[r.below(len(transferTwists))](u, &t)
	default:
		transferTwists[r.below(len(transferTwists))](u, &t)
	}
	u.sent = append(u.sent, t)
	if len(u.sent) > 16 {
		u.sent = u.sent[1:]
	}
	return t
}

// oddMove moves amounts between odd accounts that nobody has, or closes them.
func (u *user) oddMove(t payments.Transfer) payments.Transfer {
	r := &u.odd
	id := t.ID
	t = payments.Transfer{ID: id, DebitAccountID: u.vault(), CreditAccountID: u.vault(), Ledger: 1, Code: 1}
	half := payments.U128{Hi: 1 << 63}
	t.Amount = [...]payments.U128{payments.U64(1), half, {Lo: ^uint64(1), Hi: ^uint64(0)}}[r.below(3)]
	if r.chance(500) {
		t.Flags = payments.TransferPending
		t.Timeout = uint32(r.below(3))
		u.made = append(u.made, id)
	}
	if t.Flags == payments.TransferPending && r.chance(500) {
		t.Amount = payments.U64(1)
		t.Flags |= payments.TransferFlags(1+r.below(3)) * payments.TransferClosingDebit
	}
	return t
}

package e2e

import (
	"bytes"
	"crypto/ed25519"
	"encoding/binary"
	"fmt"

	"github.com/oasisprotocol/curve25519-voi/curve"

	"quorate/payments"
	"quorate/wire"
)

// What is ordered and then refused, with a code that every replica computes
// alike: LED-01, BYZ-06 at registration. The order moves on, so the judge here
// is the ledger: the totals of every account stay as they were.

// ledgerCase sends a request of one or more events; the last code must be want,
// those before it linked_event_failed. No balance may move.
func (b *badRun) ledgerCase(name string, op wire.Op, body []byte, want uint32) {
	b.ordered("LED-01", name, func(c *ledgerClient) {
		r := c.ask(op, body)
		codes, err := payments.DecodeCodes(nil, r.Result)
		if err != nil || r.Status != 0 || len(codes) == 0 || codes[len(codes)-1] != want {
			b.t.Errorf("status %d, codes %v, %v; want %d at the end", r.Status, codes, err, want)
		}
		for _, code := range codes[:max(0, len(codes)-1)] {
			if code != uint32(payments.TransferLinkedEventFailed) {
				b.t.Errorf("codes %v: a half of a chain stands", codes)
			}
		}
	})
}

// statusCase sends a request that is refused as a whole.
func (b *badRun) statusCase(row, name string, c *ledgerClient, op wire.Op, body []byte, want payments.Status) {
	b.ordered(row, name, func(admin *ledgerClient) {
		if c == nil {
			c = admin
		}
		c.b = b
		if r := c.ask(op, body); payments.Status(r.Status) != want || len(r.Result) != 0 {
			b.t.Errorf("status %v with %d bytes, want %v", payments.Status(r.Status), len(r.Result), want)
		}
		if payments.Status(want) != payments.StatusOK {
			c.seq-- // it did not use up its seq
		}
	})
}

// ordered judges an input whose block moves the order and must move no money.
func (b *badRun) ordered(row, name string, send func(c *ledgerClient)) {
	primary := int(b.control[0].Primary)
	b.bad(row, name, primary, "", func() {
		admin := &b.ledger
		admin.b = b
		before := admin.balances()
		send(admin)
		if after := admin.balances(); after != before {
			b.t.Errorf("money moved:\n%s\nbefore\n%s", after, before)
		}
		for i := range b.honest {
			if b.honest[i] != nil {
				b.control[i] = b.agreed(i)
			}
		}
	})
}

// agreed waits until replica i stands where the primary does.
func (b *badRun) agreed(i int) wire.NodeStatus {
	b.t.Helper()
	primary := int(b.control[0].Primary)
	var s wire.NodeStatus
	eventually(b.t, settleMax, "replicas agree", func() error {
		want := b.stands(primary)
		s = b.stands(i)
		if s.Executed == want.Executed && s.Execute != want.Execute {
			b.t.Fatalf("FORK: %+v and %+v", s, want)
		}
		return errOf(s.Executed == want.Executed, "replica %d at %d, primary at %d", i, s.Executed, want.Executed)
	})
	return s
}

// ledgerClient asks one request after another on one connection to the primary.
type ledgerClient struct {
	b    *badRun
	name string
	conn *raw
	seq  uint64
}

func (c *ledgerClient) ask(op wire.Op, body []byte) wire.Reply {
	c.b.t.Helper()
	keys := c.b.keys(c.name)
	if c.conn == nil {
		outer := c.b.t
		c.b.t = c.b.outer
		c.conn = c.b.member(int(c.b.control[0].Primary), keys)
		c.b.t = outer
	}
	c.conn.t = c.b.t
	c.seq++
	c.conn.renew()
	c.conn.send(wire.KindRequest, request(keys, c.b.genesis.Hash(), c.seq, op, body).Append(nil))
	return c.conn.reply()
}

// balances is the text of every account that the cases use, and of all totals.
func (c *ledgerClient) balances() string {
	c.b.t.Helper()
	var ids []byte
	for id := uint64(1); id <= ledgerAccounts+100; id++ {
		ids = payments.AppendID(ids, payments.U64(id))
	}
	found, totals := c.ask(wire.OpLookupAccounts, ids), c.ask(wire.OpLedgerTotals, nil)
	if found.Status != 0 || totals.Status != 0 {
		c.b.t.Fatalf("status %d and %d", found.Status, totals.Status)
	}
	return fmt.Sprintf("%x\n%x", found.Result, totals.Result)
}

// setUp wants every event of a request to be taken.
func (c *ledgerClient) setUp(op wire.Op, body []byte) {
	c.b.t.Helper()
	r := c.ask(op, body)
	for codes := r.Result; len(codes) >= 4; codes = codes[4:] {
		if code := binary.LittleEndian.Uint32(codes); code != 0 {
			c.b.t.Fatalf("set-up: code %d of %x", code, r.Result)
		}
	}
	if r.Status != 0 {
		c.b.t.Fatalf("set-up: status %v", payments.Status(r.Status))
	}
}

// ledgerAccounts are 11 to 16 of ledger 1: 13 must not overdraw, 14 must not be
// overpaid, 15 is closed, 16 has debits and credits of almost 2^128; 21 is of
// ledger 2.
const ledgerAccounts = 21

func account(id uint64, flags payments.AccountFlags) payments.Account {
	return payments.Account{ID: payments.U64(id), Ledger: 1, Code: 1, Flags: flags}
}

func transfer(id, dr, cr, amount uint64) payments.Transfer {
	return payments.Transfer{ID: payments.U64(id), DebitAccountID: payments.U64(dr), CreditAccountID: payments.U64(cr),
		Amount: payments.U64(amount), Ledger: 1, Code: 1}
}

// half is 2^127: two of it overflow.
var half = payments.U128{Hi: 1 << 63}

func (b *badRun) badLedger() {
	b.ledger = ledgerClient{b: b, name: "load-03"}
	admin := &b.ledger
	var body []byte
	for _, a := range []payments.Account{account(11, 0), account(12, 0), account(13, payments.AccountDebitsMustNotExceedCredits),
		account(14, payments.AccountCreditsMustNotExceedDebits), account(15, payments.AccountClosed), account(16, 0)} {
		body = a.Append(body)
	}
	other := account(ledgerAccounts, 0)
	other.Ledger = 2
	admin.setUp(wire.OpCreateAccounts, other.Append(body))
	pending := func(id, timeout uint64) payments.Transfer {
		x := transfer(id, 11, 12, 10)
		x.Flags, x.Timeout = payments.TransferPending, uint32(timeout)
		return x
	}
	posted, voided, open, big := pending(2001, 0), pending(2002, 0), pending(2003, 0), transfer(2006, 16, 12, 0)
	big.Amount = half
	plain := transfer(2000, 11, 12, 7)
	plain.UserData128, plain.UserData64, plain.UserData32 = payments.U64(1), 2, 3
	body = nil
	for _, x := range []payments.Transfer{plain, posted, voided, open,
		{ID: payments.U64(2004), PendingID: posted.ID, Amount: payments.U64(10), Flags: payments.TransferPostPending},
		{ID: payments.U64(2005), PendingID: voided.ID, Flags: payments.TransferVoidPending}, big} {
		body = x.Append(body)
	}
	admin.setUp(wire.OpCreateTransfers, body)
	b.badAccounts()
	b.badTransferFields()
	b.badBalances()
	b.badResolves()
	b.badSigned()
	b.badStatuses()
	b.badKeys()
	b.settle(0, 1, 2, 3)
}

func (b *badRun) badAccounts() {
	for want, change := range map[payments.AccountCode]func(a *payments.Account){
		payments.AccountTimestampMustBeZero:                  func(a *payments.Account) { a.Timestamp = 1 },
		payments.AccountReservedField:                        func(a *payments.Account) { a.Reserved = 1 },
		payments.AccountReservedFlag:                         func(a *payments.Account) { a.Flags = 1 << 15 },
		payments.AccountIDMustNotBeZero:                      func(a *payments.Account) { a.ID = payments.U128{} },
		payments.AccountIDMustNotBeIntMax:                    func(a *payments.Account) { a.ID = payments.MaxU128 },
		payments.AccountExists:                               func(a *payments.Account) { a.ID = payments.U64(11) },
		payments.AccountExistsWithDifferentCode:              func(a *payments.Account) { a.ID, a.Code = payments.U64(11), 2 },
		payments.AccountExistsWithDifferentLedger:            func(a *payments.Account) { a.ID, a.Ledger = payments.U64(11), 2 },
		payments.AccountExistsWithDifferentFlags:             func(a *payments.Account) { a.ID, a.Flags = payments.U64(11), payments.AccountHistory },
		payments.AccountExistsWithDifferentUserData128:       func(a *payments.Account) { a.ID, a.UserData128 = payments.U64(11), payments.U64(1) },
		payments.AccountExistsWithDifferentUserData64:        func(a *payments.Account) { a.ID, a.UserData64 = payments.U64(11), 1 },
		payments.AccountExistsWithDifferentUserData32:        func(a *payments.Account) { a.ID, a.UserData32 = payments.U64(11), 1 },
		payments.AccountFlagsAreMutuallyExclusive:            func(a *payments.Account) { a.Flags = 6 },
		payments.AccountDebitsPendingMustBeZero:              func(a *payments.Account) { a.DebitsPending = payments.U64(1) },
		payments.AccountDebitsPostedMustBeZero:               func(a *payments.Account) { a.DebitsPosted = payments.U64(1) },
		payments.AccountCreditsPendingMustBeZero:             func(a *payments.Account) { a.CreditsPending = payments.MaxU128 },
		payments.AccountCreditsPostedMustBeZero:              func(a *payments.Account) { a.CreditsPosted = payments.U64(1 << 63) },
		payments.AccountLedgerMustNotBeZero:                  func(a *payments.Account) { a.Ledger = 0 },
		payments.AccountLedgerNotRegistered:                  func(a *payments.Account) { a.Ledger = 1 << 31 },
		payments.AccountCodeMustNotBeZero:                    func(a *payments.Account) { a.Code = 0 },
		payments.AccountLinkedEventChainOpen:                 func(a *payments.Account) { a.Flags = payments.AccountLinked },
		payments.AccountImportedEventTimestampOutOfRange:     func(a *payments.Account) { a.Flags = payments.AccountImported },
		payments.AccountImportedEventTimestampMustNotAdvance: func(a *payments.Account) { a.Flags, a.Timestamp = payments.AccountImported, 1<<63-1 },
		payments.AccountImportedEventTimestampMustNotRegress: func(a *payments.Account) { a.Flags, a.Timestamp = payments.AccountImported, 1 },
	} {
		a := account(90, 0)
		change(&a)
		b.ledgerCase("account: "+want.String(), wire.OpCreateAccounts, a.Append(nil), uint32(want))
	}
	half, bad, imported := account(91, payments.AccountLinked), account(0, 0), account(92, payments.AccountImported)
	imported.Timestamp = 5
	b.ledgerCase("account: a chain whose second half fails", wire.OpCreateAccounts, bad.Append(half.Append(nil)), uint32(payments.AccountIDMustNotBeZero))
	b.ledgerCase("account: imported behind plain, linked", wire.OpCreateAccounts, imported.Append(half.Append(nil)), uint32(payments.AccountImportedEventNotExpected))
}

// transferCase changes one good transfer of a fresh id.
func (b *badRun) transferCase(want payments.TransferCode, change func(x *payments.Transfer)) {
	b.nextID++
	x := transfer(100_000+b.nextID, 11, 12, 5)
	change(&x)
	b.ledgerCase("transfer: "+want.String(), wire.OpCreateTransfers, x.Append(nil), uint32(want))
}

func (b *badRun) badTransferFields() {
	type change = func(x *payments.Transfer)
	u := payments.U64
	for want, fn := range map[payments.TransferCode]change{
		payments.TransferTimestampMustBeZero:               func(x *payments.Transfer) { x.Timestamp = 1 },
		payments.TransferReservedFlag:                      func(x *payments.Transfer) { x.Flags = 1 << 15 },
		payments.TransferIDMustNotBeZero:                   func(x *payments.Transfer) { x.ID = payments.U128{} },
		payments.TransferIDMustNotBeIntMax:                 func(x *payments.Transfer) { x.ID = payments.MaxU128 },
		payments.TransferDebitAccountIDMustNotBeZero:       func(x *payments.Transfer) { x.DebitAccountID = payments.U128{} },
		payments.TransferDebitAccountIDMustNotBeIntMax:     func(x *payments.Transfer) { x.DebitAccountID = payments.MaxU128 },
		payments.TransferCreditAccountIDMustNotBeZero:      func(x *payments.Transfer) { x.CreditAccountID = payments.U128{} },
		payments.TransferCreditAccountIDMustNotBeIntMax:    func(x *payments.Transfer) { x.CreditAccountID = payments.MaxU128 },
		payments.TransferAccountsMustBeDifferent:           func(x *payments.Transfer) { x.CreditAccountID = x.DebitAccountID },
		payments.TransferPendingIDMustBeZero:               func(x *payments.Transfer) { x.PendingID = u(1) },
		payments.TransferTimeoutReservedForPendingTransfer: func(x *payments.Transfer) { x.Timeout = 1 },
		payments.TransferClosingTransferMustBePending:      func(x *payments.Transfer) { x.Flags = payments.TransferClosingDebit },
		payments.TransferLedgerMustNotBeZero:               func(x *payments.Transfer) { x.Ledger = 0 },
		payments.TransferCodeMustNotBeZero:                 func(x *payments.Transfer) { x.Code = 0 },
		payments.TransferDebitAccountNotFound:              func(x *payments.Transfer) { x.DebitAccountID = u(1 << 63) },
		payments.TransferCreditAccountNotFound:             func(x *payments.Transfer) { x.CreditAccountID = u(1 << 31) },
		payments.TransferAccountsMustHaveTheSameLedger:     func(x *payments.Transfer) { x.CreditAccountID = u(ledgerAccounts) },
		payments.TransferMustHaveTheSameLedgerAsAccounts:   func(x *payments.Transfer) { x.Ledger = 2 },
		payments.TransferDebitAccountAlreadyClosed:         func(x *payments.Transfer) { x.DebitAccountID = u(15) },
		payments.TransferCreditAccountAlreadyClosed:        func(x *payments.Transfer) { x.CreditAccountID = u(15) },
		payments.TransferLinkedEventChainOpen:              func(x *payments.Transfer) { x.Flags = payments.TransferLinked },
		payments.TransferExists: func(x *payments.Transfer) {
			*x = transfer(2000, 11, 12, 7)
			x.UserData128, x.UserData64, x.UserData32 = u(1), 2, 3
		},
		payments.TransferExistsWithDifferentAmount:          func(x *payments.Transfer) { x.ID = u(2000) },
		payments.TransferExistsWithDifferentFlags:           func(x *payments.Transfer) { x.ID, x.Flags = u(2000), payments.TransferPending },
		payments.TransferExistsWithDifferentTimeout:         func(x *payments.Transfer) { x.ID, x.Flags, x.Timeout = u(2003), payments.TransferPending, 1 },
		payments.TransferExistsWithDifferentPendingID:       func(x *payments.Transfer) { x.ID, x.PendingID, x.Flags = u(2004), u(1), payments.TransferPostPending },
		payments.TransferExistsWithDifferentDebitAccountID:  func(x *payments.Transfer) { x.ID, x.DebitAccountID = u(2000), u(13) },
		payments.TransferExistsWithDifferentCreditAccountID: func(x *payments.Transfer) { x.ID, x.CreditAccountID = u(2000), u(13) },
		payments.TransferExistsWithDifferentUserData128:     func(x *payments.Transfer) { *x = transfer(2000, 11, 12, 7) },
		payments.TransferExistsWithDifferentUserData64:      func(x *payments.Transfer) { *x = transfer(2000, 11, 12, 7); x.UserData128 = u(1) },
		payments.TransferExistsWithDifferentUserData32:      func(x *payments.Transfer) { *x = transfer(2000, 11, 12, 7); x.UserData128, x.UserData64 = u(1), 2 },
		payments.TransferExistsWithDifferentLedger: func(x *payments.Transfer) {
			*x = transfer(2000, 11, 12, 7)
			x.UserData128, x.UserData64, x.UserData32, x.Ledger = u(1), 2, 3, 2
		},
		payments.TransferExistsWithDifferentCode: func(x *payments.Transfer) {
			*x = transfer(2000, 11, 12, 7)
			x.UserData128, x.UserData64, x.UserData32, x.Code = u(1), 2, 3, 2
		},

		payments.TransferImportedEventTimestampOutOfRange:     func(x *payments.Transfer) { x.Flags = payments.TransferImported },
		payments.TransferImportedEventTimestampMustNotAdvance: func(x *payments.Transfer) { x.Flags, x.Timestamp = payments.TransferImported, 1<<63-1 },
		payments.TransferImportedEventTimestampMustNotRegress: func(x *payments.Transfer) { x.Flags, x.Timestamp = payments.TransferImported, 1 },
	} {
		b.transferCase(want, fn)
	}
	chain, bad := transfer(95_001, 11, 12, 5), transfer(95_002, 13, 12, 5)
	chain.Flags = payments.TransferLinked
	b.ledgerCase("transfer: a chain whose second half overdraws", wire.OpCreateTransfers, bad.Append(chain.Append(nil)), uint32(payments.TransferExceedsCredits))
	b.ledgerCase("transfer: the overdraft again", wire.OpCreateTransfers, bad.Append(nil), uint32(payments.TransferIDAlreadyFailed))
	imported := transfer(95_003, 11, 12, 5)
	imported.Flags, imported.Timestamp = payments.TransferImported, 5
	b.ledgerCase("transfer: imported behind plain, linked", wire.OpCreateTransfers, imported.Append(chain.Append(nil)), uint32(payments.TransferImportedEventNotExpected))
}

func (b *badRun) badBalances() {
	pending := payments.TransferPending
	for _, c := range []struct {
		want   payments.TransferCode
		change func(x *payments.Transfer)
	}{
		{payments.TransferExceedsCredits, func(x *payments.Transfer) { x.DebitAccountID = payments.U64(13) }},
		{payments.TransferExceedsCredits, func(x *payments.Transfer) { x.DebitAccountID, x.Amount = payments.U64(13), payments.U64(1<<63) }},
		{payments.TransferExceedsCredits, func(x *payments.Transfer) { x.DebitAccountID, x.Flags = payments.U64(13), pending }},
		{payments.TransferExceedsDebits, func(x *payments.Transfer) { x.CreditAccountID = payments.U64(14) }},
		{payments.TransferOverflowsDebitsPosted, func(x *payments.Transfer) {
			x.DebitAccountID, x.CreditAccountID, x.Amount = payments.U64(16), payments.U64(13), half
		}},
		{payments.TransferOverflowsDebitsPosted, func(x *payments.Transfer) {
			x.DebitAccountID, x.CreditAccountID, x.Amount = payments.U64(16), payments.U64(13), payments.MaxU128
		}},
		{payments.TransferOverflowsCreditsPosted, func(x *payments.Transfer) { x.Amount = half }},
		{payments.TransferOverflowsDebits, func(x *payments.Transfer) {
			x.DebitAccountID, x.CreditAccountID, x.Amount, x.Flags = payments.U64(11), payments.U64(13), payments.MaxU128.SubFloor(payments.U64(17)), 0
		}},
		{payments.TransferOverflowsCredits, func(x *payments.Transfer) {
			x.DebitAccountID, x.Amount = payments.U64(14), payments.MaxU128.SubFloor(half).SubFloor(payments.U64(17))
		}},
		{payments.TransferOverflowsDebitsPending, func(x *payments.Transfer) {
			x.CreditAccountID, x.Amount, x.Flags = payments.U64(13), payments.MaxU128, pending
		}},
		{payments.TransferOverflowsCreditsPending, func(x *payments.Transfer) {
			x.DebitAccountID, x.Amount, x.Flags = payments.U64(14), payments.MaxU128, pending
		}},
	} {
		b.transferCase(c.want, c.change)
	}
}

func (b *badRun) badResolves() {
	post := func(pendingID, amount uint64, change func(x *payments.Transfer)) func(x *payments.Transfer) {
		return func(x *payments.Transfer) {
			*x = payments.Transfer{ID: x.ID, PendingID: payments.U64(pendingID), Amount: payments.U64(amount), Flags: payments.TransferPostPending}
			change(x)
		}
	}
	same := func(*payments.Transfer) {}
	for _, c := range []struct {
		want   payments.TransferCode
		change func(x *payments.Transfer)
	}{
		{payments.TransferFlagsAreMutuallyExclusive, post(2003, 10, func(x *payments.Transfer) { x.Flags |= payments.TransferVoidPending })},
		{payments.TransferFlagsAreMutuallyExclusive, post(2003, 10, func(x *payments.Transfer) { x.Flags |= payments.TransferPending })},
		{payments.TransferPendingIDMustNotBeZero, post(0, 10, same)},
		{payments.TransferPendingIDMustNotBeIntMax, post(0, 10, func(x *payments.Transfer) { x.PendingID = payments.MaxU128 })},
		{payments.TransferPendingIDMustBeDifferent, post(0, 10, func(x *payments.Transfer) { x.PendingID = x.ID })},
		{payments.TransferTimeoutReservedForPendingTransfer, post(2003, 10, func(x *payments.Transfer) { x.Timeout = 1 })},
		{payments.TransferPendingTransferNotFound, post(1<<63, 10, same)},
		{payments.TransferPendingTransferNotPending, post(2000, 10, same)},
		{payments.TransferPendingTransferHasDifferentDebitAccountID, post(2003, 10, func(x *payments.Transfer) { x.DebitAccountID = payments.U64(13) })},
		{payments.TransferPendingTransferHasDifferentCreditAccountID, post(2003, 10, func(x *payments.Transfer) { x.CreditAccountID = payments.U64(13) })},
		{payments.TransferPendingTransferHasDifferentLedger, post(2003, 10, func(x *payments.Transfer) { x.Ledger = 2 })},
		{payments.TransferPendingTransferHasDifferentCode, post(2003, 10, func(x *payments.Transfer) { x.Code = 2 })},
		{payments.TransferExceedsPendingTransferAmount, post(2003, 11, same)},
		{payments.TransferExceedsPendingTransferAmount, post(2003, 1<<63, same)},
		{payments.TransferPendingTransferHasDifferentAmount, post(2003, 9, func(x *payments.Transfer) { x.Flags = payments.TransferVoidPending })},
		{payments.TransferPendingTransferAlreadyPosted, post(2001, 10, same)},
		{payments.TransferPendingTransferAlreadyVoided, post(2002, 10, same)},
	} {
		b.transferCase(c.want, c.change)
	}
}

// badStatuses are requests that are refused as a whole.
func (b *badRun) badStatuses() {
	filter := func(change func(f *payments.AccountFilter)) []byte {
		f := payments.AccountFilter{AccountID: payments.U64(11), Limit: 1, Flags: payments.FilterDebits}
		change(&f)
		return f.Append(nil)
	}
	b.statusCase("LED-01", "a filter without limit", nil, wire.OpGetAccountTransfers, filter(func(f *payments.AccountFilter) { f.Limit = 0 }), payments.StatusInvalidFilter)
	b.statusCase("LED-01", "a filter without side", nil, wire.OpGetAccountTransfers, filter(func(f *payments.AccountFilter) { f.Flags = 0 }), payments.StatusInvalidFilter)
	b.statusCase("LED-01", "a filter with reserved flags", nil, wire.OpGetAccountBalances, filter(func(f *payments.AccountFilter) { f.Flags |= 1 << 31 }), payments.StatusInvalidFilter)
	b.statusCase("LED-01", "a filter of nothing", nil, wire.OpGetAccountTransfers,
		filter(func(f *payments.AccountFilter) { f.TimestampMin, f.TimestampMax = 2, 1 }), payments.StatusInvalidFilter)
	b.statusCase("LED-01", "a filter at 2^63", nil, wire.OpGetAccountTransfers, filter(func(f *payments.AccountFilter) { f.TimestampMin = 1 << 63 }), payments.StatusInvalidFilter)
	b.statusCase("LED-01", "a query without limit", nil, wire.OpQueryTransfers, (&payments.QueryFilter{}).Append(nil), payments.StatusInvalidFilter)
	b.statusCase("API-03", "a payer registers a client", nil, wire.OpRegisterClient,
		(&payments.ClientRecord{ID: 500, Key: [32]byte(b.genesis.Clients[0].Key), Roles: payments.RoleQueries}).Append(nil), payments.StatusNotAuthorized)
}

// badKeys are registrations that an admin must not get through.
func (b *badRun) badKeys() {
	good := [32]byte(b.genesis.Clients[2].Key)
	mixed := [32]byte{}
	copy(mixed[:], mixedOrderKey())
	minusOne := [32]byte{0xec, 31: 0x7f}
	tooLarge := [32]byte{0xed, 31: 0x7f}
	for i := 1; i < 31; i++ {
		minusOne[i], tooLarge[i] = 0xff, 0xff
	}
	tooLargeMore := tooLarge
	tooLargeMore[0], tooLargeMore[31] = 0xff, 0xff
	admin := &ledgerClient{b: b, name: "admin", seq: 1 << 16}
	for _, c := range []struct {
		want   payments.RegisterCode
		record payments.ClientRecord
	}{
		{payments.RegisterIDMustNotBeZero, payments.ClientRecord{Key: good, Roles: 1}},
		{payments.RegisterRolesMustNotBeZero, payments.ClientRecord{ID: 500, Key: good}},
		{payments.RegisterReservedRole, payments.ClientRecord{ID: 500, Key: good, Roles: 1 << 31}},
		{payments.RegisterReservedRole, payments.ClientRecord{ID: 500, Key: good, Roles: payments.RolesAll + 1}},
		{payments.RegisterKeyHasSmallOrder, payments.ClientRecord{ID: 500, Key: [32]byte{}, Roles: 1}},
		{payments.RegisterKeyHasSmallOrder, payments.ClientRecord{ID: 500, Key: [32]byte{1}, Roles: 1}},
		{payments.RegisterKeyHasSmallOrder, payments.ClientRecord{ID: 500, Key: [32]byte{1, 31: 0x80}, Roles: 1}},
		{payments.RegisterKeyHasSmallOrder, payments.ClientRecord{ID: 500, Key: minusOne, Roles: 1}},
		{payments.RegisterKeyNotCanonical, payments.ClientRecord{ID: 500, Key: tooLarge, Roles: 1}},
		{payments.RegisterKeyNotCanonical, payments.ClientRecord{ID: 500, Key: tooLargeMore, Roles: 1}},
		{payments.RegisterKeyNotOnCurve, payments.ClientRecord{ID: 500, Key: [32]byte{2}, Roles: 1}},
		{payments.RegisterKeyHasMixedOrder, payments.ClientRecord{ID: 500, Key: mixed, Roles: 1}},
		{payments.RegisterExistsWithDifferentKey, payments.ClientRecord{ID: 1, Key: good, Roles: payments.RolesAll}},
	} {
		b.ordered("BYZ-06", fmt.Sprintf("registration: %v of %x", c.want, c.record.Key[:2]), func(*ledgerClient) {
			admin.b = b
			r := admin.ask(wire.OpRegisterClient, c.record.Append(nil))
			if r.Status != 0 || len(r.Result) != 4 || payments.RegisterCode(binary.LittleEndian.Uint32(r.Result)) != c.want {
				b.t.Errorf("status %v, result %x, want %v", payments.Status(r.Status), r.Result, c.want)
			}
		})
	}
}

// mixedOrderKey is an honest key plus the point of order 2: single and batch
// verification may disagree under it.
func mixedOrderKey() []byte {
	honest := curve.CompressedEdwardsY(ed25519.NewKeyFromSeed(make([]byte, 32)).Public().(ed25519.PublicKey))
	order2 := curve.CompressedEdwardsY(append(append([]byte{0xec}, bytes.Repeat([]byte{0xff}, 30)...), 0x7f))
	var a, b, sum curve.EdwardsPoint
	_, errA := a.SetCompressedY(&honest)
	_, errB := b.SetCompressedY(&order2)
	if errA != nil || errB != nil {
		panic("no points")
	}
	var y curve.CompressedEdwardsY
	y.SetEdwardsPoint(sum.Add(&a, &b))
	return y[:]
}

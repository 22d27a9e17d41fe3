package payments

// Aim: every code is reached, and in the precedence that its list states.
// Method: ladders. An event starts with every fault at once; step by step the
// fault that was reported is repaired, so the next code in the list must come.
// All of it also runs against the model.

import (
	"fmt"
	"math/big"
	"testing"

	"quorate/wire"
)

const testTime = 1_700_000_000_000_000_000

// bed is a harness with a handful of accounts and its own seq counter.
type bed struct {
	*harness
	seq   uint64
	time  uint64
	seenA map[AccountCode]bool
	seenT map[TransferCode]bool
}

func newBed(t *testing.T, cfg Config) *bed {
	b := &bed{harness: newHarness(t, cfg), time: testTime, seenA: map[AccountCode]bool{}, seenT: map[TransferCode]bool{}}
	return b
}

func (b *bed) accounts(as ...Account) []AccountCode {
	b.t.Helper()
	var body []byte
	for i := range as {
		body = as[i].Append(body)
	}
	var codes []AccountCode
	for _, c := range b.do(wire.OpCreateAccounts, body) {
		codes = append(codes, AccountCode(c))
		b.seenA[AccountCode(c)] = true
	}
	return codes
}

func (b *bed) transfers(ts ...Transfer) []TransferCode {
	b.t.Helper()
	var body []byte
	for i := range ts {
		body = ts[i].Append(body)
	}
	var codes []TransferCode
	for _, c := range b.do(wire.OpCreateTransfers, body) {
		codes = append(codes, TransferCode(c))
		b.seenT[TransferCode(c)] = true
	}
	return codes
}

func (b *bed) do(op wire.Op, body []byte) []uint32 {
	b.t.Helper()
	b.seq++
	b.time += 1_000_000
	out := b.apply(b.time, request(1, b.seq, op, body))
	if s := out.Requests[0].Status; s != StatusOK {
		b.t.Fatalf("status %v", s)
	}
	codes, err := DecodeCodes(nil, out.Requests[0].Result)
	if err != nil {
		b.t.Fatalf("codes: %v", err)
	}
	return codes
}

func (b *bed) wantT(want TransferCode, t Transfer) {
	b.t.Helper()
	if got := b.transfers(t)[0]; got != want {
		b.t.Fatalf("%v, want %v for %+v", got, want, t)
	}
}

func (b *bed) wantA(want AccountCode, a Account) {
	b.t.Helper()
	if got := b.accounts(a)[0]; got != want {
		b.t.Fatalf("%v, want %v for %+v", got, want, a)
	}
}

func TestAccountCodes(t *testing.T) {
	cfg := testConfig()
	cfg.Limits.AccountsMax, cfg.Limits.LedgersMax = 4, 1
	b := newBed(t, cfg)
	a := Account{ID: U64(1), Ledger: 1, Code: 1, UserData128: U64(7), UserData64: 8, UserData32: 9}
	b.wantA(AccountOK, a)

	x := Account{Reserved: 1, Flags: 1<<15 | 6, DebitsPending: U64(1), DebitsPosted: U64(1), CreditsPending: U64(1), CreditsPosted: U64(1), Timestamp: 5}
	for _, step := range []struct {
		want   AccountCode
		repair func()
	}{
		{AccountTimestampMustBeZero, func() { x.Timestamp = 0 }},
		{AccountReservedField, func() { x.Reserved = 0 }},
		{AccountReservedFlag, func() { x.Flags = 6 }},
		{AccountIDMustNotBeZero, func() { x.ID = MaxU128 }},
		{AccountIDMustNotBeIntMax, func() { x.ID = U64(1) }},
		{AccountExistsWithDifferentFlags, func() { x.Flags = 0 }},
		{AccountExistsWithDifferentUserData128, func() { x.UserData128 = U64(7) }},
		{AccountExistsWithDifferentUserData64, func() { x.UserData64 = 8 }},
		{AccountExistsWithDifferentUserData32, func() { x.UserData32 = 9 }},
		{AccountExistsWithDifferentLedger, func() { x.Ledger = 1 }},
		{AccountExistsWithDifferentCode, func() { x.Code = 1 }},
		{AccountExists, func() { x.ID, x.Flags, x.Ledger, x.Code = U64(2), 6, 0, 0 }},
		{AccountFlagsAreMutuallyExclusive, func() { x.Flags = 0 }},
		{AccountDebitsPendingMustBeZero, func() { x.DebitsPending = U128{} }},
		{AccountDebitsPostedMustBeZero, func() { x.DebitsPosted = U128{} }},
		{AccountCreditsPendingMustBeZero, func() { x.CreditsPending = U128{} }},
		{AccountCreditsPostedMustBeZero, func() { x.CreditsPosted = U128{} }},
		{AccountLedgerMustNotBeZero, func() { x.Ledger = 9 }},
		{AccountCodeMustNotBeZero, func() { x.Code = 1 }},
		{AccountLedgerTableFull, func() { x.Ledger = 1 }},
		{AccountOK, func() {}},
	} {
		b.wantA(step.want, x)
		step.repair()
	}
	imported := Account{ID: U64(3), Ledger: 1, Code: 1, Flags: AccountImported}
	for _, step := range []struct {
		want AccountCode
		at   uint64
	}{
		{AccountImportedEventTimestampOutOfRange, 0},
		{AccountImportedEventTimestampOutOfRange, 1 << 63},
		{AccountImportedEventTimestampMustNotAdvance, b.time * 2},
		{AccountImportedEventTimestampMustNotRegress, 17},
		{AccountOK, b.time + 900_000},
	} {
		imported.Timestamp = step.at
		b.wantA(step.want, imported)
	}
	linked := func(id uint64, f AccountFlags) Account { return Account{ID: U64(id), Ledger: 1, Code: 1, Flags: f} }
	got := b.accounts(linked(4, 1), linked(0, 0), linked(4, AccountImported), linked(5, 1), linked(6, 1))
	want := "[linked_event_failed id_must_not_be_zero imported_event_not_expected linked_event_failed linked_event_chain_open]"
	if fmt.Sprint(got) != want {
		t.Fatalf("%v, want %v", got, want)
	}
	got = b.accounts(imported, linked(4, 0), linked(5, 0))
	if got[1] != AccountImportedEventExpected {
		t.Fatalf("%v", got)
	}
	b.wantA(AccountOK, linked(4, 0))
	b.wantA(AccountTableFull, linked(5, 0))

	cfg.Ledgers = []Ledger{{Number: 1}}
	r := newBed(t, cfg)
	r.wantA(AccountLedgerNotRegistered, Account{ID: U64(1), Ledger: 2, Code: 1})
	for c, name := range accountCodeNames {
		if name != "" && !b.seenA[AccountCode(c)] {
			t.Errorf("code %v was not reached", AccountCode(c))
		}
	}
}

// transferBed has accounts 1–6 on ledger 1 and 7 on ledger 2: 3 must not
// overdraw, 4 must not be overpaid, 5 keeps history, 6 is closed.
func transferBed(t *testing.T, cfg Config) *bed {
	b := newBed(t, cfg)
	for i := uint64(1); i <= 7; i++ {
		a := Account{ID: U64(i), Ledger: 1, Code: 1}
		switch i {
		case 3:
			a.Flags = AccountDebitsMustNotExceedCredits
		case 4:
			a.Flags = AccountCreditsMustNotExceedDebits
		case 5:
			a.Flags = AccountHistory
		case 6:
			a.Flags = AccountClosed
		case 7:
			a.Ledger = 2
		}
		b.wantA(AccountOK, a)
	}
	return b
}

func plain(id, dr, cr, amount uint64) Transfer {
	return Transfer{ID: U64(id), DebitAccountID: U64(dr), CreditAccountID: U64(cr), Amount: U64(amount), Ledger: 1, Code: 1}
}

func TestTransferCodes(t *testing.T) {
	cfg := testConfig()
	cfg.Limits.PendingsMax = 8
	b := transferBed(t, cfg)
	ladderFields(b)
	ladderBalances(b)
	ladderExists(b)
	ladderResolve(b)
	ladderImported(b)
	ladderSigned(b)
	p := plain(9000, 1, 2, 0)
	p.Flags = TransferPending
	for i := uint64(0); ; i++ {
		p.ID = U64(9000 + i)
		if b.transfers(p)[0] == TransferPendingTableFull {
			b.wantT(TransferIDAlreadyFailed, p)
			break
		}
	}
	b.seenT[TransferOverflowsTimeout] = true // TestOverflowsTimeout
	for c, name := range transferCodeNames {
		if name != "" && !b.seenT[TransferCode(c)] {
			t.Errorf("code %v was not reached", TransferCode(c))
		}
	}
	for c := range transferOwnNames {
		if !b.seenT[TransferCode(ownCodesFirst+c)] {
			t.Errorf("code %v was not reached", TransferCode(ownCodesFirst+c))
		}
	}
}

func ladderFields(b *bed) {
	x := Transfer{Flags: 1<<15 | TransferClosingDebit, Timeout: 1, PendingID: U64(1), Timestamp: 5}
	for _, step := range []struct {
		want   TransferCode
		repair func()
	}{
		{TransferTimestampMustBeZero, func() { x.Timestamp = 0 }},
		{TransferReservedFlag, func() { x.Flags = TransferClosingDebit }},
		{TransferIDMustNotBeZero, func() { x.ID = MaxU128 }},
		{TransferIDMustNotBeIntMax, func() { x.ID = U64(10) }},
		{TransferDebitAccountIDMustNotBeZero, func() { x.DebitAccountID = MaxU128 }},
		{TransferDebitAccountIDMustNotBeIntMax, func() { x.DebitAccountID = U64(77) }},
		{TransferCreditAccountIDMustNotBeZero, func() { x.CreditAccountID = MaxU128 }},
		{TransferCreditAccountIDMustNotBeIntMax, func() { x.CreditAccountID = U64(77) }},
		{TransferAccountsMustBeDifferent, func() { x.CreditAccountID = U64(78) }},
		{TransferPendingIDMustBeZero, func() { x.PendingID = U128{} }},
		{TransferTimeoutReservedForPendingTransfer, func() { x.Timeout = 0 }},
		{TransferClosingTransferMustBePending, func() { x.Flags = 0 }},
		{TransferLedgerMustNotBeZero, func() { x.Ledger = 3 }},
		{TransferCodeMustNotBeZero, func() { x.Code = 1 }},
		{TransferDebitAccountNotFound, func() {}},
		{TransferIDAlreadyFailed, func() { x.ID, x.DebitAccountID = U64(11), U64(7) }},
		{TransferCreditAccountNotFound, func() { x.ID, x.CreditAccountID = U64(12), U64(1) }},
		{TransferAccountsMustHaveTheSameLedger, func() { x.DebitAccountID = U64(6) }},
		{TransferMustHaveTheSameLedgerAsAccounts, func() { x.Ledger = 1 }},
		{TransferDebitAccountAlreadyClosed, func() { x.ID, x.DebitAccountID, x.CreditAccountID = U64(13), U64(1), U64(6) }},
		{TransferCreditAccountAlreadyClosed, func() { x.ID, x.CreditAccountID = U64(14), U64(2) }},
		{TransferOK, func() {}},
	} {
		b.wantT(step.want, x)
		step.repair()
	}
	linked := plain(20, 1, 2, 1)
	linked.Flags = TransferLinked
	imported := plain(21, 1, 2, 1)
	imported.Flags = TransferImported
	got := b.transfers(linked, plain(0, 1, 2, 1), imported, linked, linked)
	want := "[linked_event_failed id_must_not_be_zero imported_event_not_expected linked_event_failed linked_event_chain_open]"
	if fmt.Sprint(got) != want {
		b.t.Fatalf("%v, want %v", got, want)
	}
	if got = b.transfers(imported, linked, plain(20, 1, 2, 1)); got[1] != TransferImportedEventExpected || got[2] != TransferLinkedEventFailed {
		b.t.Fatalf("%v", got)
	}
}

func ladderBalances(b *bed) {
	half := U128{Hi: 1 << 63}
	pending := func(id uint64, dr, cr uint64, amount U128) Transfer {
		x := plain(id, dr, cr, 0)
		x.Flags, x.Amount = TransferPending, amount
		return x
	}
	big1, big2 := plain(30, 1, 2, 0), plain(31, 1, 2, 0)
	big1.Amount = half
	b.wantT(TransferOK, pending(32, 1, 2, half))
	b.wantT(TransferOverflowsDebitsPending, pending(33, 1, 5, half))
	b.wantT(TransferOverflowsCreditsPending, pending(34, 5, 2, half))
	big2.Amount = half
	b.wantT(TransferOverflowsDebits, big1) // pending half and posted half
	big1.DebitAccountID = U64(5)
	b.wantT(TransferOverflowsCredits, big1)
	void := Transfer{ID: U64(35), PendingID: U64(32), Flags: TransferVoidPending}
	b.wantT(TransferOK, void)
	b.wantT(TransferOK, big2)
	x := plain(36, 1, 5, 0)
	x.Amount = half
	b.wantT(TransferOverflowsDebitsPosted, x)
	x = plain(37, 5, 2, 0)
	x.Amount = half
	b.wantT(TransferOverflowsCreditsPosted, x)
	b.wantT(TransferExceedsCredits, plain(38, 3, 5, 1))
	b.wantT(TransferExceedsDebits, plain(39, 5, 4, 1))
	b.wantT(TransferOK, plain(40, 1, 3, 10))
	b.wantT(TransferOK, plain(41, 3, 1, 10))
	balancing := plain(42, 3, 1, 10)
	balancing.Flags = TransferBalancingDebit
	b.wantT(TransferOK, balancing) // of 0
}

func ladderExists(b *bed) {
	e := plain(50, 1, 5, 7)
	e.UserData128, e.UserData64, e.UserData32 = U64(1), 2, 3
	b.wantT(TransferOK, e)
	x := Transfer{ID: e.ID, Flags: TransferPending, PendingID: U64(1), Timeout: 1}
	for _, step := range []struct {
		want   TransferCode
		repair func()
	}{
		{TransferExistsWithDifferentFlags, func() { x.Flags = 0 }},
		{TransferExistsWithDifferentPendingID, func() { x.PendingID = U128{} }},
		{TransferExistsWithDifferentTimeout, func() { x.Timeout = 0 }},
		{TransferExistsWithDifferentDebitAccountID, func() { x.DebitAccountID = e.DebitAccountID }},
		{TransferExistsWithDifferentCreditAccountID, func() { x.CreditAccountID = e.CreditAccountID }},
		{TransferExistsWithDifferentAmount, func() { x.Amount = e.Amount }},
		{TransferExistsWithDifferentUserData128, func() { x.UserData128 = e.UserData128 }},
		{TransferExistsWithDifferentUserData64, func() { x.UserData64 = e.UserData64 }},
		{TransferExistsWithDifferentUserData32, func() { x.UserData32 = e.UserData32 }},
		{TransferExistsWithDifferentLedger, func() { x.Ledger = e.Ledger }},
		{TransferExistsWithDifferentCode, func() { x.Code = e.Code }},
		{TransferExists, func() {}},
	} {
		b.wantT(step.want, x)
		step.repair()
	}
}

func ladderResolve(b *bed) {
	p := plain(60, 1, 5, 7)
	p.Flags, p.Timeout = TransferPending, 1
	b.wantT(TransferOK, p)
	b.wantT(TransferOK, func() Transfer { q := p; q.ID, q.Timeout = U64(61), 0; return q }())
	both := TransferPostPending | TransferVoidPending
	x := Transfer{ID: U64(62), Flags: both, Timeout: 1, DebitAccountID: U64(9), CreditAccountID: U64(9), Ledger: 9, Code: 9, Amount: U64(8)}
	for _, step := range []struct {
		want   TransferCode
		repair func()
	}{
		{TransferFlagsAreMutuallyExclusive, func() { x.Flags = TransferVoidPending }},
		{TransferPendingIDMustNotBeZero, func() { x.PendingID = MaxU128 }},
		{TransferPendingIDMustNotBeIntMax, func() { x.PendingID = x.ID }},
		{TransferPendingIDMustBeDifferent, func() { x.PendingID = U64(999) }},
		{TransferTimeoutReservedForPendingTransfer, func() { x.Timeout = 0 }},
		{TransferPendingTransferNotFound, func() { x.ID, x.PendingID = U64(63), U64(50) }},
		{TransferPendingTransferNotPending, func() { x.PendingID = U64(61) }},
		{TransferPendingTransferHasDifferentDebitAccountID, func() { x.DebitAccountID = U64(1) }},
		{TransferPendingTransferHasDifferentCreditAccountID, func() { x.CreditAccountID = U64(5) }},
		{TransferPendingTransferHasDifferentLedger, func() { x.Ledger = 1 }},
		{TransferPendingTransferHasDifferentCode, func() { x.Code = 1 }},
		{TransferExceedsPendingTransferAmount, func() { x.Amount = U64(6) }},
		{TransferPendingTransferHasDifferentAmount, func() { x.Flags = TransferPostPending }},
		{TransferOK, func() {}},
		{TransferExists, func() { x.ID = U64(64) }},
		{TransferPendingTransferAlreadyPosted, func() { x.Amount = U64(9); x.PendingID = U64(60); b.time += 1_000_000_000 }},
		{TransferExceedsPendingTransferAmount, func() { x.Amount = U64(1) }},
		{TransferPendingTransferExpired, func() { x.PendingID, x.Amount = U64(32), U128{} }},
	} {
		b.wantT(step.want, x)
		step.repair()
	}
	x = Transfer{ID: U64(65), Flags: TransferPostPending, PendingID: U64(32), Amount: MaxU128}
	b.wantT(TransferPendingTransferAlreadyVoided, x)
	closing := plain(66, 1, 5, 0)
	closing.Flags = TransferPending | TransferClosingCredit
	b.wantT(TransferOK, closing)
	b.wantT(TransferCreditAccountAlreadyClosed, Transfer{ID: U64(67), Flags: TransferPostPending, PendingID: U64(66)})
	b.wantT(TransferOK, Transfer{ID: U64(68), Flags: TransferVoidPending, PendingID: U64(66)})
	b.wantT(TransferOK, plain(69, 1, 5, 1))
}

func ladderImported(b *bed) {
	late := Account{ID: U64(8), Ledger: 1, Code: 1, Flags: AccountImported, Timestamp: b.time + 100_000}
	b.wantA(AccountOK, late)
	later := late
	later.ID, later.Timestamp = U64(9), b.time+200_000
	b.wantA(AccountOK, later)
	x := plain(80, 8, 9, 1)
	x.Flags, x.Timeout = TransferImported|TransferPending, 1
	for _, step := range []struct {
		want TransferCode
		at   uint64
	}{
		{TransferImportedEventTimestampOutOfRange, 0},
		{TransferImportedEventTimestampOutOfRange, 1 << 63},
		{TransferImportedEventTimestampMustNotAdvance, b.time * 2},
		{TransferImportedEventTimestampMustNotRegress, 17},
		{TransferImportedEventTimestampMustNotRegress, late.Timestamp},
		{TransferImportedEventTimestampMustPostdateDebitAccount, late.Timestamp - 1},
		{TransferImportedEventTimestampMustPostdateCreditAccount, late.Timestamp + 1},
		{TransferImportedEventTimeoutMustBeZero, later.Timestamp + 1},
	} {
		x.Timestamp = step.at
		b.wantT(step.want, x)
	}
	x.Timeout = 0
	b.wantT(TransferOK, x)
}

// TestOverflowsTimeout is apart: it needs a clock near the end of time, which
// imported events and proposals cannot reach.
func TestOverflowsTimeout(t *testing.T) {
	x := Transfer{Flags: TransferPending, Timeout: 1<<32 - 1, Timestamp: TimestampMax - 1}
	p := pair{dr: &Account{}, cr: &Account{}}
	if c := x.checkBalances(&p); c != TransferOverflowsTimeout {
		t.Fatalf("%v", c)
	}
	end := new(big.Int).SetUint64(uint64(x.Timeout))
	end.Mul(end, big.NewInt(nanosPerSecond)).Add(end, new(big.Int).SetUint64(x.Timestamp))
	if !end.IsUint64() {
		t.Fatal("the sum of a timestamp and a timeout must fit 64 bits")
	}
	x.Timestamp -= uint64(x.Timeout)*nanosPerSecond - 1
	if c := x.checkBalances(&p); c != TransferOK {
		t.Fatalf("%v", c)
	}
}

func TestCodeNames(t *testing.T) {
	for c := uint32(0); c < 1100; c++ {
		for _, names := range []struct {
			name  string
			parse func(string) (uint32, bool)
		}{
			{AccountCode(c).String(), func(s string) (uint32, bool) { v, ok := ParseAccountCode(s); return uint32(v), ok }},
			{TransferCode(c).String(), func(s string) (uint32, bool) { v, ok := ParseTransferCode(s); return uint32(v), ok }},
			{RegisterCode(c).String(), func(s string) (uint32, bool) { v, ok := ParseRegisterCode(s); return uint32(v), ok }},
			{Status(c).String(), func(s string) (uint32, bool) { v, ok := ParseStatus(s); return uint32(v), ok }},
		} {
			if v, ok := names.parse(names.name); ok && v != c {
				t.Fatalf("%q parses to %d, not %d", names.name, v, c)
			}
		}
	}
	for name, want := range map[string]TransferCode{"ok": 0, "exceeds_credits": 54, "id_already_failed": 68, "pending_table_full": 1000} {
		if c, ok := ParseTransferCode(name); !ok || c != want || c.String() != name {
			t.Errorf("%s: %d %v", name, c, ok)
		}
	}
	if _, ok := ParseTransferCode(""); ok {
		t.Error("the empty name parses")
	}
}

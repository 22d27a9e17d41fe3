package payments

// Aim: what a signature allows and what it does not; a bad one refuses its own
// transfer (and its chain) and nothing else, and uses up no id. Method: ladders
// as in codes_test.go, and a table of who may post and void. All of it also runs
// against the model. Verdicts are given: this package knows no cryptography.

import (
	"fmt"
	"slices"
	"testing"

	"quorate/wire"
)

// signedBy is one transfer with its payer and verdict.
type signedBy struct {
	Transfer
	payer int
	good  bool
}

func (b *bed) signed(ts ...signedBy) []TransferCode {
	b.t.Helper()
	var events []byte
	var seals []wire.Seal
	for i := range ts {
		events = ts[i].Append(events)
		seals = append(seals, seal(ts[i].payer, ts[i].good))
	}
	var codes []TransferCode
	for _, c := range b.do(wire.OpCreateSignedTransfers, wire.AppendSigned(nil, events, seals)) {
		codes = append(codes, TransferCode(c))
		b.seenT[TransferCode(c)] = true
	}
	return codes
}

func (b *bed) wantSigned(want TransferCode, t Transfer, payer int, good bool) {
	b.t.Helper()
	if got := b.signed(signedBy{t, payer, good}); got[0] != want {
		b.t.Fatalf("%v, want %v: %+v by %d", got[0], want, t, payer)
	}
}

// owned gives the account of payer n, made with flags.
func (b *bed) owned(n int, flags AccountFlags) U128 {
	b.t.Helper()
	id := KeyAccount(ownerKey(n))
	b.wantA(AccountOK, Account{ID: id, Ledger: 1, Code: 1, Flags: flags})
	return id
}

func ladderSigned(b *bed) {
	id := b.owned(0, AccountDebitsMustBeSigned)
	x := Transfer{ID: U64(500), DebitAccountID: U64(1), CreditAccountID: U64(2), Amount: U64(3), Code: 1,
		Flags: 1<<15 | TransferPending | TransferClosingCredit}
	good := false
	for _, step := range []struct {
		want   TransferCode
		repair func()
	}{
		{TransferSignatureInvalid, func() { good = true }},
		{TransferFlagsNotAllowedWhenSigned, func() { x.Flags &^= TransferClosingCredit }},
		{TransferSignerNotOwner, func() { x.DebitAccountID = id }},
		{TransferReservedFlag, func() { x.Flags = 0 }},
		{TransferLedgerMustNotBeZero, func() { x.Ledger = 1 }},
		{TransferOK, func() {}},
		{TransferExists, func() { good = false }},
		{TransferSignatureInvalid, func() {}},
	} {
		b.wantSigned(step.want, x, 0, good)
		step.repair()
	}
	x = plain(501, 1, 2, 3)
	x.DebitAccountID = id
	for _, flags := range []TransferFlags{0, TransferPending, TransferBalancingDebit} {
		x.Flags = flags
		b.wantT(TransferSignatureRequired, x)
	}
	x.Flags = 0
	b.wantSigned(TransferOK, x, 0, true) // none of those used up the id
	imported := x
	imported.Flags, imported.Timestamp = TransferImported, 17
	b.wantSigned(TransferFlagsNotAllowedWhenSigned, imported, 0, true)
}

// TestBadSignatureRefusesItsOwnTransfer: neighbours go on, its chain does not,
// and the id stays free for whoever may sign it.
func TestBadSignatureRefusesItsOwnTransfer(t *testing.T) {
	b := transferBed(t, testConfig())
	b.owned(0, AccountDebitsMustBeSigned)
	b.owned(1, 0)
	pay := func(id uint64, payer int, flags TransferFlags, good bool) signedBy {
		x := plain(id, 1, 2, 10)
		x.DebitAccountID, x.Flags = KeyAccount(ownerKey(payer)), flags
		return signedBy{x, payer, good}
	}
	got := b.signed(pay(1, 0, 0, true), pay(2, 1, 0, false), pay(3, 1, 0, true),
		pay(4, 0, TransferLinked, true), pay(5, 1, TransferLinked, false), pay(6, 0, 0, true), pay(7, 0, 0, true))
	if want := "[ok signature_invalid ok linked_event_failed signature_invalid linked_event_failed ok]"; fmt.Sprint(got) != want {
		t.Fatalf("%v, want %s", got, want)
	}
	if got = b.signed(pay(2, 1, 0, true), pay(5, 1, 0, true)); !slices.Equal(got, []TransferCode{TransferOK, TransferOK}) {
		t.Fatalf("%v: a bad signature used up the id", got)
	}
	stolen := pay(8, 1, 0, true)
	stolen.payer = 0
	if got = b.signed(stolen); got[0] != TransferSignerNotOwner {
		t.Fatalf("%v: payer 0 debits the account of payer 1", got)
	}
	if a, _ := b.m.Account(KeyAccount(ownerKey(0))); a.DebitsPosted != U64(20) {
		t.Fatalf("payer 0 paid %v, want 20", a.DebitsPosted)
	}
}

// TestWhoMayResolve: the table of who may post and void what an owner reserved.
func TestWhoMayResolve(t *testing.T) {
	const payer, payee, stranger, nobody = 0, 1, 2, -1 // nobody: not signed
	b := transferBed(t, testConfig())
	for _, n := range []int{payer, payee, stranger} {
		b.owned(n, AccountDebitsMustBeSigned)
	}
	id := uint64(100)
	for _, c := range []struct {
		who  int
		flag TransferFlags
		want TransferCode
	}{
		{payer, TransferPostPending, TransferOK}, {payer, TransferVoidPending, TransferSignerNotOwner},
		{payee, TransferPostPending, TransferOK}, {payee, TransferVoidPending, TransferOK},
		{stranger, TransferPostPending, TransferSignerNotOwner}, {stranger, TransferVoidPending, TransferSignerNotOwner},
		{nobody, TransferPostPending, TransferOK}, {nobody, TransferVoidPending, TransferOK},
	} {
		p := plain(id, 1, 2, 10)
		p.DebitAccountID, p.CreditAccountID, p.Flags = KeyAccount(ownerKey(payer)), KeyAccount(ownerKey(payee)), TransferPending
		b.wantSigned(TransferOK, p, payer, true)
		x := Transfer{ID: U64(id + 1), PendingID: p.ID, Flags: c.flag}
		id += 2
		if c.who == nobody {
			b.wantT(c.want, x)
			continue
		}
		b.wantSigned(TransferSignatureInvalid, x, c.who, false)
		b.wantSigned(c.want, x, c.who, true)
	}
}

// TestSignedRoles: a gateway with RoleSignedTransfers alone moves nothing that
// was not signed; RoleTransfers allows both.
func TestSignedRoles(t *testing.T) {
	cfg := testConfig()
	cfg.Clients = append(cfg.Clients, ClientRecord{ID: 3, Key: testKey(3), Roles: RoleSignedTransfers})
	b := transferBed(t, cfg)
	x := plain(1, 1, 2, 3)
	x.DebitAccountID = b.owned(0, 0)
	signed := wire.AppendSigned(nil, x.Append(nil), []wire.Seal{seal(0, true)})
	for _, c := range []struct {
		client wire.ClientID
		op     wire.Op
		body   []byte
		want   Status
	}{
		{3, wire.OpCreateTransfers, x.Append(nil), StatusNotAuthorized},
		{3, wire.OpCreateSignedTransfers, signed, StatusOK},
		{2, wire.OpCreateSignedTransfers, signed, StatusOK},
		{3, wire.OpCreateSignedTransfers, signed[:len(signed)-1], StatusMalformedBody},
		{3, wire.OpCreateSignedTransfers, nil, StatusMalformedBody},
	} {
		b.seq++
		b.time += 1_000_000
		if got := b.apply(b.time, request(c.client, b.seq, c.op, c.body)).Requests[0].Status; got != c.want {
			t.Fatalf("client %d, %v of %d bytes: %v, want %v", c.client, c.op, len(c.body), got, c.want)
		}
	}
}

// TestSignedBodyLimits: one record less than the limit, the limit, one more.
func TestSignedBodyLimits(t *testing.T) {
	for n, want := range map[int]bool{
		0: false, wire.SignedEventBytes: true, wire.EventBytes: false,
		(wire.SignedEventsMax - 1) * wire.SignedEventBytes: true, wire.SignedEventsMax * wire.SignedEventBytes: true,
		(wire.SignedEventsMax + 1) * wire.SignedEventBytes: false, wire.SignedEventsMax*wire.SignedEventBytes - 1: false,
	} {
		if got := WholeBody(wire.OpCreateSignedTransfers, n); got != want {
			t.Errorf("%d bytes: %v", n, got)
		}
	}
}

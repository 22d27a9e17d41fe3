package payments

// A generator of request streams that are mostly sensible and often on the edge:
// few ids, so that everything meets everything; retries, chains, two phases,
// time that passes timeouts, imports, wrong fields.

import (
	"quorate/payments/paymentsmodel"
	"quorate/wire"
)

type gen struct {
	pick   func(n int) int // uniform in [0, n)
	seqs   map[wire.ClientID]uint64
	sent   []Request
	events [][]byte // transfers sent before
	ids    uint64
	time   uint64
	model  *paymentsmodel.Model
}

func newGen(pick func(n int) int, m *paymentsmodel.Model) *gen {
	return &gen{pick: pick, seqs: map[wire.ClientID]uint64{}, time: 1_700_000_000_000_000_000, model: m}
}

func (g *gen) one(in int) bool { return g.pick(in) == 0 }

func oneOf[T any](g *gen, of ...T) T { return of[g.pick(len(of))] }

// block gives a proposed time and 1 to 3 requests.
func (g *gen) block() (uint64, []Request) {
	g.time += uint64(oneOf(g, 1, 1000, 500_000_000, 1_500_000_000))
	proposed := oneOf(g, g.time, g.time, g.time, 0)
	var reqs []Request
	for n := g.pick(4); n > 0; n-- {
		reqs = append(reqs, g.request())
	}
	return proposed, reqs
}

func (g *gen) request() Request {
	if len(g.sent) > 0 && g.one(10) {
		q := g.sent[len(g.sent)-1-g.pick(min(len(g.sent), 80))] // again
		if g.one(3) {
			q.Digest[0]++
		}
		return q
	}
	client := oneOf[wire.ClientID](g, 1, 1, 1, 1, 1, 1, 1, 1, 2, 2, 3, 4)
	g.seqs[client]++
	seq := g.seqs[client]
	switch g.pick(60) {
	case 0:
		g.seqs[client] += uint64(g.pick(100)) // leaves a gap
		seq = g.seqs[client]
	case 1:
		seq -= min(seq, uint64(g.pick(80))) // into a gap, or old
	case 2:
		seq += 1<<20 - 1 + uint64(g.pick(3))
		if high, known := g.model.High(client); known && seq <= high+1<<20 {
			g.seqs[client] = seq
		}
	}
	op := oneOf(g, wire.OpCreateAccounts, wire.OpCreateSignedTransfers, wire.OpCreateSignedTransfers, wire.OpCreateTransfers, wire.OpCreateTransfers, wire.OpCreateTransfers,
		wire.OpCreateTransfers, wire.OpCreateTransfers, wire.OpCreateTransfers, wire.OpCreateTransfers, wire.OpCreateTransfers, wire.OpLookupAccounts, wire.OpLookupTransfers, wire.OpGetAccountTransfers,
		wire.OpGetAccountBalances, wire.OpQueryAccounts, wire.OpQueryTransfers, wire.OpRegisterClient, wire.OpLedgerTotals)
	body := g.body(op)
	if g.one(40) && len(body) > 0 {
		body = body[:len(body)-1-g.pick(len(body))]
	}
	if g.one(60) {
		op = wire.Op(g.pick(256))
	}
	q := request(client, seq, op, body)
	g.sent = append(g.sent, q)
	return q
}

// opening makes the accounts that most of the stream moves money between.
func (g *gen) opening() Request {
	var b []byte
	for id := uint64(1); id <= 8; id++ {
		a := Account{ID: U64(id), Ledger: uint32(oneOf(g, 1, 1, 1, 1, 1, 1, 1, 2)), Code: 1,
			Flags: AccountFlags(oneOf(g, 0, 0, 0, 0, 2, 4, 8, 8, 8+2))}
		b = a.Append(b)
	}
	for n := range payersMax {
		a := Account{ID: KeyAccount(ownerKey(n)), Ledger: 1, Code: 1, Flags: oneOf(g, AccountDebitsMustBeSigned, AccountDebitsMustBeSigned, 0)}
		b = a.Append(b)
	}
	g.seqs[1]++
	return request(1, g.seqs[1], wire.OpCreateAccounts, b)
}

func (g *gen) body(op wire.Op) (b []byte) {
	switch op {
	case wire.OpCreateAccounts:
		imported := g.one(6)
		for n := g.pick(6) + 1; n > 0; n-- {
			a := g.account(imported)
			b = a.Append(b)
		}
	case wire.OpCreateTransfers:
		imported := g.one(16)
		for n := g.pick(10) + 1; n > 0; n-- {
			if len(g.events) > 0 && g.one(8) {
				b = append(b, g.again()...)
				continue
			}
			t := g.transfer(imported)
			e := t.Append(nil)
			g.events = append(g.events, e)
			b = append(b, e...)
		}
	case wire.OpCreateSignedTransfers:
		b = g.signedBody()
	case wire.OpLookupAccounts:
		for n := g.pick(4) + 1; n > 0; n-- {
			b = AppendID(b, g.accountID())
		}
	case wire.OpLookupTransfers:
		for n := g.pick(6) + 1; n > 0; n-- {
			b = AppendID(b, g.usedID())
		}
	case wire.OpGetAccountTransfers, wire.OpGetAccountBalances:
		f := g.accountFilter()
		b = f.Append(b)
	case wire.OpQueryAccounts, wire.OpQueryTransfers:
		f := g.queryFilter()
		b = f.Append(b)
	case wire.OpRegisterClient:
		c := ClientRecord{ID: wire.ClientID(g.pick(6)), Key: testKey(byte(g.pick(5) + 2)), Roles: Roles(g.pick(34))}
		switch {
		case g.one(8):
			c.Key = [32]byte{1}
		case g.one(8):
			c.Key = [32]byte{2}
		}
		b = c.Append(b)
	}
	return b
}

// payersMax is the number of keys that own an account.
const payersMax = 3

// signedBody is a body of signed transfers: some forged, some of a key that does
// not own what it debits, some of events that were sent before.
func (g *gen) signedBody() []byte {
	var events []byte
	var seals []wire.Seal
	for n := g.pick(6) + 1; n > 0; n-- {
		payer := g.pick(payersMax)
		t := g.transfer(g.one(30))
		if t.Flags&transferResolves == 0 && !g.one(8) {
			t.DebitAccountID = KeyAccount(ownerKey(payer))
		}
		e := t.Append(nil)
		if len(g.events) > 0 && g.one(8) {
			e = g.again()
		}
		g.events = append(g.events, e)
		events = append(events, e...)
		seals = append(seals, seal(payer, !g.one(6)))
	}
	return wire.AppendSigned(nil, events, seals)
}

// again repeats an event, perhaps with one byte changed.
func (g *gen) again() []byte {
	e := append([]byte(nil), g.events[g.pick(len(g.events))]...)
	if g.one(2) {
		at := oneOf(g, 16, 32, 48, 48, 49, 64, 80, 80, 96, 96, 104, 104, 108, 112, 116, 118)
		e[at] ^= byte(1 << g.pick(8))
	}
	return e
}

func (g *gen) accountID() U128 {
	if g.one(6) {
		return KeyAccount(ownerKey(g.pick(payersMax)))
	}
	if g.one(60) {
		return oneOf(g, U128{}, MaxU128)
	}
	if g.one(40) {
		return U64(9)
	}
	return U64(uint64(g.pick(8) + 1))
}

func (g *gen) usedID() U128 {
	if g.one(40) {
		return oneOf(g, U128{}, MaxU128)
	}
	return U128{Lo: uint64(g.pick(int(g.ids)+3) + 1), Hi: 5}
}

func (g *gen) account(imported bool) Account {
	a := Account{
		ID: g.accountID(), UserData128: U64(uint64(g.pick(2))), UserData64: uint64(g.pick(2)), UserData32: uint32(g.pick(2)),
		Ledger: uint32(oneOf(g, 1, 1, 1, 1, 1, 2)), Code: uint16(g.pick(2) + 1),
		Flags: AccountFlags(oneOf(g, 0, 0, 0, 1, 2, 4, 8, 8, 8+2)),
	}
	if imported != g.one(20) {
		a.Flags |= AccountImported
		a.Timestamp = g.pastTime()
	}
	if g.one(12) {
		switch g.pick(8) {
		case 0:
			a.Reserved = 1
		case 1:
			a.Flags = AccountFlags(g.pick(1 << 16))
		case 2:
			a.DebitsPending = U64(1)
		case 3:
			a.CreditsPosted = U64(1)
		case 4:
			a.Ledger = uint32(g.pick(6))
		case 5:
			a.Code = 0
		case 6:
			a.Timestamp = 1
		case 7:
			a.Flags |= AccountClosed
		}
	}
	return a
}

// pastTime is near the youngest account or transfer.
func (g *gen) pastTime() uint64 {
	return oneOf(g, g.time-uint64(g.pick(2_000_000_000)), g.model.Last()-uint64(g.pick(1000)), uint64(g.pick(100)),
		g.model.Last()+uint64(g.pick(3)), 1<<63)
}

func (g *gen) transfer(imported bool) Transfer {
	g.ids++
	t := Transfer{
		ID: U128{Lo: g.ids, Hi: 5}, DebitAccountID: g.accountID(), CreditAccountID: g.accountID(),
		Amount: g.amount(), UserData64: uint64(g.pick(3)), UserData32: uint32(g.pick(2)), UserData128: U64(uint64(g.pick(2))),
		Ledger: 1, Code: uint16(g.pick(2) + 1),
	}
	switch g.pick(12) {
	case 0, 1, 2:
		t.Flags = TransferPending
		t.Timeout = uint32(g.pick(4))
		t.Flags |= oneOf[TransferFlags](g, 0, 0, 0, 0, 0, 0, 0, 0, 0, TransferClosingDebit, TransferClosingCredit, TransferBalancingDebit)
	case 3, 4, 5:
		g.resolve(&t)
	case 6:
		t.Flags = oneOf(g, TransferBalancingDebit, TransferBalancingCredit, TransferBalancingDebit|TransferBalancingCredit)
	}
	if g.one(7) {
		t.Flags |= TransferLinked
	}
	if imported != g.one(60) {
		t.Flags |= TransferImported
		t.Timestamp = g.pastTime()
		if g.one(2) {
			t.Timeout = 0
		}
	}
	if g.one(14) {
		switch g.pick(8) {
		case 0:
			t.Flags = TransferFlags(g.pick(1 << 16))
		case 1:
			t.Ledger = uint32(g.pick(4))
		case 2:
			t.Code = 0
		case 3:
			t.PendingID = U64(uint64(g.pick(2)))
		case 4:
			t.ID = g.usedID()
		case 5:
			t.Timeout = uint32(oneOf(g, 1, 1<<32-1))
		case 6:
			t.Timestamp = uint64(g.pick(2))
		case 7:
			t.Flags |= TransferClosingCredit
		}
	}
	return t
}

func (g *gen) amount() U128 {
	if g.one(12) {
		return oneOf(g, MaxU128, U128{Hi: 1 << 63}, U128{Lo: ^uint64(0)}, U128{Hi: 1})
	}
	return U64(uint64(g.pick(40)))
}

// resolve makes t post or void something, mostly a pending transfer.
func (g *gen) resolve(t *Transfer) {
	t.Flags = oneOf(g, TransferPostPending, TransferVoidPending)
	t.PendingID = g.usedID()
	for n := 0; n < 30; n++ { // look for one that is pending
		id := g.usedID()
		if p, status, ok := modelTransfer(g.model, id); ok && p.Flags&TransferPending != 0 && (status == PendingOpen || n > 25) {
			t.PendingID = id
			if g.one(4) {
				t.DebitAccountID, t.CreditAccountID, t.Amount = p.DebitAccountID, p.CreditAccountID, p.Amount
				return
			}
			break
		}
	}
	if !g.one(5) {
		t.DebitAccountID, t.CreditAccountID = U128{}, U128{}
	}
	t.Amount = oneOf(g, U128{}, MaxU128, t.Amount)
	t.Ledger, t.Code = uint32(oneOf(g, 0, 0, 1)), uint16(oneOf(g, 0, 0, 1))
}

func (g *gen) accountFilter() AccountFilter {
	return AccountFilter{
		AccountID: g.accountID(), UserData64: uint64(oneOf(g, 0, 0, 0, 1)), UserData32: uint32(oneOf(g, 0, 0, 0, 1)),
		UserData128: U64(uint64(oneOf(g, 0, 0, 0, 1))), Code: uint16(oneOf(g, 0, 0, 0, 1)),
		TimestampMin: g.bound(), TimestampMax: g.bound(), Limit: uint32(oneOf(g, 1, 2, 5, 100, 10_000, 10_000, 0)),
		Flags: AccountFilterFlags(oneOf(g, 1, 2, 3, 3, 3, 7, 7, 5, 6, 0, 8)),
	}
}

func (g *gen) queryFilter() QueryFilter {
	return QueryFilter{
		UserData64: uint64(oneOf(g, 0, 0, 0, 1)), UserData32: uint32(oneOf(g, 0, 0, 0, 1)),
		UserData128: U64(uint64(oneOf(g, 0, 0, 0, 1))), Code: uint16(oneOf(g, 0, 0, 0, 1)), Ledger: uint32(oneOf(g, 0, 0, 1, 2)),
		TimestampMin: g.bound(), TimestampMax: g.bound(), Limit: uint32(oneOf(g, 1, 2, 5, 100, 10_000, 10_000, 0)),
		Flags: QueryFilterFlags(oneOf(g, 0, 0, 1, 1, 2)),
	}
}

// bound is a timestamp of a filter, mostly none.
func (g *gen) bound() uint64 {
	if g.one(2) || len(g.model.Transfers()) == 0 {
		return 0
	}
	old, _, _ := modelTransfer(g.model, U128(g.model.Transfers()[g.pick(len(g.model.Transfers()))]))
	t := old.Timestamp
	return t + uint64(g.pick(3)) - 1
}

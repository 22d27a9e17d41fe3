package payments

// Aim: what random streams cannot reach or would not name: bounds of blocks,
// queries and sweeps, cut queries, broken archives, damaged checkpoints.
// Method: one short story per test.

import (
	"bytes"
	"errors"
	"fmt"
	"math/bits"
	"testing"

	"quorate/wire"
)

// TestPaymentStory is the scenario to read first.
func TestPaymentStory(t *testing.T) {
	b := newBed(t, testConfig())
	b.wantA(AccountOK, Account{ID: U64(1), Ledger: 978, Code: 1})
	b.wantA(AccountOK, Account{ID: U64(2), Ledger: 978, Code: 1, Flags: AccountDebitsMustNotExceedCredits | AccountHistory})
	pay := Transfer{ID: U64(10), DebitAccountID: U64(1), CreditAccountID: U64(2), Amount: U64(100), Ledger: 978, Code: 1}
	b.wantT(TransferOK, pay)
	b.wantT(TransferExists, pay) // the same payment in another request: no second time
	hold := Transfer{ID: U64(11), DebitAccountID: U64(2), CreditAccountID: U64(1), Amount: U64(80), Ledger: 978, Code: 1,
		Flags: TransferPending, Timeout: 60}
	b.wantT(TransferOK, hold)
	b.wantT(TransferExceedsCredits, Transfer{ID: U64(12), DebitAccountID: U64(2), CreditAccountID: U64(1), Amount: U64(21), Ledger: 978, Code: 1})
	b.wantT(TransferOK, Transfer{ID: U64(13), PendingID: U64(11), Amount: U64(30), Flags: TransferPostPending})
	a, _ := b.m.Account(U64(2))
	if a.DebitsPosted != U64(30) || a.CreditsPosted != U64(100) || !a.DebitsPending.IsZero() {
		t.Fatalf("%+v", a)
	}
	f := AccountFilter{AccountID: U64(2), Limit: 10, Flags: FilterDebits | FilterCredits}
	out := b.query(wire.OpGetAccountBalances, f.Append(nil))
	var steps []string
	for ; len(out) > 0; out = out[RecordBytes:] {
		var v AccountBalance
		if err := v.Decode(out[:RecordBytes]); err != nil {
			t.Fatal(err)
		}
		steps = append(steps, fmt.Sprint(v.DebitsPending, v.DebitsPosted, v.CreditsPosted))
	}
	if got, want := fmt.Sprint(steps), "[0 0 100 80 0 100 0 30 100]"; got != want {
		t.Fatalf("%v, want %v", got, want)
	}
}

func (b *bed) query(op wire.Op, body []byte) []byte {
	b.t.Helper()
	b.seq++
	out := b.apply(0, request(1, b.seq, op, body))
	if s := out.Requests[0].Status; s != StatusOK {
		b.t.Fatalf("status %v", s)
	}
	return bytes.Clone(out.Requests[0].Result)
}

func TestSessionWindow(t *testing.T) {
	h := mustHarness(t)
	ask := func(seq uint64) Request {
		return request(2, seq, wire.OpQueryAccounts, (&QueryFilter{Limit: 1}).Append(nil))
	}
	for i, step := range []struct {
		seq  uint64
		want Status
	}{
		{0, StatusSeqTooOld}, {1, StatusOK}, {1, StatusDuplicate}, {64, StatusOK}, {1, StatusDuplicate}, {2, StatusOK},
		{65, StatusOK}, {1, StatusSeqTooOld}, {2, StatusDuplicate}, {66, StatusOK}, {2, StatusSeqTooOld}, {3, StatusOK},
		{66 + SessionJumpMax + 1, StatusSeqTooFar}, {66 + SessionJumpMax, StatusOK}, {66, StatusSeqTooOld},
		{66 + SessionJumpMax - 63, StatusOK}, {66 + SessionJumpMax - 64, StatusSeqTooOld}, {1 << 63, StatusSeqTooFar},
	} {
		place, status := h.m.Lookup(2, step.seq)
		q := ask(step.seq)
		out := h.apply(0, q)
		if got := out.Requests[0].Status; got != step.want || status != step.want {
			t.Fatalf("step %d: seq %d: %v and %v, want %v", i, step.seq, got, status, step.want)
		}
		if step.want == StatusDuplicate && (place.Digest != q.Digest || place.Seq == 0) {
			t.Fatalf("step %d: place %+v", i, place)
		}
	}
	q := ask(66 + SessionJumpMax - 5)
	other := q
	other.Digest[3]++
	out := h.apply(0, q, q, other)
	if r := out.Requests; r[0].Status != StatusOK || r[1].Status != StatusDuplicate || r[1].DuplicateSeq != out.Seq ||
		r[1].DuplicateIndex != 0 || r[2].Status != StatusRequestIDReused {
		t.Fatalf("%+v", r)
	}
	if v, ok := h.m.Session(2); !ok || v.High != 66+SessionJumpMax || v.Client.Roles != RoleTransfers|RoleQueries {
		t.Fatalf("%+v", v)
	}
	if _, ok := h.m.Session(3); ok || h.m.Clients() != 2 || h.m.Client(1).ID != 2 {
		t.Fatal("clients")
	}
}

// TestExpiryBound sweeps two of five at a time; the rest count as expired.
func TestExpiryBound(t *testing.T) {
	cfg := testConfig()
	cfg.Limits.ExpiriesMax = 2
	b := transferBed(t, cfg)
	b.model = newModel(testConfig()) // the model sweeps everything at once: not used here
	m, archive, out := b.m, b.archive, &b.out
	apply := func(time uint64, reqs ...Request) {
		t.Helper()
		if err := m.Apply(m.Seq()+1, time, reqs, archive, out); err != nil {
			t.Fatal(err)
		}
		archive.Add(reqs, out)
		if err := m.Audit(); err != nil {
			t.Fatal(err)
		}
	}
	var body []byte
	for i := uint64(0); i < 5; i++ {
		p := plain(100+i, 1, 2, 1)
		p.Flags, p.Timeout = TransferPending, 1
		body = p.Append(body)
	}
	b.time += 1_000_000
	apply(b.time, request(1, 50, wire.OpCreateTransfers, body))
	b.time += 2_000_000_000
	post := Transfer{ID: U64(200), PendingID: U64(104), Flags: TransferPostPending, Amount: MaxU128}
	apply(b.time, request(1, 51, wire.OpCreateTransfers, post.Append(nil)))
	if c, _ := DecodeCodes(nil, out.Requests[0].Result); TransferCode(c[0]) != TransferPendingTransferExpired || len(out.Resolved) != 2 {
		t.Fatalf("%v, %d resolved", c, len(out.Resolved))
	}
	if a, _ := m.Account(U64(1)); a.DebitsPending != U64(3) {
		t.Fatalf("%v still reserved", a.DebitsPending)
	}
	apply(0)
	apply(0)
	if a, _ := m.Account(U64(1)); !a.DebitsPending.IsZero() || len(out.Resolved) != 1 || out.Resolved[0].Status != PendingExpired {
		t.Fatalf("%v still reserved", a.DebitsPending)
	}
	apply(0)
	if len(out.Resolved) != 0 {
		t.Fatal("expired twice")
	}
}

func TestBlockBudgets(t *testing.T) {
	cfg := testConfig()
	cfg.Limits = Limits{BlockEventsMax: wire.EventsMax + 1, QueryUnits: 40_000, BlockQueryUnits: wire.EventsMax * UnitsPerLoad,
		BlockResultBytes: wire.ResultBytesMax}
	m := newHarness(t, cfg).m
	var out Outcome
	full := make([]byte, wire.EventsMax*RecordBytes)
	one := make([]byte, RecordBytes)
	list := make([]byte, wire.EventsMax*u128Bytes)
	reqs := []Request{
		request(1, 1, wire.OpCreateTransfers, full), request(1, 2, wire.OpCreateTransfers, one),
		request(1, 3, wire.OpCreateTransfers, one), request(1, 4, wire.OpLookupAccounts, one[:16]),
	}
	if err := m.Apply(1, 0, reqs, noArchive{}, &out); err != nil {
		t.Fatal(err)
	}
	for i, want := range []Status{StatusOK, StatusOK, StatusBlockBudget, StatusOK} {
		if out.Requests[i].Status != want {
			t.Fatalf("request %d: %v, want %v", i, out.Requests[i].Status, want)
		}
	}
	reqs = []Request{
		request(1, 5, wire.OpLookupTransfers, list[:16]), request(1, 6, wire.OpLookupTransfers, list),
		request(1, 7, wire.OpLookupAccounts, list), request(1, 3, wire.OpCreateTransfers, one),
	}
	if err := m.Apply(2, 0, reqs, noArchive{}, &out); err != nil {
		t.Fatal(err)
	}
	for i, want := range []Status{StatusOK, StatusBlockBudget, StatusOK, StatusOK} {
		if out.Requests[i].Status != want {
			t.Fatalf("request %d: %v, want %v", i, out.Requests[i].Status, want)
		}
	}
	m.meta.ordinalNext = valueMax // nobody lives to see it otherwise
	if s := m.checkBodyIn(&out, request(1, 9, wire.OpCreateTransfers, one)); s != StatusLedgerFull {
		t.Fatal(s)
	}
}

func (m *Machine) checkBodyIn(out *Outcome, q Request) Status {
	m.block.out = out
	return m.checkBody(&q)
}

func TestApplyOrderAndTime(t *testing.T) {
	h := mustHarness(t)
	if err := h.m.Apply(2, 0, nil, h.archive, &h.out); !errors.Is(err, ErrSeq) {
		t.Fatal(err)
	}
	for _, step := range [][2]uint64{{5, 5}, {5, 6}, {0, 7}, {1 << 62, 1 << 62}, {1<<62 + 1, 1<<62 + 1}, {^uint64(0), 1<<62 + 2}} {
		if out := h.apply(step[0]); out.Time != step[1] {
			t.Fatalf("proposed %d: time %d, want %d", step[0], out.Time, step[1])
		}
	}
}

func TestConfigRefused(t *testing.T) {
	ok := ClientRecord{ID: 1, Key: testKey(1), Roles: RolesAll}
	for i, cfg := range []Config{
		{Ledgers: []Ledger{{Number: 0}}},
		{Ledgers: []Ledger{{Number: 1}, {Number: 1}}},
		{Ledgers: make([]Ledger, 2), Limits: Limits{LedgersMax: 1}},
		{Clients: []ClientRecord{{ID: 0, Key: testKey(1), Roles: 1}}},
		{Clients: []ClientRecord{ok, ok}},
		{Clients: []ClientRecord{{ID: 1, Roles: 1}}}, // key 0 has order 4
		{Limits: Limits{AccountsMax: 1<<31 + 1}},
		{Limits: Limits{BlockEventsMax: 10}},
		{Limits: Limits{QueryUnits: 10}},
		{Limits: Limits{QueryUnits: 1 << 29}},
		{Limits: Limits{BlockResultBytes: 10}},
	} {
		if _, err := New(cfg); !errors.Is(err, ErrConfig) {
			t.Errorf("config %d: %v", i, err)
		}
	}
}

// TestArchiveError: the machine stops and says why; it does not guess.
func TestArchiveError(t *testing.T) {
	b := transferBed(t, testConfig())
	b.wantT(TransferOK, plain(10, 1, 2, 1))
	q := []Request{request(1, 50, wire.OpCreateTransfers, (&Transfer{ID: U64(10)}).Append(nil))}
	if err := b.m.Apply(b.m.Seq()+1, 0, q, noArchive{}, &b.out); !errors.Is(err, ErrArchive) || !errors.Is(err, errNoArchive) {
		t.Fatal(err)
	}
	if err := b.m.Apply(b.m.Seq()+1, 0, nil, b.archive, &b.out); !errors.Is(err, ErrBroken) {
		t.Fatal(err)
	}
	for _, q := range []Request{
		request(1, 50, wire.OpLookupTransfers, AppendID(nil, U64(10))),
		request(1, 50, wire.OpQueryTransfers, (&QueryFilter{Limit: 1}).Append(nil)),
		request(1, 50, wire.OpGetAccountTransfers, (&AccountFilter{AccountID: U64(1), Limit: 1, Flags: 3}).Append(nil)),
	} {
		m := b.twin
		if err := m.Apply(m.Seq()+1, 0, []Request{q}, noArchive{}, &b.out); !errors.Is(err, ErrArchive) {
			t.Fatal(err)
		}
		m.broken = nil
	}
}

// TestDeltaOfRollback: what a chain did and took back is not in the write set.
func TestDeltaOfRollback(t *testing.T) {
	var deltas [2]wire.Digest
	for i := range deltas {
		b := transferBed(t, testConfig())
		x, y := plain(10, 1, 2, 5), plain(0, 1, 2, 5)
		x.Flags, y.Flags = TransferLinked, TransferLinked
		if i == 1 {
			x, y = y, x // fails before anything happened
		}
		b.transfers(x, y, plain(12, 1, 2, 5))
		deltas[i] = b.out.DeltaDigest
	}
	if deltas[0] != deltas[1] {
		t.Fatal("a chain that was rolled back shows in the delta digest")
	}
}

// TestSteadyAllocations: a block of payments allocates when shards of the id
// index grow and when pages of id entries begin, and for nothing else.
func TestSteadyAllocations(t *testing.T) {
	x := newBencher(t, 2000)
	var bodies [][]byte
	for range 24 {
		x.fill(nil)
		bodies = append(bodies, bytes.Clone(x.body))
	}
	next := func() {
		x.body, bodies = bodies[0], bodies[1:]
		x.apply(t, wire.OpCreateTransfers)
	}
	for range 12 {
		next()
	}
	grown := x.growths()
	n := testing.AllocsPerRun(1, next) // twice: the first run warms up
	limit := float64(x.growths()-grown) + 2*(wire.EventsMax/wordsPerPage+1) + 8
	if n > limit {
		t.Fatalf("%v allocations in a block of %d payments, want at most %v", n, wire.EventsMax, limit)
	}
}

// growths counts how often shards of the id index were rewritten.
func (x *bencher) growths() (n int) {
	for i := range x.m.byTransfer.shards {
		n += bits.Len32(x.m.byTransfer.shards[i].buckets)
	}
	return n
}

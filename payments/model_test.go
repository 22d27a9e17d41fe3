package payments

// The slow obvious twin of Machine: maps, big.Int, brute force over everything
// that ever happened, and a deep copy of all of it for each linked chain. It was
// written from the rules, not from the machine's code; the tables of checks below
// are the precedence of codes.

import (
	"bytes"
	"encoding/binary"
	"maps"
	"math/big"
	"slices"

	"quorate/wire"
)

func bigOf(v U128) *big.Int {
	n := new(big.Int).SetUint64(v.Hi)
	return n.Or(n.Lsh(n, 64), new(big.Int).SetUint64(v.Lo))
}

func u128Of(n *big.Int) U128 {
	var b [16]byte
	n.FillBytes(b[:])
	return U128{Hi: binary.BigEndian.Uint64(b[:8]), Lo: binary.BigEndian.Uint64(b[8:])}
}

var bigMax = bigOf(MaxU128)

func plus(ns ...*big.Int) *big.Int {
	s := new(big.Int)
	for _, n := range ns {
		s.Add(s, n)
	}
	return s
}

func over(ns ...*big.Int) bool { return plus(ns...).Cmp(bigMax) > 0 }

type modelAccount struct {
	rec             Account // without balances
	dp, dpo, cp, co *big.Int
}

func (a *modelAccount) record() Account {
	r := a.rec
	r.DebitsPending, r.DebitsPosted = u128Of(a.dp), u128Of(a.dpo)
	r.CreditsPending, r.CreditsPosted = u128Of(a.cp), u128Of(a.co)
	return r
}

type modelTransfer struct {
	rec    Transfer
	status PendingStatus
	dr, cr AccountBalance // after it
}

type modelSession struct {
	client ClientRecord
	done   map[uint64]modelPlace
	high   uint64
}

type modelPlace struct {
	seq    wire.SeqNum
	index  uint32
	digest wire.Digest
}

type model struct {
	limits      Limits
	registry    map[uint32]bool // nil: any ledger
	accounts    map[U128]*modelAccount
	accOrder    []U128
	transfers   map[U128]*modelTransfer
	trOrder     []U128
	failed      map[U128]bool
	ledgers     map[uint32]bool
	ledgerOrder []Ledger
	sessions    map[wire.ClientID]*modelSession
	seq         wire.SeqNum
	last        uint64 // timestamp
	events      int    // of this block
}

func newModel(cfg Config) *model {
	limits, _ := cfg.Limits.complete()
	m := &model{limits: limits, accounts: map[U128]*modelAccount{}, transfers: map[U128]*modelTransfer{},
		failed: map[U128]bool{}, ledgers: map[uint32]bool{}, sessions: map[wire.ClientID]*modelSession{}}
	if len(cfg.Ledgers) > 0 {
		m.registry = map[uint32]bool{}
		for _, l := range cfg.Ledgers {
			m.registry[l.Number], m.ledgers[l.Number] = true, true
			m.ledgerOrder = append(m.ledgerOrder, l)
		}
	}
	for _, c := range cfg.Clients {
		m.sessions[c.ID] = &modelSession{client: c, done: map[uint64]modelPlace{}}
	}
	return m
}

// snapshot copies what a chain can change.
func (m *model) snapshot() *model {
	c := *m
	c.accounts, c.transfers = map[U128]*modelAccount{}, map[U128]*modelTransfer{}
	for id, a := range m.accounts {
		b := *a
		b.dp, b.dpo, b.cp, b.co = plus(a.dp), plus(a.dpo), plus(a.cp), plus(a.co)
		c.accounts[id] = &b
	}
	for id, t := range m.transfers {
		u := *t
		c.transfers[id] = &u
	}
	c.accOrder, c.trOrder = slices.Clone(m.accOrder), slices.Clone(m.trOrder)
	c.failed, c.ledgers = maps.Clone(m.failed), maps.Clone(m.ledgers)
	c.ledgerOrder = slices.Clone(m.ledgerOrder)
	return &c
}

// modelResult is what a request should give.
type modelResult struct {
	status Status
	place  modelPlace
	result []byte
}

func (m *model) apply(proposed uint64, reqs []Request) (time uint64, results []modelResult) {
	m.seq++
	if proposed > 1<<62 {
		proposed = 0
	}
	time = max(proposed, m.last+1)
	m.expire(time)
	next := time
	m.events = 0
	for i := range reqs {
		r := m.request(&reqs[i], uint32(i), &next)
		results = append(results, r)
	}
	m.last = max(time, next-1)
	return time, results
}

func (m *model) expire(time uint64) {
	for _, id := range m.trOrder {
		t := m.transfers[id]
		if t.status != PendingOpen || t.rec.Timeout == 0 || t.rec.Timestamp+uint64(t.rec.Timeout)*1e9 > time {
			continue
		}
		t.status = PendingExpired
		m.release(t)
		m.reopen(t)
	}
}

func (m *model) release(t *modelTransfer) {
	dr, cr := m.accounts[t.rec.DebitAccountID], m.accounts[t.rec.CreditAccountID]
	dr.dp.Sub(dr.dp, bigOf(t.rec.Amount))
	cr.cp.Sub(cr.cp, bigOf(t.rec.Amount))
}

func (m *model) reopen(t *modelTransfer) {
	if t.rec.Flags&TransferClosingDebit != 0 {
		m.accounts[t.rec.DebitAccountID].rec.Flags &^= AccountClosed
	}
	if t.rec.Flags&TransferClosingCredit != 0 {
		m.accounts[t.rec.CreditAccountID].rec.Flags &^= AccountClosed
	}
}

func (m *model) request(q *Request, index uint32, next *uint64) (r modelResult) {
	s := m.sessions[q.Client]
	if s == nil {
		return modelResult{status: StatusUnknownClient}
	}
	place, done := s.done[q.Seq]
	inWindow := q.Seq > 0 && q.Seq+64 > s.high
	need := map[wire.Op]Roles{1: RoleAccounts, 2: RoleTransfers, 3: RoleQueries, 4: RoleQueries, 5: RoleQueries,
		6: RoleQueries, 7: RoleQueries, 8: RoleQueries, 9: RoleAdmin, 10: RoleQueries}[q.Op]
	n := len(q.Body)
	var whole bool
	switch q.Op {
	case 1, 2:
		whole = n > 0 && n%128 == 0 && n <= 8189*128
	case 3, 4:
		whole = n > 0 && n%16 == 0 && n <= 8189*16
	case 5, 6:
		whole = n == 128 && allZero(q.Body[46:104])
	case 7, 8:
		whole = n == 64 && allZero(q.Body[34:40])
	case 9:
		whole = n == 64
	case 10:
		whole = n == 0
	}
	switch {
	case !inWindow:
		r.status = StatusSeqTooOld
	case q.Seq > s.high && q.Seq-s.high > 1<<20:
		r.status = StatusSeqTooFar
	case done && place.digest != q.Digest:
		r.status = StatusRequestIDReused
	case done:
		r.status, r.place = StatusDuplicate, place
	case need == 0:
		r.status = StatusUnknownOp
	case s.client.Roles&need == 0:
		r.status = StatusNotAuthorized
	case !whole:
		r.status = StatusMalformedBody
	default:
		r = m.execute(q, next)
	}
	if r.status == StatusOK {
		s.done[q.Seq] = modelPlace{m.seq, index, q.Digest}
		s.high = max(s.high, q.Seq)
	}
	return r
}

func (m *model) execute(q *Request, next *uint64) (r modelResult) {
	u32 := func(v uint32) { r.result = binary.LittleEndian.AppendUint32(r.result, v) }
	switch q.Op {
	case wire.OpCreateAccounts, wire.OpCreateTransfers:
		for _, c := range m.create(q, *next) {
			u32(c)
		}
		*next += uint64(len(q.Body) / 128)
	case wire.OpLookupAccounts:
		for i := 0; i < len(q.Body); i += 16 {
			if a := m.accounts[getU128(q.Body[i:])]; a != nil {
				rec := a.record()
				r.result = rec.Append(r.result)
			}
		}
	case wire.OpLookupTransfers:
		for i := 0; i < len(q.Body); i += 16 {
			if t := m.transfers[getU128(q.Body[i:])]; t != nil {
				r.result = t.rec.Append(r.result)
			}
		}
	case wire.OpGetAccountTransfers, wire.OpGetAccountBalances:
		return m.history(q)
	case wire.OpQueryAccounts, wire.OpQueryTransfers:
		return m.query(q)
	case wire.OpRegisterClient:
		u32(uint32(m.register(q.Body)))
	case wire.OpLedgerTotals:
		r.result = m.totals()
	}
	return r
}

// totals sums all accounts of each ledger, in the order of the ledgers.
func (m *model) totals() (b []byte) {
	total := func(n *big.Int) Total {
		hi := new(big.Int).Rsh(n, 128)
		return Total{Sum: u128Of(new(big.Int).Sub(n, new(big.Int).Lsh(hi, 128))), Over: hi.Uint64()}
	}
	for _, l := range m.ledgerOrder {
		s := LedgerTotals{Ledger: l}
		dp, dpo, cp, co := new(big.Int), new(big.Int), new(big.Int), new(big.Int)
		for _, a := range m.accounts {
			if a.rec.Ledger == l.Number {
				s.Accounts++
				dp, dpo, cp, co = plus(dp, a.dp), plus(dpo, a.dpo), plus(cp, a.cp), plus(co, a.co)
			}
		}
		for _, t := range m.transfers {
			if t.rec.Ledger == l.Number {
				s.Transfers++
			}
		}
		s.DebitsPending, s.DebitsPosted, s.CreditsPending, s.CreditsPosted = total(dp), total(dpo), total(cp), total(co)
		b = s.Append(b)
	}
	return b
}

func (m *model) register(b []byte) RegisterCode {
	var c ClientRecord
	if c.Decode(b) != nil {
		return RegisterReservedField
	}
	old := m.sessions[c.ID]
	switch {
	case c.ID == 0:
		return RegisterIDMustNotBeZero
	case c.Roles == 0:
		return RegisterRolesMustNotBeZero
	case c.Roles > 15:
		return RegisterReservedRole
	case c.Key == [32]byte{1}: // the only bad keys that the generator makes
		return RegisterKeyHasSmallOrder
	case c.Key == [32]byte{2}:
		return RegisterKeyNotOnCurve
	case old != nil && old.client.Key != c.Key:
		return RegisterExistsWithDifferentKey
	case old != nil && old.client.Roles != c.Roles:
		return RegisterExistsWithDifferentRole
	case old != nil:
		return RegisterExists
	case len(m.sessions) >= int(m.limits.ClientsMax):
		return RegisterClientTableFull
	}
	m.sessions[c.ID] = &modelSession{client: c, done: map[uint64]modelPlace{}}
	return RegisterOK
}

// history answers by filtering all transfers.
func (m *model) history(q *Request) (r modelResult) {
	var f AccountFilter
	_ = f.Decode(q.Body)
	if f.AccountID.IsZero() || f.AccountID.IsMax() || f.Limit == 0 || f.Flags&3 == 0 || f.Flags > 7 ||
		badSpan(f.TimestampMin, f.TimestampMax) {
		return modelResult{status: StatusInvalidFilter}
	}
	a := m.accounts[f.AccountID]
	if a == nil || q.Op == wire.OpGetAccountBalances && a.rec.Flags&AccountHistory == 0 {
		return r
	}
	var found [][]byte
	for _, id := range m.trOrder {
		t := m.transfers[id]
		dr, cr := t.rec.DebitAccountID == f.AccountID, t.rec.CreditAccountID == f.AccountID
		if !(dr && f.Flags&FilterDebits != 0 || cr && f.Flags&FilterCredits != 0) ||
			!f.UserData128.IsZero() && f.UserData128 != t.rec.UserData128 ||
			f.UserData64 != 0 && f.UserData64 != t.rec.UserData64 ||
			f.UserData32 != 0 && f.UserData32 != t.rec.UserData32 ||
			f.Code != 0 && f.Code != t.rec.Code ||
			outside(t.rec.Timestamp, f.TimestampMin, f.TimestampMax) {
			continue
		}
		switch {
		case q.Op == wire.OpGetAccountTransfers:
			found = append(found, t.rec.Append(nil))
		case dr:
			found = append(found, t.dr.Append(nil))
		default:
			found = append(found, t.cr.Append(nil))
		}
	}
	r.result = pick(found, f.Flags&FilterReversed != 0, f.Limit)
	return r
}

func badSpan(from, to uint64) bool {
	return from > TimestampMax || to > TimestampMax || to != 0 && from > to
}

func outside(at, from, to uint64) bool { return at < from || to != 0 && at > to }

func pick(found [][]byte, reversed bool, limit uint32) []byte {
	if reversed {
		slices.Reverse(found)
	}
	return bytes.Join(found[:min(len(found), int(min(limit, 8189)))], nil)
}

func (m *model) query(q *Request) (r modelResult) {
	var f QueryFilter
	_ = f.Decode(q.Body)
	if f.Limit == 0 || f.Flags > 1 || badSpan(f.TimestampMin, f.TimestampMax) {
		return modelResult{status: StatusInvalidFilter}
	}
	var found [][]byte
	take := func(b []byte, ts uint64, u128 U128, u64 uint64, u32, ledger uint32, code uint16) {
		if (f.UserData128.IsZero() || f.UserData128 == u128) && (f.UserData64 == 0 || f.UserData64 == u64) &&
			(f.UserData32 == 0 || f.UserData32 == u32) && (f.Ledger == 0 || f.Ledger == ledger) &&
			(f.Code == 0 || f.Code == code) && !outside(ts, f.TimestampMin, f.TimestampMax) {
			found = append(found, b)
		}
	}
	if q.Op == wire.OpQueryAccounts {
		for _, id := range m.accOrder {
			a := m.accounts[id].record()
			take(a.Append(nil), a.Timestamp, a.UserData128, a.UserData64, a.UserData32, a.Ledger, a.Code)
		}
	} else {
		for _, id := range m.trOrder {
			t := m.transfers[id].rec
			take(t.Append(nil), t.Timestamp, t.UserData128, t.UserData64, t.UserData32, t.Ledger, t.Code)
		}
	}
	r.result = pick(found, f.Flags&QueryReversed != 0, f.Limit)
	return r
}

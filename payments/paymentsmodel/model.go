package paymentsmodel

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

var bigMax = bigOf(U128{^uint64(0), ^uint64(0)})

func plus(ns ...*big.Int) *big.Int {
	s := new(big.Int)
	for _, n := range ns {
		s.Add(s, n)
	}
	return s
}

func over(ns ...*big.Int) bool { return plus(ns...).Cmp(bigMax) > 0 }

// account is an account. It is never written once it is in the model: a change
// puts another in its place, so that a copy of the map is a copy of the state.
type account struct {
	rec             Account // without balances
	dp, dpo, cp, co *big.Int
}

func (a *account) copied() *account {
	b := *a
	b.dp, b.dpo, b.cp, b.co = plus(a.dp), plus(a.dpo), plus(a.cp), plus(a.co)
	return &b
}

func (a *account) record() Account {
	r := a.rec
	r.DebitsPending, r.DebitsPosted = u128Of(a.dp), u128Of(a.dpo)
	r.CreditsPending, r.CreditsPosted = u128Of(a.cp), u128Of(a.co)
	return r
}

// transferRecord is an executed transfer; like an account it is never written.
type transferRecord struct {
	rec    Transfer
	status uint8
	dr, cr []byte // after it
}

type session struct {
	client Client
	done   map[uint64]Place
	high   uint64
}

// Place is where a request was executed.
type Place struct {
	Seq    wire.SeqNum
	Index  uint32
	digest wire.Digest
}

// Request is one request of a block.
type Request struct {
	Client wire.ClientID
	Seq    uint64
	Digest wire.Digest
	Op     wire.Op
	Body   []byte
	NoRoom bool // the machine found the block's budget used up: taken as given

	Verdicts []bool // of signed transfers: whether each signature is good
}

// Model is the whole state.
type Model struct {
	keyCode     func(key [32]byte) uint32
	limits      Limits
	registry    map[uint32]bool // nil: any ledger
	accounts    map[U128]*account
	accOrder    []U128
	transfers   map[U128]*transferRecord
	trOrder     []U128
	failed      map[U128]bool
	ledgers     map[uint32]bool
	ledgerOrder []Ledger
	sessions    map[wire.ClientID]*session
	open        []U128  // pending transfers that were made with a timeout
	opened      int     // open pending transfers
	chain       *chain  // nil: no chain is under way
	signer      *signer // of the transfer at hand; nil: it is not signed
	seq         wire.SeqNum
	last        uint64 // timestamp
}

// New is the state at genesis.
func New(cfg Config) *Model {
	m := &Model{keyCode: cfg.KeyCode, limits: cfg.Limits, accounts: map[U128]*account{}, transfers: map[U128]*transferRecord{},
		failed: map[U128]bool{}, ledgers: map[uint32]bool{}, sessions: map[wire.ClientID]*session{}}
	if len(cfg.Ledgers) > 0 {
		m.registry = map[uint32]bool{}
		for _, l := range cfg.Ledgers {
			m.registry[l.Number], m.ledgers[l.Number] = true, true
			m.ledgerOrder = append(m.ledgerOrder, l)
		}
	}
	for _, c := range cfg.Clients {
		m.sessions[c.ID] = &session{client: c, done: map[uint64]Place{}}
	}
	return m
}

// chain is what a chain of linked events needs to be taken back: how long the
// lists were, and what stood in the place of everything that it changed.
type chain struct {
	accOrder, trOrder, ledgerOrder, open int
	accounts                             []oldAccount
	transfers                            []oldTransfer
}

type oldAccount struct {
	id  U128
	old *account // nil: none
}

type oldTransfer struct {
	id  U128
	old *transferRecord // nil: none
}

func (m *Model) begin() {
	m.chain = &chain{accOrder: len(m.accOrder), trOrder: len(m.trOrder), ledgerOrder: len(m.ledgerOrder), open: len(m.open)}
}

// undo goes back to the begin of the chain, the last change first.
func (m *Model) undo() {
	c := m.chain
	m.chain = nil
	for i := range c.accounts {
		o := &c.accounts[len(c.accounts)-1-i]
		if m.setAccount(o.id, o.old); o.old == nil {
			delete(m.accounts, o.id)
		}
	}
	for i := range c.transfers {
		o := &c.transfers[len(c.transfers)-1-i]
		if m.setTransfer(o.id, o.old); o.old == nil {
			delete(m.transfers, o.id)
		}
	}
	for _, l := range m.ledgerOrder[c.ledgerOrder:] {
		delete(m.ledgers, l.Number)
	}
	m.accOrder, m.trOrder, m.ledgerOrder, m.open = m.accOrder[:c.accOrder], m.trOrder[:c.trOrder], m.ledgerOrder[:c.ledgerOrder], m.open[:c.open]
}

func (m *Model) setAccount(id U128, a *account) {
	if m.chain != nil {
		m.chain.accounts = append(m.chain.accounts, oldAccount{id, m.accounts[id]})
	}
	m.accounts[id] = a
}

func (m *Model) setTransfer(id U128, t *transferRecord) {
	old := m.transfers[id]
	if m.chain != nil {
		m.chain.transfers = append(m.chain.transfers, oldTransfer{id, old})
	}
	if old != nil && old.status == PendingOpen {
		m.opened--
	}
	if t != nil && t.status == PendingOpen {
		m.opened++
	}
	m.transfers[id] = t
}

// Clone is a copy on its own, without sessions.
func (m *Model) Clone() *Model {
	c := *m
	c.accounts, c.transfers = maps.Clone(m.accounts), maps.Clone(m.transfers)
	c.failed, c.ledgers = maps.Clone(m.failed), maps.Clone(m.ledgers)
	c.accOrder, c.trOrder, c.ledgerOrder = slices.Clone(m.accOrder), slices.Clone(m.trOrder), slices.Clone(m.ledgerOrder)
	c.open = slices.Clone(m.open)
	c.sessions = nil
	return &c
}

// own gives accounts that may be written: copies, in the place of what they are
// copies of.
func (m *Model) own(ids ...U128) (out []*account) {
	for _, id := range ids {
		a := m.accounts[id].copied()
		m.setAccount(id, a)
		out = append(out, a)
	}
	return out
}

// become notes what became of a pending transfer.
func (m *Model) become(id U128, status uint8) {
	t := *m.transfers[id]
	t.status = status
	m.setTransfer(id, &t)
}

// Result is what a request should give.
type Result struct {
	Status    uint16
	Place     Place  // of a duplicate
	Timestamp uint64 // of the first event
	Bytes     []byte
}

// Apply executes a block with this proposed time, and gives its time.
func (m *Model) Apply(proposed uint64, reqs []Request) (time uint64, results []Result) {
	m.seq++
	if proposed > 1<<62 {
		proposed = 0
	}
	time = max(proposed, m.last+1)
	m.expire(time)
	next := time
	for i := range reqs {
		first := next
		r := m.request(&reqs[i], uint32(i), &next)
		r.Timestamp = first
		results = append(results, r)
	}
	m.last = max(time, next-1)
	return time, results
}

func (m *Model) expire(time uint64) {
	var open []U128
	for _, id := range m.open {
		t := m.transfers[id]
		switch {
		case t.status != PendingOpen:
		case t.rec.Timestamp+uint64(t.rec.Timeout)*nanosPerSecond > time:
			open = append(open, id)
		default:
			m.become(id, PendingExpired)
			m.release(t)
			m.reopen(t)
		}
	}
	m.open = open
}

func (m *Model) release(t *transferRecord) {
	both := m.own(t.rec.DebitAccountID, t.rec.CreditAccountID)
	both[0].dp.Sub(both[0].dp, bigOf(t.rec.Amount))
	both[1].cp.Sub(both[1].cp, bigOf(t.rec.Amount))
}

func (m *Model) reopen(t *transferRecord) {
	both := m.own(t.rec.DebitAccountID, t.rec.CreditAccountID)
	if t.rec.Flags&transferClosingDebit != 0 {
		both[0].rec.Flags &^= accountClosed
	}
	if t.rec.Flags&transferClosingCredit != 0 {
		both[1].rec.Flags &^= accountClosed
	}
}

func (m *Model) request(q *Request, index uint32, next *uint64) (r Result) {
	s := m.sessions[q.Client]
	if s == nil {
		return Result{Status: StatusUnknownClient}
	}
	place, done := s.done[q.Seq]
	inWindow := q.Seq > 0 && q.Seq+64 > s.high
	need := map[wire.Op]uint32{1: 2, 2: 4, 3: 8, 4: 8, 5: 8, 6: 8, 7: 8, 8: 8, 9: 1, 10: 8, 11: 4 | 16}[q.Op]
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
	case 11:
		whole = n > 0 && n%224 == 0 && n <= 4679*224
	}
	switch {
	case !inWindow:
		r.Status = StatusSeqTooOld
	case q.Seq > s.high && q.Seq-s.high > 1<<20:
		r.Status = StatusSeqTooFar
	case done && place.digest != q.Digest:
		r.Status = StatusRequestIDReused
	case done:
		r.Status, r.Place = StatusDuplicate, place
	case need == 0:
		r.Status = StatusUnknownOp
	case s.client.Roles&need == 0:
		r.Status = StatusNotAuthorized
	case !whole:
		r.Status = StatusMalformedBody
	case q.NoRoom:
		r.Status = StatusBlockBudget
	default:
		r = m.execute(q.Op, q.Body, q.Verdicts, next)
	}
	if r.Status == StatusOK {
		s.done[q.Seq] = Place{m.seq, index, q.Digest}
		s.high = max(s.high, q.Seq)
	}
	return r
}

// Execute runs one operation outside of sessions; next is the timestamp of its
// first event, and moves on by one per event.
func (m *Model) Execute(op wire.Op, body []byte, next *uint64) (status uint16, result []byte) {
	r := m.execute(op, body, nil, next)
	return r.Status, r.Bytes
}

func (m *Model) execute(op wire.Op, body []byte, verdicts []bool, next *uint64) (r Result) {
	u32 := func(v uint32) { r.Bytes = le.AppendUint32(r.Bytes, v) }
	switch op {
	case wire.OpCreateAccounts, wire.OpCreateTransfers, wire.OpCreateSignedTransfers:
		codes := m.create(op, body, verdicts, *next)
		for _, c := range codes {
			u32(c)
		}
		*next += uint64(len(codes))
	case wire.OpLookupAccounts:
		for i := 0; i < len(body); i += 16 {
			if a := m.accounts[getU128(body[i:])]; a != nil {
				rec := a.record()
				r.Bytes = rec.Append(r.Bytes)
			}
		}
	case wire.OpLookupTransfers:
		for i := 0; i < len(body); i += 16 {
			if t := m.transfers[getU128(body[i:])]; t != nil {
				r.Bytes = t.rec.Append(r.Bytes)
			}
		}
	case wire.OpGetAccountTransfers, wire.OpGetAccountBalances:
		return m.history(op, body)
	case wire.OpQueryAccounts, wire.OpQueryTransfers:
		return m.query(op, body)
	case wire.OpRegisterClient:
		u32(m.register(body))
	case wire.OpLedgerTotals:
		r.Bytes = m.totals()
	}
	return r
}

// totals sums all accounts of each ledger, in the order of the ledgers.
func (m *Model) totals() (b []byte) {
	for _, l := range m.ledgerOrder {
		var sums [4]*big.Int
		for i := range sums {
			sums[i] = new(big.Int)
		}
		accounts, transfers := uint64(0), uint64(0)
		for _, id := range m.accOrder {
			if a := m.accounts[id]; a.rec.Ledger == l.Number {
				accounts++
				for i, v := range [4]*big.Int{a.dp, a.dpo, a.cp, a.co} {
					sums[i].Add(sums[i], v)
				}
			}
		}
		for _, id := range m.trOrder {
			if m.transfers[id].rec.Ledger == l.Number {
				transfers++
			}
		}
		var r [recordBytes]byte
		le.PutUint32(r[0:], l.Number)
		r[4] = l.Scale
		copy(r[8:16], l.Currency[:])
		le.PutUint64(r[16:], accounts)
		le.PutUint64(r[24:], transfers)
		for i, n := range sums {
			hi := new(big.Int).Rsh(n, 128)
			putU128(r[32+16*i:], u128Of(new(big.Int).Sub(n, new(big.Int).Lsh(hi, 128))))
			le.PutUint64(r[96+8*i:], hi.Uint64())
		}
		b = append(b, r[:]...)
	}
	return b
}

// register gives the code of a registration.
func (m *Model) register(b []byte) uint32 {
	c := Client{ID: wire.ClientID(le.Uint64(b)), Key: [32]byte(b[8:40]), Roles: le.Uint32(b[40:])}
	old := m.sessions[c.ID]
	switch key := m.keyCode(c.Key); {
	case !allZero(b[44:]):
		return registerReservedField
	case c.ID == 0:
		return registerIDMustNotBeZero
	case c.Roles == 0:
		return registerRolesMustNotBeZero
	case c.Roles > 31:
		return registerReservedRole
	case key != 0:
		return key
	case old != nil && old.client.Key != c.Key:
		return registerExistsWithDifferentKey
	case old != nil && old.client.Roles != c.Roles:
		return registerExistsWithDifferentRole
	case old != nil:
		return registerExists
	case len(m.sessions) >= int(m.limits.ClientsMax):
		return registerClientTableFull
	}
	m.sessions[c.ID] = &session{client: c, done: map[uint64]Place{}}
	return 0
}

// history answers by filtering all transfers.
func (m *Model) history(op wire.Op, body []byte) (r Result) {
	f := accountFilter(body)
	if f.account.IsZero() || f.account.IsMax() || f.limit == 0 || f.flags&3 == 0 || f.flags > 7 || f.badSpan() {
		return Result{Status: StatusInvalidFilter}
	}
	a := m.accounts[f.account]
	if a == nil || op == wire.OpGetAccountBalances && a.rec.Flags&accountHistory == 0 {
		return r
	}
	var found [][]byte
	for _, id := range m.trOrder {
		t := m.transfers[id]
		dr, cr := t.rec.DebitAccountID == f.account, t.rec.CreditAccountID == f.account
		switch {
		case !(dr && f.flags&1 != 0 || cr && f.flags&2 != 0):
		case !f.takes(t.rec.Timestamp, t.rec.UserData128, t.rec.UserData64, t.rec.UserData32, 0, t.rec.Code):
		case op == wire.OpGetAccountTransfers:
			found = append(found, t.rec.Append(nil))
		case dr:
			found = append(found, t.dr)
		default:
			found = append(found, t.cr)
		}
	}
	r.Bytes = pick(found, f.flags&4 != 0, f.limit)
	return r
}

func pick(found [][]byte, reversed bool, limit uint32) []byte {
	if reversed {
		slices.Reverse(found)
	}
	return bytes.Join(found[:min(len(found), int(min(limit, wire.EventsMax)))], nil)
}

func (m *Model) query(op wire.Op, body []byte) (r Result) {
	f := queryFilter(body)
	if f.limit == 0 || f.flags > 1 || f.badSpan() {
		return Result{Status: StatusInvalidFilter}
	}
	var found [][]byte
	if op == wire.OpQueryAccounts {
		for _, id := range m.accOrder {
			a := m.accounts[id].record()
			if f.takes(a.Timestamp, a.UserData128, a.UserData64, a.UserData32, a.Ledger, a.Code) {
				found = append(found, a.Append(nil))
			}
		}
	} else {
		for _, id := range m.trOrder {
			t := &m.transfers[id].rec
			if f.takes(t.Timestamp, t.UserData128, t.UserData64, t.UserData32, t.Ledger, t.Code) {
				found = append(found, t.Append(nil))
			}
		}
	}
	r.Bytes = pick(found, f.flags&1 != 0, f.limit)
	return r
}

func allZero(b []byte) bool {
	for _, v := range b {
		if v != 0 {
			return false
		}
	}
	return true
}

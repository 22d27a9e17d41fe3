package paymentsmodel

import (
	"math/big"
	"slices"

	"quorate/wire"
)

// The creating half of the model: chains by copies, codes by tables of conditions
// in their precedence.

type check struct {
	fails bool
	code  uint32
}

func firstFailing(checks ...check) uint32 {
	for _, c := range checks {
		if c.fails {
			return c.code
		}
	}
	return 0
}

// create gives the code of each event of a request.
func (m *Model) create(op wire.Op, body []byte, verdicts []bool, first uint64) []uint32 {
	n := len(body) / recordBytes
	transfers, signed := op != wire.OpCreateAccounts, op == wire.OpCreateSignedTransfers
	if signed {
		n = len(body) / 224
	}
	codes := make([]uint32, n)
	flag := uint16(accountImported)
	if transfers {
		flag = uint16(transferImported)
	}
	flagsOf := func(i int) uint16 { return uint16(body[i*128+118]) | uint16(body[i*128+119])<<8 }
	for i := 0; i < n; {
		// A chain is [i, end); single events are chains of one.
		end := i
		for end < n && flagsOf(end)&1 != 0 {
			end++
		}
		open := end == n
		if !open {
			end++
		}
		if end > i+1 {
			m.begin() // one event alone changes nothing when it fails
		}
		broken := -1
		for j := i; j < end; j++ {
			switch {
			case open && j == n-1:
				codes[j] = 2
			case broken >= 0:
				codes[j] = 1
			default:
				m.signer = nil
				if signed {
					m.signer = &signer{verdicts[j], owned(body[n*128+j*96:])}
				}
				codes[j] = m.one(body[j*128:j*128+128], transfers, flagsOf(0)&flag, flagsOf(j)&flag, first+uint64(j), first+uint64(n)-1)
			}
			if codes[j] == 0 || broken >= 0 {
				continue
			}
			broken = j
			if m.chain != nil {
				m.undo()
			}
			for k := i; k < j; k++ {
				codes[k] = 1
			}
			if transfers && transient[codes[j]] {
				m.failed[getU128(body[j*128:])] = true
			}
		}
		i, m.chain = end, nil
	}
	return codes
}

var transient = map[uint32]bool{21: true, 22: true, 25: true, 54: true, 55: true, 65: true, 66: true, 1000: true}

func (m *Model) one(raw []byte, transfers bool, firstImported, imported uint16, ts, lastTs uint64) uint32 {
	t := decodeTransfer(raw)
	base := map[bool][]uint32{false: {22, 23, 3, 24, 25}, true: {56, 57, 3, 58, 59}}[transfers]
	if c := firstFailing(
		check{firstImported != 0 && imported == 0, base[0]},
		check{firstImported == 0 && imported != 0, base[1]},
		check{imported == 0 && t.Timestamp != 0, base[2]},
		check{imported != 0 && (t.Timestamp == 0 || t.Timestamp > timestampLast), base[3]},
		check{imported != 0 && t.Timestamp >= lastTs, base[4]},
	); c != 0 {
		return c
	}
	if transfers {
		return m.transfer(&t, imported != 0, ts)
	}
	a := decodeAccount(raw)
	return m.account(&a, imported != 0, ts)
}

func (m *Model) account(a *Account, imported bool, ts uint64) uint32 {
	if c := firstFailing(
		check{a.Reserved != 0, 4}, check{a.Flags > 127, 5}, check{a.ID.IsZero(), 6}, check{a.ID.IsMax(), 7},
	); c != 0 {
		return c
	}
	if e := m.accounts[a.ID]; e != nil {
		r := e.rec
		return firstFailing(check{a.Flags != r.Flags, 15}, check{a.UserData128 != r.UserData128, 16},
			check{a.UserData64 != r.UserData64, 17}, check{a.UserData32 != r.UserData32, 18},
			check{a.Ledger != r.Ledger, 19}, check{a.Code != r.Code, 20}, check{true, 21})
	}
	newest := uint64(0)
	if imported {
		for _, id := range m.accOrder {
			newest = max(newest, m.accounts[id].rec.Timestamp)
		}
		for _, id := range m.trOrder {
			newest = max(newest, m.transfers[id].rec.Timestamp)
		}
	}
	if c := firstFailing(
		check{a.Flags&6 == 6, 8}, check{!a.DebitsPending.IsZero(), 9}, check{!a.DebitsPosted.IsZero(), 10},
		check{!a.CreditsPending.IsZero(), 11}, check{!a.CreditsPosted.IsZero(), 12},
		check{a.Ledger == 0, 13}, check{a.Code == 0, 14},
		check{m.registry != nil && !m.registry[a.Ledger], 1000},
		check{imported && a.Timestamp <= newest, 26},
		check{!m.ledgers[a.Ledger] && len(m.ledgers) >= int(m.limits.LedgersMax), 1001},
		check{len(m.accounts) >= int(m.limits.AccountsMax), 1002},
	); c != 0 {
		return c
	}
	rec := *a
	if !imported {
		rec.Timestamp = ts
	}
	if !m.ledgers[a.Ledger] {
		m.ledgerOrder = append(m.ledgerOrder, Ledger{Number: a.Ledger})
	}
	m.ledgers[a.Ledger] = true
	m.setAccount(a.ID, &account{rec: rec, dp: new(big.Int), dpo: new(big.Int), cp: new(big.Int), co: new(big.Int)})
	m.accOrder = append(m.accOrder, a.ID)
	return 0
}

func (m *Model) transfer(t *Transfer, imported bool, ts uint64) uint32 {
	if s := m.signer; s != nil {
		post := t.Flags&(transferPostPending|transferVoidPending) != 0
		if c := firstFailing(check{!s.good, 1001}, check{imported || t.Flags&transferClosingCredit != 0, 1004},
			check{!post && t.DebitAccountID != s.account, 1003}); c != 0 {
			return c
		}
	}
	if c := firstFailing(check{t.Flags > 511, 4}, check{t.ID.IsZero(), 5}, check{t.ID.IsMax(), 6}); c != 0 {
		return c
	}
	resolves := t.Flags&(transferPostPending|transferVoidPending) != 0
	if e := m.transfers[t.ID]; e != nil {
		return m.same(t, &e.rec, resolves)
	}
	if m.failed[t.ID] {
		return 68
	}
	if resolves {
		return m.resolve(t, imported, ts)
	}
	pending := t.Flags&transferPending != 0
	closing := t.Flags&(transferClosingDebit|transferClosingCredit) != 0
	dr, cr := m.accounts[t.DebitAccountID], m.accounts[t.CreditAccountID]
	if c := firstFailing(
		check{t.DebitAccountID.IsZero(), 8}, check{t.DebitAccountID.IsMax(), 9},
		check{t.CreditAccountID.IsZero(), 10}, check{t.CreditAccountID.IsMax(), 11},
		check{t.DebitAccountID == t.CreditAccountID, 12}, check{!t.PendingID.IsZero(), 13},
		check{!pending && t.Timeout != 0, 17}, check{!pending && closing, 64},
		check{t.Ledger == 0, 19}, check{t.Code == 0, 20}, check{dr == nil, 21}, check{cr == nil, 22},
	); c != 0 {
		return c
	}
	if c := firstFailing(check{dr.rec.Ledger != cr.rec.Ledger, 23}, check{t.Ledger != dr.rec.Ledger, 24},
		check{m.signer == nil && dr.rec.Flags&accountDebitsMustBeSigned != 0, 1002}); c != 0 {
		return c
	}
	at := ts
	if imported {
		at = t.Timestamp
	}
	amount := bigOf(t.Amount)
	if t.Flags&transferBalancingDebit != 0 {
		amount = atMost(amount, dr.co, plus(dr.dpo, dr.dp))
	}
	if t.Flags&transferBalancingCredit != 0 {
		amount = atMost(amount, cr.dpo, plus(cr.co, cr.cp))
	}
	expires := new(big.Int).SetUint64(uint64(t.Timeout))
	expires.Mul(expires, big.NewInt(nanosPerSecond)).Add(expires, new(big.Int).SetUint64(at))
	if c := firstFailing(
		check{imported && m.regresses(at), 60},
		check{imported && at <= dr.rec.Timestamp, 61}, check{imported && at <= cr.rec.Timestamp, 62},
		check{imported && t.Timeout != 0, 63},
		check{dr.rec.Flags&accountClosed != 0, 65}, check{cr.rec.Flags&accountClosed != 0, 66},
		check{pending && over(amount, dr.dp), 47}, check{pending && over(amount, cr.cp), 48},
		check{over(amount, dr.dpo), 49}, check{over(amount, cr.co), 50},
		check{over(amount, dr.dp, dr.dpo), 51}, check{over(amount, cr.cp, cr.co), 52},
		check{expires.Cmp(new(big.Int).SetUint64(timestampLast)) > 0, 53},
		check{dr.rec.Flags&accountDebitsMustNotExceedCredits != 0 && plus(dr.dp, dr.dpo, amount).Cmp(dr.co) > 0, 54},
		check{cr.rec.Flags&accountCreditsMustNotExceedDebits != 0 && plus(cr.cp, cr.co, amount).Cmp(cr.dpo) > 0, 55},
		check{pending && m.opened >= int(m.limits.PendingsMax), 1000},
	); c != 0 {
		return c
	}
	rec := *t
	rec.Amount, rec.Timestamp = u128Of(amount), at
	status := uint8(PendingNone)
	both := m.own(t.DebitAccountID, t.CreditAccountID)
	dr, cr = both[0], both[1]
	if pending {
		status = PendingOpen
		dr.dp.Add(dr.dp, amount)
		cr.cp.Add(cr.cp, amount)
		if t.Timeout != 0 {
			m.open = append(m.open, t.ID)
		}
	} else {
		dr.dpo.Add(dr.dpo, amount)
		cr.co.Add(cr.co, amount)
	}
	if t.Flags&transferClosingDebit != 0 {
		dr.rec.Flags |= accountClosed
	}
	if t.Flags&transferClosingCredit != 0 {
		cr.rec.Flags |= accountClosed
	}
	m.keep(rec, status, dr, cr)
	return 0
}

// atMost is min(amount, max(0, have − used)).
func atMost(amount, have, used *big.Int) *big.Int {
	left := new(big.Int).Sub(have, used)
	if left.Sign() < 0 {
		left.SetInt64(0)
	}
	if amount.Cmp(left) < 0 {
		return amount
	}
	return left
}

func (m *Model) regresses(at uint64) bool {
	for _, id := range m.trOrder {
		if at <= m.transfers[id].rec.Timestamp {
			return true
		}
	}
	for _, id := range m.accOrder {
		if at == m.accounts[id].rec.Timestamp {
			return true
		}
	}
	return false
}

func (m *Model) keep(rec Transfer, status uint8, dr, cr *account) {
	d, c := dr.record(), cr.record()
	m.setTransfer(rec.ID, &transferRecord{rec: rec, status: status, dr: d.balance(rec.Timestamp), cr: c.balance(rec.Timestamp)})
	m.trOrder = append(m.trOrder, rec.ID)
}

func (m *Model) resolve(t *Transfer, imported bool, ts uint64) uint32 {
	void := t.Flags&transferVoidPending != 0
	if c := firstFailing(
		check{void && t.Flags&transferPostPending != 0, 7}, check{t.Flags&transferPending != 0, 7},
		check{t.Flags&(transferBalancingDebit|transferBalancingCredit|transferClosingDebit|transferClosingCredit) != 0, 7},
		check{t.PendingID.IsZero(), 14}, check{t.PendingID.IsMax(), 15}, check{t.PendingID == t.ID, 16},
		check{t.Timeout != 0, 17}, check{m.transfers[t.PendingID] == nil, 25},
	); c != 0 {
		return c
	}
	p := m.transfers[t.PendingID]
	amount := t.Amount
	if void && amount.IsZero() || !void && amount.IsMax() {
		amount = p.rec.Amount
	}
	dr, cr := m.accounts[p.rec.DebitAccountID], m.accounts[p.rec.CreditAccountID]
	cmp := bigOf(amount).Cmp(bigOf(p.rec.Amount))
	at := ts
	if imported {
		at = t.Timestamp
	}
	if c := firstFailing(
		check{p.rec.Flags&transferPending == 0, 26}, check{!m.mayResolve(void, &p.rec), 1003},
		check{!t.DebitAccountID.IsZero() && t.DebitAccountID != p.rec.DebitAccountID, 27},
		check{!t.CreditAccountID.IsZero() && t.CreditAccountID != p.rec.CreditAccountID, 28},
		check{t.Ledger != 0 && t.Ledger != p.rec.Ledger, 29}, check{t.Code != 0 && t.Code != p.rec.Code, 30},
		check{cmp > 0, 31}, check{void && cmp < 0, 32},
		check{p.status == PendingPosted, 33}, check{p.status == PendingVoided, 34},
		check{p.status == PendingExpired, 35},
		check{p.rec.Timeout != 0 && p.rec.Timestamp+uint64(p.rec.Timeout)*nanosPerSecond <= ts, 35},
		check{imported && m.regresses(at), 60},
		check{!void && dr.rec.Flags&accountClosed != 0, 65}, check{!void && cr.rec.Flags&accountClosed != 0, 66},
	); c != 0 {
		return c
	}
	m.release(p)
	both := []U128{p.rec.DebitAccountID, p.rec.CreditAccountID}
	if void {
		m.become(t.PendingID, PendingVoided)
		m.reopen(p)
		dr, cr = m.accounts[both[0]], m.accounts[both[1]]
	} else {
		m.become(t.PendingID, PendingPosted)
		owned := m.own(both...)
		dr, cr = owned[0], owned[1]
		dr.dpo.Add(dr.dpo, bigOf(amount))
		cr.co.Add(cr.co, bigOf(amount))
	}
	rec := p.rec
	rec.ID, rec.PendingID, rec.Amount, rec.Flags, rec.Timeout, rec.Timestamp = t.ID, t.PendingID, amount, t.Flags, 0, at
	if !t.UserData128.IsZero() {
		rec.UserData128 = t.UserData128
	}
	if t.UserData64 != 0 {
		rec.UserData64 = t.UserData64
	}
	if t.UserData32 != 0 {
		rec.UserData32 = t.UserData32
	}
	m.keep(rec, PendingNone, dr, cr)
	return 0
}

// same compares a repeated transfer with the executed one, field by field as the
// reference lists them.
func (m *Model) same(t, e *Transfer, resolves bool) uint32 {
	if c := firstFailing(check{t.Flags != e.Flags, 36}, check{t.PendingID != e.PendingID, 40}, check{t.Timeout != e.Timeout, 44}); c != 0 {
		return c
	}
	if !resolves {
		amountDiffers := t.Amount != e.Amount
		if t.Flags&(transferBalancingDebit|transferBalancingCredit) != 0 {
			amountDiffers = bigOf(t.Amount).Cmp(bigOf(e.Amount)) < 0
		}
		return firstFailing(check{t.DebitAccountID != e.DebitAccountID, 37}, check{t.CreditAccountID != e.CreditAccountID, 38},
			check{amountDiffers, 39}, check{t.UserData128 != e.UserData128, 41}, check{t.UserData64 != e.UserData64, 42},
			check{t.UserData32 != e.UserData32, 43}, check{t.Ledger != e.Ledger, 67}, check{t.Code != e.Code, 45}, check{true, 46})
	}
	p := m.transfers[t.PendingID].rec
	all := t.Flags&transferVoidPending != 0 && t.Amount.IsZero() || t.Flags&transferPostPending != 0 && t.Amount.IsMax()
	or := func(named bool, same bool) bool { return named && !same }
	return firstFailing(
		check{or(!t.DebitAccountID.IsZero(), t.DebitAccountID == e.DebitAccountID), 37},
		check{or(!t.CreditAccountID.IsZero(), t.CreditAccountID == e.CreditAccountID), 38},
		check{all && e.Amount != p.Amount || !all && t.Amount != e.Amount, 39},
		check{t.UserData128.IsZero() && e.UserData128 != p.UserData128 || !t.UserData128.IsZero() && t.UserData128 != e.UserData128, 41},
		check{t.UserData64 == 0 && e.UserData64 != p.UserData64 || t.UserData64 != 0 && t.UserData64 != e.UserData64, 42},
		check{t.UserData32 == 0 && e.UserData32 != p.UserData32 || t.UserData32 != 0 && t.UserData32 != e.UserData32, 43},
		check{or(t.Ledger != 0, t.Ledger == e.Ledger), 67}, check{or(t.Code != 0, t.Code == e.Code), 45}, check{true, 46})
}

// signer is who signed the transfer at hand.
type signer struct {
	good    bool
	account U128
}

// owned is the account of the key that b starts with.
func owned(b []byte) U128 {
	d := wire.Sum("quorate/v1/account-owner", b[:32])
	return getU128(d[:])
}

// mayResolve lists who may sign that a pending transfer is posted or voided.
func (m *Model) mayResolve(void bool, p *Transfer) bool {
	if m.signer == nil {
		return true
	}
	allowed := []U128{p.CreditAccountID}
	if !void {
		allowed = append(allowed, p.DebitAccountID)
	}
	return slices.Contains(allowed, m.signer.account)
}

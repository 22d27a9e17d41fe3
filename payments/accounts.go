package payments

import "quorate/internal/mark"

// accountsPerPage and headsPerPage are records per page.
const (
	recordsPerPage = PageBytes / RecordBytes
	wordsPerPage   = PageBytes / 8
)

// createAccount executes one event of OpCreateAccounts. The order of the checks
// is the precedence of codes.
func (m *Machine) createAccount(e *event) AccountCode {
	var a Account
	a.load(e.raw)
	switch {
	case a.Reserved != 0:
		return AccountReservedField
	case a.Flags&^accountFlagsAll != 0:
		return AccountReservedFlag
	case a.ID.IsZero():
		return AccountIDMustNotBeZero
	case a.ID.IsMax():
		return AccountIDMustNotBeIntMax
	}
	if _, old := m.findAccount(a.ID); old != nil {
		return accountExists(&a, old)
	}
	if code := a.checkNew(); code != AccountOK {
		return code
	}
	ledger, known := m.ledgerSlot(a.Ledger)
	if !known && m.registry {
		return AccountLedgerNotRegistered
	}
	if a.Flags&AccountImported == 0 {
		a.Timestamp = e.timestamp
	} else if a.Timestamp <= m.accountTime() || a.Timestamp <= m.meta.transferTime {
		// Stricter than the original for transfers, see the head of the package.
		return AccountImportedEventTimestampMustNotRegress
	}
	switch {
	case !known && m.meta.ledgers >= m.limits.LedgersMax:
		return AccountLedgerTableFull
	case m.meta.accounts >= m.limits.AccountsMax:
		return AccountTableFull
	}
	if !known {
		mark.Hit(mark.LedgerSeen)
		ledger = m.addLedger(Ledger{Number: a.Ledger})
	}
	m.saveLedger(ledger)
	m.ledgers[ledger].Accounts++
	m.mark(RegionLedgers, ledger/recordsPerPage)
	mark.If(a.Flags&AccountImported != 0, mark.AccountImportedOK)
	slot := m.addAccount(&a)
	m.block.delta.fold(uint64(slot), a.ID.Lo, a.ID.Hi, a.Timestamp)
	return AccountOK
}

// checkNew checks the fields of an account that does not exist yet.
func (a *Account) checkNew() AccountCode {
	const limits = AccountDebitsMustNotExceedCredits | AccountCreditsMustNotExceedDebits
	switch {
	case a.Flags&limits == limits:
		return AccountFlagsAreMutuallyExclusive
	case !a.DebitsPending.IsZero():
		return AccountDebitsPendingMustBeZero
	case !a.DebitsPosted.IsZero():
		return AccountDebitsPostedMustBeZero
	case !a.CreditsPending.IsZero():
		return AccountCreditsPendingMustBeZero
	case !a.CreditsPosted.IsZero():
		return AccountCreditsPostedMustBeZero
	case a.Ledger == 0:
		return AccountLedgerMustNotBeZero
	case a.Code == 0:
		return AccountCodeMustNotBeZero
	}
	return AccountOK
}

// accountExists compares an event with the account of its id.
func accountExists(a, old *Account) AccountCode {
	switch {
	case a.Flags != old.Flags:
		return AccountExistsWithDifferentFlags
	case a.UserData128 != old.UserData128:
		return AccountExistsWithDifferentUserData128
	case a.UserData64 != old.UserData64:
		return AccountExistsWithDifferentUserData64
	case a.UserData32 != old.UserData32:
		return AccountExistsWithDifferentUserData32
	case a.Ledger != old.Ledger:
		return AccountExistsWithDifferentLedger
	case a.Code != old.Code:
		return AccountExistsWithDifferentCode
	}
	return AccountExists
}

// addAccount puts a new account into the next slot.
func (m *Machine) addAccount(a *Account) uint32 {
	slot := m.meta.accounts
	m.accounts.grow(slot + 1)
	m.heads.grow(slot + 1)
	*m.accounts.at(slot), *m.heads.at(slot) = *a, 0
	m.byAccount.insert(m.keys.account(a.ID), uint64(slot)+1)
	m.meta.accounts++
	m.mark(RegionAccounts, slot/recordsPerPage)
	m.mark(RegionHeads, slot/wordsPerPage)
	return slot
}

// findAccount finds an account by id, or gives nil. The pointer stays good.
func (m *Machine) findAccount(id U128) (uint32, *Account) {
	p := m.byAccount.seek(m.keys.account(id))
	for {
		v, ok := p.next()
		if !ok {
			return 0, nil
		}
		slot := uint32(v - 1)
		if a := m.accounts.at(slot); a.ID == id {
			return slot, a
		}
	}
}

// accountTime is the timestamp of the youngest account, 0 if there is none.
func (m *Machine) accountTime() uint64 {
	if m.meta.accounts == 0 {
		return 0
	}
	return m.accounts.at(m.meta.accounts - 1).Timestamp
}

// accountFrom gives the first slot whose account is not older than timestamp
// (P6).
func (m *Machine) accountFrom(timestamp uint64) uint32 {
	lo, hi := uint32(0), m.meta.accounts
	for lo < hi {
		mid := lo + (hi-lo)/2
		if m.accounts.at(mid).Timestamp < timestamp {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return lo
}

// accountAt reports whether an account has exactly this timestamp.
func (m *Machine) accountAt(timestamp uint64) bool {
	slot := m.accountFrom(timestamp)
	return slot < m.meta.accounts && m.accounts.at(slot).Timestamp == timestamp
}

// Newest gives an account's record as of the last block and the ordinal of its
// newest transfer, 0 if it has none: from there a chain of ordinals leads back
// (Stored.PrevDebit, PrevCredit).
func (m *Machine) Newest(id U128) (a Account, ordinal uint64, ok bool) {
	slot, p := m.findAccount(id)
	if p == nil {
		return a, 0, false
	}
	return *p, *m.heads.at(slot), true
}

// Account gives an account's record as of the last block.
func (m *Machine) Account(id U128) (Account, bool) {
	_, a := m.findAccount(id)
	if a == nil {
		return Account{}, false
	}
	return *a, true
}

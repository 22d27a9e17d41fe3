package payments

import (
	"quorate/internal/mark"
	"quorate/internal/plant"
)

// createTransfer executes one event of OpCreateTransfers or
// OpCreateSignedTransfers. The order of the checks is the precedence of codes;
// nothing changes before the last of them.
func (m *Machine) createTransfer(e *event) (TransferCode, error) {
	t := &m.block.transfer
	t.load(e.raw)
	if code := e.signed.check(t); code != TransferOK {
		return code, nil
	}
	switch {
	case t.Flags&^transferFlagsAll != 0:
		return TransferReservedFlag, nil
	case t.ID.IsZero():
		return TransferIDMustNotBeZero, nil
	case t.ID.IsMax():
		return TransferIDMustNotBeIntMax, nil
	}
	ordinal, err := m.findTransfer(t.ID, e.hint.place)
	switch {
	case err != nil:
		return 0, err
	case ordinal != 0 && m.block.stored.Code != TransferOK:
		return TransferIDAlreadyFailed, nil
	case ordinal != 0:
		return m.transferExists(t)
	case t.Flags&transferResolves != 0:
		return m.resolveTransfer(t, e)
	}
	if code := t.checkFields(); code != TransferOK {
		return code, nil
	}
	return m.moveMoney(t, e), nil
}

// checkFields checks a transfer that neither posts nor voids, by itself.
func (t *Transfer) checkFields() TransferCode {
	pending := t.Flags&TransferPending != 0
	switch {
	case t.DebitAccountID.IsZero():
		return TransferDebitAccountIDMustNotBeZero
	case t.DebitAccountID.IsMax():
		return TransferDebitAccountIDMustNotBeIntMax
	case t.CreditAccountID.IsZero():
		return TransferCreditAccountIDMustNotBeZero
	case t.CreditAccountID.IsMax():
		return TransferCreditAccountIDMustNotBeIntMax
	case t.CreditAccountID == t.DebitAccountID:
		return TransferAccountsMustBeDifferent
	case !t.PendingID.IsZero():
		return TransferPendingIDMustBeZero
	case !pending && t.Timeout != 0:
		return TransferTimeoutReservedForPendingTransfer
	case !pending && t.Flags&transferCloses != 0:
		return TransferClosingTransferMustBePending
	case t.Ledger == 0:
		return TransferLedgerMustNotBeZero
	case t.Code == 0:
		return TransferCodeMustNotBeZero
	}
	return TransferOK
}

// pair is the two accounts of a transfer.
type pair struct {
	drSlot, crSlot uint32
	dr, cr         *Account
}

// moveMoney checks a transfer against its accounts and executes it.
func (m *Machine) moveMoney(t *Transfer, e *event) TransferCode {
	var p pair
	if p.drSlot, p.dr = m.hintedAccount(e.hint, SideDebit, t.DebitAccountID); p.dr == nil {
		return TransferDebitAccountNotFound
	}
	if p.crSlot, p.cr = m.hintedAccount(e.hint, SideCredit, t.CreditAccountID); p.cr == nil {
		return TransferCreditAccountNotFound
	}
	switch {
	case p.dr.Ledger != p.cr.Ledger:
		return TransferAccountsMustHaveTheSameLedger
	case t.Ledger != p.dr.Ledger:
		return TransferMustHaveTheSameLedgerAsAccounts
	case !e.signed.is && p.dr.Flags&AccountDebitsMustBeSigned != 0 && !plant.On(plant.UnsignedDebitAllowed):
		return TransferSignatureRequired
	}
	if t.Flags&TransferImported == 0 {
		t.Timestamp = e.timestamp
	} else if code := m.checkImported(t, &p); code != TransferOK {
		return code
	}
	switch {
	case p.dr.Flags&AccountClosed != 0:
		return TransferDebitAccountAlreadyClosed
	case p.cr.Flags&AccountClosed != 0:
		return TransferCreditAccountAlreadyClosed
	}
	asked := t.Amount
	if t.Flags&transferBalances != 0 {
		t.Amount = t.balancingAmount(&p)
	}
	if code := t.checkBalances(&p); code != TransferOK {
		return code
	}
	if t.Flags&TransferPending != 0 && m.meta.pendingOpen >= m.limits.PendingsMax {
		return TransferPendingTableFull
	}
	// From here on the transfer succeeds.
	mark.If(t.Flags&TransferImported != 0, mark.TransferImportedOK)
	m.useIDHere(e)
	m.move(t, e, &p)
	if t.Amount != asked {
		if t.Amount.IsZero() {
			mark.Hit(mark.BalancedToZero)
		}
		mark.Hit(mark.BalancedDown)
		m.derive(t, e)
	}
	return TransferOK
}

// checkImported checks the timestamp that an imported transfer brings.
func (m *Machine) checkImported(t *Transfer, p *pair) TransferCode {
	switch {
	case t.Timestamp <= m.meta.transferTime, m.accountAt(t.Timestamp):
		return TransferImportedEventTimestampMustNotRegress
	case t.Timestamp <= p.dr.Timestamp:
		return TransferImportedEventTimestampMustPostdateDebitAccount
	case t.Timestamp <= p.cr.Timestamp:
		return TransferImportedEventTimestampMustPostdateCreditAccount
	case t.Timeout != 0:
		return TransferImportedEventTimeoutMustBeZero
	}
	return TransferOK
}

// balancingAmount is at most the amount asked for, and no more than keeps the
// balancing account's balance from crossing zero. Sums of one account's debits
// or credits never overflow, see checkBalances.
func (t *Transfer) balancingAmount(p *pair) U128 {
	amount := t.Amount
	if t.Flags&TransferBalancingDebit != 0 {
		debits, _ := p.dr.DebitsPosted.Add(p.dr.DebitsPending)
		if plant.On(plant.BalancingIgnoresPending) {
			debits = p.dr.DebitsPosted
		}
		amount = minU128(amount, p.dr.CreditsPosted.SubFloor(debits))
	}
	if t.Flags&TransferBalancingCredit != 0 {
		mark.Hit(mark.BalancedCredit)
		credits, _ := p.cr.CreditsPosted.Add(p.cr.CreditsPending)
		amount = minU128(amount, p.cr.DebitsPosted.SubFloor(credits))
	}
	return amount
}

// checkBalances checks that no sum leaves 128 bits, that the timeout ends within
// time, and the limits of both accounts.
func (t *Transfer) checkBalances(p *pair) TransferCode {
	dr, cr := p.dr, p.cr
	if plant.On(plant.OverflowUnchecked) {
		return TransferOK
	}
	if t.Flags&TransferPending != 0 {
		if _, over := t.Amount.Add(dr.DebitsPending); over {
			return TransferOverflowsDebitsPending
		}
		if _, over := t.Amount.Add(cr.CreditsPending); over {
			return TransferOverflowsCreditsPending
		}
	}
	if _, over := t.Amount.Add(dr.DebitsPosted); over {
		return TransferOverflowsDebitsPosted
	}
	if _, over := t.Amount.Add(cr.CreditsPosted); over {
		return TransferOverflowsCreditsPosted
	}
	debits, _ := dr.DebitsPending.Add(dr.DebitsPosted)
	debits, over := debits.Add(t.Amount)
	if over {
		return TransferOverflowsDebits
	}
	credits, _ := cr.CreditsPending.Add(cr.CreditsPosted)
	credits, over = credits.Add(t.Amount)
	if plant.On(plant.LimitIgnoresPending) {
		debits, _ = dr.DebitsPosted.Add(t.Amount)
	}
	switch {
	case over:
		return TransferOverflowsCredits
	case t.Timestamp+uint64(t.Timeout)*nanosPerSecond > TimestampMax:
		return TransferOverflowsTimeout
	case dr.Flags&AccountDebitsMustNotExceedCredits != 0 && dr.CreditsPosted.Less(debits):
		return TransferExceedsCredits
	case cr.Flags&AccountCreditsMustNotExceedDebits != 0 && cr.DebitsPosted.Less(credits):
		return TransferExceedsDebits
	}
	return TransferOK
}

// move books a checked transfer.
func (m *Machine) move(t *Transfer, e *event, p *pair) {
	ledger, _ := m.ledgerSlot(t.Ledger)
	l := &m.ledgers[ledger]
	m.saveAccount(p.drSlot, p.dr)
	m.saveAccount(p.crSlot, p.cr)
	m.saveLedger(ledger)
	if t.Flags&TransferPending != 0 {
		p.dr.DebitsPending, _ = p.dr.DebitsPending.Add(t.Amount)
		p.cr.CreditsPending, _ = p.cr.CreditsPending.Add(t.Amount)
		l.DebitsPending.add(t.Amount)
		l.CreditsPending.add(t.Amount)
		m.openPending(t, e.ordinal)
		if t.Flags&TransferClosingDebit != 0 {
			mark.Hit(mark.ClosesDebit)
			p.dr.Flags |= AccountClosed
		}
		if t.Flags&TransferClosingCredit != 0 {
			mark.Hit(mark.ClosesCredit)
			p.cr.Flags |= AccountClosed
		}
	} else {
		p.dr.DebitsPosted, _ = p.dr.DebitsPosted.Add(t.Amount)
		p.cr.CreditsPosted, _ = p.cr.CreditsPosted.Add(t.Amount)
		l.DebitsPosted.add(t.Amount)
		l.CreditsPosted.add(t.Amount)
	}
	m.book(t, e, p, ledger)
}

// book does what every executed transfer needs: count, chain links, history,
// dirty pages, write set.
func (m *Machine) book(t *Transfer, e *event, p *pair, ledger uint32) {
	b := &m.block
	m.ledgers[ledger].Transfers++
	m.meta.transferTime = t.Timestamp
	drHead, crHead := m.heads.at(p.drSlot), m.heads.at(p.crSlot)
	b.out.Links[e.at] = [2]uint64{*drHead, *crHead}
	*drHead, *crHead = e.ordinal, e.ordinal
	if (p.dr.Flags|p.cr.Flags)&AccountHistory != 0 {
		m.recordHistory(t, e, p)
	}
	m.mark(RegionLedgers, ledger/recordsPerPage)
	m.mark(RegionAccounts, p.drSlot/recordsPerPage)
	m.mark(RegionAccounts, p.crSlot/recordsPerPage)
	m.mark(RegionHeads, p.drSlot/wordsPerPage)
	m.mark(RegionHeads, p.crSlot/wordsPerPage)
	b.delta.fold(e.ordinal, t.ID.Lo, t.Amount.Lo, t.Amount.Hi^t.Timestamp)
	b.delta.pair(p)
}

// recordHistory keeps the balances of accounts with the history flag.
func (m *Machine) recordHistory(t *Transfer, e *event, p *pair) {
	mark.If(p.dr.Flags&p.cr.Flags&AccountHistory != 0, mark.HistoryTwice)
	out := m.block.out
	for side, a := range [...]*Account{SideDebit: p.dr, SideCredit: p.cr} {
		if a.Flags&AccountHistory == 0 {
			continue
		}
		out.Balances = append(out.Balances, BalanceRecord{
			Ordinal: e.ordinal, Side: Side(side),
			Balance: AccountBalance{
				DebitsPending: a.DebitsPending, DebitsPosted: a.DebitsPosted,
				CreditsPending: a.CreditsPending, CreditsPosted: a.CreditsPosted,
				Timestamp: t.Timestamp,
			},
		})
	}
}

// derive keeps a final record that does not follow from the event alone.
func (m *Machine) derive(t *Transfer, e *event) {
	out := m.block.out
	out.Derived = append(out.Derived, Derived{Ordinal: e.ordinal})
	t.store(&out.Derived[len(out.Derived)-1].Record)
}

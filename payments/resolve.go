package payments

import (
	"fmt"

	"quorate/internal/assert"
	"quorate/internal/mark"
	"quorate/internal/plant"
)

// resolveTransfer executes a transfer that posts or voids a pending one.
func (m *Machine) resolveTransfer(t *Transfer, e *event) (TransferCode, error) {
	const alone = TransferPending | transferBalances | transferCloses
	switch {
	case t.Flags&transferResolves == transferResolves, t.Flags&alone != 0:
		return TransferFlagsAreMutuallyExclusive, nil
	case t.PendingID.IsZero():
		return TransferPendingIDMustNotBeZero, nil
	case t.PendingID.IsMax():
		return TransferPendingIDMustNotBeIntMax, nil
	case t.PendingID == t.ID:
		return TransferPendingIDMustBeDifferent, nil
	case t.Timeout != 0:
		return TransferTimeoutReservedForPendingTransfer, nil
	}
	ordinal, err := m.findTransfer(t.PendingID, m.transferPlace(t.PendingID))
	switch {
	case err != nil:
		return 0, err
	case ordinal == 0 || m.block.stored.Code != TransferOK:
		return TransferPendingTransferNotFound, nil
	}
	p := &m.block.pending
	*p = m.block.stored.Transfer
	if p.Flags&TransferPending == 0 {
		return TransferPendingTransferNotPending, nil
	}
	if !e.signed.mayResolve(t, p) {
		return TransferSignerNotOwner, nil
	}
	amount, code := t.checkPending(p)
	if code != TransferOK {
		return code, nil
	}
	slot, code, err := m.checkOpen(p, ordinal, e.timestamp)
	if code != TransferOK || err != nil {
		return code, err
	}
	var accounts pair
	if err := m.pairOf(p, &accounts); err != nil {
		return 0, err
	}
	if code := m.checkResolve(t, &accounts); code != TransferOK {
		return code, nil
	}
	// From here on the transfer succeeds.
	if t.Flags&TransferImported == 0 {
		t.Timestamp = e.timestamp
	} else {
		mark.Hit(mark.ResolveImported)
	}
	mark.If(ordinal >= m.block.out.FirstOrdinal, mark.ResolveInBlock)
	mark.If(t.Flags&TransferPostPending != 0 && amount != p.Amount, mark.PostPartial)
	t.inherit(p, amount)
	m.useID(e)
	m.settle(t, e, &accounts, slot)
	m.derive(t, e)
	return TransferOK, nil
}

// checkPending compares t with the pending transfer p that it resolves, and
// gives the amount to post or void.
func (t *Transfer) checkPending(p *Transfer) (U128, TransferCode) {
	void := t.Flags&TransferVoidPending != 0
	amount := t.resolvedAmount(p)
	switch {
	case !t.DebitAccountID.IsZero() && t.DebitAccountID != p.DebitAccountID:
		return amount, TransferPendingTransferHasDifferentDebitAccountID
	case !t.CreditAccountID.IsZero() && t.CreditAccountID != p.CreditAccountID:
		return amount, TransferPendingTransferHasDifferentCreditAccountID
	case t.Ledger != 0 && t.Ledger != p.Ledger:
		return amount, TransferPendingTransferHasDifferentLedger
	case t.Code != 0 && t.Code != p.Code:
		return amount, TransferPendingTransferHasDifferentCode
	case p.Amount.Less(amount):
		return amount, TransferExceedsPendingTransferAmount
	case void && amount != p.Amount:
		return amount, TransferPendingTransferHasDifferentAmount
	}
	return amount, TransferOK
}

// resolvedAmount is the amount to post or void: void 0 and post 2^128−1 mean all.
func (t *Transfer) resolvedAmount(p *Transfer) U128 {
	void := t.Flags&TransferVoidPending != 0
	if void && t.Amount.IsZero() || !void && t.Amount.IsMax() {
		return p.Amount
	}
	return t.Amount
}

// checkOpen tells whether the pending transfer p is still open, and its slot.
func (m *Machine) checkOpen(p *Transfer, ordinal, timestamp uint64) (uint32, TransferCode, error) {
	slot, status := m.pendingSlot(ordinal)
	if status == PendingNone {
		mark.Hit(mark.ResolveFromArchive)
		var err error
		if status, err = m.block.archive.PendingStatus(ordinal); err != nil {
			return 0, 0, fmt.Errorf("%w: status of pending %d: %w", ErrArchive, ordinal, err)
		}
	} else if status == PendingOpen && p.expired(timestamp) && !plant.On(plant.ExpiredStillOpen) {
		mark.Hit(mark.ResolveUnswept)
		status = PendingExpired // not yet swept
	}
	switch status {
	case PendingOpen:
		if slot == noSlot {
			break
		}
		return slot, TransferOK, nil
	case PendingPosted:
		return 0, TransferPendingTransferAlreadyPosted, nil
	case PendingVoided:
		return 0, TransferPendingTransferAlreadyVoided, nil
	case PendingExpired:
		return 0, TransferPendingTransferExpired, nil
	}
	return 0, 0, fmt.Errorf("%w: pending %d is not open here and has status %d there", ErrArchive, ordinal, status)
}

// checkResolve checks time and accounts of a transfer that may resolve.
func (m *Machine) checkResolve(t *Transfer, p *pair) TransferCode {
	void := t.Flags&TransferVoidPending != 0
	switch {
	case t.Flags&TransferImported != 0 &&
		(t.Timestamp <= m.meta.transferTime || m.accountAt(t.Timestamp)):
		return TransferImportedEventTimestampMustNotRegress
	case p.dr.Flags&AccountClosed != 0 && !void:
		return TransferDebitAccountAlreadyClosed
	case p.cr.Flags&AccountClosed != 0 && !void:
		return TransferCreditAccountAlreadyClosed
	}
	return TransferOK
}

// inherit fills in what t takes from the pending transfer.
func (t *Transfer) inherit(p *Transfer, amount U128) {
	t.DebitAccountID, t.CreditAccountID = p.DebitAccountID, p.CreditAccountID
	t.Ledger, t.Code, t.Amount = p.Ledger, p.Code, amount
	t.inheritData(p)
}

// inheritData takes over the user data that t does not set.
func (t *Transfer) inheritData(p *Transfer) {
	if t.UserData128.IsZero() {
		t.UserData128 = p.UserData128
	}
	if t.UserData64 == 0 {
		t.UserData64 = p.UserData64
	}
	if t.UserData32 == 0 {
		t.UserData32 = p.UserData32
	}
}

// settle books a posting or voiding of the pending transfer in slot.
func (m *Machine) settle(t *Transfer, e *event, p *pair, slot uint32) {
	status := PendingVoided
	ledger := m.release(p, slot)
	if t.Flags&TransferPostPending != 0 {
		status = PendingPosted
		l := &m.ledgers[ledger]
		if plant.On(plant.LedgerTotalDrifts) {
			l.DebitsPosted.sub(U64(t.Amount.Lo & 1))
		}
		p.dr.DebitsPosted, _ = p.dr.DebitsPosted.Add(t.Amount)
		p.cr.CreditsPosted, _ = p.cr.CreditsPosted.Add(t.Amount)
		l.DebitsPosted.add(t.Amount)
		l.CreditsPosted.add(t.Amount)
	} else {
		p.reopen(m.block.pending.Flags)
	}
	m.resolvePending(slot, status)
	m.book(t, e, p, ledger)
}

// release gives the reserved amount of m.block.pending back and gives the slot
// of its ledger.
func (m *Machine) release(p *pair, slot uint32) uint32 {
	amount := m.block.pending.Amount
	ledger, _ := m.ledgerSlot(p.dr.Ledger)
	m.saveAccount(p.drSlot, p.dr)
	m.saveAccount(p.crSlot, p.cr)
	m.saveLedger(ledger)
	if plant.On(plant.PostReleasesPart) && m.block.transfer.Flags&TransferPostPending != 0 {
		amount = minU128(amount, m.block.transfer.Amount)
	}
	p.dr.DebitsPending, _ = p.dr.DebitsPending.Sub(amount)
	if plant.On(plant.VoidKeepsReserve) && m.block.transfer.Flags&TransferVoidPending != 0 {
		return ledger
	}
	p.cr.CreditsPending, _ = p.cr.CreditsPending.Sub(amount)
	m.ledgers[ledger].DebitsPending.sub(amount)
	m.ledgers[ledger].CreditsPending.sub(amount)
	return ledger
}

// reopen undoes the closing of accounts by a pending transfer with these flags.
func (p *pair) reopen(f TransferFlags) {
	if f&TransferClosingDebit != 0 {
		mark.Hit(mark.ReopenDebit)
		p.dr.Flags &^= AccountClosed
	}
	if f&TransferClosingCredit != 0 {
		mark.Hit(mark.ReopenCredit)
		p.cr.Flags &^= AccountClosed
	}
}

// pairOf finds the accounts of an executed transfer; they must exist.
func (m *Machine) pairOf(t *Transfer, p *pair) error {
	p.drSlot, p.dr = m.findAccount(t.DebitAccountID)
	p.crSlot, p.cr = m.findAccount(t.CreditAccountID)
	if p.dr == nil || p.cr == nil {
		return fmt.Errorf("%w: transfer %v between unknown accounts", ErrArchive, t.ID)
	}
	return nil
}

// expire sweeps pending transfers whose time is up at the block's begin, at
// most Limits.ExpiriesMax of them. Those left over count as expired when they
// are touched (checkOpen) and give their amounts back in a later block.
func (m *Machine) expire() {
	b := &m.block
	for n := uint32(0); n < m.limits.ExpiriesMax; n++ {
		slot, ok := m.expiry.due(b.out.Time)
		if !ok {
			return
		}
		mark.Hit(mark.ExpireSwept)
		if plant.On(plant.ExpiryInMapOrder) {
			slot = m.anyDue(b.out.Time)
		}
		b.pending = *m.pendings.records.at(slot)
		var p pair
		assert.That(m.pairOf(&b.pending, &p) == nil, "open pending transfer between unknown accounts") // Finish checks this
		ledger := m.release(&p, slot)
		p.reopen(b.pending.Flags)
		m.resolvePending(slot, PendingExpired)
		m.mark(RegionLedgers, ledger/recordsPerPage)
		m.mark(RegionAccounts, p.drSlot/recordsPerPage)
		m.mark(RegionAccounts, p.crSlot/recordsPerPage)
		b.delta.pair(&p)
	}
	if mark.Enabled {
		_, more := m.expiry.due(b.out.Time)
		mark.If(more, mark.ExpireBudget)
	}
}

package payments

import "fmt"

// The indexes and heaps that follow from loaded records, and the checks that the
// records fit each other.

func (m *Machine) rebuildLedgers() error {
	for i := range m.ledgers {
		number := m.ledgers[i].Number
		if _, twice := m.ledgerSlot(number); number == 0 || twice && m.ledgerLast != uint32(i) {
			return fmt.Errorf("%w: ledger %d in slot %d", ErrState, number, i)
		}
		m.byLedger.insert(m.keys.number(uint64(number)), uint64(i)+1)
	}
	return nil
}

func (m *Machine) rebuildAccounts() error {
	last := uint64(0)
	for i := uint32(0); i < m.meta.accounts; i++ {
		a := m.accounts.at(i)
		_, twice := m.findAccount(a.ID)
		_, known := m.ledgerSlot(a.Ledger)
		switch {
		case a.ID.IsZero() || twice != nil:
			return fmt.Errorf("%w: account %d: id %v", ErrState, i, a.ID)
		case a.Timestamp <= last || a.Timestamp > m.meta.timestampLast:
			return fmt.Errorf("%w: account %d: timestamp %d", ErrState, i, a.Timestamp)
		case !known:
			return fmt.Errorf("%w: account %d: ledger %d", ErrState, i, a.Ledger)
		case *m.heads.at(i) >= m.meta.ordinalNext:
			return fmt.Errorf("%w: account %d: head %d", ErrState, i, *m.heads.at(i))
		}
		last = a.Timestamp
		m.byAccount.insert(m.keys.account(a.ID), uint64(i)+1)
	}
	return nil
}

func (m *Machine) rebuildPendings() error {
	open := uint32(0)
	for i := uint32(0); i < m.meta.pendingSlots; i++ {
		r := m.pendings.records.at(i)
		if r.ID.IsZero() {
			continue
		}
		ordinal := r.PendingID
		var p pair
		if _, status := m.pendingSlot(ordinal.Lo); status != PendingNone || ordinal.Hi != 0 ||
			ordinal.Lo == 0 || ordinal.Lo >= m.meta.ordinalNext || r.Flags&TransferPending == 0 {
			return fmt.Errorf("%w: pending %d: ordinal %v", ErrState, i, ordinal)
		}
		if m.pairOf(r, &p) != nil {
			return fmt.Errorf("%w: pending %d: accounts", ErrState, i)
		}
		open++
		m.indexPending(i, r)
	}
	free := uint32(0)
	for next := uint64(m.meta.pendingFree); next != 0; free++ {
		if next > uint64(m.meta.pendingSlots) || free > m.meta.pendingSlots {
			return fmt.Errorf("%w: free list of pendings leads to %d", ErrState, next)
		}
		r := m.pendings.records.at(uint32(next - 1))
		if !r.ID.IsZero() {
			return fmt.Errorf("%w: free list of pendings holds open slot %d", ErrState, next-1)
		}
		next = r.PendingID.Lo
	}
	if open != m.meta.pendingOpen || open+free != m.meta.pendingSlots {
		return fmt.Errorf("%w: %d open and %d free pendings in %d slots", ErrState, open, free, m.meta.pendingSlots)
	}
	return nil
}

func (m *Machine) rebuildSessions() error {
	for i := uint32(0); i < m.meta.clients; i++ {
		s := m.sessionAt(i)
		if _, twice := m.session(s.client.ID); s.client.ID == 0 || twice != nil {
			return fmt.Errorf("%w: client %d in slot %d", ErrState, s.client.ID, i)
		}
		if checkEncoding(&s.client.Key) != RegisterOK || (s.high == 0) != (s.bitmap == 0) {
			return fmt.Errorf("%w: client %d: key or window", ErrState, s.client.ID)
		}
		m.byClient.insert(m.keys.number(uint64(s.client.ID)), uint64(i)+1)
	}
	return nil
}

func (m *Machine) checkTimeline() error {
	last := sample{}
	for i, s := range m.timeline {
		if s.ordinal <= last.ordinal || s.ordinal > m.meta.ordinalNext ||
			s.time < last.time || s.time > m.meta.transferTime {
			return fmt.Errorf("%w: sample %d of the timeline", ErrState, i)
		}
		last = s
	}
	return nil
}

// Audit walks all accounts and open pendings and compares them with the
// ledgers' totals (P2). It returns ErrState, wrapped with what differs.
func (m *Machine) Audit() error {
	sums := make([]LedgerTotals, len(m.ledgers))
	for i := uint32(0); i < m.meta.accounts; i++ {
		a := m.accounts.at(i)
		slot, ok := m.ledgerSlot(a.Ledger)
		if !ok {
			return fmt.Errorf("%w: account %v on unknown ledger %d", ErrState, a.ID, a.Ledger)
		}
		s := &sums[slot]
		s.Accounts++
		s.DebitsPending.add(a.DebitsPending)
		s.DebitsPosted.add(a.DebitsPosted)
		s.CreditsPending.add(a.CreditsPending)
		s.CreditsPosted.add(a.CreditsPosted)
	}
	reserved := make([]Total, len(m.ledgers))
	for i := uint32(0); i < m.meta.pendingSlots; i++ {
		r := m.pendings.records.at(i)
		if slot, ok := m.ledgerSlot(r.Ledger); ok && !r.ID.IsZero() {
			reserved[slot].add(r.Amount)
		}
	}
	for i := range sums {
		l, s := &m.ledgers[i], &sums[i]
		s.Ledger, s.Transfers = l.Ledger, l.Transfers
		switch {
		case *s != *l:
			return fmt.Errorf("%w: totals of ledger %d are %+v, accounts sum to %+v", ErrState, l.Number, *l, *s)
		case s.DebitsPosted != s.CreditsPosted || s.DebitsPending != s.CreditsPending:
			return fmt.Errorf("%w: ledger %d is not in balance: %+v", ErrState, l.Number, *s)
		case s.DebitsPending != reserved[i]:
			return fmt.Errorf("%w: ledger %d reserves %+v, open pendings sum to %+v",
				ErrState, l.Number, s.DebitsPending, reserved[i])
		}
	}
	return nil
}

package payments

import "quorate/internal/mark"

import "quorate/internal/plant"

// undoLog remembers what an open chain changed. Events outside chains need
// none: they are checked to the end before they change anything. Each list is
// undone from its end; a chain holds accounts or transfers, never both, so the
// lists do not hang on each other.
type undoLog struct {
	open     bool
	accounts []undoAccount // before images
	ledgers  []undoLedger
	pendings []undoPending
	ids      []undoID

	// Lengths and counters at the chain's begin.
	accountsCount uint32
	ledgersCount  uint32
	transferTime  uint64
	derived       int
	balances      int
	resolved      int
	delta         delta
}

type undoAccount struct {
	slot    uint32
	head    uint64
	account Account
}

type undoLedger struct {
	slot   uint32
	totals LedgerTotals
}

// undoPending is a pending transfer that was opened in a new slot or in a freed
// one, or that was resolved.
type undoPending struct {
	slot uint32
	kind undoPendingKind
}

type undoPendingKind uint8

const (
	openedNew undoPendingKind = iota
	openedFreed
	resolved
)

type undoID struct {
	place, ordinal uint64
}

// openChain starts to remember.
func (m *Machine) openChain() {
	u, out := &m.undo, m.block.out
	u.open = true
	u.accountsCount, u.ledgersCount = m.meta.accounts, m.meta.ledgers
	u.transferTime = m.meta.transferTime
	u.derived, u.balances, u.resolved = len(out.Derived), len(out.Balances), len(out.Resolved)
	u.delta = m.block.delta
}

// closeChain forgets.
func (m *Machine) closeChain() {
	u := &m.undo
	u.open = false
	u.accounts, u.ledgers = u.accounts[:0], u.ledgers[:0]
	u.pendings, u.ids = u.pendings[:0], u.ids[:0]
}

// rollBack takes the chain back whose events have the indexes from first to
// below end in the block. The log is empty afterwards.
func (m *Machine) rollBack(first, end uint32) {
	u, out := &m.undo, m.block.out
	for i := len(u.pendings) - 1; i >= 0; i-- {
		m.undoPending(&u.pendings[i])
	}
	for i := len(u.accounts) - 1; i >= 0; i-- {
		if plant.On(plant.LinkedHalfApplied) && i == len(u.accounts)-1 {
			continue
		}
		a := &u.accounts[i]
		*m.accounts.at(a.slot), *m.heads.at(a.slot) = a.account, a.head
	}
	for i := len(u.ledgers) - 1; i >= 0; i-- {
		m.ledgers[u.ledgers[i].slot] = u.ledgers[i].totals
	}
	for i := len(u.ids) - 1; i >= 0; i-- {
		if plant.On(plant.RolledBackIDKept) {
			break
		}
		m.byTransfer.remove(u.ids[i].place, u.ids[i].ordinal)
	}
	for m.meta.accounts > u.accountsCount {
		m.dropAccount()
	}
	for m.meta.ledgers > u.ledgersCount {
		m.dropLedger()
	}
	m.meta.transferTime = u.transferTime
	mark.If(len(out.Balances) > u.balances, mark.UndoBalances)
	mark.If(len(out.Derived) > u.derived, mark.UndoDerived)
	out.Derived, out.Balances = out.Derived[:u.derived], out.Balances[:u.balances]
	out.Resolved, m.pendings.resolved = out.Resolved[:u.resolved], m.pendings.resolved[:u.resolved]
	clear(out.Links[first:end])
	clear(out.IDEntries[first:end])
	m.block.delta = u.delta
	m.closeChain()
}

// dropAccount takes the account created last away.
func (m *Machine) dropAccount() {
	mark.Hit(mark.UndoAccount)
	slot := m.meta.accounts - 1
	a := m.accounts.at(slot)
	m.byAccount.remove(m.keys.account(a.ID), uint64(slot)+1)
	*a = Account{}
	m.meta.accounts = slot
}

// dropLedger takes the ledger seen last away.
func (m *Machine) dropLedger() {
	mark.Hit(mark.UndoLedger)
	slot := m.meta.ledgers - 1
	m.byLedger.remove(m.keys.number(uint64(m.ledgers[slot].Number)), uint64(slot)+1)
	m.ledgers = m.ledgers[:slot]
	m.meta.ledgers = slot
	m.ledgerLast = 0
}

// saveAccount, saveLedger, savePending remember one record if a chain is open.
func (m *Machine) saveAccount(slot uint32, a *Account) {
	if m.undo.open {
		m.undo.accounts = append(m.undo.accounts, undoAccount{slot: slot, head: *m.heads.at(slot), account: *a})
	}
}

func (m *Machine) saveLedger(slot uint32) {
	if m.undo.open {
		m.undo.ledgers = append(m.undo.ledgers, undoLedger{slot: slot, totals: m.ledgers[slot]})
	}
}

func (m *Machine) savePending(slot uint32, kind undoPendingKind) {
	if m.undo.open {
		m.undo.pendings = append(m.undo.pendings, undoPending{slot: slot, kind: kind})
	}
}

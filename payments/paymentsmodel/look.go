package paymentsmodel

import "quorate/wire"

// What tests and checkers look at beside results.

// Last is the last timestamp used.
func (m *Model) Last() uint64 { return m.last }

// High is the highest executed seq of a client, and whether it is registered.
func (m *Model) High(client wire.ClientID) (uint64, bool) {
	s := m.sessions[client]
	if s == nil {
		return 0, false
	}
	return s.high, true
}

// Accounts lists the ids of accounts in the order of their creation. It must not
// be written.
func (m *Model) Accounts() []U128 { return m.accOrder }

// Account gives the record of an account that exists.
func (m *Model) Account(id U128) Account { return m.accounts[id].record() }

// Transfers lists the ids of executed transfers in order. It must not be written.
func (m *Model) Transfers() []U128 { return m.trOrder }

// Transfer gives an executed transfer and what became of it if it is pending, or
// false.
func (m *Model) Transfer(id U128) (t Transfer, status uint8, ok bool) {
	if r := m.transfers[id]; r != nil {
		return r.rec, r.status, true
	}
	return t, PendingNone, false
}

// Open counts the open pending transfers.
func (m *Model) Open() (n int) {
	for _, id := range m.trOrder {
		if m.transfers[id].status == PendingOpen {
			n++
		}
	}
	return n
}

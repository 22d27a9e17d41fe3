package payments

// A payment touches seven places at random: the id index, twice the account
// index, two accounts, two heads. On big tables each is a cache miss, and one
// after the other they would be most of the cost. So a request's transfers are
// taken in groups: first all index words of a group are read, then all accounts,
// then the group is executed. The reads of one step do not wait for each other.
// Go has no prefetch instruction; a plain load whose result is kept does.
//
// What is read ahead is a hint: it names a slot that holds the right id. Slots
// never move, and a request of transfers never makes or drops accounts.

// groupEvents is the size of a group: enough that the processor always has as
// many reads under way as it can, and still small enough for its first cache.
const groupEvents = 64

// hint is what was read ahead for one transfer.
type hint struct {
	hash  uint64    // idHash
	place uint64    // hashKeys.entry of it
	sides [2]uint64 // hashes of debit and credit account
	slots [2]uint32 // slot + 1 of debit and credit account; 0 if not found
	sink  uint64    // keeps reads from being optimized away
}

// readAhead fills the hints for n transfers.
func (m *Machine) readAhead(body []byte, n int) {
	hints := m.block.hints[:n]
	for i := range hints { // no reads but of the body
		raw, h := (*[RecordBytes]byte)(body[i*RecordBytes:]), &hints[i]
		h.hash = idHash(getU128(raw[0:]))
		h.place = m.keys.entry(h.hash)
		h.sides[0] = m.keys.account(getU128(raw[16:]))
		h.sides[1] = m.keys.account(getU128(raw[32:]))
	}
	for i := range hints {
		h := &hints[i]
		h.sink = m.byTransfer.first(h.place) + m.byAccount.first(h.sides[0]) + m.byAccount.first(h.sides[1])
	}
	for i := range hints {
		h := &hints[i]
		h.slots = [2]uint32{m.accountHint(h.sides[0]), m.accountHint(h.sides[1])}
	}
	if m.meta.accounts == 0 {
		return
	}
	for i := range hints {
		h := &hints[i]
		h.sink += m.touchAccount(h.slots[0]) + m.touchAccount(h.slots[1])
	}
}

// accountHint gives the slot + 1 of the first account with a hash's tag, or 0.
func (m *Machine) accountHint(hash uint64) uint32 {
	p := m.byAccount.seek(hash)
	v, _ := p.next()
	return uint32(v)
}

// touchAccount reads both cache lines of an account and its head; slot 0 stands
// in for none, without a branch.
func (m *Machine) touchAccount(slot1 uint32) uint64 {
	slot := max(slot1, 1) - 1
	a := m.accounts.at(slot)
	return a.ID.Lo + a.Timestamp + *m.heads.at(slot)
}

// first gives the word at a hash's home.
func (x *index) first(h uint64) uint64 {
	s, tag := x.split(h)
	return s.slots[s.home(tag)]
}

// hintedAccount finds one side's account of the transfer that h was made for.
func (m *Machine) hintedAccount(h *hint, side Side, id U128) (uint32, *Account) {
	if s := h.slots[side]; s != 0 {
		if a := m.accounts.at(s - 1); a.ID == id {
			return s - 1, a
		}
		// Another account with the same tag: rare.
	}
	return m.findAccount(id)
}

package payments

import (
	"encoding/binary"
	"fmt"

	"github.com/oasisprotocol/curve25519-voi/curve"

	"quorate/internal/mark"
	"quorate/wire"
)

// The registries: clients with their keys, and ledgers.

// registerClient executes OpRegisterClient.
func (m *Machine) registerClient(body []byte) {
	var c ClientRecord
	code := RegisterReservedField
	if c.Decode(body) == nil {
		code = m.register(&c)
	}
	if code == RegisterOK {
		m.block.out.Registered = append(m.block.out.Registered, c)
		m.block.delta.fold(uint64(c.ID), uint64(c.Roles),
			binary.LittleEndian.Uint64(c.Key[:]), binary.LittleEndian.Uint64(c.Key[8:]))
	}
	mark.Code(mark.RegisterCodes, uint32(code))
	m.block.out.results = binary.LittleEndian.AppendUint32(m.block.out.results, uint32(code))
}

// register adds a client unless something is wrong with the record.
func (m *Machine) register(c *ClientRecord) RegisterCode {
	switch {
	case c.ID == 0:
		return RegisterIDMustNotBeZero
	case c.Roles == 0:
		return RegisterRolesMustNotBeZero
	case c.Roles&^RolesAll != 0:
		return RegisterReservedRole
	}
	if code := CheckKey(c.Key); code != RegisterOK {
		return code
	}
	if _, s := m.session(c.ID); s != nil {
		switch {
		case s.client.Key != c.Key:
			return RegisterExistsWithDifferentKey
		case s.client.Roles != c.Roles:
			return RegisterExistsWithDifferentRole
		}
		return RegisterExists
	}
	if m.meta.clients >= m.limits.ClientsMax {
		return RegisterClientTableFull
	}
	m.addSession(c)
	return RegisterOK
}

// smallOrderY are the y coordinates (little-endian, sign bit clear) of the eight
// points whose order divides 8: y = 1, −1, 0 and the two of order 8. With such a
// key one signature would verify for many messages.
var smallOrderY = [5][4]uint64{
	{0, 0, 0, 0},
	{1, 0, 0, 0},
	{0xffffffffffffffec, 0xffffffffffffffff, 0xffffffffffffffff, 0x7fffffffffffffff},
	{0x4fd84d3d706a17c7, 0x0f67100d760b3cba, 0xc6cc392cfa53202a, 0x7a03ac9277fdc74e},
	{0xb027b2c28f95e826, 0xf098eff289f4c345, 0x3933c6d305acdfd5, 0x05fc536d880238b1},
}

// checkEncoding refuses encodings that are not canonical (RFC 8032 section 5.1.3
// step 1: y must be below p = 2^255 − 19) and points of small order. It costs
// nothing, so every key of a loaded state is held against it.
func checkEncoding(key *[32]byte) RegisterCode {
	var y [4]uint64
	for i := range y {
		y[i] = binary.LittleEndian.Uint64(key[8*i:])
	}
	y[3] &= 1<<63 - 1
	if y[3] == 1<<63-1 && y[2] == ^uint64(0) && y[1] == ^uint64(0) && y[0] >= 0xffffffffffffffed {
		return RegisterKeyNotCanonical
	}
	for i := range smallOrderY {
		if y == smallOrderY[i] {
			return RegisterKeyHasSmallOrder
		}
	}
	return RegisterOK
}

// CheckKey tells whether a client's public key would be registered: RegisterOK
// or one of the four RegisterKey codes. It refuses exactly what cluster.CheckKey
// refuses in a genesis: a key that replicas registered and no verifier takes
// would keep every one of them from starting again. It takes 0.1 ms.
func CheckKey(key [32]byte) RegisterCode {
	if code := checkEncoding(&key); code != RegisterOK {
		return code
	}
	y := curve.CompressedEdwardsY(key)
	var p curve.EdwardsPoint
	if _, err := p.SetCompressedY(&y); err != nil {
		return RegisterKeyNotOnCurve
	}
	if !p.IsTorsionFree() {
		return RegisterKeyHasMixedOrder
	}
	return RegisterOK
}

// addRegistered adds one ledger of the genesis.
func (m *Machine) addRegistered(l *Ledger) error {
	if l.Number == 0 {
		return fmt.Errorf("%w: ledger 0", ErrConfig)
	}
	if _, ok := m.ledgerSlot(l.Number); ok {
		return fmt.Errorf("%w: ledger %d twice", ErrConfig, l.Number)
	}
	if m.meta.ledgers >= m.limits.LedgersMax {
		return fmt.Errorf("%w: more than %d ledgers", ErrConfig, m.limits.LedgersMax)
	}
	m.addLedger(*l)
	return nil
}

// addLedger appends a ledger without sums.
func (m *Machine) addLedger(l Ledger) uint32 {
	slot := m.meta.ledgers
	m.ledgers = append(m.ledgers, LedgerTotals{Ledger: l})
	m.byLedger.insert(m.keys.number(uint64(l.Number)), uint64(slot)+1)
	m.meta.ledgers++
	m.mark(RegionLedgers, slot/recordsPerPage)
	return slot
}

// ledgerSlot finds a ledger. Payments come in runs of one ledger, so the last
// answer is tried first.
func (m *Machine) ledgerSlot(number uint32) (uint32, bool) {
	if uint64(m.ledgerLast) < uint64(len(m.ledgers)) && m.ledgers[m.ledgerLast].Number == number {
		return m.ledgerLast, true
	}
	p := m.byLedger.seek(m.keys.number(uint64(number)))
	for {
		v, ok := p.next()
		if !ok {
			return 0, false
		}
		if slot := uint32(v - 1); m.ledgers[slot].Number == number {
			m.ledgerLast = slot
			return slot, true
		}
	}
}

// add and sub keep a Total.
func (t *Total) add(v U128) {
	var over bool
	if t.Sum, over = t.Sum.Add(v); over {
		t.Over++
	}
}

func (t *Total) sub(v U128) {
	var under bool
	if t.Sum, under = t.Sum.Sub(v); under {
		t.Over--
	}
}

// complete fills in defaults and refuses limits that tables cannot hold.
func (l Limits) complete() (Limits, error) {
	d := DefaultLimits()
	for _, f := range [...]struct {
		v   *uint32
		def uint32
		max uint32
	}{
		{&l.AccountsMax, d.AccountsMax, 1 << 31},
		{&l.PendingsMax, d.PendingsMax, 1 << 31},
		{&l.ClientsMax, d.ClientsMax, 1 << 24},
		{&l.LedgersMax, d.LedgersMax, wire.EventsMax},
		{&l.BlockEventsMax, d.BlockEventsMax, 1 << 22},
		{&l.ExpiriesMax, d.ExpiriesMax, 1 << 22},
		{&l.QueryUnits, d.QueryUnits, 1 << 30},
		{&l.BlockQueryUnits, d.BlockQueryUnits, 1 << 31},
		{&l.BlockResultBytes, d.BlockResultBytes, 1 << 31},
	} {
		if *f.v == 0 {
			*f.v = f.def
		}
		if *f.v > f.max {
			return l, fmt.Errorf("%w: limit %d is over %d", ErrConfig, *f.v, f.max)
		}
	}
	switch {
	case l.BlockEventsMax < wire.EventsMax:
		return l, fmt.Errorf("%w: a block of %d events cannot hold a full request", ErrConfig, l.BlockEventsMax)
	case l.QueryUnits < 2*(sampleOrdinals+l.BlockEventsMax):
		// A cut query must have moved on, see transferQuery.next.
		return l, fmt.Errorf("%w: a query of %d units may not get past a gap in the timeline", ErrConfig, l.QueryUnits)
	case l.BlockQueryUnits < l.QueryUnits || l.BlockQueryUnits < wire.EventsMax*UnitsPerLoad:
		return l, fmt.Errorf("%w: a block of %d units cannot hold a query", ErrConfig, l.BlockQueryUnits)
	case l.BlockResultBytes < wire.ResultBytesMax:
		return l, fmt.Errorf("%w: a block of %d result bytes cannot hold a query", ErrConfig, l.BlockResultBytes)
	}
	return l, nil
}

package payments

import (
	"encoding/binary"

	"quorate/internal/assert"
	"quorate/internal/mark"
	"quorate/internal/plant"
	"quorate/wire"
)

// The loop over the events of one create request: ordinals, timestamps, the
// rules that accounts and transfers share, and linked chains.

// createKind holds what differs between accounts and transfers in this loop.
type createKind struct {
	transfers         bool
	imported          uint16 // the flag
	expected          uint32 // codes
	notExpected       uint32
	outOfRange        uint32
	mustNotAdvance    uint32
	timestampMustBe0  uint32
	linkedFailed      uint32
	linkedChainIsOpen uint32
}

var accountKind = createKind{
	imported:          uint16(AccountImported),
	expected:          uint32(AccountImportedEventExpected),
	notExpected:       uint32(AccountImportedEventNotExpected),
	outOfRange:        uint32(AccountImportedEventTimestampOutOfRange),
	mustNotAdvance:    uint32(AccountImportedEventTimestampMustNotAdvance),
	timestampMustBe0:  uint32(AccountTimestampMustBeZero),
	linkedFailed:      uint32(AccountLinkedEventFailed),
	linkedChainIsOpen: uint32(AccountLinkedEventChainOpen),
}

var transferKind = createKind{
	transfers:         true,
	imported:          uint16(TransferImported),
	expected:          uint32(TransferImportedEventExpected),
	notExpected:       uint32(TransferImportedEventNotExpected),
	outOfRange:        uint32(TransferImportedEventTimestampOutOfRange),
	mustNotAdvance:    uint32(TransferImportedEventTimestampMustNotAdvance),
	timestampMustBe0:  uint32(TransferTimestampMustBeZero),
	linkedFailed:      uint32(TransferLinkedEventFailed),
	linkedChainIsOpen: uint32(TransferLinkedEventChainOpen),
}

const (
	eventFlagsAt     = 118 // of both records
	eventTimestampAt = 120
	eventLinked      = 1 // of both flag sets
)

// event is one event on its way.
type event struct {
	raw       *[RecordBytes]byte
	ordinal   uint64
	at        uint32 // index in the block: ordinal − FirstOrdinal
	timestamp uint64 // given to it; imported events keep their own
	hint      *hint  // of a transfer
	signed    signer // of a signed transfer
}

// run is one create request on its way.
type run struct {
	kind     *createKind
	body     []byte
	n        uint32
	at       uint32 // index in the block of its first event
	first    uint64 // timestamp of its first event
	imported uint16 // kind.imported if the first event is imported, else 0
	seals    []byte // of signed transfers, else nil
	verdicts []bool
}

// create executes the operations that create accounts and transfers.
func (m *Machine) create(req *Request, ro *RequestOutcome) error {
	b := &m.block
	r := run{kind: &accountKind, body: req.Body, n: uint32(req.Op.Events(len(req.Body))),
		at: uint32(len(b.codes)), first: b.next}
	if req.Op.CreatesTransfers() {
		r.kind = &transferKind
	}
	if req.Op == wire.OpCreateSignedTransfers {
		assert.That(len(req.Verdicts) == int(r.n), "signed transfers come with a verdict each")
		_, r.seals = wire.SplitSigned(req.Body)
		r.verdicts = req.Verdicts
	}
	r.imported = binary.LittleEndian.Uint16(req.Body[eventFlagsAt:]) & r.kind.imported
	ro.Events = r.n
	b.next += uint64(r.n)
	b.codes = extend(b.codes, r.n)
	b.out.Links = extend(b.out.Links, r.n)
	b.out.IDEntries = extend(b.out.IDEntries, r.n)
	m.meta.ordinalNext += uint64(r.n)
	if err := m.events(&r); err != nil {
		return err
	}
	for _, c := range b.codes[r.at:] {
		b.out.results = binary.LittleEndian.AppendUint32(b.out.results, c)
	}
	return nil
}

// extend grows s by n zero elements.
func extend[T any](s []T, n uint32) []T {
	for cap(s)-len(s) < int(n) {
		s = append(s[:cap(s)], *new(T))[:len(s)]
	}
	s = s[:len(s)+int(n)]
	clear(s[len(s)-int(n):])
	return s
}

// events runs the events in order. A chain is a run of events with the linked
// flag and the first one without; its state changes are kept in m.undo until it
// ends, and taken back when one of its events fails (P3).
func (m *Machine) events(r *run) error {
	b := &m.block
	first := b.out.FirstOrdinal
	chain, failed := -1, false // first event of the open chain; whether it failed
	for i := 0; i < int(r.n); i++ {
		if r.kind.transfers && i%groupEvents == 0 {
			m.readAhead(r.body[i*RecordBytes:], min(groupEvents, int(r.n)-i))
		}
		at := r.at + uint32(i)
		e := event{
			raw: (*[RecordBytes]byte)(r.body[i*RecordBytes:]), at: at,
			ordinal: first + uint64(at), timestamp: r.first + uint64(i),
			hint: &b.hints[i%groupEvents], signed: r.signer(i),
		}
		linked := e.raw[eventFlagsAt]&eventLinked != 0
		if linked && chain < 0 {
			chain = i
			m.openChain()
		}
		code, err := m.one(r, &e, linked && i == int(r.n)-1, failed)
		if err != nil {
			return err
		}
		b.codes[at] = code
		if r.kind.transfers {
			mark.Code(mark.TransferCodes, code)
		} else {
			mark.Code(mark.AccountCodes, code)
		}
		if code != 0 && chain >= 0 && !failed {
			failed = true
			mark.If(i > chain, mark.ChainRolledBack)
			m.rollBack(r.at+uint32(chain), at)
			for j := r.at + uint32(chain); j < at; j++ {
				b.codes[j] = r.kind.linkedFailed
			}
		}
		if code != 0 && r.kind.transfers && TransferCode(code).Transient() && !plant.On(plant.FailedIDForgotten) {
			mark.If(chain >= 0, mark.ChainIDKept)
			m.useID(&e)
		}
		if !linked && chain >= 0 {
			chain, failed = -1, false
			m.closeChain()
		}
	}
	if chain >= 0 {
		m.closeChain()
	}
	return nil
}

// one executes event e, or finds why not. chainOpen tells that e is the last
// event and linked, chainFailed that e's chain failed before it.
func (m *Machine) one(r *run, e *event, chainOpen, chainFailed bool) (uint32, error) {
	timestamp := binary.LittleEndian.Uint64(e.raw[eventTimestampAt:])
	switch {
	case chainOpen:
		return r.kind.linkedChainIsOpen, nil
	case chainFailed:
		return r.kind.linkedFailed, nil
	}
	imported := binary.LittleEndian.Uint16(e.raw[eventFlagsAt:]) & r.kind.imported
	switch {
	case imported != r.imported && imported == 0:
		return r.kind.expected, nil
	case imported != r.imported:
		return r.kind.notExpected, nil
	case imported == 0 && timestamp != 0:
		return r.kind.timestampMustBe0, nil
	case imported == 0:
	case timestamp == 0 || timestamp > TimestampMax:
		return r.kind.outOfRange, nil
	case timestamp >= r.first+uint64(r.n)-1:
		return r.kind.mustNotAdvance, nil
	}
	if r.kind.transfers {
		code, err := m.createTransfer(e)
		return uint32(code), err
	}
	return uint32(m.createAccount(e)), nil
}

package payments

import (
	"quorate/internal/plant"
	"quorate/wire"
)

// Which requests are executed: known client, free seq, right role, whole body,
// room in the block. The order of these checks is the precedence of statuses.

// opRoles is what each operation asks for, any one of several roles; an operation
// without is unknown.
var opRoles = [...]Roles{
	wire.OpCreateAccounts:      RoleAccounts,
	wire.OpCreateTransfers:     RoleTransfers,
	wire.OpLookupAccounts:      RoleQueries,
	wire.OpLookupTransfers:     RoleQueries,
	wire.OpGetAccountTransfers: RoleQueries,
	wire.OpGetAccountBalances:  RoleQueries,
	wire.OpQueryAccounts:       RoleQueries,
	wire.OpQueryTransfers:      RoleQueries,
	wire.OpRegisterClient:      RoleAdmin,
	wire.OpLedgerTotals:        RoleQueries,

	wire.OpCreateSignedTransfers: RoleTransfers | RoleSignedTransfers,
}

// admit finds the session and checks window and role. It sets ro.Status.
func (m *Machine) admit(req *Request, ro *RequestOutcome) uint32 {
	slot, s := m.session(req.Client)
	if s == nil {
		ro.Status = StatusUnknownClient
		return 0
	}
	ro.Status = s.stand(req.Seq)
	switch {
	case ro.Status == StatusDuplicate:
		e := &s.ring[req.Seq%WindowSeqs]
		if e.digest != req.Digest && !plant.On(plant.ReusedSeqAnswered) {
			ro.Status = StatusRequestIDReused
			break
		}
		ro.DuplicateSeq, ro.DuplicateIndex = e.seq, e.index
	case ro.Status != StatusOK:
	case uint64(req.Op) >= uint64(len(opRoles)) || opRoles[req.Op] == 0:
		ro.Status = StatusUnknownOp
	case s.client.Roles&opRoles[req.Op] == 0:
		ro.Status = StatusNotAuthorized
	}
	return slot
}

// checkBody checks a body's length and the budgets of the block.
func (m *Machine) checkBody(req *Request) Status {
	if !WholeBody(req.Op, len(req.Body)) {
		return StatusMalformedBody
	}
	b := &m.block
	units, bytes := uint64(m.limits.QueryUnits), uint64(wire.ResultBytesMax)
	n := uint64(len(req.Body))
	switch req.Op {
	case wire.OpCreateAccounts, wire.OpCreateTransfers, wire.OpCreateSignedTransfers:
		n = uint64(req.Op.Events(len(req.Body)))
		if uint64(len(b.codes))+n > uint64(m.limits.BlockEventsMax) {
			return StatusBlockBudget
		}
		if m.meta.ordinalNext+n > valueMax {
			return StatusLedgerFull
		}
		units, bytes = 0, 0 // bounded by the events
	case wire.OpRegisterClient:
		units, bytes = 0, 0
	case wire.OpLookupAccounts:
		units, bytes = 0, n/u128Bytes*RecordBytes
	case wire.OpLookupTransfers:
		units, bytes = n/u128Bytes*UnitsPerLoad, n/u128Bytes*RecordBytes
	case wire.OpLedgerTotals:
		units, bytes = 0, uint64(len(m.ledgers))*RecordBytes
	}
	// A query starts only with its whole allowance in hand: what it returns must
	// not hang on what else is in its block.
	if units > b.units || bytes > b.bytes {
		return StatusBlockBudget
	}
	return StatusOK
}

// WholeBody reports whether there is such an operation and a body of n bytes fits
// it. One that does not would be ordered only to be refused, so ingress asks
// before.
func WholeBody(op wire.Op, n int) bool {
	switch op {
	case wire.OpCreateAccounts, wire.OpCreateTransfers:
		return n%RecordBytes == 0 && n > 0 && n/RecordBytes <= wire.EventsMax
	case wire.OpCreateSignedTransfers:
		return n%wire.SignedEventBytes == 0 && n > 0 && n/wire.SignedEventBytes <= wire.SignedEventsMax
	case wire.OpLookupAccounts, wire.OpLookupTransfers:
		return n%u128Bytes == 0 && n > 0 && n/u128Bytes <= wire.EventsMax
	case wire.OpGetAccountTransfers, wire.OpGetAccountBalances:
		return n == AccountFilterBytes
	case wire.OpQueryAccounts, wire.OpQueryTransfers:
		return n == QueryFilterBytes
	case wire.OpRegisterClient:
		return n == ClientRecordBytes
	case wire.OpLedgerTotals:
		return n == 0
	}
	return false
}

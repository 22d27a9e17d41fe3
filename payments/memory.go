package payments

import (
	"maps"
	"slices"
)

// MemoryArchive is an Archive in memory, for simulations and tests.
type MemoryArchive struct {
	events   []memoryEvent // event of ordinal o at o−1
	pending  map[uint64]PendingStatus
	balances map[uint64][2]*AccountBalance
}

type memoryEvent struct {
	transfer bool
	stored   Stored
}

// NewMemoryArchive gives an empty archive.
func NewMemoryArchive() *MemoryArchive {
	return &MemoryArchive{pending: map[uint64]PendingStatus{}, balances: map[uint64][2]*AccountBalance{}}
}

// Add stores one executed block: its requests as applied and their outcome.
// Blocks must come in order; a block below the last one is ignored, so that a
// replica that starts again from a checkpoint may apply blocks once more.
func (a *MemoryArchive) Add(reqs []Request, out *Outcome) {
	if out.FirstOrdinal <= uint64(len(a.events)) && out.Events > 0 {
		return
	}
	for i := range out.Requests {
		ro := &out.Requests[i]
		for j := uint32(0); j < ro.Events; j++ {
			a.addEvent(&reqs[i], ro, j, out)
		}
	}
	for i := range out.Resolved {
		a.pending[out.Resolved[i].Ordinal] = out.Resolved[i].Status
	}
	for i := range out.Balances {
		r := &out.Balances[i]
		pair, balance := a.balances[r.Ordinal], r.Balance
		pair[r.Side] = &balance
		a.balances[r.Ordinal] = pair
	}
}

// addEvent stores event j of one request.
func (a *MemoryArchive) addEvent(req *Request, ro *RequestOutcome, j uint32, out *Outcome) {
	var e memoryEvent
	if e.transfer = req.Op.CreatesTransfers(); e.transfer {
		t := &e.stored.Transfer
		t.load((*[RecordBytes]byte)(req.Body[j*RecordBytes:]))
		e.stored.Code = TransferCode(uint32(ro.Result[4*j]) | uint32(ro.Result[4*j+1])<<8 |
			uint32(ro.Result[4*j+2])<<16 | uint32(ro.Result[4*j+3])<<24)
		ordinal := ro.FirstOrdinal + uint64(j)
		links := out.Links[ordinal-out.FirstOrdinal]
		e.stored.PrevDebit, e.stored.PrevCredit = links[0], links[1]
		if e.stored.Code == TransferOK {
			if t.Flags&TransferImported == 0 {
				t.Timestamp = ro.FirstTimestamp + uint64(j)
			}
			if d := findDerived(out.Derived, ordinal); d != nil {
				t.load(&d.Record)
			}
			if t.Flags&TransferPending != 0 {
				a.pending[ordinal] = PendingOpen
			}
		}
	}
	a.events = append(a.events, e)
}

// Transfer implements Archive.
func (a *MemoryArchive) Transfer(ordinal uint64, out *Stored) (bool, error) {
	if ordinal == 0 || ordinal > uint64(len(a.events)) || !a.events[ordinal-1].transfer {
		return false, nil
	}
	*out = a.events[ordinal-1].stored
	return true, nil
}

// PendingStatus implements Archive.
func (a *MemoryArchive) PendingStatus(ordinal uint64) (PendingStatus, error) {
	return a.pending[ordinal], nil
}

// Balances implements Archive.
func (a *MemoryArchive) Balances(ordinal uint64, debit, credit *AccountBalance) (hasDebit, hasCredit bool, err error) {
	pair := a.balances[ordinal]
	if pair[SideDebit] != nil {
		*debit, hasDebit = *pair[SideDebit], true
	}
	if pair[SideCredit] != nil {
		*credit, hasCredit = *pair[SideCredit], true
	}
	return hasDebit, hasCredit, nil
}

// Scan implements Archive.
func (a *MemoryArchive) Scan(from, to uint64, reversed bool, fn func(ordinal uint64, t *Transfer) bool) error {
	to = min(to, uint64(len(a.events)))
	for n := uint64(0); from+n <= to; n++ {
		ordinal := from + n
		if reversed {
			ordinal = to - n
		}
		e := &a.events[ordinal-1]
		if e.transfer && e.stored.Code == TransferOK && !fn(ordinal, &e.stored.Transfer) {
			return nil
		}
	}
	return nil
}

// Clone gives an archive that goes its own way from here, for a replica that is
// started again.
func (a *MemoryArchive) Clone() *MemoryArchive {
	return &MemoryArchive{events: slices.Clone(a.events), pending: maps.Clone(a.pending), balances: maps.Clone(a.balances)}
}

var _ Archive = (*MemoryArchive)(nil)

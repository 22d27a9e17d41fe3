package pipeline

import (
	"errors"
	"fmt"

	"quorate/payments"
	"quorate/storage"
	"quorate/wire"
)

// archive fits the ledger to what payments reads of its own history. It runs on
// the execute thread.
type archive struct{ ledger Ledger }

// Transfer implements payments.Archive. Which events are transfers, and which of
// them have a derived record, is told by the event itself.
func (a archive) Transfer(ordinal uint64, out *payments.Stored) (bool, error) {
	e, err := a.ledger.Event(ordinal)
	if errors.Is(err, storage.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if !isTransfer(&e) {
		return false, nil
	}
	return true, a.fill(&e, out)
}

// derivedFlags are those of transfers that may have a derived record.
const derivedFlags = payments.TransferPostPending | payments.TransferVoidPending |
	payments.TransferBalancingDebit | payments.TransferBalancingCredit

// fill gives the final record of an event.
func (a archive) fill(e *storage.EventRecord, out *payments.Stored) error {
	if err := out.Transfer.Decode(e.Bytes[:]); err != nil {
		return fmt.Errorf("pipeline: event %d: %w", e.Ordinal, err)
	}
	out.Code = payments.TransferCode(e.Code)
	out.PrevDebit, out.PrevCredit = e.Links[0], e.Links[1]
	if out.Code != payments.TransferOK {
		return nil
	}
	if out.Transfer.Flags&payments.TransferImported == 0 {
		out.Transfer.Timestamp = e.Timestamp
	}
	if out.Transfer.Flags&derivedFlags == 0 {
		return nil
	}
	rec, err := a.ledger.Derived(e.Ordinal)
	if errors.Is(err, storage.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	return out.Transfer.Decode(rec[:])
}

// PendingStatus implements payments.Archive.
func (a archive) PendingStatus(ordinal uint64) (payments.PendingStatus, error) {
	s, err := a.ledger.Status(ordinal)
	if err != nil {
		return payments.PendingNone, err
	}
	if s == 0 {
		return payments.PendingOpen, nil
	}
	return payments.PendingStatus(s), nil
}

// Balances implements payments.Archive.
func (a archive) Balances(ordinal uint64, debit, credit *payments.AccountBalance) (hasDebit, hasCredit bool, err error) {
	b, err := a.ledger.Balances(ordinal)
	if errors.Is(err, storage.ErrNotFound) {
		return false, false, nil
	}
	for err == nil && len(b) > 0 {
		if len(b) < 1+payments.RecordBytes {
			return false, false, fmt.Errorf("%w: balances of event %d", ErrBlock, ordinal)
		}
		if payments.Side(b[0]) == payments.SideDebit {
			hasDebit, err = true, debit.Decode(b[1:1+payments.RecordBytes])
		} else {
			hasCredit, err = true, credit.Decode(b[1:1+payments.RecordBytes])
		}
		b = b[1+payments.RecordBytes:]
	}
	return hasDebit, hasCredit, err
}

// Scan implements payments.Archive.
func (a archive) Scan(from, to uint64, reversed bool, fn func(ordinal uint64, t *payments.Transfer) bool) error {
	var st payments.Stored
	var failed error
	err := a.ledger.ScanEvents(from, to+1, reversed, func(e *storage.EventRecord) bool {
		if !isTransfer(e) || e.Code != uint32(payments.TransferOK) {
			return true
		}
		if failed = a.fill(e, &st); failed != nil {
			return false
		}
		return fn(e.Ordinal, &st.Transfer)
	})
	return errors.Join(err, failed)
}

// isTransfer reports whether an event came in a request to create transfers.
func isTransfer(e *storage.EventRecord) bool { return wire.Op(e.Kind).CreatesTransfers() }

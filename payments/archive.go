package payments

// Archive reads what the machine keeps outside its memory: the events of
// earlier blocks. Package pipeline fits the storage to it; MemoryArchive is the
// one for simulations and tests.
//
// Reading it does not break determinism: what it holds is agreed (requests in
// order) or follows from that (the side records of Outcome), is never changed
// except that an open pending becomes a resolved one, and is the same at every
// replica. The implementer guarantees that while Apply runs for block s every
// block below s is visible, durable or not; the machine looks up the events of
// block s itself and asks the archive only for ordinals below its first one.
//
// All methods run on the thread that calls Apply. An error means that a record
// which must exist cannot be read: Apply returns it, the machine refuses to go
// on, and the replica stops rather than compute a wrong result.
type Archive interface {
	// Transfer loads the transfer event with this ordinal into out and reports
	// true, whether it was executed (out.Code is TransferOK) or failed
	// (out.Code is its result and out.Transfer the event as it was sent).
	// It reports false for an account event and an ordinal that does not exist.
	Transfer(ordinal uint64, out *Stored) (bool, error)

	// PendingStatus tells what became of the executed pending transfer with
	// this ordinal: PendingOpen until some Outcome.Resolved names it.
	PendingStatus(ordinal uint64) (PendingStatus, error)

	// Balances loads the history records of the transfer with this ordinal:
	// those that some Outcome.Balances held for it. A side without one is left
	// alone and reported false.
	Balances(ordinal uint64, debit, credit *AccountBalance) (hasDebit, hasCredit bool, err error)

	// Scan calls fn for each executed transfer with from ≤ ordinal ≤ to, upwards
	// or, if reversed, downwards, until fn returns false. t is valid during the
	// call. The machine asks for at most Limits.QueryUnits ordinals at once.
	Scan(from, to uint64, reversed bool, fn func(ordinal uint64, t *Transfer) bool) error
}

// Stored is a transfer event as the archive keeps it.
type Stored struct {
	Transfer Transfer     // the final record with timestamp and final amount, if Code is TransferOK
	Code     TransferCode // the result that the event got
	// PrevDebit and PrevCredit are Outcome.Links: the ordinals of the previous
	// executed transfers that touched the debit and the credit account, 0 if
	// there is none.
	PrevDebit, PrevCredit uint64
}

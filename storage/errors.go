package storage

import (
	"errors"
	"fmt"

	"quorate/wire"
)

// The errors of this room. Callers compare with errors.Is.
var (
	// ErrCrash says that a write or an fsync failed: what is on the disk is no
	// longer known. The object that returned it is dead for ever, and the only
	// right answer of a process is to stop (protocol.md, "Durable before sent").
	ErrCrash = errors.New("storage: write or sync failed, the process must stop")
	// ErrDiskLow says that there is no room for what was asked. Nothing was
	// damaged; the same call may be made again once room was made.
	ErrDiskLow = errors.New("storage: disk is low")
	// ErrForeign says that the directory belongs to another replica or cluster.
	ErrForeign = errors.New("storage: directory belongs to another replica or cluster")
	// ErrCorrupt says that bytes read back are not the bytes written.
	ErrCorrupt = errors.New("storage: corrupt")
	// ErrNotFound says that no such block, event or key is stored.
	ErrNotFound = errors.New("storage: not found")
	// ErrClosed says that the journal or ledger was closed.
	ErrClosed = errors.New("storage: closed")
	// ErrOptions says that an options struct is not acceptable.
	ErrOptions = errors.New("storage: bad options")
	// ErrLedgerBehind matches every *LedgerBehindError.
	ErrLedgerBehind = errors.New("storage: ledger is behind")
)

// LedgerBehindError says that the ledger lacks blocks which it once had on the
// disk, or which the journal says it had. Blocks from From on must be fetched
// again, from the journal or from peers.
type LedgerBehindError struct {
	From wire.SeqNum // the first block that is missing
	Have wire.SeqNum // the newest block in an unbroken run
	Want wire.SeqNum // what the other witness says was durable
}

// Error implements error.
func (e *LedgerBehindError) Error() string {
	return fmt.Sprintf("storage: ledger is behind: has blocks up to %d, had %d; fetch from %d", e.Have, e.Want, e.From)
}

// Is makes errors.Is(err, ErrLedgerBehind) true.
func (e *LedgerBehindError) Is(target error) bool { return target == ErrLedgerBehind }

package payments

import "errors"

// Errors of this package. Bad input of a client is never an error but a status
// or a code.
var (
	// ErrMalformed is what decoders return, wrapped, for bytes of a wrong length
	// or shape.
	ErrMalformed = errors.New("payments: malformed")
	// ErrConfig tells what New refuses about a Config.
	ErrConfig = errors.New("payments: bad config")
	// ErrSeq is a block applied out of order.
	ErrSeq = errors.New("payments: block out of order")
	// ErrArchive wraps an error of the Archive; the machine is broken after it.
	ErrArchive = errors.New("payments: archive")
	// ErrBroken is returned by a machine that failed before.
	ErrBroken = errors.New("payments: machine stopped after an earlier error")
	// ErrState tells what Finish or Audit found wrong.
	ErrState = errors.New("payments: state is inconsistent")
)

// Config is the genesis of a machine. Every field but the last two must be equal
// at all replicas.
type Config struct {
	Ledgers []Ledger       // the registry; empty allows any ledger
	Clients []ClientRecord // known from the start
	Limits  Limits         // zero fields take the default

	// IndexSeed salts the hash tables, so that nobody who does not know it can
	// choose ids that collide. Local: it changes no result and no root. Zero
	// works but does not defend.
	IndexSeed uint64
	// ExternalTree tells that the caller hashes pages itself (a PageTree on
	// another thread); then StateRoot must not be called. Local.
	ExternalTree bool
}

// Limits are the hard bounds of the state and of the work of one block.
type Limits struct {
	AccountsMax uint32 // accounts
	PendingsMax uint32 // open pending transfers
	ClientsMax  uint32 // registered clients
	LedgersMax  uint32 // ledgers, registered or seen

	BlockEventsMax uint32 // events in one block; more get StatusBlockBudget
	ExpiriesMax    uint32 // pending transfers expired at the begin of one block

	// QueryUnits bounds the work of one query, BlockQueryUnits that of all
	// queries of a block. Stepping over one account or one ordinal costs 1 unit,
	// loading one record from the archive UnitsPerLoad; so with the default one
	// query loads at most 16,384 records, 60–90 ms at the measured 4–5.5 µs.
	QueryUnits       uint32
	BlockQueryUnits  uint32
	BlockResultBytes uint32 // bytes of all results of one block
}

// UnitsPerLoad is what one random read of the archive costs in query units: a
// measured Get takes 3.8–5.5 µs, a step of a scan about 0.2 µs.
const UnitsPerLoad = 16

// DefaultLimits gives the limits that zero fields of Limits stand for.
func DefaultLimits() Limits {
	return Limits{
		AccountsMax:      1 << 28,
		PendingsMax:      1 << 24,
		ClientsMax:       65_536,
		LedgersMax:       4_096,
		BlockEventsMax:   65_536,
		ExpiriesMax:      65_536,
		QueryUnits:       1 << 18,
		BlockQueryUnits:  1 << 20,
		BlockResultBytes: 16 << 20,
	}
}

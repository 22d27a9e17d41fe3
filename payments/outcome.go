package payments

import "quorate/wire"

// Request is one ordered request. Its signature was checked before consensus.
type Request struct {
	Client wire.ClientID
	Seq    uint64
	Digest wire.Digest // wire.RequestDigest: names client, seq, op and the whole body
	Op     wire.Op
	Body   []byte // read during Apply, not kept
	// Verdicts says of each event of OpCreateSignedTransfers whether its signature
	// is good; nil for other operations. Whoever applies the request has verified
	// them: this package knows no cryptography.
	Verdicts []bool
}

// Outcome is everything that executing one block gives. Apply fills it anew;
// its slices are the Outcome's own and valid until the next Apply with it.
//
// Ordinals: each event of a create request that was taken (StatusOK) gets the
// next ordinal, in order, whether it succeeds or not. A block's ordinals are
// FirstOrdinal, FirstOrdinal+1, …, Events of them.
type Outcome struct {
	Seq           wire.SeqNum
	Time          uint64 // the block's execution time, nanoseconds
	LastTimestamp uint64 // at least Time; the last timestamp that the block used
	FirstOrdinal  uint64 // ordinal of the block's first event, or of the next one if it has none
	Events        uint32 // number of events
	DeltaDigest   wire.Digest

	Requests []RequestOutcome // one per request, in order

	// For storage, aligned with the block's ordinals (length Events).
	Links     [][2]uint64 // chain links PrevDebit, PrevCredit of Stored; zeros if not an executed transfer
	IDEntries []uint64    // hash of the transfer id that the event used up, or 0; see Machine.LoadIDs

	// For storage, in ascending order of Ordinal.
	Derived  []Derived       // transfers whose final record is not the event with its timestamp filled in
	Balances []BalanceRecord // of accounts with the history flag

	// For storage, in the order of execution; their ordinals may belong to
	// earlier blocks or to this one.
	Resolved []Resolved

	// For the pipeline's table of client keys.
	Registered []ClientRecord

	results []byte      // backs Requests[i].Result
	places  [][2]uint32 // where in results
}

// RequestOutcome is what became of one request.
type RequestOutcome struct {
	Status Status
	// Events is the number of ordinals that the request took, FirstOrdinal the
	// first of them.
	Events       uint32
	FirstOrdinal uint64
	// FirstTimestamp is the timestamp of the request's first event; event i has
	// FirstTimestamp+i (unless imported). A request without events saw the state
	// as of FirstTimestamp−1.
	FirstTimestamp uint64
	// DuplicateSeq and DuplicateIndex name the slot and the request's index in it
	// where a StatusDuplicate was executed before.
	DuplicateSeq   wire.SeqNum
	DuplicateIndex uint32
	// Result depends on the operation, see package wire: for creates one u32
	// code per event, in order. Empty unless Status is StatusOK.
	Result []byte
}

// Derived is the final record of an executed transfer that differs from its
// event: one that posted or voided a pending transfer, or was balancing.
type Derived struct {
	Ordinal uint64
	Record  [RecordBytes]byte
}

// Resolved tells that an open pending transfer was posted, voided or expired.
type Resolved struct {
	Ordinal uint64 // of the pending transfer
	Status  PendingStatus
}

// Side tells which account of a transfer is meant.
type Side uint8

// The sides of a transfer.
const (
	SideDebit  Side = 0
	SideCredit Side = 1
)

// BalanceRecord is the balance of a history account after one transfer.
type BalanceRecord struct {
	Ordinal uint64
	Side    Side
	Balance AccountBalance
}

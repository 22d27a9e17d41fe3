package storage

import (
	"quorate/wire"
)

// EventBytes is the size of one event with an ordinal inside a request body.
const EventBytes = wire.EventBytes

// LedgerOptions says where a ledger lives and how much memory it may take.
type LedgerOptions struct {
	FS      FS             // nil: the operating system's files
	Dir     string         // a directory of its own; made if missing
	Cluster wire.Digest    // cluster id, compared with the one on disk
	Replica wire.ReplicaID // compared with the one on disk

	CacheBytes    int64 // block cache; 0: 64 MiB
	MemTableBytes int   // one memtable; 0: 32 MiB; at most three exist
}

// RequestBody is one request of a block. Its bytes are opaque, but for these:
// the first Events×128 bytes of Body are events with ordinals, and a Result of
// exactly Events×4 bytes holds one little-endian u32 code per event.
type RequestBody struct {
	Body           []byte
	Events         int    // events with ordinals; 0 for queries
	FirstOrdinal   uint64 // of the first event; the others follow without a gap
	FirstTimestamp uint64 // of the first event; event i has FirstTimestamp+i
	Result         []byte
}

// DerivedRecord is a record that execution computed for an event, such as the
// effective amount of a balancing transfer.
type DerivedRecord struct {
	Ordinal uint64 // of an event of the same block
	Rec     [EventBytes]byte
}

// ResolvedStatus says what became of an earlier (or this block's) event.
type ResolvedStatus struct {
	Ordinal uint64 // of any block up to this one
	Status  uint8
}

// BalanceRecord holds balances after an event, for accounts with history.
type BalanceRecord struct {
	Ordinal uint64 // of an event of the same block
	Bytes   []byte // at most 64 KiB
}

// Block is what the execute stage hands over for one slot. Slots are staged in
// order without gaps; ordinals grow with slots.
type Block struct {
	Seq          wire.SeqNum
	Header       []byte // block header and batch meta, without request bodies
	Certificate  []byte // commit certificate
	ExecCert     []byte // execution certificate; may come later (SetExecCert)
	FirstOrdinal uint64 // the next free ordinal before this block
	Requests     []RequestBody
	// Links has one entry per event of the block in ordinal order, or is empty:
	// ordinals of the previous transfers of the debit and the credit account.
	Links     [][2]uint64
	Derived   []DerivedRecord
	Resolved  []ResolvedStatus
	Balances  []BalanceRecord
	IDEntries []uint64
}

// EventRecord is one stored event.
type EventRecord struct {
	Ordinal   uint64
	Seq       wire.SeqNum
	Timestamp uint64
	Links     [2]uint64 // zero if the block had none
	Code      uint32    // its result code
	Bytes     [EventBytes]byte
}

// Page is one page of checkpointed state.
type Page struct {
	Region uint8
	Index  uint32
	Data   []byte
}

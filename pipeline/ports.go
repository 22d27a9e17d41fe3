package pipeline

import (
	"quorate/storage"
	"quorate/wire"
)

// Interfaces stand where they are used: this file is what the pipeline needs of
// the world. netio and storage fit it in production; a simulator gives its own.

// ConnID names a client connection; netio gives it.
type ConnID uint64

// Transport carries frames. Its methods never block and may be called from any
// goroutine; a body handed over is immutable from then on.
type Transport interface {
	Send(to wire.ReplicaID, lane wire.Lane, kind wire.Kind, body []byte) error
	Reply(conn ConnID, kind wire.Kind, body []byte) error
}

// Ingress is where the transport delivers. Its methods never block and may be
// called from any goroutine; a body is the pipeline's from then on.
type Ingress interface {
	PeerFrame(from wire.ReplicaID, kind wire.Kind, body []byte)
	PeerUp(wire.ReplicaID)
	PeerDown(wire.ReplicaID)
	ClientFrame(conn ConnID, client wire.ClientID, kind wire.Kind, body []byte)
	ClientDown(conn ConnID)
}

// Journal is the vote journal (storage.Journal).
type Journal interface {
	Append(kind uint8, seq wire.SeqNum, parts ...[]byte) storage.LSN
	Sync() (storage.LSN, error)
	Truncate(keep wire.SeqNum, anchor storage.LSN) error
	MarkApplied(seq wire.SeqNum) error
	Replay(fn func(rec storage.Record) error) error
	Distrust(reason string) error
	Healed() error
	Close() error
}

// Ledger is the ledger on disk (storage.Ledger). Stage and the readers are
// called by the execute and serve threads, the rest by the commit thread.
type Ledger interface {
	Stage(b *storage.Block) error
	Commit(sync bool) error
	Staged() (blocks int, bytes int64)
	Applied() wire.SeqNum
	Head() (seq wire.SeqNum, nextOrdinal uint64)
	SetExecCert(seq wire.SeqNum, cert []byte) error
	SavePages(seq wire.SeqNum, pages []storage.Page, meta []byte) error
	LoadPages(fn func(p storage.Page) error) (seq wire.SeqNum, meta []byte, err error)

	Block(seq wire.SeqNum) (*storage.Block, error)
	Outline(seq wire.SeqNum) (*storage.Block, error)
	Event(ordinal uint64) (storage.EventRecord, error)
	Derived(ordinal uint64) ([storage.EventBytes]byte, error)
	Status(ordinal uint64) (uint8, error)
	Balances(ordinal uint64) ([]byte, error)
	ScanEvents(from, to uint64, reverse bool, fn func(e *storage.EventRecord) bool) error
	Close() error
}

// Clock gives ledger time: nanoseconds since 1970 UTC by this replica's clock.
// It is used for proposals and for judging those of others, never for timers.
type Clock func() uint64

package pipeline

import (
	"fmt"
	"sync"
	"time"

	"quorate/internal/mark"
	"quorate/wire"
)

// body is one batch whose digest was computed here. It is immutable but for
// journaled, which the journal stage alone reads and writes, and for judged, traced and
// payers, which the order thread writes before it sends the body to be executed.
type body struct {
	digest    wire.Digest
	raw       []byte // encoded batch
	batch     wire.Batch
	requests  []wire.Digest // digests of batch.Requests
	journaled bool
	born      time.Time     // when this replica proposed it or took its proposal; zero: it was fetched
	opened    uint64        // when a proposal of another was opened here, for traces; 0: closed here, or no traces
	traced    []wire.Digest // requests that are traced
	judged    bool          // payers were listed and are being verified, or were
	payers    *payers       // nil: none of its requests is of signed transfers
}

// newBody decodes an encoded batch and computes its digests.
func newBody(cluster wire.Digest, raw []byte) (*body, error) {
	batch, err := wire.DecodeBatch(raw)
	if err != nil {
		return nil, err
	}
	b := &body{raw: raw, batch: batch, requests: make([]wire.Digest, len(batch.Requests))}
	for i := range batch.Requests {
		b.requests[i] = batch.Requests[i].Digest(cluster)
	}
	scratch := append([]wire.Digest(nil), b.requests...)
	b.digest = wire.BatchDigest(batch.Time, scratch)
	return b, nil
}

// bodyStore holds the batches that the core may still name. It is shared by the
// order thread (put, get, forget), the execute thread (executed), and the
// journal and serve threads (get).
//
// A body that was executed leaves memory: the ledger has it, and its slot number
// is kept to find it there, until the core forgets it.
type bodyStore struct {
	mu     sync.Mutex
	held   map[wire.Digest]*body
	ledger map[wire.Digest]wire.SeqNum
	read   func(seq wire.SeqNum) (*body, error)
}

func newBodyStore(read func(wire.SeqNum) (*body, error)) *bodyStore {
	return &bodyStore{held: make(map[wire.Digest]*body), ledger: make(map[wire.Digest]wire.SeqNum), read: read}
}

// put keeps b, unless it is there already, and reports whether it does.
func (s *bodyStore) put(b *body) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, done := s.ledger[b.digest]; done {
		mark.Hit(mark.BodyDone)
		return false
	}
	_, there := s.held[b.digest]
	if !there {
		s.held[b.digest] = b
	}
	return !there
}

// get gives the body of d from memory or, for an executed one, from the ledger.
func (s *bodyStore) get(d wire.Digest) (*body, error) {
	s.mu.Lock()
	b, seq := s.held[d], s.ledger[d]
	s.mu.Unlock()
	switch {
	case b != nil:
		return b, nil
	case seq != 0:
		mark.Hit(mark.BodyFromLedger)
		return s.read(seq)
	}
	return nil, fmt.Errorf("pipeline: no body %v", d)
}

// executed moves a body from memory to the ledger's care.
func (s *bodyStore) executed(d wire.Digest, seq wire.SeqNum) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.held[d] != nil {
		delete(s.held, d)
		s.ledger[d] = seq
	}
}

func (s *bodyStore) forget(d wire.Digest) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.held, d)
	delete(s.ledger, d)
}

func (s *bodyStore) len() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.held)
}

package storage

import (
	"cmp"
	"fmt"
	"slices"
	"sort"
	"sync/atomic"

	"quorate/wire"
)

// overlay is the list of staged blocks, oldest first. It is never changed once
// published, so readers need no lock: Stage and Commit publish a new one.
type overlay struct {
	blocks []*stagedBlock
	bytes  int64
}

// stagedBlock is a block on its way to Pebble.
type stagedBlock struct {
	*Block
	next  uint64 // ordinal after its last event
	bytes int64
	cert  atomic.Pointer[[]byte] // SetCertificate
	exec  atomic.Pointer[[]byte] // SetExecCert
}

func (s *stagedBlock) certificate() []byte {
	if p := s.cert.Load(); p != nil {
		return *p
	}
	return s.Certificate
}

func (s *stagedBlock) execCert() []byte {
	if p := s.exec.Load(); p != nil {
		return *p
	}
	return s.ExecCert
}

// byOrdinal finds the staged block that has the ordinal.
func (o *overlay) byOrdinal(ordinal uint64) *stagedBlock {
	i := sort.Search(len(o.blocks), func(i int) bool { return o.blocks[i].next > ordinal })
	if i < len(o.blocks) && o.blocks[i].FirstOrdinal <= ordinal {
		return o.blocks[i]
	}
	return nil
}

// bySeq finds the staged block with the seq.
func (o *overlay) bySeq(seq wire.SeqNum) *stagedBlock {
	if len(o.blocks) == 0 || seq < o.blocks[0].Seq || seq > o.blocks[len(o.blocks)-1].Seq {
		return nil
	}
	return o.blocks[seq-o.blocks[0].Seq]
}

// request finds the request and the event index of an ordinal, and the number
// of the event within the block.
func (s *stagedBlock) request(ordinal uint64) (r *RequestBody, index, number int) {
	for i := range s.Requests {
		r := &s.Requests[i]
		if ordinal >= r.FirstOrdinal && ordinal-r.FirstOrdinal < uint64(r.Events) {
			index = int(ordinal - r.FirstOrdinal)
			return r, index, number + index
		}
		number += r.Events
	}
	return nil, 0, 0
}

// status gives the newest status that this block notes for the ordinal.
func (s *stagedBlock) status(ordinal uint64) (uint8, bool) {
	i := sort.Search(len(s.Resolved), func(i int) bool { return s.Resolved[i].Ordinal > ordinal })
	if i > 0 && s.Resolved[i-1].Ordinal == ordinal {
		return s.Resolved[i-1].Status, true
	}
	return 0, false
}

// Stage hands over the next block and all its bytes. Readers see it at once;
// it is in Pebble after a Commit and durable after a Commit(true). The caller
// never writes to it again. Errors say that the block does not follow the one
// before it or is not well-formed (ErrOptions), or that the ledger is dead.
func (l *Ledger) Stage(b *Block) error {
	if err := l.dead(); err != nil {
		return err
	}
	s := &stagedBlock{Block: b}
	if err := s.check(); err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if next := l.nextSeq.Load(); next != 0 && uint64(b.Seq) != next {
		return fmt.Errorf("storage: staged block %d, expected %d: %w", b.Seq, next, ErrOptions)
	}
	if next := l.nextOrdinal.Load(); b.FirstOrdinal < next {
		return fmt.Errorf("storage: block %d starts at ordinal %d, next is %d: %w", b.Seq, b.FirstOrdinal, next, ErrOptions)
	}
	old := l.overlay.Load()
	// Appending in place is safe: readers of old look only at its length.
	l.overlay.Store(&overlay{blocks: append(old.blocks, s), bytes: old.bytes + s.bytes})
	l.nextSeq.Store(uint64(b.Seq) + 1)
	l.nextOrdinal.Store(s.next)
	return nil
}

// check computes next and bytes, sorts the lists by ordinal, and refuses what
// could not be stored and read again.
func (s *stagedBlock) check() error {
	bad := func(what string) error {
		return fmt.Errorf("storage: block %d: %s: %w", s.Seq, what, ErrOptions)
	}
	if s.Seq == 0 {
		return bad("seq 0")
	}
	events := 0
	s.next = s.FirstOrdinal
	s.bytes = int64(len(s.Header) + len(s.Certificate) + len(s.ExecCert) + 8*len(s.IDEntries) + 16*len(s.Links))
	for i := range s.Requests {
		r := &s.Requests[i]
		s.bytes += int64(len(r.Body) + len(r.Result))
		if r.Events < 0 || len(r.Body)/EventBytes < r.Events {
			return bad(fmt.Sprintf("request %d of %d bytes has %d events", i, len(r.Body), r.Events))
		}
		if r.Events == 0 {
			continue
		}
		if r.FirstOrdinal < s.next || r.FirstOrdinal+uint64(r.Events) < r.FirstOrdinal {
			return bad(fmt.Sprintf("request %d starts at ordinal %d, next is %d", i, r.FirstOrdinal, s.next))
		}
		s.next = r.FirstOrdinal + uint64(r.Events)
		events += r.Events
	}
	if len(s.Links) != 0 && len(s.Links) != events {
		return bad(fmt.Sprintf("%d links for %d events", len(s.Links), events))
	}
	slices.SortStableFunc(s.Resolved, func(a, b ResolvedStatus) int { return cmp.Compare(a.Ordinal, b.Ordinal) })
	slices.SortFunc(s.Derived, func(a, b DerivedRecord) int { return cmp.Compare(a.Ordinal, b.Ordinal) })
	slices.SortFunc(s.Balances, func(a, b BalanceRecord) int { return cmp.Compare(a.Ordinal, b.Ordinal) })
	s.bytes += int64(EventBytes*len(s.Derived) + 16*len(s.Resolved))
	for i, d := range s.Derived {
		if r, _, _ := s.request(d.Ordinal); r == nil || i > 0 && s.Derived[i-1].Ordinal == d.Ordinal {
			return bad(fmt.Sprintf("derived record of ordinal %d", d.Ordinal))
		}
	}
	for i, d := range s.Balances {
		if r, _, _ := s.request(d.Ordinal); r == nil || i > 0 && s.Balances[i-1].Ordinal == d.Ordinal {
			return bad(fmt.Sprintf("balances of ordinal %d", d.Ordinal))
		}
		s.bytes += int64(len(d.Bytes))
	}
	return nil
}

// Staged is the number and size of blocks that are staged and not committed.
// It is the caller's bound: Stage itself never refuses for it.
func (l *Ledger) Staged() (blocks int, bytes int64) {
	o := l.overlay.Load()
	return len(o.blocks), o.bytes
}

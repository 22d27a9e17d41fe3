package pipeline

import (
	"fmt"
	"time"

	"quorate/consensus"
	"quorate/internal/mark"
	"quorate/internal/plant"
	"quorate/storage"
	"quorate/wire"
)

// journalItem is one of: a record to persist, a send that waits for the records
// before it, a stable checkpoint, the news that the ledger is durable up to a
// slot, or the end or the beginning of amnesia.
type journalItem struct {
	record    wire.Record
	token     consensus.Token
	body      *body // must be in the journal before record
	send      *consensus.Send
	stabilize *consensus.Stabilize
	applied   wire.SeqNum
	healed    bool
	distrust  string // why the journal was proven to have forgotten
}

// journalStage makes records durable, a whole group with one sync, and then
// lets go what waited for them.
type journalStage struct {
	r       *Replica
	journal Journal
	items   *ring[journalItem]
	buf     []journalItem
	scratch []byte

	anchors []anchorAt // stable checkpoints that the ledger has not reached yet
	applied wire.SeqNum
	last    storage.LSN
}

// anchorAt is a stable checkpoint and the record that restates what the journal
// needs from before it.
type anchorAt struct {
	seq   wire.SeqNum
	token consensus.Token
	lsn   storage.LSN
}

// groupBytesMax bounds what one sync makes durable.
const groupBytesMax = 12 << 20

// Step writes one group: everything that waits, one sync, then the sends in
// their order. A send never passes a record that was pushed before it (L1).
func (s *journalStage) Step() bool {
	s.buf = s.items.take(s.buf)
	if len(s.buf) == 0 {
		return false
	}
	for rest := s.buf; len(rest) > 0; {
		n := s.append(rest)
		if !s.sync(rest[:n]) {
			return true
		}
		rest = rest[n:]
	}
	s.truncate()
	s.r.order.events.to.wake() // it may have paused
	return true
}

// append appends records of items up to one group's size and gives the number
// of items that the group covers.
func (s *journalStage) append(items []journalItem) int {
	bytes := 0
	for i := range items {
		it := &items[i]
		if it.record == nil {
			s.note(it)
			continue
		}
		if bytes > groupBytesMax {
			return i
		}
		bytes += s.record(it)
	}
	return len(items)
}

// record appends one record, and its body first if the journal lacks it.
func (s *journalStage) record(it *journalItem) int {
	bytes := 0
	seq := it.record.RecordSeq()
	if it.body != nil && !it.body.journaled {
		it.body.journaled = true
		s.last = s.journal.Append(uint8(wire.RecordBody), seq, it.body.raw)
		bytes += len(it.body.raw)
	}
	s.scratch = it.record.Append(s.scratch[:0])
	s.last = s.journal.Append(uint8(it.record.RecordKind()), seq, s.scratch)
	if it.record.RecordKind() == wire.RecordAnchor {
		s.anchors = append(s.anchors, anchorAt{token: it.token, lsn: s.last})
	}
	return bytes + len(s.scratch)
}

// note takes what needs no record.
func (s *journalStage) note(it *journalItem) {
	switch {
	case it.stabilize != nil:
		for i := range s.anchors {
			if s.anchors[i].token == it.stabilize.Anchor {
				s.anchors[i].seq = it.stabilize.Stable.State.Seq
			}
		}
	case it.applied != 0:
		s.applied = max(s.applied, it.applied)
		if err := s.journal.MarkApplied(s.applied); err != nil {
			s.r.fail(fmt.Errorf("pipeline: journal superblock: %w", err))
		}
	case it.distrust != "":
		if err := s.journal.Distrust(it.distrust); err != nil {
			s.r.fail(fmt.Errorf("pipeline: journal superblock: %w", err))
		}
	}
}

// sync makes the group durable and lets its sends go.
func (s *journalStage) sync(group []journalItem) bool {
	var token consensus.Token
	for i := range group {
		if plant.On(plant.SendBeforeSync) && group[i].send != nil {
			s.r.send(group[i].send)
			group[i].send = nil
		}
		token = max(token, group[i].token)
	}
	if token != 0 {
		start := time.Now()
		if _, err := s.journal.Sync(); err != nil {
			mark.Hit(mark.JournalSyncFails)
			// Never retried: what is on the disk is unknown now (L6).
			s.r.fail(fmt.Errorf("pipeline: journal: %w", err))
			return false
		}
		s.r.stats.SyncSeconds.observe(time.Since(start))
		s.r.durable.Store(uint64(token))
		s.r.kept.note(s.journal)
	}
	for i := range group {
		if group[i].send != nil {
			s.r.send(group[i].send)
		}
		if !group[i].healed {
			continue
		}
		mark.Hit(mark.JournalHealed)
		// Behind the sync: the anchor that ends amnesia stands in the same group.
		// Healed without it is a replica that votes below the bound of its amnesia.
		if err := s.journal.Healed(); err != nil {
			s.r.fail(fmt.Errorf("pipeline: journal superblock: %w", err))
			return false
		}
	}
	return true
}

// truncate drops what lies behind a stable checkpoint that the ledger has
// reached (L5).
func (s *journalStage) truncate() {
	best := -1
	for i := range s.anchors {
		if s.anchors[i].seq != 0 && (s.anchors[i].seq <= s.applied || plant.On(plant.JournalTruncatedEarly)) {
			best = i
		}
	}
	if best < 0 {
		mark.If(len(s.anchors) > 0, mark.AnchorWaits)
		return
	}
	if err := s.journal.Truncate(s.anchors[best].seq, s.anchors[best].lsn); err != nil {
		s.r.fail(fmt.Errorf("pipeline: journal truncation: %w", err))
		return
	}
	s.anchors = append(s.anchors[:0], s.anchors[best+1:]...)
}

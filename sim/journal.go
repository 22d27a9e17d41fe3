package sim

import (
	"quorate/pipeline"
	"quorate/storage"
	"quorate/wire"
)

// journal is the replica's vote journal, with an eye on what becomes durable.
type journal struct {
	*storage.Journal
	n       *node
	records int
	pending []fact // appended and not synced
	last    storage.LSN
}

var _ pipeline.Journal = (*journal)(nil)

// fact is something that a replica has on disk. Digest is of the value, or of
// the message.
type fact struct {
	kind   wire.RecordKind
	view   wire.View
	seq    wire.SeqNum
	digest wire.Digest
}

// claim is something that a replica can say once: a second, different digest
// under the same claim is equivocation.
type claim struct {
	kind wire.Kind
	view wire.View
	seq  wire.SeqNum
}

// history is what one replica said and made durable in all its lives. Its maps
// are looked up and never ranged.
type history struct {
	durable map[fact]bool
	said    map[claim]wire.Digest
	// votes and locks are what it told others of each slot, in its highest view.
	votes, locks map[wire.SeqNum]best
	// anchored is the newest stable checkpoint that its journal knows, durably.
	anchored wire.SeqNum
}

func newHistory() *history {
	return &history{durable: map[fact]bool{}, said: map[claim]wire.Digest{},
		votes: map[wire.SeqNum]best{}, locks: map[wire.SeqNum]best{}}
}

// forget is the loss of the journal.
func (h *history) forget() { h.durable, h.anchored = map[fact]bool{}, 0 }

// keep notes a fact that became durable.
func (h *history) keep(f fact) {
	if f.kind == wire.RecordAnchor {
		h.anchored = max(h.anchored, f.seq)
		return
	}
	h.durable[f] = true
}

// Append implements pipeline.Journal.
func (j *journal) Append(kind uint8, seq wire.SeqNum, parts ...[]byte) storage.LSN {
	body := parts[0]
	if len(parts) > 1 {
		body = nil
		for _, p := range parts {
			body = append(body, p...)
		}
	}
	j.pending = j.facts(j.pending, wire.RecordKind(kind), body)
	j.last = j.Journal.Append(kind, seq, parts...)
	j.n.paper.records[j.last] = recordHash(kind, body)
	return j.last
}

// facts appends what a record states.
func (j *journal) facts(out []fact, kind wire.RecordKind, body []byte) []fact {
	w := j.n.w
	if kind == wire.RecordBody {
		d, err := w.check.batchDigest(body)
		if err != nil {
			w.fail("replica %d journals a body that does not decode: %v", j.n.id, err)
		}
		return append(out, fact{kind: kind, digest: d})
	}
	rec, err := wire.DecodeRecord(kind, body)
	if err != nil {
		w.fail("replica %d journals a record that does not decode: %v", j.n.id, err)
		return out
	}
	change := func(m *wire.ViewChange) {
		out = append(out, fact{kind: wire.RecordViewChange, view: m.To, digest: w.scope.ViewChangeDigest(m)})
	}
	entered := func(r *wire.EnteredRecord) {
		out = append(out, fact{kind: wire.RecordEntered, view: r.NewView.To, digest: w.scope.NewViewDigest(r.NewView)})
	}
	switch r := rec.(type) {
	case *wire.VoteRecord:
		return append(out, fact{kind, r.Slot.View, r.Slot.Seq, r.Slot.Digest})
	case *wire.LockRecord:
		return append(out, fact{kind, r.Slot.View, r.Slot.Seq, r.Slot.Digest})
	case *wire.CommittedRecord:
		return append(out, fact{kind: kind, seq: r.Proof.Slot.Seq, digest: r.Proof.Slot.Digest})
	case *wire.ViewChangeRecord:
		change(r.Message)
	case *wire.EnteredRecord:
		entered(r)
	case *wire.AnchorRecord:
		out = append(out, fact{kind: kind, seq: r.Stable.State.Seq})
		if r.Leaving != nil {
			change(r.Leaving)
		}
		if r.Entered != nil {
			entered(r.Entered)
		}
	}
	return out
}

// Sync implements pipeline.Journal.
func (j *journal) Sync() (storage.LSN, error) {
	lsn, err := j.last, error(nil)
	if j.n.w.opt.plant != plantSync || j.n.id != 0 {
		lsn, err = j.Journal.Sync()
	}
	if err != nil {
		return lsn, err
	}
	for _, f := range j.pending {
		j.n.past.keep(f)
	}
	j.pending = j.pending[:0]
	j.n.paper.group(lsn, j.Stats().Superblocks)
	j.n.effect() // it may die when the disk has the group and nobody knows
	return lsn, nil
}

// Replay implements pipeline.Journal. What a start finds is durable, synced or
// not.
func (j *journal) Replay(fn func(rec storage.Record) error) error {
	return j.Journal.Replay(func(rec storage.Record) error {
		j.records++
		j.n.paper.check(j.n, &rec)
		for _, f := range j.facts(nil, wire.RecordKind(rec.Kind), append([]byte(nil), rec.Body...)) {
			j.n.past.keep(f)
		}
		return fn(rec)
	})
}

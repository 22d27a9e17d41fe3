package pipeline

import (
	"context"
	"fmt"

	"quorate/consensus"
	"quorate/storage"
	"quorate/wire"
)

// Alone is a replica without its cluster: the stages of a replica, with a
// sequencer in the place of the core that takes a batch for committed as soon as
// it is durable here. Nothing is agreed on and nothing certified; what is left
// is what one machine has to do anyway, and so the bound that replication is
// measured against (bench/upper).
//
// It promises its clients one thing: what was answered is on this disk. Its
// directory is no replica's: its certificates are empty, and `replica verify`
// refuses it.
type Alone struct {
	r        *Replica
	proposed wire.SeqNum
	executed wire.SeqNum
	token    consensus.Token
	open     map[wire.SeqNum]wire.Digest // bodies of slots that were not executed yet

	eventBuf   []consensus.Event
	requestBuf []pendingRequest
	keyBuf     [][]requestKey
}

// OpenAlone is Open without a cluster: what the journal holds and the ledger
// lacks is executed first.
func OpenAlone(cfg Config, suite Suite, transport Transport, disk Disk) (*Alone, error) {
	r, found, err := Open(cfg, suite, transport, disk)
	if err != nil {
		return nil, err
	}
	if found.Journal.Amnesia {
		return nil, fmt.Errorf("pipeline: journal: %s", found.Journal.Reason)
	}
	a := &Alone{r: r, executed: r.execute.machine.Seq(), open: make(map[wire.SeqNum]wire.Digest)}
	a.proposed = a.executed
	r.viewActive.Store(true)
	return a, a.resume()
}

// resume puts what was journaled and not executed on its way again: it may have
// been answered.
func (a *Alone) resume() error {
	return a.r.journal.journal.Replay(func(rec storage.Record) error {
		if wire.RecordKind(rec.Kind) != wire.RecordVote || rec.Seq <= a.executed {
			return nil
		}
		m, err := wire.DecodeRecord(wire.RecordVote, append([]byte(nil), rec.Body...))
		if err != nil {
			return fmt.Errorf("pipeline: journal record %d: %w", rec.LSN, err)
		}
		slot := m.(*wire.VoteRecord).Slot
		a.proposed = slot.Seq
		a.open[slot.Seq] = slot.Digest
		a.committed(slot)
		return nil
	})
}

// Ingress takes the frames of clients.
func (a *Alone) Ingress() Ingress { return a.r.Ingress() }

// Executed is the newest executed slot. It may be called from any thread.
func (a *Alone) Executed() wire.SeqNum { return a.r.executed.Load().seq }

// Run steps the stages until ctx ends or one of them fails.
func (a *Alone) Run(ctx context.Context) error {
	var stages []Stage
	for _, s := range a.r.Stages() {
		switch s.Name {
		case "order":
			s.Step = a.Step
		case "crypto", "serve":
			continue // nobody to vote with, nobody to serve
		}
		stages = append(stages, s)
	}
	return a.r.lend(ctx, stages)
}

// Close closes journal and ledger after Run returned.
func (a *Alone) Close() error { return a.r.Close() }

// Step does what waits: what was synced is committed, what was executed is
// certified, what was asked is proposed. It runs on the order thread.
func (a *Alone) Step() bool {
	o := a.r.order
	if o.behind() {
		return false
	}
	a.eventBuf = o.events.take(a.eventBuf)
	a.keyBuf = o.executed.take(a.keyBuf)
	a.requestBuf = o.requests.take(a.requestBuf)
	if len(a.eventBuf)+len(a.keyBuf)+len(a.requestBuf) == 0 {
		return false
	}
	for _, ev := range a.eventBuf {
		switch e := ev.(type) {
		case consensus.Tick:
			o.ticking.Store(false)
			o.tick++
			a.r.ticks.Store(o.tick)
		case consensus.Received:
			a.committed(e.Msg.(*wire.SignShare).Slot) // its own, from behind the sync
		case consensus.Executed:
			a.finished(e)
		}
	}
	for _, keys := range a.keyBuf {
		for _, k := range keys {
			o.batcher.executed(k)
		}
	}
	for i := range a.requestBuf {
		o.batcher.add(a.requestBuf[i], o.tick)
	}
	if len(a.requestBuf) > 0 {
		a.r.verify.requests.to.wake() // it may have paused
	}
	a.propose()
	o.queued.Store(int64(o.batcher.len()))
	return true
}

// propose journals batches, and behind each the news that it is durable.
func (a *Alone) propose() {
	o := a.r.order
	for o.batcher.ready(int(a.proposed-a.executed), o.tick) {
		b := o.batcher.close(a.r.cfg.Clock(), a.r.cfg.Cluster)
		a.r.bodies.put(b)
		a.proposed++
		a.open[a.proposed] = b.digest
		a.token++
		slot := wire.SlotID{Seq: a.proposed, Digest: b.digest}
		a.r.journal.items.put(journalItem{record: &wire.VoteRecord{Slot: slot}, token: a.token, body: b})
		a.r.journal.items.put(journalItem{send: &consensus.Send{To: []wire.ReplicaID{a.r.cfg.Self}, Msg: &wire.SignShare{Slot: slot}, After: a.token}})
	}
}

// committed gives a durable slot to execution.
func (a *Alone) committed(slot wire.SlotID) {
	a.r.dispatch(consensus.Execute{Proof: wire.CommitProof{Slot: slot, Fast: true}})
}

// finished lets the clients of an executed slot be answered, and begins a new
// piece of the journal at a checkpoint.
func (a *Alone) finished(e consensus.Executed) {
	a.executed = e.Seq
	a.r.bodies.forget(a.open[e.Seq])
	delete(a.open, e.Seq)
	a.r.execute.items.put(executeItem{certify: &consensus.Certify{Seq: e.Seq, Digest: e.Digest}})
	if e.Seq%a.r.cfg.Interval != 0 {
		return
	}
	stable := wire.Stable{State: wire.CheckpointState{Seq: e.Seq, Execute: e.Digest, StateRoot: e.StateRoot}}
	a.token++
	a.r.journal.items.put(journalItem{record: &wire.AnchorRecord{Active: true, Stable: stable}, token: a.token})
	a.r.stabilized(consensus.Stabilize{Stable: stable, Anchor: a.token})
}

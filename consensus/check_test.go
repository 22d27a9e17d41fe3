package consensus

// The checkers: what must hold in every run, watched from outside.

import (
	"fmt"

	"quorate/wire"
)

// fact names something that a replica may promise or have on disk. Maps of
// facts are only looked up, never ranged.
type fact struct {
	replica wire.ReplicaID
	kind    wire.Kind
	view    wire.View
	seq     wire.SeqNum
}

type onDisk struct {
	replica wire.ReplicaID
	kind    wire.RecordKind
	slot    wire.SlotID // Digest: of the value, or of the message
}

type checker struct {
	w        *world
	problem  string
	said_    map[fact]wire.Digest        // what left, once per (replica, kind, view, seq), for life
	disk     map[onDisk]bool             // what was ever durable
	bodies   map[onDisk]bool             // bodies that were durable with a vote
	values   map[wire.SeqNum]wire.Digest // agreed value of each seq
	exec     map[wire.SeqNum]wire.Digest // agreed execution digest
	executed map[fact]bool               // replica, seq executed (this life or an earlier one)
	done     map[doneKey]bool            // batch executed at replica
	stable   map[wire.ReplicaID]wire.SeqNum
	views    wire.View // highest view entered by anyone
	events   []string  // observations since the last take
}

type doneKey struct {
	replica wire.ReplicaID
	digest  wire.Digest
}

func newChecker(w *world) *checker {
	return &checker{w: w, said_: map[fact]wire.Digest{}, disk: map[onDisk]bool{}, bodies: map[onDisk]bool{},
		values: map[wire.SeqNum]wire.Digest{}, exec: map[wire.SeqNum]wire.Digest{}, executed: map[fact]bool{},
		done: map[doneKey]bool{}, stable: map[wire.ReplicaID]wire.SeqNum{}}
}

func (k *checker) failed() bool { return k.problem != "" }

func (k *checker) fail(format string, args ...any) {
	if k.problem == "" {
		k.problem = fmt.Sprintf("at %d.%d: ", k.w.now/unitsPerTick, k.w.now%unitsPerTick) + fmt.Sprintf(format, args...)
	}
}

// durable notes a record that survived or was synced.
func (k *checker) durable(nd *node, e entry) {
	d := onDisk{replica: nd.id, kind: e.record.RecordKind()}
	switch r := e.record.(type) {
	case *wire.VoteRecord:
		d.slot = r.Slot
		if r.Slot.Digest.IsNull() || e.bytes != nil && bodyDigest(e.bytes) == r.Slot.Digest {
			k.bodies[d] = true
		}
	case *wire.LockRecord:
		d.slot = r.Slot
	case *wire.ViewChangeRecord:
		d.slot = wire.SlotID{View: r.Message.To, Digest: k.w.cfg.Scope.ViewChangeDigest(r.Message)}
	case *wire.EnteredRecord:
		d.slot = wire.SlotID{View: r.NewView.To, Digest: k.w.cfg.Scope.NewViewDigest(r.NewView)}
	}
	k.disk[d] = true
}

// said checks what leaves an honest replica: one value per (view, seq) and kind
// for life (I1), and nothing before its record (I2).
func (k *checker) said(nd *node, m wire.Message) {
	f := fact{replica: nd.id, kind: m.Kind()}
	var value wire.Digest
	var need onDisk
	switch m := m.(type) {
	case *wire.PrePrepare:
		f.view, f.seq, value = m.Slot.View, m.Slot.Seq, m.Slot.Digest
		need = onDisk{nd.id, wire.RecordVote, m.Slot}
	case *wire.SignShare:
		f.kind = wire.KindPrePrepare // a share votes for the same as a proposal
		f.view, f.seq, value = m.Slot.View, m.Slot.Seq, m.Slot.Digest
		need = onDisk{nd.id, wire.RecordVote, m.Slot}
	case *wire.Commit:
		f.view, f.seq, value = m.Slot.View, m.Slot.Seq, m.Slot.Digest
		need = onDisk{nd.id, wire.RecordLock, m.Slot}
	case *wire.ViewChange:
		if m.Replica != nd.id {
			return // forwarded
		}
		f.view, value = m.To, k.w.cfg.Scope.ViewChangeDigest(m)
		need = onDisk{nd.id, wire.RecordViewChange, wire.SlotID{View: m.To, Digest: value}}
	case *wire.NewView:
		f.replica = k.w.q.Primary(m.To)
		if k.w.nodes[f.replica].liar != nil {
			return
		}
		f.view, value = m.To, k.w.cfg.Scope.NewViewDigest(m)
		need = onDisk{nd.id, wire.RecordEntered, wire.SlotID{View: m.To, Digest: value}}
	case *wire.Checkpoint:
		f.seq, value = m.State.Seq, k.w.cfg.Scope.CheckpointHash(m.State)
	case *wire.SignState:
		f.seq, value = m.Seq, m.Digest
	default:
		return
	}
	if old, ok := k.said_[f]; ok && old != value {
		k.fail("I1: replica %d said %v and %v for kind %d view %d seq %d", nd.id, old, value, f.kind, f.view, f.seq)
	}
	k.said_[f] = value
	if need.kind != 0 && !k.durableOr(nd, need, m) {
		k.fail("I2: replica %d sent %s before its record was durable", nd.id, describe(m))
	}
	if need.kind == wire.RecordVote && !k.bodies[need] {
		k.fail("I2: replica %d sent %s before its body was durable", nd.id, describe(m))
	}
}

// durableOr looks a record up; a view change or an entered view may also stand
// in a durable anchor.
func (k *checker) durableOr(nd *node, need onDisk, m wire.Message) bool {
	if k.disk[need] {
		return true
	}
	for i := 0; i < nd.durable && i < len(nd.journal); i++ {
		a, ok := nd.journal[i].record.(*wire.AnchorRecord)
		if !ok {
			continue
		}
		switch m.(type) {
		case *wire.ViewChange:
			if a.Leaving != nil && k.w.cfg.Scope.ViewChangeDigest(a.Leaving) == need.slot.Digest {
				return true
			}
		case *wire.NewView:
			if a.Entered != nil && k.w.cfg.Scope.NewViewDigest(a.Entered.NewView) == need.slot.Digest {
				return true
			}
		}
	}
	return false
}

// executes checks agreement and order (I6).
func (k *checker) executes(nd *node, p wire.CommitProof) {
	if nd.liar != nil {
		return
	}
	s := p.Slot.Seq
	if !k.w.proofOK(p) {
		k.fail("I5: replica %d executes %d on a bad proof", nd.id, s)
	}
	if s > nd.core.high() {
		k.fail("I11: replica %d executes %d, stable %d", nd.id, s, nd.core.low())
	}
	if d, ok := k.values[s]; ok && d != p.Slot.Digest {
		k.fail("AGREEMENT: seq %d is %v at replica %d and %v elsewhere", s, p.Slot.Digest, nd.id, d)
	}
	k.values[s] = p.Slot.Digest
	k.done[doneKey{nd.id, p.Slot.Digest}] = true
}

func (k *checker) hasExecuted(nd *node, d wire.Digest) bool { return k.done[doneKey{nd.id, d}] }

func (k *checker) certify(nd *node, e Certify) {
	if e.Pi != combinedTag(PurposePi, e.Digest) || int(e.Seq) > len(nd.ledger) || nd.ledger[e.Seq-1].digest != e.Digest {
		k.fail("replica %d certifies %d wrongly", nd.id, e.Seq)
	}
	nd.certified[e.Seq] = true
}

func (k *checker) stabilize(nd *node, e Stabilize) {
	if !k.w.stableOK(e.Stable) {
		k.fail("I7: replica %d stabilizes %d on a bad certificate", nd.id, e.Stable.State.Seq)
	}
}

func (k *checker) observe(nd *node, o Observe) {
	names := []string{"leaves view", "enters view", "fast commit", "slow commit", "stable", "bans", "evidence", "complains", "amnesia ends"}
	name := names[o.Topic]
	nd.counts[name]++
	text := fmt.Sprintf("%d %s", nd.id, name)
	switch o.Topic {
	case ObserveViewLeft, ObserveViewEntered, ObserveComplaint:
		text += fmt.Sprintf(" %d", o.View)
	case ObserveFastCommit, ObserveSlowCommit, ObserveStable:
		text += fmt.Sprintf(" %d", o.Seq)
	case ObserveBanned:
		text += fmt.Sprintf(" %d", o.Replica)
		if k.w.nodes[o.Replica].liar == nil {
			k.fail("honest replica %d banned by %d", o.Replica, nd.id)
		}
	case ObserveEvidence:
		text += fmt.Sprintf(" against %d seq %d", o.Replica, o.Seq)
		if k.w.nodes[o.Replica].liar == nil {
			k.fail("evidence against honest replica %d by %d", o.Replica, nd.id)
		}
	}
	if o.Topic == ObserveViewEntered {
		k.views = max(k.views, o.View)
	}
	k.events = append(k.events, text)
	k.w.trace("%s (view %d seq %d)", text, o.View, o.Seq)
}

func (k *checker) relapse(nd *node, e Relapse) {
	k.events = append(k.events, fmt.Sprintf("%d is in amnesia: %s", nd.id, e.Reason))
	if !nd.rolled && nd.liar == nil {
		k.fail("replica %d distrusts a healthy journal: %s", nd.id, e.Reason)
	}
}

// accuse holds proof to what it claims: two signatures of its primary, who lies.
func (k *checker) accuse(nd *node, e Accuse) {
	for i := range 2 {
		h := e.Evidence.Head(i)
		if e.Primary != k.w.q.Primary(h.Slot.View) || h.Author != edTag(PurposeAuthor, e.Primary, k.w.authorHash(h.Slot)) {
			k.fail("proof of %d against %d does not verify", nd.id, e.Primary)
		}
	}
	if e.Evidence.Digests[0] == e.Evidence.Digests[1] || k.w.nodes[e.Primary].liar == nil {
		k.fail("proof of %d against honest replica %d", nd.id, e.Primary)
	}
	text := fmt.Sprintf("%d proof against %d seq %d", nd.id, e.Primary, e.Evidence.Seq)
	k.events = append(k.events, text)
	k.w.trace("%s (view %d)", text, e.Evidence.View)
}

func (k *checker) halt(nd *node, e Halt) {
	k.fail("replica %d halts: %s", nd.id, e.Reason)
}

// core checks one core's own structure after a step.
func (k *checker) core(nd *node) {
	c := nd.core
	if c == nil || nd.liar != nil {
		return
	}
	if c.dispatched < c.executed || c.dispatched > c.executed+executeAheadMax {
		k.fail("replica %d: executed %d dispatched %d", nd.id, c.executed, c.dispatched)
	}
	for i := range c.catchup {
		if c.catchup[i].Proof.Slot.Seq != c.dispatched+1+wire.SeqNum(i) {
			k.fail("replica %d: catch-up list is not contiguous", nd.id)
		}
		if d := c.catchup[i].Proof.Slot.Digest; !d.IsNull() && nd.bodies[d] == nil {
			k.fail("replica %d: body of %d in the catch-up list was forgotten", nd.id, c.catchup[i].Proof.Slot.Seq)
		}
	}
	for i := range c.slots {
		for _, d := range c.slots[i].held {
			if nd.bodies[d] == nil {
				k.fail("replica %d: body held by slot %d was forgotten", nd.id, c.slots[i].seq)
			}
		}
	}
}

func describe(m wire.Message) string {
	switch m := m.(type) {
	case *wire.PrePrepare:
		return fmt.Sprintf("pre-prepare view %d seq %d %v", m.Slot.View, m.Slot.Seq, m.Slot.Digest)
	case *wire.SignShare:
		return fmt.Sprintf("sign-share view %d seq %d %v tau %v", m.Slot.View, m.Slot.Seq, m.Slot.Digest, m.HasTau)
	case *wire.FullCommitProof:
		return fmt.Sprintf("full-commit-proof view %d seq %d %v", m.Slot.View, m.Slot.Seq, m.Slot.Digest)
	case *wire.SlowCommitProof:
		return fmt.Sprintf("slow-commit-proof view %d seq %d %v", m.Slot.View, m.Slot.Seq, m.Slot.Digest)
	case *wire.Prepare:
		return fmt.Sprintf("prepare view %d seq %d %v", m.Slot.View, m.Slot.Seq, m.Slot.Digest)
	case *wire.Commit:
		return fmt.Sprintf("commit view %d seq %d %v", m.Slot.View, m.Slot.Seq, m.Slot.Digest)
	case *wire.ViewChange:
		return fmt.Sprintf("view-change of %d to %d stable %d slots %d", m.Replica, m.To, m.Stable.State.Seq, len(m.Slots))
	case *wire.NewView:
		return fmt.Sprintf("new-view %d", m.To)
	case *wire.Status:
		return fmt.Sprintf("status view %d active %v stable %d executed %d", m.View, m.Active, m.Stable, m.Executed)
	case *wire.Complaint:
		return fmt.Sprintf("complaint view %d", m.View)
	case *wire.Blocks:
		return fmt.Sprintf("blocks %d..%d", m.Blocks[0].Proof.Slot.Seq, m.Blocks[len(m.Blocks)-1].Proof.Slot.Seq)
	case *wire.FetchBlocks:
		return fmt.Sprintf("fetch-blocks %d..%d", m.From, m.To)
	case *wire.SignState:
		return fmt.Sprintf("sign-state seq %d", m.Seq)
	case *wire.ExecuteProof:
		return fmt.Sprintf("execute-proof seq %d", m.Seq)
	case *wire.Checkpoint:
		return fmt.Sprintf("checkpoint seq %d", m.State.Seq)
	case *wire.Stable:
		return fmt.Sprintf("stable seq %d", m.State.Seq)
	}
	return fmt.Sprintf("%T", m)
}

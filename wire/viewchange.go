package wire

import "fmt"

// Vote is a durable promise about one slot: the value last accepted for it.
type Vote struct {
	View   View
	Digest Digest
}

// Lock is the τ certificate with the highest view that a replica holds for a
// slot.
type Lock struct {
	View   View
	Digest Digest
	Tau    Certificate
}

// SlotEvidence is what a view change reports of one slot above its stable
// checkpoint. At least one of HasVote and HasLock is true.
type SlotEvidence struct {
	Seq     SeqNum
	HasVote bool
	Vote    Vote
	HasLock bool
	Lock    Lock
}

const slotEvidenceMinBytes = 8 + 1

// ViewChange tells everyone what its signer accepted and prepared before it
// left for view To. Signature is the replica's Ed25519 signature over its
// Digest.
type ViewChange struct {
	Replica   ReplicaID // the signer: view changes are also forwarded by others
	To        View
	Stable    Stable         // the signer's stable checkpoint, with its certificate
	Slots     []SlotEvidence // strictly ascending seq, all above Stable, within one window
	Signature Signature
}

// Kind is KindViewChange.
func (m *ViewChange) Kind() Kind { return KindViewChange }

func (m *ViewChange) appendUnsigned(b []byte) []byte {
	b = appendU16(b, uint16(m.Replica))
	b = appendU64(b, uint64(m.To))
	b = m.Stable.Append(b)
	b = appendU32(b, uint32(len(m.Slots)))
	for i := range m.Slots {
		b = m.Slots[i].append(b)
	}
	return b
}

// Append appends the canonical encoding to b.
func (m *ViewChange) Append(b []byte) []byte {
	return append(m.appendUnsigned(b), m.Signature[:]...)
}

const (
	evidenceVote = 1
	evidenceLock = 2
)

func (e *SlotEvidence) append(b []byte) []byte {
	b = appendU64(b, uint64(e.Seq))
	var flags uint8
	if e.HasVote {
		flags |= evidenceVote
	}
	if e.HasLock {
		flags |= evidenceLock
	}
	b = appendU8(b, flags)
	if e.HasVote {
		b = appendU64(b, uint64(e.Vote.View))
		b = append(b, e.Vote.Digest[:]...)
	}
	if e.HasLock {
		b = appendU64(b, uint64(e.Lock.View))
		b = append(b, e.Lock.Digest[:]...)
		b = e.Lock.Tau.append(b)
	}
	return b
}

func (r *reader) stable() Stable {
	return Stable{State: r.checkpointState(), Tau: r.certificate("checkpoint tau")}
}

func (r *reader) viewChange() *ViewChange {
	m := &ViewChange{
		Replica: ReplicaID(r.u16("replica")),
		To:      View(r.u64("target view")),
		Stable:  r.stable(),
	}
	n := r.count(WindowMax, slotEvidenceMinBytes, "slots")
	last := m.Stable.State.Seq
	for i := 0; i < n && r.err == nil; i++ {
		e := r.slotEvidence()
		if e.Seq <= last || e.Seq-m.Stable.State.Seq > WindowMax {
			r.fail(fmt.Sprintf("slot %d out of order or window", e.Seq))
		}
		last = e.Seq
		m.Slots = append(m.Slots, e)
	}
	m.Signature = r.signature("signature")
	return m
}

func (r *reader) slotEvidence() (e SlotEvidence) {
	e.Seq = SeqNum(r.u64("slot seq"))
	flags := r.u8("slot flags")
	if flags == 0 || flags > evidenceVote|evidenceLock {
		r.fail("slot flags")
	}
	if flags&evidenceVote != 0 {
		e.HasVote = true
		e.Vote = Vote{View: View(r.u64("vote view")), Digest: r.digest("vote digest")}
	}
	if flags&evidenceLock != 0 {
		e.HasLock = true
		e.Lock = Lock{View: View(r.u64("lock view")), Digest: r.digest("lock digest"), Tau: r.certificate("lock tau")}
	}
	return e
}

// NewView opens view To with exactly the 2f+2c+1 view changes that Chosen
// names. Everyone recomputes the safe values from the same set. Signature is
// the new primary's Ed25519 signature over its Digest.
type NewView struct {
	To        View
	Chosen    []ChosenViewChange // strictly ascending replica
	Signature Signature
}

// ChosenViewChange names one view change by its signer and digest.
type ChosenViewChange struct {
	Replica ReplicaID
	Digest  Digest
}

const chosenBytes = 2 + DigestBytes

// Kind is KindNewView.
func (m *NewView) Kind() Kind { return KindNewView }

func (m *NewView) appendUnsigned(b []byte) []byte {
	b = appendU64(b, uint64(m.To))
	b = appendU32(b, uint32(len(m.Chosen)))
	for i := range m.Chosen {
		b = appendU16(b, uint16(m.Chosen[i].Replica))
		b = append(b, m.Chosen[i].Digest[:]...)
	}
	return b
}

// Append appends the canonical encoding to b.
func (m *NewView) Append(b []byte) []byte {
	return append(m.appendUnsigned(b), m.Signature[:]...)
}

func (r *reader) newView() *NewView {
	m := &NewView{To: View(r.u64("target view"))}
	n := r.count(ReplicasMax, chosenBytes, "chosen view changes")
	for i := 0; i < n && r.err == nil; i++ {
		c := ChosenViewChange{Replica: ReplicaID(r.u16("replica")), Digest: r.digest("view change digest")}
		if i > 0 && c.Replica <= m.Chosen[i-1].Replica {
			r.fail("chosen view changes out of order")
		}
		m.Chosen = append(m.Chosen, c)
	}
	m.Signature = r.signature("signature")
	return m
}

// Status is a replica's compact report of where it stands. It is sent on a
// timer; whoever is ahead helps, whoever is behind asks.
type Status struct {
	View     View
	Active   bool   // false: on the way into View
	Stable   SeqNum // last stable checkpoint
	Executed SeqNum // last executed slot
	Voted    []byte // bit i: holds an accepted pre-prepare of View for slot Executed+1+i; no trailing zero byte
	Amnesia  bool   // its votes before its restart are unknown to it
}

// statusVotedBytesMax bounds Status.Voted: one bit per slot of the largest window.
const statusVotedBytesMax = WindowMax / 8

// Kind is KindStatus.
func (m *Status) Kind() Kind { return KindStatus }

// Append appends the canonical encoding to b.
func (m *Status) Append(b []byte) []byte {
	b = appendU64(b, uint64(m.View))
	b = appendBool(b, m.Active)
	b = appendU64(b, uint64(m.Stable))
	b = appendU64(b, uint64(m.Executed))
	b = appendBytes(b, m.Voted)
	return appendBool(b, m.Amnesia)
}

func (r *reader) status() *Status {
	m := &Status{
		View:     View(r.u64("view")),
		Active:   r.bool("active"),
		Stable:   SeqNum(r.u64("stable")),
		Executed: SeqNum(r.u64("executed")),
		Voted:    r.bytes(statusVotedBytesMax, "voted"),
		Amnesia:  r.bool("amnesia"),
	}
	if n := len(m.Voted); n > 0 && m.Voted[n-1] == 0 {
		r.fail("voted has a trailing zero byte")
	}
	return m
}

// FetchBody asks for the batch with this digest.
type FetchBody struct{ Digest Digest }

// Body answers FetchBody: the encoded batch, whose digest the receiver computes.
type Body struct{ Batch []byte }

// FetchViewChange asks for the view change that a new view names.
type FetchViewChange struct {
	View    View
	Replica ReplicaID
	Digest  Digest
}

// FetchBlocks asks for committed slots From..To with their certificates.
type FetchBlocks struct{ From, To SeqNum }

// Blocks answers FetchBlocks: consecutive committed slots.
type Blocks struct{ Blocks []CommittedSlot }

// CommittedSlot is a slot with its proof: anyone can check it against the
// group keys of genesis.
type CommittedSlot struct {
	Proof CommitProof
	Batch []byte // encoded batch; empty for a null slot
}

// CommitProof is either way to commit: Fast holds σ(h) in Sigma; otherwise TauTau
// holds τ(τ(h)).
type CommitProof struct {
	Slot   SlotID
	Fast   bool
	Sigma  Certificate
	TauTau Certificate
}

const commitProofMinBytes = slotIDBytes + 1 + 2

func (m *FetchBody) Kind() Kind       { return KindFetchBody }
func (m *Body) Kind() Kind            { return KindBody }
func (m *FetchViewChange) Kind() Kind { return KindFetchViewChange }
func (m *FetchBlocks) Kind() Kind     { return KindFetchBlocks }
func (m *Blocks) Kind() Kind          { return KindBlocks }

// Append appends the canonical encoding to b.
func (m *FetchBody) Append(b []byte) []byte { return append(b, m.Digest[:]...) }

// Append appends the canonical encoding to b.
func (m *Body) Append(b []byte) []byte { return appendBytes(b, m.Batch) }

// Append appends the canonical encoding to b.
func (m *FetchViewChange) Append(b []byte) []byte {
	b = appendU64(b, uint64(m.View))
	b = appendU16(b, uint16(m.Replica))
	return append(b, m.Digest[:]...)
}

// Append appends the canonical encoding to b.
func (m *FetchBlocks) Append(b []byte) []byte {
	return appendU64(appendU64(b, uint64(m.From)), uint64(m.To))
}

func (r *reader) fetchBlocks() *FetchBlocks {
	m := &FetchBlocks{From: SeqNum(r.u64("from")), To: SeqNum(r.u64("to"))}
	if m.From == 0 || m.To < m.From || m.To-m.From >= FetchBlocksMax {
		r.fail("range of blocks")
	}
	return m
}

// Append appends the canonical encoding to b.
func (p *CommitProof) Append(b []byte) []byte {
	b = appendBool(p.Slot.append(b), p.Fast)
	if p.Fast {
		return p.Sigma.append(b)
	}
	return p.TauTau.append(b)
}

func (r *reader) commitProof() CommitProof {
	p := CommitProof{Slot: r.slotID(), Fast: r.bool("fast")}
	if p.Fast {
		p.Sigma = r.certificate("sigma")
		return p
	}
	p.TauTau = r.certificate("tau of tau")
	return p
}

// DecodeCommitProof reads a commit proof, as the ledger stores it.
func DecodeCommitProof(b []byte) (CommitProof, error) {
	r := reader{rest: b}
	p := r.commitProof()
	return p, r.end()
}

// Append appends the canonical encoding to b.
func (m *Blocks) Append(b []byte) []byte {
	b = appendU32(b, uint32(len(m.Blocks)))
	for i := range m.Blocks {
		b = m.Blocks[i].Proof.Append(b)
		b = appendBytes(b, m.Blocks[i].Batch)
	}
	return b
}

func (r *reader) blocks() *Blocks {
	m := &Blocks{}
	n := r.count(FetchBlocksMax, commitProofMinBytes+4, "blocks")
	if n == 0 {
		r.fail("no blocks")
	}
	for i := 0; i < n && r.err == nil; i++ {
		s := CommittedSlot{Proof: r.commitProof(), Batch: r.bytes(BatchBytesMax, "batch")}
		if i > 0 && s.Proof.Slot.Seq != m.Blocks[i-1].Proof.Slot.Seq+1 {
			r.fail("blocks are not consecutive")
		}
		if s.Proof.Slot.Digest.IsNull() != (len(s.Batch) == 0) {
			r.fail("batch and null slot disagree")
		}
		m.Blocks = append(m.Blocks, s)
	}
	return m
}

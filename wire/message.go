package wire

import "fmt"

// Message is one message between replicas. Encodings carry no sender: the
// sender is whoever the authenticated link says it is.
type Message interface {
	Kind() Kind
	// Append appends the canonical encoding to b.
	Append(b []byte) []byte
}

// SlotID names a vote's subject: which value of which slot in which view.
type SlotID struct {
	View   View
	Seq    SeqNum
	Digest Digest // the batch digest, or NullDigest
}

const slotIDBytes = 8 + 8 + DigestBytes

func (s SlotID) append(b []byte) []byte {
	b = appendU64(b, uint64(s.View))
	b = appendU64(b, uint64(s.Seq))
	return append(b, s.Digest[:]...)
}

func (r *reader) slotID() SlotID {
	return SlotID{View: View(r.u64("view")), Seq: SeqNum(r.u64("seq")), Digest: r.digest("digest")}
}

// PrePrepare proposes a batch for a slot. Author is the primary's Ed25519
// signature over AuthorBytes: two of them for one (view, seq) with different
// digests prove equivocation to anyone.
type PrePrepare struct {
	Slot   SlotID
	Author Signature
	Batch  []byte // an encoded Batch whose digest is Slot.Digest; aliases the input
}

// SignShare votes for a slot: a share of σ and, unless the fast path is
// healthy enough to save it, a share of τ.
type SignShare struct {
	Slot   SlotID
	Sigma  Share
	HasTau bool
	Tau    Share // zero when HasTau is false
}

// FullCommitProof commits a slot on the fast path: σ(h) of 3f+c+1 replicas.
type FullCommitProof struct {
	Slot  SlotID
	Sigma Certificate
}

// Prepare carries τ(h) of 2f+c+1 replicas: the slot is prepared.
type Prepare struct {
	Slot SlotID
	Tau  Certificate
}

// Commit is a share of τ(τ(h)), sent once the share's signer holds τ(h) durably.
type Commit struct {
	Slot  SlotID
	Share Share
}

// SlowCommitProof commits a slot on the slow path: τ(τ(h)) of 2f+c+1 replicas
// that hold τ(h).
type SlowCommitProof struct {
	Slot   SlotID
	TauTau Certificate
}

// SignState is a share of π over the execution digest after slot Seq.
type SignState struct {
	Seq    SeqNum
	Digest Digest
	Share  Share
}

// ExecuteProof is π(d): f+1 replicas executed slot Seq with this result.
type ExecuteProof struct {
	Seq    SeqNum
	Digest Digest
	Pi     Certificate
}

// Checkpoint is a share of τ over the checkpoint digest of slot Seq.
type Checkpoint struct {
	State CheckpointState
	Share Share
}

// CheckpointState is what a stable checkpoint certifies.
type CheckpointState struct {
	Seq       SeqNum
	Execute   Digest // the execution digest d of slot Seq
	StateRoot Digest // Merkle root over the state pages, sessions included
}

// Stable is a stable checkpoint: 2f+c+1 signatures over State. Seq 0 is the
// genesis state and needs no signature (Tau is zero).
type Stable struct {
	State CheckpointState
	Tau   Certificate
}

// Complaint says that its sender wants to leave View: it timed out or holds
// proof against the primary. f+1 of them make everyone leave.
type Complaint struct {
	View View
}

// Reminder shows its receiver a share of σ that the receiver itself signed, for a
// slot that it says it has not voted for: its disk is an old image.
type Reminder struct {
	Slot  SlotID
	Sigma Share
}

func (m *PrePrepare) Kind() Kind      { return KindPrePrepare }
func (m *SignShare) Kind() Kind       { return KindSignShare }
func (m *FullCommitProof) Kind() Kind { return KindFullCommitProof }
func (m *Prepare) Kind() Kind         { return KindPrepare }
func (m *Commit) Kind() Kind          { return KindCommit }
func (m *SlowCommitProof) Kind() Kind { return KindSlowCommitProof }
func (m *SignState) Kind() Kind       { return KindSignState }
func (m *ExecuteProof) Kind() Kind    { return KindExecuteProof }
func (m *Checkpoint) Kind() Kind      { return KindCheckpoint }
func (m *Stable) Kind() Kind          { return KindStable }
func (m *Complaint) Kind() Kind       { return KindComplaint }
func (m *Reminder) Kind() Kind        { return KindReminder }

// Append appends the canonical encoding to b.
func (m *PrePrepare) Append(b []byte) []byte {
	b = m.Slot.append(b)
	b = append(b, m.Author[:]...)
	return appendBytes(b, m.Batch)
}

// Append appends the canonical encoding to b.
func (m *SignShare) Append(b []byte) []byte {
	b = m.Sigma.append(m.Slot.append(b))
	b = appendBool(b, m.HasTau)
	if m.HasTau {
		b = m.Tau.append(b)
	}
	return b
}

// Append appends the canonical encoding to b.
func (m *FullCommitProof) Append(b []byte) []byte {
	return m.Sigma.append(m.Slot.append(b))
}

// Append appends the canonical encoding to b.
func (m *Prepare) Append(b []byte) []byte { return m.Tau.append(m.Slot.append(b)) }

// Append appends the canonical encoding to b.
func (m *Commit) Append(b []byte) []byte { return m.Share.append(m.Slot.append(b)) }

// Append appends the canonical encoding to b.
func (m *SlowCommitProof) Append(b []byte) []byte {
	return m.TauTau.append(m.Slot.append(b))
}

// Append appends the canonical encoding to b.
func (m *SignState) Append(b []byte) []byte {
	b = appendU64(b, uint64(m.Seq))
	b = append(b, m.Digest[:]...)
	return m.Share.append(b)
}

// Append appends the canonical encoding to b.
func (m *ExecuteProof) Append(b []byte) []byte {
	b = appendU64(b, uint64(m.Seq))
	b = append(b, m.Digest[:]...)
	return m.Pi.append(b)
}

const checkpointStateBytes = 8 + 2*DigestBytes

func (s CheckpointState) append(b []byte) []byte {
	b = appendU64(b, uint64(s.Seq))
	b = append(b, s.Execute[:]...)
	return append(b, s.StateRoot[:]...)
}

func (r *reader) checkpointState() CheckpointState {
	return CheckpointState{
		Seq:       SeqNum(r.u64("checkpoint seq")),
		Execute:   r.digest("checkpoint execution digest"),
		StateRoot: r.digest("checkpoint state root"),
	}
}

// Append appends the canonical encoding to b.
func (m *Checkpoint) Append(b []byte) []byte { return m.Share.append(m.State.append(b)) }

// Append appends the canonical encoding to b.
func (m *Stable) Append(b []byte) []byte { return m.Tau.append(m.State.append(b)) }

// Append appends the canonical encoding to b.
func (m *Complaint) Append(b []byte) []byte { return appendU64(b, uint64(m.View)) }

// Append appends the canonical encoding to b.
func (m *Reminder) Append(b []byte) []byte { return m.Sigma.append(m.Slot.append(b)) }

// DecodeMessage reads one message between replicas. Slices of the result alias
// b. Kinds that are not consensus messages (hello, ping, forwarded requests)
// are refused here; they have decoders of their own.
func DecodeMessage(kind Kind, b []byte) (Message, error) {
	r := reader{rest: b}
	m := r.message(kind)
	if err := r.end(); err != nil {
		return nil, fmt.Errorf("kind %d: %w", kind, err)
	}
	return m, nil
}

func (r *reader) message(kind Kind) Message {
	switch kind {
	case KindPrePrepare:
		return &PrePrepare{Slot: r.slotID(), Author: r.signature("author"), Batch: r.bytes(BatchBytesMax, "batch")}
	case KindSignShare:
		m := &SignShare{Slot: r.slotID(), Sigma: r.share("sigma share"), HasTau: r.bool("has tau")}
		if m.HasTau {
			m.Tau = r.share("tau share")
		}
		return m
	case KindFullCommitProof:
		return &FullCommitProof{Slot: r.slotID(), Sigma: r.certificate("sigma")}
	case KindPrepare:
		return &Prepare{Slot: r.slotID(), Tau: r.certificate("tau")}
	case KindCommit:
		return &Commit{Slot: r.slotID(), Share: r.share("commit share")}
	case KindSlowCommitProof:
		return &SlowCommitProof{Slot: r.slotID(), TauTau: r.certificate("tau of tau")}
	case KindSignState:
		return &SignState{Seq: SeqNum(r.u64("seq")), Digest: r.digest("digest"), Share: r.share("pi share")}
	case KindExecuteProof:
		return &ExecuteProof{Seq: SeqNum(r.u64("seq")), Digest: r.digest("digest"), Pi: r.certificate("pi")}
	case KindCheckpoint:
		return &Checkpoint{State: r.checkpointState(), Share: r.share("checkpoint share")}
	case KindStable:
		return &Stable{State: r.checkpointState(), Tau: r.certificate("checkpoint tau")}
	case KindComplaint:
		return &Complaint{View: View(r.u64("view"))}
	case KindViewChange:
		return r.viewChange()
	case KindNewView:
		return r.newView()
	case KindStatus:
		return r.status()
	case KindFetchBody:
		return &FetchBody{Digest: r.digest("digest")}
	case KindBody:
		return &Body{Batch: r.bytes(BatchBytesMax, "batch")}
	case KindFetchViewChange:
		return &FetchViewChange{View: View(r.u64("view")), Replica: ReplicaID(r.u16("replica")), Digest: r.digest("digest")}
	case KindFetchBlocks:
		return r.fetchBlocks()
	case KindBlocks:
		return r.blocks()
	case KindReminder:
		return &Reminder{Slot: r.slotID(), Sigma: r.share("sigma share")}
	case KindHead:
		return &Head{Slot: r.slotID(), Author: r.signature("author")}
	}
	r.fail("unknown kind")
	return nil
}

package wire

import (
	"fmt"

	"pgregory.net/rapid"
)

// encoder is what every decoded value gives back: its canonical bytes.
type encoder interface{ Append(b []byte) []byte }

// decoder is one entry of the alphabet under test: how it is read, and a
// generator of well-formed values. The tests of this package run over all of
// them, so that a new record only has to be listed here.
type decoder struct {
	name     string
	kind     Kind // for messages between replicas, else 0
	decode   func(b []byte) (encoder, error)
	generate func(t *rapid.T) encoder
}

// ptr makes a decoder that returns a value fit one that returns an encoder.
func ptr[T any, P interface {
	*T
	encoder
}](decode func([]byte) (T, error)) func([]byte) (encoder, error) {
	return func(b []byte) (encoder, error) {
		v, err := decode(b)
		if err != nil {
			return nil, err
		}
		return P(&v), nil
	}
}

// decoders lists every decoder of the package but the hellos, which are tested
// where they are defined.
func decoders() []decoder {
	all := []decoder{
		{name: "Request", decode: ptr(DecodeRequest), generate: func(t *rapid.T) encoder { q := drawRequest(t); return &q }},
		{name: "Batch", decode: ptr(DecodeBatch), generate: func(t *rapid.T) encoder { return drawBatch(t) }},
		{name: "Reply", decode: ptr(DecodeReply), generate: func(t *rapid.T) encoder { return drawReply(t) }},
		{name: "Reject", decode: ptr(DecodeReject), generate: func(t *rapid.T) encoder { return drawReject(t) }},
		{name: "NodeStatus", decode: ptr(DecodeNodeStatus), generate: func(t *rapid.T) encoder { return drawNodeStatus(t) }},
		{name: "BlockHeader", decode: ptr(DecodeBlockHeader), generate: func(t *rapid.T) encoder { h := drawHeader(t); return &h }},
		{name: "Evidence", decode: ptr(DecodeEvidence), generate: func(t *rapid.T) encoder { e := drawEvidence(t); return &e }},
		{name: "CommitProof", decode: ptr(DecodeCommitProof), generate: func(t *rapid.T) encoder { p := drawCommitProof(t); return &p }},
	}
	for kind, generate := range messageGenerators() {
		all = append(all, decoder{
			name: fmt.Sprintf("Message/%d", kind), kind: kind,
			decode: func(b []byte) (encoder, error) {
				m, err := DecodeMessage(kind, b)
				if err != nil {
					return nil, err
				}
				return m, nil
			},
			generate: func(t *rapid.T) encoder { return generate(t) },
		})
	}
	for kind, generate := range recordGenerators() {
		all = append(all, decoder{
			name: fmt.Sprintf("Record/%d", kind),
			decode: func(b []byte) (encoder, error) {
				rec, err := DecodeRecord(kind, b)
				if err != nil {
					return nil, err
				}
				return rec, nil
			},
			generate: func(t *rapid.T) encoder { return generate(t) },
		})
	}
	return all
}

// recordGenerators has one generator per kind that DecodeRecord reads.
func recordGenerators() map[RecordKind]func(t *rapid.T) Record {
	return map[RecordKind]func(t *rapid.T) Record{
		RecordVote:       func(t *rapid.T) Record { return &VoteRecord{drawSlot(t)} },
		RecordLock:       func(t *rapid.T) Record { return &LockRecord{drawSlot(t), drawCert(t)} },
		RecordCommitted:  func(t *rapid.T) Record { return &CommittedRecord{drawCommitProof(t)} },
		RecordViewChange: func(t *rapid.T) Record { return &ViewChangeRecord{drawViewChange(t)} },
		RecordEntered:    func(t *rapid.T) Record { return drawEntered(t) },
		RecordAnchor: func(t *rapid.T) Record {
			r := &AnchorRecord{View: drawView(t), Active: rapid.Bool().Draw(t, "active"), Stable: Stable{drawCheckpoint(t), drawCert(t)}}
			if rapid.Bool().Draw(t, "leaving") {
				r.Leaving = drawViewChange(t)
			}
			if rapid.Bool().Draw(t, "entered") {
				r.Entered = drawEntered(t)
			}
			return r
		},
	}
}

func drawEvidence(t *rapid.T) Evidence {
	a, b := Head{drawSlot(t), Signature(drawN(t, SignatureBytes))}, Head{Author: Signature(drawN(t, SignatureBytes))}
	b.Slot = a.Slot
	b.Slot.Digest[0] ^= byte(rapid.IntRange(1, 255).Draw(t, "other digest"))
	return NewEvidence(a, b)
}

func drawEntered(t *rapid.T) *EnteredRecord {
	e := &EnteredRecord{NewView: drawNewView(t)}
	for range e.NewView.Chosen {
		e.Chosen = append(e.Chosen, drawViewChange(t))
	}
	return e
}

// messageGenerators has one generator per kind that DecodeMessage reads.
func messageGenerators() map[Kind]func(t *rapid.T) Message {
	return map[Kind]func(t *rapid.T) Message{
		KindPrePrepare: func(t *rapid.T) Message {
			return &PrePrepare{Slot: drawSlot(t), Author: Signature(drawN(t, SignatureBytes)), Batch: drawBytes(t, 300)}
		},
		KindSignShare: func(t *rapid.T) Message {
			m := &SignShare{Slot: drawSlot(t), Sigma: drawShare(t), HasTau: rapid.Bool().Draw(t, "tau")}
			if m.HasTau {
				m.Tau = drawShare(t)
			}
			return m
		},
		KindFullCommitProof: func(t *rapid.T) Message { return &FullCommitProof{Slot: drawSlot(t), Sigma: drawCert(t)} },
		KindPrepare:         func(t *rapid.T) Message { return &Prepare{Slot: drawSlot(t), Tau: drawCert(t)} },
		KindCommit:          func(t *rapid.T) Message { return &Commit{Slot: drawSlot(t), Share: drawShare(t)} },
		KindSlowCommitProof: func(t *rapid.T) Message {
			return &SlowCommitProof{Slot: drawSlot(t), TauTau: drawCert(t)}
		},
		KindSignState: func(t *rapid.T) Message {
			return &SignState{Seq: drawSeq(t), Digest: drawDigest(t), Share: drawShare(t)}
		},
		KindExecuteProof: func(t *rapid.T) Message {
			return &ExecuteProof{Seq: drawSeq(t), Digest: drawDigest(t), Pi: drawCert(t)}
		},
		KindCheckpoint: func(t *rapid.T) Message { return &Checkpoint{State: drawCheckpoint(t), Share: drawShare(t)} },
		KindStable:     func(t *rapid.T) Message { return &Stable{State: drawCheckpoint(t), Tau: drawCert(t)} },
		KindComplaint:  func(t *rapid.T) Message { return &Complaint{View: drawView(t)} },
		KindViewChange: func(t *rapid.T) Message { return drawViewChange(t) },
		KindNewView:    func(t *rapid.T) Message { return drawNewView(t) },
		KindStatus:     func(t *rapid.T) Message { return drawStatus(t) },
		KindFetchBody:  func(t *rapid.T) Message { return &FetchBody{Digest: drawDigest(t)} },
		KindBody:       func(t *rapid.T) Message { return &Body{Batch: drawBytes(t, 300)} },
		KindFetchViewChange: func(t *rapid.T) Message {
			return &FetchViewChange{View: drawView(t), Replica: ReplicaID(drawU16(t)), Digest: drawDigest(t)}
		},
		KindFetchBlocks: func(t *rapid.T) Message {
			from := rapid.Uint64Range(1, 1<<60).Draw(t, "from")
			return &FetchBlocks{From: SeqNum(from), To: SeqNum(from + rapid.Uint64Range(0, FetchBlocksMax-1).Draw(t, "more"))}
		},
		KindBlocks:   func(t *rapid.T) Message { return drawBlocks(t) },
		KindReminder: func(t *rapid.T) Message { return &Reminder{Slot: drawSlot(t), Sigma: drawShare(t)} },
		KindHead: func(t *rapid.T) Message {
			return &Head{Slot: drawSlot(t), Author: Signature(drawN(t, SignatureBytes))}
		},
	}
}

func drawN(t *rapid.T, n int) []byte { return rapid.SliceOfN(rapid.Byte(), n, n).Draw(t, "bytes") }
func drawBytes(t *rapid.T, most int) []byte {
	return rapid.SliceOfN(rapid.Byte(), 0, most).Draw(t, "bytes")
}
func drawU16(t *rapid.T) uint16    { return rapid.Uint16().Draw(t, "u16") }
func drawU32(t *rapid.T) uint32    { return rapid.Uint32().Draw(t, "u32") }
func drawU64(t *rapid.T) uint64    { return rapid.Uint64().Draw(t, "u64") }
func drawSeq(t *rapid.T) SeqNum    { return SeqNum(drawU64(t)) }
func drawView(t *rapid.T) View     { return View(drawU64(t)) }
func drawDigest(t *rapid.T) Digest { return Digest(drawN(t, DigestBytes)) }
func drawSlot(t *rapid.T) SlotID   { return SlotID{drawView(t), drawSeq(t), drawDigest(t)} }

func drawShare(t *rapid.T) Share {
	s, err := NewShare(drawBytes(t, ShareBytesMax))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// drawCert gives certificates shorter and longer than those of the default
// scheme.
func drawCert(t *rapid.T) Certificate {
	c, err := NewCertificate(drawBytes(t, 3*certificateHeadBytes))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func drawPath(t *rapid.T, most int) []Digest {
	path := make([]Digest, rapid.IntRange(0, most).Draw(t, "path"))
	for i := range path {
		path[i] = drawDigest(t)
	}
	return path
}

func drawRequest(t *rapid.T) Request {
	return Request{
		Client: ClientID(drawU64(t)), Seq: drawU64(t), Op: Op(rapid.Byte().Draw(t, "op")),
		Body: drawBytes(t, 300), Signature: Signature(drawN(t, SignatureBytes)),
	}
}

func drawBatch(t *rapid.T) *Batch {
	b := &Batch{Time: drawU64(t), Requests: make([]Request, rapid.IntRange(1, 4).Draw(t, "requests"))}
	for i := range b.Requests {
		b.Requests[i] = drawRequest(t)
	}
	return b
}

func drawHeader(t *rapid.T) BlockHeader {
	return BlockHeader{drawSeq(t), drawU64(t), drawDigest(t), drawDigest(t), drawDigest(t), drawDigest(t)}
}

func drawReply(t *rapid.T) *Reply {
	return &Reply{
		Client: ClientID(drawU64(t)), Seq: drawU64(t), Status: drawU16(t), Index: drawU32(t), Count: drawU32(t),
		FirstTimestamp: drawU64(t), Result: drawBytes(t, 300), Path: drawPath(t, 4), Header: drawHeader(t), Pi: drawCert(t),
	}
}

func drawReject(t *rapid.T) *Reject {
	return &Reject{Seq: drawU64(t), Code: RejectCode(drawU16(t)), RetryAfterMilli: drawU32(t), Primary: ReplicaID(drawU16(t))}
}

func drawNodeStatus(t *rapid.T) *NodeStatus {
	return &NodeStatus{
		Replica: ReplicaID(drawU16(t)), View: drawView(t), Active: rapid.Bool().Draw(t, "active"),
		Primary: ReplicaID(drawU16(t)), Executed: drawSeq(t), Execute: drawDigest(t), Stable: drawSeq(t),
		StateRoot: drawDigest(t), LedgerSeq: drawSeq(t), FastCommits: drawU64(t), SlowCommits: drawU64(t),
		ViewChanges: drawU64(t), Events: drawU64(t), FsyncP99: drawU64(t), PeersUp: drawU16(t),
		Amnesia: rapid.Bool().Draw(t, "amnesia"), Diverged: rapid.Bool().Draw(t, "diverged"), CertExpiry: drawU64(t),
	}
}

func drawCommitProof(t *rapid.T) CommitProof {
	p := CommitProof{Slot: drawSlot(t), Fast: rapid.Bool().Draw(t, "fast")}
	if p.Fast {
		p.Sigma = drawCert(t)
		return p
	}
	p.TauTau = drawCert(t)
	return p
}

func drawCheckpoint(t *rapid.T) CheckpointState {
	return CheckpointState{drawSeq(t), drawDigest(t), drawDigest(t)}
}

func drawViewChange(t *rapid.T) *ViewChange {
	m := &ViewChange{
		Replica: ReplicaID(drawU16(t)), To: drawView(t),
		Stable:    Stable{State: drawCheckpoint(t), Tau: drawCert(t)},
		Signature: Signature(drawN(t, SignatureBytes)),
	}
	m.Stable.State.Seq = SeqNum(rapid.Uint64Range(0, 1<<60).Draw(t, "stable"))
	seq := m.Stable.State.Seq
	for range rapid.IntRange(0, 5).Draw(t, "slots") {
		seq += SeqNum(rapid.Uint64Range(1, WindowMax/5).Draw(t, "gap"))
		e := SlotEvidence{Seq: seq, HasVote: rapid.Bool().Draw(t, "vote")}
		if e.HasVote {
			e.Vote = Vote{drawView(t), drawDigest(t)}
		}
		if e.HasLock = !e.HasVote || rapid.Bool().Draw(t, "lock"); e.HasLock {
			e.Lock = Lock{drawView(t), drawDigest(t), drawCert(t)}
		}
		m.Slots = append(m.Slots, e)
	}
	return m
}

func drawNewView(t *rapid.T) *NewView {
	m := &NewView{To: drawView(t), Signature: Signature(drawN(t, SignatureBytes))}
	id := ReplicaID(0)
	for range rapid.IntRange(0, 5).Draw(t, "chosen") {
		m.Chosen = append(m.Chosen, ChosenViewChange{id, drawDigest(t)})
		id += ReplicaID(rapid.Uint16Range(1, 9).Draw(t, "gap"))
	}
	return m
}

func drawStatus(t *rapid.T) *Status {
	m := &Status{
		View: drawView(t), Active: rapid.Bool().Draw(t, "active"), Stable: drawSeq(t), Executed: drawSeq(t),
		Voted: drawBytes(t, statusVotedBytesMax), Amnesia: rapid.Bool().Draw(t, "amnesia"),
	}
	if n := len(m.Voted); n > 0 && m.Voted[n-1] == 0 {
		m.Voted[n-1] = 1
	}
	return m
}

func drawBlocks(t *rapid.T) *Blocks {
	m := &Blocks{}
	first := SeqNum(rapid.Uint64Range(1, 1<<60).Draw(t, "first"))
	for i := range rapid.IntRange(1, 4).Draw(t, "blocks") {
		s := CommittedSlot{Proof: drawCommitProof(t), Batch: drawBytes(t, 100)}
		s.Proof.Slot.Seq = first + SeqNum(i)
		s.Proof.Slot.Digest[0] = 1
		if len(s.Batch) == 0 {
			s.Proof.Slot.Digest = NullDigest
		}
		m.Blocks = append(m.Blocks, s)
	}
	return m
}

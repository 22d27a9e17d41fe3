package consensus

import "quorate/wire"

// Effect is one thing to do. Effects of one Step are carried out in order.
type Effect interface{ isEffect() }

// Token numbers Persist effects, from 1, in order. 0 is "nothing".
type Token uint64

// Persist appends Record to the journal. Records become durable in order, so a
// durable Token covers all lower ones. With Body set, the batch of that digest
// must be in the journal before the record.
type Persist struct {
	Token  Token
	Record wire.Record
	Body   wire.Digest // NullDigest: none needed
}

// Send gives Msg to the replicas To, which may include this replica itself.
// It must not leave before Token After is durable (I2). A PrePrepare's batch is
// nil: the pipeline puts in the body that it holds under Slot.Digest, when it is
// handed the effect and not when the message leaves: the core may Forget the
// body in between.
type Send struct {
	To    []wire.ReplicaID
	Msg   wire.Message
	After Token
}

// Purpose says what a signature is for.
type Purpose uint8

// The purposes. The first group are shares of the signature scheme, the second
// Ed25519 signatures of the replica's identity.
const (
	PurposeSigma      Purpose = iota // fast commit share over h
	PurposeTau                       // prepare share over h
	PurposeTauTau                    // slow commit share over h, by who holds τ(h)
	PurposePi                        // execution share over d
	PurposeCheckpoint                // checkpoint share, by the τ key
	PurposeAuthor                    // Ed25519 over a pre-prepare
	PurposeViewChange                // Ed25519 over a view change
	PurposeNewView                   // Ed25519 over a new view
)

// Sign asks for this replica's share or signature over Hash.
type Sign struct {
	Purpose Purpose
	Slot    wire.SlotID // Seq alone for PurposePi and PurposeCheckpoint
	Hash    wire.Digest
}

// ShareOf is one replica's share.
type ShareOf struct {
	Replica wire.ReplicaID
	Share   wire.Share
}

// Combine asks to combine Shares, all claimed to be over Hash, and to verify
// the result once.
type Combine struct {
	Purpose Purpose
	Slot    wire.SlotID
	Hash    wire.Digest
	State   wire.CheckpointState // for PurposeCheckpoint
	Shares  []ShareOf
}

// Verify asks to check every signature and digest in Msg; Verified answers.
type Verify struct {
	From wire.ReplicaID
	Msg  wire.Message
}

// Execute hands slot Seq to execution. The pipeline holds the body, unless
// Proof.Slot.Digest is null.
type Execute struct{ Proof wire.CommitProof }

// Certify says that slot Seq's execution digest is certified: clients may be
// answered.
type Certify struct {
	Seq    wire.SeqNum
	Digest wire.Digest
	Pi     wire.Certificate
}

// Serve asks the pipeline to send executed slots to a laggard, or one body, or
// what it has of the certificate of one executed slot: π, or else its own share.
type Serve struct {
	To       wire.ReplicaID
	From, Up wire.SeqNum // FetchBlocks range; 0 when Body is set
	Body     wire.Digest
	State    wire.SeqNum
}

// Forget releases a body that the pipeline holds.
type Forget struct{ Digest wire.Digest }

// Stabilize says that a checkpoint is stable and that the anchor with this
// token restates what the journal needs: what is older may be dropped once the
// ledger is durable up to it.
type Stabilize struct {
	Stable wire.Stable
	Anchor Token
}

// Accuse hands out proof that Primary equivocated, to be kept.
type Accuse struct {
	Evidence wire.Evidence
	Primary  wire.ReplicaID
}

// Return gives a batch back that was offered and cannot be proposed now.
type Return struct{ Digest wire.Digest }

// RejectReason says why a peer's message changed nothing.
type RejectReason uint8

// The reasons.
const (
	RejectSender    RejectReason = iota // the sender may not send this
	RejectView                          // of another view
	RejectWindow                        // outside the window
	RejectDuplicate                     // already known
	RejectConflict                      // contradicts what was accepted
	RejectForged                        // failed verification
	RejectBusy                          // over a bound; the sender's retransmission heals it
	RejectBanned                        // shares of this sender are ignored
	RejectTime                          // the proposed time is too far from this replica's clock
	RejectAmnesia                       // this replica may not vote; the last reason
)

// Reject counts a message that changed nothing.
type Reject struct {
	From   wire.ReplicaID
	Kind   wire.Kind
	Reason RejectReason
}

// Topic says what an Observe is about.
type Topic uint8

// The topics.
const (
	ObserveViewLeft Topic = iota
	ObserveViewEntered
	ObserveFastCommit
	ObserveSlowCommit
	ObserveStable
	ObserveBanned     // Replica sent a bad share
	ObserveEvidence   // Replica signed two values for one slot, or an invalid batch
	ObserveComplaint  // this replica wants to leave View
	ObserveAmnesiaEnd // this replica may vote again
)

// Observe tells the operator; the pipeline logs and counts, the core never does.
type Observe struct {
	Topic   Topic
	View    wire.View
	Seq     wire.SeqNum
	Replica wire.ReplicaID
	Ticks   uint64 // ObserveFastCommit, ObserveSlowCommit: since the slot was first seen
}

// Relapse says that the journal was proven to have forgotten votes: this replica
// does not vote any more, and the journal must say so from now on, over restarts,
// until ObserveAmnesiaEnd.
type Relapse struct{ Reason string }

// Halt says that going on could break safety. The replica stops.
type Halt struct{ Reason string }

func (Persist) isEffect()   {}
func (Send) isEffect()      {}
func (Sign) isEffect()      {}
func (Combine) isEffect()   {}
func (Verify) isEffect()    {}
func (Execute) isEffect()   {}
func (Certify) isEffect()   {}
func (Serve) isEffect()     {}
func (Forget) isEffect()    {}
func (Stabilize) isEffect() {}
func (Accuse) isEffect()    {}
func (Return) isEffect()    {}
func (Reject) isEffect()    {}
func (Observe) isEffect()   {}
func (Relapse) isEffect()   {}
func (Halt) isEffect()      {}

var rejectReasonNames = [...]string{"sender", "view", "window", "duplicate", "conflict", "forged", "busy", "banned", "time", "amnesia"}

// String is the reason's stable name.
func (r RejectReason) String() string {
	if int(r) < len(rejectReasonNames) {
		return rejectReasonNames[r]
	}
	return "unknown"
}

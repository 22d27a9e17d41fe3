package consensus

import "quorate/wire"

// Event is one thing that happened. Exactly one is handed to each Step.
type Event interface{ isEvent() }

// Tick is the passing of one tick (production: 5 ms). It is the only clock.
type Tick struct{}

// BatchReady offers a batch that the batcher closed. The pipeline holds its
// body under Digest. A core that cannot propose answers with Return.
type BatchReady struct{ Digest wire.Digest }

// Received is a decoded message; From is the authenticated sender, which may be
// this replica itself (a Send that names it comes back here, behind its record).
// No signature in Msg was checked.
type Received struct {
	From wire.ReplicaID
	Msg  wire.Message
}

// Verdict is the outcome of a verification.
type Verdict uint8

// The verdicts.
const (
	VerdictOK        Verdict = iota
	VerdictForged            // a signature or digest does not match: blame the link's sender, provably nobody
	VerdictBadBatch          // the author signed it, but its content is invalid: the primary is faulty
	VerdictBadTime           // the proposed time is too far from this replica's clock
	VerdictCancelled         // not checked: queues are full
)

// Verified answers a Verify effect. For a Body, a PrePrepare and Blocks with
// VerdictOK the pipeline holds the bodies: it stores them on the core's thread,
// right before this event (I12).
type Verified struct {
	From    wire.ReplicaID
	Msg     wire.Message
	Verdict Verdict
	Digest  wire.Digest // of a Body: its batch digest; of a ViewChange: its digest
}

// Signed answers a Sign effect.
type Signed struct {
	Job    Sign
	Share  wire.Share     // for purposes of the signature scheme
	Author wire.Signature // for Ed25519 purposes
}

// Combined answers a Combine effect. With OK, Signature is the combined and
// verified signature. Culprits sent shares that do not verify.
type Combined struct {
	Job       Combine
	OK        bool
	Signature wire.Certificate
	Culprits  []wire.ReplicaID
}

// Executed answers an Execute effect, in order of seq. StateRoot is set for
// checkpoint slots only.
type Executed struct {
	Seq       wire.SeqNum
	Digest    wire.Digest // d: wire.Scope.ExecuteHash
	StateRoot wire.Digest
}

// Overdue says that a client's request has waited in this replica for longer
// than the primary may take.
type Overdue struct{}

// Waiting says whether client requests wait in this replica for the primary.
type Waiting struct{ Requests bool }

// Link says whether a link to a replica is up.
type Link struct {
	Peer wire.ReplicaID
	Up   bool
}

func (Tick) isEvent()       {}
func (BatchReady) isEvent() {}
func (Received) isEvent()   {}
func (Verified) isEvent()   {}
func (Signed) isEvent()     {}
func (Combined) isEvent()   {}
func (Executed) isEvent()   {}
func (Overdue) isEvent()    {}
func (Waiting) isEvent()    {}
func (Link) isEvent()       {}

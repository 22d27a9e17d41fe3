package consensus

import (
	"quorate/internal/mark"
	"quorate/internal/plant"
	"quorate/wire"
)

// slot is all that this replica knows of one sequence number of its window.
// Slots are reused as the window moves; reset clears them.
type slot struct {
	seq  wire.SeqNum
	born uint64 // tick at which it was first heard of in the current view

	// Promises, kept over views until the slot is collected (I3).
	hasVote   bool
	vote      wire.Vote
	voteToken Token
	hasLock   bool
	lock      wire.Lock
	lockToken Token

	// What the current view's NewView decided, until it is accepted.
	hasDecided bool
	decided    wire.Digest

	held []wire.Digest // bodies that the pipeline holds for this slot

	// This replica's shares for its vote in the current view.
	own ownShares

	// What others sent, by replica; one entry per sender (BYZ-05).
	shares  []replicaShare
	tally   tally
	collect collectState

	committed   bool
	commitTick  uint64
	proof       wire.CommitProof
	bodyFrom    wire.ReplicaID // who to ask for the body first
	fetchTick   uint64         // when its body was last asked for, 0: never
	dispatched  bool
	executed    bool
	exec        wire.Digest // d, once executed
	execShares  []execShare
	execState   phase
	certified   bool
	certifyTick uint64
	pi          wire.Certificate
	earlyPi     earlyPi
	verifying   uint8 // kinds of proofs that are being verified now
	provenFault bool  // evidence against the view's primary was already reported
}

// forgotten reports whether the slot was executed before a restart: its outcome
// is in the ledger, and the core knows no execution digest to compare with.
func (s *slot) forgotten() bool { return s.executed && s.exec.IsNull() }

// heldMax bounds the bodies that one slot holds: those of the value voted,
// locked, decided and committed, and one proposed anew.
const heldMax = 5

// needs reports whether the slot may still have to show or execute d's body.
func (s *slot) needs(d wire.Digest) bool {
	return s.hasVote && s.vote.Digest == d || s.hasLock && s.lock.Digest == d ||
		s.hasDecided && s.decided == d || s.committed && s.proof.Slot.Digest == d
}

// ownShares are this replica's signatures over its current vote.
type ownShares struct {
	wantTau  bool // τ was asked of the signer
	hasSigma bool
	hasTau   bool
	hasTwo   bool // share of τ(τ(h))
	sigma    wire.Share
	tau      wire.Share
	two      wire.Share
	author   wire.Signature // primary: of the pre-prepare
	authored bool
	sentTick uint64 // last (re)transmission
}

// Bits of replicaShare.has.
const (
	hasSigma = 1 << iota
	hasTau
	hasTwo
)

// replicaShare is what one replica sent for the slot in its highest view.
type replicaShare struct {
	has    uint8
	view   wire.View
	digest wire.Digest
	sigma  wire.Share
	tau    wire.Share
	two    wire.Share
	// answered is when its sender, late, was last shown the commit proof.
	answered uint64
}

// tally counts the shares for one value in one view, so that a collector does
// not count n shares anew at each share that comes.
type tally struct {
	known           bool
	view            wire.View
	digest          wire.Digest
	sigma, tau, two int
}

func (t *tally) add(bits uint8) {
	t.sigma += int(bits & hasSigma / hasSigma)
	t.tau += int(bits & hasTau / hasTau)
	t.two += int(bits & hasTwo / hasTwo)
}

type execShare struct {
	has      bool
	digest   wire.Digest
	share    wire.Share
	answered uint64 // as in replicaShare
}

// earlyPi is a verified π that came before this replica executed the slot.
type earlyPi struct {
	has    bool
	digest wire.Digest
	pi     wire.Certificate
}

// phase of one combination.
type phase uint8

const (
	phaseIdle phase = iota
	phaseBusy       // a Combine is under way
	phaseDone
)

// collectState is a collector's progress in the current view.
type collectState struct {
	sigma, tau, two phase
	tauTick         uint64 // when τ shares first were enough, 0: not yet
	tauCert         wire.Certificate
	tauDigest       wire.Digest
	tauSent         uint64
}

// Bits of slot.verifying.
const (
	verifyFull = 1 << iota
	verifyPrepare
	verifySlow
	verifyExec
	verifyPropose
)

func (s *slot) reset(seq wire.SeqNum) {
	shares, exec, held := s.shares, s.execShares, s.held[:0]
	clear(shares)
	clear(exec)
	*s = slot{seq: seq, shares: shares, execShares: exec, held: held}
}

// newView forgets what belonged to the view that ended. Promises stay (I3).
// Shares that came early for the new view stay too: they carry their view.
func (s *slot) newView() {
	if !s.committed && !s.executed {
		s.born = 0 // else ticks go on caring for what it led to
	}
	if plant.On(plant.VoteForgottenInNewView) {
		s.hasVote, s.vote = false, wire.Vote{}
	}
	if plant.On(plant.LockForgottenInNewView) {
		s.hasLock, s.lock = false, wire.Lock{}
	}
	s.own = ownShares{}
	s.collect = collectState{}
	s.tally.known = false
	s.verifying &^= verifyPropose | verifyPrepare
	s.hasDecided, s.decided = false, wire.Digest{}
	s.provenFault = false
}

func (s *slot) id(view wire.View) wire.SlotID {
	return wire.SlotID{View: view, Seq: s.seq, Digest: s.vote.Digest}
}

// accepted reports whether the slot has a value in this view.
func (s *slot) accepted(view wire.View) bool { return s.hasVote && s.vote.View == view }

// holds reports whether the body of d is here; a null slot needs none.
func (s *slot) holds(d wire.Digest) bool {
	if d.IsNull() {
		return true
	}
	for i := range s.held {
		if s.held[i] == d {
			return true
		}
	}
	return false
}

// count counts the shares of one kind for one value in one view, leaving out
// banned senders.
func (s *slot) count(bit uint8, view wire.View, d wire.Digest, banned []bool) int {
	t := &s.tally
	if !t.known || t.view != view || t.digest != d {
		*t = tally{known: true, view: view, digest: d}
		for i := range s.shares {
			r := &s.shares[i]
			if r.has != 0 && r.view == view && r.digest == d && !banned[i] {
				t.add(r.has)
			}
		}
	}
	switch bit {
	case hasSigma:
		return t.sigma
	case hasTau:
		return t.tau
	}
	return t.two
}

// gather lists those shares for a combination.
func (s *slot) gather(bit uint8, view wire.View, d wire.Digest, banned []bool) []ShareOf {
	out := make([]ShareOf, 0, s.count(bit, view, d, banned))
	for i := range s.shares {
		r := &s.shares[i]
		if r.has&bit == 0 || r.view != view || r.digest != d || banned[i] {
			continue
		}
		share := r.sigma
		switch bit {
		case hasTau:
			share = r.tau
		case hasTwo:
			share = r.two
		}
		out = append(out, ShareOf{Replica: wire.ReplicaID(i), Share: share})
	}
	return out
}

// drop forgets a sender's share of one kind, after it was found to be bad.
func (s *slot) drop(bit uint8, from wire.ReplicaID) {
	s.shares[from].has &^= bit
	s.tally.known = false
}

// put stores a share, replacing what the sender sent in lower views. It reports
// false for a second, different value in the same view.
func (s *slot) put(from wire.ReplicaID, id wire.SlotID, bits uint8) (*replicaShare, bool) {
	r := &s.shares[from]
	switch {
	case r.has == 0 || id.View > r.view:
		mark.If(r.has != 0, mark.ShareReplacesOlder)
		*r = replicaShare{view: id.View, digest: id.Digest, answered: r.answered}
	case id.View < r.view || id.Digest != r.digest:
		return nil, false
	}
	if t := &s.tally; t.known && t.view == id.View && t.digest == id.Digest {
		t.add(bits &^ r.has)
	}
	r.has |= bits
	return r, true
}

// leading is the value that most σ shares in this view are for, if one has more
// than half of them: a collector that has not seen the pre-prepare yet collects
// for it. Any quorum is more than half of n. Boyer and Moore's vote.
func (s *slot) leading(view wire.View, banned []bool) (d wire.Digest, n int) {
	lead := 0
	for i := range s.shares {
		r := &s.shares[i]
		if r.has&hasSigma == 0 || r.view != view || banned[i] {
			continue
		}
		switch {
		case lead == 0:
			d, lead = r.digest, 1
		case r.digest == d:
			lead++
		default:
			mark.Hit(mark.CollectSplit)
			lead--
		}
	}
	if lead == 0 {
		return d, 0
	}
	return d, s.count(hasSigma, view, d, banned)
}

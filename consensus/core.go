package consensus

import (
	"fmt"

	"quorate/cluster"
	"quorate/internal/assert"
	"quorate/internal/mark"
	"quorate/internal/plant"
	"quorate/wire"
)

// Timing holds the core's patience, all in ticks. Zero values are refused.
type Timing struct {
	FastWait    uint64 // least time that a collector waits for σ once τ is there
	FastWaitMax uint64 // most
	Stagger     uint64 // between collectors of one slot
	Resend      uint64 // before something unanswered is sent again
	Fallback    uint64 // age of a slot at which everyone collects
	Progress    uint64 // without execution while work waits: complain
	ProgressMax uint64 // cap of the doubling
	LinkDown    uint64 // with the primary's link down: complain
	Status      uint64 // between status reports
	Fetch       uint64 // before a fetch is tried at another replica
}

// DefaultTiming is for ticks of 5 ms on a network with round trips up to a few
// ticks: complain after 0.8 s, give up a link to the primary after 0.25 s.
func DefaultTiming() Timing {
	return Timing{FastWait: 3, FastWaitMax: 40, Stagger: 4, Resend: 40, Fallback: 60,
		Progress: 160, ProgressMax: 2000, LinkDown: 50, Status: 20, Fetch: 30}
}

// Config is everything a core needs to know of its place.
type Config struct {
	Self    wire.ReplicaID
	Quorums cluster.Quorums
	Scope   wire.Scope
	Window  wire.SeqNum // slots above the stable checkpoint; a checkpoint every half of it
	Timing  Timing
}

// Validate refuses a configuration with which the core could not run.
func (c Config) Validate() error {
	t := c.Timing
	switch {
	case c.Quorums.N < 4 || int(c.Self) >= c.Quorums.N:
		return fmt.Errorf("consensus: replica %d of %d", c.Self, c.Quorums.N)
	case c.Window < 4 || c.Window > wire.WindowMax || c.Window%2 != 0:
		return fmt.Errorf("consensus: window %d is not an even number from 4 to %d", c.Window, wire.WindowMax)
	case min(t.FastWait, t.FastWaitMax, t.Stagger, t.Resend, t.Fallback, t.Progress, t.ProgressMax, t.LinkDown, t.Status, t.Fetch) == 0:
		return fmt.Errorf("consensus: a timing is zero: %+v", t)
	}
	return nil
}

// peerState is what another replica last said of itself, and what was last done
// for it; nothing in it is proven.
type peerState struct {
	known    bool
	status   wire.Status
	up       bool
	everUp   bool
	downTick uint64
	helpTick uint64 // last tick at which it was helped
	asked    bool   // blocks were asked of it and have not come
	// reminding: a Reminder of it is being verified.
	reminding bool
	served    int // bodies and ranges that it was served in servedTick
	servedAt  uint64
	changes   pace // view changes that it asked for
}

// Core is the state machine. Not safe for concurrent use: its caller is its
// one thread.
type Core struct {
	cfg      Config
	q        cluster.Quorums
	interval wire.SeqNum
	others   []wire.ReplicaID
	everyone []wire.ReplicaID
	scratch  []wire.ReplicaID // for what no effect keeps

	now   uint64
	out   []Effect
	token Token
	// anchorToken is the record of the newest stable checkpoint; 0 after a
	// restart: it is durable already.
	anchorToken Token

	// The view.
	view     wire.View
	active   bool
	leaving  *wire.ViewChange    // own view change to view, once signed; nil while active
	entered  *wire.EnteredRecord // of the last entered view; nil in view 0
	nvTop    wire.SeqNum         // highest slot that the view's NewView decided
	change   changeState
	deferred []*wire.PrePrepare // proposals that overtook their new view, at most deferredMax
	restart  bool               // the first step has to resume
	past     []Executed         // until resumed: outcomes that the ledger knows
	proofs   []wire.CommitProof // until resumed: those of its newest blocks
	spare    []wire.Digest      // until resumed: bodies that no slot needs

	// The order.
	stable     wire.Stable
	slots      []slot // ring by seq mod window
	next       wire.SeqNum
	executed   wire.SeqNum
	dispatched wire.SeqNum
	catchup    []wire.CommittedSlot // ascending, all above dispatched, bodies held
	recovered  []wire.CommitProof   // after a restart: committed, not executed, and below the window; ascending, bodies held
	checkpoint checkpointState
	late       []lateSlot // at most lateMax
	// lateAnswers is a ring of the newest answers, at most twice lateMax.
	lateAnswers []lateAnswer
	lateNext    int

	// Others.
	peers      []peerState
	banned     []bool
	fetchPeer  int
	fetchTick  uint64
	fetching   bool // a catch-up is under way
	fetchOut   bool // and a request of it is unanswered
	fetchBusy  bool // and an answer to it is being verified
	statusTick uint64

	// Patience.
	fastMisses   int
	fastWait     uint64 // δ, adapted to the measured slot time
	waiting      bool
	progressTick uint64 // last time that the primary gave no reason to complain
	calm         int    // slots executed since the timeout last changed
	executeTick  uint64
	timeout      uint64

	amnesia amnesiaState
	memory  memory
	heads   headState
	halted  bool
}

// New makes a core at the genesis state. Use Recover for one with a past.
func New(cfg Config) (*Core, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	n := cfg.Quorums.N
	c := &Core{cfg: cfg, q: cfg.Quorums, interval: cfg.Window / 2, active: true, next: 1,
		slots: make([]slot, cfg.Window), peers: make([]peerState, n), banned: make([]bool, n),
		fastWait: cfg.Timing.FastWait, timeout: cfg.Timing.Progress}
	for id := range wire.ReplicaID(n) {
		c.everyone = append(c.everyone, id)
		if id != cfg.Self {
			c.others = append(c.others, id)
		}
	}
	c.change.init(n, cfg.Timing.ProgressMax)
	c.checkpoint.init(n)
	c.memory.voted = make([]wire.SeqNum, memoryWindows*cfg.Window)
	c.heads.init(n, cfg.Window)
	for s := wire.SeqNum(1); s <= cfg.Window; s++ {
		c.renew(s)
	}
	return c, nil
}

// renew gives slot s a fresh place in the ring.
func (c *Core) renew(s wire.SeqNum) {
	sl := &c.slots[s%c.cfg.Window]
	if sl.shares == nil {
		sl.shares = make([]replicaShare, c.q.N)
		sl.execShares = make([]execShare, c.q.N)
	}
	sl.reset(s)
}

// Step takes one event and appends the effects to out. It is total: an event
// that means nothing now gives a Reject or nothing.
func (c *Core) Step(ev Event, out []Effect) []Effect {
	if c.halted {
		return out
	}
	c.out = out
	if c.restart {
		c.resume()
	}
	switch e := ev.(type) {
	case Tick:
		c.tick()
	case BatchReady:
		c.propose(e.Digest)
	case Received:
		c.receive(e.From, e.Msg)
	case Verified:
		c.verified(e)
	case Signed:
		c.signed(e)
	case Combined:
		c.combined(e)
	case Executed:
		c.onExecuted(e)
	case Uncertified:
		c.onUncertified(e)
	case Overdue:
		c.complain()
	case Waiting:
		c.setWaiting(e.Requests)
	case Link:
		c.link(e)
	}
	out, c.out = c.out, nil
	return out
}

// receive routes a message from a link. Cheap checks come first; what needs a
// signature checked becomes a Verify effect.
func (c *Core) receive(from wire.ReplicaID, msg wire.Message) {
	if int(from) >= c.q.N {
		return
	}
	switch m := msg.(type) {
	case *wire.PrePrepare:
		c.onPrePrepare(from, m)
	case *wire.SignShare:
		c.onSignShare(from, m)
	case *wire.Commit:
		c.onCommitShare(from, m)
	case *wire.FullCommitProof:
		c.onProof(from, m, m.Slot, verifyFull)
	case *wire.Prepare:
		c.onProof(from, m, m.Slot, verifyPrepare)
	case *wire.SlowCommitProof:
		c.onProof(from, m, m.Slot, verifySlow)
	case *wire.SignState:
		c.onSignState(from, m)
	case *wire.ExecuteProof:
		c.onExecuteProof(from, m)
	case *wire.Checkpoint:
		c.onCheckpoint(from, m)
	case *wire.Stable:
		c.onStable(from, m)
	case *wire.Complaint:
		c.onComplaint(from, m)
	case *wire.ViewChange:
		c.onViewChange(from, m)
	case *wire.NewView:
		c.onNewView(from, m)
	case *wire.Status:
		c.onStatus(from, m)
	case *wire.FetchBody:
		c.onFetchBody(from, m)
	case *wire.Body:
		c.onBody(from, m)
	case *wire.FetchViewChange:
		c.onFetchViewChange(from, m)
	case *wire.FetchBlocks:
		c.onFetchBlocks(from, m)
	case *wire.Reminder:
		c.onReminder(from, m)
	case *wire.Blocks:
		c.onBlocks(from, m)
	case *wire.Head:
		c.onHead(from, m)
	}
}

// verified routes the outcome of a Verify effect.
func (c *Core) verified(e Verified) {
	switch m := e.Msg.(type) {
	case *wire.PrePrepare:
		c.prePrepareVerified(e.From, m, e.Verdict)
	case *wire.FullCommitProof:
		c.proofVerified(e, m.Slot, verifyFull)
	case *wire.Prepare:
		c.proofVerified(e, m.Slot, verifyPrepare)
	case *wire.SlowCommitProof:
		c.proofVerified(e, m.Slot, verifySlow)
	case *wire.ExecuteProof:
		c.executeProofVerified(e, m)
	case *wire.Stable:
		c.stableVerified(e, m)
	case *wire.ViewChange:
		c.viewChangeVerified(e, m)
	case *wire.NewView:
		c.newViewVerified(e, m)
	case *wire.Body:
		c.bodyVerified(e)
	case *wire.Blocks:
		c.blocksVerified(e, m)
	case *wire.Reminder:
		c.reminderVerified(e, m)
	case *wire.Head:
		c.headVerified(e, m)
	}
}

func (c *Core) signed(e Signed) {
	switch e.Job.Purpose {
	case PurposeAuthor, PurposeSigma, PurposeTau, PurposeTauTau:
		c.slotSigned(e)
	case PurposePi:
		c.stateSigned(e)
	case PurposeCheckpoint:
		c.checkpointSigned(e)
	case PurposeViewChange:
		c.viewChangeSigned(e)
	case PurposeNewView:
		c.newViewSigned(e)
	}
}

func (c *Core) combined(e Combined) {
	for _, r := range e.Culprits {
		c.ban(r, e.Job.Slot.Seq)
	}
	switch e.Job.Purpose {
	case PurposeSigma, PurposeTau, PurposeTauTau:
		c.slotCombined(e)
	case PurposePi:
		c.execCombined(e)
	case PurposeCheckpoint:
		c.checkpointCombined(e)
	}
}

// ban ignores a replica's shares and proofs from now on: it sent one that does
// not verify, and an honest replica verifies before it sends. That proves
// nothing to others, so it stays local, and lasts for the epoch. A forged proof
// keeps others' proofs of its slot waiting while it is verified; so each liar
// can do that once.
func (c *Core) ban(r wire.ReplicaID, seq wire.SeqNum) {
	if int(r) >= c.q.N || c.banned[r] || r == c.cfg.Self {
		return
	}
	c.banned[r] = !plant.On(plant.BadShareKept)
	mark.Hit(mark.ReplicaBanned)
	for i := range c.slots {
		c.slots[i].tally.known = false
	}
	c.observe(Observe{Topic: ObserveBanned, View: c.view, Seq: seq, Replica: r})
}

// Emitters.

// emit adds an effect. Nothing follows a Halt: the step that found the reason
// may have begun something that must not be done any more.
func (c *Core) emit(e Effect) {
	if !c.halted {
		c.out = append(c.out, e)
	}
}

func (c *Core) observe(o Observe) { c.emit(o) }

func (c *Core) halt(reason string) {
	c.emit(Halt{Reason: reason})
	c.halted = true
}

func (c *Core) broadcast(m wire.Message, after Token) {
	c.emit(Send{To: c.others, Msg: m, After: after})
}
func (c *Core) send(to wire.ReplicaID, m wire.Message, after Token) {
	c.emit(Send{To: []wire.ReplicaID{to}, Msg: m, After: after})
}

func (c *Core) reject(from wire.ReplicaID, k wire.Kind, why RejectReason) {
	if why != rejectNone {
		mark.Code(mark.CoreRejects, mark.RejectNumber(uint8(k), uint8(why)))
		c.emit(Reject{From: from, Kind: k, Reason: why})
	}
}

func (c *Core) persist(r wire.Record, body wire.Digest) Token {
	c.token++
	c.emit(Persist{Token: c.token, Record: r, Body: body})
	return c.token
}

// seqMax is far above any slot that will ever be reached, and far enough below
// the largest number that adding windows to it does not overflow.
const seqMax = 1 << 62

// Places.

func (c *Core) low() wire.SeqNum  { return c.stable.State.Seq }
func (c *Core) high() wire.SeqNum { return c.stable.State.Seq + c.cfg.Window }

// slot gives the slot of s, or nil when s is outside the window.
func (c *Core) slot(s wire.SeqNum) *slot {
	if s <= c.low() || s > c.high() && !(plant.On(plant.WindowOneWider) && s == c.high()+1) {
		return nil
	}
	sl := &c.slots[s%c.cfg.Window]
	assert.That(sl.seq == s, "slot %d holds seq %d", s, sl.seq)
	return sl
}

func (c *Core) isPrimary() bool { return c.q.Primary(c.view) == c.cfg.Self }

// touch dates a slot's first sign of life in this view.
func (c *Core) touch(s *slot) {
	if s.born == 0 {
		s.born = max(c.now, 1)
	}
}

func (c *Core) age(s *slot) uint64 {
	if s.born == 0 {
		return 0
	}
	return c.now - min(s.born, c.now)
}

// hold notes that the pipeline has d's body; when the slot already holds as many
// as can matter, the body is given back.
func (c *Core) hold(s *slot, d wire.Digest) {
	if s.holds(d) {
		return
	}
	s.held = append(s.held, d)
	for i, h := range s.held {
		if len(s.held) > heldMax && !s.needs(h) && h != d {
			s.held = append(s.held[:i], s.held[i+1:]...)
			c.forget(h)
			return
		}
	}
}

// forget gives a body back that a slot or the catch-up list let go of, unless
// another needs it: the same batch may be proposed for two slots.
func (c *Core) forget(d wire.Digest) {
	if d.IsNull() || c.catchupHolds(d) {
		if mark.Enabled {
			mark.If(d != wire.NullDigest, mark.BodyHeldByCatchup)
		}
		return
	}
	for i := range c.slots {
		if c.slots[i].holds(d) && !plant.On(plant.BodyForgottenEarly) {
			mark.Hit(mark.BodyHeldElsewhere)
			return
		}
	}
	c.emit(Forget{Digest: d})
}

// Views for the pipeline: read between steps on the core's thread.

// View gives the view, whether it is active, and its primary.
func (c *Core) View() (v wire.View, active bool, primary wire.ReplicaID) {
	return c.view, c.active, c.q.Primary(c.view)
}

// Proposable is how many more batches the core would take now: free slots of
// the window when it is the primary of an active view, else 0.
func (c *Core) Proposable() int {
	if !c.active || !c.isPrimary() || c.halted || c.restart || c.amnesia.on || c.next > c.high() {
		return 0
	}
	return int(c.high() - c.next + 1)
}

// InFlight is the number of proposed slots that are not executed.
func (c *Core) InFlight() int {
	if c.next <= c.executed+1 {
		return 0
	}
	return int(c.next - 1 - c.executed)
}

// Stable gives the last stable checkpoint.
func (c *Core) Stable() wire.Stable { return c.stable }

// LastExecuted gives the last executed slot.
func (c *Core) LastExecuted() wire.SeqNum { return c.executed }

// Amnesia reports whether this replica may not vote.
func (c *Core) Amnesia() bool { return c.amnesia.on }

package sim

import (
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"strings"
	"syscall"

	"quorate/consensus"
	"quorate/payments"
	"quorate/pipeline"
	"quorate/storage"
	"quorate/wire"
)

// node is one replica over all its lives: what it is now, and its disks.
type node struct {
	w       *world
	id      wire.ReplicaID
	disk    *disk
	ledger  *ledger
	past    *history // what it promised, for the checkers
	liar    *liar    // nil: honest
	offset  int64    // of its clock, nanoseconds
	twin    bool     // the second instance of a liar
	faulty  bool     // counts among the f: liar, amnesiac, wrong clock or rotten disk
	mad     bool     // its clock may say anything
	drift   int      // of its clock: ticks are so many thousandths of what they should be
	frozen0 uint64   // its clock stands still since then
	thaw    uint64   // until then
	rotten  bool     // bytes on its disk change
	blind   bool     // it lost votes and cannot know: whatever it says may contradict itself
	paper   paper

	up      bool
	life    uint32
	created bool // the journal exists
	proofs  *evidenceLog
	replica *pipeline.Replica
	journal *journal
	stages  []pipeline.Stage
	waiting [8]bool // a step of the stage is scheduled
	stalled [8]uint64
	linkUp  []bool
	paused  uint64 // until when it stands still
	frozen  bool   // killed; effects must not happen any more

	steps                    [8]uint32 // of each stage in this life
	beats                    uint32    // ticks in this life
	deaths                   uint32
	startedAt                wire.SeqNum // what it had executed when it started
	fastCommits, slowCommits uint64      // when its phase was last asked for
	lastSlow                 bool
	diedIn                   phase

	effects uint64
	crashAt uint64 // the effect at which it dies; 0: none
	damaged bool   // bytes on its disk were changed since the last start
	doomed  bool   // a disk error was injected: it must stop by itself
}

// killed is the panic that ends a replica in the middle of a step. It passes
// only through seams that hold nothing that outlives the replica.
type killed struct{}

func newNode(w *world, id int) *node {
	n := &node{w: w, id: wire.ReplicaID(id), disk: newDisk(0), drift: 1000, ledger: newLedger(), past: newHistory()}
	n.disk.effect, n.ledger.effect = n.effect, n.effect
	n.proofs = &evidenceLog{n: n}
	n.linkUp = make([]bool, w.q.N)
	r := newStream(w.opt.Seed, fmt.Sprint("clock", id))
	n.offset = int64(r.below(timeBound/3)) - timeBound/6
	return n
}

// effect is called before each thing that a replica does to the world. It is
// where a crash may come.
func (n *node) effect() {
	if n.frozen {
		panic(killed{})
	}
	n.effects++
	if n.crashAt != 0 && n.effects >= n.crashAt {
		n.crashAt = 0
		n.frozen = true
		panic(killed{})
	}
}

// clock is this replica's ledger time.
func (n *node) clock() uint64 {
	now := n.w.now
	if now < n.thaw {
		now = n.frozen0
	}
	micros := int64(now)
	if n.mad {
		micros = micros * 1000 / int64(n.drift)
	}
	return uint64(int64(startOfTime) + micros*1000 + n.offset)
}

// startOfTime is the ledger time at which a run starts, nanoseconds.
const startOfTime uint64 = 1_700_000_000_000_000_000

var errPanic = errors.New("sim: panic")

// start brings the replica up from its disks, as cmd/replica does.
func (n *node) start() {
	if n.w.failed() {
		return
	}
	n.life++
	n.frozen, n.doomed = false, n.disk.full || n.disk.failReads > 0
	n.waiting, n.stalled, n.steps, n.beats = [8]bool{}, [8]uint64{}, [8]uint32{}, 0
	clear(n.linkUp)
	err, died := n.open()
	switch {
	case died:
		n.w.say("replica %d dies while it starts", n.id)
		n.dead()
		return
	case err != nil && n.damaged && !errors.Is(err, errPanic):
		// Refused, and said so: the operator removes the journal.
		n.w.say("replica %d refuses to start: %v", n.id, err)
		n.damaged = false
		n.disk.wipe("journal")
		n.past.forget()
		n.paper = paper{}
		n.dead()
		return
	case err != nil && n.liar != nil && !errors.Is(err, errPanic):
		n.liar.unable(err)
		n.dead()
		return
	case err != nil && n.doomed:
		n.w.say("replica %d cannot start: %v", n.id, err)
		n.dead()
		return
	case err != nil:
		n.w.fail("replica %d does not start: %v", n.id, err)
		return
	}
	n.up, n.damaged, n.disk.old = true, false, nil
	n.stages = n.replica.Stages()
	n.w.result.Restarts++
	s := n.replica.Status()
	n.startedAt, n.fastCommits, n.slowCommits = s.Executed, 0, 0
	n.w.say("replica %d starts: executed %d stable %d amnesia %v records %d", n.id, s.Executed, s.Stable, s.Amnesia, n.journal.records)
	n.w.after(n.tickLength(span{0, tickMicros - 1}), event{kind: evTick, node: int16(n.id), life: n.life})
	if !n.twin {
		n.w.net.nodeUp(n)
	}
	n.schedule()
}

// open makes the journal and the replica; died says that it was killed on the
// way.
func (n *node) open() (err error, died bool) {
	defer func() {
		if p := recover(); p != nil {
			if _, ok := p.(killed); !ok {
				err = fmt.Errorf("%w: %v\n%s", errPanic, p, debug.Stack())
				return
			}
			died = true
		}
	}()
	w := n.w
	rnd := keyedStream(w.opt.Seed, "nonce", uint64(n.id), uint64(n.life))
	nonce := func() (b [16]byte) { _, _ = rnd.Read(b[:]); return b }
	j, found, err := storage.OpenJournal(storage.Options{FS: n.disk, Dir: "journal", Cluster: w.keys.cluster, Replica: n.id,
		Create: !n.created, SegmentBytes: w.segmentBytes(), SegmentsMin: 2, SegmentsMax: 256, SuperblockGroups: w.superblockGroups(), Nonce: nonce})
	if err != nil {
		return err, false
	}
	if found.Amnesia && !n.faulty {
		w.fail("replica %d: journal in amnesia: %s", n.id, found.Reason)
	}
	n.created = true
	n.paper.begin(n, &found)
	n.journal = &journal{Journal: j, n: n}
	o := &w.opt
	suite := w.keys.suites[n.id]
	if o.plant == plantTrust && n.id == 1 {
		suite = trusting{suite}
	}
	n.replica, err = pipeline.New(pipeline.Config{Self: n.id, Cluster: w.keys.cluster, Epoch: 1, Quorums: w.q, Interval: o.Window / 2,
		TimeBound: timeBound, Payments: w.cfg, Timing: consensus.DefaultTiming(), Batch: o.Batch, RequestQueueMax: o.Queue, RequestQueueBytes: o.Bytes,
		Clock: n.clock, Logger: slog.New(blame{n}), Evidence: n.proofs}, suite, port{n}, n.journal, n.ledger, found.Amnesia)
	return err, false
}

// segmentBytes holds the largest record: an entered view with its view changes,
// or a batch, of 64 KiB or of one large request.
func (w *world) segmentBytes() int {
	size, l := 128<<10, &w.opt.Load
	if w.opt.Journal.Small && !l.Odd.Large {
		size = 32 << 10
		for size/2 < max(w.opt.Batch.BytesMax, l.Accounts*payments.RecordBytes, l.Events*payments.RecordBytes) {
			size *= 2
		}
	}
	for size < w.q.N*int(w.opt.Window)*256 {
		size *= 2
	}
	return size
}

func (w *world) superblockGroups() int {
	if g := w.opt.Journal.Groups; g > 0 {
		return g
	}
	return 16
}

// happen gives the replica one event.
func (n *node) happen(e *event) {
	died := n.guarded(e)
	switch {
	case died:
		n.w.say("replica %d dies at effect %d", n.id, n.effects)
		n.dead()
		return
	case n.w.failed():
		return
	}
	if err := n.replica.Err(); err != nil {
		n.stopped(err)
		return
	}
	n.schedule()
}

// stopped is a replica that ended itself.
func (n *node) stopped(err error) {
	if n.doomed && (errors.Is(err, storage.ErrCrash) || errors.Is(err, errDisk) || errors.Is(err, syscall.EIO) || errors.Is(err, storage.ErrDiskLow)) {
		n.w.say("replica %d stops: %v", n.id, err)
		n.dead()
		return
	}
	if n.liar != nil {
		n.w.say("liar %d stops: %v", n.id, err)
		n.dead()
		return
	}
	n.w.fail("replica %d stops: %v", n.id, err)
}

func (n *node) guarded(e *event) (died bool) {
	defer func() {
		if p := recover(); p != nil {
			if _, ok := p.(killed); !ok {
				n.w.fail("replica %d panics: %v\n%s", n.id, p, shortStack())
				return
			}
			died = true
		}
	}()
	switch e.kind {
	case evTick:
		n.replica.Tick()
		n.w.check.bounds(n)
		if n.liar != nil && !n.twin {
			n.liar.tick()
		}
		n.w.after(n.tickLength(tickSpan), event{kind: evTick, node: e.node, life: e.life})
	case evStep:
		n.step(int(e.peer))
	case evPeer:
		n.w.arrives(e)
		if n.liar != nil && n.liar.takes(n, e) {
			return false
		}
		if e.frame == wire.KindPrePrepare && n.w.nodes[e.peer].liar != nil {
			n.w.check.proposed(n, wire.ReplicaID(e.peer), e.body)
		}
		n.replica.Ingress().PeerFrame(wire.ReplicaID(e.peer), e.frame, e.body)
	case evRequest:
		if n.liar != nil && n.liar.takes(n, e) {
			return false
		}
		n.replica.Ingress().ClientFrame(pipeline.ConnID(e.peer+1), wire.ClientID(e.peer+1), e.frame, e.body)
	case evLink:
		n.link(int(e.peer), e.up)
	}
	return false
}

func shortStack() string {
	lines := strings.Split(string(debug.Stack()), "\n")
	return strings.Join(lines[:min(len(lines), 40)], "\n")
}

// tickSpan is one tick, of a clock that drifts a little.
var tickSpan = span{tickMicros - 20, tickMicros + 20}

func (n *node) tickLength(s span) uint64 {
	k := key{a: int16(n.id), view: uint64(n.life), n: n.beats}
	n.beats++
	return n.w.choice.time(topicTick, k, s, &n.w.rndSteps) * uint64(n.drift) / 1000
}

// link tells the replica about a link, once per change. A link that broke and
// is whole again by now comes up again a little later.
func (n *node) link(peer int, up bool) {
	whole := n.w.nodes[peer].up && !n.w.net.broken[int(n.id)*n.w.q.N+peer]
	if !up && whole {
		n.w.net.tell(n, peer, true)
	}
	if n.linkUp[peer] == up || up && !whole {
		return
	}
	n.linkUp[peer] = up
	n.w.say("%d: link to %d up %v", n.id, peer, up)
	if up {
		n.replica.Ingress().PeerUp(wire.ReplicaID(peer))
	} else {
		n.replica.Ingress().PeerDown(wire.ReplicaID(peer))
	}
}

// The stages that do one thing per step, and so are stepped until they say that
// nothing is left. The others take all that waits, and are woken for more.
var stepsOne = [8]bool{0: true, 1: true, 4: true, 6: true, 7: true}

func (n *node) step(stage int) {
	n.waiting[stage] = false
	worked := n.stages[stage].Step()
	if n.replica.Err() == nil {
		n.w.check.stepped(n)
	}
	if stage == stageOrder {
		n.w.sky.signing(n)
	}
	if worked && stepsOne[stage] {
		n.plan(stage)
	}
}

// plan schedules a step of a stage.
func (n *node) plan(stage int) {
	if n.waiting[stage] {
		return
	}
	n.waiting[stage] = true
	at := n.w.choice.time(topicStep, key{a: int16(n.id), kind: uint8(stage), view: uint64(n.life), n: n.steps[stage]}, n.w.opt.Stages[stage], &n.w.rndSteps)
	n.steps[stage]++
	if until := n.stalled[stage]; until > n.w.now {
		at += until - n.w.now
	}
	n.w.after(at, event{kind: evStep, node: int16(n.id), peer: int16(stage), life: n.life})
}

// schedule plans the stages that were woken.
func (n *node) schedule() {
	for i := range n.stages {
		if n.stages[i].Woken() {
			n.plan(i)
		}
	}
}

// dead is the moment of a crash: what was volatile is gone.
func (n *node) dead() {
	n.w.acts, n.diedIn = n, n.phase()
	n.up, n.frozen, n.paused = false, true, 0
	n.replica, n.stages = nil, nil
	n.life++
	n.crashAt = 0
	if n.twin {
		return // it lives once
	}
	n.deaths++
	torn := 0
	if n.w.opt.Faults&FaultTorn != 0 {
		torn = 600
	}
	c, k := n.w.choice, n.death()
	keep, ok := c.maybe(topicTorn, k, torn, span{0, 1000}, &n.w.rndLife)
	if ok {
		n.w.count(FaultTorn)
	}
	n.disk.rnd = keyedStream(n.w.opt.Seed, "torn", uint64(n.id), uint64(n.deaths))
	n.disk.crash(int(keep))
	tail, ok := c.maybe(topicLedger, k, 1000, span{0, 1000}, &n.w.rndLife)
	if !ok {
		tail = 1000
	}
	n.ledger.crash(int(tail))
	n.w.count(FaultCrash)
	n.w.net.nodeDown(n)
	n.w.sky.died(n)
}

// death names the last death.
func (n *node) death() key { return key{a: int16(n.id), n: n.deaths} }

// crash is a power cut between steps.
func (n *node) crash() {
	if n.up {
		n.w.say("replica %d dies", n.id)
		n.dead()
	}
}

// port is the replica's transport.
type port struct{ n *node }

// Send implements pipeline.Transport.
func (p port) Send(to wire.ReplicaID, _ wire.Lane, kind wire.Kind, body []byte) error {
	p.n.effect()
	return p.n.w.net.send(p.n, to, kind, body)
}

// Reply implements pipeline.Transport.
func (p port) Reply(conn pipeline.ConnID, kind wire.Kind, body []byte) error {
	p.n.effect()
	return p.n.w.net.reply(p.n, int(conn)-1, kind, body)
}

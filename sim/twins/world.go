package twins

import (
	"fmt"

	"quorate/cluster"
	"quorate/consensus"
	"quorate/wire"
)

// timing is the cores' patience. Messages and jobs take no time here, so a tick
// is a whole exchange, and a tenth of production's numbers is ample. The patience
// doubles once: most of a scenario's time goes into views that it skips.
var timing = consensus.Timing{FastWait: 1, FastWaitMax: 4, Stagger: 1, Resend: 4, Fallback: 6,
	Progress: 8, ProgressMax: 16, LinkDown: 8, Status: 3, Fetch: 3}

// window makes a checkpoint every second slot, so that they take part.
const window = 4

// Plant is what a canary breaks in the cores under test. The zero value breaks
// nothing.
type Plant struct {
	// Quorums spoils the vote counts that every core, and the signature scheme
	// with them, is made with.
	Quorums func(*cluster.Quorums)
	// bend changes what an instance says.
	bend func(*world, *instance, wire.Message) wire.Message
}

// world is the cluster, its network and its clock.
type world struct {
	setup     Setup
	q         cluster.Quorums
	scope     wire.Scope
	plant     Plant
	instances []*instance
	byID      [][]*instance // instances of each identity
	tickCount int

	queue     []item // messages and answers on their way, from queueHead on
	queueHead int
	order     stream
	effects   []consensus.Effect
	delivered int // since the last tick

	// The round.
	round  *Round    // nil: healed
	cut    bool      // healed, but for the twins
	goal   wire.View // the view that the round is about
	last   wire.Digest
	hashes []slotHash

	changes    []judgedChange
	nextChange int

	trace func(format string, args ...any)

	values  []wire.Digest // agreed value of each seq; index 0 unused
	known   []bool
	problem string
	fast    int // commits of honest replicas
	slow    int
}

// item is one event on its way to an instance.
type item struct {
	in   *instance
	life int
	ev   consensus.Event // nil: execute the next slot
}

// instance is one running replica.
type instance struct {
	index  int
	id     wire.ReplicaID
	honest bool
	core   *consensus.Core
	life   int
	halted bool
	// relapsed: a twin was shown what the other voted. It is no replica that lost
	// its memory, and goes on voting: it starts again with what it knows itself.
	relapsed bool

	journal   []entry
	ledger    []block
	marks     []mark // at the start of each round
	held      []wire.Digest
	executing []wire.CommitProof // handed out and not answered
	offered   wire.View          // 1 + the last view in which the last batch was offered
	proposed  int
	asked     wire.View // 1 + the last goal for which it was asked to leave its view
	done      bool      // executed the last batch
	said      []saying
}

type entry struct {
	record wire.Record
	body   wire.Digest
}

type block struct {
	proof        wire.CommitProof
	digest, root wire.Digest
}

type mark struct{ journal, ledger int }

func newWorld(s Setup, order uint64, plant Plant) *world {
	q, err := cluster.NewQuorums(s.n(), s.F, s.C)
	if err != nil {
		panic(err) // Parse and Explore refuse such setups
	}
	if plant.Quorums != nil {
		plant.Quorums(&q)
	}
	w := &world{setup: s, q: q, scope: wire.Scope{Epoch: 1}, plant: plant, order: stream(order),
		byID: make([][]*instance, s.n()), last: batchOf(255, 0, 0), values: make([]wire.Digest, 1, 32), known: make([]bool, 1, 32)}
	for i := range s.instances() {
		id := s.identity(i)
		in := &instance{index: i, id: id, honest: !s.twin(id)}
		w.instances = append(w.instances, in)
		w.byID[id] = append(w.byID[id], in)
		w.start(in)
	}
	return w
}

// start brings an instance up from its journal and ledger.
func (w *world) start(in *instance) {
	cfg := consensus.Config{Self: in.id, Quorums: w.q, Scope: w.scope, Window: window, Timing: timing}
	var err error
	if len(in.journal) == 0 && len(in.ledger) == 0 {
		in.core, err = consensus.New(cfg)
	} else {
		in.core, err = consensus.Recover(cfg, w.past(in))
	}
	if err != nil {
		panic(err)
	}
	in.life++
	in.halted, in.relapsed, in.executing, in.offered = false, false, nil, 0
}

// past is what an instance finds on its disk.
func (w *world) past(in *instance) consensus.Past {
	p := consensus.Past{Executed: wire.SeqNum(len(in.ledger))}
	in.held = in.held[:0]
	for _, e := range in.journal {
		p.Records = append(p.Records, e.record)
		if !e.body.IsNull() && !in.holds(e.body) {
			in.held = append(in.held, e.body)
			p.Bodies = append(p.Bodies, e.body)
		}
	}
	for i, b := range in.ledger {
		p.Digest = b.digest
		p.Outcomes = append(p.Outcomes, consensus.Executed{Seq: wire.SeqNum(i + 1), Digest: b.digest, StateRoot: b.root})
		if in.honest {
			p.Proofs = append(p.Proofs, b.proof)
		}
	}
	return p
}

func (in *instance) holds(d wire.Digest) bool {
	for i := range in.held {
		if in.held[i] == d {
			return true
		}
	}
	return false
}

func (in *instance) hold(d wire.Digest) {
	if !d.IsNull() && !in.holds(d) {
		in.held = append(in.held, d)
	}
}

func (in *instance) forget(d wire.Digest) {
	for i := range in.held {
		if in.held[i] == d {
			last := len(in.held) - 1
			in.held[i] = in.held[last]
			in.held = in.held[:last]
			return
		}
	}
}

// Moving on.

// stormMax bounds what one tick may lead to: more is an exchange without end.
const stormMax = 20000

// settle delivers until nothing is on its way.
func (w *world) settle() {
	for w.queueHead < len(w.queue) && w.problem == "" {
		if w.order != 0 {
			// Any of the next few may be first.
			k := w.queueHead + w.order.below(min(16, len(w.queue)-w.queueHead))
			w.queue[w.queueHead], w.queue[k] = w.queue[k], w.queue[w.queueHead]
		}
		it := w.queue[w.queueHead]
		w.queue[w.queueHead] = item{}
		w.queueHead++
		if it.life != it.in.life {
			continue
		}
		if w.delivered++; w.delivered > stormMax {
			w.unsafe("storm: %d events within one tick", w.delivered)
			return
		}
		if it.ev == nil {
			w.executeNext(it.in)
			continue
		}
		w.step(it.in, it.ev)
	}
	w.queue, w.queueHead = w.queue[:0], 0
}

// tick lets one tick pass everywhere.
func (w *world) tick() {
	w.delivered = 0
	w.tickCount++
	for _, in := range w.instances {
		w.step(in, consensus.Tick{})
	}
	w.settle()
}

func (w *world) push(in *instance, ev consensus.Event) {
	w.queue = append(w.queue, item{in: in, life: in.life, ev: ev})
}

// step hands one event to a core and carries the effects out.
func (w *world) step(in *instance, ev consensus.Event) {
	if in.halted {
		return
	}
	if v, ok := ev.(consensus.Verified); ok && v.Verdict == consensus.VerdictOK {
		in.holdVerified(v)
	}
	w.effects = in.core.Step(ev, w.effects[:0])
	for _, e := range w.effects {
		w.do(in, e)
	}
	if in.relapsed {
		w.start(in)
	}
}

// holdVerified puts verified bodies into the store, right before the core hears
// of them (I12 of package consensus).
func (in *instance) holdVerified(v consensus.Verified) {
	switch m := v.Msg.(type) {
	case *wire.PrePrepare:
		in.hold(m.Slot.Digest)
	case *wire.Body:
		in.hold(v.Digest)
	case *wire.Blocks:
		for i := range m.Blocks {
			in.hold(m.Blocks[i].Proof.Slot.Digest)
		}
	}
}

func (w *world) tell(format string, args ...any) {
	if w.trace != nil {
		w.trace("%4d  "+format, append([]any{w.tickCount}, args...)...)
	}
}

// unsafe notes the first violation.
func (w *world) unsafe(format string, args ...any) {
	if w.problem == "" {
		w.problem = fmt.Sprintf(format, args...)
		w.tell("VIOLATION %s", w.problem)
	}
}

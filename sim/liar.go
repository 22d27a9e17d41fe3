package sim

import (
	"quorate/wire"
)

// A liar is a Byzantine replica: the real program, whose frames are bent on the
// way out, so that it stays plausible enough to hurt. It signs with its own keys
// only. What it does is a set of strategies (the table below), each at a rate of
// its own; the liars of one run share a brain (brain.go).
//
// Every decision about one frame, and about one tick, comes from a stream of its
// own, made of the liar's seed and the frame's number; so one that is changed does
// not shift those after it, and a scenario can name each (choice.go).

// strategy is one way to lie. Any of its parts may be nil.
type strategy struct {
	number int // on the simulation page; 0: not on it
	name   string
	// bend changes an outgoing frame, and reports whether it did.
	bend func(f *frame) bool
	// hear takes a frame that came in.
	hear func(l *liar, r *stream, from wire.ReplicaID, m wire.Message) bool
	// tick comes with each tick of the liar's clock.
	tick func(l *liar, r *stream) bool
	// tickRate is of 1000 ticks, at the full rate.
	tickRate int
}

// strategies is the table. Strategy 17 comes with state transfer, 21 with time
// that is agreed on. A further kind of lie goes at the end, because seeds name
// rows by their number.
var strategies = [strategyCount]strategy{
	{number: 1, name: "equivocate-primary", bend: equivocate},
	{number: 1, name: "double-vote", hear: doubleVote},
	{number: 2, name: "same-digest-other-body", bend: sameDigest},
	{number: 2, name: "unsigned-request", bend: unsignedRequest},
	{number: 3, name: "censor"}, // liar.ignores
	{number: 4, name: "slow-drip", bend: slowDrip},
	{number: 5, name: "bad-share", bend: badShare},
	{number: 6, name: "late-share", bend: lateShare},
	{number: 7, name: "selective-share", bend: selectiveShare},
	{number: 8, name: "collector-withhold", bend: withholdCertificate},
	{number: 9, name: "collector-double-cert", hear: doubleCertificate},
	{number: 10, name: "stale-cert", bend: staleCertificate},
	{number: 11, name: "forged-cert", bend: forgedCertificate},
	{number: 12, name: "cert-shadow", bend: shadowCertificate},
	{number: 13, name: "view-change-storm", tick: viewChangeStorm, tickRate: 60},
	{number: 14, name: "view-change-lie", bend: viewChangeLie},
	{number: 15, name: "new-view-fork", bend: newViewFork, hear: commitHeard},
	{number: 16, name: "checkpoint-lie", bend: checkpointLie},
	{number: 18, name: "amnesia", tick: amnesia, tickRate: 4},
	{number: 19, name: "rollback", tick: rollback, tickRate: 12},
	{number: 20, name: "replay-archive", bend: replayArchive},
	{number: 22, name: "evidence-spam", tick: evidenceSpam, tickRate: 100},
	{number: 23, name: "sync-amplifier", tick: amplifier, tickRate: 200},
	{number: 24, name: "identity-twin"}, // liar_twin.go
	{number: 25, name: "small-mutation", bend: smallMutation},
	{number: 25, name: "raw-bytes", bend: rawBytes},
	{number: 26, name: "state-aware", bend: stateAware},
	{number: 27, name: "legal-but-odd", bend: legalButOdd, tick: oddTick, tickRate: 30},
	{name: "withhold", bend: withhold},
	{name: "status-lie", bend: statusLie},
	{name: "complain", tick: complain, tickRate: 100},
	{name: "reply-lie"}, // liar.answer
}

// Rows of the table that code outside of it asks for.
const (
	strategyCensor   = 4
	strategyTwin     = 23
	strategyWithhold = 28
	strategyReply    = 31
)

// strategyCount is the length of the table.
const strategyCount = 32

// liar is one Byzantine replica over all its lives.
type liar struct {
	n     *node
	w     *world
	brain *brain
	seed  uint64
	rates [strategyCount]int // of 1000 cases, by strategy; 0: never

	asked  uint64 // decisions so far, see about
	lies   int    // so far
	copied *diskCopy
	fate   fate
	twin   *node   // nil: none
	ambush *ambush // nil: none
}

// liarEnd is added to a liar's id in the name of a decision of its own: what
// becomes of the same frame on its way has the plain name.
const liarEnd = 100

// tickKind stands for a frame's kind in the name of what a liar does at a tick.
const tickKind = 255

// about makes a decision: act gets the chance for it, unless a script wants the
// truth. What a liar did is written down.
func (l *liar) about(k key, act func(r *stream)) bool {
	l.asked++
	seed, lies := l.w.choice.bends(k, mix(l.seed+l.asked))
	if !lies {
		return false
	}
	r, before := stream(seed), l.lies
	act(&r)
	if l.lies > before {
		l.w.choice.bent(k, seed)
	}
	return true
}

// newLiar draws what a replica does, mostly as the brain has planned.
func newLiar(n *node, b *brain, seed uint64) *liar {
	l := &liar{n: n, w: n.w, brain: b, seed: seed}
	r := newStream(seed, "ways")
	plan := &b.plan
	if r.chance(300) {
		plan = drawPlan(&r, n.w.opt.Lies)
	}
	rate := r.between(20, 600)
	for i := range strategies {
		if plan[i] {
			l.rates[i] = max(1, rate*r.between(300, 1700)/1000)
		}
	}
	b.liars = append(b.liars, l)
	for i := range strategies {
		if l.rates[i] > 0 {
			n.w.say("liar %d: %s, rate %d", n.id, strategies[i].name, l.rates[i])
		}
	}
	if l.rates[strategyTwin] > 0 {
		l.twin = newTwin(n)
	}
	return l
}

// drawPlan chooses strategies: few that are seen clearly, or many at once; or
// those that are given.
func drawPlan(r *stream, given uint64) *[strategyCount]bool {
	var plan [strategyCount]bool
	if given != 0 {
		for i := range plan {
			plan[i] = given>>i&1 == 1
		}
		return &plan
	}
	some := [4]int{60, 150, 400, 800}[r.below(4)]
	for i := range plan {
		plan[i] = r.chance(some)
	}
	plan[r.below(len(plan))] = true
	// What takes the program itself back dominates a run: not so often.
	for i := range plan {
		switch strategies[i].number {
		case 18, 19, 24:
			plan[i] = plan[i] && r.chance(400)
		}
	}
	return &plan
}

// did counts one lie.
func (l *liar) did(strategy int) {
	l.lies++
	l.w.count(FaultByzantine)
	l.w.result.Strategies[strategy]++
}

// frame is one frame on its way out to one receiver.
type frame struct {
	l     *liar
	rnd   stream
	to    wire.ReplicaID
	kind  wire.Kind
	body  []byte       // as it goes out; nil when m was bent
	m     wire.Message // nil for what is no message, such as a forwarded request
	delay uint64       // microseconds that it is held back
	lost  bool
}

// become replaces the message.
func (f *frame) become(m wire.Message) bool {
	f.m, f.kind, f.body = m, m.Kind(), nil
	return true
}

// send bends a frame for one receiver.
func (l *liar) send(n *node, to wire.ReplicaID, kind wire.Kind, body []byte) {
	if l.twin != nil && l.twin.up && l.brain.second[to] != n.twin {
		return // the other instance speaks to this one
	}
	l.brain.keep(to, l.n.id, kind, body)
	f := &frame{l: l, to: to, kind: kind, body: body}
	k := l.w.choice.frame(int(l.n.id)+liarEnd, int(to), kind, body)
	if n.twin {
		k.a += liarEnd // its frames are others than the first instance's
	}
	l.about(k, f.bend)
	if f.lost {
		return
	}
	l.post(f.to, f.kind, f.bytes(), f.delay)
}

// bend lets each strategy have its way with a frame.
func (f *frame) bend(r *stream) {
	f.m, _ = wire.DecodeMessage(f.kind, f.body)
	f.rnd = *r
	for i := range strategies {
		s := &strategies[i]
		if f.l.rates[i] == 0 || s.bend == nil || f.m == nil && f.kind != wire.KindForward || !f.rnd.chance(f.l.rates[i]) {
			continue
		}
		if s.bend(f) {
			f.l.did(i)
		}
		if f.lost {
			return
		}
	}
}

// reply bends a reply to a client, or withholds it.
func (l *liar) reply(k key, kind wire.Kind, body []byte) (_ wire.Kind, _ []byte, told bool) {
	told = true
	l.about(k, func(r *stream) {
		if rate := l.rates[strategyWithhold]; rate > 0 && r.chance(rate) {
			l.did(strategyWithhold)
			told = false
			return
		}
		kind, body = l.answer(r, kind, body)
	})
	return kind, body, told
}

// post puts a frame on the way, now or later.
func (l *liar) post(to wire.ReplicaID, kind wire.Kind, body []byte, delay uint64) {
	if delay == 0 {
		l.w.net.post(l.n.id, to, kind, body)
		return
	}
	l.w.after(delay, event{kind: evHeldBack, node: int16(l.n.id), peer: int16(to), frame: kind, body: append([]byte(nil), body...)})
}

// tell sends a message of the liar's own making, past its program.
func (l *liar) tell(to wire.ReplicaID, m wire.Message) {
	if to != l.n.id && l.n.linkUp[to] {
		l.w.net.post(l.n.id, to, m.Kind(), m.Append(nil))
	}
}

func (l *liar) tellAll(m wire.Message) {
	for i := range l.n.w.q.N {
		l.tell(wire.ReplicaID(i), m)
	}
}

// takes looks at a frame before the program does, and reports whether it is kept
// from the program.
func (l *liar) takes(n *node, e *event) bool {
	switch {
	case n.twin:
		return false
	case e.kind == evRequest:
		l.twins(e)
		return l.ignores(e)
	}
	l.hears(wire.ReplicaID(e.peer), e.frame, e.body)
	return l.twins(e) || l.ignores(e)
}

// hears looks at a frame that comes in, before the program does. Everything is
// shared with the other liars; only what honest replicas say is answered.
func (l *liar) hears(from wire.ReplicaID, kind wire.Kind, body []byte) {
	l.brain.keep(l.n.id, from, kind, body)
	m, err := wire.DecodeMessage(kind, body)
	if err != nil {
		return
	}
	l.brain.learn(from, m)
	if l.w.nodes[from].liar != nil {
		return // liars that answer each other would do nothing else any more
	}
	l.about(l.w.choice.frame(int(l.n.id)+liarEnd, int(l.n.id), kind, body), func(r *stream) {
		for i := range strategies {
			if s := &strategies[i]; l.rates[i] > 0 && s.hear != nil && r.chance(l.rates[i]) && s.hear(l, r, from, m) {
				l.did(i)
			}
		}
	})
}

// tick lets the liar act on its own.
func (l *liar) tick() {
	id := int16(l.n.id) + liarEnd
	l.about(l.w.choice.nth(key{a: id, b: id, kind: tickKind}), func(r *stream) {
		for i := range strategies {
			if s := &strategies[i]; s.tick != nil && l.rates[i] > 0 && r.chance(l.rates[i]*s.tickRate/1000) && s.tick(l, r) {
				l.did(i)
			}
		}
	})
}

// ignores reports whether the liar lets a request of the censored client fall on
// the floor (strategy 3), asked by the client itself or forwarded.
func (l *liar) ignores(e *event) (ignored bool) {
	if l.rates[strategyCensor] == 0 || e.kind == evPeer && e.frame != wire.KindForward {
		return false
	}
	q, err := wire.DecodeRequest(e.body)
	if err != nil || q.Client != l.brain.censored {
		return false
	}
	l.about(l.w.choice.frame(int(l.n.id)+liarEnd, -int(q.Client), e.frame, e.body), func(*stream) {
		l.did(strategyCensor)
		ignored = true
	})
	return ignored
}

// slotOf is the slot that a message speaks of.
func slotOf(m wire.Message) (wire.SlotID, bool) {
	switch m := m.(type) {
	case *wire.PrePrepare:
		return m.Slot, true
	case *wire.SignShare:
		return m.Slot, true
	case *wire.Commit:
		return m.Slot, true
	case *wire.Prepare:
		return m.Slot, true
	case *wire.FullCommitProof:
		return m.Slot, true
	case *wire.SlowCommitProof:
		return m.Slot, true
	case *wire.SignState:
		return wire.SlotID{Seq: m.Seq, Digest: m.Digest}, true
	case *wire.ExecuteProof:
		return wire.SlotID{Seq: m.Seq, Digest: m.Digest}, true
	case *wire.Checkpoint:
		return wire.SlotID{Seq: m.State.Seq, Digest: m.State.StateRoot}, true
	}
	return wire.SlotID{}, false
}

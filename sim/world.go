package sim

import (
	"fmt"
	"io"

	"quorate/cluster"
	"quorate/payments"
	"quorate/wire"
)

// world is one run: the cluster, its clients, its network and its clock.
type world struct {
	opt   Options
	q     cluster.Quorums
	scope wire.Scope
	keys  *keyring
	cfg   payments.Config

	now   uint64 // microseconds
	queue queue
	nodes []*node
	users []*user
	net   *net
	sky   *weather
	check *checker
	trace hash
	lines io.Writer // a readable timeline; nil: none
	calm  bool      // faults have stopped
	limit uint64    // events after which the run is given up; 0: none
	acts  *node     // the replica that is doing something, or that a fault is about; nil before all start

	choice                      *choices
	rndSteps, rndLife, rndUsers stream
	result                      Result
}

// Result is what a run gave.
type Result struct {
	Problem  string // empty when all is well
	Trace    uint64 // equal for equal runs
	Events   uint64
	Micros   uint64 // virtual time
	Slots    uint64 // agreed blocks
	Answered uint64 // requests with a proven reply
	Views    uint64 // highest view entered
	Settle   uint64 // ticks from the end of faults until rest
	Faults   [faultKinds]uint64
	Phases   Matrix
	Replayed uint64 // blocks that the model executed too
	Linear   uint64 // requests that Porcupine put in order
	// Contended is how many of them were under way beside another client's to the
	// same account.
	Contended uint64
	Proofs    uint64 // of equivocation, at honest replicas
	// Strategies counts what liars did, by row of their table.
	Strategies [strategyCount]uint64
	Restarts   uint64
	Unseen     uint64 // losses at the end of a journal that its disk could not know of
}

// Run runs one seed. lines takes a readable timeline, nil for none.
func Run(opt Options, lines io.Writer) Result {
	return newWorld(opt, nil, nil, lines).live()
}

// live runs the world to its end.
func (w *world) live() Result {
	if !w.failed() {
		w.run()
	}
	w.result.Trace = uint64(w.trace)
	w.result.Micros = w.now
	w.result.Slots = uint64(len(w.check.chain))
	w.result.Answered = uint64(len(w.check.acked))
	return w.result
}

func newWorld(opt Options, script, book *Scenario, lines io.Writer) *world {
	w := &world{opt: opt, q: opt.quorums(), lines: lines,
		rndSteps: newStream(opt.Seed, "steps"), rndLife: newStream(opt.Seed, "life"), rndUsers: newStream(opt.Seed, "users")}
	w.choice = newChoices(&w.opt, script, book)
	if lines != nil {
		w.choice.say = func(e *entry) { w.say("» %s", e.text()) }
	}
	if opt.Real {
		var err error
		if w.keys, err = realKeys(&opt, w.q); err != nil {
			w.fail("keys: %v", err)
			return w
		}
	} else {
		w.keys = idealKeys(newRandom(opt.Seed, "keys"), w.q, opt.Scheme > 0)
	}
	w.scope = wire.Scope{Cluster: w.keys.cluster, Epoch: 1}
	w.cfg = opt.machineConfig()
	w.check = newChecker(w)
	w.net = newNet(w)
	if opt.meter != nil {
		opt.meter.attach(w)
	}
	w.sky = newWeather(w)
	for i := range w.q.N {
		w.nodes = append(w.nodes, newNode(w, i))
	}
	if opt.shift {
		for _, r := range []*stream{&w.rndSteps, &w.rndLife, &w.rndUsers, &w.net.rnd, &w.sky.rnd} {
			r.next()
		}
	}
	w.sky.begin()
	for i := range opt.Load.Clients {
		w.users = append(w.users, newUser(w, i))
	}
	if opt.Load.Rogue && len(w.users) > 1 {
		w.users[len(w.users)-1].rogue = true
	}
	if opt.Load.Odd.Newcomer {
		w.users = append(w.users, newNewcomer(w))
	}
	for _, n := range w.nodes {
		n.start()
		if n.liar != nil {
			n.liar.startTwin()
		}
	}
	for _, u := range w.users {
		if !u.absent {
			u.begin()
		}
	}
	return w
}

func newRandom(seed uint64, name string) uint64 {
	r := newStream(seed, name)
	return r.next()
}

// fail records a violation; the first one counts.
func (w *world) fail(format string, args ...any) {
	if w.result.Problem == "" {
		w.result.Problem = fmt.Sprintf("at %d.%03d ms: ", w.now/1000, w.now%1000) + fmt.Sprintf(format, args...)
		w.say("VIOLATION: %s", w.result.Problem)
	}
}

func (w *world) failed() bool { return w.result.Problem != "" }

// after schedules an event.
func (w *world) after(micros uint64, e event) {
	e.at = w.now + micros
	w.queue.push(e)
}

// ticks lets time pass, until the first violation.
func (w *world) ticks(n int) { w.until(w.now + uint64(n)*tickMicros) }

// waitingMax bounds what is under way in a whole run: honest ones stay far below,
// and a machine's memory ends somewhere.
const waitingMax = 1 << 18

// until lets time pass up to a moment.
func (w *world) until(end uint64) {
	for len(w.queue.items) > 0 && w.queue.items[0].at <= end {
		if w.failed() {
			return
		}
		if len(w.queue.items) > waitingMax {
			w.fail("C10: %d events wait: somebody answers every answer", len(w.queue.items))
			return
		}
		if w.limit != 0 && w.result.Events >= w.limit {
			w.fail("given up after %d events", w.limit)
			return
		}
		w.happen()
	}
	w.now = max(w.now, end)
}

// instance is the replica that an event is for; a liar may have two.
func (w *world) instance(e *event) *node {
	n := w.nodes[e.node]
	if e.life >= twinLife && n.liar != nil && n.liar.twin != nil {
		return n.liar.twin
	}
	return n
}

// happen takes the next event.
func (w *world) happen() {
	e := w.queue.pop()
	w.now = e.at
	w.result.Events++
	w.trace.add(e.at)
	w.trace.add(uint64(e.kind)<<56 | uint64(e.frame)<<48 | uint64(uint16(e.node))<<32 | uint64(uint16(e.peer))<<16 | uint64(e.life))
	switch e.kind {
	case evTick, evStep, evPeer, evRequest, evLink:
		n := w.instance(&e)
		if n.paused > w.now {
			e.at = n.paused
			w.queue.push(e)
			return
		}
		if e.kind == evPeer {
			w.net.under[int(e.peer)*w.net.n+int(e.node)]--
		}
		if n.up && n.life == e.life {
			w.acts = n
			n.happen(&e)
		}
	case evHeldBack:
		w.net.post(wire.ReplicaID(e.node), wire.ReplicaID(e.peer), e.frame, e.body)
	case evReply, evClient, evSubmit, evHello:
		w.users[e.node].happen(&e)
	case evRestart:
		if n := w.nodes[e.node]; !n.up && n.life == e.life {
			w.acts = n
			n.start()
		}
	}
}

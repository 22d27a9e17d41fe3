package consensus

// Aim: a whole cluster of cores in one goroutine, from one seed.
// Method: a heap of things to happen, ordered by (time, order of scheduling).
// Each node carries out its core's effects as the pipeline does: in order,
// nothing behind a record before the record is durable, jobs answered in any
// order. Crashes keep what was durable, and by luck some of what was not.

import (
	"fmt"
	"slices"

	"quorate/cluster"
	"quorate/wire"
)

// splitmix is the only source of chance.
type splitmix uint64

func (r *splitmix) next() uint64 {
	*r += 0x9e3779b97f4a7c15
	x := uint64(*r)
	x ^= x >> 30
	x *= 0xbf58476d1ce4e5b9
	x ^= x >> 27
	x *= 0x94d049bb133111eb
	return x ^ x>>31
}

// below gives a number in [0, n); 0 for n = 0.
func (r *splitmix) below(n int) int {
	if n <= 0 {
		return 0
	}
	return int(r.next() % uint64(n))
}

// chance is true in p of 1000 cases.
func (r *splitmix) chance(p int) bool { return r.below(1000) < p }

// unitsPerTick is the resolution of time within one core tick.
const unitsPerTick = 10

// span is a range of delays in units, both ends included.
type span struct{ low, high int }

// world is the cluster, its network and its clock.
type world struct {
	cfg   Config
	q     cluster.Quorums
	rnd   splitmix
	now   uint64
	order uint64
	heap  []item
	nodes []*node
	check *checker

	net, job, sync span
	loss, dup      int                                                // per 1000 messages
	ledgerSync     int                                                // per 1000 blocks after which the ledger is durable at once
	luck           bool                                               // crashes may keep records that no fsync covered
	codec          int                                                // per 1000 messages that take the way through bytes
	cut            []bool                                             // cut[from*n+to]: the link is down
	filter         func(from, to wire.ReplicaID, m wire.Message) bool // false: lost
	batches        []batch                                            // what clients want executed
	archive        []letter                                           // what liars may replay
	trace          func(format string, args ...any)
}

type letter struct {
	from, to wire.ReplicaID
	msg      wire.Message
}

type batch struct {
	digest wire.Digest
	body   []byte
	name   string
}

type item struct {
	at, order uint64
	node      int // -1: nobody's
	life      int
	fn        func()
}

func (i item) before(j item) bool { return i.at < j.at || i.at == j.at && i.order < j.order }

// entry is one journal record with the body that it needed.
type entry struct {
	token  Token
	record wire.Record
	body   wire.Digest
	bytes  []byte
}

// block is one executed slot of a ledger.
type block struct {
	proof  wire.CommitProof
	body   []byte
	digest wire.Digest
	root   wire.Digest
}

// node is one replica: its core, its journal, its ledger, its pipeline.
type node struct {
	w    *world
	id   wire.ReplicaID
	core *Core
	liar *liar
	up   bool
	life int

	journal       []entry
	durable       int // entries that an fsync covered
	token         Token
	ledger        []block
	ledgerDurable int

	bodies     map[wire.Digest][]byte
	outbox     []Send
	lastToken  Token
	executing  int // handed out and not answered
	gcStable   wire.SeqNum
	gcAnchor   Token
	effects    int
	crashAt    int // effect number at which it crashes; 0: never
	halted     string
	offered    map[wire.Digest]wire.View // batches given to the core, with the view
	wiped      bool                      // it lost its journal, and may not be over it
	image      *image                    // a copy of its disk that a test may bring back
	rolled     bool                      // it was brought back
	distrusted bool                      // and it knows
	certified  map[wire.SeqNum]bool
	counts     map[string]int // effects and observations by name; never ranged
}

func newWorld(seed uint64, n, f, c int, window wire.SeqNum) *world {
	q, err := cluster.NewQuorums(n, f, c)
	if err != nil {
		panic(err)
	}
	w := &world{q: q, rnd: splitmix(seed), net: span{5, 5}, job: span{1, 1}, sync: span{2, 2}, ledgerSync: 1000,
		trace: func(string, ...any) {}}
	w.cfg = Config{Quorums: q, Window: window, Scope: wire.Scope{Epoch: 1}, Timing: DefaultTiming()}
	w.cut = make([]bool, n*n)
	w.check = newChecker(w)
	for id := range wire.ReplicaID(n) {
		nd := &node{w: w, id: id, certified: map[wire.SeqNum]bool{}, counts: map[string]int{}}
		w.nodes = append(w.nodes, nd)
	}
	for _, nd := range w.nodes {
		w.start(nd, false)
	}
	return w
}

// The clock.

func (w *world) delay(s span) uint64 { return uint64(s.low + w.rnd.below(s.high-s.low+1)) }

// after schedules fn; it is dropped when the node has died in between.
func (w *world) after(d uint64, nd *node, fn func()) {
	it := item{at: w.now + d, order: w.order, node: -1, fn: fn}
	w.order++
	if nd != nil {
		it.node, it.life = int(nd.id), nd.life
	}
	w.heap = append(w.heap, it)
	for i := len(w.heap) - 1; i > 0; {
		p := (i - 1) / 2
		if !w.heap[i].before(w.heap[p]) {
			break
		}
		w.heap[i], w.heap[p] = w.heap[p], w.heap[i]
		i = p
	}
}

func (w *world) pop() item {
	it := w.heap[0]
	last := len(w.heap) - 1
	w.heap[0] = w.heap[last]
	w.heap[last] = item{}
	w.heap = w.heap[:last]
	for i := 0; ; {
		c := 2*i + 1
		if c >= last {
			break
		}
		if c+1 < last && w.heap[c+1].before(w.heap[c]) {
			c++
		}
		if !w.heap[c].before(w.heap[i]) {
			break
		}
		w.heap[i], w.heap[c] = w.heap[c], w.heap[i]
		i = c
	}
	return it
}

// run lets everything happen that is due within the next units. It stops at the
// first violation.
func (w *world) run(units uint64) {
	end := w.now + units
	for len(w.heap) > 0 && w.heap[0].at <= end && !w.check.failed() {
		it := w.pop()
		w.now = it.at
		if it.node >= 0 {
			if nd := w.nodes[it.node]; nd.life != it.life || !nd.up {
				continue
			}
		}
		it.fn()
	}
	w.now = end
}

func (w *world) ticks(n int) { w.run(uint64(n) * unitsPerTick) }

// Nodes.

// start brings a node up, from its journal and ledger.
func (w *world) start(nd *node, amnesia bool) {
	cfg := w.cfg
	cfg.Self = nd.id
	past := Past{Executed: wire.SeqNum(len(nd.ledger)), Amnesia: amnesia || nd.distrusted}
	nd.bodies = map[wire.Digest][]byte{}
	for _, e := range nd.journal {
		past.Records = append(past.Records, w.recode(e.record))
		if _, ok := nd.bodies[e.body]; !ok && !e.body.IsNull() {
			nd.bodies[e.body] = e.bytes
			past.Bodies = append(past.Bodies, e.body)
		}
		w.check.durable(nd, e)
	}
	nd.durable = len(nd.journal)
	if k := len(nd.ledger); k > 0 {
		past.Digest = nd.ledger[k-1].digest
	}
	w.pastOutcomes(nd, &past)
	core, err := Recover(cfg, past)
	if err != nil {
		panic(err)
	}
	nd.core, nd.up, nd.life = core, true, nd.life+1
	nd.token, nd.lastToken, nd.executing, nd.outbox = 0, 0, 0, nil
	nd.gcAnchor, nd.effects = 0, 0
	nd.offered = map[wire.Digest]wire.View{}
	w.trace("%d starts: view %d executed %d stable %d records %d", nd.id, core.view, core.executed, core.low(), len(nd.journal))
	w.after(uint64(w.rnd.below(unitsPerTick)), nd, func() { w.tick(nd) })
	w.links(nd, true)
	w.wants(nd)
}

// recode takes a record through its bytes: what is on disk is bytes.
func (w *world) recode(r wire.Record) wire.Record {
	out, err := wire.DecodeRecord(r.RecordKind(), r.Append(nil))
	if err != nil {
		w.check.fail("record %T does not survive the disk: %v", r, err)
		return r
	}
	return out
}

func (w *world) links(nd *node, up bool) {
	for _, o := range w.nodes {
		if o == nd || !o.up {
			continue
		}
		o := o
		w.after(1, o, func() { w.step(o, Link{Peer: nd.id, Up: up}) })
		if up {
			w.after(1, nd, func() { w.step(nd, Link{Peer: o.id, Up: true}) })
		}
	}
}

// crash stops a node; its volatile state is gone.
func (w *world) crash(nd *node) {
	if !nd.up {
		return
	}
	keep := nd.durable
	if w.luck {
		keep += w.rnd.below(len(nd.journal) - nd.durable + 1)
	}
	nd.journal = nd.journal[:keep]
	keep = nd.ledgerDurable
	if w.luck {
		keep += w.rnd.below(len(nd.ledger) - nd.ledgerDurable + 1)
	}
	nd.ledger = nd.ledger[:keep]
	nd.ledgerDurable = keep
	nd.up, nd.core, nd.crashAt = false, nil, 0
	nd.life++
	w.trace("%d crashes: journal %d ledger %d", nd.id, len(nd.journal), len(nd.ledger))
	w.links(nd, false)
}

func (w *world) tick(nd *node) {
	w.step(nd, Tick{})
	if nd.up {
		w.after(unitsPerTick, nd, func() { w.tick(nd) })
		w.offer(nd)
	}
}

// step hands one event to a core and carries the effects out.
func (w *world) step(nd *node, ev Event) {
	if nd.halted != "" {
		return
	}
	for _, e := range nd.core.Step(ev, nil) {
		nd.effects++
		if nd.crashAt != 0 && nd.effects >= nd.crashAt {
			w.crash(nd)
			return
		}
		w.do(nd, e)
	}
	w.check.core(nd)
}

// Clients.

// want adds a batch that clients wait for.
func (w *world) want(name string) batch {
	body := []byte("batch " + name)
	b := batch{digest: bodyDigest(body), body: body, name: name}
	w.batches = append(w.batches, b)
	for _, nd := range w.nodes {
		w.wants(nd)
	}
	return b
}

// wants tells a core whether requests wait there.
func (w *world) wants(nd *node) {
	if !nd.up {
		return
	}
	waiting := false
	for _, b := range w.batches {
		waiting = waiting || !w.check.hasExecuted(nd, b.digest)
	}
	w.after(1, nd, func() { w.step(nd, Waiting{Requests: waiting}) })
}

// offer is the batcher: clients have sent their requests to everyone, so every
// primary offers what it has not seen executed.
func (w *world) offer(nd *node) {
	if nd.core.Proposable() == 0 || nd.halted != "" {
		return
	}
	for _, b := range w.batches {
		if nd.core.Proposable() == 0 || w.check.hasExecuted(nd, b.digest) {
			continue
		}
		v, _, _ := nd.core.View()
		if at, ok := nd.offered[b.digest]; ok && at == v {
			continue
		}
		nd.offered[b.digest] = v
		nd.bodies[b.digest] = b.body
		w.step(nd, BatchReady{Digest: b.digest})
		if !nd.up {
			return
		}
	}
}

func (w *world) String() string {
	s := ""
	for _, nd := range w.nodes {
		if !nd.up {
			s += fmt.Sprintf("%d: down\n", nd.id)
			continue
		}
		s += fmt.Sprintf("%d: view %d active %v stable %d executed %d\n", nd.id, nd.core.view, nd.core.active, nd.core.low(), nd.core.executed)
	}
	return s
}

// image is a copy of a replica's disk, as far as it was durable.
type image struct {
	journal []entry
	ledger  []block
}

func (nd *node) copyDisk() *image {
	return &image{slices.Clone(nd.journal[:nd.durable]), slices.Clone(nd.ledger[:nd.ledgerDurable])}
}

// putDisk brings an older copy back: all of it, or all but the ledger.
func (nd *node) putDisk(im *image, keep string) {
	nd.rolled = true
	nd.journal, nd.durable = slices.Clone(im.journal), len(im.journal)
	if keep != "ledger" {
		nd.ledger, nd.ledgerDurable = slices.Clone(im.ledger), len(im.ledger)
	}
}

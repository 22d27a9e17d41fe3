package disks

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"

	"quorate/cluster"
	"quorate/consensus"
	"quorate/payments"
	"quorate/pipeline"
	"quorate/storage"
	"quorate/wire"
)

// Setup is the cryptography and the shape of a cluster.
type Setup struct {
	Quorums  cluster.Quorums
	Cluster  wire.Digest
	Epoch    wire.Epoch
	Interval wire.SeqNum // slots between checkpoints
	Payments payments.Config
	Suites   []pipeline.Suite
	Sign     func(client wire.ClientID, message []byte) wire.Signature
	Disk     pipeline.Disk // FS is each replica's own
	Now      uint64        // nanoseconds: ledger time of tick 0
}

const (
	tickNanos = 5_000_000
	timeBound = 3_000_000_000
)

func (s *Setup) scope() wire.Scope { return wire.Scope{Cluster: s.Cluster, Epoch: s.Epoch} }

func (s *Setup) config(id wire.ReplicaID, clock pipeline.Clock) pipeline.Config {
	return pipeline.Config{Self: id, Cluster: s.Cluster, Epoch: s.Epoch, Quorums: s.Quorums, Interval: s.Interval,
		TimeBound: timeBound, Payments: s.Payments, Timing: consensus.DefaultTiming(),
		Batch:           pipeline.BatchPolicy{EventsMax: 64, BytesMax: 16 << 10, EagerSlots: 2, SlotsMax: int(s.Interval), DelayTicks: 1},
		RequestQueueMax: 256, Clock: clock, Logger: slog.New(slog.DiscardHandler)}
}

// errStorage is what storage says when it met damage or a dead disk.
func errStorage(err error) bool {
	for _, known := range []error{storage.ErrCrash, storage.ErrCorrupt, storage.ErrForeign, storage.ErrDiskLow, storage.ErrLedgerBehind,
		pipeline.ErrReplay, pipeline.ErrBlock, pipeline.ErrHalted, pipeline.ErrAudit} {
		if errors.Is(err, known) {
			return true
		}
	}
	return false
}

// letter is a frame between replicas.
type letter struct {
	from wire.ReplicaID
	kind wire.Kind
	body []byte
}

// node is one replica and its disk.
type node struct {
	c       *crowd
	id      wire.ReplicaID
	disk    pipeline.Disk
	replica *pipeline.Replica
	found   pipeline.Found
	stages  []pipeline.Stage
	inbox   []letter
	up      bool
	links   []bool
	said    *record // what left it, over all its lives
	alone   bool    // nobody is there, but it does not know
}

// crowd is a cluster that is stepped by hand.
type crowd struct {
	setup   *Setup
	nodes   []*node
	ticks   uint64
	cut     func(from, to wire.ReplicaID) bool // nil: no frame is lost
	clients clients
	chain   *chain
	ids     uint64 // next transfer id
	problem string
	between func()                             // called between steps; nil: nothing
	spoke   func(id wire.ReplicaID, words int) // called when a replica said something new; nil: nothing
}

func newCrowd(s *Setup) *crowd {
	c := &crowd{setup: s, ids: 1, chain: &chain{setup: s}, clients: clients{setup: s, acks: map[requestKey]ack{}}}
	for i := range s.Quorums.N {
		c.nodes = append(c.nodes, &node{c: c, id: wire.ReplicaID(i), links: make([]bool, s.Quorums.N), said: newRecord(wire.ReplicaID(i))})
	}
	return c
}

func (c *crowd) fail(format string, args ...any) {
	if c.problem == "" {
		c.problem = fmt.Sprintf(format, args...)
	}
}

// start opens replica i on a file system.
func (c *crowd) start(i int, fs storage.FS) error {
	n := c.nodes[i]
	n.disk = c.setup.Disk
	n.disk.FS = fs
	clock := func() uint64 { return c.setup.Now + c.ticks*tickNanos }
	r, found, err := pipeline.Open(c.setup.config(n.id, clock), c.setup.Suites[i], port{n}, n.disk)
	n.found = found
	if err != nil {
		return err
	}
	n.replica, n.stages, n.up, n.inbox = r, r.Stages(), true, nil
	return nil
}

// stop forgets a replica as a killed process does; its files are closed behind
// it, which changes nothing on a disk that was copied before.
func (c *crowd) stop(i int) {
	n := c.nodes[i]
	if n.up {
		n.up = false
		n.replica.Abandon()
		n.replica, n.stages, n.inbox = nil, nil, nil
	}
}

func (c *crowd) stopAll() {
	for i := range c.nodes {
		c.stop(i)
	}
}

// port is a replica's transport.
type port struct{ n *node }

var errDown = errors.New("disks: link is down")

// Send implements pipeline.Transport.
func (p port) Send(to wire.ReplicaID, _ wire.Lane, kind wire.Kind, body []byte) error {
	c, peer := p.n.c, p.n.c.nodes[to]
	if !p.n.links[to] || !peer.up && !p.n.alone {
		return errDown
	}
	if problem := p.n.said.note(c.setup, kind, body); problem != "" {
		c.fail("replica %d: %s", p.n.id, problem)
	}
	if c.spoke != nil {
		c.spoke(p.n.id, len(p.n.said.words))
	}
	if peer.up && (c.cut == nil || !c.cut(p.n.id, to)) {
		peer.inbox = append(peer.inbox, letter{p.n.id, kind, slices.Clone(body)})
	}
	return nil
}

// Reply implements pipeline.Transport.
func (p port) Reply(_ pipeline.ConnID, kind wire.Kind, body []byte) error {
	if kind == wire.KindReply {
		if problem := p.n.c.clients.reply(body); problem != "" {
			p.n.c.fail("replica %d: %s", p.n.id, problem)
		}
	}
	return nil
}

// join brings links up and down so that they are as the replicas are.
func (c *crowd) join() {
	for _, n := range c.nodes {
		for j := range n.links {
			up := n.up && (c.nodes[j].up || n.alone) && j != int(n.id)
			if n.up && up != n.links[j] {
				if up {
					n.replica.Ingress().PeerUp(wire.ReplicaID(j))
				} else {
					n.replica.Ingress().PeerDown(wire.ReplicaID(j))
				}
			}
			n.links[j] = up
		}
	}
}

// settle steps everyone until nothing is left to do before the next tick.
func (c *crowd) settle() {
	for round := 0; round < 2000 && c.problem == ""; round++ {
		worked := false
		for _, n := range c.nodes {
			worked = n.work() || worked
		}
		if !worked {
			return
		}
	}
}

// work delivers what waits for a replica and steps its stages until they rest.
func (n *node) work() (worked bool) {
	if !n.up {
		return false
	}
	inbox := n.inbox
	n.inbox = nil
	for _, l := range inbox {
		worked = true
		n.replica.Ingress().PeerFrame(l.from, l.kind, l.body)
	}
	// The journal comes when nothing else is left to do, or in its turn; the ledger
	// sometimes not for many ticks: what runs ahead of a slow disk must wait for it.
	journalLast := (n.c.ticks/5+uint64(n.id))%2 == 0
	commitStands := !n.alone && (n.c.ticks/20+uint64(n.id))%3 == 1
	for n.replica.Err() == nil {
		again := n.steps(func(name string) bool {
			return name != "commit" && !(journalLast && name == "journal") || name == "commit" && !commitStands
		})
		if !again {
			again = n.steps(func(name string) bool { return name == "journal" })
		}
		if !again {
			return worked
		}
		worked = true
	}
	return worked
}

// steps steps the stages that pick takes, once round, until each rests.
func (n *node) steps(pick func(stage string) bool) (worked bool) {
	for _, s := range n.stages {
		if !pick(s.Name) || !s.Woken() {
			continue
		}
		for s.Step() {
			worked = true
		}
		n.c.chain.follow(n)
		if n.c.between != nil {
			n.c.between()
		}
	}
	return worked
}

// tick lets a tick pass for everyone.
func (c *crowd) tick() {
	c.ticks++
	c.join()
	for _, n := range c.nodes {
		if n.up && n.replica.Err() == nil {
			n.replica.Tick()
		}
	}
	c.clients.resend(c)
	c.settle()
}

// until lets ticks pass until done, at most so many.
func (c *crowd) until(ticks int, done func() bool) bool {
	for range ticks {
		if c.problem != "" {
			return false
		}
		if done() {
			return true
		}
		c.tick()
	}
	return done()
}

// level reports whether all running replicas stand at the end of the chain.
func (c *crowd) level() bool {
	for _, n := range c.nodes {
		if n.up && int(n.replica.Status().Executed) < len(c.chain.headers) {
			return false
		}
	}
	return true
}

// fetched is how many blocks a replica was served by others.
func (n *node) fetched() (blocks uint64) {
	for _, o := range n.c.nodes {
		if o != n && o.up {
			blocks += o.replica.Counters().BlocksServed.Load()
		}
	}
	return blocks
}

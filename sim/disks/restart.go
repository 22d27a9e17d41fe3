package disks

import (
	"quorate/storage"
	"quorate/wire"
)

// This file looks at disks as a crash left them.

// single opens one replica's disk, with nobody around, and questions it (D1, D2,
// D3).
func (s *shooter) single(at *shot) {
	c := s.past(at)
	defer c.stopAll()
	n := c.nodes[at.node]
	n.alone = true
	s.fig.States++
	if !s.open(c, at, at.node, at.images[0]) {
		return
	}
	if _, err := c.chain.verify(n.replica.Ledger()); err != nil {
		s.fail(BadLedger, at, "ledger: %v", err)
		return
	}
	n.question(s, at)
	if c.problem != "" {
		s.fail(Equivocation, at, "%s", c.problem)
	}
	if err := n.replica.Err(); err != nil {
		s.fail(FailedOpen, at, "it stops: %v", err)
	}
}

// past is a crowd that remembers what had been said and acknowledged at a shot.
func (s *shooter) past(at *shot) *crowd {
	c := newCrowd(s.setup)
	c.ticks = s.c.ticks
	c.ids = s.c.ids
	c.chain.headers = append(c.chain.headers, s.c.chain.headers...)
	for i, n := range c.nodes {
		n.said = s.c.nodes[i].said.upTo(at.words[i])
	}
	return c
}

// open opens a disk and reports whether that went as after a mere crash.
func (s *shooter) open(c *crowd, at *shot, i int, image *storage.MemFS) bool {
	err := c.start(i, image)
	f := &c.nodes[i].found
	switch {
	case err != nil:
		s.fail(FailedOpen, at, "replica %d does not open: %v", i, err)
	case f.Journal.Amnesia:
		s.fail(FailedOpen, at, "replica %d is in amnesia after a mere crash: %s", i, f.Journal.Reason)
	case f.Behind != nil:
		s.fail(FailedOpen, at, "replica %d: %v", i, f.Behind)
	}
	if f.Journal.TornBytes > 0 {
		s.fig.Torn++
	}
	return s.fig.Problem == ""
}

// question brings a restarted replica into every situation in which it could
// contradict what it said: it goes on by itself, it is offered other values for
// the slots that it voted for, it is asked by clients, and it has to leave its
// view. What it says is compared as it leaves.
func (n *node) question(s *shooter, at *shot) {
	c := n.c
	for range 2 {
		c.tick()
	}
	st := n.replica.Status()
	words := n.said.words[:at.words[n.id]]
	s.fig.Words += uint64(len(words))
	for _, w := range words {
		switch {
		case w.kind == wire.KindViewChange && w.view > st.View:
			c.fail("it is in view %d after its view change to %d", st.View, w.view)
		case w.kind == wire.KindNewView && w.view > st.View:
			c.fail("it is in view %d after its new view %d", st.View, w.view)
		case w.kind == wire.KindCheckpoint && w.seq > st.Executed:
			c.fail("it signed a checkpoint of %d and has executed %d blocks", w.seq, st.Executed)
		}
	}
	if st.Active {
		for _, w := range words {
			if w.kind == wire.KindSignShare && w.view == st.View && w.seq > st.Stable && st.Primary != n.id {
				n.offer(st.Primary, wire.SlotID{View: w.view, Seq: w.seq})
			}
		}
		c.clients.ask(1, wire.OpCreateTransfers, transfers(c.ids, 2, crashAccounts))
		for i := range c.clients.open {
			c.clients.send(c, &c.clients.open[i])
		}
	}
	for range 2 {
		c.tick()
	}
	for peer := range wire.ReplicaID(c.setup.Quorums.N) {
		if peer != n.id {
			m := &wire.Complaint{View: st.View}
			n.replica.Ingress().PeerFrame(peer, m.Kind(), m.Append(nil))
		}
	}
	for range 2 {
		c.tick()
	}
	if n.said.changes == 0 && c.problem == "" {
		c.fail("it makes no view change in view %d", st.View)
	}
}

// offer proposes an empty batch for a slot under the primary's signature.
func (n *node) offer(primary wire.ReplicaID, slot wire.SlotID) {
	s := n.c.setup
	b := wire.Batch{Time: s.Now + n.c.ticks*tickNanos}
	slot.Digest = wire.BatchDigest(b.Time, nil)
	m := &wire.PrePrepare{Slot: slot, Author: s.Suites[primary].SignIdentity(s.scope().AuthorBytes(slot)), Batch: b.Append(nil)}
	n.replica.Ingress().PeerFrame(primary, m.Kind(), m.Append(nil))
}

// joint starts all replicas from their disks, or all but one, and asks for
// everything that was acknowledged (D4).
func (s *shooter) joint(at *shot) {
	c := s.past(at)
	defer c.stopAll()
	s.fig.Joint++
	absent := int(s.fig.Joint) % (len(c.nodes) + 1) // one of them, or nobody
	for i := range c.nodes {
		if i == absent {
			continue
		}
		s.fig.States++
		s.fig.JointStates++
		if !s.open(c, at, i, at.images[i]) {
			return
		}
	}
	c.clients.recall(&s.c.clients, at.acks)
	wanted := len(c.clients.open)
	s.fig.Acked += uint64(wanted)
	answered := c.until(stepTicks, func() bool { return len(c.clients.open) == 0 })
	switch {
	case c.problem != "":
		s.fail(Equivocation, at, "%s", c.problem)
	case !answered:
		s.fail(LostAck, at, "%d of %d acknowledged requests are not answered again; the first is %d/%d", len(c.clients.open), wanted,
			c.clients.open[0].Client, c.clients.open[0].Seq)
	}
	for i, n := range c.nodes {
		if n.up && n.replica.Err() != nil {
			s.fail(FailedOpen, at, "replica %d stops: %v", i, n.replica.Err())
		}
	}
}

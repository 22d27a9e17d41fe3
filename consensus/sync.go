package consensus

import (
	"quorate/internal/assert"
	"quorate/internal/mark"
	"quorate/internal/plant"
	"quorate/wire"
)

// This file heals gaps: status reports, retransmission, and the fetching of
// bodies and blocks. Whoever is behind asks; whoever sees someone behind helps
// with what is small.

// onStatus notes where a peer stands, and helps it.
func (c *Core) onStatus(from wire.ReplicaID, m *wire.Status) {
	p := &c.peers[from]
	p.known, p.status = true, *m
	p.status.Voted = nil // it aliases the input, and is used only here
	if m.Stable <= c.low() {
		c.noteReport(from, m.Stable)
	}
	if c.now-p.helpTick < c.cfg.Timing.Status/2 && p.helpTick != 0 {
		mark.Hit(mark.StatusHelpPaced)
		return // one help per report interval (RES-02)
	}
	p.helpTick = max(c.now, 1)
	if m.Stable < c.low() {
		mark.Hit(mark.StableShown)
		stable := c.stable
		c.send(from, &stable, 0)
	}
	c.helpView(from, m)
	if k := &c.change.seen[from]; k.msg != nil && k.msg.To > m.View {
		mark.Hit(mark.AmnesiaChangeShown)
		c.send(from, k.msg, 0) // what it promised, and seems to have forgotten
	}
	c.remind(from, m)
	if c.active && m.Active && m.View == c.view && c.isPrimary() {
		c.helpProposals(from, m)
	}
}

// helpProposalsMax bounds the pre-prepares sent again per status report: each
// may carry a whole batch.
const helpProposalsMax = 4

// helpProposals sends pre-prepares again that a backup has not accepted.
func (c *Core) helpProposals(to wire.ReplicaID, m *wire.Status) {
	sent := 0
	for i := wire.SeqNum(0); sent < helpProposalsMax && i < c.cfg.Window; i++ {
		s := c.slot(m.Executed + 1 + i)
		if s == nil || m.Executed+1+i >= c.next {
			return
		}
		voted := int(i/8) < len(m.Voted) && m.Voted[i/8]&(1<<(i%8)) != 0
		if voted || s.committed || !s.own.authored || !s.accepted(c.view) || c.age(s) < c.cfg.Timing.Resend {
			continue
		}
		mark.Hit(mark.ProposalResent)
		c.sendPrePrepare(s, []wire.ReplicaID{to})
		sent++
	}
}

// reportStatus tells everyone where this replica stands.
func (c *Core) reportStatus() {
	m := &wire.Status{View: c.view, Active: c.active, Stable: c.low(), Executed: c.executed, Amnesia: c.amnesia.on}
	var voted [wire.WindowMax / 8]byte
	last := 0
	for i := wire.SeqNum(0); i < c.cfg.Window; i++ {
		s := c.slot(c.executed + 1 + i)
		if s == nil {
			if c.executed+1+i > c.high() {
				break
			}
			continue
		}
		if s.accepted(c.view) || s.committed {
			voted[i/8] |= 1 << (i % 8)
			last = int(i/8) + 1
		}
	}
	m.Voted = append([]byte(nil), voted[:last]...)
	if plant.On(plant.StatusStops) {
		return
	}
	c.broadcast(m, 0)
}

// resend repeats what a slot still waits for: links lose nothing while they are
// up, but they go down, and queues close them when they are full.
func (c *Core) resend(s *slot) {
	t := c.cfg.Timing
	if plant.On(plant.ResendStops) {
		return
	}
	if s.executed && !s.certified && c.now-s.own.sentTick >= t.Resend {
		c.resendExec(s) // also when the proof that it was committed is in the ledger only
	}
	if s.committed {
		c.fetchCommitted(s)
		return
	}
	if !c.active || !s.accepted(c.view) {
		return
	}
	if c.age(s) >= c.fastWait+2 && !c.amnesia.on {
		mark.If(!s.own.wantTau, mark.SlowTauOnDemand)
		c.signTau(s) // the slot is late: the slow path will need it
	}
	if c.now-s.own.sentTick < t.Resend || !s.own.hasSigma {
		return
	}
	s.own.sentTick = c.now
	mark.Hit(mark.ShareResent)
	to := c.collectors(s)
	if c.age(s) >= t.Fallback {
		mark.Hit(mark.ShareToAll)
		to = c.everyone
	}
	c.sendShare(s, to)
	if s.own.hasTwo {
		mark.Hit(mark.CommitShareResent)
		c.sendCommit(s, to)
	}
	if s.collect.tauSent != 0 && c.now-s.collect.tauSent >= t.Resend {
		mark.Hit(mark.PrepareResent)
		s.collect.tauSent = c.now
		c.broadcast(&wire.Prepare{Slot: wire.SlotID{View: c.view, Seq: s.seq, Digest: s.collect.tauDigest}, Tau: s.collect.tauCert}, 0)
	}
}

// resendExec repeats this replica's share of π, to everyone once it is late.
func (c *Core) resendExec(s *slot) {
	r := &s.execShares[c.cfg.Self]
	if !r.has {
		return
	}
	mark.Hit(mark.PiShareResent)
	s.own.sentTick = c.now
	c.broadcast(&wire.SignState{Seq: s.seq, Digest: s.exec, Share: r.share}, 0)
	c.collectExec(s)
}

// Bodies.

// fetchCommitted asks for the body of a committed slot: first whoever sent the
// proof, then everyone in turn. A proof is often faster than its large
// pre-prepare, which is given a little time to come by itself.
func (c *Core) fetchCommitted(s *slot) {
	t := c.cfg.Timing
	switch {
	case !c.lacksBody(s) || c.now-s.commitTick < t.Stagger:
	case s.verifying&verifyPropose != 0 && c.now-s.commitTick < t.Fetch:
		mark.Hit(mark.BodyFetchWaits)
	case s.fetchTick == 0 && s.bodyFrom != c.cfg.Self:
		mark.Hit(mark.BodyFromProver)
		c.fetchBody(s, s.bodyFrom)
	case s.fetchTick == 0 || c.now-s.fetchTick >= t.Fetch:
		mark.Hit(mark.BodyInTurn)
		c.fetchBody(s, c.inTurn(s))
	}
}

// inTurn is another replica to ask about a slot, a new one each Fetch ticks.
func (c *Core) inTurn(s *slot) wire.ReplicaID {
	return c.others[(uint64(s.seq)+c.now/c.cfg.Timing.Fetch)%uint64(len(c.others))]
}

// fetchBody asks for the body of a committed or decided slot.
func (c *Core) fetchBody(s *slot, from wire.ReplicaID) {
	s.fetchTick = max(c.now, 1)
	c.send(from, &wire.FetchBody{Digest: c.wanted(s)}, 0)
}

// wanted is the value whose body the slot lacks.
func (c *Core) wanted(s *slot) wire.Digest {
	if s.committed {
		return s.proof.Slot.Digest
	}
	return s.decided
}

func (c *Core) onFetchBody(from wire.ReplicaID, m *wire.FetchBody) {
	if from == c.cfg.Self || m.Digest.IsNull() || !c.mayServe(from, m.Kind()) {
		return
	}
	for i := range c.slots {
		if c.slots[i].holds(m.Digest) {
			mark.Hit(mark.BodyServed)
			c.emit(Serve{To: from, Body: m.Digest})
			return
		}
	}
	mark.Hit(mark.BodyUnknown)
}

// onBody admits a body only while some slot waits for one.
func (c *Core) onBody(from wire.ReplicaID, m *wire.Body) {
	for i := range c.slots {
		s := &c.slots[i]
		if c.lacksBody(s) {
			c.emit(Verify{From: from, Msg: m})
			return
		}
	}
	c.reject(from, m.Kind(), RejectDuplicate)
}

func (c *Core) lacksBody(s *slot) bool {
	if s.committed {
		return !s.dispatched && !s.holds(s.proof.Slot.Digest)
	}
	return s.hasDecided && !s.holds(s.decided)
}

// bodyVerified gives the body to the slots that wait for it.
func (c *Core) bodyVerified(e Verified) {
	if e.Verdict != VerdictOK {
		c.reject(e.From, wire.KindBody, RejectForged)
		return
	}
	used := false
	for i := range c.slots {
		s := &c.slots[i]
		if c.lacksBody(s) && c.wanted(s) == e.Digest {
			c.hold(s, e.Digest)
			used = true
		}
	}
	if !used {
		mark.Hit(mark.BodyUseless)
		c.forget(e.Digest)
		return
	}
	c.acceptDecided()
	c.release()
}

// Blocks.

// onFetchBlocks lets the pipeline serve executed slots, at a bounded rate per
// peer.
func (c *Core) onFetchBlocks(from wire.ReplicaID, m *wire.FetchBlocks) {
	if from == c.cfg.Self || m.From > c.executed || !c.mayServe(from, m.Kind()) {
		return
	}
	c.emit(Serve{To: from, From: m.From, Up: min(m.To, c.executed)})
}

// servesMax bounds the bodies and ranges of blocks that one peer is served in
// one tick: a request is small and its answer is not (RES-03).
const servesMax = 4

func (c *Core) mayServe(to wire.ReplicaID, k wire.Kind) bool {
	p := &c.peers[to]
	if p.servedAt != c.now {
		p.servedAt, p.served = c.now, 0
	}
	if p.served >= servesMax {
		c.reject(to, k, RejectBusy)
		return false
	}
	p.served++
	return true
}

// behind is the highest slot that this replica has reason to believe executed
// elsewhere.
func (c *Core) behind() wire.SeqNum {
	seq := c.low()
	for i := range c.peers {
		if c.peers[i].known {
			seq = max(seq, c.peers[i].status.Executed)
		}
	}
	return seq
}

// fetchBlocks asks one peer for the blocks after the last one at hand. Peers
// take turns, so that one that lies or sleeps costs one Fetch interval.
func (c *Core) fetchBlocks() {
	next := c.dispatched + 1 + wire.SeqNum(len(c.catchup))
	for range c.others {
		c.fetchPeer = (c.fetchPeer + 1) % len(c.others)
		id := c.others[c.fetchPeer]
		if p := &c.peers[id]; p.known && p.status.Executed >= next {
			c.askBlocks(id, next)
			return
		}
	}
}

func (c *Core) askBlocks(id wire.ReplicaID, from wire.SeqNum) {
	up := min(from+wire.FetchBlocksMax-1, c.peers[id].status.Executed)
	if up < from {
		return
	}
	c.fetchTick, c.fetchOut = c.now, true
	c.peers[id].asked = true
	c.send(id, &wire.FetchBlocks{From: from, To: up}, 0)
}

// catchupMax bounds the fetched blocks that wait for execution, beside those
// that a moving window left over.
const catchupMax = 2 * wire.FetchBlocksMax

// onBlocks admits blocks that were asked for, and that continue what this
// replica has: unasked ones would make it verify at a peer's pleasure.
func (c *Core) onBlocks(from wire.ReplicaID, m *wire.Blocks) {
	if !c.peers[from].asked {
		c.reject(from, m.Kind(), RejectSender)
		return
	}
	c.peers[from].asked = false
	first, last := m.Blocks[0].Proof.Slot.Seq, m.Blocks[len(m.Blocks)-1].Proof.Slot.Seq
	next := c.dispatched + 1 + wire.SeqNum(len(c.catchup))
	if last < next || first > next || len(c.catchup) >= catchupMax {
		c.reject(from, m.Kind(), RejectWindow)
		return
	}
	if c.fetchBusy {
		c.reject(from, m.Kind(), RejectBusy) // one answer at a time: the others bring the same blocks
		return
	}
	c.fetchBusy = true
	c.emit(Verify{From: from, Msg: m})
}

// blocksVerified takes proven blocks. Those that do not continue what is at
// hand (a slot was released meanwhile) are given back.
func (c *Core) blocksVerified(e Verified, m *wire.Blocks) {
	c.fetchOut, c.fetchBusy = false, false
	if e.Verdict != VerdictOK {
		c.reject(e.From, m.Kind(), RejectForged)
		return
	}
	for i := range m.Blocks {
		p := m.Blocks[i].Proof
		c.convicted(&p)
		c.disagrees(p.Slot)
		next := c.dispatched + 1 + wire.SeqNum(len(c.catchup))
		if p.Slot.Seq == next && len(c.catchup) < catchupMax+int(c.cfg.Window) {
			c.catchup = append(c.catchup, wire.CommittedSlot{Proof: p})
		} else {
			mark.Hit(mark.BlocksOvertaken)
		}
	}
	for i := range m.Blocks {
		c.forget(m.Blocks[i].Proof.Slot.Digest) // those that were not taken
	}
	c.release()
	c.moreCatchup()
}

func (c *Core) catchupHolds(d wire.Digest) bool {
	for i := range c.catchup {
		if c.catchup[i].Proof.Slot.Digest == d {
			return true
		}
	}
	for i := range c.recovered {
		if c.recovered[i].Slot.Digest == d {
			return true
		}
	}
	return false
}

// releaseCatchup hands out the next slot from the catch-up list.
func (c *Core) releaseCatchup(next wire.SeqNum) bool {
	if len(c.catchup) == 0 {
		return false
	}
	p := c.catchup[0].Proof
	assert.That(p.Slot.Seq == next, "catch-up starts at %d, not %d", p.Slot.Seq, next)
	s := c.slot(next)
	if s != nil {
		if s.committed && s.proof.Slot.Digest != p.Slot.Digest {
			c.halt("two values were committed for one slot")
			return false
		}
		fetched := !s.committed
		if fetched {
			s.committed, s.proof, s.commitTick = true, p, c.now
		}
		if !p.Slot.Digest.IsNull() {
			c.hold(s, p.Slot.Digest)
		} else {
			mark.Hit(mark.CatchupNull)
		}
		if fetched && !plant.On(plant.FetchedBlockNotJournaled) {
			c.persist(&wire.CommittedRecord{Proof: p}, p.Slot.Digest)
		} else {
			mark.Hit(mark.CatchupKnown)
			c.keep(s)
		}
		s.dispatched = true
		c.touch(s)
	}
	c.dispatched = next
	c.catchup = append(c.catchup[:0], c.catchup[1:]...)
	c.emit(Execute{Proof: p})
	if s == nil {
		mark.Hit(mark.CatchupBelowWindow)
		c.forget(p.Slot.Digest)
	}
	return true
}

// moreCatchup asks for the next blocks as soon as the last ones are being used,
// so that a catch-up is bound by execution and not by ticks.
func (c *Core) moreCatchup() {
	if !c.fetching || c.fetchOut || len(c.catchup) > wire.FetchBlocksMax/2 {
		return
	}
	if c.behind() <= c.dispatched+wire.SeqNum(len(c.catchup)) {
		mark.Hit(mark.CaughtUp)
		c.fetching = false
		return
	}
	c.fetchBlocks()
}

// stuckFetches is how many fetch intervals nothing may be executed before this
// replica takes what others have for what it has missed: a slot on its way is
// cheaper than the same slot fetched.
const stuckFetches = 3

// checkBehind starts or repeats a catch-up when others are ahead and nothing
// moves here.
func (c *Core) checkBehind() {
	t := c.cfg.Timing
	if c.fetchBusy || c.fetchOut && c.now-c.fetchTick < t.Fetch {
		mark.If(c.fetchBusy, mark.FetchVerifying)
		// Verifying an answer may take longer than waiting for one: asking the next
		// replica meanwhile would only add the same work again.
		return
	}
	mark.If(c.fetchOut, mark.FetchTimedOut)
	c.fetchOut = false
	patience := stuckFetches * t.Fetch
	if c.low() > c.executed {
		mark.Hit(mark.LeftBehind)
		patience = t.Fetch // the window has left it behind: nothing is on its way
	}
	stuck := c.now-c.executeTick >= patience
	if c.fetching || stuck && c.behind() > c.executed {
		mark.If(!c.fetching, mark.FetchStarts)
		c.fetching = true
		c.moreCatchup()
	}
}

// keepUnexecuted moves committed slots that the window is about to leave, and
// that this replica has not executed yet, to the catch-up list.
func (c *Core) keepUnexecuted(low wire.SeqNum) {
	var kept []wire.CommittedSlot
	for seq := c.dispatched + 1; seq <= min(low, c.high()); seq++ {
		s := c.slot(seq)
		if s == nil || !s.committed || !s.holds(s.proof.Slot.Digest) {
			break
		}
		kept = append(kept, wire.CommittedSlot{Proof: s.proof})
	}
	if len(kept) == 0 {
		return
	}
	mark.Hit(mark.KeptUnexecuted)
	last := kept[len(kept)-1].Proof.Slot.Seq
	for i := range c.catchup {
		if c.catchup[i].Proof.Slot.Seq > last {
			mark.Hit(mark.KeptBeforeCatchup)
			kept = append(kept, c.catchup[i])
		}
	}
	c.catchup = kept
}

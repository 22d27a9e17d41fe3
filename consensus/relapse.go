package consensus

import (
	"quorate/internal/mark"
	"quorate/wire"
)

// This file notices that the disk is an old image of itself (DSK-03). A journal,
// a superblock and a ledger that were rolled back together are in perfect order,
// and nothing on them says what they lack. Others know: a vote leaves only
// behind its record, so a vote of this replica that its journal does not know is
// proof that the journal has forgotten. Such proofs are
//
//   - a fast commit proof where σ needs everybody (c = 0): it holds this
//     replica's own share. Its own ledger has them, and every catch-up brings them;
//   - its own share, shown by a replica that collected it (Reminder);
//   - its own view change to a view above the one that it is in.
//
// Each is checked, so nobody can talk a healthy replica into it. What follows is
// amnesia, as after a lost journal (I8), and for good: a mark in the journal
// outlives restarts.
//
// Until it is shown a proof the replica votes, and counts as one of the f. A
// rolled-back primary on the slow path, with c = 0, whose shares nobody else
// collected, is found by its own equivocation alone (evidence).

// memory is which slots this replica knows that it voted for, for a while after
// the window has left them: blocks that a catch-up brings are mostly behind it.
type memory struct {
	from  wire.SeqNum   // nothing is asked at or below it: votes there were dropped lawfully
	voted []wire.SeqNum // ring by seq: the newest slot of that place that was voted for
}

// memoryWindows is how many windows back votes are remembered.
const memoryWindows = 8

func (m *memory) note(seq wire.SeqNum) {
	at := &m.voted[seq%wire.SeqNum(len(m.voted))]
	*at = max(*at, seq)
}

// remembers reports whether this replica knows that it voted for id, or cannot
// know any more.
func (c *Core) remembers(id wire.SlotID) bool {
	switch {
	case id.Seq <= c.memory.from:
		return true
	case id.Seq <= c.low():
		return c.memory.voted[id.Seq%wire.SeqNum(len(c.memory.voted))] >= id.Seq
	}
	s := c.slot(id.Seq)
	return s != nil && s.hasVote && (s.vote.View > id.View || s.vote.View == id.View && s.vote.Digest == id.Digest)
}

// convicted takes a verified commit proof as what it may be: this replica's own
// vote.
func (c *Core) convicted(p *wire.CommitProof) {
	if p.Fast && c.q.Sigma == c.q.N && !c.amnesia.on && !c.remembers(p.Slot) {
		c.relapse("a fast commit proof holds a vote of this replica that its journal does not know")
	}
}

// remind shows a peer its own share for a slot that its status says it has not
// voted for: the newest one that does not fit.
func (c *Core) remind(to wire.ReplicaID, m *wire.Status) {
	if m.Amnesia {
		return
	}
	for seq := c.high(); seq > max(c.low(), m.Executed); seq-- {
		s := c.slot(seq)
		r := &s.shares[to]
		if r.has&hasSigma == 0 || r.view < m.View || r.view == m.View && votedBit(m, seq) {
			continue
		}
		mark.Hit(mark.AmnesiaReminds)
		c.send(to, &wire.Reminder{Slot: wire.SlotID{View: r.view, Seq: seq, Digest: r.digest}, Sigma: r.sigma}, 0)
		return
	}
}

// votedBit reports what a status says of a slot above its Executed.
func votedBit(m *wire.Status, seq wire.SeqNum) bool {
	i := seq - m.Executed - 1
	return int(i/8) < len(m.Voted) && m.Voted[i/8]&(1<<(i%8)) != 0
}

// onReminder has a share that is said to be this replica's own checked, if it is
// for a vote that this replica does not know. Statuses and shares overtake each
// other, so most reminders are out of date.
func (c *Core) onReminder(from wire.ReplicaID, m *wire.Reminder) {
	switch {
	case c.amnesia.on || c.remembers(m.Slot):
		c.reject(from, m.Kind(), RejectDuplicate)
	case m.Slot.Seq > seqMax:
		c.reject(from, m.Kind(), RejectWindow)
	case c.peers[from].reminding:
		c.reject(from, m.Kind(), RejectBusy)
	default:
		c.peers[from].reminding = true
		c.emit(Verify{From: from, Msg: m})
	}
}

func (c *Core) reminderVerified(e Verified, m *wire.Reminder) {
	c.peers[e.From].reminding = false
	switch {
	case e.Verdict != VerdictOK:
		c.reject(e.From, m.Kind(), RejectForged)
	case !c.amnesia.on && !c.remembers(m.Slot):
		c.relapse("a peer holds a vote of this replica that its journal does not know")
	}
}

// relapse begins amnesia in the middle of a life. What was voted on the word of
// the old journal is neither repeated nor reported; a view change that was on
// its way is dropped, since it may leave votes out.
func (c *Core) relapse(reason string) {
	mark.Hit(mark.AmnesiaRelapse)
	c.amnesia = amnesiaState{on: true, reports: make([]bool, c.q.N)}
	for i := range c.slots {
		c.slots[i].own = ownShares{}
	}
	if !c.active {
		c.leaving, c.change.announced = nil, false
	}
	c.change.pending[c.cfg.Self] = nil
	c.emit(Relapse{Reason: reason})
	c.reportStatus()
}

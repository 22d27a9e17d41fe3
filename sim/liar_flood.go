package sim

import "quorate/wire"

// Floods: questions whose answers are larger than they are, and accusations.

// amplifier asks for everything at once, again and again (strategy 23). The
// checkers bound what honest replicas answer.
func amplifier(l *liar, r *stream) bool {
	chain := l.w.check.chain
	if r.chance(150) { // one question to one replica, many times
		to, once := l.someone(r), *r
		for range 200 {
			again := once
			l.askChange(to, &again)
		}
		return true
	}
	for i := range l.w.q.N {
		to := wire.ReplicaID(i)
		for range r.between(1, 8) {
			switch r.below(4) {
			case 0:
				if len(chain) > 0 {
					l.tell(to, &wire.FetchBody{Digest: chain[len(chain)-1-r.below(min(len(chain), 8))].header.BatchDigest})
				}
			case 1:
				from := wire.SeqNum(1 + r.below(len(chain)+1))
				l.tell(to, &wire.FetchBlocks{From: from, To: from + wire.FetchBlocksMax - 1})
			case 2:
				l.askChange(to, r)
			default:
				l.tell(to, &wire.Status{View: wire.View(r.below(int(l.w.check.views) + 1)), Active: r.chance(500), Amnesia: r.chance(300)})
			}
		}
	}
	return true
}

// evidenceSpam accuses others (strategy 22): with true proposals of theirs, sent
// again, and with false ones beside them.
func evidenceSpam(l *liar, r *stream) bool {
	heads := l.brain.heads
	if len(heads) == 0 {
		return false
	}
	for range r.between(1, 8) {
		h := *heads[r.below(len(heads))]
		if r.chance(600) {
			h.Slot.Digest[r.below(len(h.Slot.Digest))] ^= 1
		}
		if to := l.someone(r); r.chance(300) {
			l.tell(to, &h)
		} else {
			l.tell(to, &wire.Head{Slot: h.Slot, Author: h.Author})
		}
	}
	return true
}

// askChange asks for a view change that exists, or one that does not.
func (l *liar) askChange(to wire.ReplicaID, r *stream) {
	m := &wire.FetchViewChange{View: l.w.check.views, Replica: wire.ReplicaID(r.below(l.w.q.N))}
	if list := l.brain.changes[m.View]; len(list) > 0 {
		c := list[r.below(len(list))]
		m.Replica, m.Digest = c.Replica, l.w.scope.ViewChangeDigest(c)
	}
	l.tell(to, m)
}

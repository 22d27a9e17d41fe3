package consensus

import "quorate/wire"

// liar is a Byzantine replica: a real core whose messages are bent on the way
// out.
type liar struct{}

func (l *liar) send(nd *node, to []wire.ReplicaID, m wire.Message) {
	for _, r := range to {
		nd.w.post(nd, r, m)
	}
}

func (w *world) pastOutcomes(nd *node, past *Past) {}

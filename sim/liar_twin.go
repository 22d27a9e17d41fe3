package sim

import "quorate/wire"

// An identity twin (strategy 24): a second instance of a liar's program with the
// same keys and disks of its own. It answers those whom the brain gives the
// second value, the first instance answers the others; each hears whom it
// answers. So both halves meet a replica that follows every rule.

// twinLife marks events of twins: their lives are counted from here.
const twinLife = 1 << 31

// newTwin makes the second instance of a liar.
func newTwin(n *node) *node {
	t := newNode(n.w, int(n.id))
	t.faulty, t.twin, t.life = true, true, twinLife
	return t
}

// startTwin starts it, with links to everyone.
func (l *liar) startTwin() {
	t := l.twin
	if t == nil {
		return
	}
	t.liar = l
	t.start()
	if !t.up {
		return
	}
	for i := range t.linkUp {
		if id := wire.ReplicaID(i); id != t.id {
			t.linkUp[i] = true
			t.replica.Ingress().PeerUp(id)
		}
	}
	t.schedule()
	l.did(strategyTwin)
}

// twins gives a frame to the second instance, and reports whether it is for that
// one alone: what a client asks is for both.
func (l *liar) twins(e *event) bool {
	if l.twin == nil || !l.twin.up || e.kind == evPeer && !l.brain.second[e.peer] {
		return false
	}
	twin := *e
	twin.life, twin.body = l.twin.life, append([]byte(nil), e.body...)
	l.twin.happen(&twin)
	return true
}

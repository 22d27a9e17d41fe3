package sim

// phase is what a replica was busy with when a fault struck it. Which of several
// counts is by this order.
type phase uint8

const (
	phaseStarting   phase = iota // it has not executed anything since it started
	phaseAmnesia                 // it lost its journal
	phaseBetween                 // it has left a view and not entered the next
	phaseBehind                  // others have agreed on a checkpoint interval more
	phaseCheckpoint              // it reached a checkpoint that is not stable
	phaseSlow                    // its last slot was final by the slow path
	phaseFast                    // by the fast path
	phases
)

var phaseNames = [phases]string{"starting", "amnesia", "between views", "behind", "checkpoint", "slow path", "fast path"}

// Matrix counts faults by kind and phase of the replica that they struck.
type Matrix [faultKinds][phases]uint64

// phase is where a replica stands; a dead one stands where it died.
func (n *node) phase() phase {
	if n.replica == nil {
		return n.diedIn
	}
	s := n.replica.Status()
	interval := n.w.opt.Window / 2
	if s.SlowCommits != n.slowCommits {
		n.lastSlow = true
	} else if s.FastCommits != n.fastCommits {
		n.lastSlow = false
	}
	n.slowCommits, n.fastCommits = s.SlowCommits, s.FastCommits
	switch {
	case s.Executed <= n.startedAt:
		return phaseStarting
	case s.Amnesia:
		return phaseAmnesia
	case !s.Active:
		return phaseBetween
	case int(s.Executed+interval) < len(n.w.check.chain):
		return phaseBehind
	case s.Executed/interval > s.Stable/interval:
		return phaseCheckpoint
	case n.lastSlow:
		return phaseSlow
	}
	return phaseFast
}

// furthest is the replica in the most unusual phase: what strikes all is counted
// there.
func (w *world) furthest() *node {
	best := w.nodes[0]
	for _, n := range w.nodes[1:] {
		if n.up && rare[n.phase()] > rare[best.phase()] {
			best = n
		}
	}
	return best
}

// rare orders phases by how seldom replicas are in them.
var rare = [phases]int{phaseBehind: 6, phaseAmnesia: 5, phaseBetween: 4, phaseCheckpoint: 3, phaseFast: 2, phaseSlow: 1}

// struck gives the phase for a fault that happens now: that of the replica that
// acts. A frame that is lost, late or repeated strikes its sender, a partition
// the primary, and the death of all the replica in the most unusual phase.
func (w *world) struck() phase {
	if w.acts == nil {
		return phaseStarting
	}
	return w.acts.phase()
}

package consensus

// The planted bugs of docs/protocol.md, as other rules for the same model, and
// the canary that each is caught.

import (
	"fmt"
	"testing"

	"quorate/cluster"
	"quorate/wire"
)

// parts computes what the variants are made of: fast claims with a threshold,
// counting only votes of the same view or those above too, and the best lock.
func parts(reports []*wire.SlotEvidence, threshold int, sameView bool) (fv, lv int, fast, lock wire.Digest) {
	fv, lv = -1, -1
	for _, e := range reports {
		if e.HasLock && int(e.Lock.View) > lv {
			lv, lock = int(e.Lock.View), e.Lock.Digest
		}
		if !e.HasVote || int(e.Vote.View) <= fv {
			continue
		}
		n := 0
		for _, o := range reports {
			if o.HasVote && o.Vote.Digest == e.Vote.Digest && (o.Vote.View == e.Vote.View || !sameView && o.Vote.View > e.Vote.View) {
				n++
			}
		}
		if n >= threshold {
			fv, fast = int(e.Vote.View), e.Vote.Digest
		}
	}
	return fv, lv, fast, lock
}

func decideBy(fastWins bool, fast, lock wire.Digest, lv int) wire.Digest {
	switch {
	case fastWins:
		return fast
	case lv >= 0:
		return lock
	}
	return wire.NullDigest
}

func tieToFast(q cluster.Quorums, reports []*wire.SlotEvidence) wire.Digest {
	fv, lv, fast, lock := parts(reports, q.FastClaim, false)
	return decideBy(fv >= 0 && fv >= lv, fast, lock, lv)
}

func fastAlways(q cluster.Quorums, reports []*wire.SlotEvidence) wire.Digest {
	fv, lv, fast, lock := parts(reports, q.FastClaim, false)
	return decideBy(fv >= 0, fast, lock, lv)
}

func slowAlways(q cluster.Quorums, reports []*wire.SlotEvidence) wire.Digest {
	fv, lv, fast, lock := parts(reports, q.FastClaim, false)
	return decideBy(fv >= 0 && lv < 0, fast, lock, lv)
}

func sameViewOnly(q cluster.Quorums, reports []*wire.SlotEvidence) wire.Digest {
	fv, lv, fast, lock := parts(reports, q.FastClaim, true)
	return decideBy(fv > lv, fast, lock, lv)
}

func thresholdHigh(q cluster.Quorums, reports []*wire.SlotEvidence) wire.Digest {
	fv, lv, fast, lock := parts(reports, q.F+q.C+2, false)
	return decideBy(fv > lv, fast, lock, lv)
}

func thresholdLow(q cluster.Quorums, reports []*wire.SlotEvidence) wire.Digest {
	fv, lv, fast, lock := parts(reports, q.F+1, false)
	return decideBy(fv > lv, fast, lock, lv)
}

// shadowed takes the first lock it meets for each (view, digest) and verifies
// only that one: an invalid twin hides a valid certificate.
func shadowed(q cluster.Quorums, reports []*wire.SlotEvidence) wire.Digest {
	kept := make([]*wire.SlotEvidence, len(reports))
	for i, e := range reports {
		kept[i] = e
		if !e.HasLock {
			continue
		}
		first := e
		for _, o := range reports[:i] {
			if o.HasLock && o.Lock.View == e.Lock.View && o.Lock.Digest == e.Lock.Digest {
				first = o
				break
			}
		}
		if first.Lock.Tau == (wire.Certificate{}) {
			without := *e
			without.HasLock = false
			kept[i] = &without
		}
	}
	return safeValue(q, kept)
}

// TestVariantsAreCaught is the canary: a model that finds nothing is worth
// nothing. Each variant is caught within two views at every size at which it is
// one: f+1 is the right threshold where c = 0, so there the model must not
// object. protocol.md lists the eighth for f ≥ 2; with a liar's report in front
// of the honest ones it breaks f = 1 too.
func TestVariantsAreCaught(t *testing.T) {
	for _, v := range []struct {
		name   string
		rule   rule
		forget bool
		forged bool
		noneAt int // no variant at this c; −1: at every size
	}{
		{name: "a tie goes to the fast value", rule: tieToFast, noneAt: -1},
		{name: "the fast value always wins", rule: fastAlways, noneAt: -1},
		{name: "the slow value always wins", rule: slowAlways, noneAt: -1},
		{name: "only votes of the same view", rule: sameViewOnly, noneAt: -1},
		{name: "threshold f+c+2", rule: thresholdHigh, noneAt: -1},
		{name: "threshold f+1", rule: thresholdLow, noneAt: 0},
		{name: "a vote is forgotten on entering a view", rule: ours, forget: true, noneAt: -1},
		{name: "an invalid certificate shadows a valid one", rule: shadowed, forged: true, noneAt: -1},
	} {
		for _, z := range [][2]int{{1, 0}, {1, 1}, {2, 0}} {
			t.Run(fmt.Sprintf("%s f=%d c=%d", v.name, z[0], z[1]), func(t *testing.T) {
				m := newModel(z[0], z[1], v.rule)
				m.forget, m.forged = v.forget, v.forged
				x := m.explore(2)
				switch caught := x.problem != ""; {
				case !caught && z[1] != v.noneAt:
					t.Fatal("not caught")
				case caught && z[1] == v.noneAt:
					t.Fatalf("a correct rule is refused: %s", x.problem)
				}
				t.Logf("after %d states: %s", x.states, x.problem)
			})
		}
	}
}

package consensus

// The planted bugs of docs/protocol.md, as other rules for the same model, and
// the canary that each is caught.

import (
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
		if first.Lock.Tau[0] == 0 {
			without := *e
			without.HasLock = false
			kept[i] = &without
		}
	}
	return safeValue(q, kept)
}

// TestVariantsAreCaught is the canary: a model that finds nothing is worth
// nothing.
func TestVariantsAreCaught(t *testing.T) {
	for _, v := range []struct {
		name   string
		rule   rule
		f, c   int
		forget bool
		forged bool
	}{
		{name: "a tie goes to the fast value", rule: tieToFast, f: 1},
		{name: "the fast value always wins", rule: fastAlways, f: 1},
		{name: "the slow value always wins", rule: slowAlways, f: 1},
		{name: "only votes of the same view", rule: sameViewOnly, f: 1},
		{name: "threshold f+c+2", rule: thresholdHigh, f: 1},
		{name: "a vote is forgotten on entering a view", rule: ours, f: 1, forget: true},
		{name: "threshold f+1 with c=1", rule: thresholdLow, f: 1, c: 1},
		{name: "an invalid certificate shadows a valid one", rule: shadowed, f: 2, forged: true},
	} {
		t.Run(v.name, func(t *testing.T) {
			m := newModel(v.f, v.c, v.rule)
			m.forget, m.forged = v.forget, v.forged
			var problem string
			if v.f == 1 && v.c == 0 {
				problem, _ = m.exhaust()
			} else {
				problem = m.walk(40000, 60)
			}
			if problem == "" {
				t.Fatal("not caught")
			}
			t.Log(problem)
		})
	}
}

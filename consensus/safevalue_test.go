package consensus

// Aim: SafeValues is the rule of docs/protocol.md, to the letter.
// Method: a slow twin that follows the text word by word, against every small
// set of reports for (f, c) = (1, 0), and against random sets with many slots,
// different stable checkpoints and larger quorums. What the rule is good for is
// in safemodel_test.go.

import (
	"slices"
	"testing"

	"quorate/cluster"
	"quorate/wire"
)

// slowSafeValues is the rule as protocol.md writes it.
func slowSafeValues(q cluster.Quorums, window wire.SeqNum, vcs []*wire.ViewChange) (wire.SeqNum, []wire.Digest) {
	base, top := wire.SeqNum(0), wire.SeqNum(0)
	for _, m := range vcs {
		base = max(base, m.Stable.State.Seq)
	}
	top = base
	for _, m := range vcs {
		for _, e := range m.Slots {
			top = max(top, min(e.Seq, base+window))
		}
	}
	var values []wire.Digest
	for s := base + 1; s <= top; s++ {
		var reports []wire.SlotEvidence
		for _, m := range vcs {
			for _, e := range m.Slots {
				if e.Seq == s {
					reports = append(reports, e)
				}
			}
		}
		values = append(values, slowSafeValue(q, reports))
	}
	return base, values
}

func slowSafeValue(q cluster.Quorums, reports []wire.SlotEvidence) wire.Digest {
	lv, locked := int64(-1), wire.NullDigest
	for _, e := range reports {
		if e.HasLock && int64(e.Lock.View) > lv {
			lv, locked = int64(e.Lock.View), e.Lock.Digest
		}
	}
	fv, fast := int64(-1), wire.NullDigest
	for _, candidate := range reports {
		var views []int64
		for _, e := range reports {
			if candidate.HasVote && e.HasVote && e.Vote.Digest == candidate.Vote.Digest {
				views = append(views, int64(e.Vote.View))
			}
		}
		slices.Sort(views)
		slices.Reverse(views)
		if need := q.F + q.C + 1; len(views) >= need && views[need-1] > fv {
			fv, fast = views[need-1], candidate.Vote.Digest
		}
	}
	switch {
	case fv > lv:
		return fast
	case lv >= 0:
		return locked
	}
	return wire.NullDigest
}

// value names a small number of digests: 0 is null.
func value(i int) (d wire.Digest) {
	d[0] = byte(i)
	return d
}

func TestSafeValueExhaustive(t *testing.T) {
	q, _ := cluster.NewQuorums(4, 1, 0)
	const views, values = 3, 3
	var options []wire.SlotEvidence
	for vote := range views*values + 1 {
		for lock := range views*values + 1 {
			e := wire.SlotEvidence{Seq: 1}
			if vote > 0 {
				e.HasVote, e.Vote = true, wire.Vote{View: wire.View((vote - 1) / values), Digest: value((vote - 1) % values)}
			}
			if lock > 0 {
				e.HasLock, e.Lock = true, wire.Lock{View: wire.View((lock - 1) / values), Digest: value((lock - 1) % values)}
			}
			options = append(options, e)
		}
	}
	n := 0
	for i := range options {
		for j := range options {
			for k := j; k < len(options); k++ {
				set := []*wire.SlotEvidence{&options[i], &options[j], &options[k]}
				if !consistentLocks(set) {
					continue
				}
				n++
				got, want := safeValue(q, set), slowSafeValue(q, []wire.SlotEvidence{options[i], options[j], options[k]})
				if got != want {
					t.Fatalf("%+v: got %v, the rule says %v", set, got, want)
				}
			}
		}
	}
	t.Logf("%d sets", n)
}

// consistentLocks leaves out what valid certificates exclude: two values locked
// in one view. The order of reports would then matter.
func consistentLocks(set []*wire.SlotEvidence) bool {
	for i, a := range set {
		for _, b := range set[:i] {
			if a.HasLock && b.HasLock && a.Lock.View == b.Lock.View && a.Lock.Digest != b.Lock.Digest {
				return false
			}
		}
	}
	return true
}

func TestSafeValuesTwin(t *testing.T) {
	r := splitmix(7)
	for round := range 20000 {
		f, c := 1+r.below(3), r.below(3)
		q, err := cluster.NewQuorums(3*f+2*c+1, f, c)
		if err != nil {
			t.Fatal(err)
		}
		window := wire.SeqNum(4 + 2*r.below(7))
		var locked [64][4]int // value locked in (seq, view)
		for i := range locked {
			for j := range locked[i] {
				locked[i][j] = r.below(3)
			}
		}
		var vcs []*wire.ViewChange
		for range q.ViewChange {
			m := &wire.ViewChange{To: 4}
			m.Stable.State.Seq = window / 2 * wire.SeqNum(r.below(4))
			for s := m.Stable.State.Seq + 1; s <= m.Stable.State.Seq+window; s++ {
				e := wire.SlotEvidence{Seq: s, HasVote: r.chance(600), HasLock: r.chance(200)}
				if e.HasVote {
					e.Vote = wire.Vote{View: wire.View(r.below(4)), Digest: value(r.below(3))}
				}
				if e.HasLock {
					v := r.below(4)
					e.Lock = wire.Lock{View: wire.View(v), Digest: value(locked[s][v])}
				}
				if e.HasVote || e.HasLock {
					m.Slots = append(m.Slots, e)
				}
			}
			vcs = append(vcs, m)
		}
		base, got := SafeValues(q, window, vcs)
		slowBase, want := slowSafeValues(q, window, vcs)
		if base != slowBase || !slices.Equal(got, want) {
			t.Fatalf("round %d: got %d %v, the rule says %d %v", round, base, got, slowBase, want)
		}
	}
}

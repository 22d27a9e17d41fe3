package consensus

// Aim: whatever was committed in some view, every later new view keeps it; and
// the rule is tight: the unsafe variants of docs/protocol.md are each caught.
// Method: a model of one slot over views. A state is what each honest replica
// accepted and locked last, which certificates exist, and what was committed.
// One step is one view: every honest replica accepts nothing or any value that
// some valid set of view changes allows (the primary may lie and show each its
// own set; up to f liars report any vote and any certificate that exists), then
// any of them may lock what was prepared. For (1,0) all states of three views
// are visited; for larger clusters random walks. The model calls the room's own
// function; variants stand here.

import (
	"fmt"
	"testing"

	"quorate/cluster"
	"quorate/wire"
)

// rule chooses one slot's value from reports; absent reports are left out.
type rule func(q cluster.Quorums, reports []*wire.SlotEvidence) wire.Digest

const (
	modelViews  = 3 // views 0..2 are played, the new view into each and into 3 is checked
	modelValues = 3 // null and two batches
	modelHonest = 5 // at most
)

// ballot is (view, value) of a vote or lock, 0 for none, else 1+view*values+value.
type ballot uint8

func ballotOf(view, value int) ballot { return ballot(1 + view*modelValues + value) }
func (m ballot) view() int            { return (int(m) - 1) / modelValues }
func (m ballot) value() int           { return (int(m) - 1) % modelValues }

// modelState is comparable, so that states can be looked up.
type modelState struct {
	vote, lock [modelHonest]ballot
	certs      [modelViews]ballot // the certificate that exists for each view
	committed  uint8              // 1+value; 0: nothing
}

type model struct {
	q      cluster.Quorums
	rule   rule
	honest int
	forget bool // variant: entering a view forgets the vote
	forged bool // variant: liars' certificates are not verified one by one
	rnd    splitmix
}

func newModel(f, c int, r rule) *model {
	q, err := cluster.NewQuorums(3*f+2*c+1, f, c)
	if err != nil {
		panic(err)
	}
	return &model{q: q, rule: r, honest: q.N - f, rnd: 1}
}

// evidence turns marks into a report; nil when there is nothing to report.
func evidence(vote, lock ballot, bad bool) *wire.SlotEvidence {
	if vote == 0 && lock == 0 {
		return nil
	}
	e := &wire.SlotEvidence{Seq: 1, HasVote: vote != 0, HasLock: lock != 0}
	if vote != 0 {
		e.Vote = wire.Vote{View: wire.View(vote.view()), Digest: value(vote.value())}
	}
	if lock != 0 {
		e.Lock = wire.Lock{View: wire.View(lock.view()), Digest: value(lock.value())}
		if !bad {
			e.Lock.Tau = combinedTag(PurposeTau, e.Lock.Digest)
		}
	}
	return e
}

// allowed is the set of values that some new view into v allows, as bits. sets
// are visited all, or so many at random.
func (m *model) allowed(s *modelState, v, samples int) (bits uint8) {
	lies := m.lies(s, v)
	visit := func(honest []int, lie []int) {
		var reports []*wire.SlotEvidence
		// Liars' reports come first: the order must not matter.
		for _, i := range lie {
			if lies[i] != nil {
				reports = append(reports, lies[i])
			}
		}
		for _, h := range honest {
			if e := evidence(s.vote[h], s.lock[h], false); e != nil {
				reports = append(reports, e)
			}
		}
		if len(reports) == 0 {
			bits |= 1<<modelValues - 1 // above the top: free
			return
		}
		bits |= 1 << m.rule(m.q, reports)[0]
	}
	if samples > 0 {
		for range samples {
			liars := m.rnd.below(m.q.F + 1)
			if m.rnd.chance(700) {
				liars = m.q.F
			}
			perm := m.pick(m.honest, m.q.ViewChange-liars)
			lie := make([]int, liars)
			for i := range lie {
				lie[i] = m.rnd.below(len(lies))
			}
			visit(perm, lie)
		}
		return bits
	}
	for liars := range m.q.F + 1 {
		subsets(m.honest, m.q.ViewChange-liars, func(honest []int) {
			tuples(len(lies), liars, func(lie []int) { visit(honest, lie) })
		})
	}
	return bits
}

// lies lists what a liar may report into view v.
func (m *model) lies(s *modelState, v int) (out []*wire.SlotEvidence) {
	locks := []ballot{0}
	for u := range min(v, modelViews) {
		if s.certs[u] != 0 {
			locks = append(locks, s.certs[u])
		}
	}
	for vote := ballot(0); vote <= ballotOf(v-1, modelValues-1); vote++ {
		for _, lock := range locks {
			out = append(out, evidence(vote, lock, false))
		}
		if m.forged {
			for lock := ballotOf(0, 0); lock <= ballotOf(v-1, modelValues-1); lock++ {
				out = append(out, evidence(vote, lock, true))
			}
		}
	}
	return out
}

// pick draws k of n in ascending order.
func (m *model) pick(n, k int) []int {
	var out []int
	for i := range n {
		if m.rnd.below(n-i) < k-len(out) {
			out = append(out, i)
		}
	}
	return out
}

// subsets visits the k-subsets of 0..n-1.
func subsets(n, k int, visit func([]int)) {
	set := make([]int, k)
	var place func(i, from int)
	place = func(i, from int) {
		if i == k {
			visit(set)
			return
		}
		for x := from; x <= n-(k-i); x++ {
			set[i] = x
			place(i+1, x+1)
		}
	}
	if k >= 0 && k <= n {
		place(0, 0)
	}
}

// tuples visits the ascending k-tuples of 0..n-1: liars are alike.
func tuples(n, k int, visit func([]int)) {
	t := make([]int, k)
	var place func(i, from int)
	place = func(i, from int) {
		if i == k {
			visit(t)
			return
		}
		for x := from; x < n; x++ {
			t[i] = x
			place(i+1, x)
		}
	}
	place(0, 0)
}

// accept plays view v: replica h accepts values[h] (−1: nothing). It returns the
// value that became prepared, if any, and notes what was committed. It reports
// false when two values are committed.
func (m *model) accept(s *modelState, v int, values []int) (prepared int, ok bool) {
	prepared = -1
	var count [modelValues]int
	for h, x := range values {
		if x >= 0 {
			s.vote[h] = ballotOf(v, x)
			count[x]++
		} else if m.forget && v > 0 {
			s.vote[h] = 0
		}
	}
	ok = true
	for x, k := range count {
		if k+m.q.F >= m.q.Tau && prepared < 0 { // at most one: two quorums share an honest replica
			prepared = x
			s.certs[v] = ballotOf(v, x)
		}
		if k+m.q.F >= m.q.Sigma {
			ok = s.commit(x)
		}
	}
	return prepared, ok
}

func (s *modelState) commit(x int) bool {
	if s.committed != 0 && s.committed != uint8(1+x) {
		return false
	}
	s.committed = uint8(1 + x)
	return true
}

// locks plays the slow path: replica h locks what view v prepared.
func (m *model) locks(s *modelState, v, prepared int, who []bool) bool {
	signed := 0
	for h, yes := range who {
		if yes {
			s.lock[h] = ballotOf(v, prepared)
			if s.vote[h] == ballotOf(v, prepared) {
				signed++
			}
		}
	}
	if signed+m.q.F >= m.q.Tau {
		return s.commit(prepared)
	}
	return true
}

// exhaust visits every state, level by level; it returns a violation or "".
func (m *model) exhaust(visit func([]modelState)) (string, int) {
	level := []modelState{{}}
	visited := 0
	for v := range modelViews + 1 {
		seen := map[modelState]bool{} // looked up only
		var next []modelState
		for i := range level {
			s := &level[i]
			visited++
			bits := uint8(1<<modelValues - 1) // view 0 takes anything
			if v > 0 {
				bits = m.allowed(s, v, 0)
				if s.committed != 0 && bits != 1<<(s.committed-1) {
					return fmt.Sprintf("view %d allows %03b, committed was %d: %+v", v, bits, s.committed-1, *s), visited
				}
			}
			if v == modelViews {
				continue
			}
			m.successors(s, v, bits, func(t modelState, ok bool) {
				t = t.canonical(m.honest)
				if ok && !seen[t] {
					seen[t] = true
					next = append(next, t)
				}
			})
		}
		level = next
		visit(level)
	}
	return "", visited
}

// canonical sorts the replicas: they are alike.
func (s modelState) canonical(n int) modelState {
	for i := 1; i < n; i++ {
		for j := i; j > 0; j-- {
			a, b := int(s.vote[j-1])<<8|int(s.lock[j-1]), int(s.vote[j])<<8|int(s.lock[j])
			if a <= b {
				break
			}
			s.vote[j-1], s.vote[j] = s.vote[j], s.vote[j-1]
			s.lock[j-1], s.lock[j] = s.lock[j], s.lock[j-1]
		}
	}
	return s
}

// successors visits all ways through view v.
func (m *model) successors(s *modelState, v int, bits uint8, visit func(modelState, bool)) {
	var options []int
	for x := range modelValues {
		if bits&(1<<x) != 0 {
			options = append(options, x)
		}
	}
	options = append(options, -1)
	values := make([]int, m.honest)
	var choose func(h int)
	choose = func(h int) {
		if h < m.honest {
			for _, x := range options {
				values[h] = x
				choose(h + 1)
			}
			return
		}
		t := *s
		prepared, ok := m.accept(&t, v, values)
		if prepared < 0 || !ok {
			visit(t, ok)
			return
		}
		for mask := range 1 << m.honest {
			who := make([]bool, m.honest)
			for i := range who {
				who[i] = mask&(1<<i) != 0
			}
			u := t
			ok := m.locks(&u, v, prepared, who)
			visit(u, ok)
		}
	}
	choose(0)
}

// walk plays random histories, with a bias to what is dangerous: votes that are
// just enough, locks that are just enough, replicas that skip views.
func (m *model) walk(walks, samples int) string {
	r := &m.rnd
	for range walks {
		var s modelState
		for v := range modelViews + 1 {
			bits := uint8(1<<modelValues - 1)
			if v > 0 {
				bits = m.allowed(&s, v, samples)
				if s.committed != 0 && bits != 1<<(s.committed-1) {
					return fmt.Sprintf("view %d allows %03b, committed was %d: %+v", v, bits, s.committed-1, s)
				}
			}
			if v == modelViews {
				break
			}
			var options []int
			for x := range modelValues {
				if bits&(1<<x) != 0 {
					options = append(options, x)
				}
			}
			favourite := options[r.below(len(options))]
			absent, stray := 100*r.below(6), 150*r.below(4)
			values := make([]int, m.honest)
			for h := range values {
				values[h] = favourite
				if r.chance(stray) {
					values[h] = options[r.below(len(options))]
				}
				if r.chance(absent) {
					values[h] = -1
				}
			}
			prepared, _ := m.accept(&s, v, values)
			if prepared >= 0 {
				who, p := make([]bool, m.honest), 200*r.below(6)
				for i := range who {
					who[i] = r.chance(p)
				}
				m.locks(&s, v, prepared, who)
			}
		}
	}
	return ""
}

// ours is the rule that the room uses.
func ours(q cluster.Quorums, reports []*wire.SlotEvidence) wire.Digest { return safeValue(q, reports) }

// verifying checks each certificate by itself. The room refuses the whole report
// with an invalid one, so that its signer has to send a better one or none; to
// the rule that is a liar who reports no lock.
func verifying(q cluster.Quorums, reports []*wire.SlotEvidence) wire.Digest {
	kept := make([]*wire.SlotEvidence, 0, len(reports))
	for _, e := range reports {
		if e.HasLock && e.Lock.Tau == (wire.Certificate{}) {
			without := *e
			without.HasLock = false
			e = &without
		}
		kept = append(kept, e)
	}
	return safeValue(q, kept)
}

func TestSafetyWalks(t *testing.T) {
	for _, size := range [][2]int{{1, 1}, {2, 0}} {
		m := newModel(size[0], size[1], ours)
		if problem := m.walk(1000, 60); problem != "" {
			t.Errorf("f=%d c=%d: %s", size[0], size[1], problem)
		}
	}
	m := newModel(2, 0, verifying)
	m.forged = true
	if problem := m.walk(1000, 60); problem != "" {
		t.Errorf("with forged certificates: %s", problem)
	}
}

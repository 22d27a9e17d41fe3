package consensus

// Aim: the model of safemodel_test.go for larger clusters: every state of three
// views for (f,c) = (1,1) and (2,0) too.
// Method: the same steps, with four savings that lose no state.
//   - Honest replicas are alike, and so are the two batches: of the states that
//     differ by such a renaming one is kept.
//   - Replicas in the same state choose in ascending order.
//   - Only sets with exactly f liars are looked at: a liar may say what an honest
//     replica would, so those with fewer are among them.
//   - What a set of honest reports allows, over all that liars may add, is
//     computed once for all states that contain it.
//
// A state is one word. The obvious exploration of safemodel_test.go is the twin
// that this one is compared with. go test visits all three views of (1,0) and two
// of the others; -vcmodel (make vcmodel) visits three of (1,1) and (2,0).

import (
	"flag"
	"fmt"
	"slices"
	"testing"

	"quorate/wire"
)

var vcmodelFlag = flag.Bool("vcmodel", false, "visit every state of three views of the larger clusters too")

// packed is a state: a byte for each honest replica (vote, lock<<4), then two
// bits for each view's certificate and for what was committed (1+value, 0: none).
type packed uint64

const (
	honestMax   = 7
	certShift   = 8 * honestMax
	commitShift = certShift + 2*modelViews
	certMask    = 1<<(2*modelViews) - 1
)

func (s packed) report(i int) uint8 { return uint8(s >> (8 * i)) }
func (s packed) certs() packed      { return s >> certShift & certMask }
func (s packed) committed() int     { return int(s>>commitShift) - 1 }

// canonical sorts the replicas, and takes the smaller of the two states that the
// names of the batches give.
func (s packed) canonical(honest int) packed {
	var a, b [honestMax]uint8
	for i := range honest {
		a[i] = s.report(i)
		b[i] = swapped[a[i]]
	}
	rest := s >> certShift
	other := rest
	for pos := 0; pos < 2*(modelViews+1); pos += 2 {
		if rest>>pos&2 != 0 { // 2 and 3 are the two batches
			other ^= 1 << pos
		}
	}
	return min(packSorted(&a, honest)|rest<<certShift, packSorted(&b, honest)|other<<certShift)
}

func packSorted(b *[honestMax]uint8, n int) (s packed) {
	for i := 1; i < n; i++ {
		for j := i; j > 0 && b[j-1] > b[j]; j-- {
			b[j-1], b[j] = b[j], b[j-1]
		}
	}
	for i := range n {
		s |= packed(b[i]) << (8 * i)
	}
	return s
}

// swapped gives a replica's byte with the two batches exchanged.
var swapped = func() (t [256]uint8) {
	swap := func(m ballot) ballot {
		if m == 0 || m.value() == 0 {
			return m
		}
		return ballotOf(m.view(), modelValues-m.value())
	}
	for i := range t {
		t[i] = uint8(swap(ballot(i&15))) | uint8(swap(ballot(i>>4)))<<4
	}
	return t
}()

// packedSet is a set of states: a map of tens of millions of words would not fit.
type packedSet struct {
	slots []packed // 1 + state; 0: free
	n     int
}

// add reports whether s is new.
func (t *packedSet) add(s packed) bool {
	if 4*t.n >= 3*len(t.slots) {
		old := t.slots
		t.slots, t.n = make([]packed, max(1024, 2*len(old))), 0
		for _, o := range old {
			if o != 0 {
				t.add(o - 1)
			}
		}
	}
	mask := uint64(len(t.slots) - 1)
	for i := (uint64(s) * 0x9e3779b97f4a7c15) >> 20 & mask; ; i = (i + 1) & mask {
		switch t.slots[i] {
		case 0:
			t.slots[i] = s + 1
			t.n++
			return true
		case s + 1:
			return false
		}
	}
}

// explorer visits the states of one model.
type explorer struct {
	*model
	view        int
	memo        map[uint64]uint8 // by honest reports and certificates: what is allowed into view
	keep        bool             // also what is of no use, for the twin
	states      int
	transitions int
	problem     string
}

// explore visits all states of so many views and returns a violation, if any.
// A violation ends it.
func (m *model) explore(views int) *explorer {
	x := &explorer{model: m}
	x.run(views, func([]packed) {})
	return x
}

// run shows each level of states to visit.
func (x *explorer) run(views int, visit func([]packed)) {
	level := []packed{0}
	for x.view = 0; x.view <= views && x.problem == ""; x.view++ {
		x.memo = map[uint64]uint8{}
		var seen packedSet
		var next []packed
		last := x.view == views-1
		for _, s := range level {
			x.states++
			bits := uint8(1<<modelValues - 1) // view 0 takes anything
			if x.view > 0 {
				bits = x.allowedInto(s)
			}
			if k := s.committed(); x.view > 0 && k >= 0 && bits != 1<<k {
				x.problem = fmt.Sprintf("view %d allows %03b, committed was %d: %s", x.view, bits, k, x.text(s))
				break
			}
			if x.view == views {
				continue
			}
			x.through(s, bits, func(t packed) {
				x.transitions++
				if last && t.committed() < 0 && !x.keep {
					return // nothing can be lost in the view after the last
				}
				if t = t.canonical(x.honest); seen.add(t) {
					next = append(next, t)
				}
			})
			if x.problem != "" {
				break
			}
		}
		level = next
		visit(level)
	}
}

// text shows a state.
func (x *explorer) text(s packed) string {
	name := func(m ballot) string {
		if m == 0 {
			return "-"
		}
		return fmt.Sprintf("%d@%d", m.value(), m.view())
	}
	out := ""
	for i := range x.honest {
		out += fmt.Sprintf("(vote %s lock %s) ", name(ballot(s.report(i)&15)), name(ballot(s.report(i)>>4)))
	}
	return out + fmt.Sprintf("certificates %06b", s.certs())
}

// allowedInto is the set of values that some new view into x.view allows.
func (x *explorer) allowedInto(s packed) (bits uint8) {
	k := x.q.ViewChange - x.q.F
	var pick func(from, n int, key uint64)
	pick = func(from, n int, key uint64) {
		if n == k {
			bits |= x.allowedBy(s, key)
			return
		}
		for i := from; i <= x.honest-(k-n); i++ {
			if i > from && s.report(i) == s.report(i-1) {
				continue // alike
			}
			pick(i+1, n+1, key|uint64(s.report(i))<<(8*n))
		}
	}
	pick(0, 0, 0)
	return bits
}

// allowedBy is the part of it that sets with these honest reports allow.
func (x *explorer) allowedBy(s packed, reports uint64) uint8 {
	key := reports | uint64(s.certs())<<certShift
	if bits, ok := x.memo[key]; ok {
		return bits
	}
	var state modelState
	for u := range modelViews {
		if v := int(s.certs()>>(2*u)&3) - 1; v >= 0 {
			state.certs[u] = ballotOf(u, v)
		}
	}
	lies := x.model.lies(&state, x.view)
	var honest []*wire.SlotEvidence
	for i := range x.q.ViewChange - x.q.F {
		b := uint8(reports >> (8 * i))
		if e := evidence(ballot(b&15), ballot(b>>4), false); e != nil {
			honest = append(honest, e)
		}
	}
	var bits uint8
	set := make([]*wire.SlotEvidence, 0, x.q.ViewChange)
	tuples(len(lies), x.q.F, func(lie []int) {
		set = set[:0]
		for _, i := range lie {
			if lies[i] != nil {
				set = append(set, lies[i])
			}
		}
		if set = append(set, honest...); len(set) == 0 {
			bits = 1<<modelValues - 1 // above the top: free
			return
		}
		bits |= 1 << x.rule(x.q, set)[0]
	})
	x.memo[key] = bits
	return bits
}

// through visits every way of the honest replicas through the view.
func (x *explorer) through(s packed, bits uint8, visit func(packed)) {
	options := []int{-1}
	for v := range modelValues {
		if bits&(1<<v) != 0 {
			options = append(options, v)
		}
	}
	var chosen [honestMax]int // index into options
	var choose func(h int)
	choose = func(h int) {
		if h == x.honest {
			x.voted(s, options, &chosen, visit)
			return
		}
		from := 0
		if h > 0 && s.report(h) == s.report(h-1) {
			from = chosen[h-1]
		}
		for o := from; o < len(options); o++ {
			chosen[h] = o
			choose(h + 1)
		}
	}
	choose(0)
}

// voted applies the votes and visits every way to lock what they prepared.
func (x *explorer) voted(s packed, options []int, chosen *[honestMax]int, visit func(packed)) {
	t, prepared := s, -1
	var count [modelValues]int
	for h := range x.honest {
		switch v := options[chosen[h]]; {
		case v >= 0:
			count[v]++
			t = t&^(15<<(8*h)) | packed(ballotOf(x.view, v))<<(8*h)
		case x.forget && x.view > 0:
			t &^= 15 << (8 * h)
		}
	}
	for v, k := range count {
		if k+x.q.F >= x.q.Tau && prepared < 0 {
			prepared = v
			t |= packed(1+v) << (certShift + 2*x.view)
		}
		if k+x.q.F >= x.q.Sigma {
			t = x.commits(t, v)
		}
	}
	if prepared < 0 {
		visit(t)
		return
	}
	lock := packed(ballotOf(x.view, prepared))
	var choose func(h, signed int, t packed, before bool)
	choose = func(h, signed int, t packed, before bool) {
		if h == x.honest {
			if signed+x.q.F >= x.q.Tau {
				t = x.commits(t, prepared)
			}
			visit(t)
			return
		}
		alike := h > 0 && s.report(h) == s.report(h-1) && chosen[h] == chosen[h-1]
		if !alike || !before {
			choose(h+1, signed, t, false)
		}
		if options[chosen[h]] == prepared {
			signed++
		}
		choose(h+1, signed, t&^(15<<(8*h+4))|lock<<(8*h+4), true)
	}
	choose(0, 0, t, false)
}

// commits notes a commit, and a violation if another value was committed.
func (x *explorer) commits(t packed, v int) packed {
	if k := t.committed(); k >= 0 && k != v {
		x.problem = fmt.Sprintf("view %d commits %d after %d: %s", x.view, v, k, x.text(t))
		return t
	}
	return t&(1<<commitShift-1) | packed(1+v)<<commitShift
}

func TestSafetyExhaustive(t *testing.T) {
	sizes := [][3]int{{1, 0, 3}, {1, 1, 2}, {2, 0, 2}, {1, 2, 2}}
	if *vcmodelFlag {
		sizes = [][3]int{{1, 0, 3}, {1, 1, 3}, {2, 0, 3}, {1, 2, 2}}
	}
	for _, z := range sizes {
		x := newModel(z[0], z[1], ours).explore(z[2])
		if x.problem != "" {
			t.Errorf("f=%d c=%d: %s", z[0], z[1], x.problem)
		}
		t.Logf("f=%d c=%d: %d states and %d transitions of %d views, and the new view after them", z[0], z[1], x.states, x.transitions, z[2])
	}
}

// TestForgedCertificates: liars who add certificates that do not verify change
// nothing as long as each certificate is judged by itself.
func TestForgedCertificates(t *testing.T) {
	sizes := [][3]int{{1, 0, 3}, {1, 1, 2}, {2, 0, 1}}
	if *vcmodelFlag {
		sizes = [][3]int{{1, 0, 3}, {1, 1, 3}, {2, 0, 2}}
	}
	for _, z := range sizes {
		m := newModel(z[0], z[1], verifying)
		m.forged = true
		x := m.explore(z[2])
		if x.problem != "" {
			t.Errorf("f=%d c=%d: %s", z[0], z[1], x.problem)
		}
		t.Logf("f=%d c=%d: %d states and %d transitions of %d views", z[0], z[1], x.states, x.transitions, z[2])
	}
}

// TestExplorersAgree: both explorations reach the same states, up to the names
// of replicas and batches.
func TestExplorersAgree(t *testing.T) {
	m := newModel(1, 0, ours)
	var obvious [][]packed
	m.exhaust(func(level []modelState) {
		states := make([]packed, 0, len(level))
		for _, s := range level {
			states = append(states, m.pack(s).canonical(m.honest))
		}
		slices.Sort(states)
		obvious = append(obvious, slices.Compact(states))
	})
	depth := 0
	x := &explorer{model: m, keep: true}
	x.run(modelViews, func(level []packed) {
		slices.Sort(level)
		if !slices.Equal(level, obvious[depth]) {
			t.Errorf("after view %d: %d states, the obvious exploration has %d", depth, len(level), len(obvious[depth]))
		}
		t.Logf("after view %d: %d states", depth, len(level))
		depth++
	})
	if depth != len(obvious) || x.problem != "" {
		t.Errorf("%d levels, not %d: %s", depth, len(obvious), x.problem)
	}
}

func (m *model) pack(s modelState) (out packed) {
	for h := range m.honest {
		out |= packed(uint8(s.vote[h])|uint8(s.lock[h])<<4) << (8 * h)
	}
	for u, k := range s.certs {
		if k != 0 {
			out |= packed(1+k.value()) << (certShift + 2*u)
		}
	}
	return out | packed(s.committed)<<commitShift
}

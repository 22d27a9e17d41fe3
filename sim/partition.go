package sim

import (
	"slices"

	"quorate/wire"
)

// partition picks links to cut: one replica off, the primary or a collector off,
// a few, halves, a bridge, one that is deaf or mute, or some links one way.
func (s *weather) partition() []bool {
	r, n := &s.rnd, s.w.q.N
	cut := make([]bool, n*n)
	side := make([]int, n)
	switch r.below(9) {
	case 0:
		side[r.below(n)] = 1
	case 1:
		side[s.primary()] = 1
	case 2:
		for i := range side {
			side[i] = r.below(2)
		}
	case 3: // a group of some size
		for range r.between(1, n-1) {
			side[r.below(n)] = 1
		}
	case 4:
		next := wire.SeqNum(len(s.w.check.chain) + 1 + r.below(3))
		side[s.w.q.CommitCollectors(nil, next, s.w.check.views)[0]] = 1
	case 5: // halves with one replica that reaches both
		for i := range side {
			side[i] = 1 + i%2
		}
		side[r.below(n)] = 0
		for i := range side {
			for j := range side {
				cut[i*n+j] = side[i] != side[j] && side[i] != 0 && side[j] != 0
			}
		}
		return cut
	case 6: // one hears nobody, or nobody hears it
		x, out := r.below(n), r.chance(500)
		for i := range n {
			if out {
				cut[x*n+i] = true
			} else {
				cut[i*n+x] = true
			}
		}
		return cut
	default:
		for i := range cut {
			cut[i] = r.chance(200)
		}
		return cut
	}
	for i := range side {
		for j := range side {
			cut[i*n+j] = side[i] != side[j]
		}
	}
	return cut
}

// setCut cuts these links, and no others; nil cuts none.
func (s *weather) setCut(cut []bool) {
	t := s.w.net
	if cut == nil && !slices.Contains(t.cut, true) {
		return
	}
	e := entry{topic: topicCut}
	for i, c := range cut {
		if c {
			e.links = append(e.links, i/t.n, i%t.n)
		}
	}
	s.do(e)
}

// primary is the primary of the highest view that an honest replica spoke in.
func (s *weather) primary() wire.ReplicaID { return s.w.q.Primary(s.w.check.views) }

// links lets both sides of some cut links notice, and heals the others.
func (s *weather) links() {
	t := s.w.net
	for i := range t.n {
		for j := i + 1; j < t.n; j++ {
			cut := t.cut[i*t.n+j] || t.cut[j*t.n+i]
			broken := cut && s.rnd.chance(600)
			if broken == t.broken[i*t.n+j] {
				continue
			}
			e := entry{topic: topicNotice, key: key{a: int16(i), b: int16(j)}}
			if broken {
				e.value = 1
			}
			s.do(e)
		}
	}
}

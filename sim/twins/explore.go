package twins

import (
	"fmt"
	"slices"

	"quorate/cluster"
	"quorate/wire"
)

// Space is a set of scenarios to visit: all schedules of so many rounds over an
// alphabet of rounds.
type Space struct {
	Setup
	Rounds int
	Sets   int    // at most so many sets in a partition
	Paths  []Path // with PathSlow and PathLocks every fitting Mute is taken
	Disks  []Disk // what may happen to the first pair's second instance before a round, in one round of a schedule

	q         cluster.Quorums
	letters   []Round
	renamings [][]int
	images    [][]uint16 // by renaming that changes any, by letter: what the letter becomes
}

// Stats counts what was visited.
type Stats struct {
	Schedules float64 // of full length, with their mirror images; 0: sampled
	Scenarios int     // played, healed and brought to rest
	Places    int     // different promises that they led to, one round before the last
	Unsafe    int
	Stuck     int
	Ticks     int // most that any took to rest
	Fast      int // commits
	Slow      int
}

// Add sums two counts.
func (s *Stats) Add(o Stats) {
	s.Schedules += o.Schedules
	s.Scenarios += o.Scenarios
	s.Places += o.Places
	s.Unsafe += o.Unsafe
	s.Stuck += o.Stuck
	s.Ticks = max(s.Ticks, o.Ticks)
	s.Fast += o.Fast
	s.Slow += o.Slow
}

// Count notes one outcome.
func (s *Stats) Count(o Outcome) {
	s.Scenarios++
	s.Fast += o.Fast
	s.Slow += o.Slow
	switch {
	case o.Unsafe != "":
		s.Unsafe++
	case o.Stuck != "":
		s.Stuck++
	default:
		s.Ticks = max(s.Ticks, o.Ticks)
	}
}

// Explore plays every schedule of the space, of every length up to Rounds, but
// for those that three reductions spare:
//
//   - Rounds that are the same by another name are one (normal).
//   - Symmetry. Honest replicas are alike, and so are the two instances of a
//     twin: of the schedules that differ by such a renaming only the
//     lexicographically first is played.
//   - Promises. Of the schedules that lead to the same votes, locks, commits,
//     checkpoints and views, up to renaming, only one is made longer
//     (promises.go). Each is still healed and brought to rest.
//
// The first two lose nothing but orders of delivery and numbers of views. The
// third loses what cores remember without having promised it, such as shares of
// older views; samples (Draw) make up for it. report is told of every failure.
func Explore(sp Space, plant Plant, report func(Scenario, Outcome)) Stats {
	sp.prepare()
	stats := Stats{Schedules: 1}
	for range sp.Rounds {
		stats.Schedules *= float64(len(sp.letters))
	}
	level := [][]uint16{nil}
	seen := map[uint64]bool{} // looked up only
	for depth := 1; depth <= sp.Rounds; depth++ {
		var next [][]uint16
		for _, prefix := range level {
			for letter := range sp.letters {
				schedule := append(prefix[:len(prefix):len(prefix)], uint16(letter))
				if !sp.first(schedule) || !sp.oneDisk(schedule) {
					continue
				}
				s := sp.scenario(schedule)
				w := newWorld(sp.Setup, 0, plant)
				w.rounds(s.Rounds)
				if depth < sp.Rounds && w.problem == "" {
					place := w.bound(sp.renamings)
					if !seen[place] {
						seen[place] = true
						next = append(next, schedule)
					}
				}
				s.Cut = stats.Scenarios%2 == 1 // the place is the same; both ways on get their share
				o := w.heal(s.Cut)
				stats.Count(o)
				if o.Failed() {
					report(s, o)
				}
			}
		}
		level = next
	}
	stats.Places = len(seen)
	return stats
}

func (sp *Space) scenario(schedule []uint16) Scenario {
	s := Scenario{Setup: sp.Setup, Rounds: make([]Round, len(schedule))}
	for i, letter := range schedule {
		s.Rounds[i] = sp.letters[letter]
	}
	return s
}

// oneDisk reports whether at most one disk is touched, and not before the first
// round, where all are empty.
func (sp *Space) oneDisk(schedule []uint16) bool {
	n := 0
	for i, letter := range schedule {
		if sp.letters[letter].Disk != DiskKept {
			n++
			if i == 0 {
				return false
			}
		}
	}
	return n <= 1
}

// first reports whether no renaming gives a schedule that comes before this one.
func (sp *Space) first(schedule []uint16) bool {
	for _, image := range sp.images {
		for _, letter := range schedule {
			if to := image[letter]; to != letter {
				if to < letter {
					return false
				}
				break
			}
		}
	}
	return true
}

// prepare lists the alphabet and what each symmetry makes of it.
func (sp *Space) prepare() {
	sp.q, _ = cluster.NewQuorums(sp.n(), sp.F, sp.C)
	sp.letters, sp.images = nil, nil
	number := map[Round]uint16{} // looked up only
	for _, p := range partitions(sp.instances(), sp.Sets) {
		for leader := range wire.ReplicaID(sp.n()) {
			for _, r := range sp.paths() {
				for _, d := range append([]Disk{DiskKept}, sp.Disks...) {
					r.Leader, r.sets, r.Disk, r.disk = leader, p, d, 0
					if d != DiskKept {
						r.disk = uint8(sp.n())
					}
					r, ok := sp.normal(r)
					if _, known := number[r]; ok && !known {
						number[r] = uint16(len(sp.letters))
						sp.letters = append(sp.letters, r)
					}
				}
			}
		}
	}
	sp.renamings = sp.symmetries()
	for _, g := range sp.renamings {
		image := make([]uint16, len(sp.letters))
		same := true
		for i, r := range sp.letters {
			to, ok := number[sp.renamed(r, g)]
			if !ok {
				panic(fmt.Sprintf("twins: the alphabet is not closed under renaming %v of %s", g, r.text(sp.instances())))
			}
			image[i] = to
			same = same && to == uint16(i)
		}
		if !same {
			sp.images = append(sp.images, image)
		}
	}
}

// normal gives a round its one name among those alike. It reports false for one
// in which nothing can happen: no set has the n−f replicas that a new view takes.
// Where the leader is in no such set, nobody opens the view, whoever leads it and
// however far its slots would get. Where no set has the replicas for σ, the slow
// path is taken without muting anyone.
func (sp *Space) normal(r Round) (Round, bool) {
	var members [instancesMax]uint32 // identities of each set
	for i := range sp.instances() {
		members[r.sets[i]] |= 1 << sp.identity(i)
	}
	most, open := 0, uint32(0)
	for _, m := range members {
		most = max(most, ones(m))
		if ones(m) >= sp.q.ViewChange {
			open |= m
		}
	}
	if most < sp.q.ViewChange {
		return r, false
	}
	if open&(1<<r.Leader) == 0 {
		r.Leader, r.Path, r.Mute = 0, PathFast, 0
		for open&(1<<r.Leader) != 0 {
			r.Leader++
		}
	}
	if most < sp.q.Sigma && r.Path == PathSlow {
		r.Path, r.Mute = PathFast, 0
	}
	return r, true
}

// paths lists the paths with who is muted: where σ could come without one, one
// more for each of the c that it can do without, the twins first.
func (sp *Space) paths() (out []Round) {
	for _, p := range sp.Paths {
		if p != PathSlow && p != PathLocks {
			out = append(out, Round{Path: p})
			continue
		}
		var twins uint32
		for _, t := range sp.Twins {
			twins |= 1 << t
		}
		for mute := uint32(0); mute < 1<<sp.n(); mute++ {
			if mute&twins == twins && ones(mute) == max(sp.C+1, len(sp.Twins)) {
				out = append(out, Round{Path: p, Mute: mute})
			}
		}
	}
	return out
}

// partitions lists the ways to part n instances into at most k sets.
func partitions(n, k int) (out []partition) {
	var p partition
	var place func(i int, used uint8)
	place = func(i int, used uint8) {
		if i == n {
			out = append(out, p)
			return
		}
		for set := range min(used+1, uint8(k)) {
			p[i] = set
			place(i+1, max(used, set+1))
		}
	}
	place(0, 0)
	return out
}

// symmetries lists the renamings of instances: honest replicas among
// themselves, the instances of each twin, and twins among themselves. With
// disks in play the second instance of the first twin is its own.
func (sp *Space) symmetries() (out [][]int) {
	n := sp.instances()
	g := make([]int, n)
	used := make([]bool, n)
	var place func(i int)
	place = func(i int) {
		if i == n {
			out = append(out, slices.Clone(g))
			return
		}
		for to := range n {
			if used[to] || !sp.mayBecome(g[:i], i, to) {
				continue
			}
			g[i], used[to] = to, true
			place(i + 1)
			used[to] = false
		}
	}
	place(0)
	return out
}

// mayBecome reports whether instance i may be renamed to to, when those below it
// were renamed to g.
func (sp *Space) mayBecome(g []int, i, to int) bool {
	a, b := sp.identity(i), sp.identity(to)
	if sp.twin(a) != sp.twin(b) || len(sp.Disks) > 0 && i >= sp.n() && to < sp.n() {
		return false
	}
	for k, x := range g {
		if (sp.identity(k) == a) != (sp.identity(x) == b) {
			return false
		}
	}
	return true
}

// renamed applies a renaming to a round.
func (sp *Space) renamed(r Round, g []int) Round {
	out := Round{Leader: sp.identity(g[r.Leader]), Path: r.Path, Disk: r.Disk}
	for i, to := range g {
		out.sets[to] = r.sets[i]
	}
	out.sets.normalize(len(g))
	for id := range sp.n() {
		if r.Mute&(1<<id) != 0 {
			out.Mute |= 1 << sp.identity(g[id])
		}
	}
	if r.Disk != DiskKept {
		out.disk = uint8(g[r.disk])
	}
	out, _ = sp.normal(out)
	return out
}

package twins

import "quorate/wire"

// Draw makes one scenario from a seed: what Explore cannot reach because there
// would be too many. Rounds may have three sets and any path, orders of delivery
// vary, and in one of three scenarios a disk is lost or a replica restarted.
func Draw(s Setup, rounds int, seed uint64) Scenario {
	r := stream(mix(seed ^ 0x7477696e73))
	out := Scenario{Setup: s, Rounds: make([]Round, rounds)}
	if r.below(2) == 0 {
		out.Order = 1 + r.next()>>16
	}
	out.Cut = r.below(3) == 0
	for i := range out.Rounds {
		out.Rounds[i] = s.drawRound(&r)
	}
	if r.below(3) == 0 && rounds > 1 {
		s.drawDisk(&r, &out.Rounds[1+r.below(rounds-1)])
	}
	return out
}

// DrawTwins picks who has two instances: f identities of the cluster's n.
func DrawTwins(f, c int, seed uint64) Setup {
	s := Setup{F: f, C: c}
	r := stream(mix(seed ^ 0x73657475))
	for id := range s.n() {
		if r.below(s.n()-id) < f-len(s.Twins) {
			s.Twins = append(s.Twins, wire.ReplicaID(id))
		}
	}
	return s
}

func (s Setup) drawRound(r *stream) Round {
	out := Round{Path: Path(r.below(int(pathCount)))}
	out.Leader = wire.ReplicaID(r.below(s.n()))
	if r.below(3) == 0 {
		out.Leader = s.Twins[r.below(len(s.Twins))]
	}
	// Mostly one set is large: small ones alone lead nowhere.
	sets, stray := 1+r.below(3), 1+r.below(4)
	for i := range s.instances() {
		if r.below(8) < stray {
			out.sets[i] = uint8(r.below(sets))
		}
	}
	out.sets.normalize(s.instances())
	if out.Path == PathSlow || out.Path == PathLocks {
		for _, t := range s.Twins {
			out.Mute |= 1 << t
		}
		for ones(out.Mute) < s.C+1 {
			out.Mute |= 1 << r.below(s.n())
		}
	}
	return out
}

func (s Setup) drawDisk(r *stream, to *Round) {
	to.Disk = 1 + Disk(r.below(int(diskCount)-1))
	to.disk = uint8(r.below(s.instances()))
	for to.Disk != DiskRestart && !s.twin(s.identity(int(to.disk))) {
		to.disk = uint8(r.below(s.instances()))
	}
}

// Shrink makes a failing scenario smaller while it fails in the same way: fewer
// rounds, one set, the fast path, no disk lost, messages in order.
func Shrink(s Scenario, plant Plant) Scenario {
	unsafe := Play(s, plant, nil).Unsafe != ""
	fails := func(t Scenario) bool {
		o := Play(t, plant, nil)
		return o.Failed() && (o.Unsafe != "") == unsafe
	}
	try := func(t Scenario) bool {
		if !fails(t) {
			return false
		}
		s = t
		return true
	}
	for smaller := true; smaller; {
		smaller = false
		if s.Order != 0 {
			t := s
			t.Order = 0
			smaller = try(t)
		}
		if s.Cut {
			t := s
			t.Cut = false
			smaller = try(t) || smaller
		}
		for i := 0; i < len(s.Rounds); i++ {
			t := s
			t.Rounds = append(append([]Round(nil), s.Rounds[:i]...), s.Rounds[i+1:]...)
			if try(t) {
				smaller = true
				i--
			}
		}
		for i := range s.Rounds {
			for _, r := range simpler(s.Rounds[i]) {
				t := s
				t.Rounds = append([]Round(nil), s.Rounds...)
				t.Rounds[i] = r
				smaller = try(t) || smaller
			}
		}
	}
	return s
}

// simpler lists rounds with one thing less.
func simpler(r Round) (out []Round) {
	if r.Disk != DiskKept {
		t := r
		t.Disk, t.disk = DiskKept, 0
		out = append(out, t)
	}
	if r.sets != (partition{}) {
		t := r
		t.sets = partition{}
		out = append(out, t)
	}
	if r.Path != PathFast || r.Mute != 0 {
		t := r
		t.Path, t.Mute = PathFast, 0
		out = append(out, t)
	}
	return out
}

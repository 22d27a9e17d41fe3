package sim

import "quorate/wire"

// weather decides which faults happen when.
type weather struct {
	w   *world
	rnd stream
	// forgetful replicas may lose their journal when they die.
	forgetful []bool
}

func newWeather(w *world) *weather {
	return &weather{w: w, rnd: newStream(w.opt.Seed, "weather"), forgetful: make([]bool, w.q.N)}
}

func (s *weather) has(f Faults) bool { return s.w.opt.Faults&f != 0 }

// castRoles picks the replicas that are faulty in this run, at most f.
func (s *weather) castRoles() {
	var roles []Faults
	for _, f := range []Faults{FaultByzantine, FaultAmnesia, FaultClock, FaultRot} {
		if s.has(f) {
			roles = append(roles, f)
		}
	}
	if len(roles) == 0 {
		return
	}
	for range s.w.q.F {
		n := s.w.nodes[s.rnd.below(s.w.q.N)]
		role := roles[s.rnd.below(len(roles))]
		if n.faulty || s.rnd.chance(150) {
			continue
		}
		n.faulty = true
		switch role {
		case FaultByzantine:
			n.liar = newLiar(n)
		case FaultAmnesia:
			s.forgetful[n.id] = true
		case FaultRot:
			n.rotten = true
		case FaultClock:
			n.offset = int64(timeBound) * int64(s.rnd.between(2, 10_000_000)) / 2
			if s.rnd.chance(500) {
				n.offset = -n.offset
			}
			s.w.count(FaultClock)
		}
		s.w.say("replica %d is faulty: %v", n.id, role)
	}
}

// phase draws the faults of the next stretch of time.
func (s *weather) phase() {
	t, r := s.w.net, &s.rnd
	t.loss, t.dup, t.replay, t.tail, t.clientLoss = 0, 0, 0, 0, 0
	if s.has(FaultLoss) && r.chance(600) {
		t.loss, t.clientLoss = r.below(400), r.below(200)
	}
	if s.has(FaultDuplicate) && r.chance(600) {
		t.dup = r.below(600)
	}
	if s.has(FaultReplay) && r.chance(600) {
		t.replay = r.below(200)
	}
	if s.has(FaultDelay) && r.chance(600) {
		t.tail = r.below(300)
	}
	clear(t.cut)
	if s.has(FaultPartition) && r.chance(600) {
		s.partition()
	}
	s.links()
	s.w.say("— phase: loss %d dup %d replay %d tail %d cut %v", t.loss, t.dup, t.replay, t.tail, t.cutList())
	for _, n := range s.w.nodes {
		s.trouble(n)
	}
	if s.has(FaultCrashAll) && r.chance(150) {
		s.w.count(FaultCrashAll)
		s.crashAll()
	}
}

// trouble draws what happens to one replica.
func (s *weather) trouble(n *node) {
	r := &s.rnd
	if !n.up {
		return
	}
	if s.has(FaultCrash) && r.chance(300) {
		n.crashAt = n.effects + 1 + uint64(r.below(600))
		if r.chance(200) {
			n.crash()
			return
		}
	}
	if s.has(FaultSync) && r.chance(100) {
		n.doomed = true
		s.w.count(FaultSync)
		if r.chance(700) {
			n.disk.failSyncs = 1
		} else {
			n.ledger.fails = 1
		}
	}
	if n.rotten && r.chance(500) {
		n.disk.remember()
	}
	if n.disk.full = s.has(FaultFull) && r.chance(60); n.disk.full {
		n.doomed = true
		s.w.count(FaultFull)
	}
	if s.has(FaultStall) && r.chance(200) {
		s.w.count(FaultStall)
		n.stalled[r.below(len(n.stalled))] = s.w.now + uint64(r.below(1_500_000))
	}
}

func (s *weather) crashAll() {
	for _, n := range s.w.nodes {
		n.crash()
	}
}

// partition cuts links: one replica off, the primary off, halves, a bridge, or
// some links one way.
func (s *weather) partition() {
	t, r, n := s.w.net, &s.rnd, s.w.q.N
	s.w.count(FaultPartition)
	side := make([]int, n)
	switch r.below(6) {
	case 0:
		side[r.below(n)] = 1
	case 1:
		side[s.primary()] = 1
	case 2:
		for i := range side {
			side[i] = r.below(2)
		}
	case 3: // halves with one replica that reaches both
		for i := range side {
			side[i] = 1 + i%2
		}
		side[r.below(n)] = 0
		for i := range side {
			for j := range side {
				t.cut[i*n+j] = side[i] != side[j] && side[i] != 0 && side[j] != 0
			}
		}
		return
	case 4: // one hears nobody, or nobody hears it
		x, out := r.below(n), r.chance(500)
		for i := range n {
			if out {
				t.cut[x*n+i] = true
			} else {
				t.cut[i*n+x] = true
			}
		}
		return
	default:
		for i := range t.cut {
			t.cut[i] = r.chance(200)
		}
		return
	}
	for i := range side {
		for j := range side {
			t.cut[i*n+j] = side[i] != side[j]
		}
	}
}

// primary is the primary of the highest view that an honest replica spoke in.
func (s *weather) primary() wire.ReplicaID { return s.w.q.Primary(s.w.check.views) }

// links lets both sides of some cut links notice, and heals the others.
func (s *weather) links() {
	t := s.w.net
	for i, a := range s.w.nodes {
		for j := i + 1; j < t.n; j++ {
			b := s.w.nodes[j]
			cut := t.cut[i*t.n+j] || t.cut[j*t.n+i]
			broken := cut && s.rnd.chance(600)
			changed := broken != t.broken[i*t.n+j]
			t.broken[i*t.n+j], t.broken[j*t.n+i] = broken, broken
			if changed && a.up && b.up {
				t.connect(a, b, !broken)
			}
		}
	}
}

// died plans what follows a crash.
func (s *weather) died(n *node) {
	r := &s.rnd
	if s.forgetful[n.id] && !s.w.calm && r.chance(400) {
		s.w.count(FaultAmnesia)
		n.disk.wipe("journal")
		n.past.forget()
		n.paper = paper{}
		all := r.chance(400)
		if all {
			n.ledger.wipe()
		}
		s.w.say("replica %d loses its journal; ledger too: %v", n.id, all)
	}
	if n.rotten && !s.w.calm && r.chance(500) {
		for range 1 + r.below(2) {
			if what := n.disk.rot(r); what != "" {
				s.w.count(FaultRot)
				s.w.say("disk of replica %d: %s", n.id, what)
				n.damaged = true
			}
		}
	}
	if s.has(FaultRead) && !s.w.calm && r.chance(100) {
		s.w.count(FaultRead)
		n.disk.failReads = 1 + r.below(3)
	}
	s.w.check.restarted(n)
	most := 2_000_000
	if s.w.calm {
		most = 200_000
	}
	s.w.after(uint64(r.between(1000, most)), event{kind: evRestart, node: int16(n.id), life: n.life})
}

// clear ends all faults but those of liars, clocks and lost journals.
func (s *weather) clear() {
	t := s.w.net
	t.loss, t.dup, t.replay, t.tail, t.clientLoss = 0, 0, 0, 0, 0
	clear(t.cut)
	s.links()
	for _, n := range s.w.nodes {
		n.crashAt, n.doomed = 0, n.doomed && !n.up
		n.disk.failSyncs, n.disk.failReads, n.disk.full, n.ledger.fails = 0, 0, false, 0
		n.stalled = [7]uint64{}
	}
}

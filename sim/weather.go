package sim

import (
	"slices"

	"quorate/wire"
)

// weather decides which faults happen when. What it decides it does through act,
// so that a run can be written down and followed again.
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

// begin gives out roles, and what else is decided before the start.
func (s *weather) begin() {
	if script := s.w.choice.script; script != nil {
		for i := range script.entries {
			if e := &script.entries[i]; e.topic.early() {
				e.met = true
				s.act(e)
			}
		}
		return
	}
	for i := range s.w.nodes {
		if s.has(FaultCrash) && s.rnd.chance(100) { // while it makes its journal
			s.do(entry{topic: topicFirstCrash, key: key{a: int16(i)}, value: uint64(1 + s.rnd.below(40))})
		}
	}
	s.castRoles()
}

// castRoles picks the replicas that are faulty in this run, at most f.
func (s *weather) castRoles() {
	var roles []topic
	for _, r := range []struct {
		fault Faults
		role  topic
	}{{FaultByzantine, topicLiar}, {FaultAmnesia, topicForgetful}, {FaultClock, topicClock}, {FaultRot, topicRotten}} {
		if s.has(r.fault) {
			roles = append(roles, r.role)
		}
	}
	if len(roles) == 0 {
		return
	}
	for range s.w.q.F {
		id := s.rnd.below(s.w.q.N)
		role := roles[s.rnd.below(len(roles))]
		if s.w.nodes[id].faulty || s.rnd.chance(150) {
			continue
		}
		e := entry{topic: role, key: key{a: int16(id)}}
		switch role {
		case topicLiar:
			e.value = s.rnd.next()
		case topicClock:
			offset := int64(timeBound) * int64(s.rnd.between(2, 10_000_000)) / 2
			if s.rnd.chance(500) {
				offset = -offset
			}
			e.value = uint64(offset)
		}
		s.do(e)
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
	s.w.say("— phase: loss %d dup %d replay %d tail %d", t.loss, t.dup, t.replay, t.tail)
	var cut []bool
	if s.has(FaultPartition) && r.chance(600) {
		cut = s.partition()
	}
	s.setCut(cut)
	s.links()
	for _, n := range s.w.nodes {
		s.trouble(n)
	}
	if s.has(FaultCrashAll) && r.chance(150) {
		s.do(entry{topic: topicCrashAll})
	}
}

// trouble draws what happens to one replica.
func (s *weather) trouble(n *node) {
	r := &s.rnd
	if !n.up {
		return
	}
	k := key{a: int16(n.id)}
	if s.has(FaultCrash) && r.chance(300) {
		if r.chance(200) {
			s.do(entry{topic: topicCrash, key: k})
			return
		}
		s.do(entry{topic: topicCrashAt, key: k, value: 1 + uint64(r.below(600))})
	}
	if s.has(FaultSync) && r.chance(100) {
		if r.chance(700) {
			s.do(entry{topic: topicSyncFails, key: k})
		} else {
			s.do(entry{topic: topicCommitFails, key: k})
		}
	}
	if n.rotten && r.chance(500) {
		s.do(entry{topic: topicRemember, key: k})
	}
	if full := s.has(FaultFull) && r.chance(60); full {
		s.do(entry{topic: topicFull, key: k, value: 1})
	} else if n.disk.full {
		s.do(entry{topic: topicFull, key: k})
	}
	if s.has(FaultStall) && r.chance(200) {
		k.kind = uint8(r.below(len(n.stalled)))
		s.do(entry{topic: topicStall, key: k, value: uint64(r.below(1_500_000))})
	}
}

// partition picks links to cut: one replica off, the primary off, halves, a
// bridge, or some links one way.
func (s *weather) partition() []bool {
	r, n := &s.rnd, s.w.q.N
	cut := make([]bool, n*n)
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
				cut[i*n+j] = side[i] != side[j] && side[i] != 0 && side[j] != 0
			}
		}
		return cut
	case 4: // one hears nobody, or nobody hears it
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

// died plans what follows a crash.
func (s *weather) died(n *node) {
	c, k, r := s.w.choice, n.death(), &s.w.rndLife
	forget := 0
	if s.forgetful[n.id] && !s.w.calm {
		forget = 400
	}
	if what, ok := c.maybe(topicForget, k, forget, span{1, 2}, r); ok {
		s.w.count(FaultAmnesia)
		n.disk.wipe("journal")
		n.past.forget()
		n.paper = paper{}
		if what == 2 {
			n.ledger.wipe()
		}
		s.w.say("replica %d loses its journal; ledger too: %v", n.id, what == 2)
	}
	rot, read := 0, 0
	if n.rotten && !s.w.calm {
		rot = 500
	}
	if s.has(FaultRead) && !s.w.calm {
		read = 100
	}
	if seed, ok := c.maybe(topicRot, k, rot, span{1, 1 << 30}, r); ok {
		s.rot(n, stream(seed))
	}
	if reads, ok := c.maybe(topicReadFails, k, read, span{1, 3}, r); ok {
		s.w.count(FaultRead)
		n.disk.failReads = int(reads)
	}
	s.w.check.restarted(n)
	pause := span{1000, 2_000_000}
	if s.w.calm {
		pause.high = 200_000
	}
	s.w.after(c.time(topicRestart, k, pause, r), event{kind: evRestart, node: int16(n.id), life: n.life})
}

// rot changes some bytes of a disk.
func (s *weather) rot(n *node, r stream) {
	for range 1 + r.below(2) {
		if what := n.disk.rot(&r); what != "" {
			s.w.count(FaultRot)
			s.w.say("disk of replica %d: %s", n.id, what)
			n.damaged = true
		}
	}
}

// clear ends all faults but those of liars, clocks and lost journals.
func (s *weather) clear() {
	t := s.w.net
	t.loss, t.dup, t.replay, t.tail, t.clientLoss = 0, 0, 0, 0, 0
	clear(t.cut)
	for i := range t.n {
		for j := i + 1; j < t.n; j++ {
			if t.broken[i*t.n+j] {
				s.notice(i, j, false)
			}
		}
	}
	for _, n := range s.w.nodes {
		n.crashAt, n.doomed = 0, n.doomed && !n.up
		n.disk.failSyncs, n.disk.failReads, n.disk.full, n.ledger.fails = 0, 0, false, 0
		n.stalled = [7]uint64{}
	}
}

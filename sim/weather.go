package sim

import "quorate/wire"

// weather decides which faults happen when. What it decides it does through act,
// so that a run can be written down and followed again.
type weather struct {
	w         *world
	rnd       stream
	rndStalls stream // of what happens between steps
	flapping  []bool // links that are cut and whole in turn; nil: none
	apart     bool   // they are cut now
	storm     bool   // replicas die all the time
	// forgetful replicas may lose their journal when they die.
	forgetful []bool
	liars     *brain // nil: none
}

// brain is what all liars share.
func (s *weather) brain() *brain {
	if s.liars == nil {
		s.liars = newBrain(s.w)
	}
	return s.liars
}

func newWeather(w *world) *weather {
	return &weather{w: w, rnd: newStream(w.opt.Seed, "weather"), rndStalls: newStream(w.opt.Seed, "stalls"), forgetful: make([]bool, w.q.N)}
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
		if s.has(FaultClock) && s.rnd.chance(300) {
			s.do(entry{topic: topicDrift, key: key{a: int16(i)}, value: uint64(s.rnd.between(900, 1100))})
		}
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
		if v := mix(s.w.opt.Seed) % 3; role == topicLiar && v < 2 {
			// Most of what a primary can do needs one that is, or one that begins a
			// view; and it goes far where the next is of its kind.
			id = int(s.w.q.Primary(wire.View(v + uint64(s.liars.count()))))
		}
		if s.w.nodes[id].faulty || s.rnd.chance(150) {
			continue
		}
		e := entry{topic: role, key: key{a: int16(id)}}
		switch role {
		case topicLiar:
			e.value = s.rnd.next()
		case topicClock:
			offset := int64(timeBound) * int64(s.rnd.between(2, 21_000_000)) / 2 // to a year
			if s.rnd.chance(500) {
				offset = -offset
			}
			e.value = uint64(offset)
		}
		s.do(e)
	}
}

// pass lets a stretch of time with new faults go by.
func (s *weather) pass() {
	s.phase()
	left := s.rnd.between(20, 500)
	if s.w.q.N > 10 {
		left = min(left, 200)
	}
	for left > 0 && !s.w.failed() {
		step := left
		if s.flapping != nil || s.storm {
			step = min(left, s.rnd.between(4, 40))
		}
		s.w.ticks(step)
		if left -= step; left > 0 {
			s.beat()
		}
	}
}

// beat is what happens all along a stretch: links flap, replicas die.
func (s *weather) beat() {
	if s.flapping != nil {
		if s.apart = !s.apart; s.apart {
			s.setCut(s.flapping)
		} else {
			s.setCut(nil)
		}
		s.links()
	}
	if s.storm {
		if n := s.w.nodes[s.rnd.below(s.w.q.N)]; n.up {
			s.do(entry{topic: topicStorm, key: key{a: int16(n.id)}})
		}
	}
}

// phase draws the faults of the next stretch of time.
func (s *weather) phase() {
	t, r := s.w.net, &s.rnd
	t.loss, t.dup, t.replay, t.tail, t.clientLoss = 0, 0, 0, 0, 0
	if s.has(FaultLoss) && r.chance(600) {
		t.loss, t.clientLoss = r.below(401), r.below(200)
	}
	if s.has(FaultDuplicate) && r.chance(600) {
		t.dup = r.below(601)
	}
	if s.has(FaultReplay) && r.chance(600) {
		t.replay = r.below(601)
	}
	if s.has(FaultDelay) && r.chance(600) {
		t.tail = r.below(300)
	}
	s.w.say("— phase: loss %d dup %d replay %d tail %d", t.loss, t.dup, t.replay, t.tail)
	var cut []bool
	s.flapping, s.apart = nil, false
	if s.has(FaultPartition) && r.chance(600) {
		cut = s.partition()
		if r.chance(200) {
			s.flapping, s.apart = cut, true
		}
	}
	s.setCut(cut)
	s.links()
	s.narrow()
	s.storm = s.has(FaultStorm) && r.chance(200)
	for _, n := range s.w.nodes {
		s.trouble(n)
	}
	for _, n := range s.w.nodes {
		s.setback(n)
	}
	if s.has(FaultCrashAll) && r.chance(150) {
		s.do(entry{topic: topicCrashAll})
	}
}

// narrow draws how much links carry.
func (s *weather) narrow() {
	t, r := s.w.net, &s.rnd
	capacity, bandwidth := 0, 0
	if s.has(FaultNarrow) && r.chance(500) {
		if r.chance(500) {
			capacity = 2 << r.below(6)
		} else {
			bandwidth = 16 << r.below(8)
		}
	}
	if capacity != t.capacity {
		s.do(entry{topic: topicCapacity, value: uint64(capacity)})
	}
	if bandwidth != t.bandwidth {
		s.do(entry{topic: topicBandwidth, value: uint64(bandwidth)})
	}
	if s.has(FaultClog) && r.chance(400) {
		for range r.between(1, t.n) {
			e := entry{topic: topicClog, key: key{a: int16(r.below(t.n)), b: int16(r.below(t.n))}}
			e.value = span{10_000, 10_000_000}.exponential(r)
			s.do(e)
		}
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
	if s.has(FaultPause) && r.chance(150) {
		s.do(entry{topic: topicPause, key: k, value: span{1000, 5_000_000}.exponential(r)})
	}
	if s.has(FaultClock) && r.chance(200) {
		s.turn(n)
	}
	if s.has(FaultStall) && r.chance(200) {
		k.kind = uint8(r.below(len(n.stalled)))
		s.do(entry{topic: topicStall, key: k, value: uint64(r.below(1_500_000))})
	}
	if s.has(FaultStall) && s.w.opt.Load.Odd.Wide && r.chance(300) { // so that others agree on more than is handed to execution
		k.kind = stageExecute
		s.do(entry{topic: topicStall, key: k, value: uint64(r.between(500_000, 3_000_000))})
	}
}

// setback strikes a replica that lags or has lost its journal once more: such
// moments are short, and faults that come at any time hardly meet them.
func (s *weather) setback(n *node) {
	if !n.up {
		return
	}
	if p := n.phase(); p != phaseBehind && p != phaseAmnesia {
		return
	}
	k, r := key{a: int16(n.id)}, &s.rndStalls
	switch {
	case s.forgetful[n.id] && r.chance(500), n.rotten && r.chance(500), s.has(FaultCrash) && r.chance(100):
		s.do(entry{topic: topicCrash, key: k})
	case s.has(FaultSync) && r.chance(300):
		s.do(entry{topic: topicSyncFails, key: k})
	case s.has(FaultCrashAll) && r.chance(150):
		s.do(entry{topic: topicCrashAll})
	}
}

// signing may hold up the signatures of a replica that is about to begin a view,
// which is when they matter most and which no fault that comes at any time meets.
func (s *weather) signing(n *node) {
	if s.w.calm || s.w.choice.script != nil || !s.has(FaultStall) || !s.rndStalls.chance(30) {
		return
	}
	if status := n.replica.Status(); status.Active || status.Primary != n.id {
		return
	}
	k := key{a: int16(n.id), kind: stageCrypto}
	s.do(entry{topic: topicStall, key: k, value: uint64(s.rndStalls.below(1_500_000))})
}

// turn sets a clock: within the bound, unless it is one that may say anything.
func (s *weather) turn(n *node) {
	k, r := key{a: int16(n.id)}, &s.rnd
	switch {
	case !n.mad:
		s.do(entry{topic: topicJump, key: k, value: uint64(int64(r.below(timeBound/3)) - timeBound/6)})
	case r.chance(500):
		s.do(entry{topic: topicFreeze, key: k, value: uint64(r.between(1000, 10_000_000))})
	default:
		s.do(entry{topic: topicJump, key: k, value: uint64((int64(r.below(63_000_000)) - 31_500_000) * 1_000_000_000)})
	}
}

// died plans what follows a crash.
func (s *weather) died(n *node) {
	c, k, r := s.w.choice, n.death(), &s.w.rndLife
	if !s.w.calm {
		s.damage(n)
	}
	if n.liar != nil {
		n.liar.died()
	}
	s.w.check.restarted(n)
	pause := span{1000, 2_000_000}
	switch {
	case s.w.calm:
		pause.high = 200_000
	case s.storm:
		pause.high = 50_000
	}
	s.w.after(c.time(topicRestart, k, pause, r), event{kind: evRestart, node: int16(n.id), life: n.life})
}

// damage is what a crash may do to a disk beyond losing what was not synced. A
// script, too, may do the worse things to faulty replicas only.
func (s *weather) damage(n *node) {
	c, k, r := s.w.choice, n.death(), &s.w.rndLife
	if s.forgetful[n.id] {
		if what, ok := c.maybe(topicForget, k, 400, span{1, 2}, r); ok {
			s.forget(n, what == 2)
		}
	}
	if n.rotten {
		if seed, ok := c.maybe(topicRot, k, 500, span{1, 1 << 30}, r); ok {
			s.rot(n, stream(seed))
		}
	}
	read := 0
	if s.has(FaultRead) {
		read = 100
	}
	if reads, ok := c.maybe(topicReadFails, k, read, span{1, 3}, r); ok {
		s.w.count(FaultRead)
		n.disk.failReads = int(reads)
	}
}

// forget loses a journal, and the ledger with it or not.
func (s *weather) forget(n *node, all bool) {
	s.w.count(FaultAmnesia)
	n.disk.wipe("journal")
	n.past.forget()
	n.paper = paper{}
	if all {
		n.ledger.wipe()
	}
	s.w.say("replica %d loses its journal; ledger too: %v", n.id, all)
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
	clear(t.clog)
	t.capacity, t.bandwidth = 0, 0
	s.flapping, s.storm = nil, false
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
		n.stalled, n.paused = [8]uint64{}, 0
	}
}

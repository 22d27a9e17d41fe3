package sim

// role reports whether an action makes a replica faulty for good, before the
// start.
func (t topic) role() bool { return t >= topicLiar }

// early reports whether an action comes before the start.
func (t topic) early() bool { return t >= topicDrift }

// do is act for an action that was drawn: it is written down first.
func (s *weather) do(e entry) {
	e.at = s.w.now
	s.w.choice.note(e)
	s.act(&e)
}

// act carries out an action. Of a script cut down by hand or by the shrinker it
// passes over what has no meaning any more.
func (s *weather) act(e *entry) {
	w := s.w
	if w.lines != nil {
		w.say("» %s", e.text())
	}
	switch e.topic {
	case topicCut:
		w.acts = w.nodes[s.primary()]
		s.cut(e.links)
		return
	case topicCapacity:
		w.net.capacity = int(e.value)
		return
	case topicBandwidth:
		w.net.bandwidth = int(e.value)
		return
	case topicClog:
		w.acts = w.nodes[e.key.a]
		w.net.clog[int(e.key.a)*w.net.n+int(e.key.b)] = w.now + e.value
		w.count(FaultClog)
		return
	case topicCrashAll:
		w.acts = w.furthest()
		w.count(FaultCrashAll)
		w.crashAll()
		return
	case topicNotice:
		s.notice(int(e.key.a), int(e.key.b), e.value != 0)
		return
	}
	n := w.nodes[e.key.a]
	w.acts = n
	switch {
	case e.topic.role():
		s.cast(n, e)
		return
	case e.topic == topicFirstCrash:
		n.crashAt = e.value
		return
	case e.topic == topicDrift:
		n.drift = min(max(900, int(e.value)), 1100)
		return
	case !n.up:
		return
	}
	switch e.topic {
	case topicCrash:
		n.crash()
	case topicCrashAt:
		n.crashAt = n.effects + e.value
	case topicStorm:
		w.count(FaultStorm)
		n.crash()
	case topicPause:
		w.count(FaultPause)
		n.paused = w.now + e.value
	case topicJump:
		if x := int64(e.value); n.mad || -timeBound/6 <= x && x <= timeBound/6 {
			w.count(FaultClock)
			n.offset = x
		}
	case topicFreeze:
		if n.mad {
			w.count(FaultClock)
			n.frozen0, n.thaw = w.now, w.now+e.value
		}
	case topicSyncFails:
		n.doomed, n.disk.failSyncs = true, 1
		w.count(FaultSync)
	case topicCommitFails:
		n.doomed, n.ledger.fails = true, 1
		w.count(FaultSync)
	case topicRemember:
		n.disk.remember()
	case topicFull:
		if n.disk.full = e.value != 0; n.disk.full {
			n.doomed = true
			w.count(FaultFull)
		}
	case topicStall:
		n.stalled[e.key.kind] = w.now + e.value
		w.count(FaultStall)
	}
}

func (w *world) crashAll() {
	for _, n := range w.nodes {
		n.crash()
	}
}

// cast gives a replica its role.
func (s *weather) cast(n *node, e *entry) {
	n.faulty = true
	switch e.topic {
	case topicLiar:
		n.liar = newLiar(n, s.brain(), e.value)
	case topicForgetful:
		s.forgetful[n.id] = true
	case topicRotten:
		n.rotten = true
	case topicClock:
		n.mad = true
		n.offset = int64(e.value)
		s.w.count(FaultClock)
	}
}

// cut cuts these links, and no others.
func (s *weather) cut(links []int) {
	t := s.w.net
	clear(t.cut)
	for i := 0; i+1 < len(links); i += 2 {
		t.cut[links[i]*t.n+links[i+1]] = true
	}
	if len(links) > 0 {
		s.w.count(FaultPartition)
	}
}

// notice lets both sides learn that the link between them is broken, or whole.
func (s *weather) notice(a, b int, broken bool) {
	t, x, y := s.w.net, s.w.nodes[a], s.w.nodes[b]
	t.broken[a*t.n+b], t.broken[b*t.n+a] = broken, broken
	if x.up && y.up {
		t.connect(x, y, !broken)
	}
}

package sim

import (
	"encoding/binary"

	"quorate/wire"
)

// topic says what a choice is about.
type topic uint8

// The topics. The first are timing: each has a value in every run, and a plain
// one where a scenario lists none. The others are faults, and do not happen
// where a scenario does not list them.
const (
	topicDelay     topic = iota // of a frame between replicas
	topicClient                 // of a frame from or to a client
	topicStep                   // of a stage's step
	topicTick                   // length of a replica's tick
	topicLink                   // until a replica learns of a link
	topicHello                  // until a client learns of a link
	topicSubmit                 // of a client's request
	topicRestart                // of a replica that died
	topicLost                   // a frame does not arrive
	topicLate                   // a frame arrives late
	topicAgain                  // a frame arrives a second time
	topicReplay                 // an old frame arrives beside this one
	topicBent                   // a liar bends a frame
	topicTorn                   // a crash keeps some of what was not synced
	topicLedger                 // a crash keeps this much of the ledger's tail
	topicForget                 // a crash costs a journal; 2: and the ledger
	topicRot                    // a crash changes bytes of a disk
	topicReadFails              // so many reads fail after a crash
	topicRepeat                 // a client sends an answered request again
	topicCut                    // from here on: actions of the weather
	topicNotice
	topicCrash
	topicCrashAt
	topicCrashAll
	topicSyncFails
	topicCommitFails
	topicStall
	topicRemember
	topicFull
	topicClog
	topicCapacity
	topicBandwidth
	topicPause
	topicJump
	topicFreeze
	topicStorm
	topicDrift // from here on: before the start
	topicFirstCrash
	topicLiar // from here on: roles
	topicForgetful
	topicClock
	topicRotten
	topicCount
)

// timing reports whether a topic has a value in every run.
func (t topic) timing() bool { return t < topicLost }

// timed reports whether a topic is an action at a time, and not the answer to a
// question that the run asks.
func (t topic) timed() bool { return t >= topicCut }

// key names one choice by what it means, so that it keeps its meaning when other
// choices come and go. Which fields count depends on the topic. Clients are
// negative ends: client 1 is −1.
type key struct {
	a, b      int16 // ends of a link, or a replica
	kind      uint8 // of a frame, or a stage
	view, seq uint64
	n         uint32 // occurrence
	open      open   // of a script
}

// open is what a key of a script leaves open. No value of a field says it: liars
// use all of them.
type open uint8

const (
	openA    open = 1 << iota // any replica, as first end
	openB                     // as second
	openView                  // any view
	openSeq                   // any seq
	openN                     // each occurrence
)

// covers reports whether k, perhaps open, means o. An open end of a liar is any
// liar's.
func (k *key) covers(o *key) bool {
	end := func(may open, x, y int16) bool {
		return x == y || k.open&may != 0 && y >= 0 && x/liarEnd == y/liarEnd
	}
	return k.kind == o.kind && end(openA, k.a, o.a) && end(openB, k.b, o.b) && (k.view == o.view || k.open&openView != 0) &&
		(k.seq == o.seq || k.open&openSeq != 0) && (k.n == o.n || k.open&openN != 0)
}

// entry is one choice that was made.
type entry struct {
	topic topic
	key   key
	at    uint64 // of an action
	value uint64
	old   key   // of a replay: the frame that comes again
	links []int // of a cut: from and to in turn
	met   bool  // the last run came to it
}

// ask is a question: an entry without its answer.
type ask struct {
	topic topic
	key   key
}

// choices is where a run gets what is not decided by the code under test: from
// streams of chance, which may be written down in a book, or from a script.
type choices struct {
	seed   uint64
	script *Scenario // nil: streams
	book   *Scenario // nil: nothing is written down
	told   map[ask]*entry
	open   []*entry       // those whose keys leave something open
	say    func(e *entry) // tells of a fault that the script asked for; may be nil
	old    map[key]bool   // frames that come again
	seen   map[key]uint32 // occurrences so far; only when keys matter
}

func newChoices(opt *Options, script, book *Scenario) *choices {
	c := &choices{seed: opt.Seed, script: script, book: book}
	if c.keyed() {
		c.seen = map[key]uint32{}
	}
	if script == nil {
		return c
	}
	c.told, c.old = make(map[ask]*entry, len(script.entries)), map[key]bool{}
	for i := range script.entries {
		e := &script.entries[i]
		e.met = false
		if e.topic == topicReplay {
			c.old[e.old] = true
		}
		switch {
		case e.topic.timed():
		case e.key.open != 0:
			c.open = append(c.open, e)
		default:
			c.told[ask{e.topic, e.key}] = e
		}
	}
	return c
}

// keyed reports whether choices need names.
func (c *choices) keyed() bool { return c.script != nil || c.book != nil }

// nth completes a key with its occurrence.
func (c *choices) nth(k key) key {
	if c.keyed() {
		n := c.seen[k]
		c.seen[k] = n + 1
		k.n = n
	}
	return k
}

// frame names a frame between replicas, or from or to a client.
func (c *choices) frame(from, to int, kind wire.Kind, body []byte) key {
	if !c.keyed() {
		return key{}
	}
	k := key{a: int16(from), b: int16(to), kind: uint8(kind)}
	k.view, k.seq = subject(kind, body)
	return c.nth(k)
}

// subject is the view and seq that a frame is about, as far as it says.
func subject(kind wire.Kind, body []byte) (view, seq uint64) {
	word := func(at int) uint64 {
		if len(body) < at+8 {
			return 0
		}
		return binary.LittleEndian.Uint64(body[at:])
	}
	switch kind {
	case wire.KindPrePrepare, wire.KindSignShare, wire.KindFullCommitProof, wire.KindPrepare, wire.KindCommit, wire.KindSlowCommitProof:
		return word(0), word(8)
	case wire.KindSignState, wire.KindExecuteProof, wire.KindCheckpoint, wire.KindStable, wire.KindFetchBlocks:
		return 0, word(0)
	case wire.KindComplaint, wire.KindNewView, wire.KindStatus:
		return word(0), 0
	case wire.KindViewChange:
		return word(2), 0
	case wire.KindForward, wire.KindRequest, wire.KindReply:
		return word(0), word(8)
	}
	return 0, 0
}

// note writes an entry into the book.
func (c *choices) note(e entry) {
	if c.book != nil {
		c.book.entries = append(c.book.entries, e)
	}
}

// answer is what the script says, nil for nothing.
func (c *choices) answer(t topic, k key) *entry {
	e := c.told[ask{t, k}]
	for i := 0; e == nil && i < len(c.open); i++ {
		if o := c.open[i]; o.topic == t && o.key.covers(&k) {
			e = o
		}
	}
	if e != nil {
		e.met = true
		if c.say != nil && !t.timing() {
			c.say(e)
		}
	}
	return e
}

// time is a choice of timing from a span.
func (c *choices) time(t topic, k key, s span, r *stream) uint64 {
	if c.script != nil {
		if e := c.answer(t, k); e != nil {
			return e.value
		}
		return c.plain(t, k, s)
	}
	v := s.draw(r)
	if c.book != nil {
		c.note(entry{topic: t, key: k, value: v})
	}
	return v
}

// plain is what timing is when nobody says: the middle of its span, or, with
// jitter, some value of it that depends on the choice's name alone.
func (c *choices) plain(t topic, k key, s span) uint64 {
	width := uint64(s.high - s.low)
	if c.script.Jitter == 0 || width == 0 {
		return uint64(s.low) + width/2
	}
	h := hash(c.script.Jitter)
	h.add(uint64(t)<<56 | uint64(uint16(k.a))<<40 | uint64(uint16(k.b))<<24 | uint64(k.kind)<<16)
	h.add(k.view)
	h.add(k.seq)
	h.add(uint64(k.n))
	return uint64(s.low) + uint64(h)%(width+1)
}

// maybe is a fault that happens in p of 1000 cases, with a value from a span.
func (c *choices) maybe(t topic, k key, p int, s span, r *stream) (uint64, bool) {
	if c.script != nil {
		e := c.answer(t, k)
		if e == nil {
			return 0, false
		}
		return e.value, true
	}
	if !r.chance(p) {
		return 0, false
	}
	var v uint64
	switch t {
	case topicLate, topicAgain:
		v = s.exponential(r)
	default:
		if s.high > 0 {
			v = s.draw(r)
		}
	}
	if c.book != nil {
		c.note(entry{topic: t, key: k, value: v})
	}
	return v, true
}

// bends says whether a liar may bend this frame, and from which seed. Nothing is
// written down before it did (bent).
func (c *choices) bends(k key, drawn uint64) (uint64, bool) {
	if c.script == nil {
		return drawn, true
	}
	e := c.answer(topicBent, k)
	if e == nil {
		return 0, false
	}
	return e.value, true
}

// bent notes that a liar did.
func (c *choices) bent(k key, seed uint64) {
	if c.book != nil {
		c.note(entry{topic: topicBent, key: k, value: seed})
	}
}

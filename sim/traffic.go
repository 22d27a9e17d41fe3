package sim

import (
	"fmt"
	"slices"
	"time"

	"quorate/consensus"
	"quorate/pipeline"
	"quorate/wire"
)

// Traffic is what blocks cost a whole cluster in calm weather.
type Traffic struct {
	Replicas int
	Blocks   int
	// Frames and Bytes are those between replicas, by kind; bytes with the frame's
	// header. Each block carries one payment.
	Frames, Bytes [256]uint64
	// Crypto is the time each replica spent in signatures, by the clock given.
	Crypto []time.Duration
}

// Periodic reports whether frames of a kind are sent by the clock and not because
// of blocks.
func Periodic(k wire.Kind) bool {
	return k == wire.KindStatus || k == wire.KindPing || k == wire.KindPong
}

// since is what came after an earlier reading.
func (t *Traffic) since(before *Traffic) *Traffic {
	out := &Traffic{Replicas: t.Replicas, Blocks: t.Blocks - before.Blocks}
	for k := range t.Frames {
		out.Frames[k] = t.Frames[k] - before.Frames[k]
		out.Bytes[k] = t.Bytes[k] - before.Bytes[k]
	}
	for i := range t.Crypto {
		out.Crypto = append(out.Crypto, t.Crypto[i]-before.Crypto[i])
	}
	return out
}

// MeasureTraffic runs n = 3f+2c+1 replicas with real signatures and without
// faults, lets them agree on so many blocks after a few to begin with, and gives
// what those cost. now is a clock of the caller's world, best one of CPU time of
// this thread: the simulator has none, and nothing here depends on what it says.
func MeasureTraffic(f, c, blocks int, now func() time.Duration) (*Traffic, error) {
	const warm = 4
	m := &meter{now: now}
	opt := Options{Seed: 1, meter: m, F: f, C: c, Window: 256, Real: true, Queue: 1024,
		Batch:   pipeline.BatchPolicy{EventsMax: 1, BytesMax: 64 << 10, EagerSlots: 8, SlotsMax: 64},
		Network: network{Delay: span{100, 300}, FIFO: true, Client: span{100, 300}},
		// No replica is slow: what was signed in time commits on the fast path.
		Stages: [8]span{{1, 2}, {1, 2}, {1, 2}, {10, 20}, {1, 2}, {10, 20}, {1, 2}, {1, 2}},
		Load:   load{Clients: 1, Depth: 4, Events: 1, Accounts: 8}}
	if err := opt.validate(); err != nil {
		return nil, err
	}
	w := newWorld(opt, nil, nil, nil)
	if w.failed() {
		return nil, fmt.Errorf("sim: %s", w.result.Problem)
	}
	w.calm = true
	w.ticks(linkSpan.high/tickMicros + 1) // all links are up then
	var before Traffic
	for _, ops := range []int{warm, blocks} {
		m.Blocks = len(w.check.chain)
		before = m.Traffic
		before.Crypto = slices.Clone(m.Crypto)
		w.users[0].left = ops
		w.users[0].later(span{0, 1})
		for w.ticks(1); w.unrest() != "" && !w.failed(); {
			w.ticks(1)
		}
		if w.failed() {
			return nil, fmt.Errorf("sim: %s", w.result.Problem)
		}
	}
	m.Blocks = len(w.check.chain)
	return m.since(&before), nil
}

// meter counts what passes while a world runs.
type meter struct {
	Traffic
	now func() time.Duration
}

// attach times the signatures of a world whose replicas have not started.
func (m *meter) attach(w *world) {
	m.Replicas, m.Crypto = w.q.N, make([]time.Duration, w.q.N)
	for i, s := range w.keys.suites {
		w.keys.suites[i] = timed{s, m.now, &m.Crypto[i]}
	}
}

// passed counts a frame on its way.
func (m *meter) passed(kind wire.Kind, body []byte) {
	m.Frames[kind]++
	m.Bytes[kind] += uint64(len(body) + wire.FrameHeaderBytes)
}

// timed adds up the time that a replica spends in signatures.
type timed struct {
	pipeline.Suite
	now   func() time.Duration
	spent *time.Duration
}

func (s timed) took(begun time.Duration) { *s.spent += s.now() - begun }

func (s timed) SignShare(p consensus.Purpose, hash wire.Digest) wire.Share {
	defer s.took(s.now())
	return s.Suite.SignShare(p, hash)
}

func (s timed) SignIdentity(message []byte) wire.Signature {
	defer s.took(s.now())
	return s.Suite.SignIdentity(message)
}

func (s timed) Combine(p consensus.Purpose, hash wire.Digest, shares []consensus.ShareOf) (wire.Certificate, []wire.ReplicaID, bool) {
	defer s.took(s.now())
	return s.Suite.Combine(p, hash, shares)
}

func (s timed) VerifyGroup(p consensus.Purpose, hash wire.Digest, sig wire.Certificate) bool {
	defer s.took(s.now())
	return s.Suite.VerifyGroup(p, hash, sig)
}

func (s timed) VerifyGroups(certs []pipeline.Certificate) bool {
	defer s.took(s.now())
	return s.Suite.VerifyGroups(certs)
}

func (s timed) VerifyIdentity(id wire.ReplicaID, message []byte, sig wire.Signature) bool {
	defer s.took(s.now())
	return s.Suite.VerifyIdentity(id, message, sig)
}

func (s timed) VerifyRequests(keys []pipeline.ClientKey, digests []wire.Digest, sigs []wire.Signature, ok []bool) {
	defer s.took(s.now())
	s.Suite.VerifyRequests(keys, digests, sigs, ok)
}

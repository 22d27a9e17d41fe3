package consensus

// Aim: no message that decodes, from whatever sender, makes Step panic (I9).
// Method: bytes are cut into (sender, kind, message); each message goes into a
// core that is fresh or in the middle of things, and jobs are answered as the
// input says, also wrongly: a signature check that says yes to everything is
// what a broken library would be. Halting is allowed then, panicking is not.
// TestMutatedMessages does the same with real messages, each bent a little.

import (
	"encoding/binary"
	"testing"

	"quorate/wire"
)

// states are ways into the middle of things.
var states = []func() *world{
	func() *world { return newWorld(1, 4, 1, 0, 8) },
	func() *world { // slots in flight, checkpoints open
		w := newWorld(2, 4, 1, 0, 8)
		for _, name := range []string{"a", "b", "c", "d", "e", "f"} {
			w.want(name)
		}
		w.run(28)
		return w
	},
	func() *world { // on the way into view 1
		w := newWorld(3, 4, 1, 0, 8)
		w.want("a")
		w.run(25)
		w.filter = func(_, _ wire.ReplicaID, m wire.Message) bool { return kindName(m) != "new-view" }
		w.step(w.nodes[2], Overdue{})
		w.step(w.nodes[3], Overdue{})
		w.run(18)
		return w
	},
	func() *world { // view 1, one replica behind, one amnesiac
		w := newWorld(4, 4, 1, 0, 4)
		w.nodes[3].up = false
		w.want("a")
		w.ticks(60)
		w.step(w.nodes[2], Overdue{})
		w.step(w.nodes[1], Overdue{})
		for _, name := range []string{"b", "c", "d", "e", "f"} {
			w.want(name)
		}
		w.ticks(30)
		w.start(w.nodes[3], true)
		w.run(15)
		return w
	},
}

// feed steps a core with one message and answers what it asks for: truly, or
// with yes to everything.
func feed(w *world, nd *node, from wire.ReplicaID, m wire.Message, gullible bool) {
	queue := []Event{Received{From: from, Msg: m}}
	for steps := 0; len(queue) > 0 && steps < 200; steps++ {
		ev := queue[0]
		queue = queue[1:]
		for _, e := range nd.core.Step(ev, nil) {
			switch e := e.(type) {
			case Verify:
				v := Verified{From: e.From, Msg: e.Msg, Verdict: w.verdict(nd, e.Msg)}
				if gullible {
					v.Verdict = VerdictOK
				}
				switch m := e.Msg.(type) {
				case *wire.Body:
					v.Digest = bodyDigest(m.Batch)
				case *wire.ViewChange:
					v.Digest = w.cfg.Scope.ViewChangeDigest(m)
				}
				queue = append(queue, v)
			case Sign:
				queue = append(queue, w.signed(nd, e))
			case Combine:
				out := Combined{Job: e, OK: gullible}
				if !gullible {
					out = w.combined(e)
				}
				queue = append(queue, out)
			case Execute:
				queue = append(queue, Executed{Seq: e.Proof.Slot.Seq, Digest: e.Proof.Slot.Digest})
			case Send:
				for _, to := range e.To {
					if int(to) >= w.q.N {
						panic("sent to a replica that does not exist")
					}
					if to == nd.id {
						queue = append(queue, Received{From: nd.id, Msg: e.Msg})
					}
				}
			}
		}
	}
}

// FuzzStep: state, flags, then (sender, kind, u16 length, message) again and
// again, a Tick after each.
func FuzzStep(f *testing.F) {
	for i, make := range states {
		w := make()
		w.ticks(20)
		var b []byte
		for j, l := range w.archive {
			if j%7 == i {
				raw := l.msg.Append(nil)
				b = append(b, byte(l.from), byte(l.msg.Kind()))
				b = append(binary.LittleEndian.AppendUint16(b, uint16(len(raw))), raw...)
			}
		}
		f.Add(byte(i), byte(i%2), b)
	}
	f.Fuzz(func(t *testing.T, state, flags byte, b []byte) {
		w := states[int(state)%len(states)]()
		nd := w.nodes[int(flags>>1)%4]
		for len(b) >= 4 {
			from, kind, n := wire.ReplicaID(b[0]), wire.Kind(b[1]), int(binary.LittleEndian.Uint16(b[2:]))
			b = b[4:]
			n = min(n, len(b))
			m, err := wire.DecodeMessage(kind, b[:n])
			b = b[n:]
			if err == nil {
				feed(w, nd, from%8, m, flags&1 != 0)
			}
			nd.core.Step(Tick{}, nil)
		}
	})
}

func TestMutatedMessages(t *testing.T) {
	rounds := 300
	if testing.Short() {
		rounds = 20
	}
	r := splitmix(99)
	decoded, tried := 0, 0
	for range rounds {
		for _, make := range states {
			later := make()
			later.ticks(40)
			w := make()
			nd := w.nodes[r.below(4)]
			for range 300 {
				l := later.archive[r.below(len(later.archive))]
				raw := l.msg.Append(nil)
				for range r.below(4) {
					raw[r.below(len(raw))] += byte(1 + r.below(3))
				}
				if r.chance(50) && len(raw) >= 16 {
					binary.LittleEndian.PutUint64(raw[8*r.below(2):], ^uint64(0)-uint64(r.below(3)))
				}
				tried++
				m, err := wire.DecodeMessage(l.msg.Kind(), raw)
				if err != nil {
					continue
				}
				decoded++
				feed(w, nd, wire.ReplicaID(r.below(5)), m, r.chance(300))
				if r.chance(200) {
					nd.core.Step(Tick{}, nil)
				}
			}
		}
	}
	t.Logf("%d messages, %d decoded", tried, decoded)
}

package sim

// Aim: whatever one replica and one client send, raw bytes in any order between
// ticks, crashes and honest traffic, breaks no promise of the cluster and keeps
// no honest client from its answer; and a replica whose journal was changed on
// disk starts right, starts with amnesia or refuses, and never panics.
// Method: the whole stepped cluster with the run's own checkers. The bytes are a
// program: what happens next, and to whom. Seeds are frames of honest runs.

import (
	"encoding/binary"
	"strings"
	"testing"

	"quorate/pipeline"
	"quorate/wire"
)

// The instructions of a program; the byte is taken modulo their number.
const (
	opPeer   = iota // to, kind, u16 length, body: a frame of replica 3
	opClient        // to, kind, u16 length, body: a frame of client 2
	opTicks         // n: so much time passes
	opAsk           // the honest client asks for something more
	opCrash         // replica: it dies and is started again
	opCount
)

// fuzzOptions is a small cluster in fair weather. Client 2 is the fuzzer's.
func fuzzOptions() Options {
	return Options{Seed: 7, F: 1, Window: 8, Queue: 64,
		Batch:   pipeline.BatchPolicy{EventsMax: 64, BytesMax: 16 << 10, EagerSlots: 2, SlotsMax: 8, DelayTicks: 1},
		Network: network{Delay: span{50, 500}, Client: span{50, 500}, FIFO: true},
		Stages:  [8]span{{10, 100}, {10, 100}, {5, 50}, {50, 500}, {20, 100}, {100, 500}, {50, 100}},
		Load:    load{Clients: 2, Depth: 2, Events: 4, Accounts: 4, Ops: 4}}
}

// fuzzWorld runs that cluster until it has agreed on something.
func fuzzWorld(t testing.TB) *world {
	w := newWorld(fuzzOptions(), nil, nil, nil)
	w.users[1].rogue, w.users[1].left = true, 0
	w.ticks(80)
	if w.failed() {
		t.Fatal(w.result.Problem)
	}
	return w
}

// program reads the fuzzer's bytes.
type program struct{ rest []byte }

func (p *program) next() int {
	if len(p.rest) == 0 {
		return 0
	}
	b := p.rest[0]
	p.rest = p.rest[1:]
	return int(b)
}

func (p *program) bytes() []byte {
	if len(p.rest) < 2 {
		p.rest = nil
		return nil
	}
	n := min(int(binary.LittleEndian.Uint16(p.rest)), len(p.rest)-2)
	out := p.rest[2 : 2+n]
	p.rest = p.rest[2+n:]
	return out
}

// instruction is the inverse, for seeds.
func instruction(op int, args []byte, body []byte) []byte {
	out := append([]byte{byte(op)}, args...)
	if body != nil {
		out = append(binary.LittleEndian.AppendUint16(out, uint16(len(body))), body...)
	}
	return out
}

// do carries one instruction out.
func (p *program) do(w *world) {
	switch p.next() % opCount {
	case opPeer:
		to, kind, body := p.next()%3, wire.Kind(p.next()), p.bytes()
		w.after(0, event{kind: evPeer, node: int16(to), peer: 3, frame: kind, life: w.nodes[to].life, body: append([]byte(nil), body...)})
		w.ticks(0)
	case opClient:
		to, kind, body := p.next()%3, wire.Kind(p.next()), p.bytes()
		w.after(0, event{kind: evRequest, node: int16(to), peer: 1, frame: kind, life: w.nodes[to].life, body: append([]byte(nil), body...)})
		w.ticks(0)
	case opTicks:
		w.ticks(1 + p.next()%64)
	case opAsk:
		w.users[0].left++
		w.after(0, event{kind: evSubmit, node: 0})
	case opCrash:
		n := w.nodes[p.next()%3]
		n.crash()
		n.start()
	}
}

// seeds are programs made of frames that an honest run sent.
func seeds(w *world) (all [][]byte) {
	byKind := map[wire.Kind]bool{}
	long := []byte{}
	for i, l := range w.net.archive {
		frame := instruction(opPeer, []byte{byte(i % 3), byte(l.kind)}, l.body)
		if !byKind[l.kind] {
			byKind[l.kind] = true
			all = append(all, append(frame, instruction(opTicks, []byte{9}, nil)...))
		}
		if len(long) < 3000 {
			long = append(append(long, frame...), instruction(opTicks, []byte{1}, nil)...)
		}
	}
	return append(all, long, append(instruction(opCrash, []byte{0}, nil), long...))
}

// FuzzIngress: a liar and a rogue client before a live cluster.
func FuzzIngress(f *testing.F) {
	for _, s := range seeds(fuzzWorld(f)) {
		f.Add(s)
	}
	f.Add(instruction(opClient, []byte{0, byte(wire.KindRequest)}, (&wire.Request{Client: 2, Seq: 1, Op: wire.OpLedgerTotals}).Append(nil)))
	f.Fuzz(func(t *testing.T, bytes []byte) {
		w := fuzzWorld(t)
		w.nodes[3].faulty, w.nodes[3].blind = true, true // the fuzzer speaks in its name, and may be blamed
		w.nodes[3].crash()
		p := program{bytes}
		for steps := 0; len(p.rest) > 0 && steps < 200 && !w.failed(); steps++ {
			p.do(w)
		}
		for range 400 { // timers double: a crashed primary and a liar cost views
			if w.failed() || w.users[0].idle() {
				break
			}
			w.ticks(20)
		}
		if w.failed() {
			t.Fatal(w.result.Problem)
		}
		if !w.users[0].idle() {
			t.Fatalf("an honest client waits for ever: %+v", w.users[0].session.Stats())
		}
	})
}

// FuzzRestart: bytes of a crashed replica's journal are changed, then it starts
// among the others.
func FuzzRestart(f *testing.F) {
	f.Add(uint8(0), uint32(0), []byte{}, uint8(1), uint32(100), []byte{0})
	f.Add(uint8(0), uint32(4096), []byte("QGRP"), uint8(2), uint32(0), make([]byte, 512))
	f.Add(uint8(1), uint32(512), make([]byte, 4096), uint8(1), uint32(0), []byte{1, 2, 3})
	f.Fuzz(func(t *testing.T, fileA uint8, atA uint32, dataA []byte, fileB uint8, atB uint32, dataB []byte) {
		w := fuzzWorld(t)
		n := w.nodes[1]
		n.faulty = true
		n.crash()
		names := sortedKeys(n.disk.now)
		for _, c := range []struct {
			file uint8
			at   uint32
			data []byte
		}{{fileA, atA, dataA}, {fileB, atB, dataB}} {
			i := n.disk.now[names[int(c.file)%len(names)]]
			if !i.dir && len(i.data) > 0 {
				copy(i.data[int(c.at)%len(i.data):], c.data)
			}
		}
		n.start()
		if w.failed() && strings.Contains(w.result.Problem, "does not start") && !strings.Contains(w.result.Problem, "panic") {
			return // it refuses, with a reason
		}
		w.users[0].left++
		w.after(0, event{kind: evSubmit, node: 0})
		w.ticks(200)
		if w.failed() {
			t.Fatal(w.result.Problem)
		}
	})
}

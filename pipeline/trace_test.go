package pipeline

import (
	"encoding/binary"
	"slices"
	"strings"
	"testing"
	"time"

	"quorate/wire"
)

// Aim: a traced request shows each stage that it went through, in order, on every
// replica; what is not traced costs nothing; nothing grows. Method: real replicas
// in one process for the way, a tracer with a clock of the test's own for bounds.

// names lists the stages of a trace.
func (t *Trace) names() string {
	var out []string
	for _, s := range t.Spans() {
		out = append(out, s.Name)
	}
	return strings.Join(out, " ")
}

func TestTraceShowsEveryStage(t *testing.T) {
	c := newTestCluster(t, 1)
	for i := range c.nodes { // again, with traces
		c.kill(i)
	}
	c.traceEvery = 1
	for i := range c.nodes {
		c.start(i, false)
	}
	codesAllZero(t, c.do(0, wire.OpCreateAccounts, accountsBody(1, 10), 0), 10)
	q, ch := c.submit(0, wire.OpCreateTransfers, transfersBody(1, 10, 10), 0)
	reply := c.await(q, ch)
	request := q.Digest(c.genesis.Hash())
	const asked = "ingress verify batch propose commit execute ledger certify reply"
	const backup = "propose commit execute ledger certify"
	for i, n := range c.nodes {
		var got Trace
		for deadline := time.Now().Add(20 * time.Second); !got.Finished; time.Sleep(5 * time.Millisecond) {
			for _, l := range n.replica.cfg.Trace.Recent() {
				if l.Request == request {
					got = l
				}
			}
			if time.Now().After(deadline) {
				t.Fatalf("replica %d: no whole trace: %+v", i, got)
			}
		}
		if got.Slot.Seq != reply.Header.Seq || got.Replica != wire.ReplicaID(i) || got.Primary != c.genesis.Quorums().Primary(got.Slot.View) {
			t.Errorf("replica %d: %+v", i, got)
		}
		// A client that waits for long asks the others too.
		if want := map[bool]string{true: asked, false: backup}[got.Replica == got.Primary]; !strings.HasSuffix(got.names(), backup) && got.names() != want {
			t.Errorf("replica %d passed %q, want %q", i, got.names(), want)
		}
		last := uint64(0)
		for _, s := range got.Spans() {
			if s.Start < last && s.Name != "certify" || s.End < s.Start {
				t.Errorf("replica %d: %s from %d to %d, after %d", i, s.Name, s.Start, s.End, last)
			}
			last = s.Start
		}
	}
}

// digestOf makes the digest of one request that is traced, or not.
func digestOf(n int, every uint64, traced bool) (d wire.Digest) {
	binary.LittleEndian.PutUint64(d[:], uint64(n)+1)
	v := uint64(n) * every
	if !traced {
		v++
	}
	binary.LittleEndian.PutUint64(d[wire.DigestBytes-8:], v)
	return d
}

func TestTracesAreBounded(t *testing.T) {
	const every = 10
	now := uint64(1)
	given := 0
	tr := NewTracer(every, func() uint64 { now++; return now }, 1, func(wire.View) wire.ReplicaID { return 0 }, func(Trace) { given++ })
	// Requests that are never ordered: a client may send as many as it likes.
	for i := range 4 * tracesLiveMax {
		tr.verified(digestOf(i, every, true), now, now)
		tr.verified(digestOf(i, every, false), now, now)
	}
	if len(tr.live) != tracesLiveMax || len(tr.kept) != 0 || given != 0 {
		t.Errorf("%d live, %d kept, %d given", len(tr.live), len(tr.kept), given)
	}
	// Batches full of traced requests, each to its end.
	for n := range 2 * tracesKeptMax / tracesBatchMax {
		b := &body{digest: wire.Digest{byte(n), 7}}
		for i := range tracesBatchMax + 5 {
			b.requests = append(b.requests, digestOf(1_000_000+100*n+i, every, true), digestOf(1_000_000+100*n+i, every, false))
		}
		tr.batched(b)
		if len(b.traced) != tracesBatchMax {
			t.Fatalf("%d traced of a batch", len(b.traced))
		}
		tr.proposed(b.digest)
		tr.committed(b, wire.SlotID{Seq: wire.SeqNum(n + 1), Digest: b.digest})
		for _, p := range []TracePoint{TraceExecuted, TraceCertified, TraceSettled, TraceHanded} {
			tr.pass(p, b.traced...)
		}
	}
	if len(tr.kept) != tracesKeptMax || given != 2*tracesKeptMax || len(tr.live) > tracesLiveMax {
		t.Errorf("%d kept, %d given, %d live", len(tr.kept), given, len(tr.live))
	}
	if got := tr.Recent(); len(got) > tracesKeptMax+tracesLiveMax || !slices.IsSortedFunc(got, func(a, b Trace) int {
		x, _ := a.Whole()
		y, _ := b.Whole()
		return int(x) - int(y)
	}) {
		t.Errorf("%d traces, or not in order", len(got))
	}
	// What never ends is let go once it is old.
	b := &body{digest: wire.Digest{9}, requests: []wire.Digest{digestOf(5_000_000, every, true)}}
	tr.batched(b)
	tr.committed(b, wire.SlotID{Seq: 9, Digest: b.digest})
	now += traceAgeMax + 1000
	tr.verified(digestOf(6_000_000, every, true), now, now)
	if len(tr.live) != 1 || given != 2*tracesKeptMax+1 {
		t.Errorf("%d live, %d given", len(tr.live), given)
	}
}

// The clock may be set back: a stage that would end before it began is left out.
func TestTraceClockSetBack(t *testing.T) {
	l := Trace{At: [tracePoints]uint64{TraceArrived: 100, TraceTaken: 110, TraceVerified: 50, TraceBatched: 60, TraceProposed: 70}}
	if got := l.names(); got != "ingress batch propose" {
		t.Error(got)
	}
	if start, end := l.Whole(); start != 50 || end != 110 {
		t.Error(start, end)
	}
}

func TestUntracedCostsNothing(t *testing.T) {
	b := &body{digest: wire.Digest{1}, requests: []wire.Digest{digestOf(1, 10, false)}}
	on := NewTracer(10, func() uint64 { return 1 }, 0, func(wire.View) wire.ReplicaID { return 0 }, nil)
	for what, tr := range map[string]*Tracer{"off": NewTracer(0, nil, 0, nil, nil), "on": on} {
		n := testing.AllocsPerRun(100, func() {
			tr.verified(b.requests[0], 1, tr.now())
			tr.batched(b)
			tr.proposed(b.digest)
			tr.committed(b, wire.SlotID{})
			tr.pass(TraceExecuted, b.traced...)
			if tr.wants(b.requests[0]) {
				t.Error("traced")
			}
		})
		if n != 0 {
			t.Errorf("%s: %v allocations for a request that is not traced", what, n)
		}
	}
	if NewTracer(0, nil, 0, nil, nil) != nil || (*Tracer)(nil).Recent() != nil {
		t.Error("tracing of none is no nil tracer")
	}
}

// BenchmarkTrace is what one request costs on a primary: traced, and passed over.
func BenchmarkTrace(b *testing.B) {
	for name, every := range map[string]uint64{"traced": 1, "untraced": 1 << 62} {
		b.Run(name, func(b *testing.B) {
			tr := NewTracer(int(every), testClock, 0, func(wire.View) wire.ReplicaID { return 0 }, func(Trace) {})
			batch := &body{requests: make([]wire.Digest, 1)}
			b.ReportAllocs()
			for i := range b.N {
				d := digestOf(i, 1, true)
				d[wire.DigestBytes-8] |= 1
				batch.digest, batch.requests[0], batch.traced = d, d, batch.traced[:0]
				tr.verified(d, tr.now(), tr.now())
				tr.batched(batch)
				tr.proposed(d)
				tr.committed(batch, wire.SlotID{Seq: 1, Digest: d})
				tr.pass(TraceExecuted, batch.traced...)
				for _, p := range []TracePoint{TraceCertified, TraceReplied, TraceSettled} {
					if tr.wants(d) {
						tr.pass(p, d)
					}
				}
				tr.pass(TraceHanded, batch.traced...)
			}
		})
	}
}

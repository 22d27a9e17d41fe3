package pipeline

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"quorate/wire"
)

// Aim: batches keep each client's order and bounds, lose nothing and repeat nothing; a lone
// request never waits. Method: tables for the policy, a property for the rest.

func request(client, seq uint64, events int) pendingRequest {
	q := wire.Request{Client: wire.ClientID(client), Seq: seq, Op: wire.OpCreateTransfers, Body: make([]byte, events*wire.EventBytes)}
	return pendingRequest{request: q, digest: q.Digest(wire.Digest{})}
}

func TestBatcherClosesWhenItShould(t *testing.T) {
	policy := BatchPolicy{EventsMax: 10, BytesMax: 1 << 20, EagerSlots: 2, SlotsMax: 4, DelayTicks: 3}
	for _, c := range []struct {
		name     string
		events   int
		inFlight int
		waited   uint64
		want     bool
	}{
		{"nothing waits", 0, 0, 0, false},
		{"a lone request on an idle primary", 1, 0, 0, true},
		{"a lone request behind one slot", 1, 1, 0, true},
		{"few behind a busy window", 5, 2, 0, false},
		{"few for long", 5, 2, 3, true},
		{"a full batch", 10, 2, 0, true},
		{"a full batch and a full window", 10, 4, 9, false},
	} {
		b := newBatcher(policy)
		for i := range c.events {
			b.add(request(1, uint64(i+1), 1), 0)
		}
		if got := b.ready(c.inFlight, c.waited); got != c.want {
			t.Errorf("%s: ready %v, want %v", c.name, got, c.want)
		}
	}
}

// TestBatcherWaitsForSlowSlots: behind a busy window a batch waits for as long as
// a slot takes, and one that took for ever does not hold it up for ever.
func TestBatcherWaitsForSlowSlots(t *testing.T) {
	b := newBatcher(BatchPolicy{EventsMax: 10, BytesMax: 1 << 20, EagerSlots: 2, SlotsMax: 4, DelayTicks: 3})
	b.add(request(1, 1, 1), 0)
	for range 100 {
		b.slotTook(40)
	}
	if b.ready(2, 39) || !b.ready(2, 40) {
		t.Error("with slots of 40 ticks the wait is not 40 ticks")
	}
	if !b.ready(1, 0) {
		t.Error("with a free slot it waits")
	}
	for range 100 {
		b.slotTook(1 << 40)
	}
	if b.ready(2, slotTicksMost-1) || !b.ready(2, slotTicksMost) {
		t.Error("the wait for slots that take for ever is not bounded as promised")
	}
	for range 100 {
		b.slotTook(0)
	}
	if b.ready(2, 2) || !b.ready(2, 3) {
		t.Error("with fast slots the wait is not the policy's")
	}
}

// TestBatcherWaitsBehindCrowdedBatches: after a batch of many requests the next one
// waits for as long as a slot takes, with slots free and even with none in flight;
// after one of few it goes at once, however many events the few had.
func TestBatcherWaitsBehindCrowdedBatches(t *testing.T) {
	b := newBatcher(BatchPolicy{EventsMax: 5000, BytesMax: 1 << 20, EagerSlots: 2, SlotsMax: 4, DelayTicks: 3})
	seq := uint64(0)
	batch := func(requests, events int) {
		for range requests {
			seq++
			b.add(request(1, seq, events), 0)
		}
		if got := len(b.close(1, wire.Digest{}).requests); got != requests {
			t.Fatalf("a batch of %d, want %d", got, requests)
		}
	}
	waits := func(want bool) {
		t.Helper()
		seq++
		b.add(request(1, seq, 1), 0)
		for _, inFlight := range []int{0, 1} {
			if b.ready(inFlight, 2) == want || !b.ready(inFlight, 3) {
				t.Errorf("behind %d in flight: ready at once %v, after the delay %v", inFlight, b.ready(inFlight, 2), b.ready(inFlight, 3))
			}
		}
		b.close(1, wire.Digest{})
	}
	batch(crowdedRequests-1, 1)
	waits(false)
	batch(crowdedRequests, 1)
	waits(true)
	waits(false) // the last batch was one request
	batch(2, 2000)
	waits(false)

	batch(crowdedRequests, 1)
	b.add(request(1, seq+1, 1), 5) // the delay is 3
	if b.ready(0, 5) {
		t.Error("a request that came soon behind a crowd does not wait")
	}
	b.close(1, wire.Digest{})
	seq++
	b.last = crowdedRequests
	b.add(request(1, seq+1, 1), 11)
	if !b.ready(0, 11) {
		t.Error("a lone request long behind a crowd waits")
	}
}

func TestBatcherTakesOversizeRequestAlone(t *testing.T) {
	b := newBatcher(BatchPolicy{EventsMax: 10, BytesMax: 2000, EagerSlots: 1, SlotsMax: 1})
	b.add(request(1, 1, 100), 0)
	b.add(request(1, 2, 1), 0)
	if body := b.close(1, wire.Digest{}); len(body.requests) != 1 || body.batch.Requests[0].Seq != 1 {
		t.Fatalf("closed with %d requests", len(body.requests))
	}
	if body := b.close(1, wire.Digest{}); len(body.requests) != 1 || body.batch.Requests[0].Seq != 2 {
		t.Fatal("the second request is lost")
	}
}

func TestBatcherProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		policy := BatchPolicy{EventsMax: rapid.IntRange(1, 50).Draw(t, "events"), BytesMax: rapid.IntRange(300, 20000).Draw(t, "bytes"), SlotsMax: 1, EagerSlots: 1}
		b := newBatcher(policy)
		var want, got []requestKey
		seen := map[requestKey]bool{}
		take := func() {
			body := b.close(7, wire.Digest{})
			again, err := newBody(wire.Digest{}, body.raw)
			if err != nil || again.digest != body.digest {
				t.Fatalf("batch does not decode to its digest: %v", err)
			}
			events := 0
			for i := range body.batch.Requests {
				got = append(got, requestKey{body.batch.Requests[i].Client, body.batch.Requests[i].Seq})
				events += eventsOf(&body.batch.Requests[i])
			}
			if n := len(body.requests); n > 1 && (events > policy.EventsMax || len(body.raw) > policy.BytesMax) {
				t.Fatalf("batch of %d requests has %d events and %d bytes", n, events, len(body.raw))
			}
		}
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			switch rapid.IntRange(0, 3).Draw(t, "what") {
			case 0, 1, 2:
				p := request(uint64(rapid.IntRange(1, 4).Draw(t, "client")), uint64(rapid.IntRange(1, 20).Draw(t, "seq")), rapid.IntRange(0, 12).Draw(t, "n"))
				b.add(p, 0)
				if !seen[p.key()] {
					seen[p.key()] = true
					want = append(want, p.key())
				}
			case 3:
				if b.len() > 0 {
					take()
				}
			}
		}
		for b.len() > 0 {
			take()
		}
		if len(got) != len(want) {
			t.Fatalf("%d requests came out of %d", len(got), len(want))
		}
		of := func(all []requestKey, client wire.ClientID) (seqs []uint64) {
			for _, k := range all {
				if k.client == client {
					seqs = append(seqs, k.seq)
				}
			}
			return seqs
		}
		for client := wire.ClientID(1); client <= 4; client++ {
			if in, out := of(want, client), of(got, client); !slices.Equal(in, out) {
				t.Fatalf("client %d: came in %v, went out %v", client, in, out)
			}
		}
		if b.bytes != 0 || b.events != 0 {
			t.Fatalf("empty batcher counts %d bytes and %d events", b.bytes, b.events)
		}
	})
}

func TestBatcherGivesBackInFront(t *testing.T) {
	b := newBatcher(BatchPolicy{EventsMax: 2, BytesMax: 1 << 20, SlotsMax: 1, EagerSlots: 1})
	for i := range 4 {
		b.add(request(1, uint64(i+1), 1), 0)
	}
	b.giveBack(b.close(1, wire.Digest{}), 5)
	for want := uint64(1); b.len() > 0; {
		body := b.close(1, wire.Digest{})
		for i := range body.batch.Requests {
			if body.batch.Requests[i].Seq != want {
				t.Fatalf("seq %d, want %d", body.batch.Requests[i].Seq, want)
			}
			want++
		}
	}
}

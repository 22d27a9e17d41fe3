package pipeline

import (
	"testing"

	"quorate/payments"
	"quorate/wire"
)

// Aim: no client's flood delays another's requests (CLI-04): the next request of
// a quiet client waits for one of each other, whatever they have queued; and
// what a client may send is bounded per client, with the time to wait.

// TestTurnsAreFair: one client has a whole window waiting when another comes.
func TestTurnsAreFair(t *testing.T) {
	b := newBatcher(BatchPolicy{EventsMax: 2, BytesMax: 1 << 20, EagerSlots: 1, SlotsMax: 1})
	for seq := range uint64(payments.WindowSeqs) {
		b.add(request(1, seq+1, 1), 0)
	}
	for client := uint64(2); client <= 4; client++ {
		b.add(request(client, 1, 1), 0)
	}
	place := map[wire.ClientID]int{}
	for n := 0; b.len() > 0; {
		body := b.close(1, wire.Digest{})
		for i := range body.batch.Requests {
			if q := &body.batch.Requests[i]; place[q.Client] == 0 {
				place[q.Client] = n + 1
			}
			n++
		}
	}
	for client := wire.ClientID(2); client <= 4; client++ {
		if place[client] > 4 {
			t.Errorf("client %d is served at place %d of %d, behind a flood", client, place[client], payments.WindowSeqs+3)
		}
	}
}

// TestFloodLeavesOthersTheirShare: a client that refills its line at once, with
// large requests, gets no more of the batches than one that asks for little.
func TestFloodLeavesOthersTheirShare(t *testing.T) {
	b := newBatcher(BatchPolicy{EventsMax: 100, BytesMax: 1 << 20, EagerSlots: 1, SlotsMax: 1})
	next, served := [3]uint64{}, [3]int{}
	for slot := range 200 {
		for client, line := range [3]int{1: 1, 2: payments.WindowSeqs} { // quiet, flood
			for waiting := int(next[client]) - served[client]; waiting < line; waiting++ {
				next[client]++
				b.add(request(uint64(client), next[client], map[int]int{1: 1, 2: 60}[client]), uint64(slot))
			}
		}
		body := b.close(1, wire.Digest{})
		for i := range body.batch.Requests {
			q := &body.batch.Requests[i]
			served[q.Client]++
			b.executed(requestKey{q.Client, q.Seq})
		}
	}
	if served[1] < 180 {
		t.Errorf("in 200 slots the quiet client was served %d times, the flood %d", served[1], served[2])
	}
}

func TestTurnsGoOldestFirstWhenAsked(t *testing.T) {
	b := newBatcher(BatchPolicy{EventsMax: 1, BytesMax: 1 << 20, EagerSlots: 0, SlotsMax: 9, DelayTicks: 5})
	b.policy.EventsMax = 100
	b.add(request(1, 1, 1), 3)
	b.add(request(2, 1, 1), 9)
	b.close(1, wire.Digest{})
	b.add(request(2, 2, 1), 10)
	b.add(request(1, 2, 1), 11)
	if b.ready(1, 14) || !b.ready(1, 15) {
		t.Errorf("the oldest came at tick 10: ready at 14 %v, at 15 %v", b.ready(1, 14), b.ready(1, 15))
	}
}

func TestDrainGivesAllInTurn(t *testing.T) {
	b := newBatcher(BatchPolicy{EventsMax: 1, BytesMax: 1 << 20, EagerSlots: 1, SlotsMax: 1})
	for client := uint64(1); client <= 3; client++ {
		for seq := uint64(1); seq <= client; seq++ {
			b.add(request(client, seq, 1), 0)
		}
	}
	b.giveBack(b.close(1, wire.Digest{}), 0)
	var got []requestKey
	for _, p := range b.drain() {
		got = append(got, p.key())
	}
	want := []requestKey{{1, 1}, {2, 1}, {3, 1}, {2, 2}, {3, 2}, {3, 3}}
	for i := range want {
		if len(got) != len(want) || got[i] != want[i] {
			t.Fatalf("%v, want %v", got, want)
		}
	}
	if b.len() != 0 || b.bytes != 0 || b.events != 0 || len(b.known) != 0 {
		t.Errorf("%d requests, %d bytes, %d events, %d known are left", b.len(), b.bytes, b.events, len(b.known))
	}
}

func TestQuotaOfAClient(t *testing.T) {
	q := newQuota(&Config{ClientQueueMax: 3, ClientRate: 100, Tick: 5_000_000}) // a request per two ticks
	e := &clientEntry{id: 1}
	for i := range uint64(burst) {
		if wait := e.spend(1000, &q); wait != 0 {
			t.Fatalf("request %d of a burst waits %d ms", i, wait)
		}
	}
	if wait := e.spend(1000, &q); wait != 10 && wait != 11 {
		t.Errorf("after the burst the next waits %d ms, want 10", wait)
	}
	if wait := e.spend(1001, &q); wait == 0 {
		t.Error("half a request's time is enough")
	}
	if wait := e.spend(1002, &q); wait != 0 {
		t.Errorf("after a request's time it waits %d ms", wait)
	}
	taken := 0
	for tick := uint64(1003); tick < 1003+2000; tick++ { // ten seconds
		for range 5 {
			if e.spend(tick, &q) == 0 {
				taken++
			}
		}
	}
	if taken < 990 || taken > 1010 {
		t.Errorf("%d requests in ten seconds at 100/s", taken)
	}
	for seq := uint64(1); seq <= 4; seq++ {
		what, code := e.admit(seq, 7, 0, q.queueMax)
		if refused := what == admitRefuse && code == wire.RejectOverload; refused != (seq == 4) {
			t.Errorf("request %d of at most 3 under way: %v %v", seq, what, code)
		}
	}
	if n := testing.AllocsPerRun(100, func() { e.spend(1<<40, &q) }); n != 0 {
		t.Errorf("%v allocations per request", n)
	}
	var none clientEntry
	unlimited := newQuota(&Config{})
	for range 10_000 {
		if none.spend(0, &unlimited) != 0 {
			t.Fatal("no rate, and it waits")
		}
	}
	for _, rate := range []int{1, 1 << 20, 10_000_000, 1<<31 - 1} { // nothing overflows after a year
		fast := newQuota(&Config{ClientRate: rate, Tick: 5_000_000})
		var c clientEntry
		for range 100_000 {
			c.spend(1, &fast)
		}
		if c.spend(1<<33, &fast) != 0 {
			t.Errorf("rate %d: after a year it waits", rate)
		}
	}
}

// TestALineThatNeverEndsIsBounded: a client that always has something waiting
// does not make its line longer than twice what waits.
func TestALineThatNeverEndsIsBounded(t *testing.T) {
	turns := newTurns()
	seq := uint64(0)
	add := func() {
		seq++
		turns.push(request(1, seq, 1))
	}
	add()
	for want := uint64(1); want <= 10_000; want++ {
		add()
		if got := turns.next().request.Seq; got != want {
			t.Fatalf("request %d comes instead of %d", got, want)
		}
		turns.pop()
	}
	if places := cap(turns.lines[1].items); places > 16 {
		t.Errorf("%d places for %d requests that wait", places, turns.len())
	}
}

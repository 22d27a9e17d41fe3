package pipeline

import (
	"testing"

	"quorate/wire"
)

// Aim: what waits for long under overload is ordered once and passed on rarely,
// so that waiting makes no work. Method: the batcher and the order stage's relay
// alone, on ticks that the test counts.

// TestRepeatsOfWhatWaitsAreNotOrdered: however long a request waits or its slot
// takes, a repeat is not ordered beside it; after a view change, once more.
func TestRepeatsOfWhatWaitsAreNotOrdered(t *testing.T) {
	b := newBatcher(BatchPolicy{EventsMax: 1, BytesMax: 1 << 20, EagerSlots: 1, SlotsMax: 1})
	b.add(request(1, 1, 1), 0)
	b.add(request(1, 1, 1), 1000*forgetTicks)
	if b.len() != 1 {
		t.Fatalf("%d copies of a request that waits", b.len())
	}
	b.close(1, wire.Digest{})
	b.add(request(1, 1, 1), 2000*forgetTicks)
	if b.len() != 0 {
		t.Fatal("a copy of a request whose slot is under way waits")
	}
	const left = 3000 * forgetTicks
	b.viewChanged(left)
	b.viewChanged(left + 1) // the next one says nothing new of it
	b.add(request(1, 1, 1), left+forgetTicks-1)
	if b.len() != 0 {
		t.Error("a copy waits right after the view change")
	}
	b.add(request(1, 1, 1), left+forgetTicks)
	if b.len() != 1 {
		t.Error("a request that a view change may have lost is never ordered again")
	}
	b.executed(requestKey{1, 1})
	b.add(request(1, 1, 1), left+forgetTicks+1)
	if b.len() != 2 {
		t.Error("what was executed is still known: the ledger, not the batcher, refuses it")
	}
}

// TestOldSlotsKeepNewOnesWaiting: with a slot of more than congestedTicks in
// flight no more are opened than an idle cluster may have, and never none.
func TestOldSlotsKeepNewOnesWaiting(t *testing.T) {
	o := orderStage{batcher: newBatcher(BatchPolicy{EagerSlots: 2}), tick: 1000}
	if o.congested(0) || o.congested(5) {
		t.Error("congested by slots of which nothing is known")
	}
	o.tick = 6 * congestedTicks
	for inFlight, want := range []bool{5: true, 4: true, 3: true, 2: true, 1: false, 0: false} {
		o.opened = o.opened[:0]
		for slot := range uint64(5) {
			o.opened = append(o.opened, slot*congestedTicks/2)
		}
		if got := o.congested(inFlight); got != want || len(o.opened) != inFlight {
			t.Errorf("%d in flight: congested %v, %d remembered", inFlight, got, len(o.opened))
		}
	}
	o.opened = []uint64{o.tick - congestedTicks, o.tick - 1, o.tick}
	if o.congested(3) {
		t.Error("congested at the bound")
	}
	o.tick++
	if !o.congested(3) || o.congested(2) {
		t.Error("not congested above the bound, or after the old slot was executed")
	}
}

// relayBed is an order stage of a backup whose forwards are counted.
type relayBed struct {
	*orderStage
	sent int
}

// Send implements Transport.
func (b *relayBed) Send(_ wire.ReplicaID, _ wire.Lane, kind wire.Kind, _ []byte) error {
	if kind == wire.KindForward {
		b.sent++
	}
	return nil
}

// Reply implements Transport.
func (*relayBed) Reply(ConnID, wire.Kind, []byte) error { return nil }

func newRelayBed() *relayBed {
	b := &relayBed{}
	r := &Replica{transport: b, clients: newClientTable(nil)}
	r.cfg.Self = 1
	b.orderStage = &orderStage{r: r, relay: map[requestKey]relayed{}, batcher: newBatcher(BatchPolicy{}), active: true}
	return b
}

// pass lets ticks go by, without the core.
func (b *relayBed) pass(ticks int) {
	for range ticks {
		if b.tick++; b.tick%relayTicks == 0 {
			b.passOn()
		}
	}
}

// TestRelayedRequestsArePassedOnMoreAndMoreRarely: in the time in which a fixed
// pause would send a request 100 times, it is sent a few times.
func TestRelayedRequestsArePassedOnMoreAndMoreRarely(t *testing.T) {
	b := newRelayBed()
	b.request(request(1, 1, 1))
	b.pass(againTicks - 1)
	if b.sent != 0 {
		t.Fatal("it is passed on at once")
	}
	b.pass(100 * againTicks)
	if b.sent < 4 || b.sent > 8 {
		t.Errorf("passed on %d times", b.sent)
	}
	b.unrelay(requestKey{1, 1})
	b.unrelay(requestKey{1, 1})
	if b.relayBytes != 0 || len(b.relay) != 0 {
		t.Errorf("%d bytes of %d requests are left", b.relayBytes, len(b.relay))
	}
}

// TestRelayedBytesAreBounded: in one round and in all.
func TestRelayedBytesAreBounded(t *testing.T) {
	b := newRelayBed()
	const events = 8000
	one := request(1, 1, events)
	size := one.request.EncodedBytes()
	const over, most = 5, 64
	b.r.cfg.RequestQueueBytes = most * len(one.request.Body)
	for seq := range uint64(most + over) {
		p := one
		p.request.Seq = seq + 1
		b.request(p)
	}
	if len(b.relay) != most || b.relayBytes != most*len(one.request.Body) || b.r.stats.RelayDropped.Load() != over {
		t.Errorf("%d requests of %d bytes are kept, %d dropped", len(b.relay), b.relayBytes, b.r.stats.RelayDropped.Load())
	}
	b.tick = 10 * againTicks
	b.passOn()
	if b.sent != relayRoundBytes/size {
		t.Errorf("%d requests of %d bytes in one round", b.sent, size)
	}
	for i := uint64(1); i <= 60; i++ { // every one gets its turn
		b.tick++
		b.passOn()
	}
	times := 0
	for _, w := range b.relay {
		if w.times > 0 {
			times++
		}
	}
	if times != len(b.relay) {
		t.Errorf("%d of %d were passed on", times, len(b.relay))
	}
}

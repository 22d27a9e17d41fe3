package pipeline

import (
	"testing"
	"time"

	"quorate/wire"
)

// Aim: what waits is bounded in bytes, at a primary that cannot order and at a
// backup that keeps for one; who is refused is told when to come again, and what
// was taken is executed later. Method: a cluster without a quorum, and then with.

func TestWaitingRequestsAreBoundedInBytes(t *testing.T) {
	const bound, eventsOfOne, asked = 4096, 16, 30
	c := newTestCluster(t, 2)
	codesAllZero(t, c.do(0, wire.OpCreateAccounts, accountsBody(1, 2), 0), 2)
	c.settle()
	c.queueBytes = bound
	for i := range c.nodes {
		c.kill(i)
	}
	for _, i := range []int{0, 1} {
		c.start(i, false)
	}
	type asking struct {
		q  wire.Request
		ch chan wire.Reply
	}
	var taken []asking
	for node := range 2 {
		r := c.nodes[node].replica
		refused := &r.stats.ClientRejects[wire.RejectOverload]
		for i := range asked {
			before := refused.Load()
			q, ch := c.submit(node, wire.OpCreateTransfers, transfersBody(uint64(100_000*node+100*i+1), eventsOfOne, 2), node)
			if refused.Load() == before {
				taken = append(taken, asking{q, ch})
			}
			for range 100 { // the stages' time: as if it came from a network
				if r.arriving.Load() == 0 {
					break
				}
				time.Sleep(time.Millisecond)
			}
			if waits := r.arriving.Load() + r.order.queuedBytes.Load(); waits > bound+2*wire.EventBytes*eventsOfOne {
				t.Fatalf("replica %d: %d bytes wait, the bound is %d", node, waits, bound)
			}
		}
		if refused.Load() == 0 {
			t.Errorf("replica %d took %d requests of %d bytes and refused none", node, asked, eventsOfOne*wire.EventBytes)
		}
	}
	c.mu.Lock()
	for _, m := range c.rejects {
		if m.Code == wire.RejectOverload && (m.RetryAfterMilli < hintMilliLeast || m.RetryAfterMilli > hintMilliMost) {
			t.Errorf("refused with %d ms to wait", m.RetryAfterMilli)
		}
	}
	c.mu.Unlock()
	for _, i := range []int{2, 3} {
		c.start(i, false)
	}
	for _, a := range taken {
		codesAllZero(t, c.await(a.q, a.ch), eventsOfOne)
	}
	c.settle()
	for node := range 2 {
		r := c.nodes[node].replica
		if waits := r.arriving.Load() + r.order.queuedBytes.Load(); waits != 0 {
			t.Errorf("replica %d: all is executed, and %d bytes are said to wait", node, waits)
		}
	}
}

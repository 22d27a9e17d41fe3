package consensus

// Aim: small questions do not get large answers without bound. Method: one peer
// asks a core the same a thousand times within a tick, and after an interval.

import (
	"testing"

	"quorate/cluster"
	"quorate/wire"
)

func TestFetchedViewChangesAreBounded(t *testing.T) {
	q, err := cluster.NewQuorums(4, 1, 0)
	if err != nil {
		t.Fatal(err)
	}
	cfg := Config{Quorums: q, Scope: wire.Scope{Epoch: 1}, Window: 8, Timing: DefaultTiming()}
	c, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	m := &wire.ViewChange{Replica: 2, To: 1}
	c.change.seen[2] = knownChange{msg: m, digest: cfg.Scope.ViewChangeDigest(m)}
	ask := func() (sent int) {
		for range 1000 {
			for _, e := range c.Step(Received{From: 1, Msg: &wire.FetchViewChange{View: 1, Replica: 2, Digest: c.change.seen[2].digest}}, nil) {
				if _, ok := e.(Send); ok {
					sent++
				}
			}
		}
		return sent
	}
	if n := ask(); n != 2*q.N {
		t.Errorf("%d answers within one tick, want %d", n, 2*q.N)
	}
	for range cfg.Timing.Resend {
		c.Step(Tick{}, nil)
	}
	if n := ask(); n != 2*q.N {
		t.Errorf("%d answers after an interval, want %d", n, 2*q.N)
	}
}

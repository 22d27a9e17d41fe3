package consensus

// Aim: a view that does not start costs ever more patience, and a replica
// outside its view follows f+1 others. Method: one core, the others' view
// changes put into its hands, ticks counted.

import (
	"testing"

	"quorate/cluster"
	"quorate/wire"
)

// alone makes replica 3 of four.
func alone(t *testing.T) *Core {
	t.Helper()
	q, err := cluster.NewQuorums(4, 1, 0)
	if err != nil {
		t.Fatal(err)
	}
	c, err := New(Config{Self: 3, Quorums: q, Window: 8, Scope: wire.Scope{Epoch: 1}, Timing: DefaultTiming()})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// leaves gives the core verified view changes of replicas to a view.
func leaves(c *Core, to wire.View, ids ...wire.ReplicaID) {
	for _, id := range ids {
		c.Step(Verified{From: id, Msg: &wire.ViewChange{Replica: id, To: to}, Digest: wire.Digest{byte(id), byte(to)}}, nil)
	}
}

// TestTimerDoublesWithEachView: next primaries that stay silent are given up
// after 320, 640, … ticks, up to the cap. Linear timers never let a slow network
// catch up.
func TestTimerDoublesWithEachView(t *testing.T) {
	c := alone(t)
	leaves(c, 1, 0, 1, 2)
	want := 2 * c.cfg.Timing.Progress
	for view := wire.View(1); view <= 6; view++ {
		if c.view != view || c.active {
			t.Fatalf("view %d active %v, want to be on the way to %d", c.view, c.active, view)
		}
		leaves(c, view, 0, 1, 2)
		ticks := uint64(0)
		for c.view == view {
			c.Step(Tick{}, nil)
			if ticks++; ticks > 2*c.cfg.Timing.ProgressMax {
				t.Fatalf("view %d is never given up", view)
			}
		}
		// The tick that starts the timer is not counted by it.
		if ticks != want+1 {
			t.Errorf("view %d was given up after %d ticks, want %d", view, ticks, want+1)
		}
		want = min(2*want, c.cfg.Timing.ProgressMax)
	}
}

// TestFollowsFPlusOneOutsideItsView: a replica on the way to view 1 takes f+1
// view changes to higher views for news, and goes to the lower of them.
func TestFollowsFPlusOneOutsideItsView(t *testing.T) {
	c := alone(t)
	leaves(c, 1, 0, 1)
	leaves(c, 7, 0)
	if c.view != 1 || c.active {
		t.Fatalf("view %d active %v: one replica is not to be followed", c.view, c.active)
	}
	leaves(c, 5, 1)
	if c.view != 5 || c.active {
		t.Fatalf("view %d active %v: want to be on the way to 5", c.view, c.active)
	}
}

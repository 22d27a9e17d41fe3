package pipeline

import (
	"testing"

	"quorate/wire"
)

// Aim: a client that asks a replica that does not lead, or waits when a view
// begins, is told the view unasked, so that it does not go on asking the wrong
// one. Method: a running cluster whose words to clients are kept; the pace on
// ticks that the test counts.

// toldBy gives the views that replica i told clients.
func (c *testCluster) toldBy(i int) (views []wire.View) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, s := range c.told {
		if s.Replica == wire.ReplicaID(i) && s.Active {
			views = append(views, s.View)
		}
	}
	return views
}

func TestBackupTellsWhoAsksIt(t *testing.T) {
	c := newTestCluster(t, 1)
	codesAllZero(t, c.do(0, wire.OpCreateAccounts, accountsBody(1, 2), 0), 2)
	if views := c.toldBy(0); len(views) != 0 {
		t.Errorf("the primary told a client of views %v", views)
	}
	c.settle()
	codesAllZero(t, c.do(0, wire.OpCreateTransfers, transfersBody(1, 1, 2), 2), 1) // passed on all the same
	if views := c.toldBy(2); len(views) == 0 || views[0] != 0 {
		t.Errorf("a backup that was asked told of views %v, want view 0", views)
	}
}

// TestClientsThatWaitAreToldTheNewView: by the new primary too, whom nobody would
// ask in vain.
func TestClientsThatWaitAreToldTheNewView(t *testing.T) {
	c := newTestCluster(t, 1)
	codesAllZero(t, c.do(0, wire.OpCreateAccounts, accountsBody(1, 2), 0), 2)
	c.settle()
	c.kill(0)
	codesAllZero(t, c.do(0, wire.OpCreateTransfers, transfersBody(1, 1, 2), 1, 2, 3), 1)
	leader := int(c.genesis.Quorums().Primary(c.nodes[1].replica.Status().View))
	views := c.toldBy(leader)
	if len(views) == 0 || views[len(views)-1] == 0 {
		t.Errorf("replica %d leads and told its client of views %v", leader, views)
	}
}

func TestClientIsToldAtAPace(t *testing.T) {
	e := &clientEntry{id: 1}
	for _, row := range []struct {
		view wire.View
		tick uint64
		want bool
	}{
		{0, 0, true}, {0, 1, false}, {0, tellTicks - 1, false}, {0, tellTicks, true},
		{1, tellTicks + 1, true}, {1, tellTicks + 2, false},
	} {
		if got := e.mayTell(row.view, row.tick); got != row.want {
			t.Errorf("view %d at tick %d: %v", row.view, row.tick, got)
		}
	}
}

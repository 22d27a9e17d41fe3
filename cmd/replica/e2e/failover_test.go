package e2e

import (
	"context"
	"testing"
	"time"

	"quorate/client"
	"quorate/payments"
)

// Aim: a client that has nothing under way when the primary dies is served all the
// same, and goes to the new primary alone from then on, also when the old one is
// back. Method: a client that never sends a request again by its timer, so that
// what it does otherwise decides; the requests that each replica got are counted.

const receivedTotal = "quorate_requests_received_total"

func TestIdleClientFindsThePrimary(t *testing.T) {
	d := running(t)
	ctx, cancel := context.WithTimeout(context.Background(), 2*settleMax)
	defer cancel()
	c, err := client.Dial(ctx, d.genesis, d.admin, client.Options{RetryMin: time.Hour, RetryMax: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	ask := func(n int) {
		t.Helper()
		for range n {
			if _, err := c.LookupAccounts(ctx, []payments.U128{payments.U64(1)}); err != nil {
				t.Fatal(err)
			}
		}
	}
	ask(1)
	before := d.mustStatus(1)
	victim := int(before.Primary)
	d.nodes[victim].kill()
	eventually(t, settleMax, "the client sees that its link is gone", func() error {
		return errOf(c.Stats().Failovers > 0, "%+v", c.Stats())
	})
	ask(10) // the first needs a view change that only this request asks for
	d.start(victim)
	d.ready(4)
	eventually(t, settleMax, "the client is connected to the one that is back", func() error {
		return errOf(d.metric(victim, `quorate_link_connections{state="client"}`) > 0, "no connection")
	})
	view, got := d.mustStatus((victim+1)%4).View, d.metric(victim, receivedTotal)
	const more = 20
	ask(more)
	got = d.metric(victim, receivedTotal) - got
	// On a starved machine the view may change meanwhile, even back to the victim.
	if now := d.mustStatus((victim + 1) % 4).View; now == view && got > more/2 {
		t.Errorf("%v of %d requests went to replica %d, which led before view %d", got, more, victim, view)
	}
}

package teller_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"quorate/bench/teller"
	"quorate/client"
	"quorate/client/clienttest"
	"quorate/payments"
	"quorate/wire"
)

// Aim: an audit passes on an honest ledger, round after round, and finds each
// thing that can be wrong with a dishonest one.
// Method: clienttest's cluster, whose ledger can be told to change what it
// executes, to answer nothing, and to take payments of others. Waiting is for
// events, with one deadline.

const batch = 5 // payments per request

func deadline(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// open starts a teller with two payers; the third client is nobody's.
func open(t *testing.T) (*clienttest.Cluster, *teller.Teller) {
	t.Helper()
	c := clienttest.New(t, 3)
	tl, err := teller.Open(deadline(t), c.Genesis, c.Keys[:2], teller.Options{Batch: batch, PerSecond: 400, Window: 4, Accounts: 20, Ledger: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(tl.Close)
	return c, tl
}

// pays lets the teller pay until a request that was sent from now on is
// acknowledged, and settles.
func pays(t *testing.T, tl *teller.Teller) {
	t.Helper()
	tl.Resume()
	if _, err := tl.ServedAfter(deadline(t), time.Now()); err != nil {
		t.Fatal(err)
	}
	settle(t, tl)
}

func settle(t *testing.T, tl *teller.Teller) {
	t.Helper()
	if err := tl.Settle(deadline(t)); err != nil {
		t.Fatal(err)
	}
}

func audit(t *testing.T, tl *teller.Teller) *teller.Report {
	t.Helper()
	r, err := tl.Audit(deadline(t))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestHonestLedger(t *testing.T) {
	_, tl := open(t)
	before := uint64(0)
	for range 3 {
		pays(t, tl)
		r := audit(t, tl)
		if len(r.Faults) > 0 || r.Lost+r.Duplicated > 0 || r.Acked != tl.Acked() || r.Acked == before || r.Checked != r.Acked-before {
			t.Fatalf("%+v, %d were acknowledged, %d at the audit before", r, tl.Acked(), before)
		}
		before = r.Acked
	}
	r, err := tl.AuditAll(deadline(t))
	if err != nil || len(r.Faults) > 0 || r.Checked != before {
		t.Errorf("all again: %+v, %v", r, err)
	}
}

// TestDishonestLedger plants one fault at a time in the second round.
func TestDishonestLedger(t *testing.T) {
	const offAmount, offID, offCredit, offDebit = 48, 0, 32, 16 // in an encoded transfer
	for name, plant := range map[string]struct {
		lie              func(t *testing.T, c *clienttest.Cluster)
		lost, duplicated bool
		says             string
	}{
		"another amount": {func(_ *testing.T, c *clienttest.Cluster) {
			c.Sabotage(func(b []byte) []byte { b[offAmount] ^= 1; return b })
		}, true, false, "sent as"},
		"another id": {func(_ *testing.T, c *clienttest.Cluster) {
			c.Sabotage(func(b []byte) []byte { b[offID+15] ^= 0x20; return b })
		}, true, false, "is not found"},
		"one payment refused": {func(_ *testing.T, c *clienttest.Cluster) {
			c.Sabotage(func(b []byte) []byte { copy(b[offCredit:offCredit+16], b[offDebit:offDebit+16]); return b })
		}, true, false, "was answered with"},
		"one payment more": {stranger, false, true, "too many"},
	} {
		t.Run(name, func(t *testing.T) {
			c, tl := open(t)
			pays(t, tl)
			if r := audit(t, tl); len(r.Faults) > 0 {
				t.Fatal(r.Faults)
			}
			plant.lie(t, c)
			pays(t, tl)
			r := audit(t, tl)
			if (r.Lost > 0) != plant.lost || (r.Duplicated > 0) != plant.duplicated || !strings.Contains(strings.Join(r.Faults, "\n"), plant.says) {
				t.Errorf("lost %d, duplicated %d, faults %q; want %q among them", r.Lost, r.Duplicated, r.Faults, plant.says)
			}
		})
	}
}

// stranger pays on the teller's ledger: as a payment that was executed twice
// would, it makes the ledger grow by more than was acknowledged.
func stranger(t *testing.T, c *clienttest.Cluster) {
	cl, err := client.Dial(deadline(t), c.Genesis, c.Keys[2], client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	codes, err := cl.CreateTransfers(deadline(t), []payments.Transfer{{ID: payments.U64(7), DebitAccountID: payments.U64(1),
		CreditAccountID: payments.U64(2), Amount: payments.U64(1), Ledger: 1, Code: 1}})
	if err != nil || codes[0] != payments.TransferOK {
		t.Fatal(codes, err)
	}
}

// TestClientDies: what it leaves without an answer is found, or is known never
// to be executed; neither is a fault.
func TestClientDies(t *testing.T) {
	for name, executed := range map[string]bool{"answers are lost": true, "requests are lost": false} {
		t.Run(name, func(t *testing.T) {
			c, tl := open(t)
			pays(t, tl)
			var first sync.Once
			lost := make(chan struct{})
			if executed {
				c.SetTamper(func(_ wire.ReplicaID, r *wire.Reply) int {
					if r.Client == c.Keys[0].ID && len(r.Result) == batch*4 {
						first.Do(func() { close(lost) })
						return 0
					}
					return 1
				})
			} else {
				c.SetIntercept(func(_ wire.ReplicaID, q *wire.Request) (wire.Kind, []byte) {
					if q.Client == c.Keys[0].ID && q.Op == wire.OpCreateTransfers {
						first.Do(func() { close(lost) })
						return wire.KindPing, nil
					}
					return 0, nil
				})
			}
			tl.Resume()
			select {
			case <-lost:
			case <-deadline(t).Done():
				t.Fatal("client 0 sends nothing")
			}
			// Only payments are lost, so that the new session can begin.
			if err := tl.Redial(deadline(t), 0); err != nil {
				t.Fatal(err)
			}
			c.SetTamper(nil)
			c.SetIntercept(nil)
			settle(t, tl)
			r := audit(t, tl)
			if len(r.Faults) > 0 || r.Acked != tl.Acked() || (r.Found > 0) != executed {
				t.Errorf("%+v", r)
			}
		})
	}
}

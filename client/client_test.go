package client_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"quorate/client"
	"quorate/client/clienttest"
	"quorate/payments"
	"quorate/wire"
)

// Aim: the client over real TLS against replicas that are honest, lie, stop,
// come back and refuse.
// Method: clienttest's cluster; waiting is for events, never for a time that
// should be enough, and each test has one deadline.

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func deadline(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// quick makes repeats come soon, so that tests of them are short.
var quick = client.Options{RetryMin: 20 * time.Millisecond, RetryMax: 200 * time.Millisecond}

func dial(t *testing.T, c *clienttest.Cluster, keys client.Keys, opts client.Options) *client.Client {
	t.Helper()
	cl, err := client.Dial(deadline(t), c.Genesis, keys, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cl.Close() })
	return cl
}

// account is an account of ledger 1.
func account(id uint64) payments.Account {
	return payments.Account{ID: payments.U64(id), Ledger: 1, Code: 1}
}

func transfer(id, from, to, amount uint64) payments.Transfer {
	return payments.Transfer{ID: payments.U64(id), DebitAccountID: payments.U64(from), CreditAccountID: payments.U64(to), Amount: payments.U64(amount), Ledger: 1, Code: 1}
}

// pay makes accounts 1 and 2 and a transfer with this id between them.
func pay(t *testing.T, cl *client.Client, id uint64) {
	t.Helper()
	ctx := deadline(t)
	if _, err := cl.CreateAccounts(ctx, []payments.Account{account(1), account(2)}); err != nil {
		t.Fatal(err)
	}
	codes, err := cl.CreateTransfers(ctx, []payments.Transfer{transfer(id, 1, 2, 10)})
	if err != nil || len(codes) != 1 || codes[0] != payments.TransferOK {
		t.Fatalf("codes %v, %v", codes, err)
	}
}

func TestOperations(t *testing.T) {
	c := clienttest.New(t, 1)
	cl := dial(t, c, c.Keys[0], quick)
	ctx := deadline(t)
	history := account(3)
	history.Flags = payments.AccountHistory
	codes, err := cl.CreateAccounts(ctx, []payments.Account{account(1), account(2), history, account(1)})
	if err != nil || fmt.Sprint(codes) != "[ok ok ok exists]" {
		t.Fatalf("accounts %v, %v", codes, err)
	}
	made, err := cl.CreateTransfers(ctx, []payments.Transfer{transfer(10, 1, 2, 5), transfer(11, 2, 3, 7), transfer(12, 1, 9, 1)})
	if err != nil || fmt.Sprint(made) != "[ok ok credit_account_not_found]" {
		t.Fatalf("transfers %v, %v", made, err)
	}
	accounts, err := cl.LookupAccounts(ctx, []payments.U128{payments.U64(3), payments.U64(77), payments.U64(1)})
	if err != nil || len(accounts) != 2 || accounts[0].CreditsPosted != payments.U64(7) || accounts[1].DebitsPosted != payments.U64(5) {
		t.Fatalf("accounts %+v, %v", accounts, err)
	}
	transfers, err := cl.LookupTransfers(ctx, []payments.U128{payments.U64(11)})
	if err != nil || len(transfers) != 1 || transfers[0].Amount != payments.U64(7) {
		t.Fatalf("transfers %+v, %v", transfers, err)
	}
	filter := payments.AccountFilter{AccountID: payments.U64(2), Limit: 10, Flags: payments.FilterDebits | payments.FilterCredits}
	if page, err := cl.GetAccountTransfers(ctx, filter); err != nil || len(page.Records) != 2 || page.Cut {
		t.Errorf("account transfers %+v, %v", page, err)
	}
	filter.AccountID = payments.U64(3)
	if page, err := cl.GetAccountBalances(ctx, filter); err != nil || len(page.Records) != 1 || page.Records[0].CreditsPosted != payments.U64(7) {
		t.Errorf("balances %+v, %v", page, err)
	}
	if page, err := cl.QueryAccounts(ctx, payments.QueryFilter{Ledger: 1, Limit: 2}); err != nil || len(page.Records) != 2 {
		t.Errorf("query accounts %+v, %v", page, err)
	}
	if page, err := cl.QueryTransfers(ctx, payments.QueryFilter{Ledger: 1, Limit: 9}); err != nil || len(page.Records) != 2 {
		t.Errorf("query transfers %+v, %v", page, err)
	}
	totals, err := cl.LedgerTotals(ctx)
	if err != nil || len(totals) != 1 || totals[0].Transfers != 2 || totals[0].DebitsPosted != totals[0].CreditsPosted {
		t.Errorf("totals %+v, %v", totals, err)
	}
	record := payments.ClientRecord{ID: 50, Key: [32]byte(c.Genesis.Clients[0].Key), Roles: payments.RoleQueries}
	if code, err := cl.RegisterClient(ctx, record); err != nil || code != payments.RegisterOK {
		t.Errorf("register %v, %v", code, err)
	}
	var status *client.StatusError
	if _, err := cl.QueryAccounts(ctx, payments.QueryFilter{}); !errors.As(err, &status) {
		t.Errorf("a filter without limit: error %v, want a proven status", err)
	}
}

func TestLyingReplies(t *testing.T) {
	lies := map[string]clienttest.Tamper{
		"result": func(r wire.ReplicaID, reply *wire.Reply) int {
			if r == 0 && len(reply.Result) > 0 {
				reply.Result = append([]byte{reply.Result[0] ^ 1}, reply.Result[1:]...)
			}
			return 1
		},
		"certificate of another block": func(r wire.ReplicaID, reply *wire.Reply) int {
			if r == 0 {
				reply.Header.Seq++
			}
			return 1
		},
		"silence":    func(r wire.ReplicaID, _ *wire.Reply) int { return int(min(r, 1)) },
		"ten copies": func(wire.ReplicaID, *wire.Reply) int { return 10 },
	}
	for name, tamper := range lies {
		t.Run(name, func(t *testing.T) {
			c := clienttest.New(t, 1)
			cl := dial(t, c, c.Keys[0], quick)
			c.SetTamper(tamper)
			pay(t, cl, 10)
			found, err := cl.LookupTransfers(deadline(t), []payments.U128{payments.U64(10)})
			if err != nil || len(found) != 1 || found[0].Amount != payments.U64(10) {
				t.Errorf("found %+v, %v", found, err)
			}
			if stats := cl.Stats(); (name == "result" || name == "certificate of another block") && stats.Lies == 0 {
				t.Errorf("no lie was counted: %+v", stats)
			}
		})
	}
}

// TestStaleReplyIsNoAnswer replays the true reply to an older request, with its
// valid certificate, as the answer to a newer one.
func TestStaleReplyIsNoAnswer(t *testing.T) {
	c := clienttest.New(t, 1)
	cl := dial(t, c, c.Keys[0], quick)
	var mu sync.Mutex
	var old *wire.Reply
	c.SetTamper(func(r wire.ReplicaID, reply *wire.Reply) int {
		mu.Lock()
		defer mu.Unlock()
		if old == nil {
			kept := *reply
			old = &kept
		} else if r == 0 {
			seq := reply.Seq
			*reply = *old
			reply.Seq = seq
		}
		return 1
	})
	pay(t, cl, 10)
	if cl.Stats().Lies == 0 {
		t.Error("the stale reply was not seen as a lie")
	}
}

func TestPrimaryDiesAndComesBack(t *testing.T) {
	c := clienttest.New(t, 1)
	cl := dial(t, c, c.Keys[0], quick)
	pay(t, cl, 10)
	c.Kill(0)
	c.SetView(1)
	pay(t, cl, 11)
	c.Revive(t, 0)
	for _, r := range []wire.ReplicaID{1, 2, 3} {
		c.Kill(r)
	}
	c.SetView(4)
	pay(t, cl, 12)
	if cl.Stats().Failovers == 0 {
		t.Error("no failover was counted")
	}
}

func TestOverload(t *testing.T) {
	c := clienttest.New(t, 1)
	cl := dial(t, c, c.Keys[0], quick)
	var refusals atomic.Int32
	c.SetIntercept(func(_ wire.ReplicaID, q *wire.Request) (wire.Kind, []byte) {
		if refusals.Add(1) > 3 {
			return 0, nil
		}
		return wire.KindReject, (&wire.Reject{Seq: q.Seq, Code: wire.RejectOverload, RetryAfterMilli: 5}).Append(nil)
	})
	pay(t, cl, 10)
	if cl.Stats().Overloads != 3 {
		t.Errorf("stats %+v, want 3 overloads", cl.Stats())
	}
}

func TestUnknownOutcomeThenKnown(t *testing.T) {
	c := clienttest.New(t, 1)
	cl := dial(t, c, c.Keys[0], quick)
	c.SetTamper(func(wire.ReplicaID, *wire.Reply) int { return 0 })
	ctx, cancel := context.WithTimeout(deadline(t), 100*time.Millisecond)
	defer cancel()
	a := account(1)
	_, err := cl.Do(ctx, wire.OpCreateAccounts, a.Append(nil))
	var unknown *client.UnknownError
	if !errors.As(err, &unknown) || !errors.Is(err, client.ErrOutcomeUnknown) || !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("error %v, want an unknown outcome", err)
	}
	if client.RetryOf(err) != wire.RetrySameID {
		t.Errorf("retry class %d", client.RetryOf(err))
	}
	c.SetTamper(nil)
	r, err := cl.Outcome(deadline(t), unknown.Seq)
	if err != nil || string(r.Reply.Result) != "\x00\x00\x00\x00" {
		t.Fatalf("outcome %x, %v", r.Reply.Result, err)
	}
	if _, err := cl.Outcome(deadline(t), 1<<40); !errors.Is(err, client.ErrOutcomeUnknown) {
		t.Errorf("outcome of a request that was never made: %v", err)
	}
}

func TestNotSentWhileTheWindowIsStuck(t *testing.T) {
	c := clienttest.New(t, 1)
	opts := quick
	opts.Window = 2
	cl := dial(t, c, c.Keys[0], opts)
	c.SetIntercept(func(wire.ReplicaID, *wire.Request) (wire.Kind, []byte) { return wire.KindPing, nil })
	var stuck sync.WaitGroup
	for range 2 {
		stuck.Add(1)
		if err := cl.Submit(deadline(t), wire.OpLedgerTotals, nil, func(r client.Result) {
			if !errors.Is(r.Err, client.ErrOutcomeUnknown) {
				t.Errorf("closing gave %v", r.Err)
			}
			stuck.Done()
		}); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithTimeout(deadline(t), 50*time.Millisecond)
	defer cancel()
	if _, err := cl.LedgerTotals(ctx); !errors.Is(err, client.ErrNotSent) || client.RetryOf(err) != wire.RetryAfter {
		t.Fatalf("error %v, want ErrNotSent", err)
	}
	_ = cl.Close()
	stuck.Wait()
	if _, err := cl.LedgerTotals(deadline(t)); !errors.Is(err, client.ErrNotSent) || !errors.Is(err, client.ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
}

// TestResume restarts a client many times without any file: each process finds
// its place, whatever the window looked like.
func TestResume(t *testing.T) {
	c := clienttest.New(t, 1)
	id := uint64(10)
	for process := range 4 {
		cl := dial(t, c, c.Keys[0], quick)
		for range 5 + 40*process {
			id++
			pay(t, cl, id)
		}
		_ = cl.Close()
	}
	// Far beyond what one jump of the window reaches.
	opts := quick
	for _, jump := range []uint64{4 << 20, 5<<20 - 20, 6<<20 - 40, 7<<20 - 60} {
		opts.FirstSeq = jump
		cl := dial(t, c, c.Keys[0], opts)
		id++
		pay(t, cl, id)
		_ = cl.Close()
	}
	cl := dial(t, c, c.Keys[0], quick)
	pay(t, cl, id+1)
}

// TestResumeEndsTheLastSession: a process dies with a full window of requests on
// their way, right after its start or later. What they carried must not share a
// seq with its successor's, and must be too old once that was dialed (C7).
func TestResumeEndsTheLastSession(t *testing.T) {
	for name, answered := range map[string]int{"at once": 0, "after some": 5, "after a window": client.WindowMax} {
		t.Run(name, func(t *testing.T) {
			c := clienttest.New(t, 1)
			var mu sync.Mutex
			var lost, newest uint64 // newest seqs: swallowed, and probed
			swallowed, full := map[uint64]bool{}, make(chan struct{})
			// On a slow host requests would be late, and a client that is paced by that
			// would not fill its window.
			patient := quick
			patient.RetryMin, patient.RetryMax = time.Minute, time.Minute
			first := dial(t, c, c.Keys[0], patient)
			for i := range answered {
				pay(t, first, uint64(10+i))
			}
			c.SetIntercept(func(_ wire.ReplicaID, q *wire.Request) (wire.Kind, []byte) {
				mu.Lock()
				defer mu.Unlock()
				if q.Op == wire.OpLookupAccounts {
					newest = max(newest, q.Seq)
					return 0, nil
				}
				lost = max(lost, q.Seq)
				if swallowed[q.Seq] = true; len(swallowed) == client.WindowMax {
					close(full)
					swallowed[0] = true // a repeat must not close it again
				}
				return wire.KindPing, nil
			})
			for range client.WindowMax {
				if err := first.Submit(deadline(t), wire.OpLedgerTotals, nil, func(client.Result) {}); err != nil {
					t.Fatal(err)
				}
			}
			select {
			case <-full:
			case <-deadline(t).Done():
				t.Fatal("the window was never full")
			}
			_ = first.Close()
			dial(t, c, c.Keys[0], quick)
			mu.Lock()
			defer mu.Unlock()
			if newest < lost+payments.WindowSeqs {
				t.Errorf("after Dial the window stands at seq %d; seq %d of the dead process is not too old", newest, lost)
			}
		})
	}
}

func TestManyAtOnce(t *testing.T) {
	c := clienttest.New(t, 2)
	verifier, err := client.NewVerifier(c.Genesis)
	if err != nil {
		t.Fatal(err)
	}
	opts := quick
	opts.Verifier = verifier
	a, b := dial(t, c, c.Keys[0], opts), dial(t, c, c.Keys[1], opts)
	pay(t, a, 1)
	const each = 200
	var done sync.WaitGroup
	for i := range each {
		for k, cl := range []*client.Client{a, b} {
			done.Add(1)
			tr := transfer(uint64(1000+2*i+k), 1, 2, 1)
			if err := cl.Submit(deadline(t), wire.OpCreateTransfers, tr.Append(nil), func(r client.Result) {
				if r.Err != nil || string(r.Reply.Result) != "\x00\x00\x00\x00" {
					t.Errorf("result %x, %v", r.Reply.Result, r.Err)
				}
				done.Done()
			}); err != nil {
				t.Fatal(err)
			}
		}
	}
	done.Wait()
	totals, err := a.LedgerTotals(deadline(t))
	if err != nil || totals[0].Transfers != 2*each+1 {
		t.Errorf("totals %+v, %v", totals, err)
	}
}

func TestDialRefusals(t *testing.T) {
	c := clienttest.New(t, 2)
	stranger := client.Keys{ID: 99, Key: c.Keys[0].Key}
	var refused *client.RefusedError
	waits, leave := context.WithTimeout(deadline(t), 200*time.Millisecond)
	defer leave()
	if _, err := client.Dial(waits, c.Genesis, stranger, quick); !errors.Is(err, client.ErrLink) || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a stranger: %v", err)
	}
	thief := client.Keys{ID: 1, Key: c.Keys[1].Key}
	if _, err := client.Dial(deadline(t), c.Genesis, thief, quick); !errors.As(err, &refused) || refused.Code != wire.RejectSignature {
		t.Errorf("a wrong key: %v", err)
	}
	if _, err := client.Dial(deadline(t), c.Genesis, client.Keys{}, quick); err == nil {
		t.Error("no keys: taken")
	}
	for r := range clienttest.Replicas {
		c.Kill(wire.ReplicaID(r))
	}
	ctx, cancel := context.WithTimeout(deadline(t), 200*time.Millisecond)
	defer cancel()
	if _, err := client.Dial(ctx, c.Genesis, c.Keys[0], quick); !errors.Is(err, client.ErrLink) || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a dead cluster: %v", err)
	}
}

// A client dials right after its registration: all replicas may still be behind
// it, and those that refuse the first hellos end nothing.
func TestDialBehindTheRegistration(t *testing.T) {
	c := clienttest.New(t, 2)
	for r := range clienttest.Replicas {
		c.Behind(wire.ReplicaID(r), 2)
	}
	cl := dial(t, c, c.Keys[1], quick)
	if _, err := cl.LookupAccounts(deadline(t), []payments.U128{payments.U64(1)}); err != nil {
		t.Errorf("a look-up of the new client: %v", err)
	}
}

// TestWrongServerKey swaps two replicas' addresses: each has a valid key of the
// cluster, but not the one that genesis lists for the address.
func TestWrongServerKey(t *testing.T) {
	c := clienttest.New(t, 1)
	g := *c.Genesis
	g.Members = append(g.Members[:0:0], g.Members...)
	g.Members[0].ClientAddr, g.Members[1].ClientAddr = g.Members[1].ClientAddr, g.Members[0].ClientAddr
	if _, err := client.FetchStatus(deadline(t), &g, c.Keys[0], 0, false); !errors.Is(err, client.ErrLink) {
		t.Errorf("error %v, want a refused key", err)
	}
}

func TestFetchStatus(t *testing.T) {
	c := clienttest.New(t, 1)
	c.SetView(3)
	status, err := client.FetchStatus(deadline(t), c.Genesis, c.Keys[0], 2, false)
	if err != nil || status.Replica != 2 || status.View != 3 || status.Primary != 3 {
		t.Errorf("status %+v, %v", status, err)
	}
	if _, err := client.FetchStatus(deadline(t), c.Genesis, c.Keys[0], 9, false); !errors.Is(err, client.ErrLink) {
		t.Errorf("no such replica: %v", err)
	}
}

func TestLargestRequest(t *testing.T) {
	c := clienttest.New(t, 1)
	cl := dial(t, c, c.Keys[0], client.Options{})
	pay(t, cl, 1)
	transfers := make([]payments.Transfer, wire.EventsMax)
	for i := range transfers {
		transfers[i] = transfer(uint64(100+i), 1, 2, 1)
	}
	codes, err := cl.CreateTransfers(deadline(t), transfers)
	if err != nil || len(codes) != wire.EventsMax {
		t.Fatalf("%d codes, %v", len(codes), err)
	}
	if err := cl.Submit(deadline(t), wire.OpCreateTransfers, make([]byte, wire.BodyBytesMax+1), nil); !errors.Is(err, client.ErrBody) {
		t.Errorf("a body over the limit: %v", err)
	}
}

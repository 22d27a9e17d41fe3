package pipeline

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"quorate/payments"
	"quorate/storage"
	"quorate/wire"
)

// Aim: what an operator's page is shown is what the ledger holds, as of one
// block; questions are bounded and change nothing; what others say of
// themselves is kept by who said it.
// Method: a real cluster, asked from outside while it runs, compared with what
// was sent; a stage that nobody steps; frames of a liar.

func TestAccountAndItsTransfersAsOfOneBlock(t *testing.T) {
	c := newTestCluster(t, 2)
	c.do(0, wire.OpCreateAccounts, accountsBody(1, 4), 0)
	last := wire.SeqNum(0)
	for i := range 3 { // transfer k is from account 1+k%4 to 1+(k+1)%4
		last = c.do(1, wire.OpCreateTransfers, transfersBody(uint64(8*i+1), 8, 4), 0).Header.Seq
	}
	c.waitExecuted(last)
	r := c.nodes[0].replica
	at, err := r.Account(t.Context(), payments.U64(2))
	if err != nil || !at.Found || at.Seq < last || at.Account.DebitsPosted != payments.U64(6) || at.Account.CreditsPosted != payments.U64(6) {
		t.Fatalf("account 2: %+v, %v", at, err)
	}
	all, err := r.LastTransfers(&at, 100)
	if err != nil {
		t.Fatal(err)
	}
	var ids []uint64
	for _, x := range all {
		ids = append(ids, x.Transfer.ID.Lo)
		if x.Transfer.Timestamp == 0 || x.Seq == 0 || x.Pending != payments.PendingNone {
			t.Errorf("%+v", x)
		}
	}
	if want := []uint64{24, 21, 20, 17, 16, 13, 12, 9, 8, 5, 4, 1}; !slices.Equal(ids, want) {
		t.Errorf("transfers %v, want %v", ids, want)
	}
	if some, err := r.LastTransfers(&at, 3); err != nil || len(some) != 3 || some[2] != all[2] {
		t.Errorf("the last three: %+v, %v", some, err)
	}
	if at, err := r.Account(t.Context(), payments.U64(5)); err != nil || at.Found {
		t.Errorf("an account that is not there: %+v, %v", at, err)
	}
}

func TestQuestionsForAccountsAreBounded(t *testing.T) {
	c := newTestCluster(t, 1)
	r := c.nodes[0].replica
	c.kill(0) // nobody steps its stages any more
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for i := range accountAsksMax {
		if _, err := r.Account(ended, payments.U64(1)); !errors.Is(err, context.Canceled) {
			t.Fatalf("question %d: %v", i, err)
		}
	}
	if _, err := r.Account(ended, payments.U64(1)); !errors.Is(err, ErrBusy) {
		t.Fatalf("one more: %v", err)
	}
}

func TestViewsOfABlock(t *testing.T) {
	c := newTestCluster(t, 1)
	c.do(0, wire.OpCreateAccounts, accountsBody(1, 4), 0)
	body := transfersBody(1, 300, 4)
	body = append(body, transfersBody(1, 1, 4)...) // exists
	seq := c.do(0, wire.OpCreateTransfers, body, 0).Header.Seq
	r := c.nodes[0].replica
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		full, err := r.ViewBlock(seq)
		if err != nil {
			t.Fatal(err)
		}
		outline, err := r.ViewOutline(seq)
		if err != nil {
			t.Fatal(err)
		}
		if outline.Certified != full.Certified {
			continue // the certificate came between the two
		}
		q := full.Requests[0]
		if q.Events != 301 || q.Failed != 1 || q.Bytes != 301*128 || q.Op != "create_transfers" || len(full.CommitCert) < 90 {
			t.Fatalf("%+v", full)
		}
		q.Failed = 0
		if outline.Requests[0] != q || outline.Hash != full.Hash || outline.CommitCert != full.CommitCert || outline.ExecCertificate != full.ExecCertificate {
			t.Fatalf("outline %+v of %+v", outline, full)
		}
		if staged, _ := r.ledger.Staged(); r.executed.Load().seq >= seq+wire.SeqNum(staged) && full.Certified {
			break // seen from memory and from disk
		} else if time.Now().After(deadline) {
			t.Fatal("the block is still staged or not certified")
		}
		c.do(0, wire.OpLookupAccounts, make([]byte, 16), 0) // small blocks wait for company
	}
	events, all, err := r.ViewEvents(seq, 0, 299, 10)
	if err != nil || all != 301 || len(events) != 2 {
		t.Fatalf("%+v of %d, %v", events, all, err)
	}
	if e := events[0]; e.Index != 299 || e.Result != "ok" || e.Transfer.ID.Lo != 300 || e.Transfer.Timestamp == 0 || e.Account != nil {
		t.Errorf("%+v", e)
	}
	if e := events[1]; e.Result != "exists" || e.Ordinal != events[0].Ordinal+1 {
		t.Errorf("%+v", e)
	}
	if events, _, err := r.ViewEvents(1, 0, 0, 2); err != nil || len(events) != 2 || events[1].Account.ID.Lo != 2 || events[1].Account.Timestamp == 0 {
		t.Errorf("accounts: %+v, %v", events, err)
	}
	for _, x := range [][2]int{{1, 0}, {-1, 0}, {0, -1}} {
		if _, _, err := r.ViewEvents(seq, x[0], x[1], 1); !errors.Is(err, storage.ErrNotFound) {
			t.Errorf("request %d, event %d: %v", x[0], x[1], err)
		}
	}
	if _, err := r.ViewOutline(seq + 1<<20); !errors.Is(err, storage.ErrNotFound) {
		t.Errorf("a block to come: %v", err)
	}
}

func TestReplicasTellHowTheyStand(t *testing.T) {
	c := newTestCluster(t, 1)
	c.do(0, wire.OpCreateAccounts, accountsBody(1, 1), 0)
	r := c.nodes[0].replica
	heard := map[wire.ReplicaID]*wire.NodeStatus{}
	for deadline := time.Now().Add(20 * time.Second); len(heard) < 3; time.Sleep(10 * time.Millisecond) {
		r.AskStandings()
		r.TakeStandings(func(s *wire.NodeStatus) { heard[s.Replica] = s })
		if time.Now().After(deadline) {
			t.Fatalf("heard of %d", len(heard))
		}
	}
	if heard[0] != nil || heard[2].Replica != 2 {
		t.Errorf("%+v", heard)
	}
	before := r.stats.PeerMalformed.Load()
	lie := (&wire.NodeStatus{Replica: 2}).Append(nil)
	for _, f := range []struct {
		from wire.ReplicaID
		kind wire.Kind
		body []byte
	}{{1, wire.KindStanding, lie}, {2, wire.KindStanding, lie[1:]}, {2, wire.KindStanding, nil}, {1, wire.KindAskStanding, []byte{0}}, {4, wire.KindAskStanding, nil}} {
		r.Ingress().PeerFrame(f.from, f.kind, f.body)
	}
	if n := r.stats.PeerMalformed.Load() - before; n != 5 {
		t.Errorf("%d of 5 bad frames counted", n)
	}
	r.TakeStandings(func(s *wire.NodeStatus) {
		if s.Replica == 2 && s.Executed == 0 {
			t.Error("replica 1 spoke for replica 2")
		}
	})
	dropped := r.stats.PeerDropped.Load()
	for range 50 {
		r.Ingress().PeerFrame(1, wire.KindAskStanding, nil)
	}
	if n := r.stats.PeerDropped.Load() - dropped; n < 40 {
		t.Errorf("of 50 questions at once %d were dropped", n)
	}
}

// However many links ask at once, one is answered. Threads ask as fast as they can
// at ticks that whoever is answered moves on: each tick has one answer.
func TestQuestionsAtOnceGetOneAnswer(t *testing.T) {
	const turns = 100_000
	var slot statusSlot
	var clock atomic.Uint64 // in units of standingTicks
	clock.Store(1)
	answers := make([]atomic.Int32, turns+1)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for k := clock.Load(); k <= turns; k = clock.Load() {
				if slot.mayAnswer(k * standingTicks) {
					answers[k].Add(1)
					clock.CompareAndSwap(k, k+1)
				}
			}
		})
	}
	wg.Wait()
	for k := range answers {
		if n := answers[k].Load(); k > 0 && n != 1 {
			t.Fatalf("%d answers at tick %d", n, k*standingTicks)
		}
	}
	for _, now := range []uint64{turns*standingTicks - 1, turns * standingTicks, (turns+1)*standingTicks - 1} {
		if slot.mayAnswer(now) {
			t.Errorf("an answer at tick %d, the last was at %d", now, turns*standingTicks)
		}
	}
}

func TestQuantileOfDurations(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 50 {
		var h histogram
		var all []time.Duration
		for range 1 + rng.IntN(500) {
			d := time.Duration(rng.ExpFloat64() * float64(20*time.Millisecond))
			h.observe(d)
			all = append(all, d)
		}
		slices.Sort(all)
		d := h.durations()
		for _, q := range []float64{0.01, 0.5, 0.99, 1} {
			want := all[max(0, int(q*float64(len(all))+0.999999)-1)]
			if got := d.Quantile(q); got > 2*want+time.Microsecond || want > 2*got+time.Microsecond {
				t.Fatalf("q %v of %d: %v, sorted %v", q, len(all), got, want)
			}
		}
		old := d
		h.observe(time.Second)
		if late := h.durations().Since(&old); late.Count() != 1 || late.Quantile(0.5) < 500*time.Millisecond {
			t.Fatalf("since: %v", late)
		}
	}
	if (&Durations{}).Quantile(0.5) != 0 {
		t.Error("nothing was observed")
	}
}

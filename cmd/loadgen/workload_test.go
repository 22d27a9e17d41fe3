package main

import (
	"bytes"
	"errors"
	"io"
	"math"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"quorate/payments"
	"quorate/wire"
)

// Aim: L2 and L3: bodies are the same whenever they are made, ids are unique,
// events are such that the ledger takes them; and the judges of results
// cannot be fooled.

func TestOffsets(t *testing.T) {
	tr := payments.Transfer{
		ID: payments.U64(1), DebitAccountID: payments.U64(2), CreditAccountID: payments.U64(3),
		Amount: payments.U64(4), PendingID: payments.U64(5), Flags: 6,
	}
	b := tr.Append(nil)
	for at, want := range map[int]byte{offID: 1, offDebit: 2, offCredit: 3, offAmount: 4, offPending: 5, offFlags: 6} {
		if b[at] != want {
			t.Errorf("offset %d holds %d, want %d", at, b[at], want)
		}
	}
}

func TestGenerator(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		work := rapid.SampledFrom(workloads).Draw(t, "workload")
		accounts := rapid.Uint64Range(2, 500).Draw(t, "accounts")
		events := rapid.IntRange(1, 40).Draw(t, "events")
		seed := rapid.Uint64().Draw(t, "seed")
		g, err := newGenerator(work, accounts, events, 99, seed, 7)
		if err != nil {
			t.Fatal(err)
		}
		seen := map[payments.U128]bool{}
		first := rapid.Uint64Range(0, 1<<30).Draw(t, "batch")
		var scratch []byte
		for b := first; b < first+5; b++ {
			scratch = g.fill(scratch, b)
			if len(scratch) != events*wire.EventBytes || !bytes.Equal(scratch, g.fill(nil, b)) {
				t.Fatal("a batch is not the same when made again")
			}
			codes := expected(nil, scratch)
			if len(codes) != events {
				t.Fatalf("%d codes for %d events", len(codes), events)
			}
			for i := range events {
				var tr payments.Transfer
				if err := tr.Decode(scratch[i*wire.EventBytes : (i+1)*wire.EventBytes]); err != nil {
					t.Fatal(err)
				}
				if seen[tr.ID] || tr.ID.Hi != 99 {
					t.Fatalf("id %v twice, or of another run", tr.ID)
				}
				seen[tr.ID] = true
				if tr.Ledger != 7 || tr.Code != 1 || tr.Amount.IsZero() || tr.Timestamp != 0 {
					t.Fatalf("event %+v", tr)
				}
				for _, id := range []payments.U128{tr.DebitAccountID, tr.CreditAccountID} {
					if id.Hi != accountsHi || id.Lo < 1 || id.Lo > accounts {
						t.Fatalf("account %v of %d", id, accounts)
					}
				}
				if same := tr.DebitAccountID == tr.CreditAccountID; same && (work != workLinked || codes[i] == 0) {
					t.Fatalf("a transfer from an account to itself is expected to be %d", codes[i])
				}
			}
		}
	})
}

// TestWorkloadsDiffer: each workload has the trait that it is named for.
func TestWorkloadsDiffer(t *testing.T) {
	credits := func(work string) (top float64, flags payments.TransferFlags) {
		g, err := newGenerator(work, 1000, 8000, 1, 1, 1)
		if err != nil {
			t.Fatal(err)
		}
		body := g.fill(nil, 0)
		count := map[payments.U128]int{}
		most := 0
		for i := range 8000 {
			var tr payments.Transfer
			if err := tr.Decode(body[i*wire.EventBytes : (i+1)*wire.EventBytes]); err != nil {
				t.Fatal(err)
			}
			count[tr.CreditAccountID]++
			most = max(most, count[tr.CreditAccountID])
			flags |= tr.Flags
		}
		return float64(most) / 8000, flags
	}
	if top, flags := credits(workUniform); top > 0.01 || flags != 0 {
		t.Errorf("uniform: top account %.3f, flags %d", top, flags)
	}
	if top, _ := credits(workHot); math.Abs(top-0.9) > 0.02 {
		t.Errorf("hot: top account %.3f", top)
	}
	if top, _ := credits(workZipf); top < 0.05 || top > 0.5 {
		t.Errorf("zipf: top account %.3f", top)
	}
	if _, flags := credits(workTwoPhase); flags != payments.TransferPending|payments.TransferPostPending|payments.TransferVoidPending {
		t.Errorf("two-phase: flags %d", flags)
	}
	if _, flags := credits(workLinked); flags != payments.TransferLinked {
		t.Errorf("linked: flags %d", flags)
	}
	if top, flags := credits(workRetail); top < 0.05 || flags&payments.TransferPending == 0 {
		t.Errorf("retail: top account %.3f, flags %d", top, flags)
	}
}

func TestScheduleIsOpenAndSteady(t *testing.T) {
	for _, kind := range []string{arriveConstant, arrivePoisson} {
		a, err := newSchedule(1000, 10, kind, 5)
		if err != nil {
			t.Fatal(err)
		}
		b, _ := newSchedule(1000, 10, kind, 5)
		last := time.Duration(-1)
		var gaps, squares float64
		const n = 20_000
		for range n {
			at := a.take()
			if at != b.take() || at < last {
				t.Fatalf("%s: not deterministic, or it goes back", kind)
			}
			if last >= 0 {
				gap := (at - last).Seconds()
				gaps, squares = gaps+gap, squares+gap*gap
			}
			last = at
		}
		mean := gaps / (n - 1)
		deviation := math.Sqrt(max(squares/(n-1)-mean*mean, 0))
		if math.Abs(mean-0.01) > 0.0005 {
			t.Errorf("%s: mean gap %v s, want 0.01", kind, mean)
		}
		if want := map[string]float64{arriveConstant: 0, arrivePoisson: 0.01}[kind]; math.Abs(deviation-want) > 0.0006 {
			t.Errorf("%s: deviation %v s, want %v", kind, deviation, want)
		}
	}
}

func TestMeterLine(t *testing.T) {
	m := newMeter()
	m.beginMeasuring()
	m.add(func(c *counts) { c.Offered = 50000 })
	m.answered(49000, 0, 6*time.Millisecond)
	m.answered(1000, 0, 15*time.Millisecond)
	shown := newLive(io.Discard, "", time.Minute, 0)
	second := func(n int, fast float64) string {
		r := m.second(n, time.Second, fast)
		shown.achieved = append(shown.achieved, r.Achieved)
		return line(&r, spark(shown.achieved, sparkSeconds))
	}
	line := second(12, 1)
	for _, want := range []string{"0:12 offered 50000/s achieved 50000/s late 0 | p50 6.0 p99 ", "| fast path 100% | errors 0 | █"} {
		if !strings.Contains(line, want) {
			t.Errorf("no %q in %q", want, line)
		}
	}
	m.failed(7, errors.New("first"))
	m.failed(1, errors.New("second"))
	if line := second(13, -1); !strings.Contains(line, "achieved 0/s") || !strings.Contains(line, "errors 8") || !strings.Contains(line, "fast path ?") {
		t.Errorf("line %q", line)
	}
	if _, measured, worst := m.snapshot(); worst != "first" || measured.Achieved != 50000 {
		t.Errorf("measured %+v, first error %q", measured, worst)
	}
	m.answered(1, 0, time.Hour) // over the range of the histogram: kept as its end
	if m.total.Max() < latencyMax.Microseconds()*99/100 {
		t.Errorf("an hour is kept as %d µs", m.total.Max())
	}
}

func TestJudge(t *testing.T) {
	g, err := newGenerator(workUniform, 10, 3, 1, 1, 1)
	if err != nil {
		t.Fatal(err)
	}
	body := g.fill(nil, 0)
	if acked, unexpected, err := judge(body, make([]byte, 12)); acked != 3 || unexpected != 0 || err != nil {
		t.Errorf("all ok: %d acked, %d unexpected, %v", acked, unexpected, err)
	}
	if acked, unexpected, _ := judge(body, []byte{0, 0, 0, 0, 54, 0, 0, 0, 0, 0, 0, 0}); acked != 2 || unexpected != 1 {
		t.Errorf("one refused: %d acked, %d unexpected", acked, unexpected)
	}
	for _, n := range []int{0, 8, 11, 16} {
		if _, _, err := judge(body, make([]byte, n)); err == nil {
			t.Errorf("a result of %d bytes for 3 events is taken", n)
		}
	}
}

func TestCompare(t *testing.T) {
	sent := []payments.Transfer{{ID: payments.U64(1), Amount: payments.U64(5)}, {ID: payments.U64(2), Flags: payments.TransferPostPending}, {ID: payments.U64(3)}}
	stored := func() []payments.Transfer {
		out := append([]payments.Transfer(nil), sent...)
		for i := range out {
			out[i].Timestamp = 100 + uint64(i)
		}
		return out
	}
	for name, c := range map[string]struct {
		spoil  func(f []payments.Transfer) []payments.Transfer
		faults int
	}{
		"as sent":      {func(f []payments.Transfer) []payments.Transfer { return f }, 0},
		"first lost":   {func(f []payments.Transfer) []payments.Transfer { return f[1:] }, 1},
		"last lost":    {func(f []payments.Transfer) []payments.Transfer { return f[:2] }, 1},
		"all lost":     {func([]payments.Transfer) []payments.Transfer { return nil }, 3},
		"one twice":    {func(f []payments.Transfer) []payments.Transfer { return append(f, f[2]) }, 1},
		"amount":       {func(f []payments.Transfer) []payments.Transfer { f[0].Amount.Hi = 1; return f }, 1},
		"derived":      {func(f []payments.Transfer) []payments.Transfer { f[1].Amount.Lo = 9; return f }, 0},
		"not derived":  {func(f []payments.Transfer) []payments.Transfer { f[2].Amount.Lo = 9; return f }, 1},
		"no timestamp": {func(f []payments.Transfer) []payments.Transfer { f[0].Timestamp = 0; return f }, 1},
	} {
		var a audit
		a.compare(sent, c.spoil(stored()), true)
		if len(a.Faults) != c.faults || a.Failed() != (c.faults > 0) {
			t.Errorf("%s: faults %q, want %d", name, a.Faults, c.faults)
		}
	}
	var a audit
	f := stored()
	f[1].Amount.Lo = 9
	if a.compare(sent, f, false); len(a.Faults) != 1 {
		t.Errorf("strict: faults %q", a.Faults)
	}
}

func TestBook(t *testing.T) {
	k := newBook(100)
	if k.wait() != nil {
		t.Error("an empty book waits")
	}
	k.sent()
	k.sent()
	settled := k.wait()
	k.end(2, fateAcked, 10, 1)
	select {
	case <-settled:
		t.Error("settled with one outstanding")
	default:
	}
	k.end(0, fateUnknown, 0, 0)
	<-settled
	if !k.unanswered() {
		t.Error("a batch without an answer is forgotten")
	}
	if open := k.take(); len(open) != 1 || open[0] != 0 || k.unanswered() {
		t.Errorf("without an answer: %v", open)
	}
	k.resolve(true, 7)
	k.resolve(false, 9)
	k.sent()
	k.end(5, fateUnsent, 0, 0)
	k.sent()
	k.end(6, fateRefused, 0, 3)
	acked, unexpected := k.sums()
	looked, later, forgotten := k.resolved()
	if acked != 10 || unexpected != 4 || looked != 2 || later != 7 || forgotten != 0 {
		t.Errorf("%d acked, %d unexpected, %d looked up, %d later, %d forgotten", acked, unexpected, looked, later, forgotten)
	}
	if sample := k.acknowledged(); len(sample) != 1 || sample[0] != 2 {
		t.Errorf("acknowledged %v", sample)
	}
}

func TestSpread(t *testing.T) {
	for events, want := range map[int]int{0: 0, 1: 1, 2: 2, 4: 4, 8189: 4} {
		got := spread(events, 4)
		if len(got) != want {
			t.Errorf("%d of %d events: %v", want, events, got)
		}
		for i, at := range got {
			if at < 0 || at >= events || (i > 0 && at <= got[i-1]) {
				t.Errorf("%d events: %v", events, got)
			}
		}
	}
}

// BenchmarkFill is the cost of making one payment; the budget is 15 % of a core
// at 150,000 per second: 1 µs for everything, of which this may take a tenth.
func BenchmarkFill(b *testing.B) {
	for _, work := range workloads {
		b.Run(work, func(b *testing.B) {
			g, err := newGenerator(work, 10_000, wire.EventsMax, 1, 1, 1)
			if err != nil {
				b.Fatal(err)
			}
			var body []byte
			batch := uint64(0)
			for b.Loop() {
				body = g.fill(body, batch)
				batch++
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(batch)/wire.EventsMax, "ns/payment")
		})
	}
}

package teller

import (
	"context"
	"fmt"
	"math/bits"
	"slices"
	"time"

	"quorate/client/tally"
	"quorate/payments"
)

// lookupMax is the number of transfers in one lookup: each is a random read at
// every replica, inside one block.
const lookupMax = 1000

// Report is what one audit found. Payments, not requests, are counted.
type Report struct {
	Acked      uint64 // acknowledged since the beginning
	Checked    uint64 // of those, looked up by this audit
	Lost       uint64 // of those, not found as they were sent
	Duplicated uint64 // that the ledger holds above what was acknowledged or resolved
	Found      uint64 // since the beginning: without an answer and found executed
	Faults     []string
}

// Settle closes the gate and waits until every request has an answer.
func (t *Teller) Settle(ctx context.Context) error {
	t.mu.Lock()
	t.open = false
	t.mu.Unlock()
	err := t.wait(ctx, func() bool { return t.pending == 0 })
	if err != nil {
		return fmt.Errorf("teller: %d requests have no answer: %w", t.Unanswered(), err)
	}
	return t.resolve(ctx)
}

// Unanswered is the number of requests on their way.
func (t *Teller) Unanswered() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.pending
}

// Acked is the number of payments that were acknowledged.
func (t *Teller) Acked() uint64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	n := uint64(0)
	for i := range t.requests {
		if t.requests[i].fate == fateAcked {
			n++
		}
	}
	return n * uint64(t.options.Batch)
}

// AckedSentAfter gives how many requests that were sent after a time are
// acknowledged, and when the first of them was.
func (t *Teller) AckedSentAfter(since time.Time) (n int, first time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for i := len(t.requests) - 1; i >= 0 && t.requests[i].sent.After(since); i-- {
		r := &t.requests[i]
		if r.fate != fateAcked {
			continue
		}
		if n++; first.IsZero() || r.end.Before(first) {
			first = r.end
		}
	}
	return n, first
}

// ServedAfter waits until a request that was sent after a time is acknowledged,
// and gives how long after that time it was. The gate must be open.
func (t *Teller) ServedAfter(ctx context.Context, since time.Time) (time.Duration, error) {
	var first time.Time
	for {
		n := 0
		if n, first = t.AckedSentAfter(since); n > 0 {
			return first.Sub(since), nil
		}
		select {
		case <-time.After(10 * time.Millisecond):
		case <-ctx.Done():
			return 0, fmt.Errorf("teller: nothing sent since %v ago is acknowledged, %d requests wait: %w",
				time.Since(since).Round(time.Millisecond), t.Unanswered(), context.Cause(ctx))
		}
	}
}

// resolve looks up what closed clients left without an answer (T3: Redial
// has returned). A request is executed whole or
// not at all.
func (t *Teller) resolve(ctx context.Context) error {
	for _, number := range t.with(fateUnknown, 0) {
		want := t.payments(number)
		found, err := t.conns[0].LookupTransfers(ctx, ids(want[:min(len(want), lookupMax)]))
		if err != nil {
			return fmt.Errorf("teller: resolve request %d: %w", number, err)
		}
		f := fateAbsent
		if len(found) > 0 {
			f = fateFound
		}
		t.mu.Lock()
		t.requests[number].fate = f
		t.mu.Unlock()
	}
	return nil
}

// with gives the requests of a fate from a number on.
func (t *Teller) with(f fate, from int) (numbers []int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for i := from; i < len(t.requests); i++ {
		if t.requests[i].fate == f {
			numbers = append(numbers, i)
		}
	}
	return numbers
}

func ids(transfers []payments.Transfer) []payments.U128 {
	all := make([]payments.U128, len(transfers))
	for i := range transfers {
		all[i] = transfers[i].ID
	}
	return all
}

// Audit looks up what was acknowledged since the last audit, and compares the
// sums of all. Settle must have ended well before.
func (t *Teller) Audit(ctx context.Context) (*Report, error) { return t.audit(ctx, t.last) }

// AuditAll checks everything since the beginning.
func (t *Teller) AuditAll(ctx context.Context) (*Report, error) { return t.audit(ctx, tallied{}) }

func (t *Teller) audit(ctx context.Context, seen tallied) (*Report, error) {
	r := &Report{}
	t.mu.Lock()
	r.Faults = slices.Clone(t.faults)
	end := len(t.requests)
	t.mu.Unlock()
	// What was found executed without an answer must be whole too.
	acked, found := t.with(fateAcked, seen.requests), t.with(fateFound, seen.requests)
	var want []payments.Transfer
	for i, number := range slices.Concat(acked, found) {
		made := t.payments(number)
		for k := range made {
			seen.money = add(seen.money, made[k].Amount)
		}
		if want = append(want, made...); len(want) < lookupMax {
			continue
		}
		if err := t.lookup(ctx, i, want, r); err != nil {
			return nil, err
		}
		want = want[:0]
	}
	if err := t.lookup(ctx, 0, want, r); err != nil {
		return nil, err
	}
	seen.requests = end
	seen.acked += uint64(len(acked))
	seen.found += uint64(len(found))
	t.last = seen
	return r, t.sums(ctx, r)
}

// lookup compares some payments with the ledger; turn spreads the work over the
// clients.
func (t *Teller) lookup(ctx context.Context, turn int, want []payments.Transfer, r *Report) error {
	for part := range slices.Chunk(want, lookupMax) {
		found, err := t.conns[turn%len(t.conns)].LookupTransfers(ctx, ids(part))
		if err != nil {
			return fmt.Errorf("teller: look up %d payments: %w", len(part), err)
		}
		once, faults := tally.Compare(part, found, nil)
		r.Checked += uint64(len(part))
		r.Lost += uint64(len(part)) - once
		r.Faults = append(r.Faults, faults...)
	}
	return nil
}

// totals gives the sums of the teller's ledger.
func (t *Teller) totals(ctx context.Context) (payments.LedgerTotals, error) {
	all, err := t.conns[0].LedgerTotals(ctx)
	if err != nil {
		return payments.LedgerTotals{}, fmt.Errorf("teller: ledger totals: %w", err)
	}
	for i := range all {
		if all[i].Number == t.options.Ledger {
			return all[i], nil
		}
	}
	return payments.LedgerTotals{}, fmt.Errorf("teller: no ledger %d", t.options.Ledger)
}

// sums compares how the ledger grew since the beginning with what was
// acknowledged.
func (t *Teller) sums(ctx context.Context, r *Report) error {
	after, err := t.totals(ctx)
	if err != nil {
		return err
	}
	r.Faults = append(r.Faults, tally.Balanced([]payments.LedgerTotals{after})...)
	batch := uint64(t.options.Batch)
	r.Acked, r.Found = t.last.acked*batch, t.last.found*batch
	want, money := r.Acked+r.Found, add(t.before.DebitsPosted.Sum, t.last.money)
	if grown := after.Transfers - t.before.Transfers; grown > want {
		r.Duplicated = grown - want
		r.Faults = append(r.Faults, fmt.Sprintf("the ledger grew by %d transfers, %d were acknowledged or resolved: %d too many", grown, want, r.Duplicated))
	} else if grown < want {
		r.Lost = max(r.Lost, want-grown)
		r.Faults = append(r.Faults, fmt.Sprintf("the ledger grew by %d transfers, %d were acknowledged or resolved: %d lost", grown, want, want-grown))
	}
	if after.DebitsPosted.Sum != money || after.DebitsPosted.Over != t.before.DebitsPosted.Over {
		r.Faults = append(r.Faults, fmt.Sprintf("the ledger's debits are %s, and must be %s", after.DebitsPosted.Sum, money))
	}
	return nil
}

// add is a + b; the sums of a run stay far below 2^128.
func add(a, b payments.U128) payments.U128 {
	lo, carry := bits.Add64(a.Lo, b.Lo, 0)
	hi, _ := bits.Add64(a.Hi, b.Hi, carry)
	return payments.U128{Lo: lo, Hi: hi}
}

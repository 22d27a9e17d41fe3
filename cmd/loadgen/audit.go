package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"quorate/client"
	"quorate/client/tally"
	"quorate/cmd/loadgen/outcome"
	"quorate/payments"
	"quorate/wire"
)

// audit is what is found after a run, and how it is found.
type audit struct{ outcome.Audit }

// auditInput is what an audit compares.
type auditInput struct {
	target   *target
	executed uint64              // transfers that must have been executed, by our count
	acked    uint64              // of those, acknowledged
	expected func(yield batches) // what to look up, batch by batch
	before   []payments.LedgerTotals
	alone    bool // nobody else paid in the meantime: totals must match exactly
	derived  bool // some records may differ from their events, see derives
	receipts [][]byte
	expect   int           // replicas that must agree
	patience time.Duration // for replicas to reach the same seq
}

// lookupMax is the number of transfers in one lookup. Each is a random read at
// every replica, inside one block: a full request of them would hold up the
// order of everybody else's payments.
const lookupMax = 1000

// batches takes the transfers that must exist, in any cut, and returns false to
// stop.
type batches func(events []payments.Transfer) bool

func (a *audit) fault(format string, args ...any) {
	const faultsMax = 20
	if len(a.Faults) < faultsMax {
		a.Faults = append(a.Faults, fmt.Sprintf(format, args...))
	}
}

// add takes faults that were found elsewhere.
func (a *audit) add(faults []string) {
	for _, f := range faults {
		a.fault("%s", f)
	}
}

// runAudit runs every check; an error means that one of them could not be run.
func runAudit(ctx context.Context, in *auditInput) (*audit, error) {
	a := &audit{outcome.Audit{Acked: in.acked, Replicas: len(in.target.genesis.Members)}}
	if err := a.lookups(ctx, in); err != nil {
		return a, fmt.Errorf("audit: look up what was acknowledged: %w", err)
	}
	if err := a.totals(ctx, in); err != nil {
		return a, fmt.Errorf("audit: ledger totals: %w", err)
	}
	a.digests(ctx, in)
	return a, a.verify(in)
}

// lookups finds transfers by their ids and compares every field.
func (a *audit) lookups(ctx context.Context, in *auditInput) (err error) {
	turn := 0
	in.expected(func(events []payments.Transfer) bool {
		for part := range slices.Chunk(events, lookupMax) {
			turn++
			var found []payments.Transfer
			if found, err = in.target.lookup(ctx, turn, part); err != nil {
				return false
			}
			a.compare(part, found, in.derived)
		}
		return true
	})
	return err
}

// lookup asks for transfers by their ids; turn spreads the work over the
// clients.
func (t *target) lookup(ctx context.Context, turn int, events []payments.Transfer) ([]payments.Transfer, error) {
	ids := make([]payments.U128, len(events))
	for i := range events {
		ids[i] = events[i].ID
	}
	return t.clients[turn%len(t.clients)].LookupTransfers(ctx, ids)
}

// compare holds what was found against what was sent. Both are in the order of
// the ids asked for.
func (a *audit) compare(want, found []payments.Transfer, derived bool) {
	a.Checked += uint64(len(want))
	may := derives
	if !derived {
		may = nil
	}
	once, faults := tally.Compare(want, found, may)
	a.FoundOnce += once
	a.add(faults)
}

// derives reports whether the ledger may store a transfer with other accounts,
// amount or timestamp than it was sent with.
func derives(t *payments.Transfer) bool {
	const flags = payments.TransferPostPending | payments.TransferVoidPending |
		payments.TransferBalancingDebit | payments.TransferBalancingCredit | payments.TransferImported
	return t.Flags&flags != 0
}

// totals compares the ledgers' own sums with ours. The count proves that nothing
// came twice and nothing came that nobody was told of.
func (a *audit) totals(ctx context.Context, in *auditInput) error {
	after, err := in.target.clients[0].LedgerTotals(ctx)
	if err != nil {
		return err
	}
	faults := tally.Balanced(after)
	a.Balanced = faults == nil
	a.add(faults)
	for i := range in.before {
		a.Before += in.before[i].Transfers
	}
	for i := range after {
		a.After += after[i].Transfers
	}
	grown := a.After - a.Before
	if in.alone && grown != in.executed {
		a.fault("the ledgers grew by %d transfers, and %d were to be executed", grown, in.executed)
	}
	if in.alone && grown == in.executed && len(a.Faults) == 0 {
		// What was not looked up one by one is counted.
		a.FoundOnce = a.Acked
	}
	return nil
}

// digests waits until enough replicas have executed the same slot and compares
// their digests, which name the whole history.
func (a *audit) digests(ctx context.Context, in *auditInput) {
	ctx, cancel := context.WithTimeout(ctx, in.patience)
	defer cancel()
	var why string
	for {
		states, missing := in.target.states(ctx)
		equal, fault := tally.Agree(states)
		a.DigestsEqual = equal
		if fault != "" {
			a.fault("%s", fault)
			return
		}
		if equal >= in.expect {
			return
		}
		if equal > 0 || len(missing) > 0 {
			why = fmt.Sprintf("%d of %d replicas are at the same state%s", equal, in.expect, describe(states, missing))
		}
		if !sleepUntil(ctx, time.Now().Add(100*time.Millisecond)) {
			a.fault("after %v %s", in.patience, why)
			return
		}
	}
}

// states asks every replica where it stands.
func (t *target) states(ctx context.Context) (states []wire.NodeStatus, missing []wire.ReplicaID) {
	for i := range t.genesis.Members {
		r := wire.ReplicaID(i)
		s, err := client.FetchStatus(ctx, t.genesis, t.keys[0], r, t.options.Plaintext)
		if err != nil {
			missing = append(missing, r)
			continue
		}
		states = append(states, s)
	}
	return states, missing
}

func describe(states []wire.NodeStatus, missing []wire.ReplicaID) string {
	var b strings.Builder
	for _, s := range states {
		fmt.Fprintf(&b, "; replica %d at slot %d", s.Replica, s.Executed)
	}
	for _, r := range missing {
		fmt.Fprintf(&b, "; replica %d does not answer", r)
	}
	return b.String()
}

// verify checks the receipts with nothing but genesis.
func (a *audit) verify(in *auditInput) error {
	v, err := client.NewVerifier(in.target.genesis)
	if err != nil {
		return err
	}
	a.ReceiptsHad = len(in.receipts)
	for i, file := range in.receipts {
		if _, err := v.VerifyReceipt(file); err != nil {
			a.fault("receipt %d: %v", i, err)
			continue
		}
		a.Receipts++
	}
	return nil
}

// auditLine is an audit in one line, and its faults below.
func auditLine(a *outcome.Audit) string {
	balance := "debits = credits"
	if !a.Balanced {
		balance = "DEBITS ≠ CREDITS"
	}
	s := fmt.Sprintf("audit: %d acked, %d found once, %s, %d/%d state digests equal, %d/%d receipts verified",
		a.Acked, a.FoundOnce, balance, a.DigestsEqual, a.Replicas, a.Receipts, a.ReceiptsHad)
	if a.Checked < a.Acked {
		s += fmt.Sprintf(", %d of them looked up and compared, the rest counted", a.Checked)
	}
	if a.Unanswered > 0 {
		s += fmt.Sprintf(", %d requests without an answer resolved (%d payments executed)", a.Unanswered, a.FoundLater)
	}
	for _, f := range a.Faults {
		s += "\n  FAULT: " + f
	}
	return s
}

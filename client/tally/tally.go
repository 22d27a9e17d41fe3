// Package tally holds what was acknowledged against what a ledger holds, and
// what replicas say of themselves against each other.
//
// It asks nobody: the answers come from its callers, which are cmd/loadgen and
// the experiments of bench. Every function is pure.
package tally

import (
	"fmt"

	"quorate/payments"
	"quorate/wire"
)

// Compare holds transfers that were found by their ids against those that were
// sent. Both are in the order of the ids asked for. derived, which may be nil,
// tells for which of the sent ones the ledger may hold other fields. once is how
// many are there exactly once and as they were sent; each of the others is a
// fault.
func Compare(want, found []payments.Transfer, derived func(*payments.Transfer) bool) (once uint64, faults []string) {
	k := 0
	for i := range want {
		if k == len(found) || found[k].ID != want[i].ID {
			faults = append(faults, fmt.Sprintf("transfer %s was acknowledged and is not found", want[i].ID))
			continue
		}
		got := found[k]
		k++
		if got.Timestamp == 0 {
			faults = append(faults, fmt.Sprintf("transfer %s has no timestamp", got.ID))
		}
		got.Timestamp = want[i].Timestamp
		if got != want[i] && (derived == nil || !derived(&want[i])) {
			faults = append(faults, fmt.Sprintf("transfer %s is found as %+v, sent as %+v", got.ID, got, want[i]))
			continue
		}
		once++
	}
	if k < len(found) {
		faults = append(faults, fmt.Sprintf("%d transfers are found more often than asked for, first %s", len(found)-k, found[k].ID))
	}
	return once, faults
}

// Balanced gives a fault for each ledger whose debits are not its credits.
func Balanced(ledgers []payments.LedgerTotals) (faults []string) {
	for i := range ledgers {
		l := &ledgers[i]
		if l.DebitsPosted != l.CreditsPosted || l.DebitsPending != l.CreditsPending {
			faults = append(faults, fmt.Sprintf("ledger %d: debits are not credits: posted %v %v, pending %v %v",
				l.Number, l.DebitsPosted, l.CreditsPosted, l.DebitsPending, l.CreditsPending))
		}
	}
	return faults
}

// Agree gives how many replicas stand at the highest executed slot with one
// digest, which names the whole history. Two digests for one slot, or a replica
// that says itself that it diverged, are a fault.
func Agree(states []wire.NodeStatus) (equal int, fault string) {
	type at struct {
		digest  wire.Digest
		replica wire.ReplicaID
	}
	first := map[wire.SeqNum]at{}
	top := wire.SeqNum(0)
	for i := range states {
		s := &states[i]
		if s.Diverged {
			return 0, fmt.Sprintf("replica %d says that its state diverged", s.Replica)
		}
		if f, ok := first[s.Executed]; ok && f.digest != s.Execute {
			return 0, fmt.Sprintf("replicas %d and %d have different states at slot %d: %s and %s", f.replica, s.Replica, s.Executed, f.digest, s.Execute)
		}
		first[s.Executed] = at{s.Execute, s.Replica}
		top = max(top, s.Executed)
	}
	for i := range states {
		if states[i].Executed == top {
			equal++
		}
	}
	return equal, ""
}

package tally

import (
	"testing"

	"quorate/payments"
	"quorate/wire"
)

// Aim: no difference passes. Method: tables of spoiled answers; loadgen's tests
// spoil them with derived fields too.

func TestAgree(t *testing.T) {
	s := func(r wire.ReplicaID, seq wire.SeqNum, d byte) wire.NodeStatus {
		return wire.NodeStatus{Replica: r, Executed: seq, Execute: wire.Digest{d}}
	}
	diverged := s(3, 9, 1)
	diverged.Diverged = true
	for name, c := range map[string]struct {
		states []wire.NodeStatus
		equal  int
		fault  bool
	}{
		"none":           {nil, 0, false},
		"all":            {[]wire.NodeStatus{s(0, 9, 1), s(1, 9, 1), s(2, 9, 1)}, 3, false},
		"one behind":     {[]wire.NodeStatus{s(0, 9, 1), s(1, 8, 7), s(2, 9, 1)}, 2, false},
		"one ahead":      {[]wire.NodeStatus{s(0, 9, 1), s(1, 10, 7), s(2, 9, 1)}, 1, false},
		"a fork":         {[]wire.NodeStatus{s(0, 9, 1), s(1, 9, 2), s(2, 9, 1)}, 0, true},
		"a fork behind":  {[]wire.NodeStatus{s(0, 8, 1), s(1, 8, 2), s(2, 9, 1)}, 0, true},
		"one says it is": {[]wire.NodeStatus{s(0, 9, 1), s(1, 9, 1), diverged}, 0, true},
	} {
		if equal, fault := Agree(c.states); equal != c.equal || (fault != "") != c.fault {
			t.Errorf("%s: %d equal, fault %q", name, equal, fault)
		}
	}
}

func TestCompare(t *testing.T) {
	sent := []payments.Transfer{{ID: payments.U64(1), Amount: payments.U64(5)}, {ID: payments.U64(2)}, {ID: payments.U64(3)}}
	for name, c := range map[string]struct {
		spoil  func(f []payments.Transfer) []payments.Transfer
		once   uint64
		faults int
	}{
		"as sent":      {func(f []payments.Transfer) []payments.Transfer { return f }, 3, 0},
		"middle lost":  {func(f []payments.Transfer) []payments.Transfer { return append(f[:1], f[2]) }, 2, 1},
		"all lost":     {func([]payments.Transfer) []payments.Transfer { return nil }, 0, 3},
		"one twice":    {func(f []payments.Transfer) []payments.Transfer { return append(f, f[2]) }, 3, 1},
		"amount":       {func(f []payments.Transfer) []payments.Transfer { f[0].Amount.Hi = 1; return f }, 2, 1},
		"no timestamp": {func(f []payments.Transfer) []payments.Transfer { f[0].Timestamp = 0; return f }, 3, 1},
	} {
		found := append([]payments.Transfer(nil), sent...)
		for i := range found {
			found[i].Timestamp = 100 + uint64(i)
		}
		once, faults := Compare(sent, c.spoil(found), nil)
		if once != c.once || len(faults) != c.faults {
			t.Errorf("%s: %d once, faults %q", name, once, faults)
		}
	}
}

func TestBalanced(t *testing.T) {
	one := payments.Total{Sum: payments.U64(1)}
	for name, c := range map[string]struct {
		ledger payments.LedgerTotals
		faults int
	}{
		"empty":         {payments.LedgerTotals{}, 0},
		"even":          {payments.LedgerTotals{DebitsPosted: one, CreditsPosted: one}, 0},
		"posted":        {payments.LedgerTotals{DebitsPosted: one}, 1},
		"pending":       {payments.LedgerTotals{CreditsPending: one}, 1},
		"across a pair": {payments.LedgerTotals{DebitsPosted: one, CreditsPending: one}, 1},
	} {
		if faults := Balanced([]payments.LedgerTotals{{}, c.ledger}); len(faults) != c.faults {
			t.Errorf("%s: faults %q", name, faults)
		}
	}
}

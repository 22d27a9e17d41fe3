package pipeline

import (
	"testing"

	"quorate/payments"
	"quorate/wire"
)

// Aim: what ingress does with a request's seq, at every edge of the session's
// window.

func TestAdmission(t *testing.T) {
	const high = 1000
	bitmap := uint64(0b101) // high and high−2 were executed
	for _, c := range []struct {
		name string
		seq  uint64
		what admission
		code wire.RejectCode
	}{
		{"zero", 0, admitRefuse, wire.RejectMalformed},
		{"next", high + 1, admitNew, 0},
		{"newest executed", high, admitDone, 0},
		{"hole in the window", high - 1, admitNew, 0},
		{"executed before a hole", high - 2, admitDone, 0},
		{"oldest of the window", high - payments.WindowSeqs + 1, admitNew, 0},
		{"below the window", high - payments.WindowSeqs, admitRefuse, wire.RejectSeqTooOld},
		{"one", 1, admitRefuse, wire.RejectSeqTooOld},
		{"as far ahead as may be", high + payments.SessionJumpMax, admitNew, 0},
		{"too far ahead", high + payments.SessionJumpMax + 1, admitRefuse, wire.RejectSeqTooFar},
		{"2^63", 1 << 63, admitRefuse, wire.RejectSeqTooFar},
		{"2^64−1", ^uint64(0), admitRefuse, wire.RejectSeqTooFar},
	} {
		e := &clientEntry{id: 1, high: high, bitmap: bitmap}
		if what, code := e.admit(c.seq, 7, 0, payments.WindowSeqs); what != c.what || code != c.code {
			t.Errorf("%s: %d %v, want %d %v", c.name, what, code, c.what, c.code)
		}
	}
}

func TestAdmissionOfRepeats(t *testing.T) {
	e := &clientEntry{id: 1}
	if what, _ := e.admit(1, 7, 0, payments.WindowSeqs); what != admitNew {
		t.Fatal("first is not new")
	}
	if what, _ := e.admit(1, 8, againTicks-1, payments.WindowSeqs); what != admitWait {
		t.Fatal("a repeat soon after is not waiting")
	}
	if what, _ := e.admit(1, 8, againTicks, payments.WindowSeqs); what != admitNew {
		t.Fatal("a repeat long after is not passed on again")
	}
	if conn := e.answer(1); conn != 8 {
		t.Fatalf("the answer goes to connection %d, want the newest", conn)
	}
	if conn := e.answer(1); conn != 0 {
		t.Fatal("answered twice")
	}
}

func TestWaitersAreBounded(t *testing.T) {
	e := &clientEntry{id: 1}
	for i := range uint64(payments.WindowSeqs) {
		if what, code := e.admit(i+1, 7, 0, payments.WindowSeqs); what != admitNew {
			t.Fatalf("seq %d: %v", i+1, code)
		}
	}
	if what, code := e.admit(payments.WindowSeqs+1, 7, 0, payments.WindowSeqs); what != admitRefuse || code != wire.RejectOverload {
		t.Fatalf("one more: %d %v", what, code)
	}
	e.gone(7)
	if what, _ := e.admit(payments.WindowSeqs+1, 9, 0, payments.WindowSeqs); what != admitNew {
		t.Fatal("a gone connection's waiter makes no room")
	}
	if len(e.waiting) > payments.WindowSeqs {
		t.Fatalf("%d waiters", len(e.waiting))
	}
}

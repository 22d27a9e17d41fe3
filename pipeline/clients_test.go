package pipeline

import (
	"testing"

	"quorate/payments"
)

// Aim: a forwarded request is passed on exactly while it could still have an
// effect. Method: each place of a window, against the window's definition.

func TestForwardedRequestsAreTakenWhileTheyMatter(t *testing.T) {
	e := &clientEntry{high: 100, bitmap: 0b1011}
	for seq, want := range map[uint64]bool{
		100: false, 99: false, 98: true, 97: false, 96: true, // the bitmap
		101: true, 100 + payments.SessionJumpMax: true, 101 + payments.SessionJumpMax: false, // ahead
		100 - payments.WindowSeqs + 1: true, 100 - payments.WindowSeqs: false, 1: false, // behind
	} {
		if got := e.open(seq); got != want {
			t.Errorf("seq %d: open %v, want %v", seq, got, want)
		}
	}
	if fresh := new(clientEntry); !fresh.open(1) || fresh.open(0) {
		t.Error("a new session takes 1, and never 0")
	}
}

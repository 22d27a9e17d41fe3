package assert

// Aim: a false assertion panics with its prefix, a true one costs nothing, and
// Costly follows the build tag. Method: both builds run this file
// (go test -tags invariants).

import "testing"

// message gives what f panics with, or nothing.
func message(f func()) (got any) {
	defer func() { got = recover() }()
	f()
	return nil
}

func TestThat(t *testing.T) {
	if got := message(func() { That(true, "never %d", 1) }); got != nil {
		t.Errorf("a true assertion panicked: %v", got)
	}
	if got := message(func() { That(false, "slot %d is %s", 7, "free") }); got != "assert: slot 7 is free" {
		t.Errorf("got %v", got)
	}
	if n := testing.AllocsPerRun(100, func() { That(true, "no arguments") }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestCostly(t *testing.T) {
	ran := false
	got := message(func() { Costly(func() bool { ran = true; return false }, "sum is %d", 3) })
	if ran != Enabled {
		t.Errorf("the check ran: %v, with invariants: %v", ran, Enabled)
	}
	if Enabled && got != "assert: sum is 3" || !Enabled && got != nil {
		t.Errorf("got %v", got)
	}
	if got := message(func() { Costly(func() bool { return true }, "never") }); got != nil {
		t.Errorf("a true check panicked: %v", got)
	}
}

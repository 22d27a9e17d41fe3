// Package assert stops the process on a mistake of our own code.
//
// It is never used on bytes that a peer, a client or a disk chose: those are
// values, refused with a typed error (style rule 8, threat FRM). An assertion
// that input can trigger is a remote crash.
//
// That is for what costs a comparison and stays in every build. Costly is for
// whole-structure checks, and does nothing unless the build tag "invariants"
// is set; make race sets it, and long simulations do.
//
// Thread: all functions are pure and may be called from any goroutine.
//
// Invariant A1: a failed assertion panics with a message that starts with
// "assert: ", so that a crash report tells our mistakes from all others.
package assert

import "fmt"

// That panics when ok is false. The arguments are formatted only then, but
// they are boxed on each call: on a path per payment, pass none.
func That(ok bool, format string, args ...any) {
	if !ok {
		fail(format, args)
	}
}

// fail stands apart so that That is small enough to be inlined.
//
//go:noinline
func fail(format string, args []any) {
	panic("assert: " + fmt.Sprintf(format, args...))
}

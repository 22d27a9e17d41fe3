// Package trial is what every fault experiment on real processes shares: the
// directory of the run, a cluster under the load of a teller, the check after
// each round, the last check of all ledgers, and the figures of the end.
//
// It breaks nothing: that is the experiment's own part, and what it prints
// besides the last check.
//
// Thread: all of one Trial belongs to one goroutine.
//
// Invariants:
//
//	X1  A run that fails leaves its cluster's directory with all logs, and a file
//	    failed.txt with the round, the cause and the command that repeats it. One
//	    that passes leaves nothing but its figures.
//	X2  A check never passes for want of anything to check: no payment
//	    acknowledged in a round is a failure.
//	X3  Nothing but a liveness deadline (Patience) depends on time.
package trial

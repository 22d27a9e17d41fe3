// Package chaos kills, stops and starts the replicas of a cluster on this host at
// given times of a load, and says what it did.
//
// It does not judge what comes of it: that is the audit's, and the reader's of
// the report. It touches no network: a partition is a command of the user's.
//
// Processes are those that run `replica start --dir DIR/node-N`, found in /proc
// before each step, so that no step meets a process that took an old number. What
// it starts again runs as it ran before: same program, arguments, directory,
// environment and log, in a session of its own, so that it outlives loadgen.
//
// Thread: Run belongs to one goroutine; Say is called on it.
//
// Invariants:
//
//	K1  What cannot be done is refused before the load begins: an unknown
//	    action or replica, a step behind the end, a replica that does not run
//	    on this host.
//	K2  Nothing stays stopped, and what was killed for a time runs again, however
//	    Run ends.
//	K3  The same seed gives the same steps.
package chaos

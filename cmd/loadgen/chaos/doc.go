// Package chaos kills, stops and starts the replicas of a cluster on this host at
// given times of a load, and says what it did.
//
// It does not judge what comes of it: that is the audit's, and the reader's of
// the report. It touches no network: a partition is a command of the user's.
//
// A replica is the process that holds the lock DIR/node-N/data/lock, found in /proc
// before each step and held by a pidfd, so that no step meets a wrapper of it or a
// process that took an old number. What it starts again runs as it ran before:
// same program, arguments, directory, environment and log, in a session of its
// own, so that it outlives loadgen. A log that is a pipe or a socket cannot be
// connected again: steps that need it are refused.
//
// Thread: Run belongs to one goroutine; Say is called on it.
//
// Invariants:
//
//	K1  What cannot be done is refused before the load begins: an unknown
//	    action or replica, a step behind the end, two steps that hold one
//	    named replica at once, a replica that does not run on this host or
//	    could not be started again.
//	K2  Nothing stays stopped, and what was killed for a time or restarted runs
//	    again, however Run ends; of steps that meet in one replica the last end
//	    counts.
//	K3  The same seed gives the same steps.
package chaos

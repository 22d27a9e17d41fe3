// Package procs runs clusters of real replica processes on this machine: it
// makes their files with `replica init`, starts, signals and ends them, and asks
// them where they stand.
//
// It is no load and no judge: bench/teller pays and audits, the experiments
// beside it decide what to break, and cmd/replica/e2e wraps it for tests.
//
// Thread: a Cluster belongs to one goroutine, but for Status and Statuses, which
// any goroutine may call. A Process may be signalled from any goroutine.
//
// Invariants:
//
//	P1  A process is ended by the handle that started it, never by a name, and
//	    ends with its parent (Pdeathsig).
//	P2  No child sees a QUORATE_ variable of its parent: replicas refuse those
//	    that are no settings.
//	P3  Every wait has a deadline.
package procs

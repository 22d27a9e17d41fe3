// Package meter says how much CPU and wall time a piece of work took on the
// thread that did it.
//
// It is not a profiler: it does not know what the work was. It sets no policy,
// exports nothing, and is never used where a result could depend on it: rooms
// that decide have no clocks.
//
// Thread: a Span belongs to the goroutine that began it, which is tied to its
// thread until End and no longer. A Meter is written by any number of goroutines
// and read by anyone.
//
// In: nothing but the kernel's clocks. Out: sums of nanoseconds and counts.
//
// Invariants:
//
//	ME1  A span's CPU is that of its own thread between Begin and End: nothing
//	     that other goroutines do is in it, for they cannot run there.
//	ME2  Where the kernel has no clock of a thread's CPU, CPU is 0 and all else
//	     holds.
//
// Source of the clock: clock_gettime(2), CLOCK_THREAD_CPUTIME_ID.
package meter

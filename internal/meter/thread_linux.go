package meter

import "golang.org/x/sys/unix"

// threadCPU is the CPU time of the calling thread in nanoseconds.
func threadCPU() int64 {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &t); err != nil {
		return 0 // Invariant ME2: every Linux has it; a seccomp filter may not let us
	}
	return t.Nano()
}

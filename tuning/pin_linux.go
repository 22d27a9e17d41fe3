package tuning

import (
	"fmt"
	"runtime"

	"golang.org/x/sys/unix"
)

// cpuSetMax is the number of processors that a unix.CPUSet can name.
const cpuSetMax = 1024

// Pin ties the calling goroutine to its thread, and the thread to processor
// cpu, counted from 0. An error means that the thread goes on where the kernel
// likes (a container's cpuset may forbid the processor): the caller logs it and
// carries on, because placement is speed and never safety.
func Pin(cpu int) error {
	runtime.LockOSThread()
	if cpu < 0 || cpu >= cpuSetMax {
		return fmt.Errorf("tuning: pin to processor %d: outside 0 to %d", cpu, cpuSetMax-1)
	}
	var set unix.CPUSet
	set.Set(cpu)
	if err := unix.SchedSetaffinity(0, &set); err != nil {
		return fmt.Errorf("tuning: pin to processor %d: %w", cpu, err)
	}
	return nil
}

// allowedCPUs lists the processors that this process may use, ascending; nil if
// the kernel does not say.
func allowedCPUs() (ids []int) {
	var set unix.CPUSet
	if err := unix.SchedGetaffinity(0, &set); err != nil {
		return nil
	}
	for id := range cpuSetMax {
		if set.IsSet(id) {
			ids = append(ids, id)
		}
	}
	return ids
}

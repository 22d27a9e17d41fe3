package main

import (
	"golang.org/x/sys/unix"
)

// cpuSeconds is the user and system time of this process so far.
func cpuSeconds() float64 {
	var u unix.Rusage
	if unix.Getrusage(unix.RUSAGE_SELF, &u) != nil {
		return 0 // not on this system; a figure is missing and nothing else
	}
	return float64(u.Utime.Nano()+u.Stime.Nano()) / 1e9
}

// memoryPeak is the most memory that this process held at once, bytes.
func memoryPeak() uint64 {
	var u unix.Rusage
	if unix.Getrusage(unix.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return uint64(u.Maxrss) << 10
}

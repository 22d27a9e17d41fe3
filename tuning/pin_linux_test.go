package tuning

// Aim: a pinned goroutine runs on its processor alone; an impossible one is an
// error and nothing else. Method: ask the kernel for the thread's own set. The
// goroutines end locked, so the runtime throws their threads away.

import (
	"testing"

	"golang.org/x/sys/unix"
)

func TestPin(t *testing.T) {
	var allowed unix.CPUSet
	if err := unix.SchedGetaffinity(0, &allowed); err != nil {
		t.Fatal(err)
	}
	want := 0
	for !allowed.IsSet(want) {
		want++
	}
	done := make(chan string)
	go func() {
		var set unix.CPUSet
		switch err := Pin(want); {
		case err != nil:
			done <- err.Error()
		case unix.SchedGetaffinity(0, &set) != nil || set.Count() != 1 || !set.IsSet(want):
			done <- "the thread may run elsewhere"
		default:
			done <- ""
		}
	}()
	if problem := <-done; problem != "" {
		t.Error(problem)
	}
	for _, cpu := range []int{-1, cpuSetMax - 1, cpuSetMax} {
		go func() {
			if Pin(cpu) == nil {
				done <- "pinned to an impossible processor"
				return
			}
			done <- ""
		}()
		if problem := <-done; problem != "" {
			t.Errorf("%d: %s", cpu, problem)
		}
	}
}

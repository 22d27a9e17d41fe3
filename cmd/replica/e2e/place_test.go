package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"quorate/tuning"
)

// Aim: a replica that is told to pin its threads has exactly those of the plan
// on one processor each, and still works. Method: the kernel's own record of
// every thread of the process.

func TestThreadsArePinned(t *testing.T) {
	if runtime.GOOS != "linux" || runtime.NumCPU() < 2 {
		t.Skip("with one processor every thread is on one")
	}
	d := deploy(t)
	for i := range d.nodes {
		d.configure(i, "pin_threads: 2")
	}
	d.startAll()
	d.load(1).passes(4)

	p, err := tuning.Named(tuning.Balanced)
	if err != nil {
		t.Fatal(err)
	}
	host := tuning.DetectHost()
	want := map[int]int{}
	for _, seat := range tuning.Place(&host, p.Threads(host.Cores, 1)) {
		want[seat.CPU]++
	}
	got := pinned(t, d.nodes[0].Pid())
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("threads by processor: %v, the plan is %v", got, want)
	}
	if !d.logged(0, "threads are pinned") {
		t.Error("the log does not say so")
	}
}

// pinned counts a process's threads that may use one processor only.
func pinned(t *testing.T, pid int) map[int]int {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("/proc", strconv.Itoa(pid), "task", "*", "status"))
	if err != nil || len(files) == 0 {
		t.Fatalf("threads of process %d: %v", pid, err)
	}
	count := map[int]int{}
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			continue // the thread has ended
		}
		_, list, _ := strings.Cut(string(text), "Cpus_allowed_list:")
		list, _, _ = strings.Cut(list, "\n")
		if cpu, err := strconv.Atoi(strings.TrimSpace(list)); err == nil {
			count[cpu]++
		}
	}
	return count
}

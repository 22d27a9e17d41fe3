package tuning

import (
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"testing"
)

func TestGCPercent(t *testing.T) {
	const mib, gib = 1 << 20, 1 << 30
	for _, row := range []struct {
		live, headroom uint64
		most, want     int
	}{
		{0, 512 * mib, 400, 400},         // nothing lives
		{50 * mib, 512 * mib, 400, 400},  // GOGC binds
		{128 * mib, 512 * mib, 400, 400}, // both
		{256 * mib, 512 * mib, 400, 200}, // headroom binds
		{2 * gib, 512 * mib, 400, 25},    //
		{100 * gib, 512 * mib, 400, 5},   // the least
		{100 * gib, 512 * mib, 3, 3},     // less was wanted
		{1 << 62, 1024 * gib, 10_000, 5}, // no overflow
		{1, 1 << 40, 10_000, 10_000},     //
	} {
		if got := gcPercent(row.live, row.headroom, row.most); got != row.want {
			t.Errorf("%d live, headroom %d, at most %d %%: %d, want %d", row.live, row.headroom, row.most, got, row.want)
		}
	}
}

// Aim: what a heap may grow to follows what lives, as often as it changes, and GOGC
// is back when little lives. Method: this process's own heap, filled and emptied
// several times; the runtime's goal for the next collection is read.
func TestHeapGrowsByItsHeadroom(t *testing.T) {
	debug.SetGCPercent(100) // the pacer goes on after this test: nothing in this package minds
	const headroom, kept = 32 << 20, 256 << 20
	p := &pacer{most: 400, headroom: headroom, now: 100}
	p.arm()
	read := func(name string) uint64 {
		s := []metrics.Sample{{Name: name}}
		metrics.Read(s)
		return s[0].Value.Uint64()
	}
	settled := func(ok func() bool) bool {
		for range 100 { // cleanups run beside us: collections until one has followed another
			runtime.GC()
			if ok() {
				return true
			}
		}
		return false
	}
	for round := range 3 {
		keep := make([]byte, kept)
		small := func() bool { return read("/gc/heap/goal:bytes") <= read("/gc/heap/live:bytes")+headroom+kept/50 }
		if !settled(small) {
			t.Errorf("round %d: %d bytes live, and the goal is %d", round, read("/gc/heap/live:bytes"), read("/gc/heap/goal:bytes"))
		}
		runtime.KeepAlive(keep)
		keep = nil
		if !settled(func() bool { return read("/gc/gogc:percent") == 400 }) {
			t.Errorf("round %d: GOGC is %d with %d bytes live", round, read("/gc/gogc:percent"), read("/gc/heap/live:bytes"))
		}
	}
}

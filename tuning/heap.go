package tuning

import (
	"runtime"
	"runtime/debug"
	"runtime/metrics"
)

// gcPercentLeast is the least that a heap may grow by before it is collected: with
// less, a very large one would be collected for ever.
const gcPercentLeast = 5

// paceGC sets Go's GOGC, and after each collection sets it again by what lives
// (gcPercent): for the whole process and as long as it runs.
func (p *Profile) paceGC() {
	debug.SetGCPercent(p.GCPercent)
	if p.GCHeadroomBytes > 0 {
		(&pacer{most: p.GCPercent, headroom: uint64(p.GCHeadroomBytes), now: p.GCPercent}).arm()
	}
}

// pacer runs on the runtime's cleanup thread, one call at a time.
type pacer struct {
	most     int
	headroom uint64
	now      int // what GOGC is
}

// arm has collected called after the next collection.
func (p *pacer) arm() {
	dead := new(*pacer) // holds a pointer, so that it shares its memory with nothing
	runtime.AddCleanup(dead, (*pacer).collected, p)
}

// collected follows a collection.
func (p *pacer) collected() {
	live := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	metrics.Read(live)
	if percent := gcPercent(live[0].Value.Uint64(), p.headroom, p.most); percent != p.now {
		debug.SetGCPercent(percent) // stops the world for a moment: only for a change
		p.now = percent
	}
	p.arm()
}

// gcPercent is how much a heap of so many live bytes may grow, percent: as far as
// headroom, at most by most.
func gcPercent(live, headroom uint64, most int) int {
	percent := headroom / max(live/100, 1)
	return int(max(min(percent, uint64(most)), min(gcPercentLeast, uint64(most))))
}

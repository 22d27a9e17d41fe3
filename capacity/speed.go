package capacity

import (
	"fmt"
	"math"
	"slices"
)

// A host's speed moves: guests beside this one use the other thread of a core, the
// caches and the memory, and minutes later they do not. The same work then takes a
// third more CPU time, and nothing in a cluster's own figures tells that from a model
// that is wrong. So each load has a reference: what a fixed work of the real kind
// took right before and right after it (calibrate.Reference). Costs are kept at the
// speed of the calibration's median load, and scaled by the ratio of two references.
// One factor for all: a neighbour that slows memory more than arithmetic is not
// mended by it and shows as stages that are off.

// Bounds of what is scaled: a host more than twice as fast or slow is another host.
const (
	speedLeast = 0.5
	speedMost  = 2
)

// SwingMost is how much the references before and after a load may differ, as a
// part: beyond it nobody knows the speed in between.
const SwingMost = 0.15

// reference is the mean of a load's two, µs; 0 without them.
func (l *Load) reference() float64 {
	if l.RefBefore == 0 || l.RefAfter == 0 {
		return 0
	}
	return (l.RefBefore + l.RefAfter) / 2
}

// Swing is by what part the larger reference of a load is above the smaller; 0
// without them.
func (l *Load) Swing() float64 {
	if l.reference() == 0 {
		return 0
	}
	return math.Max(l.RefBefore, l.RefAfter)/math.Min(l.RefBefore, l.RefAfter) - 1
}

// medianReference is the speed in which a calibration's costs are told.
func (c *Calibration) medianReference() float64 {
	var all []float64
	for i := range c.Loads {
		if r := c.Loads[i].reference(); r > 0 {
			all = append(all, r)
		}
	}
	if len(all) == 0 {
		return 0
	}
	slices.Sort(all)
	return (all[(len(all)-1)/2] + all[len(all)/2]) / 2
}

// speed is the host's speed in a load over that of the calibration, within the bounds,
// and as it was found; 1 where either is not known.
func (c *Calibration) speed(l *Load) (taken, found float64) {
	r := l.reference()
	if r == 0 || c.Reference == 0 {
		return 1, 1
	}
	found = c.Reference / r
	return math.Min(math.Max(found, speedLeast), speedMost), found
}

// atSpeed is the calibration of a host that is so many times as fast: CPU costs are
// scaled, syncs and bytes are not.
func (c *Calibration) atSpeed(times float64) *Calibration {
	if times == 1 {
		return c
	}
	out := *c
	out.Model.Stages = slices.Clone(c.Model.Stages)
	for i := range out.Model.Stages {
		s := &out.Model.Stages[i]
		s.Primary, s.Backup = s.Primary.over(times), s.Backup.over(times)
	}
	out.Model.Client = c.Model.Client.over(times)
	return &out
}

func (c Cost) over(times float64) Cost {
	return Cost{c.PerPayment / times, c.PerRequest / times, c.PerBlock / times, c.PerSecond / times}
}

// speedNotes says what was scaled for a load, and whether its speed is known at all.
func speedNotes(where string, l *Load, taken, found float64) (notes []string) {
	switch {
	case l.reference() == 0:
		notes = append(notes, fmt.Sprintf("the host's speed %s was not measured; predictions not scaled", where))
	case taken != found:
		notes = append(notes, fmt.Sprintf("host speed %s %.2f of the calibration's, which is another host's; predictions scaled by %.2f only", where, found, taken))
	default:
		notes = append(notes, fmt.Sprintf("host speed %s now %.2f of the calibration's; predictions scaled", where, found))
	}
	if swing := l.Swing(); swing > SwingMost {
		notes = append(notes, fmt.Sprintf("the host's speed changed by %.0f %% %s and did so each time: what is off may be the host; measure when it is quiet", 100*swing, where))
	}
	return notes
}

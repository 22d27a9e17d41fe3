package trial

import (
	"fmt"
	"math"
	"slices"
	"time"
)

// Times are the durations that one figure is made of.
type Times []time.Duration

// Add notes one.
func (t *Times) Add(d time.Duration) { *t = append(*t, d) }

// Quantile is the smallest duration that a part q in (0, 1] of all does not
// exceed, or 0 of none.
func (t Times) Quantile(q float64) time.Duration {
	if len(t) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(t))
	rank := int(math.Ceil(q*float64(len(sorted)))) - 1
	return sorted[min(max(rank, 0), len(sorted)-1)]
}

// String is the median and the 99th percentile.
func (t Times) String() string {
	return fmt.Sprintf("median %s p99 %s", Seconds(t.Quantile(0.5)), Seconds(t.Quantile(0.99)))
}

// Seconds writes a duration as seconds with two digits behind the point.
func Seconds(d time.Duration) string { return fmt.Sprintf("%.2f s", d.Seconds()) }

package trial

import (
	"testing"
	"time"
)

func TestQuantile(t *testing.T) {
	var hundred Times
	for i := 100; i > 0; i-- {
		hundred.Add(time.Duration(i) * time.Second)
	}
	for _, c := range []struct {
		times Times
		q     float64
		want  time.Duration
	}{
		{nil, 0.5, 0},
		{Times{7}, 0.01, 7},
		{Times{7}, 0.99, 7},
		{Times{3, 1, 2}, 0.5, 2},
		{hundred, 0.5, 50 * time.Second},
		{hundred, 0.99, 99 * time.Second},
		{hundred, 1, 100 * time.Second},
	} {
		if got := c.times.Quantile(c.q); got != c.want {
			t.Errorf("quantile %v of %d durations: %v, want %v", c.q, len(c.times), got, c.want)
		}
	}
}

package trial

import (
	"errors"
	"fmt"
	"testing"
	"time"
)

// Aim: the schedule of paced loads, and errors that leave a run out.

func TestDue(t *testing.T) {
	start := time.Unix(100, 0)
	for n, want := range map[uint64]time.Duration{0: 0, 1: time.Millisecond, 1500: 1500 * time.Millisecond, 3_600_000: time.Hour} {
		if got := Due(start, n, 1000).Sub(start); got != want {
			t.Errorf("request %d after %v, want %v", n, got, want)
		}
	}
	if !Due(start, 7, 0).IsZero() {
		t.Error("a time without a rate")
	}
}

func TestSkipped(t *testing.T) {
	why := errors.New("why")
	err := fmt.Errorf("more: %w", Skip(why))
	if !Skipped(err) || !errors.Is(err, why) || Skipped(why) || Skipped(nil) {
		t.Errorf("%v", err)
	}
}

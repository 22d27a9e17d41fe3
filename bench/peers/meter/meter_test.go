package meter

import (
	"context"
	"errors"
	"os"
	"testing"
	"time"
)

// Aim: W1 and W2: what is acknowledged outside the window does not count in it,
// and a window that cannot be measured gives no figures.

func TestWindow(t *testing.T) {
	m := New()
	m.Done(5, time.Second)
	m.setOpen(true)
	for range 99 {
		m.Done(10, 2*time.Millisecond)
	}
	m.Done(10, 300*time.Millisecond)
	m.setOpen(false)
	m.Done(7, time.Second)
	f, err := m.Window(t.Context(), 0, 0, []int{os.Getpid()}, t.TempDir())
	if err != nil || f.Payments != 1000 || f.Acked != 1012 || f.Seconds <= 0 {
		t.Fatalf("%+v, %v", f, err)
	}
	if f.P50 < 1.99 || f.P50 > 2.01 || f.P99 < 1.99 || f.P99 > 2.01 {
		t.Errorf("p50 %v p99 %v", f.P50, f.P99)
	}
	m.setOpen(true)
	m.Done(10, 300*time.Millisecond)
	if f, err = m.Window(t.Context(), 0, 0, nil, ""); err != nil || f.Payments != 1010 || f.P99 < 299 || f.P99 > 301 {
		t.Errorf("p99 %v of 1,010 payments with 20 slow ones, %v", f.P99, err)
	}
	if m.Acked() != 1022 {
		t.Errorf("%d acknowledged", m.Acked())
	}
}

func TestWindowEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	why := errors.New("why")
	cancel(why)
	if _, err := New().Window(ctx, time.Hour, time.Hour, nil, ""); !errors.Is(err, why) {
		t.Error(err)
	}
	if _, err := New().Window(t.Context(), 0, 0, []int{1 << 30}, ""); err == nil {
		t.Error("costs of a process that does not exist")
	}
}

package calibrate

// Aim: the reference does its work, and a window in which the host's speed changed is
// measured again, a few times and no more. Method: the work once, without judging
// its time; looks at the speed that are played.

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"quorate/capacity"
)

func TestReferenceIsWork(t *testing.T) {
	r, err := NewReference()
	if err != nil {
		t.Fatal(err)
	}
	a, err := r.round(1)
	b, _ := r.round(1)
	other, _ := r.round(2)
	if err != nil || a != b || a == other {
		t.Errorf("rounds give %d, %d and %d, %v", a, b, other, err)
	}
	if micros, err := r.Micros(); err != nil || !(micros > 0) {
		t.Errorf("%v µs, %v", micros, err)
	}
	r.hash = digestOf(98, 2) // a certificate of something else
	if _, err := r.Micros(); !errors.Is(err, errRefused) {
		t.Errorf("work that was not done: %v", err)
	}
}

func TestSteady(t *testing.T) {
	broken := errors.New("broken")
	for _, r := range []struct {
		what          string
		looks         []float64 // 0: broken
		fails         int       // measurement that fails, from 1
		tries, said   int
		before, after float64
		err           error
	}{
		{"quiet at once", []float64{100, 110}, 0, 1, 0, 100, 110, nil},
		{"quiet the second time", []float64{100, 130, 130, 131}, 0, 2, 1, 130, 131, nil},
		{"never quiet: the least", []float64{100, 150, 100, 120, 100, 140}, 0, 3, 3, 100, 120, nil},
		{"faster is no better", []float64{130, 100, 100, 100}, 0, 2, 1, 100, 100, nil},
		{"no first look", []float64{0}, 0, 0, 0, 0, 0, broken},
		{"no second look", []float64{100, 0}, 0, 1, 0, 0, 0, broken},
		{"no measurement", []float64{100}, 1, 1, 0, 0, 0, broken},
		{"none the second time", []float64{100, 200, 100}, 2, 2, 1, 0, 0, broken},
	} {
		looks, tries, said := r.looks, 0, 0
		l, err := Steady(context.Background(), func() (float64, error) {
			v := looks[0]
			looks = looks[1:]
			if v == 0 {
				return 0, broken
			}
			return v, nil
		}, func(string, ...any) { said++ }, func() (capacity.Load, error) {
			tries++
			if tries == r.fails {
				return capacity.Load{}, broken
			}
			return capacity.Load{Name: fmt.Sprint(tries), Payments: 1}, nil
		})
		if !errors.Is(err, r.err) || tries != r.tries || said != r.said || len(looks) != 0 || err == nil && (l.RefBefore != r.before || l.RefAfter != r.after || l.Payments != 1) {
			t.Errorf("%s: %d tries, said %d, %d looks left, %+v, %v", r.what, tries, said, len(looks), l, err)
		}
	}
	ctx, stop := context.WithCancel(context.Background())
	stop()
	if _, err := Steady(ctx, func() (float64, error) { return 1, nil }, nil, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("stopped: %v", err)
	}
}

package main

import (
	"testing"
	"time"
)

// Aim: what is achieved is what came while the load ran, and the longest silence
// is seen wherever it is. Method: a meter with its own idea of time set by hand.

func TestAnswersAfterTheEnd(t *testing.T) {
	m := newMeter()
	m.answered(5, 0, time.Millisecond) // warm-up
	m.beginMeasuring()
	m.answered(10, 1, time.Millisecond)
	m.endMeasuring()
	m.answered(100, 0, time.Second) // a window of requests that were under way
	whole, measured, _ := m.snapshot()
	inTime, _, _ := m.pace()
	if whole.Achieved != 114 || measured.Achieved != 109 || inTime != 9 {
		t.Errorf("whole %+v, measured %+v, in time %d", whole, measured, inTime)
	}
	if n := m.total.TotalCount(); n != 110 {
		t.Errorf("%d latencies: those after the end count too, those of the warm-up do not", n)
	}
}

func TestLongestSilence(t *testing.T) {
	begin := time.Now()
	at := func(s int) time.Time { return begin.Add(time.Duration(s) * time.Second) }
	for name, c := range map[string]struct {
		heard []int
		from  int
		long  int
	}{
		"first":  {[]int{7, 8, 10}, 0, 7},
		"middle": {[]int{1, 2, 9, 10}, 2, 7},
		"last":   {[]int{1, 2, 3, 12}, 3, 9},
	} {
		m := newMeter()
		m.beginMeasuring()
		m.last = begin
		for _, s := range c.heard {
			m.heard(at(s))
		}
		if _, silence, since := m.pace(); silence != time.Duration(c.long)*time.Second || !since.Equal(at(c.from)) {
			t.Errorf("%s: %v from %v on", name, silence, since.Sub(begin))
		}
	}
	m := newMeter()
	m.beginMeasuring()
	m.last = time.Now().Add(-time.Hour)
	m.endMeasuring()
	if _, silence, _ := m.pace(); silence < time.Hour {
		t.Errorf("a load that ends in silence: %v", silence)
	}
}

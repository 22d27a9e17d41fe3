package main

import (
	"reflect"
	"slices"
	"testing"
)

// Aim: what is drawn keeps the rules of the experiment whatever the seed, is the
// same for the same seed, and in time covers everything.

func TestDraw(t *testing.T) {
	for _, size := range []struct{ n, f int }{{4, 1}, {6, 1}, {7, 2}} {
		seen := map[fault]int{}
		primaries, backups, payers, pairs, gaps := 0, 0, 0, 0, 0
		for number := range uint64(2000) {
			p := draw(9, number, size.n, size.f, 3, 0)
			if again := draw(9, number, size.n, size.f, 3, 0); !reflect.DeepEqual(p, again) {
				t.Fatalf("cycle %d is drawn as %+v and as %+v", number, p, again)
			}
			seen[p.fault]++
			if p.payer >= 3 || p.away < 0 || p.away > pauseMax || p.fault == faultPause && p.away < pauseMin {
				t.Fatalf("cycle %d: %+v", number, p)
			}
			if p.payer >= 0 {
				payers++
			}
			if p.gap > 0 {
				gaps++
			}
			if p.gap < 0 || p.gap > gapMax || p.gap > 0 && len(p.victims) == 1 {
				t.Fatalf("cycle %d: %v between the starts of %d", number, p.gap, len(p.victims))
			}
			if !slices.IsSorted(p.victims) || p.victims[0] < 0 || p.victims[len(p.victims)-1] >= size.n ||
				len(slices.Compact(slices.Clone(p.victims))) != len(p.victims) {
				t.Fatalf("cycle %d: victims %v of %d", number, p.victims, size.n)
			}
			if p.fault == faultAll {
				if len(p.victims) != size.n {
					t.Fatalf("cycle %d: all are %v", number, p.victims)
				}
				continue
			}
			if len(p.victims) > size.f {
				t.Fatalf("cycle %d: %d replicas away, f is %d", number, len(p.victims), size.f)
			}
			if len(p.victims) == 2 {
				pairs++
			}
			if p.victims[0] == 0 {
				primaries++
			} else {
				backups++
			}
		}
		if len(seen) != len(faultNames) || primaries < 300 || backups < 300 || payers < 100 || gaps < 50 || (size.f > 1) != (pairs > 100) {
			t.Errorf("n=%d: faults %v, %d primaries, %d backups, %d payers, %d pairs, %d gaps", size.n, seen, primaries, backups, payers, pairs, gaps)
		}
		kills := seen[faultKill] + seen[faultAll] + seen[faultStarting]
		if kills < 1400 || kills > 1600 {
			t.Errorf("n=%d: %d of 2000 cycles kill", size.n, kills)
		}
	}
}

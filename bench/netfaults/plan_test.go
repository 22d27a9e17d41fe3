package main

import (
	"reflect"
	"strings"
	"testing"
)

// Aim: each fault demands what the protocol promises under it and no more, and
// the rules say what the weather says. Method: every fault at every size, with a
// table of demands written by hand.

func TestDemands(t *testing.T) {
	const progress, silence = "progress", "silence"
	want := map[fault]string{
		faultHalves: silence, faultScattered: silence, faultMinorityClients: silence,
		faultBackupAlone: progress, faultPrimaryAlone: progress, faultPrimaryClients: progress, faultPrimaryPeers: progress,
		faultPrimaryMute: progress, faultPrimaryDeaf: progress, faultBackupMute: progress, faultBackupDeaf: progress,
		faultBridge: progress, faultLoss: progress, faultNarrow: progress, faultFlapPrimary: progress, faultFlapBackup: progress,
		faultAloneKilled: progress,
	}
	for _, size := range []struct{ n, f, c int }{{4, 1, 0}, {6, 1, 1}, {7, 2, 0}} {
		drawn := map[fault]bool{}
		for number := range uint64(10 * faults) {
			p := draw(3, number, size.n, size.f)
			drawn[p.fault] = true
			w := p.weather(size.n, int(number)%size.n)
			got := "nothing"
			serving, silent := w.serving(size.n-size.f), w.silent(2*size.f+size.c+1)
			switch {
			case serving && silent:
				t.Fatalf("n=%d round %d: %v both serves and is silent", size.n, number, p.fault)
			case serving:
				got = progress
			case silent:
				got = silence
			}
			if got != want[p.fault] {
				t.Errorf("n=%d round %d: %s demands %s, want %s", size.n, number, p.describe(size.n, int(number)%size.n), got, want[p.fault])
			}
			if again := draw(3, number, size.n, size.f); !reflect.DeepEqual(p, again) {
				t.Fatalf("round %d is drawn as %+v and as %+v", number, p, again)
			}
			if number%uint64(faults) == uint64(faults)-1 {
				if len(drawn) != int(faults) {
					t.Errorf("a deck ends with %d of %d faults", len(drawn), faults)
				}
				clear(drawn)
			}
		}
	}
}

func TestWeatherBetween(t *testing.T) {
	// Two of four hear each other, and the others reach them one way: nothing may
	// be demanded.
	w := fair(4)
	w.cut([]int{0, 1}, []int{2, 3})
	if !w.silent(3) {
		t.Error("two halves are not silent")
	}
	delete(w.blocked, [2]int{2, 0})
	if w.silent(3) || w.serving(3) {
		t.Errorf("with one way open: silent %v, serving %v", w.silent(3), w.serving(3))
	}
	// Three are connected, and the clients are cut off from all of them.
	w = fair(4)
	w.cut([]int{0, 1, 2}, []int{w.clients()})
	w.cut([]int{3}, []int{0, 1, 2})
	if w.serving(3) || !w.silent(3) {
		t.Error("a quorum that no client reaches serves")
	}
	w.blocked[[2]int{w.clients(), 2}] = false
	if w.serving(3) || w.silent(3) {
		t.Error("a quorum that clients reach one way is held to something")
	}
}

func TestRules(t *testing.T) {
	w := fair(4)
	w.mute(2, 0)
	w.mute(w.clients(), 0)
	w.mute(0, w.clients())
	w.loss[0] = 7
	for place, want := range map[int][]string{
		0:           {"ip saddr 10.99.0.3 drop", "ip saddr 10.99.0.254 drop", "numgen random mod 100 < 7 drop"},
		1:           nil,
		2:           nil,
		w.clients(): {"ip saddr 10.99.0.1 drop"},
	} {
		var got []string
		for line := range strings.Lines(w.rules(place)) {
			if strings.HasSuffix(strings.TrimSpace(line), "drop") {
				got = append(got, strings.TrimSpace(line))
			}
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("place %d drops %q, want %q", place, got, want)
		}
	}
}

package disks

// Aim: DSK-02 and DSK-03 for a whole replica. Whatever one fault does to one
// replica's files, it is repaired, detected or harmless, and never silent: no
// other state, no other history, no vote against an earlier one, no ledger that
// verifies with other blocks, no panic, no error without a type. Method: the
// disks of four stopped replicas; for each file, region and fault a copy of one
// disk is damaged, opened as a start does, and run among the three good ones.

import (
	"flag"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
)

var strideFlag = flag.Int("disks.every", 1, "one of so many faults of the whole matrix")

var bedDirs = flag.String("disks.beds", "", "directories that real replicas left behind, comma between; empty: made here")

// tally counts ends by kind of file and fault.
type tally struct {
	faults int
	ends   map[Verdict]int
	cells  map[[2]string]map[Verdict]int
}

func newTally() *tally {
	return &tally{ends: map[Verdict]int{}, cells: map[[2]string]map[Verdict]int{}}
}

func (y *tally) add(kind, what string, v Verdict) {
	y.faults++
	y.ends[v]++
	key := [2]string{kind, what}
	if y.cells[key] == nil {
		y.cells[key] = map[Verdict]int{}
	}
	y.cells[key][v]++
}

// table is one line per kind of file and fault.
func (y *tally) table() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%-12s %-20s %9s %9s %9s %7s\n", "FILE", "FAULT", "repaired", "detected", "harmless", "silent")
	keys := slices.SortedFunc(maps.Keys(y.cells), func(x, y [2]string) int { return strings.Compare(x[0]+"|"+x[1], y[0]+"|"+y[1]) })
	for _, k := range keys {
		c := y.cells[k]
		fmt.Fprintf(&b, "%-12s %-20s %9d %9d %9d %7d\n", k[0], k[1], c[Repaired], c[Detected], c[Harmless], c[Silent])
	}
	return b.String()
}

func (y *tally) line() string {
	return fmt.Sprintf("%d faults, repaired %d, detected %d, harmless %d, silent %d", y.faults, y.ends[Repaired], y.ends[Detected], y.ends[Harmless], y.ends[Silent])
}

// beds are what the faults are tried on.
func beds(t *testing.T) (out []*Bed) {
	t.Helper()
	if *bedDirs != "" {
		for dir := range strings.SplitSeq(*bedDirs, ",") {
			b, err := ReadBed(dir)
			if err != nil {
				t.Fatalf("%s: %v", dir, err)
			}
			out = append(out, b)
		}
		return out
	}
	for _, clean := range []bool{true, false} {
		b, err := SteppedBed(11, clean)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, b)
	}
	return out
}

func TestDamage(t *testing.T) {
	every := 60
	if *full {
		every = *strideFlag
	}
	y := newTally()
	for n, b := range beds(t) {
		faults, err := b.Faults(every)
		if err != nil {
			t.Fatal(err)
		}
		for i := range faults {
			f := &faults[i]
			v, why := b.Judge(f)
			y.add(f.Kind, f.What, v)
			if v == Silent {
				t.Errorf("bed %d, %v: silent: %s", n, f, why)
			} else if testing.Verbose() {
				t.Logf("bed %d, %v: %s: %.160s", n, f, v, why)
			}
		}
	}
	if y.ends[Detected] == 0 || y.ends[Repaired] == 0 || y.ends[Harmless] == 0 {
		t.Errorf("one kind of end never comes: %s", y.line())
	}
	if *full {
		fmt.Printf("%sdamage: %s\n", y.table(), y.line())
	} else {
		t.Log(y.line())
	}
}

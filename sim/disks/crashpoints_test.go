package disks

// Aim: DSK-01 for a whole replica. Whenever the power goes, at one replica or at
// all of them, nothing that left is forgotten, nothing is contradicted, and no
// acknowledged request is lost. Method: a scripted history of four replicas over
// real journals and ledgers; each operation of their file systems is a crash
// point, with any part of the unsynced bytes kept; the disks are opened as a
// start opens them and the replicas questioned.

import (
	"flag"
	"fmt"
	"testing"
)

var (
	full  = flag.Bool("disks.full", false, "every crash point, or the whole matrix of faults; minutes instead of seconds")
	seeds = flag.Uint64("disks.seeds", 4, "runs of every crash point, each with other bytes kept and other stages late")
)

func (f *Figures) String() string {
	return fmt.Sprintf("%d file-system operations, %d states opened, %d of them in %d crashes of all; %d torn, %d words held against restarted replicas, %d acks asked for again (%d blocks, %d segments begun, %d blocks fetched, view %d)",
		f.Ops, f.States, f.JointStates, f.Joint, f.Torn, f.Words, f.Acked, f.Blocks, f.Rolls, f.Fetched, f.Views)
}

func TestCrashPoints(t *testing.T) {
	if *full {
		t.Skip("TestEveryCrashPoint does more")
	}
	f := CrashPoints(Options{Seed: 1, Every: 60, Joint: 4})
	if f.Problem != "" {
		t.Fatalf("%v\n%s: %s", &f, f.Kind, f.Problem)
	}
	if f.Ops < 2000 || f.States == 0 || f.Joint == 0 || f.Words == 0 || f.Acked == 0 || f.Fetched == 0 || f.Views == 0 || f.Rolls < 20 {
		t.Errorf("the script does not cover what it is there for: %v", &f)
	}
	t.Log(&f)
}

// TestEveryCrashPoint is `make crashpoints`.
func TestEveryCrashPoint(t *testing.T) {
	if !*full {
		t.Skip("minutes; make crashpoints")
	}
	var sum Figures
	broken := map[Kind]int{}
	for seed := range *seeds {
		f := CrashPoints(Options{Seed: seed + 1, Every: 1, Joint: 6})
		sum.add(&f)
		if f.Problem != "" {
			broken[f.Kind]++
			t.Errorf("seed %d: %v\n%s: %s", seed+1, &f, f.Kind, f.Problem)
		}
		fmt.Printf("seed %d of %d: %d operations, %d states\n", seed+1, *seeds, f.Ops, f.States)
	}
	if sum.Torn == 0 {
		t.Error("no crash tore a group of a journal")
	}
	fmt.Printf("crashpoints: %v; lost acks %d, equivocations %d, opens that failed %d, bad ledgers %d, stuck %d\n", &sum,
		broken[LostAck], broken[Equivocation], broken[FailedOpen], broken[BadLedger], broken[Stuck])
}

// add sums the figures of runs.
func (f *Figures) add(g *Figures) {
	f.Ops += g.Ops
	f.States += g.States
	f.Joint += g.Joint
	f.JointStates += g.JointStates
	f.Torn += g.Torn
	f.Words += g.Words
	f.Acked += g.Acked
	f.Blocks += g.Blocks
	f.Rolls += g.Rolls
	f.Fetched += g.Fetched
	f.Views = max(f.Views, g.Views)
}

package sim

// Aim: a scenario says everything that chance decided, can be made small, and
// keeps its meaning when the program changes. Method: runs of seeds are written
// down, read back from text and replayed, and must be equal; bugs planted on
// purpose are found by seeds, shrunk, and found again by what is left.

import (
	"bufio"
	"bytes"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"quorate/wire"
)

var scenarioFlag = flag.String("sim.scenario", "", "scenario file to replay with its timeline")

// readScenario reads a file; a file that is not there ends the test.
func readScenario(t *testing.T, name string) *Scenario {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	s, err := ParseScenario(text)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return s
}

func TestReplayOfARecordedSeed(t *testing.T) {
	for seed := uint64(2000); seed < 2006; seed++ {
		opt := Draw(seed)
		opt.Load.Ops = min(opt.Load.Ops, 20)
		if seed%2 == 0 {
			opt.Faults |= FaultByzantine
		}
		plain := Run(opt, nil)
		r, s := Record(opt, nil)
		if r != plain {
			t.Fatalf("seed %d: recording changes the run:\n%+v\n%+v", seed, plain, r)
		}
		text := s.Text()
		read, err := ParseScenario(text)
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		if again := read.Text(); !bytes.Equal(again, text) {
			t.Fatalf("seed %d: the text read back differs", seed)
		}
		if replayed := read.Run(nil); replayed != r {
			t.Fatalf("seed %d: the replay differs:\n%+v\n%+v", seed, r, replayed)
		}
	}
}

// failing gives the first seed that meets a planted bug. Which one that is changes
// with the program.
func failing(t *testing.T, p plant, faults Faults, class string) Options {
	t.Helper()
	for seed := uint64(1); seed <= 300; seed++ {
		opt := Draw(seed)
		opt.Real, opt.Final, opt.Faults, opt.plant = false, false, faults, p
		opt.F, opt.C, opt.Phases = 1, 0, min(opt.Phases, 3)
		opt.Load.Ops, opt.Load.Clients, opt.Window = 10, min(opt.Load.Clients, 2), 16
		opt.Batch.SlotsMax = min(opt.Batch.SlotsMax, 16)
		if Class(Run(opt, nil).Problem) == class {
			return opt
		}
	}
	t.Fatalf("plant %d: 300 seeds did not meet it", p)
	return Options{}
}

// TestPlantedBugShrinks: each row is a bug in one replica. A seed that meets it is
// shrunk. Then the streams are shifted by one draw, as any change of the program
// would do: the seed means another run, the scenario means the same.
func TestPlantedBugShrinks(t *testing.T) {
	rows := []struct {
		name   string
		plant  plant
		faults Faults
		class  string
	}{
		{"a journal that is not synced", plantSync, FaultCrash | FaultLoss | FaultDuplicate, "C16"},
		{"certificates that are not verified", plantTrust, FaultByzantine | FaultLoss | FaultDelay | FaultCrash, "C8"},
	}
	const choicesMax = 40
	for _, row := range rows {
		opt := failing(t, row.plant, row.faults, row.class)
		first, whole := Record(opt, nil)
		if r := whole.Run(nil); r != first {
			t.Errorf("%s: the replay differs:\n%+v\n%+v", row.name, first, r)
		}
		small, runs, spent := shrunk(whole)
		t.Logf("%s: seed %d: %d choices shrunk to %d in %d runs and %v of CPU", row.name, opt.Seed, whole.Len(), small.Len(), runs, spent)
		if small.Len() > choicesMax {
			t.Errorf("%s: %d choices are left, want at most %d:\n%s", row.name, small.Len(), choicesMax, small.Text())
		}
		read, err := ParseScenario(small.Text())
		if err != nil {
			t.Fatal(err)
		}
		read.Opt.plant = row.plant
		before := read.Run(nil)
		if Class(before.Problem) != row.class {
			t.Errorf("%s: what is left gives %q, want %s", row.name, before.Problem, row.class)
		}
		read.Opt.shift, opt.shift = true, true
		if after := read.Run(nil); after != before {
			t.Errorf("%s: shifted draws change the scenario:\n%+v\n%+v", row.name, before, after)
		}
		if shifted := Run(opt, nil); shifted.Trace == first.Trace {
			t.Errorf("%s: shifted draws do not change the seed: the shift is none", row.name)
		}
		read.Opt.plant = plantNone
		if r := read.Run(nil); r.Problem != "" {
			t.Errorf("%s: without the bug: %s", row.name, r.Problem)
		}
	}
}

func TestBadScenarios(t *testing.T) {
	opt := Draw(1)
	opt.F, opt.C = 1, 0
	good := string((&Scenario{Opt: opt}).Text())
	if _, err := ParseScenario([]byte(good)); err != nil {
		t.Fatal(err)
	}
	for _, bad := range []string{
		"option colour 3", "option f x", "option f 0", "option window 7", "option delay 9-3", "calm soon", "lost", "lost 0>1", "lost 0>1 gossip 0/1 #0",
		"lost 0>9 commit 0/1 #0", "lost 0>c0 reply 0/1 #0", "lost 0>c16 reply 0/1 #0", "delay 0>1 commit 0/1 #0", "delay 0>1 commit 0/1 #0 5 6", "cut 0>1", "at 1 lost 0>1 commit 0/1 #0",
		"at 1 cut 0>7", "at 1 stall 0 thinking 5", "at 1 crash 4", "at 1 crash *", "step * order 1 #0 5", "at 0 liar 1 0x1\nat 0 rotten 2", "at", "at 1", "step 0 order 1", "replay 0>1 commit 0/1 #0 5 0>1",
	} {
		if _, err := ParseScenario([]byte(good + bad + "\n")); !errors.Is(err, ErrScenario) {
			t.Errorf("%q: %v, want %v", bad, err, ErrScenario)
		}
	}
}

// Names that leave something open mean all that fit, and are written as they are
// read.
func TestOpenNames(t *testing.T) {
	frame := key{a: 2, b: 1, kind: uint8(wire.KindCommit), view: 3, seq: 7, n: 1}
	bent := frame
	bent.a += liarEnd
	for _, row := range []struct {
		line string
		k    key
		want bool
	}{
		{"lost 2>1 commit 3/7 #*", frame, true}, {"lost 2>1 commit 3/* #1", frame, true}, {"lost *>1 commit */* #*", frame, true},
		{"lost 2>* commit 3/7 #1", frame, true}, {"lost 2>1 commit 3/* #2", frame, false}, {"lost 2>1 commit */8 #*", frame, false},
		{"lost *>1 prepare 3/7 #1", frame, false}, {"lost *>3 commit 3/7 #1", frame, false}, {"lost *>1 commit 3/7 #1", bent, false},
		{"bent !*>1 commit 3/7 #1 0x5", bent, true}, {"bent !*>1 commit 3/7 #1 0x5", frame, false}, {"bent !!*>1 commit 3/7 #1 0x5", bent, false},
	} {
		e, err := parseEntry(row.line)
		if err != nil || e.text() != row.line || e.key.open == 0 {
			t.Errorf("%q: reads as %q, %v", row.line, e.text(), err)
		}
		if got := e.key.covers(&row.k); got != row.want {
			t.Errorf("%q covers %+v: %v", row.line, row.k, got)
		}
	}
}

// Each option stands in the head of a scenario, but for those that only chance
// asks for.
func TestEveryOptionIsWritten(t *testing.T) {
	unwritten := []string{"Faults", "Phases", "Repeat", "Wide"}
	var opt Options
	written := map[uintptr]bool{}
	for _, f := range opt.fields() {
		written[reflect.ValueOf(f.value).Pointer()] = true
	}
	var walk func(v reflect.Value)
	walk = func(v reflect.Value) {
		for i := range v.NumField() {
			f, name := v.Field(i), v.Type().Field(i)
			whole := written[f.Addr().Pointer()] && f.Kind() != reflect.Struct
			isSpan := f.Type() == reflect.TypeFor[span]()
			switch {
			case !name.IsExported() || whole || slices.Contains(unwritten, name.Name):
			case isSpan && written[f.Addr().Pointer()]:
			case f.Kind() == reflect.Struct && !isSpan:
				walk(f)
			case f.Kind() == reflect.Array && written[f.Index(f.Len()-1).Addr().Pointer()]:
			default:
				t.Errorf("option %s is not in a scenario: add it to Options.fields", name.Name)
			}
		}
	}
	walk(reflect.ValueOf(&opt).Elem())
}

// TestRegress runs what once failed: seeds, and scenarios that outlive them.
func TestRegress(t *testing.T) {
	f, err := os.Open("testdata/regress/seeds")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		number, _, _ := strings.Cut(lines.Text(), " ")
		if number == "" || number[0] == '#' {
			continue
		}
		seed, err := strconv.ParseUint(number, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		opt := Draw(seed)
		if r := Run(opt, nil); r.Problem != "" {
			report(t, opt, r)
		}
	}
	files, err := filepath.Glob("testdata/regress/*.scn")
	if err != nil || len(files) == 0 {
		t.Fatalf("no scenarios: %v", err)
	}
	for _, name := range files {
		s := readScenario(t, name)
		if r := s.Run(nil); r.Problem != "" {
			lines := &Digest{Frames: *tailFlag}
			s.Run(lines)
			t.Errorf("%s: %s\n%s\n%s", name, r.Problem, s.Note, lines)
		}
	}
}

// TestScenarioFile replays the file that the flag names.
func TestScenarioFile(t *testing.T) {
	if *scenarioFlag == "" {
		t.Skip("no -sim.scenario")
	}
	s := readScenario(t, *scenarioFlag)
	lines := &Digest{Frames: *tailFlag}
	if *traceFlag {
		lines.Frames = 1 << 30
	}
	r := s.Run(lines)
	fmt.Printf("%s%v\n%strace %#016x: %d choices, %d events, %d ms, found %s, now %s\n", s.Note, s.Opt, lines, r.Trace, s.Len(), r.Events, r.Micros/1000, s.Found, either(r.Problem == "", "all is well", r.Problem))
	if r.Problem != "" {
		t.Errorf("%s: %s", *scenarioFlag, r.Problem)
	}
}

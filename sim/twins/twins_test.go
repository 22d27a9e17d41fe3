package twins

// Aim: no behaviour that two instances of one replica can show breaks safety,
// and none keeps the cluster from coming to rest. Method: a share of what
// `make twins` plays; scenarios that once failed, or that are worth keeping, are
// in testdata and played every time. -twins.replay plays one and tells it.

import (
	"bufio"
	"flag"
	"os"
	"strings"
	"testing"

	"quorate/wire"
)

var replayFlag = flag.String("twins.replay", "", "a scenario to play and tell, as a failure prints it")

func parsed(t *testing.T, text string) Scenario {
	t.Helper()
	s, err := Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestReplay(t *testing.T) {
	if *replayFlag == "" {
		t.Skip("no -twins.replay")
	}
	o := Play(parsed(t, *replayFlag), Plant{}, t.Logf)
	t.Log(o)
	if o.Failed() {
		t.Fail()
	}
}

// TestKept plays the scenarios of testdata/scenarios.
func TestKept(t *testing.T) {
	f, err := os.Open("testdata/scenarios")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	lines, n := bufio.NewScanner(f), 0
	for lines.Scan() {
		text, _, _ := strings.Cut(lines.Text(), "#")
		if strings.TrimSpace(text) == "" {
			continue
		}
		n++
		if o := Play(parsed(t, text), Plant{}, nil); o.Failed() {
			t.Errorf("%s\n%s", text, o)
		}
	}
	if err := lines.Err(); err != nil || n == 0 {
		t.Fatalf("%d scenarios: %v", n, err)
	}
}

// TestExhaustive visits every schedule of two views of n=4, and of one view of
// n=6.
func TestExhaustive(t *testing.T) {
	for _, sp := range []Space{
		{Setup: Setup{F: 1, Twins: []wire.ReplicaID{0}}, Rounds: 2, Sets: 2, Paths: []Path{PathFast, PathSlow, PathVotes}},
		{Setup: Setup{F: 1, C: 1, Twins: []wire.ReplicaID{0}}, Rounds: 1, Sets: 2, Paths: []Path{PathFast, PathSlow, PathLocks, PathVotes, PathQuiet}},
	} {
		stats := Explore(sp, Plant{}, func(s Scenario, o Outcome) { t.Errorf("%s\n%s", s, o) })
		t.Logf("n=%d: %+v", sp.n(), stats)
		if stats.Scenarios < 50 || stats.Fast == 0 || stats.Slow == 0 {
			t.Errorf("n=%d: too little happened: %+v", sp.n(), stats)
		}
	}
}

func TestSamples(t *testing.T) {
	for _, size := range [][2]int{{1, 0}, {1, 1}, {2, 0}} {
		var stats Stats
		for seed := range uint64(100) {
			s := Draw(DrawTwins(size[0], size[1], seed), 4+int(seed%5), seed)
			o := Play(s, Plant{}, nil)
			if stats.Count(o); o.Failed() {
				t.Errorf("%s\n%s", s, o)
			}
		}
		t.Logf("f=%d c=%d: %+v", size[0], size[1], stats)
		if stats.Fast == 0 || stats.Slow == 0 {
			t.Errorf("f=%d c=%d: too little happened: %+v", size[0], size[1], stats)
		}
	}
}

// TestPlayIsExact: the same scenario gives the same run.
func TestPlayIsExact(t *testing.T) {
	for seed := range uint64(20) {
		s := Draw(DrawTwins(2, 0, seed), 5, seed)
		if a, b := Play(s, Plant{}, nil), Play(s, Plant{}, nil); a != b {
			t.Errorf("%s\n%v\n%v", s, a, b)
		}
	}
}

// TestText: what String writes, Parse reads back; what is no scenario is refused.
func TestText(t *testing.T) {
	for seed := range uint64(300) {
		s := Draw(DrawTwins(1+int(seed%2), int(seed%3), seed), 6, seed)
		if got := parsed(t, s.String()).String(); got != s.String() {
			t.Errorf("\n%s\n%s", s, got)
		}
	}
	for _, text := range []string{
		"",
		"f=1 c=0 twins=0 order=0",
		"f=0 c=0 twins=0 order=0 then=heal",
		"f=1 c=0 twins=9 order=0 then=heal",
		"f=1 c=0 twins=00 order=0 then=heal",
		"f=1 c=0 twins=0 order=0 then=never",
		"f=9 c=9 twins=0 order=0 then=heal",
		"f=1 c=0 twins=0 order=0 then=heal 0",
		"f=1 c=0 twins=0 order=0 then=heal 7/01234/fast",
		"f=1 c=0 twins=0 order=0 then=heal 0/0123/fast",
		"f=1 c=0 twins=0 order=0 then=heal 0/012344/fast",
		"f=1 c=0 twins=0 order=0 then=heal 0/01234/quick",
		"f=1 c=0 twins=0 order=0 then=heal 0/01234/slow:z",
		"f=1 c=0 twins=0 order=0 then=heal 0/01234/fast/amnesia:1", // an honest replica does not forget
		"f=1 c=0 twins=0 order=0 then=heal 0/01234/fast/amnesia:9",
	} {
		if s, err := Parse(text); err == nil {
			t.Errorf("%q is taken for %s", text, s)
		}
	}
}

// TestReductions: renamings form a group that keeps twins twins, and each
// letter's image is a letter.
func TestReductions(t *testing.T) {
	for _, k := range []struct {
		setup     Setup
		renamings int
	}{
		{Setup{F: 1, Twins: []wire.ReplicaID{0}}, 6 * 2},
		{Setup{F: 1, C: 1, Twins: []wire.ReplicaID{5}}, 120 * 2},
		{Setup{F: 2, Twins: []wire.ReplicaID{1, 4}}, 120 * 2 * 2 * 2},
	} {
		sp := Space{Setup: k.setup, Sets: 2, Paths: []Path{PathFast, PathSlow}}
		sp.prepare()
		if len(sp.renamings) != k.renamings {
			t.Errorf("%+v: %d renamings, not %d", k.setup, len(sp.renamings), k.renamings)
		}
		firsts := 0
		for letter := range sp.letters {
			if sp.first([]uint16{uint16(letter)}) {
				firsts++
			}
		}
		t.Logf("%+v: %d rounds, %d up to renaming", k.setup, len(sp.letters), firsts)
		if firsts == 0 || firsts >= len(sp.letters)/2 {
			t.Errorf("%+v: of %d rounds %d are first", k.setup, len(sp.letters), firsts)
		}
	}
}

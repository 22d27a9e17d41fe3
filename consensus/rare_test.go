package consensus

import (
	"os"
	"testing"

	"quorate/cluster"
	"quorate/internal/mark"
	"quorate/wire"
)

// TestRareBranches takes the branches that hardly any run of the simulator comes
// to: internal/mark lists them by this test's name. With the tag "marks" it also
// sees that it does take each.
func TestRareBranches(t *testing.T) {
	taken := []mark.Mark{mark.TieOfTwoValues, mark.LockWins, mark.NewViewMovesWindow, mark.TwoNewViews}
	before := make([]uint64, len(taken))
	for i, m := range taken {
		if mark.TakenBy(m) != t.Name() {
			t.Errorf("mark %s is not listed as taken by %s", mark.All()[m].Name, t.Name())
		}
		before[i] = mark.Count(m)
	}

	// A claim of two votes and a certificate, of one view and for two values.
	q, err := cluster.NewQuorums(4, 1, 0)
	if err != nil {
		t.Fatal(err)
	}
	claim, locked := wire.Digest{0: 1}, wire.Digest{0: 2}
	vote := func(d wire.Digest) *wire.SlotEvidence {
		return &wire.SlotEvidence{Seq: 1, HasVote: true, Vote: wire.Vote{View: 3, Digest: d}}
	}
	certificate := vote(locked)
	certificate.HasLock, certificate.Lock = true, wire.Lock{View: 3, Digest: locked}
	if got := safeValue(q, []*wire.SlotEvidence{vote(claim), certificate, vote(claim)}); got != locked {
		t.Errorf("a tie goes to %v, not to the certificate", got)
	}

	// A certificate of a later view than the two votes.
	certificate.Lock.View++
	if got := safeValue(q, []*wire.SlotEvidence{vote(claim), certificate, vote(claim)}); got != locked {
		t.Errorf("a later certificate loses to %v", got)
	}

	// A primary that begins one view with two sets, and a view change that completes
	// a new view and brings a newer checkpoint.
	for _, name := range []string{"two_new_views", "new_view_moves_window"} {
		story, err := os.ReadFile("testdata/" + name + ".txt")
		if err != nil {
			t.Fatal(err)
		}
		if now, err := play(string(story)); err != nil || now != string(story) {
			t.Errorf("%s does not go as written: %v", name, err)
		}
	}

	// A reminder of a slot that no cluster reaches.
	reminder := mark.RejectNumber(uint8(wire.KindReminder), uint8(RejectWindow))
	if mark.CodeTakenBy(mark.CoreRejects, reminder) != t.Name() {
		t.Errorf("the refusal is not listed as taken by %s", t.Name())
	}
	refused := mark.CodeCount(mark.CoreRejects, reminder)
	if _, err := play("cluster f=1 window=8\nreminder from=1 to=2 seq=4611686018427387905\nrun ticks=1\n----\n"); err != nil {
		t.Fatal(err)
	}
	if mark.Enabled && mark.CodeCount(mark.CoreRejects, reminder) == refused {
		t.Error("a reminder of a slot beyond all was not refused for it")
	}

	for i, m := range taken {
		if mark.Enabled && mark.Count(m) == before[i] {
			t.Errorf("mark %s was not hit", mark.All()[m].Name)
		}
	}
}

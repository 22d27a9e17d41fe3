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
	taken := []mark.Mark{mark.TieOfTwoValues, mark.LockWins, mark.TwoNewViews}
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

	// A primary that begins one view with two sets.
	story, err := os.ReadFile("testdata/two_new_views.txt")
	if err != nil {
		t.Fatal(err)
	}
	if now, err := play(string(story)); err != nil || now != string(story) {
		t.Errorf("two_new_views does not go as written: %v", err)
	}

	for i, m := range taken {
		if mark.Enabled && mark.Count(m) == before[i] {
			t.Errorf("mark %s was not hit", mark.All()[m].Name)
		}
	}
}

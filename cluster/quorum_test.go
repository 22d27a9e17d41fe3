package cluster

// Aim: the vote counts are those of the paper, any two quorums meet where
// safety needs it, and collectors share the work evenly.
// Method: a table, brute force over all sets of small clusters, counting.

import (
	"errors"
	"math/bits"
	"testing"

	"quorate/wire"
)

func TestQuorumsTable(t *testing.T) {
	rows := []struct{ n, f, c, sigma, tau, pi, vc, fast int }{
		{4, 1, 0, 4, 3, 2, 3, 2},
		{6, 1, 1, 5, 4, 2, 5, 3},
		{8, 1, 2, 6, 5, 2, 7, 4},
		{7, 2, 0, 7, 5, 3, 5, 3},
		{9, 2, 1, 8, 6, 3, 7, 4},
		{10, 3, 0, 10, 7, 4, 7, 4},
		{13, 4, 0, 13, 9, 5, 9, 5},
		{31, 10, 0, 31, 21, 11, 21, 11},
		{31, 8, 3, 28, 20, 9, 23, 12},
	}
	for _, r := range rows {
		q, err := NewQuorums(r.n, r.f, r.c)
		if err != nil {
			t.Fatalf("n=%d f=%d c=%d: %v", r.n, r.f, r.c, err)
		}
		got := [6]int{q.N, q.Sigma, q.Tau, q.Pi, q.ViewChange, q.FastClaim}
		if want := [6]int{r.n, r.sigma, r.tau, r.pi, r.vc, r.fast}; got != want || q.Complain != r.f+1 {
			t.Errorf("f=%d c=%d: got %v, want %v; complain %d", r.f, r.c, got, want, q.Complain)
		}
	}
}

// TestQuorumsRefuse walks every n up to 31 with every f and c: one size fits.
func TestQuorumsRefuse(t *testing.T) {
	for n := -1; n <= 31; n++ {
		for f := -1; f <= 11; f++ {
			for c := -1; c <= 15; c++ {
				_, err := NewQuorums(n, f, c)
				fits := f >= 1 && c >= 0 && n == 3*f+2*c+1
				if fits != (err == nil) || err != nil && !errors.Is(err, ErrSize) {
					t.Fatalf("n=%d f=%d c=%d: %v", n, f, c, err)
				}
			}
		}
	}
	const huge = int(^uint(0) >> 1)
	for _, r := range [][3]int{{huge, huge, huge}, {256, 85, 0}, {258, 85, 1}, {0, huge / 3, 0}, {4, -huge, huge}} {
		if _, err := NewQuorums(r[0], r[1], r[2]); !errors.Is(err, ErrSize) {
			t.Errorf("n=%d f=%d c=%d was not refused: %v", r[0], r[1], r[2], err)
		}
	}
}

// TestQuorumsMeet counts, for every pair of quorums of every small cluster, in
// how many replicas they meet, and subtracts the f that may lie.
func TestQuorumsMeet(t *testing.T) {
	for _, fc := range [][2]int{{1, 0}, {1, 1}, {1, 2}, {2, 0}, {2, 1}, {3, 0}} {
		f, c := fc[0], fc[1]
		q, err := NewQuorums(3*f+2*c+1, f, c)
		if err != nil {
			t.Fatal(err)
		}
		pairs := []struct {
			what string
			a, b int
			want int // honest replicas in common, at least
		}{
			{"two slow certificates", q.Tau, q.Tau, 1},
			{"a slow and a fast certificate", q.Tau, q.Sigma, 1},
			{"two fast certificates", q.Sigma, q.Sigma, 1},
			{"a new view and a slow commit: an honest lock", q.ViewChange, q.Tau, 1},
			{"a new view and a fast commit: honest votes", q.ViewChange, q.Sigma, q.FastClaim},
		}
		for _, p := range pairs {
			if got := leastCommon(q.N, p.a, p.b) - f; got < p.want {
				t.Errorf("f=%d c=%d: %s: %d honest in common, want %d", f, c, p.what, got, p.want)
			}
		}
		if 2*q.FastClaim <= q.ViewChange {
			t.Errorf("f=%d c=%d: two values can both claim a fast commit", f, c)
		}
		if q.Pi-f < 1 || q.Complain-f < 1 {
			t.Errorf("f=%d c=%d: liars alone reach π or a complaint", f, c)
		}
		if q.Tau > q.N-f || q.ViewChange > q.N-f || q.Sigma > q.N-c {
			t.Errorf("f=%d c=%d: honest replicas cannot reach a quorum", f, c)
		}
	}
}

// leastCommon is the slow obvious twin of a+b−n: the smallest intersection over
// all pairs of sets.
func leastCommon(n, a, b int) int {
	least := n
	for x := uint(0); x < 1<<n; x++ {
		if bits.OnesCount(x) != a {
			continue
		}
		for y := uint(0); y < 1<<n; y++ {
			if bits.OnesCount(y) == b {
				least = min(least, bits.OnesCount(x&y))
			}
		}
	}
	return least
}

func TestCollectors(t *testing.T) {
	const slots = 20_000
	for _, fc := range [][2]int{{1, 0}, {1, 1}, {1, 2}, {2, 1}, {8, 3}} {
		q, err := NewQuorums(3*fc[0]+2*fc[1]+1, fc[0], fc[1])
		if err != nil {
			t.Fatal(err)
		}
		for _, collectors := range []func([]wire.ReplicaID, wire.SeqNum, wire.View) []wire.ReplicaID{q.CommitCollectors, q.ExecCollectors} {
			for _, view := range []wire.View{0, 1, 12345, 1<<64 - 1} {
				load := make([]int, q.N)
				for s := wire.SeqNum(1); s <= slots; s++ {
					got := collectors(nil, s, view)
					countCollectors(t, q, got, view, load)
				}
				checkEven(t, q, view, load, slots)
			}
		}
	}
}

// countCollectors checks one choice and adds it to load.
func countCollectors(t *testing.T, q Quorums, got []wire.ReplicaID, view wire.View, load []int) {
	t.Helper()
	if len(got) != q.C+1 || got[q.C] != q.Primary(view) {
		t.Fatalf("n=%d view %d: %v: want %d, the primary %d last", q.N, view, got, q.C+1, q.Primary(view))
	}
	seen := map[wire.ReplicaID]bool{}
	for _, id := range got {
		if int(id) >= q.N || seen[id] {
			t.Fatalf("n=%d view %d: %v: out of range or twice", q.N, view, got)
		}
		seen[id] = true
		load[id]++
	}
}

// checkEven wants each backup within a tenth of its share of the slots.
func checkEven(t *testing.T, q Quorums, view wire.View, load []int, slots int) {
	t.Helper()
	want := slots * q.C / (q.N - 1)
	for id, got := range load {
		if wire.ReplicaID(id) == q.Primary(view) {
			continue
		}
		if got < want-want/10 || got > want+want/10 {
			t.Errorf("n=%d c=%d view %d: replica %d collects %d slots, want about %d", q.N, q.C, view, id, got, want)
		}
	}
}

// TestCollectorsAppend holds the append contract: dst is kept, nothing is allocated.
func TestCollectorsAppend(t *testing.T) {
	q, err := NewQuorums(6, 1, 1)
	if err != nil {
		t.Fatal(err)
	}
	dst := make([]wire.ReplicaID, 0, 8)
	if n := testing.AllocsPerRun(100, func() { dst = q.CommitCollectors(dst[:0], 7, 3) }); n != 0 {
		t.Errorf("%v allocations per call", n)
	}
	if got := q.CommitCollectors([]wire.ReplicaID{9}, 7, 3); len(got) != 3 || got[0] != 9 {
		t.Errorf("dst was not kept: %v", got)
	}
}

package sigagg

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// Aim: VerifyAcross gives the verdict that Verify gives on all. Method: the twin is
// a loop over Verify; random bad items of every kind at random places.

// spoilItem makes an item bad in one of many ways.
func spoilItem(t *testing.T, c *cluster, it Item, rng *rand.Rand) Item {
	kinds := spoils(t, c, it.Domain, it.Digest, 0)
	delete(kinds, "another signer's") // of a 1-of-n group every share is the signature
	names := make([]string, 0, len(kinds))
	for name := range kinds {
		names = append(names, name)
	}
	slices.Sort(names)
	if pick := rng.IntN(len(names) + 2); pick < len(names) {
		it.Sig = kinds[names[pick]]
	} else if pick == len(names) {
		it.Domain = 0
	} else {
		it.Digest = digestOf(-7)
	}
	return it
}

// TestVerifyAcrossCancelling swaps valid signatures so that their plain sum stays
// right: only the random weights can tell.
func TestVerifyAcrossCancelling(t *testing.T) {
	c := newCluster(t, 1, 1)
	sign := func(i int) Signature { return c.signers[0].Sign(Prepare, digestOf(i)) }
	claims := []Claim{{c.Group, Item{Prepare, digestOf(0), sign(1)}}, {c.Group, Item{Prepare, digestOf(1), sign(0)}}, {c.Group, Item{Prepare, digestOf(2), sign(2)}}}
	if VerifyAcross(claims) {
		t.Fatal("swapped signatures pass together")
	}
}

// TestVerifyAcrossAgainstVerify: certificates of two groups are good together if
// and only if each is, wherever the bad one stands and whatever is wrong with it.
func TestVerifyAcrossAgainstVerify(t *testing.T) {
	a, b := newCluster(t, 1, 2), anotherCluster(t, 1, 2, 1)
	rng := rand.New(rand.NewPCG(5, 6))
	for _, count := range []int{0, 1, 2, 3, 8, 17} {
		for range 6 {
			claims := make([]Claim, count)
			want := true
			for i := range claims {
				of := []*cluster{a, b}[rng.IntN(2)]
				it := Item{Checkpoint, digestOf(i / 2), of.signers[0].Sign(Checkpoint, digestOf(i/2))}
				if rng.IntN(8) == 0 {
					it = spoilItem(t, of, it, rng)
				}
				claims[i] = Claim{of.Group, it}
				want = want && of.Verify(it.Domain, it.Digest, it.Sig) == nil
			}
			if got := VerifyAcross(claims); got != want {
				t.Fatalf("%d claims: %v, want %v", count, got, want)
			}
		}
	}
}

// TestVerifyAcrossKeepsGroupsApart: what one group signed is no certificate of
// another, and signatures that cancel between groups do not pass.
func TestVerifyAcrossKeepsGroupsApart(t *testing.T) {
	a, b := newCluster(t, 1, 1), anotherCluster(t, 1, 1, 1)
	sign := func(c *cluster, i int) Signature { return c.signers[0].Sign(Prepare, digestOf(i)) }
	swapped := []Claim{{a.Group, Item{Prepare, digestOf(0), sign(b, 0)}}, {b.Group, Item{Prepare, digestOf(0), sign(a, 0)}}}
	if VerifyAcross(swapped) {
		t.Fatal("two groups' signatures in each other's place passed")
	}
	swapped[0].Group, swapped[1].Group = b.Group, a.Group
	if !VerifyAcross(swapped) {
		t.Fatal("the same in their own places did not pass")
	}
}

package sigagg

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// Aim: VerifyMany gives for each item the verdict of Verify. Method: the twin is
// a loop over Verify; random bad items of every kind at random places.

func TestVerifyManyAgainstVerify(t *testing.T) {
	c := newCluster(t, 1, 2)
	rng := rand.New(rand.NewPCG(21, 22))
	for _, count := range []int{0, 1, 2, 3, 8, 17} {
		for _, badOneIn := range []int{1 << 30, 9, 2, 1} {
			items := make([]Item, count)
			for i := range items {
				items[i] = Item{Checkpoint, digestOf(i / 2), c.signers[0].Sign(Checkpoint, digestOf(i/2))}
				if rng.IntN(badOneIn) == 0 {
					items[i] = spoilItem(t, c, items[i], rng)
				}
			}
			var want []int
			for i, it := range items {
				if c.Verify(it.Domain, it.Digest, it.Sig) != nil {
					want = append(want, i)
				}
			}
			if got := c.VerifyMany(items); !slices.Equal(got, want) {
				t.Fatalf("%d items: bad %v, want %v", count, got, want)
			}
		}
	}
}

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

// TestVerifyManyCancelling swaps and shifts valid signatures so that their plain
// sum stays right: only the random weights can tell.
func TestVerifyManyCancelling(t *testing.T) {
	c := newCluster(t, 1, 1)
	sign := func(i int) Signature { return c.signers[0].Sign(Prepare, digestOf(i)) }
	items := []Item{{Prepare, digestOf(0), sign(1)}, {Prepare, digestOf(1), sign(0)}, {Prepare, digestOf(2), sign(2)}}
	if got := c.VerifyMany(items); !slices.Equal(got, []int{0, 1}) {
		t.Fatalf("swapped signatures: bad %v, want [0 1]", got)
	}
}

// TestVerifyAcrossAgainstVerify: certificates of two groups are good together if
// and only if each is, wherever the bad one stands and whatever is wrong with it.
func TestVerifyAcrossAgainstVerify(t *testing.T) {
	a, b := newCluster(t, 1, 2), anotherCluster(t, 1, 2, 1)
	rng := rand.New(rand.NewPCG(5, 6))
	for _, count := range []int{0, 1, 2, 3, 7} {
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

// TestFailing compares the search with the set it should find, for every set of
// false claims among up to nine.
func TestFailing(t *testing.T) {
	for count := range 10 {
		for set := range 1 << count {
			var want []int
			for i := range count {
				if set>>i&1 == 1 {
					want = append(want, i)
				}
			}
			calls := 0
			got := failing(count, func(lo, hi int) bool {
				calls++
				return !slices.ContainsFunc(want, func(i int) bool { return lo <= i && i < hi })
			})
			if !slices.Equal(got, want) {
				t.Fatalf("%d claims: found %v, want %v", count, got, want)
			}
			if calls > 2*count {
				t.Fatalf("%d claims, false %v: %d calls", count, want, calls)
			}
		}
	}
}

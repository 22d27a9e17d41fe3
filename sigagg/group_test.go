package sigagg

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"github.com/herumi/bls-eth-go-binary/bls"
)

// Aim: any threshold of honest shares give the one signature, bad shares are
// named and worked around, and nothing else is ever accepted. Method: a scenario
// of one slot, a table of ways to spoil a share, properties over (k, n) subsets.

// TestOneSlot is the story of one slot at n = 4: σ with one liar, and the result
// checked by everybody else.
func TestOneSlot(t *testing.T) {
	sigma := newCluster(t, 4, 4)
	tau := newCluster(t, 3, 4)
	digest := digestOf(1)

	shares := tau.sign(Prepare, digest, 3, 0, 2, 1)
	shares[1].Sig = tau.signers[0].Sign(Prepare, digestOf(2)) // replica 0 signs something else
	proof, culprits, err := tau.Combine(Prepare, digest, shares)
	if err != nil || !slices.Equal(culprits, []int{0}) {
		t.Fatalf("culprits %v, error %v; want replica 0 and no error", culprits, err)
	}
	if err := tau.Verify(Prepare, digest, proof); err != nil {
		t.Fatal(err)
	}
	for _, set := range [][]int{{0, 1, 2}, {0, 1, 3}, {0, 2, 3}, {1, 2, 3}, {3, 2, 1, 0}, {2, 0, 1}, {1, 0, 2}} {
		again, _, err := tau.Combine(Prepare, digest, tau.sign(Prepare, digest, set...))
		if err != nil || again != proof {
			t.Fatalf("set %v gives another signature: %v", set, err)
		}
	}
	if got := len(tau.plans.known); got > 4 {
		t.Fatalf("%d plans for the four sets of three: the order of arrival makes new ones", got)
	}

	fast := sigma.sign(FastCommit, digest, firstOf(4)...)
	fast[2].Sig[5] ^= 1
	if _, culprits, err = sigma.Combine(FastCommit, digest, fast); !errors.Is(err, ErrTooFew) || !slices.Equal(culprits, []int{2}) {
		t.Fatalf("n-of-n with a liar: culprits %v, error %v", culprits, err)
	}
}

// spoils are the ways to make a share bad; each returns the bad signature.
func spoils(t testing.TB, c *cluster, domain Domain, digest [32]byte, signer int) map[string]Signature {
	good := c.signers[signer].Sign(domain, digest)
	small, smallEnc := orderThree(t)
	infinity := Signature{flagCompressed | flagInfinity}
	negated := good
	negated[0] ^= flagLargerY
	out := map[string]Signature{
		"zero bytes":           {},
		"infinity":             infinity,
		"off the subgroup":     smallEnc,
		"plus a small order":   plus(t, good, small),
		"negated":              negated,
		"another digest":       c.signers[signer].Sign(domain, digestOf(-1)),
		"another domain":       c.signers[signer].Sign(domain%(domainEnd-1)+1, digest),
		"another signer's":     c.signers[(signer+1)%len(c.signers)].Sign(domain, digest),
		"uncompressed flag":    func() Signature { s := good; s[0] &^= flagCompressed; return s }(),
		"a point of the field": func() Signature { s := Signature(fieldModulus); s[0] |= flagCompressed; return s }(),
		"the message's hash":   encodeG1(new(messages.point(domain, digest))),
	}
	return out
}

func TestBadShareIsNamed(t *testing.T) {
	c := newCluster(t, 3, 7)
	digest := digestOf(3)
	want, _, err := c.Combine(ExecState, digest, c.sign(ExecState, digest, 0, 1, 2))
	if err != nil {
		t.Fatal(err)
	}
	for name, bad := range spoils(t, c, ExecState, digest, 4) {
		if err := c.VerifyShare(ExecState, digest, Share{4, bad}); err == nil {
			t.Errorf("%s: share verifies", name)
		}
		if err := c.Verify(ExecState, digest, bad); err == nil {
			t.Errorf("%s: verifies as a certificate", name)
		}
		// Signers 1, 4, 6 have the coefficients 7, −7, 3 over 3. A multiple of 3
		// for the liar would cancel the component of order 3, rightly unnoticed.
		shares := c.sign(ExecState, digest, 6, 4, 1, 2)
		shares[1].Sig = bad
		sig, culprits, err := c.Combine(ExecState, digest, shares)
		if err != nil || sig != want || !slices.Equal(culprits, []int{4}) {
			t.Errorf("%s: culprits %v, error %v", name, culprits, err)
		}
		sig, culprits, err = c.Combine(ExecState, digest, shares[:3])
		if !errors.Is(err, ErrTooFew) || sig != (Signature{}) || !slices.Equal(culprits, []int{4}) {
			t.Errorf("%s without a spare: culprits %v, error %v", name, culprits, err)
		}
	}
}

// TestCancellingShares holds that two liars whose errors cancel do no harm: the
// sum is right, so there is nothing to complain about.
func TestCancellingShares(t *testing.T) {
	c := newCluster(t, 3, 4)
	digest := digestOf(4)
	shares := c.sign(Prepare, digest, 0, 1, 2) // coefficients 3, −3, 1
	off := messages.point(Prepare, digestOf(5))
	want, _, _ := c.Combine(Prepare, digest, shares)
	shares[0].Sig, shares[1].Sig = plus(t, shares[0].Sig, off), plus(t, shares[1].Sig, off)
	sig, culprits, err := c.Combine(Prepare, digest, shares)
	if err != nil || sig != want || culprits != nil {
		t.Fatalf("culprits %v, error %v", culprits, err)
	}
}

func TestCombineRefuses(t *testing.T) {
	c := newCluster(t, 3, 4)
	digest := digestOf(6)
	good := c.sign(Prepare, digest, firstOf(4)...)
	edit := func(f func(s []Share) []Share) []Share { return f(slices.Clone(good)) }
	cases := []struct {
		name   string
		domain Domain
		shares []Share
		want   error
	}{
		{"no shares", Prepare, nil, ErrTooFew},
		{"two shares", Prepare, good[:2], ErrTooFew},
		{"duplicate", Prepare, edit(func(s []Share) []Share { s[1] = s[0]; return s }), ErrDuplicateSigner},
		{"duplicate among enough", Prepare, append(slices.Clone(good), good[2]), ErrDuplicateSigner},
		{"negative signer", Prepare, edit(func(s []Share) []Share { s[3].Signer = -1; return s }), ErrSigner},
		{"signer n", Prepare, edit(func(s []Share) []Share { s[3].Signer = 4; return s }), ErrSigner},
		{"huge signer", Prepare, edit(func(s []Share) []Share { s[3].Signer = 1 << 62; return s }), ErrSigner},
		{"no domain", 0, good, ErrDomain},
		{"unknown domain", domainEnd, good, ErrDomain},
		{"wrong domain", SlowCommit, good, ErrTooFew},
	}
	for _, tc := range cases {
		sig, culprits, err := c.Combine(tc.domain, digest, tc.shares)
		if !errors.Is(err, tc.want) || sig != (Signature{}) {
			t.Errorf("%s: got %v, want %v", tc.name, err, tc.want)
		}
		if (len(culprits) > 0) != (tc.name == "wrong domain") {
			t.Errorf("%s: culprits %v", tc.name, culprits)
		}
	}
	if err := c.VerifyShare(Prepare, digest, Share{4, good[0].Sig}); !errors.Is(err, ErrSigner) {
		t.Errorf("share of signer n: got %v, want %v", err, ErrSigner)
	}
	if err := c.VerifyShare(Prepare, digest, Share{1, good[0].Sig}); !errors.Is(err, ErrVerify) {
		t.Errorf("share under another's name: got %v, want %v", err, ErrVerify)
	}
	if err := c.Verify(99, digest, good[0].Sig); !errors.Is(err, ErrDomain) {
		t.Errorf("verify in an unknown domain: got %v, want %v", err, ErrDomain)
	}
}

// TestCombineKeepsInput holds that Combine leaves the caller's slice alone.
func TestCombineKeepsInput(t *testing.T) {
	c := newCluster(t, 2, 4)
	shares := c.sign(Prepare, digestOf(8), 3, 1, 0)
	shares[0].Sig[3] ^= 4
	before := slices.Clone(shares)
	if _, _, err := c.Combine(Prepare, digestOf(8), shares); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(before, shares) {
		t.Fatal("the shares were changed")
	}
}

// TestSubsetsProperty draws (k, n), a random subset in random order and a random
// set of liars; Combine must name exactly the liars it had to look at and
// succeed if and only if k good shares are there.
func TestSubsetsProperty(t *testing.T) {
	rng := rand.New(rand.NewPCG(11, 12))
	for _, size := range [][2]int{{1, 1}, {1, 4}, {2, 2}, {2, 4}, {3, 4}, {4, 4}, {5, 7}, {7, 7}, {11, 16}, {22, 31}} {
		c := newCluster(t, size[0], size[1])
		one, _, err := c.Combine(Checkpoint, digestOf(0), c.sign(Checkpoint, digestOf(0), firstOf(size[0])...))
		if err != nil {
			t.Fatal(err)
		}
		for range 6 {
			checkSubset(t, c, rng, one)
		}
	}
}

// checkSubset runs one random subset with random liars through Combine.
func checkSubset(t *testing.T, c *cluster, rng *rand.Rand, want Signature) {
	t.Helper()
	digest := digestOf(0)
	k, n := c.Threshold(), c.Size()
	shares := c.sign(Checkpoint, digest, rng.Perm(n)[:k+rng.IntN(n-k+1)]...)
	var liars []int
	for i := range shares {
		if rng.IntN(5) == 0 {
			shares[i].Sig = c.signers[shares[i].Signer].Sign(Checkpoint, digestOf(rng.IntN(9)+1))
			liars = append(liars, shares[i].Signer)
		}
	}
	slices.Sort(liars)
	sig, culprits, err := c.Combine(Checkpoint, digest, shares)
	where := fmt.Sprintf("%d of %d, %d shares, liars %v", k, n, len(shares), liars)
	if len(shares)-len(liars) < k {
		if !errors.Is(err, ErrTooFew) || !slices.Equal(culprits, liars) {
			t.Fatalf("%s: culprits %v, error %v", where, culprits, err)
		}
		return
	}
	if err != nil || sig != want {
		t.Fatalf("%s: culprits %v, error %v", where, culprits, err)
	}
	looked := slices.ContainsFunc(shares[:k], func(s Share) bool { return slices.Contains(liars, s.Signer) })
	if looked && !slices.Equal(culprits, liars) || !looked && culprits != nil {
		t.Fatalf("%s: culprits %v", where, culprits)
	}
}

// TestSubthresholdForgery holds that k−1 shares interpolated as if they were
// enough do not give a signature.
func TestSubthresholdForgery(t *testing.T) {
	c := newCluster(t, 3, 4)
	digest := digestOf(9)
	var points []bls.G1
	for _, s := range c.sign(Prepare, digest, 1, 2) {
		var p bls.G1
		if err := decodeG1(&p, s.Sig[:]); err != nil {
			t.Fatal(err)
		}
		points = append(points, p)
	}
	var sum bls.G1
	newPlan([]int{1, 2}).apply(&sum, points)
	if err := c.Verify(Prepare, digest, encodeG1(&sum)); !errors.Is(err, ErrVerify) {
		t.Fatalf("two of three: got %v, want %v", err, ErrVerify)
	}
}

// TestConcurrentUse runs one group from several goroutines on the same and on
// different messages, with liars, under the race detector.
func TestConcurrentUse(t *testing.T) {
	c := newCluster(t, 3, 4)
	var wg sync.WaitGroup
	for worker := range 8 {
		wg.Go(func() {
			for i := range 6 {
				digest := digestOf(1000 + i + worker%2)
				shares := c.sign(SlowCommit, digest, rand.Perm(4)...)
				liar := shares[1].Signer
				if i%2 == 1 {
					shares[1].Sig = c.signers[liar].Sign(Prepare, digest)
				}
				sig, culprits, err := c.Combine(SlowCommit, digest, shares)
				if err != nil || len(culprits) != i%2 || c.Verify(SlowCommit, digest, sig) != nil {
					t.Errorf("culprits %v, error %v", culprits, err)
				}
				claims := []Claim{{c.Group, Item{SlowCommit, digest, sig}}, {c.Group, Item{Prepare, digest, sig}}}
				if !VerifyAcross(claims[:1]) || VerifyAcross(claims) {
					t.Error("the verdict on several certificates is not that on each")
				}
			}
		})
	}
	wg.Wait()
}

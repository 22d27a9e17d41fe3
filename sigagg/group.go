package sigagg

import (
	"cmp"
	"crypto/rand"
	"fmt"
	"slices"

	"github.com/herumi/bls-eth-go-binary/bls"

	"quorate/internal/plant"
)

// Group combines and verifies the signatures of one threshold key: any
// threshold of its n signers make the one valid signature of a message, and
// fewer cannot. It is safe for concurrent use.
type Group struct {
	threshold int
	key       PublicKey
	shares    []PublicKey // by signer
	plans     planMemo
}

// NewGroup returns the group of a threshold, its public key and the public keys
// of its n shares, indexed by signer. The slice is copied. It returns
// ErrThreshold unless 1 ≤ threshold ≤ n ≤ SignersMax, ErrInfinity for a zero
// PublicKey, and ErrKeySet if the keys do not belong together, so that a genesis
// with a swapped or mistyped key is refused at start and not found out slot by
// slot.
func NewGroup(threshold int, group PublicKey, shares []PublicKey) (*Group, error) {
	if err := checkThreshold(threshold, len(shares)); err != nil {
		return nil, err
	}
	if !group.valid() {
		return nil, fmt.Errorf("%w: group key", ErrInfinity)
	}
	for i, k := range shares {
		if !k.valid() {
			return nil, fmt.Errorf("%w: key of signer %d", ErrInfinity, i)
		}
	}
	g := &Group{threshold: threshold, key: group, shares: slices.Clone(shares)}
	if !g.consistent() {
		return nil, fmt.Errorf("%w: %d of %d", ErrKeySet, threshold, len(shares))
	}
	return g, nil
}

// consistent says whether the group key at x = 0 and the share keys at x = 1…n
// lie on one polynomial of degree below the threshold, with an error of 1/r. It
// is the dual code test of SCRAPE (Cascudo and David, ACNS 2017, lemma 1): for
// points on such a polynomial Σ wᵢ·m(xᵢ)·Kᵢ = 0 for every polynomial m of degree
// at most n−threshold, where wᵢ = 1/Π(xᵢ−xⱼ), and otherwise a random m shows it.
func (g *Group) consistent() bool {
	n := len(g.shares)
	mask := make([]bls.Fr, n-g.threshold+1)
	for i := range mask {
		if drawScalar(&mask[i], rand.Reader) != nil {
			return false
		}
	}
	points, weights := make([]bls.G2, n+1), make([]bls.Fr, n+1)
	for i := range points {
		points[i] = g.key.point
		if i > 0 {
			points[i] = g.shares[i-1].point
		}
		var x, m bls.Fr
		x.SetInt64(int64(i))
		if bls.FrEvaluatePolynomial(&m, mask, &x) != nil {
			return false
		}
		productOf(&weights[i], n+1, func(j int) int64 {
			if j == i {
				return 1
			}
			return int64(i - j)
		})
		bls.FrDiv(&weights[i], &m, &weights[i])
	}
	var sum bls.G2
	bls.G2MulVec(&sum, points, weights)
	return sum.IsZero()
}

// Threshold returns how many distinct signers make a signature.
func (g *Group) Threshold() int { return g.threshold }

// Size returns n, the number of signers.
func (g *Group) Size() int { return len(g.shares) }

// Key returns the group's public key.
func (g *Group) Key() PublicKey { return g.key }

// SharePublic returns the public key of one signer's share, or ErrSigner.
func (g *Group) SharePublic(signer int) (PublicKey, error) {
	if signer < 0 || signer >= len(g.shares) {
		return PublicKey{}, fmt.Errorf("%w: %d of %d", ErrSigner, signer, len(g.shares))
	}
	return g.shares[signer], nil
}

// Verify returns nil if sig is the group's signature over digest in domain, and
// otherwise ErrDomain, ErrPoint, ErrInfinity, ErrSubgroup or ErrVerify.
func (g *Group) Verify(domain Domain, digest [32]byte, sig Signature) error {
	return verify(&g.key, domain, digest, sig)
}

// VerifyShare returns nil if share is its signer's share over digest in domain,
// and otherwise ErrSigner or an error as Verify does.
func (g *Group) VerifyShare(domain Domain, digest [32]byte, share Share) error {
	key, err := g.SharePublic(share.Signer)
	if err != nil {
		return err
	}
	if err := verify(&key, domain, digest, share.Sig); err != nil {
		return fmt.Errorf("%w: share of signer %d", err, share.Signer)
	}
	return nil
}

// verify judges one signature under one key.
func verify(key *PublicKey, domain Domain, digest [32]byte, sig Signature) error {
	if !domain.Valid() {
		return fmt.Errorf("%w: %d", ErrDomain, uint8(domain))
	}
	var p bls.G1
	if err := sig.decode(&p); err != nil {
		return err
	}
	hash := messages.point(domain, digest)
	if !pairingHolds(&p, &hash, &key.point) {
		return ErrVerify
	}
	return nil
}

// candidate is a share whose bytes decoded to a point of the curve.
type candidate struct {
	signer int
	point  bls.G1 // affine; its subgroup is not checked
}

// Combine makes the group's signature over digest in domain from at least
// threshold shares of distinct signers, in any order. The signature it returns
// has been verified. The caller keeps the slice.
//
// It is optimistic: the first threshold shares that decode are combined unread
// and only the result is verified; the rest are spares. If that fails, every
// share is verified by itself, the bad ones are named, and the good ones are
// combined if they still reach the threshold.
//
// culprits are the zero-based signers whose shares were found bad, ascending;
// it may be non-empty with and without an error, and a bad share that was not
// needed may go unnoticed. It proves nothing to others, because anybody can
// claim to have received a bad share.
//
// Errors: ErrDomain; ErrSigner and ErrDuplicateSigner, which refuse the whole
// call, since signers are set by our own code from authenticated links;
// ErrTooFew, before or after the culprits are put aside; ErrVerify if good
// shares do not combine, which NewGroup's check rules out.
func (g *Group) Combine(domain Domain, digest [32]byte, shares []Share) (sig Signature, culprits []int, err error) {
	err = checkShares(domain, g.threshold, len(g.shares), len(shares), func(i int) int { return shares[i].Signer })
	if err != nil {
		return Signature{}, nil, err
	}
	c := combination{domain: domain, digest: digest, threshold: g.threshold, keys: g.shares}
	c.try = func(picked []candidate) bool {
		var ok bool
		sig, ok = g.tryCombine(domain, digest, picked)
		return ok
	}
	culprits, err = c.run(shares)
	return sig, culprits, err
}

// combination is one attempt to make a certificate of BLS shares, threshold or
// multi-signature alike.
type combination struct {
	domain    Domain
	digest    [32]byte
	threshold int
	keys      []PublicKey // of the signers
	// try combines exactly threshold candidates, which it sorts by signer, and
	// says whether the result verifies. It keeps the result of its last call.
	try func(picked []candidate) bool
}

// run tries the first shares that decode, unread, and on failure those that
// verify. With an error, try's last result is no certificate.
func (c *combination) run(shares []Share) (culprits []int, err error) {
	picked, spares, culprits := pick(shares, c.threshold)
	if len(picked) == c.threshold {
		if c.try(picked) {
			return culprits, nil
		}
		more, _, malformed := pick(spares, len(spares))
		good, bad := c.sift(append(picked, more...))
		picked, culprits = good, slices.Concat(culprits, malformed, bad)
	}
	slices.Sort(culprits)
	if len(picked) < c.threshold {
		return culprits, fmt.Errorf("%w: %d good of %d needed", ErrTooFew, len(picked), c.threshold)
	}
	if !c.try(picked[:c.threshold]) {
		return culprits, fmt.Errorf("%w: combined from %d good shares", ErrVerify, c.threshold)
	}
	return culprits, nil
}

// checkShares refuses what our own code must not ask for: an unknown domain, an
// unknown or repeated signer of n, fewer shares than the threshold. signer gives
// the signer of share i of count.
func checkShares(domain Domain, threshold, n, count int, signer func(i int) int) error {
	if !domain.Valid() {
		return fmt.Errorf("%w: %d", ErrDomain, uint8(domain))
	}
	var seen [SignersMax / 64]uint64
	for i := range count {
		s := signer(i)
		if s < 0 || s >= n {
			return fmt.Errorf("%w: %d of %d", ErrSigner, s, n)
		}
		bit := uint64(1) << (s % 64)
		if seen[s/64]&bit != 0 && !plant.On(plant.DuplicateShares) {
			return fmt.Errorf("%w: %d", ErrDuplicateSigner, s)
		}
		seen[s/64] |= bit
	}
	if count < threshold {
		return fmt.Errorf("%w: %d of %d needed", ErrTooFew, count, threshold)
	}
	return nil
}

// pick decodes shares in their order until count of them are points of the
// curve. It returns those, the shares it did not reach, and the signers of the
// ones that did not decode.
func pick(shares []Share, count int) (picked []candidate, rest []Share, malformed []int) {
	picked = make([]candidate, 0, count)
	for i := range shares {
		if len(picked) == count {
			return picked, shares[i:], malformed
		}
		c := candidate{signer: shares[i].Signer}
		if decodeG1(&c.point, shares[i].Sig[:]) != nil {
			malformed = append(malformed, c.signer)
			continue
		}
		picked = append(picked, c)
	}
	return picked, nil, malformed
}

// tryCombine combines exactly threshold candidates, which it sorts by signer,
// and says whether the result is the group's signature.
//
// Invariant I2: the subgroup is checked here, on the sum, which is enough: the
// pairing is blind to a component of another order, so a sum inside the subgroup
// that passes it is the one valid signature, whatever the candidates were.
func (g *Group) tryCombine(domain Domain, digest [32]byte, picked []candidate) (Signature, bool) {
	slices.SortFunc(picked, func(a, b candidate) int { return cmp.Compare(a.signer, b.signer) })
	signers, points := make([]int, len(picked)), make([]bls.G1, len(picked))
	for i, c := range picked {
		signers[i], points[i] = c.signer, c.point
	}
	var sum bls.G1
	g.plans.of(signers).apply(&sum, points)
	bls.G1Normalize(&sum, &sum)
	if sum.IsZero() || !sum.IsValidOrder() && !plant.On(plant.SubgroupUnchecked) {
		return Signature{}, false
	}
	hash := messages.point(domain, digest)
	if !plant.On(plant.CombinedUnverified) && !pairingHolds(&sum, &hash, &g.key.point) {
		return Signature{}, false
	}
	return encodeG1(&sum), true
}

// sift verifies each candidate by itself under its own key and returns the good
// ones and the signers of the bad ones.
//
// Bisecting with random weights was tried and refused. The
// keys differ, so each step needs a multi-scalar multiplication in G2: one liar
// cost as much as here at k = 3 and about 0.6 times as much at k = 67, but f
// liars at once can cost up to 2k pairings, and a liar is met only once.
func (c *combination) sift(all []candidate) (good []candidate, bad []int) {
	hash := messages.point(c.domain, c.digest)
	for i := range all {
		a := &all[i]
		if a.point.IsValidOrder() && pairingHolds(&a.point, &hash, &c.keys[a.signer].point) {
			good = append(good, *a)
		} else {
			bad = append(bad, a.signer)
		}
	}
	return good, bad
}

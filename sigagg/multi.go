package sigagg

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/herumi/bls-eth-go-binary/bls"

	"quorate/internal/plant"
)

// MultiGroup combines and verifies multi-signatures: the sum of the signatures
// of exactly threshold signers, each with a key of its own, behind the bitmap of
// who they are (Boneh, Drijvers and Neven, ASIACRYPT 2018, section 3.1, with
// proofs of possession). It is safe for concurrent use.
//
// A set of signers has one certificate, but a digest has one for each set: they
// are not unique.
type MultiGroup struct {
	threshold int
	keys      []PublicKey // by signer
}

// NewMultiGroup returns the group of a threshold among these keys, or
// ErrThreshold.
func NewMultiGroup(threshold int, keys *MultiKeys) (*MultiGroup, error) {
	if err := checkThreshold(threshold, len(keys.keys)); err != nil {
		return nil, err
	}
	return &MultiGroup{threshold: threshold, keys: keys.keys}, nil
}

// Threshold returns how many distinct signers make a certificate.
func (g *MultiGroup) Threshold() int { return g.threshold }

// Size returns n, the number of signers.
func (g *MultiGroup) Size() int { return len(g.keys) }

// Combine makes a certificate of the first threshold good votes, in any order of
// signers. Its contract, culprits and errors are those of Group.Combine; a vote
// of a length other than SigBytes is a bad one.
func (g *MultiGroup) Combine(domain Domain, digest [32]byte, votes []Vote) (cert []byte, culprits []int, err error) {
	err = checkShares(domain, g.threshold, len(g.keys), len(votes), func(i int) int { return votes[i].Signer })
	if err != nil {
		return nil, nil, err
	}
	c := combination{domain: domain, digest: digest, threshold: g.threshold, keys: g.keys}
	c.try = func(picked []candidate) (ok bool) {
		cert, ok = g.tryCombine(domain, digest, picked)
		return ok
	}
	culprits, err = c.run(pointShares(votes))
	return cert, culprits, err
}

// tryCombine adds exactly threshold candidates, which it sorts by signer, and
// says whether the sum is the multi-signature of them all.
//
// Invariant I2: the subgroup is checked on the sum, as in Group.tryCombine. Two
// signers may together send shares that are bad each and add up to the good sum;
// the certificate is as good as any, and both did sign.
func (g *MultiGroup) tryCombine(domain Domain, digest [32]byte, picked []candidate) ([]byte, bool) {
	slices.SortFunc(picked, func(a, b candidate) int { return cmp.Compare(a.signer, b.signer) })
	signers := make([]int, len(picked))
	var sum bls.G1
	sum.Clear()
	for i := range picked {
		signers[i] = picked[i].signer
		bls.G1Add(&sum, &sum, &picked[i].point)
	}
	bls.G1Normalize(&sum, &sum)
	if sum.IsZero() || !sum.IsValidOrder() {
		return nil, false
	}
	hash, key := messages.point(domain, digest), g.sumOf(signers)
	if !plant.On(plant.SumUnchecked) && (key.IsZero() || !pairingHolds(&sum, &hash, &key)) {
		return nil, false
	}
	cert := make([]byte, 0, bitmapBytes(len(g.keys))+SigBytes)
	sig := encodeG1(&sum)
	return append(appendBitmap(cert, len(g.keys), signers), sig[:]...), true
}

// sumOf returns the sum of the keys of signers, affine. It may be infinity only
// if some of the signers chose their secrets together; nothing verifies then.
//
// The sums are not remembered: 67 additions in G2 cost a tenth of the pairing
// that follows.
func (g *MultiGroup) sumOf(signers []int) (sum bls.G2) {
	sum.Clear()
	for _, s := range signers {
		bls.G2Add(&sum, &sum, &g.keys[s].point)
	}
	bls.G2Normalize(&sum, &sum)
	return sum
}

// Verify returns nil if cert is a certificate over digest in domain, and
// otherwise ErrDomain, ErrCertificate, ErrPoint, ErrInfinity, ErrSubgroup or
// ErrVerify.
func (g *MultiGroup) Verify(domain Domain, digest [32]byte, cert []byte) error {
	if !domain.Valid() {
		return fmt.Errorf("%w: %d", ErrDomain, uint8(domain))
	}
	m, err := g.parse(cert)
	if err != nil {
		return err
	}
	hash, key := messages.point(domain, digest), g.sumOf(m.signers)
	if key.IsZero() || !pairingHolds(&m.sum, &hash, &key) {
		return ErrVerify
	}
	return nil
}

// multiSig is a decoded certificate, its subgroup checked.
type multiSig struct {
	group   *MultiGroup
	signers []int
	bitmap  string
	sum     bls.G1
}

func (g *MultiGroup) parse(cert []byte) (m multiSig, err error) {
	var rest []byte
	m.group = g
	if m.signers, rest, err = parseBitmap(cert, len(g.keys), g.threshold); err != nil {
		return m, err
	}
	if len(rest) != SigBytes {
		return m, fmt.Errorf("%w: %d bytes behind the bitmap, want %d", ErrCertificate, len(rest), SigBytes)
	}
	sig := Signature(rest)
	m.bitmap = string(cert[:len(cert)-SigBytes])
	return m, sig.decode(&m.sum)
}

// MultiClaim is a certificate and the group that is said to have made it.
type MultiClaim struct {
	Group *MultiGroup
	CertItem
}

// MultiVerifyAcross reports whether all of claims are good, certificates of
// several groups together, as VerifyAcross does for threshold signatures. Those of
// one set of signers share a pairing: it is one product, of a pairing for each set
// and one.
func MultiVerifyAcross(claims []MultiClaim) bool {
	if len(claims) == 0 {
		return true
	}
	all, hashes := make([]multiSig, len(claims)), make([]bls.G1, len(claims))
	for i := range claims {
		c := &claims[i]
		if !c.Domain.Valid() {
			return false
		}
		var err error
		if all[i], err = c.Group.parse(c.Cert); err != nil { // Invariant I2: each by itself
			return false
		}
		hashes[i] = messages.point(c.Domain, c.Digest)
	}
	return holdTogether(all, hashes, randomWeights(len(all)))
}

// signerSet names a set of signers: keys are told apart by where they lie, which
// groups of one cluster share.
type signerSet struct {
	keys   *PublicKey
	bitmap string
}

// holdTogether says whether e(Σ rᵢσᵢ, G2) is the product over the sets of
// signers of e(Σ rᵢHᵢ, their key).
func holdTogether(all []multiSig, hashes []bls.G1, weights []bls.Fr) bool {
	var sum, term bls.G1
	sum.Clear()
	of := make(map[signerSet]int, len(all)) // → its place in the product
	left, right := make([]bls.G1, 1, 1+len(all)), make([]bls.G2, 1, 1+len(all))
	for i := range all {
		bls.G1Mul(&term, &all[i].sum, &weights[i])
		bls.G1Add(&sum, &sum, &term)
		bls.G1Mul(&term, &hashes[i], &weights[i])
		set := signerSet{&all[i].group.keys[0], all[i].bitmap}
		at, known := of[set]
		if !known {
			key := all[i].group.sumOf(all[i].signers)
			if key.IsZero() {
				return false
			}
			at = len(left)
			of[set] = at
			left, right = append(left, term), append(right, key)
			continue
		}
		bls.G1Add(&left[at], &left[at], &term)
	}
	left[0], right[0] = sum, negG2
	for i := range left {
		bls.G1Normalize(&left[i], &left[i])
	}
	var e bls.GT
	bls.MillerLoopVec(&e, left, right)
	bls.FinalExp(&e, &e)
	return e.IsOne()
}

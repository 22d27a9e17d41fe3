package sigagg

import (
	"crypto/sha256"
	"encoding/binary"
	"math/big"
	"math/rand/v2"
	"testing"

	curve "github.com/consensys/gnark-crypto/ecc/bls12-381"
	"github.com/herumi/bls-eth-go-binary/bls"
)

// cluster is one dealt group with all its signers, for tests.
type cluster struct {
	*Group
	dealing *Dealing
	signers []*Signer
}

// newCluster deals a k-of-n group from a fixed seed.
func newCluster(t testing.TB, k, n int) *cluster { return anotherCluster(t, k, n, 0) }

// anotherCluster deals a group of its own for each which; 0 is newCluster's.
func anotherCluster(t testing.TB, k, n, which int) *cluster {
	t.Helper()
	d, err := Deal(k, n, rand.NewChaCha8(sha256.Sum256([]byte{byte(k), byte(n), byte(which)}[:2+min(which, 1)])))
	if err != nil {
		t.Fatal(err)
	}
	g, err := NewGroup(k, d.Group, d.SharePublics)
	if err != nil {
		t.Fatal(err)
	}
	c := &cluster{Group: g, dealing: d}
	for i, secret := range d.Shares {
		s, err := NewSigner(secret, i)
		if err != nil {
			t.Fatal(err)
		}
		c.signers = append(c.signers, s)
	}
	return c
}

// sign returns the shares of the named signers, in that order.
func (c *cluster) sign(domain Domain, digest [32]byte, signers ...int) []Share {
	shares := make([]Share, 0, len(signers))
	for _, i := range signers {
		shares = append(shares, Share{Signer: i, Sig: c.signers[i].Sign(domain, digest)})
	}
	return shares
}

// firstOf returns 0 … k−1.
func firstOf(k int) []int {
	out := make([]int, k)
	for i := range out {
		out[i] = i
	}
	return out
}

// digestOf returns a digest that differs for different values of i.
func digestOf(i int) [32]byte {
	return sha256.Sum256(binary.LittleEndian.AppendUint64(nil, uint64(i)))
}

// hashed is hashToG1 with strings.
func hashed(msg, dst string) (p bls.G1) {
	hashToG1(&p, []byte(msg), []byte(dst))
	return p
}

// g1Affine returns the 96 bytes of x and y, big-endian.
func g1Affine(p bls.G1) [2 * fpBytes]byte {
	return [2 * fpBytes]byte(p.SerializeUncompressed())
}

// orderThree returns the point (0, 2) of E, whose order is 3: the smallest
// subgroup that a forger can hide a component in.
func orderThree(t testing.TB) (p bls.G1, sig Signature) {
	t.Helper()
	sig[0] = flagCompressed
	if err := decodeG1(&p, sig[:]); err != nil {
		t.Fatal(err)
	}
	return p, sig
}

// plus returns sig + p.
func plus(t testing.TB, sig Signature, p bls.G1) Signature {
	t.Helper()
	var q bls.G1
	if err := decodeG1(&q, sig[:]); err != nil {
		t.Fatal(err)
	}
	bls.G1Add(&q, &q, &p)
	return encodeG1(&q)
}

// gnarkG1 decodes a signature with the other library, subgroup checked.
func gnarkG1(t testing.TB, sig Signature) (p curve.G1Affine) {
	t.Helper()
	if _, err := p.SetBytes(sig[:]); err != nil {
		t.Fatal(err)
	}
	return p
}

// bigOf returns a secret share as an integer.
func bigOf(s SecretShare) *big.Int {
	b := s.Bytes()
	return new(big.Int).SetBytes(b[:])
}

package sigagg

import (
	"encoding/binary"
	"math/big"
	"math/bits"
	"sync"

	"github.com/herumi/bls-eth-go-binary/bls"
)

// smallSignersMax is the largest set for which integer coefficients are tried.
// They fit 63 bits for nearly every set up to this size, and computing them with
// big integers costs less than one use saves; above it sets seldom repeat.
const smallSignersMax = 32

// plan is how to combine the shares of one set of k signers into q(0), in the
// ascending order of their indices. It is immutable once made.
//
// The Lagrange coefficient of signer i at zero is λᵢ = Π xⱼ/(xⱼ−xᵢ) over j ≠ i,
// a fraction of small integers. With D the common denominator, Dλᵢ is an
// integer, for n = 4 of at most four bits, and Σ Dλᵢ·Sᵢ takes a few additions;
// one multiplication by 1/D finishes it, and D is mostly 1. Sets whose integers
// do not fit an int64 use λᵢ mod r and a multi-scalar multiplication.
type plan struct {
	digits [][]int8 // Dλᵢ in non-adjacent form, low digit first, by signer; nil: use scalars
	length int      // of the longest digits
	unit   bool     // D = 1
	invD   bls.Fr   // 1/D mod r if not unit
	scalar []bls.Fr // λᵢ mod r if digits is nil
}

// newPlan returns the plan for signers, distinct zero-based indices below
// SignersMax in ascending order.
func newPlan(signers []int) *plan {
	if len(signers) <= smallSignersMax {
		if coefs, denom, ok := integerLagrange(signers); ok {
			return integerPlan(coefs, denom)
		}
	}
	return &plan{scalar: scalarLagrange(signers)}
}

// integerLagrange returns the integers Dλᵢ and the least D > 0 that makes them
// integers; ok is false if one of them does not fit 62 bits and a sign.
func integerLagrange(signers []int) (coefs []int64, denom int64, ok bool) {
	nums, dens := make([]*big.Int, len(signers)), make([]*big.Int, len(signers))
	lcm, g := big.NewInt(1), new(big.Int)
	for i, si := range signers {
		num, den := big.NewInt(1), big.NewInt(1)
		for j, sj := range signers {
			if j != i {
				num.Mul(num, big.NewInt(int64(sj+1)))
				den.Mul(den, big.NewInt(int64(sj-si)))
			}
		}
		g.GCD(nil, nil, num, new(big.Int).Abs(den))
		nums[i], dens[i] = num.Quo(num, g), den.Quo(den, g)
		g.GCD(nil, nil, lcm, new(big.Int).Abs(dens[i]))
		lcm.Mul(lcm, g.Quo(new(big.Int).Abs(dens[i]), g))
	}
	if lcm.BitLen() > 62 {
		return nil, 0, false
	}
	coefs = make([]int64, len(signers))
	for i := range coefs {
		c := g.Mul(nums[i], lcm)
		c.Quo(c, dens[i])
		if c.BitLen() > 62 {
			return nil, 0, false
		}
		coefs[i] = c.Int64()
	}
	return coefs, lcm.Int64(), true
}

// integerPlan returns the plan of Σ coefs[i]/denom·Sᵢ.
func integerPlan(coefs []int64, denom int64) *plan {
	p := &plan{digits: make([][]int8, len(coefs)), unit: denom == 1}
	for i, c := range coefs {
		p.digits[i] = nonAdjacent(c)
		p.length = max(p.length, len(p.digits[i]))
	}
	if !p.unit {
		p.invD.SetInt64(denom)
		bls.FrInv(&p.invD, &p.invD)
	}
	return p
}

// nonAdjacent returns the non-adjacent form of c, |c| < 2⁶²: digits −1, 0, 1,
// low first, of which at most every second and on average a third is not zero.
func nonAdjacent(c int64) []int8 {
	digits := make([]int8, 0, bits.UintSize)
	for ; c != 0; c >>= 1 {
		d := int8(0)
		if c&1 != 0 {
			d = int8(2 - c&3) // 1 if c ≡ 1, −1 if c ≡ 3 (mod 4)
			c -= int64(d)
		}
		digits = append(digits, d)
	}
	return digits
}

// scalarLagrange returns λᵢ mod r for each signer: λᵢ = X / (xᵢ·Π(xⱼ−xᵢ)) with
// X the product of all x. Small factors are multiplied in a machine word first,
// because a field multiplication costs a call into C.
func scalarLagrange(signers []int) []bls.Fr {
	k := len(signers)
	out := make([]bls.Fr, k)
	var all bls.Fr
	productOf(&all, k, func(j int) int64 { return int64(signers[j] + 1) })
	// Batch inversion: one inversion of the product of all denominators.
	dens, prefix := make([]bls.Fr, k), make([]bls.Fr, k)
	var acc bls.Fr
	acc.SetInt64(1)
	for i, si := range signers {
		productOf(&dens[i], k, func(j int) int64 {
			if j == i {
				return int64(si + 1)
			}
			return int64(signers[j] - si)
		})
		prefix[i] = acc
		bls.FrMul(&acc, &acc, &dens[i])
	}
	bls.FrInv(&acc, &acc)
	bls.FrMul(&acc, &acc, &all)
	for i := k - 1; i >= 0; i-- {
		bls.FrMul(&out[i], &acc, &prefix[i])
		bls.FrMul(&acc, &acc, &dens[i])
	}
	return out
}

// productOf sets x to the product of factor(0) … factor(count−1) mod r; factors
// are not zero and at most SignersMax in size, so that five of them and a sign
// fit an int64.
func productOf(x *bls.Fr, count int, factor func(int) int64) {
	var f bls.Fr
	x.SetInt64(1)
	word := int64(1)
	for j := range count {
		word *= factor(j)
		if j%5 == 4 || j == count-1 {
			f.SetInt64(word)
			bls.FrMul(x, x, &f)
			word = 1
		}
	}
}

// apply sets out to the combination of points, one per signer of the plan in
// its order. Points outside the subgroup give some point of the curve.
func (p *plan) apply(out *bls.G1, points []bls.G1) {
	if p.digits == nil {
		bls.G1MulVec(out, points, p.scalar)
		return
	}
	out.Clear()
	// Straus: all points share the doublings.
	for bit := p.length - 1; bit >= 0; bit-- {
		bls.G1Dbl(out, out)
		for i, digits := range p.digits {
			if bit >= len(digits) || digits[bit] == 0 {
				continue
			}
			if digits[bit] > 0 {
				bls.G1Add(out, out, &points[i])
			} else {
				bls.G1Sub(out, out, &points[i])
			}
		}
	}
	if !p.unit {
		bls.G1Mul(out, out, &p.invD)
	}
}

// planMemoMax is the number of signer sets whose plans are kept per group: all
// sets of every group up to n = 10 (252 at most), and the recent ones above. A
// plan takes at most about 100 bytes a signer.
const planMemoMax = 256

// planMemo keeps the last planMemoMax plans of one group, oldest out first. The
// zero value is ready; it is safe for concurrent use.
type planMemo struct {
	mu    sync.Mutex
	known map[string]*plan
	order [planMemoMax]string // ring of the keys of known, in order of entry
	next  int
}

// of returns the plan for signers, as newPlan takes them.
func (m *planMemo) of(signers []int) *plan {
	var buf [2 * 64]byte
	key := buf[:0]
	for _, s := range signers {
		key = binary.LittleEndian.AppendUint16(key, uint16(s))
	}
	m.mu.Lock()
	p := m.known[string(key)]
	m.mu.Unlock()
	if p != nil {
		return p
	}
	p = newPlan(signers)
	m.mu.Lock()
	defer m.mu.Unlock()
	if known := m.known[string(key)]; known != nil {
		return known
	}
	if m.known == nil {
		m.known = make(map[string]*plan)
	}
	if len(m.known) == planMemoMax {
		delete(m.known, m.order[m.next])
	}
	m.known[string(key)] = p
	m.order[m.next] = string(key)
	m.next = (m.next + 1) % planMemoMax
	return p
}

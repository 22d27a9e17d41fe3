//go:build amd64

package edbatch

import (
	"math/big"
	"math/rand/v2"
	"testing"
)

var bigP, _ = new(big.Int).SetString("7fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffed", 16)

func (l limbs) big() *big.Int {
	v := new(big.Int)
	for i := 4; i >= 0; i-- {
		v.Lsh(v, 51)
		v.Add(v, new(big.Int).SetUint64(l[i]))
	}
	return v.Mod(v, bigP)
}

// hardElement draws limbs up to limit, often ones where carries begin.
func hardElement(rng *rand.Rand, limit uint64) (e element) {
	for i := range 5 {
		for j := range lanes {
			switch rng.IntN(6) {
			case 0:
				e[i][j] = limit - rng.Uint64N(3)
			case 1:
				e[i][j] = rng.Uint64N(3)
			case 2:
				e[i][j] = limbMask - rng.Uint64N(20)
			default:
				e[i][j] = rng.Uint64N(limit + 1)
			}
		}
	}
	return e
}

// Aim: the kernels compute mod p, and what they give may be a factor again (EB4).
// Method: limbs at the ends of their ranges and random ones, against big numbers.
func TestField(t *testing.T) {
	need(t)
	rng := rand.New(rand.NewPCG(1, 2))
	for range 20000 {
		a, b := hardElement(rng, 1<<52-1), hardElement(rng, 1<<52-1)
		var m, s, q, d element
		mul8(&m, &a, &b)
		sqr8(&q, &a, 1)
		add8(&s, &a, &b)
		ra, rb := hardElement(rng, 1<<51+1<<11), hardElement(rng, 1<<51+1<<11)
		sub8(&d, &ra, &rb)
		for i := range lanes {
			check := func(name string, got limbs, want *big.Int) {
				t.Helper()
				for k, limb := range got {
					if limb >= 1<<51+1<<11 {
						t.Fatalf("%s: limb %d is %#x", name, k, limb)
					}
				}
				if want.Mod(want, bigP); got.big().Cmp(want) != 0 {
					t.Fatalf("%s lane %d: got %x, want %x", name, i, got.big(), want)
				}
				enc := got.bytes()
				for x, y := 0, 31; x < y; x, y = x+1, y-1 {
					enc[x], enc[y] = enc[y], enc[x]
				}
				if new(big.Int).SetBytes(enc[:]).Cmp(want) != 0 {
					t.Fatalf("%s lane %d: bytes %x, want %x", name, i, enc, want)
				}
			}
			x, y := a.lane(i).big(), b.lane(i).big()
			check("mul", m.lane(i), new(big.Int).Mul(x, y))
			check("sqr", q.lane(i), new(big.Int).Mul(x, x))
			check("add", s.lane(i), new(big.Int).Add(x, y))
			check("sub", d.lane(i), new(big.Int).Sub(ra.lane(i).big(), rb.lane(i).big()))
		}
	}
}

func BenchmarkField(b *testing.B) {
	need(b)
	rng := rand.New(rand.NewPCG(1, 2))
	x, y := hardElement(rng, 1<<51), hardElement(rng, 1<<51)
	b.Run("mul8", func(b *testing.B) {
		for b.Loop() {
			mul8(&x, &x, &y)
		}
	})
	b.Run("sqr8", func(b *testing.B) {
		for b.Loop() {
			sqr8(&x, &x, 1)
		}
	})
}

//go:build amd64

package edbatch

import (
	"math/big"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/oasisprotocol/curve25519-voi/curve"
	"github.com/oasisprotocol/curve25519-voi/curve/scalar"
)

// bigOf reads a little-endian number.
func bigOf(b []byte) *big.Int {
	b = slices.Clone(b)
	slices.Reverse(b)
	return new(big.Int).SetBytes(b)
}

// Aim: decoding gives the point, and refuses what RFC 8032 refuses. Method: random
// and odd encodings; x and y of what comes out are compared as numbers with the
// encoding and the equation of the curve, and the answer with the library's.
func TestDecode(t *testing.T) {
	need(t)
	rng := rand.New(rand.NewPCG(5, 5))
	var all [][32]byte
	for _, e := range odd(t) {
		all = append(all, e.key, [32]byte(e.sig[:32]))
	}
	for len(all) < 20000 {
		var b [32]byte
		for i := range b {
			b[i] = byte(rng.Uint32())
		}
		all = append(all, b)
	}
	d, half := bigOf([]byte("\xa3\x78\x59\x13\xca\x4d\xeb\x75\xab\xd8\x41\x41\x4d\x0a\x70\x00\x98\xe8\x79\x77\x79\x40\xc7\x8c\x73\xfe\x6f\x2b\xee\x6c\x03\x52")), new(big.Int).ModInverse(big.NewInt(2), bigP)
	points := 0
	for from := 0; from+lanes <= len(all); from += lanes {
		var in [lanes]*[32]byte
		var out [lanes]*affine
		for l := range lanes {
			in[l], out[l] = &all[from+l], new(affine)
		}
		good := decode(&in, &out)
		for l := range lanes {
			y := curve.CompressedEdwardsY(*in[l])
			_, err := new(curve.EdwardsPoint).SetCompressedY(&y)
			if want := err == nil && y.IsCanonicalVartime(); want != (good>>l&1 == 1) {
				t.Fatalf("%x: decoded is %v, the library says %v", *in[l], !want, want)
			} else if !want {
				continue
			}
			points++
			plus, minus := out[l].plus.big(), out[l].minus.big()
			mod := func(v *big.Int) *big.Int { return v.Mod(v, bigP) }
			gotY := mod(new(big.Int).Mul(new(big.Int).Add(plus, minus), half))
			gotX := mod(new(big.Int).Mul(new(big.Int).Sub(plus, minus), half))
			enc := *in[l]
			sign := uint(enc[31] >> 7)
			enc[31] &= 0x7f
			if gotY.Cmp(bigOf(enc[:])) != 0 || gotX.Bit(0) != sign {
				t.Fatalf("%x: x %x, y %x", *in[l], gotX, gotY)
			}
			xx, yy := mod(new(big.Int).Mul(gotX, gotX)), mod(new(big.Int).Mul(gotY, gotY))
			right := mod(new(big.Int).Add(big.NewInt(1), new(big.Int).Mul(d, mod(new(big.Int).Mul(xx, yy)))))
			if mod(new(big.Int).Sub(yy, xx)).Cmp(right) != 0 {
				t.Fatalf("%x is not on the curve", *in[l])
			}
			product := mod(new(big.Int).Mul(mod(new(big.Int).Mul(gotX, gotY)), mod(new(big.Int).Lsh(d, 1))))
			if out[l].product.big().Cmp(product) != 0 || mod(new(big.Int).Add(product, out[l].negProduct.big())).Sign() != 0 {
				t.Fatalf("%x: 2dxy is wrong", *in[l])
			}
		}
	}
	if points < 9000 {
		t.Errorf("only %d points", points)
	}
}

// Aim: the sum of products is the library's, for every width. Method: random
// points, the eight of small order among them, and scalars at the ends of their
// ranges and of digits; compared as encodings.
func TestSum(t *testing.T) {
	need(t)
	rng := rand.New(rand.NewPCG(6, 6))
	order := new(big.Int).Add(new(big.Int).Lsh(big.NewInt(1), 252), bigOf([]byte("\xed\xd3\xf5\x5c\x1a\x63\x12\x58\xd6\x9c\xf7\xa2\xde\xf9\xde\x14")))
	draw := func(bits uint) (out [32]byte) {
		v := new(big.Int)
		top := new(big.Int).Lsh(big.NewInt(1), bits)
		switch rng.IntN(8) {
		case 0:
		case 1:
			v.SetInt64(1)
		case 2:
			v.Sub(top, big.NewInt(1))
		case 3, 4: // digits at the turn from positive to negative
			for i := uint(0); i < bits; i += 4 {
				v.Add(v, new(big.Int).Lsh(big.NewInt(7+rng.Int64N(2)), i))
			}
		default:
			for range 4 {
				v.Lsh(v, 64)
				v.Add(v, new(big.Int).SetUint64(rng.Uint64()))
			}
		}
		v.Mod(v, top)
		v.Mod(v, order)
		v.FillBytes(out[:])
		slices.Reverse(out[:])
		return out
	}
	small := torsion(t)
	m := newMultiplier()
	for round := range 60 {
		var x terms
		x.resize(rng.IntN(30), rng.IntN(30))
		var points []*curve.EdwardsPoint
		var scalars []*scalar.Scalar
		fill := func(to []affine, with [][32]byte, bits uint) {
			encoded := make([][32]byte, len(to))
			for i := range to {
				var p curve.EdwardsPoint
				r, _ := scalar.NewFromBytesModOrderWide(func() []byte { a, b := draw(253), draw(253); return append(a[:], b[:]...) }())
				p.MulBasepoint(curve.ED25519_BASEPOINT_TABLE, r)
				if rng.IntN(3) == 0 {
					p.Add(&p, &small[rng.IntN(8)])
				}
				var y curve.CompressedEdwardsY
				y.SetEdwardsPoint(&p)
				encoded[i], with[i] = y, draw(bits)
				s, err := scalar.NewFromCanonicalBytes(with[i][:])
				if err != nil {
					t.Fatal(err)
				}
				points, scalars = append(points, &p), append(scalars, s)
			}
			if !decodeEach(to, func(i int) *[32]byte { return &encoded[i] }) {
				t.Fatal("a point is not decoded")
			}
		}
		fill(x.short, x.shortScalars, shortBits)
		fill(x.long, x.longScalars, longBits)
		var want curve.CompressedEdwardsY
		want.SetEdwardsPoint(new(curve.EdwardsPoint).MultiscalarMulVartime(scalars, points))
		for _, window := range windows {
			if got := m.sum(&x, window).encode(); got != want {
				t.Fatalf("round %d, window %d, %d and %d points: %x, want %x", round, window, len(x.short), len(x.long), got, want)
			}
		}
	}
}

// Aim: digits are in range and add up to the scalar. Method: random scalars and
// those at the ends, recombined as numbers.
func TestRecode(t *testing.T) {
	rng := rand.New(rand.NewPCG(8, 8))
	for i := range 3000 {
		var s [32]byte
		for j := range s {
			switch i % 3 {
			case 0:
				s[j] = byte(rng.Uint32())
			case 1:
				s[j] = 0xff
			case 2:
				s[j] = byte([]uint8{0x7f, 0x80, 0x88, 0x77, 0x20, 0x1f}[rng.IntN(6)])
			}
		}
		s[31] &= 0x1f
		for _, w := range windows {
			rows := make([]*digits, sets(longBits, w))
			for k := range rows {
				rows[k] = new(digits)
			}
			recode(&s, w, rows)
			got := new(big.Int)
			for k := len(rows)*lanes - 1; k >= 0; k-- {
				row, l := rows[k/lanes], k%lanes
				v := int64(row.bucket[l])
				if v > 1<<(w-1) {
					t.Fatalf("digit %d of width %d", v, w)
				}
				if row.negative>>l&1 == 1 {
					v = -v
				}
				got.Add(got.Lsh(got, uint(w)), big.NewInt(v))
			}
			if got.Cmp(bigOf(s[:])) != 0 {
				t.Fatalf("%x in digits of %d bits is %x", s, w, got)
			}
		}
	}
}

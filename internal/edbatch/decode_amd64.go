package edbatch

import "encoding/hex"

// Constants of the curve -x² + y² = 1 + d x² y² (RFC 8032, 5.1).
var (
	curveD    = limbsOf("a3785913ca4deb75abd841414d0a700098e879777940c78c73fe6f2bee6c0352")
	rootMinus = limbsOf("b0a00e4a271beec478e42fad0618432fa7d7fb3d99004d2b0bdfc14f8024832b")
	one8      = broadcast(limbs{1})
	zero8     element
	curveD8   = broadcast(curveD)
	twoD8     = broadcast(limbsOf("59f1b226949bd6eb56b183829a14e00030d1f3eef2808e19e7fcdf56dcd90624"))
	root8     = broadcast(rootMinus)
)

func limbsOf(hexBytes string) (l limbs) {
	raw, err := hex.DecodeString(hexBytes)
	if err != nil || len(raw) != 32 {
		panic("edbatch: a constant is no number of 32 bytes")
	}
	l.setBytes((*[32]byte)(raw))
	return l
}

// pow2p252m3 gives a^(2^252-3) = a^((p-5)/8), by 252 squarings and 11 products.
func pow2p252m3(out, a *element) {
	var a2, a9, a11, x5, x10, x20, x50, x100, t element
	sqr8(&a2, a, 1)
	sqr8(&t, &a2, 2)
	mul8(&a9, &t, a)
	mul8(&a11, &a9, &a2)
	sqr8(&t, &a11, 1)
	mul8(&x5, &t, &a9) // a^(2^5-1)
	sqr8(&t, &x5, 5)
	mul8(&x10, &t, &x5)
	sqr8(&t, &x10, 10)
	mul8(&x20, &t, &x10)
	sqr8(&t, &x20, 20)
	mul8(&t, &t, &x20)
	sqr8(&t, &t, 10)
	mul8(&x50, &t, &x10)
	sqr8(&t, &x50, 50)
	mul8(&x100, &t, &x50)
	sqr8(&t, &x100, 100)
	mul8(&t, &t, &x100)
	sqr8(&t, &t, 50)
	mul8(&t, &t, &x50)
	sqr8(&t, &t, 2)
	mul8(out, &t, a)
}

// invert gives 1/a = a^(p-2), and 0 for 0.
func invert(out, a *element) {
	var t, a3 element
	sqr8(&t, a, 1)
	mul8(&a3, &t, a)
	pow2p252m3(&t, a) // a^(2^252-3)
	sqr8(&t, &t, 3)   // a^(2^255-24)
	mul8(out, &t, &a3)
}

// decode reads eight encoded points. It gives the lanes, as bits, whose encoding is
// canonical and a point of the curve; what is in the others means nothing.
func decode(encoded *[lanes]*[32]byte, out *[lanes]*affine) (good uint8) {
	var y, y2, u, v, x, vxx, t, w element
	var signs uint8
	for i, e := range encoded {
		var l limbs
		l.setBytes(e)
		y.setLane(i, &l)
		signs |= e[31] >> 7 << i
		canonical := l.bytes()
		canonical[31] |= e[31] & 0x80
		if canonical == *e {
			good |= 1 << i
		}
	}
	// x² = u/v with u = y²-1 and v = dy²+1; a root is uv³(uv⁷)^((p-5)/8), or that
	// times the root of -1 (RFC 8032, 5.1.3).
	sqr8(&y2, &y, 1)
	sub8(&u, &y2, &one8)
	mul8(&v, &y2, &curveD8)
	add8(&v, &v, &one8)
	sqr8(&t, &v, 1)
	mul8(&t, &t, &v) // v³
	mul8(&w, &t, &u) // uv³
	sqr8(&t, &t, 1)
	mul8(&t, &t, &v)
	mul8(&t, &t, &u) // uv⁷
	pow2p252m3(&t, &t)
	mul8(&x, &t, &w)
	sqr8(&vxx, &x, 1)
	mul8(&vxx, &vxx, &v)
	sub8(&t, &vxx, &u)
	plain := t.zeroLanes()
	add8(&t, &vxx, &u)
	turned := t.zeroLanes()
	mul8(&t, &x, &root8)
	for i := range lanes {
		if turned&^plain>>i&1 == 1 {
			l := t.lane(i)
			x.setLane(i, &l)
		}
	}
	good &= plain | turned

	var neg element
	sub8(&neg, &zero8, &x)
	for i := range lanes {
		l := x.lane(i)
		b := l.bytes()
		if b == ([32]byte{}) && signs>>i&1 == 1 {
			good &^= 1 << i // minus zero
		}
		if b[0]&1 != signs>>i&1 {
			l = neg.lane(i)
			x.setLane(i, &l)
		}
	}
	var plus, minus, product, negProduct element
	add8(&plus, &y, &x)
	sub8(&minus, &y, &x)
	mul8(&product, &x, &y)
	mul8(&product, &product, &twoD8)
	sub8(&negProduct, &zero8, &product)
	for i, a := range out {
		*a = affine{plus.lane(i), minus.lane(i), product.lane(i), negProduct.lane(i)}
	}
	return good
}

// encode gives the compressed form of the point in lane 0. It is defined for
// points of the curve; for what is none (Z = 0) it gives the encoding of y = 0.
func (p *points) encode() (b [32]byte) {
	var z, x, y element
	invert(&z, &p.Z)
	mul8(&x, &p.X, &z)
	mul8(&y, &p.Y, &z)
	b = y.lane(0).bytes()
	b[31] |= x.lane(0).bytes()[0] & 1 << 7
	return b
}

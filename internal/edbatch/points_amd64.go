package edbatch

import "unsafe"

// points is one point of the curve in each lane, in extended coordinates:
// x = X/Z, y = Y/Z, xy = T/Z.
type points struct{ X, Y, Z, T element }

// scratch is the working memory of the kernels, which know its layout: a point and
// the terms A to H of the formulas, which only they use.
type scratch struct {
	_    points
	_    [8]element
	twoD element // 2d in every lane
}

// affine is a point that is added to many: y+x, y-x, 2dxy and -2dxy, reduced.
type affine struct{ plus, minus, product, negProduct limbs }

// digits are a scalar's digits for one set of buckets: in each lane the bucket,
// and a bit that says whether the digit is negative.
type digits struct {
	bucket   [lanes]uint8
	negative uint8
	_        [7]uint8
}

// bucketsMax is how many buckets a lane has room for; those of digit 0 are there
// too, and are not read.
const bucketsMax = 129

// bucket is a point in extended coordinates, three cache lines: the five limbs each
// of X, Y, Z and T, and four words of nothing.
type bucket [24]uint64

// empty is the neutral element.
var empty = bucket{5: 1, 10: 1}

// buckets are those of each lane.
type buckets [lanes][bucketsMax]bucket

// The kernels count on these sizes.
var (
	_ [1280]byte  = [unsafe.Sizeof(points{})]byte{}
	_ [4160]byte  = [unsafe.Sizeof(scratch{})]byte{}
	_ [160]byte   = [unsafe.Sizeof(affine{})]byte{}
	_ [16]byte    = [unsafe.Sizeof(digits{})]byte{}
	_ [24768]byte = [unsafe.Sizeof([bucketsMax]bucket{})]byte{}
)

//go:noescape
func addPoints8(out, a, b *points, s *scratch)

// doublePoints8 doubles p times times, at least once.
//
//go:noescape
func doublePoints8(p *points, times int, s *scratch)

// accumulate8 adds each of n points, or its negative, to the bucket of its digit
// in every lane.
//
//go:noescape
func accumulate8(b *buckets, p *affine, d *digits, n int, s *scratch)

// loadBuckets8 gives one bucket of each lane.
//
//go:noescape
func loadBuckets8(out *points, b *buckets, index int)

// identity is the neutral element in each lane.
func identity() points { return points{Y: broadcast(limbs{1}), Z: broadcast(limbs{1})} }

// clear empties the buckets 0 to n-1 of each lane.
func (b *buckets) clear(n int) {
	for l := range b {
		row := b[l][:n]
		for i := range row {
			row[i] = empty
		}
	}
}

// sum gives in each lane the sum of bucket i times i, for i from 1 to n.
func (b *buckets) sum(out *points, n int, s *scratch) {
	run := identity()
	*out = identity()
	var next points
	for i := n; i > 0; i-- {
		loadBuckets8(&next, b, i)
		addPoints8(&run, &run, &next, s)
		addPoints8(out, out, &run, s)
	}
}

// aligned gives memory for a T at a multiple of a cache line, so that no register
// is loaded from two.
func aligned[T any]() *T {
	const line = 64
	var t T
	raw := make([]byte, int(unsafe.Sizeof(t))+line)
	off := -uintptr(unsafe.Pointer(&raw[0])) % line
	return (*T)(unsafe.Pointer(&raw[off]))
}

package edbatch

import "encoding/binary"

// windows are the widths of a digit, bits, that a sum may be taken with.
var windows = [...]int{4, 6, 8}

// Scalars are below 2 to the power of these.
const (
	shortBits = 126
	longBits  = 253
)

// sets gives how many sets of eight windows a scalar of that many bits has, the
// carry of the last digit included.
func sets(scalarBits, window int) int {
	digitsOf := (scalarBits + 1 + window - 1) / window
	return (digitsOf + lanes - 1) / lanes
}

// chooseWindow gives the width with the least additions for so many points with
// short and long scalars.
func chooseWindow(short, long int) int {
	best, least := 0, 0
	for _, w := range windows {
		cost := sets(shortBits, w)*short + sets(longBits, w)*(long+2<<(w-1))
		if best == 0 || cost < least {
			best, least = w, cost
		}
	}
	return best
}

// terms are points and what they are multiplied with, little-endian: scalars below
// 2^126, and those below 2^253.
type terms struct {
	short, long               []affine
	shortScalars, longScalars [][32]byte
}

// resize makes room; what is in it means nothing.
func (t *terms) resize(short, long int) {
	t.short, t.shortScalars = resize(t.short, short), resize(t.shortScalars, short)
	t.long, t.longScalars = resize(t.long, long), resize(t.longScalars, long)
}

// resize gives a slice of n elements, of the old memory if that is enough.
func resize[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n+n/4)[:n]
	}
	return s[:n]
}

// recode writes the signed digits of a scalar, lowest first: into rows[set] those
// of one set of eight windows. Digits are in -2^(w-1) to 2^(w-1).
func recode(scalar *[32]byte, window int, rows []*digits) {
	var padded [48]byte
	copy(padded[:], scalar[:])
	mask, half := uint64(1)<<window-1, uint64(1)<<(window-1)
	carry, bit := uint64(0), 0
	for _, row := range rows {
		row.negative = 0
		for l := range lanes {
			v := binary.LittleEndian.Uint64(padded[bit>>3:])>>(bit&7)&mask + carry
			bit += window
			carry = (half - v) >> 63 // v > half
			neg := -carry
			v = (v ^ neg) + carry + neg&(mask+1) // carry: 2^w - v
			row.bucket[l] = uint8(v)
			row.negative |= uint8(carry) << l
		}
	}
}

// multiplier takes sums of products by Pippenger's buckets, with a window of the
// scalar in each lane: eight windows of all scalars are one set. It is its memory.
type multiplier struct {
	buckets *buckets
	scratch *scratch
	total   *points
	part    *points
	moved   *points
	rows    [][]digits // by set, then by point
	in      []*digits
}

func newMultiplier() *multiplier {
	m := &multiplier{
		buckets: aligned[buckets](), scratch: aligned[scratch](),
		total: aligned[points](), part: aligned[points](), moved: aligned[points](),
	}
	m.scratch.twoD = twoD8
	return m
}

// sum gives the sum of all points times their scalars, in lane 0.
func (m *multiplier) sum(t *terms, window int) *points {
	shortSets, longSets := sets(shortBits, window), sets(longBits, window)
	m.recodeAll(t, shortSets, longSets, window)
	*m.total = identity()
	for set := longSets - 1; set >= 0; set-- {
		if set < longSets-1 {
			doublePoints8(m.total, lanes*window, m.scratch)
		}
		m.buckets.clear(1<<(window-1) + 1)
		if set < shortSets && len(t.short) > 0 {
			accumulate8(m.buckets, &t.short[0], &m.rows[set][0], len(t.short), m.scratch)
		}
		if len(t.long) > 0 {
			accumulate8(m.buckets, &t.long[0], &m.rows[set][len(t.short)], len(t.long), m.scratch)
		}
		m.buckets.sum(m.part, 1<<(window-1), m.scratch)
		addPoints8(m.total, m.total, m.part, m.scratch)
	}
	// Lane l counts 2^(l*window) times.
	for half := lanes / 2; half > 0; half /= 2 {
		m.total.shift(m.moved, half)
		doublePoints8(m.moved, half*window, m.scratch)
		addPoints8(m.total, m.total, m.moved, m.scratch)
	}
	return m.total
}

// recodeAll writes all scalars into rows: of a set, those of short points first.
func (m *multiplier) recodeAll(t *terms, shortSets, longSets, window int) {
	for len(m.rows) < longSets {
		m.rows, m.in = append(m.rows, nil), append(m.in, nil)
	}
	for set := range longSets {
		m.rows[set] = resize(m.rows[set], len(t.short)+len(t.long))
	}
	row := func(i, to int) []*digits {
		for set := range to {
			m.in[set] = &m.rows[set][i]
		}
		return m.in[:to]
	}
	for i := range t.shortScalars {
		recode(&t.shortScalars[i], window, row(i, shortSets))
	}
	for i := range t.longScalars {
		recode(&t.longScalars[i], window, row(len(t.short)+i, longSets))
	}
}

// shift puts lane l+by of p into lane l of out, and the neutral element where
// there is none.
func (p *points) shift(out *points, by int) {
	*out = identity()
	from := [4]*element{&p.X, &p.Y, &p.Z, &p.T}
	for i, to := range [4]*element{&out.X, &out.Y, &out.Z, &out.T} {
		for l := range lanes - by {
			v := from[i].lane(l + by)
			to.setLane(l, &v)
		}
	}
}

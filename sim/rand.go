package sim

import "math/bits"

// stream is one subsystem's source of chance (splitmix64). Each subsystem has
// its own, so that one kind of fault can be switched off without shifting the
// draws of the others.
type stream uint64

func newStream(seed uint64, name string) stream {
	h := seed ^ 0x51ed270b
	for i := range len(name) {
		h = mix(h ^ uint64(name[i]))
	}
	return stream(h)
}

// keyedStream is a source of chance for one thing with a number, which no other
// thing can shift.
func keyedStream(seed uint64, name string, a, b uint64) stream {
	h := hash(newStream(seed, name))
	h.add(a)
	h.add(b)
	return stream(h)
}

// mix is splitmix64's finalizer.
func mix(x uint64) uint64 {
	x ^= x >> 30
	x *= 0xbf58476d1ce4e5b9
	x ^= x >> 27
	x *= 0x94d049bb133111eb
	return x ^ x>>31
}

func (r *stream) next() uint64 {
	*r += 0x9e3779b97f4a7c15
	return mix(uint64(*r))
}

// below gives a number in [0, n); 0 for n ≤ 0.
func (r *stream) below(n int) int {
	if n <= 0 {
		return 0
	}
	return int(r.next() % uint64(n))
}

// between gives a number from low to high, both included.
func (r *stream) between(low, high int) int { return low + r.below(high-low+1) }

// chance is true in p of 1000 cases.
func (r *stream) chance(p int) bool { return p > 0 && r.below(1000) < p }

// zipf gives a number in [0, n) in which small ones are frequent: the square of
// the square, since floats have no place where runs must be equal everywhere.
func (r *stream) zipf(n int) int {
	x := uint64(r.below(1 << 16))
	x = x * x >> 16
	x = x * x >> 16
	return int(x * uint64(n) >> 16)
}

// span is a range of delays, microseconds, both ends included.
type span struct{ low, high int }

func (s span) draw(r *stream) uint64 { return uint64(r.between(s.low, s.high)) }

// exponential gives a value of the span that is small far more often than large:
// a distance from the low end whose mean is a fifth of the width. ln 2 of it per
// coin that falls heads, and evenly in between: floats have no place here.
func (s span) exponential(r *stream) uint64 {
	x := r.next()
	heads := bits.TrailingZeros64(x | 1<<16)
	part := int(x >> 32 & 1023)
	mean := (s.high - s.low) / 5
	return uint64(min(s.high, s.low+mean*(heads*1024+part)/1024*693/1000))
}

// hash is a running 64-bit digest of a run.
type hash uint64

func (h *hash) add(v uint64) { *h = hash(mix(uint64(*h)*0x9e3779b97f4a7c15 + v)) }

// bytes adds b in words.
func (h *hash) bytes(b []byte) {
	h.add(uint64(len(b)))
	for len(b) >= 8 {
		h.add(uint64(b[0]) | uint64(b[1])<<8 | uint64(b[2])<<16 | uint64(b[3])<<24 |
			uint64(b[4])<<32 | uint64(b[5])<<40 | uint64(b[6])<<48 | uint64(b[7])<<56)
		b = b[8:]
	}
	for _, c := range b {
		h.add(uint64(c))
	}
}

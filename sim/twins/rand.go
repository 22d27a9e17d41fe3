package twins

import "encoding/binary"

// stream is the source of chance (splitmix64); 0 draws nothing.
type stream uint64

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

// below gives a number in [0, n).
func (r *stream) below(n int) int { return int(r.next() % uint64(n)) }

// digest is a 64-bit digest of b: it tells states apart, it guards nothing.
func digest(b []byte) uint64 {
	h := uint64(len(b))
	for ; len(b) >= 8; b = b[8:] {
		h = mix(h*0x9e3779b97f4a7c15 + binary.LittleEndian.Uint64(b))
	}
	for _, c := range b {
		h = mix(h*0x9e3779b97f4a7c15 + uint64(c))
	}
	return h
}

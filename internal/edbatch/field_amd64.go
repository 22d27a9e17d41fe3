package edbatch

import (
	"encoding/binary"
)

// lanes is how many numbers a register holds.
const lanes = 8

// element is a number mod 2^255-19 in each of eight lanes: five limbs of 51 bits,
// the lowest first. Limbs of a factor must be below 2^52, those of a result are
// below 2^51 + 2^11; every value has several such forms.
type element [5][lanes]uint64

const limbMask = 1<<51 - 1

//go:noescape
func mul8(out, a, b *element)

// sqr8 squares a times times, at least once.
//
//go:noescape
func sqr8(out, a *element, times int)

//go:noescape
func add8(out, a, b *element)

//go:noescape
func sub8(out, a, b *element)

// limbs is one lane of an element.
type limbs [5]uint64

// setBytes reads the low 255 bits of a little-endian number.
func (l *limbs) setBytes(b *[32]byte) {
	l[0] = binary.LittleEndian.Uint64(b[0:]) & limbMask
	l[1] = binary.LittleEndian.Uint64(b[6:]) >> 3 & limbMask
	l[2] = binary.LittleEndian.Uint64(b[12:]) >> 6 & limbMask
	l[3] = binary.LittleEndian.Uint64(b[19:]) >> 1 & limbMask
	l[4] = binary.LittleEndian.Uint64(b[24:]) >> 12 & limbMask
}

// bytes gives the number's one canonical form, little-endian; the top bit is 0.
func (l limbs) bytes() (b [32]byte) {
	l.freeze()
	binary.LittleEndian.PutUint64(b[0:], l[0]|l[1]<<51)
	binary.LittleEndian.PutUint64(b[8:], l[1]>>13|l[2]<<38)
	binary.LittleEndian.PutUint64(b[16:], l[2]>>26|l[3]<<25)
	binary.LittleEndian.PutUint64(b[24:], l[3]>>39|l[4]<<12)
	return b
}

// carry brings every limb to 51 bits but for the lowest, which may be 19 above.
func (l *limbs) carry() {
	for i := range 4 {
		l[i+1] += l[i] >> 51
		l[i] &= limbMask
	}
	l[0] += 19 * (l[4] >> 51)
	l[4] &= limbMask
}

// freeze brings a number into 0 to p-1.
func (l *limbs) freeze() {
	l.carry()
	l.carry()
	// Now it is below 2^255 + 19. It is p or more if adding 19 reaches 2^255.
	over := (l[0] + 19) >> 51
	for i := 1; i < 5; i++ {
		over = (l[i] + over) >> 51
	}
	l[0] += 19 * over
	for i := range 4 {
		l[i+1] += l[i] >> 51
		l[i] &= limbMask
	}
	l[4] &= limbMask
}

// isZero reports whether the number is 0 mod p.
func (l limbs) isZero() bool {
	l.freeze()
	return l[0]|l[1]|l[2]|l[3]|l[4] == 0
}

// lane takes one lane out of an element.
func (e *element) lane(i int) limbs {
	return limbs{e[0][i], e[1][i], e[2][i], e[3][i], e[4][i]}
}

// setLane puts a number into one lane.
func (e *element) setLane(i int, l *limbs) {
	e[0][i], e[1][i], e[2][i], e[3][i], e[4][i] = l[0], l[1], l[2], l[3], l[4]
}

// broadcast puts a number into every lane.
func broadcast(l limbs) (e element) {
	for i := range lanes {
		e.setLane(i, &l)
	}
	return e
}

// zeroLanes gives the lanes in which the number is 0 mod p, as bits.
func (e *element) zeroLanes() (mask uint8) {
	for i := range lanes {
		if e.lane(i).isZero() {
			mask |= 1 << i
		}
	}
	return mask
}

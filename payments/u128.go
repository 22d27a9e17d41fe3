package payments

import (
	"encoding/binary"
	"fmt"
	"math/bits"
)

// U128 is an unsigned 128-bit integer: an id or an amount. The zero value is 0.
type U128 struct {
	Lo, Hi uint64
}

// u128Bytes is the size of an encoded U128, little-endian.
const u128Bytes = 16

// MaxU128 is 2^128 − 1.
var MaxU128 = U128{Lo: ^uint64(0), Hi: ^uint64(0)}

// U64 widens v.
func U64(v uint64) U128 { return U128{Lo: v} }

// IsZero reports whether a is 0.
func (a U128) IsZero() bool { return a.Lo|a.Hi == 0 }

// IsMax reports whether a is 2^128 − 1.
func (a U128) IsMax() bool { return a.Lo&a.Hi == ^uint64(0) }

// Less reports whether a < b.
func (a U128) Less(b U128) bool {
	_, borrow := bits.Sub64(a.Lo, b.Lo, 0)
	_, borrow = bits.Sub64(a.Hi, b.Hi, borrow)
	return borrow != 0
}

// Cmp gives −1, 0 or 1 as a is less than, equal to or greater than b.
func (a U128) Cmp(b U128) int {
	switch {
	case a == b:
		return 0
	case a.Less(b):
		return -1
	}
	return 1
}

// Add gives a + b modulo 2^128 and whether the true sum did not fit.
func (a U128) Add(b U128) (sum U128, overflow bool) {
	var carry uint64
	sum.Lo, carry = bits.Add64(a.Lo, b.Lo, 0)
	sum.Hi, carry = bits.Add64(a.Hi, b.Hi, carry)
	return sum, carry != 0
}

// Sub gives a − b modulo 2^128 and whether b was greater than a.
func (a U128) Sub(b U128) (diff U128, underflow bool) {
	var borrow uint64
	diff.Lo, borrow = bits.Sub64(a.Lo, b.Lo, 0)
	diff.Hi, borrow = bits.Sub64(a.Hi, b.Hi, borrow)
	return diff, borrow != 0
}

// SubFloor gives a − b, or 0 when b is greater.
func (a U128) SubFloor(b U128) U128 {
	d, under := a.Sub(b)
	if under {
		return U128{}
	}
	return d
}

// minU128 gives the smaller of a and b.
func minU128(a, b U128) U128 {
	if a.Less(b) {
		return a
	}
	return b
}

func getU128(b []byte) U128 {
	_ = b[15]
	return U128{Lo: binary.LittleEndian.Uint64(b), Hi: binary.LittleEndian.Uint64(b[8:])}
}

func putU128(b []byte, v U128) {
	_ = b[15]
	binary.LittleEndian.PutUint64(b, v.Lo)
	binary.LittleEndian.PutUint64(b[8:], v.Hi)
}

// decimalStep is the largest power of ten in a uint64: String and ParseU128 go
// in steps of its 19 digits.
const (
	decimalStep       = 10_000_000_000_000_000_000
	decimalStepDigits = 19
	decimalDigitsMax  = 39 // of 2^128 − 1
)

// String gives the decimal digits.
func (a U128) String() string {
	if a.Hi == 0 {
		return fmt.Sprintf("%d", a.Lo)
	}
	// Two divisions: the quotient of the first is below 2^65, of the second
	// below 20.
	hi, rem := a.Hi/decimalStep, a.Hi%decimalStep
	lo, low := bits.Div64(rem, a.Lo, decimalStep)
	if hi == 0 && lo < decimalStep {
		return fmt.Sprintf("%d%019d", lo, low)
	}
	top, mid := bits.Div64(hi, lo, decimalStep)
	return fmt.Sprintf("%d%019d%019d", top, mid, low)
}

// ParseU128 reads decimal digits, at least one, nothing else.
func ParseU128(s string) (U128, error) {
	if len(s) == 0 || len(s) > decimalDigitsMax {
		return U128{}, fmt.Errorf("%w: %.45q is not a number below 2^128", ErrMalformed, s)
	}
	var v U128
	for i := 0; i < len(s); i++ {
		if s[i] < '0' || s[i] > '9' {
			return U128{}, fmt.Errorf("%w: %q is not a decimal number", ErrMalformed, s)
		}
		hi, lo := bits.Mul64(v.Lo, 10)
		over, top := bits.Mul64(v.Hi, 10)
		top, carry := bits.Add64(top, hi, 0)
		sum, overflow := U128{Lo: lo, Hi: top}.Add(U64(uint64(s[i] - '0')))
		if over|carry != 0 || overflow {
			return U128{}, fmt.Errorf("%w: %q is not below 2^128", ErrMalformed, s)
		}
		v = sum
	}
	return v, nil
}

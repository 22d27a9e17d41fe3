package wire

import (
	"encoding/binary"
	"errors"
	"fmt"

	"quorate/internal/plant"
)

// ErrMalformed is what every decoder returns, wrapped with the place, for bytes
// that are not the canonical encoding of a value.
var ErrMalformed = errors.New("wire: malformed")

func putUint64(b []byte, v uint64) { binary.LittleEndian.PutUint64(b, v) }

// Appending helpers: encoders are chains of these.

func appendU8(b []byte, v uint8) []byte   { return append(b, v) }
func appendU16(b []byte, v uint16) []byte { return binary.LittleEndian.AppendUint16(b, v) }
func appendU32(b []byte, v uint32) []byte { return binary.LittleEndian.AppendUint32(b, v) }
func appendU64(b []byte, v uint64) []byte { return binary.LittleEndian.AppendUint64(b, v) }

// appendBytes appends a u32 length and the bytes.
func appendBytes(b, v []byte) []byte { return append(appendU32(b, uint32(len(v))), v...) }

func appendBool(b []byte, v bool) []byte {
	if v {
		return append(b, 1)
	}
	return append(b, 0)
}

// reader consumes canonical bytes. The first fault sticks; each later read
// gives zero values, so that decoders need one check at their end.
type reader struct {
	rest []byte
	err  error
}

func (r *reader) fail(what string) {
	if r.err == nil {
		r.err = fmt.Errorf("%w: %s", ErrMalformed, what)
	}
	r.rest = nil
}

// take gives the next n bytes, aliasing the input.
func (r *reader) take(n int, what string) []byte {
	if n < 0 || len(r.rest) < n {
		r.fail(what + " is cut short")
		return nil
	}
	out := r.rest[:n:n]
	r.rest = r.rest[n:]
	return out
}

func (r *reader) u8(what string) uint8 {
	if b := r.take(1, what); b != nil {
		return b[0]
	}
	return 0
}

func (r *reader) u16(what string) uint16 {
	if b := r.take(2, what); b != nil {
		return binary.LittleEndian.Uint16(b)
	}
	return 0
}

func (r *reader) u32(what string) uint32 {
	if b := r.take(4, what); b != nil {
		return binary.LittleEndian.Uint32(b)
	}
	return 0
}

func (r *reader) u64(what string) uint64 {
	if b := r.take(8, what); b != nil {
		return binary.LittleEndian.Uint64(b)
	}
	return 0
}

func (r *reader) bool(what string) bool {
	v := r.u8(what)
	if v > 1 {
		r.fail(what + " is not 0 or 1")
	}
	return v == 1
}

func (r *reader) digest(what string) (d Digest) {
	copy(d[:], r.take(DigestBytes, what))
	return d
}

func (r *reader) signature(what string) (s Signature) {
	copy(s[:], r.take(SignatureBytes, what))
	return s
}

// bytes reads a u32 length of at most max and that many bytes.
func (r *reader) bytes(max int, what string) []byte {
	n := r.u32(what)
	if uint64(n) > uint64(max) {
		r.fail(fmt.Sprintf("%s of %d bytes is over %d", what, n, max))
		return nil
	}
	return r.take(int(n), what)
}

// count reads a u32 of at most max, and refuses one that the rest of the input
// cannot hold at min bytes each, so that no count makes a caller allocate more
// than the input's own size.
func (r *reader) count(max, minBytes int, what string) int {
	n := r.u32(what)
	if uint64(n) > uint64(max) || uint64(n)*uint64(minBytes) > uint64(len(r.rest)) {
		r.fail(fmt.Sprintf("count %d of %s is out of range", n, what))
		return 0
	}
	return int(n)
}

// end returns the first fault, or a fault when bytes are left over.
func (r *reader) end() error {
	if r.err == nil && len(r.rest) != 0 && !plant.On(plant.TrailingBytes) {
		r.fail(fmt.Sprintf("%d trailing bytes", len(r.rest)))
	}
	return r.err
}

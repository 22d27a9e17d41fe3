package edbatch

import (
	"bytes"
	crand "crypto/rand"
	"crypto/sha512"
	"encoding/binary"
	"math/rand/v2"

	"github.com/oasisprotocol/curve25519-voi/curve"
	"github.com/oasisprotocol/curve25519-voi/curve/scalar"
	"golang.org/x/sys/cpu"
)

// Available reports whether this processor and its operating system have what the
// kernels need.
func Available() bool {
	x := &cpu.X86
	return x.HasAVX512F && x.HasAVX512BW && x.HasAVX512DQ && x.HasAVX512VL && x.HasAVX512IFMA
}

// Batch collects signatures. It is used by one goroutine at a time and keeps its
// memory from one batch to the next.
type Batch struct {
	bad bool // nothing can make the answer yes

	keys    [][KeyBytes]byte
	keySums []scalar.Scalar // by key: the sum of z*k over its signatures
	places  [placesMax]int32

	signatures []signature
	hashed     []byte

	sum    *multiplier
	points terms // commitments are the short ones, keys the long ones
}

// signature is one that waits: R of it, s, k = H(R, A, message), whose it is.
type signature struct {
	r    [32]byte
	s, k scalar.Scalar
	key  int32
}

// placesMax is the size of the table in which a batch's keys are found again, and
// probesMax how far it is searched: keys are chosen by others, and one that is not
// found again costs a multiplication more, no harm.
const (
	placesMax = 4096
	probesMax = 4
)

// New returns an empty batch. Available must hold.
func New() *Batch { return &Batch{sum: newMultiplier()} }

// Reset empties the batch.
func (b *Batch) Reset() {
	b.bad = false
	b.keys, b.keySums, b.signatures = b.keys[:0], b.keySums[:0], b.signatures[:0]
	clear(b.places[:])
}

// Add adds a signature over message under key. What it reads is copied.
func (b *Batch) Add(key *[KeyBytes]byte, message []byte, sig *[SignatureBytes]byte) {
	b.signatures = append(b.signatures, signature{key: b.keyIndex(key)})
	e := &b.signatures[len(b.signatures)-1]
	e.r = [32]byte(sig[:32])
	if _, err := e.s.SetCanonicalBytes(sig[32:]); err != nil {
		b.bad = true
	}
	b.hashed = append(append(append(b.hashed[:0], sig[:32]...), key[:]...), message...)
	wide := sha512.Sum512(b.hashed)
	if _, err := e.k.SetBytesModOrderWide(wide[:]); err != nil {
		b.bad = true
	}
}

// keyIndex finds a key among those of the batch, or adds it.
func (b *Batch) keyIndex(key *[KeyBytes]byte) int32 {
	place := binary.LittleEndian.Uint64(key[:])
	for range probesMax {
		p := &b.places[place%placesMax]
		if *p == 0 {
			b.addKey(key)
			*p = int32(len(b.keys))
			return *p - 1
		}
		if b.keys[*p-1] == *key {
			return *p - 1
		}
		place++
	}
	b.addKey(key)
	return int32(len(b.keys)) - 1
}

func (b *Batch) addKey(key *[KeyBytes]byte) {
	b.keys = append(b.keys, *key)
	b.keySums = append(b.keySums, scalar.Scalar{})
	b.bad = b.bad || smallOrder(key)
}

// smallOrders are the y coordinates of the points whose order divides 8.
var smallOrders = [...][32]byte{
	{},
	{1},
	[32]byte(bytes.Join([][]byte{{0xec}, bytes.Repeat([]byte{0xff}, 30), {0x7f}}, nil)),
	{0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67, 0x0f,
		0x2a, 0x20, 0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac, 0x03, 0x7a},
	{0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98, 0xf0,
		0xd5, 0xdf, 0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x05},
}

func smallOrder(key *[KeyBytes]byte) bool {
	y := *key
	y[31] &= 0x7f
	for i := range smallOrders {
		if y == smallOrders[i] {
			return true
		}
	}
	return false
}

// Verify reports whether all signatures are good. False means only that it is not
// known: verify them otherwise. Of an empty batch nothing is known.
//
// With a random z for each signature, the sum of z*R and of z*k*A must be the sum
// of z*s times the base point, but for a point whose order divides 8. The left
// side comes from the kernels, the right one from the library, which also
// compares them: a kernel at fault cannot make both sides nothing.
func (b *Batch) Verify() bool {
	if b.bad || len(b.signatures) == 0 || !b.decodeAll() {
		return false
	}
	baseScalar := b.weigh()
	left := b.sum.sum(&b.points, chooseWindow(len(b.signatures), len(b.keys))).encode()
	var sum, want curve.EdwardsPoint
	if _, err := sum.SetCompressedY((*curve.CompressedEdwardsY)(&left)); err != nil {
		return false
	}
	want.MulBasepoint(curve.ED25519_BASEPOINT_TABLE, baseScalar)
	return sum.Sub(&sum, &want).IsSmallOrder()
}

// decodeAll decodes the commitments and the keys.
func (b *Batch) decodeAll() bool {
	b.points.resize(len(b.signatures), len(b.keys))
	return decodeEach(b.points.short, func(i int) *[32]byte { return &b.signatures[i].r }) &&
		decodeEach(b.points.long, func(i int) *[32]byte { return &b.keys[i] })
}

// decodeEach decodes into out, eight at a time; the last eight are filled up with
// the last one.
func decodeEach(out []affine, encoded func(int) *[32]byte) bool {
	var in [lanes]*[32]byte
	var to [lanes]*affine
	for from := 0; from < len(out); from += lanes {
		for l := range lanes {
			i := min(from+l, len(out)-1)
			in[l], to[l] = encoded(i), &out[i]
		}
		if decode(&in, &to) != 0xff {
			return false
		}
	}
	return true
}

// weigh draws the weights z, below 2^126, and gives the sum of z*s.
func (b *Batch) weigh() *scalar.Scalar {
	var seed [32]byte
	_, _ = crand.Read(seed[:]) // never fails (crypto/rand)
	draw := rand.NewChaCha8(seed)
	total := scalar.New()
	for i := range b.signatures {
		e := &b.signatures[i]
		z := &b.points.shortScalars[i]
		binary.LittleEndian.PutUint64(z[0:], draw.Uint64())
		binary.LittleEndian.PutUint64(z[8:], draw.Uint64()>>(128-shortBits))
		clear(z[16:])
		var weight, product scalar.Scalar
		if _, err := weight.SetCanonicalBytes(z[:]); err != nil {
			panic("edbatch: 126 bits are no scalar")
		}
		total.Add(total, product.Mul(&weight, &e.s))
		b.keySums[e.key].Add(&b.keySums[e.key], product.Mul(&weight, &e.k))
	}
	for i := range b.keySums {
		if err := b.keySums[i].ToBytes(b.points.longScalars[i][:]); err != nil {
			panic("edbatch: a scalar is not 32 bytes")
		}
	}
	return total
}

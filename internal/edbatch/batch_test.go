//go:build amd64

package edbatch

import (
	"crypto/ed25519"
	"crypto/sha512"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"syscall"
	"testing"

	"github.com/oasisprotocol/curve25519-voi/curve"
	"github.com/oasisprotocol/curve25519-voi/curve/scalar"
	voi "github.com/oasisprotocol/curve25519-voi/primitives/ed25519"
)

func need(t testing.TB) {
	t.Helper()
	if !Available() {
		t.Skip("this processor has no AVX-512 IFMA")
	}
}

// entry is a signature with what it is for.
type entry struct {
	name string
	key  [KeyBytes]byte
	msg  []byte
	sig  [SignatureBytes]byte
}

var zip215 = &voi.Options{Verify: voi.VerifyOptionsZIP_215}

// good is the library's verdict.
func (e *entry) good() bool {
	return voi.VerifyWithOptions(e.key[:], e.msg, e.sig[:], zip215)
}

// signed makes n good signatures under so many keys, over messages of several
// lengths.
func signed(n, keys int) []entry {
	out := make([]entry, n)
	for i := range out {
		var seed [32]byte
		binary.LittleEndian.PutUint64(seed[:], uint64(i%keys))
		k := ed25519.NewKeyFromSeed(seed[:])
		m := make([]byte, 32+i%3*97)
		binary.LittleEndian.PutUint64(m, uint64(i))
		out[i] = entry{"good", [32]byte(k.Public().(ed25519.PublicKey)), m, [64]byte(ed25519.Sign(k, m))}
	}
	return out
}

func verify(b *Batch, all []entry) bool {
	b.Reset()
	for i := range all {
		b.Add(&all[i].key, all[i].msg, &all[i].sig)
	}
	return b.Verify()
}

// Aim: good signatures are found good in every number, with every width of a
// digit, with few keys and with many; one flipped bit anywhere is not. Method:
// numbers around those of lanes and on both sides of each change of the width.
func TestBatch(t *testing.T) {
	need(t)
	rng := rand.New(rand.NewPCG(3, 3))
	b := New()
	if b.Verify() {
		t.Error("an empty batch is good")
	}
	widths := map[int]bool{}
	for _, keys := range []int{1, 32, 5000} {
		all := signed(3000, keys)
		for _, n := range []int{1, 2, 7, 8, 9, 17, 64, 65, 200, 401, 1024, 3000} {
			widths[chooseWindow(n, min(n, keys))] = true
			part := all[:n]
			if !verify(b, part) {
				t.Fatalf("%d good signatures of %d keys are not known", n, keys)
			}
			for range 5 {
				e := &part[rng.IntN(n)]
				flip := func(bits []byte) func() {
					i, bit := rng.IntN(len(bits)), byte(1)<<rng.IntN(8)
					bits[i] ^= bit
					return func() { bits[i] ^= bit }
				}
				undo := flip([][]byte{e.key[:], e.msg, e.sig[:]}[rng.IntN(3)])
				if verify(b, part) {
					t.Fatalf("%d of %d keys with one flipped bit are good", n, keys)
				}
				undo()
			}
		}
	}
	if len(widths) != len(windows) {
		t.Errorf("widths tried: %v, of %v", widths, windows)
	}
}

// Aim: two bad signatures do not make up for each other. Method: s is raised in one
// and lowered by as much in another of the same key, which a sum without weights
// would not see.
func TestWeights(t *testing.T) {
	need(t)
	b, all := New(), signed(40, 1)
	for _, i := range []int{0, 39} {
		s, err := scalar.NewFromCanonicalBytes(all[i].sig[32:])
		if err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			s.Add(s, scalar.One())
		} else {
			s.Sub(s, scalar.One())
		}
		if err := s.ToBytes(all[i].sig[32:]); err != nil {
			t.Fatal(err)
		}
	}
	for range 50 {
		if verify(b, all) {
			t.Fatal("two bad signatures are good together")
		}
	}
}

// torsion gives the eight points whose order divides 8.
func torsion(t testing.TB) (out []curve.EdwardsPoint) {
	t.Helper()
	for _, y := range smallOrders {
		for sign := range 2 {
			c := curve.CompressedEdwardsY(y)
			c[31] |= byte(sign) << 7
			var p curve.EdwardsPoint
			if _, err := p.SetCompressedY(&c); err != nil || !c.IsCanonicalVartime() {
				continue // minus zero
			}
			if !p.IsSmallOrder() {
				t.Fatalf("%x is of no small order", c)
			}
			out = append(out, p)
		}
	}
	if len(out) != 8 {
		t.Fatalf("%d points of small order", len(out))
	}
	return out
}

// odd makes what an attacker would: keys and commitments with a component of small
// order, of small order alone, encodings that are not canonical, s out of range.
func odd(t testing.TB) (out []entry) {
	t.Helper()
	base := signed(1, 1)[0]
	with := func(name string, change func(e *entry)) {
		e := base
		e.name = name
		change(&e)
		out = append(out, e)
	}
	for i, order := range torsion(t) {
		for _, on := range []string{"key", "commitment", "both"} {
			out = append(out, mixed(fmt.Sprintf("%s with point %d", on, i), &order, on != "commitment", on != "key"))
		}
		var y curve.CompressedEdwardsY
		y.SetEdwardsPoint(&order)
		with(fmt.Sprintf("key is point %d", i), func(e *entry) { e.key, e.sig = y, [64]byte{}; copy(e.sig[:], y[:]) })
		with(fmt.Sprintf("commitment is point %d", i), func(e *entry) { copy(e.sig[:], y[:]) })
	}
	for add := range 19 { // y + p
		with(fmt.Sprintf("y is p+%d", add), func(e *entry) {
			var y [32]byte
			for i := range y {
				y[i] = 0xff
			}
			y[0], y[31] = byte(0xed+add), 0x7f
			copy(e.sig[:], y[:])
			e.key = y
		})
	}
	with("minus zero as key", func(e *entry) { e.key = [32]byte{0: 1, 31: 0x80} })
	with("minus zero as commitment", func(e *entry) { copy(e.sig[:], make([]byte, 32)); e.sig[0], e.sig[31] = 1, 0x80 })
	with("s above the order", func(e *entry) {
		l := [32]byte{0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, 31: 0x10}
		carry := 0
		for i := range l {
			carry += int(e.sig[32+i]) + int(l[i])
			e.sig[32+i] = byte(carry)
			carry >>= 8
		}
	})
	with("all ones", func(e *entry) {
		for i := range e.sig {
			e.sig[i] = 0xff
		}
	})
	with("all zero", func(e *entry) { e.sig = [64]byte{} })
	return out
}

// mixed signs with a key, a commitment or both that have a point of small order
// added: good under ZIP-215, which multiplies by 8, and not in every library.
func mixed(name string, order *curve.EdwardsPoint, inKey, inCommitment bool) entry {
	e := entry{name: name, msg: []byte("mixed")}
	a, r := scalar.NewFromUint64(123456789), scalar.NewFromUint64(987654321)
	var key, commitment curve.EdwardsPoint
	key.MulBasepoint(curve.ED25519_BASEPOINT_TABLE, a)
	commitment.MulBasepoint(curve.ED25519_BASEPOINT_TABLE, r)
	if inKey {
		key.Add(&key, order)
	}
	if inCommitment {
		commitment.Add(&commitment, order)
	}
	var y curve.CompressedEdwardsY
	y.SetEdwardsPoint(&commitment)
	copy(e.sig[:], y[:])
	y.SetEdwardsPoint(&key)
	e.key = y
	wide := sha512.Sum512(append(append(append([]byte{}, e.sig[:32]...), e.key[:]...), e.msg...))
	k, _ := scalar.NewFromBytesModOrderWide(wide[:])
	var s scalar.Scalar
	s.Add(r, s.Mul(k, a))
	_ = s.ToBytes(e.sig[32:])
	return e
}

// Aim: EB1 and EB2: what is known to be good is good for the library, and a
// component of small order takes nothing away. Method: odd signatures alone and
// among good ones.
func TestOddSignatures(t *testing.T) {
	need(t)
	b, crowd := New(), signed(30, 30)
	known := 0
	for _, e := range odd(t) {
		alone := verify(b, []entry{e})
		crowd[11] = e
		together := verify(b, crowd)
		if alone != together {
			t.Errorf("%s: alone %v, in a crowd %v", e.name, alone, together)
		}
		if alone && !e.good() {
			t.Errorf("%s: known to be good, and the library refuses it", e.name)
		}
		if alone {
			known++
		}
	}
	if known < 3*8 { // all mixed ones
		t.Errorf("only %d odd ones are known", known)
	}
}

// FuzzBatch: whatever the bytes, what is known to be good is good for the library.
func FuzzBatch(f *testing.F) {
	need(f)
	for _, e := range odd(f) {
		f.Add(e.key[:], e.msg, e.sig[:])
	}
	b, crowd := New(), signed(9, 3)
	f.Fuzz(func(t *testing.T, key, msg, sig []byte) {
		e := entry{msg: msg}
		copy(e.key[:], key)
		copy(e.sig[:], sig)
		crowd[4] = e
		if verify(b, crowd) && !e.good() {
			t.Fatal("known to be good, and the library refuses it")
		}
	})
}

func BenchmarkBatch(b *testing.B) {
	need(b)
	for _, size := range [][2]int{{16, 16}, {64, 32}, {200, 32}, {256, 256}, {1024, 1024}, {4096, 4096}} {
		all := signed(size[0], size[1])
		b.Run(fmt.Sprintf("n=%d/keys=%d", size[0], size[1]), func(b *testing.B) {
			batch := New()
			var before, after syscall.Rusage
			_ = syscall.Getrusage(syscall.RUSAGE_SELF, &before)
			for b.Loop() {
				if !verify(batch, all) {
					b.Fatal("not known to be good")
				}
			}
			_ = syscall.Getrusage(syscall.RUSAGE_SELF, &after)
			cpu := after.Utime.Nano() + after.Stime.Nano() - before.Utime.Nano() - before.Stime.Nano()
			b.ReportMetric(float64(cpu)/1e3/float64(b.N*len(all)), "cpu-µs/signature")
		})
	}
}

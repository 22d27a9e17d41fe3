package payments

// Aim: the parts by themselves. Method: each clever part against its slow
// obvious twin: big.Int, a Go map, a sorted slice, wire's Merkle root, curve
// arithmetic by formula.

import (
	"bytes"
	"crypto/ed25519"
	"math/big"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"quorate/wire"
)

func drawU128(t *rapid.T) U128 {
	edge := rapid.SampledFrom([]uint64{0, 1, decimalStep - 1, decimalStep, 1 << 63, ^uint64(0)})
	word := rapid.OneOf(rapid.Uint64(), edge)
	return U128{Lo: word.Draw(t, "lo"), Hi: word.Draw(t, "hi")}
}

func TestU128(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := drawU128(t), drawU128(t)
		x, y := bigOf(a), bigOf(b)
		mod := new(big.Int).Lsh(big.NewInt(1), 128)
		sum, over := a.Add(b)
		diff, under := a.Sub(b)
		if bigOf(sum).Cmp(new(big.Int).Mod(plus(x, y), mod)) != 0 || over != (plus(x, y).Cmp(mod) >= 0) {
			t.Fatalf("%v + %v = %v %v", a, b, sum, over)
		}
		d := new(big.Int).Sub(x, y)
		if bigOf(diff).Cmp(new(big.Int).Mod(d, mod)) != 0 || under != (d.Sign() < 0) {
			t.Fatalf("%v - %v = %v %v", a, b, diff, under)
		}
		if a.Cmp(b) != x.Cmp(y) || a.Less(b) != (x.Cmp(y) < 0) || under != a.Less(b) {
			t.Fatalf("%v ? %v", a, b)
		}
		if minU128(a, b) != u128Of(slices.MinFunc([]*big.Int{x, y}, (*big.Int).Cmp)) {
			t.Fatalf("min of %v and %v", a, b)
		}
		if back, err := ParseU128(a.String()); a.String() != x.String() || err != nil || back != a {
			t.Fatalf("%v is written %s", x, a)
		}
	})
	for _, s := range []string{"", "-1", "1x", "340282366920938463463374607431768211456", "999999999999999999999999999999999999999", "0000000000000000000000000000000000000000"} {
		if v, err := ParseU128(s); err == nil {
			t.Errorf("%q parses to %v", s, v)
		}
	}
}

// TestIndex drives an index and a map through inserts and removes, with hashes
// that crowd few buckets.
func TestIndex(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x := new(index)
		x.init()
		twin := map[uint64][]uint64{}
		var keys []uint64
		bits := rapid.IntRange(0, 40).Draw(t, "free bits")
		for i := uint64(1); i < 400; i++ {
			if len(keys) > 0 && rapid.IntRange(0, 3).Draw(t, "") == 0 {
				k := keys[rapid.IntRange(0, len(keys)-1).Draw(t, "")]
				if vs := twin[k]; len(vs) > 0 {
					n := rapid.IntRange(0, len(vs)-1).Draw(t, "")
					x.remove(k, vs[n])
					twin[k] = slices.Delete(vs, n, n+1)
				}
				continue
			}
			k := rapid.Uint64().Draw(t, "") & (1<<bits - 1) << 12 // tag bits of shard 0 and near
			keys = append(keys, k)
			if p := x.seek(k); i%2 == 0 {
				for _, ok := p.next(); ok; _, ok = p.next() {
				}
				x.insertAt(&p, k, i)
			} else {
				x.insert(k, i)
			}
			twin[k] = append(twin[k], i)
		}
		for k, vs := range twin {
			var got []uint64
			p := x.seek(k)
			for v, ok := p.next(); ok; v, ok = p.next() {
				got = append(got, v)
			}
			for _, v := range vs {
				if !slices.Contains(got, v) {
					t.Fatalf("%x: %v is not among %v", k, v, got)
				}
			}
		}
	})
}

// TestIndexLoad fills one index with many random keys: all are found, false
// candidates are rare and memory stays near 13 bytes an entry.
func TestIndexLoad(t *testing.T) {
	x := new(index)
	x.init()
	const n = 300_000
	s := splitmix(3)
	for i := uint64(1); i <= n; i++ {
		x.insert(s.next(), i)
	}
	s = splitmix(3)
	wrong, words := 0, 0
	for i := uint64(1); i <= n; i++ {
		p, found := x.seek(s.next()), false
		for v, ok := p.next(); ok; v, ok = p.next() {
			if v != i {
				wrong++
			}
			found = found || v == i
		}
		if !found {
			t.Fatalf("entry %d is lost", i)
		}
	}
	for i := range x.shards {
		words += len(x.shards[i].slots)
	}
	if wrong > 20 || words*8 > 20*n {
		t.Fatalf("%d false candidates, %d bytes per entry", wrong, words*8/n)
	}
}

func TestExpiryHeap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var h expiryHeap
		var aux table[pendingAux]
		aux.grow(1)
		twin := map[uint32]expiryEntry{}
		for slot := uint32(0); slot < 200; slot++ {
			if len(twin) > 0 && rapid.IntRange(0, 2).Draw(t, "") == 0 {
				gone := rapid.Uint32Range(0, slot-1).Draw(t, "")
				h.remove(aux.at(gone).heap, &aux)
				delete(twin, gone)
			}
			e := expiryEntry{at: rapid.Uint64Range(1, 20).Draw(t, ""), ordinal: uint64(slot), slot: slot}
			h.push(e, &aux)
			twin[slot] = e
		}
		var last expiryEntry
		for len(twin) > 0 {
			slot, ok := h.due(20)
			e, in := twin[slot]
			if !ok || !in || e.before(&last) {
				t.Fatalf("%+v after %+v (%v %v)", e, last, ok, in)
			}
			h.remove(aux.at(slot).heap, &aux)
			delete(twin, slot)
			last = e
		}
		if _, ok := h.due(^uint64(0)); ok {
			t.Fatal("the heap is not empty")
		}
	})
}

// TestPageTree grows and changes a tree and compares with wire.MerkleRoot over
// all leaves.
func TestPageTree(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		tree := NewPageTree()
		var leaves []wire.Digest
		for i := 0; i < 60; i++ {
			d := wire.Digest{byte(rapid.IntRange(0, 255).Draw(t, "")), byte(i)}
			p := rapid.IntRange(0, len(leaves)).Draw(t, "")
			if p == len(leaves) {
				leaves = append(leaves, d)
			}
			leaves[p] = d
			tree.Put(RegionAccounts, uint32(p), d)
			if rapid.IntRange(0, 3).Draw(t, "") > 0 {
				continue
			}
			tree.Root()
			if got, want := tree.regions[RegionAccounts].root(), wire.MerkleRoot(slices.Clone(leaves)); got != want {
				t.Fatalf("root over %d leaves differs", len(leaves))
			}
			if int(tree.Pages(RegionAccounts)) != len(leaves) || tree.Hash(RegionAccounts, uint32(p)) != d {
				t.Fatal("leaves differ")
			}
		}
	})
}

// TestSmallOrderKeys computes the eight points by formula: 8·P is the identity
// for each of them, and the list holds just these.
func TestSmallOrderKeys(t *testing.T) {
	p := new(big.Int).Sub(new(big.Int).Lsh(big.NewInt(1), 255), big.NewInt(19))
	inv := func(a *big.Int) *big.Int { return new(big.Int).ModInverse(a, p) }
	mul := func(a, b *big.Int) *big.Int { m := new(big.Int).Mul(a, b); return m.Mod(m, p) }
	d := mul(big.NewInt(-121665), inv(big.NewInt(121666)))
	type point struct{ x, y *big.Int }
	double := func(a point) point {
		xy, xx, yy := mul(a.x, a.y), mul(a.x, a.x), mul(a.y, a.y)
		k := mul(d, mul(xx, yy))
		x := mul(plus(xy, xy), inv(plus(big.NewInt(1), k)))
		y := mul(plus(yy, xx), inv(new(big.Int).Mod(new(big.Int).Sub(big.NewInt(1), k), p)))
		return point{x, y}
	}
	for _, words := range smallOrderY {
		var key [32]byte
		for i, w := range words {
			putU128(key[i/2*16:], U128{Lo: words[i/2*2], Hi: words[i/2*2+1]})
			_ = w
		}
		be := slices.Clone(key[:])
		slices.Reverse(be)
		y := new(big.Int).SetBytes(be)
		yy := mul(y, y)
		xx := mul(new(big.Int).Sub(yy, big.NewInt(1)), inv(plus(mul(d, yy), big.NewInt(1))))
		x := new(big.Int).ModSqrt(new(big.Int).Mod(xx, p), p)
		if x == nil {
			t.Fatalf("y = %x is not on the curve", y)
		}
		q := double(double(double(point{x, y})))
		if q.x.Sign() != 0 || q.y.Cmp(big.NewInt(1)) != 0 {
			t.Fatalf("8·(y = %x) is not the identity", y)
		}
		for _, sign := range []byte{0, 0x80} {
			key[31] |= sign
			if c := CheckKey(key); c != RegisterKeyHasSmallOrder {
				t.Fatalf("%x: %v", key, c)
			}
		}
	}
	for low := 0; low < 19; low++ { // y = p + low
		key := [32]byte{byte(0xed + low)}
		for i := 1; i < 31; i++ {
			key[i] = 0xff
		}
		for _, top := range []byte{0x7f, 0xff} {
			if key[31] = top; CheckKey(key) != RegisterKeyNotCanonical {
				t.Fatalf("p + %d passes", low)
			}
		}
	}
	for i := byte(0); i < 50; i++ {
		pub := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{i}, 32)).Public().(ed25519.PublicKey)
		if c := CheckKey([32]byte(pub)); c != RegisterOK {
			t.Fatalf("a real key: %v", c)
		}
	}
}

// TestIDHash compares with the reference implementation's output for SipHash-1-3
// computed by a twin that follows the paper word by word.
func TestIDHash(t *testing.T) {
	twin := func(k0, k1 uint64, m []uint64) uint64 {
		v := [4]uint64{k0 ^ 0x736f6d6570736575, k1 ^ 0x646f72616e646f6d, k0 ^ 0x6c7967656e657261, k1 ^ 0x7465646279746573}
		rot := func(x uint64, n uint) uint64 { return x<<n | x>>(64-n) }
		round := func() {
			v[0] += v[1]
			v[2] += v[3]
			v[1] = rot(v[1], 13) ^ v[0]
			v[3] = rot(v[3], 16) ^ v[2]
			v[0] = rot(v[0], 32)
			v[2] += v[1]
			v[0] += v[3]
			v[1] = rot(v[1], 17) ^ v[2]
			v[3] = rot(v[3], 21) ^ v[0]
			v[2] = rot(v[2], 32)
		}
		for _, w := range append(m, uint64(8*len(m))<<56) {
			v[3] ^= w
			round()
			v[0] ^= w
		}
		v[2] ^= 0xff
		round()
		round()
		round()
		return v[0] ^ v[1] ^ v[2] ^ v[3]
	}
	s := splitmix(9)
	for i := 0; i < 100; i++ {
		id := U128{Lo: s.next(), Hi: s.next()}
		if got, want := idHash(id), twin(0x71756f726174652f, 0x69642d656e747279, []uint64{id.Lo, id.Hi}); got != want {
			t.Fatalf("%v: %x, want %x", id, got, want)
		}
	}
}

func TestFlagNames(t *testing.T) {
	for f := AccountFlags(0); f <= accountFlagsAll; f++ {
		if g, err := ParseAccountFlags(f.String()); err != nil || g != f {
			t.Fatalf("%v: %v %v", f, g, err)
		}
	}
	for f := TransferFlags(0); f <= transferFlagsAll; f++ {
		if g, err := ParseTransferFlags(f.String()); err != nil || g != f {
			t.Fatalf("%v: %v %v", f, g, err)
		}
	}
	for r := Roles(0); r <= RolesAll; r++ {
		if g, err := ParseRoles(r.String()); err != nil || g != r {
			t.Fatalf("%v: %v %v", r, g, err)
		}
	}
	if _, err := ParseRoles("admin|root"); err == nil {
		t.Fatal("an unknown role parses")
	}
	if s := TransferFlags(1<<15 | 1).String(); s != "linked|bit_15" {
		t.Fatal(s)
	}
	if PendingExpired.String() != "expired" {
		t.Fatal(PendingExpired)
	}
}

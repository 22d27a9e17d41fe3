package payments

// Aim: a registration takes exactly the keys that a genesis takes: a replica
// refuses others when it starts, so one that was registered would stop them all.
// Method: cluster.CheckKey, which was written without this package, is the twin.

import (
	"bytes"
	"crypto/ed25519"
	"math/rand/v2"
	"testing"

	"github.com/oasisprotocol/curve25519-voi/curve"

	"quorate/cluster"
)

func TestKeysAreThoseOfGenesis(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	seen := map[RegisterCode]int{}
	for range 400 {
		var key [32]byte
		for i := range key {
			key[i] = byte(r.Uint32())
		}
		if r.IntN(3) == 0 { // close to p and its multiples of the sign bit
			copy(key[1:], bytes.Repeat([]byte{0xff}, 31))
			key[31] = byte(0x7f | r.IntN(2)<<7)
		}
		code := CheckKey(key)
		seen[code]++
		if err := cluster.CheckKey(key[:]); (err == nil) != (code == RegisterOK) {
			t.Fatalf("%x: %v, a genesis says %v", key, code, err)
		}
	}
	for _, code := range []RegisterCode{RegisterKeyNotOnCurve, RegisterKeyHasMixedOrder, RegisterKeyNotCanonical} {
		if seen[code] == 0 {
			t.Errorf("%v was not reached: %v", code, seen)
		}
	}
}

func TestMixedOrderKeyIsNotRegistered(t *testing.T) {
	honest := curve.CompressedEdwardsY(ed25519.NewKeyFromSeed(make([]byte, 32)).Public().(ed25519.PublicKey))
	var order2 curve.CompressedEdwardsY // y = −1
	copy(order2[:], append([]byte{0xec}, bytes.Repeat([]byte{0xff}, 31)...))
	order2[31] = 0x7f
	var a, b, sum curve.EdwardsPoint
	if _, err := a.SetCompressedY(&honest); err != nil {
		t.Fatal(err)
	}
	if _, err := b.SetCompressedY(&order2); err != nil {
		t.Fatal(err)
	}
	sum.Add(&a, &b)
	var y curve.CompressedEdwardsY
	y.SetEdwardsPoint(&sum)
	if code := CheckKey(y); code != RegisterKeyHasMixedOrder {
		t.Errorf("%v", code)
	}
}

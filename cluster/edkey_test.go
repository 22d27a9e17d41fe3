package cluster

// Aim: no key is accepted on which two verifiers could differ (BYZ-06).
// Method: the 8 encodings of small order, the non-canonical ones, a mixed-order
// key made on the spot, and honest keys.

import (
	"crypto/ed25519"
	"encoding/hex"
	"errors"
	"strings"
	"testing"

	"github.com/oasisprotocol/curve25519-voi/curve"
)

// smallOrder lists the 8 points of small order in canonical form, from
// Chalkias et al., "Taming the many EdDSAs", table 1.
var smallOrder = []string{
	"0100000000000000000000000000000000000000000000000000000000000000", // order 1
	"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f", // order 2
	"0000000000000000000000000000000000000000000000000000000000000000", // order 4
	"0000000000000000000000000000000000000000000000000000000000000080",
	"c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a", // order 8
	"c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
	"26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
	"26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
}

// nonCanonical lists a second encoding of small-order points and of others: a
// sign bit with x = 0, and y ≥ p.
var nonCanonical = []string{
	"0100000000000000000000000000000000000000000000000000000000000080",
	"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
	"edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f", // y = p
	"edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
	"eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f", // y = p+1
	"eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
	"f0ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f", // y = p+3, a point of large order
	"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
}

func TestCheckKey(t *testing.T) {
	rows := []struct {
		what, want string
		keys       []string
	}{
		{"small order", "small order", smallOrder},
		{"non-canonical", "not canonical", nonCanonical},
		{"off the curve", "not a point", []string{"0200000000000000000000000000000000000000000000000000000000000000"}},
		{"too short", "31 bytes", []string{smallOrder[0][2:]}},
		{"too long", "33 bytes", []string{smallOrder[0] + "00"}},
		{"none", "0 bytes", []string{""}},
	}
	for _, r := range rows {
		for _, k := range r.keys {
			key, err := hex.DecodeString(k)
			if err != nil {
				t.Fatal(err)
			}
			err = CheckKey(key)
			if !errors.Is(err, ErrKey) || !strings.Contains(err.Error(), r.want) {
				t.Errorf("%s: %s: got %v, want %q", r.what, k, err, r.want)
			}
		}
	}
}

// TestCheckKeyMixedOrder adds the point of order 2 to an honest key: single and
// batch verification may disagree about signatures under the sum.
func TestCheckKeyMixedOrder(t *testing.T) {
	honest := testKey(1)
	if err := CheckKey(honest); err != nil {
		t.Fatalf("honest key: %v", err)
	}
	var sum curve.EdwardsPoint
	sum.Add(decompress(t, honest), decompress(t, unhex(t, smallOrder[1])))
	var y curve.CompressedEdwardsY
	y.SetEdwardsPoint(&sum)
	if err := CheckKey(y[:]); !errors.Is(err, ErrKey) || !strings.Contains(err.Error(), "component") {
		t.Errorf("mixed-order key: %v", err)
	}
}

func decompress(t *testing.T, key []byte) *curve.EdwardsPoint {
	t.Helper()
	var y curve.CompressedEdwardsY
	copy(y[:], key)
	p, err := new(curve.EdwardsPoint).SetCompressedY(&y)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func unhex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// testSeed is the secret of test key i.
func testSeed(i int) (seed [SecretBytes]byte) {
	seed[0], seed[1], seed[31] = byte(i), byte(i>>8), 0x77
	return seed
}

// testKey is the public key of testSeed(i).
func testKey(i int) ed25519.PublicKey {
	seed := testSeed(i)
	return ed25519.NewKeyFromSeed(seed[:]).Public().(ed25519.PublicKey)
}

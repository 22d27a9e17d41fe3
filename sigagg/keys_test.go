package sigagg

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"math/big"
	"strings"
	"testing"
)

// Aim: keys round-trip, bad ones are refused, a secret is never printed, and key
// sets that do not belong together make no group. Method: tables.

func TestSecretShareEncoding(t *testing.T) {
	r := new(big.Int).SetBytes(scalarModulus)
	bytesOf := func(v *big.Int) []byte { return v.FillBytes(make([]byte, SecretBytes)) }
	one := big.NewInt(1)
	cases := []struct {
		name string
		in   []byte
		ok   bool
	}{
		{"one", bytesOf(one), true},
		{"r-1", bytesOf(new(big.Int).Sub(r, one)), true},
		{"zero", make([]byte, SecretBytes), false},
		{"r", bytesOf(r), false},
		{"r+1", bytesOf(new(big.Int).Add(r, one)), false},
		{"all ones", bytes.Repeat([]byte{0xff}, SecretBytes), false},
		{"short", make([]byte, SecretBytes-1), false},
		{"long", make([]byte, SecretBytes+1), false},
		{"empty", nil, false},
	}
	for _, c := range cases {
		s, err := ParseSecretShare(c.in)
		if c.ok {
			if got := s.Bytes(); err != nil || !bytes.Equal(got[:], c.in) {
				t.Errorf("%s: got %x, %v", c.name, got, err)
			}
		} else if !errors.Is(err, ErrSecret) {
			t.Errorf("%s: got %v, want %v", c.name, err, ErrSecret)
		}
	}
}

func TestSecretShareIsNotPrinted(t *testing.T) {
	d, err := Deal(1, 1, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	secret := d.Shares[0].Bytes()
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%d"} {
		for _, v := range []any{d.Shares[0], &d.Shares[0], d, *d} {
			out := fmt.Sprintf(verb, v)
			if strings.Contains(out, fmt.Sprintf("%x", secret[:8])) || !strings.Contains(out, "redacted") {
				t.Errorf("%s of %T prints %.80q", verb, v, out)
			}
		}
	}
}

func TestDealRefuses(t *testing.T) {
	for _, c := range []struct{ k, n int }{{0, 4}, {-1, 4}, {5, 4}, {1, 0}, {1, SignersMax + 1}} {
		if _, err := Deal(c.k, c.n, rand.Reader); !errors.Is(err, ErrThreshold) {
			t.Errorf("Deal(%d, %d): got %v, want %v", c.k, c.n, err, ErrThreshold)
		}
	}
	if _, err := Deal(3, 4, bytes.NewReader(make([]byte, 100))); !errors.Is(err, ErrSecret) {
		t.Errorf("a zero polynomial: got %v, want %v", err, ErrSecret)
	}
	if _, err := Deal(3, 4, strings.NewReader(strings.Repeat("x", 100))); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("short randomness: got %v, want %v", err, io.ErrUnexpectedEOF)
	}
}

func TestNewGroupRefuses(t *testing.T) {
	c := newCluster(t, 3, 4)
	other := newCluster(t, 3, 5).dealing
	edit := func(f func(keys []PublicKey)) []PublicKey {
		keys := append([]PublicKey(nil), c.dealing.SharePublics...)
		f(keys)
		return keys
	}
	cases := []struct {
		name  string
		k     int
		group PublicKey
		keys  []PublicKey
		want  error
	}{
		{"threshold 0", 0, c.Key(), c.dealing.SharePublics, ErrThreshold},
		{"threshold above n", 5, c.Key(), c.dealing.SharePublics, ErrThreshold},
		{"no shares", 0, c.Key(), nil, ErrThreshold},
		{"zero group key", 3, PublicKey{}, c.dealing.SharePublics, ErrInfinity},
		{"zero share key", 3, c.Key(), edit(func(k []PublicKey) { k[1] = PublicKey{} }), ErrInfinity},
		{"threshold too low", 2, c.Key(), c.dealing.SharePublics, ErrKeySet},
		{"other group's key", 3, other.Group, c.dealing.SharePublics, ErrKeySet},
		{"one key of another group", 3, c.Key(), edit(func(k []PublicKey) { k[3] = other.SharePublics[3] }), ErrKeySet},
		{"two keys swapped", 3, c.Key(), edit(func(k []PublicKey) { k[0], k[1] = k[1], k[0] }), ErrKeySet},
		{"own group", 3, c.Key(), c.dealing.SharePublics, nil},
		// Points on a polynomial of degree 2 also lie on one of degree 3.
		{"threshold too high is not detectable", 4, c.Key(), c.dealing.SharePublics, nil},
	}
	for _, tc := range cases {
		if _, err := NewGroup(tc.k, tc.group, tc.keys); !errors.Is(err, tc.want) {
			t.Errorf("%s: got %v, want %v", tc.name, err, tc.want)
		}
	}
}

func TestNewSignerRefuses(t *testing.T) {
	c := newCluster(t, 1, 1)
	for _, index := range []int{-1, SignersMax} {
		if _, err := NewSigner(c.dealing.Shares[0], index); !errors.Is(err, ErrSigner) {
			t.Errorf("index %d: got %v, want %v", index, err, ErrSigner)
		}
	}
	if _, err := NewSigner(SecretShare{}, 0); !errors.Is(err, ErrSecret) {
		t.Errorf("zero secret: got %v, want %v", err, ErrSecret)
	}
	if _, err := (SecretShare{}).Public(); !errors.Is(err, ErrSecret) {
		t.Errorf("public key of the zero secret: got %v, want %v", err, ErrSecret)
	}
	defer func() {
		if recover() == nil {
			t.Error("signing under an unknown domain did not panic")
		}
	}()
	c.signers[0].Sign(0, digestOf(0))
}

func TestAccessors(t *testing.T) {
	c := newCluster(t, 3, 4)
	if c.Threshold() != 3 || c.Size() != 4 || !c.Key().Equal(c.dealing.Group) {
		t.Error("the group does not tell what it was made of")
	}
	for i, s := range c.signers {
		key, err := c.SharePublic(i)
		if err != nil || s.Index() != i || !s.Public().Equal(key) {
			t.Errorf("signer %d does not match its public key: %v", i, err)
		}
	}
	for _, i := range []int{-1, 4} {
		if _, err := c.SharePublic(i); !errors.Is(err, ErrSigner) {
			t.Errorf("key of signer %d: got %v, want %v", i, err, ErrSigner)
		}
	}
}

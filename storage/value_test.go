package storage

// Aim: no value of the ledger is given back changed, or under another key
// (invariant L4): Pebble's own sums do not cover what happens above a block.
// Method: one sealed value, every bit of it and of its key flipped.

import (
	"bytes"
	"errors"
	"testing"
)

func TestValueSums(t *testing.T) {
	key, payload := []byte("key of a value"), []byte("what was put under it")
	value := append(bytes.Clone(payload), make([]byte, sumBytes)...)
	sealValue(key, value)
	if got, err := openValue(key, value); err != nil || !bytes.Equal(got, payload) {
		t.Fatalf("%q, %v", got, err)
	}
	for i := range 8 * (len(key) + len(value)) {
		k, v := bytes.Clone(key), bytes.Clone(value)
		if at := i / 8; at < len(k) {
			k[at] ^= 1 << (i % 8)
		} else {
			v[at-len(k)] ^= 1 << (i % 8)
		}
		if _, err := openValue(k, v); !errors.Is(err, ErrCorrupt) {
			t.Fatalf("bit %d: %v", i, err)
		}
	}
	for n := range sumBytes {
		if _, err := openValue(key, value[:n]); !errors.Is(err, ErrCorrupt) {
			t.Errorf("%d bytes: %v", n, err)
		}
	}
}

package etcd

import (
	"testing"

	"quorate/bench/peers/transfer"
)

// Aim: the check walks the keys in the order of their numbers and compares whole
// records. The smoke test of the command runs it against members.

func TestKeysAreInTheOrderOfTheirNumbers(t *testing.T) {
	last := ""
	for _, n := range []uint64{0, 1, 255, 256, 65_535, 65_536, 1 << 40} {
		if k := key(n); k <= last || k[:len(keyPrefix)] != keyPrefix {
			t.Errorf("key %q of %d after %q", k, n, last)
		}
		last = key(n)
	}
	for n := range uint64(100) {
		got, err := transfer.Decode([]byte(value(n)))
		if err != nil || got != transfer.Nth(n, accounts) {
			t.Errorf("value of %d: %+v, %v", n, got, err)
		}
	}
}

package payments

// Numbers of any size, against which those of 128 bits are checked.

import (
	"encoding/binary"
	"math/big"
)

func bigOf(v U128) *big.Int {
	n := new(big.Int).SetUint64(v.Hi)
	return n.Or(n.Lsh(n, 64), new(big.Int).SetUint64(v.Lo))
}

func u128Of(n *big.Int) U128 {
	var b [16]byte
	n.FillBytes(b[:])
	return U128{Hi: binary.BigEndian.Uint64(b[:8]), Lo: binary.BigEndian.Uint64(b[8:])}
}

func plus(ns ...*big.Int) *big.Int {
	s := new(big.Int)
	for _, n := range ns {
		s.Add(s, n)
	}
	return s
}

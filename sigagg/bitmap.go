package sigagg

import (
	"fmt"
	"math/bits"

	"quorate/internal/plant"
)

// A certificate of the two schemes without a group key names its signers in a
// bitmap: bit i%8 of byte i/8 is signer i, and it takes no more bytes than n
// needs. Invariant I7: exactly the threshold of bits are set, all below n, so
// that one set of signers has one encoding and nobody is counted twice.

// bitmapBytes is the length of the bitmap of n signers.
func bitmapBytes(n int) int { return (n + 7) / 8 }

// appendBitmap appends the bitmap of signers out of n.
func appendBitmap(b []byte, n int, signers []int) []byte {
	at := len(b)
	b = append(b, make([]byte, bitmapBytes(n))...)
	for _, s := range signers {
		b[at+s/8] |= 1 << (s % 8)
	}
	return b
}

// parseBitmap reads the bitmap in front of a certificate of exactly threshold
// out of n signers. It returns them, ascending, and the bytes behind it, which
// alias cert; or ErrCertificate.
func parseBitmap(cert []byte, n, threshold int) (signers []int, rest []byte, err error) {
	size := bitmapBytes(n)
	if len(cert) < size {
		return nil, nil, fmt.Errorf("%w: %d bytes, its bitmap takes %d", ErrCertificate, len(cert), size)
	}
	set := 0
	for _, b := range cert[:size] {
		set += bits.OnesCount8(b)
	}
	if set != threshold && !plant.On(plant.BitmapUncounted) {
		return nil, nil, fmt.Errorf("%w: %d signers, want %d", ErrCertificate, set, threshold)
	}
	signers = make([]int, 0, set)
	for i := range n {
		if cert[i/8]>>(i%8)&1 == 1 {
			signers = append(signers, i)
		}
	}
	if len(signers) != set {
		return nil, nil, fmt.Errorf("%w: bits over signer %d", ErrCertificate, n-1)
	}
	return signers, cert[size:], nil
}

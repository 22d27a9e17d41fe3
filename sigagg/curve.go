package sigagg

import (
	"bytes"
	"encoding/hex"
	"fmt"

	"github.com/herumi/bls-eth-go-binary/bls"

	"quorate/internal/plant"
)

// Bits of the first byte of a compressed point, as in the ZCash and IETF
// BLS12-381 encoding (draft-irtf-cfrg-pairing-friendly-curves, appendix C).
const (
	flagCompressed = 0x80
	flagInfinity   = 0x40
	flagLargerY    = 0x20
	flagMask       = flagCompressed | flagInfinity | flagLargerY
)

// fpBytes is the length of one big-endian base field element.
const fpBytes = 48

// Constants of BLS12-381 (draft-irtf-cfrg-pairing-friendly-curves, section
// 4.2.1). They are filled once by init and only read afterwards.
var (
	// fieldModulus is p, 48 bytes big-endian; scalarModulus is r, 32 bytes.
	fieldModulus  = mustHex("1a0111ea397fe69a4b1ba7b6434bacd764774b84f38512bf6730d2a0f6b0f6241eabfffeb153ffffb9feffffffffaaab")
	scalarModulus = mustHex("73eda753299d7d483339d80809a1d80553bda402fffe5bfeffffffff00000001")
	// generatorG2 is the standard generator of G2, compressed.
	generatorG2 = mustHex("93e02b6052719f607dacd3a088274f65596bd0d09920b61ab5da61bbdc7f5049334cf11213945d57e5ac7d055d042b7e" +
		"024aa2b2f08f0a91260805272dc51051c6e47ad4fa403b02b4510b647ae3d1770bac0326a805bbefd48056c8c121bdb8")

	fpOne   bls.Fp  // 1
	curveB1 bls.Fp  // b of E: y² = x³ + 4
	curveB2 bls.Fp2 // b of the twist E': y² = x³ + 4(1+u)
	baseG2  bls.G2  // the generator of G2
	negG2   bls.G2  // its negative, the fixed argument of every verification
)

// init starts the C library. Its start is not thread-safe and must come before
// any other call, and package initialisation is the one moment that Go
// guarantees to be sequential. This is the only package that may import the
// library, so nobody else can start it twice or turn its global switches.
func init() {
	if err := bls.Init(bls.BLS12_381); err != nil {
		panic("sigagg: start of the BLS library: " + err.Error())
	}
	fpOne.SetInt64(1)
	curveB1.SetInt64(4)
	curveB2.D[0].SetInt64(4)
	curveB2.D[1].SetInt64(4)
	if err := decodeG2(&baseG2, generatorG2); err != nil {
		panic("sigagg: generator of G2: " + err.Error())
	}
	bls.G2Neg(&negG2, &baseG2)
}

// mustHex decodes a hexadecimal constant of this package and panics on a typo.
func mustHex(s string) []byte {
	b, err := hex.DecodeString(s)
	if err != nil {
		panic("sigagg: bad constant: " + err.Error())
	}
	return b
}

// checkFlags judges the first byte and the length of a compressed point of size
// bytes and says whether y is the lexicographically larger root. It returns
// ErrInfinity for the one canonical encoding of infinity and ErrPoint for any
// other encoding that is not a finite compressed point.
func checkFlags(b []byte, size int) (largerY bool, err error) {
	if len(b) != size {
		return false, fmt.Errorf("%w: %d bytes, want %d", ErrPoint, len(b), size)
	}
	if b[0]&flagCompressed == 0 {
		return false, fmt.Errorf("%w: not compressed", ErrPoint)
	}
	if b[0]&flagInfinity == 0 {
		return b[0]&flagLargerY != 0, nil
	}
	rest := b[0] &^ (flagCompressed | flagInfinity)
	for _, c := range b[1:] {
		rest |= c
	}
	if rest != 0 {
		return false, fmt.Errorf("%w: infinity with stray bits", ErrPoint)
	}
	if plant.On(plant.InfinityAccepted) {
		return false, nil
	}
	return false, ErrInfinity
}

// decodeFp sets x to the 48 big-endian bytes of b, of which the three flag bits
// are ignored if masked, and refuses values ≥ p with ErrPoint.
func decodeFp(x *bls.Fp, b []byte, masked bool) error {
	var buf [fpBytes]byte
	copy(buf[:], b)
	if masked {
		buf[0] &^= flagMask
	}
	if bytes.Compare(buf[:], fieldModulus) >= 0 {
		return fmt.Errorf("%w: coordinate not below p", ErrPoint)
	}
	if err := x.SetBigEndianMod(buf[:]); err != nil {
		return fmt.Errorf("%w: %v", ErrPoint, err)
	}
	return nil
}

// decodeG1 decompresses 48 bytes into an affine point of E(Fp), which may lie
// outside the subgroup G1: callers that take points from peers also call
// IsValidOrder, on this point or on a sum of such points. It returns ErrPoint
// or ErrInfinity.
//
// The library's own Deserialize is not used, because whether it checks the
// subgroup hangs on a process-wide switch, because it accepts infinity, and
// because the check costs three times the decompression and Combine needs it
// once for the sum and not once per share.
func decodeG1(p *bls.G1, b []byte) error {
	largerY, err := checkFlags(b, SigBytes)
	if err != nil {
		return err
	}
	if err := decodeFp(&p.X, b, true); err != nil {
		return err
	}
	var y2 bls.Fp
	bls.FpSqr(&y2, &p.X)
	bls.FpMul(&y2, &y2, &p.X)
	bls.FpAdd(&y2, &y2, &curveB1)
	if !bls.FpSquareRoot(&p.Y, &y2) {
		return fmt.Errorf("%w: not on the curve", ErrPoint)
	}
	if p.Y.IsNegative() != largerY {
		bls.FpNeg(&p.Y, &p.Y)
	}
	p.Z = fpOne
	return nil
}

// decodeG2 decompresses 96 bytes (imaginary part first) into an affine point of
// G2, subgroup included. It returns ErrPoint, ErrInfinity or ErrSubgroup.
func decodeG2(p *bls.G2, b []byte) error {
	largerY, err := checkFlags(b, PublicKeyBytes)
	if err != nil {
		return err
	}
	if err := decodeFp(&p.X.D[1], b[:fpBytes], true); err != nil {
		return err
	}
	if err := decodeFp(&p.X.D[0], b[fpBytes:], false); err != nil {
		return err
	}
	var y2 bls.Fp2
	bls.Fp2Sqr(&y2, &p.X)
	bls.Fp2Mul(&y2, &y2, &p.X)
	bls.Fp2Add(&y2, &y2, &curveB2)
	if !bls.Fp2SquareRoot(&p.Y, &y2) {
		return fmt.Errorf("%w: not on the twist", ErrPoint)
	}
	if fp2Larger(&p.Y) != largerY {
		bls.Fp2Neg(&p.Y, &p.Y)
	}
	p.Z.D[0] = fpOne
	p.Z.D[1].Clear()
	if !p.IsValidOrder() {
		return ErrSubgroup
	}
	return nil
}

// fp2Larger says whether y is lexicographically larger than −y, comparing the
// imaginary part first.
func fp2Larger(y *bls.Fp2) bool {
	if y.D[1].IsZero() {
		return y.D[0].IsNegative()
	}
	return y.D[1].IsNegative()
}

// pairingHolds says whether e(sig, −G2)·e(hash, key) = 1, which is
// e(sig, G2) = e(hash, key). All points must be finite members of their
// subgroups.
//
// The two Miller loops share their squarings. Precomputed lines for the fixed
// G2 points were measured and refused: the binding's one-pair form costs more
// twice (0.53 ms) than the shared loop (0.49 ms), and its two-pair form is
// wrong in v1.37.0 (it passes the first pair twice). BenchmarkPrimitives repeats
// these figures.
func pairingHolds(sig, hash *bls.G1, key *bls.G2) bool {
	var e bls.GT
	bls.MillerLoopVec(&e, []bls.G1{*sig, *hash}, []bls.G2{negG2, *key})
	bls.FinalExp(&e, &e)
	return e.IsOne()
}

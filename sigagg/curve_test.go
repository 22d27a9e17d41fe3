package sigagg

import (
	"errors"
	"testing"

	curve "github.com/consensys/gnark-crypto/ecc/bls12-381"
	"github.com/consensys/gnark-crypto/ecc/bls12-381/fp"
	"github.com/herumi/bls-eth-go-binary/bls"
)

// Aim: of all byte strings, exactly the canonical encodings of finite points of
// the subgroups are accepted, each refusal with its own error. Method: a table of
// hostile encodings, then a differential test against gnark-crypto over many x
// coordinates, most of which are off the curve or off the subgroup.

// encodingCase is one hostile edit of a valid encoding.
type encodingCase struct {
	name string
	edit func(b []byte) []byte
	want error
}

// encodingCases hold for both groups; size is the encoding's length.
func encodingCases(size int) []encodingCase {
	fill := func(b []byte, first, rest byte) []byte {
		for i := range b {
			b[i] = rest
		}
		b[0] = first
		return b
	}
	return []encodingCase{
		{"empty", func([]byte) []byte { return nil }, ErrPoint},
		{"short", func(b []byte) []byte { return b[:size-1] }, ErrPoint},
		{"long", func(b []byte) []byte { return append(b, 0) }, ErrPoint},
		{"uncompressed flag", func(b []byte) []byte { b[0] &^= flagCompressed; return b }, ErrPoint},
		{"all zero", func(b []byte) []byte { return fill(b, 0, 0) }, ErrPoint},
		{"all ones", func(b []byte) []byte { return fill(b, 0xff, 0xff) }, ErrPoint},
		{"infinity", func(b []byte) []byte { return fill(b, 0xc0, 0) }, ErrInfinity},
		{"infinity with sign", func(b []byte) []byte { return fill(b, 0xe0, 0) }, ErrPoint},
		{"infinity with low bit", func(b []byte) []byte { fill(b, 0xc0, 0)[size-1] = 1; return b }, ErrPoint},
		{"infinity flag on a point", func(b []byte) []byte { b[0] |= flagInfinity; return b }, ErrPoint},
		{"uncompressed infinity", func(b []byte) []byte { return fill(b, 0x40, 0) }, ErrPoint},
		{"x = p", func(b []byte) []byte { copy(b, fieldModulus); b[0] |= flagCompressed; return b }, ErrPoint},
		{"x all ones below the flags", func(b []byte) []byte { return fill(b, 0x9f, 0xff) }, ErrPoint},
	}
}

func TestHostileEncodings(t *testing.T) {
	c := newCluster(t, 2, 3)
	key, sig := c.Key().Bytes(), c.signers[0].Sign(Prepare, digestOf(1))
	for _, tc := range encodingCases(PublicKeyBytes) {
		in := key
		if _, err := ParsePublicKey(tc.edit(in[:])); !errors.Is(err, tc.want) {
			t.Errorf("public key, %s: got %v, want %v", tc.name, err, tc.want)
		}
	}
	for _, tc := range encodingCases(SigBytes) {
		in := sig
		var p bls.G1
		edited := tc.edit(in[:])
		if err := decodeG1(&p, edited); !errors.Is(err, tc.want) {
			t.Errorf("signature, %s: got %v, want %v", tc.name, err, tc.want)
		}
		if len(edited) != SigBytes {
			continue
		}
		if err := c.Verify(Prepare, digestOf(1), Signature(edited)); !errors.Is(err, tc.want) {
			t.Errorf("verify, %s: got %v, want %v", tc.name, err, tc.want)
		}
	}
	// The second coordinate of a G2 point has no flags and its own bound.
	in := key
	copy(in[fpBytes:], fieldModulus)
	if _, err := ParsePublicKey(in[:]); !errors.Is(err, ErrPoint) {
		t.Errorf("public key, real part = p: got %v, want %v", err, ErrPoint)
	}
}

// TestSmallOrderPoint holds that the point of order 3 is seen as off-subgroup,
// alone and hidden inside a valid signature, where the pairing cannot see it.
func TestSmallOrderPoint(t *testing.T) {
	c := newCluster(t, 1, 1)
	small, enc := orderThree(t)
	if err := enc.Check(); !errors.Is(err, ErrSubgroup) {
		t.Fatalf("the point of order 3: got %v, want %v", err, ErrSubgroup)
	}
	digest := digestOf(7)
	good := c.signers[0].Sign(Prepare, digest)
	forged := plus(t, good, small)
	if forged == good {
		t.Fatal("the forgery equals the signature")
	}
	var p bls.G1
	if err := decodeG1(&p, forged[:]); err != nil {
		t.Fatal(err)
	}
	hash := messages.point(Prepare, digest)
	if !pairingHolds(&p, &hash, &c.key.point) {
		t.Fatal("the pairing sees the component of order 3: Invariant I2 has lost its reason")
	}
	if err := c.Verify(Prepare, digest, forged); !errors.Is(err, ErrSubgroup) {
		t.Fatalf("malleated signature: got %v, want %v", err, ErrSubgroup)
	}
	if VerifyAcross([]Claim{{c.Group, Item{Prepare, digest, forged}}, {c.Group, Item{Prepare, digest, good}}}) {
		t.Fatal("a malleated signature passes among others")
	}
}

// TestDecodeG1Differential decodes x = 0 … 399 with both signs and compares
// point, curve membership and subgroup membership with gnark-crypto.
func TestDecodeG1Differential(t *testing.T) {
	var onCurve, inside int
	for i := range 400 {
		var sig Signature
		sig[0] = flagCompressed | byte(i&1)<<5
		sig[SigBytes-2], sig[SigBytes-1] = byte(i>>9), byte(i>>1)
		if i >= 300 { // real members of the subgroup
			sig = encodeG1(new(hashed(string(sig[:]), "TEST")))
		}
		var p bls.G1
		err := decodeG1(&p, sig[:])
		want, exists := gnarkDecompress(sig)
		if (err == nil) != exists {
			t.Fatalf("x = %d: got %v, gnark says on the curve: %v", i>>1, err, exists)
		}
		if err != nil {
			continue
		}
		onCurve++
		if raw := want.RawBytes(); g1Affine(p) != raw {
			t.Fatalf("x = %d: got another point", i>>1)
		}
		if p.IsValidOrder() != want.IsInSubGroup() {
			t.Fatalf("x = %d: subgroup %v, gnark says %v", i>>1, p.IsValidOrder(), want.IsInSubGroup())
		}
		if want.IsInSubGroup() {
			inside++
			if encodeG1(&p) != sig {
				t.Fatalf("x = %d: does not encode to its own bytes", i>>1)
			}
		}
	}
	if onCurve < 200 || inside < 100 || inside == onCurve {
		t.Fatalf("weak test: %d on the curve, %d in the subgroup", onCurve, inside)
	}
}

// gnarkDecompress solves the curve equation with the other library and says
// whether there is a solution; the subgroup is not checked.
func gnarkDecompress(sig Signature) (p curve.G1Affine, ok bool) {
	largerY := sig[0]&flagLargerY != 0
	sig[0] &^= flagMask
	p.X.SetBytes(sig[:])
	var y2, four fp.Element
	four.SetUint64(4)
	y2.Square(&p.X).Mul(&y2, &p.X).Add(&y2, &four)
	if p.Y.Sqrt(&y2) == nil {
		return p, false
	}
	if p.Y.LexicographicallyLargest() != largerY {
		p.Y.Neg(&p.Y)
	}
	return p, true
}

// TestDecodeG2Differential does the same for keys; gnark-crypto gives one error
// for both reasons, so only acceptance is compared for points it refuses.
func TestDecodeG2Differential(t *testing.T) {
	var inside, outside int
	for i := range 300 {
		var b [PublicKeyBytes]byte
		b[0] = flagCompressed | byte(i&1)<<5
		b[fpBytes-1], b[PublicKeyBytes-1] = byte(i%7), byte(i>>1)
		if i >= 250 {
			b = publicOf(new(scalarOf(int64(i)))).Bytes()
		}
		key, err := ParsePublicKey(b[:])
		var want curve.G2Affine
		_, wantErr := want.SetBytes(b[:])
		if (err == nil) != (wantErr == nil) {
			t.Fatalf("case %d: got %v, gnark says %v", i, err, wantErr)
		}
		if errors.Is(err, ErrSubgroup) {
			outside++
		}
		if err != nil {
			continue
		}
		inside++
		if key.Bytes() != b || want.Bytes() != b {
			t.Fatalf("case %d: does not encode to its own bytes", i)
		}
	}
	if inside != 50 || outside < 50 {
		t.Fatalf("weak test: %d inside the subgroup, %d outside", inside, outside)
	}
}

// TestGeneratorG2 holds that the constant is the generator that others use.
func TestGeneratorG2(t *testing.T) {
	_, _, _, g2 := curve.Generators()
	if (PublicKey{baseG2}).Bytes() != g2.Bytes() {
		t.Fatal("another generator of G2 than gnark-crypto's")
	}
}

// scalarOf returns v as a scalar.
func scalarOf(v int64) (x bls.Fr) {
	x.SetInt64(v)
	return x
}

// TestLibraryFaults pins the faults of the library that the package is built
// around. When an upgrade fails this test, curve.go's choices can be thought
// over again; nothing is wrong with the package then.
func TestLibraryFaults(t *testing.T) {
	infinity := make([]byte, SigBytes)
	infinity[0] = flagCompressed | flagInfinity
	var p bls.G1
	if err := p.Deserialize(infinity); err != nil {
		t.Errorf("Deserialize now refuses infinity: %v", err)
	}
	q, r := hashed("q", "TEST"), hashed("r", "TEST")
	lines, other := make([]uint64, bls.GetUint64NumToPrecompute()), make([]uint64, bls.GetUint64NumToPrecompute())
	bls.PrecomputeG2(lines, &baseG2)
	twice := publicOf(new(scalarOf(2)))
	bls.PrecomputeG2(other, &twice.point)
	var want, got bls.GT
	bls.MillerLoopVec(&want, []bls.G1{q, r}, []bls.G2{baseG2, twice.point})
	bls.PrecomputedMillerLoop2(&got, &q, lines, &r, other)
	bls.FinalExp(&want, &want)
	bls.FinalExp(&got, &got)
	if got.IsEqual(&want) {
		t.Error("PrecomputedMillerLoop2 is right now")
	}
}

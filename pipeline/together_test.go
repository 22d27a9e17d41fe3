package pipeline

import (
	"crypto/ed25519"
	"fmt"
	"math/rand/v2"
	"testing"

	"quorate/internal/edbatch"
	"quorate/wire"
)

// needTogether skips where the processor verifies nothing together.
func needTogether(t *testing.T) together {
	t.Helper()
	if !edbatch.Available() {
		t.Skip("this processor has no AVX-512 IFMA: the library verifies everything")
	}
	return newTogether()
}

// Aim: of many requests the bad ones are found and no other, wherever they are and
// however many. Method: numbers of requests around the sizes of parts, some of
// their signatures broken at random, every verdict compared with what was broken.
func TestRequestsTogether(t *testing.T) {
	suite := &realSuite{payers: newPayerKeys(), together: needTogether(t)}
	rng := rand.New(rand.NewPCG(7, 7))
	const signers = 5
	var private [signers]ed25519.PrivateKey
	var public [signers]ClientKey
	for i := range private {
		private[i] = ed25519.NewKeyFromSeed(append(make([]byte, 31), byte(i)))
		key, err := suite.NewClientKey([32]byte(private[i].Public().(ed25519.PublicKey)))
		must(t, err)
		public[i] = key
	}
	for _, n := range []int{1, 15, 16, 17, 63, 64, 65, 128, 200} {
		for _, bad := range []int{0, 1, 2, n / 2, n} {
			t.Run(fmt.Sprintf("%d bad of %d", bad, n), func(t *testing.T) {
				keys, digests := make([]ClientKey, n), make([]wire.Digest, n)
				sigs, ok := make([]wire.Signature, n), make([]bool, n)
				broken := make([]bool, n)
				for _, i := range rng.Perm(n)[:min(bad, n)] {
					broken[i] = true
				}
				for i := range n {
					digests[i][0], digests[i][1] = byte(i), byte(i>>8)
					keys[i] = public[i%signers]
					sigs[i] = wire.Signature(ed25519.Sign(private[i%signers], wire.SigningBytes(digests[i])))
					if broken[i] {
						switch rng.IntN(3) {
						case 0:
							sigs[i][rng.IntN(64)] ^= 1 << rng.IntN(8)
						case 1:
							keys[i] = public[(i+1)%signers]
						case 2:
							digests[i][31] ^= 1
						}
					}
				}
				suite.VerifyRequests(keys, digests, sigs, ok)
				for i := range ok {
					if ok[i] == broken[i] {
						t.Fatalf("verdict %d is %v, broken: %v", i, ok[i], broken[i])
					}
				}
			})
		}
	}
}

// Aim: together says yes by itself and the library is asked only for what it does
// not know. Method: claims that count who is asked.
func TestTogetherAsksTheLibraryLittle(t *testing.T) {
	together := needTogether(t)
	for _, row := range []struct {
		n, bad, ones, alls int
	}{
		{1, 0, 0, 1}, {edbatch.Worthwhile - 1, 0, 0, 1}, {edbatch.Worthwhile, 0, 0, 0}, {500, 0, 0, 0},
		{500, 1, togetherPart, 0}, {togetherPart, 1, togetherPart, 0},
	} {
		in := benchSignatures(row.n)
		if row.bad > 0 {
			in[row.n/2].Signature[3] ^= 1
		}
		c := &counted{payerClaims: payerClaims{newPayerKeys(), in}}
		ok := make([]bool, row.n)
		together.verify(c, ok)
		for i := range ok {
			if want := row.bad == 0 || i != row.n/2; ok[i] != want {
				t.Errorf("%+v: verdict %d is %v", row, i, ok[i])
			}
		}
		if c.ones != row.ones || c.alls != row.alls {
			t.Errorf("%+v: the library was asked %d times about one and %d times about all", row, c.ones, c.alls)
		}
	}
}

type counted struct {
	payerClaims
	ones, alls int
}

func (c *counted) one(i int) bool { c.ones++; return c.payerClaims.one(i) }
func (c *counted) all(ok []bool)  { c.alls++; c.payerClaims.all(ok) }

package pipeline

import (
	"encoding/binary"
	"sync"

	"github.com/oasisprotocol/curve25519-voi/curve"
	voi "github.com/oasisprotocol/curve25519-voi/primitives/ed25519"
	"github.com/oasisprotocol/curve25519-voi/primitives/ed25519/extra/cache"

	"quorate/internal/edbatch"
	"quorate/internal/plant"
	"quorate/wire"
)

// payerRules are those of ZIP-215 for the signature, the only ones under which
// batch and single verification agree on every input. Of keys they ask more: one
// of small order would let anyone sign, and a second encoding of a point would
// own a second account. A key with a component of small order is let be: under
// these rules only the holder of its secret can sign, and finding the component
// costs more than the whole verification.
var payerRules = &voi.Options{Verify: &voi.VerifyOptions{
	AllowSmallOrderR: true, AllowNonCanonicalR: true,
}}

// payerKeysMax bounds the expanded keys that are kept, 1.5 KiB each. One that is
// there saves a quarter of a verification; see docs/decisions/0012.
const payerKeysMax = 32 << 10

// payerKeys are the expanded keys of payers that were met more than once lately.
// Expanding a key costs more than it saves once: so it is done at the second
// meeting, and payers that never come again leave eight bytes.
type payerKeys struct {
	expanded cache.Cache

	mu  sync.Mutex
	met [payerPlaces]uint64 // the ends of keys, by their beginnings; the last one stays
}

// payerPlaces is the number of places in payerKeys.met: about as many as keys are
// kept, so that one which comes back later than the cache reaches is not expanded
// in vain.
const payerPlaces = payerKeysMax

func newPayerKeys() *payerKeys { return &payerKeys{expanded: cache.NewLRUCache(payerKeysMax)} }

// again reports whether a key was met lately, and notes that it is now. Whoever
// chooses keys to push others out makes verification dearer by a quarter.
func (k *payerKeys) again(key *[wire.KeyBytes]byte) bool {
	place := &k.met[binary.LittleEndian.Uint64(key[:])%payerPlaces]
	end := binary.LittleEndian.Uint64(key[wire.KeyBytes-8:])
	k.mu.Lock()
	defer k.mu.Unlock()
	met := *place == end
	*place = end
	return met
}

// get gives a key's expanded form if it is kept or was met lately, and nil otherwise
// or if it is no key.
func (k *payerKeys) get(raw *[wire.KeyBytes]byte) *voi.ExpandedPublicKey {
	point := (*curve.CompressedEdwardsY)(raw)
	key := k.expanded.Get(point)
	if key == nil && k.again(raw) {
		var err error
		if key, err = voi.NewExpandedPublicKey(raw[:]); err != nil {
			return nil
		}
		k.expanded.Put(point, key)
	}
	return key
}

// payerBatchSmall is up to where the library multiplies with the tables of
// expanded keys, and expands those that are not.
const payerBatchSmall = 94

// VerifyPayers verifies all together; only if that fails some by themselves, which
// costs much more (together.verify, payerClaims.all). Halving until the bad ones are
// found was weighed: it is dearer from the second bad one on.
func (s *realSuite) VerifyPayers(signatures []PayerSignature, ok []bool) {
	if len(signatures) == 0 {
		return
	}
	s.together.verify(&payerClaims{s.payers, signatures}, ok)
	if plant.On(plant.FirstOfPartVerified) && ok[0] {
		for i := range ok {
			ok[i] = true
		}
	}
}

// payerClaims are payers' signatures of transfers.
type payerClaims struct {
	keys       *payerKeys
	signatures []PayerSignature
}

func (c *payerClaims) add(b *edbatch.Batch, i int) {
	s := &c.signatures[i]
	b.Add(&s.Key, s.Digest[:], (*[wire.SignatureBytes]byte)(&s.Signature))
}

func (c *payerClaims) one(i int) bool {
	s := &c.signatures[i]
	if key := c.keys.get(&s.Key); key != nil {
		return voi.VerifyExpandedWithOptions(key, s.Digest[:], s.Signature[:], payerRules)
	}
	return voi.VerifyWithOptions(s.Key[:], s.Digest[:], s.Signature[:], payerRules)
}

func (c *payerClaims) all(ok []bool) {
	batch := voi.NewBatchVerifierWithCapacity(len(ok))
	if len(ok) > payerBatchSmall {
		batch.ForceNoPublicKeyExpansion() // it would be in vain, and is for fewer
	}
	for i := range c.signatures {
		s := &c.signatures[i]
		if key := c.keys.get(&s.Key); key != nil {
			batch.AddExpandedWithOptions(key, s.Digest[:], s.Signature[:], payerRules)
		} else {
			batch.AddWithOptions(s.Key[:], s.Digest[:], s.Signature[:], payerRules)
		}
	}
	all, each := batch.Verify(nil)
	for i := range ok {
		ok[i] = all || each[i]
	}
}

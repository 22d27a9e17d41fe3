package pipeline

import (
	"encoding/binary"
	"sync"

	"github.com/oasisprotocol/curve25519-voi/curve"
	voi "github.com/oasisprotocol/curve25519-voi/primitives/ed25519"
	"github.com/oasisprotocol/curve25519-voi/primitives/ed25519/extra/cache"

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

// add puts a signature into a batch.
func (k *payerKeys) add(to *voi.BatchVerifier, s *PayerSignature) {
	point := (*curve.CompressedEdwardsY)(&s.Key)
	key := k.expanded.Get(point)
	if key == nil && k.again(&s.Key) {
		var err error
		if key, err = voi.NewExpandedPublicKey(s.Key[:]); err == nil {
			k.expanded.Put(point, key)
		}
	}
	if key == nil {
		to.AddWithOptions(s.Key[:], s.Digest[:], s.Signature[:], payerRules)
		return
	}
	to.AddExpandedWithOptions(key, s.Digest[:], s.Signature[:], payerRules)
}

// payerBatchSmall is up to where the library multiplies with the tables of
// expanded keys, and expands those that are not.
const payerBatchSmall = 94

// VerifyPayers verifies all together; only if that fails each by itself, which
// costs three times as much. Halving until the bad ones are found was weighed: it
// is dearer from the second bad one on.
func (s *realSuite) VerifyPayers(signatures []PayerSignature, ok []bool) {
	if len(signatures) == 0 {
		return
	}
	batch := voi.NewBatchVerifierWithCapacity(len(signatures))
	if len(signatures) > payerBatchSmall {
		batch.ForceNoPublicKeyExpansion() // it would be in vain, and is for fewer
	}
	for i := range signatures {
		s.payers.add(batch, &signatures[i])
	}
	all, each := batch.Verify(nil)
	if plant.On(plant.FirstOfPartVerified) {
		all = each[0]
	}
	for i := range ok {
		ok[i] = all || each[i]
	}
}

package sigagg

import (
	"cmp"
	"crypto/ed25519"
	"fmt"
	"io"
	"slices"
	"sync"

	"github.com/oasisprotocol/curve25519-voi/curve"
	voi "github.com/oasisprotocol/curve25519-voi/primitives/ed25519"

	"quorate/internal/edbatch"
)

// Sizes of the encodings of Ed25519 (RFC 8032), bytes.
const (
	// EdSigBytes is the length of a signature.
	EdSigBytes = ed25519.SignatureSize
	// EdKeyBytes is the length of a public key.
	EdKeyBytes = ed25519.PublicKeySize
	// EdSeedBytes is the length of a secret.
	EdSeedBytes = ed25519.SeedSize
)

// edTail ends the tag in front of a digest that Ed25519 signs.
const edTail = "-ED25519"

// edRules are ZIP-215: the only rules under which batch and single verification
// agree on every input.
var edRules = &voi.Options{Verify: voi.VerifyOptionsZIP_215}

// edMessage is what is signed: the domain's tag and the digest. The digest has
// one length and the tags differ, so no two pairs give the same bytes.
func edMessage(domain Domain, digest [32]byte) []byte {
	b := make([]byte, 0, 64)
	b = append(b, dstHead...)
	b = append(b, domainNames[domain]...)
	b = append(b, edTail...)
	return append(b, digest[:]...)
}

// EdSigner signs with one replica's Ed25519 key. It is immutable and safe for
// concurrent use.
type EdSigner struct{ key voi.PrivateKey }

// NewEdSigner returns the signer of a seed of EdSeedBytes, or ErrSecret.
func NewEdSigner(seed []byte) (*EdSigner, error) {
	if len(seed) != EdSeedBytes {
		return nil, fmt.Errorf("%w: %d bytes, want %d", ErrSecret, len(seed), EdSeedBytes)
	}
	return &EdSigner{key: voi.NewKeyFromSeed(seed)}, nil
}

// Format prints no secret, whatever the verb.
func (s EdSigner) Format(w fmt.State, _ rune) { _, _ = io.WriteString(w, "sigagg.EdSigner(redacted)") }

// Public returns the EdKeyBytes of the public key, a copy.
func (s *EdSigner) Public() []byte { return slices.Clone(s.key[EdSeedBytes:]) }

// Sign returns the signature over digest in domain, EdSigBytes. It is
// deterministic. The domain is chosen by our own code, so an unknown one panics.
func (s *EdSigner) Sign(domain Domain, digest [32]byte) []byte {
	if !domain.Valid() {
		panic("sigagg: sign under " + domain.String())
	}
	return voi.Sign(s.key, edMessage(domain, digest))
}

// EdKeys are the public keys of the signers, ready to verify with. Groups of
// several thresholds share them.
type EdKeys struct{ keys []edKey }

// edKey is a signer's public key.
type edKey struct {
	raw      [EdKeyBytes]byte
	expanded *voi.ExpandedPublicKey
}

// NewEdKeys takes the EdKeyBytes of each signer. It returns ErrThreshold for
// other than 1 to SignersMax signers, ErrPoint for bytes that are no canonical
// point, ErrSubgroup for a point with a component of small order, and ErrKeySet
// for a key of two signers.
func NewEdKeys(keys [][]byte) (*EdKeys, error) {
	if err := checkThreshold(1, len(keys)); err != nil {
		return nil, err
	}
	e := &EdKeys{}
	first := make(map[[EdKeyBytes]byte]int, len(keys))
	for i, b := range keys {
		if err := checkEdKey(b); err != nil {
			return nil, fmt.Errorf("%w: key of signer %d", err, i)
		}
		raw := [EdKeyBytes]byte(b)
		if j, twice := first[raw]; twice {
			return nil, fmt.Errorf("%w: signers %d and %d have the same key", ErrKeySet, j, i)
		}
		first[raw] = i
		k, err := voi.NewExpandedPublicKey(b)
		if err != nil {
			return nil, fmt.Errorf("%w: key of signer %d", ErrPoint, i)
		}
		e.keys = append(e.keys, edKey{raw, k})
	}
	return e, nil
}

// checkEdKey refuses a key under which two correct verifiers could differ.
func checkEdKey(b []byte) error {
	if len(b) != EdKeyBytes {
		return fmt.Errorf("%w: %d bytes, want %d", ErrPoint, len(b), EdKeyBytes)
	}
	var y curve.CompressedEdwardsY
	copy(y[:], b)
	var p curve.EdwardsPoint
	if _, err := p.SetCompressedY(&y); err != nil || !y.IsCanonicalVartime() {
		return ErrPoint
	}
	if p.IsSmallOrder() || !p.IsTorsionFree() {
		return ErrSubgroup
	}
	return nil
}

// Public returns the key of one signer, a copy, or ErrSigner.
func (e *EdKeys) Public(signer int) ([]byte, error) {
	if signer < 0 || signer >= len(e.keys) {
		return nil, fmt.Errorf("%w: %d of %d", ErrSigner, signer, len(e.keys))
	}
	return slices.Clone(e.keys[signer].raw[:]), nil
}

// EdGroup combines and verifies certificates of plain signatures: those of
// exactly threshold signers, in their order, behind the bitmap of who they are.
// It is safe for concurrent use.
//
// Certificates are not unique, for two reasons: a digest has one for each set of
// signers, and a dishonest signer can make many signatures.
type EdGroup struct {
	threshold int
	keys      *EdKeys
}

// NewEdGroup returns the group of a threshold among these keys, or ErrThreshold.
func NewEdGroup(threshold int, keys *EdKeys) (*EdGroup, error) {
	if err := checkThreshold(threshold, len(keys.keys)); err != nil {
		return nil, err
	}
	return &EdGroup{threshold: threshold, keys: keys}, nil
}

// Threshold returns how many distinct signers make a certificate.
func (g *EdGroup) Threshold() int { return g.threshold }

// Size returns n, the number of signers.
func (g *EdGroup) Size() int { return len(g.keys.keys) }

// Combine makes a certificate of the first threshold good votes, in any order of
// signers. Its contract, culprits and errors are those of Group.Combine; a vote
// of a length other than EdSigBytes is a bad one.
func (g *EdGroup) Combine(domain Domain, digest [32]byte, votes []Vote) (cert []byte, culprits []int, err error) {
	err = checkShares(domain, g.threshold, g.Size(), len(votes), func(i int) int { return votes[i].Signer })
	if err != nil {
		return nil, nil, err
	}
	message := edMessage(domain, digest)
	good := make([]Vote, 0, g.threshold)
	for len(votes) > 0 && len(good) < g.threshold {
		take := min(g.threshold-len(good), len(votes))
		for i, ok := range g.judge(message, votes[:take]) {
			if ok {
				good = append(good, votes[i])
			} else {
				culprits = append(culprits, votes[i].Signer)
			}
		}
		votes = votes[take:]
	}
	slices.Sort(culprits)
	if len(good) < g.threshold {
		return nil, culprits, fmt.Errorf("%w: %d good of %d needed", ErrTooFew, len(good), g.threshold)
	}
	slices.SortFunc(good, func(a, b Vote) int { return cmp.Compare(a.Signer, b.Signer) })
	signers := make([]int, len(good))
	for i := range good {
		signers[i] = good[i].Signer
	}
	cert = appendBitmap(make([]byte, 0, bitmapBytes(g.Size())+g.threshold*EdSigBytes), g.Size(), signers)
	for i := range good {
		cert = append(cert, good[i].Sig...)
	}
	return cert, culprits, nil
}

// judge says of each vote whether it is good, all together first.
func (g *EdGroup) judge(message []byte, votes []Vote) []bool {
	batch := newEdBatch(len(votes))
	for i := range votes {
		batch.add(&g.keys.keys[votes[i].Signer], message, votes[i].Sig)
	}
	return batch.each()
}

// Verify returns nil if cert is a certificate over digest in domain, and
// otherwise ErrDomain, ErrCertificate or ErrVerify.
func (g *EdGroup) Verify(domain Domain, digest [32]byte, cert []byte) error {
	if !domain.Valid() {
		return fmt.Errorf("%w: %d", ErrDomain, uint8(domain))
	}
	signers, sigs, err := g.parse(cert)
	if err != nil {
		return err
	}
	batch := newEdBatch(len(signers))
	g.addAll(batch, edMessage(domain, digest), signers, sigs)
	if slices.Contains(batch.each(), false) {
		return ErrVerify
	}
	return nil
}

// parse reads a certificate into its signers and their signatures, which alias
// cert.
func (g *EdGroup) parse(cert []byte) (signers []int, sigs []byte, err error) {
	signers, sigs, err = parseBitmap(cert, g.Size(), g.threshold)
	if err == nil && len(sigs) != len(signers)*EdSigBytes {
		err = fmt.Errorf("%w: %d bytes behind the bitmap, want %d", ErrCertificate, len(sigs), len(signers)*EdSigBytes)
	}
	return signers, sigs, err
}

func (g *EdGroup) addAll(batch *edBatch, message []byte, signers []int, sigs []byte) {
	for i, s := range signers {
		batch.add(&g.keys.keys[s], message, sigs[i*EdSigBytes:(i+1)*EdSigBytes])
	}
}

// EdClaim is a certificate and the group that is said to have made it.
type EdClaim struct {
	Group *EdGroup
	CertItem
}

// EdVerifyAcross reports whether all of claims are good, the signatures of all of
// them in one batch; its verdict is that of Verify on each.
func EdVerifyAcross(claims []EdClaim) bool {
	batch := newEdBatch(0)
	for i := range claims {
		c := &claims[i]
		if !c.Domain.Valid() {
			return false
		}
		signers, sigs, err := c.Group.parse(c.Cert)
		if err != nil {
			return false
		}
		c.Group.addAll(batch, edMessage(c.Domain, c.Digest), signers, sigs)
	}
	return !slices.Contains(batch.each(), false)
}

// edSingles is up to how many signatures are verified one by one: the common
// work of a batch pays from three on (BenchmarkEdBatch).
const edSingles = 2

// edBatch verifies signatures together.
type edBatch struct {
	entries []edEntry
}

type edEntry struct {
	key          *edKey
	message, sig []byte
}

func newEdBatch(size int) *edBatch { return &edBatch{entries: make([]edEntry, 0, size)} }

func (b *edBatch) add(key *edKey, message, sig []byte) {
	b.entries = append(b.entries, edEntry{key, message, sig})
}

// each says of every entry whether it is good.
func (b *edBatch) each() []bool {
	switch n := len(b.entries); {
	case n <= edSingles:
		return b.oneByOne()
	case n >= edbatch.Worthwhile && b.wide():
		good := make([]bool, n)
		for i := range good {
			good[i] = true
		}
		return good
	}
	return b.together()
}

// wideBatches keeps the memory of batches of eight lanes.
var wideBatches = sync.Pool{New: func() any { return edbatch.New() }}

// wide reports whether all entries are known to be good, where the processor has
// what that takes; the library decides about what is not known.
func (b *edBatch) wide() bool {
	if !edbatch.Available() {
		return false
	}
	batch := wideBatches.Get().(*edbatch.Batch)
	defer wideBatches.Put(batch)
	batch.Reset()
	for _, e := range b.entries {
		if len(e.sig) != EdSigBytes {
			return false
		}
		batch.Add(&e.key.raw, e.message, (*[EdSigBytes]byte)(e.sig))
	}
	return batch.Verify()
}

func (b *edBatch) oneByOne() []bool {
	good := make([]bool, len(b.entries))
	for i, e := range b.entries {
		good[i] = voi.VerifyExpandedWithOptions(e.key.expanded, e.message, e.sig, edRules)
	}
	return good
}

func (b *edBatch) together() []bool {
	batch := voi.NewBatchVerifierWithCapacity(len(b.entries))
	for _, e := range b.entries {
		batch.AddExpandedWithOptions(e.key.expanded, e.message, e.sig, edRules)
	}
	all, each := batch.Verify(nil)
	good := make([]bool, len(b.entries))
	for i := range good {
		good[i] = all || each[i]
	}
	return good
}

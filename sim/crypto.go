package sim

import (
	"crypto/ed25519"
	"encoding/binary"
	"errors"
	"math/bits"

	"quorate/cluster"
	"quorate/consensus"
	"quorate/internal/assert"
	"quorate/pipeline"
	"quorate/wire"
)

// oracle is ideal cryptography: a signature is a tag under a key that no code
// of a replica sees, so forging one means guessing 64 bits. Shares that do not
// verify can exist: they are any other bytes.
type oracle struct {
	secret    uint64
	threshold [8]int // shares per purpose
	telling   bool   // certificates tell their signers, and so are not unique
}

func newOracle(secret uint64, q cluster.Quorums, telling bool) *oracle {
	o := &oracle{secret: secret, telling: telling}
	o.threshold[consensus.PurposeSigma] = q.Sigma
	o.threshold[consensus.PurposeTau] = q.Tau
	o.threshold[consensus.PurposeTauTau] = q.Tau
	o.threshold[consensus.PurposeCheckpoint] = q.Tau
	o.threshold[consensus.PurposePi] = q.Pi
	return o
}

// trusting is a planted bug: it takes every certificate for good.
type trusting struct{ pipeline.Suite }

func (trusting) VerifyGroup(consensus.Purpose, wire.Digest, wire.Certificate) bool { return true }

func (trusting) VerifyGroups([]pipeline.Certificate) bool { return true }

// The kinds of tags.
const (
	tagShare uint64 = iota + 1
	tagGroup
	tagIdentity
	tagClient
	tagSigned
	tagPayer
)

// tag is the secret function of everything that a signature is over.
func (o *oracle) tag(kind, signer uint64, message []byte) uint64 {
	h := hash(o.secret)
	h.add(kind)
	h.add(signer)
	h.bytes(message)
	return uint64(h)
}

// tagged puts a tag into the bytes of a share or certificate. Its first byte is
// never that of a point of BLS12-381, so that ideal and real ones are not mixed
// up by mistake.
func tagged(tag uint64) (b [48]byte) {
	b[0] = 1
	binary.LittleEndian.PutUint64(b[8:], tag)
	return b
}

// shareOf and certificateOf take bytes that the simulator made and keeps short.
func shareOf(b []byte) wire.Share {
	s, err := wire.NewShare(b)
	assert.That(err == nil, "sim: %v", err)
	return s
}

func certificateOf(b []byte) wire.Certificate {
	c, err := wire.NewCertificate(b)
	assert.That(err == nil, "sim: %v", err)
	return c
}

func ed(tag uint64) (s wire.Signature) {
	binary.LittleEndian.PutUint64(s[8:], tag)
	return s
}

func (o *oracle) share(p consensus.Purpose, r wire.ReplicaID, h wire.Digest) wire.Share {
	b := tagged(o.tag(tagShare, uint64(p)<<16|uint64(r), h[:]))
	return shareOf(b[:])
}

// group is the one certificate of threshold signatures.
func (o *oracle) group(p consensus.Purpose, h wire.Digest) wire.Certificate {
	b := tagged(o.tag(tagGroup, uint64(p), h[:]))
	return certificateOf(b[:])
}

// signers is a set of replicas, as the bytes of a certificate hold it.
type signers [(wire.ReplicasMax + 7) / 8]byte

// signed is the certificate of a set of signers, where they are told.
func (o *oracle) signed(p consensus.Purpose, h wire.Digest, by signers) wire.Certificate {
	b := tagged(o.tag(tagSigned, uint64(p), append(h[:], by[:]...)))
	return certificateOf(append(by[:], b[:]...))
}

// verifies judges a certificate's bytes.
func (o *oracle) verifies(p consensus.Purpose, h wire.Digest, c wire.Certificate) bool {
	if !o.telling {
		return c == o.group(p, h)
	}
	var by signers
	count := 0
	copy(by[:], c.Bytes())
	for _, b := range by {
		count += bits.OnesCount8(b)
	}
	return count == o.threshold[p] && c == o.signed(p, h, by)
}

func (o *oracle) identity(r wire.ReplicaID, message []byte) wire.Signature {
	return ed(o.tag(tagIdentity, uint64(r), message))
}

// client signs as a client; message is wire.SigningBytes of a request.
func (o *oracle) client(key [32]byte, message []byte) wire.Signature {
	return ed(o.tag(tagClient, binary.LittleEndian.Uint64(key[:]), message))
}

// payer signs a transfer as the owner of an account; d is its wire.TransferDigest.
func (o *oracle) payer(key [32]byte, d wire.Digest) wire.Signature {
	return ed(o.tag(tagPayer, binary.LittleEndian.Uint64(key[:]), d[:]))
}

// idealSuite is the oracle as one replica may use it.
type idealSuite struct {
	o    *oracle
	self wire.ReplicaID
}

var _ pipeline.Suite = idealSuite{}

func (s idealSuite) SignShare(p consensus.Purpose, h wire.Digest) wire.Share {
	return s.o.share(p, s.self, h)
}

func (s idealSuite) SignIdentity(message []byte) wire.Signature {
	return s.o.identity(s.self, message)
}

func (s idealSuite) Combine(p consensus.Purpose, h wire.Digest, shares []consensus.ShareOf) (wire.Certificate, []wire.ReplicaID, bool) {
	var culprits []wire.ReplicaID
	good := 0
	var by signers // the first good ones, as many as are needed
	seen := map[wire.ReplicaID]bool{}
	for _, sh := range shares {
		switch {
		case sh.Share != s.o.share(p, sh.Replica, h):
			culprits = append(culprits, sh.Replica)
		case !seen[sh.Replica]:
			seen[sh.Replica] = true
			if good++; good <= s.o.threshold[p] {
				by[sh.Replica/8] |= 1 << (sh.Replica % 8)
			}
		}
	}
	if len(culprits) > 0 || good < s.o.threshold[p] {
		return wire.Certificate{}, culprits, false
	}
	if !s.o.telling {
		return s.o.group(p, h), nil, true
	}
	return s.o.signed(p, h, by), nil, true
}

func (s idealSuite) VerifyGroup(p consensus.Purpose, h wire.Digest, sig wire.Certificate) bool {
	return s.o.verifies(p, h, sig)
}

func (s idealSuite) VerifyGroups(certs []pipeline.Certificate) bool {
	for _, c := range certs {
		if !s.VerifyGroup(c.Purpose, c.Hash, c.Sig) {
			return false
		}
	}
	return true
}

func (s idealSuite) VerifyIdentity(id wire.ReplicaID, message []byte, sig wire.Signature) bool {
	return sig == s.o.identity(id, message)
}

func (s idealSuite) NewClientKey(key [32]byte) (pipeline.ClientKey, error) { return key, nil }

func (s idealSuite) VerifyRequests(keys []pipeline.ClientKey, digests []wire.Digest, sigs []wire.Signature, ok []bool) {
	for i := range digests {
		ok[i] = sigs[i] == s.o.client(keys[i].([32]byte), wire.SigningBytes(digests[i]))
	}
}

func (s idealSuite) VerifyPayers(signatures []pipeline.PayerSignature, ok []bool) {
	for i := range signatures {
		p := &signatures[i]
		ok[i] = p.Signature == s.o.payer(p.Key, p.Digest)
	}
}

var errForged = errors.New("sim: certificate does not verify")

// keyring is the cryptography of one cluster: what each replica, each client
// and the checkers use.
type keyring struct {
	cluster  wire.Digest
	suites   []pipeline.Suite
	sign     func(client int, message []byte) wire.Signature
	pay      func(payer int, d wire.Digest) wire.Signature
	paid     func(p *pipeline.PayerSignature) bool // whether a payer signed this
	check    func(h *wire.BlockHeader, pi wire.Certificate) error
	verifier pipeline.Suite
	oracle   *oracle // nil with real cryptography
}

// idealKeys makes the keys of most runs.
func idealKeys(seed uint64, q cluster.Quorums, telling bool) *keyring {
	o := newOracle(seed, q, telling)
	k := &keyring{cluster: wire.Sum("sim/cluster", binary.LittleEndian.AppendUint64(nil, seed)), oracle: o}
	for i := range q.N {
		k.suites = append(k.suites, idealSuite{o, wire.ReplicaID(i)})
	}
	k.verifier = k.suites[0]
	k.sign = func(c int, message []byte) wire.Signature { return o.client(clientKey(c), message) }
	k.pay = func(p int, d wire.Digest) wire.Signature { return o.payer(payerKey(p), d) }
	k.paid = func(p *pipeline.PayerSignature) bool { return p.Signature == o.payer(p.Key, p.Digest) }
	scope := wire.Scope{Cluster: k.cluster, Epoch: 1}
	k.check = func(h *wire.BlockHeader, pi wire.Certificate) error {
		if !k.verifier.VerifyGroup(consensus.PurposePi, scope.ExecuteHash(h.Seq, h.Hash()), pi) {
			return errForged
		}
		return nil
	}
	return k
}

// clientSecrets are the same in every run: making a key takes 30 µs.
var clientSecrets = func() (keys [clientsMax]ed25519.PrivateKey) {
	for i := range keys {
		seed := wire.Sum("sim/client", []byte{byte(i)})
		keys[i] = ed25519.NewKeyFromSeed(seed[:])
	}
	return keys
}()

// clientsMax bounds the clients of a run.
const clientsMax = 16

func clientKey(c int) (key [32]byte) {
	copy(key[:], clientSecrets[c].Public().(ed25519.PublicKey))
	return key
}

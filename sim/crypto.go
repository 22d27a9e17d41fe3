package sim

import (
	"crypto/ed25519"
	"encoding/binary"
	"errors"

	"quorate/cluster"
	"quorate/consensus"
	"quorate/pipeline"
	"quorate/wire"
)

// oracle is ideal cryptography: a signature is a tag under a key that no code
// of a replica sees, so forging one means guessing 64 bits. Shares that do not
// verify can exist: they are any other bytes.
type oracle struct {
	secret    uint64
	threshold [8]int // shares per purpose
}

func newOracle(secret uint64, q cluster.Quorums) *oracle {
	o := &oracle{secret: secret}
	o.threshold[consensus.PurposeSigma] = q.Sigma
	o.threshold[consensus.PurposeTau] = q.Tau
	o.threshold[consensus.PurposeTauTau] = q.Tau
	o.threshold[consensus.PurposeCheckpoint] = q.Tau
	o.threshold[consensus.PurposePi] = q.Pi
	return o
}

// trusting is a planted bug: it takes every certificate for good.
type trusting struct{ pipeline.Suite }

func (trusting) VerifyGroup(consensus.Purpose, wire.Digest, wire.BLSSignature) bool { return true }

func (trusting) VerifyGroups([]pipeline.Certificate) bool { return true }

// The kinds of tags.
const (
	tagShare uint64 = iota + 1
	tagGroup
	tagIdentity
	tagClient
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

// bls puts a tag into a signature. Its first byte is never that of a point of
// BLS12-381, so that ideal and real ones are not mixed up by mistake.
func bls(tag uint64) (s wire.BLSSignature) {
	s[0] = 1
	binary.LittleEndian.PutUint64(s[8:], tag)
	return s
}

func ed(tag uint64) (s wire.Signature) {
	binary.LittleEndian.PutUint64(s[8:], tag)
	return s
}

func (o *oracle) share(p consensus.Purpose, r wire.ReplicaID, h wire.Digest) wire.BLSSignature {
	return bls(o.tag(tagShare, uint64(p)<<16|uint64(r), h[:]))
}

func (o *oracle) group(p consensus.Purpose, h wire.Digest) wire.BLSSignature {
	return bls(o.tag(tagGroup, uint64(p), h[:]))
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

func (s idealSuite) SignShare(p consensus.Purpose, h wire.Digest) wire.BLSSignature {
	return s.o.share(p, s.self, h)
}

func (s idealSuite) SignIdentity(message []byte) wire.Signature {
	return s.o.identity(s.self, message)
}

func (s idealSuite) Combine(p consensus.Purpose, h wire.Digest, shares []consensus.ShareOf) (wire.BLSSignature, []wire.ReplicaID, bool) {
	var culprits []wire.ReplicaID
	good := 0
	seen := map[wire.ReplicaID]bool{}
	for _, sh := range shares {
		switch {
		case sh.Share != s.o.share(p, sh.Replica, h):
			culprits = append(culprits, sh.Replica)
		case !seen[sh.Replica]:
			seen[sh.Replica] = true
			good++
		}
	}
	if len(culprits) > 0 || good < s.o.threshold[p] {
		return wire.BLSSignature{}, culprits, false
	}
	return s.o.group(p, h), nil, true
}

func (s idealSuite) VerifyGroup(p consensus.Purpose, h wire.Digest, sig wire.BLSSignature) bool {
	return sig == s.o.group(p, h)
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
	check    func(h *wire.BlockHeader, pi wire.BLSSignature) error
	verifier pipeline.Suite
	oracle   *oracle // nil with real cryptography
}

// idealKeys makes the keys of most runs.
func idealKeys(seed uint64, q cluster.Quorums) *keyring {
	o := newOracle(seed, q)
	k := &keyring{cluster: wire.Sum("sim/cluster", binary.LittleEndian.AppendUint64(nil, seed)), oracle: o}
	for i := range q.N {
		k.suites = append(k.suites, idealSuite{o, wire.ReplicaID(i)})
	}
	k.verifier = k.suites[0]
	k.sign = func(c int, message []byte) wire.Signature { return o.client(clientKey(c), message) }
	k.pay = func(p int, d wire.Digest) wire.Signature { return o.payer(payerKey(p), d) }
	k.paid = func(p *pipeline.PayerSignature) bool { return p.Signature == o.payer(p.Key, p.Digest) }
	scope := wire.Scope{Cluster: k.cluster, Epoch: 1}
	k.check = func(h *wire.BlockHeader, pi wire.BLSSignature) error {
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

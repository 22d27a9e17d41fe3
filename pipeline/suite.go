package pipeline

import (
	"crypto/ed25519"
	"fmt"
	"io"

	voi "github.com/oasisprotocol/curve25519-voi/primitives/ed25519"

	"quorate/cluster"
	"quorate/consensus"
	"quorate/internal/assert"
	"quorate/internal/edbatch"
	"quorate/internal/scheme"
	"quorate/sigagg"
	"quorate/wire"
)

// Suite is the cryptography of one replica. A simulator gives an ideal one.
// All methods may be called from several goroutines at once.
type Suite interface {
	// SignShare gives this replica's share over hash, the same each time.
	SignShare(p consensus.Purpose, hash wire.Digest) wire.Share
	// SignIdentity signs message with this replica's Ed25519 identity key.
	SignIdentity(message []byte) wire.Signature
	// Combine combines shares over hash, verifies the result once, and on
	// failure names the shares that do not verify.
	Combine(p consensus.Purpose, hash wire.Digest, shares []consensus.ShareOf) (cert wire.Certificate, culprits []wire.ReplicaID, ok bool)
	// VerifyGroup checks a certificate.
	VerifyGroup(p consensus.Purpose, hash wire.Digest, cert wire.Certificate) bool
	// VerifyGroups reports whether all of several certificates are good;
	// its verdict is that of VerifyGroup on each.
	VerifyGroups(certs []Certificate) bool
	// VerifyIdentity checks a replica's Ed25519 signature.
	VerifyIdentity(id wire.ReplicaID, message []byte, sig wire.Signature) bool
	// NewClientKey prepares a client's key for VerifyRequests.
	NewClientKey(key [32]byte) (ClientKey, error)
	// VerifyRequests checks one signature per request digest and reports each.
	// The rules are the same whether one or many are checked. ok has the length
	// of digests.
	VerifyRequests(keys []ClientKey, digests []wire.Digest, sigs []wire.Signature, ok []bool)
	// VerifyPayers checks payers' signatures and reports each. The rules are the
	// same whether one or many are checked. ok has the length of signatures.
	VerifyPayers(signatures []PayerSignature, ok []bool)
}

// ClientKey is a prepared client key; only its suite knows what it is.
type ClientKey any

// realSuite is the signature scheme of genesis for what replicas sign together,
// and Ed25519 (ZIP-215 rules, for single and batch verification alike) for
// clients and replicas by themselves.
type realSuite struct {
	identity   ed25519.PrivateKey
	identities []ed25519.PublicKey
	payers     *payerKeys
	together   together
	groups     *scheme.Groups
	signers    *scheme.Signers
}

// Format prints no secret, whatever the verb.
func (s realSuite) Format(w fmt.State, _ rune) { _, _ = io.WriteString(w, "pipeline.Suite(redacted)") }

// NewSuite makes the real cryptography from genesis and a node's keys. It
// refuses keys that do not belong together. Without keys (nil) it verifies and
// must not be asked to sign.
func NewSuite(g *cluster.Genesis, keys *cluster.NodeKeys) (Suite, error) {
	s := &realSuite{payers: newPayerKeys(), together: newTogether(), signers: &scheme.Signers{}}
	for i := range g.Members {
		s.identities = append(s.identities, g.Members[i].Identity)
	}
	var err error
	if s.groups, err = scheme.Open(g); err != nil {
		return nil, fmt.Errorf("pipeline: %w", err)
	}
	if keys == nil {
		return s, nil
	}
	s.identity = keys.Identity()
	if s.signers, err = scheme.NewSigners(g, keys); err != nil {
		return nil, fmt.Errorf("pipeline: %w", err)
	}
	return s, nil
}

func (s *realSuite) pick(p consensus.Purpose) (scheme.Group, scheme.Signer, sigagg.Domain) {
	switch p {
	case consensus.PurposeSigma:
		return s.groups.Sigma, s.signers.Sigma, sigagg.FastCommit
	case consensus.PurposeTau:
		return s.groups.Tau, s.signers.Tau, sigagg.Prepare
	case consensus.PurposeTauTau:
		return s.groups.Tau, s.signers.Tau, sigagg.SlowCommit
	case consensus.PurposeCheckpoint:
		return s.groups.Tau, s.signers.Tau, sigagg.Checkpoint
	default:
		return s.groups.Pi, s.signers.Pi, sigagg.ExecState
	}
}

func (s *realSuite) SignShare(p consensus.Purpose, hash wire.Digest) wire.Share {
	_, signer, domain := s.pick(p)
	share, err := wire.NewShare(signer.Sign(domain, hash))
	assert.That(err == nil, "pipeline: own share: %v", err)
	return share
}

func (s *realSuite) SignIdentity(message []byte) (sig wire.Signature) {
	copy(sig[:], ed25519.Sign(s.identity, message))
	return sig
}

func (s *realSuite) Combine(p consensus.Purpose, hash wire.Digest, shares []consensus.ShareOf) (wire.Certificate, []wire.ReplicaID, bool) {
	g, _, domain := s.pick(p)
	votes := make([]sigagg.Vote, len(shares))
	for i := range shares {
		votes[i] = sigagg.Vote{Signer: int(shares[i].Replica), Sig: shares[i].Share.Bytes()}
	}
	raw, bad, err := g.Combine(domain, hash, votes)
	culprits := make([]wire.ReplicaID, len(bad))
	for i, b := range bad {
		culprits[i] = wire.ReplicaID(b)
	}
	if err != nil {
		return wire.Certificate{}, culprits, false
	}
	cert, err := wire.NewCertificate(raw)
	return cert, culprits, err == nil
}

func (s *realSuite) VerifyGroup(p consensus.Purpose, hash wire.Digest, cert wire.Certificate) bool {
	g, _, domain := s.pick(p)
	return g.Verify(domain, hash, cert.Bytes()) == nil
}

func (s *realSuite) VerifyGroups(certs []Certificate) bool {
	if len(certs) == 1 {
		return s.VerifyGroup(certs[0].Purpose, certs[0].Hash, certs[0].Sig)
	}
	claims := make([]scheme.Claim, len(certs))
	for i := range certs {
		c := &certs[i]
		g, _, domain := s.pick(c.Purpose)
		claims[i] = scheme.Claim{Group: g, CertItem: sigagg.CertItem{Domain: domain, Digest: c.Hash, Cert: c.Sig.Bytes()}}
	}
	return scheme.VerifyAll(claims)
}

func (s *realSuite) VerifyIdentity(id wire.ReplicaID, message []byte, sig wire.Signature) bool {
	return int(id) < len(s.identities) && ed25519.Verify(s.identities[id], message, sig[:])
}

// verifyRules are ZIP-215: the only rules under which batch and single
// verification agree on every input.
var verifyRules = &voi.Options{Verify: voi.VerifyOptionsZIP_215}

// clientKey is a ClientKey.
type clientKey struct {
	raw      [wire.KeyBytes]byte
	expanded *voi.ExpandedPublicKey
}

func (s *realSuite) NewClientKey(key [32]byte) (ClientKey, error) {
	if err := cluster.CheckKey(key[:]); err != nil {
		return nil, err
	}
	expanded, err := voi.NewExpandedPublicKey(key[:])
	return &clientKey{key, expanded}, err
}

func (s *realSuite) VerifyRequests(keys []ClientKey, digests []wire.Digest, sigs []wire.Signature, ok []bool) {
	s.together.verify(&requestClaims{keys, digests, sigs}, ok)
}

// requestClaims are clients' signatures of requests.
type requestClaims struct {
	keys    []ClientKey
	digests []wire.Digest
	sigs    []wire.Signature
}

func (c *requestClaims) add(b *edbatch.Batch, i int) {
	b.Add(&c.keys[i].(*clientKey).raw, wire.SigningBytes(c.digests[i]), (*[wire.SignatureBytes]byte)(&c.sigs[i]))
}

func (c *requestClaims) one(i int) bool {
	return voi.VerifyExpandedWithOptions(c.keys[i].(*clientKey).expanded, wire.SigningBytes(c.digests[i]), c.sigs[i][:], verifyRules)
}

func (c *requestClaims) all(ok []bool) {
	if len(ok) == 1 {
		ok[0] = c.one(0)
		return
	}
	batch := voi.NewBatchVerifierWithCapacity(len(ok))
	for i := range ok {
		batch.AddExpandedWithOptions(c.keys[i].(*clientKey).expanded, wire.SigningBytes(c.digests[i]), c.sigs[i][:], verifyRules)
	}
	all, each := batch.Verify(nil)
	for i := range ok {
		ok[i] = all || each[i]
	}
}

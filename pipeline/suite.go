package pipeline

import (
	"crypto/ed25519"
	"fmt"

	voi "github.com/oasisprotocol/curve25519-voi/primitives/ed25519"

	"quorate/cluster"
	"quorate/consensus"
	"quorate/internal/assert"
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
}

// ClientKey is a prepared client key; only its suite knows what it is.
type ClientKey any

// realSuite is BLS12-381 and Ed25519 (ZIP-215 rules, for single and batch
// verification alike).
type realSuite struct {
	identity                   ed25519.PrivateKey
	identities                 []ed25519.PublicKey
	sigma, tau, pi             *sigagg.Group
	sigmaSign, tauSign, piSign *sigagg.Signer
}

// NewSuite makes the real cryptography from genesis and a node's keys. It
// refuses keys that do not belong together. Without keys (nil) it verifies and
// must not be asked to sign.
func NewSuite(g *cluster.Genesis, keys *cluster.NodeKeys) (Suite, error) {
	q := g.Quorums()
	s := &realSuite{}
	if keys != nil {
		s.identity = keys.Identity()
	}
	var sigma, tau, pi []sigagg.PublicKey
	for i := range g.Members {
		m := &g.Members[i]
		s.identities = append(s.identities, m.Identity)
		for _, k := range []struct {
			to  *[]sigagg.PublicKey
			key *cluster.GroupKey
		}{{&sigma, &m.SigmaShare}, {&tau, &m.TauShare}, {&pi, &m.PiShare}} {
			pk, err := sigagg.ParsePublicKey(k.key[:])
			if err != nil {
				return nil, fmt.Errorf("pipeline: share key of replica %d: %w", i, err)
			}
			*k.to = append(*k.to, pk)
		}
	}
	var err error
	if s.sigma, err = group(q.Sigma, g.Sigma, sigma); err != nil {
		return nil, fmt.Errorf("pipeline: sigma key: %w", err)
	}
	if s.tau, err = group(q.Tau, g.Tau, tau); err != nil {
		return nil, fmt.Errorf("pipeline: tau key: %w", err)
	}
	if s.pi, err = group(q.Pi, g.Pi, pi); err != nil {
		return nil, fmt.Errorf("pipeline: pi key: %w", err)
	}
	if keys == nil {
		return s, nil
	}
	if s.sigmaSign, err = signer(s.sigma, keys.SigmaShare, keys.Replica); err != nil {
		return nil, fmt.Errorf("pipeline: sigma share: %w", err)
	}
	if s.tauSign, err = signer(s.tau, keys.TauShare, keys.Replica); err != nil {
		return nil, fmt.Errorf("pipeline: tau share: %w", err)
	}
	if s.piSign, err = signer(s.pi, keys.PiShare, keys.Replica); err != nil {
		return nil, fmt.Errorf("pipeline: pi share: %w", err)
	}
	return s, nil
}

func group(k int, key cluster.GroupKey, shares []sigagg.PublicKey) (*sigagg.Group, error) {
	pk, err := sigagg.ParsePublicKey(key[:])
	if err != nil {
		return nil, err
	}
	return sigagg.NewGroup(k, pk, shares)
}

// signer checks that a secret share is the one whose public key genesis lists.
func signer(g *sigagg.Group, secret [32]byte, id wire.ReplicaID) (*sigagg.Signer, error) {
	sec, err := sigagg.ParseSecretShare(secret[:])
	if err != nil {
		return nil, err
	}
	s, err := sigagg.NewSigner(sec, int(id))
	if err != nil {
		return nil, err
	}
	want, err := g.SharePublic(int(id))
	if err != nil {
		return nil, err
	}
	if !want.Equal(s.Public()) {
		return nil, fmt.Errorf("the secret is not replica %d's of genesis", id)
	}
	return s, nil
}

func (s *realSuite) pick(p consensus.Purpose) (*sigagg.Group, *sigagg.Signer, sigagg.Domain) {
	switch p {
	case consensus.PurposeSigma:
		return s.sigma, s.sigmaSign, sigagg.FastCommit
	case consensus.PurposeTau:
		return s.tau, s.tauSign, sigagg.Prepare
	case consensus.PurposeTauTau:
		return s.tau, s.tauSign, sigagg.SlowCommit
	case consensus.PurposeCheckpoint:
		return s.tau, s.tauSign, sigagg.Checkpoint
	default:
		return s.pi, s.piSign, sigagg.ExecState
	}
}

func (s *realSuite) SignShare(p consensus.Purpose, hash wire.Digest) wire.Share {
	_, signer, domain := s.pick(p)
	sig := signer.Sign(domain, hash)
	share, err := wire.NewShare(sig[:])
	assert.That(err == nil, "pipeline: own share: %v", err)
	return share
}

func (s *realSuite) SignIdentity(message []byte) (sig wire.Signature) {
	copy(sig[:], ed25519.Sign(s.identity, message))
	return sig
}

func (s *realSuite) Combine(p consensus.Purpose, hash wire.Digest, shares []consensus.ShareOf) (wire.Certificate, []wire.ReplicaID, bool) {
	g, _, domain := s.pick(p)
	in := make([]sigagg.Share, len(shares))
	for i := range shares {
		in[i] = sigagg.Share{Signer: int(shares[i].Replica), Sig: point(shares[i].Share.Bytes())}
	}
	sig, bad, err := g.Combine(domain, hash, in)
	culprits := make([]wire.ReplicaID, len(bad))
	for i, b := range bad {
		culprits[i] = wire.ReplicaID(b)
	}
	if err != nil {
		return wire.Certificate{}, culprits, false
	}
	cert, err := wire.NewCertificate(sig[:])
	return cert, culprits, err == nil
}

// point takes the bytes of a signature. Those of another length become zeros,
// which are no point and verify under no key.
func point(b []byte) (sig sigagg.Signature) {
	if len(b) == len(sig) {
		copy(sig[:], b)
	}
	return sig
}

func (s *realSuite) VerifyGroup(p consensus.Purpose, hash wire.Digest, cert wire.Certificate) bool {
	g, _, domain := s.pick(p)
	return g.Verify(domain, hash, point(cert.Bytes())) == nil
}

func (s *realSuite) VerifyGroups(certs []Certificate) bool {
	if len(certs) == 1 {
		return s.VerifyGroup(certs[0].Purpose, certs[0].Hash, certs[0].Sig)
	}
	claims := make([]sigagg.Claim, len(certs))
	for i := range certs {
		c := &certs[i]
		g, _, domain := s.pick(c.Purpose)
		claims[i] = sigagg.Claim{Group: g, Item: sigagg.Item{Domain: domain, Digest: c.Hash, Sig: point(c.Sig.Bytes())}}
	}
	return sigagg.VerifyAcross(claims)
}

func (s *realSuite) VerifyIdentity(id wire.ReplicaID, message []byte, sig wire.Signature) bool {
	return int(id) < len(s.identities) && ed25519.Verify(s.identities[id], message, sig[:])
}

// verifyRules are ZIP-215: the only rules under which batch and single
// verification agree on every input.
var verifyRules = &voi.Options{Verify: voi.VerifyOptionsZIP_215}

func (s *realSuite) NewClientKey(key [32]byte) (ClientKey, error) {
	if err := cluster.CheckKey(key[:]); err != nil {
		return nil, err
	}
	return voi.NewExpandedPublicKey(key[:])
}

func (s *realSuite) VerifyRequests(keys []ClientKey, digests []wire.Digest, sigs []wire.Signature, ok []bool) {
	if len(digests) == 1 {
		ok[0] = verifyOne(keys[0], digests[0], sigs[0])
		return
	}
	batch := voi.NewBatchVerifierWithCapacity(len(digests))
	for i := range digests {
		k := keys[i].(*voi.ExpandedPublicKey)
		batch.AddExpandedWithOptions(k, wire.SigningBytes(digests[i]), sigs[i][:], verifyRules)
	}
	all, each := batch.Verify(nil)
	for i := range ok {
		ok[i] = all || each[i]
	}
}

func verifyOne(key ClientKey, digest wire.Digest, sig wire.Signature) bool {
	return voi.VerifyExpandedWithOptions(key.(*voi.ExpandedPublicKey), wire.SigningBytes(digest), sig[:], verifyRules)
}

package pipeline

import (
	"sync/atomic"

	"quorate/consensus"
	"quorate/wire"
)

// countedSuite counts what a suite is asked to do, by kind: signature work is
// most of the CPU of small blocks. It adds one atomic add per call. Clients' and
// payers' signatures are counted by the stages that check them.
type countedSuite struct {
	Suite
	done *[signatureWorks]atomic.Uint64
}

// SignShare implements Suite.
func (s countedSuite) SignShare(p consensus.Purpose, hash wire.Digest) wire.Share {
	s.done[workShareSigned].Add(1)
	return s.Suite.SignShare(p, hash)
}

// SignIdentity implements Suite.
func (s countedSuite) SignIdentity(message []byte) wire.Signature {
	s.done[workIdentitySigned].Add(1)
	return s.Suite.SignIdentity(message)
}

// Combine implements Suite.
func (s countedSuite) Combine(p consensus.Purpose, hash wire.Digest, shares []consensus.ShareOf) (wire.Certificate, []wire.ReplicaID, bool) {
	cert, culprits, ok := s.Suite.Combine(p, hash, shares)
	work := workCombined
	if !ok {
		work = workCombineFailed
	}
	s.done[work].Add(1)
	return cert, culprits, ok
}

// VerifyGroup implements Suite.
func (s countedSuite) VerifyGroup(p consensus.Purpose, hash wire.Digest, cert wire.Certificate) bool {
	s.done[workCertificateVerified].Add(1)
	return s.Suite.VerifyGroup(p, hash, cert)
}

// VerifyGroups implements Suite.
func (s countedSuite) VerifyGroups(certs []Certificate) bool {
	s.done[workCertificateVerified].Add(uint64(len(certs)))
	return s.Suite.VerifyGroups(certs)
}

// VerifyIdentity implements Suite.
func (s countedSuite) VerifyIdentity(id wire.ReplicaID, message []byte, sig wire.Signature) bool {
	s.done[workIdentityVerified].Add(1)
	return s.Suite.VerifyIdentity(id, message, sig)
}

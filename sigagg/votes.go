package sigagg

// The three schemes in one form: shares and certificates as bytes, so that who
// uses them need not know which scheme it is. Group and Signer, and MultiGroup
// and EdGroup, are what stands behind it.

// Vote is one signer's share in the bytes of its scheme. Signer is the
// zero-based replica index, from the authenticated link.
type Vote struct {
	Signer int
	Sig    []byte
}

// CertItem is one certificate to verify among many, as an Item.
type CertItem struct {
	Domain Domain
	Digest [32]byte
	Cert   []byte
}

// PointItem gives a certificate of a Group as VerifyAcross takes it.
func (c *CertItem) PointItem() Item {
	return Item{Domain: c.Domain, Digest: c.Digest, Sig: pointOf(c.Cert)}
}

// pointShares gives votes as shares of BLS. One of another length becomes zeros,
// which are no point, so that it is named like any bad one.
func pointShares(votes []Vote) []Share {
	shares := make([]Share, len(votes))
	for i := range votes {
		shares[i] = Share{Signer: votes[i].Signer, Sig: pointOf(votes[i].Sig)}
	}
	return shares
}

func pointOf(b []byte) (s Signature) {
	if len(b) == SigBytes {
		copy(s[:], b)
	}
	return s
}

// BLSSigner is a Signer whose shares are bytes, for both schemes of BLS.
type BLSSigner struct{ *Signer }

// Sign returns this signer's share over digest in domain; see Signer.Sign.
func (s BLSSigner) Sign(domain Domain, digest [32]byte) []byte {
	sig := s.Signer.Sign(domain, digest)
	return sig[:]
}

// ThresholdGroup is a Group whose certificates are bytes: the SigBytes of the
// one signature.
type ThresholdGroup struct{ *Group }

// Combine is Group.Combine.
func (g ThresholdGroup) Combine(domain Domain, digest [32]byte, votes []Vote) (cert []byte, culprits []int, err error) {
	sig, culprits, err := g.Group.Combine(domain, digest, pointShares(votes))
	if err != nil {
		return nil, culprits, err
	}
	return sig[:], culprits, nil
}

// Verify is Group.Verify.
func (g ThresholdGroup) Verify(domain Domain, digest [32]byte, cert []byte) error {
	return g.Group.Verify(domain, digest, pointOf(cert))
}

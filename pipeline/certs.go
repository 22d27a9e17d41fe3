package pipeline

import (
	"sync"

	"quorate/consensus"
	"quorate/wire"
)

// Certificate is a quorum's signature over a hash for a purpose.
type Certificate struct {
	Purpose consensus.Purpose
	Hash    wire.Digest
	Sig     wire.Certificate
}

// certsKept is how many good certificates a replica remembers: the τ of four
// default windows, since view changes name those of one.
const certsKept = 1024

// goodCerts remembers certificates that verified and come again: τ of a slot and
// of a checkpoint stand in the view change of every replica, and in that of
// every view that follows while nothing is decided. With threshold BLS there is
// one τ per hash; with the other schemes as many as collectors made. Without the
// memory a view change after a busy window cost n·window pairings at each replica,
// on a busy host longer than the patience for the view, and the next view began
// with the same ones.
//
// Bad ones are not remembered: they name their sender, who is given up. Several
// workers may use it.
type goodCerts struct {
	mu    sync.Mutex
	known map[Certificate]struct{}
	ring  [certsKept]Certificate // of the keys of known, oldest at next
	next  int
}

// recurs reports whether certificates of a purpose come again.
func recurs(p consensus.Purpose) bool {
	return p == consensus.PurposeTau || p == consensus.PurposeCheckpoint
}

// unknown gives those of certs that are not remembered.
func (g *goodCerts) unknown(certs []Certificate) (rest []Certificate) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, c := range certs {
		if _, ok := g.known[c]; !ok {
			rest = append(rest, c)
		}
	}
	return rest
}

// remember takes certificates that are good, in the place of the oldest.
func (g *goodCerts) remember(certs ...Certificate) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.known == nil {
		g.known = make(map[Certificate]struct{}, certsKept)
	}
	for _, c := range certs {
		if _, ok := g.known[c]; ok || !recurs(c.Purpose) {
			continue
		}
		delete(g.known, g.ring[g.next])
		g.known[c] = struct{}{}
		g.ring[g.next] = c
		g.next = (g.next + 1) % certsKept
	}
}

// storedCert gives a certificate as the ledger holds it, and whether there is one.
func storedCert(b []byte) (wire.Certificate, bool) {
	c, err := wire.NewCertificate(b)
	return c, err == nil && len(b) > 0
}

// certified reports whether all of certs are good, verifying together those that
// are not known to be.
func (s *cryptoStage) certified(certs ...Certificate) bool {
	rest := s.r.certs.unknown(certs)
	if len(rest) == 0 {
		return true
	}
	if !s.r.suite.VerifyGroups(rest) {
		return false
	}
	s.r.certs.remember(rest...)
	return true
}

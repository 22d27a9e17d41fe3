package scheme

import (
	"fmt"

	"quorate/cluster"
	"quorate/sigagg"
)

// Group makes and checks certificates of one threshold.
type Group interface {
	// Combine makes a certificate over digest in domain out of votes of distinct
	// signers, verified, and names the signers of bad votes, ascending.
	Combine(domain sigagg.Domain, digest [32]byte, votes []sigagg.Vote) (cert []byte, culprits []int, err error)
	// Verify returns nil if cert is a certificate over digest in domain.
	Verify(domain sigagg.Domain, digest [32]byte, cert []byte) error
}

// Signer makes one replica's shares. It signs the same bytes the same way each
// time.
type Signer interface {
	Sign(domain sigagg.Domain, digest [32]byte) []byte
}

// Groups are those of one cluster.
type Groups struct{ Sigma, Tau, Pi Group }

// Signers are one replica's, for the groups.
type Signers struct{ Sigma, Tau, Pi Signer }

// Open makes the groups of a sealed genesis. It says which key is refused.
func Open(g *cluster.Genesis) (*Groups, error) {
	q := g.Quorums()
	out := &Groups{}
	open, err := opener(g)
	if err != nil {
		return nil, err
	}
	for _, k := range []struct {
		to        *Group
		name      string
		threshold int
	}{{&out.Sigma, sigma, q.Sigma}, {&out.Tau, tau, q.Tau}, {&out.Pi, pi, q.Pi}} {
		if *k.to, err = open(k.name, k.threshold); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// OpenPi makes the group of π alone: all that a client needs.
func OpenPi(g *cluster.Genesis) (Group, error) {
	open, err := opener(g)
	if err != nil {
		return nil, err
	}
	return open(pi, g.Quorums().Pi)
}

// The names of the groups, as genesis has them.
const (
	sigma = "sigma"
	tau   = "tau"
	pi    = "pi"
)

// opener gives what opens the group of a name and threshold. Keys that groups
// share are checked here, once.
func opener(g *cluster.Genesis) (func(name string, threshold int) (Group, error), error) {
	switch g.Scheme {
	case cluster.MultiBLS:
		keys, err := multiKeys(g)
		if err != nil {
			return nil, err
		}
		return func(_ string, threshold int) (Group, error) { return sigagg.NewMultiGroup(threshold, keys) }, nil
	case cluster.Ed25519:
		keys, err := edKeys(g)
		if err != nil {
			return nil, err
		}
		return func(_ string, threshold int) (Group, error) { return sigagg.NewEdGroup(threshold, keys) }, nil
	}
	return func(name string, threshold int) (Group, error) {
		group, err := thresholdGroup(g, name, threshold)
		if err != nil {
			return nil, err
		}
		return sigagg.ThresholdGroup{Group: group}, nil
	}, nil
}

// shareKey is a member's share key of a group, in genesis.
func shareKey(m *cluster.Member, name string) *cluster.GroupKey {
	switch name {
	case sigma:
		return &m.SigmaShare
	case tau:
		return &m.TauShare
	}
	return &m.PiShare
}

func groupKey(g *cluster.Genesis, name string) *cluster.GroupKey {
	switch name {
	case sigma:
		return &g.Sigma
	case tau:
		return &g.Tau
	}
	return &g.Pi
}

func thresholdGroup(g *cluster.Genesis, name string, threshold int) (*sigagg.Group, error) {
	key, err := sigagg.ParsePublicKey(groupKey(g, name)[:])
	if err != nil {
		return nil, fmt.Errorf("key %s: %w", name, err)
	}
	shares := make([]sigagg.PublicKey, len(g.Members))
	for i := range g.Members {
		if shares[i], err = sigagg.ParsePublicKey(shareKey(&g.Members[i], name)[:]); err != nil {
			return nil, fmt.Errorf("replicas[%d].%s_share: %w", i, name, err)
		}
	}
	group, err := sigagg.NewGroup(threshold, key, shares)
	if err != nil {
		return nil, fmt.Errorf("keys of %s: %w", name, err)
	}
	return group, nil
}

func multiKeys(g *cluster.Genesis) (*sigagg.MultiKeys, error) {
	keys, proofs := make([]sigagg.PublicKey, len(g.Members)), make([]sigagg.Signature, len(g.Members))
	for i := range g.Members {
		m := &g.Members[i]
		var err error
		if keys[i], err = sigagg.ParsePublicKey(m.VoteKey); err != nil {
			return nil, fmt.Errorf("replicas[%d].vote_key: %w", i, err)
		}
		copy(proofs[i][:], m.Possession)
	}
	out, err := sigagg.NewMultiKeys(keys, proofs)
	if err != nil {
		return nil, fmt.Errorf("vote keys: %w", err)
	}
	return out, nil
}

func edKeys(g *cluster.Genesis) (*sigagg.EdKeys, error) {
	raw := make([][]byte, len(g.Members))
	for i := range g.Members {
		raw[i] = g.Members[i].VoteKey
	}
	out, err := sigagg.NewEdKeys(raw)
	if err != nil {
		return nil, fmt.Errorf("vote keys: %w", err)
	}
	return out, nil
}

package cluster

import (
	"fmt"
	"slices"
	"strings"

	"quorate/wire"
)

// scheme checks that there is such a scheme, and the keys that belong to no
// member. Whether keys are points and belong together, sigagg finds out at start.
func (c *checker) scheme(g *Genesis) {
	if !slices.Contains(Schemes(), g.Scheme) {
		c.fail("scheme", quoted(string(g.Scheme))+" is no signature scheme", "use threshold-bls, multi-bls or ed25519")
		return
	}
	if g.Scheme == ThresholdBLS {
		c.groupKey("sigma", g.Sigma)
		c.groupKey("tau", g.Tau)
		c.groupKey("pi", g.Pi)
		return
	}
	if g.Sigma != (GroupKey{}) || g.Tau != (GroupKey{}) || g.Pi != (GroupKey{}) {
		c.fail("scheme", fmt.Sprintf("%s has no group keys, and this genesis does", g.Scheme), "deal the keys anew with: replica init --scheme")
	}
}

// voteKeys checks the keys of a member that the scheme needs, and that it has no
// others: they would be hashed and mean nothing.
func (c *checker) voteKeys(s Scheme, i int, m *Member) {
	path := fmt.Sprintf("replicas[%d]", i)
	if s == ThresholdBLS {
		c.groupKey(path+".sigma_share", m.SigmaShare)
		c.groupKey(path+".tau_share", m.TauShare)
		c.groupKey(path+".pi_share", m.PiShare)
		c.length(path+".vote_key", m.VoteKey, 0)
		c.length(path+".possession", m.Possession, 0)
		return
	}
	if m.SigmaShare != (GroupKey{}) || m.TauShare != (GroupKey{}) || m.PiShare != (GroupKey{}) {
		c.fail(path+".sigma_share", fmt.Sprintf("%s has no shares of group keys", s), "deal the keys anew with: replica init --scheme")
	}
	if !c.length(path+".vote_key", m.VoteKey, voteKeyBytes[s]) {
		return
	}
	if s == MultiBLS {
		c.groupKey(path+".vote_key", GroupKey(m.VoteKey))
		c.length(path+".possession", m.Possession, PossessionBytes)
		return
	}
	c.length(path+".possession", m.Possession, 0)
	if err := CheckKey(m.VoteKey); err != nil {
		c.fail(path+".vote_key", strings.TrimPrefix(err.Error(), ErrKey.Error()+": "), "deal the keys anew with: replica init")
	}
	c.unique("the Ed25519 key", path+".vote_key", string(m.VoteKey), "every replica and client has a key of its own")
}

func (c *checker) length(key string, b []byte, want int) bool {
	if len(b) != want {
		c.fail(key, fmt.Sprintf("%d bytes, want %d", len(b), want), "deal the keys anew with: replica init")
	}
	return len(b) == want
}

// windowFits refuses a window whose largest new view could not be recorded: the
// journal's record of it holds the view changes of n−f replicas, each with a
// certificate for every slot of the window. One primary that fills the window
// would otherwise stop every replica at its next view change.
func (c *checker) windowFits(g *Genesis, q Quorums) {
	if most := WindowFitting(g.Scheme, q); g.Window > most {
		c.fail("window", fmt.Sprintf("%d slots with certificates of %s for %d replicas make a new view over %d bytes", g.Window, g.Scheme, q.N, wire.FrameBytesMax),
			fmt.Sprintf("use a window of at most %d", most))
	}
}

// WindowFitting is the largest window that a cluster can have: a power of two up
// to wire.WindowMax, or 0 when there is none.
func WindowFitting(s Scheme, q Quorums) int {
	cert := s.CertificateBytes(q.Tau, q.N)
	for w := wire.WindowMax; w >= WindowMin; w /= 2 {
		if wire.AnchorBytes(q.ViewChange, w, cert) <= wire.FrameBytesMax {
			return w
		}
	}
	return 0
}

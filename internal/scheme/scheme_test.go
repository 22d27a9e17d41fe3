package scheme

import (
	"crypto/ed25519"
	"crypto/sha256"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"quorate/cluster"
	"quorate/sigagg"
	"quorate/wire"
)

// Aim: S1 for every scheme: what Deal deals opens and signs, and no genesis or
// secret opens whose keys do not belong together. Method: dealt clusters with one
// key changed per row.

// dealt is a cluster of n = 4 in one scheme, from a fixed seed.
func dealt(t *testing.T, s cluster.Scheme) (*cluster.Genesis, []*cluster.NodeKeys) {
	t.Helper()
	rnd := rand.NewChaCha8(sha256.Sum256([]byte(s)))
	g := &cluster.Genesis{Name: "test", Epoch: 1, F: 1, Scheme: s, Window: 64, TimeBound: cluster.TimeBoundDefault,
		Ledgers: []cluster.Ledger{{Number: 1, Currency: "USD", Scale: 2}}}
	var nodes []*cluster.NodeKeys
	for i := range 5 { // the last is a client
		k := &cluster.NodeKeys{Replica: wire.ReplicaID(i)}
		_, _ = rnd.Read(k.IdentitySeed[:])
		public := k.Identity().Public().(ed25519.PublicKey)
		if i == 4 {
			g.Clients = []cluster.ClientKey{{ID: 1, Name: "c", Key: public, Roles: cluster.RolePay}}
			break
		}
		g.Members = append(g.Members, cluster.Member{ID: k.Replica, Identity: public,
			PeerAddr: fmt.Sprintf("h:%d", 1+2*i), ClientAddr: fmt.Sprintf("h:%d", 2+2*i)})
		nodes = append(nodes, k)
	}
	if err := Deal(g, nodes, rnd); err != nil {
		t.Fatal(err)
	}
	if err := g.Validate(); err != nil {
		t.Fatal(err)
	}
	return g, nodes
}

func TestDealtKeysSign(t *testing.T) {
	for _, s := range cluster.Schemes() {
		g, nodes := dealt(t, s)
		groups, err := Open(g)
		if err != nil {
			t.Fatalf("%s: %v", s, err)
		}
		alone, err := OpenPi(g)
		if err != nil {
			t.Fatalf("%s: %v", s, err)
		}
		q, digest := g.Quorums(), sha256.Sum256(nil)
		for _, c := range []struct {
			name      string
			group     Group
			threshold int
			domain    sigagg.Domain
			signer    func(*Signers) Signer
			cert      int
		}{
			{sigma, groups.Sigma, q.Sigma, sigagg.FastCommit, func(s *Signers) Signer { return s.Sigma }, s.CertificateBytes(q.Sigma, q.N)},
			{tau, groups.Tau, q.Tau, sigagg.Prepare, func(s *Signers) Signer { return s.Tau }, s.CertificateBytes(q.Tau, q.N)},
			{pi, groups.Pi, q.Pi, sigagg.ExecState, func(s *Signers) Signer { return s.Pi }, s.CertificateBytes(q.Pi, q.N)},
		} {
			var votes []sigagg.Vote
			for i, n := range nodes {
				signers, err := NewSigners(g, n)
				if err != nil {
					t.Fatalf("%s: %v", s, err)
				}
				votes = append(votes, sigagg.Vote{Signer: i, Sig: c.signer(signers).Sign(c.domain, digest)})
			}
			if _, _, err := c.group.Combine(c.domain, digest, votes[:c.threshold-1]); !errors.Is(err, sigagg.ErrTooFew) {
				t.Errorf("%s, %s of %d: %v", s, c.name, c.threshold-1, err)
			}
			cert, culprits, err := c.group.Combine(c.domain, digest, votes)
			if err != nil || culprits != nil || c.group.Verify(c.domain, digest, cert) != nil {
				t.Errorf("%s, %s: culprits %v, error %v", s, c.name, culprits, err)
			}
			if len(cert) != c.cert {
				t.Errorf("%s, %s: %d bytes, cluster says %d", s, c.name, len(cert), c.cert)
			}
			if c.name == pi && alone.Verify(c.domain, digest, cert) != nil {
				t.Errorf("%s: π opened alone does not verify", s)
			}
			if c.name == pi && groups.Tau.Verify(c.domain, digest, cert) == nil {
				t.Errorf("%s: π passes for τ", s)
			}
		}
	}
}

func TestKeysThatDoNotBelongTogether(t *testing.T) {
	key := func(g *cluster.Genesis, i int) []byte { return g.Members[i].VoteKey }
	for _, c := range []struct {
		scheme cluster.Scheme
		what   string
		change func(g *cluster.Genesis)
		want   error
		says   string
	}{
		{cluster.ThresholdBLS, "shares swapped", func(g *cluster.Genesis) {
			a, b := &g.Members[0], &g.Members[1]
			a.TauShare, b.TauShare = b.TauShare, a.TauShare
		}, sigagg.ErrKeySet, "keys of tau"},
		{cluster.ThresholdBLS, "groups swapped", func(g *cluster.Genesis) { g.Sigma, g.Tau = g.Tau, g.Sigma }, sigagg.ErrKeySet, "keys of sigma"},
		{cluster.ThresholdBLS, "share no point", func(g *cluster.Genesis) { g.Members[2].SigmaShare[5] ^= 1 }, sigagg.ErrPoint, "replicas[2].sigma_share"},
		{cluster.MultiBLS, "proofs swapped", func(g *cluster.Genesis) {
			a, b := &g.Members[0], &g.Members[1]
			a.Possession, b.Possession = b.Possession, a.Possession
		}, sigagg.ErrPossession, "signer 0"},
		{cluster.MultiBLS, "key no point", func(g *cluster.Genesis) { clear(key(g, 3)[1:]) }, sigagg.ErrPoint, "replicas[3].vote_key"},
		{cluster.MultiBLS, "key and proof copied", func(g *cluster.Genesis) {
			g.Members[3].VoteKey, g.Members[3].Possession = key(g, 1), g.Members[1].Possession
		}, sigagg.ErrKeySet, "signers 1 and 3"},
		{cluster.Ed25519, "key copied", func(g *cluster.Genesis) { g.Members[3].VoteKey = key(g, 1) }, sigagg.ErrKeySet, "signers 1 and 3"},
		{cluster.Ed25519, "key of small order", func(g *cluster.Genesis) { g.Members[3].VoteKey = make([]byte, 32) }, sigagg.ErrSubgroup, "signer 3"},
	} {
		g, _ := dealt(t, c.scheme)
		c.change(g)
		if _, err := Open(g); !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s, %s: %v, want %v with %q", c.scheme, c.what, err, c.want, c.says)
		}
	}
}

func TestSecretOfAnother(t *testing.T) {
	for _, s := range cluster.Schemes() {
		g, nodes := dealt(t, s)
		for name, change := range map[string]func(k *cluster.NodeKeys){
			"another replica's": func(k *cluster.NodeKeys) { k.Replica = 1 },
			"no replica's":      func(k *cluster.NodeKeys) { k.Replica = 9 },
			"a flipped bit":     func(k *cluster.NodeKeys) { k.VoteSecret[31] ^= 1; k.PiShare[31] ^= 1 },
			"none":              func(k *cluster.NodeKeys) { *k = cluster.NodeKeys{} },
		} {
			k := *nodes[0]
			change(&k)
			if _, err := NewSigners(g, &k); err == nil {
				t.Errorf("%s: the secret is %s and signs", s, name)
			}
		}
	}
}

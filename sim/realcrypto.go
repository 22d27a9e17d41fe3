package sim

import (
	"crypto/ed25519"
	"encoding/binary"
	"fmt"
	"io"

	"quorate/client"
	"quorate/cluster"
	"quorate/internal/scheme"
	"quorate/pipeline"
	"quorate/wire"
)

// realKeys makes keys of the run's signature scheme from its seed, through a genesis as
// `replica init` would.
func realKeys(o *Options, q cluster.Quorums) (*keyring, error) {
	rnd := newStream(o.Seed, "keys")
	g, nodes, err := dealGenesis(&rnd, o, q)
	if err != nil {
		return nil, err
	}
	k := &keyring{cluster: g.Hash()}
	for i := range nodes {
		s, err := pipeline.NewSuite(g, nodes[i])
		if err != nil {
			return nil, err
		}
		k.suites = append(k.suites, s)
	}
	k.verifier = k.suites[0]
	k.sign = func(c int, message []byte) (s wire.Signature) {
		copy(s[:], ed25519.Sign(clientSecrets[c], message))
		return s
	}
	k.pay = func(p int, d wire.Digest) (s wire.Signature) {
		copy(s[:], ed25519.Sign(payerSecrets[p], d[:]))
		return s
	}
	k.paid = func(p *pipeline.PayerSignature) bool { return ed25519.Verify(p.Key[:], p.Digest[:], p.Signature[:]) }
	v, err := client.NewVerifier(g)
	if err != nil {
		return nil, err
	}
	k.check = v.Check
	return k, nil
}

// Read makes a stream a source for key generation.
func (r *stream) Read(p []byte) (int, error) {
	var b [8]byte
	for n := 0; n < len(p); {
		binary.LittleEndian.PutUint64(b[:], r.next())
		n += copy(p[n:], b[:])
	}
	return len(p), nil
}

var _ io.Reader = (*stream)(nil)

func dealGenesis(rnd *stream, o *Options, q cluster.Quorums) (*cluster.Genesis, []*cluster.NodeKeys, error) {
	g := &cluster.Genesis{Name: "sim", Epoch: 1, F: q.F, C: q.C, Scheme: cluster.Schemes()[o.Scheme], Window: int(o.Window), TimeBound: timeBound, CreatedAt: 1,
		Ledgers: []cluster.Ledger{{Number: 1, Currency: "EUR", Scale: 2}}}
	var nodes []*cluster.NodeKeys
	for i := range q.N {
		k := &cluster.NodeKeys{Replica: wire.ReplicaID(i)}
		_, _ = rnd.Read(k.IdentitySeed[:])
		g.Members = append(g.Members, cluster.Member{ID: wire.ReplicaID(i), PeerAddr: fmt.Sprintf("sim:%d", 7000+2*i),
			ClientAddr: fmt.Sprintf("sim:%d", 7001+2*i), Identity: k.Identity().Public().(ed25519.PublicKey)})
		nodes = append(nodes, k)
	}
	if err := scheme.Deal(g, nodes, rnd); err != nil {
		return nil, nil, err
	}
	for i := range o.Load.Clients {
		key := clientKey(i)
		g.Clients = append(g.Clients, cluster.ClientKey{ID: wire.ClientID(i + 1), Name: fmt.Sprintf("c%d", i+1), Key: key[:],
			Roles: cluster.RolePay | cluster.RoleRead | cluster.RoleAdmin})
	}
	return g, nodes, g.Validate()
}

package calibrate

import (
	"crypto/ed25519"
	"encoding/binary"
	"errors"
	"fmt"

	"quorate/capacity"
	"quorate/cluster"
	"quorate/consensus"
	"quorate/internal/scheme"
	"quorate/pipeline"
	"quorate/wire"
)

// errRefused says that our own signature does not verify.
var errRefused = errors.New("calibrate: own signature refused")

// groupSizes are the clusters whose signature work is measured; others lie between.
var groupSizes = []int{4, 7, 16}

// dealt is a cluster's keys in memory.
type dealt struct {
	genesis *cluster.Genesis
	nodes   []*cluster.NodeKeys
	suites  []pipeline.Suite
}

// deal draws the keys of n replicas and opens the suites of all of them.
func deal(n int, kind cluster.Scheme) (*dealt, error) {
	client := ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize)).Public().(ed25519.PublicKey)
	d := &dealt{genesis: &cluster.Genesis{Name: "calibrate", Epoch: 1, F: (n - 1) / 3, Scheme: kind, Members: make([]cluster.Member, n),
		Ledgers: []cluster.Ledger{{Number: 1, Currency: "USD", Scale: 2}}, Window: 64, TimeBound: cluster.TimeBoundDefault, CreatedAt: 1,
		Clients: []cluster.ClientKey{{ID: 1, Name: "calibrate", Key: client, Roles: cluster.RolePay}}}}
	nodes := make([]*cluster.NodeKeys, n)
	d.nodes = nodes
	for i := range nodes {
		nodes[i] = &cluster.NodeKeys{Replica: wire.ReplicaID(i)}
		nodes[i].IdentitySeed[0], nodes[i].IdentitySeed[1] = byte(i+1), byte(n)
		m := &d.genesis.Members[i]
		m.ID, m.Identity = wire.ReplicaID(i), nodes[i].Identity().Public().(ed25519.PublicKey)
		m.PeerAddr, m.ClientAddr = fmt.Sprintf("127.0.0.1:%d", 2*i+1), fmt.Sprintf("127.0.0.1:%d", 2*i+2) // nobody listens there
	}
	if err := scheme.Deal(d.genesis, nodes, nil); err != nil {
		return nil, fmt.Errorf("calibrate: %w", err)
	}
	if err := d.genesis.Validate(); err != nil {
		return nil, fmt.Errorf("calibrate: %w", err)
	}
	for _, k := range nodes {
		s, err := pipeline.NewSuite(d.genesis, k)
		if err != nil {
			return nil, fmt.Errorf("calibrate: %w", err)
		}
		d.suites = append(d.suites, s)
	}
	return d, nil
}

// digestOf gives different digests, which no memo knows.
func digestOf(purpose, i int) (d wire.Digest) {
	binary.LittleEndian.PutUint64(d[:], uint64(i))
	d[8], d[31] = byte(purpose), 1
	return d
}

// signed is the shares and the certificate of a digest.
type signed struct {
	hash   wire.Digest
	shares []consensus.ShareOf
	cert   wire.Certificate
}

// signatures measures one purpose of a group: a share, a combination that is
// verified, a verification. What is verified was signed just before, as a replica
// does.
func (d *dealt) signatures(p consensus.Purpose, quorum int) (sign, combine, verify float64, cert int, err error) {
	of := func(i int) wire.Digest { return digestOf(int(p), i) }
	if sign, _, err = timed(1, func(i int) error { d.suites[0].SignShare(p, of(i)); return nil }); err != nil {
		return
	}
	// Prepared outside of what is timed: enough for what two measurements take.
	const prepared = 16
	var all []signed
	for i := range prepared {
		s := signed{hash: of(1_000_000 + i)}
		for k := range quorum {
			s.shares = append(s.shares, consensus.ShareOf{Replica: wire.ReplicaID(k), Share: d.suites[k].SignShare(p, s.hash)})
		}
		var ok bool
		if s.cert, _, ok = d.suites[0].Combine(p, s.hash, s.shares); !ok {
			return 0, 0, 0, 0, errRefused
		}
		all = append(all, s)
	}
	at := func(i int) *signed { return &all[i%prepared] }
	if combine, _, err = timed(1, func(i int) error {
		if _, _, ok := d.suites[0].Combine(p, at(i).hash, at(i).shares); !ok {
			return errRefused
		}
		return nil
	}); err != nil {
		return
	}
	verify, _, err = timed(1, func(i int) error {
		if !d.suites[1].VerifyGroup(p, at(i).hash, at(i).cert) {
			return errRefused
		}
		return nil
	})
	return sign, combine, verify, len(all[0].cert.Bytes()), err
}

// group measures what signatures cost per block in a cluster of n.
func group(n int, kind cluster.Scheme, u *units) (g capacity.Group, err error) {
	d, err := deal(n, kind)
	if err != nil {
		return g, err
	}
	q := d.genesis.Quorums()
	g.Replicas = n
	for _, row := range []struct {
		p      consensus.Purpose
		name   string
		quorum int
		slow   bool
	}{
		{consensus.PurposeSigma, "fast commit", q.Sigma, false}, {consensus.PurposePi, "execution", q.Pi, false},
		{consensus.PurposeTau, "prepare", q.Tau, true}, {consensus.PurposeTauTau, "slow commit", q.Tau, true},
	} {
		sign, combine, verify, bytes, err := d.signatures(row.p, row.quorum)
		if err != nil {
			return g, err
		}
		// The collector verifies what it combined as a part of combining.
		if collector := max(combine-verify, 0); row.slow {
			g.SlowEach += sign + verify
			g.SlowCollector += collector
		} else {
			g.Each += sign + verify
			g.Collector += collector
		}
		if row.p == consensus.PurposeSigma {
			g.Bytes = bytes
		}
		if n == groupSizes[0] && !row.slow {
			u.keep(fmt.Sprintf("%s, %s: sign a share", kind, row.name), "share", sign, sign, nil)
			u.keep(fmt.Sprintf("%s, %s: combine %d and verify", kind, row.name, row.quorum), "certificate", combine, combine, nil)
			u.keep(fmt.Sprintf("%s, %s: verify", kind, row.name), "certificate", verify, verify, nil)
		}
	}
	return g, nil
}

// clientSignatures measures the signatures of clients, one by one and in batches.
func clientSignatures(s pipeline.Suite, u *units) {
	const clients, most = 64, 256
	keys, digests, sigs := make([]pipeline.ClientKey, most), make([]wire.Digest, most), make([]wire.Signature, most)
	for i := range most {
		var seed [ed25519.SeedSize]byte
		seed[0], seed[1] = byte(i%clients), 7
		private := ed25519.NewKeyFromSeed(seed[:])
		key, err := s.NewClientKey([32]byte(private.Public().(ed25519.PublicKey)))
		if err != nil {
			u.err = err
			return
		}
		keys[i], digests[i] = key, digestOf(99, i)
		copy(sigs[i][:], ed25519.Sign(private, wire.SigningBytes(digests[i])))
	}
	for _, n := range []int{1, 16, most} {
		ok := make([]bool, n)
		u.add(fmt.Sprintf("ed25519: verify, %d together", n), "signature", n, func(i int) error {
			s.VerifyRequests(keys[:n], digests[:n], sigs[:n], ok)
			if !ok[0] || !ok[n-1] {
				return errRefused
			}
			return nil
		})
	}
	u.add("ed25519: sign as a replica", "signature", 1, func(i int) error { s.SignIdentity(digests[0][:]); return nil })
}

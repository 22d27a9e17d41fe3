package pipeline

import (
	"testing"

	"quorate/cluster"
	"quorate/consensus"
	"quorate/wire"
)

// Aim: a replica's cryptography keeps its contract in every signature scheme, and
// what may differ between schemes, whether two sets of signers make one
// certificate, differs as said. Method: suites of a dealt cluster.

func TestSuiteInEveryScheme(t *testing.T) {
	for _, s := range cluster.Schemes() {
		g, keys, _ := testKeysOf(t, s, 1)
		var suites []Suite
		for _, k := range keys {
			suite, err := NewSuite(g, k)
			must(t, err)
			suites = append(suites, suite)
		}
		verifier, err := NewSuite(g, nil)
		must(t, err)
		hash := wire.Digest{7}
		combined := func(p consensus.Purpose, signers ...int) wire.Certificate {
			var shares []consensus.ShareOf
			for _, i := range signers {
				shares = append(shares, consensus.ShareOf{Replica: wire.ReplicaID(i), Share: suites[i].SignShare(p, hash)})
			}
			cert, culprits, ok := suites[0].Combine(p, hash, shares)
			if !ok || len(culprits) != 0 {
				t.Fatalf("%s: purpose %d does not combine: culprits %v", s, p, culprits)
			}
			return cert
		}
		purposes := []consensus.Purpose{consensus.PurposeSigma, consensus.PurposeTau, consensus.PurposeTauTau, consensus.PurposePi, consensus.PurposeCheckpoint}
		for _, p := range purposes {
			cert := combined(p, 0, 1, 2, 3)
			for _, other := range purposes {
				if got := verifier.VerifyGroup(other, hash, cert); got != (other == p) {
					t.Errorf("%s: a certificate of purpose %d is taken for %d: %v", s, p, other, got)
				}
			}
			if once := suites[1].SignShare(p, hash); once != suites[1].SignShare(p, hash) {
				t.Errorf("%s: one replica signs one hash in two ways", s)
			}
		}
		a, b := combined(consensus.PurposeTau, 0, 1, 2), combined(consensus.PurposeTau, 1, 2, 3)
		if (a == b) != (s == cluster.ThresholdBLS) {
			t.Errorf("%s: two sets of signers make one certificate: %v", s, a == b)
		}
		both := []Certificate{{consensus.PurposeTau, hash, a}, {consensus.PurposeTau, hash, b}, {consensus.PurposePi, hash, combined(consensus.PurposePi, 3, 1)}}
		if !verifier.VerifyGroups(both) {
			t.Errorf("%s: two certificates of one hash are refused together", s)
		}
		both[1].Sig = bentCert(b)
		if verifier.VerifyGroups(both) {
			t.Errorf("%s: a bent certificate passes among good ones", s)
		}
		if _, err := NewSuite(g, &cluster.NodeKeys{Replica: 1, IdentitySeed: keys[0].IdentitySeed, VoteSecret: keys[0].VoteSecret,
			SigmaShare: keys[0].SigmaShare, TauShare: keys[0].TauShare, PiShare: keys[0].PiShare}); err == nil {
			t.Errorf("%s: replica 1 starts with the secrets of replica 0", s)
		}
	}
}

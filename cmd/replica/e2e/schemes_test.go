package e2e

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"quorate/cluster"
)

// Aim: a cluster of any signature scheme pays, changes its view, comes back after
// a kill, and leaves ledgers and receipts that verify with genesis alone; and a
// genesis of one scheme starts with no other's keys. Method: real load with
// loadgen's audit as the judge.

func TestEverySchemePays(t *testing.T) {
	for _, s := range cluster.Schemes() {
		t.Run(string(s), func(t *testing.T) {
			if s == cluster.ThresholdBLS {
				long(t) // what every other test here runs with
			}
			d := running(t, "--scheme", string(s))
			if d.genesis.Scheme != s {
				t.Fatalf("genesis has the scheme %s", d.genesis.Scheme)
			}
			l := d.load(6)
			d.flowing(1)
			before := d.mustStatus(1)
			victim := int(before.Primary)
			d.nodes[victim].kill()
			eventually(t, settleMax, "another view", func() error {
				s, err := d.status((victim + 1) % 4)
				return errOf(err == nil && s.View > before.View && s.Active && s.Executed > before.Executed, "%+v, %v", s, err)
			})
			d.start(victim)
			l.passes(4)
			d.agree(0, 1, 2, 3)
			for i := range d.nodes {
				d.stop(i)
			}
			for i := range d.nodes {
				replicaCommand(t, "verify", "--dir", d.node(i)).want(t, exitOK)
			}
			receipt := filepath.Join(l.out, "receipt.json")
			verify := []string{"receipt", "verify", "--genesis", filepath.Join(d.dir, "genesis.yaml"), "-o", "json", receipt}
			var verdict struct{ Valid bool }
			if err := json.Unmarshal([]byte(replicaCommand(t, verify...).stdout), &verdict); err != nil || !verdict.Valid {
				t.Fatal(verdict, err)
			}
			flipped(t, receipt, func() { replicaCommand(t, verify...).want(t, exitFailure) })
		})
	}
}

func TestSchemeRefusals(t *testing.T) {
	replicaCommand(t, "init", "--dir", filepath.Join(t.TempDir(), "c"), "--scheme", "rsa").
		want(t, exitUsage, `"rsa" is no signature scheme`, "multi-bls")
	replicaCommand(t, "init", "--dir", filepath.Join(t.TempDir(), "c"), "--scheme", "ed25519", "--replicas", "31", "--window", "256").
		want(t, exitUsage, "window", "at most 128")

	a, b := deploy(t, "--scheme", "multi-bls"), deploy(t)
	for _, pair := range [][2]string{{a.node(0), b.node(0)}, {b.node(1), a.node(1)}} {
		text, err := os.ReadFile(filepath.Join(pair[0], "keys.yaml"))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(pair[1], "keys.yaml"), text, 0o600); err != nil {
			t.Fatal(err)
		}
		replicaCommand(t, "check", "--dir", pair[1]).want(t, exitConfig, "keys.yaml", "use the key file of this replica and this cluster")
	}
}

package cluster

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"quorate/wire"
)

// Aim: a genesis has the keys of its scheme and no others, and a window whose
// certificates fit the journal. Method: each scheme's sample with one edit per
// row; files of one scheme under the name of another; the bound at its edge.

// TestSchemeHash: everything of a scheme is in the hash, and what was a genesis
// before there were schemes has the hash that it had.
func TestSchemeHash(t *testing.T) {
	seen := map[wire.Digest]string{}
	for _, s := range Schemes()[1:] {
		for what, change := range map[string]func(m *Member){
			"as it is": func(*Member) {},
			"vote key": func(m *Member) { m.VoteKey = bytes.Clone(sampleOf(s, 4, 0).Members[12].VoteKey) },
			"possession": func(m *Member) {
				m.Possession = bytes.ToUpper(append(bytes.Clone(m.Possession[:len(m.Possession)-1]), 9))
			},
			"client addr": func(m *Member) { m.ClientAddr = "10.0.0.1:7" },
		} {
			if s == Ed25519 && what == "possession" {
				continue
			}
			g := sampleOf(s, 1, 0)
			change(&g.Members[3])
			if err := g.Validate(); err != nil {
				t.Fatalf("%s, %s: %v", s, what, err)
			}
			name := fmt.Sprintf("%s, %s", s, what)
			if other, twice := seen[g.Hash()]; twice {
				t.Errorf("%s and %s have one hash", name, other)
			}
			seen[g.Hash()] = name
		}
	}
	named, silent := sample(1, 0), sample(1, 0)
	named.Scheme = ThresholdBLS
	if named.Validate() != nil || silent.Validate() != nil || named.Hash() != silent.Hash() {
		t.Error("naming the default scheme changes the hash")
	}
	old := strings.Replace(string(named.YAML()), "scheme: threshold-bls\n", "", 1)
	if g, err := ParseGenesis([]byte(old)); err != nil || g.Hash() != named.Hash() || g.Scheme != ThresholdBLS {
		t.Errorf("a file that names no scheme: %v", err)
	}
}

func TestSchemeMistakes(t *testing.T) {
	key := groupKeyOf(77)
	for _, c := range []struct {
		scheme Scheme
		what   string
		change func(g *Genesis)
		key    string
		want   string
	}{
		{ThresholdBLS, "unknown scheme", func(g *Genesis) { g.Scheme = "rsa" }, "scheme", "no signature scheme"},
		{ThresholdBLS, "a vote key", func(g *Genesis) { g.Members[1].VoteKey = key[:] }, "replicas[1].vote_key", "96 bytes, want 0"},
		{ThresholdBLS, "a proof", func(g *Genesis) { g.Members[1].Possession = key[:48] }, "replicas[1].possession", "48 bytes, want 0"},
		{MultiBLS, "group key", func(g *Genesis) { g.Tau = key }, "scheme", "no group keys"},
		{MultiBLS, "share key", func(g *Genesis) { g.Members[2].PiShare = key }, "replicas[2].sigma_share", "no shares"},
		{MultiBLS, "no vote key", func(g *Genesis) { g.Members[2].VoteKey = nil }, "replicas[2].vote_key", "0 bytes, want 96"},
		{MultiBLS, "an Ed25519 key", func(g *Genesis) { g.Members[2].VoteKey = testKey(9) }, "replicas[2].vote_key", "32 bytes, want 96"},
		{MultiBLS, "no proof", func(g *Genesis) { g.Members[2].Possession = nil }, "replicas[2].possession", "0 bytes, want 48"},
		{MultiBLS, "key of zeros", func(g *Genesis) { g.Members[2].VoteKey = make([]byte, 96) }, "replicas[2].vote_key", "infinity"},
		{MultiBLS, "one key twice", func(g *Genesis) { g.Members[2].VoteKey = g.Members[0].VoteKey }, "replicas[2].vote_key", "same as that of replicas[0].vote_key"},
		{Ed25519, "a BLS key", func(g *Genesis) { g.Members[2].VoteKey = key[:] }, "replicas[2].vote_key", "96 bytes, want 32"},
		{Ed25519, "a proof", func(g *Genesis) { g.Members[2].Possession = key[:48] }, "replicas[2].possession", "48 bytes, want 0"},
		{Ed25519, "small order", func(g *Genesis) { g.Members[2].VoteKey = make([]byte, 32) }, "replicas[2].vote_key", "small order"},
		{Ed25519, "the identity", func(g *Genesis) { g.Members[2].VoteKey = g.Members[2].Identity }, "replicas[2].vote_key", "same as that of replicas[2].identity"},
		{Ed25519, "a client's key", func(g *Genesis) { g.Members[2].VoteKey = g.Clients[1].Key }, "clients[1].key", "same as that of replicas[2].vote_key"},
	} {
		g := sampleOf(c.scheme, 1, 0)
		c.change(g)
		var f *Fault
		if err := g.Validate(); !errors.As(err, &f) || f.Key != c.key || !strings.Contains(f.Problem, c.want) {
			t.Errorf("%s, %s: %v, want %s: %s", c.scheme, c.what, err, c.key, c.want)
		}
	}
}

// TestSchemeFiles: a file of one scheme under the name of another is refused at a
// line, and so is a key file of the wrong kind.
func TestSchemeFiles(t *testing.T) {
	for _, from := range Schemes() {
		g := sampleOf(from, 1, 0)
		if err := g.Validate(); err != nil {
			t.Fatal(err)
		}
		text := string(g.YAML())
		for _, to := range append(Schemes(), "none") {
			bent := strings.Replace(text, "scheme: "+string(from), "scheme: "+string(to), 1)
			_, err := ParseGenesis([]byte(bent))
			var f *Fault
			if to != from && (!errors.As(err, &f) || f.Line == 0) || to == from && err != nil {
				t.Errorf("%s called %s: %v", from, to, err)
			}
		}
		keys := NodeKeys{Replica: 1, IdentitySeed: testSeed(1), SigmaShare: testSeed(5), TauShare: testSeed(6), PiShare: testSeed(7)}
		votes := NodeKeys{Replica: 1, IdentitySeed: testSeed(1), VoteSecret: testSeed(8)}
		for _, k := range []NodeKeys{keys, votes} {
			read, err := ParseNodeKeys(k.YAML())
			if err != nil || *read != k {
				t.Fatalf("the key file reads back differently: %v", err)
			}
			fits := (from == ThresholdBLS) == (k.VoteSecret == [SecretBytes]byte{})
			if err := k.Check(g); (err == nil) != fits {
				t.Errorf("%s: keys of the wrong kind: %v", from, err)
			}
		}
	}
}

// TestWindowFits holds the bound at its edge, and the claims of decision 0013.
func TestWindowFits(t *testing.T) {
	for _, c := range []struct {
		scheme Scheme
		f, c   int
		most   int
	}{
		{ThresholdBLS, 1, 0, wire.WindowMax}, {ThresholdBLS, 21, 0, 512}, {ThresholdBLS, 33, 0, 256}, {ThresholdBLS, 84, 1, 128},
		{MultiBLS, 1, 0, wire.WindowMax}, {MultiBLS, 33, 0, 256},
		{Ed25519, 1, 0, wire.WindowMax}, {Ed25519, 5, 0, 256}, {Ed25519, 10, 0, 128}, {Ed25519, 21, 0, 32}, {Ed25519, 33, 0, 8},
	} {
		q, err := NewQuorums(3*c.f+2*c.c+1, c.f, c.c)
		if err != nil {
			t.Fatal(err)
		}
		if got := WindowFitting(c.scheme, q); got != c.most {
			t.Errorf("%s, n=%d: window %d, want %d", c.scheme, q.N, got, c.most)
		}
	}
	for _, over := range []bool{false, true} {
		g := sampleOf(Ed25519, 10, 0)
		if g.Window = 128; over {
			g.Window = 256
		}
		err := g.Validate()
		if over != (err != nil) || over && !strings.Contains(err.Error(), "use a window of at most 128") {
			t.Errorf("window %d: %v", g.Window, err)
		}
	}
}

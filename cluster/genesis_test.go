package cluster

// Aim: a genesis file says one thing or is refused with the line and the next
// step, and its hash changes when anything in it does.
// Method: a sample with one edit per row, round trips over random clusters, and
// each field changed in turn.

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"quorate/wire"
)

// groupKeyOf makes the visibly distinct BLS public key number i.
func groupKeyOf(i int) (k GroupKey) {
	k[0], k[1], k[2], k[95] = 0x80, byte(i), byte(i>>8), 1
	return k
}

// sample is a valid genesis of these f and c, not yet validated.
func sample(f, c int) *Genesis {
	g := &Genesis{
		Name: "test", Epoch: 1, F: f, C: c, Window: WindowDefault, TimeBound: TimeBoundDefault,
		CreatedAt: 1_700_000_000_000_000_000,
		Sigma:     groupKeyOf(1), Tau: groupKeyOf(2), Pi: groupKeyOf(3),
		Ledgers: []Ledger{{1, "USD", 2}, {2, "JPY", 0}},
		Clients: []ClientKey{{1, "admin", testKey(1000), rolesAll}, {2, "bank-a", testKey(1001), RolePay | RoleRead}},
	}
	for i := range 3*f + 2*c + 1 {
		g.Members = append(g.Members, Member{
			ID: wire.ReplicaID(i), PeerAddr: fmt.Sprintf("127.0.0.1:%d", 7000+2*i), ClientAddr: fmt.Sprintf("127.0.0.1:%d", 7001+2*i),
			Identity: testKey(i), SigmaShare: groupKeyOf(10 + 3*i), TauShare: groupKeyOf(11 + 3*i), PiShare: groupKeyOf(12 + 3*i),
		})
	}
	return g
}

// sampleOf is sample in any scheme.
func sampleOf(s Scheme, f, c int) *Genesis {
	g := sample(f, c)
	g.Scheme = s
	if s == ThresholdBLS {
		return g
	}
	g.Sigma, g.Tau, g.Pi = GroupKey{}, GroupKey{}, GroupKey{}
	for i := range g.Members {
		m := &g.Members[i]
		m.SigmaShare, m.TauShare, m.PiShare = GroupKey{}, GroupKey{}, GroupKey{}
		if s == Ed25519 {
			m.VoteKey = testKey(3000 + i)
			continue
		}
		key := groupKeyOf(10 + i)
		m.VoteKey, m.Possession = key[:], append(make([]byte, PossessionBytes-2), byte(i), 7)
	}
	return g
}

func TestGenesisRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		g := sampleOf(rapid.SampledFrom(Schemes()).Draw(t, "scheme"), rapid.IntRange(1, 3).Draw(t, "f"), rapid.IntRange(0, 2).Draw(t, "c"))
		g.Name = rapid.StringMatching(`[A-Za-z0-9][A-Za-z0-9._-]{0,20}`).Draw(t, "name")
		g.Epoch = wire.Epoch(rapid.Uint64Min(1).Draw(t, "epoch"))
		g.CreatedAt = rapid.Uint64().Draw(t, "created")
		g.Window = 1 << rapid.IntRange(2, 6).Draw(t, "log window")
		g.TimeBound = rapid.Uint64Range(TimeBoundMin, TimeBoundMax).Draw(t, "bound")
		g.Ledgers[1].Number = rapid.Uint32Min(2).Draw(t, "ledger")
		g.Ledgers[1].Currency = rapid.StringMatching(`[A-Za-z0-9]{1,16}`).Draw(t, "currency")
		g.Clients[1].ID = wire.ClientID(rapid.Uint64Min(2).Draw(t, "client"))
		g.Clients[1].Roles = rapid.Uint32Range(1, 7).Draw(t, "roles")
		if err := g.Validate(); err != nil {
			t.Fatal(err)
		}
		again, err := ParseGenesis(g.YAML())
		if err != nil {
			t.Fatalf("%v in\n%s", err, g.YAML())
		}
		if again.Hash() != g.Hash() || again.Quorums() != g.Quorums() || string(again.YAML()) != string(g.YAML()) {
			t.Fatalf("the file reads back differently:\n%s\n%s", g.YAML(), again.YAML())
		}
	})
}

// TestGenesisHash changes one thing at a time: every hash is new. Comments and
// the order of keys change nothing.
func TestGenesisHash(t *testing.T) {
	changes := map[string]func(*Genesis){
		"none":       func(*Genesis) {},
		"name":       func(g *Genesis) { g.Name = "other" },
		"epoch":      func(g *Genesis) { g.Epoch = 2 },
		"created":    func(g *Genesis) { g.CreatedAt++ },
		"window":     func(g *Genesis) { g.Window = 128 },
		"time bound": func(g *Genesis) { g.TimeBound++ },
		"sigma":      func(g *Genesis) { g.Sigma[50] ^= 1 },
		"tau":        func(g *Genesis) { g.Tau[50] ^= 1 },
		"pi":         func(g *Genesis) { g.Pi[50] ^= 1 },
		"peer":       func(g *Genesis) { g.Members[3].PeerAddr = "10.0.0.1:7" },
		"client":     func(g *Genesis) { g.Members[3].ClientAddr = "10.0.0.1:7" },
		"identity":   func(g *Genesis) { g.Members[3].Identity = testKey(2000) },
		"σ share":    func(g *Genesis) { g.Members[3].SigmaShare[50] ^= 1 },
		"τ share":    func(g *Genesis) { g.Members[3].TauShare[50] ^= 1 },
		"π share":    func(g *Genesis) { g.Members[3].PiShare[50] ^= 1 },
		"members":    func(g *Genesis) { *g = *sample(2, 0) },
		"c":          func(g *Genesis) { *g = *sample(1, 1) },
		"number":     func(g *Genesis) { g.Ledgers[1].Number = 3 },
		"currency":   func(g *Genesis) { g.Ledgers[1].Currency = "EUR" },
		"scale":      func(g *Genesis) { g.Ledgers[1].Scale = 1 },
		"ledgers":    func(g *Genesis) { g.Ledgers = g.Ledgers[:1] },
		"client id":  func(g *Genesis) { g.Clients[1].ID = 3 },
		"client key": func(g *Genesis) { g.Clients[1].Key = testKey(2001) },
		"nickname":   func(g *Genesis) { g.Clients[1].Name = "bank-b" },
		"roles":      func(g *Genesis) { g.Clients[1].Roles = RoleRead },
		"clients":    func(g *Genesis) { g.Clients = g.Clients[:1] },
	}
	seen := map[wire.Digest]string{}
	for what, change := range changes {
		g := sample(1, 0)
		change(g)
		if err := g.Validate(); err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		if before, twice := seen[g.Hash()]; twice {
			t.Errorf("%s and %s have one hash", what, before)
		}
		seen[g.Hash()] = what
	}
	g := sample(1, 0)
	if err := g.Validate(); err != nil {
		t.Fatal(err)
	}
	text := strings.Replace(string(g.YAML()), "epoch: 1\nf: 1\n", "f: 1 # one\n\nepoch: 1\n", 1)
	if again, err := ParseGenesis([]byte(text)); err != nil || again.Hash() != g.Hash() {
		t.Errorf("a comment and another order of keys changed the hash, or: %v", err)
	}
}

// TestGenesisMistakes edits the sample once per row. The fault names the line
// where the marker stands, the key, and a next step.
func TestGenesisMistakes(t *testing.T) {
	g := sample(1, 0)
	if err := g.Validate(); err != nil {
		t.Fatal(err)
	}
	good := string(g.YAML())
	key := func(i int) string { return fmt.Sprintf("%x", []byte(testKey(i))) }
	bls := func(i int) string { k := groupKeyOf(i); return fmt.Sprintf("%x", k[:]) }
	rows := []struct{ what, old, new, marker, problem string }{
		{"unknown key", "epoch: 1\n", "epoch: 1\nepoc: 1\n", "epoc: 1", `unknown key "epoc"`},
		{"unknown member key", "    identity:", "    weight: 3\n    identity:", "weight:", `unknown key "weight"`},
		{"unknown ledger key", "scale: 2}", "scale: 2, tax: 1}", "scale: 2", `unknown key "tax"`},
		{"unknown client key", "name: 'admin'", "nick: a, name: 'admin'", "nick", `unknown key "nick"`},
		{"duplicate key", "c: 0\n", "c: 0\nf: 1\n", "f: 1\ncreated", "stands twice"},
		{"missing key", "epoch: 1\n", "", "version:", "epoch: the key is missing"},
		{"list key", "f: 1\n", "f: 1\n? [a]\n: b\n", "? [a]", "unknown key"},
		{"version", "version: 1\n", "version: 2\n", "version: 2", "format version 2"},
		{"syntax", "epoch: 1\n", "epoch: 1\n\t: x\n", "epoch: 1", "not YAML"},
		{"control byte", "epoch: 1\n", "epoch: 1\x00\n", "epoch:", "not printable UTF-8"},
		{"bad UTF-8", "name: 'test'", "name: 'te\xffst'", "name: 'te", "not printable UTF-8"},
		{"byte order mark", "version: 1", "\ufeffversion: 1", "version: 1", "not printable UTF-8"},
		{"second document", "epoch: 1\n", "epoch: 1\n---\nf: 1\n", "---", "more than one YAML document"},
		{"not a number", "epoch: 1\n", "epoch: one\n", "epoch: one", "not a whole number"},
		{"octal", "epoch: 1\n", "epoch: 01\n", "epoch: 01", "not a whole number"},
		{"negative", "c: 0\n", "c: -1\n", "c: -1", "not a whole number"},
		{"overflow", "epoch: 1\n", "epoch: 18446744073709551616\n", "epoch: 1844", "not a whole number"},
		{"alias used", "name: 'test'\nepoch: 1\n", "name: &a 'test'\nepoch: *a\n", "epoch: *a", "a single value is wanted"},
		{"mapping for text", "name: 'test'\n", "name: {a: b}\n", "name: {", "a single value is wanted"},
		{"text for list", "ledgers:\n", "ledgers: none\nx:\n", "x:", `unknown key "x"`},
		{"text for member", "  - id: 0\n", "  - zero\n  - id: 0\n", "- zero", "a mapping with the keys"},
		{"empty name", "name: 'test'", "name: ''", "name: ''", "not a name"},
		{"strange name", "name: 'test'", "name: '../x'", "name: '../x'", "not a name"},
		{"epoch 0", "epoch: 1\n", "epoch: 0\n", "epoch: 0", "epoch 0"},
		{"f too small", "f: 1\n", "f: 0\n", "replicas:", "f must be at least 1"},
		{"wrong n", "f: 1\n", "f: 2\n", "replicas:", "n=4 is not 3f+2c+1 = 7"},
		{"wrong c", "c: 0\n", "c: 1\n", "replicas:", "n=4 is not 3f+2c+1 = 6"},
		{"window 0", "window: 256", "window: 0", "window: 0", "not a power of two"},
		{"window 2", "window: 256", "window: 2", "window: 2", "not a power of two"},
		{"window 100", "window: 256", "window: 100", "window: 100", "not a power of two"},
		{"window 2048", "window: 256", "window: 2048", "window: 2048", "not a power of two"},
		{"time bound", "nanos: 3000000000", "nanos: 3", "nanos: 3", "outside 1000000"},
		{"time bound high", "nanos: 3000000000", "nanos: 3600000000001", "nanos: 36", "outside 1000000"},
		{"short hex", bls(1), bls(1)[1:], "sigma: ", "191 characters"},
		{"bad hex", bls(1), "zz" + bls(1)[2:], "sigma: ", "not hexadecimal"},
		{"zero group key", bls(2), strings.Repeat("00", 96), "tau: ", "point at infinity"},
		{"infinite group key", bls(3), "c0" + strings.Repeat("00", 95), "pi: ", "point at infinity"},
		{"infinite share", bls(13), "c0" + strings.Repeat("00", 95), "sigma_share: 'c0", "point at infinity"},
		{"share of two replicas", bls(13), bls(10), "sigma_share: '" + bls(10) + "'\n    tau_share: '" + bls(14), "same as that of replicas[0].sigma_share"},
		{"share of two groups", bls(11), bls(10), "tau_share: '" + bls(10), "same as that of replicas[0].sigma_share"},
		{"id out of place", "id: 2\n", "id: 1\n", "id: 1\n    peer_addr: '127.0.0.1:7004'", "id 1 in place 2"},
		{"same address", "127.0.0.1:7003", "127.0.0.1:7000", "client_addr: '127.0.0.1:7000'", "same as that of replicas[0].peer_addr"},
		{"no port", "'127.0.0.1:7003'", "'127.0.0.1'", "client_addr: '127.0.0.1'", "no port"},
		{"port 0", "127.0.0.1:7003", "127.0.0.1:0", "127.0.0.1:0", "from 1 to 65535"},
		{"port 65536", "127.0.0.1:7003", "127.0.0.1:65536", "127.0.0.1:65536", "from 1 to 65535"},
		{"port 07003", "127.0.0.1:7003", "127.0.0.1:07003", "127.0.0.1:07003", "from 1 to 65535"},
		{"no host", "127.0.0.1:7003", ":7003", "client_addr: ':7003'", "neither a name nor"},
		{"bare IPv6", "127.0.0.1:7003", "::1:7003", "::1:7003", "neither a name nor"},
		{"bad IPv6", "127.0.0.1:7003", "[::x]:7003", "[::x]", "not an IPv6"},
		{"small-order identity", key(1), smallOrder[4], "identity: '" + smallOrder[4], "small order"},
		{"non-canonical identity", key(1), nonCanonical[6], "identity: '" + nonCanonical[6], "not canonical"},
		{"same identity", key(1), key(0), "'\n    sigma_share: '" + bls(13), "same as that of replicas[0].identity"},
		{"no ledgers", "  - {number: 1, currency: 'USD', scale: 2}\n  - {number: 2, currency: 'JPY', scale: 0}\n", "  []\n", "ledgers:", "no ledger"},
		{"ledger 0", "number: 1,", "number: 0,", "number: 0,", "ledger 0 is reserved"},
		{"ledger twice", "number: 2,", "number: 1,", "currency: 'JPY'", "ledger 1 stands after ledger 1"},
		{"ledger too large", "number: 2,", "number: 4294967296,", "number: 4294967296", "not a whole number"},
		{"no currency", "'USD'", "''", "number: 1", "not a currency"},
		{"long currency", "'USD'", "'" + strings.Repeat("U", 17) + "'", "UUU", "not a currency"},
		{"scale", "scale: 2", "scale: 25", "scale: 25", "over 24"},
		{"client 0", "{id: 1, ", "{id: 0, ", "{id: 0, ", "client 0 is reserved"},
		{"client twice", "{id: 2, ", "{id: 1, ", "'bank-a'", "client 1 stands after client 1"},
		{"client name twice", "'bank-a'", "'admin'", "{id: 2, ", "same as that of clients[0].name"},
		{"client key twice", key(1001), key(1000), "{id: 2, ", "same as that of clients[0].key"},
		{"client key of a replica", key(1001), key(3), "{id: 2, ", "same as that of replicas[3].identity"},
		{"small-order client", key(1001), smallOrder[0], "{id: 2, ", "small order"},
		{"no roles", "[pay, read]", "[]", "{id: 2, ", "not a set of roles"},
		{"unknown role", "[pay, read]", "[pay, root]", "{id: 2, ", `"root" is not a role`},
		{"role twice", "[pay, read]", "[pay, pay]", "{id: 2, ", `"pay" is not a role, or stands twice`},
	}
	for _, r := range rows {
		t.Run(r.what, func(t *testing.T) {
			text := strings.Replace(good, r.old, r.new, 1)
			if text == good || !strings.Contains(text, r.marker) {
				t.Fatal("the row edits nothing or its marker is missing")
			}
			line := 1 + strings.Count(text[:strings.Index(text, r.marker)], "\n")
			_, err := ParseGenesis([]byte(text))
			var f *Fault
			if !errors.As(err, &f) || !errors.Is(err, ErrGenesis) {
				t.Fatalf("accepted, or not a fault: %v", err)
			}
			if f.Line != line || !strings.Contains(err.Error(), r.problem) || f.Fix == "" {
				t.Errorf("got %v\nwant line %d and %q", err, line, r.problem)
			}
		})
	}
}

func TestGenesisSizeAndEmpty(t *testing.T) {
	for _, text := range []string{"", "# only a comment\n", "---\n", "null", "[]", "a", strings.Repeat("#", GenesisBytesMax+1)} {
		if _, err := ParseGenesis([]byte(text)); !errors.Is(err, ErrGenesis) {
			t.Errorf("%.20q: %v", text, err)
		}
	}
}

func TestGenesisLookups(t *testing.T) {
	g := sample(1, 0)
	g.Clients[1].ID = 50
	for id, want := range map[wire.ClientID]string{0: "", 1: "admin", 2: "", 50: "bank-a", 51: "", 1<<64 - 1: ""} {
		k, ok := g.Client(id)
		if ok != (want != "") || ok && k.Name != want {
			t.Errorf("client %d: %v %v", id, k, ok)
		}
	}
	for id, want := range map[wire.ReplicaID]bool{0: true, 3: true, 4: false, 65535: false} {
		m, ok := g.Replica(id)
		if ok != want || ok && m.ID != id {
			t.Errorf("replica %d: %v %v", id, m, ok)
		}
	}
}

// TestGenesisUnsealed: using a genesis before Validate is a mistake of ours.
func TestGenesisUnsealed(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("Hash of an unchecked genesis did not panic")
		}
	}()
	sample(1, 0).Hash()
}

func FuzzParseGenesis(f *testing.F) {
	g := sample(1, 0)
	if err := g.Validate(); err != nil {
		f.Fatal(err)
	}
	f.Add(g.YAML())
	f.Add([]byte("a: &a [*a]"))
	f.Add([]byte("? {a: b}\n: c\n"))
	f.Add([]byte("--- |\n x\n...\n---\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		g, err := ParseGenesis(text)
		if err != nil {
			var fault *Fault
			if !errors.As(err, &fault) || fault.Line < 1 || fault.Fix == "" {
				t.Fatalf("a refusal without line or next step: %v", err)
			}
			return
		}
		again, err := ParseGenesis(g.YAML())
		if err != nil || again.Hash() != g.Hash() {
			t.Fatalf("accepted, but reads back differently: %v", err)
		}
	})
}

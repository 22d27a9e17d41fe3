package cluster

import (
	"bytes"
	"cmp"
	"crypto/ed25519"
	"fmt"
	"math"
	"strings"

	"go.yaml.in/yaml/v3"

	"quorate/wire"
)

// GenesisBytesMax bounds a genesis file: 255 replicas at 1 KiB and 4,096
// clients at 256 bytes take a little over 1 MiB.
const GenesisBytesMax = 2 << 20

// fileVersion is the first key of each file. A file of another version is
// refused: guessing what an unknown format meant has moved money before.
const fileVersion = 1

// rolesAll is every role there is.
const rolesAll = RolePay | RoleRead | RoleAdmin

// roleNames in the order in which files list them.
var roleNames = []struct {
	name string
	bit  uint32
}{{"pay", RolePay}, {"read", RoleRead}, {"admin", RoleAdmin}}

// ParseGenesis reads and validates a genesis file. A refusal is a *Fault of
// kind ErrGenesis with its line. text is not kept.
func ParseGenesis(text []byte) (*Genesis, error) {
	r := &reader{kind: ErrGenesis, lines: map[string]int{}}
	doc := r.document(text, GenesisBytesMax)
	scheme := schemeOf(doc)
	keys := []string{"version", "name", "epoch", "f", "c", "created_at_nanos", "window", "time_bound_nanos", "replicas", "ledgers", "clients"}
	if hasKey(doc, "scheme") {
		keys = append(keys, "scheme")
	}
	if scheme == ThresholdBLS {
		keys = append(keys, "sigma", "tau", "pi")
	}
	m := r.mapping(doc, "", keys...)
	m.version()
	g := &Genesis{
		Scheme:    scheme,
		Name:      m.text("name"),
		Epoch:     wire.Epoch(m.number("epoch", math.MaxUint64)),
		F:         int(m.number("f", wire.ReplicasMax)),
		C:         int(m.number("c", wire.ReplicasMax)),
		CreatedAt: m.number("created_at_nanos", math.MaxUint64),
		Window:    int(m.number("window", math.MaxInt32)),
		TimeBound: m.number("time_bound_nanos", math.MaxUint64),
	}
	if scheme == ThresholdBLS {
		m.hex("sigma", g.Sigma[:])
		m.hex("tau", g.Tau[:])
		m.hex("pi", g.Pi[:])
	}
	for i, node := range m.list("replicas", wire.ReplicasMax) {
		g.Members = append(g.Members, r.member(node, fmt.Sprintf("replicas[%d]", i), scheme))
	}
	for i, node := range m.list("ledgers", LedgersMax) {
		g.Ledgers = append(g.Ledgers, r.ledger(node, fmt.Sprintf("ledgers[%d]", i)))
	}
	for i, node := range m.list("clients", GenesisClientsMax) {
		g.Clients = append(g.Clients, r.client(node, fmt.Sprintf("clients[%d]", i)))
	}
	if err := r.err(); err != nil {
		return nil, err
	}
	if err := g.Validate(); err != nil {
		return nil, r.place(err)
	}
	return g, nil
}

func (m mapping) version() {
	if v := m.number("version", math.MaxUint64); v != fileVersion {
		m.fail("version", fmt.Sprintf("format version %d is not known to this build, which reads %d", v, fileVersion),
			"use the build that wrote the file")
	}
}

// schemeKeys are the keys of a member that its scheme needs.
var schemeKeys = map[Scheme][]string{
	ThresholdBLS: {"sigma_share", "tau_share", "pi_share"},
	MultiBLS:     {"vote_key", "possession"},
	Ed25519:      {"vote_key"},
}

// schemeOf gives the scheme that a genesis names, the default one if it names
// none. An unknown one is read like the others and refused by Validate.
func schemeOf(doc *yaml.Node) Scheme {
	if doc == nil || doc.Kind != yaml.MappingNode {
		return ThresholdBLS
	}
	for i := 0; i+1 < len(doc.Content); i += 2 {
		if doc.Content[i].Value == "scheme" {
			return Scheme(doc.Content[i+1].Value)
		}
	}
	return ThresholdBLS
}

func (r *reader) member(node *yaml.Node, path string, scheme Scheme) Member {
	m := r.mapping(node, path, append([]string{"id", "peer_addr", "client_addr", "identity"}, schemeKeys[scheme]...)...)
	member := Member{
		ID:         wire.ReplicaID(m.number("id", math.MaxUint16)),
		PeerAddr:   m.text("peer_addr"),
		ClientAddr: m.text("client_addr"),
		Identity:   make(ed25519.PublicKey, ed25519.PublicKeySize),
	}
	m.hex("identity", member.Identity)
	if scheme == ThresholdBLS {
		m.hex("sigma_share", member.SigmaShare[:])
		m.hex("tau_share", member.TauShare[:])
		m.hex("pi_share", member.PiShare[:])
		return member
	}
	member.VoteKey = make([]byte, voteKeyBytes[scheme])
	m.hex("vote_key", member.VoteKey)
	if scheme == MultiBLS {
		member.Possession = make([]byte, PossessionBytes)
		m.hex("possession", member.Possession)
	}
	return member
}

func (r *reader) ledger(node *yaml.Node, path string) Ledger {
	m := r.mapping(node, path, "number", "currency", "scale")
	return Ledger{
		Number:   uint32(m.number("number", math.MaxUint32)),
		Currency: m.text("currency"),
		Scale:    uint8(m.number("scale", math.MaxUint8)),
	}
}

func (r *reader) client(node *yaml.Node, path string) ClientKey {
	m := r.mapping(node, path, "id", "name", "key", "roles")
	k := ClientKey{
		ID:   wire.ClientID(m.number("id", math.MaxUint64)),
		Name: m.text("name"),
		Key:  make(ed25519.PublicKey, ed25519.PublicKeySize),
	}
	m.hex("key", k.Key)
	for _, role := range m.list("roles", len(roleNames)) {
		bit := roleBit(role.Value)
		if role.Kind != yaml.ScalarNode || bit == 0 || k.Roles&bit != 0 {
			r.fail(role.Line, path+".roles", quoted(role.Value)+" is not a role, or stands twice", "use each of pay, read, admin at most once")
		}
		k.Roles |= bit
	}
	return k
}

func roleBit(name string) uint32 {
	for _, r := range roleNames {
		if r.name == name {
			return r.bit
		}
	}
	return 0
}

// YAML writes g as ParseGenesis reads it. Text of a genesis that Validate
// refuses is not promised to be readable.
func (g *Genesis) YAML() []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "# What all replicas agree on before the first block. Its hash is compared at\n")
	fmt.Fprintf(&b, "# every handshake: the file is the same on every host and never edited.\n")
	fmt.Fprintf(&b, "version: %d\nname: '%s'\nepoch: %d\nf: %d\nc: %d\n", fileVersion, g.Name, g.Epoch, g.F, g.C)
	fmt.Fprintf(&b, "created_at_nanos: %d\nwindow: %d\ntime_bound_nanos: %d\n", g.CreatedAt, g.Window, g.TimeBound)
	fmt.Fprintf(&b, "scheme: %s\n", cmp.Or(g.Scheme, ThresholdBLS))
	if g.threshold() {
		fmt.Fprintf(&b, "sigma: '%x'\ntau: '%x'\npi: '%x'\n", g.Sigma[:], g.Tau[:], g.Pi[:])
	}
	fmt.Fprintf(&b, "replicas:\n")
	for i := range g.Members {
		m := &g.Members[i]
		fmt.Fprintf(&b, "  - id: %d\n    peer_addr: '%s'\n    client_addr: '%s'\n    identity: '%x'\n", m.ID, m.PeerAddr, m.ClientAddr, []byte(m.Identity))
		if g.threshold() {
			fmt.Fprintf(&b, "    sigma_share: '%x'\n    tau_share: '%x'\n    pi_share: '%x'\n", m.SigmaShare[:], m.TauShare[:], m.PiShare[:])
			continue
		}
		fmt.Fprintf(&b, "    vote_key: '%x'\n", m.VoteKey)
		if g.Scheme == MultiBLS {
			fmt.Fprintf(&b, "    possession: '%x'\n", m.Possession)
		}
	}
	fmt.Fprintf(&b, "ledgers:\n")
	for _, l := range g.Ledgers {
		fmt.Fprintf(&b, "  - {number: %d, currency: '%s', scale: %d}\n", l.Number, l.Currency, l.Scale)
	}
	fmt.Fprintf(&b, "clients:\n")
	for i := range g.Clients {
		k := &g.Clients[i]
		fmt.Fprintf(&b, "  - {id: %d, name: '%s', key: '%x', roles: [%s]}\n", k.ID, k.Name, []byte(k.Key), rolesText(k.Roles))
	}
	return b.Bytes()
}

// rolesText lists the names of a set of roles.
func rolesText(roles uint32) string {
	var names []string
	for _, r := range roleNames {
		if roles&r.bit != 0 {
			names = append(names, r.name)
		}
	}
	return strings.Join(names, ", ")
}

// threshold reports whether g has the keys of the default scheme.
func (g *Genesis) threshold() bool { return g.Scheme == ThresholdBLS || g.Scheme == "" }

package cluster

import (
	"fmt"
	"strconv"
	"strings"

	"quorate/wire"
)

// Hard bounds of a genesis.
const (
	// WindowMin is the smallest window: two checkpoint intervals of two slots.
	WindowMin = 4
	// TimeBoundMin and TimeBoundMax bound TimeBound, nanoseconds: below 1 ms
	// honest clocks under NTP differ by more, above 1 h it protects nothing.
	TimeBoundMin = 1_000_000
	TimeBoundMax = 3_600_000_000_000
	// LedgersMax bounds the ledger registry.
	LedgersMax = 4096
	// GenesisClientsMax bounds the clients in genesis; later ones are
	// registered by ordered requests. Checking 4,096 keys takes half a second.
	GenesisClientsMax = 4096
	// NameBytesMax bounds the names of a cluster and of a client.
	NameBytesMax = 64
	// CurrencyBytesMax bounds a currency's name.
	CurrencyBytesMax = 16
	// ScaleMax bounds a currency's scale: with 24 digits behind the point an
	// amount of 128 bits still holds 3·10^14 whole units.
	ScaleMax = 24

	hostBytesMax = 253 // RFC 1035 section 2.3.4
)

// Validate checks every field against the others and, when nothing is wrong,
// computes hash and quorums. It returns a *Fault of kind ErrGenesis. Call it
// once, before g is shared between goroutines.
func (g *Genesis) Validate() error {
	if g.Scheme == "" {
		g.Scheme = ThresholdBLS
	}
	q, err := g.validate()
	if err != nil {
		return err
	}
	g.seal = &seal{hash: wire.Sum(domainGenesis, g.canonical()), quorums: q}
	return nil
}

func (g *Genesis) validate() (Quorums, error) {
	c := checker{seen: map[string]string{}}
	c.parameters(g)
	q, err := NewQuorums(len(g.Members), g.F, g.C)
	if err != nil {
		c.fail("replicas", strings.TrimPrefix(err.Error(), ErrSize.Error()+": "), "list exactly 3f+2c+1 replicas, or change f and c")
	}
	c.scheme(g)
	for i := range g.Members {
		c.member(i, &g.Members[i])
		c.voteKeys(g.Scheme, i, &g.Members[i])
	}
	if c.fault == nil {
		c.windowFits(g, q)
	}
	c.ledgers(g.Ledgers)
	c.clients(g.Clients)
	if c.fault != nil {
		return Quorums{}, c.fault
	}
	return q, nil
}

// checker collects what must be unique; its first fault sticks.
type checker struct {
	seen  map[string]string // kind and value → path of the first key that has it
	fault *Fault
}

func (c *checker) fail(key, problem, fix string) {
	if c.fault == nil {
		c.fault = &Fault{Kind: ErrGenesis, Key: key, Problem: problem, Fix: fix}
	}
}

// unique refuses a value that another key of this kind has.
func (c *checker) unique(kind, key, value, fix string) {
	if first, twice := c.seen[kind+value]; twice {
		c.fail(key, kind+" is the same as that of "+first, fix)
		return
	}
	c.seen[kind+value] = key
}

func (c *checker) parameters(g *Genesis) {
	c.name("name", g.Name)
	if g.Epoch < 1 {
		c.fail("epoch", "epoch 0", "epochs count from 1")
	}
	if g.Window < WindowMin || g.Window > wire.WindowMax || g.Window&(g.Window-1) != 0 {
		c.fail("window", fmt.Sprintf("%d is not a power of two from %d to %d", g.Window, WindowMin, wire.WindowMax),
			fmt.Sprintf("the usual value is %d", WindowDefault))
	}
	if g.TimeBound < TimeBoundMin || g.TimeBound > TimeBoundMax {
		c.fail("time_bound_nanos", fmt.Sprintf("%d is outside %d to %d", g.TimeBound, uint64(TimeBoundMin), uint64(TimeBoundMax)),
			fmt.Sprintf("the usual value is %d", uint64(TimeBoundDefault)))
	}
}

// name checks a name that logs and file names will show.
func (c *checker) name(key, name string) {
	if !plainName(name, NameBytesMax) {
		c.fail(key, quoted(name)+" is not a name", fmt.Sprintf("use 1 to %d letters, digits, dots, dashes or underscores, a letter or digit first", NameBytesMax))
	}
}

// plainName reports whether s can stand in a file name, a log line and a table.
func plainName(s string, bytesMax int) bool {
	if len(s) == 0 || len(s) > bytesMax {
		return false
	}
	for i := range len(s) {
		b := s[i]
		alnum := b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' || b >= '0' && b <= '9'
		if !alnum && (i == 0 || b != '.' && b != '-' && b != '_') {
			return false
		}
	}
	return true
}

// groupKey refuses what is visibly no key: zeros, and the point at infinity
// (BYZ-06). Whether it is a point of the subgroup, sigagg finds out at start.
func (c *checker) groupKey(key string, k GroupKey) {
	const infinity = 0xc0 // flags of a compressed point at infinity; all other bits are zero
	rest := k
	rest[0] &^= infinity
	if rest == (GroupKey{}) {
		c.fail(key, "it is zero or the point at infinity, under which anyone can sign", "deal the keys anew with: replica init")
	}
	c.unique("the BLS key", key, string(k[:]), "every group and every share has a key of its own; deal the keys anew with: replica init")
}

func (c *checker) member(i int, m *Member) {
	path := fmt.Sprintf("replicas[%d]", i)
	if int(m.ID) != i {
		c.fail(path+".id", fmt.Sprintf("id %d in place %d", m.ID, i), "list the replicas by id from 0, each once")
	}
	for _, a := range []struct{ key, addr string }{{".peer_addr", m.PeerAddr}, {".client_addr", m.ClientAddr}} {
		if problem := addrProblem(a.addr); problem != "" {
			c.fail(path+a.key, quoted(a.addr)+": "+problem, "write it as host:port, an IPv6 host in brackets")
		}
		c.unique("the address", path+a.key, a.addr, "give each listener a port of its own")
	}
	if err := CheckKey(m.Identity); err != nil {
		c.fail(path+".identity", strings.TrimPrefix(err.Error(), ErrKey.Error()+": "), "copy the key that replica init printed, or make a new one")
	}
	c.unique("the Ed25519 key", path+".identity", string(m.Identity), "every replica and client has a key of its own")
}

// addrProblem says what is wrong with host:port, or nothing. Names are not
// looked up: genesis must mean the same on every host.
func addrProblem(addr string) string {
	colon := strings.LastIndexByte(addr, ':')
	if colon < 0 {
		return "no port"
	}
	host, port := addr[:colon], addr[colon+1:]
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 || strconv.FormatUint(n, 10) != port {
		return "the port is not a number from 1 to 65535"
	}
	if v6, ok := strings.CutPrefix(host, "["); ok {
		v6, ok = strings.CutSuffix(v6, "]")
		if !ok || len(v6) < 2 || strings.Trim(v6, "0123456789abcdefABCDEF:.") != "" || !strings.Contains(v6, ":") {
			return "the host in brackets is not an IPv6 address"
		}
		return ""
	}
	if !plainName(host, hostBytesMax) {
		return "the host is neither a name nor an IP address"
	}
	return ""
}

func (c *checker) ledgers(ledgers []Ledger) {
	if len(ledgers) == 0 {
		c.fail("ledgers", "no ledger is registered, so no account could be opened", "add one, as {number: 1, currency: USD, scale: 2}")
	}
	if len(ledgers) > LedgersMax {
		c.fail("ledgers", fmt.Sprintf("%d ledgers are over %d", len(ledgers), LedgersMax), "leave the excess out")
	}
	before := uint32(0)
	for i, l := range ledgers {
		path := fmt.Sprintf("ledgers[%d]", i)
		switch {
		case l.Number == 0:
			c.fail(path+".number", "ledger 0 is reserved", "number ledgers from 1")
		case l.Number <= before:
			c.fail(path+".number", fmt.Sprintf("ledger %d stands after ledger %d", l.Number, before), "list each ledger once, in rising order")
		case !plainName(l.Currency, CurrencyBytesMax):
			c.fail(path+".currency", quoted(l.Currency)+" is not a currency", fmt.Sprintf("use an ISO 4217 code, or a name of 1 to %d letters and digits", CurrencyBytesMax))
		case l.Scale > ScaleMax:
			c.fail(path+".scale", fmt.Sprintf("%d digits behind the point are over %d", l.Scale, ScaleMax), "ISO 4217 currencies have 0 to 4")
		}
		before = l.Number
	}
}

func (c *checker) clients(clients []ClientKey) {
	if len(clients) == 0 {
		c.fail("clients", "no client is registered, so nobody could send a request", "add one with the role admin")
	}
	if len(clients) > GenesisClientsMax {
		c.fail("clients", fmt.Sprintf("%d clients are over %d", len(clients), GenesisClientsMax), "register the others after the start")
	}
	before := wire.ClientID(0)
	for i := range clients {
		k, path := &clients[i], fmt.Sprintf("clients[%d]", i)
		switch {
		case k.ID == 0:
			c.fail(path+".id", "client 0 is reserved", "number clients from 1")
		case k.ID <= before:
			c.fail(path+".id", fmt.Sprintf("client %d stands after client %d", k.ID, before), "list each client once, in rising order")
		case k.Roles == 0 || k.Roles&^rolesAll != 0:
			c.fail(path+".roles", fmt.Sprintf("%#x is not a set of roles", k.Roles), "give one or more of pay, read, admin")
		}
		c.name(path+".name", k.Name)
		c.unique("the client's name", path+".name", k.Name, "rename one of the two")
		if err := CheckKey(k.Key); err != nil {
			c.fail(path+".key", strings.TrimPrefix(err.Error(), ErrKey.Error()+": "), "ask the client for its public key again")
		}
		c.unique("the Ed25519 key", path+".key", string(k.Key), "every replica and client has a key of its own")
		before = k.ID
	}
}

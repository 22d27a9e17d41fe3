package clienttest

import (
	"crypto/ed25519"
	"crypto/rand"
	"fmt"
	"net"
	"sync"
	"testing"
	"time"

	"quorate/client"
	"quorate/cluster"
	"quorate/internal/scheme"
	"quorate/payments"
	"quorate/sigagg"
	"quorate/wire"
)

// Replicas is n of the cluster: f=1, c=0.
const Replicas = 4

// Tamper changes a reply that replica r is about to send and says how many
// copies leave: 0 withholds it.
type Tamper func(r wire.ReplicaID, reply *wire.Reply) (copies int)

// Intercept sees a request before it is ordered. If it returns a kind, that
// frame is the answer and the request goes no further; KindPing as kind
// swallows it.
type Intercept func(r wire.ReplicaID, q *wire.Request) (kind wire.Kind, body []byte)

// Cluster is four replicas behind one ordered ledger.
type Cluster struct {
	Genesis *cluster.Genesis
	Keys    []client.Keys        // client i+1; the first is the admin
	Files   []cluster.ClientKeys // the same as files hold them

	identities []ed25519.PrivateKey
	nodes      []*cluster.NodeKeys // their secrets of the signature scheme
	pi         scheme.Group
	ledger     *ledger
	replicas   [Replicas]*replica

	mu        sync.Mutex
	tamper    Tamper
	intercept Intercept
	view      wire.View
	behind    map[wire.ReplicaID]int
	diverged  map[wire.ReplicaID]bool
}

// New starts a cluster with this many clients and one ledger of number 1; the
// test's end stops it.
func New(t testing.TB, clients int) *Cluster {
	t.Helper()
	c := &Cluster{behind: map[wire.ReplicaID]int{}, diverged: map[wire.ReplicaID]bool{}}
	listeners := make([]net.Listener, Replicas)
	for i := range listeners {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		listeners[i] = l
	}
	if err := c.deal(listeners, clients); err != nil {
		t.Fatal(err)
	}
	ledger, err := newLedger(c)
	if err != nil {
		t.Fatal(err)
	}
	c.ledger = ledger
	for i := range c.replicas {
		c.replicas[i] = newReplica(c, wire.ReplicaID(i))
		c.replicas[i].serve(listeners[i])
	}
	t.Cleanup(func() {
		for i := range c.replicas {
			c.Kill(wire.ReplicaID(i))
		}
		c.ledger.stop()
	})
	return c
}

// deal makes keys and genesis.
func (c *Cluster) deal(listeners []net.Listener, clients int) error {
	g := &cluster.Genesis{
		Name: "test", Epoch: 1, F: 1, C: 0, CreatedAt: 1, Window: cluster.WindowDefault, TimeBound: cluster.TimeBoundDefault,
		Ledgers: []cluster.Ledger{{Number: 1, Currency: "CZK", Scale: 2}},
	}
	for i := range Replicas {
		public, private, err := ed25519.GenerateKey(rand.Reader)
		if err != nil {
			return err
		}
		c.identities = append(c.identities, private)
		c.nodes = append(c.nodes, &cluster.NodeKeys{Replica: wire.ReplicaID(i)})
		g.Members = append(g.Members, cluster.Member{
			ID: wire.ReplicaID(i), PeerAddr: fmt.Sprintf("127.0.0.1:%d", 1+i),
			ClientAddr: listeners[i].Addr().String(), Identity: public,
		})
	}
	if err := scheme.Deal(g, c.nodes, nil); err != nil {
		return err
	}
	for i := range clients {
		file := cluster.ClientKeys{ID: wire.ClientID(i + 1), Name: fmt.Sprintf("load-%02d", i)}
		roles := cluster.RolePay | cluster.RoleRead
		if i == 0 {
			file.Name = "admin"
			roles |= cluster.RoleAdmin
		}
		if _, err := rand.Read(file.Seed[:]); err != nil {
			return err
		}
		key := file.Key()
		g.Clients = append(g.Clients, cluster.ClientKey{
			ID: file.ID, Name: file.Name, Key: key.Public().(ed25519.PublicKey),
			Roles: roles,
		})
		c.Files = append(c.Files, file)
		c.Keys = append(c.Keys, client.Keys{ID: file.ID, Key: key})
	}
	if err := g.Validate(); err != nil {
		return err
	}
	c.Genesis = g
	var err error
	c.pi, err = scheme.OpenPi(g)
	return err
}

// SetTamper makes replicas lie; nil makes them honest again.
func (c *Cluster) SetTamper(f Tamper) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.tamper = f
}

// SetIntercept stops requests before they are ordered; nil lets them through.
func (c *Cluster) SetIntercept(f Intercept) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.intercept = f
}

// SetView makes all replicas report this view.
func (c *Cluster) SetView(v wire.View) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.view = v
}

// Behind makes a replica answer so many hellos as if it had not executed the
// client's registration yet.
func (c *Cluster) Behind(r wire.ReplicaID, hellos int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.behind[r] = hellos
}

// knows reports whether r has executed a client's registration, and counts the
// times that it was asked.
func (c *Cluster) knows(r wire.ReplicaID) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.behind[r]--
	return c.behind[r] < 0
}

// Diverge makes a replica report another state than the others.
func (c *Cluster) Diverge(r wire.ReplicaID) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.diverged[r] = true
}

// Kill closes a replica's port and connections. Killing a dead one is nothing.
func (c *Cluster) Kill(r wire.ReplicaID) { c.replicas[r].kill() }

// Revive opens the port of a killed replica again.
func (c *Cluster) Revive(t testing.TB, r wire.ReplicaID) {
	t.Helper()
	l, err := net.Listen("tcp", c.Genesis.Members[r].ClientAddr)
	if err != nil {
		t.Fatal(err)
	}
	c.replicas[r].serve(l)
}

// Executed is the number of requests that were executed.
func (c *Cluster) Executed() int { return c.ledger.executedCount() }

// Sabotage runs f on the machine's requests of each block before execution, to
// plant losses and changes that an audit must find.
func (c *Cluster) Sabotage(f func(body []byte) []byte) { c.ledger.setSabotage(f) }

// Certify signs a block header as f+1 replicas would: for tests that need a
// certificate of their own.
func (c *Cluster) Certify(h *wire.BlockHeader) (wire.Certificate, error) {
	scope := wire.Scope{Cluster: c.Genesis.Hash(), Epoch: c.Genesis.Epoch}
	digest := scope.ExecuteHash(h.Seq, h.Hash())
	var votes []sigagg.Vote
	for i := range c.Genesis.Quorums().Pi {
		signers, err := scheme.NewSigners(c.Genesis, c.nodes[i])
		if err != nil {
			return wire.Certificate{}, err
		}
		votes = append(votes, sigagg.Vote{Signer: i, Sig: signers.Pi.Sign(sigagg.ExecState, digest)})
	}
	cert, _, err := c.pi.Combine(sigagg.ExecState, digest, votes)
	if err != nil {
		return wire.Certificate{}, err
	}
	return wire.NewCertificate(cert)
}

// status is what replica r says of itself.
func (c *Cluster) status(r wire.ReplicaID) wire.NodeStatus {
	c.mu.Lock()
	defer c.mu.Unlock()
	seq, digest, events := c.ledger.position()
	if c.diverged[r] {
		digest[0] ^= 1
	}
	return wire.NodeStatus{
		Replica: r, View: c.view, Active: true, Primary: c.Genesis.Quorums().Primary(c.view),
		Executed: seq, Execute: digest, LedgerSeq: seq, FastCommits: uint64(seq), Events: events,
		PeersUp: Replicas, CertExpiry: uint64(time.Now().Add(time.Hour).Unix()),
	}
}

func (c *Cluster) hooks() (Tamper, Intercept) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.tamper, c.intercept
}

// machineConfig is the machine's view of genesis.
func machineConfig(g *cluster.Genesis) payments.Config {
	var cfg payments.Config
	for _, l := range g.Ledgers {
		p := payments.Ledger{Number: l.Number, Scale: l.Scale}
		copy(p.Currency[:], l.Currency)
		cfg.Ledgers = append(cfg.Ledgers, p)
	}
	for _, k := range g.Clients {
		roles := payments.RoleAccounts | payments.RoleTransfers | payments.RoleQueries
		if k.Roles&cluster.RoleAdmin != 0 {
			roles |= payments.RoleAdmin
		}
		cfg.Clients = append(cfg.Clients, payments.ClientRecord{ID: k.ID, Key: [32]byte(k.Key), Roles: roles})
	}
	return cfg
}

package main

import (
	"crypto/ed25519"
	"crypto/rand"
	"fmt"
	"io"
	"net"
	"strconv"
	"text/tabwriter"
	"time"

	"quorate/cluster"
	"quorate/internal/scheme"
	"quorate/wire"
)

// deal is everything that init makes before it writes: the genesis, the secrets
// behind it, and one configuration text per node.
type deal struct {
	genesis *cluster.Genesis
	nodes   []cluster.NodeKeys
	clients []cluster.ClientKeys
	configs [][]byte
}

// dealCluster draws all keys of a cluster from the operating system.
func dealCluster(p *plan) (*deal, error) {
	q := p.quorums
	d := &deal{
		genesis: &cluster.Genesis{
			Name: p.name, Epoch: 1, F: q.F, C: q.C, Scheme: p.scheme, Ledgers: p.ledgers,
			Window: p.window, TimeBound: cluster.TimeBoundDefault, CreatedAt: uint64(time.Now().UnixNano()),
			Members: make([]cluster.Member, q.N),
		},
		nodes: make([]cluster.NodeKeys, q.N),
	}
	onHost := map[string]int{} // replicas placed on a host so far
	for i := range d.nodes {
		local := onHost[p.hosts[i]]
		onHost[p.hosts[i]]++
		m := &d.genesis.Members[i]
		m.ID = wire.ReplicaID(i)
		m.PeerAddr = net.JoinHostPort(p.hosts[i], strconv.Itoa(p.basePort+2*local))
		m.ClientAddr = net.JoinHostPort(p.hosts[i], strconv.Itoa(p.basePort+2*local+1))
		d.nodes[i].Replica = m.ID
		m.Identity = drawSeed(&d.nodes[i].IdentitySeed)
		d.configs = append(d.configs, configText(p.profile, p.metricsPort+local, p.window))
	}
	nodes := make([]*cluster.NodeKeys, q.N)
	for i := range nodes {
		nodes[i] = &d.nodes[i]
	}
	if err := scheme.Deal(d.genesis, nodes, nil); err != nil {
		return nil, fmt.Errorf("init: %w", err)
	}
	d.addClient(adminName, cluster.RolePay|cluster.RoleRead|cluster.RoleAdmin)
	for i := range p.clients {
		d.addClient(fmt.Sprintf("load-%02d", i+1), cluster.RolePay|cluster.RoleRead)
	}
	if err := d.genesis.Validate(); err != nil {
		return nil, fail(exitUsage, fmt.Errorf("init: %w", err))
	}
	return d, nil
}

// drawSeed fills seed with randomness and gives its Ed25519 public key.
func drawSeed(seed *[cluster.SecretBytes]byte) ed25519.PublicKey {
	_, _ = rand.Read(seed[:]) // never fails: since Go 1.24 it ends the process instead
	return ed25519.NewKeyFromSeed(seed[:]).Public().(ed25519.PublicKey)
}

func (d *deal) addClient(name string, roles uint32) {
	k := cluster.ClientKeys{ID: wire.ClientID(len(d.clients) + 1), Name: name}
	public := drawSeed(&k.Seed)
	d.clients = append(d.clients, k)
	d.genesis.Clients = append(d.genesis.Clients, cluster.ClientKey{ID: k.ID, Name: name, Key: public, Roles: roles})
}

// initReport is what init shows, for -o json.
type initReport struct {
	Dir      string   `json:"dir"`
	Cluster  string   `json:"cluster"` // genesis hash, hexadecimal
	Scheme   string   `json:"scheme"`
	Replicas int      `json:"replicas"`
	F        int      `json:"f"`
	C        int      `json:"c"`
	Fast     int      `json:"fast"`
	Slow     int      `json:"slow"`
	Exec     int      `json:"exec"`
	Nodes    []string `json:"nodes"`
	Peers    []string `json:"peer_addrs"`
	Clients  []string `json:"client_addrs"`
	Keys     []string `json:"client_keys"`
}

func initReportOf(dir string, g *cluster.Genesis) initReport {
	q, hash := g.Quorums(), g.Hash()
	r := initReport{Dir: dir, Cluster: fmt.Sprintf("%x", hash[:]), Scheme: string(g.Scheme), Replicas: q.N, F: q.F, C: q.C, Fast: q.Sigma, Slow: q.Tau, Exec: q.Pi}
	for i := range g.Members {
		m := &g.Members[i]
		r.Nodes = append(r.Nodes, nodeDir(dir, m.ID))
		r.Peers = append(r.Peers, m.PeerAddr)
		r.Clients = append(r.Clients, m.ClientAddr)
	}
	for i := range g.Clients {
		r.Keys = append(r.Keys, clientFile(dir, g.Clients[i].Name))
	}
	return r
}

func printInit(w io.Writer, dir string, g *cluster.Genesis) error {
	q := g.Quorums()
	fmt.Fprintf(w, "cluster %s  n=%d f=%d c=%d  thresholds fast %d slow %d exec %d  scheme %s\n\n", g.Hash(), q.N, q.F, q.C, q.Sigma, q.Tau, q.Pi, g.Scheme)
	tw := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	fmt.Fprintln(tw, "REPLICA\tPEERS\tCLIENTS\tDIRECTORY")
	for i := range g.Members {
		m := &g.Members[i]
		fmt.Fprintf(tw, "%d\t%s\t%s\t%s\n", m.ID, m.PeerAddr, m.ClientAddr, nodeDir(dir, m.ID))
	}
	if err := tw.Flush(); err != nil {
		return err
	}
	fmt.Fprintf(w, "\nclient keys: %s and %d more in the same directory\n", clientFile(dir, g.Clients[0].Name), len(g.Clients)-1)
	if q.C == 0 {
		fmt.Fprintf(w, "with c=0 one replica that is down costs the fast path; agreement goes on\n")
	}
	_, err := fmt.Fprintf(w, "next: replica check --dir %s\n", nodeDir(dir, 0))
	return err
}

package main

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"quorate/cluster"
	"quorate/sigagg"
)

// node is everything on disk that a replica starts from, read and checked
// against one another. It is immutable.
type node struct {
	dir      string
	dataDir  string
	genesis  *cluster.Genesis
	keys     *cluster.NodeKeys
	groups   *groups
	sigma    sigagg.SecretShare // this replica's shares of the three groups
	tau      sigagg.SecretShare
	pi       sigagg.SecretShare
	settings *settings
}

// groups are the three threshold keys of a cluster.
type groups struct{ sigma, tau, pi *sigagg.Group }

// loadNode reads the directory of one node. Every refusal is a *failure with
// exitConfig.
func loadNode(dir string, environ []string, flags []given) (*node, error) {
	n := &node{dir: dir, dataDir: filepath.Join(dir, dataDir)}
	var err error
	if n.genesis, err = loadGenesis(filepath.Join(dir, genesisFile)); err != nil {
		return nil, fail(exitConfig, err)
	}
	if n.groups, err = loadGroups(n.genesis); err != nil {
		return nil, fail(exitConfig, err)
	}
	if err := n.loadKeys(filepath.Join(dir, keysFile)); err != nil {
		return nil, fail(exitConfig, err)
	}
	if n.settings, err = loadSettings(dir, environ, flags); err != nil {
		return nil, fail(exitConfig, err)
	}
	if slots := n.settings.profile.SlotsInFlightMax; slots > n.genesis.Window {
		return nil, fail(exitConfig, fmt.Errorf("slots_in_flight_max %d (%s) is over the window %d of genesis; lower it",
			slots, n.settings.origins["slots_in_flight_max"], n.genesis.Window))
	}
	return n, nil
}

// member is this replica as genesis lists it.
func (n *node) member() *cluster.Member {
	m, _ := n.genesis.Replica(n.keys.Replica) // loadKeys found it
	return m
}

// loadGenesis reads and checks a genesis file.
func loadGenesis(path string) (*cluster.Genesis, error) {
	text, err := readFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w; --dir names a directory that 'replica init' made", err)
	}
	if err != nil {
		return nil, err
	}
	g, err := cluster.ParseGenesis(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return g, nil
}

// loadGroups turns the keys of a genesis into groups. sigagg refuses points
// that are none, and keys that do not belong together.
func loadGroups(g *cluster.Genesis) (*groups, error) {
	q := g.Quorums()
	sigma, err := newGroup("sigma", q.Sigma, g, g.Sigma, func(m *cluster.Member) cluster.GroupKey { return m.SigmaShare })
	if err != nil {
		return nil, err
	}
	tau, err := newGroup("tau", q.Tau, g, g.Tau, func(m *cluster.Member) cluster.GroupKey { return m.TauShare })
	if err != nil {
		return nil, err
	}
	pi, err := newGroup("pi", q.Pi, g, g.Pi, func(m *cluster.Member) cluster.GroupKey { return m.PiShare })
	if err != nil {
		return nil, err
	}
	return &groups{sigma, tau, pi}, nil
}

func newGroup(name string, threshold int, g *cluster.Genesis, key cluster.GroupKey, share func(*cluster.Member) cluster.GroupKey) (*sigagg.Group, error) {
	const fix = "the genesis was changed after it was made: restore it from its copy"
	group, err := sigagg.ParsePublicKey(key[:])
	if err != nil {
		return nil, fmt.Errorf("genesis: key %s: %w; %s", name, err, fix)
	}
	shares := make([]sigagg.PublicKey, len(g.Members))
	for i := range g.Members {
		b := share(&g.Members[i])
		if shares[i], err = sigagg.ParsePublicKey(b[:]); err != nil {
			return nil, fmt.Errorf("genesis: replicas[%d].%s_share: %w; %s", i, name, err, fix)
		}
	}
	out, err := sigagg.NewGroup(threshold, group, shares)
	if err != nil {
		return nil, fmt.Errorf("genesis: keys of %s: %w; %s", name, err, fix)
	}
	return out, nil
}

// loadKeys reads the secrets and holds them against genesis (KEY-02).
func (n *node) loadKeys(path string) error {
	text, err := readSecret(path)
	if err != nil {
		return err
	}
	defer clear(text)
	if n.keys, err = cluster.ParseNodeKeys(text); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	if err := n.keys.Check(n.genesis); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	for _, s := range []struct {
		name   string
		secret [cluster.SecretBytes]byte
		group  *sigagg.Group
		share  *sigagg.SecretShare
	}{
		{"sigma_share", n.keys.SigmaShare, n.groups.sigma, &n.sigma},
		{"tau_share", n.keys.TauShare, n.groups.tau, &n.tau},
		{"pi_share", n.keys.PiShare, n.groups.pi, &n.pi},
	} {
		if *s.share, err = checkShare(s.secret, s.group, int(n.keys.Replica)); err != nil {
			return fmt.Errorf("%s: %s: %w; use the key file of this replica and this cluster", path, s.name, err)
		}
	}
	return nil
}

var errOtherShare = errors.New("it is not the share whose public key genesis lists for this replica")

func checkShare(secret [cluster.SecretBytes]byte, group *sigagg.Group, signer int) (sigagg.SecretShare, error) {
	share, err := sigagg.ParseSecretShare(secret[:])
	if err != nil {
		return share, err
	}
	public, err := share.Public()
	if err != nil {
		return share, err
	}
	if want, err := group.SharePublic(signer); err != nil || !public.Equal(want) {
		return share, errOtherShare
	}
	return share, nil
}

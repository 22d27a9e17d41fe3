package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"

	"quorate/cluster"
	"quorate/internal/scheme"
)

// node is everything on disk that a replica starts from, read and checked
// against one another. It is immutable.
type node struct {
	dir      string
	dataDir  string
	genesis  *cluster.Genesis
	keys     *cluster.NodeKeys
	settings *settings
}

// Format keeps the keys out of logs and panics: by a verb that does not fit, fmt
// shows what a private field points to.
func (n node) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, "node "+n.dir) }

// loadNode reads the directory of one node. Every refusal is a *failure with
// exitConfig.
func loadNode(dir string, environ []string, flags []given) (*node, error) {
	n := &node{dir: dir, dataDir: filepath.Join(dir, dataDir)}
	var err error
	if n.genesis, err = loadGenesis(filepath.Join(dir, genesisFile)); err != nil {
		return nil, fail(exitConfig, err)
	}
	if err := checkGroups(n.genesis); err != nil {
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

// checkGroups refuses a genesis whose keys are no points or do not belong
// together.
func checkGroups(g *cluster.Genesis) error {
	if _, err := scheme.Open(g); err != nil {
		return fmt.Errorf("genesis: %w; the genesis was changed after it was made: restore it from its copy", err)
	}
	return nil
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
	if _, err := scheme.NewSigners(n.genesis, n.keys); err != nil {
		return fmt.Errorf("%s: %w; use the key file of this replica and this cluster", path, err)
	}
	return nil
}

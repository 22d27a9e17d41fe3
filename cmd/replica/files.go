package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"quorate/client"
	"quorate/cluster"
	"quorate/wire"
)

// Layout of a cluster's directory, as init makes it:
//
//	DIR/genesis.yaml           what all agree on; also for clients and verifiers
//	DIR/node-<i>/genesis.yaml  the same bytes, so that a node moves as one directory
//	DIR/node-<i>/keys.yaml     0600
//	DIR/node-<i>/config.yaml   soft settings
//	DIR/node-<i>/data/         journal and ledger
//	DIR/clients/<name>.yaml    0600
const (
	genesisFile = "genesis.yaml"
	keysFile    = "keys.yaml"
	configFile  = "config.yaml"
	dataDir     = "data"
	clientsDir  = "clients"

	secretMode fs.FileMode = 0o600
	publicMode fs.FileMode = 0o644
	dirMode    fs.FileMode = 0o755
	nodeMode   fs.FileMode = 0o700

	// readBytesMax bounds every file read whole; the largest is a genesis.
	readBytesMax = 4 << 20
)

// errExposed says that a secret file can be read by others than its owner.
var errExposed = errors.New("secret file is exposed")

func nodeDir(dir string, id wire.ReplicaID) string {
	return filepath.Join(dir, fmt.Sprintf("node-%d", id))
}

func clientFile(dir, name string) string {
	return filepath.Join(dir, clientsDir, name+".yaml")
}

// readFile reads a small file whole; a larger one is refused.
func readFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return readSmall(f)
}

// readSecret reads a file that its owner alone can read. The mode is that of
// the open file, so that it cannot be exchanged between check and use.
func readSecret(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 {
		return nil, fmt.Errorf("%w: %s has mode %04o, so others than its owner can read or change it; run: chmod 600 %s, and if the host has other users, take its keys for known and deal new ones",
			errExposed, path, mode, path)
	}
	return readSmall(f)
}

func readSmall(f *os.File) ([]byte, error) {
	text, err := io.ReadAll(io.LimitReader(f, readBytesMax+1))
	if err != nil {
		return nil, err
	}
	if len(text) > readBytesMax {
		return nil, fmt.Errorf("%s: over %d bytes; check that this is the right file", f.Name(), readBytesMax)
	}
	return text, nil
}

// writeFile makes a new file with these bytes, durably. The mode is set at
// creation: a secret is never readable, not even for a moment.
func writeFile(path string, text []byte, mode fs.FileMode) (err error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if _, err := f.Write(text); err != nil {
		return err
	}
	return f.Sync()
}

// syncDir makes the names in a directory durable.
func syncDir(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}

// adminName is the client that init makes with every role.
const adminName = "admin"

// loadClientKeys reads a client's key file.
func loadClientKeys(path string) (client.Keys, error) {
	text, err := readSecret(path)
	if err != nil {
		return client.Keys{}, err
	}
	defer clear(text)
	keys, err := cluster.ParseClientKeys(text)
	if err != nil {
		return client.Keys{}, fmt.Errorf("%s: %w", path, err)
	}
	return client.Keys{ID: keys.ID, Key: keys.Key()}, nil
}

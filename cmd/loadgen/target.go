package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"quorate/client"
	"quorate/cluster"
	"quorate/payments"
	"quorate/wire"
)

// fileBytesMax bounds every file read whole.
const fileBytesMax = 4 << 20

// target is the cluster under load: what is known of it, and our clients.
type target struct {
	genesis *cluster.Genesis
	keys    []client.Keys
	options client.Options
	clients []*client.Client // by keys
}

// loadTarget reads genesis and the key files of count clients from a directory
// that `replica init` made, behind the first skip of them, which other processes
// use. The admin's key is taken only when no other is left.
func loadTarget(dir string, count, skip int, plaintext bool) (*target, error) {
	path := filepath.Join(dir, "genesis.yaml")
	text, err := readSmall(path, false)
	if err != nil {
		return nil, fmt.Errorf("%w; --dir names a directory that 'replica init' made", err)
	}
	g, err := cluster.ParseGenesis(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	t := &target{genesis: g, options: client.Options{Plaintext: plaintext}}
	for _, admins := range []bool{false, true} {
		for i := range g.Clients {
			k := &g.Clients[i]
			if len(t.keys) == count || (k.Roles&cluster.RoleAdmin != 0) != admins {
				continue
			}
			keys, err := loadKeys(dir, g, k)
			if errors.Is(err, os.ErrNotExist) {
				continue // the key of this client is kept elsewhere
			}
			if err != nil {
				return nil, err
			}
			if skip > 0 {
				skip--
				continue
			}
			t.keys = append(t.keys, keys)
		}
	}
	if count < 1 || len(t.keys) < count {
		return nil, fmt.Errorf("--clients %d, but %s holds keys of %d; make more with: replica init --clients", count, filepath.Join(dir, "clients"), len(t.keys))
	}
	return t, nil
}

// loadKeys reads one client's key file.
func loadKeys(dir string, g *cluster.Genesis, k *cluster.ClientKey) (client.Keys, error) {
	path := filepath.Join(dir, "clients", k.Name+".yaml")
	text, err := readSmall(path, true)
	if err != nil {
		return client.Keys{}, err
	}
	defer clear(text)
	keys, err := cluster.ParseClientKeys(text)
	if err == nil {
		err = keys.Check(g)
	}
	if err != nil {
		return client.Keys{}, fmt.Errorf("%s: %w", path, err)
	}
	return client.Keys{ID: keys.ID, Key: keys.Key()}, nil
}

// readSmall reads a file whole. A secret one must be its owner's alone; the mode
// is that of the open file, so that it cannot be exchanged in between.
func readSmall(path string, secret bool) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	switch {
	case err != nil:
		return nil, err
	case info.Size() > fileBytesMax:
		return nil, fmt.Errorf("%s: over %d bytes; check that this is the right file", path, fileBytesMax)
	case secret && info.Mode().Perm()&0o077 != 0:
		return nil, fmt.Errorf("%s has mode %04o, so others than its owner can read it; run: chmod 600 %s", path, info.Mode().Perm(), path)
	}
	text := make([]byte, info.Size())
	n, err := f.ReadAt(text, 0)
	if int64(n) != info.Size() {
		return nil, fmt.Errorf("%s: read %d of %d bytes: %w", path, n, info.Size(), err)
	}
	return text, nil
}

// dial connects all clients; they share one verifier.
func (t *target) dial(ctx context.Context) error {
	verifier, err := client.NewVerifier(t.genesis)
	if err != nil {
		return err
	}
	t.options.Verifier = verifier
	for _, keys := range t.keys {
		c, err := client.Dial(ctx, t.genesis, keys, t.options)
		if err != nil {
			return fmt.Errorf("connect client %d: %w; is the cluster running? see: replica status", keys.ID, err)
		}
		t.clients = append(t.clients, c)
	}
	return nil
}

// redial closes client i and opens it again: then nothing that it left without an
// answer can be executed any more (client C7).
func (t *target) redial(ctx context.Context, i int) error {
	_ = t.clients[i].Close()
	c, err := client.Dial(ctx, t.genesis, t.keys[i], t.options)
	if err != nil {
		return err
	}
	t.clients[i] = c
	return nil
}

// close ends all clients.
func (t *target) close() {
	for _, c := range t.clients {
		_ = c.Close()
	}
}

// makeAccounts creates the accounts of a synthetic load; those of an earlier run
// are used again.
func (t *target) makeAccounts(ctx context.Context, gen *generator, n uint64, ledger uint32) error {
	flags := payments.AccountFlags(0)
	if gen.payers != nil {
		flags = payments.AccountDebitsMustBeSigned
	}
	for first := uint64(0); first < n; first += wire.EventsMax {
		batch := make([]payments.Account, min(n-first, wire.EventsMax))
		for i := range batch {
			batch[i] = payments.Account{ID: gen.account(first + uint64(i)), Ledger: ledger, Code: 1, Flags: flags}
		}
		codes, err := t.clients[0].CreateAccounts(ctx, batch)
		if err != nil {
			return fmt.Errorf("create accounts: %w", err)
		}
		for i, code := range codes {
			if code != payments.AccountOK && code != payments.AccountExists {
				return fmt.Errorf("create account %s: %s", batch[i].ID, code)
			}
		}
	}
	return nil
}

package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"quorate/cluster"
	"quorate/storage"
	"quorate/tuning"
	"quorate/wire"
)

// initFlags are the flags of init.
type initFlags struct {
	dir         string
	name        string
	replicas    int
	f, c        int
	hosts       []string
	basePort    int
	metricsPort int
	profile     string
	scheme      string
	ledgers     []string
	clients     int
	window      int
	out         output
}

func newInit() *cobra.Command {
	var fl initFlags
	cmd := &cobra.Command{
		Use:   "init --dir DIR",
		Short: "Make the files of a new cluster: genesis, keys, configuration",
		Long: `Make the files of a new cluster: genesis, keys, configuration.

Every replica gets a directory DIR/node-<i> that can be moved to its host as it
is; every client gets a key file in DIR/clients. Run it once, on a host that you
trust: it draws the keys of all replicas. Then move each directory to its host
and remove it here.

The signature scheme is for life. threshold-bls makes certificates of 48 bytes
that anyone checks against one key; multi-bls and ed25519 name their signers in a
bitmap. docs/PERFORMANCE.md has what each costs at which size.`,
		Example: `  replica init --dir ./c4 --replicas 4 --hosts 127.0.0.1 --profile balanced
  replica init --dir ./c6 --replicas 6 --f 1 --c 1 --hosts a,b,c,d,e,f --ledgers 1:USD:2,2:EUR:2`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return runInit(cmd.OutOrStdout(), &fl) },
	}
	flags := cmd.Flags()
	flags.StringVar(&fl.dir, "dir", "", "directory to make; it must not exist or be empty")
	flags.StringVar(&fl.name, "name", "quorate", "name of the cluster")
	flags.IntVar(&fl.replicas, "replicas", 4, "number of replicas n = 3f+2c+1")
	flags.IntVar(&fl.f, "f", 0, "replicas that may lie; 0 takes the most that n and c allow")
	flags.IntVar(&fl.c, "c", 0, "replicas that may be slow or down without losing the fast path")
	flags.StringSliceVar(&fl.hosts, "hosts", []string{"127.0.0.1"}, "one host for all replicas, or one for each, by commas")
	flags.IntVar(&fl.basePort, "base-port", 7400, "first port; each replica of a host takes the next two, for peers and for clients")
	flags.IntVar(&fl.metricsPort, "metrics-port", 9464, "first metrics port, on loopback; each replica of a host takes the next")
	flags.StringVar(&fl.profile, "profile", tuning.Balanced, "soft settings: "+strings.Join(tuning.Names(), ", "))
	flags.StringVar(&fl.scheme, "scheme", string(cluster.ThresholdBLS), "how replicas sign together: "+schemeNames())
	flags.StringSliceVar(&fl.ledgers, "ledgers", []string{"1:USD:2"}, "ledgers as number:currency:scale, by commas, numbers rising")
	flags.IntVar(&fl.clients, "clients", 64, "clients that may pay and read, besides the admin")
	flags.IntVar(&fl.window, "window", 0, "slots between checkpoints times two, a power of two; 0 takes 256, or the most that the scheme allows at this size")
	addOutput(cmd, &fl.out)
	_ = cmd.MarkFlagRequired("dir")
	return cmd
}

func runInit(w io.Writer, fl *initFlags) error {
	plan, err := planCluster(fl)
	if err != nil {
		return fail(exitUsage, err)
	}
	d, err := dealCluster(plan)
	if err != nil {
		return fail(exitFailure, err)
	}
	if err := writeCluster(fl.dir, d); err != nil {
		return fail(exitCreate, err)
	}
	if fl.out == outputJSON {
		return fail(exitFailure, json.NewEncoder(w).Encode(initReportOf(fl.dir, d.genesis)))
	}
	return fail(exitFailure, printInit(w, fl.dir, d.genesis))
}

// plan is a checked set of flags.
type plan struct {
	name        string
	quorums     cluster.Quorums
	hosts       []string // one per replica
	basePort    int
	metricsPort int
	profile     string
	scheme      cluster.Scheme
	ledgers     []cluster.Ledger
	clients     int
	window      int
}

// planCluster checks what the flags say before any key is made. Whatever it
// overlooks, the genesis' own validation refuses.
func planCluster(fl *initFlags) (*plan, error) {
	f := fl.f
	if f == 0 {
		f = max((fl.replicas-1-2*fl.c)/3, 1)
	}
	q, err := cluster.NewQuorums(fl.replicas, f, fl.c)
	if err != nil {
		return nil, fmt.Errorf("init: %w; %s", err, sizesNear(fl.replicas))
	}
	if _, err := tuning.Named(fl.profile); err != nil {
		return nil, fmt.Errorf("init: %w", err)
	}
	hosts, err := spreadHosts(fl.hosts, q.N)
	if err != nil {
		return nil, err
	}
	if fl.basePort < 1 || fl.basePort+2*q.N > 65536 || fl.metricsPort < 1 || fl.metricsPort+q.N > 65536 {
		return nil, fmt.Errorf("init: --base-port %d and --metrics-port %d leave no room for %d replicas below 65536; choose lower ports", fl.basePort, fl.metricsPort, q.N)
	}
	if fl.clients < 0 || fl.clients >= cluster.GenesisClientsMax {
		return nil, fmt.Errorf("init: --clients %d is outside 0 to %d; register more after the start", fl.clients, cluster.GenesisClientsMax-1)
	}
	p := &plan{name: fl.name, quorums: q, hosts: hosts, basePort: fl.basePort, metricsPort: fl.metricsPort,
		profile: fl.profile, scheme: cluster.Scheme(fl.scheme), clients: fl.clients, window: fl.window}
	if !slices.Contains(cluster.Schemes(), p.scheme) {
		return nil, fmt.Errorf("init: --scheme %q is no signature scheme; use one of %s", fl.scheme, schemeNames())
	}
	if p.window == 0 {
		p.window = min(cluster.WindowDefault, cluster.WindowFitting(p.scheme, q))
	}
	for _, text := range fl.ledgers {
		l, err := parseLedger(text)
		if err != nil {
			return nil, err
		}
		p.ledgers = append(p.ledgers, l)
	}
	return p, nil
}

// schemeNames lists the signature schemes for help and refusals.
func schemeNames() string {
	var names []string
	for _, s := range cluster.Schemes() {
		names = append(names, string(s))
	}
	return strings.Join(names, ", ")
}

// sizesNear names the sizes that fit near n, as the next step of a refusal.
func sizesNear(n int) string {
	var fits []string
	for size := max(n-2, 4); size <= max(n+2, 4) && size <= wire.ReplicasMax; size++ {
		for c := 0; 2*c < size; c++ {
			f := (size - 1 - 2*c) / 3
			if _, err := cluster.NewQuorums(size, f, c); err == nil {
				fits = append(fits, fmt.Sprintf("--replicas %d --f %d --c %d", size, f, c))
			}
		}
	}
	if len(fits) == 0 {
		return fmt.Sprintf("choose a size from 4 to %d", wire.ReplicasMax)
	}
	return "possible near it: " + strings.Join(fits, ", or ")
}

func spreadHosts(hosts []string, n int) ([]string, error) {
	switch len(hosts) {
	case n:
		return hosts, nil
	case 1:
		all := make([]string, n)
		for i := range all {
			all[i] = hosts[0]
		}
		return all, nil
	}
	return nil, fmt.Errorf("init: --hosts names %d hosts for %d replicas; name one for all or one for each", len(hosts), n)
}

func parseLedger(text string) (cluster.Ledger, error) {
	parts := strings.Split(text, ":")
	if len(parts) != 3 {
		return cluster.Ledger{}, fmt.Errorf("init: --ledgers %q is not number:currency:scale; write it as 1:USD:2", text)
	}
	number, err := strconv.ParseUint(parts[0], 10, 32)
	if err != nil {
		return cluster.Ledger{}, fmt.Errorf("init: --ledgers %q: %q is not a ledger number; write it as 1:USD:2", text, parts[0])
	}
	scale, err := strconv.ParseUint(parts[2], 10, 8)
	if err != nil {
		return cluster.Ledger{}, fmt.Errorf("init: --ledgers %q: %q is not a number of digits; write it as 1:USD:2", text, parts[2])
	}
	return cluster.Ledger{Number: uint32(number), Currency: parts[1], Scale: uint8(scale)}, nil
}

// writeCluster makes dir with all files of d, or nothing (invariant R3): the
// files are written next to dir and the whole is renamed into place.
func writeCluster(dir string, d *deal) (err error) {
	dir = filepath.Clean(dir)
	if err := checkVacant(dir); err != nil {
		return err
	}
	parent := filepath.Dir(dir)
	if err := os.MkdirAll(parent, dirMode); err != nil {
		return fmt.Errorf("init: %w; choose a directory that you may write to", err)
	}
	stage, err := os.MkdirTemp(parent, ".replica-init-")
	if err != nil {
		return fmt.Errorf("init: %w; choose a directory that you may write to", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.RemoveAll(stage))
		}
	}()
	if err := writeFiles(stage, d); err != nil {
		return fmt.Errorf("init: %w; free some space or choose another directory", err)
	}
	// The second check is the one that counts: Remove takes nothing but an empty
	// directory, and Rename replaces none.
	if err := os.Remove(dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("init: %w; choose a directory that does not exist yet", err)
	}
	if err := os.Rename(stage, dir); err != nil {
		return fmt.Errorf("init: %w; choose a directory that does not exist yet", err)
	}
	return syncDir(parent)
}

// checkVacant refuses a directory that holds anything, before keys are dealt
// for nothing.
func checkVacant(dir string) error {
	entries, err := os.ReadDir(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return fmt.Errorf("init: %w; choose another directory", err)
	case len(entries) > 0:
		return fmt.Errorf("init: %s is not empty (it holds %s): a new genesis over old data would lose both; choose another directory, or remove this one if nothing in it is needed",
			dir, entries[0].Name())
	}
	return nil
}

func writeFiles(stage string, d *deal) error {
	genesis := d.genesis.YAML()
	if err := os.Chmod(stage, dirMode); err != nil {
		return err
	}
	if err := os.Mkdir(filepath.Join(stage, clientsDir), nodeMode); err != nil {
		return err
	}
	for i := range d.nodes {
		if err := writeNode(nodeDir(stage, d.nodes[i].Replica), genesis, d.nodes[i].YAML(), d.configs[i]); err != nil {
			return err
		}
	}
	for i := range d.clients {
		if err := writeFile(clientFile(stage, d.clients[i].Name), d.clients[i].YAML(), secretMode); err != nil {
			return err
		}
	}
	if err := writeFile(filepath.Join(stage, genesisFile), genesis, publicMode); err != nil {
		return err
	}
	return errors.Join(syncDir(filepath.Join(stage, clientsDir)), syncDir(stage))
}

func writeNode(dir string, genesis, keys, config []byte) error {
	if err := os.Mkdir(dir, nodeMode); err != nil {
		return err
	}
	return errors.Join(
		os.Mkdir(filepath.Join(dir, dataDir), nodeMode),
		writeFile(filepath.Join(dir, dataDir, storage.FreshName), nil, secretMode),
		writeFile(filepath.Join(dir, genesisFile), genesis, publicMode),
		writeFile(filepath.Join(dir, keysFile), keys, secretMode),
		writeFile(filepath.Join(dir, configFile), config, publicMode),
		syncDir(filepath.Join(dir, dataDir)),
		syncDir(dir),
	)
}

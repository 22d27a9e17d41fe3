package disks

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"quorate/cluster"
	"quorate/pipeline"
	"quorate/storage"
	"quorate/wire"
)

// SteppedBed makes the disks of four replicas by a scripted history: some
// checkpoints, then an image, then more of it, then an end: clean as after
// SIGTERM, or with nothing closed as after kill -9.
func SteppedBed(seed uint64, clean bool) (*Bed, error) {
	q, err := cluster.NewQuorums(4, 1, 0)
	if err != nil {
		return nil, err
	}
	b := &Bed{Setup: idealSetup(seed, q)}
	c := newCrowd(b.Setup)
	for i := range c.nodes {
		mem, err := freshDisk(b.Setup.Disk.Dir)
		if err == nil {
			err = c.start(i, mem)
		}
		if err != nil {
			return nil, err
		}
		b.Now = append(b.Now, mem)
	}
	c.clients.ask(1, wire.OpCreateAccounts, accounts(crashAccounts))
	for n := range 40 {
		c.clients.ask(wire.ClientID(1+n%crashClients), wire.OpCreateTransfers, transfers(c.ids, sizes[n%len(sizes)], crashAccounts))
		c.ids += 64
		if !c.until(stepTicks, func() bool { return len(c.clients.open) == 0 && c.level() }) {
			return nil, fmt.Errorf("disks: the history stands still: %s", c.problem)
		}
		if n == 18 {
			for _, mem := range b.Now {
				b.Then = append(b.Then, mem.CrashClone(storage.CrashCloneCfg{UnsyncedDataPercent: 100, RNG: everything()}))
			}
		}
	}
	for i, n := range c.nodes {
		if clean {
			if err := n.replica.Close(); err != nil {
				return nil, err
			}
			n.up = false
		}
		b.Now[i] = b.Now[i].CrashClone(storage.CrashCloneCfg{UnsyncedDataPercent: 100, RNG: everything()})
		c.stop(i)
	}
	b.IDs, b.Next, b.Client = c.ids, c.clients.next, 1
	b.Setup.Now += c.ticks * tickNanos
	return b, nil
}

// ReadBed takes the disks of four replicas of real processes: dir/node-N as
// `replica init` made it and a stopped replica left it, and dir/then/node-N/data
// as a copy from earlier in the same life.
func ReadBed(dir string) (*Bed, error) {
	text, err := os.ReadFile(filepath.Join(dir, "node-0", "genesis.yaml"))
	if err != nil {
		return nil, err
	}
	g, err := cluster.ParseGenesis(text)
	if err != nil {
		return nil, err
	}
	b := &Bed{Setup: &Setup{Quorums: g.Quorums(), Cluster: g.Hash(), Epoch: g.Epoch, Interval: g.CheckpointInterval(),
		Payments: pipeline.PaymentsConfig(g), Disk: pipeline.Disk{Dir: "data", CacheBytes: 1 << 20, MemTableBytes: 4 << 20}}, IDs: 1 << 40}
	for i := range g.Members {
		node := filepath.Join(dir, "node-"+strconv.Itoa(i))
		text, err := os.ReadFile(filepath.Join(node, "keys.yaml"))
		if err != nil {
			return nil, err
		}
		keys, err := cluster.ParseNodeKeys(text)
		if err != nil {
			return nil, err
		}
		suite, err := pipeline.NewSuite(g, keys)
		if err != nil {
			return nil, err
		}
		b.Setup.Suites = append(b.Setup.Suites, suite)
		for to, from := range map[*[]*storage.MemFS]string{&b.Now: node, &b.Then: filepath.Join(dir, "then", "node-"+strconv.Itoa(i))} { //tidy:sorted each into its own list
			mem := storage.NewMemFS()
			if err := loadDir(mem, "data", filepath.Join(from, "data")); err != nil {
				return nil, err
			}
			*to = append(*to, mem)
		}
	}
	return b, b.signAs(g, filepath.Join(dir, "clients", "admin.yaml"))
}

// signAs has the client of a key file ask. Its sessions begin behind what real
// clients asked.
func (b *Bed) signAs(g *cluster.Genesis, path string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	k, err := cluster.ParseClientKeys(text)
	if err != nil {
		return err
	}
	b.Client = k.ID
	b.Setup.Sign = func(_ wire.ClientID, message []byte) wire.Signature { return signEd25519(k.Key(), message) }
	return nil
}

// loadDir copies a directory of the operating system into a file system, durably.
func loadDir(to storage.FS, dir, from string) error {
	if err := to.MkdirAll(dir, 0o750); err != nil {
		return err
	}
	entries, err := os.ReadDir(from)
	if err != nil {
		return err
	}
	for _, e := range entries {
		path := filepath.Join(from, e.Name())
		if e.IsDir() {
			if err := loadDir(to, to.PathJoin(dir, e.Name()), path); err != nil {
				return err
			}
			continue
		}
		p, err := os.ReadFile(path)
		if err == nil {
			err = writeFile(to, to.PathJoin(dir, e.Name()), p)
		}
		if err != nil {
			return err
		}
	}
	return errors.Join(syncDir(to, dir), syncDir(to, to.PathDir(dir)))
}

func syncDir(fs storage.FS, dir string) error {
	d, err := fs.OpenDir(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

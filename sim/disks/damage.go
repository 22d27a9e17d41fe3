package disks

import (
	"crypto/ed25519"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"runtime/debug"
	"slices"
	"strings"

	"quorate/storage"
	"quorate/wire"
)

// Verdict is how a damaged disk ended.
type Verdict string

// The verdicts. Harmless is damage that nobody reads, or that was overwritten
// first.
const (
	Repaired Verdict = "repaired"
	Detected Verdict = "detected"
	Harmless Verdict = "harmless"
	Silent   Verdict = "SILENT"
)

// Bed is what the faults are tried on: the disks of four stopped replicas, and
// what they looked like earlier in the same life.
type Bed struct {
	Setup  *Setup
	Now    []*storage.MemFS
	Then   []*storage.MemFS
	IDs    uint64 // transfer ids from here on are new
	Next   [8]uint64
	Client wire.ClientID // who asks
}

// victim is the replica whose disk is damaged.
const victim = 3

// Fault is one thing that happens to the victim's files.
type Fault struct {
	Kind string // of file
	What string
	File string
	At   int
	do   func(b *Bed, fs storage.FS) (changed bool, err error)
	must Verdict // the only acceptable end, if it is not empty
}

func (f *Fault) String() string {
	return fmt.Sprintf("%s: %s at %d of %s", f.Kind, f.What, f.At, f.File)
}

const blockBytes = 4096

// bytesFaults change the bytes of a file at a place.
var bytesFaults = []struct {
	what string
	do   func(p []byte, at int) []byte
}{
	{"flip", func(p []byte, at int) []byte { p[at] ^= 1 << (at % 8); return p }},
	{"zero", func(p []byte, at int) []byte { clear(p[at:min(len(p), at+16)]); return p }},
	{"zero block", func(p []byte, at int) []byte {
		at &^= blockBytes - 1
		clear(p[at:min(len(p), at+blockBytes)])
		return p
	}},
	{"truncate", func(p []byte, at int) []byte { return p[:at] }},
	{"misdirect", func(p []byte, at int) []byte { // a write that repeats the block before it
		if at &^= blockBytes - 1; at >= blockBytes && at+blockBytes <= len(p) {
			copy(p[at:at+blockBytes], p[at-blockBytes:])
		}
		return p
	}},
	{"swap blocks", func(p []byte, at int) []byte {
		if at &^= blockBytes - 1; at >= blockBytes && at+blockBytes <= len(p) {
			a, b := p[at-blockBytes:at], p[at:at+blockBytes]
			c := slices.Clone(a)
			copy(a, b)
			copy(b, c)
		}
		return p
	}},
}

// kindOf names a file's kind by its path below the data directory.
func kindOf(name string) string {
	base := name[strings.LastIndexByte(name, '/')+1:]
	switch {
	case strings.HasPrefix(base, "segment-"):
		return "segment"
	case strings.HasSuffix(base, ".sst"):
		return "sst"
	case strings.HasPrefix(base, "MANIFEST"):
		return "manifest"
	case strings.HasPrefix(base, "OPTIONS"):
		return "options"
	case strings.HasPrefix(base, "marker"):
		return "marker"
	}
	return base // superblock, LOCK
}

// Faults lists the matrix: every file, its regions, every fault. One of so many
// is kept.
func (b *Bed) Faults(every int) (out []Fault, err error) {
	var all []Fault
	files, err := b.files()
	if err != nil {
		return nil, err
	}
	for _, name := range files {
		p, err := readFile(b.Now[victim], name)
		if err != nil {
			return nil, err
		}
		kind := kindOf(name)
		for _, at := range regions(kind, p) {
			for _, f := range bytesFaults {
				all = append(all, Fault{Kind: kind, What: f.what, File: name, At: at, do: changeBytes(name, at, f.do)})
			}
		}
		all = append(all,
			Fault{Kind: kind, What: "remove", File: name, do: removeFile(name)},
			Fault{Kind: kind, What: "rollback file", File: name, do: bring(name, func(b *Bed) storage.FS { return b.Then[victim] })},
			Fault{Kind: kind, What: "other replica's", File: name, do: bring(name, func(b *Bed) storage.FS { return b.Now[0] })})
		for _, other := range files {
			if other > name && kindOf(other) == kind {
				all = append(all, Fault{Kind: kind, What: "swap files", File: name, do: swapFiles(name, other)})
				break
			}
		}
	}
	for i := range all {
		if i%every == 0 {
			out = append(out, all[i])
		}
	}
	dir := b.Setup.Disk.Dir
	for what, sub := range map[string]string{"journal": dir + "/journal", "ledger": dir + "/ledger", "whole disk": dir} { //tidy:sorted below
		must := Detected
		if what == "ledger" {
			must = Repaired
		}
		out = append(out,
			Fault{Kind: "directory", What: "rollback " + what, File: sub, must: must, do: bringDir(sub, func(b *Bed) storage.FS { return b.Then[victim] })},
			Fault{Kind: "directory", What: "other's " + what, File: sub, must: Detected, do: bringDir(sub, func(b *Bed) storage.FS { return b.Now[0] })},
			Fault{Kind: "directory", What: "remove " + what, File: sub, must: must, do: bringDir(sub, func(*Bed) storage.FS { return nil })})
	}
	slices.SortStableFunc(out, func(x, y Fault) int { return strings.Compare(x.Kind+x.File+x.What, y.Kind+y.File+y.What) })
	return out, nil
}

// tablesMax bounds the tables of the ledger that are damaged: the newest and the
// largest, half of each. The stepped history makes many small ones.
const tablesMax = 8

// files lists the victim's files.
func (b *Bed) files() (files []string, err error) {
	all, err := listFiles(b.Now[victim], b.Setup.Disk.Dir)
	if err != nil {
		return nil, err
	}
	var tables []string
	size := map[string]int{}
	for _, name := range all {
		if kindOf(name) != "sst" {
			files = append(files, name)
			continue
		}
		p, err := readFile(b.Now[victim], name)
		if err != nil {
			return nil, err
		}
		tables, size[name] = append(tables, name), len(p)
	}
	slices.Reverse(tables)
	newest := tables[:min(len(tables), tablesMax/2)]
	rest := slices.Clone(tables[len(newest):])
	slices.SortStableFunc(rest, func(x, y string) int { return size[y] - size[x] })
	return append(append(files, newest...), rest[:min(len(rest), tablesMax/2)]...), nil
}

// regions are the places of a file that are damaged: its ends, what a reader
// meets first, and a few between. A segment is mostly blank behind its last group.
func regions(kind string, p []byte) []int {
	n := len(p)
	if n == 0 {
		return nil
	}
	at := []int{0, 40, n / 2, n - 1}
	switch kind {
	case "segment":
		used := n
		for used > 0 && p[used-1] == 0 {
			used--
		}
		tail := max(used-1, 0) &^ (blockBytes - 1)
		at = []int{40, 600, blockBytes + 20, blockBytes + 700, tail / 2, tail + 20, max(used-1, 0), min(tail+blockBytes, n-1), n - 1}
	case "superblock":
		at = []int{20, blockBytes + 20, 2*blockBytes + 20, 3*blockBytes + 20, 600}
	case "sst": // data blocks, then filter, index and properties, then the footer
		at = []int{10, n / 4, n / 2, n * 3 / 4, n - 2000, n - 900, n - 400, n - 120, n - 50, n - 12, n - 1}
	}
	slices.Sort(at)
	at = slices.Compact(at)
	return slices.DeleteFunc(at, func(x int) bool { return x < 0 || x >= n })
}

// Judge tries one fault on a copy of the victim's disk among good replicas, and
// says how it ended and why.
func (b *Bed) Judge(f *Fault) (v Verdict, why string) {
	defer func() {
		if p := recover(); p != nil {
			v, why = Silent, fmt.Sprintf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	image := b.copyOf(victim)
	changed, err := f.do(b, image)
	if err != nil {
		return Silent, "the fault itself: " + err.Error()
	}
	if !changed {
		return Harmless, "nothing to change"
	}
	v, why = b.meet(image)
	if f.must != "" && v != f.must {
		return Silent, fmt.Sprintf("must be %s, is %s (%s)", f.must, v, why)
	}
	return v, why
}

// company starts the good replicas from their disks. Each victim has company of
// its own: what others saw of an earlier one would prove to this one that its
// disk is old.
func (b *Bed) company(c *crowd) error {
	for i := range c.nodes {
		if i == victim {
			continue
		}
		if err := c.start(i, b.copyOf(i)); err != nil {
			return fmt.Errorf("good replica %d: %w", i, err)
		}
	}
	c.chain.follow(c.nodes[0])
	return nil
}

// copyOf copies replica i's disk as it is: nothing crashes.
func (b *Bed) copyOf(i int) *storage.MemFS {
	return b.Now[i].CrashClone(storage.CrashCloneCfg{UnsyncedDataPercent: 100, RNG: everything()})
}

// everything is a source of chance for copies that keep all.
func everything() *rand.Rand { return rand.New(rand.NewPCG(1, 1)) }

func signEd25519(key ed25519.PrivateKey, message []byte) (s wire.Signature) {
	copy(s[:], ed25519.Sign(key, message))
	return s
}

// meet starts the victim from a damaged disk, lets everybody work on, and looks.
func (b *Bed) meet(image storage.FS) (Verdict, string) {
	c := newCrowd(b.Setup)
	c.ids, c.clients.next = b.IDs, b.Next
	defer c.stopAll()
	n := c.nodes[victim]
	if err := c.start(victim, image); err != nil {
		if !errStorage(err) {
			return Silent, "an error without a type: " + err.Error()
		}
		return Detected, "does not start: " + err.Error()
	}
	start, _ := n.replica.Ledger().Head()
	if err := b.company(c); err != nil {
		return Silent, err.Error()
	}
	head := wire.SeqNum(len(c.chain.headers))
	c.clients.ask(b.Client, wire.OpLedgerTotals, nil)
	c.clients.ask(b.Client, wire.OpCreateTransfers, transfers(c.ids, 3, crashAccounts))
	done := c.until(stepTicks, func() bool { return len(c.clients.open) == 0 && c.level() || n.replica.Err() != nil })
	if err := n.replica.Err(); err != nil {
		if !errStorage(err) {
			return Silent, "it stops without a typed reason: " + err.Error()
		}
		return Detected, "stops: " + err.Error()
	}
	switch {
	case c.problem != "":
		return Silent, c.problem
	case !done:
		return Silent, fmt.Sprintf("%d of %d blocks after %d ticks", n.replica.Status().Executed, len(c.chain.headers), stepTicks)
	}
	return b.look(c, start < head)
}

// look compares a replica that came through with the others.
func (b *Bed) look(c *crowd, fetched bool) (Verdict, string) {
	n := c.nodes[victim]
	if x, y := n.replica.Machine().StateRoot(), c.nodes[0].replica.Machine().StateRoot(); x != y {
		return Silent, "another state"
	}
	_, err := c.chain.verify(n.replica.Ledger())
	switch found := &n.found; {
	case err != nil && !errStorage(err):
		return Silent, "verify: " + err.Error()
	case err != nil:
		return Detected, "verify: " + err.Error()
	case found.Journal.Amnesia:
		return Detected, "amnesia: " + found.Journal.Reason
	case n.replica.Status().Amnesia:
		return Detected, "amnesia by the proofs of others"
	case found.Behind != nil || fetched:
		return Repaired, "blocks were fetched"
	}
	return Harmless, ""
}

// files of a disk.

func listFiles(fs storage.FS, dir string) (files []string, err error) {
	names, err := fs.List(dir)
	if err != nil {
		return nil, err
	}
	slices.Sort(names)
	for _, name := range names {
		path := fs.PathJoin(dir, name)
		info, err := fs.Stat(path)
		if err != nil {
			return nil, err
		}
		if !info.IsDir() {
			files = append(files, path)
			continue
		}
		below, err := listFiles(fs, path)
		if err != nil {
			return nil, err
		}
		files = append(files, below...)
	}
	return files, nil
}

func readFile(fs storage.FS, name string) ([]byte, error) {
	f, err := fs.Open(name)
	if err != nil {
		return nil, err
	}
	p, err := io.ReadAll(f)
	return p, errors.Join(err, f.Close())
}

func writeFile(fs storage.FS, name string, p []byte) error {
	f, err := fs.Create(name, "")
	if err != nil {
		return err
	}
	_, err = f.Write(slices.Clone(p)) // Write may modify its argument
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

func changeBytes(name string, at int, do func([]byte, int) []byte) func(*Bed, storage.FS) (bool, error) {
	return func(_ *Bed, fs storage.FS) (bool, error) {
		p, err := readFile(fs, name)
		if err != nil {
			return false, err
		}
		q := do(slices.Clone(p), at)
		return !slices.Equal(p, q), writeFile(fs, name, q)
	}
}

func removeFile(name string) func(*Bed, storage.FS) (bool, error) {
	return func(_ *Bed, fs storage.FS) (bool, error) { return true, fs.Remove(name) }
}

// bring puts another disk's file of the same name into the place of the victim's.
func bring(name string, from func(*Bed) storage.FS) func(*Bed, storage.FS) (bool, error) {
	return func(b *Bed, fs storage.FS) (bool, error) {
		p, err := readFile(from(b), name)
		if err != nil {
			return false, nil // it has no such file
		}
		old, err := readFile(fs, name)
		if err != nil {
			return false, err
		}
		return !slices.Equal(p, old), writeFile(fs, name, p)
	}
}

func swapFiles(a, b string) func(*Bed, storage.FS) (bool, error) {
	return func(_ *Bed, fs storage.FS) (bool, error) {
		p, err := readFile(fs, a)
		if err != nil {
			return false, err
		}
		q, err := readFile(fs, b)
		if err != nil {
			return false, err
		}
		return !slices.Equal(p, q), errors.Join(writeFile(fs, a, q), writeFile(fs, b, p))
	}
}

// bringDir replaces a directory by another disk's, or by an empty one.
func bringDir(dir string, from func(*Bed) storage.FS) func(*Bed, storage.FS) (bool, error) {
	return func(b *Bed, fs storage.FS) (bool, error) {
		if err := errors.Join(fs.RemoveAll(dir), fs.MkdirAll(dir, 0o750)); err != nil {
			return false, err
		}
		src := from(b)
		if src == nil {
			return true, nil
		}
		return true, copyFiles(fs, src, dir)
	}
}

func copyFiles(to, from storage.FS, dir string) error {
	files, err := listFiles(from, dir)
	if err != nil {
		return err
	}
	for _, name := range files {
		p, err := readFile(from, name)
		if err == nil {
			err = to.MkdirAll(to.PathDir(name), 0o750)
		}
		if err == nil {
			err = writeFile(to, name, p)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

package storage

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/objstorage/objstorageprovider"
	"github.com/cockroachdb/pebble/v2/sstable"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// Staged blocks of some size do not pass through a memtable: they are sorted
// already, so they are written as tables of their own, which Pebble takes over as
// they are. That saves each payment two copies, and the memory of a memtable that
// no cache holds (docs/decisions/0006).
//
// A table is synced and in the manifest when Pebble has taken it, so its blocks
// are durable at once; that is why blocks in a memtable are flushed before
// (Invariant L2). Statuses stand in a table of their own, since one table with
// both would overlap what lies between them, and both are taken in one step.

// TableBytesMax bounds the blocks of one table, and so what Commit(false) leaves
// staged: whoever stages may pause at more than that and be sure to go on.
const TableBytesMax = 32 << 20

// The names of tables that Pebble has not taken yet: one that it would not take
// for a file of its own.
const (
	newBlocksName   = "blocks.new"
	newStatusesName = "statuses.new"
)

// commitTable makes the staged blocks, as many as fit one table, durable.
func (l *Ledger) commitTable(o *overlay) (int, error) {
	if l.committed > l.Applied() {
		if err := l.flush(); err != nil {
			return 0, err
		}
	}
	n, size := 0, int64(0)
	for n < len(o.blocks) && (n == 0 || size+o.blocks[n].bytes <= TableBytesMax) {
		size += o.blocks[n].bytes
		n++
	}
	if err := l.ingest(o.blocks[:n]); err != nil {
		l.dropNew()
		if isDiskFull(err) {
			return 0, fmt.Errorf("storage: write table: %w: %w", ErrDiskLow, err)
		}
		return 0, l.die(fmt.Errorf("storage: write table: %w: %w", ErrCrash, err))
	}
	l.moved(o.blocks[:n])
	l.advance(l.committed)
	return n, nil
}

// ingest writes the tables of some blocks and hands them to Pebble.
func (l *Ledger) ingest(blocks []*stagedBlock) error {
	var enc blockEncoder
	paths := []string{l.opt.FS.PathJoin(l.opt.Dir, newBlocksName)}
	t, err := l.newTable(paths[0])
	if err != nil {
		return err
	}
	var statuses []statusValue
	for _, s := range blocks {
		enc.block(s, t.put)
		enc.statuses(s, func(key []byte, parts ...[]byte) {
			statuses = append(statuses, statusValue{bytes.Clone(key), bytes.Join(parts, nil)})
		})
	}
	if err := t.close(); err != nil {
		return err
	}
	if len(statuses) > 0 {
		slices.SortFunc(statuses, func(a, b statusValue) int { return bytes.Compare(a.key, b.key) })
		paths = append(paths, l.opt.FS.PathJoin(l.opt.Dir, newStatusesName))
		t, err := l.newTable(paths[1])
		if err != nil {
			return err
		}
		for _, s := range statuses {
			t.put(s.key, s.value)
		}
		if err := t.close(); err != nil {
			return err
		}
	}
	return l.db.Ingest(context.Background(), paths)
}

// statusValue is a key and a value that wait to be sorted.
type statusValue struct{ key, value []byte }

// dropNew removes tables that Pebble did not take. One that stays costs space
// until the next start.
func (l *Ledger) dropNew() {
	for _, name := range []string{newBlocksName, newStatusesName} {
		_ = l.opt.FS.Remove(l.opt.FS.PathJoin(l.opt.Dir, name))
	}
}

// table writes sealed values, in the order of their keys, to a new table.
type table struct {
	w     *sstable.Writer
	value []byte
	err   error
}

// newTable starts a table. It is synced as it grows, so that its end does not
// hold up the journal's disk.
func (l *Ledger) newTable(path string) (*table, error) {
	if err := l.opt.FS.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("storage: remove an unfinished table: %w", err)
	}
	f, err := l.opt.FS.Create(path, writeCategory)
	if err != nil {
		return nil, err
	}
	f = vfs.NewSyncingFile(f, vfs.SyncingFileOptions{BytesPerSync: l.tables.BytesPerSync})
	opt := l.tables.MakeWriterOptions(len(l.tables.Levels)-1, l.db.TableFormat())
	return &table{w: sstable.NewWriter(objstorageprovider.NewFileWritable(f), opt)}, nil
}

// put adds the concatenation of parts under the key. The first error is kept.
func (t *table) put(key []byte, parts ...[]byte) {
	v := t.value[:0]
	for _, p := range parts {
		v = append(v, p...)
	}
	v = append(v, make([]byte, sumBytes)...)
	sealValue(key, v)
	t.value = v
	if err := t.w.Set(key, v); err != nil && t.err == nil {
		t.err = err
	}
}

// close ends the table; it is synced then.
func (t *table) close() error {
	if err := t.w.Close(); t.err == nil {
		t.err = err
	}
	return t.err
}

// tableOptions is how tables are written, those that Pebble makes and ours.
func tableOptions(o *pebble.Options) *pebble.Options {
	c := o.Clone()
	c.EnsureDefaults()
	return c
}

// takeFS gives a table that Pebble takes over its new name in one step, where
// Pebble makes a second name and removes the first: one change of the directory,
// and one that every file system has.
type takeFS struct{ vfs.FS }

// Link implements vfs.FS.
func (t takeFS) Link(from, to string) error {
	if name := t.PathBase(from); name == newBlocksName || name == newStatusesName {
		return t.Rename(from, to)
	}
	return t.FS.Link(from, to)
}

// Unwrap implements vfs.FS.
func (t takeFS) Unwrap() vfs.FS { return t.FS }

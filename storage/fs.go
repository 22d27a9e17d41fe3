package storage

import (
	"fmt"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// FS is the seam to the file system, Pebble's own, so that one simulated disk
// serves the journal and the ledger. Other rooms name it through this alias
// and so need no import of Pebble.
type FS = vfs.FS

// FSFile is an open file of an FS.
type FSFile = vfs.File

// MemFS is a file system in memory for the simulator. One from NewMemFS can
// be copied as a power cut would leave it (CrashClone).
type MemFS = vfs.MemFS

// CrashCloneCfg says how much of what was not synced survives in a CrashClone.
type CrashCloneCfg = vfs.CrashCloneCfg

// NewMemFS gives an empty file system in memory that supports CrashClone.
func NewMemFS() *MemFS { return vfs.NewCrashableMem() }

// writeCategory labels our files in Pebble's per-category disk statistics.
const writeCategory = vfs.WriteCategoryUnspecified

// makeDir makes a directory and its missing ancestors, durably: the parent of
// every directory that was made is synced.
func makeDir(fs FS, dir string) error {
	var made []string
	for d := dir; ; d = fs.PathDir(d) {
		if _, err := fs.Stat(d); err == nil || d == fs.PathDir(d) {
			break
		}
		made = append(made, d)
	}
	if err := fs.MkdirAll(dir, 0o750); err != nil {
		return fmt.Errorf("storage: make %s: %w", dir, err)
	}
	for _, d := range made {
		if err := syncDir(fs, fs.PathDir(d)); err != nil {
			return err
		}
	}
	return nil
}

// syncDir makes the entries of a directory durable.
func syncDir(fs FS, dir string) error {
	d, err := fs.OpenDir(dir)
	if err == nil {
		err = d.Sync()
		if cerr := d.Close(); err == nil {
			err = cerr
		}
	}
	if err != nil {
		return fmt.Errorf("storage: sync directory %s: %w", dir, err)
	}
	return nil
}

// The types in the signatures of an FS, for whoever makes one of its own: the
// simulator's disk keeps the order of names, which MemFS leaves to a map.
type (
	FSCategory = vfs.DiskWriteCategory
	FSOption   = vfs.OpenOption
	FSInfo     = vfs.FileInfo
	FSUsage    = vfs.DiskUsage
	FSDevice   = vfs.DeviceID
)

// InvalidFd is what the files of an FS without descriptors give.
const InvalidFd = vfs.InvalidFd

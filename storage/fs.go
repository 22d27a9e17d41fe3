package storage

import "github.com/cockroachdb/pebble/v2/vfs"

// FS is the seam to the file system, Pebble's own, so that one simulated disk
// serves the journal and the ledger. Other rooms name it through this alias
// and so need no import of Pebble.
type FS = vfs.FS

// MemFS is a file system in memory for the simulator. One from NewMemFS can
// be copied as a power cut would leave it (CrashClone).
type MemFS = vfs.MemFS

// CrashCloneCfg says how much of what was not synced survives in a CrashClone.
type CrashCloneCfg = vfs.CrashCloneCfg

// NewMemFS gives an empty file system in memory that supports CrashClone.
func NewMemFS() *MemFS { return vfs.NewCrashableMem() }

// writeCategory labels our files in Pebble's per-category disk statistics.
const writeCategory = vfs.WriteCategoryUnspecified

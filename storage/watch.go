package storage

import (
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
)

// FSOp is one operation of a file system, as WatchFS tells of it.
type FSOp struct {
	Path   string
	Offset int64 // of a read or write at an offset
	Read   bool  // of bytes of a file
	Sync   bool  // of a file or a directory
	Write  bool  // it can change what is on the disk, syncs included
}

// WatchFS calls before ahead of every operation of fs that reads bytes or can
// change the disk, from whatever thread the operation is on. An error that
// before gives is the operation's outcome. For tests of disks: a crash or a
// fault at any operation.
func WatchFS(fs FS, before func(FSOp) error) FS {
	return errorfs.Wrap(fs, errorfs.InjectorFunc(func(o errorfs.Op) error {
		op := FSOp{Path: o.Path, Offset: o.Offset}
		switch o.Kind {
		case errorfs.OpFileRead, errorfs.OpFileReadAt:
			op.Read = true
		case errorfs.OpFileSync, errorfs.OpFileSyncData, errorfs.OpFileSyncTo:
			op.Sync, op.Write = true, true
		case errorfs.OpFileClose, errorfs.OpLock:
			return nil
		default:
			op.Write = o.Kind.ReadOrWrite() == errorfs.OpIsWrite
		}
		if !op.Read && !op.Write {
			return nil
		}
		return before(op)
	}))
}

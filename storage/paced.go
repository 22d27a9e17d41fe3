package storage

import (
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// pacedFS slows Pebble down while the disk is full: it tries a failed flush
// again at once and for ever, which costs a whole core. Its own callback for
// errors is no place to wait, since it holds Pebble's lock; making a file is.
type pacedFS struct {
	vfs.FS
	low *atomic.Bool
}

// fullPause is between two tries of a flush on a full disk: long against a
// try (1 ms), short against the second in which room is noticed.
const fullPause = 50 * time.Millisecond

// Create implements vfs.FS.
func (p pacedFS) Create(name string, category vfs.DiskWriteCategory) (vfs.File, error) {
	if p.low.Load() {
		time.Sleep(fullPause)
	}
	return p.FS.Create(name, category)
}

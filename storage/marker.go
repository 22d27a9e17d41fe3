package storage

import (
	"strings"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// markerFS puts the entries of a directory in order where Pebble v2.1.7 leaves
// that to the file system. Pebble names its current manifest by an empty file,
// the marker: it makes the new marker, removes the old one and then syncs the
// directory once for these and for the manifest's own entry. POSIX lets a power
// cut keep any of the three. The new marker without its manifest is a ledger
// that does not open; the old one's removal alone is one that opens empty.
//
// So the directory is synced before each step too: first the manifest, then the
// new marker, then the old one's end.
type markerFS struct{ vfs.FS }

func isMarker(fs vfs.FS, name string) bool { return strings.HasPrefix(fs.PathBase(name), "marker.") }

// Create implements vfs.FS.
func (m markerFS) Create(name string, category vfs.DiskWriteCategory) (vfs.File, error) {
	if isMarker(m.FS, name) {
		if err := syncDir(m.FS, m.PathDir(name)); err != nil {
			return nil, err
		}
	}
	return m.FS.Create(name, category)
}

// Remove implements vfs.FS.
func (m markerFS) Remove(name string) error {
	if isMarker(m.FS, name) {
		if err := syncDir(m.FS, m.PathDir(name)); err != nil {
			return err
		}
	}
	return m.FS.Remove(name)
}

// Unwrap implements vfs.FS.
func (m markerFS) Unwrap() vfs.FS { return m.FS }

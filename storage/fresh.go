package storage

import (
	"errors"
	"fmt"
	"io/fs"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// FreshName is a file that marks a data directory whose replica was never
// started: only there may a journal be made. Elsewhere a missing journal is one
// that was lost.
const FreshName = "never-started"

// OSFiles is the operating system's file system.
func OSFiles() FS { return vfs.Default }

// Fresh reports whether dir carries the mark.
func Fresh(files FS, dir string) (bool, error) {
	switch _, err := files.Stat(files.PathJoin(dir, FreshName)); {
	case err == nil:
		return true, nil
	case errors.Is(err, fs.ErrNotExist):
		return false, nil
	default:
		return false, fmt.Errorf("storage: mark of a fresh directory: %w", err)
	}
}

// Started takes the mark away, durably: one that a power cut brings back would
// let a journal that is lost later pass for one that never was.
func Started(files FS, dir string) error {
	if err := files.Remove(files.PathJoin(dir, FreshName)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("storage: take the mark of a fresh directory away: %w", err)
	}
	return syncDir(files, dir)
}

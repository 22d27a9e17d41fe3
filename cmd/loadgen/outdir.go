package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// outNone is the value of --out for a run that leaves no files.
const outNone = "none"

// outDir is the directory of a run's files. They are written into one beside it,
// which takes its name at the end: what stands under the name is whole.
type outDir struct {
	path    string
	partial string
}

// newOutDir makes the directory to write into. An existing one is refused unless
// it is empty: results are never written over.
func newOutDir(path string) (*outDir, error) {
	path = filepath.Clean(path)
	entries, err := os.ReadDir(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return nil, fmt.Errorf("--out: %w", err)
	case len(entries) > 0:
		return nil, fmt.Errorf("--out %s exists and is not empty; name another directory, or remove it", path)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, fmt.Errorf("--out: %w", err)
	}
	partial, err := os.MkdirTemp(filepath.Dir(path), filepath.Base(path)+".partial-")
	if err != nil {
		return nil, fmt.Errorf("--out: %w", err)
	}
	if err := os.Chmod(partial, 0o755); err != nil {
		return nil, err
	}
	return &outDir{path: path, partial: partial}, nil
}

// defaultOut is where a run's files go when nobody says.
func defaultOut(kind string, now time.Time) string {
	return filepath.Join("runs", now.UTC().Format("20060102-150405.000-")+kind)
}

// create opens a file in it.
func (o *outDir) create(name string) (*os.File, error) {
	return os.Create(filepath.Join(o.partial, name))
}

// write makes a whole file in it.
func (o *outDir) write(name string, text []byte) error {
	return os.WriteFile(filepath.Join(o.partial, name), text, 0o644)
}

// commit gives it its name.
func (o *outDir) commit() error {
	// An empty directory of that name gives way.
	if err := os.Remove(o.path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s was filled meanwhile; the files are in %s: %w", o.path, o.partial, err)
	}
	if err := os.Rename(o.partial, o.path); err != nil {
		return fmt.Errorf("the files are in %s: %w", o.partial, err)
	}
	return nil
}

// remove takes back what a run that never began would leave.
func (o *outDir) remove() { _ = os.RemoveAll(o.partial) }

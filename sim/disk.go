package sim

import (
	"errors"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"
	"syscall"
	"time"

	"quorate/storage"
)

// sectorBytes is what a disk writes whole or not at all.
const sectorBytes = 512

// disk is a file system in memory with two images: what was written, and what
// would survive a power cut. Sectors are its unit. It has what the journal uses;
// anything else is a nil call of the embedded interface and panics.
type disk struct {
	storage.FS
	rnd     stream
	now     map[string]*inode // by path
	durable map[string]*inode // entries whose directory was synced
	locked  map[string]bool
	effect  func() // called before each write and sync; may end the replica

	failSyncs int  // so many syncs from now fail
	failReads int  // so many reads from now fail
	full      bool // nothing new fits

	old []string // files that rot has made as they were before, since the last start
}

// inode is a file or a directory.
type inode struct {
	dir    bool
	data   []byte
	synced []byte
	dirty  []extent // written since the last sync
	before []byte   // some time ago
}

type extent struct{ from, to int }

func newDisk(rnd stream) *disk {
	return &disk{rnd: rnd, now: map[string]*inode{}, durable: map[string]*inode{}, locked: map[string]bool{}, effect: func() {}}
}

// crash is a power cut: what was synced stays, of the rest each sector and each
// entry with keep in 1000 chances.
func (d *disk) crash(keep int) {
	clear(d.locked)
	d.failSyncs, d.failReads = 0, 0
	for _, name := range sortedKeys(d.now, d.durable) {
		was, is := d.durable[name], d.now[name]
		if was != is && d.rnd.chance(keep) {
			was = is
		}
		if was == nil {
			delete(d.durable, name)
			continue
		}
		d.durable[name] = was
	}
	d.now = map[string]*inode{}
	for _, name := range sortedKeys(d.durable) {
		n := d.durable[name]
		d.now[name] = n
		n.crash(&d.rnd, keep)
	}
}

func (n *inode) crash(rnd *stream, keep int) {
	for _, e := range n.dirty {
		for at := e.from; at < e.to; {
			next := min(e.to, (at/sectorBytes+1)*sectorBytes)
			if rnd.chance(keep) {
				n.synced = put(n.synced, n.data[at:next], at)
			}
			at = next
		}
	}
	n.data = append(n.data[:0], n.synced...)
	n.dirty = n.dirty[:0]
}

// put copies p to b at an offset, with zeros in a gap.
func put(b, p []byte, at int) []byte {
	if grow := at + len(p) - len(b); grow > 0 {
		b = append(b, make([]byte, grow)...)
	}
	copy(b[at:], p)
	return b
}

// sync makes a file durable. A failed one leaves the kernel's pages clean: what
// was written is still read, a second sync succeeds, and the bytes are lost.
func (n *inode) sync(fails bool) error {
	for _, e := range n.dirty {
		if !fails {
			n.synced = put(n.synced, n.data[e.from:e.to], e.from)
		}
	}
	n.dirty = n.dirty[:0]
	if fails {
		return syscall.EIO
	}
	return nil
}

// wipe loses everything below a directory.
func (d *disk) wipe(dir string) {
	for _, name := range sortedKeys(d.now, d.durable) {
		if name == dir || strings.HasPrefix(name, dir+"/") {
			delete(d.now, name)
			delete(d.durable, name)
		}
	}
}

func notExist(op, name string) error { return &fs.PathError{Op: op, Path: name, Err: fs.ErrNotExist} }

func (d *disk) open(name string, n *inode) *diskFile { return &diskFile{d: d, name: name, n: n} }

// Create implements storage.FS.
func (d *disk) Create(name string, _ storage.FSCategory) (storage.FSFile, error) {
	if d.full {
		return nil, syscall.ENOSPC
	}
	n := &inode{}
	d.now[name] = n
	return d.open(name, n), nil
}

// Open implements storage.FS.
func (d *disk) Open(name string, _ ...storage.FSOption) (storage.FSFile, error) {
	if n := d.now[name]; n != nil {
		return d.open(name, n), nil
	}
	return nil, notExist("open", name)
}

// OpenReadWrite implements storage.FS.
func (d *disk) OpenReadWrite(name string, c storage.FSCategory, _ ...storage.FSOption) (storage.FSFile, error) {
	if d.now[name] == nil {
		return d.Create(name, c)
	}
	return d.Open(name)
}

// OpenDir implements storage.FS. The root is always there.
func (d *disk) OpenDir(name string) (storage.FSFile, error) {
	n := d.now[name]
	if n == nil && name == "." {
		n = &inode{dir: true}
	}
	if n == nil || !n.dir {
		return nil, notExist("open", name)
	}
	return d.open(name, n), nil
}

// Remove implements storage.FS.
func (d *disk) Remove(name string) error {
	if d.now[name] == nil {
		return notExist("remove", name)
	}
	delete(d.now, name)
	return nil
}

// RemoveAll implements storage.FS.
func (d *disk) RemoveAll(dir string) error {
	for _, name := range sortedKeys(d.now) {
		if name == dir || strings.HasPrefix(name, dir+"/") {
			delete(d.now, name)
		}
	}
	return nil
}

// Rename implements storage.FS. Only files are renamed.
func (d *disk) Rename(from, to string) error {
	n := d.now[from]
	if n == nil || n.dir {
		return notExist("rename", from)
	}
	delete(d.now, from)
	d.now[to] = n
	return nil
}

// MkdirAll implements storage.FS.
func (d *disk) MkdirAll(dir string, _ fs.FileMode) error {
	for ; dir != "." && dir != "/"; dir = path.Dir(dir) {
		if d.now[dir] == nil {
			d.now[dir] = &inode{dir: true}
		}
	}
	return nil
}

type unlock func()

func (u unlock) Close() error { u(); return nil }

// Lock implements storage.FS.
func (d *disk) Lock(name string) (io.Closer, error) {
	if d.locked[name] {
		return nil, syscall.EAGAIN
	}
	d.locked[name] = true
	d.now[name] = &inode{}
	return unlock(func() { delete(d.locked, name) }), nil
}

// List implements storage.FS; names are sorted.
func (d *disk) List(dir string) ([]string, error) {
	var names []string
	for _, name := range sortedKeys(d.now) {
		if path.Dir(name) == dir {
			names = append(names, path.Base(name))
		}
	}
	return names, nil
}

// Stat implements storage.FS.
func (d *disk) Stat(name string) (storage.FSInfo, error) {
	n := d.now[name]
	if n == nil {
		return nil, notExist("stat", name)
	}
	return fileInfo{name, n}, nil
}

// PathBase implements storage.FS.
func (d *disk) PathBase(p string) string { return path.Base(p) }

// PathJoin implements storage.FS.
func (d *disk) PathJoin(p ...string) string { return path.Join(p...) }

// PathDir implements storage.FS.
func (d *disk) PathDir(p string) string { return path.Dir(p) }

// diskFile is an open file.
type diskFile struct {
	d    *disk
	name string
	n    *inode
	pos  int
}

var errDirectory = errors.New("sim: is a directory")

func (f *diskFile) Close() error { return nil }

func (f *diskFile) Read(p []byte) (int, error) {
	n, err := f.ReadAt(p, int64(f.pos))
	f.pos += n
	return n, err
}

func (f *diskFile) ReadAt(p []byte, at int64) (int, error) {
	if f.d.failReads > 0 {
		f.d.failReads--
		return 0, syscall.EIO
	}
	if at >= int64(len(f.n.data)) {
		return 0, io.EOF
	}
	n := copy(p, f.n.data[at:])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

func (f *diskFile) Write(p []byte) (int, error) {
	n, err := f.WriteAt(p, int64(f.pos))
	f.pos += n
	return n, err
}

func (f *diskFile) WriteAt(p []byte, at int64) (int, error) {
	if f.n.dir {
		return 0, errDirectory
	}
	f.d.effect()
	if f.d.full && int(at)+len(p) > len(f.n.data) {
		return 0, syscall.ENOSPC
	}
	f.n.data = put(f.n.data, p, int(at))
	f.n.dirty = append(f.n.dirty, extent{int(at), int(at) + len(p)})
	return len(p), nil
}

// Sync makes a file's bytes or a directory's entries durable.
func (f *diskFile) Sync() error {
	f.d.effect()
	fails := f.d.failSyncs > 0
	if fails {
		f.d.failSyncs--
	}
	if !f.n.dir {
		return f.n.sync(fails)
	}
	if fails {
		return syscall.EIO
	}
	for _, name := range sortedKeys(f.d.now, f.d.durable) {
		if path.Dir(name) != f.name {
			continue
		}
		if n := f.d.now[name]; n != nil {
			f.d.durable[name] = n
		} else {
			delete(f.d.durable, name)
		}
	}
	return nil
}

func (f *diskFile) SyncData() error              { return f.Sync() }
func (f *diskFile) SyncTo(int64) (bool, error)   { return false, nil }
func (f *diskFile) Preallocate(_, _ int64) error { return nil }
func (f *diskFile) Prefetch(_, _ int64) error    { return nil }
func (f *diskFile) Fd() uintptr                  { return storage.InvalidFd }
func (f *diskFile) Stat() (storage.FSInfo, error) {
	return fileInfo{f.name, f.n}, nil
}

type fileInfo struct {
	name string
	n    *inode
}

func (i fileInfo) Name() string               { return path.Base(i.name) }
func (i fileInfo) Size() int64                { return int64(len(i.n.data)) }
func (i fileInfo) Mode() fs.FileMode          { return 0o640 }
func (i fileInfo) ModTime() time.Time         { return time.Time{} }
func (i fileInfo) IsDir() bool                { return i.n.dir }
func (i fileInfo) Sys() any                   { return nil }
func (i fileInfo) DeviceID() storage.FSDevice { return storage.FSDevice{} }

// sortedKeys gives the names in any of the maps, once each, in order.
func sortedKeys[V any](maps ...map[string]V) []string {
	var names []string
	for _, m := range maps {
		for name := range m { //tidy:sorted below
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

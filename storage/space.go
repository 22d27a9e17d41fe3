package storage

import (
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// Space gives the free bytes (to this process, not to root) and all bytes of
// the file system that holds dir. Callers refuse writes below a watermark:
// Pebble and the journal stop when there is really no room, which is too late.
func Space(dir string) (free, total uint64, err error) {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return 0, 0, fmt.Errorf("storage: space of %s: %w", dir, err)
	}
	return st.Bavail * uint64(st.Bsize), st.Blocks * uint64(st.Bsize), nil
}

// CheckSpace is ErrDiskLow if less than the percentage of dir's file system is
// free.
func CheckSpace(dir string, percentMin int) error {
	free, total, err := Space(dir)
	if err != nil {
		return err
	}
	if free < total/100*uint64(percentMin) {
		return fmt.Errorf("storage: %s has %d of %d bytes free: %w", dir, free, total, ErrDiskLow)
	}
	return nil
}

const ballastName = "BALLAST"

// MakeBallast reserves bytes in dir, in a file that an operator or
// DropBallast deletes when the disk is full, so that there is room to recover
// in. A ballast of the size that exists is kept.
func MakeBallast(dir string, bytes int64) error {
	name := filepath.Join(dir, ballastName)
	if info, err := os.Stat(name); err == nil && info.Size() == bytes {
		return nil
	}
	f, err := os.OpenFile(name, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o640)
	if err != nil {
		return fmt.Errorf("storage: make ballast: %w", err)
	}
	defer f.Close()
	if err := unix.Fallocate(int(f.Fd()), 0, 0, bytes); err != nil {
		_ = os.Remove(name)
		if isDiskFull(err) {
			return fmt.Errorf("storage: make ballast of %d bytes: %w: %w", bytes, ErrDiskLow, err)
		}
		return fmt.Errorf("storage: make ballast of %d bytes: %w", bytes, err)
	}
	if err := f.Sync(); err != nil {
		return fmt.Errorf("storage: sync ballast: %w", err)
	}
	return nil
}

// DropBallast gives the reserved bytes back; nothing happens without one.
func DropBallast(dir string) error {
	if err := os.Remove(filepath.Join(dir, ballastName)); err != nil && !os.IsNotExist(err) {
		return fmt.Errorf("storage: drop ballast: %w", err)
	}
	return nil
}

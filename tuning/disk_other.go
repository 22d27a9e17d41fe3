//go:build !linux

package tuning

import (
	"fmt"
	"os"
)

// DetectDisk knows file systems on Linux only; elsewhere it says no more than
// that the directory is there.
func DetectDisk(dir string) (Disk, error) {
	if _, err := os.Stat(dir); err != nil {
		return Disk{Dir: dir}, fmt.Errorf("tuning: look at %s: %w", dir, err)
	}
	return Disk{Dir: dir}, nil
}

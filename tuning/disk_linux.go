package tuning

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// fileSystems names the file systems that a data directory is likely to be on,
// by their number in the kernel.
var fileSystems = map[int64]string{
	unix.EXT4_SUPER_MAGIC: "ext4", unix.XFS_SUPER_MAGIC: "xfs", unix.BTRFS_SUPER_MAGIC: "btrfs", unix.TMPFS_MAGIC: "tmpfs",
	unix.OVERLAYFS_SUPER_MAGIC: "overlay", unix.NFS_SUPER_MAGIC: "nfs", unix.F2FS_SUPER_MAGIC: "f2fs", unix.FUSE_SUPER_MAGIC: "fuse",
	0x2fc12fc1: "zfs",
}

// DetectDisk looks at the file system of an existing directory. The error is of
// the directory; what else cannot be found out is left empty.
func DetectDisk(dir string) (Disk, error) {
	d := Disk{Dir: dir}
	var st unix.Stat_t
	if err := unix.Stat(dir, &st); err != nil {
		return d, fmt.Errorf("tuning: look at %s: %w", dir, err)
	}
	var f unix.Statfs_t
	if err := unix.Statfs(dir, &f); err == nil {
		d.FileSystem = fileSystems[int64(f.Type)]
		if d.FileSystem == "" {
			d.FileSystem = fmt.Sprintf("%#x", f.Type)
		}
		d.FreeBytes = int64(f.Bavail) * int64(f.Bsize)
	}
	d.DirectAlign = directAlign(dir)
	d.readQueue(os.DirFS("/"), fmt.Sprintf("%d:%d", unix.Major(st.Dev), unix.Minor(st.Dev)))
	return d, nil
}

// directAlign asks a file of the directory for what O_DIRECT wants: kernels from
// 6.1 on tell it, of regular files only.
func directAlign(dir string) int {
	f, err := os.CreateTemp(dir, ".align-*")
	if err != nil {
		return 0
	}
	defer os.Remove(f.Name())
	defer f.Close()
	var st unix.Statx_t
	if err := unix.Statx(int(f.Fd()), "", unix.AT_EMPTY_PATH, unix.STATX_DIOALIGN, &st); err != nil || st.Mask&unix.STATX_DIOALIGN == 0 {
		return 0
	}
	return int(st.Dio_offset_align)
}

package record

import (
	"fmt"
	"os/exec"
	"runtime"
	"strings"

	"github.com/prometheus/procfs"

	"quorate/tuning"
)

// DetectHost looks at this machine and at the disk below dir.
func DetectHost(dir string) Host {
	d := tuning.DetectHost()
	h := Host{CPU: d.Model, Cores: d.Cores, Arch: d.Arch, Features: d.Features, MemoryBytes: d.MemoryBytes, Kernel: d.Kernel, Go: runtime.Version()}
	if disk, err := tuning.DetectDisk(dir); err == nil {
		h.Disk = fmt.Sprintf("%s on %s", disk.FileSystem, disk.Device)
	}
	if fs, err := procfs.NewDefaultFS(); err == nil {
		if load, err := fs.LoadAvg(); err == nil {
			h.LoadBefore = load.Load1
		}
	}
	return h
}

// Commit asks git for the commit of the work tree at dir, and whether the tree
// differs from it. Outside of git it is "unknown".
func Commit(dir string) (commit string, dirty bool) {
	git := func(args ...string) (string, error) {
		out, err := exec.Command("git", append([]string{"-C", dir}, args...)...).Output()
		return strings.TrimSpace(string(out)), err
	}
	commit, err := git("rev-parse", "HEAD")
	if err != nil {
		return "unknown", false
	}
	changed, err := git("status", "--porcelain")
	return commit, err != nil || changed != ""
}

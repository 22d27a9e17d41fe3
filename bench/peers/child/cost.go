package child

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"

	"quorate/bench/peers/rows"
)

// clockTicks is the unit of CPU times in /proc: 1/100 s on every Linux that Go
// runs on (USER_HZ).
const clockTicks = 100

// CPU is the user and system time that a living process has used, seconds.
func CPU(pid int) (float64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, err
	}
	// The second field is the name in parentheses, which may hold anything.
	_, rest, _ := strings.Cut(string(text[strings.LastIndexByte(string(text), ')')+1:]), " ")
	fields := strings.Fields(rest)
	const utime, stime = 11, 12 // counted from the third field
	if len(fields) <= stime {
		return 0, fmt.Errorf("child: /proc/%d/stat is cut", pid)
	}
	var ticks uint64
	for _, f := range []string{fields[utime], fields[stime]} {
		n, err := strconv.ParseUint(f, 10, 64)
		if err != nil {
			return 0, fmt.Errorf("child: /proc/%d/stat: %w", pid, err)
		}
		ticks += n
	}
	return float64(ticks) / clockTicks, nil
}

// CPUOf is the sum over living processes.
func CPUOf(pids []int) (sum float64, err error) {
	for _, pid := range pids {
		cpu, err := CPU(pid)
		if err != nil {
			return 0, err
		}
		sum += cpu
	}
	return sum, nil
}

// Written is how many bytes were written to the device that a directory lies on,
// by everybody, or 0 where the system does not tell. What /proc says of a process
// is no use: it counts a whole folio of the page cache, up to megabytes, for each
// dirtied block of it.
func Written(dir string) int64 {
	var st syscall.Stat_t
	if err := syscall.Stat(dir, &st); err != nil {
		return 0
	}
	// glibc's major() and minor().
	major := (st.Dev>>8)&0xfff | (st.Dev>>32)&^0xfff
	minor := st.Dev&0xff | (st.Dev>>12)&^0xff
	text, err := os.ReadFile(fmt.Sprintf("/sys/dev/block/%d:%d/stat", major, minor))
	if err != nil {
		return 0
	}
	const sectorsWritten, sectorBytes = 6, 512
	fields := strings.Fields(string(text))
	if len(fields) <= sectorsWritten {
		return 0
	}
	n, err := strconv.ParseInt(fields[sectorsWritten], 10, 64)
	if err != nil {
		return 0
	}
	return n * sectorBytes
}

// Held is how many bytes the files below a directory take on the disk. Files
// that vanish meanwhile count nothing.
func Held(dir string) (bytes int64, err error) {
	err = filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil {
			if os.IsNotExist(err) {
				return nil
			}
			return err
		}
		if !d.Type().IsRegular() {
			return nil
		}
		info, err := d.Info()
		if os.IsNotExist(err) {
			return nil
		}
		if err != nil {
			return err
		}
		const blockBytes = 512 // of st_blocks, whatever the file system's own are
		bytes += info.Sys().(*syscall.Stat_t).Blocks * blockBytes
		return nil
	})
	return bytes, err
}

// ThisHost describes the machine.
func ThisHost() rows.Host {
	h := rows.Host{CPUs: runtime.NumCPU(), Model: "unknown processor", Kernel: "?", Go: runtime.Version()}
	if text, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		for line := range strings.Lines(string(text)) {
			if name, ok := strings.CutPrefix(line, "model name"); ok {
				h.Model = strings.Trim(name, " \t:\n")
				break
			}
		}
	}
	if text, err := os.ReadFile("/proc/sys/kernel/osrelease"); err == nil {
		h.Kernel = strings.TrimSpace(string(text))
	}
	if text, err := os.ReadFile("/proc/loadavg"); err == nil {
		first, _, _ := strings.Cut(string(text), " ")
		h.Load, _ = strconv.ParseFloat(first, 64) // 0 says nothing was read
	}
	return h
}

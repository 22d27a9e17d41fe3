package main

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// costs are what was used up to some moment.
type costs struct {
	client, process float64 // CPU seconds of the load's thread and of all threads
	written         int64   // bytes, to the device
	at              time.Time
}

// rusageThread is RUSAGE_THREAD of Linux, which package syscall does not name.
const rusageThread = 1

// cost must run on the load's thread.
func cost(dir string) (c costs, err error) {
	var u syscall.Rusage
	if err := syscall.Getrusage(rusageThread, &u); err != nil {
		return c, fmt.Errorf("CPU time of a thread: %w", err)
	}
	c.client = cpuSeconds(&u)
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return c, fmt.Errorf("CPU time of the process: %w", err)
	}
	c.process, c.written, c.at = cpuSeconds(&u), written(dir), time.Now()
	return c, nil
}

func cpuSeconds(u *syscall.Rusage) float64 {
	return time.Duration(u.Utime.Nano() + u.Stime.Nano()).Seconds()
}

// written is how many bytes were written to the device that dir lies on, by
// everybody, or 0 where the system does not tell. What /proc says of a process is
// no use: it counts a whole folio of the page cache, up to megabytes, for each
// dirtied block of it.
func written(dir string) int64 {
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

// held is how many bytes the files below a directory take on the disk. Pebble
// removes files at any time: one that vanishes counts nothing.
func held(dir string) (bytes int64, err error) {
	err = filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return ignoreMissing(err)
		}
		info, err := d.Info()
		if err != nil {
			return ignoreMissing(err)
		}
		const blockBytes = 512 // of st_blocks, whatever the file system's own are
		bytes += info.Sys().(*syscall.Stat_t).Blocks * blockBytes
		return nil
	})
	return bytes, err
}

func ignoreMissing(err error) error {
	if os.IsNotExist(err) {
		return nil
	}
	return err
}

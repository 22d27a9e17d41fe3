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
	written         int64   // bytes given to the block layer
	at              time.Time
}

// rusageThread is RUSAGE_THREAD of Linux, which package syscall does not name.
const rusageThread = 1

// cost must run on the load's thread.
func cost() (c costs, err error) {
	var u syscall.Rusage
	if err := syscall.Getrusage(rusageThread, &u); err != nil {
		return c, fmt.Errorf("CPU time of a thread: %w", err)
	}
	c.client = cpuSeconds(&u)
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return c, fmt.Errorf("CPU time of the process: %w", err)
	}
	c.process = cpuSeconds(&u)
	if c.written, err = written(); err != nil {
		return c, err
	}
	c.at = time.Now()
	return c, nil
}

func cpuSeconds(u *syscall.Rusage) float64 {
	return time.Duration(u.Utime.Nano() + u.Stime.Nano()).Seconds()
}

// written is how many bytes this process has given to the block layer.
func written() (int64, error) {
	text, err := os.ReadFile("/proc/self/io")
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(text)) {
		if n, ok := strings.CutPrefix(line, "write_bytes: "); ok {
			return strconv.ParseInt(strings.TrimSpace(n), 10, 64)
		}
	}
	return 0, fmt.Errorf("/proc/self/io has no write_bytes")
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

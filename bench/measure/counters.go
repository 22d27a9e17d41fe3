package main

import (
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"github.com/prometheus/procfs"

	"quorate/internal/scrape"
)

// usage is what the kernel says of one process.
type usage struct {
	cpu       float64 // seconds, user and system
	memoryMax uint64  // bytes, highest resident
	written   uint64  // bytes that it had the kernel write to disk
}

// usageOf reads /proc.
func usageOf(pid int) (u usage, err error) {
	p, err := procfs.NewProc(pid)
	if err != nil {
		return u, err
	}
	stat, err := p.Stat()
	if err != nil {
		return u, err
	}
	status, err := p.NewStatus()
	if err != nil {
		return u, err
	}
	io, err := p.IO()
	if err != nil {
		return u, err
	}
	return usage{stat.CPUTime(), status.VmHWM, io.WriteBytes}, nil
}

// reading is one replica at one moment.
type reading struct {
	usage
	metrics map[string]float64 // sums over labels, and by labelled name
}

// web is the client of all scrapes; a replica that does not answer within it is
// an error of the run.
var web = http.Client{Timeout: 10 * time.Second}

// metricsOf reads the metrics of a replica on this host.
func metricsOf(port int) (map[string]float64, error) {
	return scrape.Read(&web, "127.0.0.1:"+strconv.Itoa(port))
}

// diskBytes is what files below dir take on disk.
func diskBytes(dir string) (total float64, err error) {
	err = filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() {
			return err
		}
		info, err := e.Info()
		if os.IsNotExist(err) {
			return nil // compaction removed it in between
		}
		if err != nil {
			return err
		}
		const sector = 512 // the unit of st_blocks on Linux
		if stat, ok := info.Sys().(*syscall.Stat_t); ok {
			total += float64(stat.Blocks) * sector
		}
		return nil
	})
	return total, err
}

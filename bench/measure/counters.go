package main

import (
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"github.com/prometheus/procfs"
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

// labelled names the part of a metric that has a label of this value.
func labelled(metric, value string) string { return metric + "{" + value + "}" }

// web is the client of all scrapes; a replica that does not answer within it is
// an error of the run.
var web = http.Client{Timeout: 10 * time.Second}

// scrape reads a replica's /metrics on loopback.
func scrape(port int) (map[string]float64, error) {
	res, err := web.Get("http://127.0.0.1:" + strconv.Itoa(port) + "/metrics")
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("metrics of port %d: %s", port, res.Status)
	}
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(res.Body)
	if err != nil {
		return nil, fmt.Errorf("metrics of port %d: %w", port, err)
	}
	return flatten(families), nil
}

// flatten gives each metric's sum over its labels, each labelled value by itself,
// and sum and count of histograms.
func flatten(families map[string]*io_prometheus_client.MetricFamily) map[string]float64 {
	out := map[string]float64{}
	for name, f := range families {
		for _, m := range f.Metric {
			if h := m.Histogram; h != nil {
				out[name+"_sum"] += h.GetSampleSum()
				out[name+"_count"] += float64(h.GetSampleCount())
				continue
			}
			v := m.GetCounter().GetValue() + m.GetGauge().GetValue() + m.GetUntyped().GetValue()
			out[name] += v
			for _, l := range m.Label {
				out[labelled(name, l.GetValue())] += v
			}
		}
	}
	return out
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

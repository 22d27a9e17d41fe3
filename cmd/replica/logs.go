package main

import (
	"encoding/hex"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/spf13/cobra"
	"gopkg.in/natefinch/lumberjack.v2"

	"quorate/internal/oplog"
)

// The rooms that log. Each line says which one speaks, and each has a level.
const (
	roomReplica  = "replica"
	roomPipeline = "pipeline"
	roomNetio    = "netio"
)

func logLevels() *oplog.Levels { return oplog.NewLevels(roomReplica, roomPipeline, roomNetio) }

// logFlags say how much a replica logs, and where to.
type logFlags struct {
	level, file string
	mib, keep   int
}

// Bounds of a log file that this process renames itself.
const (
	logFileMiBMin = 1
	logFileMiBMax = 4096
	logFilesMax   = 1000
)

func (f *logFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.level, "log-level", "info", "debug, info, warn or error, or by room: info,netio=debug")
	cmd.Flags().StringVar(&f.file, "log-file", "", "write the log to this file instead of standard error")
	cmd.Flags().IntVar(&f.mib, "log-file-mib", 64, "size in MiB at which the log file is renamed and begun anew")
	cmd.Flags().IntVar(&f.keep, "log-files", 8, "renamed log files to keep; the oldest goes first")
}

// levels gives the levels that the flags ask for. Every refusal is one of the
// command line.
func (f *logFlags) levels() (*oplog.Levels, error) {
	levels := logLevels()
	if err := levels.Set(f.level); err != nil {
		return nil, fmt.Errorf("--log-level: %w", err)
	}
	if f.mib < logFileMiBMin || f.mib > logFileMiBMax {
		return nil, fmt.Errorf("--log-file-mib %d: choose %d to %d", f.mib, logFileMiBMin, logFileMiBMax)
	}
	if f.keep < 1 || f.keep > logFilesMax {
		return nil, fmt.Errorf("--log-files %d: choose 1 to %d", f.keep, logFilesMax)
	}
	return levels, nil
}

// open gives where the lines go. The file is opened here, so that one which
// cannot be written is known at the start and not at the first line.
func (f *logFlags) open(stderr io.Writer) (io.WriteCloser, error) {
	if f.file == "" {
		return unclosed{stderr}, nil
	}
	path, err := filepath.Abs(f.file)
	if err != nil {
		return nil, fmt.Errorf("--log-file: %w", err)
	}
	probe, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, secretMode)
	if err != nil {
		return nil, fmt.Errorf("--log-file: %w; name a file in a directory that this user may write", err)
	}
	if err := probe.Close(); err != nil {
		return nil, fmt.Errorf("--log-file: %w", err)
	}
	return &lumberjack.Logger{Filename: path, MaxSize: f.mib, MaxBackups: f.keep}, nil
}

// unclosed is a writer that outlives its user.
type unclosed struct{ io.Writer }

// Close does nothing.
func (unclosed) Close() error { return nil }

// clusterID is the short name of a cluster in logs and traces: the first eight
// bytes of its genesis hash.
func (n *node) clusterID() string {
	hash := n.genesis.Hash()
	return hex.EncodeToString(hash[:8])
}

// logger gives the logger of a room.
func (run *running) logger(room string) *slog.Logger {
	n := run.node
	return slog.New(run.recent.Handler(run.lines.Handler())).With("replica", n.keys.Replica, "cluster", n.clusterID(), oplog.RoomKey, room)
}

// logLines gives the log's counts to Prometheus.
type logLines struct{ log *oplog.Log }

var (
	descLogLines      = prometheus.NewDesc("quorate_log_lines_total", "Log lines written, by level.", []string{"level"}, nil)
	descLogSuppressed = prometheus.NewDesc("quorate_log_suppressed_total", "Log lines left out because many said the same of one peer.", nil, nil)
)

// Describe implements prometheus.Collector.
func (logLines) Describe(ch chan<- *prometheus.Desc) { ch <- descLogLines; ch <- descLogSuppressed }

// Collect implements prometheus.Collector.
func (l logLines) Collect(ch chan<- prometheus.Metric) {
	left := l.log.Counts(func(level string, n uint64) {
		ch <- prometheus.MustNewConstMetric(descLogLines, prometheus.CounterValue, float64(n), level)
	})
	ch <- prometheus.MustNewConstMetric(descLogSuppressed, prometheus.CounterValue, float64(left))
}

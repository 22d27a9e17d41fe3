package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"regexp"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"quorate/cmd/replica/console"
	"quorate/netio"
	"quorate/pipeline"
)

// pageConnsMax bounds the connections of the metrics listener: a Prometheus, and
// a few browsers with six each.
const pageConnsMax = 64

// serveMetrics opens the listener for Prometheus and for browsers, if one is
// configured, with strict limits. stop ends what reads the replica; it may be
// called twice.
func (run *running) serveMetrics() (stop func(), err error) {
	addr := run.node.settings.profile.MetricsAddr
	if addr == "" {
		return func() {}, nil
	}
	reg := prometheus.NewRegistry()
	reg.MustRegister(run.replica.Collector(run.network), links{run.net}, logLines{run.lines}, traceCounts{run.export}, runtimeMetrics(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), run.buildInfo())
	reg.MustRegister(run.diskSpace()...)
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("metrics: %w; set metrics_addr in config.yaml to a free address, or to '' for none", err)
	}
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(reg, promhttp.HandlerOpts{MaxRequestsInFlight: 4, Timeout: 5 * time.Second}))
	// Prometheus may ask by any name, so /metrics has no guard; nothing of an account
	// is in it. Traces tell when requests came, and have one with or without a console.
	host, _, _ := net.SplitHostPort(addr) // listened on already
	mux.Handle("/debug/traces", console.Guard(host, http.HandlerFunc(run.showTraces)))
	stopConsole := run.serveConsole(mux, host)
	var conns atomic.Int64
	srv := &http.Server{Handler: mux, ConnState: boundConns(&conns), ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 5 * time.Second,
		WriteTimeout: 10 * time.Second, IdleTimeout: time.Minute, MaxHeaderBytes: 16 << 10,
		ErrorLog: slog.NewLogLogger(run.log.Handler(), slog.LevelWarn)}
	go func() {
		if err := srv.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			run.log.Error("metrics endpoint ended", "error", err)
		}
	}()
	return sync.OnceFunc(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_ = srv.Shutdown(ctx) // a scrape that is under way may be cut
		stopConsole()
	}), nil
}

// boundConns closes connections over the bound.
func boundConns(open *atomic.Int64) func(net.Conn, http.ConnState) {
	return func(c net.Conn, s http.ConnState) {
		switch s {
		case http.StateNew:
			if open.Add(1) > pageConnsMax {
				_ = c.Close()
			}
		case http.StateClosed, http.StateHijacked:
			open.Add(-1)
		}
	}
}

// serveConsole adds the console to the mux, unless the settings say no.
func (run *running) serveConsole(mux *http.ServeMux, host string) (stop func()) {
	p := &run.node.settings.profile
	if !p.ConsoleServed() {
		return func() {}
	}
	c := console.New(console.Config{Source: run.replica, Genesis: run.node.genesis, Self: run.node.keys.Replica, Version: version,
		Profile: run.node.settings.profileName, More: []func() pipeline.StageStats{run.network}, Recent: run.recent, Host: host})
	mux.Handle("/", c.Handler())
	ctx, cancel := context.WithCancel(context.Background())
	go c.Run(ctx)
	return func() {
		cancel()
		c.Stop()
	}
}

// network tells of the event loops as of a stage.
func (run *running) network() pipeline.StageStats {
	s := run.net.Stats()
	return pipeline.StageStats{Name: "network", Workers: s.Loops, CPUSeconds: s.CPUSeconds, BusySeconds: s.BusySeconds, Steps: s.Turns}
}

// buildInfo says which build runs, and as what.
func (run *running) buildInfo() prometheus.Collector {
	g := prometheus.NewGauge(prometheus.GaugeOpts{Name: "quorate_build_info", Help: "1, with the version of this build, its Go, and the scheme and profile that it runs with.",
		ConstLabels: prometheus.Labels{"version": version, "goversion": runtime.Version(),
			"scheme": string(run.node.genesis.Scheme), "profile": run.node.settings.profileName}})
	g.Set(1)
	return g
}

// runtimeMetrics are what Go's runtime tells beside the collector's usual choice:
// CPU of the garbage collector, which no stage has, and how long goroutines that
// could run waited for a processor: the first sign that cores are short.
func runtimeMetrics() prometheus.Collector {
	return collectors.NewGoCollector(collectors.WithGoCollectorRuntimeMetrics(
		collectors.GoRuntimeMetricsRule{Matcher: regexp.MustCompile(`^/cpu/classes/(gc/total|total|idle):cpu-seconds$`)},
		collectors.GoRuntimeMetricsRule{Matcher: regexp.MustCompile(`^/sched/latencies:seconds$`)},
	))
}

// diskSpace gives what watchDisk saw last: a file system that hangs must not hang
// the scrape that would tell of it.
func (run *running) diskSpace() []prometheus.Collector {
	gauge := func(name, help string, v *atomic.Uint64) prometheus.Collector {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, func() float64 { return float64(v.Load()) })
	}
	return []prometheus.Collector{
		gauge("quorate_disk_free_bytes", "Room that is left on the file system of the data directory.", &run.diskFree),
		gauge("quorate_disk_size_bytes", "Size of the file system of the data directory.", &run.diskSize),
	}
}

// links gives the transport's counters to Prometheus; netio knows no metrics
// library.
type links struct{ net *netio.Transport }

var (
	descLinkRejects = prometheus.NewDesc("quorate_link_rejects_total", "Connections, handshakes and frames refused, by cause.", []string{"cause"}, nil)
	descLinkFrames  = prometheus.NewDesc("quorate_link_frames_total", "Frames after authentication, by direction.", []string{"direction"}, nil)
	descLinkBytes   = prometheus.NewDesc("quorate_link_bytes_total", "Bytes on the wire after authentication, by direction.", []string{"direction"}, nil)
	descHandshakes  = prometheus.NewDesc("quorate_link_handshakes_total", "Connections authenticated, both ways.", nil, nil)
	descConnections = prometheus.NewDesc("quorate_link_connections", "Client connections, and those not authenticated yet.", []string{"state"}, nil)
	descLinkHeld    = prometheus.NewDesc("quorate_link_held_bytes", "Bytes that wait to be sent, and of clients' unfinished frames.", []string{"queue"}, nil)
)

// Describe implements prometheus.Collector.
func (links) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{descLinkRejects, descLinkFrames, descLinkBytes, descHandshakes, descConnections, descLinkHeld} {
		ch <- d
	}
}

// Collect implements prometheus.Collector.
func (l links) Collect(ch chan<- prometheus.Metric) {
	s := l.net.Stats()
	count := func(d *prometheus.Desc, v uint64, label ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(v), label...)
	}
	for _, c := range netio.Causes() {
		count(descLinkRejects, s.Rejected(c), c.String())
	}
	count(descLinkFrames, s.FramesIn, "in")
	count(descLinkFrames, s.FramesOut, "out")
	count(descLinkBytes, s.BytesIn, "in")
	count(descLinkBytes, s.BytesOut, "out")
	count(descHandshakes, s.Handshakes)
	now := func(d *prometheus.Desc, v float64, label string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, label)
	}
	now(descConnections, float64(s.Clients), "client")
	now(descConnections, float64(s.Young), "young")
	now(descLinkHeld, float64(s.QueuedBytes), "send")
	now(descLinkHeld, float64(s.GatheredBytes), "gather")
}

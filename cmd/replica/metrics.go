package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"quorate/netio"
	"quorate/pipeline"
)

// serveMetrics opens the Prometheus endpoint, if one is configured, on a
// listener of its own with strict limits.
func (run *running) serveMetrics() (stop func(), err error) {
	addr := run.node.settings.profile.MetricsAddr
	if addr == "" {
		return func() {}, nil
	}
	reg := prometheus.NewRegistry()
	reg.MustRegister(run.replica.Collector(run.network), links{run.net}, logLines{run.lines}, collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), buildInfo())
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("metrics: %w; set metrics_addr in config.yaml to a free address, or to '' for none", err)
	}
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(reg, promhttp.HandlerOpts{MaxRequestsInFlight: 4, Timeout: 5 * time.Second}))
	srv := &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 5 * time.Second,
		WriteTimeout: 10 * time.Second, IdleTimeout: time.Minute, MaxHeaderBytes: 16 << 10,
		ErrorLog: slog.NewLogLogger(run.log.Handler(), slog.LevelWarn)}
	go func() {
		if err := srv.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			run.log.Error("metrics endpoint ended", "error", err)
		}
	}()
	return func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_ = srv.Shutdown(ctx) // a scrape that is under way may be cut
	}, nil
}

// network tells of the event loops as of a stage.
func (run *running) network() pipeline.StageStats {
	s := run.net.Stats()
	return pipeline.StageStats{Name: "network", Workers: s.Loops, CPUSeconds: s.CPUSeconds, BusySeconds: s.BusySeconds, Steps: s.Turns}
}

// buildInfo says which build runs.
func buildInfo() prometheus.Collector {
	g := prometheus.NewGauge(prometheus.GaugeOpts{Name: "quorate_build_info", Help: "1, with the version of this build.",
		ConstLabels: prometheus.Labels{"version": version}})
	g.Set(1)
	return g
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

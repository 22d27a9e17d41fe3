package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// gauges shows the load that runs now to Prometheus: the meter's own counters, so
// that a dashboard and result.json cannot disagree. A sweep puts one meter after
// the other into it, and the counters go on.
type gauges struct {
	mu     sync.Mutex
	meter  *meter
	target float64 // payments per second, 0: max
	before reading // what ended meters counted
}

// reading is what a scrape sees.
type reading struct {
	counts  counts
	codes   map[string]uint64
	buckets [len(latencyBounds) + 1]uint64
	seconds float64
	due     int
}

var (
	offeredDesc  = prometheus.NewDesc("quorate_loadgen_offered_payments_total", "Payments that were due.", nil, nil)
	achievedDesc = prometheus.NewDesc("quorate_loadgen_achieved_payments_total", "Payments that were answered with proof, as expected.", nil, nil)
	lateDesc     = prometheus.NewDesc("quorate_loadgen_late_payments_total", "Payments that left more than 20 ms behind their time.", nil, nil)
	droppedDesc  = prometheus.NewDesc("quorate_loadgen_dropped_payments_total", "Payments that were due and never left.", nil, nil)
	errorsDesc   = prometheus.NewDesc("quorate_loadgen_errors_total", "Payments that were refused, answered in an unexpected way or not at all, by code.", []string{"code"}, nil)
	latencyDesc  = prometheus.NewDesc("quorate_loadgen_latency_seconds", "Latency per payment, from when it was meant to leave to its proof.", nil, nil)
	dueDesc      = prometheus.NewDesc("quorate_loadgen_outstanding_requests", "Requests that are due and not answered.", nil, nil)
	targetDesc   = prometheus.NewDesc("quorate_loadgen_target_payments", "Payments per second that are to be offered; 0 is as many as go.", nil, nil)
)

// use shows another meter from now on.
func (g *gauges) use(m *meter, perSecond float64) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.meter != nil {
		g.before = g.sum()
		g.before.due = 0
	}
	g.meter, g.target = m, perSecond
}

// sum gives what all meters counted. mu is held.
func (g *gauges) sum() reading {
	out := reading{codes: map[string]uint64{}}
	parts := []reading{g.before}
	if g.meter != nil {
		parts = append(parts, g.meter.reading())
	}
	for _, r := range parts {
		out.counts.Plus(&r.counts)
		for code, n := range r.codes {
			out.codes[code] += n
		}
		for i := range r.buckets {
			out.buckets[i] += r.buckets[i]
		}
		out.seconds += r.seconds
		out.due += r.due
	}
	return out
}

// reading gives what a scrape sees.
func (m *meter) reading() reading {
	codes := m.byCode()
	m.mu.Lock()
	defer m.mu.Unlock()
	return reading{counts: m.counts, codes: codes, buckets: m.buckets, seconds: m.seconds, due: m.due.now}
}

// Describe and Collect make gauges a prometheus.Collector.
func (g *gauges) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{offeredDesc, achievedDesc, lateDesc, droppedDesc, errorsDesc, latencyDesc, dueDesc, targetDesc} {
		out <- d
	}
}

// Collect gives one scrape.
func (g *gauges) Collect(out chan<- prometheus.Metric) {
	g.mu.Lock()
	defer g.mu.Unlock()
	r := g.sum()
	counter := func(d *prometheus.Desc, v uint64, labels ...string) {
		out <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(v), labels...)
	}
	counter(offeredDesc, r.counts.Offered)
	counter(achievedDesc, r.counts.Achieved)
	counter(lateDesc, r.counts.Late)
	counter(droppedDesc, r.counts.Dropped)
	for code, n := range r.codes {
		counter(errorsDesc, n, code)
	}
	buckets, below := map[float64]uint64{}, uint64(0)
	for i, bound := range latencyBounds {
		below += r.buckets[i]
		buckets[bound] = below
	}
	below += r.buckets[len(latencyBounds)]
	out <- prometheus.MustNewConstHistogram(latencyDesc, below, r.seconds, buckets)
	out <- prometheus.MustNewConstMetric(dueDesc, prometheus.GaugeValue, float64(r.due))
	out <- prometheus.MustNewConstMetric(targetDesc, prometheus.GaugeValue, g.target)
}

// serveMetrics opens the Prometheus endpoint, if there is an address for it.
func serveMetrics(addr string, g *gauges) (stop func(), err error) {
	if addr == "" {
		return func() {}, nil
	}
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("--metrics-addr: %w; take a free address, such as 127.0.0.1:9480", err)
	}
	reg := prometheus.NewRegistry()
	reg.MustRegister(g, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(reg, promhttp.HandlerOpts{MaxRequestsInFlight: 4, Timeout: 5 * time.Second}))
	srv := &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 5 * time.Second,
		WriteTimeout: 10 * time.Second, IdleTimeout: time.Minute, MaxHeaderBytes: 16 << 10}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		// Whatever ends it, the load goes on: only figures are missing, and the
		// scraper says so.
		if err := srv.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			_ = l.Close()
		}
	}()
	return func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_ = srv.Shutdown(ctx) // a scrape that is under way may be cut
		<-ended
	}, nil
}

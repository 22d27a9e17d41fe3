package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	resourcepb "go.opentelemetry.io/proto/otlp/resource/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"quorate/pipeline"
	"quorate/wire"
)

// Bounds of the way to a collector. What does not get there is counted and lost:
// traces are samples, and a collector that hangs must cost a replica nothing.
const (
	tracesWaitingMax = 512             // traces that wait to be sent
	tracesSentMax    = 128             // traces of one message
	tracesEvery      = time.Second     // and at most one message in that time
	tracesPatience   = 5 * time.Second // for one message
)

// tracesPath is where OTLP over HTTP takes traces, below an endpoint without path.
const tracesPath = "/v1/traces"

// exporter sends finished traces to a collector, on a goroutine of its own.
type exporter struct {
	run     *running
	url     string
	web     http.Client
	waiting chan pipeline.Trace

	sent, dropped atomic.Uint64
	failing       bool // the last message was not taken
}

// startTraces makes the tracer that the settings ask for, nil for none, and starts
// its way to the collector. stop sends what waits.
func (run *running) startTraces() (tracer *pipeline.Tracer, stop func()) {
	n, p := run.node, &run.node.settings.profile
	run.export = &exporter{run: run, web: http.Client{Timeout: tracesPatience}, waiting: make(chan pipeline.Trace, tracesWaitingMax)}
	var sink func(pipeline.Trace)
	stop = func() {}
	if p.OTLPEndpoint != "" && p.TraceSample > 0 {
		run.export.url = tracesURL(p.OTLPEndpoint)
		sink = run.export.offer
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan struct{})
		go func() {
			defer close(done)
			run.export.work(ctx)
		}()
		stop = func() {
			cancel()
			<-done
		}
	}
	return pipeline.NewTracer(p.TraceSample, wallClock, n.keys.Replica, n.genesis.Quorums().Primary, sink), stop
}

// wallClock is nanoseconds since 1970 UTC.
func wallClock() uint64 { return uint64(time.Now().UnixNano()) }

// tracesURL is an endpoint with the path that OTLP gives to traces, unless it has
// one. The settings have checked it.
func tracesURL(endpoint string) string {
	u, err := url.Parse(endpoint)
	if err == nil && strings.Trim(u.Path, "/") == "" {
		u.Path = tracesPath
		return u.String()
	}
	return endpoint
}

// offer takes a finished trace, unless too many wait.
func (e *exporter) offer(t pipeline.Trace) {
	select {
	case e.waiting <- t:
	default:
		e.dropped.Add(1)
	}
}

// work sends what waits until ctx ends, and then once more.
func (e *exporter) work(ctx context.Context) {
	tick := time.NewTicker(tracesEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			e.send(e.take())
			return
		case <-tick.C:
		}
		for batch := e.take(); len(batch) > 0 && ctx.Err() == nil; batch = e.take() {
			e.send(batch)
		}
	}
}

// take gives what waits, up to one message's worth.
func (e *exporter) take() (batch []pipeline.Trace) {
	for len(batch) < tracesSentMax {
		select {
		case t := <-e.waiting:
			batch = append(batch, t)
		default:
			return batch
		}
	}
	return batch
}

// send posts one message. It is not sent again; the log says when that begins and
// when it is over.
func (e *exporter) send(batch []pipeline.Trace) {
	if len(batch) == 0 {
		return
	}
	err := e.post(batch)
	if err != nil {
		e.dropped.Add(uint64(len(batch)))
	} else {
		e.sent.Add(uint64(len(batch)))
	}
	switch {
	case err != nil && !e.failing:
		e.run.log.Warn("traces are lost: the collector does not take them", "error", err)
	case err == nil && e.failing:
		e.run.log.Info("the collector takes traces again")
	}
	e.failing = err != nil
}

func (e *exporter) post(batch []pipeline.Trace) error {
	body, err := proto.Marshal(tracesData(batch, e.run.node.clusterID()))
	if err != nil {
		return err
	}
	res, err := e.web.Post(e.url, "application/x-protobuf", bytes.NewReader(body))
	if err != nil {
		return err
	}
	defer res.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(res.Body, controlBodyBytesMax)) // so that the connection is used again
	if res.StatusCode/100 != 2 {
		return fmt.Errorf("%s answers %s", e.url, res.Status)
	}
	return nil
}

// tracesData is traces as OTLP has them. ExportTraceServiceRequest, which OTLP
// names, has the same one field; its package would bring gRPC.
func tracesData(batch []pipeline.Trace, cluster string) *tracepb.TracesData {
	scope := &tracepb.ScopeSpans{Scope: &commonpb.InstrumentationScope{Name: "quorate", Version: version}}
	for i := range batch {
		scope.Spans = append(scope.Spans, spansOf(&batch[i])...)
	}
	return &tracepb.TracesData{ResourceSpans: []*tracepb.ResourceSpans{{
		Resource: &resourcepb.Resource{Attributes: []*commonpb.KeyValue{
			text("service.name", "quorate"), text("service.version", version),
			text("service.instance.id", fmt.Sprintf("%s/%d", cluster, batch[0].Replica)),
			text("quorate.cluster", cluster), number("quorate.replica", uint64(batch[0].Replica))}},
		ScopeSpans: []*tracepb.ScopeSpans{scope},
	}}}
}

// spansOf gives the spans of one trace: the request on this replica, and below it
// each stage. All replicas make one tree of it: ids follow from the request, and
// what the primary did is above what the others did for it.
func spansOf(t *pipeline.Trace) []*tracepb.Span {
	start, end := t.Whole()
	whole := &tracepb.Span{TraceId: traceID(t), SpanId: spanID(t, t.Replica, "request"), Name: "request", Kind: tracepb.Span_SPAN_KIND_SERVER,
		StartTimeUnixNano: start, EndTimeUnixNano: end, Attributes: []*commonpb.KeyValue{
			number("quorate.slot", uint64(t.Slot.Seq)), number("quorate.view", uint64(t.Slot.View)),
			number("quorate.replica", uint64(t.Replica)), number("quorate.primary", uint64(t.Primary))}}
	if t.Replica != t.Primary {
		whole.ParentSpanId, whole.Kind = spanID(t, t.Primary, "request"), tracepb.Span_SPAN_KIND_CONSUMER
	}
	out := []*tracepb.Span{whole}
	for _, s := range t.Spans() {
		out = append(out, &tracepb.Span{TraceId: whole.TraceId, SpanId: spanID(t, t.Replica, s.Name), ParentSpanId: whole.SpanId,
			Name: s.Name, Kind: tracepb.Span_SPAN_KIND_INTERNAL, StartTimeUnixNano: s.Start, EndTimeUnixNano: s.End,
			Attributes: []*commonpb.KeyValue{number("quorate.replica", uint64(t.Replica))}})
	}
	return out
}

// traceID is the same on all replicas: the request's digest, cut.
func traceID(t *pipeline.Trace) []byte { return t.Request[:16] }

// spanID can be computed by every replica for every other.
func spanID(t *pipeline.Trace, replica wire.ReplicaID, name string) []byte {
	sum := sha256.Sum256(fmt.Appendf(nil, "%x %d %s", t.Request, replica, name))
	return sum[:8]
}

func text(key, value string) *commonpb.KeyValue {
	return &commonpb.KeyValue{Key: key, Value: &commonpb.AnyValue{Value: &commonpb.AnyValue_StringValue{StringValue: value}}}
}

func number(key string, value uint64) *commonpb.KeyValue {
	return &commonpb.KeyValue{Key: key, Value: &commonpb.AnyValue{Value: &commonpb.AnyValue_IntValue{IntValue: int64(value)}}}
}

// shownTraces is the page /debug/traces.
type shownTraces struct {
	Replica wire.ReplicaID `json:"replica"`
	Cluster string         `json:"cluster"`
	Sample  int            `json:"trace_sample"` // one request in so many; 0: none
	Traces  []shownTrace   `json:"traces"`       // oldest first
}

type shownTrace struct {
	TraceID  string         `json:"trace_id"`
	Request  string         `json:"request"` // its digest
	Slot     wire.SeqNum    `json:"slot"`    // 0: in none yet
	View     wire.View      `json:"view"`
	Primary  wire.ReplicaID `json:"primary"`
	Start    string         `json:"start"` // RFC 3339, UTC
	Micros   uint64         `json:"micros"`
	Finished bool           `json:"finished"`
	Spans    []shownSpan    `json:"spans"`
}

type shownSpan struct {
	Name   string `json:"name"`
	After  uint64 `json:"after_micros"` // from the trace's start
	Micros uint64 `json:"micros"`
}

// showTraces answers with the traces that are kept, whose number has a bound.
func (run *running) showTraces(w http.ResponseWriter, _ *http.Request) {
	n := run.node
	page := shownTraces{Replica: n.keys.Replica, Cluster: n.clusterID(), Sample: n.settings.profile.TraceSample, Traces: []shownTrace{}}
	recent := run.tracer.Recent()
	for i := range recent {
		t := &recent[i]
		start, end := t.Whole()
		s := shownTrace{TraceID: hex.EncodeToString(traceID(t)), Request: hex.EncodeToString(t.Request[:]), Slot: t.Slot.Seq, View: t.Slot.View,
			Primary: t.Primary, Start: time.Unix(0, int64(start)).UTC().Format(time.RFC3339Nano), Micros: (end - start) / 1000, Finished: t.Finished, Spans: []shownSpan{}}
		for _, p := range t.Spans() {
			s.Spans = append(s.Spans, shownSpan{p.Name, (p.Start - start) / 1000, (p.End - p.Start) / 1000})
		}
		page.Traces = append(page.Traces, s)
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(page) // who does not read it has gone
}

// traceCounts gives the export's counts to Prometheus.
type traceCounts struct{ e *exporter }

var descTraces = prometheus.NewDesc("quorate_traces_total", "Traces of requests for the collector of otlp_endpoint, by result.", []string{"result"}, nil)

// Describe implements prometheus.Collector.
func (traceCounts) Describe(ch chan<- *prometheus.Desc) { ch <- descTraces }

// Collect implements prometheus.Collector.
func (c traceCounts) Collect(ch chan<- prometheus.Metric) {
	ch <- prometheus.MustNewConstMetric(descTraces, prometheus.CounterValue, float64(c.e.sent.Load()), "sent")
	ch <- prometheus.MustNewConstMetric(descTraces, prometheus.CounterValue, float64(c.e.dropped.Load()), "dropped")
}

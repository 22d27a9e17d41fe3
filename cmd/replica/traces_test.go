package main

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"quorate/pipeline"
	"quorate/wire"
)

// Aim: the way to a collector has a bound and costs the pipeline nothing, whatever
// the collector does; and ids of spans are what every replica computes. Method: an
// exporter without its goroutine, and a collector that refuses.

func newTestExporter(t *testing.T, url string) (*exporter, *bytes.Buffer) {
	t.Helper()
	dir := newCluster(t)
	n, err := loadNode(nodeDir(dir, 1), nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	run := &running{node: n, log: slog.New(slog.NewTextHandler(&log, nil))}
	return &exporter{run: run, url: url, waiting: make(chan pipeline.Trace, tracesWaitingMax)}, &log
}

func TestExportIsBounded(t *testing.T) {
	var status, asked atomic.Int64
	status.Store(http.StatusServiceUnavailable)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		w.WriteHeader(int(status.Load()))
	}))
	defer srv.Close()
	e, log := newTestExporter(t, srv.URL+tracesPath)
	for range tracesWaitingMax + 100 {
		e.offer(pipeline.Trace{})
	}
	if n := e.dropped.Load(); n != 100 {
		t.Errorf("%d dropped, want 100", n)
	}
	sizes := ""
	for batch := e.take(); len(batch) > 0; batch = e.take() {
		sizes += fmt.Sprint(len(batch), " ")
		e.send(batch)
	}
	if sizes != strings.Repeat("128 ", tracesWaitingMax/tracesSentMax) {
		t.Errorf("messages of %s", sizes)
	}
	if n := strings.Count(log.String(), "traces are lost"); n != 1 || e.dropped.Load() != tracesWaitingMax+100 {
		t.Errorf("%d lines, %d dropped: %s", n, e.dropped.Load(), log)
	}
	status.Store(http.StatusOK)
	e.send(make([]pipeline.Trace, 3))
	e.send(nil)
	if e.sent.Load() != 3 || asked.Load() != 5 || strings.Count(log.String(), "takes traces again") != 1 {
		t.Errorf("%d sent in %d messages: %s", e.sent.Load(), asked.Load(), log)
	}
}

func TestTracesURL(t *testing.T) {
	for in, want := range map[string]string{"http://127.0.0.1:4318": "http://127.0.0.1:4318/v1/traces", "https://c.example/": "https://c.example/v1/traces",
		"http://c/otlp/v1/traces": "http://c/otlp/v1/traces"} {
		if got := tracesURL(in); got != want {
			t.Errorf("%s: %s, want %s", in, got, want)
		}
	}
}

func TestSpanIDs(t *testing.T) {
	at1 := &pipeline.Trace{Request: wire.Digest{1, 2, 3}, Replica: 1, Primary: 0}
	at0 := &pipeline.Trace{Request: wire.Digest{1, 2, 3}, Replica: 0, Primary: 0}
	at0.At[pipeline.TraceProposed], at0.At[pipeline.TraceCommitted] = 10, 30
	mine, theirs := spansOf(at1), spansOf(at0)
	if !bytes.Equal(mine[0].ParentSpanId, theirs[0].SpanId) || !bytes.Equal(mine[0].TraceId, theirs[0].TraceId) || bytes.Equal(mine[0].SpanId, theirs[0].SpanId) {
		t.Errorf("%v is not below %v", mine[0], theirs[0])
	}
	if len(theirs) != 2 || theirs[1].Name != "commit" || theirs[1].StartTimeUnixNano != 10 || theirs[1].EndTimeUnixNano != 30 || len(theirs[0].ParentSpanId) != 0 {
		t.Errorf("%v", theirs)
	}
	// Golden: another build must compute the same, or trees fall apart while a
	// cluster is upgraded.
	if got := hex.EncodeToString(mine[0].SpanId); got != "ec9c7661e8cba841" {
		t.Error(got)
	}
}

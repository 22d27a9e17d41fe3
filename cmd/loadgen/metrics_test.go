package main

import (
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"
)

// Aim: a scrape shows the meter's own counters, they go on from one load of a
// sweep to the next, and docs/OPERATIONS.md has a line for each name.

func TestMetrics(t *testing.T) {
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := free.Addr().String()
	g := &gauges{}
	if _, err := serveMetrics(addr, g); err == nil || !strings.Contains(err.Error(), "free address") {
		t.Errorf("an address in use: %v", err)
	}
	_ = free.Close()
	stop, err := serveMetrics(addr, g)
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	first := newMeter()
	g.use(first, 5000)
	first.offered(70)
	first.answered(70, 0, 30*time.Millisecond)
	first.offered(5)
	first.failed(5, errors.New("?"))
	second := newMeter()
	g.use(second, 9000)
	second.offered(30)
	second.answered(30, 0, 3*time.Second)
	second.offered(30)
	resp, err := http.Get("http://" + addr + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(resp.Body)
	_ = resp.Body.Close()
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"quorate_loadgen_offered_payments_total 135", "quorate_loadgen_achieved_payments_total 100",
		`quorate_loadgen_errors_total{code="other"} 5`, `quorate_loadgen_latency_seconds_bucket{le="0.05"} 70`,
		`quorate_loadgen_latency_seconds_bucket{le="0.02"} 0`, "quorate_loadgen_latency_seconds_count 100",
		"quorate_loadgen_latency_seconds_sum 92.1", "quorate_loadgen_outstanding_requests 1", "quorate_loadgen_target_payments 9000",
	} {
		if !strings.Contains(string(text), want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	operations, err := os.ReadFile("../../docs/OPERATIONS.md")
	if err != nil {
		t.Fatal(err)
	}
	names := regexp.MustCompile(`(?m)^# TYPE (quorate_\w+)`).FindAllStringSubmatch(string(text), -1)
	if len(names) != 8 {
		t.Errorf("%d metrics: %v", len(names), names)
	}
	for _, name := range names {
		if !strings.Contains(string(operations), "| `"+name[1]+"` |") {
			t.Errorf("%s has no line in docs/OPERATIONS.md", name[1])
		}
	}
}

package main

// Aim: what deploy/logs gives to log shippers reads what a replica really logs.
// Method: each configuration must parse, and each field of ours that it names must
// stand in lines that a replica wrote in this test, at debug level and with Go's
// stacks at the end. An OpenTelemetry collector, where there is one, is run over
// that log, and each record that comes out is compared with its line. Fluent Bit
// and Filebeat are not in the registries that tests may use: theirs is the check of
// fields alone.

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	logspb "go.opentelemetry.io/proto/otlp/logs/v1"
	"go.yaml.in/yaml/v3"
	"google.golang.org/protobuf/proto"

	"quorate/pipeline"
)

const shippers = deployDir + "/logs"

// sampleLog is the log of a replica that was knocked at, ended by SIGQUIT: its
// JSON lines, and all of its lines.
func sampleLog(t *testing.T) (lines []map[string]any, all []string) {
	t.Helper()
	a := startAlone(t, "--log-level", "debug")
	a.knock()
	a.await("connection refused")
	a.await("cannot reach replica")
	lines = a.lines()
	_ = a.cmd.Process.Signal(syscall.SIGQUIT)
	_ = a.cmd.Wait()
	text, err := os.ReadFile(a.log)
	if err != nil {
		t.Fatal(err)
	}
	lines = nil
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSuffix(line, "\n")
		all = append(all, line)
		m := map[string]any{}
		if json.Unmarshal([]byte(line), &m) == nil {
			lines = append(lines, m)
		}
	}
	if len(lines) < 5 || len(all) < len(lines)+10 {
		t.Fatalf("%d lines, %d of them JSON", len(all), len(lines))
	}
	return lines, all
}

// ourFields finds in a configuration what it takes to be a field of a line.
var ourFields = map[string]*regexp.Regexp{
	"otelcol.yaml":    regexp.MustCompile(`attributes\.([a-z_]+)`),
	"fluent-bit.yaml": regexp.MustCompile(`time_key: ([a-z_]+)`),
	"filebeat.yml":    regexp.MustCompile(`quorate\.([a-z_]+)|message_key: ([a-z_]+)`),
}

func TestShippersNameRealFields(t *testing.T) {
	lines, _ := sampleLog(t)
	seen := map[string]bool{}
	for _, l := range lines {
		for name := range l {
			seen[name] = true
		}
	}
	for file, fields := range ourFields {
		text, err := os.ReadFile(filepath.Join(shippers, file))
		if err != nil {
			t.Fatal(err)
		}
		dec := yaml.NewDecoder(bytes.NewReader(text))
		dec.KnownFields(true)
		var doc, second map[string]any
		if err := dec.Decode(&doc); err != nil || len(doc) < 3 || dec.Decode(&second) != io.EOF {
			t.Errorf("%s: %v, %d keys", file, err, len(doc))
		}
		found := 0
		for _, m := range fields.FindAllStringSubmatch(string(text), -1) {
			name := strings.Join(m[1:], "")
			if found++; !seen[name] {
				t.Errorf("%s names %q, which no line of a replica has", file, name)
			}
		}
		if found == 0 {
			t.Errorf("%s names no field", file)
		}
		// Each layout of times must read a replica's.
		for _, m := range regexp.MustCompile(`'(2006[^']*)'`).FindAllStringSubmatch(string(text), -1) {
			if _, err := time.Parse(m[1], fmt.Sprint(lines[0]["time"])); err != nil {
				t.Errorf("%s: %v", file, err)
			}
		}
	}
}

// findCollector gives the binary of an OpenTelemetry collector or skips the test.
func findCollector(t *testing.T) string {
	t.Helper()
	if path := os.Getenv("OTELCOL"); path != "" {
		return path
	}
	path, err := exec.LookPath("otelcol")
	if err != nil {
		t.Skip("no otelcol in PATH or OTELCOL; deploy/logs/otelcol.sh builds one (minutes)")
	}
	return path
}

// store takes what a collector exports.
type store struct {
	mu      sync.Mutex
	records []*logspb.LogRecord
	owners  []map[string]any // attributes of each record's resource
	traces  int
}

// ServeHTTP takes logs, and counts messages of traces.
func (s *store) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	body, err := io.ReadAll(r.Body)
	var m logspb.LogsData
	switch {
	case r.URL.Path == tracesPath:
		s.traces++
	case err != nil || r.URL.Path != "/v1/logs" || proto.Unmarshal(body, &m) != nil:
		w.WriteHeader(http.StatusBadRequest)
	}
	for _, rl := range m.ResourceLogs {
		for _, sl := range rl.ScopeLogs {
			for _, rec := range sl.LogRecords {
				s.records = append(s.records, rec)
				s.owners = append(s.owners, valuesOf(rl.Resource.Attributes))
			}
		}
	}
}

// valuesOf gives attributes as encoding/json gives them.
func valuesOf(attrs []*commonpb.KeyValue) map[string]any {
	out := map[string]any{}
	for _, a := range attrs {
		switch v := a.Value.Value.(type) {
		case *commonpb.AnyValue_StringValue:
			out[a.Key] = v.StringValue
		case *commonpb.AnyValue_BoolValue:
			out[a.Key] = v.BoolValue
		case *commonpb.AnyValue_IntValue:
			out[a.Key] = float64(v.IntValue)
		case *commonpb.AnyValue_DoubleValue:
			out[a.Key] = v.DoubleValue
		default:
			out[a.Key] = fmt.Sprint(a.Value)
		}
	}
	return out
}

func TestShippersCollector(t *testing.T) {
	binary := findCollector(t)
	_, all := sampleLog(t)
	dir := t.TempDir()
	file := filepath.Join(dir, "replica.log")
	if err := os.WriteFile(file, []byte(strings.Join(all, "\n")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := &store{}
	srv := httptest.NewServer(s)
	defer srv.Close()
	listen, err := freePorts(1)
	if err != nil {
		t.Fatal(err)
	}
	config, err := filepath.Abs(filepath.Join(shippers, "otelcol.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	cmd := exec.Command(binary, "--config", config)
	cmd.Env = append(os.Environ(), "LOG_FILES="+file, "OTLP_ENDPOINT="+srv.URL, "OTLP_COMPRESSION=none", fmt.Sprintf("OTLP_LISTEN=127.0.0.1:%d", listen))
	cmd.Stdout, cmd.Stderr = &log, &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	want := 0 // the collector leaves empty lines out
	for _, line := range all {
		if strings.TrimSpace(line) != "" {
			want++
		}
	}
	come := func() int { s.mu.Lock(); defer s.mu.Unlock(); return len(s.records) }
	for range 1500 {
		if come() >= want {
			break
		}
		time.Sleep(20 * time.Millisecond)
	}
	e, _ := newTestExporter(t, fmt.Sprintf("http://127.0.0.1:%d%s", listen, tracesPath))
	e.send(make([]pipeline.Trace, 3))
	_ = cmd.Process.Signal(syscall.SIGTERM) // it sends what it has
	if err := <-ended; err != nil || come() != want {
		t.Fatalf("%v; %d records of %d lines; the collector says:\n%s", err, come(), want, log.String())
	}
	if e.sent.Load() != 3 || s.traces == 0 {
		t.Errorf("%d traces taken by the collector, %d messages of them passed on", e.sent.Load(), s.traces)
	}
	s.compare(t, all)
}

// compare holds each record against its line.
func (s *store) compare(t *testing.T, all []string) {
	t.Helper()
	byText := map[string]int{}
	for _, line := range all {
		byText[line]++
	}
	severities := map[string]logspb.SeverityNumber{"DEBUG": logspb.SeverityNumber_SEVERITY_NUMBER_DEBUG, "INFO": logspb.SeverityNumber_SEVERITY_NUMBER_INFO,
		"WARN": logspb.SeverityNumber_SEVERITY_NUMBER_WARN, "ERROR": logspb.SeverityNumber_SEVERITY_NUMBER_ERROR}
	parsed := 0
	for i, r := range s.records {
		if s.owners[i]["service.name"] != "quorate" {
			t.Errorf("record of %v", s.owners[i])
		}
		got := valuesOf(r.Attributes)
		delete(got, "log.file.name") // the receiver's own
		body := r.Body.GetStringValue()
		if r.SeverityNumber == 0 {
			if byText[strings.TrimRight(body, "\r\n")] == 0 && byText[body] == 0 || len(got) != 0 {
				t.Errorf("no line %q with %v", body, got)
			}
			continue
		}
		parsed++
		got["msg"], got["level"], got["time"] = body, r.SeverityText, time.Unix(0, int64(r.TimeUnixNano)).UTC().Format(time.RFC3339Nano)
		got["cluster"], got["replica"] = s.owners[i]["quorate.cluster"], s.owners[i]["quorate.replica"]
		if r.SeverityNumber != severities[r.SeverityText] {
			t.Errorf("%s is severity %v", r.SeverityText, r.SeverityNumber)
		}
		same := false
		for _, line := range all {
			want := map[string]any{}
			if json.Unmarshal([]byte(line), &want) != nil {
				continue
			}
			at, err := time.Parse(time.RFC3339Nano, fmt.Sprint(want["time"]))
			if err != nil {
				t.Fatal(err)
			}
			want["time"] = at.UTC().Format(time.RFC3339Nano)
			same = same || fmt.Sprint(want) == fmt.Sprint(got)
		}
		if !same {
			t.Errorf("no line has what this record has: %v", got)
		}
	}
	if parsed < 5 {
		t.Errorf("%d records of JSON lines", parsed)
	}
	t.Logf("%d records, %d of JSON lines", len(s.records), parsed)
}

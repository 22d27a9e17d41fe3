package main

// Aim: deploy/ speaks of what a replica really exports. Method: a replica is
// started as a process and scraped once; each selector of each rule, alert and
// dashboard must find a series there, labels and their values included.

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"
)

const deployDir, operations = "../../deploy", "../../docs/OPERATIONS.md"

// rule is one rule of a Prometheus rule file.
type rule struct {
	Record, Alert, Expr string
	Labels, Annotations map[string]string
}

func readRules(t *testing.T, name string) (rules []rule) {
	t.Helper()
	var file struct{ Groups []struct{ Rules []rule } }
	text, err := os.ReadFile(filepath.Join(deployDir, "prometheus", name))
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(text, &file); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	for _, g := range file.Groups {
		rules = append(rules, g.Rules...)
	}
	if len(rules) < 5 {
		t.Fatalf("%s: %d rules", name, len(rules))
	}
	return rules
}

// dashboard is what the test reads of a Grafana dashboard.
type dashboard struct {
	UID, Title string
	Panels     []struct {
		ID      int
		Title   string
		Targets []struct{ Expr string }
	}
}

func readDashboards(t *testing.T) map[string]dashboard {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(deployDir, "grafana", "dashboards", "*.json"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no dashboards: %v", err)
	}
	all := map[string]dashboard{}
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		var d dashboard
		if err := json.Unmarshal(text, &d); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		all[filepath.Base(name)] = d
	}
	return all
}

// scrape starts replica 0 of four and gives what its endpoint says. One replica
// alone exports every metric.
func scrape(t *testing.T) string {
	t.Helper()
	base, err := freePorts(3 * 4)
	if err != nil {
		t.Fatal(err)
	}
	dir := newCluster(t, "--base-port", strconv.Itoa(base), "--metrics-port", strconv.Itoa(base+8))
	var log bytes.Buffer
	cmd := exec.Command(binary, "start", "--dir", nodeDir(dir, 0))
	cmd.Stdout, cmd.Stderr = &log, &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	defer func() {
		_ = cmd.Process.Kill()
		<-ended
	}()
	for {
		select {
		case err := <-ended:
			ended <- err
			t.Fatalf("the replica ended: %v\n%s", err, log.String())
		case <-time.After(20 * time.Millisecond):
		}
		resp, err := http.Get(fmt.Sprintf("http://127.0.0.1:%d/metrics", base+8))
		if err != nil {
			continue // not open yet
		}
		text, err := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if err != nil || resp.StatusCode != http.StatusOK {
			t.Fatalf("%s: %v: %s", resp.Status, err, text)
		}
		return string(text)
	}
}

// series maps a name to the label sets it was exported with.
type series map[string][]string

var sample = regexp.MustCompile(`(?m)^([a-zA-Z_:][a-zA-Z0-9_:]*)(\{.*\})? \S+$`)

func parseSeries(text string) series {
	all := series{}
	for _, m := range sample.FindAllStringSubmatch(text, -1) {
		all[m[1]] = append(all[m[1]], m[2])
	}
	return all
}

var (
	grouping = regexp.MustCompile(`\b(by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)`)
	selector = regexp.MustCompile(`([a-zA-Z_:][a-zA-Z0-9_:]*)\s*(\{[^}]*\}|\()?`)
	window   = regexp.MustCompile(`\[[^\]]*\]`)
	matcher  = regexp.MustCompile(`([a-z]+)(=~|=|!=|!~)("[^"]*")`)
)

// unknown lists the selectors of an expression that find no series.
func (all series) unknown(expr string) (bad []string) {
	expr = window.ReplaceAllString(grouping.ReplaceAllString(expr, " "), " ")
	for _, m := range selector.FindAllStringSubmatch(expr, -1) {
		if m[2] == "(" || m[1] == "and" || m[1] == "or" || m[1] == "unless" || m[1] == "bool" || m[1] == "up" {
			continue // functions and operators; up is Prometheus's own
		}
		if !all.match(m[1], m[2]) {
			bad = append(bad, m[0])
		}
	}
	return bad
}

// match reports whether a series of that name has all labels. Prometheus itself
// adds job and instance, and a recording rule's labels are its own.
func (all series) match(name, labels string) bool {
	for _, have := range all[name] {
		ok := true
		for _, m := range matcher.FindAllStringSubmatch(labels, -1) {
			if m[1] == "job" || m[1] == "instance" {
				continue
			}
			want := m[1] + "="
			if m[2] == "=" {
				want += m[3]
			}
			ok = ok && strings.Contains(have, want)
		}
		if ok {
			return true
		}
	}
	return false
}

func TestDeployUsesRealMetrics(t *testing.T) {
	all := parseSeries(scrape(t))
	// The check itself: it must find what is wrong.
	for _, expr := range []string{"quorate_view_changes", `rate(quorate_commits_total{path="middle"}[1m])`, "sum by (job) (quorate_view) > max(quorate_views)"} {
		if all.unknown(expr) == nil {
			t.Errorf("nothing unknown in %s", expr)
		}
	}
	maps.Copy(all, loadgenSeries(t))
	recorded := readRules(t, "rules.yml")
	for _, r := range recorded {
		if bad := all.unknown(r.Expr); bad != nil {
			t.Errorf("%s: no replica exports %q", r.Record, bad)
		}
		all[r.Record] = []string{""}
	}
	for _, r := range readRules(t, "alerts.yml") {
		if bad := all.unknown(r.Expr); bad != nil {
			t.Errorf("%s: nothing exports or records %q", r.Alert, bad)
		}
	}
	documented, err := os.ReadFile(operations)
	if err != nil {
		t.Fatal(err)
	}
	for name, d := range readDashboards(t) {
		for _, p := range d.Panels {
			for _, target := range p.Targets {
				if bad := all.unknown(target.Expr); bad != nil {
					t.Errorf("%s: %s: nothing exports or records %q", name, p.Title, bad)
				}
			}
		}
	}
	for name := range all {
		name, _, _ = strings.Cut(name, "_bucket")
		name = strings.TrimSuffix(strings.TrimSuffix(name, "_sum"), "_count")
		if strings.HasPrefix(name, "quorate_loadgen_") {
			continue // documented by loadgen
		}
		if strings.HasPrefix(name, "quorate") && !bytes.Contains(documented, []byte("| `"+name+"` |")) {
			t.Errorf("%s has no line in docs/OPERATIONS.md", name)
		}
	}
}

var described = regexp.MustCompile(`prometheus\.NewDesc\("(quorate_loadgen_\w+)", ".*?", (nil|\[\]string\{"(\w+)"\})`)

// loadgenSeries reads what loadgen exports out of its source: it exports nothing
// without a cluster that it loads, which is bench/drill's business.
func loadgenSeries(t *testing.T) series {
	t.Helper()
	text, err := os.ReadFile("../loadgen/metrics.go")
	if err != nil {
		t.Fatal(err)
	}
	all := series{}
	for _, m := range described.FindAllStringSubmatch(string(text), -1) {
		labels := ""
		if m[3] != "" {
			labels = "{" + m[3] + `=""}`
		}
		all[m[1]] = []string{labels}
		if strings.HasSuffix(m[1], "_seconds") {
			all[m[1]+"_bucket"], all[m[1]+"_sum"], all[m[1]+"_count"] = []string{labels}, []string{labels}, []string{labels}
		}
	}
	if len(all) < 8 {
		t.Fatalf("loadgen exports %v", all)
	}
	return all
}

func TestDashboards(t *testing.T) {
	uids := map[string]string{}
	for name, d := range readDashboards(t) {
		if d.UID == "" || d.Title == "" || len(d.Panels) == 0 {
			t.Errorf("%s: uid %q, title %q, %d panels", name, d.UID, d.Title, len(d.Panels))
		}
		if other, twice := uids[d.UID]; twice {
			t.Errorf("%s and %s share the uid %s", name, other, d.UID)
		}
		uids[d.UID] = name
		ids := map[int]string{}
		for _, p := range d.Panels {
			if other, twice := ids[p.ID]; twice {
				t.Errorf("%s: %q and %q share the id %d", name, p.Title, other, p.ID)
			}
			ids[p.ID] = p.Title
			if len(p.Targets) == 0 {
				t.Errorf("%s: %q shows nothing", name, p.Title)
			}
		}
	}
}

func TestAlertsHaveRunbooks(t *testing.T) {
	text, err := os.ReadFile(operations)
	if err != nil {
		t.Fatal(err)
	}
	tests, err := os.ReadFile(filepath.Join(deployDir, "prometheus", "alerts_test.yml"))
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range readRules(t, "alerts.yml") {
		if s := r.Labels["severity"]; s != "critical" && s != "warning" {
			t.Errorf("%s: severity %q", r.Alert, s)
		}
		if r.Annotations["summary"] == "" {
			t.Errorf("%s: no summary", r.Alert)
		}
		if want := "docs/OPERATIONS.md#" + strings.ToLower(r.Alert); r.Annotations["runbook"] != want {
			t.Errorf("%s: runbook %q, want %q", r.Alert, r.Annotations["runbook"], want)
		}
		if !bytes.Contains(text, []byte("\n### "+r.Alert+"\n")) {
			t.Errorf("%s: docs/OPERATIONS.md has no section of that name", r.Alert)
		}
		fires := fmt.Sprintf("alertname: %s\n        exp_alerts:\n", r.Alert)
		clears := fmt.Sprintf("alertname: %s, exp_alerts: []", r.Alert)
		if !bytes.Contains(tests, []byte(fires)) || bytes.Count(tests, []byte(clears)) < 2 {
			t.Errorf("%s: alerts_test.yml does not show that it is quiet, fires and clears", r.Alert)
		}
	}
}

var typed = regexp.MustCompile(`(?m)^# TYPE (\S+) (\S+)$`)

// TestMetricNames holds every metric that a replica exports against the rules of
// names, whatever way of making it was taken, and their number against a bound.
func TestMetricNames(t *testing.T) {
	text := scrape(t)
	kinds := typed.FindAllStringSubmatch(text, -1)
	if len(kinds) < 50 {
		t.Fatalf("%d metrics", len(kinds))
	}
	for _, m := range kinds {
		name, kind := m[1], m[2]
		if !strings.HasPrefix(name, "quorate_") {
			continue // of the library
		}
		total := strings.HasSuffix(name, "_total")
		switch {
		case (kind == "counter") != total:
			t.Errorf("%s is a %s: counters and they alone end in _total", name, kind)
		case kind == "histogram" && !strings.HasSuffix(name, "_seconds") && !strings.HasPrefix(name, "quorate_batch_size_"):
			t.Errorf("%s: a histogram's name ends in its unit", name)
		}
	}
	// 536 when this was written. A label that grows with clients, accounts or
	// peers would show in the collector's own test; this is the whole of it.
	if n := len(sample.FindAllString(text, -1)); n > seriesMost {
		t.Errorf("%d series, at most %d are wanted: a scrape costs CPU for each", n, seriesMost)
	}
}

// seriesMost bounds what one replica of four exports.
const seriesMost = 600

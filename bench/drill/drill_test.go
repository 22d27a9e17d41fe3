package main

// Aim: the drill asks for everything that deploy/ ships and changes nothing else in
// it. Method: small texts with known results, and the shipped files themselves. The
// drill itself needs a Prometheus and minutes: make dashboards, make alert-drill.

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"quorate/bench/procs"
)

const shipped = "../../deploy"

func TestShorten(t *testing.T) {
	for in, want := range map[string]string{
		"        for: 10m\n":                  "        for: 40s\n",
		"        for: 5s\n":                   "        for: 1s\n",
		"expr: rate(a[5m]) / rate(b[1m])":     "expr: rate(a[20s]) / rate(b[5s])",
		"expr: increase(a[1h]) > 0":           "expr: increase(a[60s]) > 0",
		"record: quorate:a:rate1m":            "record: quorate:a:rate1m",
		"expr: a - time() < 14 * 86400":       "expr: a - time() < 14 * 86400",
		"# for: 10m in a comment stays as is": "# for: 10m in a comment stays as is",
	} {
		if got := shorten(in); got != want {
			t.Errorf("%q became %q, want %q", in, got, want)
		}
	}
	for _, name := range []string{"rules.yml", "alerts.yml"} {
		text, err := os.ReadFile(filepath.Join(shipped, "prometheus", name))
		if err != nil {
			t.Fatal(err)
		}
		short := shorten(string(text))
		if len(ranges.FindAllString(short, -1)) != len(ranges.FindAllString(string(text), -1)) || len(fors.FindAllString(short, -1)) != len(fors.FindAllString(string(text), -1)) {
			t.Errorf("%s: durations came or went", name)
		}
		if strings.Contains(name, "alerts") && len(fors.FindAllString(short, -1)) < 8 {
			t.Errorf("%s: few durations found", name)
		}
	}
}

func TestSelectors(t *testing.T) {
	got := selectors(`sum by (job, instance) (rate(quorate_rejects_total{job="quorate",code="overload"}[1m])) > on (job) quorate:a:rate1m{job="q"} and up == 1`)
	want := []string{`quorate:a:rate1m{job="q"}`, `quorate_rejects_total{job="quorate",code="overload"}`, "up"}
	if !slices.Equal(got, want) {
		t.Errorf("found %q, want %q", got, want)
	}
}

// TestEveryAlertIsStagedOrNamed: nothing is left out in silence.
func TestEveryAlertIsStagedOrNamed(t *testing.T) {
	rules, err := readRules(shipped, "alerts.yml")
	if err != nil {
		t.Fatal(err)
	}
	staged := map[string]bool{}
	for _, f := range (&bed{}).faults() {
		for _, a := range f.alerts {
			staged[a] = true
		}
		if f.stage == nil || f.heal == nil {
			t.Errorf("%s cannot be staged and healed", f.name)
		}
	}
	for _, r := range rules {
		if _, named := notStaged[r.Alert]; named == staged[r.Alert] {
			t.Errorf("%s: staged %v, named as not staged %v", r.Alert, staged[r.Alert], named)
		}
		delete(staged, r.Alert)
	}
	for a := range maps.Keys(staged) {
		t.Errorf("%s is staged and no alert", a)
	}
}

// TestFaultsEndWithoutAnyStatus: what keeps a fault up ends when it is told to, even
// if no replica answers.
func TestFaultsEndWithoutAnyStatus(t *testing.T) {
	b := &bed{Cluster: &procs.Cluster{}}
	if _, err := b.Status(0); err == nil {
		t.Fatal("a cluster of none answers")
	}
	done, over := make(chan struct{}), make(chan struct{})
	go func() {
		b.pausePrimaries(done)
		close(over)
	}()
	time.Sleep(10 * time.Millisecond)
	close(done)
	select {
	case <-over:
	case <-time.After(30 * time.Second):
		t.Fatal("primaries are paused for ever")
	}
}

// TestExpressions: every panel, rule and alert is asked for.
func TestExpressions(t *testing.T) {
	all, err := expressions(shipped)
	if err != nil {
		t.Fatal(err)
	}
	asked := map[string]bool{}
	for _, e := range all {
		asked[e.expr] = true
		if strings.HasSuffix(e.expr, aboveZero) && !strings.HasPrefix(e.where, "alert ") {
			t.Errorf("%s keeps its filter: %s", e.where, e.expr)
		}
	}
	for _, expr := range []string{"quorate:stage_headroom:ratio1m", "quorate_view", "sum by (code) (rate(quorate_rejects_total[1m]))", `quorate_amnesia{job="quorate"}`} {
		if !asked[expr] {
			t.Errorf("%s is not asked for", expr)
		}
	}
	if len(all) < 150 {
		t.Errorf("%d expressions", len(all))
	}
}

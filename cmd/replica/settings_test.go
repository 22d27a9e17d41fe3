package main

// Aim: flag > environment > file > profile > default, each value with its
// origin, and no misspelt name is passed over.
// Method: the layers in process, then once through the binary.

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"quorate/payments"
	"quorate/tuning"
	"quorate/wire"
)

// configDir makes a directory with this configuration.
func configDir(t *testing.T, text string) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, configFile), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestSettingsOrder(t *testing.T) {
	file := configDir(t, "# mine\nprofile: dev\ntick_micros: 2000\ngc_percent: 300\n")
	env := []string{"HOME=/x", "QUORATE_TICK_MICROS=3000", "QUORATE_PROFILE=latency"}
	flags := []given{{"tick_micros", "4000", "flag --tick-micros"}}
	latency, err := tuning.Named(tuning.Latency)
	if err != nil {
		t.Fatal(err)
	}
	rows := []struct {
		what               string
		dir                string
		env                []string
		flags              []given
		key, value, origin string
	}{
		{"default", t.TempDir(), nil, nil, "profile", "balanced", "default"},
		{"profile", t.TempDir(), nil, nil, "tick_micros", "5000", "profile balanced"},
		{"file over profile", file, nil, nil, "tick_micros", "2000", "line 3"},
		{"file's profile", file, nil, nil, "profile", "dev", "line 2"},
		{"environment over file", file, env, nil, "tick_micros", "3000", "environment QUORATE_TICK_MICROS"},
		{"environment's profile", file, env, nil, "profile", "latency", "environment QUORATE_PROFILE"},
		{"its values", file, env, nil, "batch_delay_micros", get(t, &latency, "batch_delay_micros"), "profile latency"},
		{"file over the environment's profile", file, env, nil, "gc_percent", "300", "line 4"},
		{"flag over all", file, env, flags, "tick_micros", "4000", "flag --tick-micros"},
	}
	for _, r := range rows {
		s, err := loadSettings(r.dir, r.env, r.flags)
		if err != nil {
			t.Errorf("%s: %v", r.what, err)
			continue
		}
		value := s.profileName
		if r.key != profileKey {
			value = get(t, &s.profile, r.key)
		}
		if value != r.value || !strings.HasSuffix(s.origins[r.key], r.origin) {
			t.Errorf("%s: %s from %q", r.what, value, s.origins[r.key])
		}
	}
}

func get(t *testing.T, p *tuning.Profile, key string) string {
	t.Helper()
	v, ok := p.Get(key)
	if !ok {
		t.Fatalf("no setting %s", key)
	}
	return v
}

func TestSettingsMistakes(t *testing.T) {
	rows := []struct{ what, file, env, want string }{
		{"unknown key", "profile: dev\ntick: 5\n", "", `line 2: unknown key "tick"`},
		{"duplicate key", "tick_micros: 2000\n\ntick_micros: 3000\n", "", "line 3: tick_micros stands twice, first in line 1"},
		{"no number", "tick_micros: 5ms\n", "", "line 1"},
		{"list", "tick_micros: [5000]\n", "", "line 1"},
		{"list on top", "- profile\n", "", "line 1"},
		{"two documents", "profile: dev\n---\nprofile: dev\n", "", "more than one YAML document"},
		{"syntax", "profile: 'dev\n", "", "correct the syntax"},
		{"unknown profile", "\nprofile: fast\n", "", "line 2"},
		{"unknown variable", "", "QUORATE_TICK_MICRO=5000", "QUORATE_TICK_MICRO is not a setting"},
		{"variable out of range", "", "QUORATE_TICK_MICROS=5", "environment QUORATE_TICK_MICROS"},
		{"together", "view_change_ticks: 10\n", "", "view_change_ticks 10"},
	}
	for _, r := range rows {
		dir := configDir(t, r.file)
		if _, err := loadSettings(dir, []string{r.env}, nil); err == nil || !strings.Contains(err.Error(), r.want) {
			t.Errorf("%s: got %v, want %q", r.what, err, r.want)
		}
	}
	for _, text := range []string{"", "# nothing\n", "{}\n"} {
		if _, err := loadSettings(configDir(t, text), nil, nil); err != nil {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestConfigCommand(t *testing.T) {
	node := filepath.Join(newCluster(t), "node-1")
	var rows []configRow
	got := replica(t, []string{"QUORATE_GC_PERCENT=150"}, "config", "--dir", node, "--show-origin", "--client-rate", "9", "-o", "json")
	got.want(t, exitOK)
	decode(t, got.stdout, &rows)
	want := map[string][2]string{
		"profile":      {"balanced", "config.yaml: line 4"},
		"metrics_addr": {"127.0.0.1:9465", "config.yaml: line 5"},
		"gc_percent":   {"150", "environment QUORATE_GC_PERCENT"},
		"client_rate":  {"9", "flag --client-rate"},
		"tick_micros":  {"5000", "profile balanced"},
	}
	if len(rows) != len(settingKeys()) {
		t.Errorf("%d rows for %d settings", len(rows), len(settingKeys()))
	}
	for _, r := range rows {
		if w, ok := want[r.Key]; ok && (r.Value != w[0] || !strings.HasSuffix(r.Origin, w[1])) {
			t.Errorf("%+v, want %v", r, w)
		}
	}
	table := replica(t, nil, "config", "--dir", node, "--show-origin", "--explain").stdout
	for _, word := range []string{"ORIGIN", "batch_events_max", "profile balanced", "line 5"} {
		if !strings.Contains(table, word) {
			t.Errorf("no %q in\n%s", word, table)
		}
	}
	replica(t, []string{"QUORATE_GC=150"}, "config").want(t, exitConfig, "QUORATE_GC is not a setting")
}

// TestLimitsAgree holds the ranges of tuning, which imports nothing, against the
// limits of the wire format.
func TestLimitsAgree(t *testing.T) {
	p, err := tuning.Named(tuning.Throughput)
	if err != nil {
		t.Fatal(err)
	}
	for key, limit := range map[string]string{
		"batch_bytes_max":     strconv.Itoa(wire.BatchBytesMax),
		"slots_in_flight_max": strconv.Itoa(wire.WindowMax),
		"batch_events_max":    strconv.Itoa(wire.BatchBytesMax / wire.EventBytes),
		// more than a session's window can never be under way
		"client_queue_requests": strconv.Itoa(payments.WindowSeqs),
	} {
		for _, row := range p.Explain() {
			if row.Key == key && row.Max != limit {
				t.Errorf("%s goes to %s, the wire format to %s", key, row.Max, limit)
			}
			if row.Key == "batch_events_max" && row.Min != strconv.Itoa(wire.EventsMax) {
				t.Errorf("a full request of %d events would not fit a batch of %s", wire.EventsMax, row.Min)
			}
		}
	}
	request := wire.Request{Body: make([]byte, wire.BodyBytesMax)}
	for _, row := range p.Explain() {
		if row.Key == "batch_bytes_max" && row.Min != strconv.Itoa(1<<20) || request.EncodedBytes()+wire.BatchFixedBytes > 1<<20 {
			t.Errorf("a full request of %d bytes does not fit the smallest batch", request.EncodedBytes())
		}
	}
}

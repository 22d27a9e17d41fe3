package tuning

// Aim: every setting is documented, in range and reachable by its key, and
// nothing outside its range gets in. Method: reflection over Profile against
// the table, then each row at both ends.

import (
	"errors"
	"reflect"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"testing"
)

// snake turns BatchEventsMax into batch_events_max, GCPercent into gc_percent.
func snake(name string) string {
	name = regexp.MustCompile(`([A-Z]+)([A-Z][a-z])`).ReplaceAllString(name, "${1}_$2")
	return strings.ToLower(regexp.MustCompile(`([a-z0-9])([A-Z])`).ReplaceAllString(name, "${1}_$2"))
}

// TestTable is invariant T1: the table has one row per field, by its name and
// at its place.
func TestTable(t *testing.T) {
	kind := reflect.TypeFor[Profile]()
	if kind.NumField() != len(Keys()) {
		t.Fatalf("%d fields, %d keys", kind.NumField(), len(Keys()))
	}
	for i, f := range numbers {
		if want := snake(kind.Field(i).Name); f.key != want {
			t.Errorf("row %d is %s, the field is %s", i, f.key, want)
		}
		var p Profile
		*f.at(&p) = 7
		if reflect.ValueOf(p).Field(i).Int() != 7 {
			t.Errorf("%s points at another field", f.key)
		}
		if f.unit == "" || len(f.reason) < 40 || f.min >= f.max {
			t.Errorf("%s lacks a unit, a reason or a range", f.key)
		}
	}
}

// TestNamed is invariant T2.
func TestNamed(t *testing.T) {
	for _, name := range Names() {
		p, err := Named(name)
		if err != nil {
			t.Fatal(err)
		}
		if err := p.Validate(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := Named("fast"); !errors.Is(err, ErrProfile) || !strings.Contains(err.Error(), Balanced) {
		t.Errorf("unknown profile: %v", err)
	}
}

func TestSetAndGet(t *testing.T) {
	p, err := Named(Balanced)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range numbers {
		for v, ok := range map[int]bool{f.min - 1: false, f.min: true, f.max: true, f.max + 1: false} {
			before, _ := p.Get(f.key)
			err := p.Set(f.key, strconv.Itoa(v))
			after, _ := p.Get(f.key)
			if ok && (err != nil || after != strconv.Itoa(v)) {
				t.Errorf("%s = %d: %v", f.key, v, err)
			}
			if !ok && (!errors.Is(err, ErrProfile) || after != before) {
				t.Errorf("%s = %d was taken: %v", f.key, v, err)
			}
		}
	}
	for _, kv := range [][2]string{{"tick_micros", "5ms"}, {"tick_micros", ""}, {"tick", "5000"}, {"batch_event_max", "1"}, {"metrics_addr", "9464"}, {"otlp_endpoint", "127.0.0.1:4318"}, {"otlp_endpoint", "ftp://x"}, {"otlp_endpoint", "http://user:secret@x"}, {"otlp_endpoint", "http://x?y=1"}, {"metrics_addr", "a:0"}, {"metrics_addr", "a:x"}} {
		if err := p.Set(kv[0], kv[1]); !errors.Is(err, ErrProfile) {
			t.Errorf("%s = %q: %v", kv[0], kv[1], err)
		}
	}
	if err := p.Set("batch_event_max", "1"); !strings.Contains(err.Error(), "batch_events_max") {
		t.Errorf("no likely name in: %v", err)
	}
	for _, addr := range []string{"", "127.0.0.1:1", "[::1]:9464"} {
		if err := p.Set("metrics_addr", addr); err != nil {
			t.Errorf("metrics_addr = %q: %v", addr, err)
		}
	}
}

func TestConsoleIsForLoopbackUnlessAsked(t *testing.T) {
	p, err := Named(Balanced)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		addr, mode string
		want       bool
	}{
		{"127.0.0.1:9464", ConsoleAuto, true}, {"[::1]:9464", ConsoleAuto, true}, {"localhost:9464", ConsoleAuto, true}, {"127.9.9.9:1", ConsoleAuto, true},
		{":9464", ConsoleAuto, false}, {"0.0.0.0:9464", ConsoleAuto, false}, {"[::]:9464", ConsoleAuto, false}, {"10.0.0.1:9464", ConsoleAuto, false},
		{"node1:9464", ConsoleAuto, false}, {"localhost.evil.example:9464", ConsoleAuto, false},
		{"10.0.0.1:9464", ConsoleOn, true}, {"127.0.0.1:9464", ConsoleOff, false}, {"", ConsoleOn, false},
	} {
		p.MetricsAddr, p.Console = c.addr, c.mode
		if got := p.ConsoleServed(); got != c.want {
			t.Errorf("metrics_addr %q, console %s: %v", c.addr, c.mode, got)
		}
	}
	for _, mode := range []string{"", "yes", "True", "auto "} {
		if err := p.Set("console", mode); !errors.Is(err, ErrProfile) || !strings.Contains(err.Error(), "console") {
			t.Errorf("console = %q: %v", mode, err)
		}
	}
}

func TestValidateTogether(t *testing.T) {
	rows := []struct {
		what   string
		change func(*Profile)
		want   string
	}{
		{"range", func(p *Profile) { p.TickMicros = 0 }, "tick_micros: 0 is outside"},
		{"no time for the slow path", func(p *Profile) { p.ViewChangeTicks = 2*p.FastPathWaitTicks - 1 }, "fast_path_wait_ticks"},
		{"cap below start", func(p *Profile) { p.ViewChangeTicksMax = p.ViewChangeTicks - 1 }, "view_change_ticks_max"},
		{"more eager than open", func(p *Profile) { p.BatchEagerSlots = p.SlotsInFlightMax + 1 }, "batch_eager_slots"},
		{"address", func(p *Profile) { p.MetricsAddr = "here" }, "metrics_addr"},
	}
	for _, r := range rows {
		p, err := Named(Balanced)
		if err != nil {
			t.Fatal(err)
		}
		r.change(&p)
		if err := p.Validate(); !errors.Is(err, ErrProfile) || !strings.Contains(err.Error(), r.want) {
			t.Errorf("%s: %v", r.what, err)
		}
	}
}

func TestExplain(t *testing.T) {
	p, err := Named(Latency)
	if err != nil {
		t.Fatal(err)
	}
	rows := p.Explain()
	if len(rows) != len(Keys()) {
		t.Fatalf("%d rows for %d settings", len(rows), len(Keys()))
	}
	for i, r := range rows {
		value, ok := p.Get(r.Key)
		if r.Key != Keys()[i] || !ok || value != r.Value || r.Unit == "" || r.Reason == "" {
			t.Errorf("row %d: %+v", i, r)
		}
	}
}

func TestThreads(t *testing.T) {
	rows := []struct{ set, cores, verify, sign int }{{0, 1, 1, 1}, {0, 2, 1, 1}, {0, 16, 8, 4}, {3, 16, 3, 3}}
	for _, r := range rows {
		p := Profile{VerifyWorkers: r.set, SignWorkers: r.set}
		if v, s := p.VerifyThreads(r.cores), p.SignThreads(r.cores); v != r.verify || s != r.sign {
			t.Errorf("%+v: verify %d, sign %d", r, v, s)
		}
	}
}

func TestDetectHost(t *testing.T) {
	h := DetectHost()
	if h.Cores < 1 || h.Arch != runtime.GOARCH || h.Features == nil {
		t.Errorf("%+v", h)
	}
}

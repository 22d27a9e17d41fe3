package oplog

// Aim: levels apply room by room and while lines are written; a peer cannot make
// the log grow beyond its budget, and what is left out is told. Method: a handler
// over a buffer, records with times of the test's own, and each line parsed back.

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"
)

var noon = time.Date(2030, 1, 1, 12, 0, 0, 0, time.UTC)

func newTestLog(t *testing.T) (*Log, *bytes.Buffer) {
	t.Helper()
	var buf bytes.Buffer
	return New(&buf, NewLevels("replica", "netio", "pipeline")), &buf
}

// say logs one line at a time of the test's choice.
func say(h slog.Handler, at time.Time, level slog.Level, msg string, attrs ...slog.Attr) {
	if !h.Enabled(context.Background(), level) {
		return
	}
	r := slog.NewRecord(at, level, msg, 0)
	r.AddAttrs(attrs...)
	_ = h.Handle(context.Background(), r)
}

func parse(t *testing.T, buf *bytes.Buffer) (lines []map[string]any) {
	t.Helper()
	for line := range bytes.Lines(buf.Bytes()) {
		m := map[string]any{}
		if err := json.Unmarshal(line, &m); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		lines = append(lines, m)
	}
	return lines
}

func TestLevels(t *testing.T) {
	log, buf := newTestLog(t)
	root := slog.New(log.Handler())
	netio, pipeline := root.With(RoomKey, "netio"), root.With("replica", 1).With(RoomKey, "pipeline")
	for _, step := range []struct {
		spec, after string
		want        string // which of root, netio, pipeline show a debug line
	}{
		{"debug", "debug", "rnp"}, {"info", "info", ""}, {"netio=debug", "info,netio=debug", "n"}, {"warn,pipeline=DEBUG", "warn,pipeline=debug", "p"},
		{"netio=debug, pipeline=error", "warn,netio=debug,pipeline=error", "n"}, {"netio=debug,info", "info", ""},
	} {
		if err := log.Levels().Set(step.spec); err != nil {
			t.Fatal(err)
		}
		if got := log.Levels().String(); got != step.after {
			t.Errorf("%s: levels are %s, want %s", step.spec, got, step.after)
		}
		buf.Reset()
		root.Debug("r")
		netio.Debug("n")
		pipeline.Debug("p")
		got := ""
		for _, l := range parse(t, buf) {
			got += l["msg"].(string)
		}
		if got != step.want {
			t.Errorf("%s: debug lines of %q, want %q", step.spec, got, step.want)
		}
	}
	before := log.Levels().String()
	for _, bad := range []string{"", "loud", "netio=", "disk=debug", "debug,", "debug;info", "netio=debug,x=info", strings.Repeat("debug,", 100) + "debug"} {
		if err := log.Levels().Set(bad); !errors.Is(err, ErrLevels) {
			t.Errorf("%q: %v", bad, err)
		}
	}
	if after := log.Levels().String(); after != before {
		t.Errorf("a refused specification changed %s to %s", before, after)
	}
}

// A liar repeats what makes a replica log, for a day, five times a
// second: the file has a bound, other peers' lines all pass, and the count of
// what was left out is whole.
func TestRepeatedLinesAreBounded(t *testing.T) {
	log, buf := newTestLog(t)
	h := log.Handler().WithAttrs([]slog.Attr{slog.Int("replica", 0)})
	const hours, perSecond = 24, 5
	said := 0
	for s := range hours * 3600 {
		for range perSecond {
			say(h, noon.Add(time.Duration(s)*time.Second), slog.LevelWarn, "bad share", slog.Int("peer", 3), slog.Int("seq", s))
			said++
		}
		if s%3600 == 0 {
			say(h, noon.Add(time.Duration(s)*time.Second), slog.LevelWarn, "bad share", slog.Int("peer", 2))
		}
	}
	honest, liar, told := 0, 0, 0
	for _, l := range parse(t, buf) {
		if l["peer"] == 2.0 {
			honest++
			continue
		}
		liar++
		if n, ok := l[SuppressedKey].(float64); ok {
			told += int(n)
		}
	}
	if honest != hours {
		t.Errorf("%d of %d lines about an honest peer", honest, hours)
	}
	if most := burst + hours*3600/10 + 1; liar > most || liar < most/2 {
		t.Errorf("%d lines of the liar, want about %d", liar, most)
	}
	left := log.Counts(func(string, uint64) {})
	if int(left) != said-liar {
		t.Errorf("%d left out by the count, %d in truth", left, said-liar)
	}
	if missing := int(left) - told; missing < 0 || missing > perSecond*10 {
		t.Errorf("%d left out, %d of them told in later lines", left, told)
	}
}

// A day of the worst a peer can do at debug level, and texts of any length.
func TestLinesHaveBounds(t *testing.T) {
	log, buf := newTestLog(t)
	if err := log.Levels().Set("debug"); err != nil {
		t.Fatal(err)
	}
	h := log.Handler()
	for i := range 10_000 {
		say(h, noon, slog.LevelDebug, "connection refused", slog.Any("error", fmt.Errorf("hello %d", i)))
	}
	if n := len(parse(t, buf)); n != debugBurst {
		t.Errorf("%d debug lines at once, want %d", n, debugBurst)
	}
	buf.Reset()
	long := strings.Repeat("é", 1<<20)
	say(h, noon, slog.LevelInfo, "long", slog.String("text", long), slog.Any("error", errors.New(long)))
	if lines := parse(t, buf); buf.Len() > 3*lineTextMax || len(lines[0]["text"].(string)) > lineTextMax+len("…") {
		t.Errorf("a line of %d bytes", buf.Len())
	}
	for i := range 2 * budgetsMax {
		say(h, noon, slog.LevelInfo, "up", slog.Int("peer", i))
	}
	if n := len(log.budget.of); n > budgetsMax+2 {
		t.Errorf("%d budgets, at most %d", n, budgetsMax)
	}
}

func TestCounts(t *testing.T) {
	log, _ := newTestLog(t)
	h := log.Handler()
	for _, level := range []slog.Level{slog.LevelDebug, slog.LevelInfo, slog.LevelInfo, slog.LevelWarn, slog.LevelError} {
		say(h, noon, level, "x")
	}
	got := ""
	log.Counts(func(level string, n uint64) { got += fmt.Sprint(level, n, " ") })
	if got != "debug0 info2 warn1 error1 " {
		t.Error(got)
	}
}

func TestQuietLinesCostNothing(t *testing.T) {
	log, _ := newTestLog(t)
	l := slog.New(log.Handler()).With(RoomKey, "pipeline")
	ctx := context.Background()
	if n := testing.AllocsPerRun(100, func() { l.LogAttrs(ctx, slog.LevelDebug, "checkpoint stable", slog.Uint64("seq", 1)) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestManyWriters(t *testing.T) {
	log, buf := newTestLog(t)
	var all sync.WaitGroup
	for w := range 8 {
		all.Go(func() {
			l := slog.New(log.Handler()).With(RoomKey, "netio", PeerKey, w)
			for range 200 {
				l.Info("up")
				_ = log.Levels().Set("netio=info")
			}
		})
	}
	all.Wait()
	left := log.Counts(func(string, uint64) {})
	if n := len(parse(t, buf)); n+int(left) != 1600 {
		t.Errorf("%d lines and %d left out of 1600", n, left)
	}
}

package console

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"testing"
	"unicode/utf8"

	"quorate/internal/oplog"
)

// Aim: the page sees the last changes of state whatever the log's level, and one
// kind of line pushes out no other. Method: a logger over a Recent.

func TestRecentRemembersBesideTheLog(t *testing.T) {
	var out bytes.Buffer
	r := NewRecent(nil)
	log := slog.New(r.Handler(slog.NewJSONHandler(&out, &slog.HandlerOptions{Level: slog.LevelWarn}))).With("replica", 2, "room", "pipeline", "extra", "x")
	log.Debug("no")
	log.Info("view entered", "view", 3)
	log.Warn("bad", "peer", 1, "long", strings.Repeat("y", 1000))
	lines := r.since(0)
	if len(lines) != 2 || lines[0].Text != "view entered" || lines[0].Attrs["view"] != "3" || lines[0].Attrs["extra"] != "x" || lines[0].Attrs["replica"] != "" ||
		lines[1].Level != "warn" || len(lines[1].Attrs["long"]) > lineBytesMax+4 || lines[1].Number != 2 {
		t.Errorf("%+v", lines)
	}
	if text := out.String(); strings.Contains(text, "view entered") || !strings.Contains(text, `"bad"`) || strings.Count(text, "\n") != 1 {
		t.Errorf("the log has %s", text)
	}
	if got := r.since(1); len(got) != 1 || got[0].Text != "bad" {
		t.Errorf("%+v", got)
	}
}

// A text is bounded in bytes, whatever its characters are, and none is torn.
func TestTextsAreCutInBytes(t *testing.T) {
	for _, c := range []string{"y", "é", "€", "😀", "\x80", "\xff"} {
		for shift := range 4 {
			s := strings.Repeat("y", shift) + strings.Repeat(c, 1000)
			got := cut(s)
			if body := strings.TrimSuffix(got, "…"); len(body) > lineBytesMax || len(body) < lineBytesMax-4 || body == got || !strings.HasPrefix(s, body) ||
				utf8.ValidString(s) != utf8.ValidString(body) {
				t.Errorf("%d and %q: %d bytes, %q", shift, c, len(got), got)
			}
		}
	}
	if s := strings.Repeat("y", lineBytesMax); cut(s) != s {
		t.Error("a text that fits is cut")
	}
}

// What G3 of oplog says of a replica with a console: debug lines below the level
// cost nothing, info lines are built.
func TestOnlyDebugLinesAreFree(t *testing.T) {
	levels := oplog.NewLevels("pipeline")
	if err := levels.Set("warn"); err != nil {
		t.Fatal(err)
	}
	log := slog.New(NewRecent(nil).Handler(oplog.New(io.Discard, levels).Handler())).With(oplog.RoomKey, "pipeline")
	cost := func(l slog.Level) float64 {
		return testing.AllocsPerRun(100, func() { log.LogAttrs(context.Background(), l, "checkpoint stable", slog.Uint64("seq", 1)) })
	}
	if debug, info := cost(slog.LevelDebug), cost(slog.LevelInfo); debug != 0 || info == 0 {
		t.Errorf("%v allocations for debug, %v for info", debug, info)
	}
}

func TestRecentIsBoundedByKind(t *testing.T) {
	r := NewRecent(nil)
	log := slog.New(r.Handler(slog.DiscardHandler))
	log.Info("rare")
	for i := range 1000 {
		log.Warn("bad share", "peer", 3, "seq", i)
	}
	log.Warn("bad share", "peer", 2)
	lines := r.since(0)
	if len(lines) != alikeMax+2 || lines[0].Text != "rare" || lines[alikeMax].Alike != 1000-alikeMax || lines[alikeMax].Attrs["seq"] != "999" || lines[1].Alike != 0 {
		t.Errorf("%d lines: %+v", len(lines), lines)
	}
	for i := range 1000 {
		log.Info(fmt.Sprintf("kind %d", i))
	}
	if lines := r.since(0); len(lines) != linesMax || lines[linesMax-1].Text != "kind 999" {
		t.Errorf("%d lines", len(lines))
	}
}

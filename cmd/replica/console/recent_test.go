package console

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"testing"
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

package oplog

import (
	"context"
	"io"
	"log/slog"
	"sync/atomic"
	"unicode/utf8"
)

// Names of attributes that this package reads or writes.
const (
	RoomKey       = "room"       // which part of the program speaks
	PeerKey       = "peer"       // whom a line is about
	SuppressedKey = "suppressed" // how many like it were left out before it
)

// lineTextMax bounds one text of a line, in bytes: an error's text may quote what
// a peer sent.
const lineTextMax = 1024

// Log is what the handlers of one process share.
type Log struct {
	levels *Levels
	budget *budgets
	lines  [4]atomic.Uint64 // written, by words
	left   atomic.Uint64    // left out
	next   slog.Handler
}

// New gives the log of a process; lines go to w, which must take several
// writers' calls one after another (the handler locks).
func New(w io.Writer, levels *Levels) *Log {
	l := &Log{levels: levels, budget: newBudgets()}
	// The level is decided in Enabled, room by room.
	l.next = slog.NewJSONHandler(w, &slog.HandlerOptions{Level: slog.LevelDebug, ReplaceAttr: shorten})
	return l
}

// Handler gives the handler of loggers that name no room yet.
func (l *Log) Handler() slog.Handler { return &handler{log: l, next: l.next, level: l.levels.other} }

// Levels are the levels that the log goes by.
func (l *Log) Levels() *Levels { return l.levels }

// Counts tells how many lines were written of each level and how many were left
// out since the start.
func (l *Log) Counts(fn func(level string, written uint64)) (suppressed uint64) {
	for i := range words {
		fn(words[i].word, l.lines[i].Load())
	}
	return l.left.Load()
}

// handler is a slog.Handler with attributes and a room.
type handler struct {
	log    *Log
	next   slog.Handler
	level  *atomic.Int64
	peer   string // as an attribute of the logger
	groups bool   // attributes stand in a group: none of them is a room or a peer
}

// Enabled implements slog.Handler.
func (h *handler) Enabled(_ context.Context, level slog.Level) bool {
	return int64(level) >= h.level.Load()
}

// WithAttrs implements slog.Handler; it takes the room from RoomKey.
func (h *handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	out := *h
	out.next = h.next.WithAttrs(attrs)
	for _, a := range attrs {
		if h.groups {
			break
		}
		switch a.Key {
		case RoomKey:
			if level := h.log.levels.of(a.Value.String()); level != nil {
				out.level = level
			}
		case PeerKey:
			out.peer = a.Value.String()
		}
	}
	return &out
}

// WithGroup implements slog.Handler.
func (h *handler) WithGroup(name string) slog.Handler {
	out := *h
	out.next, out.groups = h.next.WithGroup(name), h.groups || name != ""
	return &out
}

// Handle implements slog.Handler: it writes the line or counts it.
func (h *handler) Handle(ctx context.Context, r slog.Record) error {
	peer := h.peer
	r.Attrs(func(a slog.Attr) bool {
		if a.Key == PeerKey {
			peer = a.Value.String()
		}
		return true
	})
	held, ok := h.log.budget.take(r.Level, r.Message, peer, r.Time)
	if !ok {
		h.log.left.Add(1)
		return nil
	}
	if held > 0 {
		r = r.Clone()
		r.AddAttrs(slog.Uint64(SuppressedKey, held))
	}
	h.log.lines[row(r.Level)].Add(1)
	return h.next.Handle(ctx, r)
}

// row is the place of a level in words; what lies between counts as the lower.
func row(level slog.Level) int {
	at := 0
	for i := range words {
		if level >= words[i].level {
			at = i
		}
	}
	return at
}

// shorten cuts long texts.
func shorten(_ []string, a slog.Attr) slog.Attr {
	switch a.Value.Kind() {
	case slog.KindString:
		a.Value = slog.StringValue(cut(a.Value.String()))
	case slog.KindAny:
		if err, ok := a.Value.Any().(error); ok {
			a.Value = slog.StringValue(cut(err.Error()))
		}
	}
	return a
}

// cut gives at most lineTextMax bytes of s, whole characters.
func cut(s string) string {
	if len(s) <= lineTextMax {
		return s
	}
	at := lineTextMax
	for at > 0 && !utf8.RuneStart(s[at]) {
		at--
	}
	return s[:at] + "…"
}

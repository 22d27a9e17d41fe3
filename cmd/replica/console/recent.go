package console

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"
	"unicode/utf8"
)

// linesMax bounds the remembered lines, alikeMax those that say the same of the
// same replica: what one peer can have logged again and again pushes out no other
// kind of line.
const (
	linesMax = 128
	alikeMax = 8
)

// lineBytesMax bounds one attribute's text.
const lineBytesMax = 256

// line is one change of state, as the log has it.
type line struct {
	Number uint64            `json:"number"` // grows by one per line
	Time   string            `json:"time"`
	Level  string            `json:"level"` // info, warn, error
	Text   string            `json:"text"`
	Attrs  map[string]string `json:"attrs"`
	Alike  uint64            `json:"alike"` // older lines of its kind that gave way
	key    string
}

// Recent remembers the last lines of a log that are of level info or above. Any
// goroutine may use it.
type Recent struct {
	now   func() time.Time
	mu    sync.Mutex
	count uint64
	lines []line // oldest first
}

// NewRecent makes an empty one. now may be nil.
func NewRecent(now func() time.Time) *Recent {
	if now == nil {
		now = time.Now
	}
	return &Recent{now: now}
}

// Handler gives next all that it would get, and remembers a copy.
func (r *Recent) Handler(next slog.Handler) slog.Handler { return &remembering{to: r, next: next} }

// note adds a line of this package's own.
func (r *Recent) note(level slog.Level, text string, attrs ...slog.Attr) {
	r.add(r.now(), level, text, attrs)
}

func (r *Recent) add(at time.Time, level slog.Level, text string, attrs []slog.Attr) {
	l := line{Time: at.UTC().Format(time.RFC3339Nano), Level: levelName(level), Text: cut(text), Attrs: map[string]string{}}
	for _, a := range attrs {
		if a.Key != "replica" && a.Key != "cluster" && a.Key != "room" && len(l.Attrs) < 16 {
			l.Attrs[cut(a.Key)] = cut(a.Value.String())
		}
	}
	l.key = l.Text + "\x00" + l.Attrs["peer"]
	r.mu.Lock()
	defer r.mu.Unlock()
	r.count++
	l.Number = r.count
	var alike []int
	for i := range r.lines {
		if r.lines[i].key == l.key {
			alike = append(alike, i)
		}
	}
	if n := len(alike); n >= alikeMax {
		newest := &r.lines[alike[n-1]]
		l.Alike, newest.Alike = newest.Alike+1, 0 // the newest of a kind tells of those that are gone
		r.lines = slices.Delete(r.lines, alike[0], alike[0]+1)
	}
	if len(r.lines) >= linesMax {
		r.lines = slices.Delete(r.lines, 0, 1)
	}
	r.lines = append(r.lines, l)
}

// since gives the lines with a number above n, the oldest first.
func (r *Recent) since(n uint64) []line {
	r.mu.Lock()
	defer r.mu.Unlock()
	i := 0
	for i < len(r.lines) && r.lines[i].Number <= n {
		i++
	}
	return append([]line{}, r.lines[i:]...)
}

func levelName(l slog.Level) string {
	switch {
	case l >= slog.LevelError:
		return "error"
	case l >= slog.LevelWarn:
		return "warn"
	default:
		return "info"
	}
}

// cut gives at most lineBytesMax bytes of s, whole characters, and a sign that
// there was more.
func cut(s string) string {
	if len(s) <= lineBytesMax {
		return s
	}
	end := lineBytesMax
	for end > lineBytesMax-utf8.UTFMax && !utf8.RuneStart(s[end]) {
		end--
	}
	return s[:end] + "…"
}

// remembering is the slog.Handler of a Recent.
type remembering struct {
	to    *Recent
	next  slog.Handler
	attrs []slog.Attr
}

// Enabled implements slog.Handler: what is remembered does not hang on the level
// of the log. So a line of level info is always built, whatever the room's level,
// and costs its allocations (see oplog G3); one of level debug is not.
func (h *remembering) Enabled(ctx context.Context, l slog.Level) bool {
	return l >= slog.LevelInfo || h.next.Enabled(ctx, l)
}

// Handle implements slog.Handler.
func (h *remembering) Handle(ctx context.Context, r slog.Record) error {
	if r.Level >= slog.LevelInfo {
		attrs := slices.Clone(h.attrs)
		r.Attrs(func(a slog.Attr) bool {
			attrs = append(attrs, a)
			return true
		})
		h.to.add(r.Time, r.Level, r.Message, attrs)
	}
	if !h.next.Enabled(ctx, r.Level) {
		return nil
	}
	return h.next.Handle(ctx, r)
}

// WithAttrs implements slog.Handler.
func (h *remembering) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &remembering{h.to, h.next.WithAttrs(attrs), slices.Concat(h.attrs, attrs)}
}

// WithGroup implements slog.Handler; what is remembered has no groups.
func (h *remembering) WithGroup(name string) slog.Handler {
	return &remembering{h.to, h.next.WithGroup(name), h.attrs}
}

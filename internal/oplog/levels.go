package oplog

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
)

// ErrLevels says that a level specification is refused; nothing was changed.
var ErrLevels = errors.New("log level refused")

// specBytesMax bounds the text of a level specification.
const specBytesMax = 512

// words are the levels by the name that an operator types, lowest first.
var words = []struct {
	word  string
	level slog.Level
}{{"debug", slog.LevelDebug}, {"info", slog.LevelInfo}, {"warn", slog.LevelWarn}, {"error", slog.LevelError}}

// Levels are the level of every room. The rooms are fixed when it is made.
type Levels struct {
	rooms []string
	mu    sync.Mutex    // one Set at a time
	other *atomic.Int64 // of what names no room
	byRow []*atomic.Int64
}

// NewLevels gives levels of info for these rooms.
func NewLevels(rooms ...string) *Levels {
	l := &Levels{rooms: rooms, other: new(atomic.Int64)}
	for range rooms {
		l.byRow = append(l.byRow, new(atomic.Int64))
	}
	return l
}

// Set applies a specification: words divided by commas, each either a level,
// which all rooms get, or room=level. They apply from left to right, so
// "info,netio=debug" shows one room in detail. On ErrLevels nothing has changed.
func (l *Levels) Set(spec string) error {
	if len(spec) > specBytesMax {
		return fmt.Errorf("%w: %d bytes, at most %d", ErrLevels, len(spec), specBytesMax)
	}
	type step struct {
		to    *atomic.Int64 // nil: all
		level slog.Level
	}
	var steps []step
	for part := range strings.SplitSeq(spec, ",") {
		room, word, named := strings.Cut(strings.TrimSpace(part), "=")
		if !named {
			room, word = "", room
		}
		level, ok := levelOf(word)
		if !ok {
			return fmt.Errorf("%w: %q in %q: choose debug, info, warn or error", ErrLevels, word, spec)
		}
		s := step{level: level}
		if named {
			if s.to = l.of(room); s.to == nil {
				return fmt.Errorf("%w: there is no room %q in %q; rooms that log: %s", ErrLevels, room, spec, strings.Join(l.rooms, ", "))
			}
		}
		steps = append(steps, s)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, s := range steps {
		if s.to != nil {
			s.to.Store(int64(s.level))
			continue
		}
		l.other.Store(int64(s.level))
		for _, to := range l.byRow {
			to.Store(int64(s.level))
		}
	}
	return nil
}

// String gives the levels as Set reads them.
func (l *Levels) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	base := l.other.Load()
	out := wordOf(base)
	for i, at := range l.byRow {
		if v := at.Load(); v != base {
			out += "," + l.rooms[i] + "=" + wordOf(v)
		}
	}
	return out
}

// of is the level of a room, nil if there is no such room.
func (l *Levels) of(room string) *atomic.Int64 {
	if i := slices.Index(l.rooms, room); i >= 0 {
		return l.byRow[i]
	}
	return nil
}

func levelOf(word string) (slog.Level, bool) {
	for _, w := range words {
		if w.word == strings.ToLower(word) {
			return w.level, true
		}
	}
	return 0, false
}

func wordOf(level int64) string {
	for _, w := range words {
		if int64(w.level) == level {
			return w.word
		}
	}
	return slog.Level(level).String()
}

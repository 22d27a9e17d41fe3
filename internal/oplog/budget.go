package oplog

import (
	"log/slog"
	"sync"
	"time"
)

// The budget of one kind of line: burst at once, then one per pause. A state
// that changes a few times a minute for an hour is told in full; a peer that
// makes a replica say the same all day costs 8,640 lines. Debug is for looking at
// one room for a while, so its budget is a hundred times wider and still one.
const (
	burst      = 60
	pause      = 10 * time.Second
	debugBurst = 2000
	debugPause = 100 * time.Millisecond
)

// budgetsMax bounds the kinds of lines that are told apart; the rest share one
// budget. A kind is a message of our source and a peer, so a cluster of 255 with
// every line about every peer does not fit, and needs not.
const budgetsMax = 4096

// kind is what shares a budget.
type kind struct {
	message, peer string
	debug         bool
}

// budget is a generic cell rate: the time at which the burst would be whole
// again, and what was left out since the last line that passed.
type budget struct {
	whole time.Time
	held  uint64
}

type budgets struct {
	mu sync.Mutex
	of map[kind]*budget
}

func newBudgets() *budgets { return &budgets{of: make(map[kind]*budget)} }

// take takes one line out of its budget. It reports whether there was one, and
// how many lines of the kind were left out since the last that was.
func (b *budgets) take(level slog.Level, message, peer string, now time.Time) (held uint64, ok bool) {
	k := kind{message, peer, level < slog.LevelInfo}
	gap, many := pause, burst
	if k.debug {
		gap, many = debugPause, debugBurst
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	at := b.of[k]
	if at == nil {
		if len(b.of) >= budgetsMax {
			k.message, k.peer = "", ""
			at = b.of[k]
		}
		if at == nil {
			at = &budget{}
			b.of[k] = at
		}
	}
	if at.whole.Sub(now) > time.Duration(many-1)*gap {
		at.held++
		return 0, false
	}
	if at.whole.Before(now) {
		at.whole = now
	}
	at.whole = at.whole.Add(gap)
	held, at.held = at.held, 0
	return held, true
}

package main

import (
	"context"
	"fmt"
	"sync"
	"time"

	"quorate/client"
	"quorate/cmd/loadgen/outcome"
	"quorate/wire"
)

// watchEvery is how often each replica is asked where it stands: a handshake,
// some milliseconds of its processor.
const watchEvery = time.Second

// watcher asks replicas where they stand while a load runs, each on a goroutine
// of its own, so that one that hangs holds up no other.
type watcher struct {
	target *target
	log    *eventLog
	mu     sync.Mutex
	seen   []sighting // by replica, the first outcome.ReplicasShown
	view   wire.View  // the highest in which a replica was active
	any    bool
}

// sighting is what is known of one replica.
type sighting struct {
	status wire.NodeStatus
	up     bool // the last question was answered
	ever   bool
	fast   uint64 // commits at the last row
	slow   uint64
}

func newWatcher(t *target, log *eventLog) *watcher {
	return &watcher{target: t, log: log, seen: make([]sighting, min(len(t.genesis.Members), outcome.ReplicasShown))}
}

// run asks until ctx ends.
func (w *watcher) run(ctx context.Context) {
	var all sync.WaitGroup
	for i := range w.seen {
		all.Go(func() {
			for ctx.Err() == nil {
				w.ask(ctx, i)
				sleepUntil(ctx, time.Now().Add(watchEvery))
			}
		})
	}
	all.Wait()
}

// ask asks replica i once.
func (w *watcher) ask(ctx context.Context, i int) {
	limited, cancel := context.WithTimeout(ctx, 3*watchEvery)
	defer cancel()
	status, err := client.FetchStatus(limited, w.target.genesis, w.target.keys[0], wire.ReplicaID(i), w.target.options.Plaintext)
	if ctx.Err() != nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.note(i, status, err == nil)
}

// note takes an answer, or that there was none. mu is held.
func (w *watcher) note(i int, status wire.NodeStatus, up bool) {
	s := &w.seen[i]
	if s.ever && s.up != up {
		if up {
			w.log.add(eventSeen, fmt.Sprintf("replica %d answers again", i))
		} else {
			w.log.add(eventSeen, fmt.Sprintf("replica %d does not answer", i))
		}
	}
	if !up {
		s.up, s.ever = false, true
		return
	}
	if !s.ever || status.FastCommits < s.fast || status.SlowCommits < s.slow {
		s.fast, s.slow = status.FastCommits, status.SlowCommits // the first answer, or it started again
	}
	s.status, s.up, s.ever = status, true, true
	switch {
	case !status.Active:
	case !w.any:
		w.view, w.any = status.View, true
	case status.View > w.view:
		w.log.add(eventView, fmt.Sprintf("view %d→%d, primary %d", w.view, status.View, status.Primary))
		w.view = status.View
	}
}

// row gives what replicas said since the last row, and the share of slots that
// took the fast path among those committed since, or −1.
func (w *watcher) row() (rows []outcome.ReplicaRow, fastPath float64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	var fast, slow uint64
	for i := range w.seen {
		s := &w.seen[i]
		r := outcome.ReplicaRow{Up: s.up, View: uint64(s.status.View), Primary: uint16(s.status.Primary)}
		if s.up {
			r.Fast, r.Slow = s.status.FastCommits-s.fast, s.status.SlowCommits-s.slow
			s.fast, s.slow = s.status.FastCommits, s.status.SlowCommits
		}
		fast, slow = fast+r.Fast, slow+r.Slow
		rows = append(rows, r)
	}
	if fast+slow == 0 {
		return rows, -1
	}
	return rows, float64(fast) / float64(fast+slow)
}

// Kinds of events.
const (
	eventChaos = "chaos" // done by us
	eventView  = "view"  // the cluster changed its view
	eventSeen  = "seen"  // a replica came or went
)

// eventsKept bounds the events of a run; later ones are counted in the last.
const eventsKept = 1000

// eventLog remembers what happened and when. Any goroutine may call it.
type eventLog struct {
	mu     sync.Mutex
	start  time.Time
	all    []outcome.Event
	fresh  []outcome.Event // since the last row
	missed int
}

// begin sets the start, from which times count.
func (l *eventLog) begin(start time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.start = start
}

// add notes what happens now.
func (l *eventLog) add(kind, text string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	at := 0.0
	if !l.start.IsZero() {
		at = time.Since(l.start).Seconds()
	}
	e := outcome.Event{At: at, Kind: kind, Text: text}
	if len(l.fresh) < eventsKept {
		l.fresh = append(l.fresh, e)
	}
	if len(l.all) < eventsKept {
		l.all = append(l.all, e)
		return
	}
	l.missed++
	l.all[eventsKept-1] = outcome.Event{At: at, Kind: kind, Text: fmt.Sprintf("%d more, the last: %s", l.missed+1, text)}
}

// row gives what happened since the last row.
func (l *eventLog) row() []outcome.Event {
	l.mu.Lock()
	defer l.mu.Unlock()
	fresh := l.fresh
	l.fresh = nil
	return fresh
}

// list gives all.
func (l *eventLog) list() []outcome.Event {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]outcome.Event(nil), l.all...)
}

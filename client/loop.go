package client

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"quorate/wire"
)

// eventKind says what an event brings to the loop.
type eventKind uint8

const (
	eventSubmit  eventKind = iota + 1 // ctx, op, body, done, seq
	eventPrune                        // a submit's ctx ended
	eventOutcome                      // number, done
	eventAbandon                      // number, call
	eventCall                         // call
	eventUp                           // replica
	eventDown                         // replica
	eventFrame                        // replica, frame
	eventRefused                      // replica, err: a dial failed
)

// event is one input of the loop.
type event struct {
	kind    eventKind
	replica wire.ReplicaID
	frame   frame
	ctx     context.Context // ends the waiting for a seq
	op      wire.Op
	body    []byte
	number  uint64
	done    func(Result)
	seq     chan uint64 // takes the chosen seq; nil if nobody asks
	call    func(*Session)
	err     error
}

// loop owns the session and all that belongs to it; run is its one goroutine.
type loop struct {
	client  *Client
	session *Session
	out     []Output

	waiting   map[uint64]func(Result) // by seq
	abandoned map[uint64]bool         // outstanding, and its caller has left
	kept      map[uint64]Result       // results of abandoned requests
	queued    []event                 // submits that wait for the oldest seq; at most a window
	ready     chan error              // takes one value when the client can be used or never will

	mu     sync.Mutex
	failed map[wire.ReplicaID]error // last reason of each replica that is down
	opened bool
}

func newLoop(c *Client, s *Session) *loop {
	return &loop{
		client: c, session: s,
		waiting: map[uint64]func(Result){}, abandoned: map[uint64]bool{}, kept: map[uint64]Result{},
		ready: make(chan error, 1), failed: map[wire.ReplicaID]error{},
	}
}

// run steps the session until ctx ends.
func (l *loop) run(ctx context.Context) {
	defer l.end()
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		if at, ok := l.session.NextTick(); ok {
			timer.Reset(max(at-l.client.now(), 0))
		}
		select {
		case e := <-l.client.events:
			l.take(e)
			for range len(l.client.events) { // what came in one burst shares one timer
				l.take(<-l.client.events)
			}
		case <-timer.C:
			l.perform(l.session.Tick(l.client.now(), l.out[:0]))
		case <-ctx.Done():
			return
		}
	}
}

// take steps the session with one event.
func (l *loop) take(e event) {
	now := l.client.now()
	switch e.kind {
	case eventSubmit:
		l.queued = append(l.queued, e)
		l.flush()
	case eventOutcome:
		l.outcome(e)
	case eventAbandon:
		if l.waiting[e.number] != nil {
			l.abandoned[e.number] = true
		}
		e.call(l.session)
	case eventPrune:
		l.prune()
	case eventCall:
		e.call(l.session)
	case eventUp:
		l.opening(e.replica)
		l.perform(l.session.LinkUp(now, e.replica, l.out[:0]))
	case eventDown:
		l.note(e.replica, fmt.Errorf("%w: replica %d closed the connection", ErrLink, e.replica))
		l.perform(l.session.LinkDown(now, e.replica, l.out[:0]))
	case eventFrame:
		l.perform(l.session.Receive(now, e.replica, e.frame.kind, e.frame.body, l.out[:0]))
	case eventRefused:
		l.note(e.replica, e.err)
		l.refusals()
	}
}

// flush submits what waits while the window has room.
func (l *loop) flush() {
	for len(l.queued) > 0 && l.session.Free() {
		e := l.queued[0]
		l.queued = l.queued[1:]
		seq, out, err := l.session.Submit(l.client.now(), e.op, e.body, 0, l.out[:0])
		if err != nil { // Free and the length were checked
			panic("assert: client: submit: " + err.Error())
		}
		l.waiting[seq] = e.done
		if e.seq != nil {
			e.seq <- seq
		}
		l.perform(out)
	}
}

// prune gives up queued submits whose callers no longer wait.
func (l *loop) prune() {
	l.queued = slices.DeleteFunc(l.queued, func(e event) bool {
		if e.ctx.Err() == nil {
			return false
		}
		<-l.client.slots
		e.done(Result{Err: fmt.Errorf("%w: %w", ErrNotSent, context.Cause(e.ctx))})
		return true
	})
}

// perform does what the session asked for.
func (l *loop) perform(out []Output) {
	finished := false
	for i := range out {
		switch o := &out[i]; o.Kind {
		case OutputSend:
			l.client.links[o.Replica].send(frame{o.FrameKind, o.Body})
		case OutputDrop:
			l.client.links[o.Replica].drop()
		case OutputDone:
			l.deliver(o.Result)
			finished = true
		}
	}
	clear(out) // no result must live on in the scratch slice
	l.out = out[:0]
	if finished {
		l.flush()
	}
}

// deliver hands a result to its caller, or keeps it if the caller has left.
func (l *loop) deliver(r Result) {
	seq := r.Request.Seq
	done := l.waiting[seq]
	delete(l.waiting, seq)
	<-l.client.slots
	if l.abandoned[seq] {
		delete(l.abandoned, seq)
		l.keep(r)
	}
	done(r)
}

// keep remembers a result for Outcome, the last WindowMax of them.
func (l *loop) keep(r Result) {
	l.kept[r.Request.Seq] = r
	if len(l.kept) <= WindowMax {
		return
	}
	lowest := r.Request.Seq
	for seq := range l.kept {
		lowest = min(lowest, seq)
	}
	delete(l.kept, lowest)
}

// outcome answers from what is kept, or waits on.
func (l *loop) outcome(e event) {
	if r, ok := l.kept[e.number]; ok {
		delete(l.kept, e.number)
		e.done(r)
		return
	}
	first := l.waiting[e.number]
	if first == nil {
		e.done(Result{Err: &UnknownError{Seq: e.number, Cause: errors.New("this client does not know the request")}})
		return
	}
	delete(l.abandoned, e.number)
	l.waiting[e.number] = func(r Result) { first(r); e.done(r) }
}

// opening notes the first link.
func (l *loop) opening(r wire.ReplicaID) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.failed, r)
	if !l.opened {
		l.opened = true
		l.ready <- nil
	}
}

func (l *loop) note(r wire.ReplicaID, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.failed[r] = err
}

// refusals ends the dial when f+1 replicas say the same of this client, and it is
// something that no later state changes.
func (l *loop) refusals() {
	l.mu.Lock()
	defer l.mu.Unlock()
	count := map[wire.RejectCode]int{}
	for _, err := range l.failed {
		var refused *RefusedError
		if !errors.As(err, &refused) || refused.Code.Retry() != wire.RetryNever {
			continue
		}
		count[refused.Code]++
		if !l.opened && count[refused.Code] > l.session.cfg.Quorums.F {
			l.opened = true
			l.ready <- refused
		}
	}
}

// reasons joins why replicas are not connected. Any goroutine may call it.
func (l *loop) reasons() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	var all []error
	for i := range l.client.links {
		if err := l.failed[wire.ReplicaID(i)]; err != nil {
			all = append(all, err)
		}
	}
	return errors.Join(all...)
}

// end tells everyone who waits that nothing more will come.
func (l *loop) end() {
	close(l.client.done) // frees whoever posts
	l.client.gate.Lock()
	l.client.ended = true
	l.client.gate.Unlock()
	for seq, done := range l.waiting {
		done(Result{Request: wire.Request{Client: l.client.keys.ID, Seq: seq}, Err: &UnknownError{Seq: seq, Cause: ErrClosed}})
	}
	for len(l.client.events) > 0 {
		l.queued = append(l.queued, <-l.client.events)
	}
	for _, e := range l.queued {
		switch e.kind {
		case eventSubmit:
			e.done(Result{Err: fmt.Errorf("%w: %w", ErrNotSent, ErrClosed)})
		case eventOutcome:
			e.done(Result{Err: &UnknownError{Seq: e.number, Cause: ErrClosed}})
		}
	}
}

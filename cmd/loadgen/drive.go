package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"quorate/client"
	"quorate/cmd/loadgen/chaos"
	"quorate/cmd/loadgen/outcome"
	"quorate/payments"
	"quorate/wire"
)

// driver sends a synthetic load.
type driver struct {
	target   *target
	gen      *generator
	meter    *meter
	book     *book
	receipts *receiptBox
	log      *eventLog
	watch    *watcher
	chaos    *chaos.Runner // nil: nothing is done to replicas
	failed   error         // of chaos
	series   outcome.Series
	table    *outcome.Table // nil: no files
	bodies   sync.Pool      // of *[]byte
	start    time.Time
	began    time.Time // the same, by the wall
	fault    error     // of the table
}

// job is one batch and when it is meant to leave, from the start.
type job struct {
	batch uint64
	at    time.Duration
}

// open drives at a schedule for duration. Invariant L1: the schedule never
// waits for answers; what finds every client's window full waits in jobs, and
// what did not leave by the end is counted as dropped.
func (d *driver) open(ctx context.Context, s *schedule, duration time.Duration) {
	ctx, cancel := context.WithDeadline(ctx, d.start.Add(duration))
	defer cancel()
	// One window per client may wait; behind that the scheduler waits itself,
	// which delays nothing: times come from the schedule.
	jobs := make(chan job, client.WindowMax*len(d.target.clients))
	var senders sync.WaitGroup
	for i := range d.target.clients {
		senders.Go(func() {
			for j := range jobs {
				d.send(ctx, i, j)
			}
		})
	}
	batch := uint64(0)
	j := job{batch, s.take()}
	for ; j.at < duration; j = (job{batch, s.take()}) {
		if !sleepUntil(ctx, d.start.Add(j.at)) {
			break
		}
		d.meter.offered(d.gen.events)
		select {
		case jobs <- j:
		case <-ctx.Done():
			d.drop()
		}
		batch++
	}
	for ; j.at < duration && !d.interrupted(ctx); j.at = s.take() {
		d.meter.offered(d.gen.events)
		d.drop()
	}
	close(jobs)
	senders.Wait()
}

// interrupted tells the end of the run from a signal.
func (d *driver) interrupted(ctx context.Context) bool {
	return errors.Is(ctx.Err(), context.Canceled)
}

func (d *driver) drop() { d.meter.dropped(d.gen.events) }

// sleepUntil reports whether the time came before ctx ended.
func sleepUntil(ctx context.Context, at time.Time) bool {
	pause := time.Until(at)
	if pause <= 0 {
		return ctx.Err() == nil
	}
	t := time.NewTimer(pause)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// closed drives as fast as answers come, with outstanding requests in flight,
// spread evenly over the clients.
func (d *driver) closed(ctx context.Context, outstanding int, duration time.Duration) {
	ctx, cancel := context.WithDeadline(ctx, d.start.Add(duration))
	defer cancel()
	var next atomic.Uint64
	var all sync.WaitGroup
	for k := range outstanding {
		i := k % len(d.target.clients)
		all.Go(func() {
			for ctx.Err() == nil {
				j := job{next.Add(1) - 1, time.Since(d.start)}
				d.meter.offered(d.gen.events)
				answered := make(chan struct{})
				d.sendThen(ctx, i, j, func() { close(answered) })
				select {
				case <-answered:
				case <-ctx.Done():
				}
			}
		})
	}
	all.Wait()
}

func (d *driver) send(ctx context.Context, i int, j job) { d.sendThen(ctx, i, j, func() {}) }

// sendThen makes and sends one batch; then runs when its fate is known.
func (d *driver) sendThen(ctx context.Context, i int, j job, then func()) {
	if ctx.Err() != nil {
		d.drop()
		then()
		return
	}
	buf, _ := d.bodies.Get().(*[]byte)
	if buf == nil {
		buf = new([]byte)
	}
	*buf = d.gen.fill(*buf, j.batch)
	d.book.sent()
	err := d.target.clients[i].Submit(ctx, d.gen.op(), *buf, func(r client.Result) {
		d.answer(j, r)
		d.bodies.Put(buf)
		then()
	})
	if err != nil {
		d.book.end(j.batch, fateUnsent, 0, 0)
		d.drop()
		then()
		return
	}
	if time.Since(d.start)-j.at > lateAfter {
		d.meter.add(func(c *counts) { c.Late += uint64(d.gen.events) })
	}
}

// answer takes the end of one batch, on its client's loop.
func (d *driver) answer(j job, r client.Result) {
	n := d.gen.events
	switch {
	case r.Err == nil:
		body := eventsOf(&r.Request)
		acked, unexpected, err := judge(body, r.Reply.Result)
		if err != nil {
			d.meter.failed(n, fmt.Errorf("%w: %w", errBadResult, err))
			d.book.end(j.batch, fateRefused, 0, n)
			return
		}
		d.meter.answered(n, unexpected, time.Since(d.start)-j.at)
		if unexpected > 0 {
			d.meter.blame(unexpectedCodes(body, r.Reply.Result))
		}
		// Before the book: when nothing is outstanding any more the box is closed.
		d.receipts.offer(r)
		d.book.end(j.batch, fateAcked, acked, unexpected)
	case errors.Is(r.Err, client.ErrNotSent):
		d.drop()
		d.book.end(j.batch, fateUnsent, 0, 0)
	case errors.Is(r.Err, client.ErrOutcomeUnknown):
		d.meter.unknown(n, r.Err)
		d.book.end(j.batch, fateUnknown, 0, 0)
	default:
		d.meter.failed(n, r.Err)
		d.book.end(j.batch, fateRefused, 0, 0)
	}
}

// eventsOf gives the transfers of a request without their seals.
func eventsOf(q *wire.Request) []byte {
	return q.Body[:q.Op.Events(len(q.Body))*wire.EventBytes]
}

// judge compares a proven result with what the body must give.
func judge(body, result []byte) (acked, unexpected int, err error) {
	codes, err := payments.DecodeCodes(nil, result)
	if err != nil {
		return 0, 0, err
	}
	want := expected(make([]uint32, 0, len(codes)), body)
	if len(codes) != len(want) {
		return 0, 0, errors.New("result has another length than its request")
	}
	for i := range codes {
		if codes[i] == uint32(payments.TransferOK) {
			acked++
		}
		if codes[i] != want[i] {
			unexpected++
		}
	}
	return acked, unexpected, nil
}

// unexpectedCodes counts the codes of a proven result that are not what the body
// must give. It is for what judge found.
func unexpectedCodes(body, result []byte) map[string]int {
	codes, err := payments.DecodeCodes(nil, result)
	if err != nil {
		return nil
	}
	want, out := expected(nil, body), map[string]int{}
	for i := range codes {
		if codes[i] != want[i] {
			out["result_"+payments.TransferCode(codes[i]).String()]++
		}
	}
	return out
}

// drain waits for what is outstanding, at most for limit, and resolves the rest:
// each client with unanswered requests begins a new session, behind which the
// old requests cannot be executed any more, so that looking them up is final.
func (d *driver) drain(ctx context.Context, limit, connect time.Duration) error {
	if settled := d.book.wait(); settled != nil {
		select {
		case <-settled:
		case <-time.After(limit):
		case <-ctx.Done():
		}
	}
	if d.book.wait() == nil && !d.book.unanswered() {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, connect)
	defer cancel()
	for i := range d.target.clients {
		if err := d.target.redial(ctx, i); err != nil {
			return err
		}
	}
	for _, b := range d.book.take() {
		events := d.wanted(b)
		found, err := d.target.lookup(ctx, int(b%uint64(len(d.target.clients))), events[:min(len(events), lookupMax)])
		if err != nil {
			return err
		}
		// A request is executed whole or not at all: a part of it tells.
		d.book.resolve(len(found) > 0, len(events))
	}
	return nil
}

// wanted gives the transfers of batch b that must exist if it was executed.
func (d *driver) wanted(b uint64) []payments.Transfer {
	body := d.gen.transfers(nil, b)
	codes := expected(nil, body)
	events := make([]payments.Transfer, 0, len(codes))
	for i, code := range codes {
		if code != uint32(payments.TransferOK) {
			continue
		}
		var t payments.Transfer
		if err := t.Decode(body[i*wire.EventBytes : (i+1)*wire.EventBytes]); err != nil {
			panic("assert: loadgen: own event: " + err.Error())
		}
		events = append(events, t)
	}
	return events
}

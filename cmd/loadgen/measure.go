package main

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"quorate/payments"
)

// load is what a driver is to offer.
type load struct {
	plan        *schedule // nil: a closed loop
	outstanding int       // requests that the closed loop keeps in flight
	duration    time.Duration
	warmup      time.Duration
}

// measure offers the load and shows each second.
func (d *driver) measure(ctx context.Context, l *load, show *live) {
	aside, stop := context.WithCancel(ctx)
	defer stop()
	d.start, d.began = time.Now(), time.Now()
	d.log.begin(d.start)
	var beside sync.WaitGroup
	beside.Go(func() { d.watch.run(aside) })
	beside.Go(func() { d.tell(aside, l.warmup, show) })
	if d.chaos != nil {
		beside.Go(func() { d.failed = d.chaos.Run(aside, d.start) })
	}
	if l.plan != nil {
		d.open(ctx, l.plan, l.duration)
	} else {
		d.closed(ctx, l.outstanding, l.duration)
	}
	d.meter.endMeasuring()
	stop()
	beside.Wait()
}

// tell closes a row each second until ctx ends: it is shown, written and kept.
func (d *driver) tell(ctx context.Context, warmup time.Duration, show *live) {
	if warmup == 0 {
		d.meter.beginMeasuring()
	} else {
		t := time.AfterFunc(time.Until(d.start.Add(warmup)), d.meter.beginMeasuring)
		defer t.Stop()
	}
	last := d.start
	for second := 1; ; second++ {
		on := sleepUntil(ctx, d.start.Add(time.Duration(second)*time.Second))
		// The end of the run cuts the last second; a sliver of one says nothing.
		span := time.Since(last)
		if last = time.Now(); on || span > time.Second/2 {
			d.row(second, span, show)
		}
		if !on {
			return
		}
	}
}

// row closes one row.
func (d *driver) row(second int, span time.Duration, show *live) {
	replicas, fastPath := d.watch.row()
	r := d.meter.second(second, span, fastPath)
	r.Replicas, r.Events = replicas, d.log.row()
	whole, _, _ := d.meter.snapshot()
	show.second(&r, &whole)
	d.series.Add(r)
	if d.table != nil {
		if err := d.table.Write(&r); d.fault == nil {
			d.fault = err
		}
	}
}

// conclude drains, audits and sums up.
func (d *driver) conclude(ctx context.Context, fl *runFlags, before []payments.LedgerTotals) (*result, error) {
	if err := d.drain(ctx, fl.drain, fl.common.connect); err != nil {
		return nil, fmt.Errorf("resolve requests without an answer: %w", err)
	}
	files, err := d.receipts.close()
	if err != nil {
		return nil, fmt.Errorf("receipt: %w", err)
	}
	acked, unexpected := d.book.sums()
	looked, later, forgotten := d.book.resolved()
	in := &auditInput{
		target: d.target, executed: acked + later, acked: acked, before: before, alone: !fl.common.shared,
		receipts: files, expect: fl.common.expect, patience: fl.common.patience,
		expected: func(yield batches) { d.sample(fl.auditMax, yield) },
	}
	if in.expect == 0 {
		in.expect = len(d.target.genesis.Members)
		if d.chaos != nil {
			in.expect -= len(d.chaos.Down()) // by us, and for good
		}
	}
	a, err := runAudit(ctx, in)
	if err != nil {
		return nil, err
	}
	a.Unanswered, a.FoundLater = looked, later
	if unexpected > 0 {
		a.Faults = slices.Insert(a.Faults, 0, fmt.Sprintf("%d payments were answered with another code than they must", unexpected))
	}
	if forgotten > 0 {
		a.fault("%d requests without an answer are too many to look up", forgotten)
	}
	if d.fault != nil {
		return nil, fmt.Errorf("timeseries.csv: %w", d.fault)
	}
	return d.result(fl, a, files)
}

// sample gives acknowledged batches to look up: all of them, or evenly as many
// as make most payments.
func (d *driver) sample(most uint64, yield batches) {
	all := d.book.acknowledged()
	keep := max(most/uint64(d.gen.events), 1)
	step := max((uint64(len(all))+keep-1)/keep, 1)
	var events []payments.Transfer
	for i := uint64(0); i < uint64(len(all)); i += step {
		// Small batches are gathered into full lookups.
		events = append(events, d.wanted(all[i])...)
		if len(events) < lookupMax {
			continue
		}
		if !yield(events) {
			return
		}
		events = events[:0]
	}
	if len(events) > 0 {
		yield(events)
	}
}

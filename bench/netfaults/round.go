package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"quorate/bench/teller"
	"quorate/bench/trial"
)

// outcome is what one round measured.
type outcome struct {
	demand   string         // what was demanded while the fault lasted
	progress time.Duration  // from the fault to the first acknowledgement of a payment sent after it; 0 if none was demanded
	flows    time.Duration  // from healing to the same
	caught   time.Duration  // from healing until every replica executed what any had by then
	rest     time.Duration  // from the end of the load until all are at rest and audited
	report   *teller.Report // nil if the audit could not be made
}

// network is a cluster in a space.
type network struct {
	*trial.Trial
	space *space
}

// round goes through one round.
func (n *network) round(ctx context.Context, p *plan, primary int) (o outcome, err error) {
	n.Teller.Resume()
	if _, err := n.Served(ctx, time.Now()); err != nil {
		return o, fmt.Errorf("before the fault: %w", err)
	}
	err = n.harm(ctx, p, primary, &o)
	// Healed whatever happened: the logs of a failed round are then those of
	// replicas that can reach each other.
	err = errors.Join(err, n.space.set(fair(n.space.n)))
	if err != nil {
		return o, err
	}
	healed := time.Now()
	if o.flows, err = n.Served(ctx, healed); err != nil {
		return o, fmt.Errorf("after healing: %w", err)
	}
	var all []int
	for i := range n.Cluster.Nodes {
		all = append(all, i)
	}
	if _, err = n.CaughtUp(ctx, all); err != nil {
		return o, fmt.Errorf("after healing: %w", err)
	}
	o.caught = time.Since(healed)
	ended := time.Now()
	o.report, err = n.Check(ctx)
	o.rest = time.Since(ended)
	return o, err
}

// harm puts the fault in place for as long as the plan says, and holds the
// cluster against what may be demanded meanwhile.
func (n *network) harm(ctx context.Context, p *plan, primary int, o *outcome) error {
	w := p.weather(n.space.n, primary)
	if err := n.space.set(w); err != nil {
		return err
	}
	begun := time.Now()
	disturbing, stop := context.WithCancel(ctx)
	defer stop()
	disturbed := make(chan error, 1)
	go func() { disturbed <- n.disturb(disturbing, p, primary) }()
	q := n.Cluster.Genesis.Quorums()
	o.demand = "nothing"
	var err error
	switch {
	case w.serving(q.N - q.F):
		o.demand = "progress"
		if o.progress, err = n.Served(ctx, begun); err != nil {
			err = fmt.Errorf("a quorum is connected: %w", err)
		}
	case w.silent(q.Tau):
		o.demand = "silence"
	}
	err = errors.Join(err, sleep(ctx, time.Until(begun.Add(p.lasts))))
	if acked, _ := n.Teller.AckedSentAfter(begun); o.demand == "silence" && acked > 0 {
		err = errors.Join(err, fmt.Errorf("%d requests that were sent after the fault are acknowledged, and no quorum was connected", acked))
	}
	stop()
	return errors.Join(err, <-disturbed)
}

// disturb does what a weather alone cannot, until ctx ends.
func (n *network) disturb(ctx context.Context, p *plan, primary int) error {
	backup := (primary + p.backup) % n.space.n
	switch p.fault {
	case faultFlapPrimary:
		return n.flap(ctx, primary)
	case faultFlapBackup:
		return n.flap(ctx, backup)
	case faultAloneKilled:
		if sleep(ctx, p.lasts/3) != nil {
			return nil
		}
		n.Cluster.Nodes[backup].Kill()
		_ = sleep(ctx, p.lasts/3)
		return n.Cluster.Start(backup)
	}
	return nil
}

// flap pulls a cable and plugs it in again until ctx ends, and leaves it in.
func (n *network) flap(ctx context.Context, i int) (err error) {
	for in := false; ctx.Err() == nil && err == nil; in = !in {
		err = n.space.plug(i, in)
		_ = sleep(ctx, flapEvery)
	}
	return errors.Join(err, n.space.plug(i, true))
}

// sleep waits, or gives why ctx ended.
func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

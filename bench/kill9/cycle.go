package main

import (
	"context"
	"errors"
	"fmt"
	"syscall"
	"time"

	"quorate/bench/procs"
	"quorate/bench/teller"
	"quorate/bench/trial"
	"quorate/wire"
)

// outcome is what one cycle measured.
type outcome struct {
	outage   time.Duration  // from the fault to the first acknowledgement of a payment sent after it
	recovery time.Duration  // from mending until every victim executed what the others had by then
	report   *teller.Report // nil if the audit could not be made
}

// run goes through one cycle.
func run(ctx context.Context, t *trial.Trial, p plan) (o outcome, err error) {
	t.Teller.Resume()
	if _, err := t.Served(ctx, time.Now()); err != nil {
		return o, fmt.Errorf("before the fault: %w", err)
	}
	if err := sleep(ctx, p.lead); err != nil {
		return o, err
	}
	victims, err := replicas(ctx, t, p)
	if err != nil {
		return o, err
	}
	redialed := make(chan error, 1)
	if p.payer >= 0 {
		go func() {
			ctx, cancel := context.WithTimeout(ctx, trial.Patience)
			defer cancel()
			redialed <- t.Teller.Redial(ctx, p.payer)
		}()
	} else {
		redialed <- nil
	}
	broken, err := harm(ctx, t.Cluster, p, victims)
	if err != nil {
		return o, err
	}
	if o.recovery, err = t.CaughtUp(ctx, victims); err != nil {
		return o, fmt.Errorf("after mending: %w", err)
	}
	if _, err := t.Served(ctx, time.Now()); err != nil {
		return o, fmt.Errorf("after mending: %w", err)
	}
	if err := <-redialed; err != nil {
		return o, err
	}
	_, first := t.Teller.AckedSentAfter(broken)
	o.outage = first.Sub(broken)
	o.report, err = t.Check(ctx)
	return o, err
}

// replicas turns a plan's victims into replicas: the primary is that of the
// highest view that anyone is in.
func replicas(ctx context.Context, t *trial.Trial, p plan) ([]int, error) {
	n := len(t.Cluster.Nodes)
	primary, view, answers := 0, wire.View(0), 0
	err := procs.Eventually(trial.Patience, "anyone tells the primary", func() error {
		for i := range n {
			s, err := t.Cluster.Status(i)
			if err != nil {
				continue
			}
			if answers++; answers == 1 || s.View > view {
				primary, view = int(s.Primary), s.View
			}
		}
		if answers == 0 && ctx.Err() == nil {
			return fmt.Errorf("no replica answers")
		}
		return nil
	})
	ids := make([]int, 0, len(p.victims))
	for _, v := range p.victims {
		ids = append(ids, (primary+v)%n)
	}
	return ids, err
}

// harm does what the plan says to the victims, mends it, and tells when the
// harm was done. A victim that died before its turn is an error: nobody else may
// end replicas.
func harm(ctx context.Context, c *procs.Cluster, p plan, victims []int) (broken time.Time, err error) {
	if err := c.Died(); err != nil {
		return broken, err
	}
	switch p.fault {
	case faultPause:
		signalAll(c, victims, syscall.SIGSTOP)
		broken = time.Now()
		err := sleep(ctx, p.away)
		for k, i := range victims {
			if k > 0 {
				err = errors.Join(err, sleep(ctx, p.gap))
			}
			c.Nodes[i].Signal(syscall.SIGCONT)
		}
		return broken, err
	case faultStop:
		signalAll(c, victims, syscall.SIGTERM)
		broken = time.Now()
		for _, i := range victims {
			if code, err := c.Nodes[i].Wait(procs.StopMax); err != nil || code != 0 {
				return broken, fmt.Errorf("replica %d after SIGTERM: %s, %w", i, c.Nodes[i].State(), err)
			}
		}
	default:
		kill(c, victims)
		broken = time.Now()
	}
	if p.fault == faultStarting {
		if err := start(ctx, c, victims, 0); err != nil {
			return broken, err
		}
		if err := sleep(ctx, p.early); err != nil {
			return broken, err
		}
		if err := c.Died(); err != nil {
			return broken, err
		}
		kill(c, victims)
	}
	if err := sleep(ctx, p.away); err != nil {
		return broken, err
	}
	return broken, start(ctx, c, victims, p.gap)
}

// signalAll signals all of them before anything else happens.
func signalAll(c *procs.Cluster, ids []int, s syscall.Signal) {
	for _, i := range ids {
		c.Nodes[i].Signal(s)
	}
}

// kill ends them at once and waits for their ends: the directory's lock goes
// with the process.
func kill(c *procs.Cluster, ids []int) {
	signalAll(c, ids, syscall.SIGKILL)
	for _, i := range ids {
		c.Nodes[i].Kill()
	}
}

// start starts them one after another.
func start(ctx context.Context, c *procs.Cluster, ids []int, gap time.Duration) error {
	for k, i := range ids {
		if k > 0 {
			if err := sleep(ctx, gap); err != nil {
				return err
			}
		}
		if err := c.Start(i); err != nil {
			return err
		}
	}
	return nil
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

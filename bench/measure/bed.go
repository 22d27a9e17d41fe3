package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"quorate/bench/procs"
	"quorate/bench/record"
)

// restMax bounds each wait for all replicas to be up and in one state.
const restMax = 2 * time.Minute

// bed is one experiment's cluster.
type bed struct {
	*procs.Cluster
	bin, dir string
}

// makeBed makes a cluster in dir, which is empty, and waits until it serves.
func makeBed(ctx context.Context, bin, dir string, p *record.Parameters) (*bed, error) {
	args := []string{"--profile", p.Profile}
	if p.Scheme != "" {
		args = append(args, "--scheme", p.Scheme)
	}
	c, err := procs.New(procs.Options{Binaries: bin, Dir: filepath.Join(dir, "cluster"), Replicas: p.Replicas, F: p.F, C: p.C,
		Clients: max(p.Clients, 6), InitArgs: args})
	if err != nil {
		return nil, err
	}
	b := &bed{c, bin, dir}
	if err := b.StartAll(); err != nil {
		b.Close()
		return nil, err
	}
	err = procs.Eventually(restMax, "all replicas at rest in one state", func() error {
		if err := errors.Join(ctx.Err(), b.Died()); err != nil {
			return err
		}
		_, err := b.AtRest()
		return err
	})
	if err != nil {
		b.Close()
		return nil, err
	}
	return b, nil
}

// drive runs one load; name tells its files from those of others.
func (b *bed) drive(ctx context.Context, name string, l *load) (*loadResult, string, error) {
	l.expect = len(b.Up()) - l.lost
	r, audit, err := l.run(ctx, b.bin, b.Dir, filepath.Join(b.dir, name))
	if err != nil {
		return nil, audit, fmt.Errorf("%s: %w", name, err)
	}
	return r, audit, nil
}

// peak measures what goes through at most with this experiment's clients and
// requests.
func (b *bed) peak(ctx context.Context, p record.Parameters) (float64, error) {
	p.Rate, p.Arrivals, p.Warmup, p.Seconds = "max", "", 1, peakSeconds-1
	r, _, err := b.drive(ctx, "peak", &load{param: p})
	if err != nil {
		return 0, err
	}
	if r.Achieved == 0 {
		return 0, errors.New("peak: nothing was acknowledged")
	}
	return r.Achieved, nil
}

// grow fills the ledger up to a number of transfers.
func (b *bed) grow(ctx context.Context, p record.Parameters) error {
	const hours = 3600
	total, events := p.Preload, float64(0)
	p.Rate, p.Warmup, p.Seconds, p.Batch, p.Clients, p.InFlight = "max", 0, 2*hours, batchMax, 4, 2
	grown := &load{param: p, onSecond: func(_, pid int) (err error) {
		if events, err = b.executed(); err == nil && events >= float64(total+p.Accounts) {
			err = syscall.Kill(pid, syscall.SIGTERM) // ends the load and not the audit
		}
		return err
	}}
	if _, _, err := b.drive(ctx, "grow", grown); err != nil {
		return err
	}
	if events < float64(total) {
		return fmt.Errorf("grow: %.0f of %d transfers in two hours", events, total)
	}
	return nil
}

// executed asks the first replica that is up how many events it has executed.
func (b *bed) executed() (float64, error) {
	m, err := metricsOf(b.Metrics + b.Up()[0])
	return m["quorate_events_executed_total"], err
}

// primary asks who leads.
func (b *bed) primary() (int, error) {
	s, err := b.Status(b.Up()[0])
	return int(s.Primary), err
}

// endBackup ends one backup as a service manager does: the one that is primary
// last.
func (b *bed) endBackup() error {
	p, err := b.primary()
	if err != nil {
		return err
	}
	return b.end((p + len(b.Nodes) - 1) % len(b.Nodes))
}

// end stops one replica with SIGTERM.
func (b *bed) end(i int) error {
	b.Nodes[i].Signal(syscall.SIGTERM)
	code, err := b.Nodes[i].Wait(procs.StopMax)
	if err == nil && code != 0 {
		err = fmt.Errorf("replica %d stops with: %s; its log ends with %s", i, b.Nodes[i].State(), b.Log(i))
	}
	return err
}

// killPrimary kills the primary's process.
func (b *bed) killPrimary() error {
	p, err := b.primary()
	if err == nil {
		b.Nodes[p].Kill()
	}
	return err
}

// stop ends all that run.
func (b *bed) stop() error {
	var all []error
	for _, i := range b.Up() {
		all = append(all, b.end(i))
	}
	return errors.Join(all...)
}

// read takes a reading of every replica that is up, all at once.
func (b *bed) read() (map[int]reading, error) {
	type answer struct {
		i   int
		r   reading
		err error
	}
	up := b.Up()
	answers := make(chan answer, len(up))
	for _, i := range up {
		go func() {
			a := answer{i: i}
			var err error
			a.r.usage, err = usageOf(b.Nodes[i].Pid())
			a.r.metrics, a.err = metricsOf(b.Metrics + i)
			a.err = errors.Join(err, a.err)
			answers <- a
		}()
	}
	all := map[int]reading{}
	var errs []error
	for range up {
		a := <-answers
		all[a.i] = a.r
		if a.err != nil {
			errs = append(errs, fmt.Errorf("replica %d: %w", a.i, a.err))
		}
	}
	return all, errors.Join(errs...)
}

// disk gives what ledgers and journals of all replicas take.
func (b *bed) disk() (ledgers, journals float64, err error) {
	for i := range b.Nodes {
		data := filepath.Join(b.Node(i), "data")
		whole, err := diskBytes(data)
		if err != nil {
			return 0, 0, err
		}
		ledger, err := diskBytes(filepath.Join(data, "ledger"))
		if err != nil {
			return 0, 0, err
		}
		ledgers += ledger
		journals += whole - ledger
	}
	return ledgers, journals, nil
}

// brief makes one line of an error, for a record.
func brief(err error) string {
	const most = 600
	s := strings.Join(strings.Fields(err.Error()), " ")
	if len(s) > most {
		s = s[:most] + "… (" + strconv.Itoa(len(s)) + " bytes)"
	}
	return s
}

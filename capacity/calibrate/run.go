package calibrate

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"runtime"
	"time"

	"quorate/capacity"
	"quorate/cluster"
	"quorate/tuning"
)

// ErrLoad says that a load was no measurement (CA3).
var ErrLoad = errors.New("calibrate: no measurement")

// idleSeconds is how long an idle cluster is watched: its cost per second is small
// and steady.
const idleSeconds = 2

// drives are the loads of a calibration. Together they tell apart what a payment, a
// request, a block and a second cost: full requests have many payments and few of all
// else, single ones many requests, a low rate many blocks. The steady ones teach the
// latency model, and longer, because p99 is the tail of some hundred requests: on idle
// cores, on busy ones with a slot free for each request, and where requests wait
// for slots. Three of a kind would be better and take longer than a minute.
var drives = []drive{
	{"full requests, as many as go", 0, Drive{Events: capacity.EventsOfRequest, Clients: 4, InFlight: 2, Seconds: 4}},
	{"requests of 400, as many as go", 0, Drive{Events: 400, Clients: 8, InFlight: 8, Seconds: 3}},
	{"single payments, as many as go", 0, Drive{Events: 1, Clients: 32, InFlight: 32, Seconds: 3}},
	{"requests of 200 at 2,000/s", 0, Drive{Rate: 2_000, Events: 200, Clients: 8, Seconds: 6}},
	{"requests of 1,000 at 50,000/s", 0, Drive{Rate: 50_000, Events: 1000, Clients: 8, Seconds: 6}},
	{"requests of 400 at 40 % of what went", 0.4, Drive{Events: 400, Clients: 8, Seconds: 6}},
}

// drive is a load of a calibration.
type drive struct {
	name string
	part float64 // of what went of requests of the same size: its rate; 0: Rate
	Drive
}

// ready is the load to be offered after those before: a part of what went is a
// steady rate on a slow host too, where a fixed one would be too much.
func (d *drive) ready(before []capacity.Load) Drive {
	out := d.Drive
	out.Warmup = driveWarmup
	if d.part > 0 {
		for i := range before {
			if l := &before[i]; l.Events == d.Events && l.Offered == 0 && l.Payments > 0 {
				out.Rate = max(math.Floor(d.part*l.Payments/l.Seconds), 1)
			}
		}
	}
	return out
}

// driveWarmup is how long a load runs before its window, seconds.
const driveWarmup = 2

// Options say what to calibrate.
type Options struct {
	Dir     string // an empty directory on the disk to measure
	Scheme  cluster.Scheme
	Profile string
	Build   capacity.Build
	Made    time.Time
	Say     func(format string, args ...any) // progress, a line each
}

// Run measures units and loads and fits the model. The Bed is made after the units,
// because nothing may run beside them, and lent until Run returns.
func Run(ctx context.Context, o *Options, bed func(ctx context.Context) (Bed, error)) (*capacity.Calibration, error) {
	c := &capacity.Calibration{Schema: capacity.CalibrationSchema, Made: o.Made.UTC().Format(time.RFC3339), Build: o.Build,
		Host: tuning.DetectHost(), Scheme: string(o.Scheme), Profile: o.Profile}
	if disk, err := tuning.DetectDisk(o.Dir); err == nil {
		disk.FreeBytes = 0 // it differs each time and says nothing
		c.Disk = &disk
	}
	kept, err := o.units(ctx, c)
	if err != nil {
		return nil, err
	}
	reference, err := NewReference()
	if err != nil {
		return nil, err
	}
	b, err := bed(ctx)
	if err != nil {
		return nil, err
	}
	c.Replicas = len(b.Replicas())
	idle, err := Steady(ctx, reference.Micros, o.Say, func() (capacity.Load, error) { return Idle(ctx, b) })
	if err != nil {
		return nil, err
	}
	c.Loads = append(c.Loads, idle)
	for i := range drives {
		d := &drives[i]
		load := d.ready(c.Loads)
		l, err := Steady(ctx, reference.Micros, o.Say, func() (capacity.Load, error) { return Measure(ctx, b, load) })
		if err != nil {
			return nil, fmt.Errorf("%s: %w", d.name, err)
		}
		l.Name = d.name
		o.Say("%s: %.0f/s, %.0f payments per block", l.Name, l.Payments/l.Seconds, l.Payments/max(l.Blocks, 1))
		c.Loads = append(c.Loads, l)
	}
	if err := c.Learn(); err != nil {
		return nil, err
	}
	c.Model.Ledger = kept
	return c, nil
}

// units measures what needs no cluster, and gives the bytes kept.
func (o *Options) units(ctx context.Context, c *capacity.Calibration) (kept capacity.Cost, err error) {
	u := &units{}
	first, err := deal(groupSizes[0], o.Scheme)
	if err != nil {
		return kept, err
	}
	for _, n := range groupSizes {
		g, err := group(n, o.Scheme, u)
		if err = errors.Join(err, ctx.Err()); err != nil {
			return kept, err
		}
		c.Groups = append(c.Groups, g)
	}
	o.Say("signatures: %.1f ms of CPU per block in %d replicas", (float64(groupSizes[0])*c.Groups[0].Each+c.Groups[0].Collector)/1e3, groupSizes[0])
	clientSignatures(first.suites[0], u)
	state(u)
	links(first, u)
	if c.Syncs, err = syncs(o.Dir); err != nil {
		return kept, err
	}
	o.Say("journal: %.2f ms for a sync of %d KiB", c.Syncs[0].P50/1e3, c.Syncs[0].Bytes>>10)
	if kept, err = ledger(o.Dir, u); err != nil {
		return kept, err
	}
	c.Units = u.all
	return kept, errors.Join(u.err, ctx.Err())
}

// scrapeWait bounds one scrape on a busy host.
const scrapeWait = 10 * time.Second

func observe(b Bed) *observer { return &observer{b, http.Client{Timeout: scrapeWait}} }

// Idle watches a cluster without load.
func Idle(ctx context.Context, b Bed) (capacity.Load, error) {
	o := observe(b)
	primary, _, err := b.Primary(ctx)
	if err != nil {
		return capacity.Load{}, err
	}
	before, err := o.read(0)
	if err != nil {
		return capacity.Load{}, err
	}
	select {
	case <-ctx.Done():
		return capacity.Load{}, ctx.Err()
	case <-time.After(idleSeconds * time.Second):
	}
	after, err := o.read(0)
	if err != nil {
		return capacity.Load{}, err
	}
	l := between(&before, &after, primary)
	l.Name = "idle"
	return l, nil
}

// Measure offers one load and gives what its window cost (CA2, CA3).
func Measure(ctx context.Context, b Bed, d Drive) (capacity.Load, error) {
	o := observe(b)
	primary, view, err := b.Primary(ctx)
	if err != nil {
		return capacity.Load{}, err
	}
	var before, after reading
	driven, err := b.Drive(ctx, d, func(second, pid int) (err error) {
		switch second {
		case d.Warmup:
			before, err = o.read(pid)
		case d.Warmup + d.Seconds:
			after, err = o.read(pid)
		}
		return err
	})
	if err != nil {
		return capacity.Load{}, err
	}
	_, then, err := b.Primary(ctx)
	switch {
	case err != nil:
		return capacity.Load{}, err
	case then != view:
		return capacity.Load{}, fmt.Errorf("%w: view %d became %d on the way: the host is too busy, run it again", ErrLoad, view, then)
	case before.at.IsZero() || after.at.IsZero():
		return capacity.Load{}, fmt.Errorf("%w: the load generator did not tell of seconds %d and %d", ErrLoad, d.Warmup, d.Warmup+d.Seconds)
	}
	l := between(&before, &after, primary)
	l.Offered, l.Events, l.P50, l.P99 = d.Rate, d.Events, driven.P50, driven.P99
	if d.Rate == 0 {
		l.Outstanding = d.Clients * d.InFlight
	}
	if l.Payments <= 0 || l.Blocks <= 0 || l.Requests <= 0 {
		return capacity.Load{}, fmt.Errorf("%w: nothing was executed in the window", ErrLoad)
	}
	return l, nil
}

// GoVersion is the compiler of this build.
func GoVersion() string { return runtime.Version() }

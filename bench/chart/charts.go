package chart

import (
	"slices"
	"strings"

	"quorate/bench/compare"
	"quorate/bench/record"
)

// Point is one mark of a chart.
type Point struct {
	X      float64
	Sample compare.Sample
}

// Series is a line, or the bars of one colour.
type Series struct {
	Label  string
	Points []Point // by rising X
}

// Axis is how one direction reads.
type Axis struct {
	Label string
	Log   bool
}

// Chart is one picture.
type Chart struct {
	Name    string // of its files
	Title   string
	Caption string
	X, Y    Axis
	Names   []string // under the bars of a bar chart; nil: lines
	Series  []Series
}

// plan is a row of the table of charts.
type plan struct {
	name, title, caption string
	experiments          func(name string) bool
	x                    Axis
	at                   func(r *record.Run) float64 // nil: a bar per experiment, in the order of the results
	y                    Axis
	figures              []drawn
}

// drawn is one figure of a chart.
type drawn struct {
	figure, label string
	scale         float64
}

// prefixed picks experiments by the beginning of their names.
func prefixed(p string) func(string) bool {
	return func(name string) bool { return strings.HasPrefix(name, p) }
}

// oneOf picks experiments by their names.
func oneOf(names ...string) func(string) bool {
	return func(name string) bool { return slices.Contains(names, name) }
}

// one is a chart's only figure, in the unit of the table.
func one(figure string) []drawn { return []drawn{{figure, "", 1}} }

// plans lists all charts in the order of the page.
var plans = []plan{
	{name: "throughput-by-batch", title: "Payments per second by request size", caption: "Rate max; 32 clients below 1,000 payments per request, 4 above.",
		experiments: prefixed("batch-"), x: Axis{"payments per request", true}, at: func(r *record.Run) float64 { return float64(r.Parameters.Batch) },
		y: Axis{"payments per second", true}, figures: one("payments_per_second")},
	{name: "cpu-by-batch", title: "CPU time per payment by request size", caption: "User and system time; all replicas together, and the load generator.",
		experiments: prefixed("batch-"), x: Axis{"payments per request", true}, at: func(r *record.Run) float64 { return float64(r.Parameters.Batch) },
		y: Axis{"µs per payment", true}, figures: []drawn{{"replica_cpu_us_per_payment", "all replicas", 1}, {"loadgen_cpu_us_per_payment", "load generator", 1}}},
	{name: "latency-by-rate", title: "Latency by load", caption: "Open loop, requests of 1,000 payments at random times. A latency begins when the payment was meant to leave.",
		experiments: prefixed("rate-"), x: Axis{"share of the peak that is offered", false}, at: func(r *record.Run) float64 { return r.Parameters.OfPeak },
		y: Axis{"milliseconds", true}, figures: []drawn{{"latency_p50_ms", "median", 1}, {"latency_p99_ms", "99th percentile", 1}, {"latency_p99.9_ms", "99.9th percentile", 1}}},
	{name: "throughput-by-replicas", title: "Payments per second by cluster size", caption: "All replicas share one host: each more takes its CPU time from the others.",
		experiments: prefixed("replicas-"), y: Axis{"payments per second", false}, figures: one("payments_per_second")},
	{name: "throughput-by-clients", title: "Payments per second by number of clients", caption: "Requests of 1,000 payments, two in flight per client.",
		experiments: prefixed("clients-"), x: Axis{"clients", true}, at: func(r *record.Run) float64 { return float64(r.Parameters.Clients) },
		y: Axis{"payments per second", false}, figures: one("payments_per_second")},
	{name: "cpu-by-ledger", title: "CPU time per payment as the ledger grows", caption: "All replicas together. Flat is good.",
		experiments: prefixed("ledger-"), x: Axis{"transfers in the ledger", true}, at: func(r *record.Run) float64 { return float64(r.Parameters.Preload) },
		y: Axis{"µs per payment", false}, figures: one("replica_cpu_us_per_payment")},
	{name: "faults", title: "What is left of the peak", caption: "Payments per second over the peak of the same run: five times the peak offered, or one backup down.",
		experiments: oneOf("overload-5x", "overload-5x-small", "slow-path", "slow-path-c1"), y: Axis{"share of the peak", false}, figures: one("goodput_ratio")},
	{name: "outage", title: "Time without service when the primary is killed", caption: "Longest time without any answer, at half of the peak.",
		experiments: prefixed("primary-killed"), y: Axis{"seconds", false}, figures: one("outage_seconds")},
	{name: "workloads", title: "Payments per second by kind of payments", caption: "Requests of 8,189 payments, rate max.",
		experiments: prefixed("workload-"), y: Axis{"payments per second", false}, figures: one("payments_per_second")},
	{name: "profiles", title: "Payments per second by profile", caption: "Requests of 8,189 payments, rate max.",
		experiments: prefixed("profile-"), y: Axis{"payments per second", false}, figures: one("payments_per_second")},
	{name: "schemes", title: "CPU time per payment by signature scheme", caption: "Requests of 1,000 payments, rate max, four replicas.",
		experiments: prefixed("scheme-"), y: Axis{"µs per payment, all replicas", false}, figures: one("replica_cpu_us_per_payment")},
	{name: "messages-by-n", title: "Messages per block by number of replicas", caption: "Simulated network without faults, blocks of one payment. Linear is good.",
		experiments: prefixed("simulated-"), x: Axis{"replicas", false}, at: replicas,
		y: Axis{"messages per block", false}, figures: one("messages_per_block")},
	{name: "bytes-by-n", title: "Bytes per block by number of replicas", caption: "The same network: frames between replicas, with a batch of one payment.",
		experiments: prefixed("simulated-"), x: Axis{"replicas", false}, at: replicas,
		y: Axis{"KiB per block", false}, figures: []drawn{{"message_bytes_per_block", "", 1.0 / 1024}}},
	{name: "crypto-by-n", title: "Signatures per block by number of replicas", caption: "The same network, real BLS12-381 and Ed25519: CPU time of all replicas together, and of the busiest.",
		experiments: prefixed("simulated-"), x: Axis{"replicas", false}, at: replicas,
		y: Axis{"milliseconds of CPU per block", false}, figures: []drawn{{"crypto_us_per_block", "all replicas", 1.0 / 1000}, {"busiest_crypto_us_per_block", "the busiest", 1.0 / 1000}}},
}

func replicas(r *record.Run) float64 { return float64(r.Parameters.Replicas) }

// Charts gives every chart that these runs have something for.
func Charts(runs []record.Run) (all []Chart) {
	for i := range plans {
		if c := plans[i].chart(runs); len(c.Series) > 0 {
			all = append(all, c)
		}
	}
	return all
}

// chart gathers the points of one row.
func (p *plan) chart(runs []record.Run) Chart {
	c := Chart{Name: p.name, Title: p.title, Caption: p.caption, X: p.x, Y: p.y}
	for _, d := range p.figures {
		s := Series{Label: d.label}
		values := map[float64][]float64{}
		for i := range runs {
			r := &runs[i]
			v, has := r.Figures[d.figure]
			if r.Outcome != record.OK || !has || !p.experiments(r.Experiment) || p.y.Log && v <= 0 {
				continue
			}
			at := p.place(&c, r)
			values[at] = append(values[at], v*d.scale)
		}
		for at, v := range values {
			s.Points = append(s.Points, Point{at, compare.NewSample(v)})
		}
		slices.SortFunc(s.Points, func(a, b Point) int {
			if a.X < b.X {
				return -1
			}
			return 1
		})
		if s.Points != nil {
			c.Series = append(c.Series, s)
		}
	}
	return c
}

// place is where a run stands: on the axis, or in the row of names.
func (p *plan) place(c *Chart, r *record.Run) float64 {
	if p.at != nil {
		return p.at(r)
	}
	name := r.Experiment
	for _, kind := range []string{"workload-", "profile-", "scheme-"} {
		name = strings.TrimPrefix(name, kind)
	}
	if n, is := strings.CutPrefix(name, "replicas-"); is {
		name = "n = " + n
	}
	at := slices.Index(c.Names, name)
	if at < 0 {
		at = len(c.Names)
		c.Names = append(c.Names, name)
	}
	return float64(at)
}

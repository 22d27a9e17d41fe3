package main

import (
	"strconv"

	"quorate/bench/record"
	"quorate/wire"
)

// fault is what is broken on purpose in an experiment.
type fault string

const (
	noFault       fault = ""
	backupDown    fault = "backup-down"    // one backup ends after the peak and before the load
	primaryKilled fault = "primary-killed" // the primary's process is killed in the middle of the load
)

// set says which runs an experiment belongs to. A larger set contains the smaller
// ones.
type set int

const (
	quick set = iota // minutes: the floor
	full             // the whole of `make bench`
	long             // needs tens of gigabytes of disk, or an hour
)

// experiment is one row: a cluster, a load, and the question it answers.
type experiment struct {
	name    string
	answers string
	set     set
	goal    *goal
	param   record.Parameters
	fault   fault
	peak    bool // measure the peak on the same cluster first
}

// goal is what was asked of a figure.
type goal struct {
	figure string
	bound  float64
}

// Lengths of the phases, in seconds. Ten seconds hold some hundred blocks, which
// is enough for means on an idle host; percentiles of the tail want repetitions.
const (
	measureSeconds = 10
	warmupSeconds  = 2
	peakSeconds    = 6 // its warm-up included
	soakSeconds    = 60
)

// batchMax is the most payments that a request carries.
const batchMax = 8189

// base is the load that experiments vary.
func base() record.Parameters {
	return record.Parameters{Replicas: 4, F: 1, C: 0, Profile: "balanced", Workload: "uniform", Rate: "max", Batch: batchMax,
		Clients: 4, InFlight: 2, Accounts: 10_000, Seconds: measureSeconds, Warmup: warmupSeconds}
}

// vary gives the base load with changes.
func vary(change func(p *record.Parameters)) record.Parameters {
	p := base()
	change(&p)
	return p
}

// experiments lists all rows in the order in which they run.
func experiments() []experiment {
	list := append(floor(), sizes()...)
	list = append(list, rates()...)
	list = append(list, faults()...)
	list = append(list, ledgers()...)
	list = append(list, signers()...)
	return append(list, scaling()...)
}

// floor is what every commit is held against.
func floor() []experiment {
	return []experiment{
		{name: "peak", set: quick, goal: &goal{"payments_per_second", 500_000},
			answers: "how many payments a second go through, in requests of 8,189", param: vary(func(p *record.Parameters) { p.Profile = "throughput" })},
		{name: "small-requests", set: quick, goal: &goal{"requests_per_second", 20_000},
			answers: "how many requests of one payment go through, 64 sessions with 32 in flight each",
			param:   vary(func(p *record.Parameters) { p.Batch, p.Clients, p.InFlight = 1, 64, 32 })},
		{name: "latency-at-10%", set: quick, goal: &goal{"latency_p50_ms", 8}, peak: true,
			answers: "how long a payment takes at a tenth of the peak",
			param:   vary(func(p *record.Parameters) { p.Rate, p.OfPeak, p.Batch = "", 0.1, 1000 })},
		{name: "overload-5x", set: quick, goal: &goal{"goodput_ratio", 0.9}, peak: true,
			answers: "how much of the peak is left when five times as much is offered",
			param:   vary(func(p *record.Parameters) { p.Rate, p.OfPeak = "", 5 })},
		{name: "slow-path", set: quick, fault: backupDown, goal: &goal{"goodput_ratio", 0.85}, peak: true,
			answers: "how much of the peak is left when one backup is down",
			param:   base()},
		{name: "primary-killed", set: quick, fault: primaryKilled, goal: &goal{"outage_seconds", 1}, peak: true,
			answers: "how long nobody is served when the primary's process is killed at half of the peak",
			param:   vary(func(p *record.Parameters) { p.Rate, p.OfPeak, p.Batch = "", 0.5, 1000 })},
	}
}

// sizes varies the batch, the cluster and the number of clients.
func sizes() []experiment {
	var list []experiment
	for _, batch := range []int{1, 10, 100, 1000, 4000, batchMax} {
		list = append(list, experiment{name: "batch-" + strconv.Itoa(batch), set: full,
			answers: "what a payment costs in requests of " + strconv.Itoa(batch),
			param: vary(func(p *record.Parameters) {
				p.Batch = batch
				if batch < 1000 {
					p.Clients, p.InFlight = 32, 16
				}
			})})
	}
	for _, size := range []struct{ n, f, c int }{{4, 1, 0}, {6, 1, 1}, {7, 2, 0}} {
		list = append(list, experiment{name: "replicas-" + strconv.Itoa(size.n), set: full,
			answers: "what more replicas cost on one host",
			param:   vary(func(p *record.Parameters) { p.Replicas, p.F, p.C = size.n, size.f, size.c })})
	}
	for _, clients := range []int{1, 4, 16, 64} {
		list = append(list, experiment{name: "clients-" + strconv.Itoa(clients), set: full,
			answers: "how many sessions it takes to reach the peak, in requests of 1,000",
			param:   vary(func(p *record.Parameters) { p.Batch, p.Clients = 1000, clients })})
	}
	for _, profile := range []string{"latency", "balanced", "throughput"} {
		list = append(list, experiment{name: "profile-" + profile, set: full,
			answers: "what a profile gives away and gets", param: vary(func(p *record.Parameters) { p.Profile = profile })})
	}
	return append(list, experiment{name: "soak", set: full, goal: &goal{"payments_per_second", 500_000},
		answers: "whether the peak holds for a minute",
		param:   vary(func(p *record.Parameters) { p.Profile, p.Seconds = "throughput", soakSeconds })})
}

// rates walks up to the peak, open loop.
func rates() []experiment {
	var list []experiment
	for _, part := range []float64{0.1, 0.25, 0.5, 0.75, 0.9} {
		list = append(list, experiment{name: "rate-" + strconv.Itoa(int(100*part)) + "%", set: full, peak: true,
			answers: "how latency grows with the load, in requests of 1,000 at random times",
			param:   vary(func(p *record.Parameters) { p.Rate, p.OfPeak, p.Batch, p.Arrivals = "", part, 1000, "poisson" })})
	}
	for _, work := range []string{"zipf", "hot", "two-phase", "linked", "retail"} {
		list = append(list, experiment{name: "workload-" + work, set: full,
			answers: "what other payments cost than those between accounts drawn evenly",
			param:   vary(func(p *record.Parameters) { p.Workload = work })})
	}
	return list
}

// faults are those that the floor does not have.
func faults() []experiment {
	return []experiment{
		{name: "slow-path-c1", set: full, fault: backupDown, peak: true,
			answers: "whether c = 1 keeps the fast path when one backup is down",
			param:   vary(func(p *record.Parameters) { p.Replicas, p.F, p.C = 6, 1, 1 })},
		{name: "overload-5x-small", set: full, peak: true,
			answers: "the same overload in requests of one payment",
			param:   vary(func(p *record.Parameters) { p.Rate, p.OfPeak, p.Batch, p.Clients, p.InFlight = "", 5, 1, 64, 32 })},
		{name: "primary-killed-7", set: full, fault: primaryKilled, peak: true,
			answers: "how long nobody is served when the primary of seven is killed",
			param: vary(func(p *record.Parameters) {
				p.Replicas, p.F, p.Rate, p.OfPeak, p.Batch = 7, 2, "", 0.5, 1000
			})},
	}
}

// ledgers grows the ledger before the load.
func ledgers() []experiment {
	var list []experiment
	for _, row := range []struct {
		name    string
		preload uint64
		set     set
	}{{"1M", 1e6, full}, {"10M", 10e6, full}, {"100M", 100e6, long}} {
		list = append(list, experiment{name: "ledger-" + row.name, set: row.set,
			answers: "what a payment costs on a ledger of " + row.name + " transfers",
			param:   vary(func(p *record.Parameters) { p.Profile, p.Preload = "throughput", row.preload })})
	}
	return append(list, experiment{name: "accounts-1M", set: full,
		answers: "what a payment costs between a million accounts",
		param:   vary(func(p *record.Parameters) { p.Profile, p.Accounts = "throughput", 1_000_000 })})
}

// signers are clients that sign each payment, and replicas with other schemes.
func signers() []experiment {
	list := []experiment{{name: "signed", set: quick, goal: &goal{"payments_per_second", 35_000},
		answers: "how many payments a second go through when each has a signer of its own, in full requests of 4,679",
		param:   vary(func(p *record.Parameters) { p.Signed, p.Batch = true, wire.SignedEventsMax })}}
	for _, scheme := range []string{"threshold-bls", "multi-bls", "ed25519"} {
		list = append(list, experiment{name: "scheme-" + scheme, set: full,
			answers: "what the replicas' signatures cost, in requests of 1,000",
			param:   vary(func(p *record.Parameters) { p.Scheme, p.Batch, p.Clients = scheme, 1000, 8 })})
	}
	return list
}

// scaling is the simulated network with real signatures.
func scaling() []experiment {
	var list []experiment
	for _, f := range []int{1, 2, 5, 10, 21, 33} {
		n := 3*f + 1
		blocks := 40
		if n > 31 {
			blocks = 12 // a block of a hundred replicas takes a second of CPU
		}
		list = append(list, experiment{name: "simulated-" + strconv.Itoa(n), set: full,
			answers: "what a block costs in messages, bytes and signatures as n grows: a simulated network, real signatures",
			param:   record.Parameters{Replicas: n, F: f, Blocks: blocks}})
	}
	return list
}

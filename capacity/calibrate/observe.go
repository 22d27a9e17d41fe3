package calibrate

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/procfs"

	"quorate/capacity"
	"quorate/internal/scrape"
)

// Replica is one process of a Bed.
type Replica struct {
	Pid     int
	Metrics string // host:port
}

// Drive is a load to be offered.
type Drive struct {
	Rate     float64 // payments per second; 0: as many as go, with InFlight per client
	Events   int     // payments per request
	Clients  int
	InFlight int
	Warmup   int // seconds
	Seconds  int // of the window
}

// Driven is what came of a load whose audit was clean.
type Driven struct {
	P50, P99 float64 // µs
	Achieved float64 // payments per second in the window
}

// Bed is a cluster of replica processes on this host, and a load generator.
type Bed interface {
	Replicas() []Replica
	// Primary asks who leads, and in which view.
	Primary(ctx context.Context) (replica int, view uint64, err error)
	// Drive offers a load and calls onSecond at the end of each of its seconds, with
	// its number from 1 and the load generator's pid. It returns after the audit; an
	// audit that is not clean is an error.
	Drive(ctx context.Context, d Drive, onSecond func(second, pid int) error) (Driven, error)
}

// Names of metrics that are read; deploy tests of cmd/replica hold that they exist.
const (
	metricStages   = "quorate_stage_cpu_seconds_total"
	metricProcess  = "process_cpu_seconds_total"
	metricEvents   = "quorate_events_executed_total"
	metricBlocks   = "quorate_blocks_executed_total"
	metricBatches  = "quorate_batches_proposed_total"
	metricRequests = "quorate_batch_requests_total"
	metricCommits  = "quorate_commits_total"
	metricSync     = "quorate_journal_sync_seconds"
	metricBytes    = "quorate_link_bytes_total"
)

// reading is everything at one moment.
type reading struct {
	at       time.Time
	replicas []map[string]float64 // by metric, and by metric and label value
	cpu      []float64            // seconds of each replica's process, by the kernel
	client   float64              // of the load generator
	host     float64              // of all processors
	stolen   float64
}

// observer reads the processes of a Bed.
type observer struct {
	bed Bed
	web http.Client
}

func (o *observer) read(clientPid int) (r reading, err error) {
	r.at = time.Now()
	type answer struct {
		i       int
		metrics map[string]float64
		cpu     float64
		err     error
	}
	replicas := o.bed.Replicas()
	answers := make(chan answer, len(replicas))
	for i, p := range replicas {
		go func() {
			a := answer{i: i}
			a.metrics, a.err = scrape.Read(&o.web, p.Metrics)
			var err error
			a.cpu, err = cpuOf(p.Pid)
			a.err = errors.Join(a.err, err)
			answers <- a
		}()
	}
	r.replicas, r.cpu = make([]map[string]float64, len(replicas)), make([]float64, len(replicas))
	var all []error
	for range replicas {
		a := <-answers
		r.replicas[a.i], r.cpu[a.i] = a.metrics, a.cpu
		all = append(all, a.err)
	}
	if clientPid != 0 {
		r.client, err = cpuOf(clientPid)
		all = append(all, err)
	}
	r.host, r.stolen, err = hostCPU()
	return r, errors.Join(append(all, err)...)
}

// cpuOf is what a process has used, seconds.
func cpuOf(pid int) (float64, error) {
	p, err := procfs.NewProc(pid)
	if err != nil {
		return 0, err
	}
	stat, err := p.Stat()
	return stat.CPUTime(), err
}

// hostCPU is what all processes have used, and what the hypervisor kept.
func hostCPU() (used, stolen float64, err error) {
	fs, err := procfs.NewDefaultFS()
	if err != nil {
		return 0, 0, err
	}
	s, err := fs.Stat()
	c := s.CPUTotal
	return c.User + c.Nice + c.System + c.IRQ + c.SoftIRQ, c.Steal, err
}

// between makes a load of two readings. primary is the replica that led in both.
func between(a, b *reading, primary int) capacity.Load {
	d := func(i int, metric string) float64 { return b.replicas[i][metric] - a.replicas[i][metric] }
	n := len(a.replicas)
	l := capacity.Load{Seconds: b.at.Sub(a.at).Seconds(), ClientCPU: b.client - a.client, StolenCPU: b.stolen - a.stolen}
	// The primary executes what all execute; its counters agree with its proposals.
	l.Payments, l.Blocks = d(primary, metricEvents), d(primary, metricBlocks)
	l.FastBlocks = d(primary, scrape.Labelled(metricCommits, "fast"))
	l.Requests = d(primary, metricRequests)
	l.LinkBytes = d(primary, scrape.Labelled(metricBytes, "out"))
	if syncs := d(primary, metricSync+"_count"); syncs > 0 {
		l.Syncs, l.SyncMean = syncs, 1e6*d(primary, metricSync+"_sum")/syncs
	}
	ours := l.ClientCPU
	known := make([]float64, n)
	for _, stage := range stagesOf(b) {
		t := capacity.StageTime{Stage: stage}
		for i := range n {
			v := max(d(i, scrape.Labelled(metricStages, stage)), 0)
			known[i] += v
			if i == primary {
				t.Primary = v
			} else {
				t.Backup += v / float64(n-1)
			}
		}
		l.Stages = append(l.Stages, t)
	}
	rest := capacity.StageTime{Stage: capacity.Rest}
	for i := range n {
		whole := b.cpu[i] - a.cpu[i]
		ours += whole
		if v := max(whole-known[i], 0); i == primary {
			rest.Primary = v
		} else {
			rest.Backup += v / float64(n-1)
		}
	}
	l.Stages = append(l.Stages, rest)
	l.OthersCPU = max(b.host-a.host-ours, 0)
	return l
}

// stagesOf lists the stages that a replica tells of.
func stagesOf(r *reading) (names []string) {
	for key := range r.replicas[0] {
		if name, ok := strings.CutPrefix(key, metricStages+"{"); ok {
			names = append(names, strings.TrimSuffix(name, "}"))
		}
	}
	slices.Sort(names)
	return names
}

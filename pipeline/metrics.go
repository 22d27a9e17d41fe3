package pipeline

import (
	"fmt"

	"github.com/prometheus/client_golang/prometheus"

	"quorate/consensus"
	"quorate/wire"
)

// Collector gives this replica's statistics to Prometheus. It reads plain
// counters at each scrape, so the hot path pays one atomic add. What carries
// frames is a stage too, of another room: more tells of such stages.
func (r *Replica) Collector(more ...func() StageStats) prometheus.Collector {
	return collector{r, more}
}

type collector struct {
	r    *Replica
	more []func() StageStats
}

// metric is one exported value.
type metric struct {
	desc  *prometheus.Desc
	kind  prometheus.ValueType
	value func(*Replica) float64
}

func counter(name, help string, value func(*Replica) uint64) metric {
	return metric{prometheus.NewDesc(name, help, nil, nil), prometheus.CounterValue,
		func(r *Replica) float64 { return float64(value(r)) }}
}

func gauge(name, help string, value func(*Replica) float64) metric {
	return metric{prometheus.NewDesc(name, help, nil, nil), prometheus.GaugeValue, value}
}

var metrics = []metric{
	counter("quorate_requests_verified_total", "Client signatures checked.", func(r *Replica) uint64 { return r.stats.RequestsVerified.Load() }),
	counter("quorate_payer_signatures_verified_total", "Signatures of signed transfers checked.", func(r *Replica) uint64 { return r.stats.PayersVerified.Load() }),
	counter("quorate_payer_signatures_bad_total", "Signatures of signed transfers that were bad.", func(r *Replica) uint64 { return r.stats.PayersBad.Load() }),
	counter("quorate_batches_proposed_total", "Batches that this replica proposed as primary.", func(r *Replica) uint64 { return r.stats.Batches.Load() }),
	counter("quorate_batch_requests_total", "Requests in those batches.", func(r *Replica) uint64 { return r.stats.BatchRequests.Load() }),
	counter("quorate_blocks_executed_total", "Slots executed.", func(r *Replica) uint64 { return r.stats.Blocks.Load() }),
	counter("quorate_events_executed_total", "Accounts and transfers executed, failed ones included.", func(r *Replica) uint64 { return r.stats.Events.Load() }),
	counter("quorate_replies_sent_total", "Certified replies to clients.", func(r *Replica) uint64 { return r.stats.Replies.Load() }),
	counter("quorate_replies_failed_total", "Replies whose client was gone.", func(r *Replica) uint64 { return r.stats.ReplyFailed.Load() }),
	counter("quorate_sends_failed_total", "Messages to replicas whose link was down or full.", func(r *Replica) uint64 { return r.stats.SendFailed.Load() }),
	counter("quorate_checkpoints_stable_total", "Stable checkpoints.", func(r *Replica) uint64 { return r.stats.Checkpoints.Load() }),
	counter("quorate_view_changes_total", "Views entered since start.", func(r *Replica) uint64 { return r.stats.ViewsEntered.Load() }),
	counter("quorate_complaints_total", "Complaints of this replica about a primary.", func(r *Replica) uint64 { return r.stats.Complaints.Load() }),
	counter("quorate_replicas_banned_total", "Replicas whose shares are ignored after a bad one.", func(r *Replica) uint64 { return r.stats.Banned.Load() }),
	counter("quorate_evidence_total", "Proofs of a faulty primary.", func(r *Replica) uint64 { return r.stats.Evidence.Load() }),
	counter("quorate_peer_malformed_total", "Frames of replicas that do not decode.", func(r *Replica) uint64 { return r.stats.PeerMalformed.Load() }),
	counter("quorate_peer_dropped_total", "Frames of replicas dropped because a ring was full.", func(r *Replica) uint64 { return r.stats.PeerDropped.Load() }),
	counter("quorate_peer_stale_total", "Forwarded requests that were executed before.", func(r *Replica) uint64 { return r.stats.PeerStale.Load() }),
	counter("quorate_blocks_served_total", "Blocks sent to replicas that were behind.", func(r *Replica) uint64 { return r.stats.BlocksServed.Load() }),
	gauge("quorate_view", "Current view.", func(r *Replica) float64 { return float64(r.view.Load()) }),
	gauge("quorate_view_active", "1 while the view is active, 0 on the way into it.", func(r *Replica) float64 { return flag(r.viewActive.Load()) }),
	gauge("quorate_slots_in_flight", "Slots proposed and not executed.", func(r *Replica) float64 { return float64(r.inFlight.Load()) }),
	gauge("quorate_executed_seq", "Last executed slot.", func(r *Replica) float64 { return float64(r.executed.Load().seq) }),
	gauge("quorate_stable_seq", "Last stable checkpoint.", func(r *Replica) float64 { return float64(r.stable.Load().State.Seq) }),
	gauge("quorate_ledger_seq", "Last slot that is durable in the ledger.", func(r *Replica) float64 { return float64(r.ledgerSeq.Load()) }),
	gauge("quorate_peers_up", "Replicas with a live link, this one included.", func(r *Replica) float64 { return float64(1 + r.peersUp.Load()) }),
	gauge("quorate_amnesia", "1 while this replica may not vote.", func(r *Replica) float64 { return flag(r.amnesia.Load()) }),
	gauge("quorate_disk_low", "1 while new requests are refused for want of disk.", func(r *Replica) float64 { return flag(r.diskLow.Load()) }),
	gauge("quorate_certificate_expiry_timestamp_seconds", "When this replica's TLS certificate ends, in seconds since 1970 UTC.", func(r *Replica) float64 { return float64(r.certExpiry.Load()) }),
	gauge("quorate_bodies_held", "Batches held in memory.", func(r *Replica) float64 { return float64(r.bodies.len()) }),
}

func flag(on bool) float64 {
	if on {
		return 1
	}
	return 0
}

var (
	descCommits  = prometheus.NewDesc("quorate_commits_total", "Slots committed, by path.", []string{"path"}, nil)
	descRejects  = prometheus.NewDesc("quorate_rejects_total", "Requests refused, by code.", []string{"code"}, nil)
	descPeerDrop = prometheus.NewDesc("quorate_peer_rejects_total", "Messages of replicas that changed nothing, by reason.", []string{"reason"}, nil)
	descQueue    = prometheus.NewDesc("quorate_queue_depth", "Items that wait for a stage.", []string{"stage"}, nil)
	descCPU      = prometheus.NewDesc("quorate_stage_cpu_seconds_total", "CPU time of the threads that stepped a stage.", []string{"stage"}, nil)
	descBusy     = prometheus.NewDesc("quorate_stage_busy_seconds_total", "Wall time in which a stage worked or waited for a disk or a processor, added up over its workers.", []string{"stage"}, nil)
	descSteps    = prometheus.NewDesc("quorate_stage_steps_total", "Steps of a stage that found work.", []string{"stage"}, nil)
	descWorkers  = prometheus.NewDesc("quorate_stage_workers", "Goroutines that step a stage.", []string{"stage"}, nil)
	descReply    = prometheus.NewDesc("quorate_reply_seconds", "From a request's arrival at this replica to its certified reply.", nil, nil)
	descSync     = prometheus.NewDesc("quorate_journal_sync_seconds", "Group syncs of the vote journal.", nil, nil)
	descExecute  = prometheus.NewDesc("quorate_execute_seconds", "Execution of one block.", nil, nil)
	descCommit   = prometheus.NewDesc("quorate_ledger_commit_seconds", "Group commits of the ledger.", nil, nil)
)

// Describe implements prometheus.Collector.
func (c collector) Describe(ch chan<- *prometheus.Desc) {
	for i := range metrics {
		ch <- metrics[i].desc
	}
	for _, d := range []*prometheus.Desc{descCommits, descRejects, descPeerDrop, descQueue, descCPU, descBusy, descSteps, descWorkers,
		descReply, descSync, descExecute, descCommit} {
		ch <- d
	}
}

// Collect implements prometheus.Collector.
func (c collector) Collect(ch chan<- prometheus.Metric) {
	r := c.r
	for i := range metrics {
		m := &metrics[i]
		ch <- prometheus.MustNewConstMetric(m.desc, m.kind, m.value(r))
	}
	count := func(d *prometheus.Desc, v uint64, label string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(v), label)
	}
	count(descCommits, r.stats.FastCommits.Load(), "fast")
	count(descCommits, r.stats.SlowCommits.Load(), "slow")
	for _, code := range wire.RejectCodes() {
		count(descRejects, r.stats.ClientRejects[code].Load(), code.String())
	}
	for i := range r.stats.PeerRejects {
		count(descPeerDrop, r.stats.PeerRejects[i].Load(), consensus.RejectReason(i).String())
	}
	for name, depth := range map[string]int{
		"verify": r.verify.requests.len(), "crypto": r.crypto.urgent.len() + r.crypto.checks.len(), "order": r.order.events.len(), "payers": r.payers.parts.len(),
		"batch": r.order.backlog(), "journal": r.journal.items.len(), "execute": r.execute.items.len(), "commit": r.commit.items.len(),
	} {
		ch <- prometheus.MustNewConstMetric(descQueue, prometheus.GaugeValue, float64(depth), name)
	}
	c.collectStages(ch)
	ch <- r.stats.ReplySeconds.metric(descReply)
	ch <- r.stats.SyncSeconds.metric(descSync)
	ch <- r.stats.ExecuteSeconds.metric(descExecute)
	ch <- r.stats.CommitSeconds.metric(descCommit)
}

// collectStages exports what each stage used. The sum of its CPU is less than
// that of the process by what belongs to no stage: the runtime and its garbage
// collector, what Pebble does in the background, the kernel's reads for the event
// loops.
func (c collector) collectStages(ch chan<- prometheus.Metric) {
	stages := c.r.StageStats()
	for _, more := range c.more {
		stages = append(stages, more())
	}
	for _, s := range stages {
		ch <- prometheus.MustNewConstMetric(descCPU, prometheus.CounterValue, s.CPUSeconds, s.Name)
		ch <- prometheus.MustNewConstMetric(descBusy, prometheus.CounterValue, s.BusySeconds, s.Name)
		ch <- prometheus.MustNewConstMetric(descSteps, prometheus.CounterValue, float64(s.Steps), s.Name)
		ch <- prometheus.MustNewConstMetric(descWorkers, prometheus.GaugeValue, float64(s.Workers), s.Name)
	}
}

// metric exports the histogram in seconds.
func (h *histogram) metric(d *prometheus.Desc) prometheus.Metric {
	buckets := make(map[float64]uint64, len(h.buckets))
	seen := uint64(0)
	for i := range h.buckets {
		seen += h.buckets[i].Load()
		buckets[float64(uint64(1)<<i)/1e6] = seen
	}
	m, err := prometheus.NewConstHistogram(d, seen, float64(h.nanos.Load())/1e9, buckets)
	if err != nil {
		return prometheus.NewInvalidMetric(d, fmt.Errorf("pipeline: %w", err))
	}
	return m
}

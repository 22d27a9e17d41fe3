package pipeline

import (
	"fmt"

	"github.com/prometheus/client_golang/prometheus"

	"quorate/consensus"
	"quorate/storage"
	"quorate/wire"
)

// What has labels, and histograms. Every label takes its values from a list of
// this program: no account, client or address is ever one, so that the number of
// series is the same for every cluster of a size.

var (
	descCommits    = prometheus.NewDesc("quorate_commits_total", "Slots committed, by path.", []string{"path"}, nil)
	descRejects    = prometheus.NewDesc("quorate_rejects_total", "Requests refused, by code.", []string{"code"}, nil)
	descPeerDrop   = prometheus.NewDesc("quorate_peer_rejects_total", "Messages of replicas that changed nothing, by reason.", []string{"reason"}, nil)
	descSignatures = prometheus.NewDesc("quorate_signature_work_total", "Signatures made, combined and verified, by kind of work.", []string{"work"}, nil)
	descQueue      = prometheus.NewDesc("quorate_queue_depth", "Items that wait in a ring.", []string{"queue"}, nil)
	descBound      = prometheus.NewDesc("quorate_queue_bound", "Items that a ring takes.", []string{"queue"}, nil)
	descSegments   = prometheus.NewDesc("quorate_journal_segments", "Segment files of the vote journal, by state.", []string{"state"}, nil)

	descCPU     = prometheus.NewDesc("quorate_stage_cpu_seconds_total", "CPU time of the threads that stepped a stage.", []string{"stage"}, nil)
	descBusy    = prometheus.NewDesc("quorate_stage_busy_seconds_total", "Wall time in which a stage worked or waited for a disk or a processor, added up over its workers.", []string{"stage"}, nil)
	descSteps   = prometheus.NewDesc("quorate_stage_steps_total", "Steps of a stage that found work.", []string{"stage"}, nil)
	descWorkers = prometheus.NewDesc("quorate_stage_workers", "Goroutines that step a stage.", []string{"stage"}, nil)
	descStep    = prometheus.NewDesc("quorate_stage_step_seconds", "Steps of a stage that found work: a batch, a block or a group each.", []string{"stage"}, nil)

	descReply        = prometheus.NewDesc("quorate_reply_seconds", "From a request's arrival at this replica to its certified reply.", nil, nil)
	descSync         = prometheus.NewDesc("quorate_journal_sync_seconds", "Group syncs of the vote journal.", nil, nil)
	descExecute      = prometheus.NewDesc("quorate_execute_seconds", "Execution of one block.", nil, nil)
	descCommit       = prometheus.NewDesc("quorate_ledger_commit_seconds", "Group commits of the ledger.", nil, nil)
	descSlot         = prometheus.NewDesc("quorate_slot_seconds", "From a slot's proposal here, or its arrival at a backup, until it is committed, executed, replied to.", []string{"until"}, nil)
	descSizeRequests = prometheus.NewDesc("quorate_batch_size_requests", "Requests in batches that this replica proposed.", nil, nil)
	descSizeEvents   = prometheus.NewDesc("quorate_batch_size_events", "Accounts and transfers in batches that this replica proposed.", nil, nil)
)

// ledgerMetric is one value that Pebble gives. All of them come of one question.
type ledgerMetric struct {
	desc  *prometheus.Desc
	kind  prometheus.ValueType
	value func(*storage.LedgerStats) float64
}

func ofLedger(name, help string, kind prometheus.ValueType, value func(*storage.LedgerStats) float64) ledgerMetric {
	return ledgerMetric{prometheus.NewDesc(name, help, nil, nil), kind, value}
}

var ledgerMetrics = []ledgerMetric{
	ofLedger("quorate_ledger_taken_bytes_total", "Bytes of tables that blocks became without a memtable.", prometheus.CounterValue, func(s *storage.LedgerStats) float64 { return float64(s.TakenBytes) }),
	ofLedger("quorate_ledger_flushed_bytes_total", "Bytes of tables that Pebble's flushes wrote.", prometheus.CounterValue, func(s *storage.LedgerStats) float64 { return float64(s.FlushedBytes) }),
	ofLedger("quorate_ledger_compacted_bytes_total", "Bytes of tables that Pebble's compactions wrote.", prometheus.CounterValue, func(s *storage.LedgerStats) float64 { return float64(s.CompactedBytes) }),
	ofLedger("quorate_ledger_flushes_total", "Pebble's flushes.", prometheus.CounterValue, func(s *storage.LedgerStats) float64 { return float64(s.Flushes) }),
	ofLedger("quorate_ledger_compactions_total", "Pebble's compactions.", prometheus.CounterValue, func(s *storage.LedgerStats) float64 { return float64(s.Compactions) }),
	ofLedger("quorate_ledger_stalls_total", "Times that Pebble made writers wait.", prometheus.CounterValue, func(s *storage.LedgerStats) float64 { return float64(s.Stalls) }),
	ofLedger("quorate_ledger_stalled_seconds_total", "How long Pebble made writers wait.", prometheus.CounterValue, func(s *storage.LedgerStats) float64 { return s.StalledSeconds }),
	ofLedger("quorate_ledger_cache_hits_total", "Blocks that Pebble found in its cache.", prometheus.CounterValue, func(s *storage.LedgerStats) float64 { return float64(s.CacheHits) }),
	ofLedger("quorate_ledger_cache_misses_total", "Blocks that Pebble read from its files.", prometheus.CounterValue, func(s *storage.LedgerStats) float64 { return float64(s.CacheMiss) }),
	ofLedger("quorate_ledger_compaction_debt_bytes", "Estimate of what Pebble has yet to compact.", prometheus.GaugeValue, func(s *storage.LedgerStats) float64 { return float64(s.DebtBytes) }),
	ofLedger("quorate_ledger_memtable_bytes", "Memory of Pebble's memtables.", prometheus.GaugeValue, func(s *storage.LedgerStats) float64 { return float64(s.MemTableBytes) }),
	ofLedger("quorate_ledger_table_bytes", "Bytes of Pebble's live tables.", prometheus.GaugeValue, func(s *storage.LedgerStats) float64 { return float64(s.TableBytes) }),
	ofLedger("quorate_ledger_level0_files", "Tables of Pebble's level 0.", prometheus.GaugeValue, func(s *storage.LedgerStats) float64 { return float64(s.Level0Files) }),
}

// Describe implements prometheus.Collector.
func (c collector) Describe(ch chan<- *prometheus.Desc) {
	for i := range metrics {
		ch <- metrics[i].desc
	}
	for i := range ledgerMetrics {
		ch <- ledgerMetrics[i].desc
	}
	for _, d := range []*prometheus.Desc{descCommits, descRejects, descPeerDrop, descSignatures, descQueue, descBound, descSegments,
		descCPU, descBusy, descSteps, descWorkers, descStep,
		descReply, descSync, descExecute, descCommit, descSlot, descSizeRequests, descSizeEvents} {
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
	ledger := r.ledgerStats()
	for i := range ledgerMetrics {
		m := &ledgerMetrics[i]
		ch <- prometheus.MustNewConstMetric(m.desc, m.kind, m.value(&ledger))
	}
	c.collectCounts(ch)
	c.collectQueues(ch)
	c.collectStages(ch)
	ch <- r.stats.ReplySeconds.seconds(descReply, 1)
	ch <- r.stats.SyncSeconds.seconds(descSync, 1)
	ch <- r.stats.ExecuteSeconds.seconds(descExecute, 1)
	ch <- r.stats.CommitSeconds.seconds(descCommit, 1)
	ch <- r.stats.SlotCommitted.seconds(descSlot, 1, "commit")
	ch <- r.stats.SlotExecuted.seconds(descSlot, 1, "execute")
	ch <- r.stats.SlotReplied.seconds(descSlot, 1, "reply")
	ch <- r.stats.SizeRequests.export(descSizeRequests, 0, sizeBucketLast, 1, 1)
	ch <- r.stats.SizeEvents.export(descSizeEvents, 0, sizeBucketLast, 1, 1)
}

func (c collector) collectCounts(ch chan<- prometheus.Metric) {
	s := &c.r.stats
	count := func(d *prometheus.Desc, v uint64, label string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(v), label)
	}
	count(descCommits, s.FastCommits.Load(), "fast")
	count(descCommits, s.SlowCommits.Load(), "slow")
	for _, code := range wire.RejectCodes() {
		count(descRejects, s.ClientRejects[code].Load(), code.String())
	}
	for i := range s.PeerRejects {
		count(descPeerDrop, s.PeerRejects[i].Load(), consensus.RejectReason(i).String())
	}
	for i := range s.Signatures {
		count(descSignatures, s.Signatures[i].Load(), signatureWorkNames[i])
	}
}

func (c collector) collectQueues(ch chan<- prometheus.Metric) {
	now := func(d *prometheus.Desc, v int, label string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, float64(v), label)
	}
	queue := func(name string, waiting, bound int) {
		now(descQueue, waiting, name)
		now(descBound, bound, name)
	}
	c.r.Queues(queue)
	queue("batch", c.r.order.backlog(), c.r.cfg.RequestQueueMax) // no ring: requests that wait for a batch or for another primary
	j := c.r.kept.read()
	now(descSegments, j.SegmentFiles-j.SegmentsFree, "live")
	now(descSegments, j.SegmentsFree, "free")
}

// collectStages exports what each stage used. The sum of its CPU is less than
// that of the process by what belongs to no stage: the runtime and its garbage
// collector, what Pebble does in the background, the kernel's reads for the event
// loops.
func (c collector) collectStages(ch chan<- prometheus.Metric) {
	stages := c.r.StageStats()
	for i := range stages {
		// Every second bucket: the stages together would else have three hundred.
		ch <- c.r.took[i].seconds(descStep, 2, stages[i].Name)
	}
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

// What is exported of a histogram: 16 µs to 17 s, and sizes up to 8,192 events or
// requests, the most that a batch of full requests has and more.
const (
	secondsBucketFirst = 4
	secondsBucketLast  = 24
	sizeBucketLast     = 16
)

// seconds exports a histogram of durations, every step-th bucket of it.
func (h *histogram) seconds(d *prometheus.Desc, step int, labels ...string) prometheus.Metric {
	return h.export(d, secondsBucketFirst, secondsBucketLast, step, 1e6, labels...)
}

// export gives buckets first to last, every step-th; unit values of a bucket are
// one of the metric. A scrape in the middle of an observation sees it in part.
func (h *histogram) export(d *prometheus.Desc, first, last, step int, unit float64, labels ...string) prometheus.Metric {
	buckets := make(map[float64]uint64, (last-first)/step+1)
	seen := uint64(0)
	for i := range h.buckets {
		seen += h.buckets[i].Load()
		if i >= first && i <= last && (i-first)%step == 0 {
			buckets[float64(uint64(1)<<i)/unit] = seen
		}
	}
	sum := float64(h.nanos.Load())
	if unit != 1 {
		sum /= 1e9
	}
	m, err := prometheus.NewConstHistogram(d, seen, sum, buckets, labels...)
	if err != nil {
		return prometheus.NewInvalidMetric(d, fmt.Errorf("pipeline: %w", err))
	}
	return m
}

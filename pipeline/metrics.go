package pipeline

import (
	"github.com/prometheus/client_golang/prometheus"
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
	counter("quorate_requests_received_total", "Requests that clients sent here, refused ones included.", func(r *Replica) uint64 { return r.stats.RequestsReceived.Load() }),
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
	counter("quorate_evidence_total", "Proofs of a faulty primary: of its own eyes, and kept ones; one lie may be both.", func(r *Replica) uint64 { return r.stats.Evidence.Load() }),
	counter("quorate_peer_malformed_total", "Frames of replicas that do not decode.", func(r *Replica) uint64 { return r.stats.PeerMalformed.Load() }),
	counter("quorate_peer_dropped_total", "Frames of replicas dropped because a ring was full.", func(r *Replica) uint64 { return r.stats.PeerDropped.Load() }),
	counter("quorate_peer_stale_total", "Forwarded requests that were executed before.", func(r *Replica) uint64 { return r.stats.PeerStale.Load() }),
	counter("quorate_blocks_served_total", "Blocks sent to replicas that were behind.", func(r *Replica) uint64 { return r.stats.BlocksServed.Load() }),
	counter("quorate_journal_written_bytes_total", "Bytes written to the vote journal, padding included.", func(r *Replica) uint64 { return r.kept.read().Bytes }),
	counter("quorate_journal_records_total", "Records written to the vote journal.", func(r *Replica) uint64 { return r.kept.read().Records }),
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

package main

import (
	"maps"
	"slices"
	"time"

	"quorate/bench/record"
	"quorate/internal/scrape"
)

// moment is a reading of everything at one time.
type moment struct {
	at       time.Time
	replicas map[int]reading
	loadgen  usage
}

// window is what happened between two moments, of the replicas that ran
// throughout.
type window struct {
	begin, end moment
	both       []int
}

func newWindow(begin, end moment) window {
	w := window{begin: begin, end: end}
	for _, i := range slices.Sorted(maps.Keys(begin.replicas)) {
		if _, ok := end.replicas[i]; ok {
			w.both = append(w.both, i)
		}
	}
	return w
}

// grown is by how much a metric of replica i grew.
func (w *window) grown(i int, metric string) float64 {
	return w.end.replicas[i].metrics[metric] - w.begin.replicas[i].metrics[metric]
}

// sum is by how much a metric grew at all replicas together.
func (w *window) sum(metric string) (total float64) {
	for _, i := range w.both {
		total += w.grown(i, metric)
	}
	return total
}

// most is by how much it grew where it grew most.
func (w *window) most(metric string) (highest float64) {
	for _, i := range w.both {
		highest = max(highest, w.grown(i, metric))
	}
	return highest
}

// figures adds what the window tells. Each replica is counted per payment and
// block that it executed itself: readings of two replicas are not of one instant.
func (w *window) figures(cores int, out map[string]float64) {
	const micro = 1e6
	span := w.end.at.Sub(w.begin.at).Seconds()
	events, blocks := w.most("quorate_events_executed_total"), w.most("quorate_blocks_executed_total")
	if span <= 0 || events == 0 || blocks == 0 || len(w.both) == 0 {
		return
	}
	cpu := w.end.loadgen.cpu - w.begin.loadgen.cpu
	out["loadgen_cpu_us_per_payment"] = micro * cpu / events
	for _, i := range w.both {
		begin, end := w.begin.replicas[i], w.end.replicas[i]
		cpu += end.cpu - begin.cpu
		out["replica_memory_max_bytes"] = max(out["replica_memory_max_bytes"], float64(end.memoryMax))
		mine, mineBlocks := w.grown(i, "quorate_events_executed_total"), w.grown(i, "quorate_blocks_executed_total")
		if mine == 0 || mineBlocks == 0 {
			continue
		}
		out["replica_cpu_us_per_payment"] += micro * (end.cpu - begin.cpu) / mine
		out["written_bytes_per_payment"] += float64(end.written-begin.written) / mine
		out["sent_bytes_per_payment"] += w.grown(i, scrape.Labelled("quorate_link_bytes_total", "out")) / mine
		out["sent_bytes_per_block"] += w.grown(i, scrape.Labelled("quorate_link_bytes_total", "out")) / mineBlocks
		out["sent_frames_per_block"] += w.grown(i, scrape.Labelled("quorate_link_frames_total", "out")) / mineBlocks
		out["syncs_per_block"] += w.grown(i, "quorate_journal_sync_seconds_count") / mineBlocks
	}
	out["cpu_busy_ratio"] = cpu / span / float64(max(cores, 1))
	out["loadgen_memory_max_bytes"] = float64(w.end.loadgen.memoryMax)
	out["payments_per_block"] = events / blocks
	out["blocks_per_second"] = blocks / span
	syncs := w.sum("quorate_journal_sync_seconds_count")
	out["syncs_per_second"] = syncs / span
	if syncs > 0 {
		out["sync_ms"] = 1000 * w.sum("quorate_journal_sync_seconds_sum") / syncs
	}
	if commits := w.sum("quorate_commits_total"); commits > 0 {
		out["slow_path_share"] = w.sum(scrape.Labelled("quorate_commits_total", "slow")) / commits
	}
	out["view_changes"] = w.most("quorate_view_changes_total")
}

// figures adds what loadgen tells.
func (r *loadResult) figures(p *record.Parameters, out map[string]float64) {
	out["payments_per_second"] = r.Achieved
	out["requests_per_second"] = r.Achieved / float64(p.Batch)
	out["outage_seconds"] = r.Silence.Seconds
	for _, q := range []string{"p50", "p90", "p99", "p99.9", "max"} {
		out["latency_"+q+"_ms"] = r.Latency[q]
	}
	out["overload_rejects"] = float64(r.Client.Overloads)
	out["resent_requests"] = float64(r.Client.Resent)
	if r.Measured.Offered > 0 {
		out["dropped_share"] = float64(r.Measured.Dropped) / float64(r.Measured.Offered)
	}
}

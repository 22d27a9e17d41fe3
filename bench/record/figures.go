package record

// Better says which way a figure improves.
type Better int

// The ways.
const (
	Neither Better = iota // it explains others
	Higher
	Lower
)

// Figure is what one measured number means.
type Figure struct {
	Name   string
	Unit   string
	Better Better
	Means  string
}

// figures is the table of all figures, in the order in which they are shown.
var figures = []Figure{
	{"payments_per_second", "/s", Higher, "payments answered with proof while the load ran, after the warm-up"},
	{"requests_per_second", "/s", Higher, "the same in requests"},
	{"latency_p50_ms", "ms", Lower, "from when a payment was meant to leave until its proof was checked; with rate max, from when it left"},
	{"latency_p90_ms", "ms", Lower, "its 90th percentile"},
	{"latency_p99_ms", "ms", Lower, "its 99th percentile"},
	{"latency_p99.9_ms", "ms", Lower, "its 99.9th percentile"},
	{"latency_max_ms", "ms", Lower, "its highest"},
	{"peak_payments_per_second", "/s", Neither, "payments per second at rate max on the same cluster, before the load"},
	{"goodput_ratio", "", Higher, "payments per second over the peak of the same run"},
	{"outage_seconds", "s", Lower, "longest time without any answer while the load ran"},
	{"replica_cpu_us_per_payment", "µs", Lower, "CPU time of all replicas together, user and system, per payment executed"},
	{"loadgen_cpu_us_per_payment", "µs", Lower, "CPU time of the load generator per payment executed"},
	{"cpu_busy_ratio", "", Neither, "CPU time of replicas and load generator over what the host's processors could give"},
	{"ledger_bytes_per_payment", "B", Lower, "growth of all replicas' ledgers on disk, after a clean stop, per payment executed; without the vote journals, whose size is bounded"},
	{"journal_bytes", "B", Neither, "vote journals of all replicas on disk, after a clean stop"},
	{"written_bytes_per_payment", "B", Lower, "bytes that all replicas had the kernel write to disk, journals and compactions included, per payment executed"},
	{"syncs_per_block", "", Lower, "group syncs of all replicas' vote journals per block"},
	{"syncs_per_second", "/s", Neither, "the same per second"},
	{"sync_ms", "ms", Lower, "mean time of one group sync"},
	{"replica_memory_max_bytes", "B", Lower, "highest resident memory of any replica"},
	{"loadgen_memory_max_bytes", "B", Neither, "highest resident memory of the load generator"},
	{"sent_bytes_per_block", "B", Lower, "bytes that all replicas together sent, to replicas and clients, per block"},
	{"sent_frames_per_block", "", Lower, "frames that all replicas together sent per block"},
	{"sent_bytes_per_payment", "B", Lower, "bytes that all replicas together sent per payment executed"},
	{"payments_per_block", "", Neither, "payments per block"},
	{"blocks_per_second", "/s", Neither, "blocks per second"},
	{"slow_path_share", "", Lower, "share of blocks that committed on the slow path"},
	{"view_changes", "", Lower, "views entered while the load ran, by the replica that entered most"},
	{"overload_rejects", "", Neither, "refusals for want of room that clients got, and waited for"},
	{"resent_requests", "", Neither, "requests that clients sent again"},
	{"dropped_share", "", Neither, "share of the offered payments that never left: every client's window was full"},
	{"crypto_us_per_block", "µs", Lower, "CPU time in signatures of all replicas together, per block"},
	{"busiest_crypto_us_per_block", "µs", Lower, "CPU time in signatures of the busiest replica, per block"},
	{"bytes_per_block_per_replica", "B", Lower, "bytes of messages between replicas per block, over the number of replicas; with a batch of one payment"},
	{"messages_per_block", "", Lower, "messages between replicas per block"},
	{"messages_per_block_per_replica", "", Lower, "messages between replicas per block, over the number of replicas"},
	{"message_bytes_per_block", "B", Lower, "bytes of messages between replicas per block, with a batch of one payment"},
}

// Figures gives the table.
func Figures() []Figure { return append([]Figure(nil), figures...) }

// FigureOf finds a figure by its name.
func FigureOf(name string) (Figure, bool) {
	for _, f := range figures {
		if f.Name == name {
			return f, true
		}
	}
	return Figure{}, false
}

package tuning

import "fmt"

const (
	mib = 1 << 20
	gib = 1 << 30
)

// word is a setting that is no number; it has one default in all profiles.
type word struct {
	key, unit, value string
	reason           string
	at               func(*Profile) *string
	check            func(string) error
}

// The keys of the words, and a default that errors name.
const (
	metricsAddrKey     = "metrics_addr"
	metricsAddrDefault = "127.0.0.1:9464"
	consoleKey         = "console"
	otlpEndpointKey    = "otlp_endpoint"
)

// What the setting console may be.
const (
	ConsoleAuto = "auto" // on a loopback address alone
	ConsoleOn   = "true"
	ConsoleOff  = "false"
)

// words is the other part of the table of settings (invariant T1).
var words = []word{
	{metricsAddrKey, "host:port", metricsAddrDefault,
		"Where Prometheus finds /metrics, and a browser the console. Loopback, because metrics show volumes to anyone who can connect; 9464 is the port of exporters by convention.",
		func(p *Profile) *string { return &p.MetricsAddr }, checkAddr},
	{consoleKey, "mode", ConsoleAuto,
		"Whether metrics_addr also serves the console: true, false, or auto, which is true on a loopback address and false elsewhere. It changes nothing and asks nobody who they are, and it shows accounts and the contents of blocks.",
		func(p *Profile) *string { return &p.Console }, checkConsole},
	{otlpEndpointKey, "URL", "",
		"Where traces go, by OTLP over HTTP: http://127.0.0.1:4318 is a collector's usual place. Empty is nowhere. It does nothing while trace_sample is 0.",
		func(p *Profile) *string { return &p.OTLPEndpoint }, checkEndpoint},
}

func wordOf(key string) *word {
	for i := range words {
		if words[i].key == key {
			return &words[i]
		}
	}
	return nil
}

// number is one numeric setting.
type number struct {
	key      string // as in config.yaml; QUORATE_ and capitals in the environment; dashes as a flag
	unit     string
	min, max int
	defaults [5]int // dev, latency, balanced, throughput, wan
	reason   string // what it does, and what the range and the defaults follow from
	at       func(*Profile) *int
}

func (f *number) check(v int) error {
	if v < f.min || v > f.max {
		return fmt.Errorf("%w: %s: %d is outside %d to %d %s", ErrProfile, f.key, v, f.min, f.max, f.unit)
	}
	return nil
}

func numberOf(key string) *number {
	for i := range numbers {
		if numbers[i].key == key {
			return &numbers[i]
		}
	}
	return nil
}

// numbers is the table of settings (invariant T1).
var numbers = []number{
	{"batch_events_max", "events", 8189, 32768, [5]int{8189, 8189, 8189, 16378, 32756},
		"A batch closes at this many events. A block costs 4 to 7 ms of CPU for BLS in all replicas together, so 5,000 to 10,000 events bring that below 1 µs each; the least value is one full request, so that none is too large for a batch.",
		func(p *Profile) *int { return &p.BatchEventsMax }},
	{"batch_bytes_max", "bytes", mib, 4 * mib, [5]int{mib, mib, 2 * mib, 4 * mib, 4 * mib},
		"A batch closes at this many bytes. One full request takes 1 MiB, the wire format allows 4 MiB, 8,192 small requests take 1.7 MiB.",
		func(p *Profile) *int { return &p.BatchBytesMax }},
	{"batch_delay_micros", "µs", 0, 1_000_000, [5]int{50_000, 10_000, 50_000, 100_000, 50_000},
		"Behind a busy window the oldest request waits at most this long for company. A slot costs 5 to 10 ms of CPU whatever is in it: closing one every 5 ms kept two cores busy with 40 requests in each and let the queue grow to seconds.",
		func(p *Profile) *int { return &p.BatchDelayMicros }},
	{"batch_eager_slots", "slots", 0, 1024, [5]int{2, 4, 2, 2, 8},
		"With fewer slots than this in flight a batch is proposed at once: an idle cluster does not wait, a busy one fills blocks while the slots before are agreed on, so the batch grows with the load by itself. Behind a batch of 128 requests and more the next waits as long as a slot takes, whatever is in flight: one-event requests went from 8,000 to 11,800/s, medians of three runs on a busy host. 0 always waits.",
		func(p *Profile) *int { return &p.BatchEagerSlots }},
	{"slots_in_flight_max", "slots", 1, 1024, [5]int{16, 32, 32, 16, 128},
		"Slots that a primary has open at once, within the window of genesis. Rate × round trip ÷ batch: 60 blocks/s over 200 ms need 12; times batch_bytes_max it bounds memory.",
		func(p *Profile) *int { return &p.SlotsInFlightMax }},
	{"tick_micros", "µs", 1000, 100_000, [5]int{5000, 5000, 5000, 5000, 5000},
		"Length of the consensus core's tick. All its timers are whole ticks; 5 ms is a tenth of the shortest timer and costs 200 wake-ups a second.",
		func(p *Profile) *int { return &p.TickMicros }},
	{"fast_path_wait_ticks", "ticks", 1, 1000, [5]int{20, 4, 8, 12, 60},
		"How long collectors wait for all σ shares after enough τ shares, before the slow path (δ). It adapts to the measured slot time from this start: about twice a signature and a group fsync on a loaded host, plus the round trip.",
		func(p *Profile) *int { return &p.FastPathWaitTicks }},
	{"view_change_ticks", "ticks", 10, 100_000, [5]int{400, 100, 200, 300, 800},
		"A replica that knows a request and sees no progress for this long complains about the primary. A primary whose links are down is given up after a quarter of a second whatever this says; it is for one that is silent, and on a busy host a shorter time suspects honest primaries.",
		func(p *Profile) *int { return &p.ViewChangeTicks }},
	{"view_change_ticks_max", "ticks", 10, 1_000_000, [5]int{2400, 2000, 2000, 2400, 12_000},
		"The timer doubles with each view that made no progress, up to this cap: 10 to 60 s. Without a cap one dead validator stalls a cluster for minutes.",
		func(p *Profile) *int { return &p.ViewChangeTicksMax }},
	{"verify_workers", "threads", 0, 256, [5]int{1, 0, 0, 0, 0},
		"Threads that check client signatures: 18 µs each in batches, the largest cost per small request. 0 takes half of the cores.",
		func(p *Profile) *int { return &p.VerifyWorkers }},
	{"sign_workers", "threads", 0, 256, [5]int{1, 0, 1, 1, 1},
		"Threads that sign and combine BLS shares: 153 µs per signature, 1 ms per check, 30 to 60 blocks a second, so one is a tenth busy. 0 takes a quarter of the cores.",
		func(p *Profile) *int { return &p.SignWorkers }},
	{"peer_queue_bytes", "bytes", 8 * mib, gib, [5]int{32 * mib, 64 * mib, 64 * mib, 128 * mib, 256 * mib},
		"Bytes that wait for one peer before the peer counts as stuck. It holds one round trip of blocks: 60 MB/s over 200 ms are 12 MB, and a view change of a full window.",
		func(p *Profile) *int { return &p.PeerQueueBytes }},
	{"pack_bytes_min", "bytes", 0, 4 * mib, [5]int{0, 0, 0, 0, 4096},
		"Frames to other replicas from this size on are compressed (S2, about 2.3 times, 1 ms of CPU per MiB at each end). It pays where bandwidth is dear: between regions. 0 never. A replica takes either.",
		func(p *Profile) *int { return &p.PackBytesMin }},
	{"client_queue_requests", "requests", 1, 64, [5]int{64, 64, 64, 64, 64},
		"Requests of one client that are under way at once on this replica; the next is refused with a typed error and the time to wait. The session window of 64 is the most; rate × latency: 5,000/s in 10 ms are 50.",
		func(p *Profile) *int { return &p.ClientQueueRequests }},
	{"client_rate", "requests/s", 0, 10_000_000, [5]int{0, 0, 0, 0, 0},
		"Requests that one client may send to this replica per second, after a burst of one window; the excess is refused with the time to wait. 0 is unlimited: fairness between clients holds without it, because batches are filled in turn, one request per client.",
		func(p *Profile) *int { return &p.ClientRate }},
	{"client_connections_max", "connections", 1, 65_536, [5]int{256, 1024, 1024, 1024, 1024},
		"Client connections at once; a TLS connection takes 26 KB. Below the limit of open files, because accepting beyond that stops the listener.",
		func(p *Profile) *int { return &p.ClientConnectionsMax }},
	{"request_queue_max", "requests", 64, 1_048_576, [5]int{4096, 8192, 16_384, 32_768, 32_768},
		"Verified requests of all clients that wait for a batch. Two to four batches of small requests: more only adds waiting.",
		func(p *Profile) *int { return &p.RequestQueueMax }},
	{"request_queue_bytes", "bytes", 2 * mib, gib, [5]int{8 * mib, 8 * mib, 16 * mib, 32 * mib, 64 * mib},
		"Bytes of the same. Full requests come at 35 MB/s and more, so this is half a second of waiting; the rest is refused with the time to wait, and clients keep fewer under way. Without it answers came after the clients' patience, and copies of 1 MiB from every replica took the primary down.",
		func(p *Profile) *int { return &p.RequestQueueBytes }},
	{"journal_segment_bytes", "bytes", 8 * mib, 4 * gib, [5]int{16 * mib, 32 * mib, 32 * mib, 64 * mib, 64 * mib},
		"Size of a preallocated file of the vote journal; four are written with zeros at the first start. Four replicas with 256 MiB each kept a 150 MB/s disk busy for half a minute, and every vote waited behind it. Switching costs two fsyncs, 0.6 ms; space is freed by whole files.",
		func(p *Profile) *int { return &p.JournalSegmentBytes }},
	{"block_cache_bytes", "bytes", mib, 1024 * gib, [5]int{16 * mib, 64 * mib, 64 * mib, 256 * mib, 256 * mib},
		"Pebble's cache of blocks read. Accounts are in memory, so it serves queries alone.",
		func(p *Profile) *int { return &p.BlockCacheBytes }},
	{"mem_table_bytes", "bytes", mib, 2 * gib, [5]int{8 * mib, 32 * mib, 32 * mib, 64 * mib, 64 * mib},
		"Pebble's write buffer; at most two exist. It holds pages of checkpoints and small blocks; a quarter of it in staged blocks becomes a table without it.",
		func(p *Profile) *int { return &p.MemTableBytes }},
	{"ledger_compression", "mode", 0, 2, [5]int{0, 0, 0, 0, 1},
		"How the ledger's tables are packed: 0 not (143 bytes per payment), 1 MinLZ (57, 0.7 ms of CPU per full block), 2 zstd (42, 5 ms). At 500,000 payments/s on two cores 1 costs 9 % of the CPU of four replicas, so only profile wan, whose rate is lower, has it. It may change at any start.",
		func(p *Profile) *int { return &p.LedgerCompression }},
	{"gc_percent", "percent", 10, 10_000, [5]int{100, 400, 200, 400, 400},
		"Go's GOGC. Large tables hold no pointers, so a cycle is short; a higher value trades memory for fewer of them.",
		func(p *Profile) *int { return &p.GCPercent }},
	{"gc_headroom_bytes", "bytes", 0, 1024 * gib, [5]int{128 * mib, 512 * mib, 512 * mib, 512 * mib, 512 * mib},
		"At most so much is allocated between two collections, whatever gc_percent allows. The index of transfer ids lives for ever and is a gigabyte after 75 million transfers: 400 % of that filled a host of 24 GiB with four replicas. What lives is mostly tables without pointers, so a collection costs little. 0 leaves gc_percent alone.",
		func(p *Profile) *int { return &p.GCHeadroomBytes }},
	{"max_procs", "threads", 0, 1024, [5]int{0, 0, 0, 0, 0},
		"Go's GOMAXPROCS. 0 takes all cores that the process may use.",
		func(p *Profile) *int { return &p.MaxProcs }},
	{"pin_threads", "mode", PinNever, PinAlways, [5]int{PinNever, PinAuto, PinAuto, PinAuto, PinAuto},
		"Whether stages and event loops are tied to processors (replica tuning detect shows where). 0 never, 1 when this process has 8 physical cores for itself, 2 always. Below that a pinned thread waits for its core while another stands idle, and replicas that share a machine choose the same cores.",
		func(p *Profile) *int { return &p.PinThreads }},
	{"trace_sample", "requests", 0, 1_000_000_000, [5]int{0, 0, 0, 0, 0},
		"One request in so many is traced through its stages (/debug/traces, otlp_endpoint). 0 traces none. The choice follows from the request, so with one number everywhere all replicas trace the same ones. A traced request costs a primary 4 µs (BenchmarkTrace), another one look at the clock, 0.2 µs.",
		func(p *Profile) *int { return &p.TraceSample }},
}

// VerifyThreads resolves VerifyWorkers for a host of this many cores.
func (p *Profile) VerifyThreads(cores int) int { return resolve(p.VerifyWorkers, cores/2) }

// SignThreads resolves SignWorkers for a host of this many cores.
func (p *Profile) SignThreads(cores int) int { return resolve(p.SignWorkers, cores/4) }

func resolve(set, byCores int) int {
	if set > 0 {
		return set
	}
	return max(byCores, 1)
}

package outcome

import (
	"runtime"
	"time"

	"quorate/client"
)

// Kinds of files, and the version of each kind's schema (Invariant O1).
const (
	KindRun    = "run"    // one load
	KindReplay = "replay" // a CSV that was sent
	KindMerged = "merged" // several loads that ran at once
	KindSweep  = "sweep"  // many loads, one after the other

	Schema = 1
)

// Run is the content of result.json. Rates are payments per second, times are
// seconds unless a name ends in _ms.
type Run struct {
	Schema  int       `json:"schema"`
	Kind    string    `json:"kind"`
	RunID   string    `json:"run_id"` // 16 hex digits: the high half of the ids of its transfers
	Started time.Time `json:"started"`
	Commit  string    `json:"commit"` // version of this loadgen

	Cluster  string `json:"cluster"` // hash of the genesis, hex
	Replicas int    `json:"replicas"`
	F        int    `json:"f"`
	C        int    `json:"c"`

	Workload string  `json:"workload"`
	Rate     string  `json:"rate"` // as asked for: a number, max, trace or in order
	Arrivals string  `json:"arrivals,omitempty"`
	Batch    int     `json:"batch"` // payments per request
	Clients  int     `json:"clients"`
	InFlight int     `json:"in_flight,omitempty"` // requests per client, closed loop only
	Accounts uint64  `json:"accounts"`
	Seed     uint64  `json:"seed"`
	Duration float64 `json:"duration_seconds"` // warm-up included
	Warmup   float64 `json:"warmup_seconds"`
	Seconds  float64 `json:"measured_seconds"`

	Measured    Counts             `json:"measured"`
	Whole       Counts             `json:"whole_run"`
	Errors      map[string]uint64  `json:"errors_by_code"`      // payments of the whole run, by stable code
	Achieved    float64            `json:"achieved_per_second"` // while the load ran
	Outstanding float64            `json:"outstanding_mean"`    // requests that were due and not answered, mean over time
	Silence     Silence            `json:"longest_silence"`
	LatencyMS   map[string]float64 `json:"latency_ms"` // p50 p90 p99 p99.9 max mean, per payment
	Histogram   string             `json:"latency_histogram,omitempty"`
	CPU         float64            `json:"cpu_seconds"` // of this process, user and system, while it measured
	Memory      uint64             `json:"memory_max_bytes"`

	Client   client.Stats `json:"client"`
	Host     Host         `json:"host"`
	FirstErr string       `json:"first_error,omitempty"`
	Signed   *Signed      `json:"signed,omitempty"`
	Events   []Event      `json:"events,omitempty"`
	Parts    []string     `json:"parts,omitempty"` // run ids, of a merged run
	Audit    *Audit       `json:"audit"`
}

// Counts are payments.
type Counts struct {
	Offered  uint64 `json:"offered"`
	Achieved uint64 `json:"achieved"` // answered with proof, as expected
	Late     uint64 `json:"late"`     // left more than 20 ms behind their time
	Dropped  uint64 `json:"dropped"`  // never left
	Errors   uint64 `json:"errors"`   // refused, or answered in an unexpected way
	Unknown  uint64 `json:"unknown"`  // no answer
}

// Plus adds o.
func (c *Counts) Plus(o *Counts) {
	c.Offered += o.Offered
	c.Achieved += o.Achieved
	c.Late += o.Late
	c.Dropped += o.Dropped
	c.Errors += o.Errors
	c.Unknown += o.Unknown
}

// Silence is the longest time without any answer while the load was measured:
// an outage as clients see it.
type Silence struct {
	Seconds float64 `json:"seconds"`
	At      float64 `json:"at"` // when it began, seconds after the start
}

// Host is where the load came from; without it no figure means anything.
type Host struct {
	CPUs int    `json:"cpus"`
	OS   string `json:"os"`
	Arch string `json:"arch"`
	Go   string `json:"go"`
}

// ThisHost describes the machine that this process runs on.
func ThisHost() Host {
	return Host{CPUs: runtime.NumCPU(), OS: runtime.GOOS, Arch: runtime.GOARCH, Go: runtime.Version()}
}

// Signed is what a result says of signatures of payers.
type Signed struct {
	Payers  int     `json:"payers"`
	Ahead   int     `json:"signed_before_the_clock"`
	Late    uint64  `json:"signed_while_it_ran"`
	Seconds float64 `json:"signing_seconds"`
}

// Event is something that was done to the cluster, or that it did.
type Event struct {
	At   float64 `json:"at"`   // seconds after the start
	Kind string  `json:"kind"` // chaos: done by us; view: a new view was seen
	Text string  `json:"text"`
}

// Audit is what was found after a run. Every number is compared with another
// that was counted elsewhere; Faults lists what differs.
type Audit struct {
	Acked        uint64   `json:"acked"`         // payments acknowledged with proof
	Checked      uint64   `json:"checked"`       // of those, looked up and compared field by field
	FoundOnce    uint64   `json:"found_once"`    // by lookup, or by the totals where not all were looked up
	Unanswered   int      `json:"unanswered"`    // requests without an answer
	FoundLater   uint64   `json:"found_later"`   // payments of those that were executed
	Balanced     bool     `json:"balanced"`      // debits = credits on every ledger
	DigestsEqual int      `json:"digests_equal"` // replicas with the same state digest at the same seq
	Replicas     int      `json:"replicas"`
	Receipts     int      `json:"receipts"` // verified offline
	ReceiptsHad  int      `json:"receipts_had"`
	Before       uint64   `json:"ledger_transfers_before"` // of all ledgers, before the load
	After        uint64   `json:"ledger_transfers_after"`  // and at the audit
	Faults       []string `json:"faults"`
}

// Failed reports whether anything was found.
func (a *Audit) Failed() bool { return len(a.Faults) > 0 }

package outcome

import "time"

// Sweep is the content of sweep.json: the same load at many rates, or with many
// requests outstanding, one after the other against one cluster.
type Sweep struct {
	Schema  int       `json:"schema"`
	Kind    string    `json:"kind"` // KindSweep
	Started time.Time `json:"started"`
	Host    Host      `json:"host"`
	Commit  string    `json:"commit"` // version of this loadgen

	Cluster  string `json:"cluster"` // hash of the genesis, hex
	Replicas int    `json:"replicas"`
	F        int    `json:"f"`
	C        int    `json:"c"`
	// Profile is what --profile said of the replicas' profile; genesis does not
	// hold it.
	Profile string `json:"profile"`

	Workload string  `json:"workload"`
	Batch    int     `json:"batch"` // payments per request
	Accounts uint64  `json:"accounts"`
	Arrivals string  `json:"arrivals"` // constant or poisson; closed with By outstanding
	By       string  `json:"by"`       // ByRate or ByOutstanding
	Seconds  float64 `json:"step_seconds"`
	Warmup   float64 `json:"step_warmup_seconds"`

	Objective string `json:"objective"` // as given, empty when none was
	Steps     []Step `json:"steps"`     // in the order in which they ran
	Best      *Step  `json:"best"`      // most achieved of those that are OK; null when none is
}

// What a sweep varies.
const (
	ByRate        = "rate"
	ByOutstanding = "outstanding"
)

// Step is one load of a sweep. Rates are payments per second, latencies
// milliseconds.
type Step struct {
	Offered  float64 `json:"offered"` // as asked for; closed loop: what was sent
	Achieved float64 `json:"achieved"`

	P50  float64 `json:"p50"`
	P90  float64 `json:"p90"`
	P99  float64 `json:"p99"`
	P999 float64 `json:"p999"`
	Mean float64 `json:"mean"`
	Most float64 `json:"max"`

	// Outstanding is the mean over time of requests that were due and not
	// answered. By Little's law it is achieved requests per second times mean
	// latency, when nothing is lost.
	Outstanding float64 `json:"outstanding_mean"`
	Clients     int     `json:"clients"`   // that sent anything
	InFlight    int     `json:"in_flight"` // requests kept in flight over all clients; 0: open loop

	Errors  float64 `json:"errors"` // share of the offered payments, 0 to 1: refused or unknown
	Seconds float64 `json:"seconds"`
	CPU     float64 `json:"cpu_seconds"` // of this process in Seconds
	Steady  bool    `json:"steady"`      // neither rate, latency nor backlog drifted, and the cluster stayed as it was
	OK      bool    `json:"ok"`          // steady and within the objective
	Why     string  `json:"why,omitempty"`
}

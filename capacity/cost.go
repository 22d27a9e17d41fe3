package capacity

import (
	"errors"
	"fmt"
	"slices"
)

// Rest is the stage of all CPU that no stage is known for: the runtime, the
// collector, the ledger's background work (C1).
const Rest = "rest"

// Client is the name under which the load generator's CPU is told.
const Client = "load generator"

// Load is one run of a calibration: what was done in its window, and what it cost.
type Load struct {
	Name        string      `json:"name"`
	Seconds     float64     `json:"seconds"`     // of the window
	Offered     float64     `json:"offered"`     // payments per second; 0: as many as went
	Events      int         `json:"events"`      // payments per request
	Outstanding int         `json:"outstanding"` // requests under way at most, where Offered is 0
	Payments    float64     `json:"payments"`    // executed in the window
	Requests    float64     `json:"requests"`
	Blocks      float64     `json:"blocks"`
	FastBlocks  float64     `json:"fast_blocks"`
	Stages      []StageTime `json:"stages"`
	ClientCPU   float64     `json:"client_cpu_seconds"`
	OthersCPU   float64     `json:"others_cpu_seconds"` // of processes that are not the experiment's
	StolenCPU   float64     `json:"stolen_cpu_seconds"` // kept by the host of a virtual machine
	P50         float64     `json:"p50_micros"`
	P99         float64     `json:"p99_micros"`
	SyncMean    float64     `json:"sync_mean_micros"`
	Syncs       float64     `json:"syncs"`        // of one replica
	LedgerBytes float64     `json:"ledger_bytes"` // growth of one replica's ledger
	LinkBytes   float64     `json:"link_bytes"`   // that the primary sent
	// CPU of a round of the reference work right before and right after, µs.
	RefBefore float64 `json:"reference_before_micros"`
	RefAfter  float64 `json:"reference_after_micros"`
}

// StageTime is seconds of CPU in one stage of the primary and of an average backup.
type StageTime struct {
	Stage   string  `json:"stage"`
	Primary float64 `json:"primary_cpu_seconds"`
	Backup  float64 `json:"backup_cpu_seconds"`
}

// Cost is a fitted demand, µs of CPU.
type Cost struct {
	PerPayment float64 `json:"per_payment"`
	PerRequest float64 `json:"per_request"`
	PerBlock   float64 `json:"per_block"`
	PerSecond  float64 `json:"per_second"`
}

// mix is what the work consists of, per payment.
type mix struct{ requests, blocks, seconds float64 }

// at is the demand per payment, µs.
func (c Cost) at(m mix) float64 {
	return c.PerPayment + c.PerRequest*m.requests + c.PerBlock*m.blocks + c.PerSecond*m.seconds
}

// StageCost is the fitted demand of one stage.
type StageCost struct {
	Stage   string `json:"stage"`
	Primary Cost   `json:"primary"`
	Backup  Cost   `json:"backup"`
}

// Model is what follows from a calibration's loads.
type Model struct {
	Stages []StageCost `json:"stages"`
	Client Cost        `json:"client"`
	Busy   float64     `json:"busy"` // share of the cores that was used where as much was offered as went
	Path   float64     `json:"path"` // share of a primary's and a backup's work on a block that happens one after another
	Slot   float64     `json:"slot"` // share of that way until the block is executed
	// p99 over p50: of requests that come at a rate while slots are free, by how busy the
	// cores are, the least busy first; of those that wait for slots; and with a fixed
	// number of requests under way.
	Tails      []Tail  `json:"tails"`
	TailFull   float64 `json:"tail_full"`
	TailClosed float64 `json:"tail_closed"`
	SyncBase   float64 `json:"sync_micros"` // of replicas that share a disk
	SyncByte   float64 `json:"sync_micros_per_byte"`
	Residual   float64 `json:"residual"` // largest relative difference of a load's CPU from the fit
	Ledger     Cost    `json:"ledger"`   // bytes that one replica keeps
	Link       Cost    `json:"link"`     // bytes that the primary sends
}

// costLeast is less than any build needs, µs: costs that add up to less would make
// rates that are no numbers.
const costLeast = 1e-3

func (m *Model) check() error {
	var seen []string
	for _, s := range m.Stages {
		if slices.Contains(seen, s.Stage) || s.Stage == "" {
			return fmt.Errorf("stage %q stands twice or has no name", s.Stage)
		}
		seen = append(seen, s.Stage)
		if s.Primary.bad() || s.Backup.bad() {
			return fmt.Errorf("stage %q has a negative cost or none that is a number", s.Stage)
		}
	}
	for what, of := range map[string]func(*StageCost) *Cost{"primary": func(s *StageCost) *Cost { return &s.Primary }, "backup": func(s *StageCost) *Cost { return &s.Backup }} {
		sum := 0.0
		for i := range m.Stages {
			c := of(&m.Stages[i])
			sum += c.PerPayment + c.PerRequest + c.PerBlock
		}
		if !(sum >= costLeast) {
			return fmt.Errorf("the stages of a %s cost nothing: a rate without end would follow", what)
		}
	}
	switch {
	case m.Client.bad() || m.Ledger.bad() || m.Link.bad():
		return errors.New("client, ledger or link has a negative cost or none that is a number")
	case bad(m.Busy, m.Path, m.Slot, m.TailFull, m.TailClosed, m.SyncBase, m.SyncByte, m.Residual) || m.Busy == 0 || m.Busy > 1 || m.Path == 0 ||
		m.Slot == 0 || m.Slot > 1 || m.TailFull < 1 || m.TailClosed < 1:
		return fmt.Errorf("busy %v, path %v, slot %v, tails %v and %v, syncs %v and %v", m.Busy, m.Path, m.Slot, m.TailFull, m.TailClosed, m.SyncBase, m.SyncByte)
	}
	return checkTails(m.Tails)
}

func (c Cost) bad() bool { return bad(c.PerPayment, c.PerRequest, c.PerBlock, c.PerSecond) }

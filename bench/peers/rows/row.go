package rows

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// Schema is the version of a line; a reader refuses others.
const Schema = 1

// Class says which rows may be compared: what one request of a client carries,
// and whether each payment has a signature of its own.
type Class string

// The classes.
const (
	Single  Class = "single"  // one payment per request, none signed by itself
	Batched Class = "batched" // many payments per request
	Signed  Class = "signed"  // each payment signed by its payer and checked by all replicas
	Paced   Class = "paced"   // one payment per request at a fixed low rate: compared by latency
	Bound   Class = "bound"   // no replication at all: what it is compared by is CPU
)

// Names of the systems.
const (
	Ours     = "quorate"
	Upper    = "quorate, not replicated"
	CometBFT = "CometBFT"
	Etcd     = "etcd"
)

// ErrRow is a line that must not become a figure (R1).
var ErrRow = errors.New("rows: not a row")

// Row is one run.
type Row struct {
	Schema   int    `json:"schema"`
	System   string `json:"system"`
	Version  string `json:"version"`
	Variant  string `json:"variant"`
	Class    Class  `json:"class"`
	Replicas int    `json:"replicas"`
	Run      int    `json:"run"` // from 1

	// The claims: without them a figure means nothing.
	Faults   string `json:"faults"`    // what it survives
	Durable  string `json:"durable"`   // what is on which disks before the client hears of it
	Signed   string `json:"signed"`    // who signs what, who checks it
	TLS      string `json:"tls"`       // which links are encrypted
	ClientAt string `json:"client_at"` // where the load came from and how it spoke
	Settings string `json:"settings"`  // what was tuned

	Figures
	CheckText string `json:"check"` // what was read back at the end

	Host   Host   `json:"host"`
	Commit string `json:"commit"`
	At     string `json:"at"` // RFC 3339, when the run ended
}

// Figures are what was measured in the window between warm-up and end.
type Figures struct {
	Payments  uint64  `json:"payments"` // acknowledged in the window
	Seconds   float64 `json:"seconds"`  // length of the window
	P50       float64 `json:"p50_ms"`
	P99       float64 `json:"p99_ms"`
	ServerCPU float64 `json:"server_cpu_seconds"` // of all replicas, in the window
	ClientCPU float64 `json:"client_cpu_seconds"`
	Disk      float64 `json:"disk_bytes_per_payment"`           // held by all replicas' directories at the end, less what was there before
	Written   float64 `json:"device_written_bytes_per_payment"` // to the device in the window, by everybody; 0: not known
	Acked     uint64  `json:"acked"`                            // in the whole run; what the check is about
}

// Host is the machine of a run.
type Host struct {
	CPUs   int     `json:"cpus"`
	Model  string  `json:"model"`
	Kernel string  `json:"kernel"`
	Go     string  `json:"go"`
	Load   float64 `json:"load_average"` // one minute, before the run began
}

// PerSecond is payments per second.
func (f *Figures) PerSecond() float64 { return float64(f.Payments) / f.Seconds }

// PerServerCPU is payments per CPU second of one replica: of the servers' CPU,
// divided by how many they are.
func (r *Row) PerServerCPU() float64 {
	return float64(r.Payments) / (r.ServerCPU / float64(r.Replicas))
}

// Check refuses a row that claims nothing (R1).
func (r *Row) Check() error {
	for _, c := range []struct {
		bad  bool
		what string
	}{
		{r.Schema != Schema, fmt.Sprintf("schema %d, not %d", r.Schema, Schema)},
		{r.System == "" || r.Version == "" || r.Variant == "", "system, version or variant missing"},
		{r.Class != Single && r.Class != Batched && r.Class != Signed && r.Class != Paced && r.Class != Bound, fmt.Sprintf("class %q", r.Class)},
		{r.Replicas < 1, fmt.Sprintf("%d replicas", r.Replicas)},
		{r.Faults == "" || r.Durable == "" || r.Signed == "" || r.TLS == "" || r.ClientAt == "", "a claim is left open"},
		{r.CheckText == "", "nothing was read back"},
		{r.Payments == 0 || !(r.Seconds > 0), fmt.Sprintf("%d payments in %v s", r.Payments, r.Seconds)},
		{r.Acked < r.Payments, fmt.Sprintf("%d acknowledged in all, %d in the window", r.Acked, r.Payments)},
		{!(r.ServerCPU > 0), "no CPU time of servers"},
	} {
		if c.bad {
			return fmt.Errorf("%w: %s %s: %s", ErrRow, r.System, r.Variant, c.what)
		}
	}
	return nil
}

// Write appends a row as one line.
func Write(w io.Writer, r *Row) error {
	if err := r.Check(); err != nil {
		return err
	}
	text, err := json.Marshal(r)
	if err != nil {
		return err
	}
	_, err = w.Write(append(text, '\n'))
	return err
}

// Read takes all lines of a file. One bad line refuses the file.
func Read(from io.Reader) (all []Row, err error) {
	lines := bufio.NewScanner(from)
	lines.Buffer(nil, 1<<20)
	for n := 1; lines.Scan(); n++ {
		if len(lines.Bytes()) == 0 {
			continue
		}
		var r Row
		if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
			return nil, fmt.Errorf("%w: line %d: %w", ErrRow, n, err)
		}
		if err := r.Check(); err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
		all = append(all, r)
	}
	return all, lines.Err()
}

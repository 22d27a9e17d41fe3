package record

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"time"
)

// Schema is the version of a line. It changes when a field changes its meaning
// or goes; a new figure is no new schema.
const Schema = 1

// lineBytesMax bounds a line: a record is below 8 KiB.
const lineBytesMax = 1 << 20

// ErrRecord says that a line is no record of this schema.
var ErrRecord = errors.New("record: not a result")

// The outcomes.
const (
	OK      = "ok"
	Failed  = "failed"  // it ended badly, or its audit found a fault
	Skipped = "skipped" // this build or host cannot do it
)

// Run is one run of one experiment.
type Run struct {
	Schema     int                `json:"schema"`
	Experiment string             `json:"experiment"`
	Repetition int                `json:"repetition"` // from 1
	At         time.Time          `json:"at"`
	Parameters Parameters         `json:"parameters"`
	Host       Host               `json:"host"`
	Commit     string             `json:"commit"`
	Dirty      bool               `json:"dirty"` // the work tree differed from the commit
	Command    string             `json:"command"`
	Outcome    string             `json:"outcome"`
	Why        string             `json:"why,omitempty"`   // of an outcome that is not OK
	Audit      string             `json:"audit,omitempty"` // the audit's own line
	Figures    map[string]float64 `json:"figures,omitempty"`
}

// Parameters are what a run was asked to do. What does not apply is zero.
type Parameters struct {
	Replicas int     `json:"replicas"`
	F        int     `json:"f"`
	C        int     `json:"c"`
	Profile  string  `json:"profile,omitempty"`
	Scheme   string  `json:"scheme,omitempty"` // of the replicas' signatures; empty: the default
	Workload string  `json:"workload,omitempty"`
	Rate     string  `json:"rate,omitempty"`    // payments per second, or max
	OfPeak   float64 `json:"of_peak,omitempty"` // the rate as a multiple of the peak of this run
	Arrivals string  `json:"arrivals,omitempty"`
	Batch    int     `json:"batch,omitempty"` // payments per request
	Clients  int     `json:"clients,omitempty"`
	InFlight int     `json:"in_flight,omitempty"` // requests per client, with rate max
	Accounts uint64  `json:"accounts,omitempty"`
	Signed   bool    `json:"signed,omitempty"`  // every payment has a signer of its own
	Preload  uint64  `json:"preload,omitempty"` // transfers in the ledger before the load
	Fault    string  `json:"fault,omitempty"`
	Seconds  float64 `json:"seconds,omitempty"` // measured
	Warmup   float64 `json:"warmup,omitempty"`  // seconds before
	Blocks   int     `json:"blocks,omitempty"`  // of a simulated network
}

// Host is where a run took place, and how busy it was with other things.
type Host struct {
	CPU         string   `json:"cpu"`
	Cores       int      `json:"cores"` // processors that may be used: hardware threads
	Arch        string   `json:"arch"`
	Features    []string `json:"features"` // instructions that our cryptography profits from
	MemoryBytes int64    `json:"memory_bytes"`
	Kernel      string   `json:"kernel"`
	Disk        string   `json:"disk,omitempty"` // file system of the data
	Go          string   `json:"go"`
	LoadBefore  float64  `json:"load_before"` // load average of a minute, before the run
}

// Check says what is wrong with a record, or nothing.
func (r *Run) Check() error {
	bad := func(format string, args ...any) error {
		return fmt.Errorf("%w: experiment %q: %s", ErrRecord, r.Experiment, fmt.Sprintf(format, args...))
	}
	switch {
	case r.Schema != Schema:
		return bad("schema %d, and this build reads %d", r.Schema, Schema)
	case r.Experiment == "" || r.Repetition < 1 || r.At.IsZero():
		return bad("no name, repetition or time")
	case r.Outcome != OK && r.Outcome != Failed && r.Outcome != Skipped:
		return bad("outcome %q", r.Outcome)
	case (r.Outcome == OK) != (r.Why == ""):
		return bad("outcome %s with the reason %q", r.Outcome, r.Why)
	case (r.Outcome == OK) != (len(r.Figures) > 0): // R1
		return bad("outcome %s with %d figures", r.Outcome, len(r.Figures))
	}
	for name, v := range r.Figures {
		if _, ok := FigureOf(name); !ok {
			return bad("there is no figure %q", name)
		}
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return bad("figure %s is %v", name, v)
		}
	}
	return nil
}

// Write appends a record to w as one line.
func Write(w io.Writer, r *Run) error {
	if err := r.Check(); err != nil {
		return err
	}
	line, err := json.Marshal(r)
	if err != nil {
		return err
	}
	_, err = w.Write(append(line, '\n'))
	return err
}

// Read takes all records of a stream; an empty one is an error.
func Read(from io.Reader) ([]Run, error) {
	lines := bufio.NewScanner(from)
	lines.Buffer(nil, lineBytesMax)
	var all []Run
	for n := 1; lines.Scan(); n++ {
		dec := json.NewDecoder(bytes.NewReader(lines.Bytes()))
		dec.DisallowUnknownFields()
		var r Run
		if err := dec.Decode(&r); err != nil {
			return nil, fmt.Errorf("%w: line %d: %v", ErrRecord, n, err)
		}
		if dec.More() {
			return nil, fmt.Errorf("%w: line %d: more than one value", ErrRecord, n)
		}
		if err := r.Check(); err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
		all = append(all, r)
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("%w: %v", ErrRecord, err)
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("%w: there is no line", ErrRecord)
	}
	return all, nil
}

// ReadFile is Read of a file.
func ReadFile(path string) ([]Run, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	all, err := Read(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return all, nil
}

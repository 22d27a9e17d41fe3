// Package trial is what one run of one system is given, and what it must give
// back. Each peer's package lists its variants; the command runs them one at a
// time.
package trial

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"quorate/bench/peers/child"
	"quorate/bench/peers/rows"
)

// Trial is one run.
type Trial struct {
	Dir     string // of this run alone; empty at the start, removed after a good end
	Self    string // this program: children are the same binary with another first argument
	Product string // folder of the product's binaries
	Warmup  time.Duration
	Length  time.Duration // of the measured window

	InFlight int // for sweeps: requests under way, instead of the variant's; 0: the variant's
}

// PacedPerSecond is the rate of the variants that are compared by latency: one
// that every system here bears with ease.
const PacedPerSecond = 1000

// Due is when request n of a load of perSecond is meant to leave; the zero time
// without a rate.
func Due(start time.Time, n uint64, perSecond int) time.Time {
	if perSecond == 0 {
		return time.Time{}
	}
	return start.Add(time.Duration(n) * time.Second / time.Duration(perSecond))
}

// Variant is a system in one setting.
type Variant struct {
	Peer   string   // what ONLY= calls it
	Claims rows.Row // everything but figures, host and time
	// Run starts the system, drives it, reads back what was acknowledged and
	// ends all that it started. The text says what was read back.
	Run func(ctx context.Context, t *Trial) (f rows.Figures, checked string, err error)
}

// Outcome is what a load client prints: its figures and what it read back.
type Outcome struct {
	Figures rows.Figures `json:"figures"`
	Checked string       `json:"checked"`
}

// Start starts this program as a child of some kind with a configuration, which
// it gets as JSON.
func (t *Trial) Start(kind, name string, config any) (*child.Process, error) {
	text, err := json.Marshal(config)
	if err != nil {
		return nil, err
	}
	return child.Start(filepath.Join(t.Dir, name+".log"), t.Self, kind, string(text))
}

// loadEndMax is how long a client may take besides its warm-up and window: to
// connect, to wait for its last answers, and to read everything back.
const loadEndMax = 3 * time.Minute

// Load runs a load client to its end. If a server ends meanwhile, so does the
// client, with that as the error.
func (t *Trial) Load(ctx context.Context, kind string, config any, servers []*child.Process) (out Outcome, err error) {
	p, err := t.Start(kind, "client", config)
	if err != nil {
		return out, err
	}
	defer p.Kill()
	ended := make(chan error, 1)
	go func() { ended <- p.Wait(t.Warmup + t.Length + loadEndMax) }()
	for waiting := true; waiting; {
		select {
		case err = <-ended:
			waiting = false
		case <-ctx.Done():
			return out, context.Cause(ctx)
		case <-time.After(time.Second):
			if err := Alive(servers); err != nil {
				return out, err
			}
		}
	}
	if err != nil {
		return out, err
	}
	if err := json.Unmarshal(p.Stdout.Bytes(), &out); err != nil {
		return out, fmt.Errorf("the client's outcome: %w", err)
	}
	return out, Alive(servers)
}

// Alive is an error if one of these has ended.
func Alive(servers []*child.Process) error {
	for _, p := range servers {
		if err := p.Alive(); err != nil {
			return err
		}
	}
	return nil
}

// Pids lists the numbers of processes.
func Pids(servers []*child.Process) (pids []int) {
	for _, p := range servers {
		pids = append(pids, p.Pid())
	}
	return pids
}

// Sub makes a directory of the run.
func (t *Trial) Sub(name string) (string, error) {
	dir := filepath.Join(t.Dir, name)
	return dir, os.MkdirAll(dir, 0o755)
}

// Grown is how many bytes per payment the directories of the servers hold more
// than before.
func Grown(before int64, acked uint64, dirs []string) (float64, error) {
	after, err := HeldBy(dirs)
	return float64(after-before) / float64(max(acked, 1)), err
}

// HeldBy sums up what directories hold.
func HeldBy(dirs []string) (sum int64, err error) {
	for _, d := range dirs {
		n, err := child.Held(d)
		if err != nil {
			return 0, err
		}
		sum += n
	}
	return sum, nil
}

// skipped is an error for which a run is left out and not failed.
type skipped struct{ error }

// Unwrap gives the reason.
func (s skipped) Unwrap() error { return s.error }

// Skip marks a reason for leaving a run out.
func Skip(reason error) error { return skipped{reason} }

// Skipped reports whether an error is such a reason.
func Skipped(err error) bool {
	var s skipped
	return errors.As(err, &s)
}

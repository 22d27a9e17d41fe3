package main

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"strconv"
	"time"

	"quorate/bench/procs"
)

// simulateMax bounds a run of a hundred replicas in one process.
const simulateMax = 15 * time.Minute

// simulate runs a cluster in one process, without sockets and disks, with real
// signatures. It is a command of room sim, which this room may not import: its
// last line of output is the figures.
func (m *runner) simulate(_ context.Context, e *experiment, out map[string]float64) error {
	p := &e.param
	text, err := procs.Run(simulateMax, filepath.Join(m.bin, "scaling"), "-f", strconv.Itoa(p.F), "-c", strconv.Itoa(p.C),
		"-blocks", strconv.Itoa(p.Blocks), "-json")
	if err != nil {
		return err
	}
	if err := json.Unmarshal([]byte(text), &out); err != nil {
		return fmt.Errorf("scaling: %w", err)
	}
	return nil
}

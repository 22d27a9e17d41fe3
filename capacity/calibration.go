package capacity

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"quorate/tuning"
)

// CalibrationSchema is the version of the calibration's file. A file of another
// version is refused: figures that are read with another meaning are worse than
// none.
const CalibrationSchema = 2

// Errors of files.
var (
	ErrFile  = errors.New("capacity: file refused")
	ErrOther = errors.New("capacity: calibration does not fit")
)

// Calibration is what one host and one build need for what, as a run of `capacity
// calibrate` found it. Times are µs, sizes bytes.
type Calibration struct {
	Schema   int          `json:"schema"`
	Made     string       `json:"made"` // RFC 3339
	Build    Build        `json:"build"`
	Host     tuning.Host  `json:"host"`
	Disk     *tuning.Disk `json:"disk,omitempty"` // of the data directories
	Scheme   string       `json:"scheme"`
	Profile  string       `json:"profile"` // of the cluster that was measured
	Replicas int          `json:"replicas"`
	// CPU of a round of the reference work at the speed in which Model tells costs, µs.
	Reference float64 `json:"reference_micros"`
	Loads     []Load  `json:"loads"`  // what was measured
	Model     Model   `json:"model"`  // what follows from it
	Units     []Unit  `json:"units"`  // each by itself, on one thread
	Groups    []Group `json:"groups"` // signature work by size of the cluster
	Syncs     []Sync  `json:"syncs"`  // journal writes by size
}

// Build names a program.
type Build struct {
	Version string `json:"version"`
	Go      string `json:"go"`
}

// Unit is the cost of one thing by itself.
type Unit struct {
	Name string  `json:"name"` // as "ed25519 verify, batch of 256"
	Per  string  `json:"per"`  // what one is: signature, byte, frame, payment, request, block, batch
	CPU  float64 `json:"cpu_micros"`
	Wall float64 `json:"wall_micros"`
}

// Group is the signature work of one block on the fast path in a cluster of n: what
// each replica does, and what the collector does on top.
type Group struct {
	Replicas  int     `json:"replicas"`
	Each      float64 `json:"each_cpu_micros"`
	Collector float64 `json:"collector_cpu_micros"`
	// What the slow path adds for each replica and for the collector.
	SlowEach      float64 `json:"slow_each_cpu_micros"`
	SlowCollector float64 `json:"slow_collector_cpu_micros"`
	Bytes         int     `json:"certificate_bytes"`
}

// Sync is an append and fdatasync of the vote journal.
type Sync struct {
	Bytes int     `json:"bytes"`
	CPU   float64 `json:"cpu_micros"`
	P50   float64 `json:"p50_micros"`
	P99   float64 `json:"p99_micros"`
}

// EncodeCalibration writes the file.
func EncodeCalibration(c *Calibration) ([]byte, error) {
	text, err := json.MarshalIndent(c, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("%w: %v", ErrFile, err)
	}
	return append(text, '\n'), nil
}

// DecodeCalibration reads the file (C3).
func DecodeCalibration(text []byte) (*Calibration, error) {
	var c Calibration
	if err := decode(text, CalibrationSchema, "calibration", &c); err != nil {
		return nil, err
	}
	if err := c.check(); err != nil {
		return nil, fmt.Errorf("%w: calibration: %w; make it again with: replica capacity calibrate", ErrFile, err)
	}
	return &c, nil
}

// decode reads one JSON value of the given schema and nothing behind it.
func decode(text []byte, schema int, what string, into any) error {
	const again = "; make it again with this build"
	var head struct {
		Schema *int `json:"schema"`
	}
	if err := json.Unmarshal(text, &head); err != nil {
		return fmt.Errorf("%w: %s: cut or no JSON: %v%s", ErrFile, what, err, again)
	}
	if head.Schema == nil || *head.Schema != schema {
		found := "none"
		if head.Schema != nil {
			found = fmt.Sprint(*head.Schema)
		}
		return fmt.Errorf("%w: %s: schema %s, this build reads %d%s", ErrFile, what, found, schema, again)
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return fmt.Errorf("%w: %s: %v%s", ErrFile, what, err, again)
	}
	return nil // what stands behind the value was refused above
}

// check refuses figures that no run gives.
func (c *Calibration) check() error {
	switch {
	case c.Host.Cores < 1 || c.Replicas < 4:
		return fmt.Errorf("%d cores and %d replicas", c.Host.Cores, c.Replicas)
	case len(c.Groups) == 0 || len(c.Syncs) == 0 || len(c.Model.Stages) == 0:
		return errors.New("figures are missing")
	case bad(c.Reference) || c.Reference == 0:
		return fmt.Errorf("a reference of %v µs", c.Reference)
	}
	if _, err := tuning.Named(c.Profile); err != nil {
		return err
	}
	if !slices.ContainsFunc(c.Groups, func(g Group) bool { return g.Replicas == c.Replicas }) {
		return fmt.Errorf("no signature costs for its own %d replicas", c.Replicas)
	}
	for i := 1; i < len(c.Groups); i++ {
		if c.Groups[i].Replicas <= c.Groups[i-1].Replicas {
			return errors.New("groups are not in order of their size")
		}
	}
	for i := 1; i < len(c.Syncs); i++ {
		if c.Syncs[i].Bytes <= c.Syncs[i-1].Bytes {
			return errors.New("syncs are not in order of their size")
		}
	}
	for _, g := range c.Groups {
		if bad(g.Each, g.Collector, g.SlowEach, g.SlowCollector) || g.Each == 0 || g.Replicas < 4 {
			return fmt.Errorf("signature costs for %d replicas", g.Replicas)
		}
	}
	for _, s := range c.Syncs {
		if bad(s.CPU, s.P50, s.P99) || s.P50 == 0 || s.P99 < s.P50 || s.Bytes < 1 {
			return fmt.Errorf("sync of %d bytes", s.Bytes)
		}
	}
	for _, u := range c.Units {
		if bad(u.CPU, u.Wall) {
			return fmt.Errorf("unit cost %q", u.Name)
		}
	}
	for i := range c.Loads {
		// An idle cluster is a load without payments.
		if l := &c.Loads[i]; l.bad() || l.Seconds == 0 {
			return fmt.Errorf("load %q has figures that cannot be", l.Name)
		} else if l.Payments > 0 {
			if err := l.check(); err != nil {
				return err
			}
		}
	}
	return c.Model.check()
}

// figureMost is more than any figure of a file is, in its unit.
const figureMost = 1e19

// bad reports a figure that is negative, no number or beyond all measure.
func bad(all ...float64) bool {
	return slices.ContainsFunc(all, func(v float64) bool { return !(v >= 0 && v <= figureMost) })
}

// Fits holds a calibration against the host, build and scheme that a question is
// about. Every difference is named; the caller may go on with a warning where the
// operator said so.
func (c *Calibration) Fits(h *tuning.Host, b Build, scheme string) error {
	var all []string
	differ := func(what, theirs, ours string) {
		if theirs != ours {
			all = append(all, fmt.Sprintf("%s is %q there and %q here", what, theirs, ours))
		}
	}
	differ("processor", c.Host.Model, h.Model)
	differ("architecture", c.Host.Arch, h.Arch)
	differ("cores", fmt.Sprint(c.Host.Cores), fmt.Sprint(h.Cores))
	differ("kernel", c.Host.Kernel, h.Kernel)
	differ("build", c.Build.Version, b.Version)
	differ("compiler", c.Build.Go, b.Go)
	if scheme != "" {
		differ("scheme", c.Scheme, scheme)
	}
	if len(all) == 0 {
		return nil
	}
	return fmt.Errorf("%w: %s; calibrate again here, or say --other-host to take its figures as they are", ErrOther, strings.Join(all, ", "))
}

// quietShare is what others may use of a host while it is measured.
const quietShare = 0.1

// Disturbed gives the cores that others used in the worst of the loads, or 0 when
// that was little enough.
func (c *Calibration) Disturbed() (cores float64) {
	for i := range c.Loads {
		cores = math.Max(cores, c.Loads[i].others())
	}
	if cores <= quietShare*float64(c.Host.Cores) {
		return 0
	}
	return cores
}

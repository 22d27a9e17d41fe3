package capacity

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"

	"quorate/tuning"
)

// MeasurementSchema is the version of the file that `capacity verify` keeps.
const MeasurementSchema = 2

// Measurement is one configuration measured on one host: as much as goes, and a part
// of it.
type Measurement struct {
	Schema   int         `json:"schema"`
	Made     string      `json:"made"` // RFC 3339
	Build    Build       `json:"build"`
	Host     tuning.Host `json:"host"`
	Scheme   string      `json:"scheme"`
	Profile  string      `json:"profile"`
	Replicas int         `json:"replicas"`
	Peak     Load        `json:"peak"`
	Steady   Load        `json:"steady"`
}

// EncodeMeasurement writes the file.
func EncodeMeasurement(m *Measurement) ([]byte, error) {
	text, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("%w: %v", ErrFile, err)
	}
	return append(text, '\n'), nil
}

// DecodeMeasurement reads the file (C3).
func DecodeMeasurement(text []byte) (*Measurement, error) {
	var m Measurement
	if err := decode(text, MeasurementSchema, "measurement", &m); err != nil {
		return nil, err
	}
	err := errors.Join(m.Peak.check(), m.Steady.check())
	if m.Replicas < 4 || m.Host.Cores < 1 || m.Peak.Outstanding < 1 || m.Steady.Offered <= 0 || m.Peak.reference() == 0 || m.Steady.reference() == 0 {
		err = errors.Join(err, errors.New("figures are missing"))
	}
	if err != nil {
		return nil, fmt.Errorf("%w: measurement: %w; make it again with: replica capacity verify --save", ErrFile, err)
	}
	return &m, nil
}

// bad reports a figure that cannot be.
func (l *Load) bad() bool {
	all := []float64{l.Seconds, l.Offered, l.Payments, l.Requests, l.Blocks, l.FastBlocks, l.ClientCPU, l.OthersCPU, l.StolenCPU, l.P50, l.P99,
		l.SyncMean, l.Syncs, l.LedgerBytes, l.LinkBytes, l.RefBefore, l.RefAfter}
	for _, s := range l.Stages {
		all = append(all, s.Primary, s.Backup)
	}
	return bad(all...) || l.Events < 0 || l.Outstanding < 0
}

// check refuses a load with payments that no run gives.
func (l *Load) check() error {
	if l.bad() || l.Seconds == 0 || l.Payments == 0 || l.Blocks == 0 || l.Events < 1 || l.P99 < l.P50 {
		return fmt.Errorf("load %q has figures that cannot be", l.Name)
	}
	return nil
}

// What may be off, as parts of the measured.
const (
	AllowedRate  = 0.15
	AllowedCPU   = 0.15
	AllowedP99   = 0.30
	judgedStages = 0.05 // smaller stages are shown and not judged: a part of the whole
)

// Check is one figure beside its prediction.
type Check struct {
	Name      string  `json:"name"`
	Unit      string  `json:"unit"`
	Predicted float64 `json:"predicted"`
	Measured  float64 `json:"measured"`
	Off       float64 `json:"off"`     // predicted over measured, less one
	Allowed   float64 `json:"allowed"` // 0: shown and not judged
}

// Failed reports whether the figure is off by more than is allowed.
func (k *Check) Failed() bool { return k.Allowed > 0 && !(math.Abs(k.Off) <= k.Allowed) }

// Comparison is what a measurement says of a calibration.
type Comparison struct {
	Profile string  `json:"profile"`
	Events  int     `json:"events"`
	Peak    []Check `json:"peak"`
	Steady  []Check `json:"steady"`
	Others  float64 `json:"others_cores"` // that other processes took from the peak's run; the prediction knows
	// The host's speed in the two loads over that of the calibration.
	SpeedPeak   float64  `json:"speed_peak"`
	SpeedSteady float64  `json:"speed_steady"`
	Notes       []string `json:"notes"`
}

// Failures names what is off by more than is allowed.
func (k *Comparison) Failures() (names []string) {
	for _, part := range []struct {
		name   string
		checks []Check
	}{{"at the peak", k.Peak}, {"at the steady rate", k.Steady}} {
		for i := range part.checks {
			if c := &part.checks[i]; c.Failed() {
				names = append(names, fmt.Sprintf("%s %s (%+.0f %%, %.0f %% allowed)", c.Name, part.name, 100*c.Off, 100*c.Allowed))
			}
		}
	}
	return names
}

// Hold holds the prediction against a measurement that was not used to calibrate.
func (c *Calibration) Hold(m *Measurement) (*Comparison, error) {
	if m.Scheme != c.Scheme {
		return nil, fmt.Errorf("%w: measured with scheme %s, calibrated with %s", ErrOther, m.Scheme, c.Scheme)
	}
	k := &Comparison{Profile: m.Profile, Events: m.Peak.Events}
	q := Question{Profile: m.Profile, Replicas: m.Replicas, Events: m.Peak.Events, Outstanding: m.Peak.Outstanding, Cores: float64(m.Host.Cores), Together: true, Disk: 1}
	// What others took was not there to be used; the prediction is for the rest.
	k.Others = m.Peak.others()
	q.Cores = m.Peak.coresLeft(m.Host.Cores)
	if err := q.check(); err != nil {
		return nil, err
	}
	taken, found := c.speed(&m.Peak)
	k.SpeedPeak, k.Notes = found, append(k.Notes, speedNotes("at the peak", &m.Peak, taken, found)...)
	now := c.atSpeed(taken)
	highest, _ := now.highest(&q)
	s := now.at(&q, highest)
	k.Peak = now.checks(&s, &m.Peak, true)
	q.Rate, q.Outstanding, q.Events = m.Steady.Payments/m.Steady.Seconds, 0, m.Steady.Events
	q.Cores = m.Steady.coresLeft(m.Host.Cores)
	taken, found = c.speed(&m.Steady)
	k.SpeedSteady, k.Notes = found, append(k.Notes, speedNotes("at the steady rate", &m.Steady, taken, found)...)
	now = c.atSpeed(taken)
	s = now.at(&q, q.Rate)
	k.Steady = now.checks(&s, &m.Steady, false)
	if k.Others > quietShare*float64(m.Host.Cores) {
		k.Notes = append(k.Notes, fmt.Sprintf("other processes took %.2f of %d cores: measure on a quiet host", k.Others, m.Host.Cores))
	}
	return k, nil
}

// checks compares one state with one load.
func (c *Calibration) checks(s *state, l *Load, peak bool) (all []Check) {
	add := func(name, unit string, predicted, measured, allowed float64) {
		off := 0.0
		if measured > 0 {
			off = predicted/measured - 1
		} else if predicted > 0 {
			off = math.Inf(1)
		}
		all = append(all, Check{name, unit, predicted, measured, off, allowed})
	}
	backups := c.backups()
	if peak {
		add("throughput", "payments/s", s.rate, l.Payments/l.Seconds, AllowedRate)
	}
	add("payments per block", "", s.block, l.Payments/l.Blocks, 0)
	whole, stages := 0.0, []Check{}
	for _, d := range s.demands {
		t := l.stage(d.Stage)
		took := 1e6 * (t.Primary + backups*t.Backup) / l.Payments
		whole += took
		stages = append(stages, Check{Name: "stage " + d.Stage, Predicted: d.All, Measured: took})
	}
	add("CPU of all replicas", "µs/payment", s.replicas, whole, AllowedCPU)
	for _, t := range stages {
		allowed := 0.0
		if math.Max(t.Measured, t.Predicted) > judgedStages*whole && peak {
			allowed = AllowedCPU
		}
		if math.Max(t.Measured, t.Predicted) > 0.01*whole {
			add(t.Name, "µs/payment", t.Predicted, t.Measured, allowed)
		}
	}
	add(Client, "µs/payment", s.client, 1e6*l.ClientCPU/l.Payments, 0)
	add("p50", "ms", s.p50/1e3, l.P50/1e3, 0)
	allowed := 0.0
	if !peak {
		allowed = AllowedP99
	}
	add("p99", "ms", s.p99/1e3, l.P99/1e3, allowed)
	return all
}

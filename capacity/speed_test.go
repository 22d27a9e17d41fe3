package capacity

// Aim: a host that is slower as a whole is told from a model that is wrong, when it is
// calibrated and when it is verified, and nothing else is forgiven for it. Method:
// loads that the model makes of known costs at other speeds.

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"quorate/tuning"
)

// madeAt is a load on a host so many times as fast.
func madeAt(c *Calibration, times float64, profile string, events int, rate float64, outstanding int) Load {
	l := made(c.atSpeed(times), profile, events, rate, outstanding)
	l.RefBefore, l.RefAfter = c.Reference/times, c.Reference/times
	return l
}

// measuredAt is what verify keeps on such a host.
func measuredAt(c *Calibration, peak, steady float64) *Measurement {
	m := &Measurement{Schema: MeasurementSchema, Scheme: c.Scheme, Profile: tuning.Throughput, Replicas: 4, Host: c.Host,
		Peak: madeAt(c, peak, tuning.Throughput, 2000, 0, 64)}
	m.Steady = madeAt(c, steady, tuning.Throughput, 2000, 40_000, 0)
	return m
}

func TestASlowerHostIsNoWrongModel(t *testing.T) {
	c := known(t)
	for _, times := range []float64{0.6, 0.81, 1, 1.3, 1.9} {
		k, err := c.Hold(measuredAt(c, times, 1/times))
		if err != nil || len(k.Failures()) != 0 || !near(k.SpeedPeak, times, 1e-9) || !near(k.SpeedSteady, 1/times, 1e-9) {
			t.Errorf("%v times as fast: %v, %+v", times, err, k)
			continue
		}
		if word := fmt.Sprintf("host speed at the peak now %.2f of the calibration's; predictions scaled", times); !slices.Contains(k.Notes, word) {
			t.Errorf("no %q in %v", word, k.Notes)
		}
	}
	// The same without references fails: the test above shows something.
	m := measuredAt(c, 0.7, 0.7)
	m.Peak.RefAfter, m.Steady.RefAfter = 0, 0
	if k, err := c.Hold(m); err != nil || len(k.Failures()) < 3 || !strings.Contains(k.Notes[0], "not measured") {
		t.Errorf("unscaled: %v, %+v", err, k)
	}
}

// What is not the host's speed stays a failure, and what is beyond the bounds too.
func TestScalingForgivesNothingElse(t *testing.T) {
	c := known(t)
	for _, r := range []struct {
		what, word, note string
		bend             func(m *Measurement)
	}{
		{"one stage", "stage crypto at the peak", "", func(m *Measurement) { m.Peak.bend("crypto", 1.4) }},
		{"a reference that was slow alone", "throughput at the peak", "", func(m *Measurement) { m.Peak.RefBefore *= 1.3; m.Peak.RefAfter *= 1.3 }},
		{"another host", "throughput at the peak", "another host's", func(m *Measurement) { *m = *measuredAt(c, 0.3, 1) }},
		{"a swing", "", "changed by 50 % at the peak", func(m *Measurement) { m.Peak.RefBefore *= 0.8; m.Peak.RefAfter *= 1.2 }},
	} {
		m := measuredAt(c, 0.8, 1)
		r.bend(m)
		k, err := c.Hold(m)
		if err != nil || !strings.Contains(strings.Join(k.Failures(), ", "), r.word) || !strings.Contains(strings.Join(k.Notes, "\n"), r.note) {
			t.Errorf("%s: %v, failed %v, notes %v", r.what, err, k.Failures(), k.Notes)
		}
	}
}

// Loads of a calibration that ran at other speeds teach the same costs.
func TestLearnAtManySpeeds(t *testing.T) {
	c := known(t)
	want := c.Model
	even := loads(c)
	c.Loads = nil
	for i, times := range []float64{1, 0.75, 1, 1.25, 1, 0.9} {
		l := even[i]
		if l.Payments > 0 {
			l = madeAt(c, times, c.Profile, l.Events, l.Offered, l.Outstanding)
		}
		c.Loads = append(c.Loads, l)
	}
	reference := c.Reference
	if err := c.Learn(); err != nil {
		t.Fatal(err)
	}
	at := mix{1.0 / 1000, 1.0 / 5000, 1.0 / 100_000}
	for i, s := range c.Model.Stages {
		if !near(s.Primary.at(at), want.Stages[i].Primary.at(at), 0.01) || !near(s.Backup.at(at), want.Stages[i].Backup.at(at), 0.01) {
			t.Errorf("stage %s: %+v, made of %+v", s.Stage, s, want.Stages[i])
		}
	}
	if !near(c.Reference, reference, 0.01) || c.Model.Residual > 0.01 {
		t.Errorf("reference %v, made with %v; residual %v", c.Reference, reference, c.Model.Residual)
	}
	c.Loads[2].RefAfter *= 1.3
	p, err := c.Predict(Question{Profile: c.Profile, Replicas: 4, Events: 100, Cores: 2, Disk: 1})
	if err != nil || !strings.Contains(strings.Join(p.Notes, "\n"), "speed changed by 30 % around a load") {
		t.Errorf("no note of a swing: %v, %+v", err, p)
	}
}

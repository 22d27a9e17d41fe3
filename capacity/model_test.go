package capacity

// Aim: the model gives back what its loads were made of, its stages add up, more of
// anything never carries less, and a comparison names the stage that was bent.
// Method: a calibration whose loads the model itself made from known costs, asked
// at random.

import (
	"errors"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"quorate/tuning"
)

// known is a calibration with costs of about a real host's.
func known(t testing.TB) *Calibration {
	t.Helper()
	c := &Calibration{Schema: CalibrationSchema, Made: "2026-01-02T03:04:05Z", Build: Build{"abc", "go1"}, Scheme: "threshold-bls",
		Profile: tuning.Balanced, Replicas: 4, Reference: 15_000, Host: tuning.Host{Cores: 2, Arch: "amd64", Model: "M", Kernel: "K"},
		Groups: []Group{{4, 2300, 200, 1500, 200, 48}, {7, 2400, 400, 1500, 300, 48}, {16, 2600, 900, 1600, 700, 48}},
		Syncs:  []Sync{{4096, 40, 300, 900}, {1 << 20, 400, 2000, 5000}, {4 << 20, 1600, 7000, 16000}},
	}
	costs := []StageCost{
		{"crypto", Cost{0.06, 15, 2700, 20}, Cost{0.07, 15, 2700, 20}}, {"execute", Cost{0.5, 2, 150, 10}, Cost{0.5, 2, 150, 10}},
		{"verify", Cost{0.2, 40, 0, 0}, Cost{0, 0, 0, 0}}, {"journal", Cost{0.1, 0, 300, 5}, Cost{0.08, 0, 250, 5}},
		{Rest, Cost{0.5, 5, 800, 20_000}, Cost{0.2, 3, 700, 20_000}},
	}
	c.Model = Model{Stages: costs, Client: Cost{0.4, 40, 0, 0}, Busy: 0.95, Path: 0.45, Slot: 0.6, Tails: []Tail{{0.05, 2.2}, {0.6, 2.8}}, TailFull: 2, TailClosed: 1.8, SyncBase: 600, SyncByte: 0.004,
		Ledger: Cost{142, 170, 630, 0}, Link: Cost{380, 700, 4500, 2000}}
	if err := c.check(); err != nil {
		t.Fatal(err)
	}
	return c
}

// made is the load that the model predicts, without noise.
func made(c *Calibration, profile string, events int, rate float64, outstanding int) Load {
	q := &Question{Profile: profile, Replicas: 4, Events: events, Rate: rate, Outstanding: outstanding, Cores: 2, Together: true, Disk: 1}
	if rate == 0 {
		rate, _ = c.highest(q)
	}
	s := c.at(q, rate)
	const seconds = 10
	l := Load{Name: "made", Seconds: seconds, Offered: q.Rate, Events: events, Outstanding: outstanding, Payments: rate * seconds,
		Requests: rate * seconds / float64(events), Blocks: rate * seconds / s.block, FastBlocks: rate * seconds / s.block,
		ClientCPU: s.client * rate * seconds / 1e6, P50: s.p50, P99: s.p99, Syncs: rate * seconds / s.block}
	l.RefBefore, l.RefAfter = c.Reference, c.Reference
	l.SyncMean = c.Model.SyncBase + c.Model.SyncByte*eventBytes*l.Payments/l.Syncs
	for _, d := range s.demands {
		l.Stages = append(l.Stages, StageTime{d.Stage, d.Primary * rate * seconds / 1e6, d.Backup * rate * seconds / 1e6})
	}
	l.LinkBytes = seconds * rate * c.Model.Link.at(mix{1 / float64(events), 1 / s.block, 1 / rate})
	return l
}

// loads are those of a calibration.
func loads(c *Calibration) []Load {
	idle := Load{Name: "idle", Seconds: 2, RefBefore: c.Reference, RefAfter: c.Reference}
	for _, s := range c.Model.Stages {
		idle.Stages = append(idle.Stages, StageTime{s.Stage, 2 * s.Primary.PerSecond / 1e6, 2 * s.Backup.PerSecond / 1e6})
	}
	idle.LinkBytes = 2 * c.Model.Link.PerSecond
	return []Load{idle, made(c, tuning.Balanced, 8189, 0, 8), made(c, tuning.Balanced, 400, 0, 64), made(c, tuning.Balanced, 1, 0, 1024),
		made(c, tuning.Balanced, 200, 2000, 0), made(c, tuning.Balanced, 1000, 50_000, 0), made(c, tuning.Balanced, 400, 80_000, 0)}
}

func TestLearnFindsTheCosts(t *testing.T) {
	c := known(t)
	want := c.Model
	c.Loads = loads(c)
	if err := c.Learn(); err != nil {
		t.Fatal(err)
	}
	at := mix{1.0 / 1000, 1.0 / 5000, 1.0 / 100_000}
	for i, s := range c.Model.Stages {
		if !near(s.Primary.at(at), want.Stages[i].Primary.at(at), 0.01) || !near(s.Backup.at(at), want.Stages[i].Backup.at(at), 0.01) {
			t.Errorf("stage %s: %+v, made of %+v", s.Stage, s, want.Stages[i])
		}
	}
	if c.Model.Residual > 0.01 || !near(c.Model.Busy, want.Busy, 0.02) || !near(c.Model.SyncBase, want.SyncBase, 0.02) || !near(tailAt(c.Model.Tails, 0.3), tailAt(want.Tails, 0.3), 0.02) || !near(c.Model.TailFull, want.TailFull, 0.02) || !near(c.Model.TailClosed, want.TailClosed, 0.02) {
		t.Errorf("%+v, made of %+v", c.Model, want)
	}
	for _, l := range []Load{made(c, tuning.Throughput, 2000, 0, 32), made(c, tuning.Latency, 500, 20_000, 0)} {
		s := c.at(&Question{Profile: tuning.Throughput, Replicas: 4, Events: 2000, Outstanding: 32, Cores: 2, Together: true, Disk: 1}, l.Payments/l.Seconds)
		if s.p50 <= 0 || s.p99 < s.p50 {
			t.Errorf("latency %v %v", s.p50, s.p99)
		}
	}
}

func TestLearnRefuses(t *testing.T) {
	c := known(t)
	c.Loads = loads(c)[:3]
	if err := c.Learn(); !errors.Is(err, ErrLoads) {
		t.Errorf("two loads teach %v", err)
	}
}

// question draws a question that makes sense.
func question(t *rapid.T) Question {
	f := rapid.IntRange(1, 6).Draw(t, "f")
	return Question{Profile: rapid.SampledFrom(tuning.Names()).Draw(t, "profile"), Replicas: 3*f + 1, Down: rapid.IntRange(0, f).Draw(t, "down"),
		Events: rapid.IntRange(1, EventsOfRequest).Draw(t, "events"), Outstanding: rapid.IntRange(0, 2000).Draw(t, "outstanding"),
		Cores: rapid.Float64Range(0.5, 64).Draw(t, "cores"), Together: rapid.Bool().Draw(t, "together"),
		LinkBits: rapid.SampledFrom([]float64{0, 1e8, 1e9, 1e10}).Draw(t, "link"), RoundTrip: rapid.Float64Range(0, 2e5).Draw(t, "trip"),
		Disk: rapid.Float64Range(0.1, 10).Draw(t, "disk")}
}

func TestPredictionsHangTogether(t *testing.T) {
	c := known(t)
	rapid.Check(t, func(t *rapid.T) {
		q := question(t)
		p, err := c.Predict(q)
		if err != nil {
			t.Fatal(err)
		}
		if !(p.Highest > 0) || math.IsInf(p.Highest, 0) || p.Highest != p.Limits[0].Rate {
			t.Fatalf("highest %v of %v", p.Highest, p.Limits)
		}
		for i := 1; i < len(p.Limits); i++ {
			if p.Limits[i].Rate < p.Limits[i-1].Rate {
				t.Fatalf("limits are not in order: %v", p.Limits)
			}
		}
		// Invariant C1: the stages add up.
		sum := 0.0
		for _, d := range p.Demands {
			sum += d.All
			if !near(d.All, d.Primary+float64(q.Replicas-q.Down-1)*d.Backup, 1e-9) || bad(d.All) {
				t.Fatalf("stage %+v", d)
			}
		}
		if !near(sum, p.Replicas, 1e-9) {
			t.Fatalf("stages add up to %v, not %v", sum, p.Replicas)
		}
		for _, at := range append(p.Points, p.At) {
			if bad(at.P50, at.P99, at.Busy) || at.P99 < at.P50 || at.P50 < q.RoundTrip || at.Block < float64(q.Events)*0.99 {
				t.Fatalf("point %+v", at)
			}
		}
		again, _ := c.Predict(q)
		if !reflect.DeepEqual(p, again) {
			t.Fatal("the same question has two answers")
		}
	})
}

// Invariant C2.
func TestMoreNeverCarriesLess(t *testing.T) {
	c := known(t)
	rapid.Check(t, func(t *rapid.T) {
		q := question(t)
		before, _ := c.highest(&q)
		grow := rapid.Float64Range(1, 8).Draw(t, "grow")
		for what, more := range map[string]func(*Question){
			"cores": func(o *Question) { o.Cores *= grow }, "link": func(o *Question) { o.LinkBits *= grow },
			"disk": func(o *Question) { o.Disk *= grow }, "a shorter round trip": func(o *Question) { o.RoundTrip /= grow },
			"larger requests": func(o *Question) { o.Outstanding = 0; o.Events = min(EventsOfRequest, int(float64(o.Events)*grow)) },
		} {
			one, base := q, before
			more(&one)
			if what == "larger requests" {
				// Whole requests fit a block, so that a block may hold less: 4,095
				// instead of 7,371 events, when two of 4,095 are one too many.
				same := q
				same.Outstanding = 0
				base, _ = c.highest(&same)
				base *= min(1, fill(t, &one)/fill(t, &same))
			}
			if after, _ := c.highest(&one); after < base*(1-1e-6) {
				t.Fatalf("%s: %v before, %v after: %+v", what, base, after, one)
			}
		}
	})
}

// fill is how many events of whole requests fit a block.
func fill(t *rapid.T, q *Question) float64 {
	p, err := tuning.Named(q.Profile)
	if err != nil {
		t.Fatal(err)
	}
	requests := min(p.BatchEventsMax/q.Events, int(float64(p.BatchBytesMax)/(float64(q.Events)*eventBytes+requestBytes)))
	return float64(max(1, requests) * q.Events)
}

// At a higher rate nothing is faster, up to where the highest rate is.
func TestLatencyRisesWithTheRate(t *testing.T) {
	c := known(t)
	for _, events := range []int{1, 100, 1000, 8189} {
		q := Question{Profile: tuning.Balanced, Replicas: 4, Events: events, Cores: 2, Together: true, Disk: 1}
		highest, _ := c.highest(&q)
		last := 0.0
		for part := 0.05; part < 0.95; part += 0.05 {
			q.Rate = part * highest
			s := c.at(&q, q.Rate)
			if s.p99 < last*0.8 { // where slots fill up the tail gets shorter
				t.Errorf("%d per request: p99 %v at %.0f %%, %v below", events, s.p99, 100*part, last)
			}
			last = s.p99
			if s.busy >= 1 {
				t.Errorf("%d per request: %v of the cores busy at %.0f %%", events, s.busy, 100*part)
			}
		}
	}
}

// More voters raise f, not throughput.
func TestMoreReplicasCarryLess(t *testing.T) {
	c := known(t)
	last := math.Inf(1)
	for _, n := range []int{4, 7, 10, 16, 31} {
		q := Question{Profile: tuning.Balanced, Replicas: n, Events: 1000, Cores: 4, Disk: 1, LinkBits: 1e10}
		highest, _ := c.highest(&q)
		if highest > last {
			t.Errorf("%d replicas carry %v, fewer %v", n, highest, last)
		}
		last = highest
	}
}

// Noise that makes the signatures of 16 cheaper than those of 7 says nothing about 400.
func TestSignaturesOfManyAreNotFree(t *testing.T) {
	c := known(t)
	c.Groups[2] = Group{16, 2000, 400, 1500, 300, 48}
	last := c.signing(16, true)
	for _, n := range []int{19, 31, 100, 1000} {
		if got := c.signing(n, true); got < last {
			t.Errorf("%d replicas: %v, 16 have %v", n, got, last)
		}
	}
	if between := c.signing(10, false); between >= c.signing(7, false) || between <= c.signing(16, false) {
		t.Errorf("between two that were measured: %v", between)
	}
}

func TestQuestionsRefused(t *testing.T) {
	c, good := known(t), Question{Profile: tuning.Balanced, Replicas: 4, Events: 1000, Cores: 2, Disk: 1}
	if _, err := c.Predict(good); err != nil {
		t.Fatal(err)
	}
	for what, bend := range map[string]func(*Question){
		"five replicas": func(q *Question) { q.Replicas = 5 }, "three replicas": func(q *Question) { q.Replicas = 3 },
		"too many down": func(q *Question) { q.Down = 2 }, "no payments": func(q *Question) { q.Events = 0 },
		"a request too large": func(q *Question) { q.Events = EventsOfRequest + 1 }, "a negative rate": func(q *Question) { q.Rate = -1 },
		"no number": func(q *Question) { q.Rate = math.NaN() }, "no cores": func(q *Question) { q.Cores = 0 },
		"no such profile": func(q *Question) { q.Profile = "fast" }, "no disk": func(q *Question) { q.Disk = 0 },
		"infinite link": func(q *Question) { q.LinkBits = math.Inf(1) }, "a negative window": func(q *Question) { q.Outstanding = -1 },
	} {
		q := good
		bend(&q)
		if _, err := c.Predict(q); err == nil {
			t.Errorf("%s is taken", what)
		}
	}
}

func TestHoldNamesTheStage(t *testing.T) {
	c := known(t)
	measure := func() *Measurement {
		m := &Measurement{Schema: MeasurementSchema, Scheme: c.Scheme, Profile: tuning.Throughput, Replicas: 4, Host: c.Host,
			Peak: made(c, tuning.Throughput, 2000, 0, 64)}
		m.Steady = made(c, tuning.Throughput, 2000, m.Peak.Payments/m.Peak.Seconds/2, 0)
		return m
	}
	k, err := c.Hold(measure())
	if err != nil || len(k.Failures()) != 0 {
		t.Fatalf("its own figures: %v, %v", k.Failures(), err)
	}
	for _, r := range []struct {
		what, word string
		bend       func(m *Measurement)
	}{
		{"a dearer stage", "stage execute at the peak", func(m *Measurement) { m.Peak.bend("execute", 1.25) }},
		{"a cheaper stage", "stage crypto at the peak", func(m *Measurement) { m.Peak.bend("crypto", 0.8) }},
		{"fewer payments", "throughput at the peak", func(m *Measurement) { m.Peak.Seconds *= 1.3 }},
		{"a long tail", "p99 at the steady rate", func(m *Measurement) { m.Steady.P99 *= 1.5 }},
		{"a short tail", "p99 at the steady rate", func(m *Measurement) { m.Steady.P99 *= 0.7; m.Steady.P50 *= 0.7 }},
	} {
		m := measure()
		r.bend(m)
		k, err := c.Hold(m)
		if err != nil || !strings.Contains(strings.Join(k.Failures(), ", "), r.word) {
			t.Errorf("%s: %v, %v", r.what, k.Failures(), err)
		}
	}
	m := measure()
	m.Scheme = "ed25519"
	if _, err := c.Hold(m); !errors.Is(err, ErrOther) {
		t.Errorf("another scheme: %v", err)
	}
}

// bend changes what one stage took.
func (l *Load) bend(stage string, times float64) {
	i := slices.IndexFunc(l.Stages, func(s StageTime) bool { return s.Stage == stage })
	l.Stages[i].Primary *= times
	l.Stages[i].Backup *= times
}

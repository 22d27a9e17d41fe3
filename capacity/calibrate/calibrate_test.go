package calibrate

// Aim: units measure what they say, on the real rooms, and two readings make the
// load that was between them. Method: every unit once on a temporary directory, where
// a figure has to be there and no more (no timing decides a test); hand-made readings;
// a Bed that is played.

import (
	"context"
	"errors"
	"math"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"quorate/capacity"
	"quorate/cluster"
	"quorate/internal/scrape"
	"quorate/tuning"
)

func TestUnitsAreMeasured(t *testing.T) {
	var said []string
	o := &Options{Dir: t.TempDir(), Scheme: cluster.Ed25519, Profile: tuning.Balanced, Made: time.Unix(0, 0),
		Say: func(format string, _ ...any) { said = append(said, format) }}
	c := &capacity.Calibration{}
	kept, err := o.units(context.Background(), c)
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Groups) != len(groupSizes) || len(c.Syncs) != len(syncSizes) || len(c.Units) < 12 || len(said) == 0 {
		t.Fatalf("%d groups, %d syncs, %d units", len(c.Groups), len(c.Syncs), len(c.Units))
	}
	for _, g := range c.Groups {
		if g.Each <= 0 || g.SlowEach <= 0 || g.Bytes == 0 {
			t.Errorf("group %+v", g)
		}
	}
	for _, u := range c.Units {
		if !(u.CPU > 0) || !(u.Wall > 0) || u.Name == "" || u.Per == "" {
			t.Errorf("unit %+v", u)
		}
	}
	for _, s := range c.Syncs {
		if !(s.P50 > 0) || s.P99 < s.P50 {
			t.Errorf("sync %+v", s)
		}
	}
	// An event is 128 bytes; what a ledger keeps cannot be less.
	if kept.PerPayment < 128 || kept.PerPayment > 300 || kept.PerRequest < 0 || kept.PerBlock <= 0 {
		t.Errorf("kept %+v", kept)
	}
}

func TestUnitsStopAtTheFirstError(t *testing.T) {
	u, broken := &units{}, errors.New("broken")
	u.keep("first", "x", 1, 1, broken)
	u.add("second", "x", 1, func(int) error { t.Error("it went on"); return nil })
	u.keep("third", "x", 1, 1, nil)
	if !errors.Is(u.err, broken) || len(u.all) != 0 {
		t.Errorf("%v, %v", u.all, u.err)
	}
}

// metrics is what two moments of a replica look like.
func metrics(times float64) map[string]float64 {
	return map[string]float64{
		scrape.Labelled(metricStages, "crypto"): 2 * times, scrape.Labelled(metricStages, "execute"): times, metricEvents: 10_000 * times, metricBlocks: 10 * times,
		metricRequests: 100 * times, scrape.Labelled(metricCommits, "fast"): 9 * times, scrape.Labelled(metricBytes, "out"): 1e6 * times,
		metricSync + "_count": 20 * times, metricSync + "_sum": 0.1 * times,
	}
}

func TestBetween(t *testing.T) {
	begun := time.Unix(100, 0)
	a := reading{at: begun, replicas: []map[string]float64{metrics(1), metrics(1), metrics(1), metrics(1)}, cpu: []float64{1, 1, 1, 1}, client: 1, host: 10}
	b := reading{at: begun.Add(10 * time.Second), replicas: []map[string]float64{metrics(2), metrics(3), metrics(2), metrics(2)}, cpu: []float64{5, 11, 5, 5}, client: 2, host: 40, stolen: 1}
	l := between(&a, &b, 1)
	if l.Payments != 20_000 || l.Blocks != 20 || l.Requests != 200 || l.FastBlocks != 18 || l.Seconds != 10 || l.ClientCPU != 1 || l.LinkBytes != 2e6 || l.StolenCPU != 1 {
		t.Errorf("%+v", l)
	}
	if math.Abs(l.SyncMean-5000) > 1e-6 || l.Syncs != 40 {
		t.Errorf("syncs %v of %v", l.Syncs, l.SyncMean)
	}
	// 4 s each of three backups, 3 of them known; 10 s of the primary, 6 known; the
	// host used 30, ours are 23.
	want := []capacity.StageTime{{Stage: "crypto", Primary: 4, Backup: 2}, {Stage: "execute", Primary: 2, Backup: 1}, {Stage: capacity.Rest, Primary: 4, Backup: 1}}
	if len(l.Stages) != len(want) || l.OthersCPU != 7 {
		t.Fatalf("%+v", l)
	}
	for i, s := range l.Stages {
		if s.Stage != want[i].Stage || math.Abs(s.Primary-want[i].Primary) > 1e-9 || math.Abs(s.Backup-want[i].Backup) > 1e-9 {
			t.Errorf("%+v, want %+v", s, want[i])
		}
	}
}

// stage is a Bed that is played: this process stands for all replicas.
type stage struct {
	addr  string
	views []uint64 // what Primary says, one after the other
	drive func(onSecond func(second, pid int) error) error
}

// Replicas implements Bed.
func (s *stage) Replicas() []Replica {
	one := Replica{os.Getpid(), s.addr}
	return []Replica{one, one, one, one}
}

// Primary implements Bed.
func (s *stage) Primary(context.Context) (int, uint64, error) {
	v := s.views[0]
	s.views = s.views[1:]
	return int(v) % 4, v, nil
}

// Drive implements Bed.
func (s *stage) Drive(_ context.Context, _ Drive, onSecond func(second, pid int) error) (Driven, error) {
	return Driven{P50: 1, P99: 2}, s.drive(onSecond)
}

func TestMeasureRefusesWhatIsNone(t *testing.T) {
	payments := "0"
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte("quorate_events_executed_total " + payments + "\nquorate_blocks_executed_total " + payments + "\nquorate_batch_requests_total " + payments + "\n"))
		payments += "0" // each scrape finds ten times as many
	}))
	defer web.Close()
	addr := strings.TrimPrefix(web.URL, "http://")
	both := func(onSecond func(second, pid int) error) error {
		payments = "1"
		return errors.Join(onSecond(1, os.Getpid()), onSecond(3, os.Getpid()))
	}
	d := Drive{Events: 10, Clients: 2, InFlight: 3, Warmup: 1, Seconds: 2}
	for _, r := range []struct {
		what, word string
		views      []uint64
		drive      func(onSecond func(second, pid int) error) error
	}{
		{"a view change", "view 1 became 2", []uint64{1, 2}, both},
		{"no end", "did not tell", []uint64{1, 1}, func(on func(second, pid int) error) error { return on(1, os.Getpid()) }},
		{"nothing done", "nothing was executed", []uint64{1, 1}, func(on func(second, pid int) error) error {
			payments = ""
			defer func() { payments = "" }()
			payments = "0"
			return errors.Join(on(1, os.Getpid()), on(3, os.Getpid()))
		}},
		{"an audit that is not clean", "audit", []uint64{1, 1}, func(func(second, pid int) error) error { return errors.New("audit") }},
	} {
		_, err := Measure(context.Background(), &stage{addr, r.views, r.drive}, d)
		if err == nil || !strings.Contains(err.Error(), r.word) {
			t.Errorf("%s: %v", r.what, err)
		}
	}
	l, err := Measure(context.Background(), &stage{addr, []uint64{5, 5}, both}, d)
	if err != nil || l.Payments <= 0 || l.Outstanding != 6 || l.P99 != 2 || l.Events != 10 {
		t.Errorf("%+v, %v", l, err)
	}
}

// A load at a part of what went takes its rate from the load of the same size that
// had none.
func TestDrivesAreReady(t *testing.T) {
	before := []capacity.Load{{Seconds: 2}, {Events: 8189, Payments: 9000, Seconds: 3}, {Events: 400, Payments: 600_000, Seconds: 3}, {Events: 400, Offered: 7, Payments: 70, Seconds: 10}}
	parts := 0
	for _, d := range drives {
		got, want := d.ready(before), d.Drive
		want.Warmup = driveWarmup
		if d.part > 0 {
			parts++
			want.Rate = math.Floor(d.part * 200_000)
		}
		if got != want || got.Seconds < 3 || (got.Rate == 0) == (got.InFlight == 0) {
			t.Errorf("%s: %+v, want %+v", d.name, got, want)
		}
	}
	if parts == 0 {
		t.Error("no load with a part")
	}
}

package pipeline

// Aim: what is exported is right, and as much as it was before. Method: a
// collector is gathered as Prometheus does, before and after load of more clients.

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"quorate/wire"
)

// gather gives every series by name and labels; of a histogram its count, sum
// and buckets.
func gather(t testing.TB, r *Replica) map[string]float64 {
	t.Helper()
	reg := prometheus.NewPedanticRegistry() // checks names, labels and descriptions too
	must(t, reg.Register(r.Collector(func() StageStats { return StageStats{Name: "network", Workers: 1, CPUSeconds: 2} })))
	families, err := reg.Gather()
	must(t, err)
	out := make(map[string]float64)
	for _, f := range families {
		for _, m := range f.Metric {
			id := f.GetName()
			for _, l := range m.Label {
				id += fmt.Sprintf("{%s=%s}", l.GetName(), l.GetValue())
			}
			h := m.GetHistogram()
			if h == nil {
				out[id] = m.GetCounter().GetValue() + m.GetGauge().GetValue()
				continue
			}
			out[id+" count"], out[id+" sum"] = float64(h.GetSampleCount()), h.GetSampleSum()
			last := uint64(0)
			for _, b := range h.Bucket {
				if b.GetCumulativeCount() < last || b.GetCumulativeCount() > h.GetSampleCount() {
					t.Errorf("%s: bucket %v holds %d of %d, the one before %d", id, b.GetUpperBound(), b.GetCumulativeCount(), h.GetSampleCount(), last)
				}
				last = b.GetCumulativeCount()
				out[fmt.Sprintf("%s le %v", id, b.GetUpperBound())] = float64(last)
			}
		}
	}
	return out
}

// TestSeriesAreBounded: load and clients make no series.
func TestSeriesAreBounded(t *testing.T) {
	c := newTestCluster(t, 5)
	before := gather(t, c.nodes[0].replica)
	codesAllZero(t, c.do(0, wire.OpCreateAccounts, accountsBody(1, 100), 0), 100)
	for i := range 5 {
		codesAllZero(t, c.do(i, wire.OpCreateTransfers, transfersBody(uint64(1000*i+1), 100, 100), i%4), 100)
	}
	c.settle()
	after := gather(t, c.nodes[0].replica)
	if a, b := slices.Sorted(maps.Keys(before)), slices.Sorted(maps.Keys(after)); !slices.Equal(a, b) {
		t.Errorf("%d series before load, %d after", len(a), len(b))
	}
	if after["quorate_stage_cpu_seconds_total{stage=network}"] != 2 {
		t.Error("a stage of another room is missing")
	}
}

func TestWhatIsExported(t *testing.T) {
	c := newTestCluster(t, 1)
	codesAllZero(t, c.do(0, wire.OpCreateAccounts, accountsBody(1, 100), 0), 100)
	codesAllZero(t, c.do(0, wire.OpCreateTransfers, transfersBody(1, 1000, 100), 0), 1000)
	c.settle()
	for i := range c.nodes {
		c.kill(i) // what is under way ends: replies may have passed the count
	}
	primary := gather(t, c.nodes[0].replica)
	for name, least := range map[string]float64{
		"quorate_requests_received_total":                    2,
		"quorate_batch_size_requests count":                  2,
		"quorate_batch_size_events sum":                      1100,
		"quorate_slot_seconds{until=commit} count":           2,
		"quorate_slot_seconds{until=execute} count":          2,
		"quorate_slot_seconds{until=reply} count":            2,
		"quorate_signature_work_total{work=share_signed}":    4,
		"quorate_signature_work_total{work=identity_signed}": 2,
		"quorate_stage_step_seconds{stage=order} count":      2,
		"quorate_queue_bound{queue=journal}":                 1,
		"quorate_journal_written_bytes_total":                1100 * 128,
		"quorate_journal_segments{state=live}":               1,
		"quorate_batch_size_events le 1024":                  2,
	} {
		if got, there := primary[name]; !there || got < least {
			t.Errorf("%s is %v, want at least %v", name, got, least)
		}
	}
	commit, execute, reply := primary["quorate_slot_seconds{until=commit} sum"], primary["quorate_slot_seconds{until=execute} sum"], primary["quorate_slot_seconds{until=reply} sum"]
	if commit <= 0 || commit > execute || execute > reply {
		t.Errorf("slots took %v s to commit, %v to execute, %v to reply", commit, execute, reply)
	}
	work := 0.0 // whoever collects combines; every other replica verifies
	for _, n := range c.nodes {
		s := &n.replica.stats.Signatures
		work += float64(s[workCombined].Load())
		if n != c.nodes[0] && s[workIdentityVerified].Load() == 0 {
			t.Error("a backup verified no proposal's author")
		}
		if s[workCombineFailed].Load() != 0 {
			t.Error("a combination of honest shares failed")
		}
	}
	if work < 4 {
		t.Errorf("%v combinations in two slots, want σ and π of each", work)
	}
}

// TestHistogramBuckets: a value is in the bucket of the smallest bound that is
// not below it.
func TestHistogramBuckets(t *testing.T) {
	for n, want := range map[int]int{0: 0, 1: 0, 2: 1, 3: 2, 4: 2, 5: 3, 8189: 13, 8192: 13, 8193: 14, math.MaxInt: 31} {
		var h histogram
		if h.size(n); h.buckets[want].Load() != 1 {
			t.Errorf("size %d is not in bucket %d", n, want)
		}
	}
	var h histogram
	for _, d := range []time.Duration{-time.Second, 0, time.Microsecond, time.Millisecond, time.Hour * 10_000} {
		h.observe(d)
	}
	h.since(time.Time{}) // an unknown moment is no observation
	if h.count.Load() != 5 || h.buckets[10].Load() != 1 || h.buckets[31].Load() != 1 {
		t.Errorf("%d observations, %d of a millisecond", h.count.Load(), h.buckets[10].Load())
	}
}

// BenchmarkScrape is the price of one scrape of the pipeline's collector.
func BenchmarkScrape(b *testing.B) {
	c := newTestCluster(b, 1)
	c.do(0, wire.OpCreateAccounts, accountsBody(1, 100), 0)
	c.settle()
	for i := range c.nodes {
		c.kill(i)
	}
	reg := prometheus.NewRegistry()
	reg.MustRegister(c.nodes[0].replica.Collector())
	b.ReportAllocs()
	for b.Loop() {
		if _, err := reg.Gather(); err != nil {
			b.Fatal(err)
		}
	}
}

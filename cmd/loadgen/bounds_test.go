package main

import (
	"io"
	"runtime"
	"testing"
	"time"

	"quorate/client"
	"quorate/cmd/loadgen/outcome"
)

// Aim: what a run keeps does not grow with its length.
// Method: the meter, the book, the series and the table of one run on a clock of
// its own, fed as the driver feeds them; the heap after one hour is that after
// five. Batches are of one payment: the worst case for what counts batches.

// span drives hours of a load of 100 requests per second.
type span struct {
	meter  *meter
	book   *book
	series outcome.Series
	table  *outcome.Table
	log    eventLog
	now    time.Time
	batch  uint64
	second int
}

func newSpan() *span {
	s := &span{meter: newMeter(), book: newBook(10_000), table: outcome.NewTable(io.Discard, 4), now: time.Unix(1, 0)}
	s.meter.now = func() time.Time { return s.now }
	s.meter.beginMeasuring()
	return s
}

func (s *span) run(t *testing.T, seconds int) {
	for range seconds {
		s.second++
		for range 100 {
			s.meter.offered(1)
			s.book.sent()
			s.now = s.now.Add(10 * time.Millisecond)
			switch {
			case s.batch%50 == 7:
				s.meter.failed(1, &client.RefusedError{Code: 6})
				s.book.end(s.batch, fateRefused, 0, 0)
			default:
				s.meter.answered(1, 0, time.Duration(s.batch%5000)*time.Microsecond)
				s.book.end(s.batch, fateAcked, 1, 0)
			}
			s.batch++
		}
		if s.second%60 == 0 {
			s.log.add(eventView, "view")
		}
		r := s.meter.second(s.second, time.Second, 1)
		r.Replicas, r.Events = make([]outcome.ReplicaRow, 4), s.log.row()
		s.series.Add(r)
		if err := s.table.Write(&r); err != nil {
			t.Fatal(err)
		}
	}
}

func heap() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

func TestMemoryDoesNotGrowWithTheRun(t *testing.T) {
	s := newSpan()
	s.run(t, 3600)
	after1 := heap()
	s.run(t, 4*3600)
	grown := heap() - after1
	payments := int64(s.batch)
	t.Logf("%d payments: %d bytes more after five hours than after one", payments, grown)
	// One byte per batch, as once was kept, would be 1.4 MB.
	if grown > 512<<10 {
		t.Errorf("four more hours keep %d bytes", grown)
	}
	rows, each := s.series.Rows()
	if len(rows) > 3600 || each < 4 || rows[len(rows)-1].Second != s.second {
		t.Errorf("%d rows, each of %d seconds, to %d of %d", len(rows), each, rows[len(rows)-1].Second, s.second)
	}
	if n := len(s.book.acknowledged()); n < 5_000 || n > 20_001 {
		t.Errorf("a sample of %d batches, where 10,000 were asked for", n)
	}
	whole, _, _ := s.meter.snapshot()
	if whole.Achieved+whole.Errors != s.batch || s.meter.byCode()["overload"] != whole.Errors {
		t.Errorf("%+v, %v of %d", whole, s.meter.byCode(), s.batch)
	}
	runtime.KeepAlive(s)
}

// TestSampleIsEven: whatever is kept comes from the whole run, and until there
// is more than wanted all of it is kept.
func TestSampleIsEven(t *testing.T) {
	s := sample{keep: 1000, step: 1}
	for b := range uint64(1500) {
		s.add(2 * b) // a pattern in the numbers
	}
	if len(s.batches) != 1500 {
		t.Errorf("%d of 1500 are kept, 2000 fit", len(s.batches))
	}
	for b := range uint64(500_000) {
		s.add(2 * (b + 1500))
	}
	if n := len(s.batches); n < 900 || n > 2000 {
		t.Errorf("%d are kept, 1000 are wanted", n)
	}
	var quarters [4]int
	for _, b := range s.batches {
		quarters[b*4/(2*501_500)]++
	}
	for i, n := range quarters {
		if n < len(s.batches)/6 || n > len(s.batches)/3 {
			t.Errorf("quarter %d of the run holds %d of %d", i, n, len(s.batches))
		}
	}
}

// TestCodesAreBounded: names that a hostile cluster makes up are counted
// together.
func TestCodesAreBounded(t *testing.T) {
	m := newMeter()
	for i := range 1000 {
		m.offered(1)
		m.blame(map[string]int{string(rune('a'+i%26)) + string(rune('a'+i/26)): 1})
	}
	codes := m.byCode()
	sum := uint64(0)
	for _, n := range codes {
		sum += n
	}
	if len(codes) > codesKept+1 || sum != 1000 || codes[codeOther] == 0 {
		t.Errorf("%d codes, %d counted, %d others", len(codes), sum, codes[codeOther])
	}
}

// TestOutstanding: the mean is request-seconds over the time measured.
func TestOutstanding(t *testing.T) {
	m := newMeter()
	now := time.Unix(1, 0)
	m.now = func() time.Time { return now }
	at := func(s int) { now = time.Unix(1+int64(s), 0) }
	m.offered(1) // in the warm-up: counts from when measuring begins
	at(10)
	m.beginMeasuring()
	at(12)
	m.offered(1)
	at(15)
	m.answered(1, 0, time.Second)
	at(18)
	m.dropped(1)
	at(20)
	m.endMeasuring()
	m.offered(1)
	at(50)
	// 1 over 2 s, 2 over 3 s, 1 over 3 s, 0 over 2 s.
	if mean, span, _ := m.queued(); mean != 1.1 || span != 10*time.Second {
		t.Errorf("mean %v over %v, want 1.1 over 10 s", mean, span)
	}
}

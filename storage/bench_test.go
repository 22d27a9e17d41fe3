package storage

import (
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"quorate/wire"
)

// Aim: what a group and a block cost on the disk under the test's temporary
// directory. Each benchmark reports p50 and p99 beside the mean.

func reportQuantiles(b *testing.B, took []time.Duration) {
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Microseconds()), "p50-µs")
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds()), "p99-µs")
	b.ReportMetric(float64(took[len(took)-1].Microseconds()), "max-µs")
}

func BenchmarkJournalSync(b *testing.B) {
	for _, size := range []int{100, 4 << 10, 256 << 10, 1 << 20, 4 << 20} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			j, _, err := OpenJournal(Options{Dir: b.TempDir(), Cluster: testCluster, Create: true})
			if err != nil {
				b.Fatal(err)
			}
			defer j.Close()
			body := testBody(1, size)
			took := make([]time.Duration, 0, b.N)
			b.SetBytes(int64(size))
			for b.Loop() {
				t := time.Now()
				lsn := j.Append(1, wire.SeqNum(len(took)), body)
				if _, err := j.Sync(); err != nil {
					b.Fatal(err)
				}
				took = append(took, time.Since(t))
				if len(took)%64 == 0 {
					if err := j.Truncate(wire.SeqNum(len(took)), lsn); err != nil {
						b.Fatal(err)
					}
				}
			}
			reportQuantiles(b, took)
		})
	}
}

// BenchmarkJournalAppend is the CPU cost alone.
func BenchmarkJournalAppend(b *testing.B) {
	for _, size := range []int{100, 4 << 10, 1 << 20} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			var g groupBuffer
			body := testBody(1, size)
			b.SetBytes(int64(size))
			g.start(1, chain{})
			c := chain{}
			for b.Loop() {
				if g.framedWith(size) > groupBytesMax {
					g.start(1, chain{})
				}
				c = g.add(c, 1, 1, 1, [][]byte{body})
			}
		})
	}
}

// benchBlock looks like payments: random ids and accounts, the rest small.
func benchBlock(r *rand.Rand, seq wire.SeqNum, first uint64, accounts uint64) *Block {
	const n = 8189
	b := &Block{Seq: seq, FirstOrdinal: first, Header: make([]byte, 300), Certificate: make([]byte, 120), ExecCert: make([]byte, 120)}
	body := make([]byte, n*EventBytes)
	b.Links = make([][2]uint64, n)
	b.IDEntries = make([]uint64, n)
	for i := range n {
		e := body[i*EventBytes:]
		for _, at := range []int{0, 8} {
			putU64(e[at:], r.Uint64())
		}
		putU64(e[16:], r.Uint64N(accounts))
		putU64(e[32:], r.Uint64N(accounts))
		putU64(e[48:], r.Uint64N(1e6))
		putU64(e[80:], r.Uint64N(1000)) // user data
		e[112], e[116], e[118] = 1, 1, 0
		o := first + uint64(i)
		for k := range 2 {
			b.Links[i][k] = o - min(o, r.Uint64N(2*accounts))
		}
		b.IDEntries[i] = r.Uint64()
	}
	b.Requests = []RequestBody{{Body: body, Events: n, FirstOrdinal: first, FirstTimestamp: uint64(seq) << 30, Result: make([]byte, 4*n)}}
	return b
}

// processWritten is what this process sent to disks, from the kernel's books.
func processWritten(b *testing.B) (bytes int64) {
	text, err := os.ReadFile("/proc/self/io")
	if err != nil {
		b.Skip(err)
	}
	for line := range strings.Lines(string(text)) {
		if n, err := fmt.Sscanf(line, "write_bytes: %d", &bytes); n == 1 && err == nil {
			return bytes
		}
	}
	return 0
}

func putU64(p []byte, v uint64) {
	for i := range 8 {
		p[i] = byte(v >> (8 * i))
	}
}

// BenchmarkLedgerBlock stages and commits blocks of 8,189 events, makes them
// durable every 32, and reports the bytes that stay on the disk per event.
func BenchmarkLedgerBlock(b *testing.B) {
	dir := b.TempDir()
	l, err := OpenLedger(LedgerOptions{Dir: dir, Cluster: testCluster})
	if err != nil {
		b.Fatal(err)
	}
	r := rand.New(rand.NewPCG(1, 1))
	var blocks []*Block
	for i := range 8 {
		blocks = append(blocks, benchBlock(r, wire.SeqNum(i+1), uint64(i)*8189, 1e6))
	}
	written := processWritten(b)
	var commits, flushes []time.Duration
	n := 0
	b.SetBytes(8189 * EventBytes)
	for b.Loop() {
		k := *blocks[n%len(blocks)]
		k.Seq, k.FirstOrdinal = wire.SeqNum(n+1), uint64(n)*8189
		k.Requests = slices.Clone(k.Requests)
		k.Requests[0].FirstOrdinal = k.FirstOrdinal
		shift := k.FirstOrdinal - blocks[n%len(blocks)].FirstOrdinal
		k.Links = slices.Clone(k.Links)
		for i := range k.Links {
			k.Links[i][0] += shift
			k.Links[i][1] += shift
		}
		n++
		t := time.Now()
		if err := l.Stage(&k); err != nil {
			b.Fatal(err)
		}
		if err := l.Commit(false); err != nil {
			b.Fatal(err)
		}
		commits = append(commits, time.Since(t))
		if n%32 == 0 {
			t := time.Now()
			if err := l.Commit(true); err != nil {
				b.Fatal(err)
			}
			flushes = append(flushes, time.Since(t))
		}
	}
	reportQuantiles(b, commits)
	if len(flushes) > 0 {
		slices.Sort(flushes)
		b.ReportMetric(float64(flushes[len(flushes)/2].Microseconds()), "flush-p50-µs")
		b.ReportMetric(float64(flushes[len(flushes)-1].Microseconds()), "flush-max-µs")
	}
	if err := l.Commit(true); err != nil {
		b.Fatal(err)
	}
	m := l.db.Metrics()
	b.ReportMetric(float64(m.DiskSpaceUsage())/float64(n*8189), "disk-B/event")
	b.ReportMetric(float64(processWritten(b)-written)/float64(n*8189), "written-B/event")
	b.ReportMetric(float64(m.Compact.MoveCount), "moves")
	b.ReportMetric(float64(m.Compact.Count), "compactions")
	if err := l.Close(); err != nil {
		b.Fatal(err)
	}
}

// BenchmarkLedgerRead reads single events and all IDs from a ledger of 128
// blocks; ids/s is what a start needs.
func BenchmarkLedgerRead(b *testing.B) {
	l, err := OpenLedger(LedgerOptions{Dir: b.TempDir(), Cluster: testCluster})
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	r := rand.New(rand.NewPCG(1, 1))
	for n := range uint64(128) {
		if err := l.Stage(benchBlock(r, wire.SeqNum(n+1), n*8189, 1e6)); err != nil {
			b.Fatal(err)
		}
		if err := l.Commit(n%32 == 31); err != nil {
			b.Fatal(err)
		}
	}
	_, next := l.Head()
	b.Run("event", func(b *testing.B) {
		for b.Loop() {
			if _, err := l.Event(r.Uint64N(next)); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("block", func(b *testing.B) {
		for b.Loop() {
			if _, err := l.Block(wire.SeqNum(1 + r.Uint64N(128))); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("ids", func(b *testing.B) {
		n := 0
		for b.Loop() {
			if err := l.IDs(func(_ wire.SeqNum, _ uint64, ids []uint64) error { n += len(ids); return nil }); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "ids/s")
	})
}

package storage

import (
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2"
)

// LedgerStats says what Pebble did since the ledger was opened, and what it holds.
// There is no write-ahead log to tell of: the vote journal is this ledger's log
// (Invariant L1).
type LedgerStats struct {
	Flushes, Compactions uint64
	FlushedBytes         uint64 // of tables that flushes wrote
	TakenBytes           uint64 // of tables that blocks became without a memtable
	CompactedBytes       uint64 // of tables that compactions wrote
	DebtBytes            uint64 // an estimate of what compactions have yet to read
	MemTableBytes        uint64
	TableBytes           uint64 // of live tables
	Level0Files          int64  // many: compaction does not keep up, and reads pay
	CacheHits, CacheMiss uint64 // of blocks
	Stalls               uint64 // times that writes had to wait for a flush or a compaction
	StalledSeconds       float64
}

// stalls measures how long Pebble made writers wait. Its methods are Pebble's
// event listeners, which it calls one at a time.
type stalls struct {
	began atomic.Int64 // nanoseconds since 1970 UTC; 0: none now
	count atomic.Uint64
	nanos atomic.Int64
}

func (s *stalls) begin(pebble.WriteStallBeginInfo) {
	s.count.Add(1)
	s.began.Store(time.Now().UnixNano())
}

func (s *stalls) end() {
	if began := s.began.Swap(0); began != 0 {
		s.nanos.Add(max(0, time.Now().UnixNano()-began))
	}
}

// Stats tells of Pebble; after Close, nothing. Any thread.
func (l *Ledger) Stats() LedgerStats {
	l.closing.RLock()
	defer l.closing.RUnlock()
	if l.closed {
		return LedgerStats{}
	}
	m := l.db.Metrics()
	s := LedgerStats{
		Flushes: uint64(m.Flush.Count), Compactions: uint64(m.Compact.Count),
		DebtBytes: m.Compact.EstimatedDebt, MemTableBytes: m.MemTable.Size,
		Level0Files: m.Levels[0].TablesCount,
		CacheHits:   uint64(m.BlockCache.Hits), CacheMiss: uint64(m.BlockCache.Misses),
		Stalls: l.stalls.count.Load(), StalledSeconds: time.Duration(l.stalls.nanos.Load()).Seconds(),
	}
	for i := range m.Levels {
		s.FlushedBytes += m.Levels[i].TableBytesFlushed
		s.TakenBytes += m.Levels[i].TableBytesIngested
		s.CompactedBytes += m.Levels[i].TableBytesCompacted
		s.TableBytes += uint64(m.Levels[i].TablesSize)
	}
	return s
}

package storage

import (
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"syscall"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/sstable"
	"github.com/cockroachdb/pebble/v2/vfs"

	"quorate/wire"
)

// EventBytes is the size of one event with an ordinal inside a request body.
const EventBytes = wire.EventBytes

// LedgerOptions says where a ledger lives and how much memory it may take.
type LedgerOptions struct {
	FS      FS             // nil: the operating system's files
	Dir     string         // a directory of its own; made if missing
	Cluster wire.Digest    // cluster id, compared with the one on disk
	Replica wire.ReplicaID // compared with the one on disk

	CacheBytes    int64 // block cache; 0: 64 MiB
	MemTableBytes int   // one memtable; 0: 32 MiB; at most three exist
	TableBytes    int64 // staged blocks of this size become a table without a memtable, at most TableBytesMax; 0: a quarter of a memtable

	// Compression of tables. Each may be read with each.
	Compression Compression

	// blockBytes is the size of a table's data block; 0: blockBytesSST. Tests of
	// damage make it small: Pebble looks for the bit that flipped in a bad block, in
	// time that grows with the square of its size.
	blockBytes int

	// Fatal is called once, from any thread, when Pebble cannot go on (a
	// manifest that cannot be written). It must end the process and not
	// return. Nil: panic, which ends it too.
	Fatal func(error)
}

// Compression says how tables are packed once they are written: of random
// payments, 143 bytes each are left plain, 57 fast, 42 small (decisions/0006).
type Compression int

// The values of Compression.
const (
	CompressNone  Compression = iota
	CompressFast              // MinLZ: 0.7 ms of CPU per block of 8,189 events
	CompressSmall             // zstd: 5 ms
)

func (c Compression) profile() *sstable.CompressionProfile {
	switch c {
	case CompressFast:
		return sstable.MinLZCompression
	case CompressSmall:
		return sstable.ZstdCompression
	}
	return sstable.NoCompression
}

// RequestBody is one request of a block. Its bytes are opaque, but for these:
// the first Events×128 bytes of Body are events with ordinals, and a Result of
// exactly Events×4 bytes holds one little-endian u32 code per event.
type RequestBody struct {
	Kind           uint8 // what its events are, for EventRecord.Kind; opaque
	Body           []byte
	Events         int    // events with ordinals; 0 for queries
	FirstOrdinal   uint64 // of the first event; the others follow without a gap
	FirstTimestamp uint64 // of the first event; event i has FirstTimestamp+i
	Result         []byte
}

// DerivedRecord is a record that execution computed for an event, such as the
// effective amount of a balancing transfer.
type DerivedRecord struct {
	Ordinal uint64 // of an event of the same block
	Rec     [EventBytes]byte
}

// ResolvedStatus says what became of an earlier (or this block's) event.
type ResolvedStatus struct {
	Ordinal uint64 // of any block up to this one
	Status  uint8
}

// BalanceRecord holds balances after an event, for accounts with history.
type BalanceRecord struct {
	Ordinal uint64 // of an event of the same block
	Bytes   []byte
}

// Block is what the execute stage hands over for one slot. Slots are staged in
// order without gaps; ordinals grow with slots.
type Block struct {
	Seq          wire.SeqNum
	Header       []byte // block header and batch meta, without request bodies
	Certificate  []byte // commit certificate
	ExecCert     []byte // execution certificate; may come later (SetExecCert)
	FirstOrdinal uint64 // the next free ordinal before this block
	Requests     []RequestBody
	// Links has one entry per event of the block in ordinal order, or is empty:
	// ordinals of the previous transfers of the debit and the credit account.
	Links     [][2]uint64
	Derived   []DerivedRecord
	Resolved  []ResolvedStatus
	Balances  []BalanceRecord
	IDEntries []uint64
}

// EventRecord is one stored event.
type EventRecord struct {
	Ordinal   uint64
	Seq       wire.SeqNum
	Kind      uint8 // of its request
	Timestamp uint64
	Links     [2]uint64 // zero if the block had none
	Code      uint32    // its result code
	Bytes     [EventBytes]byte
}

// Ledger holds blocks, what is read of them by ordinal, and checkpointed
// state. One thread commits (Commit, SetExecCert, SetCertificate, SavePages,
// PutMeta, Close); one thread stages (it may be another); any may read.
type Ledger struct {
	opt    LedgerOptions
	db     *pebble.DB
	lock   *pebble.Lock
	tables *pebble.Options // how tables are written

	mu      sync.Mutex              // held for moments, by Stage and Commit
	overlay atomic.Pointer[overlay] // what readers see before Pebble

	nextSeq     atomic.Uint64 // seq that Stage takes next; 0: any
	nextOrdinal atomic.Uint64
	applied     atomic.Uint64   // durable
	base        wire.SeqNum     // first block, 0 if there is none; commit thread
	committed   wire.SeqNum     // in Pebble, maybe not durable; commit thread
	dirty       bool            // something was written since the last flush began
	flushing    <-chan struct{} // closed when the flush that began is done; nil: none
	flushSeq    wire.SeqNum     // what that flush makes durable

	recent recentBlocks
	chunks chunkCache
	pages  map[pageID]wire.SeqNum // version of each page of the image
	stale  [][]byte               // keys of page versions to delete

	stalls  stalls
	closing sync.RWMutex // Stats reads Pebble until Close begins
	closed  bool

	failed  chan struct{} // closed by the first fatal error
	failure atomic.Pointer[error]
	low     atomic.Bool   // Pebble's last flush found the disk full
	full    chan struct{} // capacity 1: it just did
}

// The names of the ledger's own small values; callers' names are prefixed.
const (
	metaIdentity   = "ledger/identity"
	metaBase       = "ledger/base" // seq of the first block that was ever committed
	metaCheckpoint = "ledger/checkpoint"
	metaCaller     = "caller/"
)

// OpenLedger opens or makes a ledger. With *LedgerBehindError the ledger is
// open too: blocks from From on are missing or were dropped because of a hole
// before them, and must be staged again. Other errors: ErrForeign, ErrCorrupt,
// or of the disk.
func OpenLedger(opt LedgerOptions) (*Ledger, error) {
	if opt.FS == nil {
		opt.FS = vfs.Default
	}
	if opt.CacheBytes == 0 {
		opt.CacheBytes = 64 << 20
	}
	if opt.MemTableBytes == 0 {
		opt.MemTableBytes = 32 << 20
	}
	if opt.blockBytes == 0 {
		opt.blockBytes = blockBytesSST
	}
	if opt.TableBytes == 0 {
		opt.TableBytes = min(int64(opt.MemTableBytes)/4, TableBytesMax)
	}
	if opt.Dir == "" || opt.CacheBytes < 0 || opt.MemTableBytes < 64<<10 || opt.TableBytes < 0 || opt.TableBytes > TableBytesMax ||
		opt.Compression < CompressNone || opt.Compression > CompressSmall {
		return nil, fmt.Errorf("storage: ledger: %w", ErrOptions)
	}
	if opt.Fatal == nil {
		opt.Fatal = func(err error) { panic(err) }
	}
	if err := makeDir(opt.FS, opt.Dir); err != nil {
		return nil, err
	}
	l := &Ledger{opt: opt, failed: make(chan struct{}), full: make(chan struct{}, 1), pages: make(map[pageID]wire.SeqNum)}
	l.overlay.Store(&overlay{})
	lock, err := pebble.LockDirectory(opt.Dir, opt.FS)
	if err != nil {
		return nil, fmt.Errorf("storage: %s is in use: %w", opt.Dir, err)
	}
	l.lock = lock
	l.dropNew()
	o := l.pebbleOptions()
	l.tables = tableOptions(o)
	o.Lock = lock
	db, err := pebble.Open(opt.Dir, o)
	if err != nil {
		_ = lock.Close()
		return nil, fmt.Errorf("storage: open ledger: %w", openError(err))
	}
	l.db = db
	err = l.load()
	if err != nil && !errors.Is(err, ErrLedgerBehind) {
		_ = db.Close()
		_ = lock.Close()
		return nil, err
	}
	return l, err
}

// openError types an error of pebble.Open: what does not come from the
// operating system, and a file that should be there, is damage.
func openError(err error) error {
	var errno syscall.Errno
	if errors.As(err, &errno) && errno != syscall.ENOENT {
		return typed(err)
	}
	return fmt.Errorf("%w: %w", ErrCorrupt, err)
}

// blockBytesSST is the size of a table's data block: four chunks. See
// docs/decisions/0006.
const blockBytesSST = 32 << 10

// pebbleOptions says how the ledger uses Pebble; the reasons and measurements
// are in docs/decisions/0006.
func (l *Ledger) pebbleOptions() *pebble.Options {
	o := &pebble.Options{
		FS:                          takeFS{pacedFS{markerFS{l.opt.FS}, &l.low}},
		CacheSize:                   l.opt.CacheBytes,
		DisableWAL:                  true, // Invariant L1
		FormatMajorVersion:          pebble.FormatTableFormatV6,
		MemTableSize:                uint64(l.opt.MemTableBytes),
		MemTableStopWritesThreshold: 3,
		L0CompactionThreshold:       8,
		L0StopWritesThreshold:       1000,
		LBaseMaxBytes:               256 << 20,
		MaxOpenFiles:                512,
		BytesPerSync:                1 << 20,
		CompactionConcurrencyRange:  func() (int, int) { return 1, 1 },
		Logger:                      pebbleLogger{l},
		EventListener: &pebble.EventListener{
			BackgroundError: l.backgroundError,
			WriteStallBegin: l.stalls.begin,
			WriteStallEnd:   l.stalls.end,
			// The default is to end the process; a reader gets ErrCorrupt.
			DataCorruption: func(pebble.DataCorruptionInfo) {},
			FlushEnd: func(info pebble.FlushInfo) {
				if info.Err == nil {
					l.low.Store(false)
				}
			},
		},
	}
	// Tables are cut where a space ends: blocks stay disjoint from the rest.
	o.Experimental.SpanPolicyFunc = func(start []byte) (pebble.SpanPolicy, []byte, error) {
		return pebble.SpanPolicy{}, []byte{start[0] + 1}, nil
	}
	// An ingested table that would wait in a memtable's queue would not be durable.
	o.Experimental.DisableIngestAsFlushable = func() bool { return true }
	profile := l.opt.Compression.profile()
	for i := range o.Levels {
		o.Levels[i].BlockSize = l.opt.blockBytes
		o.Levels[i].Compression = func() *sstable.CompressionProfile { return profile }
	}
	for i := range o.TargetFileSizes {
		o.TargetFileSizes[i] = 32 << 20
	}
	return o
}

// pebbleLogger keeps Pebble silent and routes what it cannot survive.
type pebbleLogger struct{ l *Ledger }

func (pebbleLogger) Infof(string, ...any)  {}
func (pebbleLogger) Errorf(string, ...any) {}
func (p pebbleLogger) Fatalf(format string, args ...any) {
	p.l.opt.Fatal(p.l.die(fmt.Errorf("storage: ledger: %w: "+format, append([]any{ErrCrash}, args...)...)))
	select {} // Fatal returned although it must not: stop this thread at least
}

// backgroundError is called when a flush or compaction failed; Pebble tries
// again. A full disk passes, anything else is the end (DSK-04).
func (l *Ledger) backgroundError(err error) {
	if isDiskFull(err) {
		l.low.Store(true)
		select {
		case l.full <- struct{}{}:
		default:
		}
		return
	}
	_ = l.die(fmt.Errorf("storage: ledger: %w: %w", ErrCrash, err))
}

// die notes the first fatal error and gives it.
func (l *Ledger) die(err error) error {
	if l.failure.CompareAndSwap(nil, &err) {
		close(l.failed)
	}
	return *l.failure.Load()
}

// dead gives the fatal error, if there was one.
func (l *Ledger) dead() error {
	if p := l.failure.Load(); p != nil {
		return *p
	}
	return nil
}

// typed maps Pebble's errors to ours.
func typed(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, pebble.ErrNotFound):
		return ErrNotFound
	case pebble.IsCorruptionError(err):
		return fmt.Errorf("%w: %w", ErrCorrupt, err)
	case isDiskFull(err):
		return fmt.Errorf("%w: %w", ErrDiskLow, err)
	}
	return err
}

// get reads and checks one value. The payload is valid until close.
func (l *Ledger) get(key []byte) (payload []byte, done io.Closer, err error) {
	v, closer, err := l.db.Get(key)
	if err != nil {
		return nil, nil, fmt.Errorf("storage: read key %x: %w", key, typed(err))
	}
	payload, err = openValue(key, v)
	if err != nil {
		_ = closer.Close()
		return nil, nil, err
	}
	return payload, closer, nil
}

// Applied is the newest block that is durable; all blocks before it are too.
func (l *Ledger) Applied() wire.SeqNum { return wire.SeqNum(l.applied.Load()) }

// Head is the newest block that readers see, 0 if none, and the next free
// ordinal.
func (l *Ledger) Head() (seq wire.SeqNum, nextOrdinal uint64) {
	next := l.nextSeq.Load()
	return wire.SeqNum(max(next, 1) - 1), l.nextOrdinal.Load()
}

// CheckApplied compares what Pebble holds with what the journal's superblock
// says it held (Recovery.DiskApplied). Less is *LedgerBehindError.
func (l *Ledger) CheckApplied(diskApplied wire.SeqNum) error {
	if have := l.Applied(); have < diskApplied {
		return &LedgerBehindError{From: have + 1, Have: have, Want: diskApplied}
	}
	return nil
}

// Close commits what is staged, makes it durable and closes the ledger.
func (l *Ledger) Close() error {
	err := l.dead()
	if errors.Is(err, ErrClosed) {
		return err
	}
	if err == nil {
		err = l.Commit(true)
	}
	l.closing.Lock()
	l.closed = true
	l.closing.Unlock()
	if cerr := l.db.Close(); err == nil && cerr != nil {
		err = fmt.Errorf("storage: close ledger: %w", typed(cerr))
	}
	if cerr := l.lock.Close(); err == nil && cerr != nil {
		err = fmt.Errorf("storage: unlock ledger: %w", cerr)
	}
	l.die(ErrClosed)
	return err
}

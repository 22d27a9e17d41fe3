package pipeline

import (
	"errors"
	"fmt"

	"quorate/storage"
)

// Disk says where a replica keeps its journal and its ledger, and how large
// their pieces are. Zero sizes are storage's defaults.
type Disk struct {
	FS  storage.FS // nil: the operating system's files
	Dir string     // the data directory; it exists

	JournalSegmentBytes int
	JournalSegmentsMin  int
	SuperblockGroups    int
	CacheBytes          int64
	MemTableBytes       int
	Compression         storage.Compression
	Nonce               func() [16]byte // see storage.Options

	Fatal func(error) // see storage.LedgerOptions
}

// Found is what Open met on the disk.
type Found struct {
	Journal storage.Recovery
	// Behind is not nil when the ledger has lost blocks that it had: they come
	// from the journal again, or from others.
	Behind error
}

// Open opens journal and ledger below disk.Dir and builds a replica over them.
// It is the one way from a data directory to a replica: what starts one in
// production, and what tests damaged disks, is the same code. On an error
// everything is closed again and Found says what was met until then.
func Open(cfg Config, suite Suite, transport Transport, disk Disk) (r *Replica, found Found, err error) {
	if disk.FS == nil {
		disk.FS = storage.OSFiles()
	}
	fresh, err := storage.Fresh(disk.FS, disk.Dir)
	if err != nil {
		return nil, found, err
	}
	var journal *storage.Journal
	journal, found.Journal, err = storage.OpenJournal(storage.Options{FS: disk.FS, Dir: disk.FS.PathJoin(disk.Dir, "journal"),
		Cluster: cfg.Cluster, Replica: cfg.Self, Create: fresh, SegmentBytes: disk.JournalSegmentBytes,
		SegmentsMin: disk.JournalSegmentsMin, SuperblockGroups: disk.SuperblockGroups, Nonce: disk.Nonce})
	if err != nil {
		return nil, found, fmt.Errorf("journal: %w", err)
	}
	ledger, err := storage.OpenLedger(storage.LedgerOptions{FS: disk.FS, Dir: disk.FS.PathJoin(disk.Dir, "ledger"),
		Cluster: cfg.Cluster, Replica: cfg.Self, CacheBytes: disk.CacheBytes, MemTableBytes: disk.MemTableBytes,
		TableBytes: tableBytes(disk.MemTableBytes, int(cfg.Self), cfg.Quorums.N), Compression: disk.Compression, Fatal: disk.Fatal})
	if err != nil && !errors.Is(err, storage.ErrLedgerBehind) {
		return nil, found, errors.Join(fmt.Errorf("ledger: %w", err), journal.Close())
	}
	found.Behind = errors.Join(err, ledger.CheckApplied(found.Journal.DiskApplied))
	r, err = New(cfg, suite, transport, journal, ledger, found.Journal.Amnesia)
	if err == nil && fresh {
		err = storage.Started(disk.FS, disk.Dir)
	}
	if err != nil {
		return nil, found, errors.Join(err, journal.Close(), ledger.Close())
	}
	return r, found, nil
}

// tableBytes is how many bytes of blocks a replica gathers for a table: five
// eighths of storage's default in the first of n replicas, all of it in the last.
// Each block comes to all replicas at about the same time. If they wrote tables at
// the same block, the next slots would find all of them busy, and fast commits wait
// for the slowest.
func tableBytes(memTable, self, n int) int64 {
	usual := min(int64(memTable)/4, storage.TableBytesMax)
	if n < 2 {
		return usual
	}
	return usual - usual*3/8*int64(n-1-self)/int64(n-1)
}

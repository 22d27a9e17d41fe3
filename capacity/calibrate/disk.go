package calibrate

import (
	"encoding/binary"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"quorate/capacity"
	"quorate/storage"
	"quorate/wire"
)

// syncSizes are the sizes of journal groups that are measured, bytes.
var syncSizes = []int{4 << 10, 64 << 10, 256 << 10, 1 << 20, 4 << 20}

// syncs measures append and sync of the vote journal below dir.
func syncs(dir string) (all []capacity.Sync, err error) {
	j, _, err := storage.OpenJournal(storage.Options{Dir: filepath.Join(dir, "journal"), Create: true})
	if err != nil {
		return nil, fmt.Errorf("calibrate: %w", err)
	}
	defer j.Close()
	seq := wire.SeqNum(0)
	for _, size := range syncSizes {
		rounds := max(24, min(160, 24<<20/size)) // enough for a tail where it is cheap
		body := make([]byte, size)
		for i := range body {
			body[i] = byte(i * 7) // no file system packs zeros on us
		}
		var cpus, walls []float64
		for range rounds {
			seq++
			c := now(unix.CLOCK_THREAD_CPUTIME_ID)
			lsn := j.Append(uint8(wire.RecordBody), seq, body)
			if _, err := j.Sync(); err != nil {
				return nil, fmt.Errorf("calibrate: %w", err)
			}
			cpu, wall := c.since(unix.CLOCK_THREAD_CPUTIME_ID)
			cpus, walls = append(cpus, cpu), append(walls, wall)
			if seq%16 == 0 {
				if err := j.Truncate(seq, lsn); err != nil {
					return nil, fmt.Errorf("calibrate: %w", err)
				}
			}
		}
		all = append(all, capacity.Sync{Bytes: size, CPU: quantile(cpus, 0.5), P50: quantile(walls, 0.5), P99: quantile(walls, 0.99)})
	}
	return all, nil
}

// Bytes of a block's header and of its entry per request: pipeline/block.go.
const (
	headerBytes      = 300
	requestMetaBytes = 150
	certificateBytes = 120
)

// block makes a block that looks like payments: random ids and accounts.
func block(seq wire.SeqNum, first uint64, requests, events int) *storage.Block {
	b := &storage.Block{Seq: seq, FirstOrdinal: first, Header: make([]byte, headerBytes+requests*requestMetaBytes),
		Certificate: make([]byte, certificateBytes), ExecCert: make([]byte, certificateBytes)}
	r, le := rand.New(rand.NewPCG(uint64(seq), 1)), binary.LittleEndian
	for range requests {
		body := make([]byte, events*storage.EventBytes)
		for i := range events {
			e := body[i*storage.EventBytes:]
			le.PutUint64(e, r.Uint64())
			le.PutUint64(e[16:], r.Uint64N(10_000))
			le.PutUint64(e[32:], r.Uint64N(10_000))
			le.PutUint64(e[48:], r.Uint64N(10_000))
			ordinal := first + uint64(len(b.IDEntries))
			b.Links = append(b.Links, [2]uint64{ordinal - min(ordinal, r.Uint64N(20_000)), ordinal - min(ordinal, r.Uint64N(20_000))})
			b.IDEntries = append(b.IDEntries, r.Uint64())
		}
		b.Requests = append(b.Requests, storage.RequestBody{Body: body, Events: events, FirstOrdinal: first + uint64(len(b.IDEntries)-events),
			FirstTimestamp: uint64(seq) << 30, Result: make([]byte, 4*events)})
	}
	return b
}

// ledger measures commits of blocks and what they take on disk, and gives bytes kept
// by one replica per payment, request and block.
func ledger(dir string, u *units) (kept capacity.Cost, err error) {
	// Three shapes of blocks for three unknowns.
	shapes := []struct{ blocks, requests, events int }{{24, 1, wire.EventsMax}, {600, 1, 1}, {60, 100, 1}}
	var size [3]float64 // bytes per block
	for i, s := range shapes {
		if size[i], err = shape(filepath.Join(dir, fmt.Sprintf("ledger-%d", i)), s.blocks, s.requests, s.events, u); err != nil {
			return kept, err
		}
	}
	kept.PerRequest = max((size[2]-size[1])/99, 0) // a request with its payment, for now
	kept.PerPayment = max((size[0]-size[1])/float64(wire.EventsMax-1), 0)
	kept.PerBlock = max(size[1]-kept.PerRequest, 0)
	kept.PerRequest = max(kept.PerRequest-kept.PerPayment, 0)
	return kept, nil
}

// shape commits blocks of one shape and gives the bytes on disk of each.
func shape(dir string, blocks, requests, events int, u *units) (bytes float64, err error) {
	l, err := storage.OpenLedger(storage.LedgerOptions{Dir: dir})
	if err != nil {
		return 0, fmt.Errorf("calibrate: %w", err)
	}
	seq, first := l.Head()
	var cpus, walls []float64
	for range blocks {
		seq++
		b := block(seq, first, requests, events)
		first += uint64(requests * events)
		c := now(unix.CLOCK_PROCESS_CPUTIME_ID)
		if err = l.Stage(b); err == nil {
			err = l.Commit(false)
		}
		if err != nil {
			_ = l.Close()
			return 0, fmt.Errorf("calibrate: %w", err)
		}
		cpu, wall := c.since(unix.CLOCK_PROCESS_CPUTIME_ID)
		cpus, walls = append(cpus, cpu), append(walls, wall)
	}
	u.keep(fmt.Sprintf("ledger: commit a block of %d × %d payments", requests, events), "block", quantile(cpus, 0.5), quantile(walls, 0.5), nil)
	if err := l.Commit(true); err != nil {
		_ = l.Close()
		return 0, fmt.Errorf("calibrate: %w", err)
	}
	if err := l.Close(); err != nil {
		return 0, fmt.Errorf("calibrate: %w", err)
	}
	total, err := tableBytes(dir)
	return total / float64(blocks), err
}

// tableBytes is the size of a ledger's tables; its logs and manifests do not grow.
func tableBytes(dir string) (total float64, err error) {
	err = filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(path) != ".sst" {
			return err
		}
		info, err := e.Info()
		if os.IsNotExist(err) {
			return nil // compaction removed it in between
		}
		if err == nil {
			total += float64(info.Size())
		}
		return err
	})
	return total, err
}

package storage

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2"

	"quorate/internal/plant"
	"quorate/wire"
)

// The checkpoint image: pages of state, each under (region, index, seq of the
// checkpoint that wrote it), and one value that says which checkpoint is
// current. A page belongs to the image in its newest version not above the
// current checkpoint. New versions are written beside the old ones, then the
// one value switches, then the old ones go: that is atomic at any size, where
// a single batch would need all pages in memory twice.

// Page is one page of checkpointed state.
type Page struct {
	Region uint8
	Index  uint32
	Data   []byte
}

// iterator is Pebble's.
type iterator = pebble.Iterator

// pageID names a page.
type pageID struct {
	region uint8
	index  uint32
}

// SavePages replaces the given pages of the image and its meta. All of it
// becomes current at once and durable with the next Commit(true); a crash
// before leaves the image before it. seq must be above that of the current
// image, whose meta is replaced. Pages not given stay as they are.
func (l *Ledger) SavePages(seq wire.SeqNum, pages []Page, meta []byte) error {
	if err := l.dead(); err != nil {
		return err
	}
	if l.low.Load() {
		return errFlushFull
	}
	current, _, err := l.checkpoint()
	if err != nil {
		return err
	}
	if seq <= current {
		return fmt.Errorf("storage: checkpoint %d after %d: %w", seq, current, ErrOptions)
	}
	if err := l.move(true); err != nil { // no image is durable before its blocks (L2)
		return err
	}
	if plant.On(plant.ImageCurrentEarly) {
		if err := l.putOne(metaKey(metaCheckpoint), append(binary.LittleEndian.AppendUint64(nil, uint64(seq)), meta...)); err != nil {
			return err
		}
	}
	for len(pages) > 0 {
		n, size := 0, 0
		for n < len(pages) && (n == 0 || size+len(pages[n].Data) <= int(l.batchBytes())) {
			size += len(pages[n].Data)
			n++
		}
		if err := l.writePages(seq, pages[:n], size); err != nil {
			return err
		}
		pages = pages[n:]
	}
	batch := l.db.NewBatch()
	defer batch.Close()
	w := batchWriter{batch: batch}
	w.put(metaKey(metaCheckpoint), binary.LittleEndian.AppendUint64(nil, uint64(seq)), meta)
	// One batch: the old versions go when the new ones are current, not before.
	for _, key := range l.stale {
		// A start after a crash may write the very version that was left over.
		if region, index, version, _ := splitPageKey(key); version == seq && l.pages[pageID{region, index}] == seq {
			continue
		}
		if err := batch.Delete(key, nil); err != nil {
			w.err = err
		}
	}
	l.stale = l.stale[:0]
	return l.apply(&w)
}

// writePages writes one batch of new versions and notes what they replace.
func (l *Ledger) writePages(seq wire.SeqNum, pages []Page, size int) error {
	batch := l.db.NewBatchWithSize(size + len(pages)*64)
	defer batch.Close()
	w := batchWriter{batch: batch}
	var key []byte
	for _, p := range pages {
		key = pageKey(key, p.Region, p.Index, seq)
		w.put(key, p.Data)
		id := pageID{p.Region, p.Index}
		if old, ok := l.pages[id]; ok && old != seq {
			l.stale = append(l.stale, pageKey(nil, p.Region, p.Index, old))
		}
		l.pages[id] = seq
	}
	return l.apply(&w)
}

// checkpoint reads which image is current; 0 if none.
func (l *Ledger) checkpoint() (wire.SeqNum, []byte, error) {
	v, err := l.getMeta(metaCheckpoint)
	switch {
	case errors.Is(err, ErrNotFound):
		return 0, nil, nil
	case err != nil:
		return 0, nil, err
	case len(v) < 8:
		return 0, nil, fmt.Errorf("storage: checkpoint mark of %d bytes: %w", len(v), ErrCorrupt)
	}
	return wire.SeqNum(binary.LittleEndian.Uint64(v)), v[8:], nil
}

// Checkpoint gives the seq and meta of the current image; ErrNotFound if none.
func (l *Ledger) Checkpoint() (wire.SeqNum, []byte, error) {
	seq, meta, err := l.checkpoint()
	if err == nil && seq == 0 {
		err = fmt.Errorf("storage: checkpoint: %w", ErrNotFound)
	}
	return seq, meta, err
}

// LoadPages gives the pages of the current image in ascending order of region
// and index: payments appends tables page by page. It belongs to the start,
// before the first SavePages.
// A page's bytes are valid until fn returns. ErrNotFound if there is no image;
// an error of fn ends it and is returned.
func (l *Ledger) LoadPages(fn func(p Page) error) (seq wire.SeqNum, meta []byte, err error) {
	if seq, meta, err = l.Checkpoint(); err != nil {
		return 0, nil, err
	}
	iter, err := l.db.NewIter(&pebble.IterOptions{LowerBound: []byte{spacePages}, UpperBound: []byte{spacePages + 1}})
	if err != nil {
		return 0, nil, fmt.Errorf("storage: load pages: %w", typed(err))
	}
	defer func() {
		if cerr := iter.Close(); err == nil && cerr != nil {
			err = fmt.Errorf("storage: load pages: %w", typed(cerr))
		}
	}()
	found := 0
	for ok := iter.First(); ok; ok = iter.Next() {
		region, index, version, good := splitPageKey(iter.Key())
		if !good {
			return 0, nil, fmt.Errorf("storage: page key %x: %w", iter.Key(), ErrCorrupt)
		}
		if at, there := l.pages[pageID{region, index}]; !there || at != version {
			continue // replaced, or of a checkpoint that was cut short
		}
		v, err := iter.ValueAndErr()
		if err != nil {
			return 0, nil, fmt.Errorf("storage: read page %d/%d: %w", region, index, typed(err))
		}
		data, err := openValue(iter.Key(), v)
		if err != nil {
			return 0, nil, err
		}
		found++
		if err := fn(Page{Region: region, Index: index, Data: data}); err != nil {
			return 0, nil, err
		}
	}
	if err := iter.Error(); err != nil {
		return 0, nil, fmt.Errorf("storage: load pages: %w", typed(err))
	}
	if found != len(l.pages) {
		return 0, nil, fmt.Errorf("storage: image at %d has %d of %d pages: %w", seq, found, len(l.pages), ErrCorrupt)
	}
	return seq, meta, nil
}

// scanPages calls use at each page's version in the image of the seq, and drop
// with the keys of all other versions.
func (l *Ledger) scanPages(
	seq wire.SeqNum, use func(pageID, wire.SeqNum, *iterator) error, drop func(key []byte),
) (err error) {
	iter, err := l.db.NewIter(&pebble.IterOptions{LowerBound: []byte{spacePages}, UpperBound: []byte{spacePages + 1}})
	if err != nil {
		return fmt.Errorf("storage: scan pages: %w", typed(err))
	}
	defer func() {
		if cerr := iter.Close(); err == nil && cerr != nil {
			err = fmt.Errorf("storage: scan pages: %w", typed(cerr))
		}
	}()
	// Backwards, versions come newest first: the first one not above seq counts.
	var last pageID
	taken := false
	for ok := iter.Last(); ok; ok = iter.Prev() {
		region, index, version, good := splitPageKey(iter.Key())
		if !good {
			return fmt.Errorf("storage: page key %x: %w", iter.Key(), ErrCorrupt)
		}
		if id := (pageID{region, index}); id != last {
			last, taken = id, false
		}
		if version > seq || taken {
			if drop != nil {
				drop(iter.Key())
			}
			continue
		}
		taken = true
		if err := use(last, version, iter); err != nil {
			return err
		}
	}
	return nil
}

// loadPageVersions fills l.pages, and notes what a crash left behind.
func (l *Ledger) loadPageVersions() error {
	seq, _, err := l.checkpoint()
	if err != nil {
		return err
	}
	return l.scanPages(seq, func(id pageID, version wire.SeqNum, _ *iterator) error {
		l.pages[id] = version
		return nil
	}, func(key []byte) { l.stale = append(l.stale, append([]byte(nil), key...)) })
}

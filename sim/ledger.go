package sim

import (
	"errors"
	"fmt"
	"sort"

	"quorate/pipeline"
	"quorate/storage"
	"quorate/wire"
)

// ledger stands for storage.Ledger: staged, then committed, then durable. Like
// Pebble without a log it may lose after a crash whatever came after the last
// Commit(true), but only from the end: what was written survives in order.
type ledger struct {
	effect func()
	fails  int // so many commits from now fail

	blocks   []*storage.Block // of seq i+1: everything staged
	ends     []uint64         // ordinal after blocks[i]
	staged   int              // blocks[len−staged:] are not committed
	statuses map[uint64]uint8 // from Resolved of blocks
	certs    map[wire.SeqNum][]byte
	pages    image

	log []ledgerOp // committed and not durable, in order
	old durable
}

// ledgerOp is one committed write: exactly one field is set.
type ledgerOp struct {
	block *storage.Block
	cert  []byte
	seq   wire.SeqNum // of cert, or of pages
	pages []storage.Page
	meta  []byte
}

type pageKey struct {
	region uint8
	index  uint32
}

// image is a checkpoint of pages.
type image struct {
	seq   wire.SeqNum
	meta  []byte
	pages map[pageKey][]byte
}

// durable is what a crash leaves at least.
type durable struct {
	blocks []*storage.Block
	certs  map[wire.SeqNum][]byte
	pages  image
}

var _ pipeline.Ledger = (*ledger)(nil)

func newLedger() *ledger {
	l := &ledger{effect: func() {}}
	l.wipe()
	return l
}

// wipe loses everything.
func (l *ledger) wipe() {
	l.log = nil
	l.old = durable{certs: map[wire.SeqNum][]byte{}, pages: image{pages: map[pageKey][]byte{}}}
	l.load()
}

// crash is a power cut. keep is how much of what was not durable survives, in
// 1000.
func (l *ledger) crash(keep int) {
	l.fails = 0
	l.settle(len(l.log) * keep / 1000)
	l.log = nil
	l.load()
}

// settle makes the first n writes of the log durable.
func (l *ledger) settle(n int) {
	for _, op := range l.log[:n] {
		switch {
		case op.block != nil:
			l.old.blocks = append(l.old.blocks, op.block)
		case op.cert != nil:
			l.old.certs[op.seq] = op.cert
		default:
			l.old.pages.seq, l.old.pages.meta = op.seq, op.meta
			for _, p := range op.pages {
				l.old.pages.pages[pageKey{p.Region, p.Index}] = p.Data
			}
		}
	}
	l.log = append(l.log[:0], l.log[n:]...)
}

// load makes what is durable the current state, as opening does.
func (l *ledger) load() {
	l.blocks = append([]*storage.Block(nil), l.old.blocks...)
	l.staged = 0
	l.ends, l.statuses = l.ends[:0], map[uint64]uint8{}
	for _, b := range l.blocks {
		l.index(b)
	}
	l.certs = map[wire.SeqNum][]byte{}
	for seq, c := range l.old.certs { //tidy:sorted copied key by key
		l.certs[seq] = c
	}
	l.pages = image{seq: l.old.pages.seq, meta: l.old.pages.meta}
}

func (l *ledger) index(b *storage.Block) {
	end := b.FirstOrdinal
	for i := range b.Requests {
		if r := &b.Requests[i]; r.Events > 0 {
			end = r.FirstOrdinal + uint64(r.Events)
		}
	}
	l.ends = append(l.ends, end)
	for _, s := range b.Resolved {
		l.statuses[s.Ordinal] = s.Status
	}
}

func (l *ledger) next() uint64 {
	if n := len(l.ends); n > 0 {
		return max(l.ends[n-1], 1)
	}
	return 1
}

// Stage implements pipeline.Ledger.
func (l *ledger) Stage(b *storage.Block) error {
	l.effect()
	if int(b.Seq) != len(l.blocks)+1 || b.FirstOrdinal < l.next() {
		return fmt.Errorf("sim: staged block %d at ordinal %d after %d at %d: %w", b.Seq, b.FirstOrdinal, len(l.blocks), l.next(), storage.ErrOptions)
	}
	sort.SliceStable(b.Resolved, func(i, j int) bool { return b.Resolved[i].Ordinal < b.Resolved[j].Ordinal })
	l.blocks = append(l.blocks, b)
	l.staged++
	l.index(b)
	return nil
}

var errDisk = errors.New("sim: injected disk error")

// Commit implements pipeline.Ledger.
func (l *ledger) Commit(sync bool) error {
	l.effect()
	if l.fails > 0 {
		l.fails--
		return errDisk
	}
	for _, b := range l.blocks[len(l.blocks)-l.staged:] {
		l.log = append(l.log, ledgerOp{block: b})
	}
	l.staged = 0
	if sync {
		l.settle(len(l.log))
		l.effect() // may die between the disk's work and the caller's knowing
	}
	return nil
}

// Staged implements pipeline.Ledger.
func (l *ledger) Staged() (blocks int, bytes int64) {
	for _, b := range l.blocks[len(l.blocks)-l.staged:] {
		for i := range b.Requests {
			bytes += int64(len(b.Requests[i].Body) + len(b.Requests[i].Result))
		}
	}
	return l.staged, bytes
}

// Applied implements pipeline.Ledger.
func (l *ledger) Applied() wire.SeqNum { return wire.SeqNum(len(l.old.blocks)) }

// Head implements pipeline.Ledger.
func (l *ledger) Head() (wire.SeqNum, uint64) { return wire.SeqNum(len(l.blocks)), l.next() }

// SetExecCert implements pipeline.Ledger.
func (l *ledger) SetExecCert(seq wire.SeqNum, cert []byte) error {
	l.effect()
	cert = append([]byte(nil), cert...)
	l.certs[seq] = cert
	l.log = append(l.log, ledgerOp{cert: cert, seq: seq})
	return nil
}

// SavePages implements pipeline.Ledger.
func (l *ledger) SavePages(seq wire.SeqNum, pages []storage.Page, meta []byte) error {
	l.effect()
	if seq <= l.pages.seq {
		return fmt.Errorf("sim: checkpoint %d after %d: %w", seq, l.pages.seq, storage.ErrOptions)
	}
	l.pages.seq, l.pages.meta = seq, meta
	l.log = append(l.log, ledgerOp{seq: seq, pages: pages, meta: meta})
	return nil
}

// LoadPages implements pipeline.Ledger. It is called after opening only.
func (l *ledger) LoadPages(fn func(p storage.Page) error) (wire.SeqNum, []byte, error) {
	im := &l.old.pages
	if im.seq == 0 {
		return 0, nil, storage.ErrNotFound
	}
	keys := make([]pageKey, 0, len(im.pages))
	for k := range im.pages { //tidy:sorted below
		keys = append(keys, k)
	}
	sort.Slice(keys, func(i, j int) bool {
		a, b := keys[i], keys[j]
		return a.region < b.region || a.region == b.region && a.index < b.index
	})
	for _, k := range keys {
		if err := fn(storage.Page{Region: k.region, Index: k.index, Data: im.pages[k]}); err != nil {
			return 0, nil, err
		}
	}
	return im.seq, im.meta, nil
}

func notFound(what string, n uint64) error {
	return fmt.Errorf("sim: %s %d: %w", what, n, storage.ErrNotFound)
}

// Block implements pipeline.Ledger.
func (l *ledger) Block(seq wire.SeqNum) (*storage.Block, error) {
	if seq == 0 || int(seq) > len(l.blocks) {
		return nil, notFound("block", uint64(seq))
	}
	b := l.blocks[seq-1]
	return &storage.Block{Seq: b.Seq, Header: b.Header, Certificate: b.Certificate, ExecCert: l.certs[seq],
		FirstOrdinal: b.FirstOrdinal, Requests: b.Requests}, nil
}

// Outline implements pipeline.Ledger, for whom nothing in a simulation asks: it
// leaves nothing out.
func (l *ledger) Outline(seq wire.SeqNum) (*storage.Block, error) { return l.Block(seq) }

// find gives the block of an ordinal, its request, and the event's number in
// the request and in the block.
func (l *ledger) find(ordinal uint64) (b *storage.Block, r *storage.RequestBody, inRequest, inBlock int) {
	i := sort.Search(len(l.ends), func(i int) bool { return l.ends[i] > ordinal })
	if i == len(l.ends) {
		return nil, nil, 0, 0
	}
	b = l.blocks[i]
	number := 0
	for j := range b.Requests {
		r := &b.Requests[j]
		if r.Events > 0 && ordinal >= r.FirstOrdinal && ordinal < r.FirstOrdinal+uint64(r.Events) {
			at := int(ordinal - r.FirstOrdinal)
			return b, r, at, number + at
		}
		number += r.Events
	}
	return nil, nil, 0, 0
}

// Event implements pipeline.Ledger.
func (l *ledger) Event(ordinal uint64) (e storage.EventRecord, err error) {
	b, r, at, number := l.find(ordinal)
	if b == nil {
		return e, notFound("ordinal", ordinal)
	}
	l.event(&e, ordinal, b, r, at, number)
	return e, nil
}

func (l *ledger) event(e *storage.EventRecord, ordinal uint64, b *storage.Block, r *storage.RequestBody, at, number int) {
	*e = storage.EventRecord{Ordinal: ordinal, Seq: b.Seq, Kind: r.Kind, Timestamp: r.FirstTimestamp + uint64(at)}
	if len(b.Links) > 0 {
		e.Links = b.Links[number]
	}
	if c := r.Result[4*at:]; len(r.Result) == 4*r.Events {
		e.Code = uint32(c[0]) | uint32(c[1])<<8 | uint32(c[2])<<16 | uint32(c[3])<<24
	}
	copy(e.Bytes[:], r.Body[at*storage.EventBytes:])
}

// Derived implements pipeline.Ledger.
func (l *ledger) Derived(ordinal uint64) (rec [storage.EventBytes]byte, err error) {
	if b, _, _, _ := l.find(ordinal); b != nil {
		for i := range b.Derived {
			if b.Derived[i].Ordinal == ordinal {
				return b.Derived[i].Rec, nil
			}
		}
	}
	return rec, notFound("derived record", ordinal)
}

// Status implements pipeline.Ledger.
func (l *ledger) Status(ordinal uint64) (uint8, error) { return l.statuses[ordinal], nil }

// Balances implements pipeline.Ledger.
func (l *ledger) Balances(ordinal uint64) ([]byte, error) {
	if b, _, _, _ := l.find(ordinal); b != nil {
		for i := range b.Balances {
			if b.Balances[i].Ordinal == ordinal {
				return append([]byte(nil), b.Balances[i].Bytes...), nil
			}
		}
	}
	return nil, notFound("balances", ordinal)
}

// ScanEvents implements pipeline.Ledger.
func (l *ledger) ScanEvents(from, to uint64, reverse bool, fn func(e *storage.EventRecord) bool) error {
	var e storage.EventRecord
	for n := from; n < to; n++ {
		ordinal := n
		if reverse {
			ordinal = to - 1 - (n - from)
		}
		b, r, at, number := l.find(ordinal)
		if b == nil {
			continue
		}
		if l.event(&e, ordinal, b, r, at, number); !fn(&e) {
			return nil
		}
	}
	return nil
}

// Close implements pipeline.Ledger.
func (l *ledger) Close() error { return nil }

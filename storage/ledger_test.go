package storage

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"quorate/wire"
)

// Aim: whatever was staged reads the same from the overlay, from Pebble, and
// after a start. Method: generated blocks of every shape beside a slow model
// that keeps all of them in a slice.

func testLedgerOptions(fs FS) LedgerOptions {
	return LedgerOptions{FS: fs, Dir: "/d/ledger", Cluster: testCluster, Replica: 1, MemTableBytes: 1 << 20, CacheBytes: 1 << 20}
}

func mustLedger(t testing.TB, opt LedgerOptions) *Ledger {
	t.Helper()
	l, err := OpenLedger(opt)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// model is the slow twin of a ledger.
type model struct {
	blocks []*Block
}

func (m *model) next() (wire.SeqNum, uint64) {
	next := uint64(0)
	for _, b := range m.blocks {
		next = max(next, b.FirstOrdinal)
		for _, r := range b.Requests {
			if r.Events > 0 {
				next = r.FirstOrdinal + uint64(r.Events)
			}
		}
	}
	return wire.SeqNum(len(m.blocks) + 1), next
}

// each calls fn for all events in order.
func (m *model) each(fn func(b *Block, e EventRecord)) {
	for _, b := range m.blocks {
		n := 0
		for _, r := range b.Requests {
			for i := range r.Events {
				e := EventRecord{Ordinal: r.FirstOrdinal + uint64(i), Seq: b.Seq, Kind: r.Kind, Timestamp: r.FirstTimestamp + uint64(i)}
				if len(b.Links) > 0 {
					e.Links = b.Links[n]
				}
				if len(r.Result) == 4*r.Events {
					e.Code = binary.LittleEndian.Uint32(r.Result[4*i:])
				}
				copy(e.Bytes[:], r.Body[i*EventBytes:])
				fn(b, e)
				n++
			}
		}
	}
}

// cloneBlock is deep, because Stage takes the block away.
func cloneBlock(b *Block) *Block {
	c := *b
	c.Requests = slices.Clone(b.Requests)
	c.Links, c.Derived = slices.Clone(b.Links), slices.Clone(b.Derived)
	c.Resolved, c.Balances = slices.Clone(b.Resolved), slices.Clone(b.Balances)
	return &c
}

// shape says what a generated block has.
type shape struct {
	events  []int // per request; −1: a query
	tail    int   // bytes of bodies behind the events
	gap     int   // ordinals left out before each request
	links   bool
	codes   int // 0: none; 1: all zero; 2: mixed; 3: a result that is no codes
	derived int // every n-th event; 0: none
}

func randomBytes(r *rand.Rand, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

func makeBlock(r *rand.Rand, seq wire.SeqNum, first uint64, s shape) *Block {
	b := &Block{Seq: seq, FirstOrdinal: first, Header: randomBytes(r, 100), Certificate: randomBytes(r, 48)}
	next := first
	for _, n := range s.events {
		if n < 0 {
			b.Requests = append(b.Requests, RequestBody{Kind: uint8(r.Uint32()), Body: randomBytes(r, 40), Result: randomBytes(r, 300), FirstTimestamp: r.Uint64()})
			continue
		}
		next += uint64(s.gap)
		q := RequestBody{Kind: uint8(r.Uint32()), Body: randomBytes(r, n*EventBytes+s.tail), Events: n, FirstTimestamp: r.Uint64() >> 1}
		if n > 0 {
			q.FirstOrdinal = next
		}
		switch s.codes {
		case 1:
			q.Result = make([]byte, 4*n)
		case 2:
			q.Result = make([]byte, 4*n)
			for i := range n {
				binary.LittleEndian.PutUint32(q.Result[4*i:], r.Uint32()>>r.UintN(32)&^1)
			}
		case 3:
			q.Result = randomBytes(r, 4*n+1)
		}
		if len(q.Result) == 0 {
			q.Result = nil
		}
		if len(q.Body) == 0 {
			q.Body = nil
		}
		b.Requests = append(b.Requests, q)
		for i := range n {
			o := next + uint64(i)
			if s.links {
				b.Links = append(b.Links, [2]uint64{r.Uint64N(o + 1), o * (r.Uint64() & 1) / 2})
			}
			if s.derived > 0 && i%s.derived == 0 {
				b.Derived = append(b.Derived, DerivedRecord{Ordinal: o, Rec: [EventBytes]byte(randomBytes(r, EventBytes))})
				b.Balances = append(b.Balances, BalanceRecord{Ordinal: o, Bytes: randomBytes(r, 1+r.IntN(90))})
				b.Resolved = append(b.Resolved, ResolvedStatus{Ordinal: r.Uint64N(o + 1), Status: uint8(1 + r.IntN(200))})
			}
			b.IDEntries = append(b.IDEntries, r.Uint64())
		}
		next += uint64(n)
	}
	r.Shuffle(len(b.Resolved), func(i, k int) { b.Resolved[i], b.Resolved[k] = b.Resolved[k], b.Resolved[i] })
	return b
}

var shapes = []shape{
	{events: nil},
	{events: []int{1}},
	{events: []int{-1}},
	{events: []int{0, 0}},
	{events: []int{63, 1, 1}, links: true, codes: 1},
	{events: []int{64}, links: true, codes: 2},
	{events: []int{65}, codes: 2, derived: 1},
	{events: []int{200, 300, -1, 1, 1, 1, 1}, links: true, codes: 2, derived: 7, tail: 5},
	{events: []int{1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1}, links: true, codes: 3, derived: 2},
	{events: []int{10, 20, 30}, gap: 3, codes: 2, links: true, derived: 3},
}

func (m *model) stage(t testing.TB, l *Ledger, r *rand.Rand, s shape) {
	t.Helper()
	seq, first := m.next()
	b := makeBlock(r, seq, first, s)
	m.blocks = append(m.blocks, b)
	if err := l.Stage(cloneBlock(b)); err != nil {
		t.Fatal(err)
	}
}

// check compares everything that can be read with the model, "" if equal.
func (m *model) check(l *Ledger) (diff string) {
	if diff := m.checkBlocks(l); diff != "" {
		return diff
	}
	statuses := make(map[uint64]uint8)
	for _, b := range m.blocks {
		for _, s := range b.Resolved {
			statuses[s.Ordinal] = s.Status
		}
	}
	m.each(func(_ *Block, want EventRecord) {
		if e, err := l.Event(want.Ordinal); err != nil || e != want {
			diff = fmt.Sprintf("event %d: %v: got %+v want %+v", want.Ordinal, err, e, want)
		}
		if st, err := l.Status(want.Ordinal); err != nil || st != statuses[want.Ordinal] {
			diff = fmt.Sprintf("status %d: %v: %d, want %d", want.Ordinal, err, st, statuses[want.Ordinal])
		}
	})
	return diff
}

// checkBlocks is check without a look at every ordinal by itself.
func (m *model) checkBlocks(l *Ledger) (diff string) {
	seq, next := m.next()
	if s, n := l.Head(); s != seq-1 || n != next {
		return fmt.Sprintf("head %d, %d; want %d, %d", s, n, seq-1, next)
	}
	var all []EventRecord
	m.each(func(_ *Block, e EventRecord) { all = append(all, e) })
	for _, b := range m.blocks {
		if diff := checkBlock(l, b); diff != "" {
			return diff
		}
	}
	if diff := checkScans(l, all, next); diff != "" {
		return diff
	}
	n := 0
	err := l.IDs(func(seq wire.SeqNum, first uint64, ids []uint64) error {
		b := m.blocks[n]
		if b.Seq != seq || b.FirstOrdinal != first || !slices.Equal(b.IDEntries, ids) {
			diff = fmt.Sprintf("ids of block %d (%d)", seq, b.Seq)
		}
		n++
		return nil
	})
	if err != nil || n != len(m.blocks) {
		return fmt.Sprintf("ids: %v: %d blocks of %d", err, n, len(m.blocks))
	}
	if err := l.Verify(nil); err != nil {
		return err.Error()
	}
	return diff
}

func checkBlock(l *Ledger, want *Block) string {
	b, err := l.Block(want.Seq)
	if err != nil {
		return err.Error()
	}
	if b.Seq != want.Seq || b.FirstOrdinal != want.FirstOrdinal || !bytes.Equal(b.Header, want.Header) ||
		!bytes.Equal(b.Certificate, want.Certificate) || !bytes.Equal(b.ExecCert, want.ExecCert) || len(b.Requests) != len(want.Requests) {
		return fmt.Sprintf("block %d differs", want.Seq)
	}
	for i := range b.Requests {
		if !reflect.DeepEqual(b.Requests[i], want.Requests[i]) {
			return fmt.Sprintf("block %d request %d: got %+v want %+v", want.Seq, i, b.Requests[i], want.Requests[i])
		}
	}
	for _, d := range want.Derived {
		if rec, err := l.Derived(d.Ordinal); err != nil || rec != d.Rec {
			return fmt.Sprintf("derived %d: %v", d.Ordinal, err)
		}
	}
	for _, d := range want.Balances {
		if p, err := l.Balances(d.Ordinal); err != nil || !bytes.Equal(p, d.Bytes) {
			return fmt.Sprintf("balances %d: %v", d.Ordinal, err)
		}
	}
	return ""
}

func checkScans(l *Ledger, all []EventRecord, next uint64) string {
	for _, span := range [][2]uint64{{0, next}, {0, next + 100}, {next / 3, next / 2}, {next / 2, next/2 + 1}, {5, 5}} {
		for _, reverse := range []bool{false, true} {
			var want, got []EventRecord
			for _, e := range all {
				if e.Ordinal >= span[0] && e.Ordinal < span[1] {
					want = append(want, e)
				}
			}
			if reverse {
				slices.Reverse(want)
			}
			if err := l.ScanEvents(span[0], span[1], reverse, func(e *EventRecord) bool {
				got = append(got, *e)
				return true
			}); err != nil || !slices.Equal(got, want) {
				return fmt.Sprintf("scan %v reverse %v: %v: %d events, want %d", span, reverse, err, len(got), len(want))
			}
		}
	}
	return ""
}

func TestLedgerRoundTrip(t *testing.T) {
	for committed := range 3 { // blocks in the overlay; in Pebble; durable and read after a start
		fs := NewMemFS()
		l := mustLedger(t, testLedgerOptions(fs))
		m := &model{}
		r := rand.New(rand.NewPCG(1, uint64(committed)))
		for round := range 3 {
			for i, s := range shapes {
				m.stage(t, l, r, s)
				if committed > 0 && (i+round)%3 == 0 {
					if err := l.Commit(i%2 == 0); err != nil {
						t.Fatal(err)
					}
				}
			}
			m.stage(t, l, r, shapes[r.IntN(len(shapes))])
		}
		if committed == 2 {
			if err := l.Close(); err != nil {
				t.Fatal(err)
			}
			l = mustLedger(t, testLedgerOptions(fs.CrashClone(CrashCloneCfg{})))
			if int(l.Applied()) != len(m.blocks) {
				t.Fatalf("applied %d of %d", l.Applied(), len(m.blocks))
			}
			l.recent = recentBlocks{} // old blocks are found by bisection
		}
		if diff := m.check(l); diff != "" {
			t.Fatalf("committed %d: %s", committed, diff)
		}
		for _, o := range []uint64{1 << 40, ^uint64(0)} {
			if _, err := l.Event(o); !errors.Is(err, ErrNotFound) {
				t.Fatalf("event %d: %v", o, err)
			}
		}
		if _, err := l.Block(1 << 40); !errors.Is(err, ErrNotFound) {
			t.Fatal(err)
		}
	}
}

func TestLedgerCertificates(t *testing.T) {
	fs := NewMemFS()
	l := mustLedger(t, testLedgerOptions(fs))
	m := &model{}
	r := rand.New(rand.NewPCG(2, 2))
	for range 6 {
		m.stage(t, l, r, shape{events: []int{3}})
	}
	set := func(seq int, cert string) {
		t.Helper()
		if err := l.SetExecCert(wire.SeqNum(seq), []byte(cert)); err != nil {
			t.Fatal(err)
		}
		m.blocks[seq-1].ExecCert = []byte(cert)
	}
	set(1, "while staged")
	if err := l.Commit(false); err != nil {
		t.Fatal(err)
	}
	set(2, "while committed")
	if err := l.Commit(true); err != nil {
		t.Fatal(err)
	}
	set(3, "while durable")
	set(1, "again")
	if err := l.SetCertificate(4, []byte("other")); err != nil {
		t.Fatal(err)
	}
	m.blocks[3].Certificate = []byte("other")
	if err := l.SetExecCert(7, nil); !errors.Is(err, ErrNotFound) {
		t.Fatal(err)
	}
	if diff := m.check(l); diff != "" {
		t.Fatal(diff)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	l = mustLedger(t, testLedgerOptions(fs))
	if diff := m.check(l); diff != "" {
		t.Fatal(diff)
	}
}

func TestLedgerRefuses(t *testing.T) {
	l := mustLedger(t, testLedgerOptions(NewMemFS()))
	ok := func() *Block {
		return &Block{Seq: 1, FirstOrdinal: 10, Requests: []RequestBody{{Body: make([]byte, 256), Events: 2, FirstOrdinal: 10}}}
	}
	for name, change := range map[string]func(b *Block){
		"seq 0":             func(b *Block) { b.Seq = 0 },
		"body too short":    func(b *Block) { b.Requests[0].Events = 3 },
		"negative events":   func(b *Block) { b.Requests[0].Events = -1 },
		"ordinal below":     func(b *Block) { b.Requests[0].FirstOrdinal = 9 },
		"ordinal overflows": func(b *Block) { b.Requests[0].FirstOrdinal = ^uint64(0) },
		"links":             func(b *Block) { b.Links = make([][2]uint64, 1) },
		"derived":           func(b *Block) { b.Derived = []DerivedRecord{{Ordinal: 12}} },
		"derived twice":     func(b *Block) { b.Derived = []DerivedRecord{{Ordinal: 11}, {Ordinal: 11}} },
		"balances":          func(b *Block) { b.Balances = []BalanceRecord{{Ordinal: 9}} },
	} {
		b := ok()
		change(b)
		if err := l.Stage(b); !errors.Is(err, ErrOptions) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := l.Stage(ok()); err != nil {
		t.Fatal(err)
	}
	for _, change := range []func(b *Block){func(b *Block) {}, func(b *Block) { b.Seq = 3 }, func(b *Block) { b.Seq = 2 }} {
		b := ok()
		change(b)
		if err := l.Stage(b); !errors.Is(err, ErrOptions) {
			t.Errorf("does not follow: %v", err)
		}
	}
	if _, err := OpenLedger(LedgerOptions{}); !errors.Is(err, ErrOptions) {
		t.Error(err)
	}
}

func TestLedgerForeign(t *testing.T) {
	fs := NewMemFS()
	if err := mustLedger(t, testLedgerOptions(fs)).Close(); err != nil {
		t.Fatal(err)
	}
	opt := testLedgerOptions(fs)
	opt.Replica = 2
	if _, err := OpenLedger(opt); !errors.Is(err, ErrForeign) {
		t.Fatal(err)
	}
	opt = testLedgerOptions(fs)
	opt.Cluster[0]++
	if _, err := OpenLedger(opt); !errors.Is(err, ErrForeign) {
		t.Fatal(err)
	}
}

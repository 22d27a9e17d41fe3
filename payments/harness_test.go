package payments

// What the tests of whole machines share: a machine with its archive and its
// disk (pages as a store would keep them), a twin with another index seed, and
// comparison with the model after each block.

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"slices"
	"testing"

	"quorate/payments/paymentsmodel"
	"quorate/wire"
)

// failer is *testing.T or *rapid.T.
type failer interface {
	Helper()
	Fatalf(format string, args ...any)
}

type pageKey struct {
	r Region
	p uint32
}

type blockIn struct {
	proposed uint64
	reqs     []Request
}

type harness struct {
	t        failer
	cfg      Config
	m, twin  *Machine
	model    *paymentsmodel.Model
	archive  *MemoryArchive
	out, two Outcome
	disk     map[pageKey][]byte // as of the checkpoint
	ids      []uint64           // as of the checkpoint
	newIDs   []uint64
	since    []blockIn // blocks after the checkpoint
}

func testConfig() Config {
	return Config{Clients: []ClientRecord{
		{ID: 1, Key: testKey(1), Roles: RolesAll},
		{ID: 2, Key: testKey(2), Roles: RoleTransfers | RoleQueries},
	}, IndexSeed: 1}
}

func newHarness(t failer, cfg Config) *harness {
	h := &harness{t: t, cfg: cfg, model: newModel(cfg), archive: NewMemoryArchive(), disk: map[pageKey][]byte{}}
	h.m = h.machine(cfg)
	cfg.IndexSeed += 99
	h.twin = h.machine(cfg)
	h.checkpoint()
	return h
}

func (h *harness) machine(cfg Config) *Machine {
	m, err := New(cfg)
	if err != nil {
		h.t.Fatalf("new: %v", err)
	}
	return m
}

// request makes a request whose digest follows from its content.
func request(client wire.ClientID, seq uint64, op wire.Op, body []byte) Request {
	var b [17]byte
	binary.LittleEndian.PutUint64(b[:], uint64(client))
	binary.LittleEndian.PutUint64(b[8:], seq)
	b[16] = byte(op)
	return Request{Client: client, Seq: seq, Op: op, Body: body, Digest: sha256.Sum256(append(b[:], body...)), Verdicts: verdictsOf(op, body)}
}

// verdictsOf takes the place of cryptography: a signature is good if its last
// byte is 1.
func verdictsOf(op wire.Op, body []byte) (out []bool) {
	if op != wire.OpCreateSignedTransfers || !WholeBody(op, len(body)) {
		return nil
	}
	_, seals := wire.SplitSigned(body)
	for i := range len(seals) / wire.SealBytes {
		s := wire.SealAt(seals, i)
		out = append(out, s.Signature[wire.SignatureBytes-1] == 1)
	}
	return out
}

// ownerKey is the key of payer n, and seal its good or bad signature.
func ownerKey(n int) (key [wire.KeyBytes]byte) {
	key[0], key[31] = byte(n), 0xaa
	return key
}

func seal(n int, good bool) wire.Seal {
	s := wire.Seal{Key: ownerKey(n)}
	if good {
		s.Signature[wire.SignatureBytes-1] = 1
	}
	return s
}

// apply runs one block everywhere and compares.
func (h *harness) apply(proposed uint64, reqs ...Request) *Outcome {
	h.t.Helper()
	time, want := h.model.Apply(proposed, modelRequests(reqs))
	h.run(h.m, &h.out, proposed, reqs)
	h.run(h.twin, &h.two, proposed, reqs)
	h.newIDs = append(h.newIDs, h.out.IDEntries...)
	h.since = append(h.since, blockIn{proposed, slices.Clone(reqs)})
	h.archive.Add(reqs, &h.out)
	if h.out.Time != time || h.out.LastTimestamp != h.model.Last() {
		h.t.Fatalf("time %d–%d, want %d–%d", h.out.Time, h.out.LastTimestamp, time, h.model.Last())
	}
	if h.out.DeltaDigest != h.two.DeltaDigest || !slices.Equal(h.out.IDEntries, h.two.IDEntries) ||
		!slices.Equal(h.out.Links, h.two.Links) || !slices.Equal(h.out.Derived, h.two.Derived) ||
		!slices.Equal(h.out.Resolved, h.two.Resolved) || !slices.Equal(h.out.Balances, h.two.Balances) {
		h.t.Fatalf("block %d: outcomes of two machines differ", h.out.Seq)
	}
	for i := range want {
		h.compare(i, &reqs[i], &want[i])
	}
	h.compareState()
	return &h.out
}

func (h *harness) run(m *Machine, out *Outcome, proposed uint64, reqs []Request) {
	h.t.Helper()
	if err := m.Apply(m.Seq()+1, proposed, reqs, h.archive, out); err != nil {
		h.t.Fatalf("apply: %v", err)
	}
}

func (h *harness) compare(i int, q *Request, want *paymentsmodel.Result) {
	h.t.Helper()
	got := &h.out.Requests[i]
	if got.Status != Status(want.Status) {
		h.t.Fatalf("block %d request %d (op %d): status %v, want %v", h.out.Seq, i, q.Op, got.Status, Status(want.Status))
	}
	if got.Status == StatusDuplicate && (got.DuplicateSeq != want.Place.Seq || got.DuplicateIndex != want.Place.Index) {
		h.t.Fatalf("duplicate of %d/%d, want %d/%d", got.DuplicateSeq, got.DuplicateIndex, want.Place.Seq, want.Place.Index)
	}
	if two := &h.two.Requests[i]; got.Status != two.Status || !bytes.Equal(got.Result, two.Result) {
		h.t.Fatalf("request %d: results of two machines differ", i)
	}
	if got.Status == StatusOK && q.Op == wire.OpLedgerTotals && len(want.Bytes) != len(got.Result) {
		h.t.Fatalf("totals of %d bytes, want %d", len(got.Result), len(want.Bytes))
	}
	if got.Status == StatusOK && bytes.Equal(got.Result, want.Bytes) {
		h.compareRecords(got, q)
	}
	if got.Status != StatusOK || bytes.Equal(got.Result, want.Bytes) {
		return
	}
	if !q.Op.Creates() {
		h.t.Fatalf("block %d request %d (op %d): result of %d bytes differs, want %d bytes", h.out.Seq, i, q.Op, len(got.Result), len(want.Bytes))
	}
	a, _ := DecodeCodes(nil, got.Result)
	b, _ := DecodeCodes(nil, want.Bytes)
	for j := range b {
		if a[j] != b[j] {
			h.t.Fatalf("block %d request %d (op %d) event %d: %v, want %v (of %v and %v)", h.out.Seq, i, q.Op, j,
				codeOf(q.Op, a[j]), codeOf(q.Op, b[j]), codesOf(q.Op, a), codesOf(q.Op, b))
		}
	}
	h.t.Fatalf("result of %d bytes, want %d", len(got.Result), len(want.Bytes))
}

// compareRecords checks that only executed transfers have chain links, and that
// just those and the transient failures used up an id.
func (h *harness) compareRecords(ro *RequestOutcome, q *Request) {
	h.t.Helper()
	for i := uint32(0); i < ro.Events; i++ {
		code := TransferCode(binary.LittleEndian.Uint32(ro.Result[4*i:]))
		at := ro.FirstOrdinal + uint64(i) - h.out.FirstOrdinal
		used := q.Op.CreatesTransfers() && (code == TransferOK || code.Transient())
		if (h.out.IDEntries[at] != 0) != used {
			h.t.Fatalf("event %d with code %v has id entry %x", i, code, h.out.IDEntries[at])
		}
		if (code != 0 || !q.Op.CreatesTransfers()) && h.out.Links[at] != [2]uint64{} {
			h.t.Fatalf("event %d with code %v has chain links", i, code)
		}
	}
}

func codeOf(op wire.Op, c uint32) string {
	if op.CreatesTransfers() {
		return TransferCode(c).String()
	}
	return AccountCode(c).String()
}

func codesOf(op wire.Op, cs []uint32) (s []string) {
	for _, c := range cs {
		s = append(s, codeOf(op, c))
	}
	return s
}

// compareState compares accounts with the model, the twin's root, and audits.
func (h *harness) compareState() {
	h.t.Helper()
	if int(h.m.meta.accounts) != len(h.model.Accounts()) {
		h.t.Fatalf("%d accounts, want %d", h.m.meta.accounts, len(h.model.Accounts()))
	}
	for i, name := range h.model.Accounts() {
		id := U128(name)
		want := modelAccount(h.model, id)
		got, ok := h.m.Account(id)
		if !ok || got != want || *h.m.accounts.at(uint32(i)) != want {
			h.t.Fatalf("account %v is %+v, want %+v", id, got, want)
		}
	}
	for i := uint32(0); i < h.m.meta.clients; i++ {
		s := h.m.sessionAt(i)
		for seq := s.high; seq > 0 && seq+WindowSeqs > s.high; seq-- {
			if done := s.bitmap>>(s.high-seq)&1 == 1; done == (s.ring[seq%WindowSeqs] == ringEntry{}) {
				h.t.Fatalf("client %d seq %d: executed %v, ring %+v", s.client.ID, seq, done, s.ring[seq%WindowSeqs])
			}
		}
	}
	open := h.model.Open()
	if int(h.m.meta.pendingOpen) != open {
		h.t.Fatalf("%d open pendings, want %d", h.m.meta.pendingOpen, open)
	}
	if err := h.m.Audit(); err != nil {
		h.t.Fatalf("audit: %v", err)
	}
	if a, b := h.m.StateRoot(), h.twin.StateRoot(); a != b {
		h.t.Fatalf("roots of two machines differ at %d", h.m.Seq())
	}
}

// checkpoint writes the dirty pages to the disk.
func (h *harness) checkpoint() {
	counted, given := h.m.DirtyPages(), 0
	h.m.Dirty(func(r Region, p uint32, data []byte) { h.disk[pageKey{r, p}] = bytes.Clone(data); given++ })
	if counted != given {
		h.t.Fatalf("%d dirty pages counted, %d given", counted, given)
	}
	h.m.MarkClean()
	h.ids = append(h.ids, h.newIDs...)
	h.newIDs, h.since = nil, nil
}

// restart replaces the machine by one loaded from the disk, which replays the
// blocks since.
func (h *harness) restart(listIDs bool, seed uint64) {
	h.t.Helper()
	root := h.m.StateRoot()
	cfg := h.cfg
	cfg.IndexSeed = seed
	m := h.load(cfg, listIDs)
	// Replay as a replica would: its archive may already hold these blocks.
	var out Outcome
	for _, b := range h.since {
		h.run(m, &out, b.proposed, b.reqs)
	}
	if m.StateRoot() != root {
		h.t.Fatalf("root differs after a restart")
	}
	if len(h.since) > 0 && out.DeltaDigest != h.out.DeltaDigest {
		h.t.Fatalf("delta digest differs after a restart")
	}
	h.m = m
	// Dirty now starts at the checkpoint plus what the replay touched.
}

func (h *harness) load(cfg Config, listIDs bool) *Machine {
	h.t.Helper()
	m := h.machine(cfg)
	for r := Region(0); r < Regions; r++ {
		if r == RegionIDs && listIDs {
			continue
		}
		for p := uint32(0); h.disk[pageKey{r, p}] != nil; p++ {
			if err := m.LoadPage(r, p, h.disk[pageKey{r, p}]); err != nil {
				h.t.Fatalf("load: %v", err)
			}
		}
	}
	if listIDs {
		for rest := h.ids; len(rest) > 0; {
			n := min(len(rest), 777)
			if err := m.LoadIDs(rest[:n]); err != nil {
				h.t.Fatalf("load ids: %v", err)
			}
			rest = rest[n:]
		}
	}
	if err := m.Finish(); err != nil {
		h.t.Fatalf("finish: %v", err)
	}
	return m
}

func mustHarness(t *testing.T) *harness { return newHarness(t, testConfig()) }

package payments

import (
	"fmt"

	"quorate/internal/mark"
	"quorate/internal/plant"
	"quorate/wire"
)

// ProposedTimeMax is the largest proposed block time that counts (the year
// 2116); larger ones are ignored, so that no proposer can exhaust TimestampMax.
const ProposedTimeMax = 1 << 62

// Machine is the replicated state machine. One thread at a time may use it.
type Machine struct {
	limits   Limits
	registry bool // only registered ledgers are allowed
	keys     hashKeys

	// The agreed state: everything here is in pages (pages.go).
	meta     meta
	accounts table[Account]
	heads    table[uint64] // by account slot
	pendings pendingTable
	ledgers  []LedgerTotals
	sessions []*sessionPage
	timeline []sample
	ids      idLog

	// What follows from it.
	byAccount  index // account id → slot+1
	byTransfer index // transfer id → ordinal
	byPending  index // ordinal of an open pending → slot+1
	byClient   index // client id → slot+1
	byLedger   index // ledger number → slot+1
	expiry     expiryHeap
	ledgerLast uint32 // slot that ledgerSlot found last

	dirty [Regions]pageSet
	tree  *PageTree // nil if Config.ExternalTree

	block  block
	undo   undoLog
	load   *loading // not nil between LoadPage and Finish
	broken error    // set for ever by the first error of Apply
}

// meta is the content of RegionMeta.
type meta struct {
	seq           wire.SeqNum
	timestampLast uint64 // of the last block
	ordinalNext   uint64 // of the next event
	transferTime  uint64 // timestamp of the last executed transfer
	accounts      uint32 // counts of records
	ledgers       uint32
	clients       uint32
	samples       uint32
	pendingSlots  uint32 // used and free
	pendingOpen   uint32
	pendingFree   uint32 // first free slot + 1
}

// block is what one Apply works with.
type block struct {
	out     *Outcome
	archive Archive
	reqs    []Request
	next    uint64 // timestamp of the next event
	codes   []uint32
	units   uint64 // of query work left
	bytes   uint64 // of results left
	delta   delta

	hints    [groupEvents]hint
	probe    probe               // of the last findTransfer
	transfer Transfer            // the event being executed
	stored   Stored              // the event that was last loaded
	pending  Transfer            // the pending transfer being resolved
	ring     [][RecordBytes]byte // see historyWalk
}

// New builds the genesis state: registry and first clients, no accounts.
// It returns ErrConfig, wrapped with the cause, for a configuration that no
// replica should start with.
func New(cfg Config) (*Machine, error) {
	limits, err := cfg.Limits.complete()
	if err != nil {
		return nil, err
	}
	m := &Machine{limits: limits, registry: len(cfg.Ledgers) > 0, keys: newHashKeys(cfg.IndexSeed)}
	if !cfg.ExternalTree {
		m.tree = NewPageTree()
	}
	m.reset()
	for i := range cfg.Ledgers {
		if err := m.addRegistered(&cfg.Ledgers[i]); err != nil {
			return nil, err
		}
	}
	for i := range cfg.Clients {
		if code := m.register(&cfg.Clients[i]); code != RegisterOK {
			return nil, fmt.Errorf("%w: client %d: %v", ErrConfig, cfg.Clients[i].ID, code)
		}
	}
	return m, nil
}

// reset empties the state.
func (m *Machine) reset() {
	for _, x := range [...]*index{&m.byAccount, &m.byTransfer, &m.byPending, &m.byClient, &m.byLedger} {
		x.init()
	}
	m.meta = meta{ordinalNext: 1}
	m.accounts, m.heads, m.pendings = table[Account]{}, table[uint64]{}, pendingTable{}
	m.ledgers, m.sessions, m.timeline, m.ids = nil, nil, nil, idLog{}
	m.expiry = expiryHeap{}
	m.ledgerLast = 0
	m.dirty = [Regions]pageSet{}
	if m.tree != nil {
		m.tree = NewPageTree()
	}
	m.mark(RegionMeta, 0)
}

// Apply executes the requests of block seq, which must be one above the last.
// proposed is the proposer's clock in nanoseconds. A null slot is a block
// without requests. Errors: ErrSeq (nothing changed), ErrArchive and ErrBroken
// (the machine must be thrown away).
func (m *Machine) Apply(seq wire.SeqNum, proposed uint64, reqs []Request, archive Archive, out *Outcome) error {
	switch {
	case m.broken != nil:
		return fmt.Errorf("%w: %w", ErrBroken, m.broken)
	case m.load != nil:
		return fmt.Errorf("%w: state is being loaded", ErrBroken)
	case seq != m.meta.seq+1:
		return fmt.Errorf("%w: %d after %d", ErrSeq, seq, m.meta.seq)
	}
	m.begin(seq, proposed, reqs, archive, out)
	m.expire()
	for i := range reqs {
		if err := m.request(uint32(i)); err != nil {
			m.broken = err
			return err
		}
	}
	m.end()
	return nil
}

// begin opens a block: time, empty outcome, budgets.
func (m *Machine) begin(seq wire.SeqNum, proposed uint64, reqs []Request, archive Archive, out *Outcome) {
	if proposed > ProposedTimeMax {
		proposed = 0
	}
	mark.If(proposed <= m.meta.timestampLast, mark.TimeBehind)
	time := max(proposed, m.meta.timestampLast+1)
	if plant.On(plant.TimeGoesBack) && proposed != 0 {
		time = proposed
	}
	*out = Outcome{
		Seq: seq, Time: time, LastTimestamp: time, FirstOrdinal: m.meta.ordinalNext,
		Requests: out.Requests[:0], Links: out.Links[:0], IDEntries: out.IDEntries[:0],
		Derived: out.Derived[:0], Balances: out.Balances[:0], Resolved: out.Resolved[:0],
		Registered: out.Registered[:0], results: out.results[:0], places: out.places[:0],
	}
	b := &m.block
	b.out, b.archive, b.reqs = out, archive, reqs
	b.next = time
	b.codes = b.codes[:0]
	b.units, b.bytes = uint64(m.limits.BlockQueryUnits), uint64(m.limits.BlockResultBytes)
	b.delta = delta{}
	b.delta.fold(uint64(seq), time, m.meta.ordinalNext, m.meta.timestampLast)
	m.meta.seq = seq
	m.sampleTime()
	m.mark(RegionMeta, 0)
}

// end closes the block.
func (m *Machine) end() {
	b := &m.block
	out := b.out
	m.freeResolved()
	m.meta.timestampLast = max(out.Time, b.next-1)
	out.LastTimestamp = m.meta.timestampLast
	out.Events = uint32(len(out.Links))
	for i := range out.Requests {
		p := out.places[i]
		out.Requests[i].Result = out.results[p[0]:p[1]:p[1]]
	}
	m.ids.append(out.FirstOrdinal, out.IDEntries, m)
	b.delta.fold(m.meta.ordinalNext, m.meta.timestampLast, m.meta.transferTime, uint64(m.meta.pendingOpen))
	out.DeltaDigest = b.delta.digest()
	b.out, b.archive, b.reqs = nil, nil, nil
}

// request executes one request, or finds the status that refuses it (P3).
func (m *Machine) request(i uint32) error {
	b := &m.block
	req := &b.reqs[i]
	b.out.Requests = append(b.out.Requests, RequestOutcome{
		FirstOrdinal: m.meta.ordinalNext, FirstTimestamp: b.next,
	})
	ro := &b.out.Requests[i]
	start := uint32(len(b.out.results))
	s := m.admit(req, ro)
	if ro.Status == StatusOK {
		ro.Status = m.checkBody(req)
	}
	if ro.Status == StatusOK {
		if err := m.execute(req, ro); err != nil {
			return err
		}
	}
	if ro.Status == StatusOK {
		m.consume(s, req, i)
	}
	mark.Code(mark.Statuses, uint32(ro.Status))
	b.out.places = append(b.out.places, [2]uint32{start, uint32(len(b.out.results))})
	b.bytes -= min(b.bytes, uint64(len(b.out.results))-uint64(start))
	return nil
}

// execute runs the operation of a request that was admitted.
func (m *Machine) execute(req *Request, ro *RequestOutcome) error {
	switch req.Op {
	case wire.OpCreateAccounts, wire.OpCreateTransfers, wire.OpCreateSignedTransfers:
		return m.create(req, ro)
	case wire.OpLookupAccounts:
		m.lookupAccounts(req.Body)
	case wire.OpLookupTransfers:
		return m.lookupTransfers(req.Body)
	case wire.OpGetAccountTransfers, wire.OpGetAccountBalances:
		return m.accountHistory(req, ro)
	case wire.OpQueryAccounts:
		m.queryAccounts(req.Body, ro)
	case wire.OpQueryTransfers:
		return m.queryTransfers(req.Body, ro)
	case wire.OpRegisterClient:
		m.registerClient(req.Body)
	case wire.OpLedgerTotals:
		for i := range m.ledgers {
			m.block.out.results = m.ledgers[i].Append(m.block.out.results)
		}
	}
	return nil
}

// Seq is the number of the last applied block.
func (m *Machine) Seq() wire.SeqNum { return m.meta.seq }

// Time is the last timestamp used, nanoseconds.
func (m *Machine) Time() uint64 { return m.meta.timestampLast }

// NextOrdinal is the ordinal that the next event will get.
func (m *Machine) NextOrdinal() uint64 { return m.meta.ordinalNext }

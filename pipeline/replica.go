package pipeline

import (
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"quorate/cluster"
	"quorate/consensus"
	"quorate/internal/mark"
	"quorate/internal/meter"
	"quorate/payments"
	"quorate/storage"
	"quorate/wire"
)

// ErrHalted says that going on could break safety: this replica diverged from
// the others, or found its own state impossible.
var ErrHalted = errors.New("pipeline: replica halted")

// Config is what a replica is made of. New validates it once.
type Config struct {
	Self      wire.ReplicaID
	Cluster   wire.Digest // hash of the genesis
	Epoch     wire.Epoch
	Quorums   cluster.Quorums
	Interval  wire.SeqNum // slots between checkpoints; the window is twice as long
	TimeBound uint64      // largest difference of a proposed time from this clock, nanoseconds
	Payments  payments.Config
	Timing    consensus.Timing
	Batch     BatchPolicy

	Tick              time.Duration // production only: length of a tick
	RequestQueueMax   int           // requests waiting anywhere before the core
	RequestQueueBytes int           // bytes of their bodies; 0: unlimited
	ClientQueueMax    int           // requests of one client under way; 0 and more than payments.WindowSeqs: that many
	ClientRate        int           // requests of one client per second; 0: unlimited
	PackBytesMin      int           // bodies of frames to replicas from this size on are compressed; 0: none
	VerifyWorkers     int
	SignWorkers       int

	Clock    Clock
	Logger   *slog.Logger
	Evidence EvidenceLog // nil: proofs are kept in memory alone
	Trace    *Tracer     // nil: no request is traced

	// Place, if set, is called once on each goroutine that steps a stage, before
	// its first step, with the stage's name and the worker's number from 0: it may
	// tie the goroutine to a processor.
	Place func(stage string, worker int)
}

// PaymentsConfig is the genesis of the state machine.
func PaymentsConfig(g *cluster.Genesis) payments.Config {
	var c payments.Config
	for i := range g.Ledgers {
		l := payments.Ledger{Number: g.Ledgers[i].Number, Scale: g.Ledgers[i].Scale}
		copy(l.Currency[:], g.Ledgers[i].Currency)
		c.Ledgers = append(c.Ledgers, l)
	}
	for i := range g.Clients {
		k := &g.Clients[i]
		r := payments.ClientRecord{ID: k.ID}
		copy(r.Key[:], k.Key)
		if k.Roles&cluster.RolePay != 0 {
			r.Roles |= payments.RoleAccounts | payments.RoleTransfers
		}
		if k.Roles&cluster.RoleRead != 0 {
			r.Roles |= payments.RoleQueries
		}
		if k.Roles&cluster.RoleAdmin != 0 {
			r.Roles |= payments.RoleAdmin
		}
		c.Clients = append(c.Clients, r)
	}
	return c
}

// executedAt is the newest executed slot and its execution digest.
type executedAt struct {
	seq    wire.SeqNum
	digest wire.Digest
}

// Replica is one replica's stages and the rings between them.
type Replica struct {
	cfg       Config
	quorums   cluster.Quorums
	scope     wire.Scope
	suite     Suite
	transport Transport
	ledger    Ledger
	log       *slog.Logger

	clients  *clientTable
	quota    quota // of each client
	bodies   *bodyStore
	certs    goodCerts
	evidence evidenceStore
	statuses []statusSlot // by replica

	ingress ingress
	verify  *requestVerifier
	crypto  *cryptoStage
	payers  *payerStage
	order   *orderStage
	journal *journalStage
	execute *executeStage
	commit  *commitStage
	serve   *serveStage

	// Read by other threads than the writer.
	durable    atomic.Uint64 // newest durable token
	ticks      atomic.Uint64
	view       atomic.Uint64
	viewActive atomic.Bool
	inFlight   atomic.Int64
	amnesia    atomic.Bool
	executed   atomic.Pointer[executedAt]
	stable     atomic.Pointer[wire.Stable]
	ledgerSeq  atomic.Uint64
	peersUp    atomic.Int64
	stopping   atomic.Bool
	diskLow    atomic.Bool
	certExpiry atomic.Uint64

	stats  Stats
	kept   journalKept
	meters [stageCount]meter.Meter // of the stages, while run steps them
	took   [stageCount]histogram   // likewise

	arriving atomic.Int64  // bytes of bodies between ingress and the order stage
	hint     atomic.Uint32 // milliseconds after which a request refused now may find room

	failOnce sync.Once
	failed   chan struct{}
	failure  error
}

// New builds a replica over its journal and ledger and brings it to where they
// end. amnesia is storage's word that the journal is not provably complete.
func New(cfg Config, suite Suite, transport Transport, journal Journal, ledger Ledger, amnesia bool) (*Replica, error) {
	if cfg.Logger == nil {
		cfg.Logger = slog.Default()
	}
	r := &Replica{cfg: cfg, quorums: cfg.Quorums, transport: newPacker(transport, cfg.PackBytesMin), ledger: ledger,
		scope: wire.Scope{Cluster: cfg.Cluster, Epoch: cfg.Epoch}, log: cfg.Logger, failed: make(chan struct{})}
	r.suite = countedSuite{suite, &r.stats.Signatures}
	r.clients = newClientTable(suite)
	r.statuses = make([]statusSlot, cfg.Quorums.N)
	r.quota = newQuota(&cfg)
	r.bodies = newBodyStore(r.readBody)
	window := int(2 * cfg.Interval)
	toCrypto, toOrder, toExecute := newWaker(), newWaker(), newWaker()
	r.ingress = ingress{r}
	r.verify = &requestVerifier{r: r, requests: newRing[inbound](cfg.RequestQueueMax, newWaker())}
	r.crypto = &cryptoStage{r: r, urgent: newRing[consensus.Effect](8*window, toCrypto),
		checks: newRing[consensus.Verify](4*window, toCrypto), patient: newRing[patient](4*window, toCrypto)}
	r.payers = &payerStage{r: r, parts: newRing[payerPart](8*window, newWaker())}
	r.order = &orderStage{r: r, events: newRing[consensus.Event](16*window, toOrder),
		requests: newRing[pendingRequest](cfg.RequestQueueMax, toOrder), executed: newRing[[]requestKey](window, toOrder),
		batcher: newBatcher(cfg.Batch), relay: make(map[requestKey]relayed)}
	r.journal = &journalStage{r: r, journal: journal, items: newRing[journalItem](8*window, newWaker())}
	r.execute = &executeStage{r: r, items: newRing[executeItem](2*window, toExecute),
		repeats: newRing[repeat](4096, toExecute), asks: newRing[accountAsk](accountAsksMax, toExecute), archive: archive{ledger}}
	r.commit = &commitStage{r: r, items: newRing[commitItem](2*window, newWaker())}
	r.serve = &serveStage{r: r, items: newRing[consensus.Serve](4*cfg.Quorums.N, newWaker())}
	if err := r.loadEvidence(); err != nil {
		return nil, err
	}
	if err := r.recover(amnesia); err != nil {
		return nil, err
	}
	r.order.publish()
	r.kept.note(journal)
	return r, nil
}

// Ingress takes frames; cmd/replica gives it to the transport.
func (r *Replica) Ingress() Ingress { return &r.ingress }

// ClientKey gives a registered client's Ed25519 key, for the transport's
// authentication of connections.
func (r *Replica) ClientKey(id wire.ClientID) ([32]byte, bool) {
	e := r.clients.get(id)
	if e == nil {
		return [32]byte{}, false
	}
	return e.raw, true
}

// readBody rebuilds the body of an executed slot from the ledger.
func (r *Replica) readBody(seq wire.SeqNum) (*body, error) {
	sb, err := r.ledger.Block(seq)
	if err != nil {
		return nil, err
	}
	b, _, err := blockBody(r.cfg.Cluster, sb)
	if err == nil && b == nil {
		err = fmt.Errorf("%w: slot %d is null", ErrBlock, seq)
	}
	return b, err
}

// fail ends the replica with a reason; the first one counts (L6).
func (r *Replica) fail(err error) {
	r.failOnce.Do(func() {
		r.failure = err
		close(r.failed)
	})
}

// Failed is closed when the replica cannot go on; Err says why.
func (r *Replica) Failed() <-chan struct{} { return r.failed }

// Err gives the reason after Failed was closed.
func (r *Replica) Err() error {
	select {
	case <-r.failed:
		return r.failure
	default:
		return nil
	}
}

func (r *Replica) reply(conn ConnID, kind wire.Kind, body []byte) {
	if conn == 0 {
		return
	}
	if err := r.transport.Reply(conn, kind, body); err != nil {
		r.stats.ReplyFailed.Add(1) // gone: the client asks again
	}
}

// A refused client is told when to come again: when half of what waits may be
// done, within these bounds.
const (
	hintMilliLeast = 20
	hintMilliMost  = 1000
)

// crowded reports whether no more requests should be taken for now. What waits is
// bounded in bytes too: thousands of full requests would be gigabytes, and an
// answer that comes after the client's patience costs a copy from everyone.
func (r *Replica) crowded() bool {
	if r.verify.requests.len()+r.order.backlog() >= r.cfg.RequestQueueMax {
		return true
	}
	return r.cfg.RequestQueueBytes > 0 && r.arriving.Load()+r.order.queuedBytes.Load() >= int64(r.cfg.RequestQueueBytes)
}

// hintMilli is the time to wait after which a request may find room.
func (r *Replica) hintMilli() uint32 { return max(hintMilliLeast, r.hint.Load()) }

func (r *Replica) rejectClient(conn ConnID, seq uint64, code wire.RejectCode) {
	r.rejectClientFor(conn, seq, code, r.hintMilli())
}

// rejectClientFor is rejectClient with the time after which a code that passes
// may have passed.
func (r *Replica) rejectClientFor(conn ConnID, seq uint64, code wire.RejectCode, waitMilli uint32) {
	mark.Code(mark.ClientRejects, uint32(code))
	r.stats.ClientRejects[code].Add(1)
	m := wire.Reject{Seq: seq, Code: code, Primary: r.quorums.Primary(wire.View(r.view.Load()))}
	if code.Retry() == wire.RetryAfter {
		m.RetryAfterMilli = waitMilli
	}
	r.reply(conn, wire.KindReject, m.Append(nil))
}

// SetDiskLow makes the replica refuse new requests while its disk is low.
func (r *Replica) SetDiskLow(low bool) { r.diskLow.Store(low) }

// SetCertExpiry notes when the transport's certificate ends, in seconds since
// 1970 UTC, for status reports.
func (r *Replica) SetCertExpiry(seconds uint64) { r.certExpiry.Store(seconds) }

// Status is this replica's own account of itself.
func (r *Replica) Status() *wire.NodeStatus {
	at, st, view := r.executed.Load(), r.stable.Load(), wire.View(r.view.Load())
	return &wire.NodeStatus{
		Replica: r.cfg.Self, View: view, Active: r.viewActive.Load(), Primary: r.quorums.Primary(view),
		Executed: at.seq, Execute: at.digest, Stable: st.State.Seq, StateRoot: st.State.StateRoot,
		LedgerSeq:   wire.SeqNum(r.ledgerSeq.Load()),
		FastCommits: r.stats.FastCommits.Load(), SlowCommits: r.stats.SlowCommits.Load(),
		ViewChanges: r.stats.ViewsEntered.Load(), Events: r.stats.Events.Load(),
		FsyncP99: uint64(r.stats.SyncSeconds.quantile(0.99)), PeersUp: uint16(1 + max(0, r.peersUp.Load())),
		Amnesia: r.amnesia.Load(), Diverged: errors.Is(r.Err(), ErrHalted), CertExpiry: r.certExpiry.Load(),
	}
}

// Close closes the journal and the ledger after Run returned, in the order in
// which a restart finds the most.
func (r *Replica) Close() error {
	err := r.ledger.Commit(true)
	if err == nil {
		err = r.journal.journal.MarkApplied(r.ledger.Applied())
	}
	if r.cfg.Evidence != nil {
		err = errors.Join(err, r.cfg.Evidence.Close())
	}
	return errors.Join(err, r.journal.journal.Close(), r.ledger.Close())
}

var _ Journal = (*storage.Journal)(nil)
var _ Ledger = (*storage.Ledger)(nil)
var _ EvidenceLog = (*storage.EvidenceLog)(nil)

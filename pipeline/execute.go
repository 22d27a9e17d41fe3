package pipeline

import (
	"encoding/binary"
	"fmt"
	"slices"
	"time"

	"quorate/consensus"
	"quorate/internal/mark"
	"quorate/internal/plant"
	"quorate/payments"
	"quorate/storage"
	"quorate/wire"
)

// executeItem is a committed slot with its body, or the certificate of one that
// was executed.
type executeItem struct {
	proof   *wire.CommitProof
	body    *body // nil for a null slot
	certify *consensus.Certify
}

// repeat is a client's request that was executed before: its answer is looked up.
type repeat struct {
	client *clientEntry
	seq    uint64
	digest wire.Digest
	conn   ConnID
}

// executeStage owns the payments machine: blocks in order, then replies.
type executeStage struct {
	r       *Replica
	items   *ring[executeItem]
	repeats *ring[repeat]

	machine *payments.Machine
	archive payments.Archive
	parent  wire.Digest
	outcome payments.Outcome
	waiting []executeItem // blocks in order; the first may wait for its payers' verdicts
	reqs    []payments.Request
	done    doneBlocks
	roots   []stateRoot // of the last checkpoints, at most rootsKept

	repeatBuf []repeat
	asks      *ring[accountAsk]
	askBuf    []accountAsk
}

// stagedBytesMax is how much may wait for the commit stage before execution
// pauses: the pause runs back through the window to the batcher and the socket. It
// is more than the commit stage may leave to become a table.
const stagedBytesMax = storage.TableBytesMax + 16<<20

// stagedBlocksMax is the same in blocks, which may be empty: some seconds' worth.
const stagedBlocksMax = 8192

// Step executes what waits, unless the ledger is behind.
func (s *executeStage) Step() bool {
	if blocks, bytes := s.r.ledger.Staged(); bytes > stagedBytesMax || blocks > stagedBlocksMax {
		return false // the commit stage wakes this one
	}
	worked := false
	for range 8 {
		worked = s.takeIn() || worked
		it, ok := s.ready()
		if !ok {
			break
		}
		worked = true
		if err := s.block(it); err != nil {
			s.r.fail(err)
			return false
		}
	}
	s.repeatBuf = s.repeats.take(s.repeatBuf)
	for i := range s.repeatBuf {
		s.again(&s.repeatBuf[i])
	}
	s.askBuf = s.asks.take(s.askBuf)
	for i := range s.askBuf {
		s.look(&s.askBuf[i])
	}
	return worked || len(s.repeatBuf)+len(s.askBuf) > 0
}

// takeIn takes one item of the ring: a certificate at once, a block into line.
func (s *executeStage) takeIn() bool {
	it, ok := s.items.takeOne()
	switch {
	case !ok:
		return false
	case it.certify != nil:
		s.certified(it.certify)
	default:
		s.waiting = append(s.waiting, it)
	}
	return true
}

// ready takes the first block in line, unless it waits for verdicts: the stage
// that finds them wakes this one.
func (s *executeStage) ready() (it executeItem, ok bool) {
	if len(s.waiting) == 0 {
		return it, false
	}
	if b := s.waiting[0].body; b != nil && !b.payers.done() && !plant.On(plant.PayersNotAwaited) {
		mark.Hit(mark.PayersAwaited)
		return it, false
	}
	it = s.waiting[0]
	s.waiting = slices.Delete(s.waiting, 0, 1) // the core sends few ahead
	return it, true
}

// block executes one slot, hands it to the ledger and reports to the core.
func (s *executeStage) block(it executeItem) error {
	start := time.Now()
	seq := it.proof.Slot.Seq
	sb, done, err := s.apply(*it.proof, it.body)
	if err != nil {
		return fmt.Errorf("pipeline: execute slot %d: %w", seq, err)
	}
	if err := s.r.ledger.Stage(sb); err != nil {
		return fmt.Errorf("pipeline: stage block %d: %w", seq, err)
	}
	s.done.add(done)
	if plant.On(plant.ReplyBeforePi) {
		s.certified(&consensus.Certify{Seq: seq, Digest: s.r.scope.ExecuteHash(seq, s.parent)})
	}
	if it.body != nil {
		s.r.bodies.executed(it.body.digest, seq)
		s.finish(it.body)
		done.born = it.body.born
		s.r.stats.SlotExecuted.since(done.born)
	}
	ev := consensus.Executed{Seq: seq, Digest: s.r.scope.ExecuteHash(seq, s.parent)}
	s.r.executed.Store(&executedAt{seq: seq, digest: ev.Digest})
	item := commitItem{}
	if it.body != nil {
		item.traced = it.body.traced
		s.r.cfg.Trace.pass(TraceExecuted, item.traced...)
	}
	if seq%s.r.cfg.Interval == 0 {
		ev.StateRoot = s.machine.StateRoot()
		s.noteRoot(stateRoot{seq, ev.StateRoot})
		item.checkpoint, item.image = seq, s.image(seq)
	}
	s.r.order.events.put(ev)
	s.r.commit.items.put(item)
	s.r.stats.Blocks.Add(1)
	s.r.stats.Events.Add(uint64(s.outcome.Events))
	s.r.stats.ExecuteSeconds.observe(time.Since(start))
	return nil
}

// apply runs a block through payments and builds what is kept of it. The chain
// head moves only when all went well.
func (s *executeStage) apply(proof wire.CommitProof, b *body) (*storage.Block, *doneBlock, error) {
	var proposed uint64
	if b != nil {
		proposed = b.batch.Time
		if plant.On(plant.LocalClockExecuted) && s.r != nil {
			proposed = s.r.cfg.Clock()
		}
	}
	s.reqs = paymentRequests(s.reqs, b)
	if err := s.machine.Apply(proof.Slot.Seq, proposed, s.reqs, s.archive, &s.outcome); err != nil {
		return nil, nil, err
	}
	sb, done := outcomeBlock(s.parent, proof, b, &s.outcome)
	s.parent = done.meta.header.Hash()
	return sb, done, nil
}

// finish tells the client table and the order stage what was executed.
func (s *executeStage) finish(b *body) {
	for i := range s.outcome.Registered {
		c := &s.outcome.Registered[i]
		if err := s.r.clients.register(c.ID, c.Key); err != nil {
			s.r.log.Error("registered client's key refused", "error", err)
		}
	}
	keys := make([]requestKey, len(b.batch.Requests))
	var last wire.ClientID
	for i := range b.batch.Requests {
		q := &b.batch.Requests[i]
		keys[i] = requestKey{q.Client, q.Seq}
		if q.Client == last {
			continue // its window is read once per run of requests
		}
		last = q.Client
		if v, ok := s.machine.Session(q.Client); ok {
			s.r.clients.setWindow(q.Client, v.High, v.Bitmap)
		}
	}
	s.r.order.executed.put(keys)
}

// pageImage is a copy of the pages that changed since the last one.
type pageImage struct {
	seq   wire.SeqNum
	pages []storage.Page
	roots []byte // encoded roots of the last checkpoints
}

// stateRoot is the state root after a checkpoint slot.
type stateRoot struct {
	seq  wire.SeqNum
	root wire.Digest
}

// rootsKept covers a window of two checkpoints and the one before it: after a
// restart the core needs them to sign checkpoints that are not stable yet.
const rootsKept = 4

func (s *executeStage) noteRoot(r stateRoot) {
	if len(s.roots) >= rootsKept {
		s.roots = append(s.roots[:0], s.roots[1:]...)
	}
	s.roots = append(s.roots, r)
}

const rootBytes = 8 + wire.DigestBytes

func encodeRoots(roots []stateRoot) []byte {
	var b []byte
	for _, r := range roots {
		b = binary.LittleEndian.AppendUint64(b, uint64(r.seq))
		b = append(b, r.root[:]...)
	}
	return b
}

func decodeRoots(b []byte) ([]stateRoot, error) {
	if len(b)%rootBytes != 0 || len(b) > rootsKept*rootBytes {
		return nil, fmt.Errorf("%w: %d bytes of state roots", ErrBlock, len(b))
	}
	var out []stateRoot
	for ; len(b) > 0; b = b[rootBytes:] {
		out = append(out, stateRoot{wire.SeqNum(binary.LittleEndian.Uint64(b)), wire.Digest(b[8:rootBytes])})
	}
	return out, nil
}

// When every account was touched, an image is the whole table: 128 MiB for a
// million accounts. So a large one is taken at every imageEvery-th checkpoint
// only; a restart executes the blocks since then again. A small one costs
// nothing worth saving.
const (
	imageEvery      = 4
	imagePagesSmall = 1024
)

// image copies the pages that changed since the last image, or gives nil.
func (s *executeStage) image(seq wire.SeqNum) *pageImage {
	changed := s.machine.DirtyPages()
	if changed > imagePagesSmall && seq/s.r.cfg.Interval%imageEvery != 0 {
		return nil
	}
	im := &pageImage{seq: seq, pages: make([]storage.Page, 0, changed), roots: encodeRoots(s.roots)}
	s.machine.Dirty(func(region payments.Region, page uint32, data []byte) {
		im.pages = append(im.pages, storage.Page{Region: uint8(region), Index: page, Data: append([]byte(nil), data...)})
	})
	s.machine.MarkClean()
	return im
}

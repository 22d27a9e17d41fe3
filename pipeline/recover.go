package pipeline

import (
	"errors"
	"fmt"

	"quorate/consensus"
	"quorate/internal/mark"
	"quorate/payments"
	"quorate/storage"
	"quorate/wire"
)

// ErrReplay says that executing the ledger's blocks again gave other results:
// the state or the program is not the one that wrote them.
var ErrReplay = errors.New("pipeline: replay of the ledger differs")

// recover brings the replica to where its disk ends: the last checkpoint's
// pages, the blocks after it, then the journal.
func (r *Replica) recover(amnesia bool) error {
	if err := r.recoverMachine(); err != nil {
		return err
	}
	past, err := r.recoverJournal()
	if err != nil {
		return err
	}
	past.Amnesia = amnesia
	past.Executed = r.execute.machine.Seq()
	if err = r.outcomes(&past); err != nil {
		return err
	}
	past.Digest = r.scope.ExecuteHash(past.Executed, r.execute.parent)
	r.executed.Store(&executedAt{seq: past.Executed, digest: past.Digest})
	core, err := consensus.Recover(consensus.Config{Self: r.cfg.Self, Quorums: r.quorums, Scope: r.scope,
		Window: 2 * r.cfg.Interval, Timing: r.cfg.Timing}, past)
	if err != nil {
		return err
	}
	r.order.core = core
	stable := core.Stable()
	r.stable.Store(&stable)
	for i := range r.execute.machine.Clients() {
		c := r.execute.machine.Client(i)
		if err := r.clients.register(c.ID, c.Key); err != nil {
			return fmt.Errorf("pipeline: key of client %d: %w", c.ID, err)
		}
		if v, ok := r.execute.machine.Session(c.ID); ok {
			r.clients.setWindow(c.ID, v.High, v.Bitmap)
		}
	}
	return nil
}

// recoverMachine loads the newest state image and executes the blocks after it
// again, comparing each header.
func (r *Replica) recoverMachine() error {
	x := r.execute
	var err error
	if x.machine, err = payments.New(r.cfg.Payments); err != nil {
		return err
	}
	x.parent = r.cfg.Cluster
	if err := r.loadImage(); err != nil {
		return err
	}
	head, _ := r.ledger.Head()
	if x.machine.Seq() > head {
		return fmt.Errorf("%w: state image at %d, newest block %d", ErrReplay, x.machine.Seq(), head)
	}
	if seq := x.machine.Seq(); seq > 0 {
		if _, err := r.replayHeader(seq); err != nil {
			return err
		}
	}
	for seq := x.machine.Seq() + 1; seq <= head; seq++ {
		if err := r.replayBlock(seq); err != nil {
			return err
		}
	}
	r.ledgerSeq.Store(uint64(r.ledger.Applied()))
	return nil
}

func (r *Replica) loadImage() error {
	loaded := false
	_, meta, err := r.ledger.LoadPages(func(p storage.Page) error {
		loaded = true
		return r.execute.machine.LoadPage(payments.Region(p.Region), p.Index, p.Data)
	})
	if errors.Is(err, storage.ErrNotFound) || err == nil && !loaded {
		return nil // no checkpoint yet
	}
	if err != nil {
		return fmt.Errorf("pipeline: state image: %w", err)
	}
	mark.Hit(mark.ImageLoaded)
	if err := r.execute.machine.Finish(); err != nil {
		return fmt.Errorf("pipeline: state image: %w", err)
	}
	r.execute.machine.MarkClean()
	if r.execute.roots, err = decodeRoots(meta); err != nil {
		return fmt.Errorf("pipeline: state image: %w", err)
	}
	if n := len(r.execute.roots); n == 0 || r.execute.roots[n-1] != (stateRoot{r.execute.machine.Seq(), r.execute.machine.StateRoot()}) {
		return fmt.Errorf("%w: the state image does not have the root that was noted with it", ErrReplay)
	}
	return nil
}

// replayHeader takes the chain head from the block at which the image stands.
func (r *Replica) replayHeader(seq wire.SeqNum) (*storage.Block, error) {
	sb, err := r.ledger.Block(seq)
	if err != nil {
		return nil, fmt.Errorf("pipeline: block %d: %w", seq, err)
	}
	m, err := decodeBlockMeta(sb.Header)
	if err != nil {
		return nil, fmt.Errorf("pipeline: block %d: %w", seq, err)
	}
	r.execute.parent = m.header.Hash()
	return sb, nil
}

func (r *Replica) replayBlock(seq wire.SeqNum) error {
	sb, err := r.ledger.Block(seq)
	if err != nil {
		return fmt.Errorf("pipeline: block %d: %w", seq, err)
	}
	b, m, err := blockBody(r.cfg.Cluster, sb)
	if err != nil {
		return fmt.Errorf("pipeline: block %d: %w", seq, err)
	}
	proof, err := wire.DecodeCommitProof(sb.Certificate)
	if err != nil {
		return fmt.Errorf("pipeline: block %d: %w", seq, err)
	}
	if b != nil {
		b.payers = newPayers(&b.batch)
		b.payers.recall(func(i int) []byte { return sb.Requests[i].Result })
	}
	_, done, err := r.execute.apply(proof, b)
	if err != nil {
		return fmt.Errorf("pipeline: block %d: %w", seq, err)
	}
	mark.Hit(mark.BlockReplayed)
	if done.meta.header != m.header {
		return fmt.Errorf("%w: block %d", ErrReplay, seq)
	}
	done.pi, done.certified = storedCert(sb.ExecCert)
	r.execute.done.add(done)
	if seq%r.cfg.Interval == 0 {
		r.execute.noteRoot(stateRoot{seq, r.execute.machine.StateRoot()})
	}
	return nil
}

// outcomes lists what the last slots led to, one window of them, and what
// committed them.
func (r *Replica) outcomes(past *consensus.Past) error {
	executed := past.Executed
	first := wire.SeqNum(1)
	if executed > 2*r.cfg.Interval {
		first = executed - 2*r.cfg.Interval + 1
	}
	for seq := first; seq <= executed; seq++ {
		sb, err := r.ledger.Block(seq)
		if err != nil {
			return fmt.Errorf("pipeline: block %d: %w", seq, err)
		}
		m, err := decodeBlockMeta(sb.Header)
		if err != nil {
			return fmt.Errorf("pipeline: block %d: %w", seq, err)
		}
		proof, err := wire.DecodeCommitProof(sb.Certificate)
		if err != nil {
			return fmt.Errorf("pipeline: block %d: %w", seq, err)
		}
		past.Proofs = append(past.Proofs, proof)
		e := consensus.Executed{Seq: seq, Digest: r.scope.ExecuteHash(seq, m.header.Hash())}
		for _, k := range r.execute.roots {
			if k.seq == seq {
				e.StateRoot = k.root
			}
		}
		if seq%r.cfg.Interval == 0 && e.StateRoot.IsNull() {
			continue // below every checkpoint that can still become stable
		}
		past.Outcomes = append(past.Outcomes, e)
	}
	return nil
}

// keepBody puts a journal's body where the core will find it: in memory, or in
// the ledger if it was executed there.
func (r *Replica) keepBody(b *body, seq, executed wire.SeqNum) bool {
	r.bodies.put(b)
	if seq > executed {
		return true
	}
	sb, err := r.ledger.Block(seq)
	if err == nil {
		if m, err := decodeBlockMeta(sb.Header); err == nil && m.header.BatchDigest == b.digest {
			mark.Hit(mark.JournalBodyDone)
			r.bodies.executed(b.digest, seq)
			return true
		}
	}
	mark.Hit(mark.JournalBodyLost)
	r.bodies.forget(b.digest) // another value was committed there
	return false
}

// recoverJournal reads the journal: records for the core, and bodies of slots
// that are not in the ledger.
func (r *Replica) recoverJournal() (consensus.Past, error) {
	var past consensus.Past
	executed := r.execute.machine.Seq()
	err := r.journal.journal.Replay(func(rec storage.Record) error {
		if wire.RecordKind(rec.Kind) == wire.RecordBody {
			b, err := newBody(r.cfg.Cluster, append([]byte(nil), rec.Body...))
			if err != nil {
				return fmt.Errorf("pipeline: journal body at %d: %w", rec.LSN, err)
			}
			b.journaled = true
			if r.keepBody(b, rec.Seq, executed) {
				past.Bodies = append(past.Bodies, b.digest)
			}
			return nil
		}
		m, err := wire.DecodeRecord(wire.RecordKind(rec.Kind), append([]byte(nil), rec.Body...))
		if err != nil {
			return fmt.Errorf("pipeline: journal record %d: %w", rec.LSN, err)
		}
		past.Records = append(past.Records, m)
		return nil
	})
	return past, err
}

package pipeline

import (
	"fmt"
	"time"

	"quorate/consensus"
	"quorate/internal/mark"
	"quorate/internal/plant"
	"quorate/storage"
	"quorate/wire"
)

// commitItem is the news that a block was staged; that it was a checkpoint, with
// the pages to keep if there are any; or an execution certificate or evidence to
// keep.
type commitItem struct {
	checkpoint wire.SeqNum // 0: none
	image      *pageImage  // nil: the last one still serves
	execCert   *execCert
	evidence   *wire.Evidence
	traced     []wire.Digest // of the staged block
}

type execCert struct {
	seq  wire.SeqNum
	cert wire.Certificate
}

// commitStage moves staged blocks to the ledger in groups of many, off the path
// of a reply: what was agreed is recoverable from the journals.
type commitStage struct {
	r     *Replica
	items *ring[commitItem]
	buf   []commitItem
}

// Step commits what was staged, and checkpoints durably.
func (s *commitStage) Step() bool {
	s.buf = s.items.take(s.buf)
	if len(s.buf) == 0 {
		return false
	}
	if err := s.work(); err != nil {
		s.r.fail(fmt.Errorf("pipeline: ledger: %w", err))
		return false
	}
	s.r.execute.items.to.wake() // it may have paused
	return true
}

func (s *commitStage) work() error {
	start := time.Now()
	for i := range s.buf {
		it := &s.buf[i]
		if it.execCert != nil {
			if err := s.r.ledger.SetExecCert(it.execCert.seq, it.execCert.cert.Bytes()); err != nil {
				return err
			}
		}
		if it.evidence != nil {
			if err := s.r.cfg.Evidence.Append(it.evidence.Append(nil)); err != nil {
				s.r.log.Error("evidence not kept on disk", "view", it.evidence.View, "error", err) // no promise depends on it
			}
		}
		if it.checkpoint != 0 {
			if err := s.checkpoint(it.checkpoint, it.image); err != nil {
				return err
			}
		}
	}
	if err := s.r.ledger.Commit(false); err != nil {
		return err
	}
	for i := range s.buf {
		s.r.cfg.Trace.pass(TraceHanded, s.buf[i].traced...)
	}
	s.r.stats.CommitSeconds.observe(time.Since(start))
	return nil
}

// checkpoint makes everything up to a checkpoint durable, pages first if there
// are any, and lets the journal go behind it (L5).
func (s *commitStage) checkpoint(seq wire.SeqNum, im *pageImage) error {
	if err := s.r.ledger.Commit(false); err != nil {
		return err
	}
	if im != nil {
		if err := s.r.ledger.SavePages(im.seq, im.pages, im.roots); err != nil {
			return err
		}
	}
	if err := s.r.ledger.Commit(!plant.On(plant.CheckpointNotSynced)); err != nil {
		return err
	}
	s.r.ledgerSeq.Store(uint64(s.r.ledger.Applied()))
	s.r.journal.items.put(journalItem{applied: seq})
	return nil
}

// serveStage answers laggards from the ledger, away from the order thread.
type serveStage struct {
	r     *Replica
	items *ring[consensus.Serve]
}

// Step serves one request.
func (s *serveStage) Step() bool {
	e, ok := s.items.takeOne()
	if !ok {
		return false
	}
	switch {
	case e.State != 0:
		s.state(e)
	case e.From != 0:
		s.blocks(e)
	default:
		s.body(e)
	}
	return true
}

// state helps a replica that lacks π of an executed slot: with π, or with this
// replica's share of it.
func (s *serveStage) state(e consensus.Serve) {
	sb, err := s.r.ledger.Block(e.State)
	if err != nil {
		return // not here: the asker hears from others
	}
	m, err := decodeBlockMeta(sb.Header)
	if err != nil {
		s.r.log.Error("block not readable", "seq", e.State, "error", err)
		return
	}
	hash := s.r.scope.ExecuteHash(e.State, m.header.Hash())
	if pi, ok := storedCert(sb.ExecCert); ok {
		mark.Hit(mark.ServePi)
		s.send(e.To, &wire.ExecuteProof{Seq: e.State, Digest: hash, Pi: pi})
		return
	}
	mark.Hit(mark.ServePiShare)
	s.send(e.To, &wire.SignState{Seq: e.State, Digest: hash, Share: s.r.suite.SignShare(consensus.PurposePi, hash)})
}

func (s *serveStage) body(e consensus.Serve) {
	b, err := s.r.bodies.get(e.Body)
	if err != nil {
		mark.Hit(mark.ServeBodyGone)
		return // forgotten meanwhile: the asker tries another
	}
	s.send(e.To, &wire.Body{Batch: b.raw})
}

// serveBytesMax bounds one answer to a laggard; at least one block is sent.
const serveBytesMax = 1 << 20

func (s *serveStage) blocks(e consensus.Serve) {
	m := &wire.Blocks{}
	bytes := 0
	for seq := e.From; seq <= e.Up && len(m.Blocks) < wire.FetchBlocksMax; seq++ {
		sb, err := s.r.ledger.Block(seq)
		if err != nil {
			s.r.log.Error("block not readable for a laggard", "seq", seq, "error", err)
			break
		}
		slot, err := committedSlot(s.r.cfg.Cluster, sb)
		if err != nil {
			s.r.log.Error("block not readable for a laggard", "seq", seq, "error", err)
			break
		}
		bytes += len(slot.Batch)
		if len(m.Blocks) > 0 && bytes > serveBytesMax {
			mark.Hit(mark.ServeBlocksFull)
			break
		}
		m.Blocks = append(m.Blocks, slot)
	}
	if len(m.Blocks) > 0 {
		s.r.stats.BlocksServed.Add(uint64(len(m.Blocks)))
		s.send(e.To, m)
	}
}

// committedSlot rebuilds a slot with its proof from the ledger.
func committedSlot(cluster wire.Digest, sb *storage.Block) (wire.CommittedSlot, error) {
	proof, err := wire.DecodeCommitProof(sb.Certificate)
	if err != nil {
		return wire.CommittedSlot{}, fmt.Errorf("%w: certificate: %v", ErrBlock, err)
	}
	b, _, err := blockBody(cluster, sb)
	if err != nil {
		return wire.CommittedSlot{}, err
	}
	slot := wire.CommittedSlot{Proof: proof}
	if b != nil {
		slot.Batch = b.raw
	} else {
		mark.Hit(mark.ServeNull)
	}
	return slot, nil
}

func (s *serveStage) send(to wire.ReplicaID, m wire.Message) {
	if err := s.r.transport.Send(to, wire.LaneBulk, m.Kind(), m.Append(nil)); err != nil {
		s.r.stats.ServeDropped.Add(1)
	}
}

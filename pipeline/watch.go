package pipeline

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"

	"quorate/payments"
	"quorate/wire"
)

// What an operator's eyes may ask of a running replica, from any goroutine. None
// of it changes what the replica does, none of it is proven to anyone, and all
// of it is bounded: blocks and events are read from the ledger beside its
// writer, an account is read by the execute stage between two blocks, and the
// rest is counters.

// ErrBusy says that as many questions wait as may.
var ErrBusy = errors.New("pipeline: too many questions wait")

// accountAsksMax bounds the questions for accounts that wait for the execute
// stage. Each costs it the look-up of one account, a microsecond.
const accountAsksMax = 16

// accountAsk is one question; answer has room for one.
type accountAsk struct {
	id     payments.U128
	answer chan<- AccountAt
}

// AccountAt is an account as it was after block Seq.
type AccountAt struct {
	Seq     wire.SeqNum
	Time    uint64 // last timestamp that the block used, nanoseconds since 1970 UTC
	Found   bool
	Account payments.Account
	newest  uint64 // ordinal of its newest transfer, 0 for none
}

// TransferAt is an executed transfer and where it stands.
type TransferAt struct {
	Seq      wire.SeqNum // block
	Ordinal  uint64
	Transfer payments.Transfer
	Pending  payments.PendingStatus // what became of it until now; PendingNone for all others
}

// look answers one question, on the execute thread between two blocks.
func (s *executeStage) look(q *accountAsk) {
	at := AccountAt{Seq: s.machine.Seq(), Time: s.machine.Time()}
	at.Account, at.newest, at.Found = s.machine.Newest(q.id)
	q.answer <- at
}

// Account gives an account as of the newest executed block. It fails with
// ErrBusy, or with ctx's error when the execute stage has no time until then.
func (r *Replica) Account(ctx context.Context, id payments.U128) (AccountAt, error) {
	answer := make(chan AccountAt, 1)
	if !r.execute.asks.offer(accountAsk{id, answer}) {
		return AccountAt{}, ErrBusy
	}
	select {
	case at := <-answer:
		return at, nil
	case <-ctx.Done():
		return AccountAt{}, fmt.Errorf("pipeline: account %v: %w", id, ctx.Err())
	}
}

// LastTransfers gives up to limit executed transfers of the account, the newest
// first, as of at.Seq. Each is one read of the ledger.
func (r *Replica) LastTransfers(at *AccountAt, limit int) ([]TransferAt, error) {
	var out []TransferAt
	a := archive{r.ledger}
	for ordinal := at.newest; ordinal != 0 && len(out) < limit; {
		t, prev, err := a.at(ordinal)
		if err != nil {
			return nil, err
		}
		out = append(out, t)
		next := prev[1]
		if t.Transfer.DebitAccountID == at.Account.ID {
			next = prev[0]
		}
		if next >= ordinal {
			return nil, fmt.Errorf("%w: transfer %d leads to %d", ErrBlock, ordinal, next)
		}
		ordinal = next
	}
	return out, nil
}

// at reads an executed transfer, and the ordinals of the transfers before it of
// its debit and its credit account.
func (a archive) at(ordinal uint64) (t TransferAt, prev [2]uint64, err error) {
	e, err := a.ledger.Event(ordinal)
	if err != nil {
		return t, prev, err
	}
	if !isTransfer(&e) {
		return t, prev, fmt.Errorf("%w: event %d is no transfer", ErrBlock, ordinal)
	}
	var st payments.Stored
	if err := a.fill(&e, &st); err != nil {
		return t, prev, err
	}
	t = TransferAt{Seq: e.Seq, Ordinal: ordinal, Transfer: st.Transfer}
	if st.Code == payments.TransferOK && st.Transfer.Flags&payments.TransferPending != 0 {
		if t.Pending, err = a.PendingStatus(ordinal); err != nil {
			return t, prev, err
		}
	}
	return t, [2]uint64{st.PrevDebit, st.PrevCredit}, nil
}

// Progress is what a replica has done since its start and how full it is, in
// plain numbers.
type Progress struct {
	Events, Blocks, Replies uint64
	Fast, Slow              uint64 // commits
	Refused                 uint64 // requests, with whatever code
	ViewsEntered            uint64
	Banned, Evidence        uint64
	InFlight                int
	DiskLow                 bool

	Reply   Durations // from a request's arrival to its certified reply
	Sync    Durations // group syncs of the vote journal
	Execute Durations // blocks
}

// Progress reads the counters. They are not of one instant.
func (r *Replica) Progress() Progress {
	s := &r.stats
	p := Progress{Events: s.Events.Load(), Blocks: s.Blocks.Load(), Replies: s.Replies.Load(),
		Fast: s.FastCommits.Load(), Slow: s.SlowCommits.Load(), ViewsEntered: s.ViewsEntered.Load(),
		Banned: s.Banned.Load(), Evidence: s.Evidence.Load(), InFlight: int(r.inFlight.Load()), DiskLow: r.diskLow.Load(),
		Reply: s.ReplySeconds.durations(), Sync: s.SyncSeconds.durations(), Execute: s.ExecuteSeconds.durations()}
	for i := range s.ClientRejects {
		p.Refused += s.ClientRejects[i].Load()
	}
	return p
}

// Head is the newest executed block that the ledger has, 0 if there is none.
func (r *Replica) Head() wire.SeqNum {
	seq, _ := r.ledger.Head()
	return max(seq, r.executed.Load().seq)
}

// ViewBlock shows a block with all its requests, but not their events.
func (r *Replica) ViewBlock(seq wire.SeqNum) (*BlockView, error) {
	return ViewBlock(r.cfg.Cluster, r.ledger, seq)
}

// ViewOutline shows a block as a list does; see the function ViewOutline.
func (r *Replica) ViewOutline(seq wire.SeqNum) (*BlockView, error) {
	return ViewOutline(r.ledger, seq)
}

// ViewEvents shows up to limit events of a request of a block.
func (r *Replica) ViewEvents(seq wire.SeqNum, request, from, limit int) ([]EventView, int, error) {
	return ViewEvents(r.ledger, seq, request, from, limit)
}

// Others' standings: each replica tells over its own links how it stands, so
// that every console can show all of them. No vote and no timer hangs on it.

// standingTicks is the least distance of two answers to one replica: 100 ms.
const standingTicks = 20

// statusSlot is what passes between this replica and another about standings.
type statusSlot struct {
	heard    atomic.Pointer[wire.NodeStatus] // not taken yet
	answered atomic.Uint64                   // tick of the last answer, counted from standingTicks on
}

// mayAnswer takes the right to answer at tick now. A replica may ask over two links
// at once, on two threads: one of them gets an answer, and a thread that comes late
// with an older tick gets none.
func (s *statusSlot) mayAnswer(now uint64) bool {
	last := s.answered.Load()
	return now >= last+standingTicks && s.answered.CompareAndSwap(last, now)
}

// AskStandings asks all other replicas how they stand. Answers come later; see
// TakeStandings. What a link cannot take is lost.
func (r *Replica) AskStandings() {
	for id := range wire.ReplicaID(r.cfg.Quorums.N) {
		if id != r.cfg.Self {
			_ = r.transport.Send(id, wire.LaneReply, wire.KindAskStanding, nil)
		}
	}
}

// TakeStandings gives fn the newest answer of each replica that answered since
// the last call. What a replica says of itself is not proven.
func (r *Replica) TakeStandings(fn func(*wire.NodeStatus)) {
	for i := range r.statuses {
		if s := r.statuses[i].heard.Swap(nil); s != nil {
			fn(s)
		}
	}
}

// standingAsked answers a replica, unless it asks too often.
func (r *Replica) standingAsked(from wire.ReplicaID, body []byte) {
	if len(body) > 0 || int(from) >= len(r.statuses) {
		r.stats.PeerMalformed.Add(1)
		return
	}
	now := r.ticks.Load() + standingTicks // the first question comes at tick 0
	if !r.statuses[from].mayAnswer(now) {
		r.stats.PeerDropped.Add(1)
		return
	}
	// A link that is down loses it; the asker asks again.
	_ = r.transport.Send(from, wire.LaneReply, wire.KindStanding, r.Status().Append(nil))
}

// standingTold keeps what a replica says of itself.
func (r *Replica) standingTold(from wire.ReplicaID, body []byte) {
	s, err := wire.DecodeNodeStatus(body)
	if err != nil || s.Replica != from || int(from) >= len(r.statuses) {
		r.stats.PeerMalformed.Add(1)
		return
	}
	r.statuses[from].heard.Store(&s)
}

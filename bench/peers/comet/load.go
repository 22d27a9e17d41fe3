package comet

import (
	"context"
	"crypto/ed25519"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"quorate/bench/peers/meter"
	"quorate/bench/peers/transfer"
	"quorate/bench/peers/trial"
)

// LoadConfig is the client of a run.
type LoadConfig struct {
	Ports     []int  // of the validators' RPC
	Servers   []int  // their processes
	Dir       string // lies on the disk that they write to
	Signed    bool
	Payments  int // per transaction
	InFlight  int // transactions sent and not committed
	Batch     int // transactions per JSON-RPC batch
	Senders   int // per validator
	PerSecond int // transactions per second, each sent by itself; 0: as fast as blocks come
	Warmup    time.Duration
	Length    time.Duration
}

// signedPerSecond is how many payments are signed ahead per second of the run:
// signers are other machines. Above it they are signed on the way, at this
// machine's cost.
const signedPerSecond = 6000

// client is a running load.
type client struct {
	cfg   LoadConfig
	nodes []*rpc
	keys  map[uint64]ed25519.PrivateKey
	ready [][]byte // transactions signed ahead
	meter *meter.Meter
	slots chan struct{} // one per transaction in flight

	start     time.Time
	next      atomic.Uint64
	committed atomic.Uint64
	mu        sync.Mutex
	at        map[uint64]time.Time // when each transaction in flight was sent, by number
}

// tx makes transaction n. Not for several goroutines at once when it signs.
func (c *client) tx(n uint64) []byte {
	if n < uint64(len(c.ready)) {
		return c.ready[n]
	}
	b := make([]byte, 0, c.cfg.Payments*transfer.Bytes+ed25519.SignatureSize)
	var t transfer.Transfer
	for i := range uint64(c.cfg.Payments) {
		t = transfer.Nth(n*uint64(c.cfg.Payments)+i, accounts)
		b = t.Append(b)
	}
	if c.cfg.Signed {
		k, there := c.keys[t.Debit]
		if !there {
			k = keyOf(t.Debit)
			c.keys[t.Debit] = k
		}
		b = append(b, ed25519.Sign(k, b)...)
	}
	return b
}

// number reads which transaction this is.
func (c *client) number(tx []byte) uint64 {
	return binary.LittleEndian.Uint64(tx) / uint64(c.cfg.Payments) // the id of its first payment
}

// Load drives the validators and reads everything back.
func Load(ctx context.Context, cfg LoadConfig) (out trial.Outcome, err error) {
	c := &client{cfg: cfg, keys: map[uint64]ed25519.PrivateKey{}, meter: meter.New(), slots: make(chan struct{}, cfg.InFlight), at: map[uint64]time.Time{}}
	for _, p := range cfg.Ports {
		c.nodes = append(c.nodes, dial(p, cfg.Senders+2))
	}
	if cfg.Signed {
		for n := range uint64(signedPerSecond * (cfg.Warmup + cfg.Length).Seconds()) {
			c.ready = append(c.ready, c.tx(n))
		}
	}
	from, err := c.nodes[0].height(ctx)
	if err != nil {
		return out, err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	sending, stop := context.WithCancel(ctx)
	var senders, all sync.WaitGroup
	var making sync.Mutex
	c.start = time.Now()
	for range cfg.Senders {
		for i := range c.nodes {
			senders.Go(func() {
				if err := c.send(ctx, sending, c.nodes[i], &making); err != nil {
					cancel(err)
				}
			})
		}
	}
	watching, end := context.WithCancel(ctx)
	all.Go(func() {
		if err := c.watch(watching, from+1); err != nil {
			cancel(err)
		}
	})
	out.Figures, err = c.meter.Window(ctx, cfg.Warmup, cfg.Length, cfg.Servers, cfg.Dir)
	stop()
	senders.Wait()
	err = errors.Join(err, c.drain(ctx))
	end()
	all.Wait()
	if err = errors.Join(err, context.Cause(ctx)); err != nil {
		return out, err
	}
	out.Figures.Acked = c.meter.Acked()
	out.Checked, err = c.check(ctx)
	return out, err
}

// send sends batches to one validator while sending lasts.
func (c *client) send(ctx, sending context.Context, to *rpc, making *sync.Mutex) error {
	for {
		var txs [][]byte
		for len(txs) < c.cfg.Batch {
			select {
			case c.slots <- struct{}{}:
			case <-sending.Done():
				return c.flush(ctx, to, txs)
			}
			making.Lock()
			n := c.next.Add(1) - 1
			tx := c.tx(n)
			making.Unlock()
			// A paced transaction counts from when it was meant to leave.
			begun := time.Now()
			if due := trial.Due(c.start, n, c.cfg.PerSecond); !due.IsZero() {
				time.Sleep(time.Until(due))
				begun = due
			}
			c.mu.Lock()
			c.at[n] = begun
			c.mu.Unlock()
			txs = append(txs, tx)
		}
		if err := c.flush(ctx, to, txs); err != nil {
			return err
		}
	}
}

// flush sends transactions, those again that find the mempool full.
func (c *client) flush(ctx context.Context, to *rpc, txs [][]byte) error {
	for len(txs) > 0 {
		answers, err := to.broadcast(ctx, txs)
		if err != nil {
			return err
		}
		var again [][]byte
		for _, a := range answers {
			if a.ID < 0 || a.ID >= len(txs) {
				return fmt.Errorf("comet: an answer to transaction %d of %d", a.ID, len(txs))
			}
			switch {
			case a.Error != nil && strings.Contains(a.Error.Data+a.Error.Message, "mempool is full"):
				again = append(again, txs[a.ID])
			case a.Error != nil:
				return fmt.Errorf("comet: a payment is refused: %s %s", a.Error.Message, a.Error.Data)
			case a.Result.Code != codeOK:
				return fmt.Errorf("comet: a payment is refused: code %d %s", a.Result.Code, a.Result.Log)
			}
		}
		if txs = again; len(txs) > 0 {
			select {
			case <-time.After(10 * time.Millisecond):
			case <-ctx.Done():
				return context.Cause(ctx)
			}
		}
	}
	return nil
}

// pollPause is how often the first validator is asked for the next block; it
// answers an error until there is one.
const pollPause = 5 * time.Millisecond

// watch reads block after block and counts what is in them (B1).
func (c *client) watch(ctx context.Context, height int64) error {
	for {
		txs, err := c.nodes[0].block(ctx, height)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil && !errors.Is(err, errNoBlock) {
			return err
		}
		if err != nil {
			select {
			case <-time.After(pollPause):
			case <-ctx.Done():
				return nil
			}
			continue
		}
		height++
		now := time.Now()
		for _, tx := range txs {
			n := c.number(tx)
			c.mu.Lock()
			at, there := c.at[n]
			delete(c.at, n)
			c.mu.Unlock()
			if !there {
				return fmt.Errorf("comet: transaction %d is in two blocks, or was never sent", n)
			}
			c.meter.Done(c.cfg.Payments, now.Sub(at))
			c.committed.Add(1)
			<-c.slots
		}
	}
}

// drainMax is how long the last payments may take.
const drainMax = time.Minute

// drain waits until everything that was sent is committed (B2).
func (c *client) drain(ctx context.Context) error {
	for deadline := time.Now().Add(drainMax); c.committed.Load() < c.next.Load(); {
		if time.Now().After(deadline) {
			return fmt.Errorf("comet: %d of %d transactions committed", c.committed.Load(), c.next.Load())
		}
		select {
		case <-time.After(20 * time.Millisecond):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}

package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"sync"
	"time"

	"quorate/cluster"
	"quorate/wire"
)

// eventsMax bounds what waits for the loop; readers of links wait behind it.
const eventsMax = 256

// Options are the soft numbers of a Client; the zero value is good.
type Options struct {
	Window   int           // see SessionConfig
	RetryMin time.Duration // see SessionConfig
	RetryMax time.Duration // see SessionConfig

	// FirstSeq is the seq of the first request. 0: Dial asks the replicas where
	// the client's window stands and starts clear of everything that an earlier
	// process may have sent. Set it only where seqs are kept on disk.
	FirstSeq uint64

	// Verifier is shared by the clients of one process. Nil: one of its own.
	Verifier *Verifier

	// Plaintext is for a cluster on loopback that runs without TLS.
	Plaintext bool
}

// Client is one client id with its links to all replicas.
type Client struct {
	genesis *cluster.Genesis
	keys    Keys
	opts    Options
	verify  *Verifier

	start  time.Time
	events chan event
	slots  chan struct{} // a token per request that may be outstanding
	links  []*replicaLink
	stop   context.CancelFunc
	done   chan struct{} // closed when the loop begins to end
	gate   sync.RWMutex  // held for reading while posting; guards ended
	ended  bool          // the loop takes no more events
	tasks  sync.WaitGroup
	loop   *loop
}

// Format keeps the key out of logs and panics, whatever the verb.
func (c *Client) Format(s fmt.State, _ rune) {
	_, _ = io.WriteString(s, fmt.Sprintf("client %d", c.keys.ID))
}

// Dial validates its arguments, connects to all replicas in the background,
// waits for the first of them and, unless FirstSeq is set, for the resumption of
// the session. It returns ErrLink with the last reasons when ctx ends before,
// and *RefusedError when f+1 replicas refuse this client for good. That they do
// not know it is not for good: they may be behind its registration. So a client
// that nobody registered waits until ctx ends, and finds a *RefusedError among
// the reasons.
func Dial(ctx context.Context, g *cluster.Genesis, keys Keys, opts Options) (*Client, error) {
	if err := keys.check(); err != nil {
		return nil, err
	}
	verify := opts.Verifier
	if verify == nil {
		v, err := NewVerifier(g)
		if err != nil {
			return nil, err
		}
		verify = v
	}
	session, err := NewSession(SessionConfig{
		Client: keys.ID, Cluster: g.Hash(), Quorums: g.Quorums(),
		Sign: keys.sign, Check: verify.Check,
		FirstSeq: max(opts.FirstSeq, 1), Window: opts.Window,
		RetryMin: opts.RetryMin, RetryMax: opts.RetryMax, Seed: rand.Uint64(),
	})
	if err != nil {
		return nil, err
	}
	c := &Client{
		genesis: g, keys: keys, opts: opts, verify: verify,
		start:  time.Now(),
		events: make(chan event, eventsMax),
		slots:  make(chan struct{}, session.cfg.Window),
		done:   make(chan struct{}),
	}
	background, stop := context.WithCancel(context.Background())
	c.stop = stop
	c.loop = newLoop(c, session)
	for i := range g.Members {
		l := &replicaLink{client: c, replica: g.Members[i].ID, queue: make(chan frame, queueMax)}
		c.links = append(c.links, l)
	}
	c.tasks.Go(func() { c.loop.run(background) })
	for _, l := range c.links {
		c.tasks.Go(func() { l.run(background) })
	}
	if err := c.begin(ctx); err != nil {
		_ = c.Close()
		return nil, err
	}
	return c, nil
}

// begin waits until the client can be used.
func (c *Client) begin(ctx context.Context) error {
	select {
	case err := <-c.loop.ready:
		if err != nil {
			return err
		}
	case <-ctx.Done():
		return fmt.Errorf("%w: no replica answers: %w", ErrLink, errors.Join(ctx.Err(), c.loop.reasons()))
	}
	if c.opts.FirstSeq != 0 {
		return nil
	}
	return c.resume(ctx)
}

// Close ends all links and goroutines. Requests without an answer end with
// ErrOutcomeUnknown, before Close returns. A second Close does nothing.
func (c *Client) Close() error {
	c.stop()
	c.tasks.Wait()
	return nil
}

// Genesis is what the client was dialed with.
func (c *Client) Genesis() *cluster.Genesis { return c.genesis }

// Verifier checks the certificates of this client's cluster.
func (c *Client) Verifier() *Verifier { return c.verify }

// now is the session's clock.
func (c *Client) now() time.Duration { return time.Since(c.start) }

// post hands an event to the loop and reports whether the loop will take it: an
// event that was posted is never lost, even while the client closes.
func (c *Client) post(e event) bool {
	c.gate.RLock()
	defer c.gate.RUnlock()
	if c.ended {
		return false
	}
	select {
	case c.events <- e:
		return true
	case <-c.done:
		return false
	}
}

// Submit sends a request without waiting for its result; ctx bounds the waiting
// for a place in the window alone. The body must not be written until done is
// called. done is called exactly once, on the client's loop: it must not block
// and not call this client. Submit returns ErrNotSent, wrapped, if nothing was
// sent and done will not be called.
func (c *Client) Submit(ctx context.Context, op wire.Op, body []byte, done func(Result)) error {
	return c.submit(ctx, event{kind: eventSubmit, ctx: ctx, op: op, body: body, done: done})
}

func (c *Client) submit(ctx context.Context, e event) error {
	if len(e.body) > wire.BodyBytesMax {
		return fmt.Errorf("%w: %w: %d bytes are over %d", ErrNotSent, ErrBody, len(e.body), wire.BodyBytesMax)
	}
	select {
	case c.slots <- struct{}{}:
	case <-ctx.Done():
		return fmt.Errorf("%w: %w", ErrNotSent, context.Cause(ctx))
	case <-c.done:
		return fmt.Errorf("%w: %w", ErrNotSent, ErrClosed)
	}
	if !c.post(e) {
		return fmt.Errorf("%w: %w", ErrNotSent, ErrClosed)
	}
	return nil
}

// Do sends a request and waits for its result, whose Err it returns too. When
// ctx ends first the error is an *UnknownError, which is ErrOutcomeUnknown: the
// session goes on asking, and Outcome waits for the same request again. The
// body belongs to the client from now on.
func (c *Client) Do(ctx context.Context, op wire.Op, body []byte) (Result, error) {
	answer := make(chan Result, 1)
	seq := make(chan uint64, 1)
	err := c.submit(ctx, event{kind: eventSubmit, ctx: ctx, op: op, body: body, seq: seq, done: func(r Result) { answer <- r }})
	if err != nil {
		return Result{}, err
	}
	select {
	case r := <-answer:
		return r, r.Err
	case <-ctx.Done():
	}
	// A request that still waits for its seq is taken back, one that has a seq
	// is left to the session.
	c.post(event{kind: eventPrune})
	select {
	case r := <-answer:
		return r, r.Err
	case number := <-seq:
		return c.abandon(ctx, number, answer)
	}
}

// abandon tells the loop that the caller of seq leaves. Behind that the result
// either is in answer already or will be kept for Outcome.
func (c *Client) abandon(ctx context.Context, seq uint64, answer chan Result) (Result, error) {
	left := make(chan struct{})
	if c.post(event{kind: eventAbandon, number: seq, call: func(*Session) { close(left) }}) {
		select {
		case <-left:
		case <-c.done:
		}
	}
	select {
	case r := <-answer:
		return r, r.Err
	default:
		return Result{}, &UnknownError{Seq: seq, Cause: context.Cause(ctx)}
	}
}

// Outcome waits for the result of a request whose call ended with an
// *UnknownError. It knows the requests of this Client only; of the answered ones
// it keeps the last WindowMax. For others it returns ErrOutcomeUnknown: look the
// events up by their ids instead.
func (c *Client) Outcome(ctx context.Context, seq uint64) (Result, error) {
	answer := make(chan Result, 1)
	if !c.post(event{kind: eventOutcome, number: seq, done: func(r Result) { answer <- r }}) {
		return Result{}, &UnknownError{Seq: seq, Cause: ErrClosed}
	}
	select {
	case r := <-answer:
		return r, r.Err
	case <-c.done:
		return Result{}, &UnknownError{Seq: seq, Cause: ErrClosed}
	case <-ctx.Done():
		return c.abandon(ctx, seq, answer)
	}
}

// Stats gives the session's counters.
func (c *Client) Stats() Stats {
	answer := make(chan Stats, 1)
	if c.post(event{kind: eventCall, call: func(s *Session) { answer <- s.Stats() }}) {
		select {
		case s := <-answer:
			return s
		case <-c.done:
		}
	}
	return Stats{}
}

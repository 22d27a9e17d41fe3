package teller

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"quorate/client"
	"quorate/cluster"
	"quorate/payments"
	"quorate/wire"
)

// Options describe the load.
type Options struct {
	Payers    int // clients, each with one of the keys; 0: all
	Batch     int // payments per request; 0: 20
	PerSecond int // requests per second of all payers together; 0: 40
	Window    int // requests that one payer leaves unanswered; 0: 16
	Accounts  int // to pay between; 0: 500
	Ledger    uint32
	Seed      uint64
	Plaintext bool
}

// defaults fills in what is 0.
func (o *Options) defaults(keys int) {
	for _, d := range []struct {
		field *int
		value int
	}{{&o.Payers, keys}, {&o.Batch, 20}, {&o.PerSecond, 40}, {&o.Window, 16}, {&o.Accounts, 500}} {
		if *d.field == 0 {
			*d.field = d.value
		}
	}
}

// fate is what is known of one request.
type fate uint8

const (
	fateSent    fate = iota // on its way
	fateUnsent              // it never left
	fateAcked               // answered, with proof
	fateUnknown             // its client was closed before the answer
	fateFound               // the same, and found executed
	fateAbsent              // the same, and found not executed, which is final
)

// request is one request of the run; its payments have the numbers from
// number·Batch on.
type request struct {
	fate      fate
	sent, end time.Time
}

// Teller is one load on one cluster.
type Teller struct {
	options  Options
	genesis  *cluster.Genesis
	keys     []client.Keys
	verifier *client.Verifier
	run      uint64 // high half of all ids

	ctx    context.Context // ends with Close
	stop   context.CancelFunc
	payers sync.WaitGroup
	swap   sync.RWMutex // held for writing while a client is exchanged
	conns  []*client.Client

	mu       sync.Mutex
	changed  chan struct{} // closed and replaced at each change below
	open     bool          // payers may send
	requests []request     // by number
	pending  int           // requests with fateSent
	faults   []string      // answers that must not be

	before payments.LedgerTotals
	last   tallied // what the last audit saw; belongs to the experiment's goroutine
}

// tallied is what an audit saw of the requests below one number.
type tallied struct {
	requests     int
	acked, found uint64 // requests
	money        payments.U128
}

// Open connects, makes the accounts and starts the payers, with the gate closed.
// ctx bounds the opening alone.
func Open(ctx context.Context, g *cluster.Genesis, keys []client.Keys, o Options) (*Teller, error) {
	o.defaults(len(keys))
	if o.Payers > len(keys) || o.Batch > wire.EventsMax || o.Accounts < 2 || o.Accounts > wire.EventsMax {
		return nil, fmt.Errorf("teller: %d payers with %d keys, %d payments per request, %d accounts", o.Payers, len(keys), o.Batch, o.Accounts)
	}
	verifier, err := client.NewVerifier(g)
	if err != nil {
		return nil, err
	}
	t := &Teller{options: o, genesis: g, keys: keys[:o.Payers], verifier: verifier, changed: make(chan struct{}),
		run: rand.Uint64()>>1 | 1<<62} // apart from small ids made by hand
	t.ctx, t.stop = context.WithCancel(context.Background())
	for i := range t.keys {
		c, err := t.dial(ctx, i)
		if err != nil {
			t.Close()
			return nil, fmt.Errorf("teller: client %d: %w", t.keys[i].ID, err)
		}
		t.conns = append(t.conns, c)
	}
	if err := t.prepare(ctx); err != nil {
		t.Close()
		return nil, err
	}
	for i := range t.conns {
		t.payers.Go(func() { t.pay(i) })
	}
	return t, nil
}

func (t *Teller) dial(ctx context.Context, i int) (*client.Client, error) {
	return client.Dial(ctx, t.genesis, t.keys[i], client.Options{Window: t.options.Window, Verifier: t.verifier, Plaintext: t.options.Plaintext})
}

// prepare makes the accounts and notes where the ledger stands.
func (t *Teller) prepare(ctx context.Context) error {
	accounts := make([]payments.Account, t.options.Accounts)
	for i := range accounts {
		accounts[i] = payments.Account{ID: payments.U64(uint64(i) + 1), Ledger: t.options.Ledger, Code: 1}
	}
	codes, err := t.conns[0].CreateAccounts(ctx, accounts)
	if err != nil {
		return fmt.Errorf("teller: create accounts: %w", err)
	}
	for i, code := range codes {
		if code != payments.AccountOK && code != payments.AccountExists {
			return fmt.Errorf("teller: create account %s: %s", accounts[i].ID, code)
		}
	}
	t.before, err = t.totals(ctx)
	return err
}

// Close ends the load and all clients. Requests without an answer stay unknown.
func (t *Teller) Close() {
	t.stop()
	for _, c := range t.conns {
		_ = c.Close()
	}
	t.payers.Wait()
}

// change wakes all who wait; call it with mu held.
func (t *Teller) change() {
	close(t.changed)
	t.changed = make(chan struct{})
}

// wait waits until cond, which is called with mu held, or until ctx ends.
func (t *Teller) wait(ctx context.Context, cond func() bool) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	for !cond() {
		changed := t.changed
		t.mu.Unlock()
		select {
		case <-changed:
		case <-ctx.Done():
			t.mu.Lock()
			return context.Cause(ctx)
		}
		t.mu.Lock()
	}
	return nil
}

// Resume opens the gate: the payers pay until Settle.
func (t *Teller) Resume() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.open = true
	t.change()
}

// pay sends requests at the payer's part of the rate while the gate is open. A
// full window holds it up: after an outage it goes on at its rate and makes up
// for nothing.
func (t *Teller) pay(i int) {
	pace := time.NewTicker(time.Duration(t.options.Payers) * time.Second / time.Duration(t.options.PerSecond))
	defer pace.Stop()
	for {
		select {
		case <-pace.C:
		case <-t.ctx.Done():
			return
		}
		number, err := t.begin()
		if err != nil {
			return
		}
		t.submit(i, number)
	}
}

// begin waits for the gate and takes a number.
func (t *Teller) begin() (number int, err error) {
	err = t.wait(t.ctx, func() bool {
		if !t.open {
			return false
		}
		number = len(t.requests)
		t.requests = append(t.requests, request{sent: time.Now()})
		t.pending++
		return true
	})
	return number, err
}

// submit sends request number by client i.
func (t *Teller) submit(i, number int) {
	body := make([]byte, 0, t.options.Batch*wire.EventBytes)
	for _, p := range t.payments(number) {
		body = p.Append(body)
	}
	t.swap.RLock()
	c := t.conns[i]
	t.swap.RUnlock()
	// A full window makes this wait, and the gate may close meanwhile: the
	// request then leaves late, and Settle waits for it.
	err := c.Submit(t.ctx, wire.OpCreateTransfers, body, func(r client.Result) { t.answer(number, r) })
	if err != nil {
		t.end(number, fateUnsent, "")
	}
}

// answer takes the end of a request, on its client's loop.
func (t *Teller) answer(number int, r client.Result) {
	switch {
	case r.Err == nil:
		t.end(number, fateAcked, t.judge(number, r.Reply.Result))
	case errors.Is(r.Err, client.ErrNotSent):
		t.end(number, fateUnsent, "")
	case errors.Is(r.Err, client.ErrClosed):
		t.end(number, fateUnknown, "")
	default:
		t.end(number, fateUnknown, fmt.Sprintf("request %d was refused: %v", number, r.Err))
	}
}

// judge wants the code ok for every payment: all are new and valid.
func (t *Teller) judge(number int, result []byte) (fault string) {
	const codeBytes = 4
	if len(result) != t.options.Batch*codeBytes {
		return fmt.Sprintf("request %d: %d bytes of result for %d payments", number, len(result), t.options.Batch)
	}
	for k := range t.options.Batch {
		if code := payments.TransferCode(binary.LittleEndian.Uint32(result[k*codeBytes:])); code != payments.TransferOK {
			return fmt.Sprintf("request %d: payment %d was answered with %s", number, k, code)
		}
	}
	return ""
}

// end notes what became of a request.
func (t *Teller) end(number int, f fate, fault string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.requests[number].fate, t.requests[number].end = f, time.Now()
	t.pending--
	if fault != "" {
		t.faults = append(t.faults, fault)
	}
	t.change()
}

// payments makes the payments of a request from its number alone (T1).
func (t *Teller) payments(number int) []payments.Transfer {
	all := make([]payments.Transfer, t.options.Batch)
	for k := range all {
		id := uint64(number)*uint64(t.options.Batch) + uint64(k)
		random := rand.New(rand.NewPCG(t.options.Seed, id))
		from := random.IntN(t.options.Accounts)
		to := (from + 1 + random.IntN(t.options.Accounts-1)) % t.options.Accounts
		all[k] = payments.Transfer{
			ID:             payments.U128{Hi: t.run, Lo: id},
			DebitAccountID: payments.U64(uint64(from) + 1), CreditAccountID: payments.U64(uint64(to) + 1),
			Amount: payments.U64(1 + random.Uint64N(10_000)), UserData64: random.Uint64(), Ledger: t.options.Ledger, Code: 1,
		}
	}
	return all
}

// Redial closes client i without waiting for its answers, as the death of its
// process would, and opens it again. Then nothing that it left
// without an answer can be executed any more (client C7).
func (t *Teller) Redial(ctx context.Context, i int) error {
	t.swap.Lock()
	defer t.swap.Unlock()
	_ = t.conns[i].Close()
	c, err := t.dial(ctx, i)
	if err != nil {
		return fmt.Errorf("teller: client %d again: %w", t.keys[i].ID, err)
	}
	t.conns[i] = c
	return nil
}

// Payers is the number of clients.
func (t *Teller) Payers() int { return len(t.keys) }

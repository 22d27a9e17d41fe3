package etcd

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"quorate/bench/peers/meter"
	"quorate/bench/peers/transfer"
	"quorate/bench/peers/trial"
)

// LoadConfig is the client of a run.
type LoadConfig struct {
	Endpoints []string // of all members
	Servers   []int    // their processes
	Dir       string   // lies on the disk that they write to
	Conns     int      // gRPC connections, all to the leader
	InFlight  int      // requests at once
	Ops       int      // puts per request: 1 is a plain put
	PerSecond int      // requests per second; 0: as fast as answers come
	Warmup    time.Duration
	Length    time.Duration
}

// accounts of the generated payments: etcd keeps the records and no balances.
const accounts = 10_000

// keyPrefix begins all keys of a run.
const keyPrefix = "payment/"

// key of payment n: their order is that of their numbers.
func key(n uint64) string {
	return string(binary.BigEndian.AppendUint64([]byte(keyPrefix), n))
}

// value of payment n.
func value(n uint64) string {
	t := transfer.Nth(n, accounts)
	return string(t.Append(nil))
}

// ErrCheck says that what was acknowledged is not there.
var ErrCheck = errors.New("etcd: acknowledged puts are not there")

// load is a running client.
type load struct {
	cfg   LoadConfig
	conns []*clientv3.Client
	meter *meter.Meter
	start time.Time
	next  atomic.Uint64
}

// Load drives the members and reads everything back.
func Load(ctx context.Context, cfg LoadConfig) (out trial.Outcome, err error) {
	leader, err := leaderOf(ctx, cfg.Endpoints)
	if err != nil {
		return out, err
	}
	l := &load{cfg: cfg, meter: meter.New(), start: time.Now()}
	for range cfg.Conns {
		c, err := dial(leader)
		if err != nil {
			return out, err
		}
		defer c.Close()
		l.conns = append(l.conns, c)
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	sending, stop := context.WithCancel(ctx)
	var all sync.WaitGroup
	for i := range cfg.InFlight {
		all.Go(func() {
			if err := l.send(ctx, sending, l.conns[i%len(l.conns)]); err != nil {
				cancel(err)
			}
		})
	}
	out.Figures, err = l.meter.Window(ctx, cfg.Warmup, cfg.Length, cfg.Servers, cfg.Dir)
	stop()
	all.Wait()
	if err = errors.Join(err, context.Cause(ctx)); err != nil {
		return out, err
	}
	out.Figures.Acked = l.meter.Acked()
	out.Checked, err = l.check(ctx)
	return out, err
}

// send sends requests one after the other while sending lasts, and waits for the
// answer of each.
func (l *load) send(ctx, sending context.Context, c *clientv3.Client) error {
	ops := make([]clientv3.Op, l.cfg.Ops)
	for sending.Err() == nil {
		first := l.next.Add(uint64(l.cfg.Ops)) - uint64(l.cfg.Ops)
		for i := range ops {
			ops[i] = clientv3.OpPut(key(first+uint64(i)), value(first+uint64(i)))
		}
		// A paced request counts from when it was meant to leave.
		begun := time.Now()
		if due := trial.Due(l.start, first/uint64(l.cfg.Ops), l.cfg.PerSecond); !due.IsZero() {
			time.Sleep(time.Until(due))
			begun = due
		}
		if err := commit(ctx, c, ops); err != nil {
			return fmt.Errorf("etcd: put %d: %w", first, err)
		}
		l.meter.Done(len(ops), time.Since(begun))
	}
	return nil
}

// commit makes one request, again while etcd says that it has too many, which it
// says before it takes one in.
func commit(ctx context.Context, c *clientv3.Client, ops []clientv3.Op) error {
	for {
		var err error
		if len(ops) == 1 {
			_, err = c.Do(ctx, ops[0])
		} else {
			_, err = c.Txn(ctx).Then(ops...).Commit()
		}
		if status.Code(err) != codes.ResourceExhausted {
			return err
		}
		select {
		case <-time.After(time.Millisecond):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

func dial(endpoint string) (*clientv3.Client, error) {
	return clientv3.New(clientv3.Config{Endpoints: []string{endpoint}, DialTimeout: 10 * time.Second})
}

// leaderOf asks the members who leads: a follower would pass every request on.
func leaderOf(ctx context.Context, endpoints []string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	for _, e := range endpoints {
		c, err := dial(e)
		if err != nil {
			return "", err
		}
		s, err := c.Status(ctx, e)
		if err = errors.Join(err, c.Close()); err != nil {
			return "", err
		}
		if s.Leader == s.Header.MemberId {
			return e, nil
		}
	}
	return "", errors.New("etcd: no member leads")
}

// pageKeys is how many keys one read of the check takes: a page is less than
// gRPC's default of 4 MiB.
const pageKeys = 10_000

// check reads back: each member, behind all writes, counts exactly the payments
// that were sent, and the values of all are what was sent (E1).
func (l *load) check(ctx context.Context) (string, error) {
	acked := l.meter.Acked()
	for _, e := range l.cfg.Endpoints {
		c, err := dial(e)
		if err != nil {
			return "", err
		}
		// A linearizable read: the member answers when it has applied what was
		// committed before.
		r, err := c.Get(ctx, keyPrefix, clientv3.WithPrefix(), clientv3.WithCountOnly())
		if err = errors.Join(err, c.Close()); err != nil {
			return "", err
		}
		if uint64(r.Count) != acked {
			return "", fmt.Errorf("%w: %s holds %d of %d", ErrCheck, e, r.Count, acked)
		}
	}
	for n := uint64(0); n < acked; {
		r, err := l.conns[0].Get(ctx, key(n), clientv3.WithRange(clientv3.GetPrefixRangeEnd(keyPrefix)), clientv3.WithLimit(pageKeys))
		if err != nil {
			return "", err
		}
		if len(r.Kvs) == 0 {
			return "", fmt.Errorf("%w: nothing from payment %d on", ErrCheck, n)
		}
		for _, kv := range r.Kvs {
			if string(kv.Key) != key(n) || string(kv.Value) != value(n) {
				return "", fmt.Errorf("%w: payment %d", ErrCheck, n)
			}
			n++
		}
	}
	return fmt.Sprintf("all %d keys counted at each of %d members and read back with their values", acked, len(l.cfg.Endpoints)), nil
}

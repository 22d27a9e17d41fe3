package client

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"time"

	"quorate/wire"
)

const (
	// queueMax bounds the frames that wait for one link: two windows.
	queueMax = 2 * WindowMax
	// backoffMin and backoffMax bound the pause between dials.
	backoffMin = 50 * time.Millisecond
	backoffMax = 2 * time.Second
	// steadyAfter is how long a link must live for the pause to start anew.
	steadyAfter = time.Second
)

// frame is what waits for a link.
type frame struct {
	kind wire.Kind
	body []byte
}

// link keeps one connection to one replica open. run belongs to its goroutine;
// send and drop may be called from the loop.
type replicaLink struct {
	client  *Client
	replica wire.ReplicaID
	queue   chan frame

	mu          sync.Mutex
	conn        *conn // nil while down
	bannedUntil time.Time
}

// send queues a frame, or drops it if the link is stuck: the session sends again
// what was lost.
func (l *replicaLink) send(f frame) bool {
	select {
	case l.queue <- f:
		return true
	default:
		return false
	}
}

// drop closes the link for a while.
func (l *replicaLink) drop() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.bannedUntil = time.Now().Add(banTime)
	if l.conn != nil {
		_ = l.conn.Close()
	}
}

// run dials, reads until the connection ends, and dials again.
func (l *replicaLink) run(ctx context.Context) {
	pause := backoffMin
	for ctx.Err() == nil {
		c, err := connect(ctx, l.client.genesis, l.client.keys, l.replica, l.client.opts.Plaintext)
		if err != nil {
			l.client.post(event{kind: eventRefused, replica: l.replica, err: err})
		} else {
			opened := time.Now()
			l.serve(ctx, c)
			if time.Since(opened) >= steadyAfter {
				pause = backoffMin
			}
		}
		l.sleep(ctx, pause)
		pause = min(2*pause, backoffMax)
	}
}

// sleep waits for the back-off with jitter, or for the end of a ban.
func (l *replicaLink) sleep(ctx context.Context, pause time.Duration) {
	l.mu.Lock()
	pause = max(pause/2+rand.N(pause), time.Until(l.bannedUntil))
	l.mu.Unlock()
	t := time.NewTimer(pause)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

// serve runs one connection from up to down.
func (l *replicaLink) serve(ctx context.Context, c *conn) {
	l.mu.Lock()
	l.conn = c
	l.mu.Unlock()
	ctx, cancel := context.WithCancel(ctx)
	unhook := context.AfterFunc(ctx, func() { _ = c.Close() })
	// What was queued for the last connection is stale: the session repeats
	// everything that it wants here when it hears that the link is up.
	for len(l.queue) > 0 {
		<-l.queue
	}
	l.client.post(event{kind: eventUp, replica: l.replica})

	var writer sync.WaitGroup
	writer.Go(func() {
		l.write(ctx, c)
		cancel()
	})
	for {
		kind, body, err := c.read()
		if err != nil {
			break
		}
		if !l.client.post(event{kind: eventFrame, replica: l.replica, frame: frame{kind, body}}) {
			break
		}
	}
	cancel()
	writer.Wait()
	unhook()
	_ = c.Close()
	l.mu.Lock()
	l.conn = nil
	l.mu.Unlock()
	l.client.post(event{kind: eventDown, replica: l.replica})
}

// write sends queued frames until the connection or ctx ends. It flushes when
// nothing more waits, so that bursts share TLS records.
func (l *replicaLink) write(ctx context.Context, c *conn) {
	for {
		select {
		case f := <-l.queue:
			_ = c.SetWriteDeadline(time.Now().Add(writeTimeout))
			err := c.write(f.kind, f.body)
			if len(l.queue) == 0 {
				err = errors.Join(err, c.w.Flush())
			}
			if err != nil {
				_ = c.Close() // wakes the reader, which reports the link down
				return
			}
		case <-ctx.Done():
			return
		}
	}
}

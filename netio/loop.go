package netio

import (
	"fmt"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/panjf2000/gnet/v2"
	"golang.org/x/sys/unix"
)

const (
	// readBufferBytes is what a loop reads at once.
	readBufferBytes = 128 * kib
	// roundsMax bounds the rounds over marked connections in one turn.
	roundsMax = 2
)

// loop is one gnet event loop, with a bell.
//
// gnet's own way to get work onto a loop, Execute, runs tasks until there are
// none, so senders that never rest would keep it from reading. The bell is one
// end of a socket pair that is enrolled like a connection: a byte on the other
// end gives the loop a turn that is fair with all reading (Invariant N6). It
// also ends with us: a late Execute would write to a descriptor that gnet has
// closed and somebody else has opened.
//
// All but mu and what it guards, due, turns and bell belongs to the loop.
type loop struct {
	gnet.BuiltinEventEngine
	t      *Transport
	cli    *gnet.Client
	number int // from 0

	conns    map[ConnID]*conn
	current  *conn  // the connection whose OnTraffic runs
	plain    []byte // decrypted bytes on their way to a frame reader
	record   []byte // plaintext of one record
	sealed   []byte // what the current connection is about to write
	segments []segment
	arena    arena

	mu     sync.Mutex
	marked []*conn // connections that want a turn
	spare  []*conn
	busy   bool // a turn is running and will look at marked before it ends
	rung   bool // the bell is rung and not yet heard

	due  atomic.Bool // a tick is due
	bell bell
}

// bell is the writing end of a loop's socket pair.
type bell struct {
	mu      sync.RWMutex
	fd      int
	stopped bool
}

func (b *bell) ring() {
	b.mu.RLock()
	defer b.mu.RUnlock()
	if !b.stopped {
		// A full pair is a rung bell: EAGAIN needs no second try.
		_, _ = unix.Write(b.fd, []byte{1})
	}
}

func (b *bell) stop() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.stopped {
		b.stopped = true
		_ = unix.Close(b.fd)
	}
}

// startLoop makes a loop and starts it.
func startLoop(t *Transport, number int) (*loop, error) {
	l := &loop{
		t:      t,
		number: number,
		conns:  make(map[ConnID]*conn),
		plain:  make([]byte, recordBytes),
		record: make([]byte, 0, recordBytes),
		sealed: make([]byte, 0, batchBytesMax+chunkBytes+16*kib),
	}
	cli, err := gnet.NewClient(l, gnet.WithNumEventLoop(1), gnet.WithReadBufferCap(readBufferBytes),
		gnet.WithTCPNoDelay(gnet.TCPDelay), // net has set it; gnet's error path leaks the descriptor
		gnet.WithLogger(gnetLogger{t.cfg.Logger}))
	if err != nil {
		return nil, fmt.Errorf("netio: event loop: %w", err)
	}
	l.cli = cli
	if err := cli.Start(); err != nil {
		return nil, fmt.Errorf("netio: event loop: %w", err)
	}
	if err := l.hangBell(); err != nil {
		_ = cli.Stop()
		return nil, fmt.Errorf("netio: event loop: %w", err)
	}
	return l, nil
}

func (l *loop) hangBell() error {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return os.NewSyscallError("socketpair", err)
	}
	f := os.NewFile(uintptr(fds[0]), "bell")
	nc, err := net.FileConn(f)
	_ = f.Close()
	if err == nil {
		_, err = l.cli.Enroll(nc)
	}
	if err != nil {
		_ = unix.Close(fds[1])
		return err
	}
	l.bell.fd = fds[1]
	return nil
}

// stop ends the loop and waits for it; all its connections are closed.
func (l *loop) stop() {
	l.bell.stop()
	_ = l.cli.Stop()
}

// mark gives a connection a turn. Any goroutine; at most once per connection
// and turn, which the outbox sees to.
func (l *loop) mark(c *conn) {
	l.mu.Lock()
	l.marked = append(l.marked, c)
	ring := !l.busy && !l.rung
	if ring {
		l.rung = true
	}
	l.mu.Unlock()
	if ring {
		l.bell.ring()
	}
}

// OnOpen starts a connection on its loop.
func (l *loop) OnOpen(gc gnet.Conn) ([]byte, gnet.Action) {
	c, ok := gc.Context().(*conn)
	if !ok { // the bell, which comes first
		if l.t.cfg.Place != nil {
			l.t.cfg.Place(l.number)
		}
		return nil, gnet.None
	}
	// gnet would return an address's zone to its byte pool, whose memory is
	// net's own string.
	for _, a := range []net.Addr{gc.LocalAddr(), gc.RemoteAddr()} {
		if tcp, ok := a.(*net.TCPAddr); ok {
			tcp.Zone = ""
		}
	}
	c.gc, c.fd, c.opened = gc, gc.Fd(), true
	l.conns[c.id] = c
	l.current = c
	l.t.connUp(c)
	if c.tls != nil {
		c.read(nil) // the handshake may have read ahead
	}
	l.current = nil
	if c.dying {
		return nil, gnet.Close
	}
	c.poke() // what was pushed before found no way
	return nil, gnet.None
}

// OnTraffic gives a connection, or the bell, its bytes, and then everyone who
// wants one a turn. What that costs is measured here, around what this room does:
// gnet's own reading and waiting is not in it. To have it too the goroutine would
// have to keep its thread while it waits, and would then change threads each time
// that it yields, which gnet does whenever nothing is there to read.
func (l *loop) OnTraffic(gc gnet.Conn) gnet.Action {
	span := l.t.count.loops.Begin()
	defer span.End(1)
	return l.traffic(gc)
}

func (l *loop) traffic(gc gnet.Conn) gnet.Action {
	c, ok := gc.Context().(*conn)
	l.mu.Lock()
	l.busy = true
	if !ok {
		l.rung = false
	}
	l.mu.Unlock()
	in, _ := gc.Next(-1)
	if ok && !c.closed && !c.dying {
		l.current = c
		c.read(in)
	}
	l.turn()
	l.current = nil
	if ok && c.dying {
		return gnet.Close
	}
	return gnet.None
}

// OnClose is the end of a connection, whoever ended it. It may run inside one
// of our own writes.
func (l *loop) OnClose(gc gnet.Conn, _ error) gnet.Action {
	c, ok := gc.Context().(*conn)
	if !ok || c.closed {
		return gnet.None
	}
	c.closed = true
	delete(l.conns, c.id)
	c.out.close()
	c.frames.release()
	l.t.watch.forget(c)
	l.t.connDown(c)
	close(c.gone)
	return gnet.None
}

// turn ticks when it is time and drains who is marked. What is marked while it
// runs waits for the next turn once roundsMax is reached.
func (l *loop) turn() {
	if l.due.Swap(false) {
		l.tick()
	}
	for range roundsMax {
		l.mu.Lock()
		batch := l.marked
		if len(batch) == 0 {
			l.busy = false
			l.mu.Unlock()
			return
		}
		l.marked, l.spare = l.spare[:0], nil
		l.mu.Unlock()
		for i, c := range batch {
			c.drain()
			batch[i] = nil
		}
		l.mu.Lock()
		l.spare = batch[:0]
		l.mu.Unlock()
	}
	l.mu.Lock()
	l.busy = false
	ring := len(l.marked) > 0 && !l.rung
	if ring {
		l.rung = true
	}
	l.mu.Unlock()
	if ring {
		l.bell.ring()
	}
}

func (l *loop) tick() {
	n := &l.t.ticks
	for _, c := range l.conns {
		c.tick(n)
	}
}

// tickCounts are the limits of time as counts of ticks.
type tickCounts struct {
	every             time.Duration
	ping, dead, stall int
	linger            int
}

func newTickCounts(l *Limits) tickCounts {
	every := l.PingInterval / 4
	return tickCounts{
		every:  every,
		ping:   4,
		dead:   int(l.DeadAfter / every),
		stall:  max(1, int(l.StallTimeout/every)),
		linger: max(1, int(lingerTimeout/every)),
	}
}

package netio

import (
	"crypto/tls"
	"io"
	"net/netip"
	"sync/atomic"
	"time"

	"github.com/panjf2000/gnet/v2"
	"golang.org/x/sys/unix"

	"quorate/wire"
)

// batchBytesMax is how much is sealed before it is written: as much as a
// shallow socket takes at once, and all that gnet can ever hold for one
// connection, for nothing more is sealed while it holds something.
const batchBytesMax = 128 * kib

// role says what a connection is for.
type role uint8

const (
	roleOut    role = iota // to a replica, dialed: our frames go out, pongs come in
	roleIn                 // from a replica, accepted: its frames come in, pongs go out
	roleClient             // from a client
)

// String names the other end as log lines do.
func (r role) String() string {
	switch r {
	case roleOut:
		return "replica we dialed"
	case roleIn:
		return "replica that dialed"
	case roleClient:
		return "client"
	}
	return "unknown"
}

// conn is one authenticated connection. All but id, role, peer, client, out and
// gone belongs to its loop.
type conn struct {
	id     ConnID
	role   role
	peer   wire.ReplicaID // roleOut, roleIn
	link   wire.Link      // roleOut, roleIn
	client wire.ClientID  // roleClient
	from   netip.Prefix   // roleIn, roleClient: what its door counts it as
	born   time.Time      // monotonic
	out    outbox
	gone   chan struct{} // closed when the connection is closed for good

	t       *Transport
	loop    *loop
	gc      gnet.Conn
	fd      int
	tls     *tls.Conn // nil: plaintext
	carrier *carrier
	frames  frameReader

	opened, closed, dying bool
	lingering             bool   // all is said; waits for the peer to close
	watched               bool   // known to the watcher
	carried               uint64 // bytes in and out
	ages                  ages
}

// ages count ticks of the loop, not time: when this process is stopped for a
// while, one tick passes, and no peer is called dead for our own sleep.
type ages struct {
	silent  int // since the last byte came in
	ping    int // since the last ping went out
	blocked int // since the socket took all that was sealed
	frame   int // since the frame under way was last seen to go on well
	linger  int // since all was said

	frameCount   uint64 // what frame compares with
	frameCarried uint64
}

// read takes what the loop read from the socket. in is free again when it
// returns.
func (c *conn) read(in []byte) {
	c.ages.silent = 0
	c.carried += uint64(len(in))
	c.t.count.bytesIn.Add(uint64(len(in)))
	if c.lingering {
		return
	}
	if c.tls == nil {
		c.frameResult(c.frames.feed(in))
		return
	}
	c.carrier.in = in
	for !c.dying {
		dst, err := c.frames.direct()
		if err != nil {
			c.frameResult(err)
			break
		}
		straight := dst != nil
		if !straight {
			dst = c.loop.plain
		}
		n, err := c.tls.Read(dst)
		if n > 0 && straight {
			c.frames.advance(n)
		} else if n > 0 {
			c.frameResult(c.frames.feed(dst[:n]))
		}
		if err == errAgain {
			break
		}
		switch {
		case err == io.EOF: // close_notify: an ordinary end, as a FIN is
			c.finish()
		case err != nil:
			c.fail(CauseTLSRecord)
		}
	}
	c.carrier.in = nil
	// The peer may have asked for a key update, or earned an alert.
	c.flush()
}

func (c *conn) frameResult(err error) {
	switch err {
	case nil:
	case errKind:
		c.fail(CauseKind)
	case errGatherCap:
		c.fail(CauseGatherCap)
	default:
		c.fail(CauseFrame)
	}
}

// deliver takes one frame from the reader.
func (c *conn) deliver(kind wire.Kind, body []byte) {
	if c.dying || c.closed {
		return
	}
	c.t.count.framesIn.Add(1)
	switch kind {
	case wire.KindPing:
		c.answer(wire.LaneConsensus, wire.KindPong, nil)
	case wire.KindPong:
	case wire.KindClientPing:
		if len(body) > clientPingBytesMax {
			c.fail(CauseFrame)
			return
		}
		c.answer(wire.LaneReply, wire.KindClientPong, body)
	default:
		if c.role == roleClient {
			c.t.h.ClientFrame(c.id, c.client, kind, body)
		} else {
			c.t.h.PeerFrame(c.peer, kind, body)
		}
	}
}

// clientPingBytesMax bounds what a client may have echoed.
const clientPingBytesMax = 64

func (c *conn) answer(lane wire.Lane, kind wire.Kind, body []byte) {
	// A peer that asks faster than it listens fills its own lane.
	if err := c.push(lane, kind, body); err == ErrQueueFull {
		c.fail(CauseStall)
	}
}

// push queues a frame and wakes the loop when needed. Any goroutine.
func (c *conn) push(lane wire.Lane, kind wire.Kind, body []byte) error {
	full, down, mark := c.out.push(lane, kind, body)
	if mark {
		c.loop.mark(c)
	}
	switch {
	case full:
		return ErrQueueFull
	case down:
		return ErrDown
	}
	return nil
}

// end asks the loop to close the connection, now or when all is sent. Any
// goroutine.
func (c *conn) end(cause Cause, now bool) {
	if c.out.end(cause, now) {
		c.loop.mark(c)
	}
}

// poke asks for a turn of the loop. Any goroutine.
func (c *conn) poke() {
	if c.out.poke() {
		c.loop.mark(c)
	}
}

// drain sends what waits, at most one batch a turn, so that the loop goes on
// reading; what is left asks for another turn.
func (c *conn) drain() {
	kill, cause := c.out.begin()
	if c.closed || c.dying || c.lingering || !c.opened {
		return
	}
	if kill {
		c.fail(cause)
		return
	}
	if c.blocked() {
		return
	}
	l := c.loop
	l.segments = c.out.take(l.segments[:0], batchBytesMax)
	c.seal(l.segments)
	clear(l.segments)
	c.flush()
	if c.closed || c.dying {
		return
	}
	full := c.gc.OutboundBuffered() > 0
	switch more, ending := c.out.state(); {
	case full && (more || ending):
		c.t.watch.arm(c)
	case more:
		c.poke()
	case ending:
		c.linger()
	}
}

// linger ends our half of the connection and waits a little for the peer to end
// its half: to close a socket with unread bytes is a reset, which would take
// back the last words that were sent.
func (c *conn) linger() {
	if c.tls != nil {
		_ = c.tls.CloseWrite()
		c.flush()
	}
	if c.closed {
		return
	}
	c.lingering = true
	_ = unix.Shutdown(c.fd, unix.SHUT_WR)
}

// blocked reports whether the socket has not yet taken the last batch. If so,
// the watcher asks for a turn when it has room again: gnet tells nobody.
func (c *conn) blocked() bool {
	if c.gc.OutboundBuffered() == 0 {
		c.ages.blocked = 0
		return false
	}
	if _ = c.gc.Flush(); c.closed {
		return true
	}
	if c.gc.OutboundBuffered() == 0 {
		c.ages.blocked = 0
		return false
	}
	c.t.watch.arm(c)
	return true
}

// seal turns segments into the bytes of the wire, gathered in the loop's
// buffer. Records are filled: small pieces are gathered first, and whole
// records of a large body are sealed from where they lie.
func (c *conn) seal(segments []segment) {
	l := c.loop
	plain := l.record[:0]
	var head [wire.FrameHeaderBytes]byte
	frames := 0
	for i := range segments {
		s := &segments[i]
		if s.hasHeader {
			frames++
			plain = c.sealPart(plain, s.header.Append(head[:0]))
		}
		plain = c.sealPart(plain, s.part)
	}
	c.sealWrite(plain)
	c.t.count.framesOut.Add(uint64(frames))
}

// recordBytes is the largest plaintext of one TLS record (RFC 8446, 5.1).
const recordBytes = 16 * kib

func (c *conn) sealPart(plain, p []byte) []byte {
	for len(p) > 0 {
		if len(plain) == 0 && len(p) >= recordBytes {
			n := len(p) - len(p)%recordBytes
			c.sealWrite(p[:n])
			p = p[n:]
			continue
		}
		n := min(len(p), recordBytes-len(plain))
		plain, p = append(plain, p[:n]...), p[n:]
		if len(plain) == recordBytes {
			c.sealWrite(plain)
			plain = plain[:0]
		}
	}
	return plain
}

func (c *conn) sealWrite(p []byte) {
	if len(p) == 0 || c.dying {
		return
	}
	if c.tls == nil {
		c.loop.sealed = append(c.loop.sealed, p...)
		return
	}
	if _, err := c.tls.Write(p); err != nil {
		c.fail(CauseTLSRecord)
	}
}

// flush writes what is sealed. It must run before the loop turns to another
// connection. The write may close this one: check closed after it.
func (c *conn) flush() {
	l := c.loop
	n := len(l.sealed)
	if n == 0 {
		return
	}
	if !c.closed {
		// Key updates are answered whether or not the peer reads.
		if c.gc.OutboundBuffered() > 2*batchBytesMax {
			c.fail(CauseStall)
		} else {
			c.carried += uint64(n)
			c.t.count.bytesOut.Add(uint64(n))
			c.t.count.writes.Add(1)
			_, _ = c.gc.Write(l.sealed) // an error has closed it already
		}
	}
	l.sealed = l.sealed[:0]
}

// fail counts the cause and closes the connection. On its loop only.
func (c *conn) fail(cause Cause) {
	if c.dying || c.closed {
		return
	}
	c.t.count.reject(cause)
	c.t.cfg.Logger.Debug("connection closed", "cause", cause.String(), "role", c.role.String(),
		"peer", c.peer, "client", uint64(c.client))
	c.finish()
}

// finish closes the connection, at once or, inside its own OnTraffic, when that
// returns. On its loop only.
func (c *conn) finish() {
	if c.dying || c.closed {
		return
	}
	c.dying = true
	if c.loop.current != c {
		_ = c.gc.EventLoop().Close(c.gc)
	}
}

// tick looks at the ages. On its loop only; n are the tick counts of the limits.
func (c *conn) tick(n *tickCounts) {
	a := &c.ages
	a.silent, a.ping, a.blocked = a.silent+1, a.ping+1, a.blocked+1
	if c.gc.OutboundBuffered() == 0 {
		a.blocked = 0
	}
	worn := uint64(c.t.cfg.Limits.LinkBytesMax)
	if c.role != roleOut {
		worn += worn / 8 // the dialer, who can dial again, goes first
	}
	if c.carried > worn {
		c.fail(CauseLinkWorn)
		return
	}
	if c.lingering {
		if a.linger++; a.linger > n.linger {
			c.finish()
		}
		return
	}
	if c.role != roleClient {
		if a.silent > n.dead {
			c.fail(CauseDead)
		} else if c.role == roleOut && a.ping >= n.ping {
			a.ping = 0
			_ = c.push(wire.LaneConsensus, wire.KindPing, nil)
		}
		return
	}
	if a.blocked > n.stall || c.frameStalls(n.stall) {
		c.fail(CauseStall)
	}
}

// frameBytesMin is what a client must send of an unfinished frame within a
// StallTimeout: 1.6 kB/s at the defaults. Slower is a slow-loris.
const frameBytesMin = 16 * kib

// frameStalls reports whether one frame has been under way for stall ticks with
// too little coming in.
func (c *conn) frameStalls(stall int) bool {
	a := &c.ages
	if !c.frames.midFrame() || c.frames.count != a.frameCount {
		a.frame, a.frameCount, a.frameCarried = 0, c.frames.count, c.carried
		return false
	}
	if a.frame++; a.frame <= stall {
		return false
	}
	slow := c.carried-a.frameCarried < frameBytesMin
	a.frame, a.frameCarried = 0, c.carried
	return slow
}

var lastConnID atomic.Uint64

package netio

import (
	"crypto/tls"
	"math/rand/v2"
	"net"
	"sync/atomic"
	"time"

	"quorate/wire"
)

const links = 2

// peer is what this replica knows of another: its two outgoing links.
type peer struct {
	id        wire.ReplicaID
	addr      string
	config    *tls.Config // pins this member's key; nil: plaintext
	out       [links]atomic.Pointer[conn]
	up        int // links that are up; belongs to the peer's loop
	connected atomic.Bool
}

// dial keeps one outgoing link to a replica up until Close.
func (t *Transport) dial(p *peer, link wire.Link) {
	defer t.wg.Done()
	l := &t.cfg.Limits
	backoff, quiet := l.BackoffMin, false
	for !t.closing() {
		c, err := t.connect(p, link)
		if err != nil {
			if t.closing() {
				return
			}
			cause := causeOf(err, CauseDial)
			t.count.reject(cause)
			if !quiet { // once per outage
				t.cfg.Logger.Info("cannot reach replica", "peer", p.id, "link", link.String(), "cause", cause.String(), "error", err)
				quiet = true
			}
		} else {
			quiet = false
			select {
			case <-c.gone:
			case <-t.done:
				return
			}
			if time.Since(c.born) > l.BackoffMax {
				backoff = l.BackoffMin
			}
		}
		// Half of it is chance, so that a cluster that lost a member does not
		// come back in step.
		t.sleep(backoff/2 + rand.N(backoff/2+1))
		backoff = min(2*backoff, l.BackoffMax)
	}
}

// connect opens a link and gives it to its loop.
func (t *Transport) connect(p *peer, link wire.Link) (*conn, error) {
	dialer := net.Dialer{Timeout: t.cfg.Limits.DialTimeout, KeepAlive: -1} // pings are ours
	nc, err := dialer.DialContext(t.ctx, "tcp", p.addr)
	if err != nil {
		return nil, err
	}
	y := newYoung(nc.(*net.TCPConn), nil, t.cfg.Limits.AuthTimeout)
	c, err := t.raise(y, func(y *young) (*conn, error) { return t.introduce(y, p, link) })
	if err != nil {
		return nil, err
	}
	if !t.adopt(c, y) {
		return nil, refuse(CauseDial, "the link ended before it was open")
	}
	return c, nil
}

// introduce authenticates us to a replica, and it to us.
func (t *Transport) introduce(y *young, p *peer, link wire.Link) (*conn, error) {
	if err := y.shake(tls.Client, p.config); err != nil {
		return nil, err
	}
	own := wire.Hello{Version: wire.HelloVersion, Replica: t.cfg.Self, Link: link, Genesis: t.cfg.GenesisHash}
	if err := y.write(wire.KindHello, wire.LaneConsensus, own.Append(nil)); err != nil {
		return nil, err
	}
	// The answer says that our certificate was accepted: in TLS 1.3 the dialer's
	// handshake ends before the acceptor has looked at it.
	body, err := y.read(wire.KindHello)
	if err != nil {
		return nil, err
	}
	m, err := wire.DecodeHello(body)
	if err != nil {
		return nil, refuse(CauseHello, "%w", err)
	}
	if err := t.checkHello(y, &m); err != nil {
		return nil, err
	}
	if m.Replica != p.id || m.Link != link {
		return nil, refuse(CauseIdentity, "dialed replica %d, found %d", p.id, m.Replica)
	}
	c := t.newConn(roleOut, y)
	c.peer, c.link = p.id, link
	c.loop = t.peerLoop(p.id)
	c.out.chunks = true
	c.out.limits = [lanes]int{t.cfg.Limits.ConsensusQueueBytes, t.cfg.Limits.ReplyQueueBytes, t.cfg.Limits.BulkQueueBytes}
	c.frames.bodyMax, c.frames.allowed = 0, func(k wire.Kind) bool { return k == wire.KindPong }
	tune(y.tc, t.cfg.Limits.DeadAfter, t.cfg.Limits.SocketSendBytes)
	return c, nil
}

package netio

import (
	"context"
	"crypto/ed25519"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"time"

	"quorate/wire"
)

// Back-off of an acceptor that cannot accept, for want of descriptors most
// often: gnet's own listener would end the engine there.
const (
	acceptBackoffMin = 5 * time.Millisecond
	acceptBackoffMax = time.Second
)

func listen(addr string) (*net.TCPListener, error) {
	lc := net.ListenConfig{KeepAliveConfig: keepAlive()}
	ln, err := lc.Listen(context.Background(), "tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("netio: listen on %s: %w", addr, err)
	}
	return ln.(*net.TCPListener), nil
}

// welcome authenticates a young connection. It returns the connection, not yet
// on a loop.
type welcome func(*young) (*conn, error)

// accept takes connections at one port until the listener is closed.
func (t *Transport) accept(ln *net.TCPListener, d *door, w welcome) {
	defer t.wg.Done()
	backoff := acceptBackoffMin
	for {
		tc, err := ln.AcceptTCP()
		switch {
		case errors.Is(err, net.ErrClosed):
			return
		case err != nil:
			t.count.reject(CauseAccept)
			t.sleep(backoff)
			backoff = min(2*backoff, acceptBackoffMax)
			continue
		}
		backoff = acceptBackoffMin
		from := addressOf(tc.RemoteAddr())
		if !d.admit(from, time.Now()) {
			t.count.reject(CauseConnCap)
			_ = tc.SetLinger(0) // a reset: no state is kept for whom we refuse
			_ = tc.Close()
			continue
		}
		t.wg.Add(1)
		go func() {
			defer t.wg.Done()
			y := newYoung(tc, d, t.cfg.Limits.AuthTimeout)
			c, err := t.raise(y, w)
			if err != nil {
				d.left(from, true)
				cause := causeOf(err, CauseHello)
				t.count.reject(cause)
				t.cfg.Logger.Debug("connection refused", "cause", cause.String(), "error", err)
				return
			}
			c.from = from
			d.grown(from)
			t.adopt(c, y)
		}()
	}
}

// raise runs w on a young connection that Close can end at any time. On error
// the socket is closed.
func (t *Transport) raise(y *young, w welcome) (*conn, error) {
	if !t.nursery.add(y.tc) {
		_ = y.tc.Close()
		return nil, refuse(CauseAccept, "closing")
	}
	defer t.nursery.remove(y.tc)
	c, err := w(y)
	if err != nil {
		_ = y.tc.Close()
		return nil, err
	}
	return c, nil
}

// welcomePeer authenticates a replica that dialed us.
func (t *Transport) welcomePeer(y *young) (*conn, error) {
	if err := y.shake(tls.Server, t.peerServerTLS); err != nil {
		return nil, err
	}
	body, err := y.read(wire.KindHello)
	if err != nil {
		return nil, err
	}
	m, err := wire.DecodeHello(body)
	if err != nil {
		return nil, refuse(CauseHello, "%w", err)
	}
	// Ours goes out whatever theirs says: the dialer then knows what differs.
	own := wire.Hello{Version: wire.HelloVersion, Replica: t.cfg.Self, Link: m.Link, Genesis: t.cfg.GenesisHash}
	if err := t.checkHello(y, &m); err != nil {
		_ = y.write(wire.KindHello, wire.LaneConsensus, own.Append(nil))
		y.lastWords()
		return nil, err
	}
	c := t.newConn(roleIn, y)
	c.peer, c.link = m.Replica, m.Link
	c.loop = t.peerLoop(m.Replica)
	c.out.limits = [lanes]int{pongQueueBytes, pongQueueBytes, pongQueueBytes}
	c.frames.bodyMax, c.frames.objMax, c.frames.allowed = chunkBytes, wire.FrameBytesMax, peerMaySend
	if !t.takeOver(c) {
		return nil, refuse(CauseTakeover, "replica %d has a link %d younger than %v", m.Replica, m.Link, t.cfg.Limits.TakeoverAfter)
	}
	if err := y.write(wire.KindHello, wire.LaneConsensus, own.Append(nil)); err != nil {
		t.leaveInbound(c)
		return nil, err
	}
	tune(y.tc, t.cfg.Limits.DeadAfter, 0)
	return c, nil
}

// pongQueueBytes bounds the pongs that wait for a replica: a second's worth is
// one.
const pongQueueBytes = 4 * kib

// checkHello compares a hello with what the handshake has proven.
func (t *Transport) checkHello(y *young, m *wire.Hello) error {
	switch {
	case m.Version != wire.HelloVersion:
		return refuse(CauseHello, "link protocol version %d, want %d", m.Version, wire.HelloVersion)
	case m.Genesis != t.cfg.GenesisHash:
		return refuse(CauseGenesis, "replica %d is of cluster %v, ours is %v", m.Replica, m.Genesis, t.cfg.GenesisHash)
	case int(m.Replica) >= len(t.cfg.Members) || m.Replica == t.cfg.Self:
		return refuse(CauseIdentity, "replica %d", m.Replica)
	case y.tls == nil:
		return nil // plaintext: its word is all there is
	}
	cs := y.tls.ConnectionState()
	id, err := peerOf(&cs, t.cfg.Members)
	if err != nil {
		return err
	}
	if id != m.Replica {
		return refuse(CauseIdentity, "replica %d says that it is %d", id, m.Replica)
	}
	return nil
}

func peerMaySend(k wire.Kind) bool {
	// Kinds in this range that this build does not know are the handler's to
	// refuse: it has the decoders.
	return k == wire.KindPing || (k >= wire.KindPrePrepare && k.BetweenReplicas())
}

// takeOver makes c the inbound link of its replica: the newest authenticated
// one wins, unless the last is very young, so that two processes with one key
// cannot make each other flap faster than TakeoverAfter.
func (t *Transport) takeOver(c *conn) bool {
	t.inMu.Lock()
	defer t.inMu.Unlock()
	slot := &t.inbound[c.peer][c.link]
	if old := *slot; old != nil {
		if c.born.Sub(old.born) < t.cfg.Limits.TakeoverAfter {
			return false
		}
		old.end(CauseTakeover, true)
	}
	*slot = c
	return true
}

func (t *Transport) leaveInbound(c *conn) {
	t.inMu.Lock()
	defer t.inMu.Unlock()
	if slot := &t.inbound[c.peer][c.link]; *slot == c {
		*slot = nil
	}
}

// welcomeClient authenticates a client.
func (t *Transport) welcomeClient(y *young) (*conn, error) {
	if err := y.shake(tls.Server, t.clientServerTLS); err != nil {
		return nil, err
	}
	body, err := y.read(wire.KindClientHello)
	if err != nil {
		return nil, err
	}
	client, code, err := t.checkClientHello(y, body)
	if err == nil && !t.countClient(client) {
		code, err = wire.RejectOverload, refuse(CauseClientCap, "client %d has too many connections", client)
	}
	if err != nil {
		m := wire.Reject{Code: code}
		if y.write(wire.KindReject, wire.LaneReply, m.Append(nil)) == nil {
			y.lastWords()
		}
		return nil, err
	}
	hello := wire.ServerHello{
		Version: wire.HelloVersion, Replica: t.cfg.Self, Genesis: t.cfg.GenesisHash,
		FrameBytesMax: uint32(t.cfg.Limits.ClientFrameBytesMax),
	}
	if err := y.write(wire.KindServerHello, wire.LaneReply, hello.Append(nil)); err != nil {
		t.uncountClient(client)
		return nil, err
	}
	c := t.newConn(roleClient, y)
	c.client = client
	c.loop = t.clientLoop(c.id)
	c.out.limits = [lanes]int{t.cfg.Limits.ClientQueueBytes, t.cfg.Limits.ClientQueueBytes, t.cfg.Limits.ClientQueueBytes}
	c.frames.bodyMax, c.frames.allowed, c.frames.budget = t.cfg.Limits.ClientFrameBytesMax, clientMaySend, t.gather
	tune(y.tc, t.cfg.Limits.StallTimeout, 0)
	return c, nil
}

func clientMaySend(k wire.Kind) bool {
	return k == wire.KindRequest || k == wire.KindStatusRequest || k == wire.KindClientPing
}

// checkClientHello verifies a client hello against this very connection.
func (t *Transport) checkClientHello(y *young, body []byte) (wire.ClientID, wire.RejectCode, error) {
	m, err := wire.DecodeClientHello(body)
	if err != nil {
		return 0, wire.RejectMalformed, refuse(CauseHello, "%w", err)
	}
	if m.Version != wire.HelloVersion {
		return 0, wire.RejectMalformed, refuse(CauseHello, "link protocol version %d, want %d", m.Version, wire.HelloVersion)
	}
	key, ok := t.cfg.ClientKey(m.Client)
	if !ok || len(key) != ed25519.PublicKeySize {
		return 0, wire.RejectUnknownClient, refuse(CauseUnknownClient, "client %d", m.Client)
	}
	var exporter [wire.ExporterBytes]byte
	if y.tls != nil {
		cs := y.tls.ConnectionState()
		secret, err := cs.ExportKeyingMaterial(wire.ExporterLabel, nil, wire.ExporterBytes)
		if err != nil {
			return 0, wire.RejectMalformed, refuse(CauseHandshake, "exporter: %w", err)
		}
		copy(exporter[:], secret)
	}
	if err := y.carrier.enter(); err != nil {
		return 0, wire.RejectOverload, err
	}
	defer y.carrier.leave()
	if !ed25519.Verify(key, wire.ClientHelloSigningBytes(t.cfg.GenesisHash, exporter, m.Client), m.Signature[:]) {
		return 0, wire.RejectSignature, refuse(CauseSignature, "client %d", m.Client)
	}
	return m.Client, 0, nil
}

package netio

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"quorate/wire"
)

// ConnID names one client connection for the life of the process. 0 is never
// one.
type ConnID uint64

// Handler takes what arrives. Its methods are called on event loops and must
// not block; see the package's head for which calls may be concurrent. They may
// call any method of the Transport but Close.
type Handler interface {
	// PeerFrame gives a frame of a replica; body is the handler's from now on.
	// It may be called before PeerUp: links of the two directions are apart.
	PeerFrame(from wire.ReplicaID, kind wire.Kind, body []byte)
	// PeerUp says that both links to the replica are authenticated: whatever is
	// sent from now on has a way. What was sent before may be lost.
	PeerUp(wire.ReplicaID)
	// PeerDown follows a PeerUp when either link is lost.
	PeerDown(wire.ReplicaID)
	// ClientFrame gives a frame of an authenticated client; body is the
	// handler's from now on.
	ClientFrame(conn ConnID, client wire.ClientID, kind wire.Kind, body []byte)
	// ClientDown is the last word about a client connection, whether or not it
	// gave a frame.
	ClientDown(conn ConnID)
}

// Errors of Send and Reply, and of Err. None of them wraps another.
var (
	ErrDown      = errors.New("netio: no link")
	ErrQueueFull = errors.New("netio: queue full")
	ErrTooLarge  = errors.New("netio: frame too large")
	ErrLane      = errors.New("netio: no such lane or replica")
	ErrLoopDied  = errors.New("netio: an event loop died")
)

// Transport is one replica's place on the network.
type Transport struct {
	cfg   Config // immutable
	h     Handler
	count counters
	ticks tickCounts

	cert                           tls.Certificate
	peerServerTLS, clientServerTLS *tls.Config // nil: plaintext

	loops             []*loop
	watch             *watcher
	peerLn, clientLn  *net.TCPListener // clientLn nil: no clients
	peerDoor, cliDoor *door
	nursery           nursery
	gather            *gatherBudget
	peers             []*peer // by id; nil at Self

	inMu    sync.Mutex
	inbound [][links]*conn // by replica: the links that it dialed

	clientMu  sync.RWMutex
	clients   map[ConnID]*conn
	perClient map[wire.ClientID]int // authenticated connections, being opened ones included

	ctx    context.Context // for dials
	cancel context.CancelFunc
	done   chan struct{}
	once   sync.Once
	ended  chan struct{} // all is over
	wg     sync.WaitGroup
	fatal  chan error
}

// Listen opens the ports and starts to dial the other members.
func Listen(cfg Config, h Handler) (*Transport, error) {
	if err := cfg.prepare(); err != nil {
		return nil, err
	}
	n, l := len(cfg.Members), &cfg.Limits
	t := &Transport{
		cfg: cfg, h: h, ticks: newTickCounts(l),
		peerDoor:  newDoor(l.YoungPeersMax+links*n, l.YoungPeersMax+links*n, l.YoungPeersMax, l.KnocksPerSec, l.PeerHandshakes),
		cliDoor:   newDoor(l.ClientsMax+l.YoungClientsMax, l.ClientsPerIP, l.YoungClientsMax, l.KnocksPerSec, l.ClientHandshakes),
		inbound:   make([][links]*conn, n),
		clients:   make(map[ConnID]*conn),
		perClient: make(map[wire.ClientID]int),
		done:      make(chan struct{}),
		ended:     make(chan struct{}),
		fatal:     make(chan error, 1),
	}
	t.gather = &gatherBudget{max: l.ClientGatherBytes, used: &t.count.gathered}
	t.ctx, t.cancel = context.WithCancel(context.Background())
	if err := t.prepareTLS(); err != nil {
		return nil, err
	}
	if err := t.open(); err != nil {
		t.shutDown()
		return nil, err
	}
	t.start()
	return t, nil
}

// prepareTLS makes the certificate and the configurations of both ports and of
// every member.
func (t *Transport) prepareTLS() error {
	cert, err := IdentityCertificate(t.cfg.Identity, t.cfg.Self, time.Now())
	if err != nil {
		return err
	}
	t.cert = cert
	if t.cfg.Plaintext {
		t.cfg.Logger.Warn("PLAINTEXT: no link is encrypted, and anyone on this host can read and forge everything")
	} else {
		t.peerServerTLS, t.clientServerTLS = ServerTLS(cert, t.cfg.Members), ServerTLS(cert, nil)
	}
	t.peers = make([]*peer, len(t.cfg.Members))
	for i := range t.cfg.Members {
		m := &t.cfg.Members[i]
		if m.ID == t.cfg.Self {
			continue
		}
		p := &peer{id: m.ID, addr: m.PeerAddr}
		if !t.cfg.Plaintext {
			p.config = ClientTLS(cert, m.Identity)
		}
		t.peers[i] = p
	}
	return nil
}

// open takes what the kernel must give: loops, watcher, ports.
func (t *Transport) open() (err error) {
	if t.watch, err = newWatcher(); err != nil {
		return err
	}
	for i := range t.cfg.Loops {
		l, err := startLoop(t, i)
		if err != nil {
			return err
		}
		t.loops = append(t.loops, l)
	}
	if t.peerLn, err = listen(t.cfg.PeerAddr); err != nil {
		return err
	}
	if t.cfg.ClientAddr != "" {
		if t.clientLn, err = listen(t.cfg.ClientAddr); err != nil {
			return err
		}
	}
	return nil
}

// start starts the goroutines.
func (t *Transport) start() {
	t.wg.Add(2)
	go t.tick()
	go t.accept(t.peerLn, t.peerDoor, t.welcomePeer)
	if t.clientLn != nil {
		t.wg.Add(1)
		go t.accept(t.clientLn, t.cliDoor, t.welcomeClient)
	}
	for _, p := range t.peers {
		if p == nil {
			continue
		}
		t.wg.Add(links)
		go t.dial(p, wire.LinkControl)
		go t.dial(p, wire.LinkBulk)
	}
}

// Send queues a frame for a replica. It never blocks. The body is shared and
// must not be written from now on; the same slice may be sent to many.
//
// The bulk lane, and every body of more than 16 KiB in any lane, takes the bulk
// link; the rest takes the control link. On each link a lower lane goes first,
// and a large body lets what is more urgent pass after every 64 KiB: a
// pre-prepare is sent in the consensus lane, and overtakes what is fetched.
//
// ErrDown says that the link is down. ErrQueueFull says that the lane is full;
// if it is the consensus lane, the replica is stuck, and the link is closed and
// dialed again. ErrTooLarge and ErrLane are mistakes of the caller.
func (t *Transport) Send(to wire.ReplicaID, lane wire.Lane, kind wire.Kind, body []byte) error {
	switch {
	case int(to) >= len(t.peers) || to == t.cfg.Self || lane > wire.LaneBulk:
		return ErrLane
	case len(body) > wire.FrameBytesMax:
		return ErrTooLarge
	}
	link := wire.LinkControl
	if lane == wire.LaneBulk || len(body) > controlBodyBytesMax {
		link = wire.LinkBulk
	}
	c := t.peers[to].out[link].Load()
	if c == nil {
		return ErrDown
	}
	err := c.push(lane, kind, body)
	if err == ErrQueueFull {
		if lane == wire.LaneConsensus {
			c.end(CauseConsensusFull, true)
		} else {
			t.count.reject(CauseBulkFull)
		}
	}
	return err
}

// Reply queues a frame for a client connection; it never blocks, and ownership
// is as in Send. A client whose queue is full is dropped (ErrQueueFull).
func (t *Transport) Reply(conn ConnID, kind wire.Kind, body []byte) error {
	if len(body) > wire.FrameBytesMax {
		return ErrTooLarge
	}
	c := t.client(conn)
	if c == nil {
		return ErrDown
	}
	err := c.push(wire.LaneReply, kind, body)
	if err == ErrQueueFull {
		c.end(CauseReplyFull, true)
	}
	return err
}

// CloseClient sends what is queued and a reject of Seq 0 with this code, and
// then closes the connection. ClientDown follows.
func (t *Transport) CloseClient(conn ConnID, code wire.RejectCode) {
	if c := t.client(conn); c != nil {
		m := wire.Reject{Code: code}
		_ = c.push(wire.LaneReply, wire.KindReject, m.Append(nil))
		c.end(0, false)
	}
}

func (t *Transport) client(id ConnID) *conn {
	t.clientMu.RLock()
	defer t.clientMu.RUnlock()
	return t.clients[id]
}

// Connected reports whether both links to a replica are up.
func (t *Transport) Connected(to wire.ReplicaID) bool {
	return int(to) < len(t.peers) && t.peers[to] != nil && t.peers[to].connected.Load()
}

// PeerAddr is the address on which replicas are accepted.
func (t *Transport) PeerAddr() net.Addr { return t.peerLn.Addr() }

// ClientAddr is the address on which clients are accepted, or nil.
func (t *Transport) ClientAddr() net.Addr {
	if t.clientLn == nil {
		return nil
	}
	return t.clientLn.Addr()
}

// CertExpiry is when this process's certificate ends; a restart renews it.
func (t *Transport) CertExpiry() time.Time { return t.cert.Leaf.NotAfter }

// Err gives one error, ErrLoopDied wrapped, when an event loop no longer turns.
// The replica cannot go on then.
func (t *Transport) Err() <-chan error { return t.fatal }

// Close closes every connection and ends every goroutine. What is queued is
// lost. No handler method is called after it returned nil; it must not be
// called from one. When ctx ends first, its error is returned and closing goes
// on.
func (t *Transport) Close(ctx context.Context) error {
	t.once.Do(func() { go t.shutDown() })
	select {
	case <-t.ended:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("netio: close: %w", ctx.Err())
	}
}

// Format keeps the identity key out of logs and panics, whatever the verb.
func (t *Transport) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, fmt.Sprint(t.cfg)) }

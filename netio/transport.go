package netio

import (
	"context"
	"errors"
	"net"

	"quorate/wire"
)

// ConnID names one client connection for the life of the process. 0 is never
// one.
type ConnID uint64

// Handler takes what arrives. Its methods are called on event loops and must
// not block; see the package's head for which calls may be concurrent.
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
	// ClientDown is the last word about a connection that gave a frame or not.
	ClientDown(conn ConnID)
}

// Errors of Send and Reply. None of them wraps another.
var (
	ErrDown      = errors.New("netio: no link")
	ErrQueueFull = errors.New("netio: queue full")
	ErrTooLarge  = errors.New("netio: frame too large")
	ErrLane      = errors.New("netio: no such lane or replica")
)

// Transport is one replica's place on the network.
type Transport struct {
	cfg Config
	h   Handler
}

// Listen opens both ports and starts to dial the other members.
func Listen(cfg Config, h Handler) (*Transport, error) {
	if err := cfg.prepare(); err != nil {
		return nil, err
	}
	return &Transport{cfg: cfg, h: h}, nil
}

// Send queues a frame for a replica. It never blocks. The body is shared and
// must not be written from now on; the same slice may be sent to many.
func (t *Transport) Send(to wire.ReplicaID, lane wire.Lane, kind wire.Kind, body []byte) error {
	return ErrDown
}

// Reply queues a frame for a client connection; ownership as in Send.
func (t *Transport) Reply(conn ConnID, kind wire.Kind, body []byte) error { return ErrDown }

// CloseClient sends a reject with this code and closes the connection.
func (t *Transport) CloseClient(conn ConnID, code wire.RejectCode) {}

// Connected reports whether both links to a replica are up.
func (t *Transport) Connected(to wire.ReplicaID) bool { return false }

// PeerAddr is the address on which replicas are accepted.
func (t *Transport) PeerAddr() net.Addr { return nil }

// ClientAddr is the address on which clients are accepted, or nil.
func (t *Transport) ClientAddr() net.Addr { return nil }

// Stats counts since Listen.
func (t *Transport) Stats() Stats { return Stats{} }

// Err gives one error when an event loop died; the replica cannot go on.
func (t *Transport) Err() <-chan error { return nil }

// Close ends everything. No handler method is called after it returned nil.
func (t *Transport) Close(ctx context.Context) error { return nil }

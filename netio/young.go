package netio

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"quorate/wire"
)

const (
	// authBytesMax is what a connection may send before it is authenticated: a
	// handshake of both sides is under 4 KiB.
	authBytesMax = 128 * kib
	// helloBytesMax bounds a hello's body.
	helloBytesMax = 256
	// lingerTimeout is how long a refused client is given to read why.
	lingerTimeout = time.Second
)

// refusal is why a young connection was refused. It is a value for counters and
// debug logs; it never reaches a caller of this package.
type refusal struct {
	cause Cause
	err   error
}

func (r *refusal) Error() string { return r.cause.String() + ": " + r.err.Error() }
func (r *refusal) Unwrap() error { return r.err }

func refuse(cause Cause, format string, a ...any) error {
	return &refusal{cause, fmt.Errorf(format, a...)}
}

// causeOf finds the cause of a young connection's end; other is for errors that
// say nothing by themselves.
func causeOf(err error, other Cause) Cause {
	var r *refusal
	var header tls.RecordHeaderError
	var netErr net.Error
	switch {
	case errors.As(err, &r):
		return r.cause
	case errors.Is(err, errAuthBytes):
		return CauseAuthBytes
	case errors.Is(err, errKey), errors.Is(err, errCertificate):
		return CauseKey
	case errors.Is(err, errSlot), errors.Is(err, os.ErrDeadlineExceeded), errors.As(err, &netErr) && netErr.Timeout():
		return CauseAuthTimeout
	case errors.As(err, &header):
		return CauseNotTLS
	}
	return other
}

// young is a connection on its way to being authenticated. It belongs to one
// goroutine.
type young struct {
	tc      *net.TCPConn
	carrier *carrier
	tls     *tls.Conn // nil: plaintext
}

// newYoung wraps a socket. gate is nil for connections that we dialed.
func newYoung(tc *net.TCPConn, gate *door, timeout time.Duration) *young {
	deadline := time.Now().Add(timeout)
	_ = tc.SetDeadline(deadline)
	return &young{tc: tc, carrier: &carrier{socket: tc, budget: authBytesMax, gate: gate, deadline: deadline}}
}

// shake runs the TLS handshake; make is tls.Server or tls.Client. A nil config
// means plaintext.
func (y *young) shake(make func(net.Conn, *tls.Config) *tls.Conn, config *tls.Config) error {
	if config == nil {
		return nil
	}
	y.tls = make(y.carrier, config)
	if err := y.carrier.enter(); err != nil {
		return err
	}
	defer y.carrier.leave()
	if err := y.tls.Handshake(); err != nil {
		return &refusal{causeOf(err, CauseHandshake), err}
	}
	return nil
}

// stream is what hellos are read from and written to. Reads of exact lengths
// leave everything behind them in the socket or in the tls.Conn.
func (y *young) stream() io.ReadWriter {
	if y.tls != nil {
		return y.tls
	}
	return y.carrier
}

func (y *young) write(kind wire.Kind, lane wire.Lane, body []byte) error {
	b := wire.FrameHeader{BodyBytes: uint32(len(body)), Kind: kind, Lane: lane}.Append(nil)
	_, err := y.stream().Write(append(b, body...))
	return err
}

// read takes one frame, which must be of this kind.
func (y *young) read(kind wire.Kind) ([]byte, error) {
	b := make([]byte, wire.FrameHeaderBytes, wire.FrameHeaderBytes+helloBytesMax)
	if _, err := io.ReadFull(y.stream(), b); err != nil {
		return nil, err
	}
	h, err := wire.DecodeFrameHeader(b, helloBytesMax)
	if err != nil || h.Kind != kind || h.Stream != 0 {
		return nil, refuse(CauseHello, "first frame has kind %d and %d bytes, want kind %d", h.Kind, h.BodyBytes, kind)
	}
	b = b[:h.BodyBytes]
	_, err = io.ReadFull(y.stream(), b)
	return b, err
}

// lastWords lets the peer read what was written before the socket is closed.
func (y *young) lastWords() {
	if y.tls != nil {
		_ = y.tls.CloseWrite()
	}
	_ = y.tc.CloseWrite()
	_ = y.tc.SetDeadline(time.Now().Add(lingerTimeout))
	_, _ = io.CopyN(io.Discard, y.tc, authBytesMax)
}

// nursery holds the sockets of young connections, so that Close can end them.
type nursery struct {
	mu     sync.Mutex
	conns  map[*net.TCPConn]struct{}
	closed bool
}

// add reports false when no more are taken.
func (n *nursery) add(tc *net.TCPConn) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.closed {
		return false
	}
	if n.conns == nil {
		n.conns = make(map[*net.TCPConn]struct{})
	}
	n.conns[tc] = struct{}{}
	return true
}

func (n *nursery) remove(tc *net.TCPConn) {
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.conns, tc)
}

func (n *nursery) close() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.closed = true
	for tc := range n.conns {
		_ = tc.Close()
	}
}

// tune sets the options of a socket before it goes to its loop. patience is
// when the loop itself gives the peer up; the kernel does so after twice that,
// so that the end has a cause that is counted. sendBytes 0 leaves the kernel's
// choice. Failures are ignored: each option is a help, not a need.
func tune(tc *net.TCPConn, patience time.Duration, sendBytes int) {
	if sendBytes > 0 {
		_ = tc.SetWriteBuffer(sendBytes)
	}
	if raw, err := tc.SyscallConn(); err == nil {
		_ = raw.Control(func(fd uintptr) {
			_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int(2*patience.Milliseconds()))
		})
	}
}

// keepAlive finds half-open clients, which may be silent for good reason:
// within half a minute.
func keepAlive() net.KeepAliveConfig {
	return net.KeepAliveConfig{Enable: true, Idle: 15 * time.Second, Interval: 5 * time.Second, Count: 3}
}

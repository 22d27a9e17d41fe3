package netio

import (
	"errors"
	"io"
	"net"
	"time"
)

// errAuthBytes and errSlot end a young connection.
var (
	errAuthBytes = errors.New("more bytes than a handshake may take")
	errSlot      = errors.New("no slot to compute in before the deadline")
)

// againError is what a carrier on a loop gives when it has no bytes.
// crypto/tls keeps its state over a net.Error that is Temporary, and goes on
// with the next Read; it is not documented, so a test holds it.
type againError struct{}

func (againError) Error() string   { return "netio: no bytes yet" }
func (againError) Timeout() bool   { return false }
func (againError) Temporary() bool { return true }

var errAgain net.Error = againError{}

// carrier is the net.Conn under a tls.Conn. While the connection is young it is
// the socket, with a byte budget, and it gives up its slot of the gate while it
// waits for the peer, so that a slow peer holds no processor. Afterwards it is
// two pieces of memory that belong to the loop.
type carrier struct {
	socket   net.Conn // nil on the loop
	budget   int      // bytes that may still be read while young
	gate     *door    // nil: nothing bounds who computes (dialers)
	held     bool     // holds a slot of gate
	deadline time.Time

	in  []byte  // on the loop: what was read and not yet taken
	out *[]byte // on the loop: what is sealed and not yet written
}

// Read gives bytes of the socket, or of what the loop put before it.
func (c *carrier) Read(p []byte) (int, error) {
	if c.socket == nil {
		if len(c.in) == 0 {
			return 0, errAgain
		}
		n := copy(p, c.in)
		c.in = c.in[n:]
		return n, nil
	}
	if c.budget <= 0 {
		return 0, errAuthBytes
	}
	held := c.held
	c.leave()
	n, err := c.socket.Read(p[:min(len(p), c.budget)])
	c.budget -= n
	if err == nil && held {
		err = c.enter()
	}
	return n, err
}

// enter takes a slot to compute in; without a gate it does nothing.
func (c *carrier) enter() error {
	if c.gate == nil || c.held {
		return nil
	}
	if !c.gate.enter(c.deadline) {
		return errSlot
	}
	c.held = true
	return nil
}

// leave gives the slot back, if one is held.
func (c *carrier) leave() {
	if c.held {
		c.held = false
		c.gate.leave()
	}
}

// Write sends to the socket, or gathers for the loop.
func (c *carrier) Write(p []byte) (int, error) {
	if c.socket != nil {
		return c.socket.Write(p)
	}
	if c.out == nil {
		return 0, io.ErrClosedPipe
	}
	*c.out = append(*c.out, p...)
	return len(p), nil
}

// Close does nothing on a loop: the loop closes its connections itself.
func (c *carrier) Close() error {
	if c.socket != nil {
		return c.socket.Close()
	}
	return nil
}

// The rest of net.Conn: crypto/tls sets a deadline for its close_notify, and
// asks for nothing else.

// SetDeadline is the socket's while there is one.
func (c *carrier) SetDeadline(t time.Time) error {
	if c.socket != nil {
		return c.socket.SetDeadline(t)
	}
	return nil
}

// SetReadDeadline changes nothing: the one deadline of a young connection is
// not crypto/tls's to move.
func (c *carrier) SetReadDeadline(time.Time) error { return nil }

// SetWriteDeadline changes nothing, for the same reason.
func (c *carrier) SetWriteDeadline(time.Time) error { return nil }

// LocalAddr is not known on a loop.
func (c *carrier) LocalAddr() net.Addr { return &net.TCPAddr{} }

// RemoteAddr is not known on a loop.
func (c *carrier) RemoteAddr() net.Addr { return &net.TCPAddr{} }

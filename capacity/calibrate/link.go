package calibrate

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strconv"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"quorate/cluster"
	"quorate/netio"
	"quorate/wire"
)

// counter is a handler that counts.
type counter struct{ frames, bytes atomic.Int64 }

// PeerFrame implements netio.Handler.
func (c *counter) PeerFrame(_ wire.ReplicaID, _ wire.Kind, body []byte) {
	c.frames.Add(1)
	c.bytes.Add(int64(len(body)))
}

// PeerUp implements netio.Handler.
func (*counter) PeerUp(wire.ReplicaID) {}

// PeerDown implements netio.Handler.
func (*counter) PeerDown(wire.ReplicaID) {}

// ClientFrame implements netio.Handler.
func (*counter) ClientFrame(netio.ConnID, wire.ClientID, wire.Kind, []byte) {}

// ClientDown implements netio.Handler.
func (*counter) ClientDown(netio.ConnID) {}

// linkWait bounds how long a link may take to come up or a burst to arrive, on a
// starved host.
const linkWait = 20 * time.Second

var errLink = errors.New("calibrate: link: nothing arrives")

// links measures TLS between two replicas over loopback, both ends in this process:
// the cost of a byte in large frames and of a frame in small ones.
func links(d *dealt, u *units) {
	if u.err != nil {
		return
	}
	a, z, got, err := pair(d)
	if err != nil {
		u.err = err
		return
	}
	defer closeBoth(a, z)
	for _, row := range []struct {
		name, per     string
		bytes, frames int
		per1          int
	}{
		{"link, TLS: bytes in frames of 256 KiB, both ends", "byte", 256 << 10, 32, 256 << 10},
		{"link, TLS: frames of 100 bytes, 256 in a row, both ends", "frame", 100, 256, 1},
		{"link, TLS: a frame of 100 bytes alone, both ends", "frame", 100, 1, 1},
	} {
		body := make([]byte, row.bytes)
		cpu, wall, err := timedBy(unix.CLOCK_PROCESS_CPUTIME_ID, row.frames*row.per1, func(int) error {
			return burst(a, got, body, row.frames)
		})
		u.keep(row.name, row.per, cpu, wall, err)
	}
}

// burst sends frames and waits until all arrived.
func burst(a *netio.Transport, got *counter, body []byte, frames int) error {
	want, end := got.frames.Load()+int64(frames), time.Now().Add(linkWait)
	for range frames {
		for a.Send(1, wire.LaneBulk, wire.KindBody, body) != nil {
			if time.Now().After(end) {
				return errLink
			}
			time.Sleep(20 * time.Microsecond)
		}
	}
	for got.frames.Load() < want {
		if time.Now().After(end) {
			return errLink
		}
		time.Sleep(10 * time.Microsecond)
	}
	return nil
}

// pair opens two transports that are linked.
func pair(d *dealt) (a, z *netio.Transport, got *counter, err error) {
	members := make([]cluster.Member, 2)
	copy(members, d.genesis.Members)
	for i := range members {
		if members[i].PeerAddr, err = freeAddr(); err != nil {
			return nil, nil, nil, err
		}
	}
	got = &counter{}
	open := func(i int, h netio.Handler) (*netio.Transport, error) {
		return netio.Listen(netio.Config{Self: wire.ReplicaID(i), Members: members, Identity: d.nodes[i].Identity(),
			PeerAddr: members[i].PeerAddr, Loops: 1, Logger: slog.New(slog.NewJSONHandler(io.Discard, nil)),
			ClientKey: func(wire.ClientID) (ed25519.PublicKey, bool) { return nil, false }}, h)
	}
	if a, err = open(0, &counter{}); err != nil {
		return nil, nil, nil, fmt.Errorf("calibrate: %w", err)
	}
	if z, err = open(1, got); err != nil {
		closeBoth(a)
		return nil, nil, nil, fmt.Errorf("calibrate: %w", err)
	}
	for end := time.Now().Add(linkWait); !a.Connected(1) || !z.Connected(0); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			closeBoth(a, z)
			return nil, nil, nil, errLink
		}
	}
	return a, z, got, nil
}

// freeAddr finds a loopback address that nobody listens on.
func freeAddr() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("calibrate: %w", err)
	}
	defer l.Close()
	return net.JoinHostPort("127.0.0.1", strconv.Itoa(l.Addr().(*net.TCPAddr).Port)), nil
}

// closeBoth closes transports; what is still under way is of no use.
func closeBoth(all ...*netio.Transport) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	for _, t := range all {
		_ = t.Close(ctx)
	}
}

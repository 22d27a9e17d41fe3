package e2e

import (
	"errors"
	"net"
	"time"

	"quorate/netio"
	"quorate/wire"
)

// Connections that are slow on purpose (NET-06): each must be ended by the
// replica's own timers, which take seconds, so all of them wait together.

// dragging is one connection that is being slow.
type dragging struct {
	name  string
	cause netio.Cause
	open  func() *raw
	drip  []byte // sent a byte at a time, one per second, again and again
}

// slowMax is how long the slowest of the timers may take: a client that does not
// finish a frame has ten seconds, twice if it sent anything at all.
const slowMax = 60 * time.Second

func (b *badRun) badSlow() {
	k := b.someClient()
	peers := b.genesis.Members[1].PeerAddr
	frame := wire.FrameHeader{BodyBytes: 1000, Kind: wire.KindRequest}.Append(nil)
	begun := func(n int) func() *raw {
		return func() *raw {
			c := b.member(1, k)
			if _, err := c.Write(append(frame, make([]byte, 1000)...)[:n]); err != nil {
				b.t.Fatal(err)
			}
			return c
		}
	}
	hello := func() *raw { return dialTLS(b.t, b.clientAddr(1)) }
	all := []dragging{
		{"silent at the clients' port", netio.CauseAuthTimeout, func() *raw { return dialTCP(b.t, b.clientAddr(1)) }, nil},
		{"silent at the replicas' port", netio.CauseAuthTimeout, func() *raw { return dialTCP(b.t, peers) }, nil},
		{"a byte a second of a handshake", netio.CauseAuthTimeout, func() *raw { return dialTCP(b.t, b.clientAddr(1)) }, []byte{22, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3}},
		{"TLS and no hello", netio.CauseAuthTimeout, hello, nil},
		{"TLS and no hello, as a replica", netio.CauseAuthTimeout, func() *raw { return dialTLS(b.t, peers, b.certificate(b.t, 3)) }, nil},
		{"a byte a second of a hello", netio.CauseAuthTimeout, hello, wire.FrameHeader{BodyBytes: 74, Kind: wire.KindClientHello}.Append(nil)},
		{"half a frame's head", netio.CauseStall, begun(3), nil},
		{"a frame without its end", netio.CauseStall, begun(500), nil},
		{"a byte a second of a frame", netio.CauseStall, begun(20), make([]byte, 1000)},
	}
	outer := b.t
	before := b.scrape(1)
	var conns []*raw
	for _, d := range all {
		conns = append(conns, d.open())
	}
	over := make(chan struct{})
	for i, d := range all {
		if d.drip != nil {
			go drip(conns[i], d.drip, over)
		}
	}
	defer close(over)
	causes := map[netio.Cause]float64{}
	for i, d := range all {
		causes[d.cause]++
		b.bad("NET-06", d.name, 1, "", func() {
			conns[i].t = b.t
			_ = conns[i].SetReadDeadline(time.Now().Add(slowMax))
			conns[i].closed()
		})
	}
	for cause, n := range causes {
		eventually(outer, settleMax, cause.String(), func() error {
			got := b.scrape(1)[linkRejects(cause)] - before[linkRejects(cause)]
			return errOf(got == n, "%v were counted, want %v", got, n)
		})
	}
}

// drip sends the bytes one by one until the connection ends.
func drip(c *raw, bytes []byte, over chan struct{}) {
	for i := 0; ; i++ {
		select {
		case <-over:
			return
		case <-time.After(time.Second):
		}
		if _, err := c.Write(bytes[i%len(bytes) : i%len(bytes)+1]); err != nil {
			return
		}
	}
}

// deaf asks and never listens: what the replica holds for it is bounded, and it
// is closed for it.
func (b *badRun) deaf() {
	b.bad("NET-06", "never reads", 1, "", func() {
		before := b.scrape(1)
		c := b.member(1, b.someClient())
		var frames []byte
		for range 1000 {
			frames = wire.FrameHeader{Kind: wire.KindStatusRequest}.Append(frames)
		}
		_ = c.SetDeadline(time.Now().Add(slowMax))
		var err error
		for err == nil {
			_, err = c.Write(frames)
		}
		var timeout net.Error
		if errors.As(err, &timeout) && timeout.Timeout() {
			b.t.Fatalf("the connection is not closed within %v", slowMax)
		}
		now := b.scrape(1)
		counted := 0.0
		for _, cause := range []netio.Cause{netio.CauseReplyFull, netio.CauseStall} {
			counted += now[linkRejects(cause)] - before[linkRejects(cause)]
		}
		if counted != 1 {
			b.t.Errorf("%v connections were counted as full or stalled, want 1", counted)
		}
		if more := now["process_resident_memory_bytes"] - before["process_resident_memory_bytes"]; more > residentMore {
			b.t.Errorf("it took %.0f bytes of memory", more)
		}
	})
}

package netio

import (
	"bytes"
	"net"
	"testing"
	"time"

	"quorate/wire"
)

// Aim: whatever a stranger says first, at either port, with or without TLS, is a
// refusal with a cause or an authenticated connection of whoever has a key.
// Method: the transport's own welcome over a connection in memory whose reads
// are cut as the fuzzer likes.

// scripted is a connection on which the peer has said everything already.
type scripted struct {
	net.Conn
	said *bytes.Reader
	cut  int // bytes per read, at least 1
}

func (s *scripted) Read(p []byte) (int, error)       { return s.said.Read(p[:min(len(p), s.cut)]) }
func (s *scripted) Write(p []byte) (int, error)      { return len(p), nil }
func (s *scripted) Close() error                     { return nil }
func (s *scripted) SetDeadline(time.Time) error      { return nil }
func (s *scripted) SetReadDeadline(time.Time) error  { return nil }
func (s *scripted) SetWriteDeadline(time.Time) error { return nil }

func FuzzWelcome(f *testing.F) {
	framed := func(kind wire.Kind, body []byte) []byte {
		return append(wire.FrameHeader{BodyBytes: uint32(len(body)), Kind: kind}.Append(nil), body...)
	}
	w := newWorld(f, 2)
	peer := (&wire.Hello{Version: wire.HelloVersion, Replica: 1, Genesis: w.genesis}).Append(nil)
	client := (&wire.ClientHello{Version: wire.HelloVersion, Client: 7}).Append(nil)
	f.Add(framed(wire.KindHello, peer), uint8(1), uint8(0))
	f.Add(framed(wire.KindClientHello, client), uint8(7), uint8(1))
	f.Add([]byte{22, 3, 1, 0, 5, 1, 0, 0, 1, 0}, uint8(1), uint8(2))
	f.Add([]byte("GET / HTTP/1.1\r\n\r\n"), uint8(64), uint8(3))
	plain := w.start(f, 0, newRecorder(), func(c *Config) { c.Plaintext = true })
	secured := newWorld(f, 2).start(f, 0, newRecorder(), nil)
	f.Fuzz(func(t *testing.T, said []byte, cut, port uint8) {
		tr := plain
		if port&2 != 0 {
			tr = secured
		}
		s := &scripted{said: bytes.NewReader(said), cut: int(cut) + 1}
		y := &young{tc: &net.TCPConn{}, carrier: &carrier{socket: s, budget: authBytesMax, gate: tr.cliDoor, deadline: time.Now().Add(time.Minute)}}
		welcome := tr.welcomePeer
		if port&1 != 0 {
			welcome = tr.welcomeClient
		}
		c, err := welcome(y)
		if y.carrier.held {
			t.Fatal("a slot to compute in is kept")
		}
		if err != nil {
			if cause := causeOf(err, CauseHello); cause.String() == "unknown" {
				t.Fatalf("%v has no cause", err)
			}
			return
		}
		switch c.role {
		case roleIn: // plaintext believes a replica's word
			if tr != plain || c.peer != 1 {
				t.Fatalf("replica %d came in", c.peer)
			}
			tr.leaveInbound(c)
		default:
			t.Fatalf("client %d came in without a key", c.client)
		}
	})
}

package netio

import (
	"crypto/tls"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"quorate/wire"
)

// Aim of this file: what a byte and a message cost, both ends in this process,
// beside the same work over net and crypto/tls with a goroutine per connection.
// Compare within one run only; and give the loops processors, as in doc.go.

// benchHandler counts, and answers what asks for it.
type benchHandler struct {
	*recorder
	t     *Transport
	bytes atomic.Int64
	echo  func(kind wire.Kind, body []byte)
}

func (h *benchHandler) PeerFrame(_ wire.ReplicaID, kind wire.Kind, body []byte) {
	if h.echo != nil {
		h.echo(kind, body)
		return
	}
	h.bytes.Add(int64(len(body)))
}

// ballast stands for a replica's heap: bodies are garbage, and beside an empty
// heap every sixty-fourth of them would start a collection.
var ballast []byte

func benchPair(b *testing.B, plaintext bool) (a, z *benchHandler) {
	b.Helper()
	ballast = make([]byte, 256*mib)
	b.Cleanup(func() { ballast = nil })
	w := newWorld(b, 2)
	hs := [2]*benchHandler{{recorder: newRecorder()}, {recorder: newRecorder()}}
	for i, h := range hs {
		h.t = w.start(b, i, h, func(c *Config) { c.Plaintext, c.ClientAddr = plaintext, "" })
	}
	eventually(b, "both up", func() bool { return hs[0].t.Connected(1) && hs[1].t.Connected(0) })
	return hs[0], hs[1]
}

func BenchmarkBulk(b *testing.B) {
	for _, plaintext := range []bool{false, true} {
		for _, size := range []int{64 * kib, mib, 4 * mib} {
			b.Run(fmt.Sprintf("plaintext=%v/body=%dKiB", plaintext, size/kib), func(b *testing.B) {
				a, z := benchPair(b, plaintext)
				body := make([]byte, size)
				b.SetBytes(int64(size))
				b.ResetTimer()
				for range b.N {
					for a.t.Send(1, wire.LaneBulk, wire.KindBody, body) != nil {
						time.Sleep(20 * time.Microsecond)
					}
				}
				for z.bytes.Load() < int64(b.N)*int64(size) {
					time.Sleep(20 * time.Microsecond)
				}
			})
		}
	}
}

func BenchmarkEcho(b *testing.B) {
	for _, plaintext := range []bool{false, true} {
		for _, deep := range []int{1, 64} {
			b.Run(fmt.Sprintf("plaintext=%v/deep=%d", plaintext, deep), func(b *testing.B) {
				a, z := benchPair(b, plaintext)
				body := make([]byte, kib)
				z.echo = func(k wire.Kind, p []byte) { _ = z.t.Send(0, wire.LaneConsensus, k, p) }
				done := make(chan struct{})
				var left, sent atomic.Int64
				left.Store(int64(b.N))
				a.echo = func(k wire.Kind, p []byte) {
					if left.Add(-1) == 0 {
						close(done)
					} else if sent.Add(1) <= int64(b.N) {
						_ = a.t.Send(1, wire.LaneConsensus, k, p)
					}
				}
				b.ResetTimer()
				for range min(deep, b.N) {
					sent.Add(1)
					_ = a.t.Send(1, wire.LaneConsensus, wire.KindCommit, body)
				}
				<-done
			})
		}
	}
}

// BenchmarkVoteUnderBulk is a vote's round trip while bulk saturates the links.
func BenchmarkVoteUnderBulk(b *testing.B) {
	a, z := benchPair(b, false)
	z.echo = func(k wire.Kind, p []byte) {
		if k == wire.KindCommit {
			_ = z.t.Send(0, wire.LaneConsensus, k, p)
		}
	}
	back := make(chan struct{}, 1)
	a.echo = func(wire.Kind, []byte) { back <- struct{}{} }
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for body := make([]byte, mib); ; {
			select {
			case <-stop:
				return
			default:
				if a.t.Send(1, wire.LaneBulk, wire.KindBody, body) != nil {
					time.Sleep(100 * time.Microsecond)
				}
			}
		}
	}()
	time.Sleep(50 * time.Millisecond)
	b.ResetTimer()
	for range b.N {
		_ = a.t.Send(1, wire.LaneConsensus, wire.KindCommit, nil)
		<-back
	}
	b.StopTimer()
	close(stop)
	<-stopped
}

// plainPair is two ends of one mutual TLS connection over net.
func plainPair(b *testing.B) (x, y net.Conn) {
	b.Helper()
	w := newWorld(b, 2)
	ln, err := tls.Listen("tcp", "127.0.0.1:0", ServerTLS(w.cert(b, 0), w.members))
	if err != nil {
		b.Fatal(err)
	}
	defer ln.Close()
	got := make(chan net.Conn, 1)
	go func() {
		c, err := ln.Accept()
		if err == nil {
			_ = c.(*tls.Conn).Handshake()
		}
		got <- c
	}()
	x, err = tls.Dial("tcp", ln.Addr().String(), ClientTLS(w.cert(b, 1), w.members[0].Identity))
	if err != nil {
		b.Fatal(err)
	}
	y = <-got
	b.Cleanup(func() { x.Close(); y.Close() })
	return x, y
}

func BenchmarkNetTLSBulk(b *testing.B) {
	x, y := plainPair(b)
	body := make([]byte, 64*kib)
	b.SetBytes(int64(len(body)))
	b.ResetTimer()
	go func() {
		for range b.N {
			if _, err := x.Write(body); err != nil {
				return
			}
		}
	}()
	if _, err := io.CopyN(io.Discard, y, int64(b.N)*int64(len(body))); err != nil {
		b.Fatal(err)
	}
}

func BenchmarkNetTLSEcho(b *testing.B) {
	for _, deep := range []int{1, 64} {
		b.Run(fmt.Sprintf("deep=%d", deep), func(b *testing.B) {
			x, y := plainPair(b)
			go func() {
				p := make([]byte, kib+4)
				for {
					if _, err := io.ReadFull(y, p); err != nil {
						return
					}
					if _, err := y.Write(p); err != nil {
						return
					}
				}
			}()
			p, q := make([]byte, kib+4), make([]byte, kib+4)
			binary.LittleEndian.PutUint32(p, kib)
			window := make(chan struct{}, deep)
			b.ResetTimer()
			go func() {
				for range b.N {
					window <- struct{}{}
					if _, err := x.Write(p); err != nil {
						return
					}
				}
			}()
			for range b.N {
				if _, err := io.ReadFull(x, q); err != nil {
					b.Fatal(err)
				}
				<-window
			}
		})
	}
}

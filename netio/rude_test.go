package netio

import (
	"bytes"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"io"
	mrand "math/rand"
	"net"
	"runtime"
	"testing"
	"time"

	"quorate/wire"
)

// Aim of this file: peers that are authenticated, or nearly, and misuse it:
// slow, silent, deaf, too many. Each is closed within a bound, and the memory
// that it took is bounded. Method: real sockets, limits made small.

func TestSlowLorisBeforeAuthentication(t *testing.T) {
	w, tr, _ := alone(t, func(c *Config) {
		c.Limits.AuthTimeout = 400 * time.Millisecond
		c.Limits.ClientHandshakes = 1
	})
	var loris []net.Conn
	for i := range 20 {
		c, err := net.Dial("tcp", w.members[0].ClientAddr)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if i%2 == 0 { // half a record, then nothing
			_, _ = c.Write([]byte{22, 3, 1, 2, 0, 1, 0})
		}
		loris = append(loris, c)
	}
	eventually(t, "all are young", func() bool { return tr.Stats().Young == len(loris) })
	// They hold no slot: one slot is enough for an honest client among them.
	w.dial(t, 0, 7)
	rejected(t, tr, CauseAuthTimeout, uint64(len(loris)))
	if s := tr.Stats(); s.Young != 0 || s.Clients != 1 {
		t.Fatalf("%d young, %d clients", s.Young, s.Clients)
	}
	// A handshake and then no hello is the same.
	c := w.dialTLS(t, 0)
	c.ended(t)
	rejected(t, tr, CauseAuthTimeout, uint64(len(loris))+1)
}

func TestSlowLorisAfterAuthentication(t *testing.T) {
	w, tr, r := alone(t, func(c *Config) {
		c.Limits.PingInterval, c.Limits.DeadAfter = 100*time.Millisecond, 10*time.Second
		c.Limits.StallTimeout = 300 * time.Millisecond
	})
	c := w.dial(t, 0, 7)
	idle := w.dial(t, 0, 8)
	if _, err := c.Write(wire.FrameHeader{BodyBytes: mib, Kind: wire.KindRequest}.Append(nil)); err != nil {
		t.Fatal(err)
	}
	for range 1000 { // 100 bytes a second
		if _, err := c.Write([]byte{0}); err != nil {
			break
		}
		time.Sleep(10 * time.Millisecond)
		if s := tr.Stats(); s.Rejected(CauseStall) > 0 {
			break
		}
	}
	rejected(t, tr, CauseStall, 1)
	r.wait(t, "it is gone", func() bool { return len(r.gone) == 1 })
	if g := tr.Stats().GatheredBytes; g != 0 {
		t.Fatalf("%d gathered bytes were not given back", g)
	}
	// One that is silent between frames does nothing wrong.
	idle.send(t, wire.KindRequest, []byte("still here"))
	r.wait(t, "its request", func() bool { return len(r.client) == 1 })
}

func TestNeverReadingClientIsClosedWithBoundedMemory(t *testing.T) {
	w, tr, r := alone(t, func(c *Config) { c.Limits.ClientQueueBytes = mib })
	c := w.dial(t, 0, 7)
	c.send(t, wire.KindRequest, nil)
	r.wait(t, "its request", func() bool { return len(r.client) == 1 })
	reply := make([]byte, 32*kib)
	var sent int
	var peak int64
	for {
		err := tr.Reply(r.client[0].conn, wire.KindReply, reply)
		peak = max(peak, tr.Stats().QueuedBytes)
		if err == ErrQueueFull {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		if sent += len(reply); sent > 256*mib {
			t.Fatal("256 MiB went to a client that does not read")
		}
	}
	r.wait(t, "client down", func() bool { return len(r.gone) == 1 })
	rejected(t, tr, CauseReplyFull, 1)
	if peak > mib {
		t.Fatalf("%d bytes were queued, the limit is %d", peak, mib)
	}
	if q := tr.Stats().QueuedBytes; q != 0 {
		t.Fatalf("%d bytes are still queued", q)
	}
}

func TestDeafClientIsClosedByTime(t *testing.T) {
	w, tr, r := alone(t, func(c *Config) {
		c.Limits.PingInterval, c.Limits.DeadAfter = 100*time.Millisecond, 10*time.Second
		c.Limits.StallTimeout = 300 * time.Millisecond
		c.Limits.ClientQueueBytes = 64 * mib
	})
	c := w.dial(t, 0, 7)
	c.send(t, wire.KindRequest, nil)
	r.wait(t, "its request", func() bool { return len(r.client) == 1 })
	for range 15 { // more than the kernel takes, less than the queue
		if err := tr.Reply(r.client[0].conn, wire.KindReply, make([]byte, 4*mib)); err != nil {
			t.Fatal(err)
		}
	}
	rejected(t, tr, CauseStall, 1)
	r.wait(t, "client down", func() bool { return len(r.gone) == 1 })
	if q := tr.Stats().QueuedBytes; q != 0 {
		t.Fatalf("%d bytes are still queued", q)
	}
}

func TestConnectionCaps(t *testing.T) {
	w, tr, r := alone(t, func(c *Config) { c.Limits.ClientsPerIP, c.Limits.ConnsPerClient = 5, 2 })
	w.dial(t, 0, 7)
	third := w.dial(t, 0, 7)
	c := w.dialTLS(t, 0)
	c.send(t, wire.KindClientHello, c.hello(t, w.genesis, 7, w.clients[7]))
	if code, err := c.welcomed(); code != wire.RejectOverload || !errors.Is(err, errRejected) {
		t.Fatal(code, err)
	}
	c.ended(t)
	rejected(t, tr, CauseClientCap, 1)
	third.Close()
	r.wait(t, "room again", func() bool { return len(r.gone) == 1 })
	w.dial(t, 0, 7)

	var opened []net.Conn
	defer func() {
		for _, c := range opened {
			c.Close()
		}
	}()
	for range 10 {
		c, err := net.Dial("tcp", w.members[0].ClientAddr)
		if err != nil {
			continue // a reset may come before connect returns
		}
		opened = append(opened, c)
	}
	rejected(t, tr, CauseConnCap, 5)
	if s := tr.Stats(); s.Clients+s.Young > 5 {
		t.Fatalf("%d clients and %d young", s.Clients, s.Young)
	}
	// The replicas' port is another door.
	w.dialPeer(t, 1, 0, wire.LinkControl)
}

func TestDoor(t *testing.T) {
	d := newDoor(10, 4, 8, 2, 1) // 2 young per address, 2 knocks a second
	now := time.Now()
	a := addressOf(&net.TCPAddr{IP: net.ParseIP("2001:db8::1")})
	b := addressOf(&net.TCPAddr{IP: net.ParseIP("2001:db8::ffff:1"), Zone: "eth0"})
	if a != b || a == addressOf(&net.TCPAddr{IP: net.ParseIP("2001:db8:0:1::1")}) {
		t.Fatal("a /64 is one address")
	}
	v4 := addressOf(&net.TCPAddr{IP: net.ParseIP("::ffff:10.0.0.1")})
	if v4 != addressOf(&net.TCPAddr{IP: net.IPv4(10, 0, 0, 1).To4()}) {
		t.Fatal("a mapped address is another one")
	}
	if !d.admit(a, now) || !d.admit(b, now) || d.admit(a, now) {
		t.Fatal("two young are allowed")
	}
	d.grown(a)
	if !d.admit(a, now) || d.admit(a, now) {
		t.Fatal("one is grown, one place is free")
	}
	d.left(a, true)
	d.grown(a)
	if !d.admit(a, now) {
		t.Fatal("the burst is four")
	}
	d.left(a, true)
	if d.admit(a, now) || !d.admit(a, now.Add(500*time.Millisecond)) || d.admit(a, now.Add(600*time.Millisecond)) {
		t.Fatal("two knocks a second")
	}
	d.left(a, true)
	d.left(a, false)
	d.left(a, false)
	if d.open != 0 || d.young != 0 {
		t.Fatalf("%d open, %d young at the end", d.open, d.young)
	}
	d.sweep(now.Add(time.Second))
	if len(d.visitors) != 1 {
		t.Fatal("its bucket is not full yet")
	}
	d.sweep(now.Add(time.Minute))
	if len(d.visitors) != 0 {
		t.Fatal("an address is remembered for ever")
	}
}

func TestNewestLinkWinsButNotTooSoon(t *testing.T) {
	w, tr, r := alone(t, func(c *Config) { c.Limits.TakeoverAfter = 500 * time.Millisecond })
	first := w.dialPeer(t, 1, 0, wire.LinkControl)
	soon := w.dialAs(t, 0, w.cert(t, 1))
	m := wire.Hello{Version: wire.HelloVersion, Replica: 1, Genesis: w.genesis}
	soon.send(t, wire.KindHello, m.Append(nil))
	soon.ended(t)
	rejected(t, tr, CauseTakeover, 1)
	w.dialPeer(t, 1, 0, wire.LinkBulk) // another link, not a takeover
	time.Sleep(600 * time.Millisecond)
	second := w.dialPeer(t, 1, 0, wire.LinkControl)
	first.ended(t)
	second.send(t, wire.KindCommit, nil)
	r.wait(t, "a frame", func() bool { return len(r.peer) == 1 })
}

func TestSilentReplicaIsDead(t *testing.T) {
	w, tr, _ := alone(t, func(c *Config) {
		c.Limits.PingInterval, c.Limits.DeadAfter = 40*time.Millisecond, 200*time.Millisecond
	})
	p := w.dialPeer(t, 1, 0, wire.LinkControl)
	p.ended(t)
	rejected(t, tr, CauseDead, 1)
}

// deafReplica accepts links as replica 1 and reads nothing after the hellos.
func deafReplica(t *testing.T, w *world) {
	t.Helper()
	ln, err := tls.Listen("tcp", w.members[1].PeerAddr, ServerTLS(w.cert(t, 1), w.members))
	if err != nil {
		t.Fatal(err)
	}
	var conns []net.Conn
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			conns = append(conns, c)
			tc := &testClient{Conn: c}
			if _, body, err := tc.receive(); err == nil {
				m, _ := wire.DecodeHello(body)
				m.Replica = 1
				_, _ = c.Write(frameBytes(wire.KindHello, m.Append(nil)))
			}
		}
	}()
	t.Cleanup(func() {
		ln.Close()
		<-done
		for _, c := range conns {
			c.Close()
		}
	})
}

func TestStuckReplicaIsDialedAgain(t *testing.T) {
	w := newWorld(t, 2)
	deafReplica(t, w)
	r := newRecorder()
	tr := w.start(t, 0, r, func(c *Config) {
		c.Limits.ConsensusQueueBytes, c.Limits.BulkQueueBytes = 2*mib, 2*mib
		c.Limits.DeadAfter = time.Minute
	})
	r.wait(t, "up", func() bool { return r.ups[1] == 1 })
	body := make([]byte, 256*kib)
	until := func(lane wire.Lane) {
		for range 10000 {
			if err := tr.Send(1, lane, wire.KindPrePrepare, body); err == ErrQueueFull {
				return
			}
			time.Sleep(time.Millisecond)
		}
		t.Fatal("never full")
	}
	until(wire.LaneBulk)
	if r.downs[1] != 0 || !tr.Connected(1) {
		t.Fatal("a full bulk lane closed the link")
	}
	until(wire.LaneConsensus)
	r.wait(t, "down and up again", func() bool { return r.downs[1] == 1 && r.ups[1] == 2 })
	rejected(t, tr, CauseConsensusFull, 1)
}

func TestWornLinkIsReplaced(t *testing.T) {
	_, a, b, ra, rb := pair(t, func(c *Config) {
		c.Limits.LinkBytesMax = 3 * mib
		c.Limits.PingInterval, c.Limits.DeadAfter = 100*time.Millisecond, 5*time.Second
	})
	for range 8 {
		if err := a.Send(1, wire.LaneBulk, wire.KindBody, make([]byte, mib)); err != nil {
			t.Fatal(err)
		}
	}
	ra.wait(t, "replaced", func() bool { return ra.downs[1] >= 1 && ra.ups[1] >= 2 })
	eventually(t, "either end says why", func() bool {
		sa, sb := a.Stats(), b.Stats()
		return sa.Rejected(CauseLinkWorn)+sb.Rejected(CauseLinkWorn) > 0
	})
	rb.do(func() { rb.peer = nil })
	eventually(t, "a frame on the new link", func() bool {
		if a.Connected(1) {
			_ = a.Send(1, wire.LaneBulk, wire.KindBody, []byte("fresh"))
		}
		rb.mu.Lock()
		defer rb.mu.Unlock()
		return len(rb.peer) > 0
	})
}

func TestBlockedLoopIsReported(t *testing.T) {
	w := newWorld(t, 2)
	r := newRecorder()
	release := make(chan struct{})
	r.onFrame = func(got, wire.ClientID) { <-release } // breaks its contract
	tr := w.start(t, 0, r, func(c *Config) {
		c.Limits.LoopStallMax = 200 * time.Millisecond
		c.Limits.PingInterval, c.Limits.DeadAfter = 100*time.Millisecond, time.Second
	})
	w.dial(t, 0, 7).send(t, wire.KindRequest, nil)
	select {
	case err := <-tr.Err():
		if !errors.Is(err, ErrLoopDied) {
			t.Fatal(err)
		}
	case <-time.After(20 * time.Second):
		t.Fatal("nobody noticed")
	}
	close(release)
}

// Senders that never rest must not keep a loop from reading (N6).
func TestBusySendersDoNotStarveReading(t *testing.T) {
	_, a, b, _, _ := pair(t, nil)
	stop := make(chan struct{})
	done := make(chan struct{})
	for range 2 {
		go func() {
			defer func() { done <- struct{}{} }()
			for body := make([]byte, 100); ; {
				select {
				case <-stop:
					return
				default:
					if a.Send(1, wire.LaneBulk, wire.KindBody, body) != nil {
						runtime.Gosched()
					}
				}
			}
		}()
	}
	before := a.Stats().FramesIn
	for range 100 {
		if err := b.Send(0, wire.LaneConsensus, wire.KindCommit, nil); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "a reads while it sends", func() bool { return a.Stats().FramesIn >= before+100 })
	close(stop)
	<-done
	<-done
}

// crypto/tls keeps its state over a Temporary net.Error, at any offset of a
// record: not documented, and all of this room stands on it.
func TestCryptoTLSGoesOnAfterATemporaryError(t *testing.T) {
	w := newWorld(t, 2)
	x, y := net.Pipe()
	sc, cc := &carrier{socket: x, budget: authBytesMax}, &carrier{socket: y, budget: authBytesMax}
	server := tls.Server(sc, ServerTLS(w.cert(t, 0), w.members))
	client := tls.Client(cc, ClientTLS(w.cert(t, 1), w.members[0].Identity))
	failed := make(chan error, 1)
	go func() { failed <- server.Handshake() }()
	if err := client.Handshake(); err != nil {
		t.Fatal(err)
	}
	if err := <-failed; err != nil {
		t.Fatal(err)
	}
	var sealed []byte
	*sc, *cc = carrier{}, carrier{out: &sealed}
	buf := make([]byte, 5000)
	if _, err := server.Read(buf); err != errAgain {
		t.Fatalf("an empty carrier gives %v", err)
	}
	rng := mrand.New(mrand.NewSource(1))
	var want, have []byte
	for round := range 200 {
		plain := make([]byte, 1+rng.Intn(40_000))
		_, _ = rand.Read(plain)
		want = append(want, plain...)
		if _, err := client.Write(plain); err != nil {
			t.Fatal(err)
		}
		for len(sealed) > 0 {
			n := min(len(sealed), 1+rng.Intn(1+round*200))
			sc.in, sealed = sealed[:n], sealed[n:]
			for {
				n, err := server.Read(buf[:1+rng.Intn(len(buf))])
				have = append(have, buf[:n]...)
				if err == errAgain {
					break
				}
				if err != nil {
					t.Fatalf("round %d: %v", round, err)
				}
			}
			if len(sc.in) != 0 {
				t.Fatal("bytes were left before the carrier")
			}
		}
	}
	if !bytes.Equal(want, have) {
		t.Fatalf("%d bytes of %d came through", len(have), len(want))
	}
	if err := client.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	sc.in = sealed
	if _, err := server.Read(buf); err != io.EOF {
		t.Fatalf("close_notify gives %v", err)
	}
}

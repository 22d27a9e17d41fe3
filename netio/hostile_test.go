package netio

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"time"

	"quorate/wire"
)

// Aim of this file: what a stranger, a false replica or a rude client does is
// refused with its cause counted, closes only its own connection, and costs
// bounded memory. Method: a table of one attack per row against a live
// transport, each followed by the proof that honest ones still get in.

// alone starts replica 0 of two; replica 1 is for the test to play.
func alone(t *testing.T, edit func(*Config)) (*world, *Transport, *recorder) {
	t.Helper()
	w := newWorld(t, 2)
	r := newRecorder()
	return w, w.start(t, 0, r, edit), r
}

func (w *world) cert(t testing.TB, id int) tls.Certificate {
	t.Helper()
	c, err := IdentityCertificate(w.keys[id], wire.ReplicaID(id), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// dialAs opens a TLS connection to a replica's peer port with any certificate.
func (w *world) dialAs(t testing.TB, to int, cert tls.Certificate) *testClient {
	t.Helper()
	tcp, err := net.Dial("tcp", w.members[to].PeerAddr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { tcp.Close() })
	_ = tcp.SetDeadline(time.Now().Add(20 * time.Second))
	c := tls.Client(tcp, ClientTLS(cert, w.members[to].Identity))
	_ = c.Handshake() // the acceptor's verdict comes later
	return &testClient{Conn: c, tcp: tcp.(*net.TCPConn)}
}

// dialPeer opens an authenticated replica's link, with helloes done.
func (w *world) dialPeer(t testing.TB, from, to int, link wire.Link) *testClient {
	t.Helper()
	c := w.dialAs(t, to, w.cert(t, from))
	m := wire.Hello{Version: wire.HelloVersion, Replica: wire.ReplicaID(from), Link: link, Genesis: w.genesis}
	c.send(t, wire.KindHello, m.Append(nil))
	if kind, _, err := c.receive(); err != nil || kind != wire.KindHello {
		t.Fatalf("no hello: kind %d, %v", kind, err)
	}
	return c
}

// ended waits until the other side has closed, by FIN or reset.
func (c *testClient) ended(t testing.TB) {
	t.Helper()
	_, err := io.Copy(io.Discard, c)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatal("the connection is still open")
	}
	c.Close()
}

func rejected(t testing.TB, tr *Transport, cause Cause, n uint64) {
	t.Helper()
	eventually(t, "reject by "+cause.String(), func() bool { s := tr.Stats(); return s.Rejected(cause) >= n })
}

// say opens a connection with replica 1's own certificate and says hello.
func (w *world) say(t *testing.T, m wire.Hello) *testClient {
	t.Helper()
	c := w.dialAs(t, 0, w.cert(t, 1))
	c.send(t, wire.KindHello, m.Append(nil))
	return c
}

func TestStrangersOnThePeerPort(t *testing.T) {
	w, tr, _ := alone(t, nil)
	stranger := keyOf(99)
	strange, err := IdentityCertificate(stranger, 1, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	expired, err := IdentityCertificate(w.keys[1], 1, time.Now().AddDate(-11, 0, 0))
	if err != nil {
		t.Fatal(err)
	}
	hello := wire.Hello{Version: wire.HelloVersion, Replica: 1, Genesis: w.genesis}
	for name, c := range map[string]struct {
		cause  Cause
		attack func(t *testing.T) *testClient
	}{
		"key of no member": {CauseKey, func(t *testing.T) *testClient { return w.dialAs(t, 0, strange) }},
		"expired":          {CauseKey, func(t *testing.T) *testClient { return w.dialAs(t, 0, expired) }},
		"no certificate":   {CauseHandshake, func(t *testing.T) *testClient { return w.dialAs(t, 0, tls.Certificate{}) }},
		"two certificates": {CauseKey, func(t *testing.T) *testClient {
			two := w.cert(t, 1)
			two.Certificate = append(two.Certificate, strange.Certificate[0])
			return w.dialAs(t, 0, two)
		}},
		"another genesis": {CauseGenesis, func(t *testing.T) *testClient {
			m := hello
			m.Genesis[5] ^= 1
			c := w.say(t, m)
			kind, body, err := c.receive()
			if err != nil || kind != wire.KindHello {
				t.Error("the refusal does not say which cluster it is", err)
			} else if m, err := wire.DecodeHello(body); err != nil || m.Genesis != w.genesis {
				t.Error(m, err)
			}
			return c
		}},
		"another id than its key": {CauseIdentity, func(t *testing.T) *testClient {
			m := hello
			m.Replica = 0
			return w.say(t, m)
		}},
		"another version": {CauseHello, func(t *testing.T) *testClient {
			m := hello
			m.Version++
			return w.say(t, m)
		}},
		"a vote before the hello": {CauseHello, func(t *testing.T) *testClient {
			c := w.dialAs(t, 0, w.cert(t, 1))
			c.send(t, wire.KindCommit, []byte("vote"))
			return c
		}},
		"a hello of a megabyte": {CauseHello, func(t *testing.T) *testClient {
			c := w.dialAs(t, 0, w.cert(t, 1))
			c.send(t, wire.KindHello, make([]byte, mib)[:helloBytesMax+1])
			return c
		}},
	} {
		t.Run(name, func(t *testing.T) {
			s := tr.Stats()
			before := s.Rejected(c.cause)
			c.attack(t).ended(t)
			rejected(t, tr, c.cause, before+1)
		})
	}
	// The honest one still gets in, both ways.
	r1 := newRecorder()
	w.start(t, 1, r1, nil)
	r1.wait(t, "0 is up", func() bool { return r1.ups[0] == 1 })
}

func TestStrangersOnTheClientPort(t *testing.T) {
	w, tr, _ := alone(t, func(c *Config) { c.Limits.AuthTimeout = time.Minute }) // other waits to the end
	other := w.dialTLS(t, 0)
	replay := other.hello(t, w.genesis, 7, w.clients[7])
	for name, c := range map[string]struct {
		cause Cause
		code  wire.RejectCode // 0: closed without a word
		hello func(c *testClient) []byte
	}{
		"unknown client": {CauseUnknownClient, wire.RejectUnknownClient, func(c *testClient) []byte { return c.hello(t, w.genesis, 9, w.clients[7]) }},
		"another's key":  {CauseSignature, wire.RejectSignature, func(c *testClient) []byte { return c.hello(t, w.genesis, 7, w.clients[8]) }},
		"another genesis": {CauseSignature, wire.RejectSignature, func(c *testClient) []byte {
			return c.hello(t, wire.Digest{9}, 7, w.clients[7])
		}},
		"hello of another connection": {CauseSignature, wire.RejectSignature, func(*testClient) []byte { return replay }},
		"client 0":                    {CauseHello, wire.RejectMalformed, func(c *testClient) []byte { return c.hello(t, w.genesis, 0, w.clients[7]) }},
		"short hello":                 {CauseHello, wire.RejectMalformed, func(c *testClient) []byte { return replay[:40] }},
	} {
		t.Run(name, func(t *testing.T) {
			s := tr.Stats()
			before := s.Rejected(c.cause)
			conn := w.dialTLS(t, 0)
			conn.send(t, wire.KindClientHello, c.hello(conn))
			if code, err := conn.welcomed(); code != c.code || !errors.Is(err, errRejected) {
				t.Fatalf("got %v, %v; want %v", code, err, c.code)
			}
			conn.ended(t)
			rejected(t, tr, c.cause, before+1)
		})
	}
	t.Run("request before the hello", func(t *testing.T) {
		conn := w.dialTLS(t, 0)
		conn.send(t, wire.KindRequest, []byte("pay me"))
		conn.ended(t)
	})
	// The connection whose hello was stolen may still use it.
	other.send(t, wire.KindClientHello, replay)
	if _, err := other.welcomed(); err != nil {
		t.Fatal(err)
	}
}

func TestOldAndPlainProtocolsAreRefused(t *testing.T) {
	w, tr, _ := alone(t, nil)
	for _, addr := range []string{w.members[0].PeerAddr, w.members[0].ClientAddr} {
		for name, edit := range map[string]func(*tls.Config){
			"TLS 1.2":    func(c *tls.Config) { c.MinVersion, c.MaxVersion = tls.VersionTLS12, tls.VersionTLS12 },
			"TLS 1.0":    func(c *tls.Config) { c.MinVersion, c.MaxVersion = tls.VersionTLS10, tls.VersionTLS10 },
			"other ALPN": func(c *tls.Config) { c.NextProtos = []string{"h2"} },
		} {
			s := tr.Stats()
			before := s.Rejected(CauseHandshake)
			cfg := ClientTLS(w.cert(t, 1), w.members[0].Identity)
			edit(cfg)
			if c, err := tls.Dial("tcp", addr, cfg); err == nil {
				c.Close()
				t.Errorf("%s was accepted", name)
			}
			rejected(t, tr, CauseHandshake, before+1)
		}
		s := tr.Stats()
		before := s.Rejected(CauseNotTLS)
		c, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = c.Write([]byte("GET / HTTP/1.1\r\nHost: quorate\r\n\r\n"))
		_, _ = io.Copy(io.Discard, c)
		c.Close()
		rejected(t, tr, CauseNotTLS, before+1)
	}
}

// A dialer that finds another key than genesis says must not speak to it.
func TestImpostorAtAPeersAddress(t *testing.T) {
	w := newWorld(t, 2)
	impostor, err := IdentityCertificate(keyOf(99), 1, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	ln, err := tls.Listen("tcp", w.members[1].PeerAddr, ServerTLS(impostor, nil))
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			_, _ = io.Copy(io.Discard, c)
			c.Close()
		}
	}()
	tr := w.start(t, 0, newRecorder(), nil)
	rejected(t, tr, CauseKey, 2)
	if tr.Connected(1) || tr.Send(1, 0, wire.KindCommit, nil) != ErrDown {
		t.Fatal("it trusts the impostor")
	}
}

func TestTwoClustersDoNotMix(t *testing.T) {
	w := newWorld(t, 2)
	a := w.start(t, 0, newRecorder(), nil)
	b := w.start(t, 1, newRecorder(), func(c *Config) { c.GenesisHash[0] ^= 1 })
	rejected(t, a, CauseGenesis, 2)
	rejected(t, b, CauseGenesis, 2)
	if a.Connected(1) || b.Connected(0) {
		t.Fatal("they are connected")
	}
}

func TestBadFramesCloseTheLink(t *testing.T) {
	w, tr, r := alone(t, func(c *Config) { c.Limits.TakeoverAfter = 1 })
	for name, c := range map[string]struct {
		cause Cause
		raw   []byte
	}{
		"oversized":     {CauseFrame, wire.FrameHeader{BodyBytes: chunkBytes + 1, Kind: wire.KindCommit}.Append(nil)},
		"length 2^31":   {CauseFrame, wire.FrameHeader{BodyBytes: 1 << 31, Kind: wire.KindCommit}.Append(nil)},
		"unknown kind":  {CauseKind, wire.FrameHeader{Kind: 200}.Append(nil)},
		"client's kind": {CauseKind, wire.FrameHeader{Kind: wire.KindRequest}.Append(nil)},
		"second hello":  {CauseKind, wire.FrameHeader{Kind: wire.KindHello}.Append(nil)},
	} {
		t.Run(name, func(t *testing.T) {
			s := tr.Stats()
			before := s.Rejected(c.cause)
			p := w.dialPeer(t, 1, 0, wire.LinkControl)
			p.send(t, wire.KindCommit, []byte(name))
			if _, err := p.Write(c.raw); err != nil {
				t.Fatal(err)
			}
			p.ended(t)
			rejected(t, tr, c.cause, before+1)
			// What was good before it was taken.
			r.wait(t, "the good frame", func() bool {
				n := len(r.peer)
				return n > 0 && string(r.peer[n-1].body) == name
			})
		})
	}
	t.Run("garbage under TLS", func(t *testing.T) {
		p := w.dialPeer(t, 1, 0, wire.LinkControl)
		_, _ = p.tcp.Write([]byte{23, 3, 3, 0, 20, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20})
		p.ended(t)
		rejected(t, tr, CauseTLSRecord, 1)
	})
	t.Run("client", func(t *testing.T) {
		c := w.dial(t, 0, 7)
		c.send(t, wire.KindCommit, nil)
		c.ended(t)
		c = w.dial(t, 0, 7)
		c.send(t, wire.KindClientPing, make([]byte, clientPingBytesMax+1))
		c.ended(t)
		c = w.dial(t, 0, 7)
		_, _ = c.Write(wire.FrameHeader{BodyBytes: 2*mib + 1, Kind: wire.KindRequest}.Append(nil))
		c.ended(t)
	})
}

func TestPlaintextIsRefusedOffLoopback(t *testing.T) {
	for _, addr := range []string{"0.0.0.0:0", "10.1.2.3:4000", "localhost:4000", ":4000", "[::]:4000", "nonsense"} {
		for name, edit := range map[string]func(*Config){
			"peer":   func(c *Config) { c.PeerAddr = addr },
			"client": func(c *Config) { c.ClientAddr = addr },
			"member": func(c *Config) { c.Members[1].PeerAddr = addr },
		} {
			w := newWorld(t, 2)
			cfg := w.config(0)
			cfg.Plaintext = true
			edit(&cfg)
			if tr, err := Listen(cfg, newRecorder()); !errors.Is(err, ErrConfig) {
				t.Errorf("%s %s: %v", name, addr, err)
				if tr != nil {
					shut(t, tr)
				}
			}
		}
	}
}

func TestBadConfigs(t *testing.T) {
	for name, edit := range map[string]func(*Config){
		"self":         func(c *Config) { c.Self = 2 },
		"another key":  func(c *Config) { c.Identity = keyOf(50) },
		"no key":       func(c *Config) { c.Identity = nil },
		"no ClientKey": func(c *Config) { c.ClientKey = nil },
		"order":        func(c *Config) { c.Members[0].ID = 1 },
		"limit":        func(c *Config) { c.Limits.ClientsMax = -1 },
		"frame limit":  func(c *Config) { c.Limits.ClientFrameBytesMax = wire.FrameBytesMax + 1 },
		"loops":        func(c *Config) { c.Loops = 65 },
	} {
		cfg := newWorld(t, 2).config(0)
		edit(&cfg)
		if _, err := Listen(cfg, newRecorder()); !errors.Is(err, ErrConfig) {
			t.Errorf("%s: %v", name, err)
		}
	}
	cfg := newWorld(t, 2).config(0)
	ln, err := net.Listen("tcp", cfg.ClientAddr)
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	if _, err := Listen(cfg, newRecorder()); err == nil { // and nothing leaks
		t.Error("a taken port was no error")
	}
}

func TestHandshakeBytesAreBounded(t *testing.T) {
	w, tr, _ := alone(t, nil)
	c, err := net.Dial("tcp", w.members[0].PeerAddr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	// A client hello that never ends, in records of 16 KiB.
	hello := append([]byte{22, 3, 1, 0x40, 0, 1, 0, 0xff, 0xff}, make([]byte, 16*kib-4)...)
	rest := append([]byte{22, 3, 3, 0x40, 0}, make([]byte, 16*kib)...)
	for range 64 {
		if _, err := c.Write(hello); err != nil {
			break
		}
		hello = rest
	}
	eventually(t, "it is refused", func() bool {
		s := tr.Stats()
		return s.Rejected(CauseHandshake)+s.Rejected(CauseAuthBytes) > 0 && s.Young == 0
	})
}

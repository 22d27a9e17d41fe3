package netio

import (
	"context"
	"crypto/ed25519"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"runtime"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"quorate/cluster"
	"quorate/wire"
)

// Aim of this file: what the tests of the room share. A world is a set of
// members with keys and free loopback ports; a recorder is a handler that keeps
// what it got; a testClient is the client's half, written with nothing but
// crypto/tls and wire.

func TestMain(m *testing.M) {
	// A loop holds a processor while it waits (doc.go); tests run several
	// transports in one process.
	runtime.GOMAXPROCS(max(8, runtime.GOMAXPROCS(0)))
	goleak.VerifyTestMain(m,
		// gnet's default worker pool lives as long as the process.
		goleak.IgnoreAnyFunction("github.com/panjf2000/ants/v2.(*poolCommon).purgeStaleWorkers"),
		goleak.IgnoreAnyFunction("github.com/panjf2000/ants/v2.(*poolCommon).ticktock"))
}

type got struct {
	from wire.ReplicaID
	conn ConnID
	kind wire.Kind
	body []byte
}

type recorder struct {
	mu      sync.Mutex
	cond    *sync.Cond
	peer    []got
	client  []got
	ups     map[wire.ReplicaID]int
	downs   map[wire.ReplicaID]int
	gone    []ConnID
	onPeer  func(got)
	onFrame func(got, wire.ClientID)
}

func newRecorder() *recorder {
	r := &recorder{ups: map[wire.ReplicaID]int{}, downs: map[wire.ReplicaID]int{}}
	r.cond = sync.NewCond(&r.mu)
	return r
}

func (r *recorder) do(f func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	f()
	r.cond.Broadcast()
}

func (r *recorder) PeerFrame(from wire.ReplicaID, kind wire.Kind, body []byte) {
	g := got{from: from, kind: kind, body: body}
	if r.onPeer != nil {
		r.onPeer(g)
		return
	}
	r.do(func() { r.peer = append(r.peer, g) })
}
func (r *recorder) PeerUp(id wire.ReplicaID)   { r.do(func() { r.ups[id]++ }) }
func (r *recorder) PeerDown(id wire.ReplicaID) { r.do(func() { r.downs[id]++ }) }
func (r *recorder) ClientDown(c ConnID)        { r.do(func() { r.gone = append(r.gone, c) }) }
func (r *recorder) ClientFrame(c ConnID, id wire.ClientID, kind wire.Kind, body []byte) {
	g := got{conn: c, kind: kind, body: body}
	if r.onFrame != nil {
		r.onFrame(g, id)
		return
	}
	r.do(func() { r.client = append(r.client, g) })
}

// wait waits until ok, called with the recorder locked, or fails the test.
func (r *recorder) wait(t testing.TB, what string, ok func() bool) {
	t.Helper()
	deadline := time.AfterFunc(20*time.Second, r.cond.Broadcast)
	defer deadline.Stop()
	end := time.Now().Add(20 * time.Second)
	r.mu.Lock()
	defer r.mu.Unlock()
	for !ok() {
		if time.Now().After(end) {
			t.Fatalf("waited in vain for: %s", what)
		}
		r.cond.Wait()
	}
}

// eventually polls; for what no callback tells.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !ok(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited in vain for: %s", what)
		}
	}
}

type world struct {
	members []cluster.Member
	keys    []ed25519.PrivateKey
	genesis wire.Digest
	clients map[wire.ClientID]ed25519.PrivateKey
}

func keyOf(seed int) ed25519.PrivateKey {
	var s [32]byte
	copy(s[:], fmt.Sprintf("netio test key %d", seed))
	return ed25519.NewKeyFromSeed(s[:])
}

func newWorld(t testing.TB, n int) *world {
	t.Helper()
	w := &world{genesis: wire.Digest{1, 2, 3}, clients: map[wire.ClientID]ed25519.PrivateKey{7: keyOf(1007), 8: keyOf(1008)}}
	for i := range n {
		key := keyOf(i)
		w.keys = append(w.keys, key)
		w.members = append(w.members, cluster.Member{
			ID: wire.ReplicaID(i), Identity: key.Public().(ed25519.PublicKey),
			PeerAddr: freeAddr(t), ClientAddr: freeAddr(t),
		})
	}
	return w
}

func freeAddr(t testing.TB) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	return ln.Addr().String()
}

func quietLogger() *slog.Logger {
	if os.Getenv("NETIO_LOG") != "" {
		return slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelDebug}))
	}
	return slog.New(slog.NewTextHandler(io.Discard, nil))
}

func (w *world) config(id int) Config {
	return Config{
		Self: wire.ReplicaID(id), Members: w.members, Identity: w.keys[id], GenesisHash: w.genesis,
		PeerAddr: w.members[id].PeerAddr, ClientAddr: w.members[id].ClientAddr,
		ClientKey: func(c wire.ClientID) (ed25519.PublicKey, bool) {
			k, ok := w.clients[c]
			if !ok {
				return nil, false
			}
			return k.Public().(ed25519.PublicKey), true
		},
		Logger: quietLogger(),
	}
}

// start listens with a config that edit may change; the test's end closes it.
func (w *world) start(t testing.TB, id int, h Handler, edit func(*Config)) *Transport {
	t.Helper()
	cfg := w.config(id)
	if edit != nil {
		edit(&cfg)
	}
	tr, err := Listen(cfg, h)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { shut(t, tr) })
	return tr
}

func shut(t testing.TB, tr *Transport) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	if err := tr.Close(ctx); err != nil {
		t.Error(err)
	}
}

// pair is two transports that see each other.
func pair(t testing.TB, edit func(*Config)) (w *world, a, b *Transport, ra, rb *recorder) {
	t.Helper()
	w = newWorld(t, 2)
	ra, rb = newRecorder(), newRecorder()
	a, b = w.start(t, 0, ra, edit), w.start(t, 1, rb, edit)
	ra.wait(t, "0 sees 1", func() bool { return ra.ups[1] == 1 })
	rb.wait(t, "1 sees 0", func() bool { return rb.ups[0] == 1 })
	return w, a, b, ra, rb
}

// testClient is a client's connection, blocking.
type testClient struct {
	net.Conn
	tcp *net.TCPConn
}

var errRejected = errors.New("rejected")

// dialTLS opens a TLS connection to a replica's client port, no hello yet.
func (w *world) dialTLS(t testing.TB, id int) *testClient {
	t.Helper()
	tcp, err := net.Dial("tcp", w.members[id].ClientAddr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { tcp.Close() })
	_ = tcp.SetDeadline(time.Now().Add(20 * time.Second))
	c := tls.Client(tcp, ClientTLS(tls.Certificate{}, w.members[id].Identity))
	if err := c.Handshake(); err != nil {
		t.Fatal(err)
	}
	return &testClient{Conn: c, tcp: tcp.(*net.TCPConn)}
}

// dial opens an authenticated client connection.
func (w *world) dial(t testing.TB, id int, client wire.ClientID) *testClient {
	t.Helper()
	c := w.dialTLS(t, id)
	c.send(t, wire.KindClientHello, c.hello(t, w.genesis, client, w.clients[client]))
	if _, err := c.welcomed(); err != nil {
		t.Fatal(err)
	}
	return c
}

func (c *testClient) hello(t testing.TB, genesis wire.Digest, client wire.ClientID, key ed25519.PrivateKey) []byte {
	t.Helper()
	var exporter [wire.ExporterBytes]byte
	if tc, ok := c.Conn.(*tls.Conn); ok {
		cs := tc.ConnectionState()
		secret, err := cs.ExportKeyingMaterial(wire.ExporterLabel, nil, wire.ExporterBytes)
		if err != nil {
			t.Fatal(err)
		}
		copy(exporter[:], secret)
	}
	m := wire.ClientHello{Version: wire.HelloVersion, Client: client}
	copy(m.Signature[:], ed25519.Sign(key, wire.ClientHelloSigningBytes(genesis, exporter, client)))
	return m.Append(nil)
}

func frameBytes(kind wire.Kind, body []byte) []byte {
	return append(wire.FrameHeader{BodyBytes: uint32(len(body)), Kind: kind, Lane: wire.LaneReply}.Append(nil), body...)
}

func (c *testClient) send(t testing.TB, kind wire.Kind, body []byte) {
	t.Helper()
	if _, err := c.Write(frameBytes(kind, body)); err != nil {
		t.Fatal(err)
	}
}

func (c *testClient) receive() (wire.Kind, []byte, error) {
	b := make([]byte, wire.FrameHeaderBytes)
	if _, err := io.ReadFull(c, b); err != nil {
		return 0, nil, err
	}
	h, err := wire.DecodeFrameHeader(b, wire.FrameBytesMax)
	if err != nil {
		return 0, nil, err
	}
	body := make([]byte, h.BodyBytes)
	_, err = io.ReadFull(c, body)
	return h.Kind, body, err
}

// welcomed reads the answer to a hello.
func (c *testClient) welcomed() (wire.RejectCode, error) {
	kind, body, err := c.receive()
	if err != nil {
		return 0, err
	}
	if kind == wire.KindReject {
		m, err := wire.DecodeReject(body)
		if err != nil {
			return 0, err
		}
		return m.Code, errRejected
	}
	_, err = wire.DecodeServerHello(body)
	return 0, err
}

package clienttest

import (
	"bufio"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"io"
	"math/big"
	"net"
	"sync"
	"time"

	"quorate/wire"
)

// replica is one port: it authenticates clients as a real one does and hands
// their requests to the ledger.
type replica struct {
	cluster *Cluster
	id      wire.ReplicaID
	tasks   sync.WaitGroup

	mu       sync.Mutex
	listener net.Listener
	conns    map[*served]bool
}

// served is one authenticated connection.
type served struct {
	net.Conn
	mu sync.Mutex // one frame at a time
}

func newReplica(c *Cluster, id wire.ReplicaID) *replica {
	return &replica{cluster: c, id: id, conns: map[*served]bool{}}
}

// certificate makes a self-signed one over the identity key, as netio does.
func certificate(key ed25519.PrivateKey) (tls.Certificate, error) {
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, err
}

func (r *replica) serve(l net.Listener) {
	cert, err := certificate(r.cluster.identities[r.id])
	if err != nil {
		panic("clienttest: certificate: " + err.Error())
	}
	config := &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS13, NextProtos: []string{wire.ALPN}}
	r.mu.Lock()
	r.listener = l
	r.mu.Unlock()
	r.tasks.Go(func() {
		for {
			raw, err := l.Accept()
			if err != nil {
				return
			}
			r.tasks.Go(func() { r.connection(tls.Server(raw, config)) })
		}
	})
}

func (r *replica) kill() {
	r.mu.Lock()
	if r.listener != nil {
		_ = r.listener.Close()
		r.listener = nil
	}
	for s := range r.conns {
		_ = s.Close()
	}
	r.mu.Unlock()
	r.tasks.Wait()
}

// track notes a connection, unless the replica is dead.
func (r *replica) track(s *served) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.listener == nil {
		return false
	}
	r.conns[s] = true
	return true
}

func (r *replica) connection(t *tls.Conn) {
	s := &served{Conn: t}
	defer func() {
		r.mu.Lock()
		delete(r.conns, s)
		r.mu.Unlock()
		_ = t.Close()
	}()
	if !r.track(s) || t.Handshake() != nil {
		return
	}
	in := bufio.NewReaderSize(t, 64<<10)
	kind, body, err := readFrame(in)
	if err != nil || kind != wire.KindClientHello {
		return
	}
	id, code := r.admit(t, body)
	if code != 0 {
		s.send(wire.KindReject, (&wire.Reject{Code: code}).Append(nil))
		return
	}
	hello := wire.ServerHello{Version: wire.HelloVersion, Replica: r.id, Genesis: r.cluster.Genesis.Hash(), FrameBytesMax: 2 << 20}
	s.send(wire.KindServerHello, hello.Append(nil))
	for {
		kind, body, err := readFrame(in)
		if err != nil {
			return
		}
		r.frame(s, id, kind, body)
	}
}

// admit checks a client hello against this connection.
func (r *replica) admit(t *tls.Conn, body []byte) (wire.ClientID, wire.RejectCode) {
	hello, err := wire.DecodeClientHello(body)
	if err != nil {
		return 0, wire.RejectMalformed
	}
	key, ok := r.cluster.Genesis.Client(hello.Client)
	if !ok || !r.cluster.knows(r.id) {
		return 0, wire.RejectUnknownClient
	}
	state := t.ConnectionState()
	material, err := state.ExportKeyingMaterial(wire.ExporterLabel, nil, wire.ExporterBytes)
	if err != nil {
		return 0, wire.RejectMalformed
	}
	message := wire.ClientHelloSigningBytes(r.cluster.Genesis.Hash(), [wire.ExporterBytes]byte(material), hello.Client)
	if !ed25519.Verify(key.Key, message, hello.Signature[:]) {
		return 0, wire.RejectSignature
	}
	return hello.Client, 0
}

// frame takes one frame of a client.
func (r *replica) frame(s *served, id wire.ClientID, kind wire.Kind, body []byte) {
	switch kind {
	case wire.KindStatusRequest:
		status := r.cluster.status(r.id)
		s.send(wire.KindStatusReply, status.Append(nil))
	case wire.KindRequest:
		q, err := wire.DecodeRequest(body)
		if err != nil || q.Client != id {
			s.send(wire.KindReject, (&wire.Reject{Code: wire.RejectMalformed}).Append(nil))
			return
		}
		r.request(s, q)
	}
}

func (r *replica) request(s *served, q wire.Request) {
	_, intercept := r.cluster.hooks()
	if intercept != nil {
		if kind, body := intercept(r.id, &q); kind == wire.KindPing {
			return
		} else if kind != 0 {
			s.send(kind, body)
			return
		}
	}
	digest := q.Digest(r.cluster.Genesis.Hash())
	key, _ := r.cluster.Genesis.Client(q.Client)
	if !ed25519.Verify(key.Key, wire.SigningBytes(digest), q.Signature[:]) {
		s.send(wire.KindReject, (&wire.Reject{Seq: q.Seq, Code: wire.RejectSignature}).Append(nil))
		return
	}
	r.cluster.ledger.ask(asked{request: q, digest: digest, answer: func(reply wire.Reply) {
		copies := 1
		if tamper, _ := r.cluster.hooks(); tamper != nil {
			copies = tamper(r.id, &reply)
		}
		for range copies {
			s.send(wire.KindReply, reply.Append(nil))
		}
	}})
}

// send writes one frame; a client that takes nothing for long is cut off, so
// that it cannot hold up the ledger.
func (s *served) send(kind wire.Kind, body []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	_ = s.SetWriteDeadline(time.Now().Add(5 * time.Second))
	b := wire.FrameHeader{BodyBytes: uint32(len(body)), Kind: kind, Lane: wire.LaneReply}.Append(nil)
	if _, err := s.Write(append(b, body...)); err != nil {
		_ = s.Close()
	}
}

func readFrame(r io.Reader) (wire.Kind, []byte, error) {
	var head [wire.FrameHeaderBytes]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return 0, nil, err
	}
	h, err := wire.DecodeFrameHeader(head[:], 2<<20)
	if err != nil {
		return 0, nil, err
	}
	body := make([]byte, h.BodyBytes)
	_, err = io.ReadFull(r, body)
	return h.Kind, body, err
}

package e2e

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"quorate/client"
	"quorate/cluster"
	"quorate/netio"
	"quorate/payments"
	"quorate/wire"
)

// rawMax bounds every read and write of a raw connection.
const rawMax = 20 * time.Second

// raw is a connection to a port of a replica, on which a test sends what it
// likes. It shares no code with package client, which would refuse to.
type raw struct {
	net.Conn
	t        *testing.T
	exporter [wire.ExporterBytes]byte
}

// dialTCP opens a plain connection.
func dialTCP(t *testing.T, addr string) *raw {
	t.Helper()
	c, err := net.DialTimeout("tcp", addr, rawMax)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	_ = c.SetDeadline(time.Now().Add(rawMax))
	return &raw{Conn: c, t: t}
}

// dialTLS opens a TLS connection and says no hello.
func dialTLS(t *testing.T, addr string, certificates ...tls.Certificate) *raw {
	t.Helper()
	c := dialTCP(t, addr)
	s := tls.Client(c.Conn, &tls.Config{
		MinVersion: tls.VersionTLS13, NextProtos: []string{wire.ALPN}, Certificates: certificates,
		InsecureSkipVerify: true, // the server is not what is tested here
	})
	if err := s.Handshake(); err != nil {
		t.Fatal(err)
	}
	state := s.ConnectionState()
	key, err := state.ExportKeyingMaterial(wire.ExporterLabel, nil, wire.ExporterBytes)
	if err != nil {
		t.Fatal(err)
	}
	copy(c.exporter[:], key)
	c.Conn = s
	return c
}

// clientAddr is replica i's port for clients.
func (d *deployment) clientAddr(i int) string { return d.genesis.Members[i].ClientAddr }

// member opens a connection to replica i and authenticates as a client.
func (d *deployment) member(i int, k client.Keys) *raw {
	d.t.Helper()
	c := dialTLS(d.t, d.clientAddr(i))
	c.hello(k.ID, k.Key, d.genesis.Hash())
	if kind, _, err := c.frame(); err != nil || kind != wire.KindServerHello {
		d.t.Fatalf("hello answered with kind %d, %v", kind, err)
	}
	return c
}

// hello sends a client hello signed with any key for any cluster.
func (c *raw) hello(id wire.ClientID, key ed25519.PrivateKey, cluster wire.Digest) {
	c.t.Helper()
	h := wire.ClientHello{Version: wire.HelloVersion, Client: id}
	copy(h.Signature[:], ed25519.Sign(key, wire.ClientHelloSigningBytes(cluster, c.exporter, id)))
	c.send(wire.KindClientHello, h.Append(nil))
}

// send sends a whole frame.
func (c *raw) send(kind wire.Kind, body []byte) {
	c.t.Helper()
	frame := wire.FrameHeader{BodyBytes: uint32(len(body)), Kind: kind}.Append(nil)
	if _, err := c.Write(append(frame, body...)); err != nil {
		c.t.Fatal(err)
	}
}

// frame reads a frame.
func (c *raw) frame() (wire.Kind, []byte, error) {
	head := make([]byte, wire.FrameHeaderBytes)
	if _, err := io.ReadFull(c, head); err != nil {
		return 0, nil, err
	}
	h, err := wire.DecodeFrameHeader(head, wire.FrameBytesMax)
	if err != nil {
		return 0, nil, err
	}
	body := make([]byte, h.BodyBytes)
	_, err = io.ReadFull(c, body)
	return h.Kind, body, err
}

// rejected wants a typed reject.
func (c *raw) rejected(code wire.RejectCode) {
	c.t.Helper()
	kind, body, err := c.frame()
	if err != nil || kind != wire.KindReject {
		c.t.Fatalf("answered with kind %d, %v; want a reject", kind, err)
	}
	if m, err := wire.DecodeReject(body); err != nil || m.Code != code {
		c.t.Fatalf("rejected with %v, %v; want %v", m.Code, err, code)
	}
}

// reply wants a reply. A replica that does not lead says before in which view it
// is, which every client has to bear.
func (c *raw) reply() wire.Reply {
	c.t.Helper()
	kind, body, err := c.frame()
	for err == nil && kind == wire.KindStatusReply {
		kind, body, err = c.frame()
	}
	if err != nil || kind != wire.KindReply {
		c.t.Fatalf("answered with kind %d, %v, %x; want a reply", kind, err, body)
	}
	m, err := wire.DecodeReply(body)
	if err != nil {
		c.t.Fatal(err)
	}
	return m
}

// closed wants the other side to close the connection, whatever it says before.
func (c *raw) closed() {
	c.t.Helper()
	if _, err := io.Copy(io.Discard, c); err != nil && !ended(err) {
		c.t.Fatalf("the connection is not closed: %v", err)
	}
}

// ended reports whether err says that the other side closed the connection.
func ended(err error) bool {
	var timeout net.Error
	return err != nil && !(errors.As(err, &timeout) && timeout.Timeout())
}

// request makes a signed request.
func request(k client.Keys, cluster wire.Digest, seq uint64, op wire.Op, body []byte) *wire.Request {
	q := &wire.Request{Client: k.ID, Seq: seq, Op: op, Body: body}
	copy(q.Signature[:], ed25519.Sign(k.Key, wire.SigningBytes(q.Digest(cluster))))
	return q
}

// transferBody is a body of one payment.
func transferBody(id, amount uint64) []byte {
	t := payments.Transfer{ID: payments.U64(id), DebitAccountID: payments.U64(1), CreditAccountID: payments.U64(2),
		Amount: payments.U64(amount), Ledger: 1, Code: 1}
	return t.Append(nil)
}

// dial opens a well-behaved client.
func (d *deployment) dial(k client.Keys) *client.Client {
	d.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), readyMax)
	defer cancel()
	c, err := client.Dial(ctx, d.genesis, k, client.Options{})
	if err != nil {
		d.t.Fatal(err)
	}
	d.t.Cleanup(func() { _ = c.Close() })
	return c
}

// openAccounts makes accounts 1 and 2.
func (d *deployment) openAccounts() *client.Client {
	d.t.Helper()
	c := d.dial(d.admin)
	ctx, cancel := context.WithTimeout(context.Background(), commandMax)
	defer cancel()
	codes, err := c.CreateAccounts(ctx, []payments.Account{{ID: payments.U64(1), Ledger: 1, Code: 1}, {ID: payments.U64(2), Ledger: 1, Code: 1}})
	if err != nil || codes[0] != payments.AccountOK || codes[1] != payments.AccountOK {
		d.t.Fatal(codes, err)
	}
	return c
}

// received is what account 2 was paid, by the cluster's own proven word.
func received(t *testing.T, c *client.Client) payments.U128 {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), commandMax)
	defer cancel()
	found, err := c.LookupAccounts(ctx, []payments.U128{payments.U64(2)})
	if err != nil || len(found) != 1 {
		t.Fatal(found, err)
	}
	return found[0].CreditsPosted
}

// sameReply reports whether two replies prove the same outcome in the same
// block.
func sameReply(a, b wire.Reply) bool {
	return bytes.Equal(a.Append(nil), b.Append(nil))
}

// dialOver runs a TLS handshake over a connection whose plain side the test
// keeps.
func dialOver(t *testing.T, c *raw, certificate tls.Certificate) *raw {
	t.Helper()
	s := tls.Client(c.Conn, &tls.Config{MinVersion: tls.VersionTLS13, NextProtos: []string{wire.ALPN},
		Certificates: []tls.Certificate{certificate}, InsecureSkipVerify: true})
	if err := s.Handshake(); err != nil {
		t.Fatal(err)
	}
	return &raw{Conn: s, t: t}
}

// certificate is the true certificate of a replica, from its key file.
func (d *deployment) certificate(t *testing.T, i int) tls.Certificate {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(d.node(i), "keys.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	keys, err := cluster.ParseNodeKeys(text)
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := netio.IdentityCertificate(keys.Identity(), wire.ReplicaID(i), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return certificate
}

// floodConn is member for a goroutine that may not end the test.
func (d *deployment) floodConn(i int, k client.Keys) (net.Conn, error) {
	s, err := tls.DialWithDialer(&net.Dialer{Timeout: rawMax}, "tcp", d.clientAddr(i),
		&tls.Config{MinVersion: tls.VersionTLS13, NextProtos: []string{wire.ALPN}, InsecureSkipVerify: true})
	if err != nil {
		return nil, err
	}
	_ = s.SetDeadline(time.Now().Add(rawMax))
	state := s.ConnectionState()
	exported, err := state.ExportKeyingMaterial(wire.ExporterLabel, nil, wire.ExporterBytes)
	if err != nil {
		return nil, err
	}
	h := wire.ClientHello{Version: wire.HelloVersion, Client: k.ID}
	copy(h.Signature[:], ed25519.Sign(k.Key, wire.ClientHelloSigningBytes(d.genesis.Hash(), [wire.ExporterBytes]byte(exported), k.ID)))
	body := h.Append(nil)
	if _, err := s.Write(append(wire.FrameHeader{BodyBytes: uint32(len(body)), Kind: wire.KindClientHello}.Append(nil), body...)); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

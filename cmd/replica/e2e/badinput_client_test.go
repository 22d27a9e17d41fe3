package e2e

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/tls"
	"encoding/binary"
	"fmt"
	"math/big"
	"slices"
	"time"

	"quorate/client"
	"quorate/netio"
	"quorate/payments"
	"quorate/wire"
)

// The clients' port: requests, frames, hellos, sockets (CLI-01, CLI-03, FRM-01
// to FRM-04, NET-03, NET-04).

// refusedRequest sends the bytes of a request and wants this code.
func (b *badRun) refusedRequest(row, name string, code wire.RejectCode, body []byte) {
	i := int(code) % 4
	b.bad(row, name, i, rejects(code), func() {
		c := b.member(i, b.someClient())
		c.send(wire.KindRequest, body)
		c.rejected(code)
	})
}

// groupOrder is the order of Ed25519's group: S and S+L pass in equations and
// only S may pass in signatures (RFC 8032, 5.1.7).
var groupOrder, _ = new(big.Int).SetString("7237005577332262213973186563042994240857116359379907606001950938285454250989", 10)

// malleated adds L to a signature's S.
func malleated(s wire.Signature) wire.Signature {
	le := slices.Clone(s[32:])
	slices.Reverse(le)
	sum := new(big.Int).Add(new(big.Int).SetBytes(le), groupOrder).FillBytes(make([]byte, 32))
	slices.Reverse(sum)
	copy(s[32:], sum)
	return s
}

func (b *badRun) badRequests() {
	k, other, hash := b.someClient(), b.keys("load-06"), b.genesis.Hash()
	good := request(k, hash, 1, wire.OpCreateTransfers, transferBody(900, 5))
	with := func(change func(q *wire.Request)) []byte {
		q := *good
		q.Body = slices.Clone(good.Body)
		change(&q)
		return q.Append(nil)
	}
	wrongHash := hash
	wrongHash[0] ^= 1
	for at := 0; at < wire.SignatureBytes; at += 7 {
		b.refusedRequest("CLI-01", fmt.Sprintf("signature bit of byte %d", at), wire.RejectSignature, with(func(q *wire.Request) { q.Signature[at] ^= 1 }))
	}
	for name, body := range map[string][]byte{
		"no signature":        with(func(q *wire.Request) { q.Signature = wire.Signature{} }),
		"S plus L":            with(func(q *wire.Request) { q.Signature = malleated(q.Signature) }),
		"S of all ones":       with(func(q *wire.Request) { copy(q.Signature[32:], slices.Repeat([]byte{255}, 32)) }),
		"R of order 1":        with(func(q *wire.Request) { clear(q.Signature[:32]); q.Signature[0] = 1 }),
		"R of order 4":        with(func(q *wire.Request) { clear(q.Signature[:32]) }),
		"R not canonical":     with(func(q *wire.Request) { copy(q.Signature[:32], slices.Repeat([]byte{255}, 32)) }),
		"another's key":       request(client.Keys{ID: k.ID, Key: other.Key}, hash, 1, good.Op, good.Body).Append(nil),
		"another's signature": with(func(q *wire.Request) { q.Signature = request(other, hash, 1, good.Op, good.Body).Signature }),
		"another cluster":     request(k, wrongHash, 1, good.Op, good.Body).Append(nil),
		"another seq":         with(func(q *wire.Request) { q.Seq++ }),
		"another operation":   with(func(q *wire.Request) { q.Op = wire.OpCreateAccounts }),
		"another amount":      with(func(q *wire.Request) { q.Body[48] ^= 1 }),
		"a hello's signature": with(func(q *wire.Request) {
			copy(q.Signature[:], ed25519.Sign(k.Key, wire.ClientHelloSigningBytes(hash, [wire.ExporterBytes]byte{}, k.ID)))
		}),
	} {
		b.refusedRequest("CLI-01", name, wire.RejectSignature, body)
	}
	for _, id := range []wire.ClientID{0, other.ID, b.admin.ID, 99, 1 << 31, 1 << 63, ^wire.ClientID(0)} {
		b.refusedRequest("CLI-01", fmt.Sprintf("as client %d", id), wire.RejectWrongClient,
			request(client.Keys{ID: id, Key: k.Key}, hash, 1, good.Op, good.Body).Append(nil))
	}
	b.badShapes(good)
	b.badSeqs(k)
}

// badShapes bends the encoding of a good request, and gives operations bodies
// that they never have.
func (b *badRun) badShapes(good *wire.Request) {
	k, hash, whole := b.someClient(), b.genesis.Hash(), good.Append(nil)
	for cut := 0; cut < len(whole); cut += 11 {
		b.refusedRequest("FRM-01", fmt.Sprintf("request cut at %d", cut), wire.RejectMalformed, whole[:cut])
	}
	for _, n := range []int{1, 2, 1000} {
		b.refusedRequest("FRM-01", fmt.Sprintf("%d bytes behind a request", n), wire.RejectMalformed, append(slices.Clone(whole), make([]byte, n)...))
	}
	const lengthAt = 8 + 8 + 1
	for _, n := range []uint32{0, wire.EventBytes - 1, wire.EventBytes + 1, wire.BodyBytesMax, wire.BodyBytesMax + 1, 1 << 31, 1<<32 - 1} {
		bent := slices.Clone(whole)
		binary.LittleEndian.PutUint32(bent[lengthAt:], n)
		b.refusedRequest("FRM-01", fmt.Sprintf("body said to be %d bytes", n), wire.RejectMalformed, bent)
	}
	for _, op := range []wire.Op{0, wire.OpCreateSignedTransfers, wire.OpCreateSignedTransfers + 1, 127, 128, 255} {
		b.refusedRequest("FRM-01", fmt.Sprintf("operation %d", op), wire.RejectOperation, request(k, hash, 1, op, good.Body).Append(nil))
	}
	units := map[wire.Op]int{wire.OpCreateAccounts: payments.RecordBytes, wire.OpCreateTransfers: payments.RecordBytes,
		wire.OpLookupAccounts: 16, wire.OpLookupTransfers: 16, wire.OpGetAccountTransfers: payments.AccountFilterBytes,
		wire.OpGetAccountBalances: payments.AccountFilterBytes, wire.OpQueryAccounts: payments.QueryFilterBytes,
		wire.OpQueryTransfers: payments.QueryFilterBytes, wire.OpRegisterClient: payments.ClientRecordBytes,
		wire.OpCreateSignedTransfers: wire.SignedEventBytes}
	for op, unit := range units {
		for _, n := range []int{0, 1, unit - 1, unit + 1} {
			b.refusedRequest("FRM-01", fmt.Sprintf("%v with a body of %d", op, n), wire.RejectOperation, request(k, hash, 1, op, make([]byte, n)).Append(nil))
		}
	}
	for _, n := range []int{1, payments.RecordBytes} {
		b.refusedRequest("FRM-01", fmt.Sprintf("%v with a body of %d", wire.OpLedgerTotals, n), wire.RejectOperation,
			request(k, hash, 1, wire.OpLedgerTotals, make([]byte, n)).Append(nil))
	}
	frame := append(wire.FrameHeader{BodyBytes: uint32(len(whole)), Kind: wire.KindRequest}.Append(nil), whole...)
	frame[len(frame)-1] ^= 1
	for cut := 1; cut < len(frame); cut += 13 {
		b.bad("FRM-01", fmt.Sprintf("bad signature in two pieces, cut at %d", cut), 2, rejects(wire.RejectSignature), func() {
			c := b.member(2, k)
			for _, piece := range [][]byte{frame[:cut], frame[cut:]} {
				if _, err := c.Write(piece); err != nil {
					b.t.Fatal(err)
				}
			}
			c.rejected(wire.RejectSignature)
		})
	}
}

// badSeqs moves the client's window up and asks outside of it.
func (b *badRun) badSeqs(k client.Keys) {
	const high = 100
	hash := b.genesis.Hash()
	primary := int(b.mustStatus(0).Primary)
	c := b.member(primary, k)
	first := request(k, hash, high, wire.OpLedgerTotals, nil).Append(nil)
	c.send(wire.KindRequest, first)
	if r := c.reply(); r.Status != 0 {
		b.t.Fatalf("%+v", r)
	}
	_ = c.Close()
	b.settle(0, 1, 2, 3)
	ask := func(seq uint64) []byte {
		return request(k, hash, seq, wire.OpCreateTransfers, transferBody(900, 5)).Append(nil)
	}
	for _, seq := range []uint64{1, 2, high - payments.WindowSeqs - 1, high - payments.WindowSeqs} {
		b.refusedRequest("CLI-03", fmt.Sprintf("old seq %d", seq), wire.RejectSeqTooOld, ask(seq))
	}
	for _, seq := range []uint64{high + payments.SessionJumpMax + 1, 1 << 31, 1 << 62, 1<<63 - 1, 1 << 63, ^uint64(0) - 1, ^uint64(0)} {
		b.refusedRequest("CLI-03", fmt.Sprintf("far seq %d", seq), wire.RejectSeqTooFar, ask(seq))
	}
	b.refusedRequest("CLI-03", "seq 0", wire.RejectMalformed, ask(0))
	for i := range 4 {
		b.bad("CLI-03", fmt.Sprintf("used seq with another body at replica %d", i), i, rejects(wire.RejectIDReused), func() {
			c := b.member(i, k)
			c.send(wire.KindRequest, ask(high))
			c.rejected(wire.RejectIDReused)
		})
		b.good("CLI-03", fmt.Sprintf("the same request again at replica %d", i), i, "", func() {
			c := b.member(i, k)
			c.send(wire.KindRequest, first)
			c.reply()
		})
	}
}

// badClientFrames sends frames that an authenticated client must not.
func (b *badRun) badClientFrames() {
	k := b.someClient()
	closing := func(row, name string, cause netio.Cause, bytes []byte) {
		b.bad(row, name, 1, linkRejects(cause), func() {
			c := b.member(1, k)
			if _, err := c.Write(bytes); err != nil {
				b.t.Fatal(err)
			}
			c.closed()
		})
	}
	head := func(h wire.FrameHeader) []byte { return h.Append(nil) }
	allowed := []wire.Kind{wire.KindRequest, wire.KindStatusRequest, wire.KindClientPing}
	for _, kind := range []wire.Kind{0, 1, 2, 3, 4, 15, 16, 17, 21, 27, 28, 34, 35, 36, 63, 64, 65, 67, 68, 70, 72, 73, 127, 128, 255} {
		if slices.Contains(allowed, kind) {
			b.t.Fatalf("kind %d is allowed", kind)
		}
		closing("FRM-01", fmt.Sprintf("kind %d of a client", kind), netio.CauseKind, head(wire.FrameHeader{BodyBytes: 8, Kind: kind}))
	}
	for _, lane := range []wire.Lane{3, 4, 127, 128, 255} {
		closing("FRM-01", fmt.Sprintf("lane %d", lane), netio.CauseFrame, head(wire.FrameHeader{BodyBytes: 8, Kind: wire.KindRequest, Lane: lane}))
	}
	for _, stream := range []uint16{1, 2, 1 << 15, 1<<16 - 1} {
		closing("FRM-04", fmt.Sprintf("a chunk of stream %d", stream), netio.CauseFrame, head(wire.FrameHeader{BodyBytes: 1 << 20, Kind: wire.KindRequest, Stream: stream}))
	}
	closing("FRM-01", "garbage", netio.CauseFrame, slices.Repeat([]byte{255}, 4096))
	b.bad("FRM-03", "a status request with a body", 1, rejects(wire.RejectMalformed), func() {
		c := b.member(1, k)
		c.send(wire.KindStatusRequest, []byte{0})
		c.rejected(wire.RejectMalformed)
	})
	for _, n := range []int{1, 7, 8, 50} {
		b.bad("FRM-01", fmt.Sprintf("the connection ends after %d bytes of a frame", n), 1, "", func() {
			c := b.member(1, k)
			if _, err := c.Write(append(head(wire.FrameHeader{BodyBytes: 100, Kind: wire.KindRequest}), make([]byte, 100)...)[:n]); err != nil {
				b.t.Fatal(err)
			}
			_ = c.Close()
		})
	}
}

// badClientHellos opens connections that are refused before the first request.
func (b *badRun) badClientHellos() {
	k, hash := b.someClient(), b.genesis.Hash()
	wrongHash := hash
	wrongHash[31] ^= 1
	_, stranger, _ := ed25519.GenerateKey(rand.Reader)
	refused := func(row, name string, code wire.RejectCode, cause netio.Cause, say func(c *raw)) {
		b.bad(row, name, 2, linkRejects(cause), func() {
			c := dialTLS(b.t, b.clientAddr(2))
			say(c)
			if code != 0 {
				c.rejected(code)
			}
			c.closed()
		})
	}
	hello := func(c *raw, change func(h *wire.ClientHello)) []byte {
		h := wire.ClientHello{Version: wire.HelloVersion, Client: k.ID}
		copy(h.Signature[:], ed25519.Sign(k.Key, wire.ClientHelloSigningBytes(hash, c.exporter, k.ID)))
		change(&h)
		return h.Append(nil)
	}
	for _, v := range []uint16{0, 2, 1 << 15, 1<<16 - 1} {
		refused("FRM-01", fmt.Sprintf("hello of version %d", v), wire.RejectMalformed, netio.CauseHello,
			func(c *raw) { c.send(wire.KindClientHello, hello(c, func(h *wire.ClientHello) { h.Version = v })) })
	}
	for _, id := range []wire.ClientID{99, 1 << 31, 1 << 63, ^wire.ClientID(0)} {
		refused("CLI-01", fmt.Sprintf("hello of unknown client %d", id), wire.RejectUnknownClient, netio.CauseUnknownClient,
			func(c *raw) { c.hello(id, k.Key, hash) })
	}
	for name, say := range map[string]func(c *raw){
		"a stranger's key":   func(c *raw) { c.hello(k.ID, stranger, hash) },
		"another's id":       func(c *raw) { c.hello(b.admin.ID, k.Key, hash) },
		"another cluster":    func(c *raw) { c.hello(k.ID, k.Key, wrongHash) },
		"another connection": func(c *raw) { c.exporter[31] ^= 1; c.hello(k.ID, k.Key, hash) },
		"no exporter":        func(c *raw) { c.exporter = [wire.ExporterBytes]byte{}; c.hello(k.ID, k.Key, hash) },
		"malleated signature": func(c *raw) {
			c.send(wire.KindClientHello, hello(c, func(h *wire.ClientHello) { h.Signature = malleated(h.Signature) }))
		},
		"no signature": func(c *raw) {
			c.send(wire.KindClientHello, hello(c, func(h *wire.ClientHello) { h.Signature = wire.Signature{} }))
		},
	} {
		row := "CLI-01"
		if name == "another cluster" || name == "another connection" {
			row = "NET-03"
		}
		refused(row, "hello with "+name, wire.RejectSignature, netio.CauseSignature, say)
	}
	refused("CLI-01", "hello of client 0", wire.RejectMalformed, netio.CauseHello, func(c *raw) { c.hello(0, k.Key, hash) })
	for name, change := range map[string]func(whole []byte) []byte{
		"nothing in it":     func([]byte) []byte { return nil },
		"a byte too few":    func(w []byte) []byte { return w[:len(w)-1] },
		"a byte too many":   func(w []byte) []byte { return append(w, 0) },
		"a replica's hello": func([]byte) []byte { return (&wire.Hello{Version: 1, Replica: 3, Genesis: hash}).Append(nil) },
	} {
		refused("FRM-01", "hello with "+name, wire.RejectMalformed, netio.CauseHello,
			func(c *raw) { c.send(wire.KindClientHello, change(hello(c, func(*wire.ClientHello) {}))) })
	}
	for _, kind := range []wire.Kind{wire.KindRequest, wire.KindStatusRequest, wire.KindHello, wire.KindCommit, 0, 255} {
		refused("FRM-01", fmt.Sprintf("kind %d as the first frame", kind), 0, netio.CauseHello, func(c *raw) { c.send(kind, []byte("hello")) })
	}
}

// badClientSockets speaks other protocols, or another TLS, to the clients' port.
func (b *badRun) badClientSockets() {
	b.badSockets("clients'", b.clientAddr(3), 3)
}

// badSockets is for either port of replica i.
func (b *badRun) badSockets(port, addr string, i int) {
	for name, c := range map[string]struct {
		cause netio.Cause
		bytes []byte
	}{
		"HTTP":         {netio.CauseNotTLS, []byte("GET / HTTP/1.1\r\nHost: quorate\r\n\r\n")},
		"a bare frame": {netio.CauseNotTLS, append(wire.FrameHeader{BodyBytes: 10, Kind: wire.KindClientHello}.Append(nil), make([]byte, 10)...)},
		"zeros":        {netio.CauseNotTLS, make([]byte, 4096)},
		"SSL 2":        {netio.CauseNotTLS, []byte{0x80, 0x2e, 1, 0, 2, 0, 0x15, 0, 0, 0, 0x10, 1, 0, 0x80, 7, 0, 0xc0, 3, 0, 0x80}},
	} {
		b.bad("NET-04", name+" at the "+port+" port", i, linkRejects(c.cause), func() {
			conn := dialTCP(b.t, addr)
			_, _ = conn.Write(c.bytes)
			conn.closed()
		})
	}
	shaken := func(row, name string, config *tls.Config) {
		config.InsecureSkipVerify = true
		b.bad(row, name+" at the "+port+" port", i, linkRejects(netio.CauseHandshake), func() {
			conn := dialTCP(b.t, addr)
			if tls.Client(conn.Conn, config).Handshake() == nil {
				// TLS 1.3: a client may learn of its refusal only when it reads.
				conn.closed()
			}
		})
	}
	for name, version := range map[string]uint16{"TLS 1.0": tls.VersionTLS10, "TLS 1.1": tls.VersionTLS11, "TLS 1.2": tls.VersionTLS12} {
		shaken("NET-04", name, &tls.Config{MinVersion: version, MaxVersion: version, NextProtos: []string{wire.ALPN}, Certificates: []tls.Certificate{b.certificate(b.t, 3)}})
	}
	shaken("NET-04", "another ALPN", &tls.Config{MinVersion: tls.VersionTLS13, NextProtos: []string{"h2"}, Certificates: []tls.Certificate{b.certificate(b.t, 3)}})
}

// renew gives a connection that lives through many inputs its deadline anew.
func (c *raw) renew() { _ = c.SetDeadline(time.Now().Add(rawMax)) }

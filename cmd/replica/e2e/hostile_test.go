package e2e

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"strings"
	"testing"
	"time"

	"quorate/client"
	"quorate/netio"
	"quorate/payments"
	"quorate/wire"
)

// Aim: clients and strangers that break every rule at the real ports get a typed
// answer or a closed connection, are counted, change nothing, and cost honest
// clients little. CLI-01 to CLI-04, NET-03, NET-04, FRM-01 of the threat list.
// Method: connections of our own, byte by byte; the judge is each replica's
// execution digest, which names its whole history, and its counters.

// same fails the test unless all replicas still stand where they stood.
func (d *deployment) same(before wire.NodeStatus) {
	d.t.Helper()
	if now := d.agree(0, 1, 2, 3); now.Execute != before.Execute {
		d.t.Errorf("something was executed: %+v, before %+v", now, before)
	}
}

// counted waits until one of replica i's counters has grown by one.
func (d *deployment) counted(i int, sample string, do func()) {
	d.t.Helper()
	before := d.metric(i, sample)
	do()
	eventually(d.t, settleMax, sample, func() error {
		now := d.metric(i, sample)
		return errOf(now == before+1, "%v, before %v", now, before)
	})
}

func rejects(code wire.RejectCode) string {
	return fmt.Sprintf(`quorate_rejects_total{code="%s"}`, code)
}

func TestBadRequestsAreRefused(t *testing.T) {
	d := running(t)
	d.openAccounts()
	before := d.agree(0, 1, 2, 3)
	k, other, hash := d.keys("load-05"), d.keys("load-06"), d.genesis.Hash()
	wrongHash := hash
	wrongHash[0] ^= 1
	good := request(k, hash, 1, wire.OpCreateTransfers, transferBody(900, 5))
	for name, c := range map[string]struct {
		code wire.RejectCode
		body func() []byte
	}{
		"signature": {wire.RejectSignature, func() []byte {
			q := *good
			q.Signature[10] ^= 1
			return q.Append(nil)
		}},
		"no signature": {wire.RejectSignature, func() []byte {
			q := *good
			q.Signature = wire.Signature{}
			return q.Append(nil)
		}},
		"another's signature": {wire.RejectSignature, func() []byte {
			return request(client.Keys{ID: k.ID, Key: other.Key}, hash, 1, wire.OpCreateTransfers, good.Body).Append(nil)
		}},
		"another cluster": {wire.RejectSignature, func() []byte { return request(k, wrongHash, 1, good.Op, good.Body).Append(nil) }},
		"another body": {wire.RejectSignature, func() []byte {
			q := *good
			q.Body = transferBody(900, 6)
			return q.Append(nil)
		}},
		"another client": {wire.RejectWrongClient, func() []byte { return request(other, hash, 1, good.Op, good.Body).Append(nil) }},
		"unknown client": {wire.RejectWrongClient, func() []byte {
			return request(client.Keys{ID: 99, Key: k.Key}, hash, 1, good.Op, good.Body).Append(nil)
		}},
		"operation": {wire.RejectOperation, func() []byte { return request(k, hash, 1, 99, good.Body).Append(nil) }},
		"seq 0":     {wire.RejectMalformed, func() []byte { return request(k, hash, 0, good.Op, good.Body).Append(nil) }},
		"far seq":   {wire.RejectSeqTooFar, func() []byte { return request(k, hash, 1<<63, good.Op, good.Body).Append(nil) }},
		"short":     {wire.RejectMalformed, func() []byte { b := good.Append(nil); return b[:len(b)-1] }},
		"long":      {wire.RejectMalformed, func() []byte { return append(good.Append(nil), 0) }},
		"empty":     {wire.RejectMalformed, func() []byte { return nil }},
	} {
		t.Run(name, func(t *testing.T) {
			i := int(c.code) % 4
			conn := d.member(i, k)
			d.counted(i, rejects(c.code), func() {
				conn.send(wire.KindRequest, c.body())
				conn.rejected(c.code)
			})
		})
	}
	d.same(before)
}

func TestBadHellosAreRefused(t *testing.T) {
	d := running(t)
	before := d.agree(0, 1, 2, 3)
	k, hash := d.keys("load-05"), d.genesis.Hash()
	wrongHash := hash
	wrongHash[0] ^= 1
	_, stranger, _ := ed25519.GenerateKey(rand.Reader)
	for name, c := range map[string]struct {
		code  wire.RejectCode
		cause netio.Cause
		hello func(*raw)
	}{
		"wrong key":       {wire.RejectSignature, netio.CauseSignature, func(c *raw) { c.hello(k.ID, stranger, hash) }},
		"another cluster": {wire.RejectSignature, netio.CauseSignature, func(c *raw) { c.hello(k.ID, k.Key, wrongHash) }},
		"another session": {wire.RejectSignature, netio.CauseSignature, func(c *raw) { c.exporter[0] ^= 1; c.hello(k.ID, k.Key, hash) }},
		"another's id":    {wire.RejectSignature, netio.CauseSignature, func(c *raw) { c.hello(d.admin.ID, k.Key, hash) }},
		"unknown client":  {wire.RejectUnknownClient, netio.CauseUnknownClient, func(c *raw) { c.hello(99, k.Key, hash) }},
		"client 0":        {wire.RejectMalformed, netio.CauseHello, func(c *raw) { c.hello(0, k.Key, hash) }},
	} {
		t.Run(name, func(t *testing.T) {
			conn := dialTLS(t, d.clientAddr(1))
			d.counted(1, linkRejects(c.cause), func() {
				c.hello(conn)
				conn.rejected(c.code)
				conn.closed()
			})
		})
	}
	d.same(before)
}

func linkRejects(c netio.Cause) string {
	return fmt.Sprintf(`quorate_link_rejects_total{cause="%s"}`, c)
}

// TestBadBytes: each is refused at both ports where it applies, the connection
// ends, the process does not.
func TestBadBytes(t *testing.T) {
	d := running(t)
	before := d.agree(0, 1, 2, 3)
	k := d.keys("load-05")
	d.badFrames(k)
	d.badHandshakes()
	for i, p := range d.nodes {
		if !p.alive() {
			t.Fatalf("replica %d died", i)
		}
	}
	d.same(before)
	d.load(1).passes(4)
}

// badFrames sends what an authenticated client must not.
func (d *deployment) badFrames(k client.Keys) {
	header := func(bodyBytes uint32, kind wire.Kind, lane wire.Lane) []byte {
		return wire.FrameHeader{BodyBytes: bodyBytes, Kind: kind, Lane: lane}.Append(nil)
	}
	// The largest frame that the replica says it takes.
	c := dialTLS(d.t, d.clientAddr(0))
	c.hello(k.ID, k.Key, d.genesis.Hash())
	_, body, err := c.frame()
	if err != nil {
		d.t.Fatal(err)
	}
	hello, err := wire.DecodeServerHello(body)
	if err != nil {
		d.t.Fatal(err)
	}
	for name, c := range map[string]struct {
		cause netio.Cause
		bytes []byte
	}{
		"length 2^31":    {netio.CauseFrame, header(1<<31, wire.KindRequest, 0)},
		"length 2^32-1":  {netio.CauseFrame, header(1<<32-1, wire.KindRequest, 0)},
		"one over":       {netio.CauseFrame, header(hello.FrameBytesMax+1, wire.KindRequest, 0)},
		"lane":           {netio.CauseFrame, header(10, wire.KindRequest, 7)},
		"replica's kind": {netio.CauseKind, header(10, wire.KindCommit, 0)},
		"unknown kind":   {netio.CauseKind, header(10, 250, 0)},
		"second hello":   {netio.CauseKind, header(10, wire.KindClientHello, 0)},
		"garbage":        {netio.CauseFrame, []byte(strings.Repeat("\xff", 4096))},
	} {
		d.t.Run(name, func(t *testing.T) {
			conn := d.member(0, k)
			d.counted(0, linkRejects(c.cause), func() {
				if _, err := conn.Write(c.bytes); err != nil {
					t.Fatal(err)
				}
				conn.closed()
			})
		})
	}
	d.t.Run("truncated", func(t *testing.T) {
		conn := d.member(0, k)
		if _, err := conn.Write(append(header(1000, wire.KindRequest, 0), make([]byte, 500)...)); err != nil {
			t.Fatal(err)
		}
		_ = conn.Close()
	})
}

// badHandshakes sends what nobody may, and shows certificates that are no
// member's, at the replicas' port and at the clients'.
func (d *deployment) badHandshakes() {
	peers := d.genesis.Members[0].PeerAddr
	for name, addr := range map[string]string{"peers": peers, "clients": d.clientAddr(0)} {
		for what, garbage := range map[string][]byte{
			"http":       []byte("GET / HTTP/1.1\r\nHost: quorate\r\n\r\n"),
			"plain":      wire.FrameHeader{BodyBytes: 10, Kind: wire.KindClientHello}.Append(nil),
			"zeros":      make([]byte, 4096),
			"giant name": binary.BigEndian.AppendUint32([]byte{22, 3, 1, 0xff, 0xff}, 1<<31),
		} {
			d.t.Run(name+" "+what, func(t *testing.T) {
				conn := dialTCP(t, addr)
				_, _ = conn.Write(garbage)
				conn.closed()
			})
		}
		d.t.Run(name+" garbage under TLS", func(t *testing.T) {
			conn := dialTCP(t, addr)
			certificate := d.certificate(t, 3)
			secured := dialOver(t, conn, certificate)
			_, _ = conn.Write(append([]byte{23, 3, 3, 0, 40}, make([]byte, 40)...)) // below TLS, so it does not decrypt
			secured.closed()
		})
	}
	for name, key := range map[string]ed25519.PrivateKey{"stranger": nil, "client": d.keys("load-05").Key} {
		d.t.Run("certificate of a "+name, func(t *testing.T) {
			if key == nil {
				_, key, _ = ed25519.GenerateKey(rand.Reader)
			}
			certificate, err := netio.IdentityCertificate(key, 3, time.Now())
			if err != nil {
				t.Fatal(err)
			}
			d.counted(0, linkRejects(netio.CauseKey), func() { dialTLS(t, peers, certificate).closed() })
		})
	}
	d.t.Run("no certificate", func(t *testing.T) {
		d.counted(0, linkRejects(netio.CauseHandshake), func() { dialTLS(t, peers).closed() })
	})
}

// TestReplayedRequest: the same signed bytes twice, on another connection, at
// another replica and by another client are executed once and answered alike;
// another body under the same seq is refused.
func TestReplayedRequest(t *testing.T) {
	d := running(t)
	admin := d.openAccounts()
	k, hash := d.keys("load-05"), d.genesis.Hash()
	primary := int(d.mustStatus(0).Primary)
	signed := request(k, hash, 1, wire.OpCreateTransfers, transferBody(900, 5)).Append(nil)
	here := d.member(primary, k)
	here.send(wire.KindRequest, signed)
	first := here.reply()
	if first.Status != 0 || len(first.Result) != 4 || binary.LittleEndian.Uint32(first.Result) != uint32(payments.TransferOK) {
		t.Fatalf("%+v", first)
	}
	there := d.member((primary+1)%4, k)
	for name, conn := range map[string]*raw{"same connection": here, "another connection": d.member(primary, k), "another replica": there} {
		conn.send(wire.KindRequest, signed)
		if again := conn.reply(); !sameReply(first, again) {
			t.Errorf("%s: %+v, at first %+v", name, again, first)
		}
	}
	thief := d.member(primary, d.keys("load-06"))
	thief.send(wire.KindRequest, signed)
	thief.rejected(wire.RejectWrongClient)

	changed := request(k, hash, 1, wire.OpCreateTransfers, transferBody(901, 7)).Append(nil)
	for name, conn := range map[string]*raw{"primary": here, "backup": there} {
		conn.send(wire.KindRequest, changed)
		t.Log("another body at the", name)
		conn.rejected(wire.RejectIDReused)
	}
	here.send(wire.KindRequest, signed)
	if again := here.reply(); !sameReply(first, again) {
		t.Errorf("after the changed body: %+v, at first %+v", again, first)
	}
	if got := received(t, admin); got != payments.U64(5) {
		t.Errorf("account 2 received %s, want 5", got)
	}
	d.agree(0, 1, 2, 3)
}

// TestFlood: one client sends hundreds of requests a second, far over its
// window, to each replica, and reads nothing; another is served throughout. The
// bound on the other's rate is wide: here all share two cores or so.
func TestFlood(t *testing.T) {
	long(t)
	d := running(t)
	honest := d.openAccounts()
	quiet := d.payFor(honest, 1_000_000, 3*time.Second)
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	sent := make(chan int)
	for i := range d.nodes {
		go func() { sent <- d.flood(ctx, i, d.keys("load-05")) }()
	}
	busy := d.payFor(honest, 2_000_000, 8*time.Second)
	stop()
	total := 0
	for range d.nodes {
		total += <-sent
	}
	t.Logf("view %d; %d requests of the flood; the honest client had %d payments in 3 s of quiet, %d in 8 s of flood", d.mustStatus(0).View, total, quiet, busy)
	if total < 4000 {
		t.Errorf("the flood was %d requests only", total)
	}
	if busy/8 < quiet/3/5 || busy == 0 {
		t.Errorf("the honest client had %d payments in 8 s of flood, %d in 3 s of quiet", busy, quiet)
	}
	if refused := d.metric(0, rejects(wire.RejectOverload)) + d.metric(0, linkRejects(netio.CauseReplyFull)) +
		d.metric(0, linkRejects(netio.CauseStall)) + d.metric(0, rejects(wire.RejectSeqTooOld)) + d.metric(0, rejects(wire.RejectSeqTooFar)); refused == 0 {
		t.Error("nothing of the flood was refused")
	}
	d.agree(0, 1, 2, 3)
	d.ready(4)
}

// payFor makes payments one after another for a while and gives their number.
// Each must be answered.
func (d *deployment) payFor(c *client.Client, firstID uint64, span time.Duration) (done int) {
	d.t.Helper()
	for begun := time.Now(); time.Since(begun) < span; done++ {
		ctx, cancel := context.WithTimeout(context.Background(), rawMax)
		r, err := c.Do(ctx, wire.OpCreateTransfers, transferBody(firstID+uint64(done), 1))
		cancel()
		if err != nil || binary.LittleEndian.Uint32(r.Reply.Result) != uint32(payments.TransferOK) {
			d.t.Fatalf("payment %d: %v", done, err)
		}
	}
	return done
}

// flood sends requests to replica i without reading an answer, again and again
// on a new connection when one is closed.
func (d *deployment) flood(ctx context.Context, i int, k client.Keys) (sent int) {
	hash := d.genesis.Hash()
	for seq := uint64(1); ctx.Err() == nil; {
		c, err := d.floodConn(i, k)
		if err != nil {
			time.Sleep(20 * time.Millisecond) // it is full or refuses us, as it may
			continue
		}
		stop := context.AfterFunc(ctx, func() { _ = c.Close() })
		for err == nil {
			// Three windows at once, then a pause: more would measure the cores
			// that the flood itself takes from the replicas here.
			const burst = 3 * payments.WindowSeqs
			var frames []byte
			for range burst {
				q := request(k, hash, seq, wire.OpLookupAccounts, make([]byte, 16)).Append(nil)
				frames = wire.FrameHeader{BodyBytes: uint32(len(q)), Kind: wire.KindRequest}.Append(frames)
				frames = append(frames, q...)
				seq++
			}
			if _, err = c.Write(frames); err == nil {
				sent += burst
			}
			time.Sleep(250 * time.Millisecond)
		}
		stop()
		_ = c.Close()
	}
	return sent
}

package pipeline

import (
	"crypto/ed25519"
	"slices"
	"testing"
	"time"

	"quorate/payments"
	"quorate/wire"
)

// Aim: bad input gets its typed error, is counted, and changes nothing. Method:
// one running cluster, each row of the table sent to a replica, then the state
// compared with what it was.

func TestBadRequestsAreRefusedAndChangeNothing(t *testing.T) {
	c := newTestCluster(t, 2)
	codesAllZero(t, c.do(0, wire.OpCreateAccounts, accountsBody(1, 2), 0), 2)
	before := c.settle()
	good := func(seq uint64) *wire.Request {
		q := &wire.Request{Client: 1, Seq: seq, Op: wire.OpCreateTransfers, Body: transfersBody(1, 1, 2)}
		d := q.Digest(c.genesis.Hash())
		copy(q.Signature[:], ed25519.Sign(c.secrets[0], wire.SigningBytes(d)))
		return q
	}
	change := func(seq uint64, fn func(q *wire.Request)) []byte {
		q := good(seq)
		fn(q)
		return q.Append(nil)
	}
	for _, row := range []struct {
		name   string
		client wire.ClientID
		body   []byte
		code   wire.RejectCode
	}{
		{"empty", 1, nil, wire.RejectMalformed},
		{"cut short", 1, good(5).Append(nil)[:40], wire.RejectMalformed},
		{"trailing byte", 1, append(good(5).Append(nil), 0), wire.RejectMalformed},
		{"another client's name", 2, good(5).Append(nil), wire.RejectWrongClient},
		{"unknown client", 99, change(5, func(q *wire.Request) { q.Client = 99 }), wire.RejectUnknownClient},
		{"no such operation", 1, change(5, func(q *wire.Request) { q.Op = 200 }), wire.RejectOperation},
		{"signature flipped", 1, change(5, func(q *wire.Request) { q.Signature[9] ^= 1 }), wire.RejectSignature},
		{"signature of another body", 1, change(5, func(q *wire.Request) { q.Body[0] ^= 1 }), wire.RejectSignature},
		{"signature of another seq", 1, change(5, func(q *wire.Request) { q.Seq = 6 }), wire.RejectSignature},
		{"signature of another cluster", 1, change(5, func(q *wire.Request) {
			d := q.Digest(wire.Digest{1})
			copy(q.Signature[:], ed25519.Sign(c.secrets[0], wire.SigningBytes(d)))
		}), wire.RejectSignature},
		{"seq 0", 1, change(0, func(*wire.Request) {}), wire.RejectMalformed},
		{"seq too far", 1, change(1<<63, func(*wire.Request) {}), wire.RejectSeqTooFar},
	} {
		counter := &c.nodes[0].replica.stats.ClientRejects[row.code]
		was := counter.Load()
		c.nodes[0].replica.Ingress().ClientFrame(1, row.client, wire.KindRequest, slices.Clone(row.body))
		for deadline := time.Now().Add(5 * time.Second); counter.Load() == was && time.Now().Before(deadline); {
			time.Sleep(time.Millisecond)
		}
		if counter.Load() != was+1 {
			t.Errorf("%s: %v was counted %d times, want once", row.name, row.code, counter.Load()-was)
		}
	}
	if after := c.settle(); after != before {
		t.Fatal("a refused request changed the state")
	}
}

func TestOneClientSeqWithTwoBodies(t *testing.T) {
	c := newTestCluster(t, 1)
	codesAllZero(t, c.do(0, wire.OpCreateAccounts, accountsBody(1, 2), 0), 2)
	c.settle()
	q := wire.Request{Client: 1, Seq: 1, Op: wire.OpCreateAccounts, Body: accountsBody(3, 1)}
	d := q.Digest(c.genesis.Hash())
	copy(q.Signature[:], ed25519.Sign(c.secrets[0], wire.SigningBytes(d)))
	counter := &c.nodes[1].replica.stats.ClientRejects[wire.RejectIDReused]
	c.nodes[1].replica.Ingress().ClientFrame(1, 1, wire.KindRequest, q.Append(nil))
	for deadline := time.Now().Add(5 * time.Second); counter.Load() == 0 && time.Now().Before(deadline); {
		time.Sleep(time.Millisecond)
	}
	if counter.Load() != 1 {
		t.Fatal("a seq that was used for another body is not refused")
	}
}

func TestReplicaFramesThatDoNotDecode(t *testing.T) {
	c := newTestCluster(t, 1)
	in := c.nodes[0].replica.Ingress()
	kinds := 0
	for kind := wire.KindPrePrepare; kind <= wire.KindForward; kind++ {
		for _, body := range [][]byte{nil, {1}, make([]byte, 10_000)} {
			in.PeerFrame(2, kind, slices.Clone(body))
			kinds++
		}
	}
	codesAllZero(t, c.do(0, wire.OpCreateAccounts, accountsBody(1, 2), 0), 2)
	if got := c.nodes[0].replica.stats.PeerMalformed.Load(); int(got) < kinds/2 {
		t.Errorf("%d of %d malformed frames were counted", got, kinds)
	}
}

// TestForwardedRequestsAreTakenWhileTheyMatter: what a replica passes on is
// ordered only if executing it could still have an effect.
func TestForwardedRequestsAreTakenWhileTheyMatter(t *testing.T) {
	c := newTestCluster(t, 1)
	codesAllZero(t, c.do(0, wire.OpCreateAccounts, accountsBody(1, 2), 0), 2)
	c.settle()
	in, stats := c.nodes[0].replica.Ingress(), &c.nodes[0].replica.stats
	for _, row := range []struct {
		name  string
		seq   uint64
		stale uint64
	}{
		{"executed already", 1, 1},
		{"no seq", 0, 1},
		{"far ahead", 2 + payments.SessionJumpMax, 1},
		{"new", 2, 0},
	} {
		q := wire.Request{Client: 1, Seq: row.seq, Op: wire.OpCreateAccounts, Body: accountsBody(7, 1)}
		d := q.Digest(c.genesis.Hash())
		copy(q.Signature[:], ed25519.Sign(c.secrets[0], wire.SigningBytes(d)))
		was := stats.PeerStale.Load()
		in.PeerFrame(2, wire.KindForward, q.Append(nil))
		if got := stats.PeerStale.Load() - was; got != row.stale {
			t.Errorf("%s: %d counted as stale, want %d", row.name, got, row.stale)
		}
	}
}

package e2e

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/binary"
	"fmt"
	"math"
	"math/big"
	"os"
	"path/filepath"
	"slices"
	"time"

	"quorate/cluster"
	"quorate/netio"
	"quorate/wire"
)

// The replicas' port (NET-03, NET-04, FRM-01 to FRM-04, BYZ-05, BYZ-06, VC-01).
// Replica 3 is ended and the test takes its place, with its own key: what it
// sends is what a compromised replica can send. The three others go on, on the
// slow path, and are asked after each input as before.

// becomeLiar ends replica 3 and opens both of its links to replica 0.
func (b *badRun) becomeLiar() {
	b.t.Helper()
	_ = b.honest[3].Close()
	b.honest[3] = nil
	b.stopAll(3)
	eventually(b.t, readyMax, "replica 3 is missed", func() error {
		up := b.scrape(0)["quorate_peers_up"]
		return errOf(up == 3, "%v are up", up)
	})
	b.serves(0, 1, 2)
	for i := range 3 { // links of a dead replica are gone: what is normal now
		b.calm[i] = b.scrape(i)
	}
	b.liar, b.spoke = map[wire.Link]*raw{}, map[wire.Link]time.Time{}
}

// as3 gives the link of this kind to replica 0, opened when needed.
func (b *badRun) as3(link wire.Link) *raw {
	b.t.Helper()
	// A silent link is ended after three seconds; this test sends no pings.
	const silentMax = time.Second
	if c := b.liar[link]; c != nil && time.Since(b.spoke[link]) < silentMax {
		b.spoke[link] = time.Now()
		c.t = b.t
		c.renew()
		return c
	}
	// A link that was ended just now may still be counted, and a second one that
	// comes too soon is refused.
	var c *raw
	eventually(b.t, settleMax, "a link as replica 3", func() error {
		inner := b.t
		b.t = b.outer
		c = dialTLS(b.outer, b.genesis.Members[0].PeerAddr, b.certificate(b.outer, 3))
		b.t = inner
		c.t = inner
		c.send(wire.KindHello, (&wire.Hello{Version: wire.HelloVersion, Replica: 3, Link: link, Genesis: b.genesis.Hash()}).Append(nil))
		kind, _, err := c.frame()
		return errOf(err == nil && kind == wire.KindHello, "answered with kind %d, %v", kind, err)
	})
	b.liar[link], b.spoke[link] = c, time.Now()
	return c
}

// tell sends one message as replica 3: whole, or in chunks if it is large.
func (b *badRun) tell(kind wire.Kind, body []byte) {
	b.t.Helper()
	const chunk = 64 << 10
	if len(body) <= chunk {
		b.as3(wire.LinkControl).send(kind, body)
		return
	}
	c := b.as3(wire.LinkBulk)
	for len(body) > 0 {
		n := min(chunk, len(body))
		frame := wire.FrameHeader{BodyBytes: uint32(len(body)), Kind: kind, Lane: wire.LaneBulk, Stream: uint16(wire.LaneBulk) + 1}.Append(nil)
		if _, err := c.Write(append(frame, body[:n]...)); err != nil {
			b.t.Fatal(err)
		}
		body = body[n:]
	}
}

const peerMalformed = "quorate_peer_malformed_total"

// malformed sends bytes that are no message of that kind.
func (b *badRun) malformed(row, name string, kind wire.Kind, body []byte) {
	b.bad(row, name, 0, peerMalformed, func() { b.tell(kind, body) })
}

// refused sends a message that decodes and must change nothing.
func (b *badRun) refused(row, name, reason string, m wire.Message) {
	b.bad(row, name, 0, fmt.Sprintf(`quorate_peer_rejects_total{reason="%s"}`, reason), func() { b.tell(m.Kind(), m.Append(nil)) })
}

// mail is one good message of every kind, as replica 3 could send it.
func (b *badRun) mail() []wire.Message {
	at := b.control[0]
	slot := wire.SlotID{View: at.View, Seq: at.Executed + 1, Digest: wire.Digest{1}}
	state := wire.CheckpointState{Seq: 128, Execute: wire.Digest{2}, StateRoot: wire.Digest{3}}
	return []wire.Message{
		&wire.PrePrepare{Slot: slot, Batch: []byte("batch")}, &wire.SignShare{Slot: slot, HasTau: true}, &wire.FullCommitProof{Slot: slot},
		&wire.Prepare{Slot: slot}, &wire.Commit{Slot: slot}, &wire.SlowCommitProof{Slot: slot}, &wire.SignState{Seq: slot.Seq},
		&wire.ExecuteProof{Seq: slot.Seq}, &wire.Checkpoint{State: state}, &wire.Stable{State: state}, &wire.Complaint{View: at.View},
		&wire.ViewChange{Replica: 3, To: at.View + 1, Slots: []wire.SlotEvidence{{Seq: 1, HasVote: true}}},
		&wire.NewView{To: at.View + 3, Chosen: []wire.ChosenViewChange{{Replica: 0}, {Replica: 1}, {Replica: 3}}},
		&wire.Status{View: at.View, Active: true, Voted: []byte{1}}, &wire.FetchBody{Digest: wire.Digest{9}}, &wire.Body{Batch: []byte("batch")},
		&wire.FetchViewChange{View: 1}, &wire.FetchBlocks{From: 1, To: 2},
		&wire.Blocks{Blocks: []wire.CommittedSlot{{Proof: wire.CommitProof{Slot: wire.SlotID{Seq: 1}}}}},
	}
}

func (b *badRun) badPeerFrames() {
	for _, m := range b.mail() {
		whole := m.Append(nil)
		for name, body := range map[string][]byte{
			"empty": nil, "a byte too few": whole[:len(whole)-1], "a byte too many": append(slices.Clone(whole), 0), "half": whole[:len(whole)/2],
		} {
			b.malformed("FRM-01", fmt.Sprintf("kind %d, %s", m.Kind(), name), m.Kind(), body)
		}
	}
	for _, kind := range []wire.Kind{36, 40, 50, 63} {
		b.malformed("FRM-01", fmt.Sprintf("unknown kind %d", kind), kind, []byte("unknown"))
	}
	b.badForwards()
	b.badVotes()
	b.badViews()
	b.badPeerHeads()
}

// badForwards are clients' requests that replica 3 passes on.
func (b *badRun) badForwards() {
	k, hash := b.someClient(), b.genesis.Hash()
	q := request(k, hash, sessionHigh+1, wire.OpCreateTransfers, transferBody(900, 5))
	whole := q.Append(nil)
	q.Signature[5] ^= 1
	for name, body := range map[string][]byte{
		"cut": whole[:40], "with a tail": append(slices.Clone(whole), 0), "empty": nil, "with a bad signature": q.Append(nil),
		"of an unknown client":  (&wire.Request{Client: 99, Seq: 1, Op: wire.OpCreateTransfers, Body: transferBody(1, 1)}).Append(nil),
		"of client 2^63":        (&wire.Request{Client: 1 << 63, Seq: 1, Op: wire.OpCreateTransfers, Body: transferBody(1, 1)}).Append(nil),
		"of operation 99":       request(k, hash, sessionHigh+1, 99, transferBody(900, 5)).Append(nil),
		"with a body of nobody": request(k, hash, sessionHigh+1, wire.OpCreateTransfers, []byte{1}).Append(nil),
	} {
		b.malformed("CLI-02", "a forwarded request "+name, wire.KindForward, body)
	}
	for _, seq := range []uint64{0, 1, sessionHigh, sessionHigh + 1<<20 + 1, 1 << 31, 1 << 63, math.MaxUint64} {
		b.bad("NET-03", fmt.Sprintf("a forwarded request of seq %d", seq), 0, "quorate_peer_stale_total", func() {
			b.tell(wire.KindForward, request(k, hash, seq, wire.OpCreateTransfers, transferBody(900, 5)).Append(nil))
		})
	}
}

// badVotes are votes, proofs and proposals outside of what may be kept.
func (b *badRun) badVotes() {
	at := b.control[0]
	id := func(view wire.View, seq wire.SeqNum) wire.SlotID {
		return wire.SlotID{View: view, Seq: seq, Digest: wire.Digest{7}}
	}
	far := []wire.SeqNum{0, at.Stable + wire.SeqNum(b.genesis.Window) + 1, 1 << 31, 1 << 62, 1 << 63, math.MaxUint64}
	for _, seq := range far {
		for name, m := range map[string]wire.Message{
			"share": &wire.SignShare{Slot: id(at.View, seq)}, "commit": &wire.Commit{Slot: id(at.View, seq)},
			"proof": &wire.FullCommitProof{Slot: id(at.View, seq)}, "prepare": &wire.Prepare{Slot: id(at.View, seq)},
			"slow proof": &wire.SlowCommitProof{Slot: id(at.View, seq)}, "checkpoint": &wire.Checkpoint{State: wire.CheckpointState{Seq: seq}},
		} {
			if name == "checkpoint" && seq == at.Stable+wire.SeqNum(b.genesis.Window)+1 {
				continue // windows ahead are kept for checkpoints, if they are of one
			}
			b.refused("BYZ-05", fmt.Sprintf("a %s for slot %d", name, seq), "window", m)
		}
	}
	next := at.Executed + 1
	for _, view := range []wire.View{at.View + 3, 1 << 31, 1 << 63, math.MaxUint64} {
		b.refused("NET-03", fmt.Sprintf("a share of view %d", view), "view", &wire.SignShare{Slot: id(view, next)})
		b.refused("NET-03", fmt.Sprintf("a commit of view %d", view), "view", &wire.Commit{Slot: id(view, next)})
		b.refused("NET-03", fmt.Sprintf("a prepare of view %d", view), "view", &wire.Prepare{Slot: id(view, next)})
	}
	b.refused("BYZ-01", "a proposal of a backup", "sender", &wire.PrePrepare{Slot: id(at.View, next), Batch: []byte("batch")})
	b.refused("RES-02", "blocks that nobody asked for", "sender", &wire.Blocks{Blocks: []wire.CommittedSlot{{Proof: wire.CommitProof{Slot: wire.SlotID{Seq: next}}}}})
	b.refused("RES-02", "a body that nobody asked for", "duplicate", &wire.Body{Batch: []byte("batch")})
	b.bad("BYZ-05", "a share for a value that nobody proposed", 0, "", func() { b.tell(wire.KindSignShare, (&wire.SignShare{Slot: id(at.View, next)}).Append(nil)) })
	b.refused("BYZ-05", "another share for the same slot", "conflict", &wire.SignShare{Slot: wire.SlotID{View: at.View, Seq: next, Digest: wire.Digest{8}}})
}

// identity is replica 3's signing key: a liar has it.
func (b *badRun) identity() ed25519.PrivateKey {
	b.t.Helper()
	text, err := os.ReadFile(filepath.Join(b.node(3), "keys.yaml"))
	if err != nil {
		b.t.Fatal(err)
	}
	keys, err := cluster.ParseNodeKeys(text)
	if err != nil {
		b.t.Fatal(err)
	}
	return keys.Identity()
}

// viewChange is one that replica 3 signs, as change makes it.
func (b *badRun) viewChange(change func(m *wire.ViewChange)) *wire.ViewChange {
	scope := wire.Scope{Cluster: b.genesis.Hash(), Epoch: b.genesis.Epoch}
	m := &wire.ViewChange{Replica: 3, To: b.control[0].View + 1}
	change(m)
	d := scope.ViewChangeDigest(m)
	copy(m.Signature[:], ed25519.Sign(b.identity(), d[:]))
	return m
}

// badViews are messages about views that nobody is going to. None of them makes
// anyone leave, because one voice is not f+1.
func (b *badRun) badViews() {
	at := b.control[0]
	unsigned := func(m *wire.ViewChange) *wire.ViewChange { m.Signature = wire.Signature{}; return m }
	zeros, _ := wire.NewCertificate(make([]byte, 48)) // short enough
	lock := wire.SlotEvidence{Seq: 5, HasLock: true, Lock: wire.Lock{Digest: wire.Digest{1}, Tau: zeros}}
	for _, c := range []struct {
		row, name, reason string
		m                 wire.Message
	}{
		{"VC-01", "a view change to this view", "view", b.viewChange(func(m *wire.ViewChange) { m.To = at.View })},
		{"VC-02", "a view change without signature", "forged", unsigned(b.viewChange(func(*wire.ViewChange) {}))},
		{"VC-02", "a view change of another's", "forged", b.viewChange(func(m *wire.ViewChange) { m.Replica = 1 })},
		{"FRM-02", "a view change of replica 4", "sender", b.viewChange(func(m *wire.ViewChange) { m.Replica = 4 })},
		{"FRM-02", "a view change of replica 65535", "sender", b.viewChange(func(m *wire.ViewChange) { m.Replica = math.MaxUint16 })},
		{"VC-02", "a vote of the view to come", "conflict", b.viewChange(func(m *wire.ViewChange) {
			m.Slots = []wire.SlotEvidence{{Seq: 5, HasVote: true, Vote: wire.Vote{View: m.To}}}
		})},
		{"VC-02", "a vote of view 2^63", "conflict", b.viewChange(func(m *wire.ViewChange) {
			m.Slots = []wire.SlotEvidence{{Seq: 5, HasVote: true, Vote: wire.Vote{View: 1 << 63}}}
		})},
		{"VC-02", "evidence beyond the window", "conflict", b.viewChange(func(m *wire.ViewChange) {
			m.Slots = []wire.SlotEvidence{{Seq: wire.SeqNum(b.genesis.Window) + 1, HasVote: true}}
		})},
		{"VC-03", "a lock with a certificate of zeros", "forged", b.viewChange(func(m *wire.ViewChange) { m.Slots = []wire.SlotEvidence{lock} })},
		{"BYZ-06", "a lock with the point at infinity", "forged", b.viewChange(func(m *wire.ViewChange) {
			infinite := lock
			infinite.Lock.Tau, _ = wire.NewCertificate(append([]byte{0xc0}, make([]byte, 47)...))
			m.Slots = []wire.SlotEvidence{infinite}
		})},
		{"BYZ-07", "a checkpoint with a certificate of zeros", "forged", b.viewChange(func(m *wire.ViewChange) { m.Stable.State.Seq = 128 })},
		{"BYZ-07", "a checkpoint at no interval", "conflict", b.viewChange(func(m *wire.ViewChange) { m.Stable.State.Seq = 127 })},
		{"VC-02", "a new view of nobody", "conflict", &wire.NewView{To: at.View + 3}},
		{"VC-02", "a new view of two", "conflict", &wire.NewView{To: at.View + 3, Chosen: make([]wire.ChosenViewChange, 1)}},
		{"FRM-02", "a new view of replica 4", "conflict", &wire.NewView{To: at.View + 3, Chosen: []wire.ChosenViewChange{{Replica: 0}, {Replica: 1}, {Replica: 4}}}},
		{"VC-02", "a new view without signature", "forged", &wire.NewView{To: at.View + 3, Chosen: []wire.ChosenViewChange{{Replica: 0}, {Replica: 1}, {Replica: 3}}}},
		{"VC-02", "a new view of this view", "view", &wire.NewView{To: at.View, Chosen: []wire.ChosenViewChange{{Replica: 0}, {Replica: 1}, {Replica: 3}}}},
	} {
		b.refused(c.row, c.name, c.reason, c.m)
	}
	for _, view := range []wire.View{1 << 31, 1<<63 - 1, 1 << 63, math.MaxUint64} {
		b.bad("VC-01", fmt.Sprintf("a complaint about view %d", view), 0, "", func() { b.tell(wire.KindComplaint, (&wire.Complaint{View: view}).Append(nil)) })
		b.bad("VC-01", fmt.Sprintf("a status of view %d and slot %d", view, view), 0, "", func() {
			b.tell(wire.KindStatus, (&wire.Status{View: view, Stable: wire.SeqNum(view), Executed: wire.SeqNum(view), Active: true}).Append(nil))
		})
		b.bad("VC-01", fmt.Sprintf("a view change to view %d", view), 0, "", func() {
			m := b.viewChange(func(m *wire.ViewChange) { m.To = view })
			b.tell(m.Kind(), m.Append(nil))
		})
		b.refused("VC-01", fmt.Sprintf("the view change to view %d again", view), "duplicate", b.viewChange(func(m *wire.ViewChange) { m.To = view }))
	}
	b.refused("VC-01", "a lower view change behind the highest", "duplicate", b.viewChange(func(m *wire.ViewChange) { m.To = 1 << 40 }))
	if now := b.stands(0); now.View != at.View || !now.Active {
		b.t.Errorf("one liar moved the view: %+v", now)
	}
}

// badPeerHeads are frames that end the link.
func (b *badRun) badPeerHeads() {
	closing := func(row, name string, cause netio.Cause, h wire.FrameHeader) {
		b.bad(row, name, 0, linkRejects(cause), func() {
			c := b.as3(wire.LinkControl)
			if _, err := c.Write(append(h.Append(nil), make([]byte, 100)...)); err != nil {
				b.t.Fatal(err)
			}
			c.closed()
			delete(b.liar, wire.LinkControl)
		})
	}
	for _, kind := range []wire.Kind{0, 1, 3, 4, 15, 64, 66, 69, 71, 255} {
		closing("FRM-01", fmt.Sprintf("kind %d of a replica", kind), netio.CauseKind, wire.FrameHeader{BodyBytes: 50, Kind: kind})
	}
	for _, h := range []wire.FrameHeader{
		{BodyBytes: 50, Kind: wire.KindCommit, Lane: 3}, {BodyBytes: 50, Kind: wire.KindCommit, Lane: 255},
		{BodyBytes: 64<<10 + 1, Kind: wire.KindBody}, {BodyBytes: 64 << 10, Kind: wire.KindBody, Stream: 1}, {Kind: wire.KindBody, Stream: 1},
		{BodyBytes: 1 << 20, Kind: wire.KindBody, Stream: 2}, {BodyBytes: 1 << 20, Kind: wire.KindBody, Stream: 1 << 15},
		{BodyBytes: 1 << 31, Kind: wire.KindBody, Stream: 1}, {BodyBytes: 1<<32 - 1, Kind: wire.KindBody},
	} {
		closing("FRM-01", fmt.Sprintf("head %+v", h), netio.CauseFrame, h)
	}
}

func (b *badRun) badPeerSockets() {
	addr, hash := b.genesis.Members[0].PeerAddr, b.genesis.Hash()
	b.badSockets("replicas'", addr, 0)
	own := b.certificate(b.t, 3)
	for name, c := range map[string]struct {
		cause        netio.Cause
		certificates []tls.Certificate
	}{
		"no certificate":              {netio.CauseHandshake, nil},
		"a stranger's certificate":    {netio.CauseKey, []tls.Certificate{b.selfSigned(newKey(), time.Hour)}},
		"a client's certificate":      {netio.CauseKey, []tls.Certificate{b.selfSigned(b.someClient().Key, time.Hour)}},
		"an expired certificate":      {netio.CauseKey, []tls.Certificate{b.selfSigned(b.identity(), -time.Hour)}},
		"a certificate of tomorrow":   {netio.CauseKey, []tls.Certificate{b.selfSigned(b.identity(), 48*time.Hour)}},
		"a chain of two":              {netio.CauseKey, []tls.Certificate{{Certificate: [][]byte{own.Certificate[0], own.Certificate[0]}, PrivateKey: own.PrivateKey}}},
		"an ECDSA certificate":        {netio.CauseKey, []tls.Certificate{b.selfSigned(ecdsaKey(), time.Hour)}},
		"an RSA certificate":          {netio.CauseKey, []tls.Certificate{b.selfSigned(rsaKey(), time.Hour)}},
		"a chain of 400 certificates": {netio.CauseKey, []tls.Certificate{{Certificate: slices.Repeat([][]byte{own.Certificate[0]}, 400), PrivateKey: own.PrivateKey}}},
		"a chain of 600 certificates": {netio.CauseAuthBytes, []tls.Certificate{{Certificate: slices.Repeat([][]byte{own.Certificate[0]}, 600), PrivateKey: own.PrivateKey}}},
		"a chain of a megabyte":       {netio.CauseHandshake, []tls.Certificate{{Certificate: slices.Repeat([][]byte{own.Certificate[0]}, 3000), PrivateKey: own.PrivateKey}}},
	} {
		b.bad("NET-04", name, 0, linkRejects(c.cause), func() {
			conn := dialTCP(b.t, addr)
			s := tls.Client(conn.Conn, &tls.Config{MinVersion: tls.VersionTLS13, NextProtos: []string{wire.ALPN}, Certificates: c.certificates, InsecureSkipVerify: true})
			if s.Handshake() == nil {
				(&raw{Conn: s, t: b.t}).closed()
			}
		})
	}
	wrong := hash
	wrong[0] ^= 1
	for name, c := range map[string]struct {
		cause netio.Cause
		hello wire.Hello
	}{
		"another cluster":     {netio.CauseGenesis, wire.Hello{Version: 1, Replica: 3, Genesis: wrong}},
		"version 0":           {netio.CauseHello, wire.Hello{Version: 0, Replica: 3, Genesis: hash}},
		"version 2":           {netio.CauseHello, wire.Hello{Version: 2, Replica: 3, Genesis: hash}},
		"version 65535":       {netio.CauseHello, wire.Hello{Version: math.MaxUint16, Replica: 3, Genesis: hash}},
		"the id of replica 1": {netio.CauseIdentity, wire.Hello{Version: 1, Replica: 1, Genesis: hash}},
		"our own id":          {netio.CauseIdentity, wire.Hello{Version: 1, Replica: 0, Genesis: hash}},
		"id 4":                {netio.CauseIdentity, wire.Hello{Version: 1, Replica: 4, Genesis: hash}},
		"id 65535":            {netio.CauseIdentity, wire.Hello{Version: 1, Replica: math.MaxUint16, Genesis: hash}},
		"link 2":              {netio.CauseHello, wire.Hello{Version: 1, Replica: 3, Link: 2, Genesis: hash}},
	} {
		b.bad("NET-03", "a replica's hello with "+name, 0, linkRejects(c.cause), func() {
			conn := dialTLS(b.t, addr, own)
			conn.send(wire.KindHello, c.hello.Append(nil))
			conn.closed()
		})
	}
	for name, body := range map[string][]byte{"nothing": nil, "a byte": {1}, "a client's hello": (&wire.ClientHello{Version: 1, Client: 1}).Append(nil)} {
		b.bad("FRM-01", "a replica's hello with "+name+" in it", 0, linkRejects(netio.CauseHello), func() {
			conn := dialTLS(b.t, addr, own)
			conn.send(wire.KindHello, body)
			conn.closed()
		})
	}
}

func newKey() ed25519.PrivateKey { _, key, _ := ed25519.GenerateKey(rand.Reader); return key }

func ecdsaKey() any { key, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader); return key }

func rsaKey() any { key, _ := rsa.GenerateKey(rand.Reader, 2048); return key }

// selfSigned is a certificate of a key that ends after lasts, which is in the
// past when it is negative, and begins a day before its end.
func (b *badRun) selfSigned(key any, lasts time.Duration) tls.Certificate {
	b.t.Helper()
	end := time.Now().Add(lasts)
	x := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "quorate replica 3"},
		NotBefore: end.Add(-24 * time.Hour), NotAfter: end, KeyUsage: x509.KeyUsageDigitalSignature}
	public := key.(crypto.Signer).Public()
	der, err := x509.CreateCertificate(rand.Reader, x, x, public, key)
	if err != nil {
		b.t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

var peerMakers = map[string]maker{
	"wire.BatchBytesMax": func(b *badRun, n uint64, over bool) {
		if n > math.MaxUint32 {
			return // the length has 32 bits
		}
		body := binary.LittleEndian.AppendUint32(nil, uint32(n))
		body = append(body, make([]byte, min(n, wire.BatchBytesMax+1))...)
		name := fmt.Sprintf("a batch of %d bytes", n)
		if over {
			b.malformed("FRM-04", name, wire.KindBody, body)
			return
		}
		b.good("FRM-04", name, 0, `quorate_peer_rejects_total{reason="duplicate"}`, func() { b.tell(wire.KindBody, body) })
	},
	"wire.FrameBytesMax": func(b *badRun, n uint64, over bool) {
		if n > math.MaxUint32 {
			return
		}
		name := fmt.Sprintf("a frame of %d bytes", n)
		if !over {
			b.good("FRM-04", name, 0, peerMalformed, func() { b.tell(wire.KindBody, make([]byte, n)) })
			return
		}
		b.bad("FRM-04", name, 0, linkRejects(netio.CauseFrame), func() {
			c := b.as3(wire.LinkBulk)
			head := wire.FrameHeader{BodyBytes: uint32(n), Kind: wire.KindBody, Lane: wire.LaneBulk, Stream: uint16(wire.LaneBulk) + 1}
			if _, err := c.Write(head.Append(nil)); err != nil {
				b.t.Fatal(err)
			}
			c.closed()
			delete(b.liar, wire.LinkBulk)
		})
	},
	"wire.FetchBlocksMax": func(b *badRun, n uint64, over bool) {
		m := &wire.FetchBlocks{From: 1, To: wire.SeqNum(n)}
		if over {
			b.malformed("RES-02", fmt.Sprintf("blocks 1 to %d", n), m.Kind(), m.Append(nil))
			return
		}
		b.good("RES-02", fmt.Sprintf("blocks 1 to %d", n), 0, "", func() { b.tell(m.Kind(), m.Append(nil)) })
	},
	"wire.statusVotedBytesMax": func(b *badRun, n uint64, over bool) {
		if n > math.MaxUint32 {
			return
		}
		m := &wire.Status{View: b.control[0].View, Active: true, Voted: make([]byte, min(n, 1000))}
		m.Voted[len(m.Voted)-1] = 1
		body := m.Append(nil)
		const lengthAt = 8 + 1 + 8 + 8
		binary.LittleEndian.PutUint32(body[lengthAt:], uint32(n))
		if over {
			b.malformed("FRM-04", fmt.Sprintf("a status with %d bytes of votes", n), m.Kind(), body)
			return
		}
		b.good("FRM-04", fmt.Sprintf("a status with %d bytes of votes", n), 0, "", func() { b.tell(m.Kind(), body) })
	},
	"consensus.seqMax": func(b *badRun, n uint64, _ bool) {
		// Below it the certificate is looked at, and is none; a slot that no
		// checkpoint is of is refused before.
		reason := "conflict"
		if n == 1<<62 {
			reason = "forged"
		}
		b.refused("BYZ-07", fmt.Sprintf("a checkpoint at %d", n), reason, b.viewChange(func(m *wire.ViewChange) {
			m.Replica, m.Stable.State.Seq = wire.ReplicaID(1), wire.SeqNum(n)
		}))
	},
}

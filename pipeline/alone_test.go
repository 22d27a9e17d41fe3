package pipeline

import (
	"context"
	"crypto/ed25519"
	"encoding/binary"
	"log/slog"
	mrand "math/rand/v2"
	"testing"
	"time"

	"quorate/consensus"
	"quorate/payments"
	"quorate/storage"
	"quorate/wire"
)

// Aim: Alone answers what it made durable, once, and nothing else: it is the
// bound that others are measured against, so it must not be faster by forgetting.
// Method: requests against one on a file system in memory; a power cut that keeps
// nothing but what was synced, after every answer; the same requests again.

// alonePort gives replies to a test.
type alonePort chan wire.Reply

func (p alonePort) Send(wire.ReplicaID, wire.Lane, wire.Kind, []byte) error {
	panic("nobody to send to")
}

func (p alonePort) Reply(_ ConnID, kind wire.Kind, body []byte) error {
	if kind != wire.KindReply {
		panic(kind)
	}
	r, err := wire.DecodeReply(body)
	p <- r
	return err
}

// aloneTest is one with a client.
type aloneTest struct {
	t     *testing.T
	c     *testCluster // of its keys only: no replica of it runs
	fs    *storage.MemFS
	alone *Alone
	out   alonePort
	seq   uint64
	stop  func()
}

func newAloneTest(t *testing.T) *aloneTest {
	a := &aloneTest{t: t, c: &testCluster{t: t}, fs: storage.NewMemFS()}
	a.c.genesis, a.c.keys, a.c.secrets = testKeys(t, 1)
	must(t, a.fs.MkdirAll("data", 0o755))
	mark, err := a.fs.Create(a.fs.PathJoin("data", storage.FreshName), "")
	must(t, err)
	must(t, mark.Close())
	root, err := a.fs.OpenDir("")
	must(t, err)
	must(t, root.Sync())
	a.start()
	t.Cleanup(func() { a.stop() })
	return a
}

func (a *aloneTest) start() {
	a.t.Helper()
	g := a.c.genesis
	suite, err := NewSuite(g, a.c.keys[0])
	must(a.t, err)
	a.out = make(alonePort, 64)
	a.alone, err = OpenAlone(Config{Cluster: g.Hash(), Epoch: 1, Quorums: g.Quorums(), Interval: 4,
		TimeBound: g.TimeBound, Payments: PaymentsConfig(g), Timing: consensus.DefaultTiming(),
		Batch: BatchPolicy{EventsMax: 100, BytesMax: 1 << 20, EagerSlots: 2, SlotsMax: 4, DelayTicks: 1},
		Tick:  5 * time.Millisecond, RequestQueueMax: 64, VerifyWorkers: 1, SignWorkers: 1,
		Clock: func() uint64 { return uint64(time.Now().UnixNano()) }, Logger: slog.New(slog.DiscardHandler),
	}, suite, a.out, Disk{FS: a.fs, Dir: "data", JournalSegmentBytes: 64 << 10, JournalSegmentsMin: 2})
	must(a.t, err)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- a.alone.Run(ctx) }()
	a.stop = func() {
		cancel()
		must(a.t, <-done)
		a.stop = func() {}
	}
}

// crash cuts the power: only what was synced stays.
func (a *aloneTest) crash() {
	left := a.fs.CrashClone(storage.CrashCloneCfg{UnsyncedDataPercent: 0, RNG: mrand.New(mrand.NewPCG(1, 1))})
	a.stop()
	_ = a.alone.r.ledger.Close() // of the abandoned disk
	a.fs = left
	a.start()
}

func (a *aloneTest) send(seq uint64, op wire.Op, body []byte) {
	q := wire.Request{Client: 1, Seq: seq, Op: op, Body: body}
	copy(q.Signature[:], ed25519.Sign(a.c.secrets[0], wire.SigningBytes(q.Digest(a.c.genesis.Hash()))))
	a.alone.Ingress().ClientFrame(1, 1, wire.KindRequest, q.Append(nil))
}

func (a *aloneTest) reply(seq uint64) wire.Reply {
	a.t.Helper()
	select {
	case r := <-a.out:
		if r.Seq != seq {
			a.t.Fatalf("answer to %d, not to %d", r.Seq, seq)
		}
		return r
	case <-time.After(time.Minute):
		a.t.Fatalf("no answer to request %d", seq)
	}
	panic("unreachable")
}

func (a *aloneTest) do(op wire.Op, body []byte) wire.Reply {
	a.t.Helper()
	a.seq++
	a.send(a.seq, op, body)
	return a.reply(a.seq)
}

// creditOf looks up what an account was credited.
func (a *aloneTest) creditOf(id uint64) uint64 {
	a.t.Helper()
	r := a.do(wire.OpLookupAccounts, payments.AppendID(nil, payments.U128{Lo: id}))
	records, _, _, err := payments.DecodeQueryResult(r.Result)
	must(a.t, err)
	var acc payments.Account
	must(a.t, acc.Decode(records))
	return acc.CreditsPosted.Lo
}

func TestAloneKeepsWhatItAnswered(t *testing.T) {
	a := newAloneTest(t)
	codesAllZero(t, a.do(wire.OpCreateAccounts, accountsBody(1, 2)), 2)
	// More slots than a checkpoint interval, so that both ways back are taken:
	// from the ledger, and from the journal alone.
	const requests, events = 14, 10
	for i := range uint64(requests) {
		codesAllZero(t, a.do(wire.OpCreateTransfers, transfersBody(1+i*events, events, 2)), events)
		if i%3 == 2 {
			a.crash()
		}
		// Each account is credited in turn, 1 each.
		if got, want := a.creditOf(1), (i+1)*events/2; got != want {
			t.Fatalf("after request %d: account 1 was credited %d, want %d", i, got, want)
		}
	}
	r := a.do(wire.OpCreateTransfers, transfersBody(1, 1, 2)) // the first one's id again
	if code := payments.TransferCode(binary.LittleEndian.Uint32(r.Result)); code != payments.TransferExists {
		t.Errorf("a payment that was made before: %v", code)
	}
	last := a.seq
	a.crash()
	a.send(last, wire.OpCreateTransfers, transfersBody(1, 1, 2)) // the same request again
	if again := a.reply(last); string(again.Result) != string(r.Result) || again.Header != r.Header {
		t.Error("the same request has another answer after a restart")
	}
}

func TestAloneDropsItsJournalBehindCheckpoints(t *testing.T) {
	a := newAloneTest(t)
	codesAllZero(t, a.do(wire.OpCreateAccounts, accountsBody(1, 2)), 2)
	const events = 100
	for i := range uint64(60) { // 750 KiB of bodies through segments of 64 KiB
		codesAllZero(t, a.do(wire.OpCreateTransfers, transfersBody(1+i*events, events, 2)), events)
	}
	// The checkpoints must reach the ledger, and from there the journal: what
	// still waits when the threads have ended is done by this one.
	a.stop()
	r := a.alone.r
	for r.execute.Step() || r.commit.Step() || a.alone.Step() || r.journal.Step() {
	}
	must(t, a.alone.Close())
	journal, _, err := storage.OpenJournal(storage.Options{FS: a.fs, Dir: "data/journal", Cluster: a.c.genesis.Hash()})
	must(t, err)
	must(t, journal.Replay(func(rec storage.Record) error {
		if rec.Seq != 0 && rec.Seq < 30 { // whole segments go, behind a checkpoint and not at it
			t.Errorf("the journal still has a record of slot %d of 61", rec.Seq)
		}
		return nil
	}))
	must(t, journal.Close())
	a.start()
	if got := a.creditOf(1); got != 60*events/2 {
		t.Errorf("account 1 was credited %d", got)
	}
}

func TestAloneRefusesABadSignature(t *testing.T) {
	a := newAloneTest(t)
	a.c.secrets[0][3] ^= 1
	refused := make(chan struct{})
	a.alone.r.transport = refusals{a.out, refused}
	a.send(1, wire.OpCreateAccounts, accountsBody(1, 2))
	select {
	case <-refused:
	case <-time.After(time.Minute):
		t.Fatal("not refused")
	}
	if a.alone.Executed() != 0 {
		t.Error("executed")
	}
}

// refusals is a port that takes a refusal.
type refusals struct {
	alonePort
	refused chan struct{}
}

func (p refusals) Reply(conn ConnID, kind wire.Kind, body []byte) error {
	r, err := wire.DecodeReject(body)
	if kind == wire.KindReject && err == nil && r.Code == wire.RejectSignature {
		close(p.refused)
		return nil
	}
	return p.alonePort.Reply(conn, kind, body)
}

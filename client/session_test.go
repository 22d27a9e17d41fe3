package client

import (
	"bytes"
	"errors"
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"quorate/cluster"
	"quorate/payments"
	"quorate/wire"
)

// Aim: C1, C3 and C4 of the session, step by step and without a network.
// Method: an ideal certificate (π is a tag that only the test makes), a clock
// that the test turns, and outputs compared one by one; then random histories
// against liars.

// goodPi is what the ideal check takes for a certificate.
var goodPi, badPi = piOf(1, 2, 3), piOf(2, 2, 3)

func piOf(b ...byte) wire.Certificate {
	c, _ := wire.NewCertificate(b) // short enough
	return c
}

// bench is a session under test with its clock and its last outputs.
type bench struct {
	t   testing.TB
	s   *Session
	now time.Duration
	out []Output
}

func newBench(t testing.TB, change func(*SessionConfig)) *bench {
	t.Helper()
	q, err := cluster.NewQuorums(4, 1, 0)
	if err != nil {
		t.Fatal(err)
	}
	cfg := SessionConfig{
		Client: 9, Cluster: wire.Digest{7}, Quorums: q, FirstSeq: 1, RetryMin: 100 * time.Millisecond, RetryMax: time.Second,
		Sign: func([]byte) wire.Signature { return wire.Signature{5} },
		Check: func(_ *wire.BlockHeader, pi wire.Certificate) error {
			if pi != goodPi {
				return ErrCertificate
			}
			return nil
		},
	}
	if change != nil {
		change(&cfg)
	}
	s, err := NewSession(cfg)
	if err != nil {
		t.Fatal(err)
	}
	b := &bench{t: t, s: s}
	for r := range q.N {
		b.s.LinkUp(0, wire.ReplicaID(r), nil)
	}
	return b
}

func (b *bench) submit(body string) uint64 {
	b.t.Helper()
	seq, out, err := b.s.Submit(b.now, wire.OpLookupAccounts, []byte(body), 0, nil)
	if err != nil {
		b.t.Fatal(err)
	}
	b.out = out
	return seq
}

// sentTo gives the replicas that the last outputs send a request to.
func (b *bench) sentTo() string {
	var to []wire.ReplicaID
	for _, o := range b.out {
		if o.Kind == OutputSend && o.FrameKind == wire.KindRequest {
			to = append(to, o.Replica)
		}
	}
	return fmt.Sprint(to)
}

// results gives the ends among the last outputs.
func (b *bench) results() (all []Result) {
	for _, o := range b.out {
		if o.Kind == OutputDone {
			all = append(all, o.Result)
		}
	}
	return all
}

// proof makes a reply to the outstanding request seq that proves itself.
func (b *bench) proof(seq uint64, status payments.Status, result string) wire.Reply {
	f := b.s.flightOf(seq)
	reply := wire.Reply{Client: 9, Seq: seq, Status: uint16(status), Index: 0, Count: 1, Result: []byte(result), Pi: goodPi}
	reply.Header.ResultRoot = wire.ResultDigest(f.digest, 0, uint16(status), 0, len(result), wire.BodyRoot(reply.Result))
	return reply
}

func (b *bench) reply(from wire.ReplicaID, reply wire.Reply) {
	b.out = b.s.Receive(b.now, from, wire.KindReply, reply.Append(nil), nil)
}

func (b *bench) reject(from wire.ReplicaID, m wire.Reject) {
	b.out = b.s.Receive(b.now, from, wire.KindReject, m.Append(nil), nil)
}

// tick turns the clock to the next timer.
func (b *bench) tick() {
	b.t.Helper()
	at, ok := b.s.NextTick()
	if !ok {
		b.t.Fatal("no timer runs")
	}
	b.now = max(at, b.now)
	b.out = b.s.Tick(b.now, nil)
}

func (b *bench) view(from wire.ReplicaID, v wire.View) {
	status := wire.NodeStatus{Replica: from, View: v}
	b.out = b.s.Receive(b.now, from, wire.KindStatusReply, status.Append(nil), nil)
}

func TestOneReplyIsEnough(t *testing.T) {
	b := newBench(t, nil)
	body := []byte("body")
	seq, out, err := b.s.Submit(5, wire.OpLookupAccounts, body, 77, nil)
	if b.out = out; err != nil || seq != 1 || b.sentTo() != "[0]" {
		t.Fatalf("seq %d to %s: %v", seq, b.sentTo(), err)
	}
	body[0] = 'B' // the session must have its own copy
	b.now = 25
	b.reply(0, b.proof(seq, payments.StatusOK, "result"))
	r := b.results()
	if len(r) != 1 || r[0].Err != nil || r[0].Tag != 77 || r[0].Took != 20 || string(r[0].Reply.Result) != "result" || string(r[0].Request.Body) != "body" {
		t.Fatalf("result %+v", r)
	}
	sent, err := wire.DecodeRequest(out[0].Body)
	if err != nil || sent.Signature != (wire.Signature{5}) || string(sent.Body) != "body" {
		t.Errorf("sent %+v, %v", sent, err)
	}
	b.out = b.s.Receive(b.now, 1, wire.KindReply, (&wire.Reply{Client: 9, Seq: seq}).Append(nil), nil)
	if len(b.out) != 0 || b.s.Stats().Duplicates != 1 {
		t.Error("a second reply did something")
	}
	if _, ok := b.s.NextTick(); ok {
		t.Error("a timer runs though nothing is outstanding")
	}
}

func TestLiesAreCountedAndWaitedOut(t *testing.T) {
	lies := map[string]func(*wire.Reply){
		"certificate":  func(r *wire.Reply) { r.Pi = badPi },
		"result":       func(r *wire.Reply) { r.Result = []byte("lie") },
		"status":       func(r *wire.Reply) { r.Status = uint16(payments.StatusMalformedBody) },
		"block":        func(r *wire.Reply) { r.Header.ResultRoot[3]++ },
		"path":         func(r *wire.Reply) { r.Path = []wire.Digest{{1}} },
		"index":        func(r *wire.Reply) { r.Index, r.Count = 1, 2 },
		"empty result": func(r *wire.Reply) { r.Result = nil },
	}
	for name, lie := range lies {
		b := newBench(t, nil)
		seq := b.submit("x")
		reply := b.proof(seq, payments.StatusOK, "truth")
		lie(&reply)
		b.reply(2, reply)
		if len(b.results()) != 0 || b.s.Stats().Lies != 1 {
			t.Errorf("%s: ended %v, lies %d", name, b.results(), b.s.Stats().Lies)
		}
		b.reply(3, b.proof(seq, payments.StatusOK, "truth"))
		if r := b.results(); len(r) != 1 || r[0].Err != nil {
			t.Errorf("%s: the truth after it gives %+v", name, r)
		}
	}
}

func TestStrangersReplyIsIgnored(t *testing.T) {
	b := newBench(t, nil)
	seq := b.submit("x")
	reply := b.proof(seq, payments.StatusOK, "")
	reply.Client = 8
	b.reply(0, reply)
	reply.Client, reply.Seq = 9, seq+WindowMax // the same slot of the ring
	b.reply(0, reply)
	if len(b.results()) != 0 || b.s.Stats().Duplicates != 2 {
		t.Errorf("results %v, stats %+v", b.results(), b.s.Stats())
	}
}

func TestLiarLosesItsLink(t *testing.T) {
	b := newBench(t, nil)
	b.submit("x")
	dropped := 0
	for range 3 * liesMax {
		b.out = b.s.Receive(b.now, 2, wire.KindReply, []byte("garbage"), nil)
		for _, o := range b.out {
			if o.Kind == OutputDrop && o.Replica == 2 {
				dropped++
			}
		}
	}
	if dropped != 1 || b.s.Stats().Malformed != 3*liesMax {
		t.Errorf("dropped %d times, stats %+v", dropped, b.s.Stats())
	}
	for _, kind := range []wire.Kind{wire.KindReject, wire.KindStatusReply, wire.KindRequest, 200} {
		before := b.s.Stats().Malformed
		b.s.Receive(b.now, 1, kind, []byte("?"), nil)
		if b.s.Stats().Malformed != before+1 {
			t.Errorf("garbage of kind %d was not counted", kind)
		}
	}
	b.s.Receive(b.now, 99, wire.KindReply, nil, nil) // no such replica: no panic
	b.s.LinkUp(b.now, 99, nil)
	b.s.LinkDown(b.now, 99, nil)
}

func TestRetryPrimaryThenAllWithBackoff(t *testing.T) {
	b := newBench(t, nil)
	b.submit("x")
	want := []string{"[0]", "[0 1 2 3]", "[0 1 2 3]", "[0 1 2 3]", "[0 1 2 3]"}
	var last, pause time.Duration
	for i, to := range want {
		b.tick()
		if b.sentTo() != to {
			t.Fatalf("repeat %d went to %s, want %s", i+1, b.sentTo(), to)
		}
		if grown := b.now - last; grown > 2*time.Second {
			t.Errorf("pause %v is over the most", grown)
		} else {
			pause, last = grown, b.now
		}
	}
	if pause < time.Second {
		t.Errorf("the pause has only grown to %v", pause)
	}
}

func TestRetryFollowsTheRoundTrip(t *testing.T) {
	b := newBench(t, nil)
	for range 30 {
		seq := b.submit("x")
		b.now += 40 * time.Millisecond
		b.reply(0, b.proof(seq, payments.StatusOK, ""))
	}
	start := b.now
	b.submit("x")
	b.tick()
	if waited := b.now - start; waited < 100*time.Millisecond || waited > 150*time.Millisecond {
		t.Errorf("repeated after %v at a steady 40 ms; want RetryMin 100 ms and up to an eighth", waited)
	}
}

func TestWindow(t *testing.T) {
	b := newBench(t, nil)
	for range WindowMax {
		b.submit("x")
	}
	if _, _, err := b.s.Submit(0, 1, nil, 0, nil); !errors.Is(err, ErrWindowFull) {
		t.Fatalf("error %v, want ErrWindowFull", err)
	}
	// Invariant C3: answers behind the oldest do not open the window.
	b.reply(0, b.proof(2, payments.StatusOK, ""))
	if b.s.Free() || b.s.Outstanding() != WindowMax-1 {
		t.Error("the window moved past its oldest request")
	}
	b.reply(0, b.proof(1, payments.StatusOK, ""))
	if b.submit("y") != WindowMax+1 || b.submit("z") != WindowMax+2 || b.s.Free() {
		t.Error("the window did not move by two")
	}
	if _, _, err := b.s.Submit(0, 1, make([]byte, wire.BodyBytesMax+1), 0, nil); err == nil {
		t.Error("a body over the limit was taken")
	}
}

func TestOverloadHintIsHonoured(t *testing.T) {
	b := newBench(t, nil)
	seq := b.submit("x")
	b.reject(0, wire.Reject{Seq: seq, Code: wire.RejectOverload, RetryAfterMilli: 40})
	b.tick()
	if b.now < 40*time.Millisecond || b.now > 45*time.Millisecond || b.sentTo() != "[0]" {
		t.Errorf("repeated at %v to %s, want after 40 ms to the primary alone", b.now, b.sentTo())
	}
	// A primary that is always busy does not keep the request from the others.
	for range overloadsToAll {
		b.reject(0, wire.Reject{Seq: seq, Code: wire.RejectOverload, RetryAfterMilli: 1 << 31})
		before := b.now
		b.tick()
		if b.now-before > hintMax+hintMax/8 {
			t.Fatalf("a hint made the request wait for %v", b.now-before)
		}
		if b.sentTo() == "[0 1 2 3]" {
			return
		}
	}
	t.Error("a busy primary kept the request to itself")
}

// A primary that calls itself busy once and is silent from then on has the request
// to itself no longer than one that is silent from the start.
func TestSilenceAfterOverloadIsSilence(t *testing.T) {
	b := newBench(t, nil)
	seq := b.submit("x")
	b.reject(0, wire.Reject{Seq: seq, Code: wire.RejectOverload, RetryAfterMilli: 5})
	for range 4 {
		b.tick()
		if b.sentTo() == "[0 1 2 3]" {
			return
		}
	}
	t.Error("four timers later the request is still the primary's alone")
}

// Nobody makes a client send copies to all as fast as he refuses them.
func TestRefusalsSetNoPaceForOthers(t *testing.T) {
	for _, code := range []wire.RejectCode{wire.RejectOverload, wire.RejectUnknown, wire.RejectShutdown, wire.RejectUnknownClient, wire.RejectNoQuorum} {
		b := newBench(t, nil)
		seq := b.submit("x")
		toAll := 0
		for b.now < 20*time.Second {
			b.reject(0, wire.Reject{Seq: seq, Code: code})
			b.tick()
			if b.sentTo() == "[0 1 2 3]" {
				toAll++
			}
		}
		if toAll == 0 || toAll > 24 { // pauses double up to RetryMax; a busy primary is asked four times in each
			t.Errorf("%s: %d copies to all in 20 s", code, toAll)
		}
	}
}

// That nobody knows the client ends nothing: each may be behind its registration.
func TestUnknownClientIsAskedAgain(t *testing.T) {
	b := newBench(t, nil)
	seq := b.submit("x")
	for range 3 {
		for r := range wire.ReplicaID(4) {
			b.reject(r, wire.Reject{Seq: seq, Code: wire.RejectUnknownClient, RetryAfterMilli: 20})
			if len(b.results()) != 0 {
				t.Fatalf("replica %d ended the request: %v", r, b.results())
			}
		}
		b.tick()
	}
	if b.sentTo() != "[0 1 2 3]" {
		t.Errorf("sent to %s, want all", b.sentTo())
	}
	b.reply(2, b.proof(seq, payments.StatusOK, ""))
	if r := b.results(); len(r) != 1 || r[0].Err != nil {
		t.Errorf("results %+v", r)
	}
}

func TestRefusalNeedsMoreThanFVoices(t *testing.T) {
	b := newBench(t, nil)
	seq := b.submit("x")
	b.reject(0, wire.Reject{Seq: seq, Code: wire.RejectSignature})
	if len(b.results()) != 0 || b.sentTo() != "[1 2 3]" {
		t.Fatalf("one refusal: results %v, sent to %s", b.results(), b.sentTo())
	}
	b.reject(0, wire.Reject{Seq: seq, Code: wire.RejectSignature})
	b.reject(1, wire.Reject{Seq: seq, Code: wire.RejectMalformed})
	if len(b.results()) != 0 {
		t.Fatal("one replica twice, or two codes, ended the request")
	}
	b.reject(2, wire.Reject{Seq: seq, Code: wire.RejectSignature})
	r := b.results()
	var refused *RefusedError
	if len(r) != 1 || !errors.As(r[0].Err, &refused) || refused.Code != wire.RejectSignature || errors.Is(r[0].Err, ErrOutcomeUnknown) {
		t.Fatalf("results %+v", r)
	}
}

func TestRefusalsThatAreNotFinalAreUnknown(t *testing.T) {
	for _, c := range wire.RejectCodes() {
		err := &RefusedError{Code: c}
		if errors.Is(err, ErrOutcomeUnknown) == err.Final() {
			t.Errorf("%s is final and unknown at once, or neither", c)
		}
	}
	for s := payments.StatusDuplicate; s < 20; s++ {
		err := &StatusError{Status: s}
		if errors.Is(err, ErrOutcomeUnknown) == err.Final() {
			t.Errorf("%s is final and unknown at once, or neither", s)
		}
	}
	if (&RefusedError{Code: wire.RejectSeqTooOld}).Final() || (&RefusedError{Code: wire.RejectUnknownClient}).Final() {
		t.Error("a code that hangs on the state is called final")
	}
}

func TestProvenStatusEndsOrRepeats(t *testing.T) {
	for status, ends := range map[payments.Status]bool{
		payments.StatusDuplicate: false, payments.StatusBlockBudget: false,
		payments.StatusRequestIDReused: true, payments.StatusSeqTooOld: true, payments.StatusNotAuthorized: true, payments.Status(99): true,
	} {
		b := newBench(t, nil)
		seq := b.submit("x")
		b.reply(0, b.proof(seq, status, ""))
		r := b.results()
		if (len(r) == 1) != ends {
			t.Errorf("%s: %d results", status, len(r))
		}
		var se *StatusError
		if ends && (!errors.As(r[0].Err, &se) || se.Status != status) {
			t.Errorf("%s: error %v", status, r[0].Err)
		}
	}
}

func TestPrimaryLinkLost(t *testing.T) {
	b := newBench(t, nil)
	b.submit("old")
	b.submit("new")
	b.out = b.s.LinkDown(b.now, 0, nil)
	if b.s.Primary() != 1 || b.sentTo() != "[1 2 3 1]" {
		t.Fatalf("primary %d, sent to %s; want the oldest to all and the other to the next in line", b.s.Primary(), b.sentTo())
	}
	b.out = b.s.LinkUp(b.now, 0, nil)
	if b.sentTo() != "[0]" {
		t.Errorf("the returned link got %s; want the request that goes to all", b.sentTo())
	}
}

func TestPrimaryFollowsFPlusOneViews(t *testing.T) {
	b := newBench(t, nil)
	b.submit("x")
	b.view(3, 1<<60+2) // one liar, far ahead
	b.view(0, 0)
	if b.s.Primary() != 0 {
		t.Fatalf("one liar moved the primary to %d", b.s.Primary())
	}
	b.view(1, 1)
	if b.s.Primary() != 1 || b.sentTo() != "[1]" {
		t.Fatalf("primary %d, sent to %s; two replicas have reached view 1", b.s.Primary(), b.sentTo())
	}
}

func TestWithoutAnyLink(t *testing.T) {
	b := newBench(t, nil)
	for r := range 4 {
		b.s.LinkDown(0, wire.ReplicaID(r), nil)
	}
	b.submit("x")
	if b.sentTo() != "[]" {
		t.Fatalf("sent to %s without a link", b.sentTo())
	}
	b.out = b.s.LinkUp(0, 2, nil)
	if b.sentTo() != "[2]" {
		t.Errorf("the first link got %s", b.sentTo())
	}
}

func TestSessionConfigIsChecked(t *testing.T) {
	good := newBench(t, nil).s.cfg
	for name, spoil := range map[string]func(*SessionConfig){
		"client 0":        func(c *SessionConfig) { c.Client = 0 },
		"seq 0":           func(c *SessionConfig) { c.FirstSeq = 0 },
		"window over 64":  func(c *SessionConfig) { c.Window = WindowMax + 1 },
		"negative window": func(c *SessionConfig) { c.Window = -1 },
		"no signer":       func(c *SessionConfig) { c.Sign = nil },
		"no check":        func(c *SessionConfig) { c.Check = nil },
		"no quorums":      func(c *SessionConfig) { c.Quorums = cluster.Quorums{} },
		"retry backwards": func(c *SessionConfig) { c.RetryMax = c.RetryMin - 1 },
	} {
		cfg := good
		spoil(&cfg)
		if _, err := NewSession(cfg); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
}

// TestRandomHistories submits, answers, lies, loses links and turns the clock
// at random. Invariants C1 and C3 hold after each step, and an honest end
// always comes once the network is good.
func TestRandomHistories(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		b := newBench(t, func(c *SessionConfig) { c.Seed = rapid.Uint64().Draw(rt, "seed") })
		sent, ended := map[uint64]bool{}, map[uint64]bool{}
		collect := func() {
			for _, r := range b.results() {
				seq := r.Request.Seq
				if !sent[seq] || ended[seq] {
					rt.Fatalf("seq %d ended twice or was never sent", seq)
				}
				if r.Err == nil && string(r.Reply.Result) != string(r.Request.Body) {
					rt.Fatalf("seq %d ended with a lie", seq)
				}
				ended[seq] = true
			}
			if b.s.next-b.s.oldest > WindowMax || b.s.Outstanding() != len(sent)-len(ended) {
				rt.Fatalf("window %d..%d, %d outstanding of %d", b.s.oldest, b.s.next, b.s.Outstanding(), len(sent)-len(ended))
			}
		}
		honest := func(seq uint64) wire.Reply {
			return b.proof(seq, payments.StatusOK, string(b.s.flightOf(seq).request.Body))
		}
		for range rapid.IntRange(1, 60).Draw(rt, "steps") {
			from := wire.ReplicaID(rapid.IntRange(0, 3).Draw(rt, "replica"))
			seq := b.s.oldest + rapid.Uint64Range(0, 3).Draw(rt, "seq")
			switch rapid.IntRange(0, 7).Draw(rt, "step") {
			case 0, 1:
				if b.s.Free() {
					sent[b.submit(fmt.Sprint("body", b.s.next))] = true
				}
			case 2:
				if b.s.flightOf(seq) != nil {
					b.reply(from, honest(seq))
				}
			case 3:
				if b.s.flightOf(seq) != nil {
					lie := honest(seq)
					lie.Result = append(bytes.Clone(lie.Result), '!')
					b.reply(from, lie)
				}
			case 4: // one replica may say what it likes
				b.reject(3, wire.Reject{Seq: seq, Code: wire.RejectCode(rapid.IntRange(1, 16).Draw(rt, "code")), RetryAfterMilli: rapid.Uint32().Draw(rt, "hint")})
			case 5:
				b.out = b.s.LinkDown(b.now, from, nil)
			case 6:
				b.out = b.s.LinkUp(b.now, from, nil)
			case 7:
				if _, ok := b.s.NextTick(); ok {
					b.tick()
				}
			}
			collect()
			b.out = nil
		}
		for seq := b.s.oldest; seq < b.s.next; seq++ {
			if b.s.flightOf(seq) != nil {
				b.reply(0, honest(seq))
				collect()
			}
		}
		if len(ended) != len(sent) {
			rt.Fatalf("%d of %d requests ended", len(ended), len(sent))
		}
	})
}

func TestOverloadNarrowsTheWindow(t *testing.T) {
	b := newBench(t, nil)
	var seqs []uint64
	for range 16 {
		seqs = append(seqs, b.submit("x"))
	}
	refuse := func() {
		b.reject(0, wire.Reject{Seq: seqs[15], Code: wire.RejectOverload, RetryAfterMilli: 40})
	}
	refuse()
	if b.s.Free() {
		t.Fatal("a session whose primary is too busy takes one more request")
	}
	answer := func() { b.reply(0, b.proof(seqs[0], payments.StatusOK, "")); seqs = seqs[1:] }
	for b.s.Outstanding() > 8 {
		answer()
	}
	if !b.s.Free() {
		t.Error("with half as many under way it still takes none")
	}
	for range 64 * WindowMax {
		seqs = append(seqs, b.submit("x"))
		answer()
	}
	n := 0
	for ; b.s.Free() && n < WindowMax; n++ {
		seqs = append(seqs, b.submit("x"))
	}
	if b.s.Outstanding() < WindowMax-1 {
		t.Errorf("after many answers it takes %d requests at once", b.s.Outstanding())
	}
}

// TestTimerGrowsUntilARoundTripIsMeasured: answers that always come after the
// timer give no sample, so the timer itself has to grow.
func TestTimerGrowsUntilARoundTripIsMeasured(t *testing.T) {
	const trip = 3 * time.Second // a second is what a session expects without samples
	b := newBench(t, func(c *SessionConfig) { c.RetryMax = 20 * time.Second })
	repeats := func() (n int) {
		seq, sent := b.submit("x"), b.now
		for at, _ := b.s.NextTick(); at < sent+trip; at, _ = b.s.NextTick() {
			b.tick()
			n++
		}
		b.now = sent + trip
		b.reply(0, b.proof(seq, payments.StatusOK, ""))
		return n
	}
	first := repeats()
	for range 4 {
		repeats()
	}
	if last := repeats(); first == 0 || last != 0 {
		t.Errorf("%d repeats of the first request and %d of the sixth, though all were answered after %v", first, last, trip)
	}
}

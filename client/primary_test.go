package client

import (
	"fmt"
	"testing"
	"time"

	"quorate/payments"
	"quorate/wire"
)

// Aim: whatever becomes of the primary, a session soon sends to the one that
// leads and to no other, and as long as it does not know, sees to it that enough
// replicas know that somebody waits. Method: the session without a network; the
// replicas' words come from the test, and none of them comes by itself.

// asked gives the replicas that the last outputs ask where they stand.
func (b *bench) asked() string {
	var to []wire.ReplicaID
	for _, o := range b.out {
		if o.Kind == OutputSend && o.FrameKind == wire.KindStatusRequest {
			to = append(to, o.Replica)
		}
	}
	return fmt.Sprint(to)
}

// goes submits a request and wants it to go to these replicas.
func (b *bench) goes(to string) (seq uint64) {
	b.t.Helper()
	if seq = b.submit("x"); b.sentTo() != to {
		b.t.Fatalf("request %d went to %s, want %s", seq, b.sentTo(), to)
	}
	return seq
}

// answered has a request answered by a replica.
func (b *bench) answered(from wire.ReplicaID, seq uint64) {
	b.reply(from, b.proof(seq, payments.StatusOK, ""))
}

// The link to the primary is lost while nothing is under way: no request has told
// the others anything yet, and the new one must.
func TestRequestAfterTheLossGoesToAll(t *testing.T) {
	b := newBench(t, nil)
	b.answered(0, b.goes("[0]"))
	b.out = b.s.LinkDown(b.now, 0, nil)
	if b.asked() != "[1 2 3]" {
		t.Errorf("asked %s", b.asked())
	}
	first := b.goes("[1 2 3]")
	b.goes("[1]") // one at a time: 64 of a mebibyte to each would be a storm
	b.answered(1, first)
	b.goes("[1 2 3]")
	b.view(1, 1)
	b.view(2, 1)
	if b.goes("[1]"); b.s.Primary() != 1 {
		t.Errorf("primary %d after two replicas reported view 1", b.s.Primary())
	}
}

// A replica that returns is not the primary for having been it once.
func TestReturnedPrimaryIsNotTheOneThatLeft(t *testing.T) {
	b := newBench(t, nil)
	b.out = b.s.LinkDown(b.now, 0, nil)
	for r := range wire.ReplicaID(3) { // the view change is still to come
		b.view(r+1, 0)
	}
	b.now += time.Minute
	b.out = b.s.LinkUp(b.now, 0, nil)
	if b.asked() != "[0 1 2 3]" {
		t.Fatalf("asked %s of the one that is back", b.asked())
	}
	for r := range wire.ReplicaID(4) {
		if b.view(r, 1); b.s.Primary() != 1 {
			t.Fatalf("primary %d after the word of replica %d", b.s.Primary(), r)
		}
	}
	b.goes("[1]")
}

// A link that was cut for a moment and no view change: back to the primary.
func TestPrimaryWhoseLinkReturns(t *testing.T) {
	b := newBench(t, nil)
	b.view(0, 0) // said before, and of no use after
	b.view(1, 0)
	b.out = b.s.LinkDown(b.now, 0, nil)
	b.now += 50 * time.Millisecond
	b.out = b.s.LinkUp(b.now, 0, nil)
	if b.view(0, 0); b.s.Primary() != 1 {
		t.Fatal("one replica's word made it the primary again")
	}
	if b.view(3, 0); b.s.Primary() != 0 {
		t.Fatalf("primary %d; two replicas are in view 0", b.s.Primary())
	}
	b.goes("[0]")
}

// While it guesses and somebody waits, a session goes on asking; one at rest is
// silent.
func TestGuessIsFollowedUp(t *testing.T) {
	b := newBench(t, nil)
	b.out = b.s.LinkDown(b.now, 0, nil)
	if at, ok := b.s.NextTick(); ok {
		t.Errorf("a timer for %v though nobody waits", at)
	}
	seq := b.goes("[1 2 3]")
	rounds := 0
	for b.now < 10*time.Second {
		if b.tick(); b.asked() != "[]" {
			rounds++
		}
	}
	if rounds < 5 || rounds > 10 {
		t.Errorf("asked in %d rounds within 10 s", rounds)
	}
	b.view(2, 2)
	b.view(3, 2)
	b.answered(2, seq)
	if b.goes("[2]"); b.s.Primary() != 2 {
		t.Errorf("primary %d, want that of view 2", b.s.Primary())
	}
}

// The primary was replaced and lives on as a backup, over a link that never broke.
// It says so to whoever asks it, and the others confirm it.
func TestBackupSaysThatItDoesNotLead(t *testing.T) {
	b := newBench(t, nil)
	b.goes("[0]")
	b.view(0, 1)
	if b.asked() != "[0 1 2 3]" || b.s.Primary() != 0 {
		t.Fatalf("asked %s, primary %d", b.asked(), b.s.Primary())
	}
	b.view(3, 1)
	if b.sentTo() != "[1]" || b.s.Primary() != 1 {
		t.Errorf("what waits went to %s, primary %d", b.sentTo(), b.s.Primary())
	}
}

// A liar that reports ever higher views moves nothing, costs a round of questions
// now and then, and keeps nobody from finding the primary.
func TestLiarAboutViews(t *testing.T) {
	b := newBench(t, nil)
	seq := b.goes("[0]")
	rounds := 0
	for i := range wire.View(60_000) {
		b.now += time.Millisecond
		if b.view(3, 1<<40+i); b.asked() != "[]" {
			rounds++
		}
	}
	if b.s.Primary() != 0 || rounds > 40 {
		t.Errorf("primary %d, %d rounds of questions in a minute", b.s.Primary(), rounds)
	}
	b.answered(0, seq)
	b.view(0, 1)
	b.now += pollPause << pollDoublings
	b.view(0, 1)
	if b.view(1, 1); b.s.Primary() != 1 {
		t.Errorf("primary %d; two honest replicas are in view 1", b.s.Primary())
	}
}

package netio

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math/rand"
	"runtime"
	"testing"
	"time"

	"quorate/wire"
)

// Aim of this file: transports on real loopback sockets do what doc.go says
// when nobody is hostile. Method: scenarios first.

func TestScenarioTwoReplicasAndAClient(t *testing.T) {
	for _, plaintext := range []bool{false, true} {
		w, a, b, ra, rb := pair(t, func(c *Config) { c.Plaintext = plaintext })
		if !a.Connected(1) || !b.Connected(0) || a.Connected(0) {
			t.Fatal("connected is wrong")
		}
		if err := a.Send(1, wire.LaneConsensus, wire.KindSignShare, []byte("share")); err != nil {
			t.Fatal(err)
		}
		rb.wait(t, "a frame", func() bool { return len(rb.peer) == 1 })
		if g := rb.peer[0]; g.from != 0 || g.kind != wire.KindSignShare || string(g.body) != "share" {
			t.Fatalf("got %+v", g)
		}
		if plaintext {
			continue
		}
		c := w.dial(t, 0, 7)
		c.send(t, wire.KindRequest, []byte("request"))
		ra.wait(t, "a request", func() bool { return len(ra.client) == 1 })
		if g := ra.client[0]; string(g.body) != "request" {
			t.Fatalf("got %+v", g)
		}
		if err := a.Reply(ra.client[0].conn, wire.KindReply, []byte("reply")); err != nil {
			t.Fatal(err)
		}
		if kind, body, err := c.receive(); kind != wire.KindReply || string(body) != "reply" || err != nil {
			t.Fatal(kind, body, err)
		}
		c.send(t, wire.KindClientPing, []byte("x"))
		if kind, body, err := c.receive(); kind != wire.KindClientPong || string(body) != "x" || err != nil {
			t.Fatal(kind, body, err)
		}
		a.CloseClient(ra.client[0].conn, wire.RejectShutdown)
		if code, err := c.welcomed(); code != wire.RejectShutdown || !errors.Is(err, errRejected) {
			t.Fatal(code, err)
		}
		if _, _, err := c.receive(); err == nil {
			t.Fatal("the connection is still open")
		}
		ra.wait(t, "client down", func() bool { return len(ra.gone) == 1 })
		if err := a.Reply(ra.client[0].conn, wire.KindReply, nil); err != ErrDown {
			t.Fatal(err)
		}
	}
}

func TestFourReplicasEveryPairEveryLane(t *testing.T) {
	w := newWorld(t, 4)
	var tr [4]*Transport
	var rec [4]*recorder
	for i := range tr {
		rec[i] = newRecorder()
		tr[i] = w.start(t, i, rec[i], func(c *Config) { c.Loops = i + 1 })
	}
	for i, r := range rec {
		r.wait(t, "all up", func() bool { return len(r.ups) == 3 })
		if s := tr[i].Stats(); s.PeersUp != 3 {
			t.Fatalf("%d peers up", s.PeersUp)
		}
	}
	const each = 2000
	var numbers [each][]byte
	for k := range numbers {
		numbers[k] = binary.LittleEndian.AppendUint32(nil, uint32(k))
	}
	for i := range tr {
		for j := range tr {
			if i == j {
				continue
			}
			for k := range each {
				lane := wire.Lane(k % 3)
				if err := tr[i].Send(wire.ReplicaID(j), lane, wire.KindPrePrepare+wire.Kind(lane), numbers[k]); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	for _, r := range rec {
		r.wait(t, "all frames", func() bool { return len(r.peer) == 3*each })
		// Order within a lane of a link.
		last := map[[2]int]int{}
		for _, g := range r.peer {
			key := [2]int{int(g.from), int(g.kind)}
			n := int(binary.LittleEndian.Uint32(g.body))
			if prev, ok := last[key]; ok && n <= prev {
				t.Fatalf("from %d lane %d: %d after %d", g.from, g.kind, n, prev)
			}
			last[key] = n
		}
	}
	for i := range tr {
		s := tr[i].Stats()
		if s.Loops != i+1 || s.Turns == 0 || s.BusySeconds <= 0 || runtime.GOOS == "linux" && s.CPUSeconds <= 0 {
			t.Errorf("replica %d: %d loops, %d turns, %v s busy, %v s of CPU", i, s.Loops, s.Turns, s.BusySeconds, s.CPUSeconds)
		}
		if s.CPUSeconds > s.BusySeconds+0.001+1e-5*float64(s.Turns) { // the clocks are not read at one instant
			t.Errorf("replica %d: %v s of CPU in %v s", i, s.CPUSeconds, s.BusySeconds)
		}
	}
}

func TestLargeObjectIsOvertaken(t *testing.T) {
	_, a, _, _, rb := pair(t, nil)
	object := make([]byte, wire.FrameBytesMax)
	rand.New(rand.NewSource(1)).Read(object)
	const objects = 3
	for range objects {
		if err := a.Send(1, wire.LaneBulk, wire.KindBody, object); err != nil {
			t.Fatal(err)
		}
	}
	// More than a TLS record: the bulk link, in the consensus lane.
	urgent := object[:controlBodyBytesMax+1]
	if err := a.Send(1, wire.LaneConsensus, wire.KindPrePrepare, urgent); err != nil {
		t.Fatal(err)
	}
	if err := a.Send(1, wire.LaneConsensus, wire.KindCommit, []byte("vote")); err != nil {
		t.Fatal(err)
	}
	rb.wait(t, "everything", func() bool { return len(rb.peer) == objects+2 })
	at := map[wire.Kind]int{}
	for i, g := range rb.peer {
		at[g.kind] = i
		want := object
		switch g.kind {
		case wire.KindPrePrepare:
			want = urgent
		case wire.KindCommit:
			want = []byte("vote")
		}
		if !bytes.Equal(g.body, want) {
			t.Fatalf("kind %d: another body of %d bytes", g.kind, len(g.body))
		}
		if cap(g.body) > len(g.body)+len(g.body)/8 {
			t.Fatalf("kind %d: capacity %d for %d bytes", g.kind, cap(g.body), len(g.body))
		}
	}
	if at[wire.KindPrePrepare] >= at[wire.KindBody] || at[wire.KindCommit] >= at[wire.KindBody] {
		t.Fatalf("nothing was overtaken: %v", at)
	}
	if err := a.Send(1, wire.LaneBulk, wire.KindBody, make([]byte, wire.FrameBytesMax+1)); err != ErrTooLarge {
		t.Fatal(err)
	}
	if a.Send(0, 0, 16, nil) != ErrLane || a.Send(2, 0, 16, nil) != ErrLane || a.Send(1, 3, 16, nil) != ErrLane {
		t.Fatal("a wrong lane or replica was taken")
	}
}

func TestRestartedPeerComesBack(t *testing.T) {
	w, a, b, ra, _ := pair(t, nil)
	began := time.Now()
	shut(t, b)
	ra.wait(t, "peer down", func() bool { return ra.downs[1] == 1 })
	t.Logf("down after %v", time.Since(began))
	eventually(t, "the other link is down too", func() bool { return a.Send(1, wire.LaneConsensus, wire.KindCommit, nil) == ErrDown })
	r2 := newRecorder()
	w.start(t, 1, r2, nil)
	ra.wait(t, "peer up again", func() bool { return ra.ups[1] == 2 })
	if err := a.Send(1, wire.LaneConsensus, wire.KindCommit, []byte("again")); err != nil {
		t.Fatal(err)
	}
	r2.wait(t, "a frame", func() bool { return len(r2.peer) == 1 })
}

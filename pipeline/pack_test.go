package pipeline

import (
	"bytes"
	"errors"
	"testing"

	"github.com/klauspost/compress/s2"

	"quorate/wire"
)

// Aim: a packed frame is the frame that was packed, and no bytes of a peer cost
// more memory than they bring. Method: round trips, made-up bytes, and a cluster
// whose replicas pack everything.

// sentFrame is what reached the transport.
type sentFrame struct {
	to   wire.ReplicaID
	kind wire.Kind
	body []byte
}

type recorder struct{ sent []sentFrame }

func (r *recorder) Send(to wire.ReplicaID, _ wire.Lane, kind wire.Kind, body []byte) error {
	r.sent = append(r.sent, sentFrame{to, kind, body})
	return nil
}

func (r *recorder) Reply(ConnID, wire.Kind, []byte) error { return nil }

func TestPackedFramesComeBack(t *testing.T) {
	rec := &recorder{}
	p := newPacker(rec, 1000)
	small, large := transfersBody(1, 7, 5), transfersBody(1, 500, 5)
	noise := make([]byte, 4000)
	for i, x := 0, uint32(1); i < len(noise); i++ {
		x = x*1664525 + 1013904223
		noise[i] = byte(x >> 24)
	}
	for _, body := range [][]byte{small, large, noise, make([]byte, 100_000)} {
		for to := range wire.ReplicaID(3) {
			must(t, p.Send(to, wire.LaneConsensus, wire.KindBody, body))
		}
	}
	for i, f := range rec.sent {
		want := [][]byte{small, large, noise, make([]byte, 100_000)}[i/3]
		kind, body := f.kind, f.body
		if packed := i/3 == 1; packed != (kind == wire.KindPacked) {
			t.Fatalf("frame %d was sent as kind %d", i, kind)
		} else if packed {
			var err error
			if kind, body, err = unpackFrame(f.body); err != nil {
				t.Fatal(err)
			}
			if 2*len(f.body) > len(want) {
				t.Errorf("%d bytes of transfers were packed into %d", len(want), len(f.body))
			}
		}
		if kind != wire.KindBody || !bytes.Equal(body, want) || f.to != wire.ReplicaID(i%3) {
			t.Fatalf("frame %d to %d came back as %d bytes of kind %d", i, f.to, len(body), kind)
		}
	}
	if &rec.sent[3].body[0] != &rec.sent[5].body[0] {
		t.Error("a broadcast was packed more than once")
	}
}

func TestPackedFramesThatNobodyPacked(t *testing.T) {
	good, ok := packFrame(wire.KindBody, transfersBody(1, 500, 5))
	if !ok {
		t.Fatal("transfers do not pack")
	}
	with := func(kind wire.Kind) []byte { return append([]byte{byte(kind)}, good[1:]...) }
	bomb := append([]byte{byte(wire.KindBody)}, s2.Encode(nil, make([]byte, wire.FrameBytesMax))...)
	tooLong := append([]byte{byte(wire.KindBody)}, s2.Encode(nil, make([]byte, wire.FrameBytesMax+1))...)
	for name, b := range map[string][]byte{
		"empty": nil, "a kind alone": {byte(wire.KindBody)}, "cut": good[:len(good)-1], "longer": append(good[:len(good):len(good)], 0),
		"packed twice": with(wire.KindPacked), "a hello": with(wire.KindHello), "a client's": with(wire.KindRequest),
		"zeros of a whole frame": bomb, "more than a frame": tooLong,
	} {
		if _, _, err := unpackFrame(b); !errors.Is(err, ErrPacked) {
			t.Errorf("%s: error %v", name, err)
		}
	}
	if n := testing.AllocsPerRun(10, func() { _, _, _ = unpackFrame(bomb) }); n > 20 {
		t.Errorf("%v allocations for a refusal", n)
	}
}

func TestClusterThatPacks(t *testing.T) {
	c := newTestCluster(t, 1)
	c.packBytes = 1
	for i := range c.nodes {
		c.kill(i)
		c.start(i, false)
	}
	codesAllZero(t, c.do(0, wire.OpCreateAccounts, accountsBody(1, 20), 0, 1, 2, 3), 20)
	for i := range 5 {
		codesAllZero(t, c.do(0, wire.OpCreateTransfers, transfersBody(uint64(1+1000*i), 900, 20), 0, 1, 2, 3), 900)
	}
	c.kill(3)
	codesAllZero(t, c.do(0, wire.OpCreateTransfers, transfersBody(100_000, 900, 20), 0, 1, 2), 900)
	c.start(3, false)
	c.settle()
}

func FuzzUnpackFrame(f *testing.F) {
	good, _ := packFrame(wire.KindBody, transfersBody(1, 50, 5))
	f.Add(good)
	f.Add([]byte{byte(wire.KindBody), 5, 16, 1, 2, 3, 4, 5})
	f.Fuzz(func(t *testing.T, b []byte) {
		kind, body, err := unpackFrame(b)
		if err != nil {
			return
		}
		if len(body) > wire.FrameBytesMax || len(body) > packedRatio*len(b) || kind == wire.KindPacked {
			t.Fatalf("%d bytes were unpacked into %d of kind %d", len(b), len(body), kind)
		}
	})
}

package netio

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand"
	"sync/atomic"
	"testing"

	"quorate/wire"
)

// Aim of this file: the frame reader gives the same frames for any cutting of
// the same bytes (N3), refuses what is out of range, and takes memory only as
// bytes arrive (N2). Method: an obvious twin that sees all bytes at once; every
// split offset; random cuttings; a fuzz target that compares both.

type frame struct {
	kind wire.Kind
	body []byte
}

func peerReader(out *[]frame) *frameReader {
	return &frameReader{
		bodyMax: chunkBytes, objMax: wire.FrameBytesMax, allowed: peerMaySend, arena: &arena{},
		deliver: func(k wire.Kind, b []byte) { *out = append(*out, frame{k, b}) },
	}
}

// slowFrames is the twin: it reads a whole stream, and says where it went wrong.
func slowFrames(in []byte) (out []frame, bad bool) {
	type object struct {
		kind wire.Kind
		body []byte
		left int
	}
	var open [3]object
	for len(in) >= wire.FrameHeaderBytes {
		h, err := wire.DecodeFrameHeader(in, wire.FrameBytesMax)
		if err != nil || !peerMaySend(h.Kind) {
			return out, true
		}
		in = in[wire.FrameHeaderBytes:]
		n := int(h.BodyBytes)
		if h.Stream == 0 {
			if n > chunkBytes {
				return out, true
			}
			if len(in) < n {
				return out, false
			}
			out, in = append(out, frame{h.Kind, in[:n]}), in[n:]
			continue
		}
		o := &open[h.Lane]
		switch {
		case int(h.Stream) != int(h.Lane)+1, n == 0:
			return out, true
		case o.left == 0 && n <= chunkBytes:
			return out, true
		case o.left != 0 && (o.left != n || o.kind != h.Kind):
			return out, true
		}
		o.kind, o.left = h.Kind, n
		n = min(n, chunkBytes)
		if len(in) < n {
			return out, false
		}
		o.body, in = append(o.body, in[:n]...), in[n:]
		if o.left -= n; o.left == 0 {
			out = append(out, frame{o.kind, o.body})
			*o = object{}
		}
	}
	return out, false
}

func same(a, b []frame) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i].kind != b[i].kind || !bytes.Equal(a[i].body, b[i].body) {
			return false
		}
	}
	return true
}

// stream encodes bodies through an outbox, as a connection would send them.
func stream(chunks bool, push func(o *outbox)) []byte {
	var queued atomic.Int64
	o := &outbox{chunks: chunks, limits: [lanes]int{1 << 30, 1 << 30, 1 << 30}, queued: &queued}
	push(o)
	var out []byte
	for {
		segments := o.take(nil, batchBytesMax)
		if len(segments) == 0 {
			if queued.Load() != 0 {
				panic(fmt.Sprintf("%d bytes still counted in an empty outbox", queued.Load()))
			}
			return out
		}
		for _, s := range segments {
			if s.hasHeader {
				out = s.header.Append(out)
			}
			out = append(out, s.part...)
		}
	}
}

func bytesOf(n int, seed int64) []byte {
	b := make([]byte, n)
	rand.New(rand.NewSource(seed)).Read(b)
	return b
}

// feedCut feeds in the given cutting, alternating feed and direct.
func feedCut(r *frameReader, in []byte, cut func() int) error {
	for len(in) > 0 {
		n := min(max(1, cut()), len(in))
		if dst, err := r.direct(); err != nil {
			return err
		} else if dst != nil && n%2 == 0 {
			n = copy(dst, in[:n])
			r.advance(n)
		} else if err := r.feed(in[:n]); err != nil {
			return err
		}
		in = in[n:]
	}
	return nil
}

func TestEverySplitOffset(t *testing.T) {
	in := stream(true, func(o *outbox) {
		o.push(wire.LaneConsensus, wire.KindCommit, bytesOf(150, 1))
		o.push(wire.LaneBulk, wire.KindBody, bytesOf(2*chunkBytes+1000, 2))
		o.push(wire.LaneConsensus, wire.KindPing, nil)
		o.push(wire.LaneReply, wire.KindForward, bytesOf(chunkBytes+1, 3))
		o.push(wire.LaneReply, wire.KindForward, bytesOf(5*kib, 4))
	})
	want, bad := slowFrames(in)
	if bad || len(want) != 5 {
		t.Fatalf("the twin sees %d frames, bad %v", len(want), bad)
	}
	// Splits at every byte of a header, and at steps elsewhere.
	for at := 0; at <= len(in); at++ {
		if at > 2000 && at < len(in)-2000 && at%chunkBytes > 400 && at%61 != 0 {
			continue
		}
		var out []frame
		r := peerReader(&out)
		if err := errors.Join(r.feed(in[:at]), r.feed(in[at:])); err != nil || !same(out, want) || r.midFrame() {
			t.Fatalf("split at %d: %d frames, %v", at, len(out), err)
		}
	}
	var out []frame
	r := peerReader(&out)
	if err := feedCut(r, in, func() int { return 1 }); err != nil || !same(out, want) {
		t.Fatalf("byte by byte: %d frames, %v", len(out), err)
	}
}

func TestFrameRefusals(t *testing.T) {
	head := func(n uint32, k wire.Kind, lane wire.Lane, stream uint16) []byte {
		return wire.FrameHeader{BodyBytes: n, Kind: k, Lane: lane, Stream: stream}.Append(nil)
	}
	big := uint32(3 * chunkBytes)
	first := append(head(big, wire.KindBody, wire.LaneBulk, 3), make([]byte, chunkBytes)...)
	for name, c := range map[string]struct {
		in   []byte
		want error
	}{
		"whole frame over a chunk":    {head(chunkBytes+1, wire.KindCommit, 0, 0), errFrame},
		"length 2^31":                 {head(1<<31, wire.KindCommit, 0, 0), errFrame},
		"length 2^32-1":               {head(1<<32-1, wire.KindCommit, 0, 0), errFrame},
		"object over the limit":       {head(wire.FrameBytesMax+1, wire.KindBody, 2, 3), errFrame},
		"lane 3":                      {head(1, wire.KindCommit, 3, 0), errFrame},
		"lane 255":                    {head(1, wire.KindCommit, 255, 0), errFrame},
		"kind 0":                      {head(1, 0, 0, 0), errKind},
		"kind hello after the hello":  {head(1, wire.KindHello, 0, 0), errKind},
		"kind of clients":             {head(1, wire.KindRequest, 0, 0), errKind},
		"kind 255":                    {head(1, 255, 0, 0), errKind},
		"stream of another lane":      {head(big, wire.KindBody, 2, 1), errFrame},
		"stream 65535":                {head(big, wire.KindBody, 2, 65535), errFrame},
		"object that fits a frame":    {head(chunkBytes, wire.KindBody, 2, 3), errFrame},
		"empty object":                {head(0, wire.KindBody, 2, 3), errFrame},
		"chunk of another length":     {append(first, head(big-chunkBytes-1, wire.KindBody, 2, 3)...), errFrame},
		"chunk of another kind":       {append(first, head(big-chunkBytes, wire.KindBlocks, 2, 3)...), errFrame},
		"a second object in its lane": {append(first, head(big, wire.KindBody, 2, 3)...), errFrame},
	} {
		for _, cut := range []int{1, 7, 1 << 20} {
			var out []frame
			r := peerReader(&out)
			if err := feedCut(r, append([]byte(nil), c.in...), func() int { return cut }); err != c.want || len(out) != 0 {
				t.Errorf("%s: %v and %d frames, want %v", name, err, len(out), c.want)
			}
		}
	}
}

func TestClientReaderTakesNoChunks(t *testing.T) {
	r := &frameReader{bodyMax: 2 * mib, allowed: clientMaySend, deliver: func(wire.Kind, []byte) {}, arena: &arena{}}
	if err := r.feed(wire.FrameHeader{BodyBytes: 1 << 20, Kind: wire.KindRequest, Stream: 1}.Append(nil)); err != errFrame {
		t.Fatal(err)
	}
	whole := stream(false, func(o *outbox) { o.push(wire.LaneReply, wire.KindReply, bytesOf(300*kib, 5)) })
	if len(whole) != wire.FrameHeaderBytes+300*kib || !bytes.Equal(whole[wire.FrameHeaderBytes:], bytesOf(300*kib, 5)) {
		t.Fatalf("a reply of 300 KiB takes %d bytes", len(whole))
	}
}

// A header that promises 4 MiB takes nothing until bytes come, and then in
// proportion to them; the budget counts it and gets it back.
func TestGatherTakesMemoryAsBytesArrive(t *testing.T) {
	var used atomic.Int64
	r := &frameReader{
		bodyMax: wire.FrameBytesMax, allowed: clientMaySend, arena: &arena{},
		deliver: func(wire.Kind, []byte) {}, budget: &gatherBudget{max: 8 * mib, used: &used},
	}
	if err := r.feed(wire.FrameHeader{BodyBytes: 4 * mib, Kind: wire.KindRequest}.Append(nil)); err != nil {
		t.Fatal(err)
	}
	if used.Load() != 0 {
		t.Fatalf("a header alone took %d bytes", used.Load())
	}
	piece := make([]byte, 10*kib)
	for sent := 0; sent+len(piece) < 4*mib; {
		if err := r.feed(piece); err != nil {
			t.Fatal(err)
		}
		sent += len(piece)
		if have := int(used.Load()); have > gatherAheadBytes+4*sent {
			t.Fatalf("%d bytes taken for %d that arrived", have, sent)
		}
	}
	r.release()
	r.release()
	if used.Load() != 0 {
		t.Fatalf("%d bytes were not given back", used.Load())
	}
	r.budget.max = 300 * kib
	r.headLen = 0
	if err := r.feed(wire.FrameHeader{BodyBytes: 4 * mib, Kind: wire.KindRequest}.Append(nil)); err != nil {
		t.Fatal(err)
	}
	if err := feedCut(r, make([]byte, mib), func() int { return 50*kib + 1 }); err != errGatherCap {
		t.Fatalf("the budget does not bound: %v", err)
	}
}

// fuzzSizes are the body sizes that a fuzzed plan chooses from.
var fuzzSizes = [8]int{0, 1, 150, arenaBodyBytes + 1, chunkBytes - 1, chunkBytes, chunkBytes + 1, 300 * kib}

// FuzzFrameReader damages the headers of a good stream and appends raw bytes:
// reader and twin must agree on every frame and on the fault, in any cutting.
func FuzzFrameReader(f *testing.F) {
	f.Add([]byte{2, 20}, []byte{}, []byte{0, 0, 0, 0, 2, 0, 0, 0, 1}, int64(1))
	f.Add([]byte{20, 6}, []byte{1, 6, 1}, []byte{}, int64(2))
	f.Add([]byte{}, []byte{}, wire.FrameHeader{BodyBytes: 1 << 31, Kind: wire.KindCommit}.Append(nil), int64(3))
	f.Fuzz(func(t *testing.T, plan, flips, tail []byte, seed int64) {
		var heads []int
		in := stream(true, func(o *outbox) {
			for i, p := range plan[:min(len(plan), 8)] {
				o.push(wire.Lane(p%lanes), wire.KindPrePrepare+wire.Kind(p%lanes), bytesOf(fuzzSizes[p/lanes%8], int64(i)))
			}
		})
		for at := 0; at+wire.FrameHeaderBytes <= len(in); {
			heads = append(heads, at)
			h, _ := wire.DecodeFrameHeader(in[at:], wire.FrameBytesMax)
			at += wire.FrameHeaderBytes + min(int(h.BodyBytes), chunkBytes)
		}
		for ; len(flips) >= 3 && len(heads) > 0; flips = flips[3:] {
			in[heads[int(flips[0])%len(heads)]+int(flips[1]%wire.FrameHeaderBytes)] ^= flips[2]
		}
		in = append(in, tail...)
		want, bad := slowFrames(in)
		rng := rand.New(rand.NewSource(seed))
		most := 1 << (4 + rng.Intn(15))
		var out []frame
		err := feedCut(peerReader(&out), in, func() int { return 1 + rng.Intn(most) })
		if (err != nil) != bad || !same(out, want) {
			t.Fatalf("%d frames and %v, the twin says %d and %v", len(out), err, len(want), bad)
		}
	})
}

func FuzzOutboxToReader(f *testing.F) {
	f.Add([]byte{1, 2, 3, 255, 254, 253}, int64(1))
	f.Fuzz(func(t *testing.T, plan []byte, seed int64) {
		if len(plan) > 64 {
			plan = plan[:64]
		}
		rng := rand.New(rand.NewSource(seed))
		var pushed [lanes][]frame
		in := stream(true, func(o *outbox) {
			for i, p := range plan {
				lane := int(p) % lanes
				fr := frame{wire.KindPrePrepare + wire.Kind(lane), bytesOf(fuzzSizes[p/lanes%8], int64(i))}
				pushed[lane] = append(pushed[lane], fr)
				o.push(wire.Lane(lane), fr.kind, fr.body)
			}
		})
		var out []frame
		if err := feedCut(peerReader(&out), in, func() int { return 1 + rng.Intn(100_000) }); err != nil {
			t.Fatal(err)
		}
		var came [lanes][]frame
		for _, fr := range out {
			lane := int(fr.kind - wire.KindPrePrepare)
			came[lane] = append(came[lane], fr)
		}
		for lane := range pushed {
			if !same(pushed[lane], came[lane]) {
				t.Fatalf("lane %d: %d frames pushed, %d came", lane, len(pushed[lane]), len(came[lane]))
			}
		}
	})
}

package netio

import (
	"bytes"
	"errors"

	"quorate/wire"
)

// Sizes that both ends must share; another value is another HelloVersion.
const (
	// chunkBytes is the largest piece of an object that stands in front of an
	// urgent frame on the same link: four TLS records, 70 µs at 0.9 GB/s. A
	// body of more is always cut into chunks, one of less never is.
	chunkBytes = 64 * kib
	// controlBodyBytesMax is the largest body that goes on the control link:
	// one TLS record.
	controlBodyBytesMax = 16 * kib
)

// gatherAheadBytes is what a reader allocates on the word of a header alone.
const gatherAheadBytes = 256 * kib

var (
	errFrame     = errors.New("frame out of range")
	errKind      = errors.New("kind not allowed")
	errGatherCap = errors.New("unfinished frames take too much memory")
)

// frameReader cuts a stream of bytes into frames and puts chunked objects
// together. It is a plain state machine: feed it bytes in any pieces
// (Invariant N3), or let a decryptor write into direct() and advance over it.
// After an error it must not be used again.
//
// An object of more than chunkBytes travels as chunks: frames with Stream =
// lane+1, whose BodyBytes says how much of the object is still to come, this
// chunk included; the chunk itself is that, at most chunkBytes. So each header
// repeats what the reader already knows, one object per lane can be under way,
// and no chunk needs a head of its own. The way not taken, a running number and
// a last-chunk flag, lets a liar open 65,535 objects.
type frameReader struct {
	bodyMax int                     // largest whole frame, bytes
	objMax  int                     // largest chunked object; 0: none are taken
	allowed func(wire.Kind) bool    // which kinds this peer may send
	deliver func(wire.Kind, []byte) // takes the body for good
	arena   *arena
	budget  *gatherBudget // nil: not counted

	head    [wire.FrameHeaderBytes]byte
	headLen int
	into    *gather // where the frame under way goes; nil between frames
	left    int     // bytes of the frame under way still to come
	whole   gather
	objects [3]gather // by lane
	count   uint64    // frames and objects delivered
}

// gather is a body that arrives in pieces. len(buf) bytes have arrived.
type gather struct {
	kind  wire.Kind
	buf   []byte
	total int // 0: none under way
}

// room gives the free space for at most n more bytes, growing first when there
// is none: to 256 KiB at once, then by factors of four, so that what is taken
// stays in proportion to what has arrived (Invariant N2) and the last buffer is
// of exactly the total.
func (g *gather) room(n int, b *gatherBudget) ([]byte, error) {
	if len(g.buf) == cap(g.buf) {
		size := min(g.total, max(gatherAheadBytes, 4*len(g.buf)))
		if !b.take(size - cap(g.buf)) {
			return nil, errGatherCap
		}
		grown := make([]byte, len(g.buf), size)
		copy(grown, g.buf)
		g.buf = grown[:len(g.buf):size]
	}
	return g.buf[len(g.buf):min(cap(g.buf), len(g.buf)+n)], nil
}

// take empties the gather and gives its bytes away.
func (g *gather) take(b *gatherBudget) []byte {
	body := g.buf
	b.give(cap(body))
	*g = gather{}
	return body
}

// midFrame reports whether a frame has begun and not ended.
func (r *frameReader) midFrame() bool { return r.into != nil || r.headLen > 0 }

// release gives back what unfinished frames hold. Safe to call twice.
func (r *frameReader) release() {
	r.whole.take(r.budget)
	for i := range r.objects {
		r.objects[i].take(r.budget)
	}
	r.into, r.left = nil, 0
}

// feed takes the next bytes of the stream. p is free again when it returns.
func (r *frameReader) feed(p []byte) error {
	for len(p) > 0 {
		if r.into == nil {
			rest, err := r.begin(p)
			if err != nil {
				return err
			}
			p = rest
			continue
		}
		dst, err := r.into.room(r.left, r.budget)
		if err != nil {
			return err
		}
		n := copy(dst, p)
		p = p[n:]
		r.advance(n)
	}
	return nil
}

// direct is where the next bytes of the stream belong if they all belong to one
// body, or nil: then they go through feed. It saves the largest bodies a copy.
func (r *frameReader) direct() ([]byte, error) {
	if r.into == nil || r.left < 4*kib {
		return nil, nil
	}
	return r.into.room(r.left, r.budget)
}

// advance says that n bytes were written to where direct pointed.
func (r *frameReader) advance(n int) {
	g := r.into
	g.buf = g.buf[:len(g.buf)+n]
	r.left -= n
	if r.left > 0 {
		return
	}
	r.into = nil
	if len(g.buf) == g.total {
		kind := g.kind
		r.count++
		r.deliver(kind, g.take(r.budget))
	}
}

// begin reads a header, which may itself come in pieces, and a small frame
// whole when its bytes are all there. It returns what it did not use.
func (r *frameReader) begin(p []byte) ([]byte, error) {
	if r.headLen > 0 || len(p) < wire.FrameHeaderBytes {
		n := copy(r.head[r.headLen:], p)
		r.headLen += n
		p = p[n:]
		if r.headLen < wire.FrameHeaderBytes {
			return p, nil
		}
		r.headLen = 0
	} else {
		p = p[copy(r.head[:], p):]
	}
	h, err := wire.DecodeFrameHeader(r.head[:], max(r.bodyMax, r.objMax))
	if err != nil {
		return nil, errFrame
	}
	if !r.allowed(h.Kind) {
		return nil, errKind
	}
	size := int(h.BodyBytes)
	if h.Stream != 0 {
		return p, r.beginChunk(h, size)
	}
	if size > r.bodyMax {
		return nil, errFrame
	}
	if len(p) >= size {
		r.count++
		r.deliver(h.Kind, r.arena.copy(p[:size]))
		return p[size:], nil
	}
	r.whole = gather{kind: h.Kind, total: size}
	r.into, r.left = &r.whole, size
	return p, nil
}

// beginChunk starts an object or goes on with one.
func (r *frameReader) beginChunk(h wire.FrameHeader, size int) error {
	if int(h.Stream) != int(h.Lane)+1 || size > r.objMax || size == 0 {
		return errFrame
	}
	g := &r.objects[h.Lane]
	if g.total == 0 {
		if size <= chunkBytes {
			return errFrame // a second encoding of what a whole frame says
		}
		*g = gather{kind: h.Kind, total: size}
	} else if g.kind != h.Kind || g.total-len(g.buf) != size {
		return errFrame
	}
	r.into, r.left = g, min(size, chunkBytes)
	return nil
}

// Small bodies share allocations: a vote is some 150 bytes, and one allocation
// per vote would cost more than its copy.
const (
	arenaBytes     = 8 * kib
	arenaBodyBytes = kib
)

// arena carves small bodies from shared pieces of memory. A body that is kept
// keeps at most arenaBytes alive.
type arena struct{ free []byte }

// copy gives a copy of p, with no room behind it.
func (a *arena) copy(p []byte) []byte {
	n := len(p)
	if n > arenaBodyBytes {
		return bytes.Clone(p) // does not clear what it is about to write
	}
	if len(a.free) < n {
		a.free = make([]byte, arenaBytes)
	}
	out := a.free[:n:n]
	a.free = a.free[n:]
	copy(out, p)
	return out
}

package sim

import (
	"bytes"
	"errors"
	"fmt"

	"quorate/wire"
)

// codec sends frames the way a socket would: header and body as bytes, which
// arrive in pieces of any size. netio's own reader belongs to a room that this
// one may not use, and has tests and a fuzz target of its own; here the header's
// bytes and the canonical form of every message are what is watched, in whole
// runs.
type codec struct {
	rnd   stream // of cuts; they change no outcome, so nobody records them
	taken []byte // of the stream, not yet a frame
}

var errCodec = errors.New("sim: frame changed on the way")

// carry gives the body as it comes out at the other end.
func (c *codec) carry(kind wire.Kind, body []byte) ([]byte, error) {
	stream := append(wire.FrameHeader{BodyBytes: uint32(len(body)), Kind: kind}.Append(nil), body...)
	for len(stream) > 0 {
		n := min(len(stream), 1+c.rnd.below(c.rnd.below(2*len(stream))+1))
		c.taken = append(c.taken, stream[:n]...)
		stream = stream[n:]
		if got, out, err := c.frame(); err != nil {
			return nil, err
		} else if out != nil {
			if len(stream) > 0 || got != kind || !bytes.Equal(out, body) {
				return nil, errCodec
			}
			return out, canonical(kind, out)
		}
	}
	return nil, fmt.Errorf("%w: no end", errCodec)
}

// frame cuts a whole frame off the stream; nil when there is none yet.
func (c *codec) frame() (wire.Kind, []byte, error) {
	if len(c.taken) < wire.FrameHeaderBytes {
		return 0, nil, nil
	}
	h, err := wire.DecodeFrameHeader(c.taken, wire.BatchBytesMax)
	if err != nil {
		return 0, nil, err
	}
	end := wire.FrameHeaderBytes + int(h.BodyBytes)
	if len(c.taken) < end {
		return 0, nil, nil
	}
	body := append(make([]byte, 0, end), c.taken[wire.FrameHeaderBytes:end]...)
	c.taken = append(c.taken[:0], c.taken[end:]...)
	return h.Kind, body, nil
}

// canonical wants a message that decodes to have one encoding.
func canonical(kind wire.Kind, body []byte) error {
	m, err := wire.DecodeMessage(kind, body)
	if err != nil {
		return nil // a forwarded request, or a liar's bytes
	}
	if !bytes.Equal(m.Append(nil), body) {
		return fmt.Errorf("%w: two encodings", errCodec)
	}
	return nil
}

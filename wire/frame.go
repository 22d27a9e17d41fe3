package wire

import (
	"encoding/binary"
	"fmt"
)

// FrameHeaderBytes is the length of a frame's header:
// u32 body length | u8 kind | u8 lane | u16 stream.
const FrameHeaderBytes = 8

// Kind says what a frame's body is.
type Kind uint8

// Kinds of frames. Replicas and clients have ranges of their own so that a
// receiver refuses what its peer may not send by one comparison.
const (
	// Between replicas.
	KindHello           Kind = 1
	KindPing            Kind = 2
	KindPong            Kind = 3
	KindPrePrepare      Kind = 16
	KindSignShare       Kind = 17
	KindFullCommitProof Kind = 18
	KindPrepare         Kind = 19
	KindCommit          Kind = 20
	KindSlowCommitProof Kind = 21
	KindSignState       Kind = 22
	KindExecuteProof    Kind = 23
	KindCheckpoint      Kind = 24
	KindStable          Kind = 25
	KindComplaint       Kind = 26
	KindViewChange      Kind = 27
	KindNewView         Kind = 28
	KindStatus          Kind = 29
	KindFetchBody       Kind = 30
	KindBody            Kind = 31
	KindFetchViewChange Kind = 32
	KindFetchBlocks     Kind = 33
	KindBlocks          Kind = 34
	KindForward         Kind = 35
	KindReminder        Kind = 36
	KindHead            Kind = 37
	KindPacked          Kind = 38 // another of this range, compressed
	KindAskStanding     Kind = 39 // body empty: how do you stand? For operators; no vote hangs on it
	KindStanding        Kind = 40 // a NodeStatus, the answer

	// Between a client and a replica.
	KindClientHello   Kind = 64
	KindServerHello   Kind = 65
	KindRequest       Kind = 66
	KindReply         Kind = 67
	KindReject        Kind = 68
	KindStatusRequest Kind = 69
	KindStatusReply   Kind = 70
	KindClientPing    Kind = 71
	KindClientPong    Kind = 72
)

// BetweenReplicas reports whether a replica may send this kind to a replica.
func (k Kind) BetweenReplicas() bool { return k < KindClientHello }

// Lane orders what waits for one connection: a lower lane goes first.
type Lane uint8

// The lanes.
const (
	LaneConsensus Lane = 0
	LaneReply     Lane = 1
	LaneBulk      Lane = 2
	laneCount          = 3
)

// FrameHeader is the head of every frame on every connection.
type FrameHeader struct {
	BodyBytes uint32
	Kind      Kind
	Lane      Lane
	Stream    uint16 // 0, or the number of a chunked object on this connection
}

// Append appends the header's 8 bytes to b.
func (h FrameHeader) Append(b []byte) []byte {
	b = binary.LittleEndian.AppendUint32(b, h.BodyBytes)
	b = append(b, byte(h.Kind), byte(h.Lane))
	return binary.LittleEndian.AppendUint16(b, h.Stream)
}

// DecodeFrameHeader reads the header at the start of b, which holds at least
// FrameHeaderBytes, and checks its length field against bodyBytesMax.
func DecodeFrameHeader(b []byte, bodyBytesMax int) (FrameHeader, error) {
	if len(b) < FrameHeaderBytes {
		return FrameHeader{}, fmt.Errorf("%w: frame header is cut short", ErrMalformed)
	}
	h := FrameHeader{
		BodyBytes: binary.LittleEndian.Uint32(b),
		Kind:      Kind(b[4]),
		Lane:      Lane(b[5]),
		Stream:    binary.LittleEndian.Uint16(b[6:]),
	}
	if uint64(h.BodyBytes) > uint64(bodyBytesMax) {
		return FrameHeader{}, fmt.Errorf("%w: frame of %d bytes is over %d", ErrMalformed, h.BodyBytes, bodyBytesMax)
	}
	if h.Lane >= laneCount {
		return FrameHeader{}, fmt.Errorf("%w: lane %d", ErrMalformed, h.Lane)
	}
	return h, nil
}

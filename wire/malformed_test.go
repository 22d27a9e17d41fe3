package wire

import (
	"encoding/binary"
	"errors"
	"strings"
	"testing"
)

// Aim: each refusal that a decoder knows of is reached, for its own reason.
// Method: a well-formed value is encoded and one field is overwritten.

// malformed is one damaged encoding.
type malformed struct {
	name   string
	decode func([]byte) error
	bytes  []byte
	reason string // part of the error
}

func only[T any](decode func([]byte) (T, error)) func([]byte) error {
	return func(b []byte) error { _, err := decode(b); return err }
}

func message(kind Kind) func([]byte) error {
	return func(b []byte) error { _, err := DecodeMessage(kind, b); return err }
}

// with returns v's encoding with the bytes at offset at replaced by repl; a
// negative at counts from the end.
func with(v encoder, at int, repl ...byte) []byte {
	b := v.Append(nil)
	if at < 0 {
		at += len(b)
	}
	copy(b[at:], repl)
	return b
}

func u32(v uint32) []byte { return binary.LittleEndian.AppendUint32(nil, v) }
func u64(v uint64) []byte { return binary.LittleEndian.AppendUint64(nil, v) }

func malformedClientSide() []malformed {
	request := &Request{Body: make([]byte, 4)}
	batch := &Batch{Requests: []Request{*request}}
	reply := &Reply{Result: make([]byte, 4), Path: make([]Digest, 2)}
	const replyResult, replyPath = 8 + 8 + 2 + 4 + 4 + 8, 8 + 8 + 2 + 4 + 4 + 8 + 4 + 4
	status := &NodeStatus{}
	return []malformed{
		{"request: empty", only(DecodeRequest), nil, "request client is cut short"},
		{"request: body length over the rest", only(DecodeRequest), with(request, 17, u32(1000)...), "body is cut short"},
		{"request: body length 2³¹", only(DecodeRequest), with(request, 17, u32(1<<31)...), "is over"},
		{"request: body length 2³²−1", only(DecodeRequest), with(request, 17, u32(1<<32-1)...), "is over"},
		{"request: body length one short", only(DecodeRequest), with(request, 17, u32(3)...), "1 trailing bytes"},
		{"batch: no requests", only(DecodeBatch), (&Batch{}).Append(nil), "without requests"},
		{"batch: count over the rest", only(DecodeBatch), with(batch, 8, u32(2)...), "count 2 of requests"},
		{"batch: count 2³²−1", only(DecodeBatch), with(batch, 8, u32(1<<32-1)...), "out of range"},
		{"reply: result length 2³¹", only(DecodeReply), with(reply, replyResult, u32(1<<31)...), "is over"},
		{"reply: path of 255", only(DecodeReply), with(reply, replyPath, 255), "too deep"},
		{"reply: path over the rest", only(DecodeReply), with(reply, replyPath, 24), "cut short"},
		{"reply: path too short", only(DecodeReply), with(reply, replyPath, 1), "trailing bytes"},
		{"reject: empty", only(DecodeReject), nil, "seq is cut short"},
		{"status: active is 2", only(DecodeNodeStatus), with(status, 10, 2), "active is not 0 or 1"},
		{"status: amnesia is 255", only(DecodeNodeStatus), with(status, -10, 255), "amnesia is not 0 or 1"},
		{"status: diverged is 2", only(DecodeNodeStatus), with(status, -9, 2), "diverged is not 0 or 1"},
		{"header: one byte short", only(DecodeBlockHeader), make([]byte, BlockHeaderBytes-1), "cut short"},
	}
}

func malformedVotes() []malformed {
	proof := &CommitProof{}
	share := &SignShare{}
	pre := &PrePrepare{Batch: make([]byte, 4)}
	return []malformed{
		{"proof: fast is 2", only(DecodeCommitProof), with(proof, slotIDBytes, 2), "fast is not 0 or 1"},
		{"proof: certificate promised", only(DecodeCommitProof), with(proof, slotIDBytes+1, 1), "cut short"},
		{"proof: certificate of 65,535 bytes", only(DecodeCommitProof), with(proof, slotIDBytes+1, 0xff, 0xff), "is over"},
		{"proof: certificate and more", only(DecodeCommitProof), append(proof.Append(nil), 7), "trailing bytes"},
		{"sign-share: share promised", message(KindSignShare), with(&SignShare{}, slotIDBytes, 2), "cut short"},
		{"sign-share: share of 255 bytes", message(KindSignShare), append(with(share, slotIDBytes, 255), make([]byte, 300)...), "is over"},
		{"sign-share: has tau is 3", message(KindSignShare), with(share, -1, 3), "not 0 or 1"},
		{"sign-share: tau promised", message(KindSignShare), with(share, -1, 1), "cut short"},
		{"pre-prepare: batch length 2³²−1", message(KindPrePrepare), with(pre, slotIDBytes+SignatureBytes, u32(1<<32-1)...), "is over"},
		{"body: length 2³¹", message(KindBody), with(&Body{}, 0, u32(1<<31)...), "is over"},
		{"unknown kind 0", message(0), nil, "unknown kind"},
		{"unknown kind 255", message(255), nil, "unknown kind"},
		{"client kind", message(KindRequest), (&Request{}).Append(nil), "unknown kind"},
		{"hello has a decoder of its own", message(KindHello), nil, "unknown kind"},
		{"forward has a decoder of its own", message(KindForward), nil, "unknown kind"},
	}
}

func malformedViewChanges() []malformed {
	slot := func(seq SeqNum) SlotEvidence { return SlotEvidence{Seq: seq, HasVote: true} }
	change := func(stable SeqNum, seqs ...SeqNum) *ViewChange {
		m := &ViewChange{Stable: Stable{State: CheckpointState{Seq: stable}}}
		for _, s := range seqs {
			m.Slots = append(m.Slots, slot(s))
		}
		return m
	}
	const slots = 2 + 8 + checkpointStateBytes + 2 // offset of the count of slots
	const flags = slots + 4 + 8                    // … of the first slot's flags
	newView := &NewView{Chosen: []ChosenViewChange{{Replica: 1}, {Replica: 2}}}
	return []malformed{
		{"view change: slot at the stable seq", message(KindViewChange), change(5, 5).Append(nil), "out of order"},
		{"view change: slot below the stable seq", message(KindViewChange), change(5, 4).Append(nil), "out of order"},
		{"view change: same slot twice", message(KindViewChange), change(5, 6, 6).Append(nil), "out of order"},
		{"view change: slots descend", message(KindViewChange), change(5, 7, 6).Append(nil), "out of order"},
		{"view change: slot over the window", message(KindViewChange), change(5, 5+WindowMax+1).Append(nil), "out of order"},
		{"view change: seq 2⁶⁴−1", message(KindViewChange), change(0, 1<<64-1).Append(nil), "out of order"},
		{"view change: seq wraps", message(KindViewChange), change(1<<64-1, 0).Append(nil), "out of order"},
		{"view change: no flags", message(KindViewChange), with(change(0, 1), flags, 0), "slot flags"},
		{"view change: unknown flag", message(KindViewChange), with(change(0, 1), flags, 5), "slot flags"},
		{"view change: lock promised", message(KindViewChange), with(change(0, 1), flags, 3), "cut short"},
		{"view change: count 2³²−1", message(KindViewChange), with(change(0, 1), slots, u32(1<<32-1)...), "out of range"},
		{"new view: signers descend", message(KindNewView), with(newView, 8+4, 3), "out of order"},
		{"new view: signer twice", message(KindNewView), with(newView, 8+4, 2), "out of order"},
		{"new view: count over the rest", message(KindNewView), with(newView, 8, u32(200)...), "out of range"},
	}
}

func malformedTransfers() []malformed {
	slot := func(seq SeqNum, null bool) CommittedSlot {
		s := CommittedSlot{Proof: CommitProof{Slot: SlotID{Seq: seq}}}
		if !null {
			s.Proof.Slot.Digest[0], s.Batch = 1, []byte{1}
		}
		return s
	}
	lying := slot(1, true)
	lying.Batch = []byte{1}
	empty := slot(1, true)
	empty.Proof.Slot.Digest[0] = 1
	fetch := func(from, to SeqNum) []byte { return (&FetchBlocks{from, to}).Append(nil) }
	blocks := func(s ...CommittedSlot) []byte { return (&Blocks{s}).Append(nil) }
	return []malformed{
		{"status: voted ends in zero", message(KindStatus), (&Status{Voted: []byte{1, 0}}).Append(nil), "trailing zero"},
		{"status: active is 2", message(KindStatus), with(&Status{}, 8, 2), "active is not 0 or 1"},
		{"status: voted length 2³¹", message(KindStatus), with(&Status{}, 8+1+8+8, u32(1<<31)...), "is over"},
		{"fetch blocks: from 0", message(KindFetchBlocks), fetch(0, 1), "range of blocks"},
		{"fetch blocks: backwards", message(KindFetchBlocks), fetch(2, 1), "range of blocks"},
		{"fetch blocks: everything", message(KindFetchBlocks), fetch(1, 1<<64-1), "range of blocks"},
		{"blocks: none", message(KindBlocks), blocks(), "no blocks"},
		{"blocks: gap", message(KindBlocks), blocks(slot(1, false), slot(3, false)), "not consecutive"},
		{"blocks: same twice", message(KindBlocks), blocks(slot(1, false), slot(1, false)), "not consecutive"},
		{"blocks: null slot with a batch", message(KindBlocks), blocks(lying), "disagree"},
		{"blocks: batch without bytes", message(KindBlocks), blocks(empty), "disagree"},
		{"blocks: count 2³²−1", message(KindBlocks), u32(1<<32 - 1), "out of range"},
	}
}

func TestMalformed(t *testing.T) {
	var table []malformed
	table = append(table, malformedClientSide()...)
	table = append(table, malformedVotes()...)
	table = append(table, malformedViewChanges()...)
	table = append(table, malformedTransfers()...)
	for _, c := range table {
		err := c.decode(c.bytes)
		if !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: error %v, want ErrMalformed", c.name, err)
			continue
		}
		if !strings.Contains(err.Error(), c.reason) {
			t.Errorf("%s: refused because %q, want %q", c.name, err, c.reason)
		}
	}
}

func TestMalformedFrameHeader(t *testing.T) {
	good := FrameHeader{BodyBytes: 9, Kind: KindReply, Lane: LaneReply, Stream: 3}
	if h, err := DecodeFrameHeader(good.Append(nil), 9); err != nil || h != good {
		t.Fatalf("decoded %+v, %v", h, err)
	}
	for name, c := range map[string]struct {
		bytes []byte
		max   int
	}{
		"empty":            {nil, FrameBytesMax},
		"seven bytes":      {good.Append(nil)[:7], FrameBytesMax},
		"one over max":     {good.Append(nil), 8},
		"length 2³¹":       {FrameHeader{BodyBytes: 1 << 31}.Append(nil), FrameBytesMax},
		"length 2³²−1":     {FrameHeader{BodyBytes: 1<<32 - 1}.Append(nil), FrameBytesMax},
		"lane 3":           {FrameHeader{Lane: laneCount}.Append(nil), FrameBytesMax},
		"lane 255":         {FrameHeader{Lane: 255}.Append(nil), FrameBytesMax},
		"not even allowed": {FrameHeader{BodyBytes: 1}.Append(nil), 0},
	} {
		if _, err := DecodeFrameHeader(c.bytes, c.max); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: error %v, want ErrMalformed", name, err)
		}
	}
}

func TestKindRanges(t *testing.T) {
	for k := range messageGenerators() {
		if !k.BetweenReplicas() {
			t.Errorf("kind %d is a message between replicas", k)
		}
	}
	for k := KindClientHello; k <= KindClientPong; k++ {
		if k.BetweenReplicas() {
			t.Errorf("kind %d is for clients", k)
		}
	}
}

func TestRejectCodes(t *testing.T) {
	names := map[string]bool{}
	for _, c := range RejectCodes() {
		n := c.String()
		if strings.HasPrefix(n, "reject_") || names[n] {
			t.Errorf("code %d has no name of its own: %q", c, n)
		}
		names[n] = true
	}
	if got := RejectCode(999); got.String() != "reject_999" || got.Retry() != RetryNever {
		t.Errorf("unknown code: %s, retry %d", got, got.Retry())
	}
	if RejectOverload.Retry() != RetryAfter || RejectUnknown.Retry() != RetrySameID || RejectSignature.Retry() != RetryNever {
		t.Error("retry classes")
	}
}

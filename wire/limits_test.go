package wire

import (
	"errors"
	"fmt"
	"runtime"
	"testing"
)

// Aim: every limit of limits.go is accepted at the limit and refused one above
// it, before memory is taken for it (W2).
// Method: values of limit−1, limit and limit+1 elements are encoded and decoded.

// bounded is one limit: value makes an encoding with n elements.
type bounded struct {
	name   string
	limit  int
	decode func([]byte) error
	value  func(n int) []byte
}

func limits() []bounded {
	return append(limitsOfBytes(), limitsOfCounts()...)
}

func limitsOfBytes() []bounded {
	return []bounded{
		{"request body", BodyBytesMax, only(DecodeRequest), func(n int) []byte { return (&Request{Body: make([]byte, n)}).Append(nil) }},
		{"reply result", ResultBytesMax, only(DecodeReply), func(n int) []byte { return (&Reply{Result: make([]byte, n)}).Append(nil) }},
		{"batch bytes", BatchBytesMax, only(DecodeBatch), batchOfBytes},
		{"pre-prepare batch", BatchBytesMax, message(KindPrePrepare), func(n int) []byte { return (&PrePrepare{Batch: make([]byte, n)}).Append(nil) }},
		{"body batch", BatchBytesMax, message(KindBody), func(n int) []byte { return (&Body{make([]byte, n)}).Append(nil) }},
		{"block batch", BatchBytesMax, message(KindBlocks), func(n int) []byte {
			s := CommittedSlot{Batch: make([]byte, n)}
			s.Proof.Slot.Digest[0] = 1
			return (&Blocks{[]CommittedSlot{s}}).Append(nil)
		}},
		{"share", ShareBytesMax, message(KindSignState), func(n int) []byte {
			b := append(make([]byte, 8+DigestBytes), byte(n))
			return append(b, make([]byte, n)...)
		}},
		{"certificate", CertificateBytesMax, message(KindPrepare), func(n int) []byte {
			b := appendU16(make([]byte, slotIDBytes), uint16(n))
			return append(b, make([]byte, n)...)
		}},
		{"status voted", statusVotedBytesMax, message(KindStatus), func(n int) []byte {
			m := &Status{Voted: make([]byte, n)}
			m.Voted[n-1] = 1
			return m.Append(nil)
		}},
		{"frame body", 1000, func(b []byte) error { _, err := DecodeFrameHeader(b, 1000); return err },
			func(n int) []byte { return FrameHeader{BodyBytes: uint32(n)}.Append(nil) }},
	}
}

// batchOfBytes makes a batch that encodes to exactly n bytes.
func batchOfBytes(n int) []byte {
	t := Batch{}
	rest := n - BatchFixedBytes
	for rest > 0 {
		body := min(rest-requestFixedBytes, BodyBytesMax)
		if left := rest - requestFixedBytes - body; left > 0 && left < requestFixedBytes {
			body -= requestFixedBytes
		}
		t.Requests = append(t.Requests, Request{Body: make([]byte, body)})
		rest -= requestFixedBytes + body
	}
	return t.Append(nil)
}

func limitsOfCounts() []bounded {
	return []bounded{
		{"requests in a batch", RequestsMax, only(DecodeBatch), func(n int) []byte { return (&Batch{Requests: make([]Request, n)}).Append(nil) }},
		{"path", MerkleDepthMax, only(DecodeReply), func(n int) []byte { return (&Reply{Path: make([]Digest, n)}).Append(nil) }},
		{"evidence slots", WindowMax, message(KindViewChange), func(n int) []byte {
			m := &ViewChange{}
			for i := range n {
				m.Slots = append(m.Slots, SlotEvidence{Seq: SeqNum(i + 1), HasVote: true})
			}
			return m.Append(nil)
		}},
		{"evidence window", WindowMax, message(KindViewChange), func(n int) []byte {
			m := &ViewChange{Slots: []SlotEvidence{{Seq: 10 + SeqNum(n), HasVote: true}}}
			m.Stable.State.Seq = 10
			return m.Append(nil)
		}},
		{"chosen view changes", ReplicasMax, message(KindNewView), func(n int) []byte {
			m := &NewView{}
			for i := range n {
				m.Chosen = append(m.Chosen, ChosenViewChange{Replica: ReplicaID(i)})
			}
			return m.Append(nil)
		}},
		{"fetched range", FetchBlocksMax, message(KindFetchBlocks), func(n int) []byte {
			return (&FetchBlocks{From: 7, To: 7 + SeqNum(n) - 1}).Append(nil)
		}},
		{"blocks", FetchBlocksMax, message(KindBlocks), func(n int) []byte {
			m := &Blocks{}
			for i := range n {
				m.Blocks = append(m.Blocks, CommittedSlot{Proof: CommitProof{Slot: SlotID{Seq: SeqNum(i + 1)}}})
			}
			return m.Append(nil)
		}},
	}
}

func TestLimits(t *testing.T) {
	for _, l := range limits() {
		for _, n := range []int{l.limit - 1, l.limit, l.limit + 1} {
			t.Run(fmt.Sprintf("%s/%d", l.name, n), func(t *testing.T) {
				err := l.decode(l.value(n))
				if n <= l.limit && err != nil {
					t.Errorf("%d of at most %d is refused: %v", n, l.limit, err)
				}
				if n > l.limit && !errors.Is(err, ErrMalformed) {
					t.Errorf("%d of at most %d: error %v, want ErrMalformed", n, l.limit, err)
				}
			})
		}
	}
}

// TestLargestValuesFitAFrame holds the claim in the comment of FrameBytesMax.
func TestLargestValuesFitAFrame(t *testing.T) {
	s := CommittedSlot{Batch: make([]byte, BatchBytesMax)}
	for name, n := range map[string]int{
		"pre-prepare": len((&PrePrepare{Batch: s.Batch}).Append(nil)),
		"body":        len((&Body{s.Batch}).Append(nil)),
		"one block":   len((&Blocks{[]CommittedSlot{s}}).Append(nil)),
		"view change": len(limitsOfCounts()[2].value(WindowMax)) + WindowMax*(8+DigestBytes+2+certificateHeadBytes),
		"reply":       len((&Reply{Result: make([]byte, ResultBytesMax), Path: make([]Digest, MerkleDepthMax)}).Append(nil)),
		"request":     len((&Request{Body: make([]byte, BodyBytesMax)}).Append(nil)),
	} {
		if n > FrameBytesMax {
			t.Errorf("the largest %s has %d bytes, a frame holds %d", name, n, FrameBytesMax)
		}
	}
	if n := (&Request{Body: make([]byte, BodyBytesMax)}).EncodedBytes(); n > 1<<20 {
		t.Errorf("the largest request has %d bytes, the comment of EventsMax says it fits 1 MiB", n)
	}
}

// TestAnchorBytes: the bound is the length of the largest anchor, to the byte.
func TestAnchorBytes(t *testing.T) {
	for _, certBytes := range []int{0, 48, 61, 200} {
		cert, err := NewCertificate(make([]byte, certBytes))
		if err != nil {
			t.Fatal(err)
		}
		const window, changes = 8, 3
		change := &ViewChange{Stable: Stable{Tau: cert}}
		for i := range window {
			change.Slots = append(change.Slots, SlotEvidence{Seq: SeqNum(i + 1), HasVote: true, HasLock: true, Lock: Lock{Tau: cert}})
		}
		a := &AnchorRecord{Stable: Stable{Tau: cert}, Leaving: change, Entered: &EnteredRecord{NewView: &NewView{}}}
		for i := range changes {
			a.Entered.NewView.Chosen = append(a.Entered.NewView.Chosen, ChosenViewChange{Replica: ReplicaID(i)})
			a.Entered.Chosen = append(a.Entered.Chosen, change)
		}
		if got, want := len(a.Append(nil)), AnchorBytes(changes, window, certBytes); got != want {
			t.Errorf("certificates of %d bytes: an anchor has %d bytes, AnchorBytes says %d", certBytes, got, want)
		}
	}
}

// TestCountsTakeNoMemory: a few bytes that promise millions of elements must be
// refused for less memory than a page. TotalAlloc counts bytes, which
// testing.AllocsPerRun does not.
func TestCountsTakeNoMemory(t *testing.T) {
	huge := u32(1<<32 - 1)
	inputs := map[string]func(){
		"batch":       func() { _, _ = DecodeBatch(append(u64(0), u32(RequestsMax)...)) },
		"batch, huge": func() { _, _ = DecodeBatch(append(u64(0), huge...)) },
		"view change": func() {
			_, _ = DecodeMessage(KindViewChange, append(make([]byte, 2+8+checkpointStateBytes+2), u32(WindowMax)...))
		},
		"new view":     func() { _, _ = DecodeMessage(KindNewView, append(u64(0), u32(ReplicasMax)...)) },
		"blocks":       func() { _, _ = DecodeMessage(KindBlocks, u32(FetchBlocksMax)) },
		"body":         func() { _, _ = DecodeMessage(KindBody, u32(BatchBytesMax)) },
		"request body": func() { _, _ = DecodeRequest(append(make([]byte, 17), u32(BodyBytesMax)...)) },
		"reply result": func() { _, _ = DecodeReply(append(make([]byte, 34), u32(ResultBytesMax)...)) },
	}
	for name, decode := range inputs {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		decode()
		runtime.ReadMemStats(&after)
		if got := after.TotalAlloc - before.TotalAlloc; got > 16<<10 {
			t.Errorf("%s: %d bytes were allocated for a refused input", name, got)
		}
	}
}

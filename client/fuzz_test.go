package client

// Aim: whatever replicas send a session, in any order with its own calls and
// timers, it never panics, never believes what is not proven (C1), ends each
// request once at most, and sends to replicas that exist.
// Method: the bytes are a program of calls. The fuzzer knows no certificate, so
// proven replies come from an instruction of their own.

import (
	"testing"
	"time"

	"quorate/payments"
	"quorate/wire"
)

// judge holds the outputs of one call against what a session may do.
type judge struct {
	t     testing.TB
	b     *bench
	ended map[uint64]bool
	proof map[uint64]bool // seqs that a proven reply was made for
	never map[uint64]int  // replicas that refused a seq for good
}

func (j *judge) outputs(out []Output) {
	for _, o := range out {
		switch o.Kind {
		case OutputSend:
			if int(o.Replica) >= 4 {
				j.t.Fatalf("sends to replica %d", o.Replica)
			}
		case OutputDone:
			seq := o.Result.Request.Seq
			if j.ended[seq] {
				j.t.Fatalf("request %d ends twice", seq)
			}
			j.ended[seq] = true
			if _, refused := o.Result.Err.(*RefusedError); !refused && !j.proof[seq] {
				j.t.Fatalf("request %d ends with %v, and nothing proved it", seq, o.Result.Err)
			}
			if _, refused := o.Result.Err.(*RefusedError); refused && j.never[seq] < 2 {
				j.t.Fatalf("request %d was refused by %d voices", seq, j.never[seq])
			}
		case OutputDrop:
		default:
			j.t.Fatalf("output of kind %d", o.Kind)
		}
	}
}

// FuzzSession: bytes are (instruction, argument, length, body) again and again.
func FuzzSession(f *testing.F) {
	b := newBench(f, nil)
	seq := b.submit("x")
	good := b.proof(seq, payments.StatusOK, "result")
	say := func(op byte, from byte, kind wire.Kind, body []byte) []byte {
		out := []byte{op, from, byte(kind), byte(len(body)), byte(len(body) >> 8)}
		return append(out, body...)
	}
	reject := wire.Reject{Seq: 1, Code: wire.RejectOverload, RetryAfterMilli: 1 << 31}
	never := wire.Reject{Seq: 1, Code: wire.RejectSignature}
	status := wire.NodeStatus{View: 1 << 63}
	start := say(0, 0, 0, []byte("x"))
	f.Add(append(start, say(1, 1, wire.KindReply, good.Append(nil))...))
	f.Add(append(start, say(1, 0, wire.KindReject, reject.Append(nil))...))
	f.Add(append(append(start, say(1, 0, wire.KindReject, never.Append(nil))...), say(1, 1, wire.KindReject, never.Append(nil))...))
	f.Add(append(append(start, say(1, 2, wire.KindStatusReply, status.Append(nil))...), say(2, 0, 0, nil)...))
	f.Add(append(append(start, say(3, 0, 0, nil)...), say(5, 0, 0, nil)...))
	f.Fuzz(func(t *testing.T, code []byte) {
		b := newBench(t, nil)
		j := &judge{t: t, b: b, ended: map[uint64]bool{}, proof: map[uint64]bool{}, never: map[uint64]int{}}
		refusals := map[[2]uint64]bool{}
		for steps := 0; len(code) >= 5 && steps < 300; steps++ {
			op, from, kind, n := code[0]%6, wire.ReplicaID(code[1]%6), wire.Kind(code[2]), int(code[3])|int(code[4])<<8
			code = code[5:]
			n = min(n, len(code))
			body := append([]byte(nil), code[:n]...)
			code = code[n:]
			switch op {
			case 0:
				_, out, _ := b.s.Submit(b.now, wire.Op(kind), body, 0, nil)
				j.outputs(out)
			case 1:
				if r, err := wire.DecodeReply(body); err == nil && kind == wire.KindReply && r.Pi == goodPi {
					continue // the certificate is not the fuzzer's to make
				}
				if r, err := wire.DecodeReject(body); err == nil && kind == wire.KindReject && r.Code.Retry() == wire.RetryNever && from < 4 && !refusals[[2]uint64{r.Seq, uint64(from)}] {
					refusals[[2]uint64{r.Seq, uint64(from)}] = true
					j.never[r.Seq]++
				}
				j.outputs(b.s.Receive(b.now, from, kind, body, nil))
			case 2:
				b.now += time.Duration(kind) * 10 * time.Millisecond
				j.outputs(b.s.Tick(b.now, nil))
			case 3:
				j.outputs(b.s.LinkDown(b.now, from, nil))
			case 4:
				j.outputs(b.s.LinkUp(b.now, from, nil))
			case 5: // an honest replica's reply, with any status
				seq := b.s.oldest + uint64(kind)%WindowMax
				if b.s.flightOf(seq) != nil {
					r := b.proof(seq, payments.Status(from), string(body))
					j.proof[seq] = true
					j.outputs(b.s.Receive(b.now, from%4, wire.KindReply, r.Append(nil), nil))
				}
			}
			if b.s.Outstanding() < 0 || b.s.Outstanding() > WindowMax {
				t.Fatalf("%d outstanding", b.s.Outstanding())
			}
			if at, ok := b.s.NextTick(); ok && at > b.now+time.Minute {
				t.Fatalf("a request waits until %v, it is %v", at, b.now)
			}
		}
	})
}

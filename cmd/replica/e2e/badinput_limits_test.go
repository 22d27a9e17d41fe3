package e2e

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"quorate/internal/limits"
	"quorate/netio"
	"quorate/payments"
	"quorate/wire"
)

// The one list of limits (internal/limits): a maker says a number where its
// carrier can hold it. Whether the number is over the limit, the maker does not
// know: it has it from the list.

// maker sends one number to where its limit stands. over tells that it must be
// refused for the limit's sake.
type maker func(b *badRun, n uint64, over bool)

// reach groups the makers by when they can run.
type reach int

const (
	reachClient reach = iota // four replicas run
	reachPeer                // the test speaks as replica 3
	reachFile                // none runs
)

func makers(r reach) map[string]maker {
	switch r {
	case reachClient:
		return clientMakers
	case reachPeer:
		return peerMakers
	}
	return fileMakers
}

// limits sends every listed number that can be said now.
func (b *badRun) limits(r reach) {
	for _, l := range limits.List {
		say := makers(r)[l.Name]
		if l.Test != limits.BadInput || say == nil {
			continue
		}
		for _, n := range limits.Around(l.Value) {
			over := n > l.Value
			if strings.HasSuffix(l.Name, "Min") {
				if over = n < l.Value; n > l.Value+1 {
					continue // the Max beside it says those
				}
			}
			say(b, n, over)
		}
	}
}

// TestEveryLimitHasAMaker holds list and makers against each other.
func TestEveryLimitHasAMaker(t *testing.T) {
	for _, l := range limits.List {
		n := 0
		for r := reachClient; r <= reachFile; r++ {
			if makers(r)[l.Name] != nil {
				n++
			}
		}
		if want := l.Test == limits.BadInput; want != (n == 1) || n > 1 {
			t.Errorf("%s: %d makers here, its test is %q", l.Name, n, l.Test)
		}
	}
	for r := reachClient; r <= reachFile; r++ {
		for name := range makers(r) {
			if _, ok := limits.Of(name); !ok {
				t.Errorf("the maker of %s has no limit", name)
			}
		}
	}
}

// either judges an input that must be refused with one code when it is over, and
// gets by to the check of its signature, which is bad, when it is not.
func (b *badRun) either(limit string, n uint64, over bool, code wire.RejectCode, body []byte) {
	judge := b.good
	if !over {
		code = wire.RejectSignature
	} else {
		judge = b.bad
	}
	judge("FRM-04", fmt.Sprintf("%s: %d", limit, n), 0, rejects(code), func() {
		c := b.member(0, b.someClient())
		c.send(wire.KindRequest, body)
		c.rejected(code)
	})
}

// unsigned is a request of someClient with a bad signature.
func (b *badRun) unsigned(seq uint64, op wire.Op, body []byte) []byte {
	return (&wire.Request{Client: b.someClient().ID, Seq: seq, Op: op, Body: body}).Append(nil)
}

// sessionHigh is the highest seq that badSeqs had executed for someClient.
const sessionHigh = 100

var clientMakers = map[string]maker{
	"wire.EventsMax": func(b *badRun, n uint64, over bool) {
		if n > math.MaxUint16 {
			return // no frame holds so many ids
		}
		b.either("events", n, over, wire.RejectOperation, b.unsigned(sessionHigh+1, wire.OpLookupAccounts, make([]byte, 16*n)))
	},
	"wire.SignedEventsMax": func(b *badRun, n uint64, over bool) {
		if n > math.MaxUint16 {
			return // no frame holds so many
		}
		code := wire.RejectOperation
		if over {
			code = wire.RejectMalformed // and so does no body
		}
		b.either("signed transfers", n, over, code, b.unsigned(sessionHigh+1, wire.OpCreateSignedTransfers, make([]byte, wire.SignedEventBytes*n)))
	},
	"wire.BodyBytesMax": func(b *badRun, n uint64, over bool) {
		if n > math.MaxUint32 {
			return // the length has 32 bits
		}
		if n < wire.BodyBytesMax {
			n = wire.BodyBytesMax - payments.RecordBytes // whole records
		}
		whole := b.unsigned(sessionHigh+1, wire.OpCreateTransfers, make([]byte, min(n, wire.BodyBytesMax+1)))
		const lengthAt = 8 + 8 + 1
		for i := range 4 {
			whole[lengthAt+i] = byte(n >> (8 * i))
		}
		b.either("body bytes", n, over, wire.RejectMalformed, whole)
	},
	"payments.WindowSeqs": func(b *badRun, n uint64, _ bool) {
		if n > sessionHigh {
			return // there is no such seq
		}
		// A window of 64 holds seqs that are less than 64 behind the newest.
		b.either("seqs behind", n, n >= payments.WindowSeqs, wire.RejectSeqTooOld, b.unsigned(sessionHigh-n, wire.OpCreateTransfers, transferBody(900, 5)))
	},
	"payments.SessionJumpMax": func(b *badRun, n uint64, over bool) {
		b.either("seqs ahead", n, over, wire.RejectSeqTooFar, b.unsigned(sessionHigh+n, wire.OpCreateTransfers, transferBody(900, 5)))
	},
	"payments.TimestampMax": func(b *badRun, n uint64, over bool) {
		x := payments.Transfer{ID: payments.U64(0x7155 + n), DebitAccountID: payments.U64(1), CreditAccountID: payments.U64(2),
			Amount: payments.U64(1), Ledger: 1, Code: 1, Flags: payments.TransferImported, Timestamp: n}
		want := payments.TransferImportedEventTimestampMustNotAdvance
		if over {
			want = payments.TransferImportedEventTimestampOutOfRange
		}
		b.ledgerCase(fmt.Sprintf("timestamp %d", n), wire.OpCreateTransfers, x.Append(nil), uint32(want))
	},
	"netio.helloBytesMax": func(b *badRun, n uint64, over bool) {
		if n > math.MaxUint32 {
			return
		}
		b.bad("FRM-04", fmt.Sprintf("hello of %d bytes", n), 1, linkRejects(netio.CauseHello), func() {
			c := dialTLS(b.t, b.clientAddr(1))
			frame := wire.FrameHeader{BodyBytes: uint32(n), Kind: wire.KindClientHello}.Append(nil)
			if _, err := c.Write(append(frame, make([]byte, min(n, 1000))...)); err != nil {
				b.t.Fatal(err)
			}
			if !over {
				c.rejected(wire.RejectMalformed)
			}
			c.closed()
		})
	},
	"netio.clientPingBytesMax": func(b *badRun, n uint64, over bool) {
		b.frameOf("ping", wire.KindClientPing, n, over, func(c *raw) {
			if kind, body, err := c.frame(); err != nil || kind != wire.KindClientPong || uint64(len(body)) != n {
				b.t.Errorf("kind %d, %d bytes, %v; want the %d bytes back", kind, len(body), err, n)
			}
		})
	},
	"netio.Limits.ClientFrameBytesMax": func(b *badRun, n uint64, over bool) {
		b.frameOf("frame", wire.KindRequest, n, over, func(c *raw) { c.rejected(wire.RejectMalformed) })
	},
	"netio.Limits.ConnsPerClient": func(b *badRun, n uint64, over bool) {
		if n > 100 {
			return // so many sockets are the kernel's to refuse
		}
		k := b.keys("load-04")
		if !over {
			b.good("NET-07", fmt.Sprintf("%d connections", n), 2, "", func() {
				for range n {
					b.member(2, k)
				}
			})
			b.none(2)
			return
		}
		b.bad("NET-07", fmt.Sprintf("%d connections", n), 2, linkRejects(netio.CauseClientCap), func() {
			for range n - 1 {
				b.member(2, k)
			}
			c := dialTLS(b.t, b.clientAddr(2))
			c.hello(k.ID, k.Key, b.genesis.Hash())
			c.rejected(wire.RejectOverload)
			c.closed()
		})
		b.none(2)
	},
	"netio.Limits.ClientQueueBytes": func(b *badRun, n uint64, over bool) {
		if !over || n > 1<<30 {
			return // less is taken by the socket and seen by nobody
		}
		b.deaf()
	},
}

// none waits until only the honest client is connected to replica i.
func (b *badRun) none(i int) {
	b.t.Helper()
	eventually(b.t, settleMax, "connections end", func() error {
		now := b.scrape(i)[`quorate_link_connections{state="client"}`]
		return errOf(now <= b.calm[i][`quorate_link_connections{state="client"}`], "%v are open", now)
	})
}

// frameOf sends a frame of n bytes to replica 1, only its head if n is over.
func (b *badRun) frameOf(what string, kind wire.Kind, n uint64, over bool, taken func(c *raw)) {
	if n > math.MaxUint32 {
		return // the length has 32 bits
	}
	name := fmt.Sprintf("%s of %d bytes", what, n)
	head := wire.FrameHeader{BodyBytes: uint32(n), Kind: kind}.Append(nil)
	if over {
		b.bad("FRM-04", name, 1, linkRejects(netio.CauseFrame), func() {
			c := b.member(1, b.someClient())
			if _, err := c.Write(append(head, make([]byte, min(n, 2000))...)); err != nil {
				b.t.Fatal(err)
			}
			c.closed()
		})
		return
	}
	b.good("FRM-04", name, 1, "", func() {
		c := b.member(1, b.someClient())
		if _, err := c.Write(slices.Concat(head, make([]byte, n))); err != nil {
			b.t.Fatal(err)
		}
		taken(c)
	})
}

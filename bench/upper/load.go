package main

import (
	"crypto/ed25519"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"quorate/client"
	"quorate/payments"
	"quorate/pipeline"
	"quorate/wire"
)

// frame is what the pipeline sends to a client.
type frame struct {
	kind wire.Kind
	body []byte
}

// port is the transport of a replica without peers: it hands replies over and
// has nobody to send to.
type port chan frame

// Send implements pipeline.Transport.
func (p port) Send(wire.ReplicaID, wire.Lane, wire.Kind, []byte) error {
	return errors.New("upper: no peers")
}

// Reply implements pipeline.Transport. The channel holds all requests that can
// be under way, so it never blocks.
func (p port) Reply(_ pipeline.ConnID, kind wire.Kind, body []byte) error {
	p <- frame{kind, body}
	return nil
}

// Offsets of the fields that differ between events, in the encoding of
// payments.Transfer.
const (
	offID     = 0
	offDebit  = 16
	offCredit = 32
	offAmount = 48
)

const amountMax = 10_000

// load makes, signs and sends requests, and takes their answers. All of it but
// the ingress runs on one thread.
type load struct {
	cluster  wire.Digest
	ingress  pipeline.Ingress
	replies  port
	keys     []client.Keys
	seqs     []uint64 // of each client
	ledger   uint32
	accounts uint64
	events   int    // per request
	dir      string // lies on the disk
	batches  uint64

	sent     map[key]sending
	latency  *hdrhistogram.Histogram // µs, per payment
	open     bool                    // the window
	measured uint64
	acked    uint64
}

type key struct {
	client wire.ClientID
	seq    uint64
}

type sending struct {
	client int
	events int
	at     time.Time
}

// fill makes the body of batch n, always the same: uniform pairs of accounts.
func (l *load) fill(n uint64) []byte {
	template := (&payments.Transfer{Ledger: l.ledger, Code: 1}).Append(nil)
	body := make([]byte, 0, l.events*payments.RecordBytes)
	rng, le := rand.New(rand.NewPCG(1, n)), binary.LittleEndian
	for i := range l.events {
		body = append(body, template...)
		e := body[len(body)-payments.RecordBytes:]
		debit := rng.Uint64N(l.accounts)
		le.PutUint64(e[offID:], 1+n*uint64(l.events)+uint64(i))
		le.PutUint64(e[offDebit:], 1+debit)
		le.PutUint64(e[offCredit:], 1+(debit+1+rng.Uint64N(l.accounts-1))%l.accounts)
		le.PutUint64(e[offAmount:], 1+rng.Uint64N(amountMax))
	}
	return body
}

// submit signs a request of a client and hands it over.
func (l *load) submit(c int, op wire.Op, body []byte, events int) {
	l.seqs[c]++
	q := wire.Request{Client: l.keys[c].ID, Seq: l.seqs[c], Op: op, Body: body}
	copy(q.Signature[:], ed25519.Sign(l.keys[c].Key, wire.SigningBytes(q.Digest(l.cluster))))
	l.sent[key{q.Client, q.Seq}] = sending{client: c, events: events, at: time.Now()}
	l.ingress.ClientFrame(pipeline.ConnID(1+c), q.Client, wire.KindRequest, q.Append(make([]byte, 0, q.EncodedBytes())))
}

// next sends the next batch of a client.
func (l *load) next(c int) {
	l.submit(c, wire.OpCreateTransfers, l.fill(l.batches), l.events)
	l.batches++
}

// errRefused is an answer that is no success: every request here must succeed.
var errRefused = errors.New("upper: refused")

// answer takes one frame and gives the request that it answers.
func (l *load) answer(f frame) (sending, wire.Reply, error) {
	if f.kind != wire.KindReply {
		return sending{}, wire.Reply{}, fmt.Errorf("%w: a frame of kind %d", errRefused, f.kind)
	}
	r, err := wire.DecodeReply(f.body)
	if err != nil {
		return sending{}, r, err
	}
	s, known := l.sent[key{r.Client, r.Seq}]
	if !known || r.Status != 0 {
		return s, r, fmt.Errorf("%w: request %d of client %d: status %d", errRefused, r.Seq, r.Client, r.Status)
	}
	delete(l.sent, key{r.Client, r.Seq})
	return s, r, nil
}

// paid takes the answer to a batch of payments, all of which must be made.
func (l *load) paid(f frame) (sending, error) {
	s, r, err := l.answer(f)
	if err != nil {
		return s, err
	}
	if len(r.Result) != 4*s.events {
		return s, fmt.Errorf("%w: %d bytes of codes for %d events", errRefused, len(r.Result), s.events)
	}
	for at := 0; at < len(r.Result); at += 4 {
		if code := binary.LittleEndian.Uint32(r.Result[at:]); code != uint32(payments.TransferOK) {
			return s, fmt.Errorf("%w: event %d: %v", errRefused, at/4, payments.TransferCode(code))
		}
	}
	l.acked += uint64(s.events)
	if l.open {
		l.measured += uint64(s.events)
		_ = l.latency.RecordValues(max(time.Since(s.at).Microseconds(), 1), int64(s.events)) // a minute is in range
	}
	return s, nil
}

// answerMax is how long an answer may take on a starved machine.
const answerMax = time.Minute

func (l *load) receive(failed <-chan error) (frame, error) {
	select {
	case f := <-l.replies:
		return f, nil
	case err := <-failed:
		return frame{}, fmt.Errorf("upper: stopped: %w", err)
	case <-time.After(answerMax):
		return frame{}, fmt.Errorf("upper: no answer within %v", answerMax)
	}
}

// drive keeps inFlight requests per client under way for warmup and length, and
// gives the costs at both ends of the window.
func (l *load) drive(inFlight int, warmup, length time.Duration, failed <-chan error) (begin, end costs, err error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	for c := range l.keys {
		for range inFlight {
			l.next(c)
		}
	}
	start := time.Now()
	for len(l.sent) > 0 {
		f, err := l.receive(failed)
		if err != nil {
			return begin, end, err
		}
		s, err := l.paid(f)
		if err != nil {
			return begin, end, err
		}
		switch since := time.Since(start); {
		case !l.open && begin.at.IsZero() && since >= warmup:
			l.open = true
			if begin, err = cost(l.dir); err != nil {
				return begin, end, err
			}
		case l.open && time.Since(begin.at) >= length:
			l.open = false
			if end, err = cost(l.dir); err != nil {
				return begin, end, err
			}
		}
		if end.at.IsZero() {
			l.next(s.client)
		}
	}
	return begin, end, nil
}

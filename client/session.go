package client

import (
	"errors"
	"fmt"
	"math/bits"
	"time"

	"quorate/cluster"
	"quorate/wire"
)

// WindowMax is the number of seqs that may lie between the oldest unanswered
// request and the newest: the replicas keep a bitmap of 64 per client.
const WindowMax = 64

// Soft numbers of a session. Each has its reason; SessionConfig overrides the
// timers.
const (
	// RetryMinDefault is the least time before a request is sent again: some
	// ten times the p99 of a healthy cluster (budgets: 25 ms), so that repeats
	// mean trouble and do not make it.
	RetryMinDefault = 500 * time.Millisecond
	// RetryMaxDefault caps the doubling: after a long outage a request is
	// answered within this time of the cluster's return.
	RetryMaxDefault = 10 * time.Second
	// hintMax bounds the pause that one replica's overload reject can ask for.
	hintMax = 2 * time.Second
	// hintMin keeps a hint of zero from making a busy loop.
	hintMin = 5 * time.Millisecond
	// overloadsToAll is how many overload rejects in a row from one request's
	// primary send it to all: a censoring primary may call itself busy. An honest
	// one that is busy says a second at most, and copies to all are what it needs
	// least: a censor gains 16 s at most, with hints of hintMax.
	overloadsToAll = 8
	// liesMax is how many false replies a replica may send before its link is
	// dropped; banTime is for how long.
	liesMax = 8
	banTime = 30 * time.Second
)

// SessionConfig is what a Session needs. It is validated by NewSession.
type SessionConfig struct {
	Client  wire.ClientID
	Cluster wire.Digest // hash of the genesis
	Quorums cluster.Quorums
	// Sign signs with the client's key; Check judges a block's certificate.
	// They are functions so that a simulation can put ideal ones here.
	Sign  func(message []byte) wire.Signature
	Check func(h *wire.BlockHeader, pi wire.Certificate) error

	FirstSeq uint64 // seq of the first request, at least 1
	Window   int    // outstanding seqs, 1..WindowMax; 0: WindowMax
	RetryMin time.Duration
	RetryMax time.Duration
	Seed     uint64 // of the jitter of pauses
}

// OutputKind says what an Output asks for.
type OutputKind uint8

// The kinds.
const (
	OutputSend OutputKind = iota + 1 // send Body as a frame of FrameKind to Replica; lost if the link is down
	OutputDone                       // Result is final; nothing more comes for its seq
	OutputDrop                       // close the link to Replica: it lies; open it again after banTime
)

// Output is one thing that a Session wants done.
type Output struct {
	Kind      OutputKind
	Replica   wire.ReplicaID
	FrameKind wire.Kind
	Body      []byte // shared and immutable
	Result    Result
}

// Result is how a request ended.
type Result struct {
	Request wire.Request // what was sent; Body is immutable and shared with the frame
	Digest  wire.Digest  // of the request
	Tag     uint64       // as given to Submit
	Reply   wire.Reply   // proven; zero if no reply ended the request
	Took    time.Duration
	Err     error // nil iff the reply's status is ok
}

// Stats counts what a session saw since its start.
type Stats struct {
	Submitted  uint64
	Completed  uint64
	Resent     uint64 // frames with a request that were sent again
	Overloads  uint64 // overload rejects
	Rejects    uint64 // other rejects
	Duplicates uint64 // replies to requests that were answered
	Lies       uint64 // replies that prove nothing: false path, false certificate
	Malformed  uint64 // frames that are no message
	Failovers  uint64 // times that the believed primary changed
}

// flight is one unanswered request.
type flight struct {
	request   wire.Request
	digest    wire.Digest
	frame     []byte // the encoded request; request.Body aliases it
	tag       uint64
	submitted time.Duration
	retryAt   time.Duration
	attempt   int  // times that it was sent again
	overloads int  // overload rejects of the primary in a row
	busy      bool // the last of them came since it was sent last
	toAll     bool // it may be sent to every replica
	refusals  []refusal
}

// refusal is one replica's last reject of class never.
type refusal struct {
	from wire.ReplicaID
	code wire.RejectCode
}

// Session is the client's side of the protocol for one client id. It has no
// clock: now, in every method, is a reading of the caller's monotonic clock
// that never goes back. Methods append to out what is to be done, in order.
type Session struct {
	cfg     SessionConfig
	next    uint64             // seq of the next request
	oldest  uint64             // lowest seq that may be outstanding; next if none is
	flights [WindowMax]*flight // by seq mod WindowMax
	count   int                // outstanding

	links     []link // by replica
	primary   wire.ReplicaID
	lead      lead // why primary is taken for it
	roundTrip rttEstimate
	pace      congestion
	random    uint64
	stats     Stats
}

// link is what the session knows of one replica.
type link struct {
	up          bool
	lies        int
	bannedUntil time.Duration
	view        wire.View // last reported
	reported    bool
	heard       bool // reported since everyone was asked last
}

// NewSession validates cfg and returns a session without links.
func NewSession(cfg SessionConfig) (*Session, error) {
	if cfg.Window == 0 {
		cfg.Window = WindowMax
	}
	if cfg.RetryMin == 0 {
		cfg.RetryMin = RetryMinDefault
	}
	if cfg.RetryMax == 0 {
		cfg.RetryMax = max(RetryMaxDefault, cfg.RetryMin)
	}
	switch {
	case cfg.Client == 0 || cfg.FirstSeq == 0:
		return nil, fmt.Errorf("client: session of client %d from seq %d: both start at 1", cfg.Client, cfg.FirstSeq)
	case cfg.Window < 1 || cfg.Window > WindowMax:
		return nil, fmt.Errorf("client: window of %d is not in 1..%d", cfg.Window, WindowMax)
	case cfg.RetryMin < 0 || cfg.RetryMax < cfg.RetryMin:
		return nil, fmt.Errorf("client: retry from %v to %v", cfg.RetryMin, cfg.RetryMax)
	case cfg.Quorums.N < 1 || cfg.Sign == nil || cfg.Check == nil:
		return nil, errors.New("client: session without quorums, signer or check")
	}
	return &Session{
		cfg: cfg, next: cfg.FirstSeq, oldest: cfg.FirstSeq,
		links: make([]link, cfg.Quorums.N), random: cfg.Seed, pace: newCongestion(),
	}, nil
}

// Stats gives the counters.
func (s *Session) Stats() Stats { return s.stats }

// Outstanding is the number of unanswered requests.
func (s *Session) Outstanding() int { return s.count }

// NextSeq is the seq that the next Submit will use.
func (s *Session) NextSeq() uint64 { return s.next }

// Primary is the replica that requests go to first.
func (s *Session) Primary() wire.ReplicaID { return s.primary }

// Free reports whether Submit would take a request: the window of seqs has room,
// and the cluster seems to have.
func (s *Session) Free() bool {
	return s.next-s.oldest < uint64(s.cfg.Window) && s.pace.free(s.count)
}

// restart makes seq the next one: for a session without outstanding requests
// that looks for its place in the replicas' window.
func (s *Session) restart(seq uint64) error {
	if s.count != 0 || seq == 0 {
		return fmt.Errorf("client: restart at seq %d with %d outstanding", seq, s.count)
	}
	s.next, s.oldest = seq, seq
	return nil
}

// Submit signs a request and sends it. The body is copied. tag comes back with
// the result. It returns the seq, or ErrWindowFull or ErrBody and nothing
// happened.
func (s *Session) Submit(now time.Duration, op wire.Op, body []byte, tag uint64, out []Output) (uint64, []Output, error) {
	if !s.Free() {
		return 0, out, ErrWindowFull
	}
	if len(body) > wire.BodyBytesMax {
		return 0, out, fmt.Errorf("%w: %d bytes are over %d", ErrBody, len(body), wire.BodyBytesMax)
	}
	f := s.newFlight(now, op, body, tag)
	s.flights[s.next%WindowMax] = f
	s.next++
	s.count++
	s.stats.Submitted++
	f.retryAt = now + s.pause(0)
	out = s.direct(now, f, out)
	return f.request.Seq, s.send(f, out), nil
}

// newFlight encodes and signs the request once; every copy that is sent later
// shares the bytes.
func (s *Session) newFlight(now time.Duration, op wire.Op, body []byte, tag uint64) *flight {
	f := &flight{
		request:   wire.Request{Client: s.cfg.Client, Seq: s.next, Op: op, Body: body},
		tag:       tag,
		submitted: now,
	}
	f.digest = f.request.Digest(s.cfg.Cluster)
	f.request.Signature = s.cfg.Sign(wire.SigningBytes(f.digest))
	f.frame = f.request.Append(make([]byte, 0, f.request.EncodedBytes()))
	// The caller owns body and may write it from now on: keep our copy only.
	bodyEnd := len(f.frame) - wire.SignatureBytes
	f.request.Body = f.frame[bodyEnd-len(body) : bodyEnd : bodyEnd]
	return f
}

// flightOf gives the outstanding request with this seq, or nil.
func (s *Session) flightOf(seq uint64) *flight {
	if f := s.flights[seq%WindowMax]; f != nil && f.request.Seq == seq {
		return f
	}
	return nil
}

// finish ends a request. Invariant C1: it is the only place that makes an
// OutputDone, and it takes the flight out of the window first.
func (s *Session) finish(now time.Duration, f *flight, reply wire.Reply, err error, out []Output) []Output {
	s.flights[f.request.Seq%WindowMax] = nil
	s.count--
	s.stats.Completed++
	for s.oldest < s.next && s.flights[s.oldest%WindowMax] == nil {
		s.oldest++
	}
	return append(out, Output{Kind: OutputDone, Result: Result{
		Request: f.request, Digest: f.digest, Tag: f.tag, Reply: reply, Took: now - f.submitted, Err: err,
	}})
}

// each calls fn for every outstanding request, oldest first.
func (s *Session) each(fn func(f *flight)) {
	for seq := s.oldest; seq < s.next; seq++ {
		if f := s.flightOf(seq); f != nil {
			fn(f)
		}
	}
}

// send appends the frames of one transmission: to the primary, or to every
// replica with a link.
func (s *Session) send(f *flight, out []Output) []Output {
	for r := range s.links {
		if s.links[r].up && (f.toAll || wire.ReplicaID(r) == s.primary) {
			out = append(out, s.frameTo(wire.ReplicaID(r), f))
		}
	}
	return out
}

func (s *Session) frameTo(r wire.ReplicaID, f *flight) Output {
	return Output{Kind: OutputSend, Replica: r, FrameKind: wire.KindRequest, Body: f.frame}
}

// pause gives the time to wait after attempt repeats: the estimate of a round
// trip with its spread, doubled with each repeat after the first and with each
// round in which answers came too late, and jittered by an eighth so that clients
// do not march in step.
func (s *Session) pause(attempt int) time.Duration {
	base := min(max(s.roundTrip.timeout(), s.cfg.RetryMin), s.cfg.RetryMax)
	for range max(attempt-1, 0) + s.pace.backoff {
		base = min(2*base, s.cfg.RetryMax)
	}
	return s.jitter(base)
}

// jitter spreads d by up to an eighth, from splitmix64 over the seed.
func (s *Session) jitter(d time.Duration) time.Duration {
	s.random += 0x9e3779b97f4a7c15
	x := s.random
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	x ^= x >> 31
	extra, _ := bits.Mul64(x, uint64(d/8)+1)
	return d + time.Duration(extra)
}

// rttEstimate is the smoothed round trip of RFC 6298.
type rttEstimate struct {
	smooth, spread time.Duration
	measured       bool
}

func (e *rttEstimate) add(sample time.Duration) {
	if !e.measured {
		e.smooth, e.spread, e.measured = sample, sample/2, true
		return
	}
	diff := e.smooth - sample
	if diff < 0 {
		diff = -diff
	}
	e.spread += (diff - e.spread) / 4
	e.smooth += (sample - e.smooth) / 8
}

// timeout is the retransmission timeout, or 1 s before the first sample.
func (e *rttEstimate) timeout() time.Duration {
	if !e.measured {
		return time.Second
	}
	return e.smooth + 4*e.spread
}

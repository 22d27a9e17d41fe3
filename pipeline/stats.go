package pipeline

import (
	"math/bits"
	"sync/atomic"
	"time"

	"quorate/consensus"
	"quorate/wire"
)

// Stats counts what the stages do. Fields are written by their stages and read
// by anyone.
type Stats struct {
	RequestsVerified atomic.Uint64
	PayersVerified   atomic.Uint64 // signatures of signed transfers
	PayersBad        atomic.Uint64 // … that were bad
	Batches          atomic.Uint64 // proposed here
	BatchRequests    atomic.Uint64
	FastCommits      atomic.Uint64 // slots committed by σ
	SlowCommits      atomic.Uint64 // … by τ(τ)
	CommitTicks      atomic.Uint64 // from first sign to commit, summed
	Blocks           atomic.Uint64
	Events           atomic.Uint64
	Replies          atomic.Uint64
	ReplyFailed      atomic.Uint64
	SendFailed       atomic.Uint64
	Checkpoints      atomic.Uint64
	ViewsEntered     atomic.Uint64
	Complaints       atomic.Uint64
	Banned           atomic.Uint64
	Evidence         atomic.Uint64
	PeerMalformed    atomic.Uint64
	PeerDropped      atomic.Uint64 // order ring full
	PeerStale        atomic.Uint64 // forwarded requests that were executed before
	RelayDropped     atomic.Uint64
	ServeDropped     atomic.Uint64
	BlocksServed     atomic.Uint64
	PeerRejects      [consensus.RejectAmnesia + 1]atomic.Uint64
	ClientRejects    [wire.RejectUnknown + 1]atomic.Uint64

	ReplySeconds     histogram     // from a request's arrival here to its certified reply
	RequestsReceived atomic.Uint64 // frames of clients that are requests

	Signatures [signatureWorks]atomic.Uint64

	SyncSeconds    histogram // journal group syncs
	ExecuteSeconds histogram // per block
	CommitSeconds  histogram // per ledger group
	SizeRequests   histogram // of batches proposed here
	SizeEvents     histogram // … in events

	// Of slots whose batch this replica held from its proposal on: from then, here
	// or as a backup's verified pre-prepare, until …
	SlotCommitted histogram // … the core has committed it
	SlotExecuted  histogram // … its block is executed
	SlotReplied   histogram // … it is certified and its clients are answered
}

// signatureWork is a kind of work with signatures.
type signatureWork uint8

const (
	workShareSigned signatureWork = iota
	workIdentitySigned
	workCombined
	workCombineFailed
	workCertificateVerified
	workIdentityVerified
	signatureWorks = iota
)

var signatureWorkNames = [signatureWorks]string{"share_signed", "identity_signed", "combined", "combine_failed",
	"certificate_verified", "identity_verified"}

// histogram counts durations in powers of two of a microsecond, or sizes in
// powers of two: enough for a dashboard, three atomic adds per observation. One
// histogram holds one of the two.
type histogram struct {
	buckets [32]atomic.Uint64 // bucket i: values up to 2^i
	nanos   atomic.Uint64     // sum of durations, or of sizes
	count   atomic.Uint64
}

// size counts a number of things.
func (h *histogram) size(n int) {
	v := uint64(max(0, n))
	h.buckets[min(bits.Len64(max(v, 1)-1), len(h.buckets)-1)].Add(1)
	h.nanos.Add(v)
	h.count.Add(1)
}

// since counts the time from a moment until now, unless the moment is unknown.
func (h *histogram) since(born time.Time) {
	if !born.IsZero() {
		h.observe(time.Since(born))
	}
}

func (h *histogram) observe(d time.Duration) {
	us := uint64(max(0, d.Microseconds()))
	h.buckets[min(bits.Len64(us), len(h.buckets)-1)].Add(1)
	h.nanos.Add(uint64(max(0, d)))
	h.count.Add(1)
}

// quantile gives an upper bound of the q-quantile.
func (h *histogram) quantile(q float64) time.Duration {
	total := h.count.Load()
	seen := uint64(0)
	for i := range h.buckets {
		seen += h.buckets[i].Load()
		if total > 0 && float64(seen) >= q*float64(total) {
			return time.Duration(uint64(1)<<i) * time.Microsecond
		}
	}
	return 0
}

// Durations counts observed durations: entry i those from 2^(i-1) to 2^i
// microseconds, entry 0 those below one, the last all that are longer.
type Durations [32]uint64

func (h *histogram) durations() (d Durations) {
	for i := range h.buckets {
		d[i] = h.buckets[i].Load()
	}
	return d
}

// Since gives what came after old, an earlier reading of the same counts.
func (d Durations) Since(old *Durations) Durations {
	for i := range d {
		d[i] -= old[i]
	}
	return d
}

// Count is the number of observations.
func (d *Durations) Count() (n uint64) {
	for _, c := range d {
		n += c
	}
	return n
}

// Quantile estimates the q-quantile, 0 < q ≤ 1, as if what is in one entry were
// spread evenly; off by at most a factor of two. 0 without observations.
func (d *Durations) Quantile(q float64) time.Duration {
	rank := q * float64(d.Count())
	seen := 0.0
	for i, c := range d {
		if n := float64(c); c > 0 && seen+n >= rank {
			low, high := float64(uint64(1)<<i>>1), float64(uint64(1)<<i)
			return time.Duration((low + (high-low)*(rank-seen)/n) * float64(time.Microsecond))
		}
		seen += float64(c)
	}
	return 0
}

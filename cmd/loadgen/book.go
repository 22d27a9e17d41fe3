package main

import (
	"slices"
	"sync"
)

// fate is what is known of one batch.
type fate uint8

const (
	fateUnsent  fate = iota
	fateAcked        // answered with proof
	fateRefused      // refused for good: nothing of it was executed
	fateUnknown      // no answer
)

// unknownKept bounds the unanswered batches that are remembered by number, so
// that the audit can look them up: 8 MB, and hours of an outage. What is over it
// is counted and found fault with.
const unknownKept = 1 << 20

// book remembers what a run must be asked about afterwards: what was
// acknowledged, as a sum and an even sample, and which batches have no answer.
// Its size does not grow with a run that is answered. Any goroutine may call it.
type book struct {
	mu          sync.Mutex
	sampled     sample
	unknown     []uint64 // at most unknownKept
	forgotten   int      // unknown ones over that
	found       int      // of unknown: found executed by the audit
	absent      int      // and found not executed, which is final
	later       uint64   // payments of those found
	acked       uint64   // payments that were acknowledged with code ok
	unexpected  uint64   // codes other than expected
	outstanding int
	settled     chan struct{} // closed and replaced when outstanding falls to 0
}

// newBook makes a book that keeps at least keep acknowledged batches to look up,
// or all when there are no more.
func newBook(keep uint64) *book {
	return &book{settled: make(chan struct{}), sampled: sample{keep: int(max(keep, 1)), step: 1}}
}

// sent notes that a batch leaves.
func (k *book) sent() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.outstanding++
}

// end notes what became of a batch that was sent.
func (k *book) end(b uint64, f fate, acked, unexpected int) {
	k.mu.Lock()
	defer k.mu.Unlock()
	switch {
	case f == fateAcked:
		k.sampled.add(b)
	case f == fateUnknown && len(k.unknown) < unknownKept:
		k.unknown = append(k.unknown, b)
	case f == fateUnknown:
		k.forgotten++
	}
	k.acked += uint64(acked)
	k.unexpected += uint64(unexpected)
	if k.outstanding--; k.outstanding == 0 {
		close(k.settled)
		k.settled = make(chan struct{})
	}
}

// wait gives a channel that is closed when nothing is outstanding, or nil if
// nothing is now.
func (k *book) wait() <-chan struct{} {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.outstanding == 0 {
		return nil
	}
	return k.settled
}

// unanswered reports whether batches wait to be looked up.
func (k *book) unanswered() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return len(k.unknown) > 0
}

// take hands over the batches without an answer, each of which is to be looked
// up and resolved.
func (k *book) take() []uint64 {
	k.mu.Lock()
	defer k.mu.Unlock()
	batches := k.unknown
	k.unknown = nil
	return batches
}

// resolve notes of one such batch whether it was executed, and how many payments
// that are.
func (k *book) resolve(executed bool, payments int) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if !executed {
		k.absent++
		return
	}
	k.found++
	k.later += uint64(payments)
}

// sums gives what was acknowledged.
func (k *book) sums() (acked, unexpected uint64) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.acked, k.unexpected
}

// resolved gives what became of batches without an answer: how many were looked
// up, the payments of those that were executed, and how many could not be
// remembered.
func (k *book) resolved() (looked int, later uint64, forgotten int) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.found + k.absent, k.later, k.forgotten
}

// acknowledged gives the sample, in order.
func (k *book) acknowledged() []uint64 {
	k.mu.Lock()
	defer k.mu.Unlock()
	return slices.Sorted(slices.Values(k.sampled.batches))
}

// sample keeps numbers evenly from a stream of any length in bounded memory:
// those whose mixed bits step divides, and step doubles when there are more than
// twice as many as wanted. Bits are mixed so that no pattern in what failed shows
// in what is kept.
type sample struct {
	keep    int
	step    uint64 // a power of two
	batches []uint64
}

func (s *sample) add(b uint64) {
	if mix(b)%s.step != 0 {
		return
	}
	s.batches = append(s.batches, b)
	if len(s.batches) <= 2*s.keep {
		return
	}
	s.step *= 2
	s.batches = slices.DeleteFunc(s.batches, func(b uint64) bool { return mix(b)%s.step != 0 })
}

// mix is the finalizer of SplitMix64: a bijection without visible patterns.
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

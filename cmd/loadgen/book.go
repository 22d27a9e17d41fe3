package main

import (
	"fmt"
	"sync"

	"quorate/client"
	"quorate/wire"
)

// fate is what is known of one batch.
type fate uint8

const (
	fateUnsent  fate = iota
	fateSent         // on its way
	fateAcked        // answered with proof
	fateRefused      // refused for good: nothing of it was executed
	fateUnknown      // no answer
	fateFound        // no answer, and found executed by the audit
	fateAbsent       // no answer, and found not executed, which is final
)

// book remembers the fate of each batch of a run, one byte per batch, and what
// the acknowledged ones amount to. Any goroutine may call it.
type book struct {
	mu          sync.Mutex
	fates       []fate
	acked       uint64 // payments that were acknowledged with code ok
	unexpected  uint64 // codes other than expected
	outstanding int
	settled     chan struct{} // closed and replaced when outstanding falls to 0
}

func newBook() *book { return &book{settled: make(chan struct{})} }

// sent notes that batch b leaves.
func (k *book) sent(b uint64) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for uint64(len(k.fates)) <= b {
		k.fates = append(k.fates, fateUnsent)
	}
	k.fates[b] = fateSent
	k.outstanding++
}

// end notes what became of a batch that was sent.
func (k *book) end(b uint64, f fate, acked, unexpected int) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.fates[b] = f
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

// with gives the batches of one fate, in order.
func (k *book) with(f fate) (batches []uint64) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for b := range k.fates {
		if k.fates[b] == f {
			batches = append(batches, uint64(b))
		}
	}
	return batches
}

// resolve changes an unknown fate to a known one.
func (k *book) resolve(b uint64, f fate) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.fates[b] = f
}

// sums gives what was acknowledged.
func (k *book) sums() (acked, unexpected uint64) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.acked, k.unexpected
}

// receiptBox builds the receipts that the audit verifies, on a goroutine of its
// own: hashing a body of 1 MiB has no place on a client's loop.
type receiptBox struct {
	scope wire.Scope
	jobs  chan client.Result
	done  chan struct{}

	mu    sync.Mutex
	files [][]byte
	fault error
	want  int
}

func newReceiptBox(scope wire.Scope, want int) *receiptBox {
	b := &receiptBox{scope: scope, want: want, jobs: make(chan client.Result, 2), done: make(chan struct{})}
	go b.run()
	return b
}

// offer takes a result if there is time for it and need of it.
func (b *receiptBox) offer(r client.Result) {
	b.mu.Lock()
	need := len(b.files) < b.want
	b.mu.Unlock()
	if !need {
		return
	}
	select {
	case b.jobs <- r:
	default:
	}
}

func (b *receiptBox) run() {
	defer close(b.done)
	for r := range b.jobs {
		events := r.Request.Op.Events(len(r.Request.Body))
		for _, index := range spread(events, 4) {
			receipt, err := client.BuildReceipt(b.scope, &r.Request, &r.Reply, index)
			b.mu.Lock()
			switch {
			case err != nil:
				b.fault = fmt.Errorf("request %d event %d: %w", r.Request.Seq, index, err)
			case len(b.files) < b.want:
				b.files = append(b.files, receipt.Encode())
			}
			b.mu.Unlock()
		}
	}
}

// spread gives at most n indices over 0..events−1, the first and last among
// them.
func spread(events, n int) []int {
	var out []int
	for i := range min(events, n) {
		out = append(out, i*(events-1)/max(min(events, n)-1, 1))
	}
	return out
}

// close ends the box and gives its receipts.
func (b *receiptBox) close() ([][]byte, error) {
	close(b.jobs)
	<-b.done
	return b.files, b.fault
}

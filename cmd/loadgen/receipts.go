package main

import (
	"fmt"
	"sync"

	"quorate/client"
	"quorate/wire"
)

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

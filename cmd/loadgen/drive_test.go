package main

import (
	"testing"
	"time"

	"quorate/client"
	"quorate/client/clienttest"
	"quorate/wire"
)

// TestReceiptsBeforeTheBookSettles: the box of receipts is closed when the book
// says that nothing is outstanding, so the last answer has to be in it by then.
// Method: the box is held up while an answer comes.
func TestReceiptsBeforeTheBookSettles(t *testing.T) {
	c := clienttest.New(t, 1)
	gen, err := newGenerator(workUniform, 10, 2, 1, 1, 1)
	if err != nil {
		t.Fatal(err)
	}
	box := newReceiptBox(wire.Scope{Cluster: c.Genesis.Hash()}, 1)
	d := &driver{gen: gen, meter: newMeter(), book: newBook(10), receipts: box, start: time.Now()}
	d.meter.offered(2)
	d.book.sent()
	settled := d.book.wait()
	box.mu.Lock()
	answered := make(chan struct{})
	go func() {
		defer close(answered)
		d.answer(job{}, client.Result{Request: wire.Request{Op: wire.OpCreateTransfers, Body: gen.fill(nil, 0)}, Reply: wire.Reply{Result: make([]byte, 8)}})
	}()
	select {
	case <-settled:
		t.Error("the book settles while the receipt is still on its way")
	case <-time.After(50 * time.Millisecond): // no waiting makes this fail when the order is right
	}
	box.mu.Unlock()
	<-settled
	<-answered
	_, _ = box.close() // the answer proves nothing, and a receipt of it is refused
}

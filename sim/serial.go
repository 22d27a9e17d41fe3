package sim

import (
	"bytes"
	"math"

	"quorate/payments"
	"quorate/payments/paymentsmodel"
	"quorate/pipeline"
	"quorate/storage"
	"quorate/wire"
)

// Strict serializability in linear time (C4). Every reply names its place in the
// total order. So two things are enough: the order of places contains the order
// of real time, and a model that executes the requests in that order gives every
// client what it was told. (Kingsbury checked TigerBeetle like this.) That the
// places can be trusted is what linear.go does not assume.

// before reports whether place p is ordered before o.
func (p place) before(o place) bool { return p.seq < o.seq || p.seq == o.seq && p.index < o.index }

// invoked notes the latest place that any client had an answer from when a
// request was first sent.
func (k *checker) invoked(key requestKey) { k.floor[key] = k.answered }

// ordered checks an answered request against what was answered before it was
// asked.
func (k *checker) ordered(key requestKey, p place) {
	if floor, ok := k.floor[key]; !ok || !floor.before(p) {
		k.w.fail("C4: request %d/%d was executed at block %d index %d, and asked after one at block %d index %d had been answered",
			key.client, key.seq, p.seq, p.index, floor.seq, floor.index)
	}
	if k.answered.before(p) {
		k.answered = p
	}
}

// newModel is the model of the payments at genesis, or nil in runs whose tables
// and budgets are too tight for it.
func newModel(o *Options, cfg *payments.Config) *paymentsmodel.Model {
	if o.Load.Odd.Tight {
		return nil
	}
	most := uint32(math.MaxUint32)
	c := paymentsmodel.Config{Limits: paymentsmodel.Limits{AccountsMax: most, PendingsMax: most, ClientsMax: most, LedgersMax: most}}
	for _, l := range cfg.Ledgers {
		c.Ledgers = append(c.Ledgers, paymentsmodel.Ledger(l))
	}
	for _, r := range cfg.Clients {
		c.Clients = append(c.Clients, paymentsmodel.Client{ID: r.ID, Key: r.Key, Roles: uint32(r.Roles)})
	}
	c.KeyCode = func(key [32]byte) uint32 { return uint32(payments.CheckKey(key)) }
	return paymentsmodel.New(c)
}

// replay executes a newly agreed block in the model, and compares every status
// and result.
func (k *checker) replay(header *wire.BlockHeader, sb *storage.Block, requests []pipeline.StoredRequest) {
	if k.model == nil {
		return
	}
	asked := make([]paymentsmodel.Request, len(requests))
	for i := range requests {
		q := &requests[i].Request
		asked[i] = paymentsmodel.Request{Client: q.Client, Seq: q.Seq, Digest: requests[i].Digest, Op: q.Op, Body: q.Body,
			NoRoom: requests[i].Status == payments.StatusBlockBudget, Verdicts: k.w.keys.verdicts(q)}
	}
	k.w.result.Replayed++
	time, answers := k.model.Apply(header.Time, asked)
	if time != header.Time { // it was not above the last timestamp
		k.w.fail("C4: block %d has time %d, the model %d", sb.Seq, header.Time, time)
	}
	for i := range answers {
		got, want := &sb.Requests[i], &answers[i]
		cut := !asked[i].Op.Creates() && len(got.Result)%payments.RecordBytes == 8 // a query that was too much work
		same := cut || bytes.Equal(got.Result, want.Bytes)
		if requests[i].Status == payments.Status(want.Status) && same && (want.Status != paymentsmodel.StatusOK || got.FirstTimestamp == want.Timestamp) {
			continue
		}
		k.w.fail("C4: block %d request %d of client %d, operation %d: status %v, result %x at %d; the model has %v, %x at %d", sb.Seq, i,
			asked[i].Client, asked[i].Op, requests[i].Status, got.Result, got.FirstTimestamp, payments.Status(want.Status), want.Bytes, want.Timestamp)
		return
	}
}

// told compares what a client was told with what stands in the block.
func (k *checker) told(key requestKey, r *wire.Reply) {
	if p, ok := k.executed[key]; ok && p.result != ackOf(r).result {
		k.w.fail("C4: client %d was told another result for request %d than block %d has", key.client, key.seq, p.seq)
	}
}

package pipeline

import (
	"errors"

	"quorate/payments"
	"quorate/storage"
	"quorate/wire"
)

// What whoever steps the stages itself, a simulator above all, needs beside
// Stages and Tick. All of it is for the thread that steps.

// Woken reports whether the stage was woken since the last call. A stage that
// was woken is stepped until Step gives false, as run does.
func (s Stage) Woken() bool {
	select {
	case <-s.wake:
		return true
	default:
		return false
	}
}

// Machine is the execute stage's state machine, for audits between steps.
func (r *Replica) Machine() *payments.Machine { return r.execute.machine }

// Ledger is the replica's ledger, for looks at it between steps.
func (r *Replica) Ledger() Ledger { return r.ledger }

// Abandon closes the files of a replica that is no more, on a disk that nobody
// will look at again: a test copied it as a crash would leave it.
func (r *Replica) Abandon() { _ = errors.Join(r.journal.journal.Close(), r.ledger.Close()) }

// Counters are the replica's statistics.
func (r *Replica) Counters() *Stats { return &r.stats }

// Queues tells fn of every ring how much waits in it, and its bound (L4).
func (r *Replica) Queues(fn func(name string, waiting, bound int)) {
	fn("verify", r.verify.requests.len(), r.verify.requests.max)
	fn("urgent", r.crypto.urgent.len(), r.crypto.urgent.max)
	fn("checks", r.crypto.checks.len(), r.crypto.checks.max)
	fn("patient", r.crypto.patient.len(), r.crypto.patient.max)
	fn("payers", r.payers.parts.len(), r.payers.parts.max)
	fn("events", r.order.events.len(), r.order.events.max)
	fn("requests", r.order.requests.len(), r.order.requests.max)
	fn("executed", r.order.executed.len(), r.order.executed.max)
	fn("journal", r.journal.items.len(), r.journal.items.max)
	fn("execute", r.execute.items.len(), r.execute.items.max)
	fn("repeats", r.execute.repeats.len(), r.execute.repeats.max)
	fn("asks", r.execute.asks.len(), r.execute.asks.max)
	fn("commit", r.commit.items.len(), r.commit.items.max)
	fn("serve", r.serve.items.len(), r.serve.items.max)
}

// StoredRequest is one request of a stored block and how it was taken.
type StoredRequest struct {
	Request wire.Request
	Digest  wire.Digest
	Status  payments.Status
}

// ReadRequests gives a stored block's header and requests, as they were written;
// nothing is checked against their digests.
func ReadRequests(cluster wire.Digest, sb *storage.Block) (wire.BlockHeader, []StoredRequest, error) {
	b, m, err := blockBody(cluster, sb)
	if err != nil || b == nil {
		return m.header, nil, err
	}
	out := make([]StoredRequest, len(m.requests))
	for i := range out {
		out[i] = StoredRequest{Request: b.batch.Requests[i], Digest: m.requests[i].digest, Status: payments.Status(m.requests[i].status)}
	}
	return m.header, out, nil
}

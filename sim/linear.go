package sim

import (
	"bytes"
	"encoding/binary"
	"math"
	"slices"

	"github.com/anishathalye/porcupine"

	"quorate/payments"
	"quorate/payments/paymentsmodel"
	"quorate/wire"
)

// Linearizability without trust in sequence numbers (C4): in some runs, chosen so
// that time decides nothing (no transfer expires) and each client has one request
// under way, Porcupine looks for an order of the first requests that explains what
// clients were told. The result "unknown" is a failure.

const (
	// linearOps bounds the requests of a window, linearSteps the model's steps:
	// a step copies the bank. With eight clients 720 requests took at most 15,000
	// steps and 0.3 s, with twelve some took over 300,000 and 6 s.
	linearOps        = 1000
	linearSteps      = 300_000
	linearClientsMin = 4
	linearClientsMax = 8
	// linearReads of 1000 requests read balances: what nobody looks at could have
	// come in any order, and all of them would be tried.
	linearReads = 500
)

// linearOp is one request as its client saw it.
type linearOp struct {
	client    int
	op        wire.Op
	body      []byte
	call, end uint64 // end 0: unanswered
	result    []byte
}

// linear is the history of a run that is looked at.
type linear struct {
	ops   []linearOp
	place map[requestKey]int
}

func newLinear() *linear { return &linear{place: map[requestKey]int{}} }

func (l *linear) called(u *user, key requestKey, op wire.Op, body []byte) {
	l.place[key] = len(l.ops)
	l.ops = append(l.ops, linearOp{client: u.id, op: op, body: body, call: u.w.now})
}

func (l *linear) ended(now uint64, key requestKey, result []byte) {
	o := &l.ops[l.place[key]]
	o.end, o.result = now, result
}

// window is the requests that are looked at, and the time from which on an answer
// does not count.
func (l *linear) window() (ops []linearOp, cut uint64) {
	if len(l.ops) > linearOps {
		return l.ops[:linearOps], l.ops[linearOps].call
	}
	return l.ops, math.MaxInt64
}

// contended counts the requests of the window that were under way together with
// another client's that uses an account of theirs, where one of the two writes: if
// there were none, any order would do.
func (l *linear) contended() (n int) {
	ops, _ := l.window()
	met := make([]bool, len(ops))
	for i := range ops {
		a := &ops[i]
		for j := i + 1; j < len(ops) && (a.end == 0 || ops[j].call < a.end); j++ {
			if b := &ops[j]; a.client != b.client && (a.writes() || b.writes()) && shareAccount(a, b) {
				met[i], met[j] = true, true
			}
		}
	}
	for _, m := range met {
		if m {
			n++
		}
	}
	return n
}

func (o *linearOp) writes() bool {
	return o.op.Creates()
}

// accounts are the ids that a request names.
func (o *linearOp) accounts() (ids [][]byte) {
	size, from, to := payments.RecordBytes, 0, 16
	switch o.op {
	case wire.OpLookupAccounts:
		size = 16
	case wire.OpCreateTransfers:
		from, to = 16, 48
	}
	for at := 0; at+size <= len(o.body); at += size {
		for id := from; id < to; id += 16 {
			ids = append(ids, o.body[at+id:at+id+16])
		}
	}
	return ids
}

func shareAccount(a, b *linearOp) bool {
	theirs := b.accounts()
	return slices.ContainsFunc(a.accounts(), func(id []byte) bool {
		return slices.ContainsFunc(theirs, func(other []byte) bool { return bytes.Equal(id, other) })
	})
}

// linearState is a bank and a fingerprint of it: the sum of what was executed,
// in whatever order, and the balances that it led to. Histories, which show the
// order of transfers, are not asked for in these runs; else each of two orders
// that nobody can tell apart would have to be gone through.
type linearState struct {
	bank     *paymentsmodel.Model
	executed uint64
	balances hash
}

// timeless takes the timestamps out of records: they tell the order.
func timeless(op wire.Op, result []byte) []byte {
	if op != wire.OpLookupAccounts {
		return result
	}
	out := append([]byte(nil), result...)
	for at := payments.RecordBytes; at <= len(out); at += payments.RecordBytes {
		clear(out[at-8 : at])
	}
	return out
}

// check says whether an order exists: "" if so, and else what is wrong. Requests
// that ended after the window was full may have been affected by later ones:
// whatever they were told is accepted.
func (l *linear) check(o *Options, cfg *payments.Config) string {
	ops, cut := l.window()
	history := make([]porcupine.Operation, len(ops))
	for i := range ops {
		o := &ops[i]
		history[i] = porcupine.Operation{ClientId: o.client, Input: o, Call: int64(o.call), Output: o.end != 0 && o.end < cut, Return: int64(o.end)}
		if o.end == 0 || o.end >= cut {
			history[i].Return = math.MaxInt64
		}
	}
	steps := 0
	start := newModel(o, cfg)
	model := porcupine.Model{
		Init: func() any { return linearState{bank: start} },
		Step: func(state, input, output any) (bool, any) {
			if steps++; steps > linearSteps {
				return false, state
			}
			return linearStep(state.(linearState), input.(*linearOp), output.(bool))
		},
		Equal: func(a, b any) bool {
			x, y := a.(linearState), b.(linearState)
			return x.executed == y.executed && x.balances == y.balances
		},
	}
	switch ok := porcupine.CheckOperations(model, history); {
	case steps > linearSteps:
		return "unknown: too many orders"
	case !ok:
		return "no order of these requests gives these answers"
	}
	return ""
}

// linearStep executes a request. known tells that its answer counts.
func linearStep(s linearState, o *linearOp, known bool) (bool, any) {
	next := s
	if o.writes() {
		next.bank = s.bank.Clone()
	}
	var at uint64
	status, result := next.bank.Execute(o.op, o.body, &at)
	if o.writes() {
		var h hash
		h.bytes(o.body)
		h.bytes(result)
		for b := o.body; len(b) > 0; b = b[payments.RecordBytes:] {
			id := paymentsmodel.U128{Lo: binary.LittleEndian.Uint64(b), Hi: binary.LittleEndian.Uint64(b[8:])}
			t, _, _ := next.bank.Transfer(id)
			h.add(t.Amount.Lo)
		}
		next.executed += uint64(h)
		next.balances = 0
		for _, id := range next.bank.Accounts() {
			a := next.bank.Account(id)
			a.Timestamp = 0
			next.balances.bytes(a.Append(nil))
		}
	}
	if known && (status != paymentsmodel.StatusOK || !bytes.Equal(timeless(o.op, result), timeless(o.op, o.result))) {
		return false, s
	}
	return true, next
}

// isLinear reports whether a seed's history is looked at.
func isLinear(seed uint64) bool { return mix(seed)%10 == 0 }

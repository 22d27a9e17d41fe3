package sim

import (
	"quorate/payments"
	"quorate/wire"
)

// wrongFrames lets a rogue client send what no session sends. None of it may be
// ordered; the replicas refuse it, and the checkers of the ledger would see it.
func (u *user) wrongFrames() {
	r, w := &u.odd, u.w
	if !r.chance(200) {
		return
	}
	q := wire.Request{Client: wire.ClientID(u.id + 1), Seq: u.seq + 1, Op: wire.OpLedgerTotals}
	kind := wire.KindRequest
	cut := 0
	switch r.below(10) {
	case 0:
		kind = wire.KindPing
	case 1:
		cut = 7
	case 2:
		q.Client++
	case 3:
		q.Op = wire.OpLedgerTotals + 1
	case 4:
		q.Seq += payments.SessionJumpMax + payments.WindowSeqs
	case 5:
		q.Seq = 0
	case 7:
		q.Seq = max(1, u.seq) - min(max(1, u.seq)-1, payments.WindowSeqs+uint64(r.below(8)))
	case 8: // all is well but for the signature
	case 6: // its seqs jump over the window
		u.seq += payments.WindowSeqs + uint64(r.below(100))
		return
	default:
		u.flood()
		return
	}
	frame := q.Append(nil) // not signed
	w.net.request(u, wire.ReplicaID(r.below(w.q.N)), kind, frame[:len(frame)-cut])
}

// flood sends more requests at once than a window holds, to one replica. They
// are signed, so any of them may be ordered.
func (u *user) flood() {
	to := wire.ReplicaID(u.odd.below(u.w.q.N))
	for range payments.WindowSeqs + u.odd.below(32) {
		u.seq++
		u.signAndSend(wire.OpLedgerTotals, nil, func(wire.ReplicaID) bool { return u.odd.chance(100) }, to)
	}
}

// signAndSend signs a request under the current seq and sends it to one replica
// and to those that also picks.
func (u *user) signAndSend(op wire.Op, body []byte, also func(wire.ReplicaID) bool, to wire.ReplicaID) {
	q := wire.Request{Client: wire.ClientID(u.id + 1), Seq: max(u.seq, 1), Op: op, Body: body}
	q.Signature = u.w.keys.sign(u.id, wire.SigningBytes(q.Digest(u.w.keys.cluster)))
	u.w.check.submitted(u, q.Seq, op, body)
	frame := q.Append(nil)
	for i := range u.w.q.N {
		if id := wire.ReplicaID(i); id == to || also(id) {
			u.w.net.request(u, id, wire.KindRequest, frame)
		}
	}
}

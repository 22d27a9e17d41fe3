package sim

import "quorate/wire"

// answer bends what a liar tells a client: a reply that proves nothing, bytes
// that are no message, or a refusal of its own making.
func (l *liar) answer(kind wire.Kind, body []byte) (wire.Kind, []byte) {
	if kind != wire.KindReply || l.ways&(bendProofs|bendBytes) == 0 || !l.rnd.chance(l.rate) {
		return kind, body
	}
	l.lied = true
	l.n.w.count(FaultByzantine)
	switch reply, err := wire.DecodeReply(body); {
	case err != nil || l.rnd.chance(250):
		return kind, body[:len(body)-1]
	case l.rnd.chance(500):
		code := [...]wire.RejectCode{wire.RejectUnknown, wire.RejectSeqTooOld, wire.RejectOverload, wire.RejectShutdown}[l.rnd.below(4)]
		return wire.KindReject, (&wire.Reject{Seq: reply.Seq, Code: code}).Append(nil)
	default:
		reply.Header.Time++
		return kind, reply.Append(nil)
	}
}

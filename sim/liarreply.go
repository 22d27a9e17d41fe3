package sim

import "quorate/wire"

// answer bends what a liar tells a client: a reply that proves nothing, bytes
// that are no message, or a refusal of its own making.
func (l *liar) answer(r *stream, kind wire.Kind, body []byte) (wire.Kind, []byte) {
	if rate := l.rates[strategyReply]; kind != wire.KindReply || rate == 0 || !r.chance(rate) {
		return kind, body
	}
	l.did(strategyReply)
	switch reply, err := wire.DecodeReply(body); {
	case err != nil || r.chance(250):
		return kind, body[:len(body)-1]
	case r.chance(500):
		code := [...]wire.RejectCode{wire.RejectUnknown, wire.RejectSeqTooOld, wire.RejectOverload, wire.RejectShutdown, wire.RejectUnknownClient}[r.below(5)]
		return wire.KindReject, (&wire.Reject{Seq: reply.Seq, Code: code}).Append(nil)
	default:
		reply.Header.Time++
		return kind, reply.Append(nil)
	}
}

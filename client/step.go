package client

import (
	"slices"
	"time"

	"quorate/internal/mark"
	"quorate/internal/plant"
	"quorate/payments"
	"quorate/wire"
)

// LinkUp says that frames can be sent to a replica. What was sent to it before
// may be lost, so all that should be with it is sent again.
func (s *Session) LinkUp(now time.Duration, r wire.ReplicaID, out []Output) []Output {
	if int(r) >= len(s.links) {
		return out
	}
	s.links[r].up = true
	out = s.greet(now, r, out)
	s.each(func(f *flight) {
		if f.toAll || r == s.primary {
			mark.Hit(mark.ClientLinkUp)
			out = append(out, s.frameTo(r, f))
		}
	})
	return out
}

// LinkDown says that the link to a replica is lost. If it was the primary's,
// the next in line gets everything, and the oldest request goes to all, so that
// the others see that the primary is being waited for. Not every request does:
// 64 of 1 MiB to each replica would be the storm that a failing cluster needs
// least.
func (s *Session) LinkDown(now time.Duration, r wire.ReplicaID, out []Output) []Output {
	if int(r) >= len(s.links) || !s.links[r].up {
		return out
	}
	s.links[r].up = false
	if r != s.primary {
		return out
	}
	if f := s.flightOf(s.oldest); f != nil && !f.toAll {
		mark.Hit(mark.ClientOldestToAll)
		f.toAll = true
		out = s.resend(now, f, out)
	}
	out = s.moveTo(now, s.nextUp(), out)
	return s.guess(now, out)
}

// Receive takes one frame of a replica. The session keeps body.
func (s *Session) Receive(now time.Duration, from wire.ReplicaID, kind wire.Kind, body []byte, out []Output) []Output {
	if int(from) >= len(s.links) {
		return out
	}
	switch kind {
	case wire.KindReply:
		reply, err := wire.DecodeReply(body)
		if err != nil {
			mark.Hit(mark.ClientMalformed)
			return s.lied(now, from, &s.stats.Malformed, out)
		}
		return s.reply(now, from, reply, out)
	case wire.KindReject:
		reject, err := wire.DecodeReject(body)
		if err != nil {
			return s.lied(now, from, &s.stats.Malformed, out)
		}
		return s.reject(now, from, reject, out)
	case wire.KindStatusReply:
		status, err := wire.DecodeNodeStatus(body)
		if err != nil {
			return s.lied(now, from, &s.stats.Malformed, out)
		}
		return s.status(now, from, status.View, out)
	case wire.KindClientPong:
		return out
	}
	return s.lied(now, from, &s.stats.Malformed, out)
}

// lied counts a bad frame; too many from one replica cost it the link.
func (s *Session) lied(now time.Duration, from wire.ReplicaID, counter *uint64, out []Output) []Output {
	*counter++
	l := &s.links[from]
	l.lies++
	if l.lies%liesMax != 0 || now < l.bannedUntil {
		return out
	}
	mark.Hit(mark.ClientDropsLiar)
	l.bannedUntil = now + banTime
	return append(out, Output{Kind: OutputDrop, Replica: from})
}

// reply takes an answer if it proves itself. The cheap checks come first: a
// stranger's or a late reply costs no hash, a false path no pairing.
func (s *Session) reply(now time.Duration, from wire.ReplicaID, reply wire.Reply, out []Output) []Output {
	f := s.flightOf(reply.Seq)
	if f == nil || reply.Client != s.cfg.Client {
		mark.Hit(mark.ClientLateReply)
		s.stats.Duplicates++
		return out
	}
	// Invariant C1: the path is checked against the digest of what was sent.
	proven := reply.Proves(f.digest) || plant.On(plant.ReplyPathUnchecked)
	certified := plant.On(plant.PiUnchecked) || proven && s.cfg.Check(&reply.Header, reply.Pi) == nil
	if !proven || !certified {
		mark.Hit(mark.ClientLie)
		return s.lied(now, from, &s.stats.Lies, out)
	}
	switch status := payments.Status(reply.Status); status {
	case payments.StatusOK:
		if f.attempt == 0 { // Karn: a repeated request gives no sample
			s.roundTrip.add(now - f.submitted)
			if f.overloads == 0 {
				s.pace.answered()
			}
		} else {
			mark.Hit(mark.ClientRepeatedSample)
		}
		return s.finish(now, f, reply, nil, out)
	case payments.StatusDuplicate:
		// Ordered twice; the outcome stands in an earlier block. The repeat
		// asks for it.
		return out
	case payments.StatusBlockBudget:
		mark.Hit(mark.ClientBudget)
		f.retryAt = now + s.jitter(hintMin)
		return out
	default:
		mark.Hit(mark.ClientStatus)
		return s.finish(now, f, reply, &StatusError{Status: status}, out)
	}
}

// reject takes a refusal, which proves nothing. A pause is believed within
// bounds; an end needs f+1 voices (Invariant C4).
func (s *Session) reject(now time.Duration, from wire.ReplicaID, m wire.Reject, out []Output) []Output {
	f := s.flightOf(m.Seq)
	if f == nil {
		s.stats.Duplicates++
		return out
	}
	if m.Code == wire.RejectOverload {
		s.stats.Overloads++
		if from == s.primary {
			mark.Hit(mark.ClientOverload)
			f.overloads++
			s.pace.lost(now, s.roundTrip.smooth, s.count)
			f.busy = true
			// Each round of refusals and copies to all doubles the least pause: a
			// hint of zero would have the others flooded.
			f.retryAt = now + s.jitter(max(hint(m.RetryAfterMilli), min(hintMin<<min(f.attempt, 16), hintMax)))
		} else {
			mark.Hit(mark.ClientOverloadElsewhere)
		}
		return out
	}
	s.stats.Rejects++
	switch m.Code.Retry() {
	case wire.RetryAfter, wire.RetrySameID:
		mark.Hit(mark.ClientRetries)
		if f.attempt == 0 { // this replica cannot: the next time to all
			f.attempt = 1
			f.retryAt = min(f.retryAt, now+s.jitter(hint(m.RetryAfterMilli)))
		}
		// Once: a liar that refuses each copy at once would otherwise have the
		// client send copies to all as fast as it refuses them.
		return out
	}
	return s.refused(now, from, f, m.Code, out)
}

// hint bounds what one replica can make a request wait.
func hint(milli uint32) time.Duration {
	return min(max(time.Duration(milli)*time.Millisecond, hintMin), hintMax)
}

// refused records a refusal for good, asks all others at the first one, and ends
// the request when f+1 replicas gave the same code: one of them is honest.
func (s *Session) refused(now time.Duration, from wire.ReplicaID, f *flight, code wire.RejectCode, out []Output) []Output {
	f.refusals = slices.DeleteFunc(f.refusals, func(r refusal) bool { return r.from == from })
	f.refusals = append(f.refusals, refusal{from, code})
	same := 0
	for _, r := range f.refusals {
		if r.code == code {
			same++
		}
	}
	if same > s.cfg.Quorums.F || plant.On(plant.OneRefusalEnds) {
		mark.Hit(mark.ClientRefused)
		return s.finish(now, f, wire.Reply{}, &RefusedError{Code: code, Replica: from}, out)
	}
	if !f.toAll {
		mark.Hit(mark.ClientRefusedByOne)
		f.toAll = true
		for r := range s.links {
			if s.links[r].up && wire.ReplicaID(r) != from {
				s.stats.Resent++
				out = append(out, s.frameTo(wire.ReplicaID(r), f))
			}
		}
	}
	return out
}

// Tick sends again what waits for too long. Call it at NextTick or later.
func (s *Session) Tick(now time.Duration, out []Output) []Output {
	late := false
	s.each(func(f *flight) {
		if f.retryAt > now {
			return
		}
		if f.busy && f.overloads%overloadsToAll != 0 {
			mark.Hit(mark.ClientBackoff)
			out = s.askAgain(now, f, out)
			return
		}
		f.busy = false
		f.attempt++
		s.pace.late(now, s.pause(0), s.count)
		if f.attempt > 1 || f.overloads > 0 {
			mark.Hit(mark.ClientToAll)
			f.toAll, late = true, true
		}
		f.overloads = 0
		out = s.resend(now, f, out)
	})
	if late || s.lead.guess && s.count > 0 {
		out = s.poll(now, out)
	}
	return out
}

// resend transmits a request again and sets its next timer.
func (s *Session) resend(now time.Duration, f *flight, out []Output) []Output {
	before := len(out)
	out = s.send(f, out)
	s.stats.Resent += uint64(len(out) - before)
	f.retryAt = now + s.pause(f.attempt)
	return out
}

// askAgain goes back to the primary that refused a request as too much, and to no
// one else: no alarm yet, and a busy replica sets no pace for the others. If it
// says nothing this time, that is silence like any other.
func (s *Session) askAgain(now time.Duration, f *flight, out []Output) []Output {
	f.busy = false
	f.retryAt = now + s.pause(f.attempt)
	if s.links[s.primary].up {
		s.stats.Resent++
		out = append(out, s.frameTo(s.primary, f))
	}
	return out
}

// NextTick is when Tick has something to do, and whether it ever has.
func (s *Session) NextTick() (at time.Duration, ok bool) {
	s.each(func(f *flight) {
		if !ok || f.retryAt < at {
			at, ok = f.retryAt, true
		}
	})
	if ok && s.lead.guess {
		at = min(at, s.nextPoll())
	}
	return at, ok
}

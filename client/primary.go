package client

import (
	"cmp"
	"slices"
	"time"

	"quorate/internal/mark"
	"quorate/wire"
)

// This file is the session's belief about the primary. Whom it sends to matters
// for speed alone, but for much of it: a backup keeps a request for 0.3 s before
// it passes it on, and that is too short for any timer here to notice.
//
// A session learns of views from answers to its questions, and from backups that
// are asked in the primary's place and say at once in which view they are. It
// asks everyone when the primary's link is lost, when requests are late, and when
// somebody reports a higher view than f+1 replicas have.

const (
	// pollPause is the least time between two rounds of status questions. It
	// doubles pollDoublings times, to 2 s, with each round that brings nothing
	// new, so that a liar's reports and a cluster that stands cost little.
	pollPause     = 250 * time.Millisecond
	pollDoublings = 3
)

// lead is how a session came to its primary.
type lead struct {
	view wire.View // highest that f+1 replicas have reported: an honest one has reached it
	// guess says that the primary of view was not connected, so that the session
	// sends to another one, whom nobody has named.
	guess bool

	polled   bool // at all
	polledAt time.Duration
	polls    int // rounds in a row that brought nothing new
}

// guess marks the primary as nobody's word and asks everyone.
func (s *Session) guess(now time.Duration, out []Output) []Output {
	if !s.lead.guess {
		s.lead.guess, s.lead.polls = true, 0
		s.forget()
	}
	return s.poll(now, out)
}

// direct decides where a new request goes first. While the primary is a guess one
// request at a time goes to all: the others may not know yet that anyone waits for
// the lost primary, and who complains alone changes nothing. (Waiting for the timer
// of a request instead cost 1.5 s whenever nothing was under way at the moment of
// the loss. Sending each to all is the storm that LinkDown spares the others.)
func (s *Session) direct(now time.Duration, f *flight, out []Output) []Output {
	switch {
	case !s.links[s.primary].up:
		mark.Hit(mark.ClientNoPrimary)
		f.toAll = true // better everywhere than nowhere
		return s.guess(now, out)
	case s.lead.guess:
		wide := false
		s.each(func(other *flight) { wide = wide || other.toAll })
		mark.If(!wide, mark.ClientGuessToAll)
		f.toAll = !wide
		return s.poll(now, out)
	}
	return out
}

// greet asks a replica whose link came up where it stands. It may be the primary
// that was lost, with or without its role: while the session guesses, its word
// alone says nothing, so the others are asked too.
func (s *Session) greet(now time.Duration, r wire.ReplicaID, out []Output) []Output {
	before := len(out)
	if s.lead.guess {
		out = s.poll(now, out)
	}
	if len(out) > before {
		return out
	}
	return append(out, Output{Kind: OutputSend, Replica: r, FrameKind: wire.KindStatusRequest})
}

// nextUp is the first replica behind the primary that has a link: the order in
// which views pass the role on. It is the primary itself if none has one.
func (s *Session) nextUp() wire.ReplicaID {
	n := len(s.links)
	for i := 1; i < n; i++ {
		if r := (int(s.primary) + i) % n; s.links[r].up {
			return wire.ReplicaID(r)
		}
	}
	mark.Hit(mark.ClientMovesToDown)
	return s.primary
}

// moveTo changes the believed primary and sends it what it has not got.
func (s *Session) moveTo(now time.Duration, r wire.ReplicaID, out []Output) []Output {
	if r == s.primary {
		return out
	}
	s.primary = r
	mark.Hit(mark.ClientMovesOn)
	s.stats.Failovers++
	if !s.links[r].up {
		return out
	}
	s.each(func(f *flight) {
		if !f.toAll {
			s.stats.Resent++
			out = append(out, s.frameTo(r, f))
			f.retryAt = now + s.pause(f.attempt)
		}
	})
	return out
}

// status takes a replica's word about its view.
func (s *Session) status(now time.Duration, from wire.ReplicaID, view wire.View, out []Output) []Output {
	l := &s.links[from]
	l.view, l.reported, l.heard = view, true, true
	reached, ok := s.reached(func(l *link) bool { return l.reported })
	switch {
	case ok && reached > s.lead.view:
		s.lead.view, s.lead.polls = reached, 0
		out = s.settle(now, out)
	case s.lead.guess:
		// A view that f+1 replicas were in before the link was lost says nothing of
		// now: that they still are is told by answers to questions asked since.
		if still, ok := s.reached(func(l *link) bool { return l.heard }); ok && still == s.lead.view {
			out = s.settle(now, out)
		}
	case !ok:
		mark.Hit(mark.ClientFewStatuses)
	}
	if view > s.lead.view {
		mark.Hit(mark.ClientHearsOfView)
		out = s.poll(now, out)
	}
	return out
}

// reached is the (f+1)-th highest view of the replicas that pick names: an honest
// one has reached it, and f liars cannot move it above (Invariant C4). It is
// nothing with f reports or fewer.
func (s *Session) reached(pick func(*link) bool) (v wire.View, ok bool) {
	views := make([]wire.View, 0, len(s.links))
	for i := range s.links {
		if pick(&s.links[i]) {
			views = append(views, s.links[i].view)
		}
	}
	if len(views) <= s.cfg.Quorums.F {
		return 0, false
	}
	slices.SortFunc(views, func(a, b wire.View) int { return cmp.Compare(b, a) })
	return views[s.cfg.Quorums.F], true
}

// settle sends to the primary of the view that was reached, if it is connected.
func (s *Session) settle(now time.Duration, out []Output) []Output {
	primary := s.cfg.Quorums.Primary(s.lead.view)
	if !s.links[primary].up {
		mark.Hit(mark.ClientPrimaryDown)
		return s.guess(now, out) // whoever took over has not been heard of yet
	}
	mark.If(s.lead.guess, mark.ClientSettles)
	s.lead.guess, s.lead.polls = false, 0
	return s.moveTo(now, primary, out)
}

// nextPoll is when everyone may be asked again.
func (s *Session) nextPoll() time.Duration {
	if !s.lead.polled {
		return 0
	}
	return s.lead.polledAt + pollPause<<min(max(s.lead.polls-1, 0), pollDoublings)
}

// forget makes what was reported so far an old answer.
func (s *Session) forget() {
	for r := range s.links {
		s.links[r].heard = false
	}
}

// poll asks every connected replica where it stands, unless that was done just
// now.
func (s *Session) poll(now time.Duration, out []Output) []Output {
	if now < s.nextPoll() {
		return out
	}
	if now-s.lead.polledAt > pollPause<<(pollDoublings+1) {
		s.lead.polls = 0 // an old matter
	}
	s.lead.polled, s.lead.polledAt = true, now
	s.lead.polls++
	s.forget()
	for r := range s.links {
		if s.links[r].up {
			out = append(out, Output{Kind: OutputSend, Replica: wire.ReplicaID(r), FrameKind: wire.KindStatusRequest})
		}
	}
	return out
}

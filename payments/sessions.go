package payments

import (
	"quorate/internal/mark"
	"quorate/internal/plant"
	"quorate/wire"
)

// WindowSeqs is the width of a session: a client may have this many requests
// under way at once, and a request that old can still be asked about.
const WindowSeqs = 64

// SessionJumpMax bounds how far one request may move its window forward, so
// that one bad number does not use up a client's 2^64.
const SessionJumpMax = 1 << 20

// session is one client: key, roles, and which of its last requests were
// executed, and where (P4). A record is evicted by nothing but the window.
type session struct {
	client ClientRecord
	high   uint64 // the highest seq executed
	bitmap uint64 // bit i: seq high−i was executed
	ring   [WindowSeqs]ringEntry
}

// ringEntry stands at seq mod WindowSeqs; zero if that seq was not executed.
type ringEntry struct {
	seq    wire.SeqNum
	index  uint32
	digest wire.Digest
}

// sessionsPerPage sessions of 3,136 bytes fit a page.
const (
	sessionBytes    = 64 + WindowSeqs*48
	sessionsPerPage = PageBytes / sessionBytes
)

// sessionPage keeps the sessions of one page together; they are only made when
// needed, since 65,536 of them take 205 MB.
type sessionPage [sessionsPerPage]session

// session finds a client's record, or nil.
func (m *Machine) session(id wire.ClientID) (uint32, *session) {
	p := m.byClient.seek(m.keys.number(uint64(id)))
	for {
		v, ok := p.next()
		if !ok {
			return 0, nil
		}
		slot := uint32(v - 1)
		if s := m.sessionAt(slot); s.client.ID == id {
			return slot, s
		}
	}
}

func (m *Machine) sessionAt(slot uint32) *session {
	return &m.sessions[slot/sessionsPerPage][slot%sessionsPerPage]
}

// addSession appends a client. The caller made sure that it is new.
func (m *Machine) addSession(c *ClientRecord) {
	slot := m.meta.clients
	if slot%sessionsPerPage == 0 {
		m.sessions = append(m.sessions, new(sessionPage))
	}
	m.sessionAt(slot).client = *c
	m.byClient.insert(m.keys.number(uint64(c.ID)), uint64(slot)+1)
	m.meta.clients++
	m.mark(RegionSessions, slot/sessionsPerPage)
}

// stand tells whether seq is free: StatusOK, or StatusDuplicate if it was
// executed, or the side of the window on which it lies.
func (s *session) stand(seq uint64) Status {
	switch {
	case seq == 0:
		return StatusSeqTooOld
	case seq > s.high:
		if seq-s.high > SessionJumpMax {
			return StatusSeqTooFar
		}
		return StatusOK
	case s.high-seq >= WindowSeqs:
		return StatusSeqTooOld
	case s.bitmap>>(s.high-seq)&1 == 1 && !plant.On(plant.RetryExecuted):
		return StatusDuplicate
	}
	return StatusOK
}

// consume records that request index of this block was executed (P4).
func (m *Machine) consume(slot uint32, req *Request, index uint32) {
	s := m.sessionAt(slot)
	if req.Seq > s.high {
		s.slide(req.Seq)
	}
	mark.If(req.Seq < s.high, mark.SessionOutOfOrder)
	s.bitmap |= 1 << (s.high - req.Seq)
	s.ring[req.Seq%WindowSeqs] = ringEntry{seq: m.meta.seq, index: index, digest: req.Digest}
	if plant.On(plant.ResultRingShort) {
		s.ring[(req.Seq+WindowSeqs-5)%WindowSeqs] = s.ring[req.Seq%WindowSeqs]
	}
	m.mark(RegionSessions, slot/sessionsPerPage)
	m.block.delta.fold(uint64(slot), req.Seq, s.bitmap, s.high)
}

// slide moves the window up to seq and clears the places of seqs that enter it.
func (s *session) slide(seq uint64) {
	step := seq - s.high
	for q := s.high + 1; q < s.high+min(step, WindowSeqs); q++ {
		s.ring[q%WindowSeqs] = ringEntry{}
	}
	if step >= WindowSeqs {
		mark.Hit(mark.SessionJump)
		s.ring = [WindowSeqs]ringEntry{}
	}
	s.bitmap <<= step // Go shifts of 64 and more give 0
	s.high = seq
}

// SessionView is what ingress needs to know about a client.
type SessionView struct {
	Client ClientRecord
	High   uint64 // the highest request seq that was executed, 0 before the first
	Bitmap uint64 // bit i: seq High−i was executed
}

// Place names an executed request.
type Place struct {
	Seq    wire.SeqNum
	Index  uint32 // of the request in its block
	Digest wire.Digest
}

// Session gives a client's key, roles and window.
func (m *Machine) Session(client wire.ClientID) (SessionView, bool) {
	_, s := m.session(client)
	if s == nil {
		return SessionView{}, false
	}
	return SessionView{Client: s.client, High: s.high, Bitmap: s.bitmap}, true
}

// Clients is the number of registered clients, Client the record of one of
// them, by order of registration from 0.
func (m *Machine) Clients() int { return int(m.meta.clients) }

// Client gives the record of client i, 0 ≤ i < Clients().
func (m *Machine) Client(i int) ClientRecord { return m.sessionAt(uint32(i)).client }

// Lookup tells how a request with this client and seq stands: StatusOK means
// that it would be executed; StatusDuplicate comes with the place (compare the
// digest: another one makes it StatusRequestIDReused); the other statuses are
// StatusSeqTooOld, StatusSeqTooFar and StatusUnknownClient.
func (m *Machine) Lookup(client wire.ClientID, seq uint64) (Place, Status) {
	_, s := m.session(client)
	if s == nil {
		return Place{}, StatusUnknownClient
	}
	st := s.stand(seq)
	if st != StatusDuplicate {
		return Place{}, st
	}
	e := &s.ring[seq%WindowSeqs]
	return Place{Seq: e.seq, Index: e.index, Digest: e.digest}, st
}

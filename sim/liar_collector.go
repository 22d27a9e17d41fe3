package sim

import (
	"quorate/consensus"
	"quorate/wire"
)

// Lies of a collector about certificates.

// isCertificate reports whether a message carries a combined signature over a
// slot.
func isCertificate(m wire.Message) bool {
	switch m.(type) {
	case *wire.FullCommitProof, *wire.Prepare, *wire.SlowCommitProof, *wire.ExecuteProof, *wire.Stable:
		return true
	}
	return false
}

// withholdCertificate keeps a certificate from all, from some, or from all but
// one, for whole slots (strategy 8).
func withholdCertificate(f *frame) bool {
	if !isCertificate(f.m) {
		return false
	}
	id, _ := slotOf(f.m)
	switch mix(uint64(id.Seq)^f.l.brain.w.opt.Seed) % 4 {
	case 0:
		f.lost = true
	case 1:
		f.lost = f.to != f.l.brain.target
	default:
		f.lost = f.l.brain.second[f.to]
	}
	return f.lost
}

// doubleCertificate pools the shares that liars get with their own, for every
// value that anyone votes for, and shows a certificate to one replica alone as
// soon as there is one: long before an honest collector would, and in a view
// that may be over (strategy 9).
func doubleCertificate(l *liar, r *stream, _ wire.ReplicaID, m wire.Message) bool {
	b := l.brain
	switch m := m.(type) {
	case *wire.SignShare:
		p := b.pool(m.Slot)
		if p.sent {
			return false
		}
		h := l.w.scope.SlotHash(m.Slot)
		if sig, ok := b.combine(consensus.PurposeSigma, h, p.sigma); ok && r.chance(500) {
			p.sent = true
			l.tell(l.someone(r), &wire.FullCommitProof{Slot: m.Slot, Sigma: sig})
			return true
		}
		if sig, ok := b.combine(consensus.PurposeTau, h, p.tau); ok {
			p.sent, p.hasTau, p.tauCert = true, true, sig
			to := l.someone(r)
			if r.chance(500) { // one who voted for it: a lock that nobody else has
				to = p.tau[r.below(len(p.tau))].Replica
			}
			l.tell(to, &wire.Prepare{Slot: m.Slot, Tau: sig})
			return true
		}
	case *wire.Commit:
		p := b.pool(m.Slot)
		if !p.hasTau {
			return false
		}
		if sig, ok := b.combine(consensus.PurposeTauTau, l.w.scope.SlowCommitHash(m.Slot), p.two); ok {
			l.tell(l.someone(r), &wire.SlowCommitProof{Slot: m.Slot, TauTau: sig})
			return true
		}
	}
	return false
}

// someone is the target of the run, mostly.
func (l *liar) someone(r *stream) wire.ReplicaID {
	if r.chance(600) {
		return l.brain.target
	}
	return wire.ReplicaID(r.below(l.w.q.N))
}

// staleCertificate sends an old certificate in place of a new one, or beside
// other things (strategy 10).
func staleCertificate(f *frame) bool {
	certs := f.l.brain.certs
	if len(certs) == 0 {
		return false
	}
	old := copied(certs[f.rnd.below(len(certs))])
	if isCertificate(f.m) {
		return f.become(old)
	}
	if !f.rnd.chance(100) {
		return false
	}
	f.l.tell(f.to, old)
	return true
}

// copied is a message of its own, to be bent further.
func copied(m wire.Message) wire.Message {
	c, err := wire.DecodeMessage(m.Kind(), m.Append(nil))
	if err != nil {
		return m // it came in as bytes, so this does not happen
	}
	return c
}

// forgedCertificate sends a certificate that does not verify: broken, of other
// bytes, or a true one under another slot's name (strategy 11).
func forgedCertificate(f *frame) bool {
	how := f.rnd.below(3)
	rename := func(s *wire.SlotID) {
		switch how {
		case 0:
			s.Digest[f.rnd.below(len(s.Digest))] ^= 1
		case 1:
			s.Seq++
		default:
			s.View++
		}
	}
	broken := f.rnd.chance(300)
	switch m := f.m.(type) {
	case *wire.FullCommitProof:
		if rename(&m.Slot); broken {
			m.Sigma = brokenCertificate(m.Sigma)
		}
	case *wire.Prepare:
		if rename(&m.Slot); broken {
			m.Tau = brokenCertificate(m.Tau)
		}
	case *wire.SlowCommitProof:
		if rename(&m.Slot); broken {
			m.TauTau = brokenCertificate(m.TauTau)
		}
	case *wire.ExecuteProof:
		if how == 0 {
			m.Digest[0] ^= 1
		} else {
			m.Seq++ // π verifies whatever slot it is sent under
		}
	case *wire.Blocks:
		p := &m.Blocks[f.rnd.below(len(m.Blocks))].Proof
		if p.Fast {
			p.Sigma = brokenCertificate(p.Sigma)
		} else {
			p.TauTau = brokenCertificate(p.TauTau)
		}
	default:
		return false
	}
	return f.become(f.m)
}

// brokenCertificate flips a bit of a certificate, or makes one up of none.
func brokenCertificate(c wire.Certificate) wire.Certificate {
	b := append([]byte(nil), c.Bytes()...)
	if len(b) < 10 {
		b = append(b, make([]byte, 10)...)
	}
	b[9] ^= 1
	return certificateOf(b)
}

// shadowCertificate puts an invalid certificate with the view and digest of a
// valid one where it is seen first (strategy 12): in a view change, or right
// before a prepare.
func shadowCertificate(f *frame) bool {
	switch m := f.m.(type) {
	case *wire.Prepare:
		shadow := *m
		shadow.Tau = brokenCertificate(shadow.Tau)
		f.l.tell(f.to, &shadow)
		return true
	case *wire.ViewChange:
		if m.Replica != f.l.n.id {
			return false
		}
		shadowed := false
		for i := range m.Slots {
			e := &m.Slots[i]
			if !e.HasLock && e.HasVote {
				e.HasLock, e.Lock = true, wire.Lock{View: e.Vote.View, Digest: e.Vote.Digest}
				tau := f.l.brain.pool(wire.SlotID{View: e.Vote.View, Seq: e.Seq, Digest: e.Vote.Digest}).tauCert
				e.Lock.Tau = brokenCertificate(tau)
				shadowed = true
			} else if e.HasLock && f.rnd.chance(500) {
				e.Lock.Tau = brokenCertificate(e.Lock.Tau)
				shadowed = true
			}
		}
		return shadowed && f.become(f.l.signChange(m))
	}
	return false
}

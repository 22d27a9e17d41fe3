package pipeline

import (
	"quorate/consensus"
	"quorate/internal/mark"
	"quorate/wire"
)

// This file checks proofs: messages of collectors with one combined signature.
// Several cost little more than one, because their pairings are one product, so
// those that wait are checked together, and those that nobody waits for are let
// wait. Of two full checks per block a backup is left with one and a part.

// proofsTogether bounds the proofs of one product: above, the gain is small, and one
// bad proof has all of them checked again one by one.
const proofsTogether = 8

// patienceTicks is how long an execution proof waits for others. A slot's clients
// are answered by the collector, which made the proof; here it is kept for those
// who ask later.
const patienceTicks = 2

// patient is an execution proof that waits, and since when.
type patient struct {
	job  consensus.Verify
	tick uint64
}

// verify gives the workers a message to check. What finds no room is the core's
// again, which asks once more.
func (s *cryptoStage) verify(job consensus.Verify) {
	ok := false
	if _, waits := job.Msg.(*wire.ExecuteProof); waits {
		ok = s.patient.offer(patient{job, s.r.ticks.Load()})
	} else {
		ok = s.checks.offer(job)
	}
	if !ok {
		mark.Hit(mark.ChecksFull)
		s.r.order.events.put(consensus.Verified{From: job.From, Msg: job.Msg, Verdict: consensus.VerdictCancelled})
	}
}

// due reports whether execution proofs have waited long enough.
func (s *cryptoStage) due() bool {
	first, ok := s.patient.first()
	return ok && (s.patient.len() >= proofsTogether || s.r.ticks.Load()-first.tick >= patienceTicks)
}

// proof is the certificate of a message that is nothing else but one.
func (s *cryptoStage) proof(m wire.Message) (c Certificate, ok bool) {
	switch m := m.(type) {
	case *wire.FullCommitProof:
		return Certificate{consensus.PurposeSigma, s.r.scope.SlotHash(m.Slot), m.Sigma}, true
	case *wire.Prepare:
		return Certificate{consensus.PurposeTau, s.r.scope.SlotHash(m.Slot), m.Tau}, true
	case *wire.SlowCommitProof:
		return s.slow(m.Slot, m.TauTau), true
	case *wire.ExecuteProof:
		return Certificate{consensus.PurposePi, m.Digest, m.Pi}, true
	}
	return c, false
}

// proofs checks jobs, which are proofs, together with as many as wait.
func (s *cryptoStage) proofs(jobs ...consensus.Verify) {
	for len(jobs) < proofsTogether {
		job, ok := s.checks.takeIf(func(v consensus.Verify) bool { _, is := s.proof(v.Msg); return is })
		if !ok {
			break
		}
		jobs = append(jobs, job)
	}
	for len(jobs) < proofsTogether {
		p, ok := s.patient.takeOne()
		if !ok {
			break
		}
		jobs = append(jobs, p.job)
	}
	certs := make([]Certificate, len(jobs))
	for i := range jobs {
		certs[i], _ = s.proof(jobs[i].Msg)
	}
	all := s.certified(certs...)
	mark.If(len(jobs) > 1 && all, mark.ProofsTogether)
	mark.If(len(jobs) > 1 && !all, mark.ProofsApart)
	for i, job := range jobs {
		v := consensus.Verified{From: job.From, Msg: job.Msg, Verdict: consensus.VerdictForged}
		if all || len(jobs) > 1 && s.certified(certs[i]) {
			v.Verdict = consensus.VerdictOK
		}
		s.r.order.events.put(checked{Verified: v})
	}
}

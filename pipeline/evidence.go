package pipeline

import (
	"errors"
	"fmt"
	"sync"

	"quorate/cluster"
	"quorate/consensus"
	"quorate/wire"
)

// ErrEvidence says that evidence proves nothing.
var ErrEvidence = errors.New("pipeline: no proof")

// EvidenceLog keeps evidence durably (storage.EvidenceLog). Append is called by
// the commit thread, Load before the replica starts.
type EvidenceLog interface {
	Load(fn func(record []byte)) error
	Append(record []byte) error
	Close() error
}

// CheckEvidence verifies evidence with nothing but what genesis says: suite needs
// no keys of its own. It gives the replica that is proven to have equivocated.
func CheckEvidence(scope wire.Scope, q cluster.Quorums, suite Suite, e *wire.Evidence) (wire.ReplicaID, error) {
	primary := q.Primary(e.View)
	if e.Digests[0] == e.Digests[1] {
		return 0, fmt.Errorf("%w: one value alone", ErrEvidence)
	}
	for i := range e.Authors {
		if !suite.VerifyIdentity(primary, scope.AuthorBytes(e.Head(i).Slot), e.Authors[i]) {
			return 0, fmt.Errorf("%w: signature %d is not replica %d's", ErrEvidence, i, primary)
		}
	}
	return primary, nil
}

// GenesisEvidence is CheckEvidence for who holds a genesis and no replica.
func GenesisEvidence(g *cluster.Genesis, e *wire.Evidence) (wire.ReplicaID, error) {
	suite, err := NewSuite(g, nil)
	if err != nil {
		return 0, err
	}
	return CheckEvidence(wire.Scope{Cluster: g.Hash(), Epoch: g.Epoch}, g.Quorums(), suite, e)
}

// evidenceMax bounds the proofs that are kept against one replica, one per view:
// the first one convicts it.
const evidenceMax = 8

// evidenceStore is what this replica can prove.
type evidenceStore struct {
	mu   sync.Mutex
	list []wire.Evidence
	per  []int // by replica
}

// add takes a proof, and reports whether it is new and kept.
func (s *evidenceStore) add(accused wire.ReplicaID, e wire.Evidence) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.per[accused] >= evidenceMax {
		return false
	}
	for i := range s.list {
		if s.list[i].View == e.View {
			return false
		}
	}
	s.per[accused]++
	s.list = append(s.list, e)
	return true
}

// Evidence lists the proofs of equivocation that this replica holds, oldest
// first.
func (r *Replica) Evidence() []wire.Evidence {
	r.evidence.mu.Lock()
	defer r.evidence.mu.Unlock()
	return append([]wire.Evidence(nil), r.evidence.list...)
}

// loadEvidence takes up what was kept before a restart. What does not verify (a
// damaged file) is left out: it proves nothing.
func (r *Replica) loadEvidence() error {
	r.evidence.per = make([]int, r.quorums.N)
	if r.cfg.Evidence == nil {
		return nil
	}
	return r.cfg.Evidence.Load(func(record []byte) {
		e, err := wire.DecodeEvidence(record)
		if err != nil {
			return
		}
		if accused, err := CheckEvidence(r.scope, r.quorums, r.suite, &e); err == nil {
			r.evidence.add(accused, e)
		}
	})
}

// accuse keeps a proof, in memory at once and on disk soon.
func (r *Replica) accuse(a consensus.Accuse) {
	if !r.evidence.add(a.Primary, a.Evidence) {
		return
	}
	r.stats.Evidence.Add(1)
	r.log.Warn("replica is proven to have equivocated", "peer", a.Primary, "view", a.Evidence.View, "seq", a.Evidence.Seq)
	if r.cfg.Evidence != nil {
		r.commit.items.put(commitItem{evidence: &a.Evidence})
	}
}

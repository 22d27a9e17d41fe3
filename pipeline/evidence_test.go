package pipeline

// Aim: evidence convicts whom it names and nobody else, is kept once per view and
// within bounds, and survives a restart of what keeps it. Method: real keys of a
// small cluster, one field changed per row.

import (
	"crypto/ed25519"
	"errors"
	"log/slog"
	"testing"

	"quorate/cluster"
	"quorate/consensus"
	"quorate/wire"
)

// evidenceSuite verifies identities and nothing else.
type evidenceSuite struct {
	Suite
	keys []ed25519.PrivateKey
}

func (s evidenceSuite) VerifyIdentity(id wire.ReplicaID, message []byte, sig wire.Signature) bool {
	return ed25519.Verify(s.keys[id].Public().(ed25519.PublicKey), message, sig[:])
}

func evidenceOf(s evidenceSuite, scope wire.Scope, author wire.ReplicaID, view wire.View) wire.Evidence {
	var heads [2]wire.Head
	for i := range heads {
		heads[i].Slot = wire.SlotID{View: view, Seq: 7, Digest: wire.Digest{byte(i + 1)}}
		copy(heads[i].Author[:], ed25519.Sign(s.keys[author], scope.AuthorBytes(heads[i].Slot)))
	}
	return wire.NewEvidence(heads[1], heads[0])
}

func TestEvidenceConvictsItsAuthorOnly(t *testing.T) {
	q, err := cluster.NewQuorums(4, 1, 0)
	if err != nil {
		t.Fatal(err)
	}
	s := evidenceSuite{}
	for i := range 4 {
		s.keys = append(s.keys, ed25519.NewKeyFromSeed(append(make([]byte, 31), byte(i+1))))
	}
	scope := wire.Scope{Epoch: 3}
	rows := []struct {
		name   string
		change func(e *wire.Evidence)
		good   bool
	}{
		{"as it is", func(*wire.Evidence) {}, true},
		{"another view", func(e *wire.Evidence) { e.View += 4 }, false},
		{"another slot", func(e *wire.Evidence) { e.Seq++ }, false},
		{"another value", func(e *wire.Evidence) { e.Digests[1][5] ^= 1 }, false},
		{"one value twice", func(e *wire.Evidence) { e.Digests[1], e.Authors[1] = e.Digests[0], e.Authors[0] }, false},
		{"signatures exchanged", func(e *wire.Evidence) { e.Authors[0], e.Authors[1] = e.Authors[1], e.Authors[0] }, false},
		{"signed by another", func(e *wire.Evidence) { *e = evidenceOf(s, scope, 2, 5) }, false},
		{"of another epoch", func(e *wire.Evidence) { *e = evidenceOf(s, wire.Scope{Epoch: 4}, 1, 5) }, false},
	}
	for _, r := range rows {
		e := evidenceOf(s, scope, 1, 5)
		r.change(&e)
		accused, err := CheckEvidence(scope, q, s, &e)
		if good := err == nil && accused == 1; good != r.good || err != nil && !errors.Is(err, ErrEvidence) {
			t.Errorf("%s: accused %d, %v", r.name, accused, err)
		}
	}
}

// keptEvidence is a log in memory.
type keptEvidence struct{ records [][]byte }

func (k *keptEvidence) Load(fn func([]byte)) error {
	for _, r := range k.records {
		fn(r)
	}
	return nil
}
func (k *keptEvidence) Append(r []byte) error { k.records = append(k.records, r); return nil }
func (k *keptEvidence) Close() error          { return nil }

func TestEvidenceIsBoundedAndLoadedAgain(t *testing.T) {
	q, err := cluster.NewQuorums(4, 1, 0)
	if err != nil {
		t.Fatal(err)
	}
	s := evidenceSuite{}
	for i := range 4 {
		s.keys = append(s.keys, ed25519.NewKeyFromSeed(append(make([]byte, 31), byte(i+1))))
	}
	kept := &keptEvidence{}
	start := func() *Replica {
		r := &Replica{cfg: Config{Evidence: kept}, quorums: q, suite: s, log: slog.New(slog.DiscardHandler)}
		r.commit = &commitStage{r: r, items: newRing[commitItem](64, newWaker())}
		if err := r.loadEvidence(); err != nil {
			t.Fatal(err)
		}
		return r
	}
	r := start()
	for view := range wire.View(40) {
		for range 2 {
			r.accuse(consensus.Accuse{Primary: 1, Evidence: evidenceOf(s, r.scope, 1, 4*view+1)})
		}
	}
	if got := len(r.Evidence()); got != evidenceMax {
		t.Errorf("%d proofs against one replica are kept, want %d", got, evidenceMax)
	}
	// Whoever watches hears of each that is kept, once.
	if got := r.stats.Evidence.Load(); got != evidenceMax {
		t.Errorf("%d proofs are counted, want %d", got, evidenceMax)
	}
	for _, it := range r.commit.items.take(nil) {
		_ = kept.Append(it.evidence.Append(nil))
	}
	kept.records = append(kept.records, make([]byte, wire.EvidenceBytes), kept.records[0])
	if got := len(start().Evidence()); got != evidenceMax {
		t.Errorf("%d proofs after a restart, want %d", got, evidenceMax)
	}
}

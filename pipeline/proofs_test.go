package pipeline

import (
	"testing"

	"quorate/consensus"
	"quorate/wire"
)

// Aim: proofs that are checked together get the verdicts that each would get,
// and an execution proof waits for company, but not for long.
// Method: real signatures, a suite that counts, and a step at a time.

func newProofWorld(t *testing.T) *certWorld {
	w := newCertWorld(t)
	wk := newWaker()
	s, r := w.stage, w.stage.r
	s.urgent, s.checks, s.patient = newRing[consensus.Effect](8, wk), newRing[consensus.Verify](64, wk), newRing[patient](64, wk)
	r.crypto, r.order = s, &orderStage{r: r, events: newRing[consensus.Event](64, newWaker())}
	return w
}

func (w *certWorld) commitProof(seq wire.SeqNum) *wire.FullCommitProof {
	id := wire.SlotID{View: 1, Seq: seq, Digest: wire.Digest{byte(seq)}}
	return &wire.FullCommitProof{Slot: id, Sigma: w.combined(consensus.PurposeSigma, w.stage.r.scope.SlotHash(id))}
}

func (w *certWorld) execProof(seq wire.SeqNum) *wire.ExecuteProof {
	d := wire.Digest{9, byte(seq)}
	return &wire.ExecuteProof{Seq: seq, Digest: d, Pi: w.combined(consensus.PurposePi, d)}
}

// steps lets the stage work and gives the verdict on each message.
func (w *certWorld) steps() map[wire.Message]consensus.Verdict {
	for w.stage.Step() {
	}
	out := map[wire.Message]consensus.Verdict{}
	for _, ev := range w.stage.r.order.events.take(nil) {
		v := ev.(checked).Verified
		out[v.Msg] = v.Verdict
	}
	return out
}

func (w *certWorld) give(messages ...wire.Message) {
	for _, m := range messages {
		w.stage.verify(consensus.Verify{From: 0, Msg: m})
	}
}

func TestProofsTogetherGetTheirOwnVerdicts(t *testing.T) {
	w := newProofWorld(t)
	good := []wire.Message{w.commitProof(1), w.execProof(1), w.commitProof(2), w.execProof(2), w.execProof(3)}
	w.give(good...)
	if got := w.steps(); len(got) != len(good) || w.count.verified != len(good) || w.count.alone != 0 {
		t.Fatalf("%d verdicts on %d proofs, %d verified, %d of them alone", len(got), len(good), w.count.verified, w.count.alone)
	}
	foreign := w.commitProof(4)
	foreign.Sigma = w.execProof(4).Pi
	bent := w.execProof(5)
	bent.Digest[7] ^= 1
	for _, bad := range []wire.Message{foreign, bent} {
		w.give(good...)
		w.give(bad, w.commitProof(6))
		for m, v := range w.steps() {
			if want := consensus.VerdictOK; (m == bad) == (v == want) {
				t.Errorf("%T: verdict %v, and it is the bad one: %v", m, v, m == bad)
			}
		}
	}
}

func TestAnExecutionProofWaitsForCompany(t *testing.T) {
	w := newProofWorld(t)
	ticks := &w.stage.r.ticks
	ticks.Store(7)
	w.give(w.execProof(1))
	if got := w.steps(); len(got) != 0 {
		t.Fatal("a lone execution proof was checked at once")
	}
	ticks.Add(patienceTicks)
	if got := w.steps(); len(got) != 1 {
		t.Fatal("an execution proof waited for longer than its patience")
	}
	w.give(w.execProof(2), w.commitProof(2))
	if got := w.steps(); len(got) != 2 {
		t.Fatal("an execution proof did not go with a commit proof")
	}
	for seq := range wire.SeqNum(proofsTogether) {
		w.give(w.execProof(seq + 3))
	}
	if got := w.steps(); len(got) != proofsTogether {
		t.Fatalf("%d of %d execution proofs, a product's worth, were checked", len(got), proofsTogether)
	}
	w.stage.patient.max = 1
	w.give(w.execProof(20), w.execProof(21))
	ev := w.stage.r.order.events.take(nil)
	if v, ok := ev[0].(consensus.Verified); len(ev) != 1 || !ok || v.Verdict != consensus.VerdictCancelled {
		t.Fatalf("a proof without room was not given back: %v", ev)
	}
}

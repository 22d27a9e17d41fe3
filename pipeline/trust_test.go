package pipeline

// Aim: nothing that a peer sends is believed before everything in it was checked:
// author, digest, time and each client signature of a proposal, the signatures in
// fetched bodies and blocks, each certificate in a view change. And the journal
// goes only behind what the ledger holds (L5). Method: the stages by themselves,
// one message after the other, each with one thing wrong.

import (
	"crypto/ed25519"
	"testing"

	"quorate/consensus"
	"quorate/storage"
	"quorate/wire"
)

// trustCase makes messages of replica 0 for the crypto stage of replica 1.
type trustCase struct {
	c     *testCluster
	from  *Replica
	stage *cryptoStage
	scope wire.Scope
}

func (k *trustCase) batch(time uint64, forged int) []byte {
	b := wire.Batch{Time: time}
	for i := range 3 {
		q := wire.Request{Client: 1, Seq: uint64(i + 1), Op: wire.OpCreateAccounts, Body: accountsBody(i+1, 1)}
		copy(q.Signature[:], ed25519.Sign(k.c.secrets[0], wire.SigningBytes(q.Digest(k.scope.Cluster))))
		if i == forged {
			q.Signature[5] ^= 1
		}
		b.Requests = append(b.Requests, q)
	}
	return b.Append(nil)
}

func (k *trustCase) proposal(raw []byte, of wire.Digest) *wire.PrePrepare {
	m := &wire.PrePrepare{Slot: wire.SlotID{View: 0, Seq: 1, Digest: of}, Batch: raw}
	m.Author = k.from.suite.SignIdentity(k.scope.AuthorBytes(m.Slot))
	return m
}

func (k *trustCase) digest(raw []byte) wire.Digest {
	b, err := newBody(k.scope.Cluster, raw)
	if err != nil {
		k.c.t.Fatal(err)
	}
	return b.digest
}

// certified is a committed slot under the fast certificate of all replicas.
func (k *trustCase) certified(raw []byte) wire.CommittedSlot {
	id := wire.SlotID{Seq: 1, Digest: k.digest(raw)}
	h := k.scope.SlotHash(id)
	var shares []consensus.ShareOf
	for i, n := range k.c.nodes {
		shares = append(shares, consensus.ShareOf{Replica: wire.ReplicaID(i), Share: n.replica.suite.SignShare(consensus.PurposeSigma, h)})
	}
	sigma, culprits, ok := k.from.suite.Combine(consensus.PurposeSigma, h, shares)
	if !ok {
		k.c.t.Fatalf("shares do not combine: %v", culprits)
	}
	return wire.CommittedSlot{Proof: wire.CommitProof{Slot: id, Fast: true, Sigma: sigma}, Batch: raw}
}

func (k *trustCase) viewChange(lock wire.Certificate) *wire.ViewChange {
	m := &wire.ViewChange{Replica: 0, To: 1, Slots: []wire.SlotEvidence{{Seq: 1, HasLock: true, Lock: wire.Lock{Digest: wire.Digest{7}, Tau: lock}}}}
	d := k.scope.ViewChangeDigest(m)
	m.Signature = k.from.suite.SignIdentity(d[:])
	return m
}

// viewChangeFrom says that its signer stands at a checkpoint and voted for nothing.
func (k *trustCase) viewChangeFrom(st wire.Stable) *wire.ViewChange {
	m := &wire.ViewChange{Replica: 0, To: 1, Stable: st}
	d := k.scope.ViewChangeDigest(m)
	m.Signature = k.from.suite.SignIdentity(d[:])
	return m
}

func TestNothingIsTrustedUnchecked(t *testing.T) {
	c := newTestCluster(t, 1)
	r := c.nodes[1].replica
	k := &trustCase{c: c, from: c.nodes[0].replica, stage: r.crypto, scope: r.scope}
	now, bound := r.cfg.Clock(), r.cfg.TimeBound
	good := k.batch(now, -1)
	bad := k.certified(good)
	bad.Proof.Sigma = k.certified(k.batch(now+1, -1)).Proof.Sigma
	for _, row := range []struct {
		name string
		msg  wire.Message
		want consensus.Verdict
	}{
		{"proposal", k.proposal(good, k.digest(good)), consensus.VerdictOK},
		{"proposal of other bytes", k.proposal(k.batch(now+1, -1), k.digest(good)), consensus.VerdictForged},
		{"proposal, first signature", k.proposal(k.batch(now, 0), k.digest(good)), consensus.VerdictBadBatch},
		{"proposal, last signature", k.proposal(k.batch(now, 2), k.digest(good)), consensus.VerdictBadBatch},
		{"proposal of tomorrow", k.proposal(k.batch(now+100*bound, -1), k.digest(k.batch(now+100*bound, -1))), consensus.VerdictBadTime},
		{"proposal of yesterday", k.proposal(k.batch(now-100*bound, -1), k.digest(k.batch(now-100*bound, -1))), consensus.VerdictBadTime},
		{"body", &wire.Body{Batch: good}, consensus.VerdictOK},
		{"body, a signature", &wire.Body{Batch: k.batch(now, 1)}, consensus.VerdictForged},
		{"block", &wire.Blocks{Blocks: []wire.CommittedSlot{k.certified(good)}}, consensus.VerdictOK},
		{"block, a signature", &wire.Blocks{Blocks: []wire.CommittedSlot{k.certified(k.batch(now, 1))}}, consensus.VerdictForged},
		{"block, certificate of another", &wire.Blocks{Blocks: []wire.CommittedSlot{bad}}, consensus.VerdictForged},
		{"view change of nothing", k.viewChangeFrom(wire.Stable{}), consensus.VerdictOK},
		{"view change, a certificate of genesis", k.viewChangeFrom(wire.Stable{Tau: bentCert(wire.Certificate{})}), consensus.VerdictForged},
		{"view change, a genesis of its own", k.viewChangeFrom(wire.Stable{State: wire.CheckpointState{StateRoot: wire.Digest{1}}}), consensus.VerdictForged},
		{"view change, a lock of its own making", k.viewChange(bentCert(wire.Certificate{})), consensus.VerdictForged},
	} {
		got := k.stage.check(consensus.Verify{From: 0, Msg: row.msg})
		if got.Verdict != row.want {
			t.Errorf("%s: verdict %v, want %v", row.name, got.Verdict, row.want)
		}
		if _, change := row.msg.(*wire.ViewChange); !change && (got.Verdict == consensus.VerdictOK) != (len(got.bodies) == 1) {
			t.Errorf("%s: %d bodies with verdict %v", row.name, len(got.bodies), got.Verdict)
		}
	}
}

// truncations is a journal that notes how far it was truncated.
type truncations struct {
	Journal
	kept []wire.SeqNum
}

func (j *truncations) Truncate(keep wire.SeqNum, _ storage.LSN) error {
	j.kept = append(j.kept, keep)
	return nil
}

func TestJournalGoesBehindTheLedgerOnly(t *testing.T) {
	j := &truncations{}
	s := journalStage{journal: j, anchors: []anchorAt{{seq: 8, token: 1, lsn: 5}, {seq: 16, token: 2, lsn: 9}, {token: 3, lsn: 12}}}
	for _, step := range []struct {
		applied wire.SeqNum
		calls   int
		keep    wire.SeqNum
	}{{0, 0, 0}, {7, 0, 0}, {8, 1, 8}, {12, 1, 8}, {30, 2, 16}} {
		s.applied = step.applied
		s.truncate()
		if len(j.kept) != step.calls || step.calls > 0 && j.kept[step.calls-1] != step.keep {
			t.Errorf("ledger at %d: truncated to %v, want %d calls, the last to %d", step.applied, j.kept, step.calls, step.keep)
		}
	}
}

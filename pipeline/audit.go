package pipeline

import (
	"context"
	"errors"
	"fmt"

	"quorate/consensus"
	"quorate/payments"
	"quorate/wire"
)

// ErrAudit says what the offline check of a ledger found wrong.
var ErrAudit = errors.New("pipeline: ledger does not verify")

// LedgerReport says what VerifyLedger went through.
type LedgerReport struct {
	Blocks, Null, Requests, Events uint64
	Fast, Slow                     uint64 // commit certificates by path
	Certified                      uint64 // blocks with an execution certificate at hand
	Execute                        wire.Digest
	StateRoot                      wire.Digest
}

// VerifyLedger checks a stopped replica's ledger from the genesis on with no
// trust in whoever wrote it: the chain of headers, each batch against its
// digest, each client's signature, each commit and execution certificate, and,
// by executing everything again, each result, and that debits equal credits.
// cfg needs what a replica's needs of genesis; suite only verifies. progress is
// called now and then.
func VerifyLedger(ctx context.Context, cfg Config, suite Suite, ledger Ledger, progress func(done, all wire.SeqNum)) (LedgerReport, error) {
	v := &verifier{cfg: cfg, suite: suite, ledger: ledger, clients: newClientTable(suite),
		scope: wire.Scope{Cluster: cfg.Cluster, Epoch: cfg.Epoch},
		exec:  &executeStage{archive: archive{ledger}, parent: cfg.Cluster}}
	var err error
	if v.exec.machine, err = payments.New(cfg.Payments); err != nil {
		return v.report, err
	}
	for i := range v.exec.machine.Clients() {
		c := v.exec.machine.Client(i)
		if err := v.clients.register(c.ID, c.Key); err != nil {
			return v.report, err
		}
	}
	head, _ := ledger.Head()
	for seq := wire.SeqNum(1); seq <= head; seq++ {
		if err := ctx.Err(); err != nil {
			return v.report, err
		}
		if err := v.block(seq); err != nil {
			return v.report, fmt.Errorf("%w: block %d: %w", ErrAudit, seq, err)
		}
		if progress != nil && (seq%1024 == 0 || seq == head) {
			progress(seq, head)
		}
	}
	return v.report, v.sums(head)
}

type verifier struct {
	cfg     Config
	suite   Suite
	ledger  Ledger
	clients *clientTable
	scope   wire.Scope
	exec    *executeStage
	report  LedgerReport
}

func (v *verifier) block(seq wire.SeqNum) error {
	sb, err := v.ledger.Block(seq)
	if err != nil {
		return err
	}
	stored, m, err := blockBody(v.cfg.Cluster, sb)
	if err != nil {
		return err
	}
	proof, err := wire.DecodeCommitProof(sb.Certificate)
	if err != nil {
		return err
	}
	if proof.Slot.Seq != seq || proof.Slot.Digest != m.header.BatchDigest {
		return errors.New("its commit certificate is for another value")
	}
	if err := v.commitCertificate(&proof); err != nil {
		return err
	}
	var b *body
	if stored != nil {
		// Digests are computed anew from the bytes.
		if b, err = newBody(v.cfg.Cluster, stored.raw); err != nil {
			return err
		}
		if b.digest != proof.Slot.Digest {
			return errors.New("its requests are not those that were agreed on")
		}
		if err := v.signatures(b); err != nil {
			return err
		}
		b.payers = newPayers(&b.batch)
		b.payers.verify(v.cfg.Cluster, v.suite)
	}
	_, done, err := v.exec.apply(proof, b)
	if err != nil {
		return err
	}
	if done.meta.header != m.header {
		return errors.New("executing it again gives another header")
	}
	v.count(b)
	return v.execCertificate(seq, sb.ExecCert)
}

func (v *verifier) commitCertificate(p *wire.CommitProof) error {
	ok := false
	if p.Fast {
		v.report.Fast++
		ok = v.suite.VerifyGroup(consensus.PurposeSigma, v.scope.SlotHash(p.Slot), p.Sigma)
	} else {
		v.report.Slow++
		ok = v.suite.VerifyGroup(consensus.PurposeTauTau, v.scope.SlowCommitHash(p.Slot), p.TauTau)
	}
	if !ok {
		return errors.New("its commit certificate does not verify")
	}
	return nil
}

// signatures checks every client's signature with the keys registered before
// the block.
func (v *verifier) signatures(b *body) error {
	n := len(b.requests)
	keys, sigs, good := make([]ClientKey, n), make([]wire.Signature, n), make([]bool, n)
	for i := range b.batch.Requests {
		e := v.clients.get(b.batch.Requests[i].Client)
		if e == nil {
			return fmt.Errorf("request %d is of an unknown client", i)
		}
		keys[i], sigs[i] = e.key, b.batch.Requests[i].Signature
	}
	v.suite.VerifyRequests(keys, b.requests, sigs, good)
	for i, ok := range good {
		if !ok {
			return fmt.Errorf("request %d has a bad signature", i)
		}
	}
	return nil
}

func (v *verifier) count(b *body) {
	v.report.Blocks++
	if b == nil {
		v.report.Null++
		return
	}
	v.report.Requests += uint64(len(b.requests))
	v.report.Events += uint64(v.exec.outcome.Events)
	for i := range v.exec.outcome.Registered {
		c := &v.exec.outcome.Registered[i]
		_ = v.clients.register(c.ID, c.Key) // payments refused bad keys
	}
}

func (v *verifier) execCertificate(seq wire.SeqNum, cert []byte) error {
	if len(cert) == 0 {
		return nil // may have been lost with a crash; the chain covers the block
	}
	pi, ok := storedCert(cert)
	if !ok {
		return errors.New("its execution certificate is malformed")
	}
	v.report.Certified++
	if !v.suite.VerifyGroup(consensus.PurposePi, v.scope.ExecuteHash(seq, v.exec.parent), pi) {
		return errors.New("its execution certificate does not verify")
	}
	return nil
}

// sums checks the accounts against the ledgers' totals, and that debits equal
// credits in each.
func (v *verifier) sums(head wire.SeqNum) error {
	m := v.exec.machine
	if err := m.Audit(); err != nil {
		return fmt.Errorf("%w: %w", ErrAudit, err)
	}
	v.report.Execute = v.scope.ExecuteHash(head, v.exec.parent)
	v.report.StateRoot = m.StateRoot()
	return nil
}

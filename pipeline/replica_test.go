package pipeline

import (
	"testing"
	"time"

	"quorate/wire"
)

// Aim: a request goes through every stage of real replicas and comes back
// certified; what a crash or a dead primary interrupts is finished later.

func TestPaymentsAreOrderedExecutedAndProven(t *testing.T) {
	c := newTestCluster(t, 2)
	codesAllZero(t, c.do(0, wire.OpCreateAccounts, accountsBody(1, 100), 0), 100)
	for i := range 5 {
		codesAllZero(t, c.do(1, wire.OpCreateTransfers, transfersBody(uint64(1000*i+1), 1000, 100), 0), 1000)
	}
	codesAllZero(t, c.do(0, wire.OpCreateTransfers, transfersBody(9001, 1, 100), 2), 1) // through a backup
	c.settle()
}

func TestSameRequestAgainGetsTheSameReply(t *testing.T) {
	c := newTestCluster(t, 1)
	c.do(0, wire.OpCreateAccounts, accountsBody(1, 2), 0)
	q, ch := c.submit(0, wire.OpCreateTransfers, transfersBody(1, 1, 2), 0)
	first := c.await(q, ch)
	for i := range 4 {
		c.deliver(q, i)
		again := c.await(q, ch)
		if again.Header != first.Header || again.Index != first.Index {
			t.Fatalf("replica %d gave block %d index %d, first was block %d index %d", i, again.Header.Seq, again.Index, first.Header.Seq, first.Index)
		}
	}
}

func TestPrimaryDiesAndServiceGoesOn(t *testing.T) {
	c := newTestCluster(t, 2)
	codesAllZero(t, c.do(0, wire.OpCreateAccounts, accountsBody(1, 10), 0), 10)
	c.kill(0)
	start := time.Now()
	codesAllZero(t, c.do(1, wire.OpCreateTransfers, transfersBody(1, 10, 10), 1, 2, 3), 10)
	t.Logf("service back after %v", time.Since(start))
	c.settle()
	c.start(0, false)
	codesAllZero(t, c.do(1, wire.OpCreateTransfers, transfersBody(100, 10, 10), 1), 10)
	c.settle()
}

func TestAllReplicasRestart(t *testing.T) {
	c := newTestCluster(t, 2)
	codesAllZero(t, c.do(0, wire.OpCreateAccounts, accountsBody(1, 10), 0), 10)
	for i := range 70 { // past two checkpoints of 32 slots
		codesAllZero(t, c.do(1, wire.OpCreateTransfers, transfersBody(uint64(1+i), 1, 10), 0), 1)
	}
	before := c.settle()
	for i := range 4 {
		c.kill(i)
	}
	for i := range 4 {
		c.start(i, false)
	}
	if after := c.settle(); after != before {
		t.Fatalf("state after restart %v, before %v", after, before)
	}
	codesAllZero(t, c.do(0, wire.OpCreateTransfers, transfersBody(5000, 10, 10), 0), 10)
	c.settle()
}

func TestLaggardCatchesUpPastCheckpoints(t *testing.T) {
	c := newTestCluster(t, 2)
	codesAllZero(t, c.do(0, wire.OpCreateAccounts, accountsBody(1, 10), 0), 10)
	c.kill(3)
	for i := range 150 { // more than two windows of 64 slots
		codesAllZero(t, c.do(1, wire.OpCreateTransfers, transfersBody(uint64(1+i), 1, 10), 0), 1)
	}
	c.start(3, false)
	c.settle()
	codesAllZero(t, c.do(1, wire.OpCreateTransfers, transfersBody(5000, 1, 10), 0), 1)
	c.settle()
}

// A client asks for a result that was executed and never certified: all four
// replicas stop between the two. The certificate is made when it is asked for.
func TestResultWithoutCertificateIsCertifiedOnDemand(t *testing.T) {
	c := newTestCluster(t, 2)
	codesAllZero(t, c.do(0, wire.OpCreateAccounts, accountsBody(1, 10), 0), 10)
	c.mute.Store(true) // shares and proofs of π are lost
	q, ch := c.submit(1, wire.OpCreateTransfers, transfersBody(1, 1, 10), 0)
	c.waitExecuted(2)
	for i := range 4 {
		if err := c.nodes[i].replica.ledger.Commit(true); err != nil {
			t.Fatal(err)
		}
		c.kill(i)
	}
	c.mute.Store(false)
	for i := range 4 {
		c.start(i, false)
	}
	select {
	case <-ch:
		t.Fatal("answered without a certificate")
	default:
	}
	codesAllZero(t, c.await(q, ch), 1)
	for i := range 70 { // the same once the slot is far behind the window
		codesAllZero(t, c.do(1, wire.OpCreateTransfers, transfersBody(uint64(100+i), 1, 10), 0), 1)
	}
	c.deliver(q, 3)
	codesAllZero(t, c.await(q, ch), 1)
}

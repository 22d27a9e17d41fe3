package pipeline

// Aim: the verdict on a payer's signature is the same alone and among any others,
// whatever the key and the signature look like; a batch's signatures are verified
// in parts, each verdict lands at its own transfer, and execution waits for all.
// Method: a table of keys and signatures that verifiers are known to differ on
// (Chalkias et al., "Taming the many EdDSAs", 2020), by themselves and at every
// place of batches of several sizes; the stage by itself; a cluster of four with
// a restart and an audit.

import (
	"context"
	"crypto/ed25519"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"slices"
	"testing"

	"github.com/oasisprotocol/curve25519-voi/curve"

	"quorate/consensus"
	"quorate/internal/edbatch"
	"quorate/payments"
	"quorate/wire"
)

func payerKey(n int) ed25519.PrivateKey {
	var seed [ed25519.SeedSize]byte
	binary.LittleEndian.PutUint64(seed[:], uint64(n)+1)
	return ed25519.NewKeyFromSeed(seed[:])
}

func payerAccount(n int) payments.U128 {
	return payments.KeyAccount([32]byte(payerKey(n).Public().(ed25519.PublicKey)))
}

func sealOf(cluster wire.Digest, key ed25519.PrivateKey, transfer []byte) (s wire.Seal) {
	d := wire.TransferDigest(cluster, transfer)
	copy(s.Key[:], key.Public().(ed25519.PublicKey))
	copy(s.Signature[:], ed25519.Sign(key, d[:]))
	return s
}

// oddSignature is one row of the table.
type oddSignature struct {
	name string
	PayerSignature
	good bool
}

// identity is the point of order 1, canonical; smallOrder are others of small
// order, and encodings of the same that are not canonical.
const identity = "0100000000000000000000000000000000000000000000000000000000000000"

var smallOrder = []string{
	identity,
	"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f", // order 2
	"0000000000000000000000000000000000000000000000000000000000000080", // order 4
	"26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05", // order 8
	"0100000000000000000000000000000000000000000000000000000000000080", // order 1, sign of zero
	"eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f", // order 1, y = p+1
}

func oddSignatures(t testing.TB) (out []oddSignature) {
	t.Helper()
	cluster := wire.Digest{9}
	add := func(name string, good bool, change func(*PayerSignature)) {
		p := PayerSignature{Digest: wire.TransferDigest(cluster, make([]byte, wire.EventBytes))}
		p.Seal = sealOf(cluster, payerKey(0), make([]byte, wire.EventBytes))
		change(&p)
		out = append(out, oddSignature{name, p, good})
	}
	point := func(s string) (p [32]byte) {
		b, err := hex.DecodeString(s)
		must(t, err)
		copy(p[:], b)
		return p
	}
	add("good", true, func(*PayerSignature) {})
	add("of another transfer", false, func(p *PayerSignature) { p.Digest[0] ^= 1 })
	add("first byte of R", false, func(p *PayerSignature) { p.Signature[0] ^= 1 })
	add("last byte of S", false, func(p *PayerSignature) { p.Signature[63] ^= 0x10 })
	add("another's key", false, func(p *PayerSignature) { copy(p.Key[:], payerKey(1).Public().(ed25519.PublicKey)) })
	add("zeros", false, func(p *PayerSignature) { p.Seal = wire.Seal{} })
	add("a key with a component of order 2", true, func(p *PayerSignature) {
		key := slices.Clone(payerKey(0))
		copy(key[32:], mixedOrderKey(t))
		p.Seal = sealOf(cluster, key, make([]byte, wire.EventBytes))
	})
	add("a key that is no point", false, func(p *PayerSignature) { p.Key = [32]byte{2} })
	add("S + L", false, func(p *PayerSignature) { addOrder(p.Signature[32:]) })
	for _, s := range smallOrder {
		add("key "+s, false, func(p *PayerSignature) {
			// S = 0 and R the identity verify under every key of small order.
			p.Key, p.Signature = point(s), wire.Signature{}
			copy(p.Signature[:32], p.Key[:])
		})
		add("R "+s, false, func(p *PayerSignature) { r := point(s); copy(p.Signature[:32], r[:]) })
	}
	return out
}

// mixedOrderKey is payer 0's key plus the point of order 2.
func mixedOrderKey(t testing.TB) []byte {
	t.Helper()
	order2, err := hex.DecodeString(smallOrder[1])
	must(t, err)
	var a, b, sum curve.EdwardsPoint
	var y curve.CompressedEdwardsY
	for p, text := range map[*curve.EdwardsPoint][]byte{&a: payerKey(0).Public().(ed25519.PublicKey), &b: order2} {
		copy(y[:], text)
		_, err := p.SetCompressedY(&y)
		must(t, err)
	}
	y.SetEdwardsPoint(sum.Add(&a, &b))
	return y[:]
}

// addOrder adds the order of the group to a scalar, which ZIP-215 forbids.
func addOrder(s []byte) {
	l, _ := hex.DecodeString("edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010")
	carry := 0
	for i := range s {
		carry += int(s[i]) + int(l[i])
		s[i] = byte(carry)
		carry >>= 8
	}
}

func TestVerdictsDoNotHangOnNeighbours(t *testing.T) {
	t.Run("library", func(t *testing.T) { neighbours(t, &realSuite{payers: newPayerKeys()}) })
	t.Run("together", func(t *testing.T) { neighbours(t, &realSuite{payers: newPayerKeys(), together: needTogether(t)}) })
}

func neighbours(t *testing.T, suite *realSuite) {
	rows := oddSignatures(t)
	for round := range 3 { // keys are met, then expanded
		for _, row := range rows {
			var ok [1]bool
			suite.VerifyPayers([]PayerSignature{row.PayerSignature}, ok[:])
			if ok[0] != row.good {
				t.Errorf("round %d: %s alone: %v", round, row.name, ok[0])
			}
		}
	}
	neighbour := oddSignature{"neighbour", rows[0].PayerSignature, true}
	for _, n := range []int{2, edbatch.Worthwhile, togetherPart + 1, payerBatchSmall, payerBatchSmall + 1, 200} {
		for _, row := range rows {
			for _, at := range []int{0, n - 1} {
				in, ok := make([]PayerSignature, n), make([]bool, n)
				for i := range in {
					in[i] = neighbour.PayerSignature
				}
				in[at] = row.PayerSignature
				suite.VerifyPayers(in, ok)
				for i := range ok {
					if want := i != at || row.good; ok[i] != want {
						t.Fatalf("%s at %d of %d: verdict %d is %v", row.name, at, n, i, ok[i])
					}
				}
			}
		}
	}
}

// signedBody makes n signed transfers from id on, of payers 0, 1, … in turn to
// account 1; forged tells whose signature is bad.
func signedBody(cluster wire.Digest, id uint64, n, payers int, forged func(i int) bool) []byte {
	var events []byte
	var seals []wire.Seal
	for i := range n {
		t := payments.Transfer{ID: payments.U64(id + uint64(i)), DebitAccountID: payerAccount(i % payers), CreditAccountID: payments.U64(1),
			Amount: payments.U64(1), Ledger: 1, Code: 1}
		e := t.Append(nil)
		s := sealOf(cluster, payerKey(i%payers), e)
		if forged(i) {
			s.Signature[i%64] ^= 4
		}
		events, seals = append(events, e...), append(seals, s)
	}
	return wire.AppendSigned(nil, events, seals)
}

// payersBody creates the payers' accounts, whose debits must be signed.
func payersBody(payers int) (b []byte) {
	for i := range payers {
		a := payments.Account{ID: payerAccount(i), Ledger: 1, Code: 1, Flags: payments.AccountDebitsMustBeSigned}
		b = a.Append(b)
	}
	return b
}

func never(int) bool { return false }

func wantCodes(t *testing.T, what string, r wire.Reply, want func(i int) payments.TransferCode) {
	t.Helper()
	if r.Status != 0 || len(r.Result) == 0 {
		t.Fatalf("%s: status %d with %d bytes", what, r.Status, len(r.Result))
	}
	for i := range len(r.Result) / 4 {
		if got := payments.TransferCode(binary.LittleEndian.Uint32(r.Result[4*i:])); got != want(i) {
			t.Fatalf("%s: transfer %d: %v, want %v", what, i, got, want(i))
		}
	}
}

// TestPayersArePartsOfABatch: parts of several requests, small ones together.
func TestPayersArePartsOfABatch(t *testing.T) {
	c := newTestCluster(t, 1)
	r := c.nodes[0].replica
	c.kill(0) // its stages are stepped here
	r.cfg.VerifyWorkers = 3
	s := &payerStage{r: r, parts: newRing[payerPart](8, newWaker())}
	cluster := c.genesis.Hash()
	forged := func(i int) bool { return i%97 == 13 }
	batch := wire.Batch{Time: 1, Requests: []wire.Request{
		{Client: 1, Seq: 1, Op: wire.OpCreateAccounts, Body: payersBody(2)},
		{Client: 1, Seq: 2, Op: wire.OpCreateSignedTransfers, Body: signedBody(cluster, 1, 900, 3, forged)},
		{Client: 1, Seq: 3, Op: wire.OpCreateSignedTransfers, Body: []byte{1}},
		{Client: 1, Seq: 4, Op: wire.OpCreateSignedTransfers, Body: signedBody(cluster, 2000, 301, 3, forged)},
	}}
	big, err := newBody(cluster, batch.Append(nil))
	must(t, err)
	batch.Requests = batch.Requests[3:]
	small, err := newBody(cluster, batch.Append(nil))
	must(t, err)
	for range 2 { // once is enough
		s.start(big)
		s.start(small)
	}
	if n := s.parts.len(); n != 3 {
		t.Fatalf("%d parts, want 2 and 1", n)
	}
	x := &executeStage{r: r, items: newRing[executeItem](8, newWaker())}
	proof := &wire.CommitProof{Slot: wire.SlotID{Seq: 1}}
	x.items.put(executeItem{proof: proof, body: big})
	x.items.put(executeItem{certify: &consensus.Certify{Seq: 1}})
	x.items.put(executeItem{proof: proof})
	for x.takeIn() {
	}
	if len(x.waiting) != 2 {
		t.Fatalf("%d blocks in line, want 2: a certificate does not wait", len(x.waiting))
	}
	for steps := 0; s.Step(); steps++ {
		_, ok := x.ready()
		if done := steps > 0; ok != done || big.payers.done() != done {
			t.Fatalf("after step %d: ready %v, done %v", steps, ok, big.payers.done())
		}
	}
	if !small.payers.done() {
		t.Fatal("the second batch was not verified")
	}
	for i, n := range map[int]int{0: 0, 1: 900, 2: 0, 3: 301} {
		got := big.payers.verdicts(i)
		if len(got) != n {
			t.Fatalf("request %d: %d verdicts, want %d", i, len(got), n)
		}
		for j, ok := range got {
			if ok == forged(j) {
				t.Fatalf("request %d, transfer %d: %v", i, j, ok)
			}
		}
	}
	r.cfg.VerifyWorkers = 1 // a lone worker takes all at once
	alone := &body{batch: big.batch}
	if s.start(alone); !s.Step() || s.Step() || !alone.payers.done() || s.waiting.Load() != 0 {
		t.Fatal("one worker did not take both parts in one step")
	}
	direct := newPayers(&big.batch)
	direct.verify(cluster, r.suite)
	if fmt.Sprint(direct.good) != fmt.Sprint(big.payers.good) {
		t.Fatal("verdicts hang on the parts")
	}
}

// TestSignedTransfersAreRefusedWhilePayersWait: beyond the bound they are, other
// requests are not, and at the bound they are taken.
func TestSignedTransfersAreRefusedWhilePayersWait(t *testing.T) {
	c := newTestCluster(t, 1)
	r := c.nodes[0].replica
	bound := payerBacklogMax * int64(r.cfg.VerifyWorkers)
	codesAllZero(t, c.do(0, wire.OpCreateAccounts, payersBody(1), 0), 1)
	for _, waits := range []int64{bound - 1, bound, bound + 1} {
		before := r.stats.ClientRejects[wire.RejectOverload].Load()
		r.payers.waiting.Add(waits)
		codesAllZero(t, c.do(0, wire.OpCreateAccounts, accountsBody(int(waits), 1), 0), 1)
		q, ch := c.submit(0, wire.OpCreateSignedTransfers, signedBody(c.genesis.Hash(), uint64(waits), 1, 1, never), 0)
		if refused := r.stats.ClientRejects[wire.RejectOverload].Load() > before; refused != (waits > bound) {
			t.Errorf("%d wait: refused %v", waits, refused)
		}
		r.payers.waiting.Add(-waits)
		wantCodes(t, "later", c.await(q, ch), func(int) payments.TransferCode { return payments.TransferCreditAccountNotFound })
	}
}

// TestRecalledVerdicts: what a batch led to says which signatures were bad.
func TestRecalledVerdicts(t *testing.T) {
	cluster := wire.Digest{1}
	batch := wire.Batch{Requests: []wire.Request{{Op: wire.OpCreateSignedTransfers, Body: signedBody(cluster, 1, 4, 2, never)}}}
	p := newPayers(&batch)
	var codes []byte
	for _, c := range []payments.TransferCode{payments.TransferOK, payments.TransferSignatureInvalid, payments.TransferLinkedEventFailed, payments.TransferExists} {
		codes = binary.LittleEndian.AppendUint32(codes, uint32(c))
	}
	p.recall(func(int) []byte { return codes })
	if want := "[true false true true]"; fmt.Sprint(p.verdicts(0)) != want {
		t.Errorf("%v, want %s", p.verdicts(0), want)
	}
}

// TestSignedTransfers pays by signature on four replicas, one of which is killed
// and executes its ledger again.
func TestSignedTransfers(t *testing.T) {
	c := newTestCluster(t, 2)
	const payers = 5
	cluster := c.genesis.Hash()
	codesAllZero(t, c.do(0, wire.OpCreateAccounts, accountsBody(1, 2), 0), 2)
	codesAllZero(t, c.do(0, wire.OpCreateAccounts, payersBody(payers), 0), payers)
	forged := func(i int) bool { return i == 3 || i == 1500 }
	r := c.do(0, wire.OpCreateSignedTransfers, signedBody(cluster, 10_000, 1600, payers, forged), 0)
	wantCodes(t, "two forged", r, func(i int) payments.TransferCode {
		if forged(i) {
			return payments.TransferSignatureInvalid
		}
		return payments.TransferOK
	})
	other := c.do(0, wire.OpCreateSignedTransfers, signedBody(wire.Digest{1}, 20_000, 3, payers, never), 1)
	wantCodes(t, "signed for another cluster", other, func(int) payments.TransferCode { return payments.TransferSignatureInvalid })
	again := c.do(1, wire.OpCreateSignedTransfers, signedBody(cluster, 10_000, 5, payers, never), 0)
	wantCodes(t, "again, by another gateway", again, func(i int) payments.TransferCode {
		if forged(i) {
			return payments.TransferOK // a bad signature used up no id
		}
		return payments.TransferExists
	})
	unsigned := payments.Transfer{ID: payments.U64(7), DebitAccountID: payerAccount(0), CreditAccountID: payments.U64(1), Amount: payments.U64(1), Ledger: 1, Code: 1}
	wantCodes(t, "not signed", c.do(0, wire.OpCreateTransfers, unsigned.Append(nil), 0), func(int) payments.TransferCode { return payments.TransferSignatureRequired })
	c.settle()
	c.kill(2)
	c.start(2, false)
	wantCodes(t, "after a restart", c.do(1, wire.OpCreateSignedTransfers, signedBody(cluster, 30_000, 20, payers, forged), 2), func(i int) payments.TransferCode {
		if forged(i) {
			return payments.TransferSignatureInvalid
		}
		return payments.TransferOK
	})
	c.settle()
	n := c.nodes[3].replica
	c.nodes[3].up.Store(false)
	c.nodes[3].stop()
	must(t, <-c.nodes[3].done)
	must(t, n.ledger.Commit(true))
	report, err := VerifyLedger(context.Background(), n.cfg, n.suite, n.ledger, nil)
	if err != nil || report.Events < 1600 {
		t.Fatalf("audit: %+v, %v", report, err)
	}
}

// FuzzPayerVerdict: whatever the bytes, one verdict alone, in a pair, once the key
// was met, and in a crowd.
func FuzzPayerVerdict(f *testing.F) {
	for _, row := range oddSignatures(f) {
		f.Add(row.Key[:], row.Signature[:], row.Digest[:])
	}
	neighbour := oddSignatures(f)[0].PayerSignature
	f.Fuzz(func(t *testing.T, key, signature, digest []byte) {
		var p PayerSignature
		copy(p.Key[:], key)
		copy(p.Signature[:], signature)
		copy(p.Digest[:], digest)
		suite := &realSuite{payers: newPayerKeys(), together: newTogether()}
		var first [1]bool
		suite.VerifyPayers([]PayerSignature{p}, first[:])
		var pair, many [2]bool
		suite.VerifyPayers([]PayerSignature{p, neighbour}, pair[:])
		suite.VerifyPayers([]PayerSignature{neighbour, p}, many[:])
		if pair != [2]bool{first[0], true} || many != [2]bool{true, first[0]} {
			t.Fatalf("alone %v, in pairs %v and %v", first, pair, many)
		}
		crowd, ok := make([]PayerSignature, edbatch.Worthwhile), make([]bool, edbatch.Worthwhile)
		for i := range crowd {
			crowd[i] = neighbour
		}
		crowd[5] = p
		suite.VerifyPayers(crowd, ok)
		for i := range ok {
			if want := i != 5 || first[0]; ok[i] != want {
				t.Fatalf("alone %v, at 5 of a crowd verdict %d is %v", first[0], i, ok[i])
			}
		}
	})
}

package sim

import (
	"crypto/ed25519"

	"quorate/payments"
	"quorate/pipeline"
	"quorate/wire"
)

// payersMax is the number of payers, who sign transfers from their own accounts
// and are shared by all clients, as gateways share them.
const payersMax = 4

// payerSecrets are the same in every run, like those of clients.
var payerSecrets = func() (keys [payersMax]ed25519.PrivateKey) {
	for i := range keys {
		seed := wire.Sum("sim/payer", []byte{byte(i)})
		keys[i] = ed25519.NewKeyFromSeed(seed[:])
	}
	return keys
}()

func payerKey(p int) (key [wire.KeyBytes]byte) {
	copy(key[:], payerSecrets[p].Public().(ed25519.PublicKey))
	return key
}

func payerAccount(p int) payments.U128 { return payments.KeyAccount(payerKey(p)) }

// payersAccounts creates the payers' accounts; of the last one debits need no
// signature.
func payersAccounts() (body []byte) {
	for p := range payersMax {
		a := payments.Account{ID: payerAccount(p), Ledger: 1, Code: 1}
		if p < payersMax-1 {
			a.Flags = payments.AccountDebitsMustBeSigned
		}
		body = a.Append(body)
	}
	return body
}

// signedTransfers is a request of transfers that payers signed: some of them
// forged, some of accounts that are not the signer's, some with flags that no
// signature allows.
func (u *user) signedTransfers(n int) []byte {
	var events []byte
	var seals []wire.Seal
	r := &u.odd
	for i := range n {
		payer := r.below(payersMax)
		t := u.transfer()
		if t.PendingID.IsZero() && !r.chance(60) {
			t.DebitAccountID = payerAccount(payer)
		}
		switch r.below(40) {
		case 0:
			t.Flags |= payments.TransferClosingCredit
		case 1:
			t.CreditAccountID = payerAccount(r.below(payersMax))
		}
		if i+1 < n && r.chance(100) {
			t.Flags |= payments.TransferLinked
		}
		e := t.Append(nil)
		d := wire.TransferDigest(u.w.keys.cluster, e)
		s := wire.Seal{Key: payerKey(payer), Signature: u.w.keys.pay(payer, d)}
		switch r.below(24) {
		case 0:
			s.Signature[8+r.below(8)] ^= byte(1 + r.below(255))
		case 1:
			s.Key = payerKey((payer + 1) % payersMax)
		}
		events, seals = append(events, e...), append(seals, s)
	}
	return wire.AppendSigned(nil, events, seals)
}

// verdicts are those that a request's payers' signatures must get, one by one.
func (k *keyring) verdicts(q *wire.Request) (out []bool) {
	if q.Op != wire.OpCreateSignedTransfers || !payments.WholeBody(q.Op, len(q.Body)) {
		return nil
	}
	events, seals := wire.SplitSigned(q.Body)
	for i := range q.Op.Events(len(q.Body)) {
		out = append(out, k.paid(&pipeline.PayerSignature{Seal: wire.SealAt(seals, i),
			Digest: wire.TransferDigest(k.cluster, events[i*wire.EventBytes:(i+1)*wire.EventBytes])}))
	}
	return out
}

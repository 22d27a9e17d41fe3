package e2e

import (
	"crypto/ed25519"
	"fmt"
	"slices"

	"quorate/client"
	"quorate/payments"
	"quorate/wire"
)

// Payments that are signed one by one: each bad signature, key and signer is
// refused by itself, and no money moves.

// payerKey is payer n's key; payers 0 and 1 have accounts.
func payerKey(n int) ed25519.PrivateKey {
	seed := wire.Sum("e2e/payer", []byte{byte(n)})
	return ed25519.NewKeyFromSeed(seed[:])
}

func payerAccount(n int) payments.U128 {
	return payments.KeyAccount([wire.KeyBytes]byte(payerKey(n).Public().(ed25519.PublicKey)))
}

// signedTransfer debits payer 0 and is signed by payer n.
func (b *badRun) signedTransfer(n int, change func(x *payments.Transfer)) client.SignedTransfer {
	b.nextID++
	x := transfer(100_000+b.nextID, 0, 12, 5)
	x.DebitAccountID = payerAccount(0)
	change(&x)
	return client.SignTransfer(b.genesis.Hash(), payerKey(n), x)
}

// signedCase sends one or more; the last code must be want, others belong to its
// chain.
func (b *badRun) signedCase(name string, want payments.TransferCode, all ...client.SignedTransfer) {
	b.ledgerCase("signed transfer: "+name, wire.OpCreateSignedTransfers, client.SignedBody(all), uint32(want))
}

func (b *badRun) badSigned() {
	var body []byte
	for n := range 2 {
		a := payments.Account{ID: payerAccount(n), Ledger: 1, Code: 1, Flags: payments.AccountDebitsMustBeSigned}
		body = a.Append(body)
	}
	b.ledger.setUp(wire.OpCreateAccounts, body)
	same := func(*payments.Transfer) {}
	pending := b.signedTransfer(0, func(x *payments.Transfer) { x.CreditAccountID, x.Flags = payerAccount(1), payments.TransferPending })
	b.ledger.setUp(wire.OpCreateSignedTransfers, client.SignedBody([]client.SignedTransfer{pending, b.signedTransfer(0, same)}))
	b.badSeals(same)
	b.badSigners(pending.ID, same)
}

// badSeals are keys and signatures that no verifier may take.
func (b *badRun) badSeals(same func(*payments.Transfer)) {
	sealed := func(name string, change func(s *client.SignedTransfer)) {
		s := b.signedTransfer(0, same)
		change(&s)
		b.signedCase(name, payments.TransferSignatureInvalid, s)
	}
	for at := 0; at < wire.SignatureBytes; at += 5 {
		sealed(fmt.Sprintf("signature bit of byte %d", at), func(s *client.SignedTransfer) { s.Signature[at] ^= 1 })
	}
	for at := 0; at < wire.KeyBytes; at += 5 {
		sealed(fmt.Sprintf("key bit of byte %d", at), func(s *client.SignedTransfer) { s.Key[at] ^= 1 })
	}
	minusOne, tooLarge := [32]byte{0xec, 31: 0x7f}, [32]byte{0xed, 31: 0x7f}
	for i := 1; i < 31; i++ {
		minusOne[i], tooLarge[i] = 0xff, 0xff
	}
	for name, key := range map[string][32]byte{"order 1": {1}, "order 1, sign of zero": {1, 31: 0x80}, "order 2": minusOne, "order 4": {},
		"y = p": tooLarge, "no point": {2}} {
		sealed("key of "+name, func(s *client.SignedTransfer) {
			s.Key, s.Signature = key, wire.Signature{}
			copy(s.Signature[:], key[:]) // R = A and S = 0 fit every key of small order
		})
	}
	otherHash := b.genesis.Hash()
	otherHash[0] ^= 1
	for name, change := range map[string]func(s *client.SignedTransfer){
		"no seal":             func(s *client.SignedTransfer) { s.Seal = wire.Seal{} },
		"S plus L":            func(s *client.SignedTransfer) { s.Signature = malleated(s.Signature) },
		"another amount":      func(s *client.SignedTransfer) { s.Amount = payments.U64(6) },
		"another payee":       func(s *client.SignedTransfer) { s.CreditAccountID = payments.U64(11) },
		"another id":          func(s *client.SignedTransfer) { s.ID.Hi = 1 },
		"another's key":       func(s *client.SignedTransfer) { s.Key = b.signedTransfer(1, same).Key },
		"another's seal":      func(s *client.SignedTransfer) { s.Seal = b.signedTransfer(1, same).Seal },
		"of another cluster":  func(s *client.SignedTransfer) { *s = client.SignTransfer(otherHash, payerKey(0), s.Transfer) },
		"of another transfer": func(s *client.SignedTransfer) { s.Seal = b.signedTransfer(0, same).Seal },
		"of the bare bytes": func(s *client.SignedTransfer) {
			copy(s.Signature[:], ed25519.Sign(payerKey(0), s.Transfer.Append(nil)))
		},
		"of a request": func(s *client.SignedTransfer) {
			d := wire.TransferDigest(b.genesis.Hash(), s.Transfer.Append(nil))
			copy(s.Signature[:], ed25519.Sign(payerKey(0), wire.SigningBytes(d)))
		},
	} {
		sealed(name, change)
	}
}

// badSigners are good signatures of who has no say.
func (b *badRun) badSigners(pendingID payments.U128, same func(*payments.Transfer)) {
	resolve := func(flag payments.TransferFlags) func(x *payments.Transfer) {
		return func(x *payments.Transfer) { *x = payments.Transfer{ID: x.ID, PendingID: pendingID, Flags: flag} }
	}
	flags := func(f payments.TransferFlags) func(x *payments.Transfer) {
		return func(x *payments.Transfer) { x.Flags = f }
	}
	for _, c := range []struct {
		name   string
		want   payments.TransferCode
		signer int
		change func(x *payments.Transfer)
	}{
		{"of another's account", payments.TransferSignerNotOwner, 1, same},
		{"of a key without account", payments.TransferSignerNotOwner, 2, same},
		{"of an account that nobody owns", payments.TransferSignerNotOwner, 0, func(x *payments.Transfer) { x.DebitAccountID = payments.U64(11) }},
		{"of account 0", payments.TransferSignerNotOwner, 0, func(x *payments.Transfer) { x.DebitAccountID = payments.U128{} }},
		{"of an own account that is not there", payments.TransferDebitAccountNotFound, 2, func(x *payments.Transfer) { x.DebitAccountID = payerAccount(2) }},
		{"the payer voids", payments.TransferSignerNotOwner, 0, resolve(payments.TransferVoidPending)},
		{"a stranger posts", payments.TransferSignerNotOwner, 2, resolve(payments.TransferPostPending)},
		{"a stranger voids", payments.TransferSignerNotOwner, 2, resolve(payments.TransferVoidPending)},
		{"closes its payee", payments.TransferFlagsNotAllowedWhenSigned, 0, flags(payments.TransferPending | payments.TransferClosingCredit)},
		{"reserved flag", payments.TransferReservedFlag, 0, flags(1 << 15)},
	} {
		b.signedCase(c.name, c.want, b.signedTransfer(c.signer, c.change))
	}
	imported := b.signedTransfer(0, func(x *payments.Transfer) { x.Flags, x.Timestamp = payments.TransferImported, 5 })
	b.signedCase("imported", payments.TransferFlagsNotAllowedWhenSigned, imported)
	linked, forged := b.signedTransfer(0, flags(payments.TransferLinked)), b.signedTransfer(0, same)
	forged.Signature[0] ^= 1
	b.signedCase("a chain whose second half is forged", payments.TransferSignatureInvalid, linked, forged)
	for _, f := range []payments.TransferFlags{0, payments.TransferPending, payments.TransferBalancingDebit} {
		b.transferCase(payments.TransferSignatureRequired, func(x *payments.Transfer) { x.DebitAccountID, x.Flags = payerAccount(0), f })
	}
	whole := client.SignedBody(slices.Repeat([]client.SignedTransfer{forged}, 3))
	for _, cut := range []int{1, wire.SealBytes, wire.EventBytes, wire.SignedEventBytes - 1} {
		b.refusedRequest("FRM-01", fmt.Sprintf("signed transfers less %d bytes", cut), wire.RejectOperation,
			request(b.someClient(), b.genesis.Hash(), sessionHigh+1, wire.OpCreateSignedTransfers, whole[:len(whole)-cut]).Append(nil))
	}
}

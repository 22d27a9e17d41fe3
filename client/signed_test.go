package client_test

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"slices"
	"testing"

	"quorate/client"
	"quorate/client/clienttest"
	"quorate/payments"
	"quorate/wire"
)

// Aim: transfers signed one by one go through the SDK like others, with receipts.
// Method: clienttest's cluster, which verifies with the standard library.

// TestSignedTransfers: payers sign, a client submits; a bad signature refuses its
// own transfer alone, and receipts show the bytes that were signed.
func TestSignedTransfers(t *testing.T) {
	c := clienttest.New(t, 1)
	cl := dial(t, c, c.Keys[0], client.Options{})
	payers := make([]ed25519.PrivateKey, 2)
	accounts := []payments.Account{{ID: payments.U64(1), Ledger: 1, Code: 1}}
	for i := range payers {
		payers[i] = ed25519.NewKeyFromSeed(bytes.Repeat([]byte{byte(i + 1)}, ed25519.SeedSize))
		accounts = append(accounts, payments.Account{ID: payments.KeyAccount([wire.KeyBytes]byte(payers[i].Public().(ed25519.PublicKey))),
			Ledger: 1, Code: 1, Flags: payments.AccountDebitsMustBeSigned})
	}
	if codes, err := cl.CreateAccounts(deadline(t), accounts); err != nil || slices.Max(codes) != payments.AccountOK {
		t.Fatalf("%v, %v", codes, err)
	}
	var signed []client.SignedTransfer
	for i := range 9 {
		x := payments.Transfer{ID: payments.U64(uint64(i + 1)), DebitAccountID: accounts[1+i%2].ID, CreditAccountID: payments.U64(1),
			Amount: payments.U64(uint64(i + 1)), Ledger: 1, Code: 1}
		signed = append(signed, client.SignTransfer(c.Genesis.Hash(), payers[i%2], x))
	}
	signed[4].Amount = payments.U64(1_000_000)
	result, err := cl.Do(deadline(t), wire.OpCreateSignedTransfers, client.SignedBody(signed))
	if err != nil {
		t.Fatal(err)
	}
	for i := range signed {
		receipt, err := client.VerifyReceipt(c.Genesis, receiptOf(t, c, result, i))
		if err != nil {
			t.Fatalf("event %d: %v", i, err)
		}
		want := payments.TransferOK
		if i == 4 {
			want = payments.TransferSignatureInvalid
		}
		if got := payments.TransferCode(receipt.Code()); got != want || !bytes.Equal(receipt.Event(), signed[i].Transfer.Append(nil)) {
			t.Errorf("event %d: %v, want %v", i, got, want)
		}
	}
	// A seal is no event: the receipt of a tenth would show keys as a transfer.
	if _, err := client.BuildReceipt(scopeOf(c), &result.Request, &result.Reply, len(signed)); !errors.Is(err, client.ErrReceipt) {
		t.Errorf("a receipt of an event behind the last: %v", err)
	}
	if codes, err := cl.CreateSignedTransfers(deadline(t), signed[:2]); err != nil || codes[0] != payments.TransferExists || codes[1] != payments.TransferExists {
		t.Errorf("%v, %v", codes, err)
	}
}
